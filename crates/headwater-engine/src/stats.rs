//! What the engine has done so far, counted without locks.

use std::sync::atomic::{AtomicU64, Ordering};

/// Values are summed in millionths, so that a sum needs no lock.
const PARTS: f64 = 1e6;

/// Counts values by size, without locks: writers never wait, and a reader may see a value in the count before it sees
/// it in the sum.
#[derive(Debug)]
pub struct Distribution {
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    sum_parts: AtomicU64,
}

impl Distribution {
    /// Counts values up to each of `bounds` (ascending), and those beyond the last.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_parts: AtomicU64::new(0),
        }
    }

    /// Counts `value`; what is below 0 counts as 0.
    pub fn observe(&self, value: f64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.sum_parts
            .fetch_add((value * PARTS) as u64, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn read(&self) -> Reading {
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        Reading {
            buckets: bounds.zip(counts).collect(),
            sum: self.sum_parts.load(Ordering::Relaxed) as f64 / PARTS,
        }
    }
}

/// What a [`Distribution`] had counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Upper bounds, the last one infinite, and how many values each has that no lower one has.
    pub buckets: Vec<(f64, u64)>,
    /// All values together.
    pub sum: f64,
}

impl Reading {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

/// Upper bounds of seconds that a commit may take: mostly one sync of the disk.
const COMMIT_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Upper bounds of entries in a commit.
const COMMIT_ENTRIES: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];

/// What the writer counts.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) commit_seconds: Distribution,
    pub(crate) commit_entries: Distribution,
    pub(crate) repeats: AtomicU64,
    pub(crate) compactions: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            commit_seconds: Distribution::new(COMMIT_SECONDS),
            commit_entries: Distribution::new(COMMIT_ENTRIES),
            repeats: AtomicU64::new(0),
            compactions: AtomicU64::new(0),
        }
    }
}

/// How the engine fares, for whoever watches it. Counts are since the start.
#[derive(Clone, Debug)]
pub struct Stats {
    /// The newest visible offset.
    pub offset: u64,
    /// Submissions that wait for the writer.
    pub queue_count: usize,
    /// How many may wait.
    pub queue_max: usize,
    /// Seconds from taking a commit out of the queue until it is visible; its count is that of commits.
    pub commit_seconds: Reading,
    /// Entries of a commit; its sum is that of all entries.
    pub commit_entries: Reading,
    /// Submissions that repeat an earlier one, and changed nothing.
    pub repeats_count: u64,
    /// Compactions of the graph.
    pub compactions_count: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Segment files of the log.
    pub log_segments_count: usize,
    /// Bytes of the state; none if they can't be read.
    pub state_bytes: Option<u64>,
    /// Datasets and jobs in the graph.
    pub assets_count: usize,
    /// Edges between them.
    pub edges_count: usize,
    /// Fields in the graph.
    pub fields_count: usize,
    /// Edges between fields.
    pub field_edges_count: usize,
    /// Changed edges as a share of all: at 0.01 the graph is compacted.
    pub overlay_ratio: f64,
    /// True if nothing is accepted: something failed, or the disk is full.
    pub has_failed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_up_to_the_bound_they_reach() {
        let distribution = Distribution::new(&[1.0, 2.5]);
        for value in [0.0, 1.0, 1.5, 2.5, 9.25] {
            distribution.observe(value);
        }
        let reading = distribution.read();
        assert_eq!(reading.buckets, [(1.0, 2), (2.5, 2), (f64::INFINITY, 1)]);
        assert!((reading.sum - 14.25).abs() < 1e-9);
        assert_eq!(reading.count(), 5);
    }
}
