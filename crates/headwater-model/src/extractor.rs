//! What an extractor is, whatever it runs in.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Artifact, Coverage, Diagnostic, Digest, Facts, Text, Timestamp};

/// Flat configuration: keys and values are strings, dots in keys do not nest.
pub type ExtractorConfig = BTreeMap<String, String>;

/// Which artifacts an extractor reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputPattern {
    /// Glob on the artifact's name, for example `**/manifest.json`.
    pub glob: Text,
    /// For example `application/json`.
    pub media_type: Text,
    /// True if nothing can be said without it.
    pub is_required: bool,
}

/// What an extractor may use in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtractorLimits {
    /// Memory of the guest, in bytes.
    pub memory_bytes_max: u64,
    /// Wall time of one call.
    pub timeout: Duration,
    /// Facts that one call may emit, fields counted each.
    pub facts_max: u64,
    /// Bytes of its artifacts that one call may read, each as often as it reads it.
    pub read_bytes_max: u64,
}

/// What one call used of what it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtractorUsage {
    /// The most memory that the guest had, in bytes.
    pub memory_bytes: u64,
    /// Bytes of artifacts that it read.
    pub read_bytes: u64,
    /// Wall time of the call.
    pub time: Duration,
}

/// What an extractor says of itself, and what the host knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractorDescription {
    /// Its name, for example `dbt`.
    pub name: Text,
    /// Its version.
    pub version: Text,
    /// One sentence a person reads in a list.
    pub summary: Text,
    /// The version of the contract it was built for, for example `0.1`.
    pub api_version: Text,
    /// SHA-256 of the component.
    pub digest: Digest,
    /// What it reads.
    pub inputs: Vec<InputPattern>,
    /// JSON Schema of its configuration; none if it takes none.
    pub config_schema: Option<Text>,
    /// What one call may use.
    pub limits: ExtractorLimits,
}

/// What came out of one call.
#[derive(Clone, Debug)]
pub struct Extraction {
    /// What ends when it is no longer stated.
    pub covers: Coverage,
    /// When the artifact was made, if it says.
    pub generated_at: Option<Timestamp>,
    /// What it states.
    pub facts: Facts,
    /// What was found on the way, and what the extractor logged.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why nothing came out of a call; whatever it had emitted is dropped.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExtractError {
    /// Not an artifact that this extractor understands.
    #[error("{extractor} does not understand this input: {message}")]
    Unsupported {
        /// The extractor's name.
        extractor: Text,
        /// What it expected and what it found.
        message: String,
    },
    /// The artifact is damaged.
    #[error("{extractor} could not read {place}: {message}", place = diagnostic.at.as_ref().map_or("its input", |at| &*at.artifact), message = diagnostic.message)]
    Malformed {
        /// The extractor's name.
        extractor: Text,
        /// What is wrong, and where.
        diagnostic: Box<Diagnostic>,
    },
    /// The configuration is not what the extractor takes.
    #[error("configuration of {extractor}: {message}")]
    Config {
        /// The extractor's name.
        extractor: Text,
        /// The key and the rule it breaks.
        message: String,
    },
    /// The call used more than it may.
    #[error("{extractor} was stopped: {message}")]
    Limit {
        /// The extractor's name.
        extractor: Text,
        /// What was used against what is allowed.
        message: String,
    },
    /// The extractor broke the contract, trapped or gave up.
    #[error("{extractor} failed: {message}")]
    Failed {
        /// The extractor's name.
        extractor: Text,
        /// What happened.
        message: String,
    },
}

/// Reads what a tool wrote and states facts. Synchronous: it runs on a thread of its own.
pub trait Extractor: Send + Sync {
    /// What it is.
    fn description(&self) -> &ExtractorDescription;

    /// Reads `artifacts` and states what they say.
    ///
    /// # Errors
    /// [`ExtractError`]: nothing is kept of a call that failed.
    fn extract(
        &self,
        config: &ExtractorConfig,
        artifacts: &[Artifact],
    ) -> Result<Extraction, ExtractError>;
}
