//! The graph as it was known at an offset.

use std::collections::BTreeMap;

use headwater_graph::Snapshot as Graph;
use headwater_record::{DeltaRecord, EdgeRecord, FieldEdgeRecord, RowRecord, decode_value};
use headwater_store::Offset;
use rustc_hash::FxHashSet;

use crate::apply::graph_delta;
use crate::ask::View;
use crate::published::Published;
use crate::txn::Reader;
use crate::{AskError, EngineError, keys};

/// What all offsets up to one changed, taken together.
#[derive(Default)]
pub(crate) struct Folded {
    whole: DeltaRecord,
    rows: BTreeMap<u32, RowRecord>,
    edges: FxHashSet<EdgeRecord>,
    field_edges: FxHashSet<FieldEdgeRecord>,
}

impl Folded {
    fn add(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let delta: DeltaRecord = decode_value("a change", bytes)?;
        self.whole.names.extend(delta.names);
        self.whole.fields.extend(delta.fields);
        for row in delta.rows {
            self.rows.insert(row.index, row);
        }
        for edge in &delta.removed {
            self.edges.remove(edge);
        }
        self.edges.extend(delta.added);
        for edge in &delta.fields_removed {
            self.field_edges.remove(edge);
        }
        self.field_edges.extend(delta.fields_added);
        Ok(())
    }

    fn graph(self) -> Result<Graph, EngineError> {
        let mut whole = self.whole;
        whole.added = self.edges.into_iter().collect();
        whole.added.sort_unstable();
        whole.fields_added = self.field_edges.into_iter().collect();
        whole.fields_added.sort_unstable();
        whole.rows = self.rows.into_values().collect();
        // An asset stands for itself before another points to it.
        whole.rows.sort_by_key(|row| row.canonical != row.index);
        let empty = Graph::new();
        let graph = empty.apply(&graph_delta(&empty, &whole))?;
        Ok(graph.compacted())
    }
}

/// The graph after all that the offsets up to `offset` changed.
pub(crate) fn graph(reader: Reader<'_>, offset: Offset) -> Result<Graph, EngineError> {
    let mut folded = Folded::default();
    let prefix = keys::deltas_prefix();
    let mut pending: Option<(u64, Vec<u8>)> = None;
    for item in reader.scan(&prefix) {
        let (key, part) = item?;
        let of = keys::parse_delta(&key).ok_or(EngineError::Corrupt("a change's key"))?;
        if of > offset.get() {
            break;
        }
        match &mut pending {
            Some((known, bytes)) if *known == of => bytes.extend(part),
            _ => {
                if let Some((_, bytes)) = pending.replace((of, part)) {
                    folded.add(&bytes)?;
                }
            }
        }
    }
    if let Some((_, bytes)) = pending {
        folded.add(&bytes)?;
    }
    folded.graph()
}

pub(super) fn published(view: &View, offset: Offset) -> Result<Published, AskError> {
    let graph = graph(view.reader(), offset)?;
    let committed_at = view.received_by(offset)?;
    Ok(super::past(view, graph, offset, committed_at, None))
}
