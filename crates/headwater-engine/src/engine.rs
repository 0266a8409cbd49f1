//! The engine's handle: opening it, submitting to it, asking it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use crossbeam_channel::{Sender, TrySendError};
use headwater_model::{
    Event, EventSubject, Facts, IdentityRules, Mesh, SourceKey, SourceKind, SourceName, Statement,
    Submission, Timestamp,
};
use headwater_record::{Prune, encode_facts, encode_mesh, encode_submission, redact_submission};
use headwater_store::{Excerpt, Log, LogBackup, RewriteReport, State};
use parking_lot::Mutex;

use crate::apply::Receipt;
use crate::ask::{Caller, View};
use crate::options::EngineOptions;
use crate::past::{Pasts, RecentTurns};
use crate::published::Published;
use crate::read_ahead::ReadAhead;
use crate::recovery::{self, Recovery};
use crate::retention::drop_bodies;
use crate::sources::Sources;
use crate::stats::{Counters, Stats};
use crate::visible::{Visible, Waiting};
use crate::words::Words;
use crate::writer::{Command, Writer};
use crate::{EngineError, SubmitError, bounds};

/// A prune closes the newest file of the log if it has so many bytes; a smaller one is left for a later prune, so that
/// frequent ones make no multitude of files.
const SEALED_BYTES_MIN: u64 = 256 << 10;

/// The name of the source that events get where nobody says another.
const EVENTS_SOURCE: &str = "openlineage";

/// What is told to whoever submitted.
pub type Done = Box<dyn FnOnce(Result<Receipt, SubmitError>) + Send>;

/// One writer, many readers. Synchronous: whoever calls from async code hands over a callback.
pub struct Engine {
    shared: Arc<Shared>,
    log: Arc<dyn Log>,
    queue: Sender<Command>,
    writer: Mutex<Option<JoinHandle<()>>>,
    options: EngineOptions,
}

/// What the writer and the readers share.
pub(crate) struct Shared {
    pub(crate) published: ArcSwap<Published>,
    pub(crate) state: Arc<dyn State>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) words: Words,
    pub(crate) namespaces: Words,
    pub(crate) sources: Sources,
    pub(crate) is_failed: AtomicBool,
    pub(crate) failure: Mutex<Option<String>>,
    pub(crate) counters: Counters,
    pub(crate) pasts: Pasts,
    pub(crate) past_graphs_max: usize,
    pub(crate) turns: RecentTurns,
    pub(crate) waiting: Waiting,
}

impl Engine {
    /// Opens the engine over a log and a state: brings the state up to the log's end and starts the writer.
    ///
    /// # Errors
    /// [`EngineError`] if the log or the state can't be read.
    pub fn open(
        log: Arc<dyn Log>,
        state: Arc<dyn State>,
        options: EngineOptions,
    ) -> Result<(Self, Recovery), EngineError> {
        Self::open_with(log, state, options, None)
    }

    /// The same, with files that are being read already.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_with(
        log: Arc<dyn Log>,
        state: Arc<dyn State>,
        options: EngineOptions,
        read_ahead: Option<ReadAhead>,
    ) -> Result<(Self, Recovery), EngineError> {
        let (applier, recovery) = recovery::recover(&*log, &state, &options, read_ahead)?;
        let published = Published::new(
            applier.graph.clone(),
            recovery.offset,
            recovery.committed_at,
            Arc::clone(&applier.claimants),
            Arc::clone(&applier.resolver),
            applier.index.clone(),
            applier.standings.as_slice().into(),
        );
        let shared = Arc::new(Shared {
            published: ArcSwap::from_pointee(published),
            state,
            log: Arc::clone(&log),
            words: applier.words.clone(),
            namespaces: applier.namespaces.clone(),
            sources: applier.sources.clone(),
            is_failed: AtomicBool::new(false),
            failure: Mutex::new(None),
            counters: Counters::default(),
            pasts: Pasts::default(),
            past_graphs_max: options.past_graphs_max,
            turns: applier.turns.clone(),
            waiting: Waiting::default(),
        });
        let (queue, commands) = crossbeam_channel::bounded(options.queue_submissions_max);
        let writer = Writer::new(
            applier,
            Arc::clone(&log),
            Arc::clone(&shared),
            options.clone(),
            recovery.offset,
        );
        let thread = std::thread::Builder::new()
            .name("headwater-writer".into())
            .spawn(move || writer.run_and_report(&commands))
            .map_err(|source| EngineError::Io {
                path: "a thread".into(),
                source,
            })?;
        let engine = Self {
            shared,
            log,
            queue,
            writer: Mutex::new(Some(thread)),
            options,
        };
        Ok((engine, recovery))
    }

    /// Queues a submission; `done` is called once it is durable and visible, or refused. Secrets are taken out before
    /// anything is kept.
    ///
    /// # Errors
    /// [`SubmitError`] if it is not even queued; `done` is not called then.
    pub fn submit(&self, mut submission: Submission, done: Done) -> Result<(), SubmitError> {
        let facts = facts(&submission);
        let max = self.options.submission_facts_max;
        if facts.count() > max {
            let count = facts.count();
            return Err(SubmitError::Invalid(format!(
                "the submission states {count} facts, more than {max}"
            )));
        }
        bounds::check(&submission)?;
        self.check_kind(&submission)?;
        let mut encoded = encode_facts(facts)?;
        if redact_submission(&mut submission, &encoded) {
            encoded = encode_facts(self::facts(&submission))?;
        }
        let facts = encoded;
        let entry = encode_submission(&submission, &facts);
        if entry.len() > self.options.entry_bytes_max {
            return Err(SubmitError::Invalid(format!(
                "the submission takes {} bytes in the log, more than {}",
                entry.len(),
                self.options.entry_bytes_max
            )));
        }
        self.send(Command::Submit {
            submission: Box::new(submission),
            facts,
            entry,
            done,
            span: tracing::Span::current(),
        })
    }

    /// A source is of people or of tools: neither speaks in the other's name.
    fn check_kind(&self, submission: &Submission) -> Result<(), SubmitError> {
        let sources = &self.shared.sources;
        let known = sources.number(&submission.source);
        let Some(known) = known.and_then(|number| sources.get(number)) else {
            return Ok(());
        };
        let is_manual = matches!(submission.statement, Statement::Manual(_));
        match (known.kind == SourceKind::Manual, is_manual) {
            (true, false) => Err(SubmitError::Invalid(format!(
                "source {} holds manual facts: submit as another source",
                known.key
            ))),
            (false, true) => Err(SubmitError::Invalid(format!(
                "source {} is of a tool: assert manual facts in another source",
                known.key
            ))),
            _ => Ok(()),
        }
    }

    /// How the engine fares. Looks at files, and waits for an append under way: not for the threads that answer.
    pub fn stats(&self) -> Stats {
        let (shared, counters) = (&self.shared, &self.shared.counters);
        let published = shared.published.load();
        Stats {
            offset: published.offset.get(),
            queue_count: self.queue.len(),
            queue_max: self.options.queue_submissions_max,
            commit_seconds: counters.commit_seconds.read(),
            commit_entries: counters.commit_entries.read(),
            repeats_count: counters.repeats.load(Ordering::Relaxed),
            compactions_count: counters.compactions.load(Ordering::Relaxed),
            log_bytes: self.log.bytes_on_disk(),
            log_segments_count: self.log.segments_count(),
            state_bytes: shared.state.bytes_on_disk().ok(),
            assets_count: published.graph.assets_count(),
            edges_count: published.graph.edges_count(),
            fields_count: published.graph.fields_count(),
            field_edges_count: published.graph.field_edges_count(),
            overlay_ratio: published.graph.overlay_ratio(),
            has_failed: shared.is_failed.load(Ordering::Acquire) || self.disk_full().is_some(),
        }
    }

    /// Submits and waits.
    ///
    /// # Errors
    /// [`SubmitError`] says why it was not accepted.
    pub fn submit_and_wait(&self, submission: Submission) -> Result<Receipt, SubmitError> {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        self.submit(
            submission,
            Box::new(move |result| {
                let _ = sender.send(result);
            }),
        )?;
        receiver.recv().unwrap_or_else(|_| Err(self.closed()))
    }

    /// Makes `mesh` the mesh, as an entry of the log, unless it is already; waits until it is visible.
    ///
    /// # Errors
    /// [`SubmitError`] says why it was not accepted; [`SubmitError::Invalid`] names a pattern that is no glob, or a rule
    /// of identity that can't be used. Where `mesh` says nothing of identity, the rules that hold go on holding.
    pub fn set_mesh(&self, mesh: Mesh, received_at: Timestamp) -> Result<(), SubmitError> {
        crate::check_patterns(&mesh).map_err(|error| SubmitError::Invalid(error.to_string()))?;
        let published = self.shared.published.load_full();
        let known = published.claimants.mesh();
        let mesh = match mesh.identity() {
            Some(rules) => {
                let invalid = |error: crate::RuleError| {
                    SubmitError::Invalid(format!("identity rule {}, {error}", error.rule + 1))
                };
                crate::check_identity(rules).map_err(invalid)?;
                mesh
            }
            None => mesh.with_identity(known.identity().cloned()),
        };
        if *known == mesh {
            return Ok(());
        }
        let (sender, receiver) = crossbeam_channel::bounded(1);
        let entry = encode_mesh(&mesh, received_at);
        bounds::check_mesh(&entry)?;
        let done: Done = Box::new(move |result| {
            let _ = sender.send(result);
        });
        self.send(Command::Mesh {
            mesh,
            received_at,
            entry,
            done,
        })?;
        receiver
            .recv()
            .unwrap_or_else(|_| Err(self.closed()))
            .map(|_| ())
    }

    /// Forgets what is told of runs that ended before `prune.before`, and submissions and findings of before, as an
    /// entry of the log; then takes the verbatim events of before out of the log's files: the newest one is closed before,
    /// unless it is small. What holds, and since when, stays. Waits until that is done: not for the threads that answer.
    ///
    /// # Errors
    /// [`SubmitError`] says why it was not accepted, or that the log could not be rewritten; what is forgotten is
    /// forgotten all the same, and asking again goes on.
    pub fn prune(
        &self,
        prune: Prune,
        archive: Option<&Path>,
    ) -> Result<(Receipt, RewriteReport), SubmitError> {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        let done: Done = Box::new(move |result| {
            let _ = sender.send(result);
        });
        self.send(Command::Prune { prune, done })?;
        let receipt = receiver.recv().unwrap_or_else(|_| Err(self.closed()))?;
        let sealed = if self.log.newest_file_bytes() >= SEALED_BYTES_MIN {
            self.log.seal().map_err(Into::into)
        } else {
            Ok(())
        };
        let rewritten = sealed.and_then(|()| drop_bodies(&*self.log, prune.before, archive));
        let report = rewritten.map_err(|error| SubmitError::Rewrite(error.to_string()))?;
        Ok((receipt, report))
    }

    /// Makes `rules` the operators' rules of identity, as an entry of the log, unless they are already; waits until what
    /// follows from them is visible, and says at which offset.
    ///
    /// # Errors
    /// As [`Engine::set_mesh`].
    pub fn set_identity(
        &self,
        rules: IdentityRules,
        received_at: Timestamp,
    ) -> Result<u64, SubmitError> {
        let mesh = self.shared.published.load().claimants.mesh().clone();
        self.set_mesh(mesh.with_identity(Some(rules)), received_at)?;
        Ok(self.shared.published.load().offset.get())
    }

    fn send(&self, command: Command) -> Result<(), SubmitError> {
        if self.shared.is_failed.load(Ordering::Acquire) {
            return Err(self.closed());
        }
        self.queue.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::Busy {
                queue_max: self.options.queue_submissions_max,
            },
            TrySendError::Disconnected(_) => self.closed(),
        })
    }

    fn closed(&self) -> SubmitError {
        let failure = self.shared.failure.lock().clone();
        SubmitError::Closed {
            reason: failure.unwrap_or_else(|| "the service is stopping".to_owned()),
        }
    }

    /// The source that an event belongs to where its sender names none: the domain whose pattern claims its job (its
    /// dataset, for a DatasetEvent).
    pub fn source_of(&self, event: &Event) -> SourceKey {
        let published = self.shared.published.load();
        let domain = match &event.subject {
            EventSubject::Run { job, .. } | EventSubject::Job(job) => {
                published.claimants.domain_of_job(job)
            }
            EventSubject::Dataset(dataset) => published.claimants.domain_of_dataset(dataset),
        };
        let domain = domain.unwrap_or(Mesh::UNASSIGNED);
        SourceKey::new(
            headwater_model::DomainName::parse(domain).expect("domains of a mesh are names"),
            SourceName::parse(EVENTS_SOURCE).expect("it is a name"),
        )
    }

    /// Pins the newest graph for one caller's request.
    pub fn view(&self, caller: Caller) -> View {
        View::new(
            Arc::clone(&self.shared),
            self.shared.published.load_full(),
            caller,
            self.options.clock.read(),
        )
    }

    /// Ready once `offset` is visible to whoever asks next; it may never be.
    pub fn visible(&self, offset: u64) -> Visible {
        Visible::new(Arc::clone(&self.shared), offset)
    }

    /// The log as it is now, to be copied while submissions go on; none of a log that is not in files.
    pub fn backup(&self) -> Option<LogBackup> {
        self.log.backup()
    }

    /// What has failed, if anything: then nothing is accepted any more, and questions are answered from what was
    /// visible before.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure.lock().clone()
    }

    /// Why submissions would be refused for want of room on the disk; none while there is room. Asks the disk.
    pub fn disk_full(&self) -> Option<String> {
        self.log.room().err().map(|error| error.to_string())
    }

    /// Stops the writer: what is queued is still committed and acknowledged, what comes later is refused. Writes the
    /// graph file. Returns when that is done.
    pub fn shut_down(&self) {
        let Some(thread) = self.writer.lock().take() else {
            return;
        };
        // The queue may be full: the writer is taking from it.
        let _ = self.queue.send(Command::Stop);
        if thread.join().is_err() {
            tracing::error!("the writer panicked");
        }
    }

    /// What the next start reads of the state when nothing changes until then; none if that is too much. Only after
    /// [`Engine::shut_down`].
    ///
    /// # Errors
    /// [`EngineError`] if the state can't be read.
    pub fn excerpt(&self) -> Result<Option<Excerpt>, EngineError> {
        crate::excerpt::excerpt(&self.shared)
    }
}

fn facts(submission: &Submission) -> &Facts {
    match &submission.statement {
        Statement::Snapshot(snapshot) => &snapshot.facts,
        Statement::Event(event) => &event.facts,
        Statement::Manual(manual) => &manual.facts,
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shut_down();
    }
}
