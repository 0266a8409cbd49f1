//! Why the engine could not do what it was asked.

use headwater_graph::{DeltaError, GraphFileError};
use headwater_identity::RuleError;
use headwater_record::{FactsError, RecordError};
use headwater_store::{LogError, StateError};

use crate::mesh::PatternError;

/// A failure of the log, the state or the graph: the service can't go on until it is restarted.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// A record does not decode.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The graph does not take a change.
    #[error("the graph does not take a change: {0}")]
    Graph(#[from] DeltaError),
    /// The graph file could not be read or written.
    #[error("graph file: {0}")]
    GraphFile(#[from] GraphFileError),
    /// A pattern of the mesh is no glob.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A rule of identity can't be used.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The state contradicts itself; it can be removed and is then rebuilt from the log.
    #[error("the state contradicts itself: {0}; remove it to have it rebuilt from the log")]
    Corrupt(&'static str),
    /// No number is left for another asset.
    #[error("more than 2^31 assets")]
    TooManyAssets,
}

/// Why a submission was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full: try again.
    #[error("the queue of {queue_max} submissions is full; try again")]
    Busy {
        /// How many may wait.
        queue_max: usize,
    },
    /// The disk is full: nothing was kept, and submissions are accepted again once there is room.
    #[error("nothing is accepted until there is room: {reason}")]
    DiskFull {
        /// Which disk, and how much is missing.
        reason: String,
    },
    /// The service is stopping or has failed; nothing more is accepted.
    #[error("no submissions are accepted: {reason}")]
    Closed {
        /// Stopping, or what failed.
        reason: String,
    },
    /// It was accepted, but the files of the log could not be made smaller.
    #[error("the log could not be rewritten: {0}")]
    Rewrite(String),
    /// A fact is to be taken back that nobody asserts in that source.
    #[error("source {source_key} does not assert that fact")]
    NotAsserted {
        /// The source.
        source_key: String,
    },
    /// The submission breaks a bound or a rule.
    #[error("{0}")]
    Invalid(String),
}

impl From<FactsError> for SubmitError {
    fn from(error: FactsError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Not a reference at all.
    #[error("{reference:?} is no reference: {reason}")]
    BadReference {
        /// As it was asked.
        reference: String,
        /// The rule that it breaks.
        reason: String,
    },
    /// Nothing has that name.
    #[error("nothing is known by {reference:?}")]
    NotFound {
        /// As it was asked.
        reference: String,
    },
    /// A fact is to be taken back that nobody asserts in that source.
    #[error("source {source_key} does not assert that {about}")]
    NotAsserted {
        /// The source.
        source_key: String,
        /// The fact, in words.
        about: String,
    },
    /// Several assets have that name.
    #[error("{reference:?} may be any of {}", candidates.join(", "))]
    Ambiguous {
        /// As it was asked.
        reference: String,
        /// References that say which.
        candidates: Vec<String>,
    },
    /// The question is larger than it may be.
    #[error("{what} is {found}, more than {max}")]
    LimitExceeded {
        /// Which bound.
        what: &'static str,
        /// What was asked for.
        found: u64,
        /// What may be asked for.
        max: u64,
    },
    /// That offset is yet to come.
    #[error("offset {offset} is not visible yet; the newest is {newest}")]
    NotYetVisible {
        /// As it was asked.
        offset: u64,
        /// The newest one.
        newest: u64,
    },
    /// An argument makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The state failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<RecordError> for AskError {
    fn from(error: RecordError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<StateError> for AskError {
    fn from(error: StateError) -> Self {
        Self::Engine(error.into())
    }
}
