//! The extractions of one service: what they share, how they begin and end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread;

use headwater_engine::Engine;
use headwater_model::{SourceKey, Timestamp};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::error::ExtractionError;
use crate::folder::Folder;
use crate::host::ExtractorHost;
use crate::options::Options;
use crate::record::{
    ExtractionRecord, ExtractionState, ExtractorRecord, ExtractorsFile, SourceRecord, Trigger,
    VERSION, VersionRecord,
};
use crate::stats::Tally;
use crate::work::Loaded;
use crate::{schedule, work};

/// Tells the time.
pub(crate) type Calendar = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The extractions of one service. Cheap to share; its threads end with [`Extractions::stop`].
pub struct Extractions {
    pub(crate) shared: Arc<Shared>,
}

/// What all threads share.
pub(crate) struct Shared {
    /// Held weakly: an extraction that still runs does not keep the engine from being closed.
    pub(crate) engine: Weak<Engine>,
    pub(crate) host: Arc<dyn ExtractorHost>,
    pub(crate) folder: Arc<Folder>,
    pub(crate) options: Options,
    pub(crate) calendar: Calendar,
    pub(crate) state: Mutex<State>,
    /// Told of whatever may let a thread go on.
    pub(crate) wake: Condvar,
    pub(crate) loaded: Mutex<Loaded>,
}

/// What is known. Each part is what its file says, but for states on the way.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) extractors: BTreeMap<String, ExtractorRecord>,
    pub(crate) sources: BTreeMap<SourceKey, SourceRecord>,
    /// Sources that wait, in order; those that are held up stay where they are.
    pub(crate) queue: VecDeque<SourceKey>,
    pub(crate) running: BTreeSet<SourceKey>,
    pub(crate) tally: Tally,
    /// Components that were sent and are not installed yet, with the names of their extractors.
    pub(crate) staged: VecDeque<(String, VersionRecord)>,
    /// True once the folder of extractors is read.
    pub(crate) is_ready: bool,
    pub(crate) is_stopping: bool,
}

impl State {
    pub(crate) fn source(&self, key: &SourceKey) -> Result<&SourceRecord, ExtractionError> {
        self.sources.get(key).ok_or_else(|| unbound(key))
    }

    /// The version that a source uses, and whether its extractor is enabled.
    pub(crate) fn version_of(&self, source: &SourceRecord) -> Option<(&VersionRecord, bool)> {
        let extractor = self.extractors.get(&source.extractor)?;
        let digest = source.pin.as_ref().unwrap_or(&extractor.active);
        Some((extractor.version(digest)?, extractor.is_enabled))
    }
}

pub(crate) fn unbound(key: &SourceKey) -> ExtractionError {
    ExtractionError::NotFound(format!(
        "source {key} is bound to no extractor of the service"
    ))
}

impl Extractions {
    /// Opens what is kept in `folder`. `plugins` is the folder of extractors; it is read by a thread of its own, as what
    /// is new there has to be compiled. Extractions that were under way are begun again.
    ///
    /// # Errors
    /// If the folder can't be used, or one of its files is damaged.
    pub fn open(
        engine: &Arc<Engine>,
        host: Arc<dyn ExtractorHost>,
        folder: &Path,
        plugins: Option<&Path>,
        options: Options,
        calendar: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Result<Self, ExtractionError> {
        let folder = Folder::open(folder)?;
        let mut state = State {
            extractors: folder.read_extractors()?.extractors,
            ..State::default()
        };
        for (key, mut record) in folder.read_sources()? {
            for extraction in &mut record.extractions {
                if !extraction.state.is_end() {
                    extraction.state = ExtractionState::Queued;
                }
            }
            if record.queued().is_some() {
                state.queue.push_back(key.clone());
            }
            state.sources.insert(key, record);
        }
        let shared = Arc::new(Shared {
            engine: Arc::downgrade(engine),
            host,
            folder: Arc::new(folder),
            options,
            calendar,
            state: Mutex::new(state),
            wake: Condvar::new(),
            loaded: Mutex::default(),
        });
        let plugins = plugins.map(Path::to_owned);
        start(&shared, "extractors", move |shared| {
            shared.read_plugins(plugins.as_deref());
            for _ in 0..shared.options.workers_count {
                start(shared, "extraction", work::work);
            }
            start(shared, "fetch-schedule", schedule::run);
        });
        Ok(Self { shared })
    }

    /// Begins nothing more. What is under way is begun again with the next start, unless it ends before the process.
    pub fn stop(&self) {
        self.shared.state.lock().is_stopping = true;
        self.shared.wake.notify_all();
    }

    /// Ready once the folder of extractors is read.
    pub(crate) fn ready(&self) -> MutexGuard<'_, State> {
        let mut state = self.shared.state.lock();
        while !state.is_ready && !state.is_stopping {
            self.shared.wake.wait(&mut state);
        }
        state
    }
}

fn start(shared: &Arc<Shared>, name: &str, run: impl FnOnce(&Arc<Shared>) + Send + 'static) {
    let own = Arc::clone(shared);
    let started = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || run(&own));
    if let Err(error) = started {
        tracing::error!(%error, "no thread can be started for extractions: {error}");
    }
}

impl Shared {
    pub(crate) fn now(&self) -> i64 {
        (self.calendar)().as_micros()
    }

    /// Changes what is known of a source: on disk, and then here.
    pub(crate) fn change<T>(
        &self,
        state: &mut State,
        key: &SourceKey,
        change: impl FnOnce(&mut SourceRecord) -> Result<T, ExtractionError>,
    ) -> Result<T, ExtractionError> {
        let mut record = state.source(key)?.clone();
        let value = change(&mut record)?;
        self.folder.write_source(key, &record)?;
        state.sources.insert(key.clone(), record);
        Ok(value)
    }

    /// Changes the extractors: on disk, and then here.
    pub(crate) fn change_extractors<T>(
        &self,
        state: &mut State,
        change: impl FnOnce(&mut BTreeMap<String, ExtractorRecord>) -> Result<T, ExtractionError>,
    ) -> Result<T, ExtractionError> {
        let mut file = ExtractorsFile {
            version: VERSION,
            extractors: state.extractors.clone(),
        };
        let value = change(&mut file.extractors)?;
        self.folder.write_extractors(&file)?;
        state.extractors = file.extractors;
        Ok(value)
    }

    /// Queues an extraction of a source, with another change of it. One that waits is superseded: it would read the same
    /// artifacts.
    pub(crate) fn enqueue(
        &self,
        state: &mut State,
        key: &SourceKey,
        trigger: Trigger,
        change: impl FnOnce(&mut SourceRecord, &mut ExtractionRecord) -> Result<(), ExtractionError>,
    ) -> Result<ExtractionRecord, ExtractionError> {
        let is_queued = state.queue.contains(key);
        if !is_queued && state.queue.len() >= self.options.queue_max {
            return Err(ExtractionError::Busy(format!(
                "{} extractions wait already; try again",
                state.queue.len()
            )));
        }
        let now = self.now();
        let history_max = self.options.history_max;
        let queued = self.change(state, key, |record| {
            let mut extraction = ExtractionRecord::queued(record.next_number, trigger, now);
            change(record, &mut extraction)?;
            record.next_number += 1;
            if let Some(waiting) = record.queued() {
                waiting.state = ExtractionState::Superseded;
                waiting.ended_at = Some(now);
                extraction.is_forced |= waiting.is_forced;
            }
            record.extractions.push(extraction.clone());
            forget_oldest(record, history_max);
            Ok(extraction)
        })?;
        if !is_queued {
            state.queue.push_back(key.clone());
        }
        self.wake.notify_all();
        Ok(queued)
    }
}

/// Forgets the oldest extractions that ended.
fn forget_oldest(record: &mut SourceRecord, count_max: usize) {
    while record.extractions.len() > count_max.max(1) {
        let mut ended = record.extractions.iter();
        let Some(oldest) = ended.position(|extraction| extraction.state.is_end()) else {
            return;
        };
        record.extractions.remove(oldest);
    }
}
