//! Simple ways from one asset or field to another, the shortest first.
//!
//! A best-first search whose estimate is exact: a walk upstream from the goal first tells how far everything is from
//! it, so that nothing is tried that does not lead there.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::rc::Rc;

use headwater_model::AssetIndex;
use rustc_hash::FxHashMap;

use crate::closure::{ClosureOptions, CutReason, Direction, root_job_goals};
use crate::csr::VIA_NONE;
use crate::fields::{Entity, FieldIndex, FieldRoot, Goal, Steps};
use crate::snapshot::Snapshot;

/// How much is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathsOptions {
    /// The most ways.
    pub ways_max: usize,
    /// The most beginnings of ways that are looked at.
    pub steps_max: usize,
    /// Whether edges between fields are walked, and edges between assets only for want of them.
    pub by_fields: bool,
}

/// One way: no dataset (by fields: no field) is on it twice; a job is, where it makes several steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The assets on it, both ends included, jobs too.
    pub assets: Vec<AssetIndex>,
    /// The fields on it, where it goes by fields.
    pub fields: Vec<FieldIndex>,
    /// Datasets entered.
    pub hops: u32,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// The ways: fewest hops first, then by the names of what is on them.
    pub ways: Vec<Way>,
    /// Why there may be more; none if these are all.
    pub cut_by: Option<CutReason>,
    /// Datasets between the ends at which a walk over fields goes on at dataset level.
    pub without_fields: Vec<AssetIndex>,
}

/// Datasets and jobs stand for themselves where no fields are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stop {
    entity: Entity,
    /// The job before it.
    via: u32,
    /// The field that the step to it leaves.
    from_field: Option<FieldIndex>,
}

impl Snapshot {
    /// Simple ways from one asset or field to another.
    ///
    /// `cancelled` is asked every few thousand edges with the number of things looked at; true ends the search.
    pub fn paths(
        &self,
        from: FieldRoot,
        to: FieldRoot,
        options: &PathsOptions,
        mut cancelled: impl FnMut(usize) -> bool,
    ) -> Paths {
        let mut paths = Paths::default();
        let (Some(start), Some(end)) = (self.on_canonical(from), self.on_canonical(to)) else {
            return paths;
        };
        let mut search = Search {
            snapshot: self,
            steps: Steps::new(self, Direction::Downstream),
            by_fields: options.by_fields,
            to: end,
            left: FxHashMap::default(),
        };
        paths.cut_by = search.measure(&mut paths.without_fields, &mut cancelled);
        if paths.cut_by.is_some() {
            return paths;
        }
        search.find(start, options, &mut paths, cancelled);
        paths
    }

    fn on_canonical(&self, root: FieldRoot) -> Option<FieldRoot> {
        let asset = self.canonical(root.asset())?;
        Some(match root {
            FieldRoot::Asset(_) => FieldRoot::Asset(asset),
            FieldRoot::Field(_, field) => FieldRoot::Field(asset, field),
        })
    }
}

struct Search<'s> {
    snapshot: &'s Snapshot,
    steps: Steps<'s>,
    by_fields: bool,
    to: FieldRoot,
    /// Hops that are left to the goal, by what stands before it.
    left: FxHashMap<Entity, u32>,
}

/// The beginning of a way, ordered by the hops it will have at least, then by the names on it.
struct Beginning<'s> {
    snapshot: &'s Snapshot,
    hops: u32,
    hops_all: u32,
    stops: Rc<Vec<Stop>>,
}

impl Search<'_> {
    /// Tells how far everything upstream of the goal is from it.
    fn measure(
        &mut self,
        without_fields: &mut Vec<AssetIndex>,
        cancelled: &mut impl FnMut(usize) -> bool,
    ) -> Option<CutReason> {
        let options = ClosureOptions::default();
        let goal = self.to.asset();
        // What a job reads is no hop away from it downstream, and one upstream.
        let beyond = u32::from(self.snapshot.is_job(goal.get()));
        if !self.by_fields {
            // A job is reached on the way of what is derived by it, too.
            let derivations = &self.snapshot.parts().derivations;
            let origins = derivations.entries(goal.get()).map(|derived| derived.via);
            let mut ends: Vec<AssetIndex> = origins.map(AssetIndex::new).collect();
            ends.insert(0, goal);
            let closure =
                self.snapshot
                    .closure(&ends, Direction::Upstream, &options, |_| false, cancelled);
            for end in &ends {
                self.left.insert(self.entity_of(*end), 0);
            }
            for reached in &closure.entries {
                let entity = self.entity_of(reached.asset);
                self.left
                    .insert(entity, reached.hops.saturating_sub(beyond));
            }
            return closure.cut_by;
        }
        let closure = self.snapshot.field_closure(
            &[self.to],
            Direction::Upstream,
            &options,
            |_| false,
            cancelled,
        );
        for reached in &closure.entries {
            let left = reached.hops.saturating_sub(beyond);
            let mut shorten = |entity| {
                let hops = self.left.entry(entity).or_insert(left);
                *hops = left.min(*hops);
            };
            shorten(reached.entity);
            if let Entity::Field(_) = reached.entity {
                // Whoever stands on the whole dataset stands on this field too.
                shorten(Entity::Dataset(reached.asset));
            }
        }
        for reached in &closure.entries {
            if let Entity::Dataset(dataset) = reached.entity {
                let left = reached.hops.saturating_sub(beyond);
                for field in self.snapshot.fields_of(dataset) {
                    let hops = self.left.entry(Entity::Field(field)).or_insert(left);
                    *hops = left.min(*hops);
                }
            }
        }
        if let FieldRoot::Field(_, Some(field)) = self.to {
            self.left.insert(Entity::Field(field), 0);
        } else {
            for field in self.snapshot.fields_of(goal) {
                self.left.insert(Entity::Field(field), 0);
            }
        }
        self.left.insert(self.entity_of(goal), 0);
        without_fields.extend(&closure.without_fields);
        closure.cut_by
    }

    fn entity_of(&self, asset: AssetIndex) -> Entity {
        if self.snapshot.is_job(asset.get()) {
            Entity::Job(asset)
        } else {
            Entity::Dataset(asset)
        }
    }

    fn is_goal(&self, entity: Entity) -> bool {
        match (self.to, entity) {
            (FieldRoot::Field(_, Some(goal)), Entity::Field(field)) => goal == field,
            (FieldRoot::Field(..), Entity::Field(_)) => false,
            (to, Entity::Dataset(asset) | Entity::Job(asset)) => to.asset() == asset,
            (to, Entity::Field(field)) => self
                .snapshot
                .field(field)
                .is_some_and(|field| field.dataset == to.asset()),
        }
    }

    fn find(
        &mut self,
        from: FieldRoot,
        options: &PathsOptions,
        paths: &mut Paths,
        mut cancelled: impl FnMut(usize) -> bool,
    ) {
        let entity = match from {
            FieldRoot::Field(_, Some(field)) if self.by_fields => Entity::Field(field),
            FieldRoot::Field(asset, _) | FieldRoot::Asset(asset) => self.entity_of(asset),
        };
        let mut waiting = BinaryHeap::new();
        let start = Stop {
            entity,
            via: VIA_NONE,
            from_field: None,
        };
        waiting.push(Reverse(Beginning {
            snapshot: self.snapshot,
            hops: 0,
            hops_all: 0,
            stops: Rc::new(vec![start]),
        }));
        let (mut looked_at, mut pushed) = (0, 1);
        while let Some(Reverse(beginning)) = waiting.pop() {
            looked_at += 1;
            let last = *beginning.stops.last().expect("a beginning has its start");
            if beginning.stops.len() > 1 && self.is_goal(last.entity) {
                if paths.ways.len() == options.ways_max {
                    paths.cut_by = Some(CutReason::Limit);
                    return;
                }
                paths.ways.push(self.way(&beginning, from));
                continue;
            }
            if looked_at > options.steps_max || pushed > 10 * options.steps_max {
                paths.cut_by = Some(CutReason::Limit);
                return;
            }
            if looked_at % 256 == 0 && cancelled(looked_at) {
                paths.cut_by = Some(CutReason::Timeout);
                return;
            }
            let is_unknown_field = beginning.stops.len() == 1
                && matches!(from, FieldRoot::Field(_, None))
                && self.by_fields;
            for stop in self.next_stops(last.entity, is_unknown_field) {
                let Some(left) = self.left.get(&stop.entity) else {
                    continue;
                };
                if !self.is_new(&beginning.stops, &stop) {
                    continue;
                }
                let hops = beginning.hops + u32::from(!matches!(stop.entity, Entity::Job(_)));
                let mut stops = Vec::with_capacity(beginning.stops.len() + 1);
                stops.extend_from_slice(&beginning.stops);
                stops.push(stop);
                pushed += 1;
                waiting.push(Reverse(Beginning {
                    snapshot: self.snapshot,
                    hops,
                    hops_all: hops + left,
                    stops: Rc::new(stops),
                }));
            }
        }
    }

    /// What one step leads to; of jobs only the goal.
    fn next_stops(&mut self, entity: Entity, is_unknown_field: bool) -> Vec<Stop> {
        let mut stops = Vec::new();
        match entity {
            Entity::Job(job) => {
                root_job_goals(self.snapshot, Direction::Downstream, job.get(), |to| {
                    stops.push(Stop {
                        entity: Entity::Dataset(AssetIndex::new(to)),
                        via: VIA_NONE,
                        from_field: None,
                    });
                });
            }
            Entity::Dataset(dataset) if !self.by_fields => {
                self.next_assets(dataset.get(), &mut stops);
            }
            Entity::Dataset(dataset) => {
                let mut found = Vec::new();
                if !is_unknown_field {
                    for field in self.steps.fields.of(dataset.get()) {
                        self.steps
                            .of_field(field, |via, goal| found.push((via, goal)));
                    }
                } else if let Some(whole) = self.steps.fields.whole_of(dataset.get()) {
                    self.steps
                        .of_field(whole, |via, goal| found.push((via, goal)));
                }
                self.add(found, dataset.get(), &mut stops);
            }
            Entity::Field(field) => {
                let mut found = Vec::new();
                let dataset = self.steps.fields.row_of(field.get()).dataset;
                self.steps
                    .of_field(field.get(), |via, goal| found.push((via, goal)));
                if let Some(whole) = self.steps.fields.whole_of(dataset) {
                    self.steps
                        .of_field(whole, |via, goal| found.push((via, goal)));
                }
                self.add(found, dataset, &mut stops);
            }
        }
        stops
    }

    fn add(&mut self, mut found: Vec<(u32, Goal)>, dataset: u32, stops: &mut Vec<Stop>) {
        self.steps
            .without_fields(dataset, |via, goal| found.push((via, goal)));
        for (via, goal) in found {
            let (entity, from_field) = match goal {
                Goal::Field { from, to } => (Entity::Field(FieldIndex::new(to)), from),
                Goal::WholeByField { from, to } => (Entity::Dataset(AssetIndex::new(to)), from),
                Goal::Whole(to) => (Entity::Dataset(AssetIndex::new(to)), None),
                Goal::Job => {
                    self.add_job(via, None, stops);
                    continue;
                }
            };
            let from_field = from_field.map(FieldIndex::new);
            if via != VIA_NONE {
                self.add_job(via, from_field, stops);
            }
            stops.push(Stop {
                entity,
                via,
                from_field,
            });
        }
        stops.dedup();
    }

    fn add_job(&self, job: u32, from_field: Option<FieldIndex>, stops: &mut Vec<Stop>) {
        let entity = Entity::Job(AssetIndex::new(job));
        let stop = Stop {
            entity,
            via: VIA_NONE,
            from_field,
        };
        if self.is_goal(entity) && !stops.contains(&stop) {
            stops.push(stop);
        }
    }

    fn next_assets(&self, dataset: u32, stops: &mut Vec<Stop>) {
        let parts = self.snapshot.parts();
        let stop = |to: u32, via| Stop {
            entity: Entity::Dataset(AssetIndex::new(to)),
            via,
            from_field: None,
        };
        for entry in parts.downstream.entries(dataset) {
            if entry.is_special {
                if entry.via != VIA_NONE {
                    self.add_job(entry.via, None, stops);
                }
                stops.push(stop(entry.asset, entry.via));
                continue;
            }
            self.add_job(entry.asset, None, stops);
            for output in parts.downstream.entries(entry.asset) {
                if !output.is_special {
                    stops.push(stop(output.asset, entry.asset));
                }
            }
        }
    }

    /// Whether what the stop enters is not on the way already. A job may make several steps of one way.
    fn is_new(&self, stops: &[Stop], next: &Stop) -> bool {
        // A way from a whole dataset does not come back to a field of it.
        let is_back = match (stops[0].entity, next.entity) {
            (Entity::Dataset(start), Entity::Field(field)) => {
                self.steps.fields.row_of(field.get()).dataset == start.get()
            }
            _ => false,
        };
        !is_back
            && stops.iter().all(|stop| {
                stop.entity != next.entity
                    && next.entity != Entity::Job(AssetIndex::new(stop.via))
                    && (next.via == VIA_NONE
                        || stop.entity != Entity::Job(AssetIndex::new(next.via)))
            })
    }

    fn way(&self, beginning: &Beginning<'_>, from: FieldRoot) -> Way {
        let mut way = Way {
            assets: vec![from.asset()],
            fields: Vec::new(),
            hops: beginning.hops,
        };
        if let Entity::Field(field) = beginning.stops[0].entity {
            way.fields.push(field);
        }
        for stop in &beginning.stops[1..] {
            if let Some(field) = stop.from_field
                && way.fields.last() != Some(&field)
            {
                way.fields.push(field);
            }
            if stop.via != VIA_NONE {
                way.assets.push(AssetIndex::new(stop.via));
            }
            let asset = match stop.entity {
                Entity::Dataset(asset) | Entity::Job(asset) => asset,
                Entity::Field(field) => {
                    way.fields.push(field);
                    AssetIndex::new(self.steps.fields.row_of(field.get()).dataset)
                }
            };
            if way.assets.last() != Some(&asset) {
                way.assets.push(asset);
            }
        }
        way
    }
}

impl Beginning<'_> {
    fn names(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.stops.iter().flat_map(|stop| {
            let via = (stop.via != VIA_NONE).then_some(AssetIndex::new(stop.via));
            let (asset, field) = match stop.entity {
                Entity::Dataset(asset) | Entity::Job(asset) => (Some(asset), None),
                Entity::Field(field) => {
                    let field = self.snapshot.field(field);
                    (
                        field.map(|field| field.dataset),
                        field.and_then(|field| field.name),
                    )
                }
            };
            let name = |asset: Option<AssetIndex>, field: Option<_>| {
                let asset = self.snapshot.asset(asset?)?;
                Some((asset.namespace, asset.name, field.unwrap_or("")))
            };
            [name(via, None), name(asset, field)].into_iter().flatten()
        })
    }
}

impl Ord for Beginning<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.hops_all
            .cmp(&other.hops_all)
            .then_with(|| self.names().cmp(other.names()))
    }
}

impl PartialOrd for Beginning<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Beginning<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Beginning<'_> {}
