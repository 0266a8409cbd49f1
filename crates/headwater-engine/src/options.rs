//! Bounds of the engine, each with its default.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use headwater_model::Timestamp;

/// Bounds, and where the graph file is.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Submissions that may wait for the writer; more are refused as busy. Default 4,096.
    pub queue_submissions_max: usize,
    /// Submissions in one commit. Default 1,024.
    pub commit_submissions_max: usize,
    /// Bytes of payload in one commit; a single larger submission is a commit of its own. Default 16 MiB.
    pub commit_bytes_max: usize,
    /// Bytes of one submission in the log, before it is compressed. Default 224 MiB: with what else may be in a
    /// commit it stays below what the log takes at once, 256 MiB.
    pub entry_bytes_max: usize,
    /// Facts in one submission, fields counted each. Default 5,000,000.
    pub submission_facts_max: usize,
    /// Graphs of the past that are kept for the next question, each as large as what differs from the newest one, or
    /// as a whole one. Default 4.
    pub past_graphs_max: usize,
    /// Where the graph is kept between starts; none for tests.
    pub graph_file: Option<PathBuf>,
    /// Tells the time, for measuring commits and for nothing else. Default [`Instant::now`].
    pub now: fn() -> Instant,
    /// Tells the time of the world when a question is asked, for judging which sources kept their promise and for
    /// nothing else. Default [`Clock::system`].
    pub clock: Clock,
}

/// Tells the time of the world.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// Tells what `read` says.
    pub fn new(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The clock of the machine.
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            let micros = since.unwrap_or_default().as_micros();
            Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
        })
    }

    /// The time now.
    pub fn read(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            queue_submissions_max: 4096,
            commit_submissions_max: 1024,
            commit_bytes_max: 16 << 20,
            entry_bytes_max: 224 << 20,
            submission_facts_max: 5_000_000,
            past_graphs_max: 4,
            graph_file: None,
            now: Instant::now,
            clock: Clock::system(),
        }
    }
}
