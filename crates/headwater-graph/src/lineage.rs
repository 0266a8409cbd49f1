//! Nodes and edges around the roots, for drawing.

use std::collections::BTreeSet;

use headwater_model::AssetIndex;
use rustc_hash::FxHashMap;

use crate::asset_set::AssetSet;
use crate::closure::{Closure, ClosureOptions, CutReason, Direction};
use crate::csr::{Entry, VIA_NONE};
use crate::edges::{EdgeRef, edge_of};
use crate::snapshot::Snapshot;

/// How much a lineage holds; without a bound, everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineageOptions {
    /// Assets further from the roots are left out. Hops are datasets entered; jobs add none.
    pub depth_hops_max: Option<u32>,
    /// At most so many nodes, the nearest ones, roots included; roots are never left out.
    pub assets_max: Option<usize>,
    /// At most so many edges.
    pub edges_max: Option<usize>,
}

/// A node of a lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineageNode {
    /// The asset.
    pub asset: AssetIndex,
    /// Datasets entered on the shortest way from a root, in either direction; 0 for a root.
    pub hops: u32,
}

/// What lies around the roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The roots, then what was reached, by hops.
    pub nodes: Vec<LineageNode>,
    /// The edges among the nodes, sorted by their ends, without repeats.
    pub edges: Vec<EdgeRef>,
    /// Why something is missing; empty if nothing is.
    pub cut_by: BTreeSet<CutReason>,
    /// Nodes that have something beyond that is missing, without repeats, by number.
    pub frontier: Vec<AssetIndex>,
}

impl Snapshot {
    /// Nodes and edges around the roots in the given directions, as [`Snapshot::closure`] walks them.
    ///
    /// With both directions this is what is upstream together with what is downstream, never an edge that leads
    /// from the one to the other past the roots. The edges of a direction are those that its walk takes between
    /// two nodes; with a Derives edge via a job comes the Writes edge from that job, which is not returned without.
    /// Edges of a node to itself are returned.
    pub fn lineage(
        &self,
        roots: &[AssetIndex],
        directions: &[Direction],
        options: &LineageOptions,
        stop_at: impl Fn(AssetIndex) -> bool,
        mut cancelled: impl FnMut(usize) -> bool,
    ) -> Lineage {
        let roots = self.known_roots(roots);
        let closure_options = ClosureOptions {
            depth_hops_max: options.depth_hops_max,
            assets_max: options
                .assets_max
                .map(|max| max.saturating_sub(roots.len())),
        };
        let walks: Vec<(Direction, Closure)> = directions
            .iter()
            .map(|direction| {
                let walk = self.closure(
                    &roots,
                    *direction,
                    &closure_options,
                    &stop_at,
                    &mut cancelled,
                );
                (*direction, walk)
            })
            .collect();
        let mut lineage = unite(&roots, &walks, options.assets_max.unwrap_or(usize::MAX));
        let mut kept = AssetSet::with_capacity(self.assets_count());
        for node in &lineage.nodes {
            kept.add(node.asset.get());
        }
        let edges_max = options.edges_max.unwrap_or(usize::MAX);
        for (direction, walk) in &walks {
            let mut edges = Edges::new(self, *direction, walk, &kept, &stop_at, edges_max);
            edges.collect();
            lineage.edges.append(&mut edges.found);
        }
        lineage.edges.sort_unstable();
        lineage.edges.dedup();
        if lineage.edges.len() > edges_max {
            lineage.edges.truncate(edges_max);
            lineage.cut_by.insert(CutReason::Limit);
        }
        lineage
    }

    /// The roots that the graph knows, as canonical assets, without repeats.
    fn known_roots(&self, roots: &[AssetIndex]) -> Vec<AssetIndex> {
        let mut known: Vec<AssetIndex> = Vec::with_capacity(roots.len());
        for root in roots.iter().filter_map(|root| self.canonical(*root)) {
            if !known.contains(&root) {
                known.push(root);
            }
        }
        known
    }
}

/// The nodes of all walks, the nearest `assets_max` of them.
fn unite(roots: &[AssetIndex], walks: &[(Direction, Closure)], assets_max: usize) -> Lineage {
    let mut hops: FxHashMap<AssetIndex, u32> = roots.iter().map(|root| (*root, 0)).collect();
    let mut nodes: Vec<AssetIndex> = roots.to_vec();
    for reached in walks.iter().flat_map(|(_, walk)| &walk.entries) {
        hops.entry(reached.asset)
            .and_modify(|nearest| *nearest = reached.hops.min(*nearest))
            .or_insert_with(|| {
                nodes.push(reached.asset);
                reached.hops
            });
    }
    let roots_count = roots.len();
    nodes[roots_count..].sort_by_key(|asset| hops[asset]);
    let dropped: BTreeSet<AssetIndex> = nodes
        .split_off(assets_max.max(roots_count).min(nodes.len()))
        .into_iter()
        .collect();
    let mut cut_by: BTreeSet<CutReason> =
        walks.iter().filter_map(|(_, walk)| walk.cut_by).collect();
    let mut frontier: BTreeSet<AssetIndex> = walks
        .iter()
        .flat_map(|(_, walk)| &walk.frontier)
        .copied()
        .collect();
    if !dropped.is_empty() {
        cut_by.insert(CutReason::Limit);
        for (_, walk) in walks {
            let missing = walk
                .entries
                .iter()
                .filter(|reached| dropped.contains(&reached.asset));
            frontier.extend(missing.map(|reached| walk.before(reached)));
        }
    }
    frontier.retain(|asset| !dropped.contains(asset));
    let nodes = nodes
        .into_iter()
        .map(|asset| LineageNode {
            asset,
            hops: hops[&asset],
        })
        .collect();
    Lineage {
        nodes,
        edges: Vec::new(),
        cut_by,
        frontier: frontier.into_iter().collect(),
    }
}

/// The edges that one walk took.
struct Edges<'a, S> {
    snapshot: &'a Snapshot,
    direction: Direction,
    walk: &'a Closure,
    /// What this walk reached and the lineage keeps, roots included.
    nodes: AssetSet,
    roots: AssetSet,
    stop_at: S,
    found_max: usize,
    found: Vec<EdgeRef>,
}

impl<'a, S: Fn(AssetIndex) -> bool> Edges<'a, S> {
    fn new(
        snapshot: &'a Snapshot,
        direction: Direction,
        walk: &'a Closure,
        kept: &AssetSet,
        stop_at: S,
        found_max: usize,
    ) -> Self {
        let assets_count = snapshot.assets_count();
        let mut nodes = AssetSet::with_capacity(assets_count);
        let mut roots = AssetSet::with_capacity(assets_count);
        for root in &walk.roots {
            roots.add(root.get());
            nodes.add(root.get());
        }
        for reached in walk
            .entries
            .iter()
            .filter(|reached| kept.contains(reached.asset))
        {
            nodes.add(reached.asset.get());
        }
        Self {
            snapshot,
            direction,
            walk,
            nodes,
            roots,
            stop_at,
            found_max,
            found: Vec::new(),
        }
    }

    fn is_stopped(&self, index: u32) -> bool {
        !self.roots.has(index) && (self.stop_at)(AssetIndex::new(index))
    }

    fn collect(&mut self) {
        let assets = self.walk.roots.iter().copied();
        let reached = self.walk.entries.iter().map(|reached| reached.asset);
        let nodes: Vec<u32> = assets
            .chain(reached)
            .map(AssetIndex::get)
            .filter(|index| self.nodes.has(*index))
            .collect();
        let mut jobs = AssetSet::with_capacity(self.snapshot.assets_count());
        for index in &nodes {
            if self.found.len() > self.found_max {
                return;
            }
            if self.snapshot.is_job(*index) {
                if self.roots.has(*index) && jobs.add(*index) {
                    self.of_job(*index);
                }
            } else {
                self.of_dataset(*index, &mut jobs);
            }
        }
    }

    fn of_dataset(&mut self, dataset: u32, jobs: &mut AssetSet) {
        let adjacency = self.snapshot.adjacency(self.direction);
        for entry in adjacency.entries_to(dataset, dataset) {
            self.push(dataset, false, entry);
            self.push_leg(entry.via, dataset);
        }
        if self.is_stopped(dataset) {
            return;
        }
        for entry in adjacency.entries(dataset) {
            if entry.asset == dataset || entry.is_writes_stated() || !self.nodes.has(entry.asset) {
                continue;
            }
            if !entry.is_special {
                self.push(dataset, false, entry);
                if !self.is_stopped(entry.asset) && jobs.add(entry.asset) {
                    self.of_job(entry.asset);
                }
            } else if entry.via == VIA_NONE || !self.is_stopped(entry.via) {
                self.push(dataset, false, entry);
                let derived = match self.direction {
                    Direction::Upstream => dataset,
                    Direction::Downstream => entry.asset,
                };
                self.push_leg(entry.via, derived);
            }
        }
    }

    /// The edges of a job that is walked through.
    fn of_job(&mut self, job: u32) {
        let takes_all = self.direction == Direction::Downstream && self.roots.has(job);
        for entry in self.snapshot.adjacency(self.direction).entries(job) {
            if (takes_all || !entry.is_special) && self.nodes.has(entry.asset) {
                self.push(job, true, entry);
            }
        }
    }

    /// The Writes edge that a Derives edge via `job` goes with.
    fn push_leg(&mut self, job: u32, derived: u32) {
        if job == VIA_NONE || !self.nodes.has(job) {
            return;
        }
        if let Some(entry) = self.snapshot.parts().downstream.first_to(job, derived) {
            self.found
                .push(edge_of(job, true, Direction::Downstream, entry));
        }
    }

    fn push(&mut self, index: u32, is_job: bool, entry: Entry) {
        self.found
            .push(edge_of(index, is_job, self.direction, entry));
    }
}
