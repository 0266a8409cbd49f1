//! One extraction: from artifacts through the extractor into the engine.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use globset::Glob;
use headwater_engine::{Caller, Engine, Receipt, SubmitError, View};
use headwater_model::{
    Artifact, AssetKind, AssetName, Coverage, Diagnostic, Digest, ExtractError, Extraction,
    ExtractorConfig, ExtractorLimits, ExtractorUsage, ExtractorVersion, Facts, InputPattern, Name,
    Namespace, QualifiedName, Severity, Snapshot, SourceKey, Statement, Submission,
};
use headwater_record::{FactsDocument, JsonLayout, facts_to_json, submission_from_json};

use crate::catalog::{CatalogDataset, FieldCatalog, is_catalog, mentioned, reads_catalogs};
use crate::host::LoadedExtractor;
use crate::record::{
    ExtractionState, SourceRecord, Trigger, UsageRecord, VersionRecord, found as found_record,
    micros,
};
use crate::service::Shared;
use crate::work::{Outcome, Report, Task};

/// Of what was found, as much is shown with the extraction; all of it is with the submission.
const DIAGNOSTICS_MAX: usize = 20;
/// Datasets whose fields are looked up.
const CATALOG_DATASETS_MAX: usize = 20_000;
/// How many of them are looked up at once.
const CATALOG_STEP: usize = 1000;
/// How long a full queue of submissions is left alone.
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// Why an extraction came to nothing: what to say, and of what sort it is.
pub(crate) struct Failure {
    diagnostic: Diagnostic,
    message: String,
    is_own_fault: bool,
}

/// What an extractor said, and what it used.
pub(crate) struct Extracted {
    pub(crate) extraction: Extraction,
    pub(crate) usage: UsageRecord,
}

impl Failure {
    pub(crate) fn new(code: &str, message: String) -> Self {
        Self {
            diagnostic: Diagnostic::new(Severity::Error, code, message.as_str()),
            message,
            is_own_fault: true,
        }
    }

    fn of_extractor(error: &ExtractError) -> Self {
        let message = error.to_string();
        let code = match error {
            ExtractError::Unsupported { .. } => "extraction/unsupported",
            ExtractError::Malformed { diagnostic, .. } => {
                return Self {
                    diagnostic: (**diagnostic).clone(),
                    message,
                    is_own_fault: true,
                };
            }
            ExtractError::Config { .. } => "extraction/config",
            ExtractError::Limit { .. } => "extraction/limit",
            ExtractError::Failed { .. } => "extraction/failed",
        };
        Self::new(code, message)
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl Shared {
    /// Does what is to be done.
    pub(crate) fn run(&self, task: &Task) -> Outcome {
        let mut source = task.source.clone();
        let fetches = matches!(
            task.extraction.trigger,
            Trigger::Schedule | Trigger::Request
        );
        if fetches && source.fetch.is_some() {
            self.progress(task, ExtractionState::Fetching);
            match self.fetch(&task.key, &source, &task.version.patterns()) {
                Ok(Some(fetched)) => source = fetched,
                Ok(None) => {}
                Err(failure) => {
                    let mut failure = Failure::new("extraction/fetch", failure.to_string());
                    failure.is_own_fault = false;
                    return self.failed(task, Report::default(), failure);
                }
            }
            self.progress(task, ExtractionState::Extracting);
        }
        let digest = digest_of(&source, &task.version);
        let mut report = Report {
            artifacts_count: source.artifacts.len() as u64,
            artifacts_bytes: source.artifacts.iter().map(|artifact| artifact.bytes).sum(),
            ..Report::default()
        };
        if !task.extraction.is_forced && source.done.as_deref() == Some(&*digest) {
            return Outcome::Unchanged;
        }
        let extracted = self.extract(&task.key, &source, &task.version);
        let extracted = match extracted {
            Ok(extracted) => extracted,
            Err(failure) => {
                let limits = self.limits(&source);
                report.usage = Some(UsageRecord::allowed(&limits));
                return self.failed(task, report, failure);
            }
        };
        report.usage = Some(extracted.usage);
        report.diagnostics_count = extracted.extraction.diagnostics.len() as u64;
        let found = extracted.extraction.diagnostics.iter();
        report.diagnostics = found.take(DIAGNOSTICS_MAX).map(found_record).collect();
        self.progress(task, ExtractionState::Submitting);
        let snapshot = match snapshot(&source.extractor, &task.version, &extracted.extraction) {
            Ok(snapshot) => snapshot,
            Err(failure) => return self.failed(task, report, failure),
        };
        match self.submit(&task.key, snapshot) {
            Ok(Some(receipt)) => {
                report.offset = Some(receipt.offset);
                report.counts = Some((
                    receipt.added_count,
                    receipt.removed_count,
                    receipt.unchanged_count,
                ));
                Outcome::Succeeded(report, digest)
            }
            Ok(None) => Outcome::Stopped,
            Err(error) => {
                let message = format!("what it stated is not accepted: {error}");
                Outcome::Failed(report, message, true)
            }
        }
    }

    /// What calls for a source may use.
    pub(crate) fn limits(&self, source: &SourceRecord) -> ExtractorLimits {
        let host = self.host.default_limits();
        self.options.limits(host, &source.extractor, &source.domain)
    }

    /// Lets a version of the extractor read a source's artifacts.
    pub(crate) fn extract(
        &self,
        key: &SourceKey,
        source: &SourceRecord,
        version: &VersionRecord,
    ) -> Result<Extracted, Failure> {
        let extractor = self.load(&version.digest).map_err(|reason| {
            let message = format!("extractor {} can't be used: {reason}", source.extractor);
            Failure::new("extraction/extractor", message)
        })?;
        let inputs = version.patterns();
        let mut artifacts = self.artifacts(key, source, &inputs)?;
        let limits = self.limits(source);
        let mut call = call(&*extractor, &limits, &source.config, &artifacts)?;
        let is_given = artifacts.iter().any(|artifact| is_catalog(&artifact.name));
        if !is_given
            && reads_catalogs(&inputs)
            && let Some(catalog) = self.catalog(&call.0)?
        {
            artifacts.push(catalog.into_artifact());
            call = self::call(&*extractor, &limits, &source.config, &artifacts)?;
        }
        let (extraction, used) = call;
        let usage = UsageRecord {
            memory_bytes: used.memory_bytes,
            time_us: micros(used.time),
            facts: extraction.facts.count() as u64,
            read_bytes: used.read_bytes,
            ..UsageRecord::allowed(&limits)
        };
        Ok(Extracted { extraction, usage })
    }

    fn artifacts(
        &self,
        key: &SourceKey,
        source: &SourceRecord,
        inputs: &[InputPattern],
    ) -> Result<Vec<Artifact>, Failure> {
        if source.artifacts.is_empty() {
            let message = "there are no artifacts to read".to_owned();
            return Err(Failure::new("extraction/no-artifacts", message));
        }
        let matchers: Vec<_> = inputs
            .iter()
            .filter_map(|input| Some((Glob::new(&input.glob).ok()?.compile_matcher(), input)))
            .collect();
        let media_type = |name: &str| {
            let first = matchers.iter().find(|(glob, _)| glob.is_match(name));
            first.map_or_else(|| "".into(), |(_, input)| input.media_type.clone())
        };
        source
            .artifacts
            .iter()
            .map(|artifact| {
                let content = self
                    .folder
                    .content(key, artifact)
                    .map_err(|error| Failure::new("extraction/artifact", error.to_string()))?;
                Ok(Artifact {
                    name: artifact.name.as_str().into(),
                    media_type: media_type(&artifact.name),
                    content,
                })
            })
            .collect()
    }

    /// What the graph knows of the datasets that an extraction only mentions; none if it mentions none.
    fn catalog(&self, extraction: &Extraction) -> Result<Option<FieldCatalog>, Failure> {
        let wanted = mentioned(extraction);
        let Some(engine) = self.engine.upgrade() else {
            return Ok(None);
        };
        if wanted.is_empty() {
            return Ok(None);
        }
        if wanted.len() > CATALOG_DATASETS_MAX {
            let message = format!(
                "the artifacts name {} datasets whose fields they do not tell, more than {CATALOG_DATASETS_MAX}",
                wanted.len()
            );
            return Err(Failure::new("extraction/catalog", message));
        }
        let view = engine.view(Caller::everyone());
        let datasets = fields_of(&view, wanted).map_err(|error| {
            let message = format!("the fields of datasets can't be read: {error}");
            Failure::new("extraction/catalog", message)
        })?;
        Ok(Some(FieldCatalog::new(view.offset(), datasets)))
    }

    /// Submits; none if the service is stopping.
    fn submit(&self, key: &SourceKey, snapshot: Snapshot) -> Result<Option<Receipt>, SubmitError> {
        let submission = Submission {
            source: key.clone(),
            principal: None,
            received_at: (self.calendar)(),
            statement: Statement::Snapshot(Box::new(snapshot)),
        };
        loop {
            let Some(engine) = self.engine.upgrade() else {
                return Ok(None);
            };
            match submit(&engine, submission.clone()) {
                Ok(receipt) => return Ok(Some(receipt)),
                // What keeps the service from accepting anything is nobody's failure here.
                Err(
                    SubmitError::Busy { .. }
                    | SubmitError::DiskFull { .. }
                    | SubmitError::Closed { .. },
                ) => {
                    drop(engine);
                    if self.state.lock().is_stopping {
                        return Ok(None);
                    }
                    thread::sleep(BUSY_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Says in the source's name that nothing came of it: what it said before stays, and it is stale.
    fn failed(&self, task: &Task, mut report: Report, failure: Failure) -> Outcome {
        report.diagnostics_count += 1;
        report
            .diagnostics
            .insert(0, found_record(&failure.diagnostic));
        report.diagnostics.truncate(DIAGNOSTICS_MAX);
        let version = &task.version;
        let parts = [
            b"failed".as_slice(),
            version.digest.as_bytes(),
            failure.diagnostic.code.as_bytes(),
            failure.diagnostic.message.as_bytes(),
        ];
        let snapshot = Snapshot {
            extractor: Some(version_of(&task.source.extractor, version)),
            generated_at: None,
            covers: Coverage::NONE,
            facts: Facts::default(),
            digest: Digest::of_parts(parts),
            diagnostics: vec![failure.diagnostic],
            idempotency_key: None,
        };
        match self.submit(&task.key, snapshot) {
            Ok(Some(receipt)) => report.offset = Some(receipt.offset),
            Ok(None) => return Outcome::Stopped,
            Err(error) => {
                tracing::error!(source = %task.key, "a failure of {} can't be told: {error}", task.key);
            }
        }
        Outcome::Failed(report, failure.message, failure.is_own_fault)
    }
}

fn submit(engine: &Engine, submission: Submission) -> Result<Receipt, SubmitError> {
    engine.submit_and_wait(submission)
}

fn call(
    extractor: &dyn LoadedExtractor,
    limits: &ExtractorLimits,
    config: &ExtractorConfig,
    artifacts: &[Artifact],
) -> Result<(Extraction, ExtractorUsage), Failure> {
    extractor
        .extract_within(limits, config, artifacts)
        .map_err(|error| Failure::of_extractor(&error))
}

/// All fields of each dataset of which somebody lists all.
fn fields_of(
    view: &View,
    wanted: BTreeSet<(String, String)>,
) -> Result<Vec<CatalogDataset>, headwater_engine::AskError> {
    let mut known = Vec::new();
    for (namespace, name) in wanted {
        let (Ok(space), Ok(own)) = (Namespace::parse(&namespace), Name::parse(&name)) else {
            continue;
        };
        let asset = AssetName {
            kind: AssetKind::Dataset,
            name: QualifiedName::new(space, own),
        };
        // A name that means several has no fields of its own.
        if let Ok(Some(index)) = view.by_name(&asset) {
            known.push((index, namespace, name));
        }
    }
    let mut datasets = Vec::new();
    for step in known.chunks(CATALOG_STEP) {
        let indices: Vec<_> = step.iter().map(|(index, ..)| *index).collect();
        let columns = view.columns_many(&indices)?;
        for ((_, namespace, name), columns) in step.iter().zip(columns) {
            datasets.extend(columns.map(|columns| CatalogDataset {
                namespace: namespace.clone(),
                name: name.clone(),
                fields: columns.iter().map(ToString::to_string).collect(),
            }));
        }
    }
    Ok(datasets)
}

fn version_of(name: &str, version: &VersionRecord) -> ExtractorVersion {
    ExtractorVersion {
        name: name.into(),
        version: version.version.as_str().into(),
        digest: version.digest.as_str().into(),
    }
}

/// What an extraction says, as if it had been sent: the same facts are the same submission, whoever extracted them.
pub(crate) fn snapshot(
    name: &str,
    version: &VersionRecord,
    extraction: &Extraction,
) -> Result<Snapshot, Failure> {
    let extractor = version_of(name, version);
    let document = FactsDocument {
        extractor: Some(&extractor),
        generated_at: extraction.generated_at,
        covers: extraction.covers,
        facts: &extraction.facts,
        diagnostics: &extraction.diagnostics,
    };
    let odd = |error: &dyn std::fmt::Display| {
        let message = format!("extractor {name} stated something odd: {error}");
        Failure::new("extraction/odd", message)
    };
    let json = facts_to_json(&document, JsonLayout::Compact).map_err(|error| odd(&error))?;
    submission_from_json(json.as_bytes()).map_err(|error| odd(&error))
}

/// Digests all that an extraction's facts follow from, but for the graph's catalog.
fn digest_of(source: &SourceRecord, version: &VersionRecord) -> String {
    let config = source
        .config
        .iter()
        .flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
    let artifacts = source
        .artifacts
        .iter()
        .flat_map(|artifact| [artifact.name.as_bytes(), artifact.digest.as_bytes()]);
    let counts = [source.config.len(), source.artifacts.len()].map(usize::to_be_bytes);
    let counts = counts.iter().map(<[u8; 8]>::as_slice);
    let parts = std::iter::once(version.digest.as_bytes())
        .chain(counts)
        .chain(config)
        .chain(artifacts);
    Digest::of_parts(parts).to_string()
}
