//! Versioned serde records: log entries, state values, facts as JSON.

mod checks;
mod facts;
mod identity;
mod json;
mod log;
mod runs;
mod secrets;
mod state;
mod transcode;

pub use checks::{CHECKS_FACET, failed_checks, merge_checks};
pub use facts::{decode_facts, encode_facts};
pub use identity::{IdentityRecord, RuleRecord};
pub use json::{
    FACET_DEPTH_MAX, FactsDocument, FactsError, JsonLayout, facts_to_json, submission_from_json,
};
pub use log::{
    Gone, LOG_VERSION, LogEntry, Prune, decode_entry, encode_gone, encode_mesh, encode_prune,
    encode_submission,
};
pub use runs::*;
pub use secrets::{
    REDACTED, may_hold_secrets, redact_json, redact_snapshot, redact_submission, redact_text,
};
pub use state::*;
pub use transcode::{entry_from_json, entry_to_json, from_hex, to_hex};

/// Why bytes are not the record they should be.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Written by a later release.
    #[error("entry has format version {found}; this release reads up to {newest}")]
    Version {
        /// What was found.
        found: u8,
        /// What this release writes.
        newest: u8,
    },
    /// Not an entry of the log.
    #[error("entry of the log does not decode")]
    Entry(#[source] rmp_serde::decode::Error),
    /// Not the JSON of an entry of the log.
    #[error("not the JSON of an entry of the log: {0}")]
    Transcoded(#[source] serde_json::Error),
    /// Not a value of the state.
    #[error("{what} in the state does not decode")]
    Value {
        /// Which record was expected.
        what: &'static str,
        /// What the decoder says.
        source: postcard::Error,
    },
    /// Facts in a record break a rule of their format.
    #[error("facts in a record: {0}")]
    Facts(#[from] FactsError),
    /// A name in a record breaks a rule.
    #[error("a name in a record {0}")]
    Name(#[from] headwater_model::NameError),
    /// A promise in a record is none.
    #[error("a promise in a record: {0}")]
    Cadence(#[from] headwater_model::CadenceError),
    /// A mesh in a record contradicts itself.
    #[error("a mesh in a record: {0}")]
    Mesh(#[from] headwater_model::MeshError),
    /// A word in a record is not one of those known.
    #[error("{what} {found:?} in a record is unknown")]
    Unknown {
        /// What it stands for.
        what: &'static str,
        /// What was found.
        found: String,
    },
}
