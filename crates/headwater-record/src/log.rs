//! Entries of the log: accepted submissions, and changes of the mesh.
//!
//! Entries are MessagePack maps with named fields, so that a later version may add fields and still read the entries
//! of an earlier one. The log keeps [`LOG_VERSION`] beside each.

#![allow(
    clippy::ref_option_ref,
    reason = "serde hands a reference to each field to the module that writes it"
)]

use headwater_model::{
    Cadence, Coverage, Diagnostic, Digest, DomainName, DomainSpec, Event, EventSubject, Evidence,
    ExtractorVersion, Manual, Mesh, Name, Namespace, Pattern, QualifiedName, RunDetails, RunId,
    RunState, Severity, Snapshot, SourceKey, SourceName, Statement, Submission, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::decode_facts;
use crate::{IdentityRecord, RecordError};

/// Version of the entries that are written now.
pub const LOG_VERSION: u8 = 1;

/// What the log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEntry {
    /// A submission, and the encoded facts whose digest names its contribution.
    Submission(Box<Submission>, Vec<u8>),
    /// The mesh as it is from here on.
    Mesh(Mesh, Timestamp),
    /// What stood here is gone: it was damaged, or erased on request. Nothing follows from it.
    Gone(Gone),
    /// From here on, what is told of runs that ended earlier is forgotten.
    Prune(Prune),
}

impl LogEntry {
    /// When it was received; none where that is gone.
    pub fn received_at(&self) -> Option<Timestamp> {
        match self {
            Self::Submission(submission, _) => Some(submission.received_at),
            Self::Mesh(_, received_at) => Some(*received_at),
            Self::Gone(_) => None,
            Self::Prune(prune) => Some(prune.received_at),
        }
    }
}

/// Why an entry is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It was damaged, and cut by a repair.
    Damaged,
    /// Somebody asked for its erasure.
    Erased,
}

impl Gone {
    fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Erased => "erased",
        }
    }
}

/// A cut-off of run history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prune {
    /// Runs that ended before this, and findings and submissions received before this, are forgotten.
    pub before: Timestamp,
    /// When it was asked for.
    pub received_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum EntryRecord<'a> {
    #[serde(borrow)]
    Snapshot(SnapshotRecord<'a>),
    #[serde(borrow)]
    Event(EventRecord<'a>),
    #[serde(borrow)]
    Mesh(MeshRecord<'a>),
    #[serde(borrow)]
    Gone(GoneRecord<'a>),
    Prune(PruneRecord),
    #[serde(borrow)]
    Manual(ManualRecord<'a>),
}

#[derive(Serialize, Deserialize)]
struct GoneRecord<'a> {
    why: &'a str,
}

#[derive(Serialize, Deserialize)]
struct PruneRecord {
    before: i64,
    received_at: i64,
}

type NameRecord<'a> = (&'a str, &'a str);
type PlaceRecord<'a> = (&'a str, Option<&'a str>, Option<u32>, Option<u32>);

#[derive(Serialize, Deserialize)]
struct FindingRecord<'a> {
    severity: u8,
    code: &'a str,
    message: &'a str,
    #[serde(borrow)]
    at: Option<PlaceRecord<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Origin<'a> {
    domain: &'a str,
    source: &'a str,
    principal: Option<&'a str>,
    received_at: i64,
}

#[derive(Serialize, Deserialize)]
struct SnapshotRecord<'a> {
    #[serde(borrow)]
    origin: Origin<'a>,
    extractor: Option<(&'a str, &'a str, &'a str)>,
    generated_at: Option<i64>,
    covers: u16,
    #[serde(with = "serde_bytes")]
    facts: &'a [u8],
    #[serde(borrow)]
    diagnostics: Vec<FindingRecord<'a>>,
    #[serde(with = "serde_bytes")]
    digest: &'a [u8],
    idempotency_key: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct EventRecord<'a> {
    #[serde(borrow)]
    origin: Origin<'a>,
    #[serde(borrow)]
    subject: SubjectRecord<'a>,
    time: i64,
    #[serde(with = "serde_bytes")]
    facts: &'a [u8],
    names_datasets: bool,
    #[serde(with = "serde_bytes")]
    definition: Option<&'a [u8]>,
    #[serde(borrow)]
    diagnostics: Vec<FindingRecord<'a>>,
    #[serde(with = "serde_bytes")]
    digest: &'a [u8],
    body: &'a str,
}

#[derive(Serialize, Deserialize)]
struct ManualRecord<'a> {
    #[serde(borrow)]
    origin: Origin<'a>,
    is_retraction: bool,
    author: &'a str,
    reason: &'a str,
    #[serde(with = "serde_bytes")]
    facts: &'a [u8],
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SubjectRecord<'a> {
    #[serde(borrow)]
    Run(RunRecord<'a>),
    #[serde(borrow)]
    Job(NameRecord<'a>),
    #[serde(borrow)]
    Dataset(NameRecord<'a>),
}

#[derive(Serialize, Deserialize)]
struct RunRecord<'a> {
    #[serde(borrow)]
    job: NameRecord<'a>,
    run: &'a str,
    state: &'a str,
    nominal_start: Option<i64>,
    nominal_end: Option<i64>,
    #[serde(borrow)]
    parent: Option<(NameRecord<'a>, &'a str)>,
    error: Option<&'a str>,
    url: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct MeshRecord<'a> {
    received_at: i64,
    keep_runs: u32,
    #[serde(borrow)]
    domains: Vec<DomainRecord<'a>>,
    /// Absent from entries of the time when names were exact.
    #[serde(default)]
    identity: Option<IdentityRecord>,
    /// Absent from entries of the time when no source promised anything.
    #[serde(borrow, default)]
    cadences: Vec<CadenceRecord<'a>>,
}

#[derive(Serialize, Deserialize)]
struct CadenceRecord<'a> {
    domain: &'a str,
    source: &'a str,
    micros: i64,
}

#[derive(Serialize, Deserialize)]
struct DomainRecord<'a> {
    name: &'a str,
    description: Option<&'a str>,
    #[serde(borrow)]
    owners: Vec<&'a str>,
    #[serde(borrow)]
    datasets: Vec<&'a str>,
    #[serde(borrow)]
    job_namespaces: Vec<&'a str>,
}

/// Encodes a submission whose facts were encoded by [`crate::encode_facts`].
pub fn encode_submission(submission: &Submission, facts: &[u8]) -> Vec<u8> {
    let origin = Origin {
        domain: submission.source.domain.as_str(),
        source: submission.source.name.as_str(),
        principal: submission.principal.as_deref(),
        received_at: submission.received_at.as_micros(),
    };
    let entry = match &submission.statement {
        Statement::Snapshot(snapshot) => EntryRecord::Snapshot(SnapshotRecord {
            origin,
            extractor: snapshot
                .extractor
                .as_ref()
                .map(|e| (&*e.name, &*e.version, &*e.digest)),
            generated_at: snapshot.generated_at.map(Timestamp::as_micros),
            covers: snapshot.covers.bits(),
            facts,
            diagnostics: snapshot.diagnostics.iter().map(finding_record).collect(),
            digest: snapshot.digest.as_bytes(),
            idempotency_key: snapshot.idempotency_key.as_deref(),
        }),
        Statement::Event(event) => EntryRecord::Event(EventRecord {
            origin,
            subject: subject_record(&event.subject),
            time: event.time.as_micros(),
            facts,
            names_datasets: event.names_datasets,
            definition: event.definition.as_ref().map(|d| d.as_bytes().as_slice()),
            diagnostics: event.diagnostics.iter().map(finding_record).collect(),
            digest: event.digest.as_bytes(),
            body: &event.body,
        }),
        Statement::Manual(manual) => EntryRecord::Manual(ManualRecord {
            origin,
            is_retraction: manual.is_retraction,
            author: &manual.author,
            reason: &manual.reason,
            facts,
        }),
    };
    encode(&entry)
}

/// Encodes the mesh.
pub fn encode_mesh(mesh: &Mesh, received_at: Timestamp) -> Vec<u8> {
    encode(&EntryRecord::Mesh(MeshRecord {
        received_at: received_at.as_micros(),
        keep_runs: mesh.keep_runs(),
        domains: mesh.domains().iter().map(domain_record).collect(),
        identity: mesh.identity().map(IdentityRecord::of),
        cadences: mesh.cadences().iter().map(cadence_record).collect(),
    }))
}

/// Encodes what stands for an entry that is gone.
pub fn encode_gone(why: Gone) -> Vec<u8> {
    encode(&EntryRecord::Gone(GoneRecord { why: why.as_str() }))
}

/// Encodes a cut-off of run history.
pub fn encode_prune(prune: Prune) -> Vec<u8> {
    encode(&EntryRecord::Prune(PruneRecord {
        before: prune.before.as_micros(),
        received_at: prune.received_at.as_micros(),
    }))
}

fn domain_record(spec: &DomainSpec) -> DomainRecord<'_> {
    DomainRecord {
        name: spec.name.as_str(),
        description: spec.description.as_deref(),
        owners: spec.owners.iter().map(|o| &**o).collect(),
        datasets: spec.datasets.iter().map(Pattern::as_str).collect(),
        job_namespaces: spec.job_namespaces.iter().map(Pattern::as_str).collect(),
    }
}

fn cadence_record<'a>((source, cadence): (&'a SourceKey, &Cadence)) -> CadenceRecord<'a> {
    CadenceRecord {
        domain: source.domain.as_str(),
        source: source.name.as_str(),
        micros: cadence.as_micros(),
    }
}

fn encode(entry: &EntryRecord<'_>) -> Vec<u8> {
    rmp_serde::to_vec_named(entry).expect("a record in memory can always be written to memory")
}

/// Decodes an entry.
///
/// # Errors
/// [`RecordError`] if the version is unknown or the bytes are no such entry.
pub fn decode_entry(version: u8, bytes: &[u8]) -> Result<LogEntry, RecordError> {
    if version != LOG_VERSION {
        return Err(RecordError::Version {
            found: version,
            newest: LOG_VERSION,
        });
    }
    let entry: EntryRecord<'_> = rmp_serde::from_slice(bytes).map_err(RecordError::Entry)?;
    match entry {
        EntryRecord::Snapshot(record) => snapshot(&record),
        EntryRecord::Event(record) => event(&record),
        EntryRecord::Mesh(record) => mesh(record),
        // A reason of a later release is gone all the same.
        EntryRecord::Gone(record) => Ok(LogEntry::Gone(if record.why == Gone::Damaged.as_str() {
            Gone::Damaged
        } else {
            Gone::Erased
        })),
        EntryRecord::Prune(record) => Ok(LogEntry::Prune(Prune {
            before: Timestamp::from_micros(record.before),
            received_at: Timestamp::from_micros(record.received_at),
        })),
        EntryRecord::Manual(record) => manual(&record),
    }
}

fn manual(record: &ManualRecord<'_>) -> Result<LogEntry, RecordError> {
    let statement = Statement::Manual(Box::new(Manual {
        is_retraction: record.is_retraction,
        author: record.author.into(),
        reason: record.reason.into(),
        facts: decode_facts(record.facts)?,
    }));
    submission(&record.origin, statement, record.facts)
}

fn snapshot(record: &SnapshotRecord<'_>) -> Result<LogEntry, RecordError> {
    let statement = Statement::Snapshot(Box::new(Snapshot {
        extractor: record
            .extractor
            .map(|(name, version, digest)| ExtractorVersion {
                name: name.into(),
                version: version.into(),
                digest: digest.into(),
            }),
        generated_at: record.generated_at.map(Timestamp::from_micros),
        covers: Coverage::from_bits(record.covers),
        facts: decode_facts(record.facts)?,
        diagnostics: record.diagnostics.iter().map(finding).collect(),
        digest: digest(record.digest)?,
        idempotency_key: record.idempotency_key.map(Into::into),
    }));
    submission(&record.origin, statement, record.facts)
}

fn event(record: &EventRecord<'_>) -> Result<LogEntry, RecordError> {
    let statement = Statement::Event(Box::new(Event {
        subject: subject(&record.subject)?,
        time: Timestamp::from_micros(record.time),
        facts: decode_facts(record.facts)?,
        names_datasets: record.names_datasets,
        definition: record.definition.map(digest).transpose()?,
        diagnostics: record.diagnostics.iter().map(finding).collect(),
        digest: digest(record.digest)?,
        body: record.body.into(),
    }));
    submission(&record.origin, statement, record.facts)
}

fn submission(
    origin: &Origin<'_>,
    statement: Statement,
    facts: &[u8],
) -> Result<LogEntry, RecordError> {
    let submission = Submission {
        source: SourceKey::new(
            DomainName::parse(origin.domain)?,
            SourceName::parse(origin.source)?,
        ),
        principal: origin.principal.map(Into::into),
        received_at: Timestamp::from_micros(origin.received_at),
        statement,
    };
    Ok(LogEntry::Submission(Box::new(submission), facts.to_vec()))
}

fn mesh(record: MeshRecord<'_>) -> Result<LogEntry, RecordError> {
    let domains = record
        .domains
        .into_iter()
        .map(|domain| {
            Ok(DomainSpec {
                name: DomainName::parse(domain.name)?,
                description: domain.description.map(Into::into),
                owners: domain.owners.into_iter().map(Into::into).collect(),
                datasets: domain.datasets.into_iter().map(Pattern::new).collect(),
                job_namespaces: domain
                    .job_namespaces
                    .into_iter()
                    .map(Pattern::new)
                    .collect(),
            })
        })
        .collect::<Result<Vec<_>, RecordError>>()?;
    let identity = record
        .identity
        .map(IdentityRecord::into_rules)
        .transpose()?;
    let cadences = record
        .cadences
        .into_iter()
        .map(|record| {
            let domain = DomainName::parse(record.domain)?;
            let source = SourceKey::new(domain, SourceName::parse(record.source)?);
            Ok((source, Cadence::from_micros(record.micros)?))
        })
        .collect::<Result<_, RecordError>>()?;
    let mesh = Mesh::new(record.keep_runs, domains)?
        .with_identity(identity)
        .with_cadences(cadences);
    Ok(LogEntry::Mesh(
        mesh,
        Timestamp::from_micros(record.received_at),
    ))
}

fn subject_record(subject: &EventSubject) -> SubjectRecord<'_> {
    match subject {
        EventSubject::Run {
            job,
            run,
            state,
            details,
        } => SubjectRecord::Run(RunRecord {
            job: name_record(job),
            run: run.as_str(),
            state: state.as_str(),
            nominal_start: details.nominal_start.map(Timestamp::as_micros),
            nominal_end: details.nominal_end.map(Timestamp::as_micros),
            parent: details
                .parent
                .as_ref()
                .map(|(job, run)| (name_record(job), run.as_str())),
            error: details.error.as_deref(),
            url: details.url.as_deref(),
        }),
        EventSubject::Job(job) => SubjectRecord::Job(name_record(job)),
        EventSubject::Dataset(dataset) => SubjectRecord::Dataset(name_record(dataset)),
    }
}

fn subject(record: &SubjectRecord<'_>) -> Result<EventSubject, RecordError> {
    Ok(match record {
        SubjectRecord::Run(run) => EventSubject::Run {
            job: name(&run.job)?,
            run: RunId::parse(run.run)?,
            state: RunState::parse(run.state).ok_or_else(|| RecordError::Unknown {
                what: "run state",
                found: run.state.to_owned(),
            })?,
            details: Box::new(RunDetails {
                nominal_start: run.nominal_start.map(Timestamp::from_micros),
                nominal_end: run.nominal_end.map(Timestamp::from_micros),
                parent: run
                    .parent
                    .as_ref()
                    .map(|(job, run)| Ok::<_, RecordError>((name(job)?, RunId::parse(run)?)))
                    .transpose()?,
                error: run.error.map(Into::into),
                url: run.url.map(Into::into),
            }),
        },
        SubjectRecord::Job(job) => EventSubject::Job(name(job)?),
        SubjectRecord::Dataset(dataset) => EventSubject::Dataset(name(dataset)?),
    })
}

fn digest(bytes: &[u8]) -> Result<Digest, RecordError> {
    let bytes = bytes.try_into().map_err(|_| RecordError::Unknown {
        what: "digest",
        found: format!("{} bytes", bytes.len()),
    })?;
    Ok(Digest::from_bytes(bytes))
}

fn name_record(name: &QualifiedName) -> NameRecord<'_> {
    (name.namespace.as_str(), name.name.as_str())
}

fn name(record: &NameRecord<'_>) -> Result<QualifiedName, RecordError> {
    Ok(QualifiedName::new(
        Namespace::parse(record.0)?,
        Name::parse(record.1)?,
    ))
}

fn finding_record(diagnostic: &Diagnostic) -> FindingRecord<'_> {
    FindingRecord {
        severity: diagnostic.severity as u8,
        code: &diagnostic.code,
        message: &diagnostic.message,
        at: diagnostic
            .at
            .as_ref()
            .map(|at| (&*at.artifact, at.pointer.as_deref(), at.line, at.column)),
    }
}

fn finding(record: &FindingRecord<'_>) -> Diagnostic {
    Diagnostic {
        severity: match record.severity {
            0 => Severity::Info,
            1 => Severity::Warning,
            _ => Severity::Error,
        },
        code: record.code.into(),
        message: record.message.into(),
        at: record.at.map(|(artifact, pointer, line, column)| Evidence {
            artifact: artifact.into(),
            pointer: pointer.map(Into::into),
            line,
            column,
        }),
    }
}
