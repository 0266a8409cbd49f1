//! What the files hold, which is also what clients are shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{
    Diagnostic, Digest, DomainName, ExtractorConfig, ExtractorDescription, ExtractorLimits,
    InputPattern, NameError, SourceKey, SourceName,
};
use headwater_record::{DiagnosticRecord, EvidenceRecord, redact_text};
use serde::{Deserialize, Serialize};

/// The version of all these files.
pub(crate) const VERSION: u32 = 1;

/// How an extractor came to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Its file lies in the folder of extractors.
    Folder,
    /// Somebody installed it.
    Installed,
}

/// One version of an extractor: a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecord {
    /// SHA-256 of the component, lowercase hex.
    pub digest: String,
    /// What it calls itself.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The version of the contract that it was built for.
    pub api_version: String,
    /// Globs, media types, and whether each is required.
    pub inputs: Vec<(String, String, bool)>,
    /// JSON Schema of its configuration.
    pub config_schema: Option<String>,
    /// Size of the component.
    pub bytes: u64,
    /// When it came, in microseconds since 1970.
    pub installed_at: i64,
    /// How it came.
    pub origin: Origin,
}

impl VersionRecord {
    pub(crate) fn of(
        about: &ExtractorDescription,
        bytes: u64,
        installed_at: i64,
        origin: Origin,
    ) -> Self {
        let inputs = about.inputs.iter().map(|input| {
            let (glob, media_type) = (input.glob.to_string(), input.media_type.to_string());
            (glob, media_type, input.is_required)
        });
        Self {
            digest: about.digest.to_string(),
            version: about.version.to_string(),
            summary: about.summary.to_string(),
            api_version: about.api_version.to_string(),
            inputs: inputs.collect(),
            config_schema: about.config_schema.as_deref().map(str::to_owned),
            bytes,
            installed_at,
            origin,
        }
    }

    /// What it is, as the host describes extractors.
    pub fn description(&self, name: &str, limits: ExtractorLimits) -> ExtractorDescription {
        ExtractorDescription {
            name: name.into(),
            version: self.version.as_str().into(),
            summary: self.summary.as_str().into(),
            api_version: self.api_version.as_str().into(),
            digest: Digest::parse(&self.digest).unwrap_or_else(|| Digest::of(b"")),
            inputs: self.patterns(),
            config_schema: self.config_schema.as_deref().map(Into::into),
            limits,
        }
    }

    /// Its artifacts' patterns.
    pub(crate) fn patterns(&self) -> Vec<InputPattern> {
        let pattern = |(glob, media_type, is_required): &(String, String, bool)| InputPattern {
            glob: glob.as_str().into(),
            media_type: media_type.as_str().into(),
            is_required: *is_required,
        };
        self.inputs.iter().map(pattern).collect()
    }
}

/// An extractor, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractorRecord {
    /// False while none of its sources is extracted.
    pub is_enabled: bool,
    /// Digest of the version that sources use which are not pinned.
    pub active: String,
    /// True if somebody chose that version; else it is the one in the folder of extractors.
    pub is_chosen: bool,
    /// All versions, in the order in which they came.
    pub versions: Vec<VersionRecord>,
    /// Digests of versions that were active before, newest last.
    pub before: Vec<String>,
}

impl ExtractorRecord {
    /// The version with that digest.
    pub fn version(&self, digest: &str) -> Option<&VersionRecord> {
        self.versions
            .iter()
            .find(|version| version.digest == digest)
    }

    /// The active version.
    pub fn active_version(&self) -> Option<&VersionRecord> {
        self.version(&self.active)
    }
}

/// All extractors.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ExtractorsFile {
    pub(crate) version: u32,
    pub(crate) extractors: BTreeMap<String, ExtractorRecord>,
}

/// A file that a source's extractor reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ArtifactRecord {
    /// Its path, as evidence shows it.
    pub name: String,
    /// SHA-256, lowercase hex.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
}

/// Where a source's artifacts are fetched, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchRecord {
    /// Files and folders (`file:///…`), HTTP addresses, prefixes of buckets (`s3://…/`).
    pub urls: Vec<String>,
    /// Seconds between two fetches.
    pub every_seconds: u64,
    /// When it was last begun, in microseconds since 1970.
    pub last_at: Option<i64>,
    /// By artifact, what its server said of the content last time: by that it tells that it is still the same.
    pub seen: BTreeMap<String, String>,
}

/// Why an extraction was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    /// Artifacts were sent.
    Upload,
    /// It was time to fetch.
    Schedule,
    /// Somebody asked for it.
    Request,
    /// Another version of the extractor, or another configuration.
    Change,
}

/// How an extraction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExtractionState {
    /// It waits for a worker.
    Queued,
    /// Its artifacts are being fetched.
    Fetching,
    /// The extractor is running.
    Extracting,
    /// Its facts are being submitted.
    Submitting,
    /// Its facts are accepted.
    Succeeded,
    /// Artifacts, configuration and extractor are those of the last one: nothing was done.
    Unchanged,
    /// Nothing came of it.
    Failed,
    /// A later one took its place before it began.
    Superseded,
}

impl ExtractionState {
    /// True if nothing more happens.
    pub fn is_end(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Unchanged | Self::Failed | Self::Superseded
        )
    }
}

/// What was used of what is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The most memory that the extractor had, in bytes.
    pub memory_bytes: u64,
    /// What it may have.
    pub memory_bytes_max: u64,
    /// Wall time of the call, in microseconds.
    pub time_us: u64,
    /// What it may take.
    pub time_us_max: u64,
    /// Facts that it emitted.
    pub facts: u64,
    /// What it may emit.
    pub facts_max: u64,
    /// Bytes of artifacts that it read.
    pub read_bytes: u64,
    /// What it may read.
    pub read_bytes_max: u64,
}

impl UsageRecord {
    pub(crate) fn allowed(limits: &ExtractorLimits) -> Self {
        Self {
            memory_bytes_max: limits.memory_bytes_max,
            time_us_max: micros(limits.timeout),
            facts_max: limits.facts_max,
            read_bytes_max: limits.read_bytes_max,
            ..Self::default()
        }
    }
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Something that was found, without secrets.
pub(crate) fn found(found: &Diagnostic) -> DiagnosticRecord {
    let message = redact_text(&found.message);
    DiagnosticRecord {
        severity: found.severity as u8,
        code: Arc::clone(&found.code),
        message: message.map_or_else(|| Arc::clone(&found.message), Into::into),
        at: found.at.as_ref().map(|at| EvidenceRecord {
            artifact: Arc::clone(&at.artifact),
            pointer: at.pointer.clone(),
            line: at.line,
            column: at.column,
        }),
    }
}

/// One extraction, from when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractionRecord {
    /// Which of its source it is; the first is 1.
    pub number: u64,
    /// Why it was begun.
    pub trigger: Trigger,
    /// How it stands.
    pub state: ExtractionState,
    /// True if it is to be done though nothing changed.
    pub is_forced: bool,
    /// How often it was begun: more than once if the service ended on the way.
    pub attempts: u32,
    /// When it was asked for, in microseconds since 1970.
    pub queued_at: i64,
    /// When it was last begun.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Digest of the extractor.
    pub extractor: Option<String>,
    /// What it calls its version.
    pub extractor_version: Option<String>,
    /// How many artifacts were read.
    pub artifacts_count: u64,
    /// Bytes of these.
    pub artifacts_bytes: u64,
    /// What was used of what is allowed.
    pub usage: Option<UsageRecord>,
    /// Where its facts are in the log.
    pub offset: Option<u64>,
    /// What it added to the graph, ended in it, and repeated.
    pub counts: Option<(u64, u64, u64)>,
    /// Why nothing came of it.
    pub error: Option<String>,
    /// How much was found.
    pub diagnostics_count: u64,
    /// The first of it.
    pub diagnostics: Vec<DiagnosticRecord>,
}

impl ExtractionRecord {
    pub(crate) fn queued(number: u64, trigger: Trigger, queued_at: i64) -> Self {
        Self {
            number,
            trigger,
            state: ExtractionState::Queued,
            is_forced: false,
            attempts: 0,
            queued_at,
            started_at: None,
            ended_at: None,
            extractor: None,
            extractor_version: None,
            artifacts_count: 0,
            artifacts_bytes: 0,
            usage: None,
            offset: None,
            counts: None,
            error: None,
            diagnostics_count: 0,
            diagnostics: Vec::new(),
        }
    }
}

/// A source that the service extracts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The version of this file.
    pub(crate) version: u32,
    /// The domain.
    pub domain: String,
    /// The source's name in it.
    pub source: String,
    /// The extractor's name.
    pub extractor: String,
    /// Digest of the version that it uses whatever is active.
    pub pin: Option<String>,
    /// The extractor's configuration.
    pub config: ExtractorConfig,
    /// Where its artifacts come from, unless they are sent.
    pub fetch: Option<FetchRecord>,
    /// Why it is paused; none while it is not.
    pub paused: Option<String>,
    /// Failures since it last succeeded.
    pub failures_in_row: u32,
    /// What there is to read.
    pub artifacts: Vec<ArtifactRecord>,
    /// Digest of extractor, configuration and artifacts of the last extraction that succeeded.
    pub(crate) done: Option<String>,
    /// The next extraction's number.
    pub(crate) next_number: u64,
    /// Extractions, oldest first.
    pub extractions: Vec<ExtractionRecord>,
}

impl SourceRecord {
    pub(crate) fn key(&self) -> Result<SourceKey, NameError> {
        let domain = DomainName::parse(&self.domain)?;
        Ok(SourceKey::new(domain, SourceName::parse(&self.source)?))
    }

    /// The extraction that waits.
    pub(crate) fn queued(&mut self) -> Option<&mut ExtractionRecord> {
        let mut newest_first = self.extractions.iter_mut().rev();
        newest_first.find(|extraction| extraction.state == ExtractionState::Queued)
    }

    /// One of its extractions.
    pub(crate) fn extraction(&mut self, number: u64) -> Option<&mut ExtractionRecord> {
        let mut newest_first = self.extractions.iter_mut().rev();
        newest_first.find(|extraction| extraction.number == number)
    }
}
