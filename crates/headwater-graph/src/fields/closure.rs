//! Everything that depends on fields, or that they depend on.

use std::ops::ControlFlow;

use headwater_model::AssetIndex;
use rustc_hash::FxHashSet;

use crate::asset_set::AssetSet;
use crate::closure::{ClosureOptions, CutReason, Direction};
use crate::csr::VIA_NONE;
use crate::fields::{Entity, FieldIndex, Goal, Standing, Steps};
use crate::snapshot::Snapshot;

/// Where a walk over fields starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldRoot {
    /// A dataset with all its fields, or a job.
    Asset(AssetIndex),
    /// A field of a dataset; without a number if no edge ends in it.
    Field(AssetIndex, Option<FieldIndex>),
}

impl FieldRoot {
    /// The asset that it is or belongs to.
    pub fn asset(self) -> AssetIndex {
        match self {
            Self::Asset(asset) | Self::Field(asset, _) => asset,
        }
    }
}

/// One thing that a walk over fields reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldReached {
    /// The field, the dataset as a whole, or the job.
    pub entity: Entity,
    /// The asset that it is or belongs to.
    pub asset: AssetIndex,
    /// Datasets entered on the shortest way from a root; a job has the hops of what comes before it.
    pub hops: u32,
    /// The field that the last step leaves: none if it leaves a dataset as a whole.
    pub from_field: Option<FieldIndex>,
    before: Place,
    via: u32,
}

/// The place of an entry, or of a root if the top bit is set.
type Place = u32;
const ROOT: Place = 1 << 31;
/// Edges looked at between two questions whether to go on.
const POLL_EDGES: usize = 4096;

/// Everything reached from the roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldClosure {
    /// The roots, with canonical assets that the graph knows, without repeats, in the order given.
    pub roots: Vec<FieldRoot>,
    /// What was reached, by hops; never a root.
    pub entries: Vec<FieldReached>,
    /// Why the walk stopped early; `None` if it did not.
    pub cut_by: Option<CutReason>,
    /// Assets at which it stopped and that have something beyond that is not in the closure.
    pub frontier: Vec<AssetIndex>,
    /// Datasets at which it went on at dataset level, for want of field lineage, without repeats.
    pub without_fields: Vec<AssetIndex>,
}

impl FieldClosure {
    /// The assets on one shortest way from a root to an entry, both ends included, jobs too, and the fields on it.
    pub fn path(&self, entry: usize) -> (Vec<AssetIndex>, Vec<FieldIndex>) {
        let (mut assets, mut fields) = (Vec::new(), Vec::new());
        let Some(mut reached) = self.entries.get(entry) else {
            return (assets, fields);
        };
        loop {
            push_new(&mut assets, reached.asset);
            if let Entity::Field(field) = reached.entity {
                push_new(&mut fields, field);
            }
            if reached.via != VIA_NONE {
                assets.push(AssetIndex::new(reached.via));
            }
            if let Some(field) = reached.from_field {
                push_new(&mut fields, field);
            }
            if reached.before & ROOT != 0 {
                let root = self.roots[(reached.before & !ROOT) as usize];
                push_new(&mut assets, root.asset());
                break;
            }
            reached = &self.entries[reached.before as usize];
        }
        assets.reverse();
        fields.reverse();
        (assets, fields)
    }

    /// The root that the way to an entry starts from.
    pub fn root(&self, entry: usize) -> Option<AssetIndex> {
        let mut reached = self.entries.get(entry)?;
        while reached.before & ROOT == 0 {
            reached = &self.entries[reached.before as usize];
        }
        let root = self.roots.get((reached.before & !ROOT) as usize)?;
        Some(root.asset())
    }

    /// What the last step to an entry leaves: the asset, and the job between the two.
    pub fn last_step(&self, entry: usize) -> Option<(AssetIndex, Option<AssetIndex>)> {
        let reached = self.entries.get(entry)?;
        let before = if reached.before & ROOT == 0 {
            self.entries[reached.before as usize].asset
        } else {
            self.roots[(reached.before & !ROOT) as usize].asset()
        };
        let via = (reached.via != VIA_NONE).then(|| AssetIndex::new(reached.via));
        Some((before, via))
    }
}

/// Two steps within one dataset, or the end of one step and the beginning of the next, are one place.
fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.last() != Some(&item) {
        list.push(item);
    }
}

impl Snapshot {
    /// Everything that the walk from `roots` reaches by edges between fields.
    ///
    /// An edge that ends in a dataset as a whole (a filter, a grouping) reaches all its fields. An edge between assets
    /// for which no edge between fields stands is taken at dataset level, and the dataset at which that happens is
    /// told. Steps within one dataset count as a hop. For the rest as [`Snapshot::closure`].
    pub fn field_closure(
        &self,
        roots: &[FieldRoot],
        direction: Direction,
        options: &ClosureOptions,
        stop_at: impl Fn(AssetIndex) -> bool,
        cancelled: impl FnMut(usize) -> bool,
    ) -> FieldClosure {
        let mut walk = Walk::new(self, direction, options, stop_at, cancelled);
        let level = walk.start(roots);
        walk.run(level);
        walk.closure
    }
}

#[derive(Clone, Copy)]
struct Placed {
    standing: Standing,
    place: Place,
}

#[derive(Clone, Copy)]
struct Step {
    before: Place,
    via: u32,
    goal: Goal,
}

/// The walk ends here, for a reason that is already in the closure.
struct Cut;

struct Walk<'s, S, C> {
    steps: Steps<'s>,
    depth_max: u32,
    entries_max: usize,
    stop_at: S,
    cancelled: C,
    fields: AssetSet,
    wholes: AssetSet,
    jobs: AssetSet,
    /// Datasets whose steps that do not depend on a field were taken.
    left: AssetSet,
    closure: FieldClosure,
    edges_until_poll: usize,
}

impl<'s, S, C> Walk<'s, S, C>
where
    S: Fn(AssetIndex) -> bool,
    C: FnMut(usize) -> bool,
{
    fn new(
        snapshot: &'s Snapshot,
        direction: Direction,
        options: &ClosureOptions,
        stop_at: S,
        cancelled: C,
    ) -> Self {
        let assets = || AssetSet::with_capacity(snapshot.assets_count());
        Self {
            steps: Steps::new(snapshot, direction),
            depth_max: options.depth_hops_max.unwrap_or(u32::MAX),
            entries_max: options.assets_max.unwrap_or(usize::MAX),
            stop_at,
            cancelled,
            fields: AssetSet::with_capacity(snapshot.fields_count()),
            wholes: assets(),
            jobs: assets(),
            left: assets(),
            closure: FieldClosure::default(),
            edges_until_poll: 0,
        }
    }

    fn start(&mut self, roots: &[FieldRoot]) -> Vec<Placed> {
        let snapshot = self.steps.snapshot;
        let mut level = Vec::new();
        for root in roots {
            let Some(asset) = snapshot.canonical(root.asset()) else {
                continue;
            };
            let (root, standing) = match *root {
                FieldRoot::Field(_, field) => (
                    FieldRoot::Field(asset, field),
                    Standing::Field(asset.get(), field.map(FieldIndex::get)),
                ),
                FieldRoot::Asset(_) if snapshot.is_job(asset.get()) => {
                    (FieldRoot::Asset(asset), Standing::Job(asset.get()))
                }
                FieldRoot::Asset(_) => (FieldRoot::Asset(asset), Standing::Whole(asset.get())),
            };
            if self.closure.roots.contains(&root) {
                continue;
            }
            match standing {
                Standing::Field(_, Some(field)) => self.fields.add(field),
                Standing::Field(_, None) => false,
                Standing::Whole(dataset) => self.wholes.add(dataset),
                Standing::Job(job) => self.jobs.add(job),
            };
            let place = self.closure.roots.len() as u32 | ROOT;
            self.closure.roots.push(root);
            level.push(Placed { standing, place });
        }
        // All fields of a root are roots.
        for placed in &level {
            if let Standing::Whole(dataset) = placed.standing {
                for field in self.steps.fields.of(dataset) {
                    self.fields.add(field);
                }
            }
        }
        level
    }

    fn run(&mut self, start: Vec<Placed>) {
        let (mut level, mut next, mut steps) = (start, Vec::new(), Vec::new());
        let mut hops = 0;
        let mut is_root = true;
        loop {
            if self
                .leave_level(&level, hops, is_root, &mut steps)
                .is_break()
            {
                break;
            }
            is_root = false;
            if hops == self.depth_max {
                self.closure.cut_by = Some(CutReason::Depth);
                break;
            }
            hops += 1;
            if self.enter_all(&steps, hops, &mut next).is_break() {
                break;
            }
            steps.clear();
            std::mem::swap(&mut level, &mut next);
            next.clear();
            if level.is_empty() {
                return;
            }
            // Rows are read from front to back, which counts where they do not fit the caches.
            level.sort_unstable_by_key(|placed| placed.standing.key());
        }
        self.find_frontier(&level, &next, &steps);
    }

    /// Reaches the jobs on the way out of a level, and notes the steps into the next.
    fn leave_level(
        &mut self,
        level: &[Placed],
        hops: u32,
        is_root: bool,
        steps: &mut Vec<Step>,
    ) -> ControlFlow<Cut> {
        for placed in level {
            let first = steps.len();
            self.leave(*placed, is_root, steps);
            self.poll(steps.len() - first + 1)?;
            let mut kept = first;
            for at in first..steps.len() {
                let step = steps[at];
                if step.via != VIA_NONE {
                    self.reach_job(step, hops)?;
                    if (self.stop_at)(AssetIndex::new(step.via)) {
                        continue;
                    }
                }
                steps[kept] = step;
                kept +=
                    usize::from(!self.is_reached(step.goal) && !self.is_within_whole(step.goal));
            }
            steps.truncate(kept);
        }
        ControlFlow::Continue(())
    }

    fn leave(&mut self, placed: Placed, is_root: bool, steps: &mut Vec<Step>) {
        let before = placed.place;
        let mut push = |via, goal| steps.push(Step { before, via, goal });
        let dataset = match placed.standing {
            Standing::Job(job) => {
                self.steps.of_root_job(job, push);
                return;
            }
            Standing::Field(dataset, field) => {
                if let Some(field) = field {
                    self.steps.of_field(field, &mut push);
                }
                dataset
            }
            Standing::Whole(dataset) => {
                let fields = self.steps.fields;
                for field in fields.of(dataset) {
                    // A field that was reached by itself is left by itself.
                    if is_root || !self.fields.has(field) {
                        self.steps.of_field(field, &mut push);
                    }
                }
                dataset
            }
        };
        if self.left.add(dataset) {
            if let Some(whole) = self.steps.fields.whole_of(dataset) {
                self.steps.of_field(whole, &mut push);
            }
            let mut has_any = false;
            self.steps.without_fields(dataset, |via, goal| {
                has_any = true;
                push(via, goal);
            });
            if has_any {
                self.closure.without_fields.push(AssetIndex::new(dataset));
            }
        }
    }

    fn is_reached(&self, goal: Goal) -> bool {
        match goal {
            Goal::Field { to, .. } => self.fields.has(to),
            Goal::Whole(to) | Goal::WholeByField { to, .. } => self.wholes.has(to),
            Goal::Job => true,
        }
    }

    /// Whether it is a field of a dataset that an earlier level reached as a whole.
    fn is_within_whole(&self, goal: Goal) -> bool {
        matches!(goal, Goal::Field { to, .. } if self.wholes.has(self.steps.fields.row_of(to).dataset))
    }

    fn reach_job(&mut self, step: Step, hops: u32) -> ControlFlow<Cut> {
        if self.jobs.has(step.via) {
            return ControlFlow::Continue(());
        }
        let asset = AssetIndex::new(step.via);
        self.push(FieldReached {
            entity: Entity::Job(asset),
            asset,
            hops,
            from_field: from_field(step.goal),
            before: step.before,
            via: VIA_NONE,
        })?;
        self.jobs.add(step.via);
        ControlFlow::Continue(())
    }

    fn enter_all(&mut self, steps: &[Step], hops: u32, next: &mut Vec<Placed>) -> ControlFlow<Cut> {
        for step in steps {
            if self.is_reached(step.goal) {
                continue;
            }
            let (entity, asset, standing) = match step.goal {
                Goal::Field { to, .. } => {
                    self.fields.add(to);
                    let dataset = self.steps.fields.row_of(to).dataset;
                    let entity = Entity::Field(FieldIndex::new(to));
                    (entity, dataset, Standing::Field(dataset, Some(to)))
                }
                Goal::Whole(to) | Goal::WholeByField { to, .. } => {
                    self.wholes.add(to);
                    let entity = Entity::Dataset(AssetIndex::new(to));
                    (entity, to, Standing::Whole(to))
                }
                Goal::Job => continue,
            };
            let place = self.closure.entries.len() as u32;
            let asset = AssetIndex::new(asset);
            self.push(FieldReached {
                entity,
                asset,
                hops,
                from_field: from_field(step.goal),
                before: step.before,
                via: step.via,
            })?;
            if !(self.stop_at)(asset) {
                next.push(Placed { standing, place });
            }
        }
        ControlFlow::Continue(())
    }

    #[inline]
    fn push(&mut self, reached: FieldReached) -> ControlFlow<Cut> {
        if self.closure.entries.len() >= self.entries_max {
            self.closure.cut_by = Some(CutReason::Limit);
            return ControlFlow::Break(Cut);
        }
        self.closure.entries.push(reached);
        ControlFlow::Continue(())
    }

    #[inline]
    fn poll(&mut self, edges: usize) -> ControlFlow<Cut> {
        if let Some(left) = self.edges_until_poll.checked_sub(edges) {
            self.edges_until_poll = left;
            return ControlFlow::Continue(());
        }
        self.edges_until_poll = POLL_EDGES;
        if (self.cancelled)(self.closure.entries.len()) {
            self.closure.cut_by = Some(CutReason::Timeout);
            return ControlFlow::Break(Cut);
        }
        ControlFlow::Continue(())
    }

    /// Of the assets that were not left, or not wholly, keeps those with something beyond that is not reached.
    fn find_frontier(&mut self, level: &[Placed], next: &[Placed], noted: &[Step]) {
        // Steps that were noted and not taken are beyond what they leave.
        let mut stopped: Vec<AssetIndex> = noted
            .iter()
            .filter(|step| self.leads_beyond(step))
            .map(|step| self.asset_at(step.before))
            .collect();
        for placed in level.iter().chain(next) {
            if self.has_beyond(placed.standing) {
                stopped.push(self.asset_at(placed.place));
            }
        }
        let mut seen = FxHashSet::default();
        let frontier: Vec<AssetIndex> = stopped
            .into_iter()
            .filter(|asset| seen.insert(*asset))
            .collect();
        if frontier.is_empty() && self.closure.cut_by == Some(CutReason::Depth) {
            self.closure.cut_by = None;
        }
        self.closure.frontier = frontier;
    }

    fn asset_at(&self, place: Place) -> AssetIndex {
        if place & ROOT == 0 {
            self.closure.entries[place as usize].asset
        } else {
            self.closure.roots[(place & !ROOT) as usize].asset()
        }
    }

    fn has_beyond(&mut self, standing: Standing) -> bool {
        let mut steps = Vec::new();
        let placed = Placed { standing, place: 0 };
        let (dataset, was_left) = match standing {
            Standing::Field(dataset, _) | Standing::Whole(dataset) => {
                (dataset, self.left.has(dataset))
            }
            Standing::Job(job) => (job, false),
        };
        let told = self.closure.without_fields.len();
        self.leave(placed, true, &mut steps);
        if !was_left {
            // It is looked at, not left.
            self.left.drop_asset(dataset);
            self.closure.without_fields.truncate(told);
        }
        steps.iter().any(|step| self.leads_beyond(step))
    }

    /// Whether a step reaches what is not reached: a job, or what is beyond it.
    fn leads_beyond(&self, step: &Step) -> bool {
        let is_new_job = step.via != VIA_NONE && !self.jobs.has(step.via);
        let is_stopped = step.via != VIA_NONE && (self.stop_at)(AssetIndex::new(step.via));
        let is_reached = self.is_reached(step.goal) || self.is_within_whole(step.goal);
        is_new_job || !is_stopped && !is_reached
    }
}

fn from_field(goal: Goal) -> Option<FieldIndex> {
    match goal {
        Goal::Field { from, .. } | Goal::WholeByField { from, .. } => from.map(FieldIndex::new),
        Goal::Whole(_) | Goal::Job => None,
    }
}
