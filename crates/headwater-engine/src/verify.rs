//! Checking that the state is what the log says: digests of states and graphs, and a fresh rebuild to compare with.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

use headwater_graph::Snapshot as Graph;
use headwater_model::{AssetKind, Digest};
use headwater_store::{Appended, Entry, Log, LogError, Offset, Payload, State, StateError};
use sha2::{Digest as _, Sha256};

use crate::EngineError;
use crate::key_words;
use crate::options::EngineOptions;
use crate::recovery;
use crate::txn::Reader;

/// What a state is that was made from the log alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The offset up to which it was made.
    pub offset: Offset,
    /// Entries of the log that it took.
    pub entries_count: u64,
    /// Digest of its records, as [`state_digest`] has it.
    pub state_digest: Digest,
    /// Digest of its graph, as [`graph_digest`] has it.
    pub graph_digest: Digest,
}

/// Fills `state`, which is empty, with what `log` says up to `up_to`. `tell` hears now and then how far it is.
///
/// # Errors
/// [`EngineError`] if the log can't be read, an entry does not decode, or the state can't be written.
pub fn rebuild(
    log: &dyn Log,
    state: &Arc<dyn State>,
    up_to: Offset,
    tell: &(dyn Fn(Offset) + Sync),
) -> Result<Rebuilt, EngineError> {
    let log = LogUpTo {
        log,
        last: up_to.min(log.last_offset()),
        tell,
    };
    let (applier, recovery) = recovery::recover(&log, state, &EngineOptions::default(), None)?;
    Ok(Rebuilt {
        offset: state.applied_offset()?,
        entries_count: recovery.replayed_count,
        state_digest: state_digest(&**state)?,
        graph_digest: graph_digest(&applier.graph),
    })
}

/// SHA-256 over all records in the order of their keys, each key and value preceded by its length as eight bytes,
/// big-endian. Equal states, wherever they are kept, have equal digests.
///
/// # Errors
/// [`StateError`] if the state can't be read.
pub fn state_digest(state: &dyn State) -> Result<Digest, StateError> {
    let mut hasher = Sha256::new();
    for item in state.scan_prefix(b"") {
        let (key, value) = item?;
        for part in [&key, &value] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    Ok(Digest::from_bytes(hasher.finalize().into()))
}

/// SHA-256 over assets, edges, fields and edges between fields, in the order of their numbers. It does not depend on
/// how the graph lies in memory or in its file.
pub fn graph_digest(graph: &Graph) -> Digest {
    let mut hasher = Hasher(Sha256::new());
    for asset in graph.assets() {
        hasher.number(u32::from(asset.kind == AssetKind::Job));
        hasher.number(asset.canonical.get());
        hasher.text(asset.namespace);
        hasher.text(asset.name);
        hasher.text(asset.asset_type);
        hasher.optional(asset.domain);
        for list in [asset.owners, asset.tags, asset.sources] {
            hasher.number(list.len() as u32);
            for number in list {
                hasher.number(*number);
            }
        }
        hasher.number(u32::from(asset.flags.bits()));
    }
    hasher.text("edges");
    let mut edges: Vec<_> = graph.edges().map(|edge| edge.key()).collect();
    edges.sort_unstable_by_key(|edge| (edge.from, edge.to, edge.via));
    for edge in edges {
        hasher.number(edge.from.get());
        hasher.number(edge.to.get());
        hasher.optional(edge.via.map(headwater_model::AssetIndex::get));
    }
    hasher.text("fields");
    for number in 0..graph.fields_count() as u32 {
        let index = headwater_graph::FieldIndex::new(number);
        let Some(field) = graph.field(index) else {
            continue;
        };
        hasher.number(field.dataset.get());
        hasher.number(u32::from(field.name.is_some()));
        hasher.text(field.name.unwrap_or_default());
        let mut edges: Vec<_> = graph
            .field_edges(index, headwater_graph::Direction::Downstream)
            .collect();
        edges.sort_unstable();
        for edge in edges {
            hasher.number(edge.to.get());
            hasher.optional(edge.via.map(headwater_model::AssetIndex::get));
        }
    }
    Digest::from_bytes(hasher.0.finalize().into())
}

struct Hasher(Sha256);

impl Hasher {
    fn number(&mut self, number: u32) {
        self.0.update(number.to_be_bytes());
    }

    fn optional(&mut self, number: Option<u32>) {
        self.number(u32::from(number.is_some()));
        self.number(number.unwrap_or_default());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u32);
        self.0.update(text.as_bytes());
    }
}

/// Where two states differ first, in words; none where they are equal. `one` and `other` are what they are called.
///
/// # Errors
/// [`StateError`] if one of them can't be read.
pub fn first_difference(
    (one, one_state): (&str, &dyn State),
    (other, other_state): (&str, &dyn State),
) -> Result<Option<String>, StateError> {
    let (mut left, mut right) = (one_state.scan_prefix(b""), other_state.scan_prefix(b""));
    loop {
        let (first, second) = (left.next().transpose()?, right.next().transpose()?);
        let missing = |state: &dyn State, key: &[u8], has: &str, lacks: &str| {
            let words = key_words::describe(state, key);
            Some(format!("{has} has {words}, {lacks} has not"))
        };
        return Ok(match (first, second) {
            (None, None) => None,
            (Some((key, value)), Some((other_key, other_value))) => match key.cmp(&other_key) {
                Ordering::Equal if value == other_value => continue,
                Ordering::Equal => {
                    let words = key_words::describe(one_state, &key);
                    let (bytes, other_bytes) = (value.len(), other_value.len());
                    Some(format!(
                        "{words} differs: {bytes} bytes in {one}, {other_bytes} in {other}"
                    ))
                }
                Ordering::Less => missing(one_state, &key, one, other),
                Ordering::Greater => missing(other_state, &other_key, other, one),
            },
            (Some((key, _)), None) => missing(one_state, &key, one, other),
            (None, Some((key, _))) => missing(other_state, &key, other, one),
        });
    }
}

/// Why the next start rebuilds the state from the log instead of using it; none where it goes on from it.
///
/// # Errors
/// [`EngineError`] if the state can't be read.
pub fn reason_to_rebuild(log: &dyn Log, state: &dyn State) -> Result<Option<String>, EngineError> {
    recovery::reason_to_rebuild(log, state)
}

/// The graph that the next start takes from `file`, brought up to `state`; none where there is no file.
///
/// # Errors
/// [`EngineError::GraphFile`] if it is damaged, [`EngineError::Corrupt`] if it is ahead of the state: neither is used
/// by a start. Others if it or the state can't be read.
pub fn graph_of_file(file: &Path, state: &dyn State) -> Result<Option<Graph>, EngineError> {
    let Some((graph, offset)) = recovery::read_graph(file)? else {
        return Ok(None);
    };
    if offset > state.applied_offset()? {
        return Err(EngineError::Corrupt("the graph file is ahead of the state"));
    }
    recovery::catch_up(Reader::new(state), graph, offset).map(Some)
}

/// The beginning of a log, as if it ended at `last`.
struct LogUpTo<'a> {
    log: &'a dyn Log,
    last: Offset,
    tell: &'a (dyn Fn(Offset) + Sync),
}

impl Log for LogUpTo<'_> {
    fn append(&self, _: &[Payload]) -> Result<Appended, LogError> {
        Err(LogError::ReadOnly {
            path: "up to an offset".into(),
        })
    }

    fn read_after(
        &self,
        offset: Offset,
        entries_max: u32,
        bytes_max: u64,
    ) -> Result<Vec<Entry>, LogError> {
        (self.tell)(offset.min(self.last));
        let left = self.last.get().saturating_sub(offset.get());
        let entries_max = entries_max.min(u32::try_from(left).unwrap_or(u32::MAX));
        self.log.read_after(offset, entries_max, bytes_max)
    }

    fn last_offset(&self) -> Offset {
        self.last
    }

    fn first_offset(&self) -> Option<Offset> {
        self.log.first_offset().filter(|first| *first <= self.last)
    }

    fn bytes_on_disk(&self) -> u64 {
        self.log.bytes_on_disk()
    }

    fn segments_count(&self) -> usize {
        self.log.segments_count()
    }
}
