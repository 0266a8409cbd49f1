//! The graph as it was known at an offset.

use std::collections::BTreeMap;

use headwater_graph::Snapshot as Graph;
use headwater_record::{DeltaRecord, EdgeRecord, FieldEdgeRecord, RowRecord};
use headwater_store::Offset;
use rustc_hash::FxHashSet;

use crate::apply::graph_delta;
use crate::ask::View;
use crate::deltas::for_each_delta;
use crate::published::Published;
use crate::txn::Reader;
use crate::{AskError, EngineError};

/// What all offsets up to one changed, taken together.
#[derive(Default)]
pub(crate) struct Folded {
    whole: DeltaRecord,
    rows: BTreeMap<u32, RowRecord>,
    edges: FxHashSet<EdgeRecord>,
    field_edges: FxHashSet<FieldEdgeRecord>,
}

impl Folded {
    fn add(&mut self, delta: DeltaRecord) {
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
    for_each_delta(reader, Offset::ZERO, offset, |delta| {
        folded.add(delta);
        Ok(())
    })?;
    folded.graph()
}

pub(super) fn published(view: &View, offset: Offset) -> Result<Published, AskError> {
    let graph = graph(view.reader(), offset)?;
    let committed_at = view.received_by(offset)?;
    let mut past = super::past(view, graph, None, None);
    (past.offset, past.committed_at) = (offset, committed_at);
    Ok(past)
}
