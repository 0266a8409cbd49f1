//! Values of the state: everything that is derived from the log.
//!
//! The state is rebuilt when [`STATE_VERSION`] differs from what it holds, so these records may change shape at any
//! time as long as that number grows with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{RecordError, RunTrace};

/// Shape of the records and keys of the state.
pub const STATE_VERSION: u32 = 11;

/// A text that is shared.
pub type Str = Arc<str>;

/// The first 128 bits of a digest.
pub type Half = [u8; 16];

/// Encodes a state value.
pub fn encode_value<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("a record in memory can always be written to memory")
}

/// Decodes a state value.
///
/// # Errors
/// [`RecordError::Value`] if `bytes` is no such record: the state is damaged, and can be rebuilt from the log.
pub fn decode_value<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, RecordError> {
    postcard::from_bytes(bytes).map_err(|source| RecordError::Value { what, source })
}

/// A raw name that the log has named.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NameRecord {
    /// Its number.
    pub index: u32,
    /// The offset that first named it.
    pub first_offset: u64,
    /// When it was first valid, in microseconds.
    pub first_seen: i64,
}

/// What a claim is about, within the asset that owns it.
///
/// An edge is owned by its job; one between datasets, or between jobs, by the end it points to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClaimKey {
    /// The asset exists.
    Entity,
    /// A field of it exists.
    Field(Str),
    /// An attribute of it or of one of its fields.
    Attribute {
        /// The field.
        field: Option<Str>,
        /// The key.
        key: Str,
        /// The value.
        value: Str,
    },
    /// A facet of it.
    Facet(Str),
    /// The owner, a job, reads a dataset.
    Reads(u32),
    /// The owner, a job, writes a dataset.
    Writes(u32),
    /// The owner, a dataset, derives from a dataset.
    Derives {
        /// Where data comes from.
        from: u32,
        /// The job that does it.
        via: Option<u32>,
    },
    /// The owner, a job, follows a job.
    Follows(u32),
    /// A field of the owner derives from a field.
    FieldDerives {
        /// The owner's field; none is the whole dataset.
        to_field: Option<Str>,
        /// Where data comes from.
        from: u32,
        /// Its field; none is the whole dataset.
        from_field: Option<Str>,
        /// The job that does it.
        via: Option<u32>,
    },
    /// The owner is also known by this raw name.
    Alias(u32),
    /// The owner, a job, uses whatever matches.
    Selector {
        /// Writes rather than reads.
        writes: bool,
        /// Where the datasets live.
        namespace: Str,
        /// A glob on their names.
        pattern: Str,
    },
    /// All that a job makes the owner, a dataset, from is stated, even if that is nothing.
    OriginsStated {
        /// The job.
        via: u32,
    },
}

/// What in a source says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EvidenceRecord {
    /// The artifact's name.
    pub artifact: Str,
    /// RFC 6901 pointer.
    pub pointer: Option<Str>,
    /// 1-based.
    pub line: Option<u32>,
    /// 1-based.
    pub column: Option<u32>,
}

/// How a value is taken in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransformationRecord {
    /// DIRECT or INDIRECT.
    pub is_direct: bool,
    /// For example `FILTER`.
    pub subtype: Option<Str>,
    /// For a person to read.
    pub description: Option<Str>,
    /// True if the value can't be read back.
    pub is_masking: bool,
}

/// What a claim says beyond its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClaimBody {
    /// Nothing.
    None,
    /// Of [`ClaimKey::Entity`].
    Entity(EntityBody),
    /// Of [`ClaimKey::Field`].
    Field {
        /// Its place among the dataset's fields.
        position: u32,
        /// The data type.
        r#type: Option<Str>,
        /// For a person to read.
        description: Option<Str>,
    },
    /// Of [`ClaimKey::Facet`].
    Json(Str),
    /// Of edges.
    Edge {
        /// What says so.
        evidence: Option<EvidenceRecord>,
    },
    /// Of [`ClaimKey::FieldDerives`].
    FieldEdge {
        /// How.
        transformations: Vec<TransformationRecord>,
        /// What says so.
        evidence: Option<EvidenceRecord>,
    },
    /// Of [`ClaimKey::Alias`].
    Alias {
        /// Why, shown to people.
        reason: Str,
        /// What says so.
        evidence: Option<EvidenceRecord>,
    },
}

/// What a source says of an asset's existence.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EntityBody {
    /// `TABLE`, `MODEL`, …
    pub r#type: Str,
    /// True if the source defines it.
    pub is_declared: bool,
    /// If the source only used its name in other facts: the kinds of these, as bits in the order of their numbers; else
    /// 0.
    pub implied_by: u16,
    /// For a person to read.
    pub description: Option<Str>,
    /// The SQL a job runs.
    pub sql: Option<Str>,
    /// The job that a job is a part of.
    pub parent: Option<u32>,
    /// What says so.
    pub evidence: Option<EvidenceRecord>,
}

impl EntityBody {
    /// True if the source only used its name in other facts.
    pub fn is_implied(&self) -> bool {
        self.implied_by != 0
    }
}

/// One statement of one slot about one asset, and how long it holds in the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What it is about.
    pub key: ClaimKey,
    /// What it says.
    pub body: ClaimBody,
    /// Microseconds.
    pub valid_from: i64,
    /// Microseconds; none while it holds.
    pub valid_to: Option<i64>,
    /// The offset since which this is believed.
    pub asserted_at: u64,
}

/// All that one slot says of one asset as believed from one offset on: every claim that holds, ordered by key, and
/// the claims that this version ended or found to have held earlier.
///
/// From `since` on it tells all that the slot says over valid time; what was so before stands in older versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRecord {
    /// Microseconds: the time from which on older versions no longer count.
    pub since: i64,
    /// What holds, ordered by key.
    pub open: Vec<Claim>,
    /// What ended at `since` or later.
    pub closed: Vec<Claim>,
}

impl Claim {
    /// True if it holds at `time`.
    pub fn holds_at(&self, time: i64) -> bool {
        self.valid_from <= time && self.valid_to.is_none_or(|end| time < end)
    }
}

/// Where a slot stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SlotRecord {
    /// A snapshot source.
    Snapshot(SnapshotSlot),
    /// A job's or dataset's static slot.
    Static(StaticSlot),
    /// A job's runs.
    Runs(RunsSlot),
    /// A fact that a person asserts.
    Manual(ManualSlot),
}

/// What people said of one fact in one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualSlot {
    /// The newest words, oldest first; assertions and retractions take turns.
    pub words: Vec<ManualWord>,
    /// Assets that the fact makes claims about; empty once it is taken back.
    pub owners: BTreeSet<u32>,
}

impl ManualSlot {
    /// True if the fact is asserted and not taken back.
    pub fn is_asserted(&self) -> bool {
        self.words.last().is_some_and(|word| !word.is_retraction)
    }
}

/// One assertion or retraction of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualWord {
    /// Microseconds: since when what it says holds; grows from word to word.
    pub time: i64,
    /// Where the log has it.
    pub offset: u64,
    /// True if the fact is taken back.
    pub is_retraction: bool,
    /// Who said so.
    pub author: Str,
    /// Why.
    pub reason: Str,
}

/// When a source's snapshots were made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SnapshotSlot {
    /// When the newest snapshot was made.
    pub last_seen: i64,
    /// Digest of the latest snapshot.
    pub digest: Half,
    /// When the latest snapshot said it was made.
    pub generated_at: Option<i64>,
    /// Times of the newest snapshots and what each covered, as bits; ordered.
    pub times: Vec<(i64, u16)>,
}

/// The newest statement about a job or dataset as designed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StaticSlot {
    /// Its time.
    pub time: i64,
    /// Assets that it makes claims about.
    pub owners: BTreeSet<u32>,
    /// Times of the newest statements, ordered, and their digests, which decide between those of the same time.
    pub times: Vec<(i64, Half)>,
}

/// The runs of a job that may still speak for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsSlot {
    /// Distinct contributions, by position.
    pub contributions: Vec<Half>,
    /// Distinct definitions, by position.
    pub definitions: Vec<Half>,
    /// Runs with their events, ordered by start and id.
    pub runs: Vec<RunEntry>,
    /// Microseconds: from here on the runs that are kept are all that count; none if no run was forgotten.
    pub known_since: Option<i64>,
    /// Time of the newest event.
    pub last_seen: i64,
    /// Assets that it makes claims about.
    pub owners: BTreeSet<u32>,
    /// What the claims were last folded from.
    pub folded: Half,
    /// Foldings that are known to give the claims that hold now.
    pub same: Vec<Half>,
    /// Runs that can be asked for, ordered by their start.
    pub recent: Vec<RunTrace>,
}

/// One run's events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEntry {
    /// Its id as the producer wrote it.
    pub run: Str,
    /// Its events, ordered by time, state and contribution.
    pub events: Vec<RunEventEntry>,
}

/// One event of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunEventEntry {
    /// Microseconds.
    pub time: i64,
    /// Rank of the state: START, RUNNING, OTHER, COMPLETE, ABORT, FAIL.
    pub state: u8,
    /// Position of what it states.
    pub contribution: u32,
    /// Position of the job's definition, if it told it.
    pub definition: Option<u32>,
    /// True if it named any dataset.
    pub names_datasets: bool,
}

/// A source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Its domain.
    pub domain: Str,
    /// Its name.
    pub name: Str,
    /// 0 snapshot, 1 events, 2 manual.
    pub kind: u8,
    /// The extractor that made its latest snapshot: name, version, digest.
    pub extractor: Option<(Str, Str, Str)>,
}

/// One accepted submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionRecord {
    /// Microseconds.
    pub received_at: i64,
    /// Claims that it added to the graph.
    pub added_count: u64,
    /// Claims that it ended.
    pub removed_count: u64,
    /// Claims that it repeated.
    pub unchanged_count: u64,
    /// Findings that came with it.
    pub diagnostics_count: u32,
    /// True if it is a snapshot and one of these is an error: then it ended nothing.
    pub has_error: bool,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosticRecord {
    /// 0 info, 1 warning, 2 error.
    pub severity: u8,
    /// Stable code.
    pub code: Str,
    /// For a person.
    pub message: Str,
    /// Where.
    pub at: Option<EvidenceRecord>,
}

/// One asset's columns in the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRecord {
    /// The asset.
    pub index: u32,
    /// The asset that stands for it.
    pub canonical: u32,
    /// Its type.
    pub r#type: Str,
    /// Number of its domain.
    pub domain: Option<u32>,
    /// Numbers of its owners, ordered.
    pub owners: Vec<u32>,
    /// Numbers of its tags, ordered.
    pub tags: Vec<u32>,
    /// Sources that say it exists, ordered: number × 2, plus 1 if the source declares it.
    pub sources: Vec<u32>,
    /// Somebody says it exists.
    pub is_live: bool,
    /// Somebody declares it.
    pub is_declared: bool,
    /// It is a published output port.
    pub is_output_port: bool,
}

/// An edge of the graph; its kind follows from its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EdgeRecord {
    /// Where data comes from.
    pub from: u32,
    /// Where it goes.
    pub to: u32,
    /// The job of an edge between datasets.
    pub via: Option<u32>,
}

/// An edge between fields of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FieldEdgeRecord {
    /// Number of the field that data comes from.
    pub from: u32,
    /// Number of the field where it goes.
    pub to: u32,
    /// The job that does it.
    pub via: Option<u32>,
}

/// The columns of an asset that was shown, as they were before an offset changed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeRecord {
    /// The asset.
    pub index: u32,
    /// Its type.
    pub r#type: Str,
    /// Number of its domain.
    pub domain: Option<u32>,
    /// Numbers of its owners, ordered.
    pub owners: Vec<u32>,
    /// Numbers of its tags, ordered.
    pub tags: Vec<u32>,
}

/// What one offset changed in the graph, or part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaRecord {
    /// Raw names that are new, numbered on from the last: is it a job, namespace, name.
    pub names: Vec<(bool, Str, Str)>,
    /// Columns that are new or differ.
    pub rows: Vec<RowRecord>,
    /// Edges that appeared.
    pub added: Vec<EdgeRecord>,
    /// Edges that went away.
    pub removed: Vec<EdgeRecord>,
    /// Fields that are new, numbered on from the last: dataset, and name (none for the dataset as a whole).
    pub fields: Vec<(u32, Option<Str>)>,
    /// Edges between fields that appeared.
    pub fields_added: Vec<FieldEdgeRecord>,
    /// Edges between fields that went away.
    pub fields_removed: Vec<FieldEdgeRecord>,
    /// Further assets whose fields, description or other names changed: they are to be searched anew.
    pub documents: Vec<u32>,
    /// What those of the rows were before that stood for themselves and that somebody said exist.
    pub before: Vec<BeforeRecord>,
    /// Runs that failed or were aborted.
    pub runs_failed: Vec<RunFailureRecord>,
    /// Checks that fail and did not: dataset, and what is checked.
    pub checks_failed: Vec<(u32, Str)>,
}

/// A run that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFailureRecord {
    /// Its job.
    pub job: u32,
    /// Its id.
    pub run: Str,
    /// True if it was aborted.
    pub is_aborted: bool,
}

impl DeltaRecord {
    /// True if nothing changed.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
            && self.rows.is_empty()
            && self.added.is_empty()
            && self.removed.is_empty()
            && self.fields.is_empty()
            && self.fields_added.is_empty()
            && self.fields_removed.is_empty()
            && self.documents.is_empty()
            && self.runs_failed.is_empty()
            && self.checks_failed.is_empty()
    }
}
