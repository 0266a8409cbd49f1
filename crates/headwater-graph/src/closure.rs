//! Everything that depends on the roots, or that they depend on.

use std::ops::ControlFlow;

use headwater_model::AssetIndex;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::adjacency::Adjacency;
use crate::asset_set::AssetSet;
use crate::csr::{SPECIAL, VIA_NONE, VIA_STATED};
use crate::snapshot::Snapshot;

/// Which way a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To what the roots are computed from.
    Upstream,
    /// To what is computed from the roots.
    Downstream,
}

/// How far a walk goes; without a bound, to the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosureOptions {
    /// Assets further away are left out. Hops are datasets entered; jobs add none.
    pub depth_hops_max: Option<u32>,
    /// At most so many assets, the nearest ones, roots not counted.
    pub assets_max: Option<usize>,
}

/// Why a walk stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CutReason {
    /// There is more beyond the depth.
    Depth,
    /// There are more assets than asked for.
    Limit,
    /// The caller called it off.
    Timeout,
}

/// One asset of a closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The asset.
    pub asset: AssetIndex,
    /// Datasets entered on the shortest way from a root; a job has the hops of the dataset next to it.
    pub hops: u32,
    /// The place of the dataset (or root) before it on that way.
    before: Place,
    /// The job between the two, or [`VIA_NONE`].
    via: u32,
}

/// The place of an entry, or of a root if the top bit is set.
type Place = u32;
const ROOT: Place = 1 << 31;
/// Edges looked at between two questions whether to go on.
const POLL_EDGES: usize = 4096;

/// Everything reached from the roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closure {
    /// The roots that the graph knows, as canonical assets, without repeats, in the order given.
    pub roots: Vec<AssetIndex>,
    /// What was reached, by hops, then in an order that follows from the graph and the roots; never a root.
    pub entries: Vec<Reached>,
    /// Why the walk stopped early; `None` if it did not.
    pub cut_by: Option<CutReason>,
    /// Assets at which it stopped and that have something beyond that is not in the closure: datasets, and
    /// roots. A walk that goes on from these finds the rest.
    pub frontier: Vec<AssetIndex>,
}

impl Closure {
    /// One shortest way from a root to an entry, both ends included, jobs too; empty if there is no such entry.
    pub fn path(&self, entry: usize) -> Vec<AssetIndex> {
        let mut path = Vec::new();
        let Some(mut reached) = self.entries.get(entry) else {
            return path;
        };
        loop {
            path.push(reached.asset);
            if reached.via != VIA_NONE {
                path.push(AssetIndex::new(reached.via));
            }
            if reached.before & ROOT != 0 {
                path.push(self.roots[(reached.before & !ROOT) as usize]);
                break;
            }
            reached = &self.entries[reached.before as usize];
        }
        path.reverse();
        path
    }

    /// The dataset or root before an entry on its path.
    pub(crate) fn before(&self, reached: &Reached) -> AssetIndex {
        if reached.before & ROOT != 0 {
            self.roots[(reached.before & !ROOT) as usize]
        } else {
            self.entries[reached.before as usize].asset
        }
    }

    /// The root that the path to an entry starts from.
    pub fn root(&self, entry: usize) -> Option<AssetIndex> {
        let mut reached = self.entries.get(entry)?;
        while reached.before & ROOT == 0 {
            reached = &self.entries[reached.before as usize];
        }
        self.roots.get((reached.before & !ROOT) as usize).copied()
    }
}

impl Snapshot {
    /// Everything that the walk from `roots` reaches.
    ///
    /// Through a job every input reaches every output, but for outputs whose origins are stated: these are
    /// entered from their origins only, by Derives edges, and the job of such an edge counts as reached without
    /// being walked through. A walk that starts at a job reaches all its outputs (upstream: its inputs and the
    /// stated origins of its outputs). Edges of an asset to itself and Follows edges are not walked.
    ///
    /// What `stop_at` picks is reached but not walked through, as the job of a Derives edge neither; roots are
    /// always walked. `cancelled` is asked every few thousand edges with the number of assets reached so far;
    /// true ends the walk. A closure cut by `assets_max` is the beginning of the whole one.
    /// Roots that the graph does not know are left out.
    pub fn closure(
        &self,
        roots: &[AssetIndex],
        direction: Direction,
        options: &ClosureOptions,
        stop_at: impl Fn(AssetIndex) -> bool,
        cancelled: impl FnMut(usize) -> bool,
    ) -> Closure {
        let mut walk = Walk::new(self, direction, options, stop_at, cancelled);
        let start = walk.start(roots);
        walk.run(start);
        walk.closure
    }
}

/// What to enter once all assets of a level are reached.
#[derive(Default)]
struct Steps {
    /// Single datasets, in the order in which they were found.
    datasets: Vec<Step>,
    /// All outputs (upstream: inputs) of jobs.
    jobs: Vec<JobStep>,
}

/// A step to one dataset.
#[derive(Clone, Copy)]
struct Step {
    before: Place,
    via: u32,
    to: u32,
}

/// A step through a job.
#[derive(Clone, Copy)]
struct JobStep {
    job: u32,
    before: Place,
}

/// A dataset of a level and its place.
#[derive(Clone, Copy)]
struct Standing {
    asset: u32,
    place: Place,
}

/// The walk ends here, for a reason that is already in the closure.
struct Cut;

struct Walk<'s, S, C> {
    snapshot: &'s Snapshot,
    adjacency: &'s Adjacency,
    direction: Direction,
    depth_max: u32,
    assets_max: usize,
    stop_at: S,
    cancelled: C,
    seen: AssetSet,
    /// Jobs walked through: a job can be reached by the way before that.
    expanded: AssetSet,
    stopped: FxHashSet<u32>,
    root_jobs: Vec<Standing>,
    closure: Closure,
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
        let assets_count = snapshot.assets_count();
        Self {
            snapshot,
            adjacency: snapshot.adjacency(direction),
            direction,
            depth_max: options.depth_hops_max.unwrap_or(u32::MAX),
            assets_max: options.assets_max.unwrap_or(usize::MAX),
            stop_at,
            cancelled,
            seen: AssetSet::with_capacity(assets_count),
            expanded: AssetSet::with_capacity(assets_count),
            stopped: FxHashSet::default(),
            root_jobs: Vec::new(),
            closure: Closure::default(),
            edges_until_poll: 0,
        }
    }

    /// Marks the roots; the datasets among them are the first level.
    fn start(&mut self, roots: &[AssetIndex]) -> Vec<Standing> {
        let mut level = Vec::new();
        for root in roots
            .iter()
            .filter_map(|root| self.snapshot.canonical(*root))
        {
            let asset = root.get();
            if !self.seen.add(asset) {
                continue;
            }
            let place = self.closure.roots.len() as u32 | ROOT;
            self.closure.roots.push(root);
            let standing = Standing { asset, place };
            if self.snapshot.is_job(asset) {
                self.expanded.add(asset);
                self.root_jobs.push(standing);
            } else {
                level.push(standing);
            }
        }
        level
    }

    fn run(&mut self, start: Vec<Standing>) {
        let (mut level, mut steps) = (start, Steps::default());
        let root_jobs = std::mem::take(&mut self.root_jobs);
        for job in &root_jobs {
            root_job_goals(self.snapshot, self.direction, job.asset, |to| {
                steps.datasets.push(Step {
                    before: job.place,
                    via: VIA_NONE,
                    to,
                });
            });
        }
        let mut hops = 0;
        let mut next = Vec::new();
        loop {
            // Rows are read from front to back, which counts where they do not fit the caches.
            level.sort_unstable_by_key(|standing| standing.asset);
            if self.reach_jobs(&level, hops, &mut steps).is_break() {
                break;
            }
            if hops == self.depth_max {
                self.closure.cut_by = Some(CutReason::Depth);
                break;
            }
            hops += 1;
            steps.jobs.sort_unstable_by_key(|step| step.job);
            if self.enter_datasets(&steps, hops, &mut next).is_break() {
                break;
            }
            steps.datasets.clear();
            steps.jobs.clear();
            std::mem::swap(&mut level, &mut next);
            next.clear();
            if level.is_empty() {
                return;
            }
        }
        let is_first = level.iter().all(|standing| standing.place & ROOT != 0);
        let root_jobs: &[Standing] = if is_first { &root_jobs } else { &[] };
        self.find_frontier(root_jobs, &level, &next);
    }

    /// Reaches the jobs next to the level's datasets, and notes the steps into the next level.
    fn reach_jobs(&mut self, level: &[Standing], hops: u32, steps: &mut Steps) -> ControlFlow<Cut> {
        for standing in level {
            let before = standing.place;
            for slice in self.adjacency.slices(standing.asset) {
                self.poll(slice.targets.len())?;
                for (at, target) in slice.targets.iter().enumerate() {
                    if target & SPECIAL != 0 {
                        let to = target & !SPECIAL;
                        self.reach_special(*standing, to, slice.vias[at], hops, steps)?;
                    } else if self.expanded.add(*target) {
                        let via = *target;
                        self.reach(via, hops, before, VIA_NONE)?;
                        if !self.is_stopped(via) {
                            steps.jobs.push(JobStep { job: via, before });
                        }
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn reach_special(
        &mut self,
        standing: Standing,
        to: u32,
        via: u32,
        hops: u32,
        steps: &mut Steps,
    ) -> ControlFlow<Cut> {
        let before = standing.place;
        if via == VIA_STATED {
            self.reach(to, hops, before, VIA_NONE)?;
            return ControlFlow::Continue(());
        }
        if to == standing.asset {
            return ControlFlow::Continue(());
        }
        if via != VIA_NONE {
            self.reach(via, hops, before, VIA_NONE)?;
            if self.is_stopped(via) {
                return ControlFlow::Continue(());
            }
        }
        if !self.seen.has(to) {
            steps.datasets.push(Step { before, via, to });
        }
        ControlFlow::Continue(())
    }

    /// Takes the steps; what they reach for the first time is the next level, but for where to stop.
    fn enter_datasets(
        &mut self,
        steps: &Steps,
        hops: u32,
        next: &mut Vec<Standing>,
    ) -> ControlFlow<Cut> {
        for step in &steps.datasets {
            self.enter(*step, hops, next)?;
        }
        let adjacency = self.adjacency;
        for JobStep { job, before } in &steps.jobs {
            for slice in adjacency.slices(*job) {
                self.poll(slice.targets.len())?;
                for target in slice.targets {
                    if target & SPECIAL == 0 && !self.seen.has(*target) {
                        let step = Step {
                            before: *before,
                            via: *job,
                            to: *target,
                        };
                        self.enter(step, hops, next)?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    #[inline]
    fn enter(&mut self, step: Step, hops: u32, next: &mut Vec<Standing>) -> ControlFlow<Cut> {
        let (asset, place) = (step.to, self.closure.entries.len() as u32);
        if self.reach(asset, hops, step.before, step.via)? && !self.is_stopped(asset) {
            next.push(Standing { asset, place });
        }
        ControlFlow::Continue(())
    }

    /// Adds an asset to the closure; true if it was not reached before.
    #[inline]
    fn reach(&mut self, asset: u32, hops: u32, before: Place, via: u32) -> ControlFlow<Cut, bool> {
        if self.seen.has(asset) {
            return ControlFlow::Continue(false);
        }
        if self.closure.entries.len() >= self.assets_max {
            self.closure.cut_by = Some(CutReason::Limit);
            return ControlFlow::Break(Cut);
        }
        self.seen.add(asset);
        let index = AssetIndex::new(asset);
        self.closure.entries.push(Reached {
            asset: index,
            hops,
            before,
            via,
        });
        if (self.stop_at)(index) {
            self.stopped.insert(asset);
        }
        ControlFlow::Continue(true)
    }

    #[inline]
    fn is_stopped(&self, asset: u32) -> bool {
        !self.stopped.is_empty() && self.stopped.contains(&asset)
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

    /// Of the assets whose neighbours may be missing, keeps those that have one that is.
    fn find_frontier(&mut self, root_jobs: &[Standing], level: &[Standing], next: &[Standing]) {
        let mut beyond = FxHashMap::default();
        let mut frontier = Vec::new();
        for job in root_jobs {
            let mut has_beyond = false;
            root_job_goals(self.snapshot, self.direction, job.asset, |to| {
                has_beyond |= !self.seen.has(to);
            });
            if has_beyond {
                frontier.push(AssetIndex::new(job.asset));
            }
        }
        for standing in level.iter().chain(next) {
            if self.has_beyond(standing.asset, &mut beyond) {
                frontier.push(AssetIndex::new(standing.asset));
            }
        }
        if frontier.is_empty() && self.closure.cut_by == Some(CutReason::Depth) {
            self.closure.cut_by = None;
        }
        self.closure.frontier = frontier;
    }

    /// Whether a walk on from the dataset would reach something new. `jobs` remembers the answers for jobs.
    fn has_beyond(&self, dataset: u32, jobs: &mut FxHashMap<u32, bool>) -> bool {
        self.adjacency.entries(dataset).any(|entry| {
            if !entry.is_special {
                let job = entry.asset;
                return !self.seen.has(job)
                    || !self.is_stopped(job)
                        && *jobs.entry(job).or_insert_with(|| {
                            self.adjacency
                                .entries(job)
                                .any(|to| !to.is_special && !self.seen.has(to.asset))
                        });
            }
            if entry.via == VIA_STATED {
                return !self.seen.has(entry.asset);
            }
            if entry.asset == dataset {
                return false;
            }
            let is_via_new = entry.via != VIA_NONE && !self.seen.has(entry.via);
            is_via_new || !self.is_stopped(entry.via) && !self.seen.has(entry.asset)
        })
    }
}

/// What a walk that starts at a job enters first: downstream all its outputs; upstream its inputs, then what
/// its outputs are stated to derive from.
pub(crate) fn root_job_goals(
    snapshot: &Snapshot,
    direction: Direction,
    job: u32,
    mut goal: impl FnMut(u32),
) {
    let parts = snapshot.parts();
    match direction {
        Direction::Downstream => parts
            .downstream
            .entries(job)
            .for_each(|output| goal(output.asset)),
        Direction::Upstream => {
            parts
                .upstream
                .entries(job)
                .for_each(|input| goal(input.asset));
            for output in parts
                .downstream
                .entries(job)
                .filter(|output| output.is_special)
            {
                let origins = parts.derivations.entries_to(job, output.asset);
                // Beside what is derived stands the origin; an origin of itself is not walked.
                origins
                    .filter(|derived| derived.via != derived.asset)
                    .for_each(|derived| goal(derived.via));
            }
        }
    }
}
