//! Contracting datasets for one question: they are left out, and the ways through them become direct ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use headwater_graph::{ClosureOptions, Delta, Direction, EdgeKey};
use headwater_model::{AssetIndex, AssetKind, EdgeKind};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::ask::view::View;
use crate::ask::{self, walks::directions};
use crate::published::{Published, merged};
use crate::{AskError, EngineError};

/// Patterns of one question.
pub const CONTRACT_PATTERNS_MAX: usize = 20;
/// The longest pattern, in bytes.
pub const CONTRACT_BYTES_MAX: usize = 256;
/// Datasets that one question contracts.
pub const CONTRACT_DATASETS_MAX: usize = 10_000;
/// Edges that take the place of those of contracted datasets.
pub const CONTRACT_EDGES_MAX: usize = 200_000;

/// Where a question may go from its roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// This way from each of them.
    From(ask::Direction),
    /// From the first to the second.
    Between,
}

/// The datasets that a question leaves out.
#[derive(Debug, Default)]
pub(crate) struct Contraction {
    /// The datasets one hop from each, contracted ones among them, in the directions that were asked for.
    neighbours: BTreeMap<AssetIndex, BTreeSet<AssetIndex>>,
}

impl Contraction {
    /// The contracted datasets that a walk went through: those next to what it visited and did not stop at, and those next
    /// to them.
    pub(crate) fn passed(
        &self,
        visited: &[AssetIndex],
        frontier: &[AssetIndex],
    ) -> Vec<AssetIndex> {
        let stopped: BTreeSet<AssetIndex> = frontier.iter().copied().collect();
        let visited: BTreeSet<AssetIndex> = visited.iter().copied().collect();
        let is_next = |near: &AssetIndex| visited.contains(near) && !stopped.contains(near);
        let mut waiting: Vec<AssetIndex> = self
            .neighbours
            .iter()
            .filter(|(_, near)| near.iter().any(is_next))
            .map(|(dataset, _)| *dataset)
            .collect();
        let mut passed: BTreeSet<AssetIndex> = waiting.iter().copied().collect();
        while let Some(dataset) = waiting.pop() {
            let near = self.neighbours.get(&dataset).into_iter().flatten();
            for other in near.filter(|near| self.neighbours.contains_key(near)) {
                if passed.insert(*other) {
                    waiting.push(*other);
                }
            }
        }
        passed.into_iter().collect()
    }
}

impl View {
    /// The graph for walks from `roots` that leave out the datasets whose name, or namespace and name, matches one of
    /// `patterns`, but for `roots`: what they are used for uses what they are made of. Nothing of it is kept.
    ///
    /// # Errors
    /// [`AskError::Invalid`] names a pattern that is no glob; [`AskError::LimitExceeded`] names a bound.
    pub fn contracted(
        &self,
        patterns: &[String],
        roots: &[AssetIndex],
        region: Region,
    ) -> Result<Self, AskError> {
        let globs = globs(patterns)?;
        let graph = self.graph();
        let chosen = self.matching(&globs, roots, region)?;
        let mut origins: BTreeMap<AssetIndex, BTreeSet<AssetIndex>> = BTreeMap::new();
        let mut neighbours: BTreeMap<AssetIndex, BTreeSet<AssetIndex>> = BTreeMap::new();
        for dataset in &chosen {
            let made_of = self.one_hop(*dataset, Direction::Upstream);
            let mut near = self.one_hop(*dataset, Direction::Downstream);
            near.extend(&made_of);
            // A walk from a job goes to what it writes, and from what it writes back to it.
            near.extend(graph.producers(*dataset).filter(|job| roots.contains(job)));
            near.extend(graph.consumers(*dataset).filter(|job| roots.contains(job)));
            neighbours.insert(*dataset, near);
            origins.insert(*dataset, made_of);
        }
        let graph = graph
            .apply(&self.replacement(&chosen, Origins::new(&origins), roots)?)
            .map_err(EngineError::from)?;
        let now = &self.published;
        let of_merged = now.merged.clone();
        let of_merged = of_merged.unwrap_or_else(|| Arc::new(merged(&graph)));
        let mut published = Published::new(
            graph,
            now.offset,
            now.committed_at,
            Arc::clone(&now.claimants),
            Arc::clone(&now.resolver),
            now.index.clone(),
            Arc::clone(&self.standings),
        );
        published.valid_at = now.valid_at;
        published.merged = Some(of_merged);
        published.contraction = Some(Contraction { neighbours });
        Ok(self.showing(Arc::new(published)))
    }

    /// The datasets of a region that match, but for the roots.
    fn matching(
        &self,
        globs: &GlobSet,
        roots: &[AssetIndex],
        region: Region,
    ) -> Result<BTreeSet<AssetIndex>, AskError> {
        let graph = self.graph();
        let mut chosen = BTreeSet::new();
        let mut text = String::new();
        for index in self.region(roots, region) {
            let asset = graph.asset(index);
            let Some(asset) = asset.filter(|asset| asset.kind == AssetKind::Dataset) else {
                continue;
            };
            text.clear();
            text.extend([asset.namespace, "/", asset.name]);
            let is_match = globs.is_match(asset.name) || globs.is_match(&text);
            if is_match && !roots.contains(&index) {
                chosen.insert(index);
            }
        }
        bound(
            "the number of contracted datasets",
            chosen.len(),
            CONTRACT_DATASETS_MAX,
        )?;
        Ok(chosen)
    }

    fn region(&self, roots: &[AssetIndex], region: Region) -> Vec<AssetIndex> {
        let closure =
            |roots: &[AssetIndex], direction| self.graph().closure_set(roots, direction, None);
        match (region, roots) {
            (Region::From(direction), _) => directions(direction)
                .iter()
                .flat_map(|direction| closure(roots, *direction).iter().collect::<Vec<_>>())
                .collect(),
            (Region::Between, [from, to]) => {
                let up = closure(&[*to], Direction::Upstream);
                let down = closure(&[*from], Direction::Downstream);
                down.iter().filter(|asset| up.contains(*asset)).collect()
            }
            (Region::Between, _) => Vec::new(),
        }
    }

    /// What contraction changes: the edges of `chosen` go, and direct ones come.
    fn replacement(
        &self,
        chosen: &BTreeSet<AssetIndex>,
        mut origins: Origins,
        roots: &[AssetIndex],
    ) -> Result<Delta, AskError> {
        let graph = self.graph();
        let (mut gone, mut new) = (BTreeSet::new(), BTreeSet::new());
        for dataset in chosen {
            let made_of = origins.others(*dataset);
            for edge in graph.edges_out(*dataset).chain(graph.edges_in(*dataset)) {
                gone.insert((edge.from, edge.to, edge.via));
            }
            for edge in graph.edges_out(*dataset) {
                if chosen.contains(&edge.to) {
                    continue;
                }
                let ends = made_of.iter().map(|from| (*from, edge.to, edge.via));
                new.extend(ends);
                // That the origins of what a job writes are stated goes on being so, even if none is left.
                if edge.kind == EdgeKind::Derives && edge.via.is_some() {
                    new.insert((edge.to, edge.to, edge.via));
                }
            }
            bound(
                "the number of edges in place of contracted ones",
                new.len(),
                CONTRACT_EDGES_MAX,
            )?;
        }
        // A walk that starts at a job takes all that it writes, and what is made of that.
        let jobs = roots
            .iter()
            .filter(|root| graph.kind(**root) == Some(AssetKind::Job));
        for job in jobs {
            for output in graph.outputs(*job).filter(|output| chosen.contains(output)) {
                let reached = self.made_from_through(output, chosen);
                new.extend(reached.into_iter().map(|to| (*job, to, None)));
            }
        }
        let mut delta = Delta::new();
        for (from, to, via) in gone {
            delta.remove_edge(from, to, via);
        }
        for (from, to, via) in new {
            if !graph.has_edge(EdgeKey { from, to, via }) {
                delta.add_edge(from, to, via);
            }
        }
        Ok(delta)
    }

    /// The datasets one hop away.
    fn one_hop(&self, dataset: AssetIndex, direction: Direction) -> BTreeSet<AssetIndex> {
        let options = ClosureOptions {
            depth_hops_max: Some(1),
            assets_max: None,
        };
        let graph = self.graph();
        let found = graph.closure(&[dataset], direction, &options, |_| false, |_| false);
        let found = found.entries.iter().map(|entry| entry.asset);
        found
            .filter(|asset| graph.kind(*asset) == Some(AssetKind::Dataset))
            .collect()
    }

    /// The datasets that are not contracted and that `dataset` reaches through contracted ones alone.
    fn made_from_through(
        &self,
        dataset: AssetIndex,
        chosen: &BTreeSet<AssetIndex>,
    ) -> BTreeSet<AssetIndex> {
        let (mut seen, mut waiting) = (BTreeSet::from([dataset]), vec![dataset]);
        let mut reached = BTreeSet::new();
        while let Some(next) = waiting.pop() {
            for to in self.one_hop(next, Direction::Downstream) {
                if !chosen.contains(&to) {
                    reached.insert(to);
                } else if seen.insert(to) {
                    waiting.push(to);
                }
            }
        }
        reached
    }
}

/// What contracted datasets are made of, numbered without gaps: many of them are asked about one after the other.
struct Origins {
    numbers: FxHashMap<AssetIndex, usize>,
    /// Of each: the contracted ones, and the others.
    of: Vec<(Vec<usize>, Vec<AssetIndex>)>,
    /// By whom each was seen last.
    seen_by: Vec<usize>,
}

impl Origins {
    fn new(made_of: &BTreeMap<AssetIndex, BTreeSet<AssetIndex>>) -> Self {
        let numbers: FxHashMap<_, _> = made_of.keys().copied().zip(0..).collect();
        let split = |origins: &BTreeSet<AssetIndex>| {
            let (inner, outer): (Vec<_>, Vec<_>) =
                origins.iter().partition(|from| numbers.contains_key(from));
            (inner.iter().map(|from| numbers[from]).collect(), outer)
        };
        Self {
            of: made_of.values().map(split).collect(),
            seen_by: vec![usize::MAX; numbers.len()],
            numbers,
        }
    }

    /// The datasets that are not contracted and that `dataset` is made of through contracted ones alone.
    fn others(&mut self, dataset: AssetIndex) -> FxHashSet<AssetIndex> {
        let mut others = FxHashSet::default();
        let Some(first) = self.numbers.get(&dataset).copied() else {
            return others;
        };
        let mut waiting = vec![first];
        self.seen_by[first] = first;
        while let Some(next) = waiting.pop() {
            let (inner, outer) = &self.of[next];
            others.extend(outer);
            for from in inner {
                if self.seen_by[*from] != first {
                    self.seen_by[*from] = first;
                    waiting.push(*from);
                }
            }
        }
        others
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, AskError> {
    bound(
        "the number of patterns",
        patterns.len(),
        CONTRACT_PATTERNS_MAX,
    )?;
    let mut globs = GlobSetBuilder::new();
    for pattern in patterns {
        bound(
            "the length of a pattern in bytes",
            pattern.len(),
            CONTRACT_BYTES_MAX,
        )?;
        let invalid = |error: globset::Error| {
            AskError::Invalid(format!("{pattern:?} is no glob: {}", error.kind()))
        };
        globs.add(GlobBuilder::new(pattern).build().map_err(invalid)?);
    }
    globs
        .build()
        .map_err(|error| AskError::Invalid(error.to_string()))
}

fn bound(what: &'static str, found: usize, max: usize) -> Result<(), AskError> {
    if found <= max {
        return Ok(());
    }
    Err(AskError::LimitExceeded {
        what,
        found: found as u64,
        max: max as u64,
    })
}
