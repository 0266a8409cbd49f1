//! The reference for walks: rules applied to all edges until nothing changes, with no thought for speed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use headwater_model::{AssetIndex, AssetKind, EdgeKind};

/// An edge: from, to, and the job of a Derives edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NaiveEdge {
    /// Where the data comes from.
    pub from: AssetIndex,
    /// Where it goes.
    pub to: AssetIndex,
    /// The job of a Derives edge.
    pub via: Option<AssetIndex>,
}

/// Which way a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Against the edges.
    Up,
    /// Along the edges.
    Down,
}

/// What a lineage holds: hops by asset, roots included, and edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NaiveLineage {
    /// Hops of each node.
    pub nodes: BTreeMap<AssetIndex, u32>,
    /// The edges among them.
    pub edges: BTreeSet<NaiveEdge>,
}

/// Assets in the order of their numbers, and a set of edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NaiveGraph {
    assets: Vec<(String, AssetKind)>,
    edges: BTreeSet<NaiveEdge>,
}

/// How far from the roots each asset was met, by what the walk may do there.
#[derive(Default, PartialEq, Clone)]
struct Met {
    /// Datasets entered and assets reached.
    seen: BTreeMap<AssetIndex, u32>,
    /// Jobs through which the walk goes.
    through: BTreeMap<AssetIndex, u32>,
}

impl NaiveGraph {
    /// Adds the next asset.
    pub fn add_asset(&mut self, name: &str, kind: AssetKind) -> AssetIndex {
        self.assets.push((name.to_owned(), kind));
        AssetIndex::new(self.assets.len() as u32 - 1)
    }

    /// Adds an edge.
    pub fn add_edge(&mut self, from: AssetIndex, to: AssetIndex, via: Option<AssetIndex>) {
        self.edges.insert(NaiveEdge { from, to, via });
    }

    /// Removes an edge.
    pub fn remove_edge(&mut self, from: AssetIndex, to: AssetIndex, via: Option<AssetIndex>) {
        self.edges.remove(&NaiveEdge { from, to, via });
    }

    /// Names and kinds by number.
    pub fn assets(&self) -> impl Iterator<Item = (AssetIndex, &str, AssetKind)> {
        self.assets
            .iter()
            .enumerate()
            .map(|(at, (name, kind))| (AssetIndex::new(at as u32), name.as_str(), *kind))
    }

    /// The edges, sorted.
    pub fn edges(&self) -> impl Iterator<Item = NaiveEdge> + '_ {
        self.edges.iter().copied()
    }

    /// Dataset or job.
    pub fn kind(&self, asset: AssetIndex) -> Option<AssetKind> {
        self.assets.get(asset.as_usize()).map(|(_, kind)| *kind)
    }

    /// The name of an asset; `?` if there is none.
    pub fn name(&self, asset: AssetIndex) -> &str {
        self.assets
            .get(asset.as_usize())
            .map_or("?", |(name, _)| name)
    }

    /// The asset called so.
    pub fn number(&self, name: &str) -> Option<AssetIndex> {
        let at = self.assets.iter().position(|(known, _)| known == name)?;
        Some(AssetIndex::new(at as u32))
    }

    /// What an edge between these two says.
    pub fn edge_kind(&self, edge: NaiveEdge) -> Option<EdgeKind> {
        Some(EdgeKind::between(
            self.kind(edge.from)?,
            self.kind(edge.to)?,
        ))
    }

    /// Whether Derives edges via the job say where the dataset comes from.
    pub fn is_stated(&self, job: AssetIndex, dataset: AssetIndex) -> bool {
        self.edges
            .iter()
            .any(|edge| edge.to == dataset && edge.via == Some(job))
    }

    /// Hops of everything reached, roots left out.
    pub fn closure(
        &self,
        roots: &BTreeSet<AssetIndex>,
        way: Way,
        depth_hops_max: u32,
        stop: &BTreeSet<AssetIndex>,
    ) -> BTreeMap<AssetIndex, u32> {
        let mut seen = self.meet(roots, way, depth_hops_max, stop).seen;
        seen.retain(|asset, _| !roots.contains(asset));
        seen
    }

    fn meet(
        &self,
        roots: &BTreeSet<AssetIndex>,
        way: Way,
        depth_hops_max: u32,
        stop: &BTreeSet<AssetIndex>,
    ) -> Met {
        let mut met = Met::default();
        for root in roots {
            met.seen.insert(*root, 0);
        }
        loop {
            let before = met.clone();
            for edge in &self.edges {
                match way {
                    Way::Down => self.step_down(*edge, roots, stop, &mut met),
                    Way::Up => self.step_up(*edge, roots, stop, &mut met),
                }
            }
            met.seen.retain(|_, hops| *hops <= depth_hops_max);
            met.through.retain(|_, hops| *hops <= depth_hops_max);
            if met == before {
                return met;
            }
        }
    }

    fn step_down(
        &self,
        edge: NaiveEdge,
        roots: &BTreeSet<AssetIndex>,
        stop: &BTreeSet<AssetIndex>,
        met: &mut Met,
    ) {
        let NaiveEdge { from, to, via } = edge;
        let is_open = |asset: AssetIndex| roots.contains(&asset) || !stop.contains(&asset);
        match self.edge_kind(edge) {
            Some(EdgeKind::Reads) => met.read(from, to, is_open(from), is_open(to)),
            Some(EdgeKind::Writes) if roots.contains(&from) => lower(&mut met.seen, to, 1),
            Some(EdgeKind::Writes) if !self.is_stated(from, to) => met.leave(from, to),
            Some(EdgeKind::Derives) if from != to => {
                met.derive(from, to, via, is_open(from), via.is_none_or(is_open));
            }
            _ => {}
        }
    }

    fn step_up(
        &self,
        edge: NaiveEdge,
        roots: &BTreeSet<AssetIndex>,
        stop: &BTreeSet<AssetIndex>,
        met: &mut Met,
    ) {
        let NaiveEdge { from, to, via } = edge;
        let is_open = |asset: AssetIndex| roots.contains(&asset) || !stop.contains(&asset);
        match self.edge_kind(edge) {
            Some(EdgeKind::Writes) if self.is_stated(from, to) => {
                met.read(to, from, is_open(to), false);
            }
            Some(EdgeKind::Writes) => met.read(to, from, is_open(to), is_open(from)),
            Some(EdgeKind::Reads) if roots.contains(&to) => lower(&mut met.seen, from, 1),
            Some(EdgeKind::Reads) => met.leave(to, from),
            Some(EdgeKind::Derives) if from != to => {
                met.derive(to, from, via, is_open(to), via.is_none_or(is_open));
                let written = |job: &AssetIndex| {
                    self.edges.contains(&NaiveEdge {
                        from: *job,
                        to,
                        via: None,
                    })
                };
                if via
                    .filter(|job| roots.contains(job))
                    .is_some_and(|job| written(&job))
                {
                    lower(&mut met.seen, from, 1);
                }
            }
            _ => {}
        }
    }

    /// The nodes and edges that a walk in one direction takes.
    pub fn lineage(
        &self,
        roots: &BTreeSet<AssetIndex>,
        way: Way,
        depth_hops_max: u32,
        stop: &BTreeSet<AssetIndex>,
    ) -> NaiveLineage {
        let nodes = self.meet(roots, way, depth_hops_max, stop).seen;
        let is_open = |asset: &AssetIndex| roots.contains(asset) || !stop.contains(asset);
        // Datasets that the walk goes on from, and jobs that it goes through.
        let stands = |asset: &AssetIndex| nodes.contains_key(asset) && is_open(asset);
        let enters_job = |edge: &&NaiveEdge| match (way, self.edge_kind(**edge)) {
            (Way::Down, Some(EdgeKind::Reads)) => stands(&edge.from),
            (Way::Up, Some(EdgeKind::Writes)) => {
                stands(&edge.to) && !self.is_stated(edge.from, edge.to)
            }
            _ => false,
        };
        let job_of = |edge: &NaiveEdge| if way == Way::Down { edge.to } else { edge.from };
        let mut through: BTreeSet<AssetIndex> =
            self.edges.iter().filter(enters_job).map(job_of).collect();
        through.retain(is_open);
        through.extend(roots);
        let is_taken = |edge: &NaiveEdge| {
            let is_self = edge.from == edge.to;
            let via_open = edge.via.is_none_or(|via| is_open(&via));
            match (self.edge_kind(*edge), way) {
                (Some(EdgeKind::Derives), Way::Down) => is_self || stands(&edge.from) && via_open,
                (Some(EdgeKind::Derives), Way::Up) => is_self || stands(&edge.to) && via_open,
                (Some(EdgeKind::Reads), Way::Down) => stands(&edge.from),
                (Some(EdgeKind::Reads), Way::Up) => through.contains(&edge.to),
                (Some(EdgeKind::Writes), Way::Down) => {
                    let is_free = !self.is_stated(edge.from, edge.to);
                    is_free && through.contains(&edge.from) || roots.contains(&edge.from)
                }
                (Some(EdgeKind::Writes), Way::Up) => enters_job(&edge),
                _ => false,
            }
        };
        let mut edges: BTreeSet<NaiveEdge> = self
            .edges
            .iter()
            .filter(|edge| nodes.contains_key(&edge.from) && nodes.contains_key(&edge.to))
            .filter(|edge| is_taken(edge))
            .copied()
            .collect();
        let legs: Vec<NaiveEdge> = edges
            .iter()
            .filter_map(|edge| {
                let leg = NaiveEdge {
                    from: edge.via?,
                    to: edge.to,
                    via: None,
                };
                (self.edges.contains(&leg) && nodes.contains_key(&leg.from)).then_some(leg)
            })
            .collect();
        edges.extend(legs);
        NaiveLineage { nodes, edges }
    }
}

impl Met {
    /// A dataset leads to a job, through which the walk goes if that is open.
    fn read(
        &mut self,
        dataset: AssetIndex,
        job: AssetIndex,
        is_dataset_open: bool,
        is_job_open: bool,
    ) {
        let Some(hops) = self.seen.get(&dataset).copied().filter(|_| is_dataset_open) else {
            return;
        };
        lower(&mut self.seen, job, hops);
        if is_job_open {
            lower(&mut self.through, job, hops);
        }
    }

    /// The walk leaves a job for a dataset.
    fn leave(&mut self, job: AssetIndex, dataset: AssetIndex) {
        if let Some(hops) = self.through.get(&job).copied() {
            lower(&mut self.seen, dataset, hops + 1);
        }
    }

    /// The walk goes from a dataset to a dataset, past a job.
    fn derive(
        &mut self,
        near: AssetIndex,
        far: AssetIndex,
        via: Option<AssetIndex>,
        is_near_open: bool,
        is_via_open: bool,
    ) {
        let Some(hops) = self.seen.get(&near).copied().filter(|_| is_near_open) else {
            return;
        };
        if let Some(job) = via {
            lower(&mut self.seen, job, hops);
        }
        if is_via_open {
            lower(&mut self.seen, far, hops + 1);
        }
    }
}

fn lower(hops: &mut BTreeMap<AssetIndex, u32>, asset: AssetIndex, to: u32) {
    let known = hops.entry(asset).or_insert(to);
    *known = to.min(*known);
}

/// The edges in notation, one by one.
impl fmt::Display for NaiveGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut texts: Vec<String> = self
            .edges
            .iter()
            .map(|edge| self.edge_text(*edge))
            .collect();
        texts.sort();
        f.write_str(&texts.join("; "))
    }
}

impl NaiveGraph {
    /// An edge in notation.
    pub fn edge_text(&self, edge: NaiveEdge) -> String {
        let arrow = match self.edge_kind(edge) {
            Some(EdgeKind::Derives) => "=>",
            Some(EdgeKind::Follows) => "~>",
            _ => "->",
        };
        let via = edge
            .via
            .map_or(String::new(), |via| format!(" via {}", self.name(via)));
        format!(
            "{} {arrow} {}{via}",
            self.name(edge.from),
            self.name(edge.to)
        )
    }
}
