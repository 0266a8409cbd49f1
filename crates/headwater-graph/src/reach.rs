//! Closures as bare sets: no hops, no ways, no bounds but the depth.
//!
//! This is the walk to be fast where only the assets matter. It goes level by level, a level of datasets and the
//! level of jobs after it in turn. Large levels are put in the order of their numbers before they are walked, so that
//! their rows are read from front to back; queues take items without a branch, as no one could predict it. Lists that
//! changed since the rows were packed come after the others of their level, many at once.

use headwater_model::AssetIndex;

use crate::adjacency::{Adjacency, Packed};
use crate::asset_set::AssetSet;
use crate::closure::{Direction, root_job_goals};
use crate::csr::{SPECIAL, Slice, VIA_NONE, VIA_STATED};
use crate::snapshot::Snapshot;

/// A level with fewer than one asset in this many is walked in the order in which it was found.
const SPARSE: usize = 256;

impl Snapshot {
    /// The assets of [`Snapshot::closure`] as a set, for when nothing else about them is asked.
    pub fn closure_set(
        &self,
        roots: &[AssetIndex],
        direction: Direction,
        depth_hops_max: Option<u32>,
    ) -> AssetSet {
        self.flood(roots, direction, depth_hops_max).0
    }

    /// How many assets [`Snapshot::closure`] reaches.
    pub fn closure_count(
        &self,
        roots: &[AssetIndex],
        direction: Direction,
        depth_hops_max: Option<u32>,
    ) -> usize {
        self.flood(roots, direction, depth_hops_max).1
    }

    /// The closure and how many assets it has.
    fn flood(
        &self,
        roots: &[AssetIndex],
        direction: Direction,
        depth_hops_max: Option<u32>,
    ) -> (AssetSet, usize) {
        let mut flood = Flood::new(self, direction);
        let roots: Vec<u32> = roots
            .iter()
            .filter_map(|root| self.canonical(*root))
            .map(AssetIndex::get)
            .filter(|root| flood.walked.add(*root))
            .collect();
        let (jobs, datasets): (Vec<u32>, Vec<u32>) =
            roots.iter().partition(|root| self.is_job(**root));
        if depth_hops_max != Some(0) {
            for job in jobs {
                root_job_goals(self, direction, job, |to| {
                    flood.next.len += take_new(flood.walked.words_mut(), &[to], flood.next.room(1));
                });
            }
        }
        flood.run(datasets, depth_hops_max.unwrap_or(u32::MAX));
        flood.finish(&roots)
    }
}

/// A queue whose items are written before it is known whether they stay.
#[derive(Default)]
struct Queue {
    items: Vec<u32>,
    len: usize,
}

impl Queue {
    /// Room for `more` items after those that stay.
    #[inline]
    fn room(&mut self, more: usize) -> &mut [u32] {
        let needed = self.len + more;
        if needed > self.items.len() {
            self.items
                .resize(needed.max(2 * self.items.len()).max(64), 0);
        }
        &mut self.items[self.len..needed]
    }

    fn items(&self) -> &[u32] {
        &self.items[..self.len]
    }
}

struct Flood<'s> {
    adjacency: &'s Adjacency,
    /// Datasets reached, and jobs walked through.
    walked: AssetSet,
    /// Jobs reached as the way of a Derives edge, or as the job of a stated output; made when there is one.
    passed: Option<AssetSet>,
    /// Empty between levels.
    order: AssetSet,
    jobs: Queue,
    next: Queue,
    /// Of a level, what has a changed list; empty between levels.
    changed: Vec<u32>,
    assets_count: usize,
    reached_count: usize,
}

impl<'s> Flood<'s> {
    fn new(snapshot: &'s Snapshot, direction: Direction) -> Self {
        Self {
            adjacency: snapshot.adjacency(direction),
            walked: AssetSet::with_capacity(snapshot.assets_count()),
            passed: None,
            order: AssetSet::default(),
            jobs: Queue::default(),
            next: Queue::default(),
            changed: Vec::new(),
            assets_count: snapshot.assets_count(),
            reached_count: 0,
        }
    }

    fn run(&mut self, start: Vec<u32>, hops_max: u32) {
        let rows = self.adjacency.packed();
        let mut level = start;
        let mut hops = 0;
        while !(level.is_empty() && self.next.len == 0) {
            if hops == hops_max {
                self.reach_jobs(&level);
                return;
            }
            self.leave_datasets(&rows, &level);
            self.reached_count += self.jobs.len;
            level.clear();
            self.take_level(Side::Jobs, &mut level);
            self.leave_jobs(&rows, &level);
            self.reached_count += self.next.len;
            self.take_level(Side::Datasets, &mut level);
            hops += 1;
        }
    }

    /// Empties a queue into `level`; a large one in the order of the assets' numbers.
    fn take_level(&mut self, side: Side, level: &mut Vec<u32>) {
        let queue = match side {
            Side::Jobs => &mut self.jobs,
            Side::Datasets => &mut self.next,
        };
        level.clear();
        if queue.len * SPARSE < self.assets_count {
            level.extend_from_slice(queue.items());
        } else {
            self.order.reserve(self.assets_count);
            for item in queue.items() {
                self.order.add(*item);
            }
            self.order.drain_into(level);
        }
        queue.len = 0;
    }

    fn leave_datasets(&mut self, rows: &Packed<'_>, level: &[u32]) {
        let mut changed = std::mem::take(&mut self.changed);
        for dataset in level {
            if rows.is_changed(*dataset) {
                changed.push(*dataset);
            } else {
                self.leave_by(*dataset, rows.slice(*dataset));
            }
        }
        rows.changed(&changed, |dataset, slice| self.leave_by(dataset, slice));
        changed.clear();
        self.changed = changed;
    }

    #[inline]
    fn leave_by(&mut self, dataset: u32, slice: Slice<'_>) {
        let room = self.jobs.room(slice.targets.len());
        if slice.vias.is_empty() {
            self.jobs.len += take_new(self.walked.words_mut(), slice.targets, room);
            return;
        }
        let passed = self
            .passed
            .get_or_insert_with(|| AssetSet::with_capacity(self.assets_count));
        let (jobs, datasets) = take_by_kind(
            self.walked.words_mut(),
            passed.words_mut(),
            dataset,
            slice,
            room,
            self.next.room(slice.targets.len()),
        );
        self.jobs.len += jobs;
        self.next.len += datasets;
    }

    fn leave_jobs(&mut self, rows: &Packed<'_>, level: &[u32]) {
        let mut changed = std::mem::take(&mut self.changed);
        for job in level {
            if rows.is_changed(*job) {
                changed.push(*job);
            } else {
                self.enter_by(rows.slice(*job));
            }
        }
        rows.changed(&changed, |_, slice| self.enter_by(slice));
        changed.clear();
        self.changed = changed;
    }

    #[inline]
    fn enter_by(&mut self, slice: Slice<'_>) {
        let room = self.next.room(slice.targets.len());
        let walked = self.walked.words_mut();
        self.next.len += if slice.vias.is_empty() {
            take_new(walked, slice.targets, room)
        } else {
            take_plain(walked, slice.targets, room)
        };
    }

    /// Reaches the jobs next to the datasets, and goes no further.
    fn reach_jobs(&mut self, level: &[u32]) {
        for dataset in level {
            for entry in self.adjacency.entries(*dataset) {
                let job = match (entry.is_special, entry.via) {
                    (false, _) => {
                        self.reached_count += usize::from(self.walked.add(entry.asset));
                        continue;
                    }
                    (true, VIA_STATED) => entry.asset,
                    (true, VIA_NONE) => continue,
                    (true, _) if entry.asset == *dataset => continue,
                    (true, via) => via,
                };
                self.passed
                    .get_or_insert_with(|| AssetSet::with_capacity(self.assets_count))
                    .add(job);
            }
        }
    }

    /// The set without the roots, and its size.
    fn finish(mut self, roots: &[u32]) -> (AssetSet, usize) {
        if let Some(passed) = &self.passed {
            self.walked.add_all(passed);
            self.reached_count = self.walked.len() - roots.len();
        }
        for root in roots {
            self.walked.drop_asset(*root);
        }
        (self.walked, self.reached_count)
    }
}

#[derive(Clone, Copy)]
enum Side {
    Jobs,
    Datasets,
}

/// Sets a bit; true if it was not set.
#[inline]
fn set(words: &mut [u64], index: u32) -> bool {
    let word = &mut words[index as usize / 64];
    let bit = 1 << (index % 64);
    let is_new = *word & bit == 0;
    *word |= bit;
    is_new
}

// The loops below are functions of plain slices, so that the compiler keeps their bounds in registers.

/// Puts the targets that were not walked into `room`, and says how many these are.
#[inline]
fn take_new(walked: &mut [u64], targets: &[u32], room: &mut [u32]) -> usize {
    let mut taken = 0;
    for target in targets {
        let is_new = set(walked, *target);
        room[taken] = *target;
        taken += usize::from(is_new);
    }
    taken
}

/// As [`take_new`], for a job's outputs, some with stated origins: these are not entered.
#[inline]
fn take_plain(walked: &mut [u64], targets: &[u32], room: &mut [u32]) -> usize {
    let mut taken = 0;
    for target in targets {
        if target & SPECIAL == 0 {
            let is_new = set(walked, *target);
            room[taken] = *target;
            taken += usize::from(is_new);
        }
    }
    taken
}

/// As [`take_new`], for a dataset's jobs and what derives from it; marks the jobs that are passed by.
#[inline]
fn take_by_kind(
    walked: &mut [u64],
    passed: &mut [u64],
    dataset: u32,
    slice: Slice<'_>,
    jobs: &mut [u32],
    datasets: &mut [u32],
) -> (usize, usize) {
    let (mut jobs_taken, mut datasets_taken) = (0, 0);
    for (target, via) in slice.targets.iter().zip(slice.vias) {
        let to = target & !SPECIAL;
        if target & SPECIAL == 0 {
            let is_new = set(walked, to);
            jobs[jobs_taken] = to;
            jobs_taken += usize::from(is_new);
        } else if *via == VIA_STATED {
            set(passed, to);
        } else {
            // An edge to the dataset itself finds it walked, and passes no job.
            if *via != VIA_NONE && to != dataset {
                set(passed, *via);
            }
            let is_new = set(walked, to);
            datasets[datasets_taken] = to;
            datasets_taken += usize::from(is_new);
        }
    }
    (jobs_taken, datasets_taken)
}
