//! Workers: each takes the next extraction that may begin, and records what came of it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use headwater_model::SourceKey;
use headwater_record::DiagnosticRecord;

use crate::error::ExtractionError;
use crate::host::LoadedExtractor;
use crate::record::{
    ExtractionRecord, ExtractionState, SourceRecord, Trigger, UsageRecord, VersionRecord,
};
use crate::service::{Shared, State};

/// Extractors that are kept ready to be called.
const LOADED_MAX: usize = 8;
/// How often an extraction is begun that the service did not survive.
const ATTEMPTS_MAX: u32 = 3;

/// Extractors that are ready to be called, the one used last at the end.
#[derive(Default)]
pub(crate) struct Loaded(VecDeque<(String, Arc<dyn LoadedExtractor>)>);

/// What is to be done.
pub(crate) struct Task {
    pub(crate) key: SourceKey,
    pub(crate) source: SourceRecord,
    pub(crate) version: VersionRecord,
    pub(crate) extraction: ExtractionRecord,
}

/// What came of it.
pub(crate) enum Outcome {
    /// Its facts are accepted; the digest is of all that they follow from.
    Succeeded(Report, String),
    /// There was nothing to do.
    Unchanged,
    /// Nothing came of it. True if the extractor is to blame, or what it read.
    Failed(Report, String, bool),
    /// The service is stopping: it is begun again.
    Stopped,
}

/// What is known of an extraction that ran.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) usage: Option<UsageRecord>,
    pub(crate) artifacts_count: u64,
    pub(crate) artifacts_bytes: u64,
    pub(crate) offset: Option<u64>,
    pub(crate) counts: Option<(u64, u64, u64)>,
    pub(crate) diagnostics_count: u64,
    pub(crate) diagnostics: Vec<DiagnosticRecord>,
}

/// Works until the service stops.
pub(crate) fn work(shared: &Arc<Shared>) {
    while let Some(task) = shared.next() {
        let (key, number) = (task.key.clone(), task.extraction.number);
        let ran = catch_unwind(AssertUnwindSafe(|| shared.run(&task)));
        let outcome = ran.unwrap_or_else(|_| {
            let message = "the service failed; its log says why".to_owned();
            Outcome::Failed(Report::default(), message, true)
        });
        shared.end(&key, number, outcome);
    }
}

impl Shared {
    /// The extractor with that digest, ready to be called.
    ///
    /// # Errors
    /// Why it can't be loaded, in words.
    pub(crate) fn load(&self, digest: &str) -> Result<Arc<dyn LoadedExtractor>, String> {
        let mut loaded = self.loaded.lock();
        if let Some(at) = loaded.0.iter().position(|(of, _)| of == digest)
            && let Some(found) = loaded.0.remove(at)
        {
            let extractor = Arc::clone(&found.1);
            loaded.0.push_back(found);
            return Ok(extractor);
        }
        drop(loaded);
        let component = self.folder.read_component(digest);
        let extractor = self
            .host
            .load(&component.map_err(|error| error.to_string())?)?;
        let mut loaded = self.loaded.lock();
        loaded
            .0
            .push_back((digest.to_owned(), Arc::clone(&extractor)));
        while loaded.0.len() > LOADED_MAX {
            loaded.0.pop_front();
        }
        Ok(extractor)
    }

    /// Waits for the next task; none once the service is stopping.
    fn next(&self) -> Option<Task> {
        let mut state = self.state.lock();
        loop {
            if state.is_stopping {
                return None;
            }
            match self.begin(&mut state) {
                Ok(Some(task)) => return Some(task),
                Ok(None) => self.wake.wait(&mut state),
                Err(error) => {
                    tracing::error!(%error, "an extraction can't be begun: {error}");
                    let second = std::time::Duration::from_secs(1);
                    self.wake.wait_for(&mut state, second);
                }
            }
        }
    }

    /// Begins the first one that waits and is not held up.
    fn begin(&self, state: &mut State) -> Result<Option<Task>, ExtractionError> {
        let may_begin = |key: &SourceKey| {
            let Some(source) = state.sources.get(key) else {
                return true;
            };
            let is_usable = state
                .version_of(source)
                .is_none_or(|(_, is_enabled)| is_enabled);
            is_usable && source.paused.is_none() && !state.running.contains(key)
        };
        let Some(at) = state.queue.iter().position(may_begin) else {
            return Ok(None);
        };
        let key = state.queue[at].clone();
        let now = self.now();
        let begun = self.change(state, &key, |record| {
            let extractor = record.extractor.clone();
            let Some(extraction) = record.queued() else {
                let message = format!("extractor {extractor} has nothing to do");
                return Err(ExtractionError::NotFound(message));
            };
            extraction.attempts += 1;
            extraction.started_at = Some(now);
            extraction.state = ExtractionState::Extracting;
            Ok(extraction.clone())
        });
        let mut extraction = match begun {
            Ok(extraction) => extraction,
            Err(ExtractionError::NotFound(_)) => {
                state.queue.remove(at);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        state.queue.remove(at);
        let source = state.source(&key)?.clone();
        let version = state
            .version_of(&source)
            .map(|(version, _)| version.clone());
        let failure = if extraction.attempts > ATTEMPTS_MAX {
            Some(format!(
                "the service ended {ATTEMPTS_MAX} times while it ran"
            ))
        } else if version.is_none() {
            Some(format!("there is no extractor {}", source.extractor))
        } else {
            None
        };
        if let Some(message) = failure {
            let number = extraction.number;
            let outcome = Outcome::Failed(Report::default(), message, true);
            self.record(state, &key, number, outcome);
            return self.begin(state);
        }
        let version = version.expect("checked above");
        extraction.extractor = Some(version.digest.clone());
        extraction.extractor_version = Some(version.version.clone());
        state.running.insert(key.clone());
        Ok(Some(Task {
            key,
            source,
            version,
            extraction,
        }))
    }

    /// Shows how far one is; that is not kept.
    pub(crate) fn progress(&self, task: &Task, now: ExtractionState) {
        let mut state = self.state.lock();
        let source = state.sources.get_mut(&task.key);
        if let Some(found) = source.and_then(|source| source.extraction(task.extraction.number)) {
            found.state = now;
        }
    }

    fn end(&self, key: &SourceKey, number: u64, outcome: Outcome) {
        let mut state = self.state.lock();
        state.running.remove(key);
        self.record(&mut state, key, number, outcome);
        if let Some(source) = state.sources.get(key) {
            let kept = source.artifacts.clone();
            self.folder.keep_artifacts(key, &kept);
        }
        self.wake.notify_all();
    }

    fn record(&self, state: &mut State, key: &SourceKey, number: u64, outcome: Outcome) {
        if state.source(key).is_err() {
            return;
        }
        let version = state
            .source(key)
            .ok()
            .and_then(|source| state.version_of(source))
            .map(|(version, _)| (version.digest.clone(), version.version.clone()));
        let now = self.now();
        let failures_max = self.options.failures_max;
        let is_stopped = matches!(outcome, Outcome::Stopped);
        let recorded = self.change(state, key, |record| {
            settle(record, number, outcome, version, (now, failures_max));
            Ok(())
        });
        if let Err(error) = recorded {
            // It is begun again with the next start, and repeats what it said.
            tracing::error!(source = %key, "what became of an extraction of {key} can't be kept: {error}");
        }
        if is_stopped {
            state.queue.push_front(key.clone());
        }
        let ended = state
            .sources
            .get_mut(key)
            .and_then(|source| source.extraction(number));
        if let Some((state_now, from)) = ended.map(|found| (found.state, found.started_at)) {
            state.tally.count(state_now, (from.unwrap_or(now), now));
        }
    }
}

fn settle(
    record: &mut SourceRecord,
    number: u64,
    outcome: Outcome,
    version: Option<(String, String)>,
    (now, failures_max): (i64, u32),
) {
    let mut failures_in_row = record.failures_in_row;
    let mut done = record.done.clone();
    let mut paused = None;
    let Some(extraction) = record.extraction(number) else {
        return;
    };
    if let Some((digest, name)) = version {
        extraction.extractor.get_or_insert(digest);
        extraction.extractor_version.get_or_insert(name);
    }
    extraction.ended_at = Some(now);
    match outcome {
        Outcome::Succeeded(report, digest) => {
            extraction.state = ExtractionState::Succeeded;
            fill(extraction, report);
            failures_in_row = 0;
            done = Some(digest);
        }
        Outcome::Unchanged => {
            extraction.state = ExtractionState::Unchanged;
            failures_in_row = 0;
        }
        Outcome::Failed(report, message, is_own_fault) => {
            extraction.state = ExtractionState::Failed;
            fill(extraction, report);
            if is_own_fault {
                failures_in_row += 1;
                if failures_in_row >= failures_max {
                    paused = Some(format!(
                        "{failures_in_row} extractions in a row failed, the last because {message}"
                    ));
                }
            }
            extraction.error = Some(message);
            // The same again is to be tried again.
            done = None;
        }
        Outcome::Stopped => {
            extraction.state = ExtractionState::Queued;
            extraction.ended_at = None;
            extraction.attempts -= 1;
        }
    }
    let is_idle_fetch =
        extraction.state == ExtractionState::Unchanged && extraction.trigger == Trigger::Schedule;
    record.failures_in_row = failures_in_row;
    record.done = done;
    record.paused = record.paused.take().or(paused);
    if is_idle_fetch {
        keep_newest_idle(record, number);
    }
}

/// Of fetches in a row that brought nothing new, the newest alone is remembered.
fn keep_newest_idle(record: &mut SourceRecord, number: u64) {
    let Some(at) = (record.extractions.iter()).position(|found| found.number == number) else {
        return;
    };
    let is_idle = |found: &ExtractionRecord| {
        found.state == ExtractionState::Unchanged && found.trigger == Trigger::Schedule
    };
    if at > 0 && is_idle(&record.extractions[at - 1]) {
        record.extractions.remove(at - 1);
    }
}

fn fill(extraction: &mut ExtractionRecord, report: Report) {
    extraction.usage = report.usage;
    extraction.artifacts_count = report.artifacts_count;
    extraction.artifacts_bytes = report.artifacts_bytes;
    extraction.offset = report.offset;
    extraction.counts = report.counts;
    extraction.diagnostics_count = report.diagnostics_count;
    extraction.diagnostics = report.diagnostics;
}
