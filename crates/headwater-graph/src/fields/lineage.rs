//! Nodes and edges around fields, for drawing.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{AssetIndex, EdgeKind};
use rustc_hash::FxHashMap;

use crate::closure::{ClosureOptions, CutReason, Direction};
use crate::csr::VIA_NONE;
use crate::fields::{Entity, FieldClosure, FieldIndex, FieldRoot, Goal, Steps};
use crate::lineage::LineageOptions;
use crate::snapshot::Snapshot;

/// A node of a lineage of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLineageNode {
    /// The field, the dataset as a whole, or the job.
    pub entity: Entity,
    /// The asset that it is or belongs to.
    pub asset: AssetIndex,
    /// Datasets entered on the shortest way from a root; 0 for a root.
    pub hops: u32,
}

/// An edge between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldLineageEdge {
    /// Where the data comes from.
    pub from: Entity,
    /// Where it goes.
    pub to: Entity,
    /// What the edge says.
    pub kind: EdgeKind,
    /// The job of a Derives edge, if known.
    pub via: Option<AssetIndex>,
    /// Whether it is an edge between fields; else it stands in for want of them.
    pub is_between_fields: bool,
}

/// What lies around fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldLineage {
    /// The roots that take part in edges as fields, datasets as a whole or jobs, then what was reached, by hops.
    pub nodes: Vec<FieldLineageNode>,
    /// The edges among the nodes, sorted, without repeats.
    pub edges: Vec<FieldLineageEdge>,
    /// Why something is missing; empty if nothing is.
    pub cut_by: BTreeSet<CutReason>,
    /// Assets that have something beyond that is missing, by number.
    pub frontier: Vec<AssetIndex>,
    /// Datasets at which a walk went on at dataset level, by number.
    pub without_fields: Vec<AssetIndex>,
}

impl Snapshot {
    /// Nodes and edges around the roots in the given directions, as [`Snapshot::field_closure`] walks them.
    ///
    /// A job is a node where edges between assets stand in for want of edges between fields; else it is the `via` of
    /// an edge. A dataset as a whole is a node where an edge ends in it. A root field without edges is no entity here;
    /// it is the caller's to add.
    pub fn field_lineage(
        &self,
        roots: &[FieldRoot],
        directions: &[Direction],
        options: &LineageOptions,
        stop_at: impl Fn(AssetIndex) -> bool,
        mut cancelled: impl FnMut(usize) -> bool,
    ) -> FieldLineage {
        let closure_options = ClosureOptions {
            depth_hops_max: options.depth_hops_max,
            assets_max: options.assets_max,
        };
        let edges_max = options.edges_max.unwrap_or(usize::MAX);
        let mut hops: FxHashMap<Entity, u32> = FxHashMap::default();
        let mut lineage = FieldLineage::default();
        let (mut frontier, mut without_fields) = (BTreeSet::new(), BTreeSet::new());
        let mut edges: BTreeSet<FieldLineageEdge> = BTreeSet::new();
        for direction in directions {
            let walk = self.field_closure(
                roots,
                *direction,
                &closure_options,
                &stop_at,
                &mut cancelled,
            );
            lineage.cut_by.extend(walk.cut_by);
            frontier.extend(walk.frontier.iter().copied());
            without_fields.extend(walk.without_fields.iter().copied());
            let mut taken = Taken::new(self, *direction, &walk, &stop_at, edges_max);
            taken.collect();
            for (entity, at) in taken.hops {
                let nearest = hops.entry(entity).or_insert(at);
                *nearest = at.min(*nearest);
            }
            if taken.is_cut {
                lineage.cut_by.insert(CutReason::Limit);
            }
            edges.extend(taken.edges);
        }
        let mut nodes: Vec<FieldLineageNode> = hops
            .into_iter()
            .map(|(entity, hops)| FieldLineageNode {
                entity,
                asset: self.asset_of(entity),
                hops,
            })
            .collect();
        nodes.sort_unstable_by_key(|node| (node.hops, node.asset, node.entity));
        // The fields of a root come with it.
        let roots_count = nodes.partition_point(|node| node.hops == 0);
        let nodes_max = options
            .assets_max
            .map_or(usize::MAX, |max| max.saturating_add(roots_count));
        if nodes.len() > nodes_max {
            nodes.truncate(nodes_max);
            lineage.cut_by.insert(CutReason::Limit);
        }
        let kept: BTreeSet<Entity> = nodes.iter().map(|node| node.entity).collect();
        for edge in &edges {
            match (kept.contains(&edge.from), kept.contains(&edge.to)) {
                (true, false) => frontier.insert(self.asset_of(edge.from)),
                (false, true) => frontier.insert(self.asset_of(edge.to)),
                _ => false,
            };
        }
        lineage.edges = edges
            .into_iter()
            .filter(|edge| kept.contains(&edge.from) && kept.contains(&edge.to))
            .collect();
        if lineage.edges.len() > edges_max {
            lineage.edges.truncate(edges_max);
            lineage.cut_by.insert(CutReason::Limit);
        }
        lineage.nodes = nodes;
        lineage.frontier = frontier.into_iter().collect();
        lineage.without_fields = without_fields.into_iter().collect();
        lineage
    }

    fn asset_of(&self, entity: Entity) -> AssetIndex {
        match entity {
            Entity::Dataset(asset) | Entity::Job(asset) => asset,
            Entity::Field(field) => {
                AssetIndex::new(self.parts().fields.row_of(field.get()).dataset)
            }
        }
    }
}

/// The edges that one walk took, and the nodes at their ends.
struct Taken<'a, S> {
    steps: Steps<'a>,
    walk: &'a FieldClosure,
    stop_at: S,
    edges_max: usize,
    /// What the walk reached; jobs are nodes only at the end of an edge.
    reached: FxHashMap<Entity, u32>,
    hops: BTreeMap<Entity, u32>,
    edges: Vec<FieldLineageEdge>,
    /// True if there are edges beyond the bound.
    is_cut: bool,
}

impl<'a, S: Fn(AssetIndex) -> bool> Taken<'a, S> {
    fn new(
        snapshot: &'a Snapshot,
        direction: Direction,
        walk: &'a FieldClosure,
        stop_at: S,
        edges_max: usize,
    ) -> Self {
        let mut reached = FxHashMap::default();
        for root in &walk.roots {
            match root {
                FieldRoot::Field(_, Some(field)) => {
                    reached.insert(Entity::Field(*field), 0);
                }
                FieldRoot::Field(_, None) => {}
                FieldRoot::Asset(asset) if snapshot.is_job(asset.get()) => {
                    reached.insert(Entity::Job(*asset), 0);
                }
                FieldRoot::Asset(asset) => {
                    reached.insert(Entity::Dataset(*asset), 0);
                }
            }
        }
        for entry in &walk.entries {
            reached.entry(entry.entity).or_insert(entry.hops);
        }
        let is_node = |entity: &Entity| match entity {
            Entity::Job(job) => walk.roots.contains(&FieldRoot::Asset(*job)),
            Entity::Field(_) | Entity::Dataset(_) => true,
        };
        let hops = reached
            .iter()
            .filter(|(entity, _)| is_node(entity))
            .map(|(entity, hops)| (*entity, *hops))
            .collect();
        Self {
            steps: Steps::new(snapshot, direction),
            walk,
            stop_at,
            edges_max,
            reached,
            hops,
            edges: Vec::new(),
            is_cut: false,
        }
    }

    fn collect(&mut self) {
        let walk = self.walk;
        let mut datasets: BTreeMap<AssetIndex, u32> = BTreeMap::new();
        for root in &walk.roots {
            match *root {
                FieldRoot::Field(dataset, field) => {
                    datasets.entry(dataset).or_insert(0);
                    if let Some(field) = field {
                        self.of_field(field.get(), 0);
                    }
                }
                FieldRoot::Asset(asset) if self.steps.snapshot.is_job(asset.get()) => {
                    self.of_root_job(asset);
                }
                FieldRoot::Asset(dataset) => {
                    datasets.entry(dataset).or_insert(0);
                    self.of_whole(dataset, 0);
                }
            }
        }
        for entry in &walk.entries {
            if self.edges.len() > self.edges_max {
                self.edges.sort_unstable();
                self.edges.dedup();
                self.is_cut = self.edges.len() > self.edges_max;
            }
            if self.is_cut {
                return;
            }
            if (self.stop_at)(entry.asset) {
                continue;
            }
            match entry.entity {
                Entity::Field(field) => {
                    datasets.entry(entry.asset).or_insert(entry.hops);
                    self.of_field(field.get(), entry.hops);
                }
                Entity::Dataset(dataset) => {
                    datasets.entry(dataset).or_insert(entry.hops);
                    self.of_whole(dataset, entry.hops);
                }
                Entity::Job(_) => {}
            }
        }
        for (dataset, hops) in datasets {
            self.of_dataset(dataset, hops);
        }
    }

    fn of_whole(&mut self, dataset: AssetIndex, hops: u32) {
        let fields: Vec<u32> = self.steps.fields.of(dataset.get()).collect();
        for field in fields {
            self.of_field(field, hops);
        }
    }

    /// The edges of one field that lead to what was reached.
    fn of_field(&mut self, field: u32, hops: u32) {
        let mut found = Vec::new();
        self.steps
            .of_field(field, |via, goal| found.push((via, goal)));
        let row = self.steps.fields.row_of(field);
        let near = if row.is_whole() {
            Entity::Dataset(AssetIndex::new(row.dataset))
        } else {
            Entity::Field(FieldIndex::new(field))
        };
        if self.reached.contains_key(&near) {
            let own = self.steps.fields.adjacency(self.steps.direction);
            let vias: Vec<u32> = own
                .entries_to(field, field)
                .map(|entry| entry.via)
                .collect();
            for via in vias {
                self.push(near, near, EdgeKind::Derives, via, true);
            }
        }
        for (via, goal) in found {
            let far = match goal {
                Goal::Field { to, .. } => Entity::Field(FieldIndex::new(to)),
                Goal::WholeByField { to, .. } | Goal::Whole(to) => {
                    Entity::Dataset(AssetIndex::new(to))
                }
                Goal::Job => continue,
            };
            let is_stopped = via != VIA_NONE && (self.stop_at)(AssetIndex::new(via));
            if is_stopped || !self.has_reached(far) {
                continue;
            }
            self.hops.entry(near).or_insert(hops);
            self.push(near, far, EdgeKind::Derives, via, true);
        }
    }

    /// Whether the walk reached it, by itself or with its dataset as a whole: a field of such a dataset is a node for
    /// the edges that end in it.
    fn has_reached(&mut self, far: Entity) -> bool {
        if self.reached.contains_key(&far) {
            return true;
        }
        let Entity::Field(field) = far else {
            return false;
        };
        let dataset = self.steps.fields.row_of(field.get()).dataset;
        let whole = Entity::Dataset(AssetIndex::new(dataset));
        let Some(hops) = self.reached.get(&whole).copied() else {
            return false;
        };
        self.hops.entry(far).or_insert(hops);
        true
    }

    /// The edges of a dataset at dataset level, and those of the dataset as a whole.
    fn of_dataset(&mut self, dataset: AssetIndex, hops: u32) {
        if let Some(whole) = self.steps.fields.whole_of(dataset.get()) {
            self.of_field(whole, hops);
        }
        let mut found = Vec::new();
        self.steps
            .without_fields(dataset.get(), |via, goal| found.push((via, goal)));
        let near = Entity::Dataset(dataset);
        for (via, goal) in found {
            let is_stopped = via != VIA_NONE && (self.stop_at)(AssetIndex::new(via));
            let job = Entity::Job(AssetIndex::new(via));
            let far = match goal {
                Goal::Whole(to) if !is_stopped => Entity::Dataset(AssetIndex::new(to)),
                _ if via != VIA_NONE && self.reached.contains_key(&job) => {
                    self.hops.entry(near).or_insert(hops);
                    self.hops.entry(job).or_insert(hops);
                    self.push(near, job, self.first_kind(), VIA_NONE, false);
                    continue;
                }
                _ => continue,
            };
            if !self.reached.contains_key(&far) {
                continue;
            }
            self.hops.entry(near).or_insert(hops);
            let snapshot = self.steps.snapshot;
            let Entity::Dataset(to) = far else { continue };
            let mut between = snapshot
                .adjacency(self.steps.direction)
                .entries_to(dataset.get(), to.get());
            if between.any(|entry| entry.is_special && entry.via == via) {
                self.push(near, far, EdgeKind::Derives, via, false);
            } else if self.reached.contains_key(&job) {
                self.hops.entry(job).or_insert(hops);
                self.push(near, job, self.first_kind(), VIA_NONE, false);
                self.push(job, far, self.second_kind(), VIA_NONE, false);
            }
        }
    }

    fn of_root_job(&mut self, job: AssetIndex) {
        let mut found = Vec::new();
        self.steps
            .of_root_job(job.get(), |_, goal| found.push(goal));
        for goal in found {
            if let Goal::Whole(to) = goal {
                let far = Entity::Dataset(AssetIndex::new(to));
                if self.reached.contains_key(&far) {
                    self.push(Entity::Job(job), far, self.second_kind(), VIA_NONE, false);
                }
            }
        }
    }

    /// What the edge from a dataset to a job says, in the direction of the walk.
    fn first_kind(&self) -> EdgeKind {
        match self.steps.direction {
            Direction::Downstream => EdgeKind::Reads,
            Direction::Upstream => EdgeKind::Writes,
        }
    }

    fn second_kind(&self) -> EdgeKind {
        match self.steps.direction {
            Direction::Downstream => EdgeKind::Writes,
            Direction::Upstream => EdgeKind::Reads,
        }
    }

    fn push(
        &mut self,
        near: Entity,
        far: Entity,
        kind: EdgeKind,
        via: u32,
        is_between_fields: bool,
    ) {
        let (from, to) = match self.steps.direction {
            Direction::Downstream => (near, far),
            Direction::Upstream => (far, near),
        };
        self.edges.push(FieldLineageEdge {
            from,
            to,
            kind,
            via: (via != VIA_NONE).then(|| AssetIndex::new(via)),
            is_between_fields,
        });
    }
}
