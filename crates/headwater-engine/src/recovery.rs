//! Opening: the state is brought up to the log's end, the graph up to the state.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use headwater_graph::Snapshot as Graph;
use headwater_identity::Resolver;
use headwater_model::Timestamp;
use headwater_record::{
    LOG_VERSION, LogEntry, STATE_VERSION, SourceRecord, SubmissionRecord, decode_entry,
    decode_value, encode_value,
};
use headwater_store::{Log, Offset, State, StateBatch};

use crate::EngineError;
use crate::apply::{Applier, graph_delta, touched};
use crate::compaction::index_file;
use crate::deltas::for_each_delta;
use crate::entries::Assembler;
use crate::keys;
use crate::mesh::Claimants;
use crate::options::EngineOptions;
use crate::read_ahead::{IndexRead, ReadAhead};
use crate::sources::{SourceState, Sources, Standing};
use crate::txn::Reader;
use crate::words::Words;

/// Entries that are read from the log at once.
const READ_ENTRIES_MAX: u32 = 1024;
const READ_BYTES_MAX: u64 = 16 << 20;
/// Documents that opening may leave beside the base of the index.
const INDEX_OVERLAY_MAX: u64 = 4096;

/// What opening found and did.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The offset up to which everything is visible.
    pub offset: Offset,
    /// When that was received.
    pub committed_at: Timestamp,
    /// Entries of the log that were applied anew.
    pub replayed_count: u64,
    /// Why the state was rebuilt from the log, if it was.
    pub rebuilt_because: Option<String>,
    /// Why the graph file was not used, if there is one.
    pub graph_file_refused: Option<String>,
}

pub(crate) fn recover(
    log: &dyn Log,
    state: &Arc<dyn State>,
    options: &EngineOptions,
    read_ahead: Option<ReadAhead>,
) -> Result<(Applier, Recovery), EngineError> {
    let graph_file = options.graph_file.as_deref();
    let read_ahead = read_ahead.or_else(|| graph_file.map(ReadAhead::begin));
    let rebuilt_because = reason_to_rebuild(log, &**state)?;
    if let Some(reason) = &rebuilt_because {
        tracing::warn!("the state is rebuilt from the log: {reason}");
        // The file may be of another history: it must not be found once the new state has passed its offset.
        remove_graph(options)?;
        state.clear()?;
    }
    let applied = state.applied_offset()?;
    if applied == Offset::ZERO {
        let mut batch = StateBatch::new();
        batch.put(keys::VERSION, &encode_value(&STATE_VERSION));
        state.apply(&batch, Offset::ZERO)?;
    }
    let reader = Reader::new(&**state);
    let words = load_words(reader)?;
    let sources = load_sources(reader)?;
    let mut graph_file_refused = None;
    // What was read ahead of a rebuild is of the history that is given up.
    let is_kept = rebuilt_because.is_none();
    let read = read_ahead.map(ReadAhead::finish).filter(|_| is_kept);
    let (graph_read, index_read) = read.unwrap_or((Ok(None), Ok(None)));
    let (graph, from) = match graph_read {
        Ok(Some((graph, offset))) if offset <= applied => (graph, offset),
        Ok(Some((_, offset))) => {
            graph_file_refused = Some(format!("it is of offset {offset}, the state of {applied}"));
            (Graph::new(), Offset::ZERO)
        }
        Err(error) => {
            graph_file_refused = Some(error.to_string());
            (Graph::new(), Offset::ZERO)
        }
        Ok(None) => (Graph::new(), Offset::ZERO),
    };
    if let Some(reason) = &graph_file_refused {
        tracing::warn!("the graph file is not used: {reason}");
        remove_graph(options)?;
    }
    let graph = catch_up(reader, graph, from)?;
    let mut applier = Applier::new(Arc::clone(state), graph, words, sources);
    load_standings(&mut applier)?;
    let mut committed_at = match reader.get(keys::COMMITTED_AT)? {
        Some(bytes) => Timestamp::from_micros(decode_value("a time", &bytes)?),
        None => Timestamp::EPOCH,
    };
    if let Some(bytes) = reader.get(keys::MESH)?
        && let LogEntry::Mesh(mesh, _) = decode_entry(LOG_VERSION, &bytes)?
    {
        applier.resolver = Arc::new(Resolver::new(
            &mesh.identity().cloned().unwrap_or_default(),
        )?);
        applier.claimants = Arc::new(Claimants::new(mesh)?);
    }
    applier.learn_namespaces();
    // Both files are removed together: an index without its graph is not used.
    let index_read = if graph_file_refused.is_none() {
        index_read
    } else {
        Ok(None)
    };
    recover_index(&mut applier, applied, index_read)?;
    let replayed_count = replay(log, &mut applier, applied, &mut committed_at)?;
    if applier.index.overlay_count() > INDEX_OVERLAY_MAX {
        applier.index = applier.index.compact().index().clone();
    }
    let recovery = Recovery {
        offset: log.last_offset(),
        committed_at,
        replayed_count,
        rebuilt_because,
        graph_file_refused,
    };
    Ok((applier, recovery))
}

/// The index over names: from its file and what changed since, else from the state.
fn recover_index(
    applier: &mut Applier,
    applied: Offset,
    read: IndexRead,
) -> Result<(), EngineError> {
    let reason = match read {
        Ok(Some((index, mark))) if mark <= applied.get() => {
            applier.index = index;
            let changed = changed_after(applier.txn.reader(), mark)?;
            return applier.index_documents(&changed);
        }
        Ok(Some((_, mark))) => Some(format!("it is of offset {mark}, the state of {applied}")),
        Err(error) => Some(error),
        Ok(None) => None,
    };
    if let Some(reason) = reason {
        tracing::warn!("the file of the index over names is not used: {reason}");
    }
    applier.index_all()
}

/// The raw assets to be indexed anew by what changed after `mark`.
fn changed_after(reader: Reader<'_>, mark: u64) -> Result<BTreeSet<u32>, EngineError> {
    let mark = Offset::new(mark).map_err(|_| EngineError::Corrupt("the offset of an index"))?;
    let mut changed = BTreeSet::new();
    for_each_delta(reader, mark, Offset::MAX, |record| {
        changed.extend(touched(&record));
        Ok(())
    })?;
    Ok(changed)
}

pub(crate) fn reason_to_rebuild(
    log: &dyn Log,
    state: &dyn State,
) -> Result<Option<String>, EngineError> {
    let applied = state.applied_offset()?;
    if applied > log.last_offset() {
        let last = log.last_offset();
        return Ok(Some(format!(
            "it is at offset {applied}, the log ends at {last}"
        )));
    }
    if state.get(keys::UNDER_WAY)?.is_some() {
        return Ok(Some(
            "the service died in the middle of a large commit".to_owned(),
        ));
    }
    let version = match state.get(keys::VERSION)? {
        Some(bytes) => decode_value::<u32>("the version", &bytes)?,
        None if applied == Offset::ZERO => return Ok(None),
        None => 0,
    };
    Ok((version != STATE_VERSION)
        .then(|| format!("it has format version {version}, this release {STATE_VERSION}")))
}

fn remove_graph(options: &EngineOptions) -> Result<(), EngineError> {
    let Some(path) = &options.graph_file else {
        return Ok(());
    };
    for path in [path.clone(), index_file(path)] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(EngineError::Io {
                    path: path.display().to_string(),
                    source: error,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn read_graph(path: &Path) -> Result<Option<(Graph, Offset)>, EngineError> {
    let failed = |source| EngineError::Io {
        path: path.display().to_string(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    let bytes_count = file.metadata().map_err(failed)?.len();
    let (graph, offset) = Graph::read_from(file, bytes_count)?;
    let offset =
        Offset::new(offset).map_err(|_| EngineError::Corrupt("the graph file's offset"))?;
    Ok(Some((graph, offset)))
}

/// Applies what the state holds of changes after `from`.
pub(crate) fn catch_up(
    reader: Reader<'_>,
    mut graph: Graph,
    from: Offset,
) -> Result<Graph, EngineError> {
    for_each_delta(reader, from, Offset::MAX, |record| {
        graph = graph.apply(&graph_delta(&graph, &record))?;
        if graph.needs_compaction() {
            graph = graph.compacted();
        }
        Ok(())
    })?;
    Ok(graph)
}

fn load_words(reader: Reader<'_>) -> Result<Words, EngineError> {
    let words = Words::default();
    for item in reader.scan(keys::WORDS) {
        let word = String::from_utf8(item?.1).map_err(|_| EngineError::Corrupt("a word"))?;
        words.intern(&word);
    }
    Ok(words)
}

fn load_sources(reader: Reader<'_>) -> Result<Sources, EngineError> {
    let sources = Sources::default();
    for (number, item) in reader.scan(keys::SOURCES).enumerate() {
        let record: SourceRecord = decode_value("a source", &item?.1)?;
        sources.push(SourceState::from_record(number as u32, record)?);
    }
    Ok(sources)
}

fn load_standings(applier: &mut Applier) -> Result<(), EngineError> {
    for source in applier.sources.all() {
        let prefix = keys::submissions_of(source.number);
        let Some(newest) = applier.txn.reader().scan(&prefix).next() else {
            continue;
        };
        let (key, value) = newest?;
        let offset =
            keys::parse_submission(&key).ok_or(EngineError::Corrupt("a submission's key"))?;
        let record: SubmissionRecord = decode_value("a submission", &value)?;
        applier.stand(source.number, Standing::of(offset, &record));
    }
    Ok(())
}

fn replay(
    log: &dyn Log,
    applier: &mut Applier,
    applied: Offset,
    committed_at: &mut Timestamp,
) -> Result<u64, EngineError> {
    let mut after = applied;
    let mut replayed_count = 0;
    let mut assembler = Assembler::default();
    let mut whole = applied;
    loop {
        let parts = log.read_after(after, READ_ENTRIES_MAX, READ_BYTES_MAX)?;
        let Some(last) = parts.last() else {
            return Ok(replayed_count);
        };
        after = last.offset;
        for part in &parts {
            if let Some((offset, entry)) = assembler.push(part)? {
                *committed_at = entry.received_at().unwrap_or(*committed_at);
                applier.apply(offset, entry)?;
                whole = offset;
                replayed_count += 1;
            }
        }
        applier.commit(whole, *committed_at)?;
        if applier.graph.needs_compaction() {
            applier.graph = applier.graph.compacted();
        }
    }
}
