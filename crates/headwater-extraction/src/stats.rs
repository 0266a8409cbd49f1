//! How extraction fares, for who watches the service.

use std::time::Duration;

use crate::record::ExtractionState;
use crate::service::{Extractions, State};

/// How extraction fares. What is counted is counted since the service started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtractionStats {
    /// Sources that wait for a worker.
    pub queued_count: u64,
    /// Extractions under way.
    pub running_count: u64,
    /// Sources that are paused.
    pub paused_count: u64,
    /// Extractions that ended so.
    pub ended: Ended,
    /// How long those that ended ran, all together.
    pub ran: Duration,
}

/// Extractions by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Their facts are accepted.
    pub succeeded_count: u64,
    /// There was nothing to do.
    pub unchanged_count: u64,
    /// Nothing came of them.
    pub failed_count: u64,
}

/// What is counted while the service runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    ended: Ended,
    ran: Duration,
}

impl Tally {
    /// Counts an extraction that is in a state after it ran from one moment to another, in microseconds.
    pub(crate) fn count(&mut self, state: ExtractionState, (from, to): (i64, i64)) {
        match state {
            ExtractionState::Succeeded => self.ended.succeeded_count += 1,
            ExtractionState::Unchanged => self.ended.unchanged_count += 1,
            ExtractionState::Failed => self.ended.failed_count += 1,
            _ => return,
        }
        // A clock may be set back.
        self.ran += Duration::from_micros(u64::try_from(to.saturating_sub(from)).unwrap_or(0));
    }
}

impl Extractions {
    /// How extraction fares now.
    pub fn stats(&self) -> ExtractionStats {
        self.shared.state.lock().stats()
    }
}

impl State {
    fn stats(&self) -> ExtractionStats {
        let paused = self
            .sources
            .values()
            .filter(|source| source.paused.is_some());
        ExtractionStats {
            queued_count: self.queue.len() as u64,
            running_count: self.running.len() as u64,
            paused_count: paused.count() as u64,
            ended: self.tally.ended,
            ran: self.tally.ran,
        }
    }
}
