//! Walking the graph: impact and lineage, and what an answer leaves out.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{AssetFlags, Closure, ClosureOptions, CutReason, LineageOptions};
use headwater_model::AssetIndex;
use headwater_record::Str;
use rustc_hash::FxHashMap;

use crate::AskError;
use crate::ask::filter::AssetFilter;
use crate::ask::view::{EdgeView, View};

/// Which way to walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To what the roots are computed from.
    Upstream,
    /// To what is computed from the roots.
    Downstream,
    /// Upstream of the roots, together with downstream of the roots.
    Both,
}

/// Why a walk stopped early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// There is more beyond the depth.
    Depth,
    /// There are more assets than asked for.
    Limit,
    /// It took longer than it may.
    Timeout,
}

/// What an answer does and does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Why the walk stopped early; empty if it did not.
    pub cut_by: Vec<Cut>,
    /// Assets at which it stopped.
    pub frontier: Vec<AssetIndex>,
    /// Datasets visited, roots included, that no source declares.
    pub unresolved_count: usize,
    /// Assets reached that the caller may not see.
    pub hidden_count: usize,
    /// Sources of visited assets whose last submission failed, by number.
    pub stale_sources: Vec<u32>,
}

impl Completeness {
    /// True if nothing was cut or hidden.
    pub fn is_walk_complete(&self) -> bool {
        self.cut_by.is_empty() && self.hidden_count == 0
    }

    /// True if, besides, nothing visited is unresolved or stale.
    pub fn is_exhaustive(&self) -> bool {
        self.is_walk_complete() && self.unresolved_count == 0 && self.stale_sources.is_empty()
    }
}

/// A question for everything that depends on the roots.
pub struct ImpactQuestion<'a> {
    /// The roots.
    pub of: Vec<AssetIndex>,
    /// Upstream or downstream.
    pub direction: Direction,
    /// The most hops.
    pub depth_hops_max: Option<u32>,
    /// Chooses what is returned; never stops the walk.
    pub filter: Option<AssetFilter>,
    /// Where the walk stops.
    pub stop_at: Option<AssetFilter>,
    /// Asked now and then; true ends the walk as a timeout.
    pub is_over: &'a dyn Fn() -> bool,
}

/// A question for nodes and edges around the roots.
pub struct LineageQuestion<'a> {
    /// The roots.
    pub of: Vec<AssetIndex>,
    /// Which way.
    pub direction: Direction,
    /// The most hops.
    pub depth_hops_max: Option<u32>,
    /// Chooses what is returned; never stops the walk.
    pub filter: Option<AssetFilter>,
    /// Where the walk stops.
    pub stop_at: Option<AssetFilter>,
    /// The most nodes.
    pub nodes_max: usize,
    /// The most edges.
    pub edges_max: usize,
    /// Asked now and then; true ends the walk as a timeout.
    pub is_over: &'a dyn Fn() -> bool,
}

/// An asset that a walk reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReachedAsset {
    /// The asset.
    pub index: AssetIndex,
    /// Datasets entered on the shortest way.
    pub hops: u32,
    /// Its place in the walk, for its path.
    entry: usize,
}

/// Assets that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// What they have in common; none for those that have none.
    pub key: Option<Str>,
    /// How many.
    pub count: usize,
    /// The least hops among them.
    pub nearest_hops: u32,
}

/// Everything that depends on the roots, roots excluded.
pub struct ImpactAnswer {
    closure: Closure,
    reached: Vec<ReachedAsset>,
    /// What the answer leaves out.
    pub completeness: Completeness,
}

/// A node of a lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkNode {
    /// The asset.
    pub index: AssetIndex,
    /// Datasets entered on the shortest way from a root.
    pub hops: u32,
}

/// Nodes and edges around the roots.
pub struct LineageAnswer {
    /// The nodes, by hops.
    pub nodes: Vec<WalkNode>,
    /// The edges among them.
    pub edges: Vec<EdgeView>,
    /// What the answer leaves out.
    pub completeness: Completeness,
}

fn direction(direction: Direction) -> Option<headwater_graph::Direction> {
    match direction {
        Direction::Upstream => Some(headwater_graph::Direction::Upstream),
        Direction::Downstream => Some(headwater_graph::Direction::Downstream),
        Direction::Both => None,
    }
}

fn cut(reason: CutReason) -> Cut {
    match reason {
        CutReason::Depth => Cut::Depth,
        CutReason::Limit => Cut::Limit,
        CutReason::Timeout => Cut::Timeout,
    }
}

impl View {
    /// Everything that depends on the roots.
    ///
    /// # Errors
    /// [`AskError::Invalid`] if it is asked for both directions.
    pub fn impact(&self, question: &ImpactQuestion<'_>) -> Result<ImpactAnswer, AskError> {
        let direction = direction(question.direction).ok_or_else(|| {
            AskError::Invalid("impact is UPSTREAM or DOWNSTREAM, not BOTH".to_owned())
        })?;
        let options = ClosureOptions {
            depth_hops_max: question.depth_hops_max,
            assets_max: None,
        };
        let stop_at = question.stop_at.as_ref().map(|filter| self.matcher(filter));
        let closure = self.graph().closure(
            &question.of,
            direction,
            &options,
            |asset| {
                stop_at
                    .as_ref()
                    .is_some_and(|matcher| self.is_match(matcher, asset))
            },
            |_| (question.is_over)(),
        );
        let filter = question.filter.as_ref().map(|filter| self.matcher(filter));
        let mut reached: Vec<ReachedAsset> = closure
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| {
                filter
                    .as_ref()
                    .is_none_or(|matcher| self.is_match(matcher, entry.asset))
            })
            .map(|(at, entry)| ReachedAsset {
                index: entry.asset,
                hops: entry.hops,
                entry: at,
            })
            .collect();
        reached.sort_unstable_by_key(|asset| (asset.hops, asset.index));
        let visited = closure
            .roots
            .iter()
            .copied()
            .chain(closure.entries.iter().map(|e| e.asset));
        let cut_by = closure.cut_by.map(cut).into_iter().collect();
        let completeness = self.completeness(visited, cut_by, closure.frontier.clone());
        Ok(ImpactAnswer {
            closure,
            reached,
            completeness,
        })
    }

    /// Nodes and edges around the roots.
    pub fn lineage(&self, question: &LineageQuestion<'_>) -> LineageAnswer {
        let options = LineageOptions {
            depth_hops_max: question.depth_hops_max,
            assets_max: Some(question.nodes_max),
            edges_max: Some(question.edges_max),
        };
        let stop_at = question.stop_at.as_ref().map(|filter| self.matcher(filter));
        let directions: &[headwater_graph::Direction] = match direction(question.direction) {
            Some(direction) => &[direction],
            None => &[
                headwater_graph::Direction::Upstream,
                headwater_graph::Direction::Downstream,
            ],
        };
        let found = self.graph().lineage(
            &question.of,
            directions,
            &options,
            |asset| {
                stop_at
                    .as_ref()
                    .is_some_and(|matcher| self.is_match(matcher, asset))
            },
            |_| (question.is_over)(),
        );
        let cut_by = found.cut_by.iter().copied().map(cut).collect();
        let visited = found.nodes.iter().map(|node| node.asset);
        let completeness = self.completeness(visited, cut_by, found.frontier.clone());
        let filter = question.filter.as_ref().map(|filter| self.matcher(filter));
        let nodes: Vec<WalkNode> = found
            .nodes
            .iter()
            .filter(|node| {
                filter
                    .as_ref()
                    .is_none_or(|matcher| self.is_match(matcher, node.asset))
            })
            .map(|node| WalkNode {
                index: node.asset,
                hops: node.hops,
            })
            .collect();
        let kept: BTreeSet<AssetIndex> = nodes.iter().map(|node| node.index).collect();
        let edges = found
            .edges
            .iter()
            .filter(|edge| kept.contains(&edge.from) && kept.contains(&edge.to))
            .map(|edge| EdgeView::from(*edge))
            .collect();
        LineageAnswer {
            nodes,
            edges,
            completeness,
        }
    }

    fn completeness(
        &self,
        visited: impl Iterator<Item = AssetIndex>,
        cut_by: Vec<Cut>,
        frontier: Vec<AssetIndex>,
    ) -> Completeness {
        let stale: BTreeSet<u32> = self.stale_sources();
        let mut stale_sources = BTreeSet::new();
        let mut unresolved_count = 0;
        for index in visited {
            let flags = self.graph().flags(index);
            unresolved_count += usize::from(flags.contains(AssetFlags::UNRESOLVED));
            if !stale.is_empty() {
                stale_sources.extend(
                    self.sources_of(index)
                        .into_iter()
                        .filter(|s| stale.contains(s)),
                );
            }
        }
        Completeness {
            cut_by,
            frontier,
            unresolved_count,
            hidden_count: 0,
            stale_sources: stale_sources.into_iter().collect(),
        }
    }
}

impl ImpactAnswer {
    /// What was reached and chosen, by hops.
    pub fn reached(&self) -> &[ReachedAsset] {
        &self.reached
    }

    /// One shortest way from a root to an asset, both ends included, jobs too.
    pub fn path(&self, asset: &ReachedAsset) -> Vec<AssetIndex> {
        self.closure.path(asset.entry)
    }

    /// True if the asset and the root of its path have domains and these differ.
    pub fn crosses_domain(&self, view: &View, asset: &ReachedAsset) -> bool {
        let here = view.graph().domain(asset.index);
        let root = self
            .closure
            .root(asset.entry)
            .and_then(|root| view.graph().domain(root));
        here.is_some() && root.is_some() && here != root
    }

    /// The position after the asset with those hops and that number.
    pub fn position_after(&self, hops: u32, index: AssetIndex) -> usize {
        self.reached
            .partition_point(|asset| (asset.hops, asset.index) <= (hops, index))
    }

    /// By domain.
    pub fn by_domain(&self, view: &View) -> Vec<GroupView> {
        let groups = self.grouped(|asset, put| put(view.graph().domain(asset.index)));
        named(view, groups)
    }

    /// By owner; an asset with several counts for each.
    pub fn by_owner(&self, view: &View) -> Vec<GroupView> {
        let groups = self.grouped(|asset, put| {
            match view
                .graph()
                .asset(asset.index)
                .map_or(&[][..], |asset| asset.owners)
            {
                [] => put(None),
                owners => owners.iter().for_each(|owner| put(Some(*owner))),
            }
        });
        named(view, groups)
    }

    /// By type.
    pub fn by_type(&self, view: &View) -> Vec<GroupView> {
        let groups = self.grouped(|asset, put| {
            put(view
                .graph()
                .asset(asset.index)
                .map(|asset| asset.asset_type));
        });
        let texts = groups
            .into_iter()
            .map(|(key, group)| (key.map(Str::from), group));
        sorted(texts.collect())
    }

    /// By hops.
    pub fn by_hops(&self) -> Vec<GroupView> {
        let groups: BTreeMap<u32, (usize, u32)> = self
            .grouped(|asset, put| put(asset.hops))
            .into_iter()
            .collect();
        groups
            .into_iter()
            .map(|(hops, (count, nearest_hops))| GroupView {
                key: Some(hops.to_string().into()),
                count,
                nearest_hops,
            })
            .collect()
    }

    fn grouped<K: std::hash::Hash + Eq>(
        &self,
        mut keys: impl FnMut(&ReachedAsset, &mut dyn FnMut(K)),
    ) -> FxHashMap<K, (usize, u32)> {
        let mut groups: FxHashMap<K, (usize, u32)> = FxHashMap::default();
        for asset in &self.reached {
            keys(asset, &mut |key| {
                let group = groups.entry(key).or_insert((0, asset.hops));
                group.0 += 1;
                group.1 = group.1.min(asset.hops);
            });
        }
        groups
    }
}

fn named(view: &View, groups: FxHashMap<Option<u32>, (usize, u32)>) -> Vec<GroupView> {
    let texts = groups
        .into_iter()
        .map(|(key, group)| (key.and_then(|number| view.shared.words.word(number)), group));
    sorted(texts.collect())
}

/// The largest group first, then by key.
fn sorted(groups: Vec<(Option<Str>, (usize, u32))>) -> Vec<GroupView> {
    let mut groups: Vec<GroupView> = groups
        .into_iter()
        .map(|(key, (count, nearest_hops))| GroupView {
            key,
            count,
            nearest_hops,
        })
        .collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    groups
}
