//! Submissions: what a source says at one time.

use std::fmt;

use crate::{Diagnostic, Digest, Facts, QualifiedName, RunId, SourceKey, Text, Timestamp};

/// A kind of fact; a snapshot source has one slot for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FactKind {
    /// Datasets.
    Datasets,
    /// Fields of datasets.
    Fields,
    /// Jobs.
    Jobs,
    /// Edges between assets.
    Edges,
    /// Edges between fields.
    FieldEdges,
    /// Selectors.
    Selectors,
    /// Aliases.
    Aliases,
    /// Attributes.
    Attributes,
    /// Facets.
    Facets,
}

impl FactKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Datasets,
        Self::Fields,
        Self::Jobs,
        Self::Edges,
        Self::FieldEdges,
        Self::Selectors,
        Self::Aliases,
        Self::Attributes,
        Self::Facets,
    ];

    /// The name in the facts JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Datasets => "DATASETS",
            Self::Fields => "FIELDS",
            Self::Jobs => "JOBS",
            Self::Edges => "EDGES",
            Self::FieldEdges => "FIELD_EDGES",
            Self::Selectors => "SELECTORS",
            Self::Aliases => "ALIASES",
            Self::Attributes => "ATTRIBUTES",
            Self::Facets => "FACETS",
        }
    }
}

/// Which kinds of fact a snapshot covers: only covered facts that it no longer states end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Coverage(u16);

impl Coverage {
    /// Nothing is covered: the snapshot only adds.
    pub const NONE: Self = Self(0);
    /// Everything is covered.
    pub const ALL: Self = Self((1 << 9) - 1);

    /// From bits in the order of [`FactKind::ALL`]; unknown bits are dropped.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Bits in the order of [`FactKind::ALL`].
    pub fn bits(self) -> u16 {
        self.0
    }

    /// True if facts of that kind end when they are no longer stated.
    pub fn covers(self, kind: FactKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// The same coverage and that kind.
    #[must_use]
    pub fn with(self, kind: FactKind) -> Self {
        Self(self.0 | (1 << kind as u8))
    }

    /// The kinds covered.
    pub fn kinds(self) -> impl Iterator<Item = FactKind> {
        FactKind::ALL
            .into_iter()
            .filter(move |kind| self.covers(*kind))
    }
}

impl FromIterator<FactKind> for Coverage {
    fn from_iter<I: IntoIterator<Item = FactKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds()).finish()
    }
}

/// Which extractor made a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtractorVersion {
    /// Its name.
    pub name: Text,
    /// Its version.
    pub version: Text,
    /// SHA-256 of the component, lowercase hex; empty if nobody said.
    pub digest: Text,
}

/// What a snapshot source says: all that it covers, at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Which extractor made it.
    pub extractor: Option<ExtractorVersion>,
    /// When the artifact was made, if it says; the valid time of its facts.
    pub generated_at: Option<Timestamp>,
    /// What ends when it is no longer stated.
    pub covers: Coverage,
    /// What it states.
    pub facts: Facts,
    /// What was found while reading the artifacts.
    pub diagnostics: Vec<Diagnostic>,
    /// Digest of the submission as it was sent.
    pub digest: Digest,
    /// What the client sends again when it repeats a submission.
    pub idempotency_key: Option<Text>,
}

/// How a run stands (OpenLineage, run states).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// It began.
    Start,
    /// It goes on.
    Running,
    /// It ended well.
    Complete,
    /// It was stopped.
    Abort,
    /// It ended badly.
    Fail,
    /// Something else happened.
    Other,
}

impl RunState {
    /// The name that OpenLineage uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Running => "RUNNING",
            Self::Complete => "COMPLETE",
            Self::Abort => "ABORT",
            Self::Fail => "FAIL",
            Self::Other => "OTHER",
        }
    }

    /// Reads the name that OpenLineage uses.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Start,
            Self::Running,
            Self::Complete,
            Self::Abort,
            Self::Fail,
            Self::Other,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }

    /// True if a run in that state has ended.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Complete | Self::Abort | Self::Fail)
    }
}

/// What an event says of its run beyond lineage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunDetails {
    /// Start of the period that it works on.
    pub nominal_start: Option<Timestamp>,
    /// End of the period that it works on.
    pub nominal_end: Option<Timestamp>,
    /// The run that it is a part of.
    pub parent: Option<(QualifiedName, RunId)>,
    /// The error message, if it failed.
    pub error: Option<Text>,
    /// Where a person can look at it.
    pub url: Option<Text>,
}

/// What an event speaks about; with the source, its slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSubject {
    /// A run of a job (RunEvent).
    Run {
        /// The job.
        job: QualifiedName,
        /// The run.
        run: RunId,
        /// How it stands.
        state: RunState,
        /// The rest.
        details: Box<RunDetails>,
    },
    /// A job as designed (JobEvent).
    Job(QualifiedName),
    /// A dataset as it is (DatasetEvent).
    Dataset(QualifiedName),
}

/// What an event source says: one thing about one job or dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it speaks about.
    pub subject: EventSubject,
    /// When that was so.
    pub time: Timestamp,
    /// What it states.
    pub facts: Facts,
    /// True if the event named any dataset, or stated any edge (a job that follows a job).
    pub names_datasets: bool,
    /// Digest of the job's definition (sql, sourceCode, sourceCodeLocation), if the event told it.
    pub definition: Option<Digest>,
    /// What was found while reading it.
    pub diagnostics: Vec<Diagnostic>,
    /// Digest of the decoded body.
    pub digest: Digest,
    /// The decoded body, verbatim but for secrets.
    pub body: Text,
}

/// What a person says: one fact, or that it is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manual {
    /// True if the fact is taken back, false if it is asserted.
    pub is_retraction: bool,
    /// Who says so: a name, as the client tells it.
    pub author: Text,
    /// Why.
    pub reason: Text,
    /// Exactly one fact: an edge, a field edge, an alias, an attribute, or a dataset or job with a description.
    pub facts: Facts,
}

impl Manual {
    /// The longest author, in bytes.
    pub const AUTHOR_BYTES_MAX: usize = 256;
    /// The longest reason, in bytes.
    pub const REASON_BYTES_MAX: usize = 2048;
}

/// What a submission says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// All that a snapshot source covers.
    Snapshot(Box<Snapshot>),
    /// One event.
    Event(Box<Event>),
    /// One fact of a person.
    Manual(Box<Manual>),
}

/// What a source says at one time: the unit that is accepted or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Whose facts these are.
    pub source: SourceKey,
    /// Who sent it, once anybody is authenticated.
    pub principal: Option<Text>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// What it says.
    pub statement: Statement,
}
