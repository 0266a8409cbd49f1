//! The one writer: takes what has queued, appends it to the log, applies it, publishes, acknowledges.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::Receiver;
use headwater_graph::Snapshot as Graph;
use headwater_model::{Digest, Mesh, SourceKey, Statement, Submission, Timestamp};
use headwater_record::{LogEntry, Prune, encode_prune};
use headwater_store::{Log, LogError, Offset, Payload};

use crate::apply::{Applier, Receipt, Verdict};
use crate::compaction::Compactor;
use crate::engine::{Done, Shared};
use crate::entries;
use crate::options::EngineOptions;
use crate::published::Published;
use crate::{EngineError, SubmitError};

pub(crate) enum Command {
    Submit {
        submission: Box<Submission>,
        facts: Vec<u8>,
        entry: Vec<u8>,
        done: Done,
        /// What is traced of whoever submits; empty where nothing is.
        span: tracing::Span,
    },
    Mesh {
        mesh: Mesh,
        received_at: Timestamp,
        entry: Vec<u8>,
        done: Done,
    },
    Prune {
        prune: Prune,
        done: Done,
    },
    Stop,
}

/// One accepted entry on its way.
struct Accepted {
    entry: LogEntry,
    received_at: Timestamp,
    /// Position of its last payload in the batch.
    last_payload: usize,
    done: Done,
    /// Those that sent the same again while it was on its way.
    repeats: Vec<Done>,
}

impl Accepted {
    fn refuse(self, error: &LogError) {
        for done in std::iter::once(self.done).chain(self.repeats) {
            let reason = error.to_string();
            done(Err(match error {
                LogError::TooLarge { .. } => SubmitError::Invalid(reason),
                LogError::Full { .. } => SubmitError::DiskFull { reason },
                _ => SubmitError::Closed { reason },
            }));
        }
    }
}

pub(crate) struct Writer {
    applier: Applier,
    log: Arc<dyn Log>,
    shared: Arc<Shared>,
    options: EngineOptions,
    offset: Offset,
    compactor: Compactor,
}

impl Writer {
    pub(crate) fn new(
        applier: Applier,
        log: Arc<dyn Log>,
        shared: Arc<Shared>,
        options: EngineOptions,
        offset: Offset,
    ) -> Self {
        Self {
            applier,
            log,
            shared,
            compactor: Compactor::new(options.graph_file.clone()),
            options,
            offset,
        }
    }

    /// Runs until told to stop; a panic is a failure like any other, and said.
    pub(crate) fn run_and_report(self, commands: &Receiver<Command>) {
        let shared = Arc::clone(&self.shared);
        let run = std::panic::AssertUnwindSafe(|| self.run(commands));
        if std::panic::catch_unwind(run).is_err() {
            tracing::error!("the writer panicked: nothing more is accepted");
            *shared.failure.lock() = Some("the writer panicked; the log says where".to_owned());
            shared.is_failed.store(true, Ordering::Release);
        }
    }

    fn run(mut self, commands: &Receiver<Command>) {
        let mut deferred: Option<Command> = None;
        while let Some(first) = deferred.take().or_else(|| commands.recv().ok()) {
            let mut commit = Commit::default();
            let mut is_stopping = !commit.take(first, &self.applier);
            while !is_stopping && commit.has_room(&self.options) {
                match commands.try_recv() {
                    Ok(command) => is_stopping = !commit.take(command, &self.applier),
                    Err(_) => break,
                }
            }
            deferred = commit.deferred.take();
            let span = commit.span();
            if let Err(error) = span.in_scope(|| self.commit(commit)) {
                self.fail(&error);
                if let Some(Command::Submit { done, .. }) = deferred.take() {
                    done(Err(SubmitError::Closed {
                        reason: error.to_string(),
                    }));
                }
                break;
            }
            if is_stopping {
                break;
            }
        }
        let has_failed = self.shared.is_failed.load(Ordering::Acquire);
        self.refuse_rest(commands);
        // After a failure the graph may be ahead of the offset: what is on disk stays as it was.
        if !has_failed {
            self.compactor.finish(&self.applier, self.offset);
        }
    }

    fn commit(&mut self, commit: Commit) -> Result<(), EngineError> {
        let begun = (self.options.now)();
        let counters = &self.shared.counters;
        let repeats = commit.known.len() as u64;
        counters.repeats.fetch_add(repeats, Ordering::Relaxed);
        let entries = commit.accepted.len() as f64;
        for (done, offset) in commit.known {
            done(Ok(Receipt {
                offset,
                is_repeat: true,
                ..Receipt::default()
            }));
        }
        if commit.accepted.is_empty() {
            return Ok(());
        }
        let appended = match self.log.append(&commit.payloads) {
            Ok(appended) => appended,
            Err(error) => {
                let was_nothing_done =
                    matches!(error, LogError::TooLarge { .. } | LogError::Full { .. });
                if matches!(error, LogError::Full { .. }) {
                    tracing::warn!(%error, "submissions are refused: {error}");
                }
                commit.accepted.into_iter().for_each(|a| a.refuse(&error));
                return if was_nothing_done {
                    Ok(())
                } else {
                    Err(error.into())
                };
            }
        };
        let mut receipts = Vec::with_capacity(commit.accepted.len());
        let mut committed_at = self.shared.published.load().committed_at;
        for accepted in commit.accepted {
            let offset = appended
                .first
                .checked_add(accepted.last_payload as u64)
                .expect("the log gave out these offsets");
            committed_at = accepted.received_at;
            let receipt = self.applier.apply(offset, accepted.entry)?;
            receipts.push((receipt, accepted.done, accepted.repeats));
        }
        self.offset = appended.last;
        self.applier.commit(self.offset, committed_at)?;
        let is_compacted = self.compactor.attend(&mut self.applier, self.offset);
        self.publish(committed_at);
        let counters = &self.shared.counters;
        let compactions = u64::from(is_compacted);
        counters
            .compactions
            .fetch_add(compactions, Ordering::Relaxed);
        counters.commit_entries.observe(entries);
        counters
            .commit_seconds
            .observe((self.options.now)().duration_since(begun).as_secs_f64());
        for (receipt, done, repeats) in receipts {
            for repeat in repeats {
                repeat(Ok(Receipt {
                    offset: receipt.offset,
                    is_repeat: true,
                    ..Receipt::default()
                }));
            }
            done(Ok(receipt));
        }
        Ok(())
    }

    fn publish(&self, committed_at: Timestamp) {
        let published = Published::new(
            Graph::clone(&self.applier.graph),
            self.offset,
            committed_at,
            Arc::clone(&self.applier.claimants),
            Arc::clone(&self.applier.resolver),
            self.applier.index.clone(),
            self.applier.standings.as_slice().into(),
        );
        self.shared.published.store(Arc::new(published));
        self.shared.waiting.wake(self.offset.get());
    }

    fn fail(&self, error: &EngineError) {
        tracing::error!(%error, "nothing more is accepted: {error}");
        *self.shared.failure.lock() = Some(error.to_string());
        self.shared.is_failed.store(true, Ordering::Release);
    }

    /// Refuses what is still queued, so that nobody waits for an answer that doesn't come.
    fn refuse_rest(&self, commands: &Receiver<Command>) {
        let reason = self.shared.failure.lock().clone();
        let reason = reason.unwrap_or_else(|| "the service is stopping".to_owned());
        self.shared
            .failure
            .lock()
            .get_or_insert_with(|| reason.clone());
        self.shared.is_failed.store(true, Ordering::Release);
        while let Ok(command) = commands.try_recv() {
            match command {
                Command::Submit { done, .. }
                | Command::Mesh { done, .. }
                | Command::Prune { done, .. } => {
                    done(Err(SubmitError::Closed {
                        reason: reason.clone(),
                    }));
                }
                Command::Stop => {}
            }
        }
    }
}

/// What the next commit takes.
#[derive(Default)]
struct Commit {
    accepted: Vec<Accepted>,
    payloads: Vec<Payload>,
    bytes: usize,
    /// Submissions that were accepted in an earlier commit, and where.
    known: Vec<(Done, u64)>,
    /// Events of this commit, by source and digest.
    events: HashMap<(SourceKey, Digest), usize>,
    /// Sources of snapshots of this commit.
    snapshots: HashSet<SourceKey>,
    /// Sources of manual statements of this commit.
    manuals: HashSet<SourceKey>,
    /// What can only be judged once this commit is applied: the next one begins with it.
    deferred: Option<Command>,
    /// What is traced of the submissions.
    spans: Vec<tracing::Span>,
}

impl Commit {
    /// A span of the commit that follows from those of its submissions; disabled unless something is traced.
    fn span(&self) -> tracing::Span {
        let span = tracing::trace_span!(
            target: "headwater::trace",
            parent: None,
            "commit",
            entries_count = self.accepted.len(),
            bytes = self.bytes
        );
        for submission in &self.spans {
            span.follows_from(submission);
        }
        span
    }

    fn has_room(&self, options: &EngineOptions) -> bool {
        self.deferred.is_none()
            && self.accepted.len() + self.known.len() < options.commit_submissions_max
            && self.bytes < options.commit_bytes_max
    }

    /// Takes a command; `false` if it says to stop.
    fn take(&mut self, command: Command, applier: &Applier) -> bool {
        match command {
            Command::Submit { ref submission, .. }
                if matches!(submission.statement, Statement::Manual(_))
                    && self.manuals.contains(&submission.source) =>
            {
                self.deferred = Some(command);
            }
            Command::Submit {
                submission,
                facts,
                entry,
                done,
                span,
            } => match self.judge(&submission, applier) {
                Ok(Verdict::Repeats(offset)) => self.known.push((done, offset)),
                Ok(Verdict::NotAsserted) => done(Err(SubmitError::NotAsserted {
                    source_key: submission.source.to_string(),
                })),
                Ok(Verdict::Changes) => {
                    if !span.is_disabled() {
                        self.spans.push(span);
                    }
                    self.take_submission(submission, facts, &entry, done);
                }
                Err(error) => done(Err(SubmitError::Closed {
                    reason: error.to_string(),
                })),
            },
            Command::Mesh {
                mesh,
                received_at,
                entry,
                done,
            } => self.push(LogEntry::Mesh(mesh, received_at), received_at, &entry, done),
            Command::Prune { prune, done } => {
                let entry = encode_prune(prune);
                self.push(LogEntry::Prune(prune), prune.received_at, &entry, done);
            }
            Command::Stop => return false,
        }
        true
    }

    /// Whether it was accepted in an earlier commit. What a snapshot of this commit makes of its source is only known
    /// when that is applied, and whether the next one repeats it is decided then.
    fn judge(&self, submission: &Submission, applier: &Applier) -> Result<Verdict, EngineError> {
        if let Statement::Manual(manual) = &submission.statement {
            return applier.judge(&submission.source, manual);
        }
        let is_snapshot = matches!(submission.statement, Statement::Snapshot(_));
        if is_snapshot && self.snapshots.contains(&submission.source) {
            return Ok(Verdict::Changes);
        }
        let known = applier.repeats(submission)?;
        Ok(known.map_or(Verdict::Changes, Verdict::Repeats))
    }

    fn take_submission(
        &mut self,
        submission: Box<Submission>,
        facts: Vec<u8>,
        entry: &[u8],
        done: Done,
    ) {
        match &submission.statement {
            Statement::Event(event) => {
                let key = (submission.source.clone(), event.digest);
                if let Some(first) = self.events.get(&key) {
                    self.accepted[*first].repeats.push(done);
                    return;
                }
                self.events.insert(key, self.accepted.len());
            }
            Statement::Snapshot(_) => {
                self.snapshots.insert(submission.source.clone());
            }
            Statement::Manual(_) => {
                self.manuals.insert(submission.source.clone());
            }
        }
        let received_at = submission.received_at;
        self.push(
            LogEntry::Submission(submission, facts),
            received_at,
            entry,
            done,
        );
    }

    fn push(&mut self, entry: LogEntry, received_at: Timestamp, bytes: &[u8], done: Done) {
        self.bytes += bytes.len();
        self.payloads.extend(entries::payloads(bytes));
        self.accepted.push(Accepted {
            entry,
            received_at,
            last_payload: self.payloads.len() - 1,
            done,
            repeats: Vec::new(),
        });
    }
}
