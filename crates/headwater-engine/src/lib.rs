//! The use cases: submit, resolve, reconcile, ask.
//!
//! One writer takes submissions from a bounded queue, appends them to the log in group commits, applies them to the
//! state and the graph, and publishes the graph; readers pin what was published and never wait. Everything but the
//! log is a function of the log.

mod apply;
mod ask;
mod bounds;
mod claims;
mod compaction;
mod deltas;
mod engine;
mod entries;
mod error;
mod excerpt;
mod export;
mod key_words;
mod keys;
mod manual;
mod mesh;
mod options;
mod past;
mod published;
mod read_ahead;
mod recovery;
mod reference;
mod retention;
mod runs;
mod sources;
mod stats;
mod txn;
mod verify;
mod visible;
mod words;
mod writer;

pub use apply::Receipt;
pub use ask::*;
pub use engine::{Done, Engine};
pub use entries::gone_payload;
pub use error::{AskError, EngineError, SubmitError};
pub use export::{EXPORT_VERSION, ExportError, Exported, export, import};
pub use headwater_identity::RuleError;
pub use mesh::{PatternError, check_identity, check_patterns};
pub use options::{Clock, EngineOptions};
pub use past::AsOf;
pub use read_ahead::ReadAhead;
pub use recovery::Recovery;
pub use retention::{Erasure, drop_bodies, erase};
pub use stats::{Distribution, Reading, Stats};
pub use verify::{
    Rebuilt, first_difference, graph_digest, graph_of_file, reason_to_rebuild, rebuild,
    state_digest,
};
pub use visible::Visible;
