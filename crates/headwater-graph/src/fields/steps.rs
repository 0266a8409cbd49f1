//! One step of a walk over fields, and what it does where there is no field lineage.
//!
//! A field is left by its own edges and by those of its dataset as a whole. A dataset as a whole is left by the edges
//! of all its fields. Where an edge between assets has no edges between fields, both are left at dataset level.

use headwater_model::AssetIndex;
use rustc_hash::FxHashSet;

use crate::closure::{Direction, root_job_goals};
use crate::csr::{Entry, SPECIAL, VIA_NONE, VIA_STATED};
use crate::fields::{FieldIndex, Fields};
use crate::snapshot::{Parts, Snapshot};

/// What a walk over fields reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// A field.
    Field(FieldIndex),
    /// A dataset as a whole: all its fields.
    Dataset(AssetIndex),
    /// A job.
    Job(AssetIndex),
}

/// Where a walk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// On a field of a dataset; none if no edge ends in that field.
    Field(u32, Option<u32>),
    /// On a dataset as a whole.
    Whole(u32),
    /// On a job, which only a root is.
    Job(u32),
}

impl Standing {
    /// Its dataset or job, then its field; a dataset as a whole comes first.
    #[inline]
    pub(crate) fn key(self) -> (u32, u32) {
        match self {
            Self::Field(dataset, field) => (dataset, field.map_or(0, |field| field + 1)),
            Self::Whole(asset) | Self::Job(asset) => (asset, 0),
        }
    }
}

/// Where a step leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Goal {
    /// To a field, by an edge from a field (none: from the dataset as a whole).
    Field { from: Option<u32>, to: u32 },
    /// To a dataset as a whole, by an edge from a field.
    WholeByField { from: Option<u32>, to: u32 },
    /// To a dataset as a whole, by an edge between assets.
    Whole(u32),
    /// To the job only: nothing else is known beyond it.
    Job,
}

/// The steps of one walk.
pub(crate) struct Steps<'s> {
    pub(crate) snapshot: &'s Snapshot,
    pub(crate) fields: &'s Fields,
    pub(crate) direction: Direction,
}

impl<'s> Steps<'s> {
    pub(crate) fn new(snapshot: &'s Snapshot, direction: Direction) -> Self {
        Self {
            snapshot,
            fields: &snapshot.parts().fields,
            direction,
        }
    }

    fn parts(&self) -> &'s Parts {
        self.snapshot.parts()
    }

    /// The steps along the edges of one field, (job or [`VIA_NONE`], goal). Those to itself lead to their job only.
    #[inline]
    pub(crate) fn of_field(&self, field: u32, mut step: impl FnMut(u32, Goal)) {
        let from = (!self.fields.row_of(field).is_whole()).then_some(field);
        for slice in self.fields.adjacency(self.direction).slices(field) {
            for (at, target) in slice.targets.iter().enumerate() {
                let to = target & !SPECIAL;
                let via = slice.vias.get(at).copied().unwrap_or(VIA_NONE);
                if to == field {
                    if via != VIA_NONE {
                        step(via, Goal::Job);
                    }
                    continue;
                }
                let row = self.fields.row_of(to);
                let goal = if row.is_whole() {
                    Goal::WholeByField {
                        from,
                        to: row.dataset,
                    }
                } else {
                    Goal::Field { from, to }
                };
                step(via, goal);
            }
        }
    }

    /// The steps out of a job that a walk starts from.
    pub(crate) fn of_root_job(&self, job: u32, mut step: impl FnMut(u32, Goal)) {
        root_job_goals(self.snapshot, self.direction, job, |to| {
            step(VIA_NONE, Goal::Whole(to));
        });
        if self.direction == Direction::Downstream {
            return;
        }
        // Upstream of a job are the fields that it makes its outputs from, too.
        let outputs = self.parts().downstream.entries(job);
        for field in outputs.flat_map(|output| self.fields.of(output.asset)) {
            for origin in self.fields.upstream.entries(field) {
                let row = self.fields.row_of(origin.asset);
                if origin.via == job && !row.is_whole() {
                    step(
                        VIA_NONE,
                        Goal::Field {
                            from: None,
                            to: origin.asset,
                        },
                    );
                }
            }
        }
    }

    /// The steps at dataset level: along edges that have no edges between fields.
    pub(crate) fn without_fields(&self, dataset: u32, step: impl FnMut(u32, Goal)) {
        match self.direction {
            Direction::Downstream => self.without_fields_down(dataset, step),
            Direction::Upstream => self.without_fields_up(dataset, step),
        }
    }

    fn without_fields_down(&self, dataset: u32, mut step: impl FnMut(u32, Goal)) {
        let parts = self.parts();
        let mut linked = None;
        for entry in parts.downstream.entries(dataset) {
            if entry.is_special {
                if entry.asset != dataset && !self.is_linked(&mut linked, dataset, entry) {
                    step(entry.via, Goal::Whole(entry.asset));
                }
                continue;
            }
            let job = entry.asset;
            let (mut is_told, mut leads_on) = (false, false);
            for output in parts.downstream.entries(job) {
                let by_job = Entry::derives(output.asset, job);
                if self.is_linked(&mut linked, dataset, by_job) {
                    is_told = true;
                } else if !output.is_special && output.asset != dataset {
                    leads_on = true;
                    step(job, Goal::Whole(output.asset));
                }
            }
            if !is_told && !leads_on {
                step(job, Goal::Job);
            }
        }
    }

    fn without_fields_up(&self, dataset: u32, mut step: impl FnMut(u32, Goal)) {
        let parts = self.parts();
        let mut linked = None;
        for entry in parts.upstream.entries(dataset) {
            if entry.is_special && entry.via == VIA_STATED {
                // Its origins are DERIVES edges, each a step of its own. Where there are none but itself, and no edge
                // between its fields tells more, the job is as far as it goes.
                let job = entry.asset;
                let by_job = Entry::derives(dataset, job);
                let mut origins = parts.derivations.entries_to(job, dataset);
                if origins.all(|derived| derived.via == dataset)
                    && !self.is_linked(&mut linked, dataset, by_job)
                {
                    step(job, Goal::Job);
                }
                continue;
            }
            if entry.is_special {
                if entry.asset != dataset && !self.is_linked(&mut linked, dataset, entry) {
                    step(entry.via, Goal::Whole(entry.asset));
                }
                continue;
            }
            let job = entry.asset;
            let (mut is_told, mut leads_on) = (false, false);
            for input in parts.upstream.entries(job) {
                let by_job = Entry::derives(input.asset, job);
                if self.is_linked(&mut linked, dataset, by_job) {
                    is_told = true;
                } else if input.asset != dataset {
                    leads_on = true;
                    step(job, Goal::Whole(input.asset));
                }
            }
            if !is_told && !leads_on {
                step(job, Goal::Job);
            }
        }
    }

    /// Whether edges between fields stand for the edge between the dataset and the asset of `entry`: those with the same
    /// job, or with none.
    fn is_linked(
        &self,
        linked: &mut Option<FxHashSet<(u32, u32)>>,
        dataset: u32,
        entry: Entry,
    ) -> bool {
        let linked = linked.get_or_insert_with(|| {
            let mut found = FxHashSet::default();
            for field in self.fields.of(dataset) {
                for other in self.fields.adjacency(self.direction).entries(field) {
                    found.insert((self.fields.row_of(other.asset).dataset, other.via));
                }
            }
            found
        });
        linked.contains(&(entry.asset, VIA_NONE)) || linked.contains(&(entry.asset, entry.via))
    }
}
