//! Walking the graph: impact and lineage, and what an answer leaves out.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{AssetFlags, Closure, ClosureOptions, CutReason, LineageOptions};
use headwater_model::{AssetIndex, FieldName};
use headwater_record::Str;
use rustc_hash::FxHashMap;

use crate::AskError;
use crate::ask::field_edges::FieldEdgeView;
use crate::ask::field_walks::FieldWalk;
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

/// What is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// Edges between datasets and jobs.
    Dataset,
    /// Edges between fields; those between datasets and jobs only for want of them.
    Field,
}

/// Where a walk starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The asset.
    pub asset: AssetIndex,
    /// The field of it, if only that is meant; a walk over datasets starts at the whole.
    pub field: Option<FieldName>,
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
    /// Datasets visited, roots included, that no source declares, and jobs that none names at that moment.
    pub unresolved_count: usize,
    /// Datasets at which a walk over fields went on at dataset level, for want of field lineage.
    pub without_fields_count: usize,
    /// Assets reached that the caller may not see.
    pub hidden_count: usize,
    /// Datasets that the question contracts and that the walk went through; what is counted of visited ones is counted
    /// of them, too.
    pub contracted_count: usize,
    /// Sources of visited assets whose last submission failed or is older than they promised, by number.
    pub stale_sources: Vec<u32>,
}

impl Completeness {
    /// True if nothing was cut or hidden.
    pub fn is_walk_complete(&self) -> bool {
        self.cut_by.is_empty() && self.hidden_count == 0
    }

    /// True if, besides, nothing visited is unresolved, stale or without fields.
    pub fn is_exhaustive(&self) -> bool {
        self.is_walk_complete()
            && self.unresolved_count == 0
            && self.without_fields_count == 0
            && self.stale_sources.is_empty()
    }
}

/// A question for everything that depends on the roots.
pub struct ImpactQuestion<'a> {
    /// The roots.
    pub of: Vec<Root>,
    /// What is walked.
    pub granularity: Granularity,
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
    pub of: Vec<Root>,
    /// What is walked.
    pub granularity: Granularity,
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
    pub(crate) entry: usize,
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
    walk: Walk,
    reached: Vec<ReachedAsset>,
    /// What the answer leaves out.
    pub completeness: Completeness,
}

/// What was walked.
enum Walk {
    Assets(Closure),
    Fields(FieldWalk),
}

/// What stands at a node, or at an end of an edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalkEntity {
    /// A dataset (in a walk over fields: as a whole) or a job.
    Asset(AssetIndex),
    /// A field of a dataset, by name.
    Field(AssetIndex, Str),
}

impl WalkEntity {
    /// The asset, or that of the field.
    pub fn asset(&self) -> AssetIndex {
        match self {
            Self::Asset(asset) | Self::Field(asset, _) => *asset,
        }
    }
}

/// A node of a lineage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkNode {
    /// What stands there.
    pub entity: WalkEntity,
    /// Datasets entered on the shortest way from a root.
    pub hops: u32,
}

/// An edge of a lineage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalkEdge {
    /// Between assets.
    Assets(EdgeView),
    /// Between fields, or a field and a whole dataset.
    Fields(FieldEdgeView),
}

/// Nodes and edges around the roots.
pub struct LineageAnswer {
    /// The nodes, by hops.
    pub nodes: Vec<WalkNode>,
    /// The edges among them.
    pub edges: Vec<WalkEdge>,
    /// What the answer leaves out.
    pub completeness: Completeness,
}

pub(crate) fn directions(direction: Direction) -> &'static [headwater_graph::Direction] {
    use headwater_graph::Direction::{Downstream, Upstream};
    match direction {
        Direction::Upstream => &[Upstream],
        Direction::Downstream => &[Downstream],
        Direction::Both => &[Upstream, Downstream],
    }
}

fn direction(direction: Direction) -> Option<headwater_graph::Direction> {
    match direction {
        Direction::Upstream => Some(headwater_graph::Direction::Upstream),
        Direction::Downstream => Some(headwater_graph::Direction::Downstream),
        Direction::Both => None,
    }
}

pub(crate) fn cut(reason: CutReason) -> Cut {
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
        let is_stop = |asset| {
            stop_at
                .as_ref()
                .is_some_and(|matcher| self.is_match(matcher, asset))
        };
        let (walk, reached, completeness) = match question.granularity {
            Granularity::Dataset => {
                let roots: Vec<AssetIndex> = question.of.iter().map(|root| root.asset).collect();
                let closure = self
                    .graph()
                    .closure(&roots, direction, &options, is_stop, |_| {
                        (question.is_over)()
                    });
                let entries = closure.entries.iter().enumerate();
                let reached: Vec<ReachedAsset> = entries
                    .map(|(entry, reached)| ReachedAsset {
                        index: reached.asset,
                        hops: reached.hops,
                        entry,
                    })
                    .collect();
                let entries = closure.entries.iter().map(|e| e.asset);
                let visited = closure.roots.iter().copied().chain(entries);
                let cut_by = closure.cut_by.map(cut).into_iter().collect();
                let completeness = self.completeness(visited, cut_by, closure.frontier.clone());
                (Walk::Assets(closure), reached, completeness)
            }
            Granularity::Field => {
                let walk = self.walk_fields(question, direction, &options, is_stop);
                let (reached, completeness) = (walk.reached(), self.completeness_of(&walk));
                (Walk::Fields(walk), reached, completeness)
            }
        };
        let mut reached = reached;
        if let Some(filter) = &question.filter {
            let matcher = self.matcher(filter);
            reached.retain(|asset| self.is_match(&matcher, asset.index));
        }
        reached.sort_unstable_by_key(|asset| (asset.hops, asset.index));
        Ok(ImpactAnswer {
            walk,
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
        let is_stop = |asset| {
            stop_at
                .as_ref()
                .is_some_and(|matcher| self.is_match(matcher, asset))
        };
        let filter = question.filter.as_ref().map(|filter| self.matcher(filter));
        let is_kept = |asset| {
            filter
                .as_ref()
                .is_none_or(|matcher| self.is_match(matcher, asset))
        };
        match question.granularity {
            Granularity::Dataset => self.draw_assets(question, &options, is_stop, is_kept),
            Granularity::Field => self.draw_fields(question, &options, is_stop, is_kept),
        }
    }

    fn draw_assets(
        &self,
        question: &LineageQuestion<'_>,
        options: &LineageOptions,
        is_stop: impl Fn(AssetIndex) -> bool,
        is_kept: impl Fn(AssetIndex) -> bool,
    ) -> LineageAnswer {
        let roots: Vec<AssetIndex> = question.of.iter().map(|root| root.asset).collect();
        let found = self.graph().lineage(
            &roots,
            directions(question.direction),
            options,
            is_stop,
            |_| (question.is_over)(),
        );
        let cut_by = found.cut_by.iter().copied().map(cut).collect();
        let visited = found.nodes.iter().map(|node| node.asset);
        let completeness = self.completeness(visited, cut_by, found.frontier.clone());
        let kept: BTreeMap<AssetIndex, u32> = found
            .nodes
            .iter()
            .filter(|node| is_kept(node.asset))
            .map(|node| (node.asset, node.hops))
            .collect();
        let nodes = found
            .nodes
            .iter()
            .filter(|node| kept.contains_key(&node.asset))
            .map(|node| WalkNode {
                entity: WalkEntity::Asset(node.asset),
                hops: node.hops,
            })
            .collect();
        let mut edges: Vec<EdgeView> = found
            .edges
            .iter()
            .filter(|edge| kept.contains_key(&edge.from) && kept.contains_key(&edge.to))
            .map(|edge| EdgeView::from(*edge))
            .collect();
        let closing = self.edges_that_only_close_ways(&edges);
        edges.retain(|edge| !closing.contains(edge));
        let edges = edges.into_iter().map(WalkEdge::Assets).collect();
        LineageAnswer {
            nodes,
            edges,
            completeness,
        }
    }

    pub(crate) fn completeness(
        &self,
        visited: impl Iterator<Item = AssetIndex>,
        cut_by: Vec<Cut>,
        frontier: Vec<AssetIndex>,
    ) -> Completeness {
        let stale: BTreeSet<u32> = self.stale_sources();
        let mut stale_sources = BTreeSet::new();
        let mut unresolved_count = 0;
        let mut visited: Vec<AssetIndex> = visited.collect();
        let contraction = self.published.contraction.as_ref();
        let passed = contraction.map(|contraction| contraction.passed(&visited, &frontier));
        let passed = passed.unwrap_or_default();
        visited.extend(&passed);
        for index in visited {
            let flags = self.graph().flags(index);
            // Nobody declares what nobody names any more, or did not name yet: of a job, too, nothing is known then.
            let is_unresolved =
                flags.contains(AssetFlags::UNRESOLVED) || flags.contains(AssetFlags::RETIRED);
            unresolved_count += usize::from(is_unresolved);
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
            without_fields_count: 0,
            hidden_count: 0,
            contracted_count: passed.len(),
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
        match &self.walk {
            Walk::Assets(closure) => closure.path(asset.entry),
            Walk::Fields(walk) => walk.path(asset.entry),
        }
    }

    /// The fields of an asset that are affected, if fields were walked; none if it is affected as a whole.
    pub fn fields(&self, view: &View, asset: &ReachedAsset) -> Vec<Str> {
        match &self.walk {
            Walk::Assets(_) => Vec::new(),
            Walk::Fields(walk) => walk.fields(view, asset.index),
        }
    }

    /// The edges by which the last steps to an asset take values in; none if fields were not walked.
    pub fn last_steps(&self, view: &View, asset: &ReachedAsset) -> Vec<FieldEdgeView> {
        match &self.walk {
            Walk::Assets(_) => Vec::new(),
            Walk::Fields(walk) => walk.last_steps(view, asset.index),
        }
    }

    /// True if the asset and the root of its path have domains and these differ.
    pub fn crosses_domain(&self, view: &View, asset: &ReachedAsset) -> bool {
        let here = view.graph().domain(asset.index);
        let root = match &self.walk {
            Walk::Assets(closure) => closure.root(asset.entry),
            Walk::Fields(walk) => walk.root(asset.entry),
        };
        let root = root.and_then(|root| view.graph().domain(root));
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
