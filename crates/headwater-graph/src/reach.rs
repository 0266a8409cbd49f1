//! Closures as bare sets: no hops, no ways, no bounds but the depth.

use headwater_model::AssetIndex;

use crate::adjacency::Adjacency;
use crate::asset_set::AssetSet;
use crate::closure::{Direction, root_job_goals};
use crate::csr::{SPECIAL, VIA_NONE, VIA_STATED};
use crate::snapshot::Snapshot;

impl Snapshot {
    /// The assets of [`Snapshot::closure`] as a set, for when nothing else about them is asked.
    pub fn closure_set(
        &self,
        roots: &[AssetIndex],
        direction: Direction,
        depth_hops_max: Option<u32>,
    ) -> AssetSet {
        let mut flood = Flood::new(self, direction);
        let (mut level, mut next) = (Vec::new(), Vec::new());
        let roots: Vec<u32> = roots
            .iter()
            .filter_map(|root| self.canonical(*root))
            .map(AssetIndex::get)
            .collect();
        for root in &roots {
            if flood.walked.add(*root) && !self.is_job(*root) {
                level.push(*root);
            }
        }
        if depth_hops_max != Some(0) {
            for job in roots.iter().filter(|root| self.is_job(**root)) {
                root_job_goals(self, direction, *job, |to| {
                    if flood.walked.add(to) {
                        next.push(to);
                    }
                });
            }
        }
        let mut hops_left = depth_hops_max.unwrap_or(u32::MAX);
        while hops_left > 0 && !(level.is_empty() && next.is_empty()) {
            for dataset in &level {
                flood.walk(*dataset, &mut next);
            }
            std::mem::swap(&mut level, &mut next);
            next.clear();
            hops_left -= 1;
        }
        for dataset in &level {
            flood.reach_jobs(*dataset);
        }
        let mut reached = flood.walked;
        reached.add_all(&flood.passed);
        for root in roots {
            reached.drop_asset(root);
        }
        reached
    }

    /// How many assets [`Snapshot::closure`] reaches.
    pub fn closure_count(
        &self,
        roots: &[AssetIndex],
        direction: Direction,
        depth_hops_max: Option<u32>,
    ) -> usize {
        self.closure_set(roots, direction, depth_hops_max).len()
    }
}

struct Flood<'s> {
    adjacency: &'s Adjacency,
    /// Datasets reached, and jobs walked through.
    walked: AssetSet,
    /// Jobs reached as the way of a Derives edge, or as the job of a stated output.
    passed: AssetSet,
}

impl<'s> Flood<'s> {
    fn new(snapshot: &'s Snapshot, direction: Direction) -> Self {
        let assets_count = snapshot.assets_count();
        Self {
            adjacency: snapshot.adjacency(direction),
            walked: AssetSet::with_capacity(assets_count),
            passed: AssetSet::with_capacity(assets_count),
        }
    }

    /// Walks on from a dataset, through its jobs, to the next datasets.
    #[inline]
    fn walk(&mut self, dataset: u32, next: &mut Vec<u32>) {
        for slice in self.adjacency.slices(dataset) {
            for (at, target) in slice.targets.iter().enumerate() {
                if target & SPECIAL != 0 {
                    let to = target & !SPECIAL;
                    if self.pass(dataset, to, slice.vias[at]) && self.walked.add(to) {
                        next.push(to);
                    }
                } else if self.walked.add(*target) {
                    self.expand(*target, next);
                }
            }
        }
    }

    #[inline]
    fn expand(&mut self, job: u32, next: &mut Vec<u32>) {
        for slice in self.adjacency.slices(job) {
            for target in slice.targets {
                if target & SPECIAL == 0 && self.walked.add(*target) {
                    next.push(*target);
                }
            }
        }
    }

    /// Reaches the jobs next to a dataset, and goes no further.
    fn reach_jobs(&mut self, dataset: u32) {
        for entry in self.adjacency.entries(dataset) {
            if entry.is_special {
                self.pass(dataset, entry.asset, entry.via);
            } else {
                self.walked.add(entry.asset);
            }
        }
    }

    /// Marks the job of a special edge; true if the edge leads on to `to`.
    fn pass(&mut self, from: u32, to: u32, via: u32) -> bool {
        if via == VIA_STATED {
            self.passed.add(to);
            return false;
        }
        if from == to {
            return false;
        }
        if via != VIA_NONE {
            self.passed.add(via);
        }
        true
    }
}
