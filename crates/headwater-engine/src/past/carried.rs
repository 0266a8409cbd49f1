//! The graph as it held at a time, carried on from an earlier offset.
//!
//! Commits that come while the same time is asked about say little of it. What they touch is what they changed in the
//! newest graph, and what they said something new of; all else is as it was. Of what they touch, an asset of which
//! anything begins or ends after the time is settled from what is said of it; another is as it is now.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{FieldIndex, Snapshot as Graph};
use headwater_model::{AssetIndex, AssetKind};
use headwater_record::{DeltaRecord, EdgeRecord, RowRecord, Str};
use headwater_store::Offset;

use super::held::{Basis, Held, SCAN_SHARE};
use crate::apply::graph_delta;
use crate::ask::View;
use crate::deltas::for_each_delta;
use crate::published::Published;
use crate::{AskError, EngineError};

/// So many assets may be touched in a graph of any size.
const TOUCHED_FREE: usize = 64;

/// What offsets changed in the newest graph.
#[derive(Default)]
struct Changes {
    names: Vec<(bool, Str, Str)>,
    /// The newest row of each asset.
    rows: BTreeMap<u32, RowRecord>,
    /// Assets whose edges, or edges between fields, changed.
    owners: BTreeSet<u32>,
    /// An asset began or ceased to stand for another.
    is_renamed: bool,
}

impl Changes {
    fn read(now: &View, from: &Graph, after: Offset) -> Result<Self, EngineError> {
        let (graph, until) = (now.graph(), now.published.offset);
        let mut changes = Self::default();
        for_each_delta(now.reader(), after, until, |record| {
            changes.add(graph, from, record);
            Ok(())
        })?;
        Ok(changes)
    }

    fn add(&mut self, graph: &Graph, from: &Graph, record: DeltaRecord) {
        self.names.extend(record.names);
        for row in record.rows {
            let index = AssetIndex::new(row.index);
            let stood = from.canonical(index).unwrap_or(index);
            self.is_renamed |= row.canonical != row.index || stood != index;
            self.rows.insert(row.index, row);
        }
        let edges = record.added.iter().chain(&record.removed);
        self.owners.extend(edges.map(|edge| owner(graph, edge)));
        let fields = record.fields_added.iter().chain(&record.fields_removed);
        let datasets = fields.filter_map(|edge| graph.field(FieldIndex::new(edge.to)));
        self.owners
            .extend(datasets.map(|field| field.dataset.get()));
    }
}

/// The asset whose claims state an edge.
fn owner(graph: &Graph, edge: &EdgeRecord) -> u32 {
    let kind = |index| graph.kind(AssetIndex::new(index));
    match (kind(edge.from), kind(edge.to)) {
        (Some(AssetKind::Job), Some(AssetKind::Dataset)) => edge.from,
        _ => edge.to,
    }
}

/// What `now` shows as it held at `time`, from what an earlier offset showed of that time; none where too much came in
/// between, or something that bears on all assets.
pub(super) fn published(
    now: &View,
    time: i64,
    from: &Published,
    basis: &Basis,
) -> Result<Option<(Published, Basis)>, AskError> {
    let claimants = &now.published.claimants;
    if !std::sync::Arc::ptr_eq(claimants, &from.claimants) || !basis.has_all_words(now) {
        return Ok(None);
    }
    let until = now.published.offset;
    let Some(turns) = now.shared.turns.between(from.offset, until) else {
        return Ok(None);
    };
    let changes = Changes::read(now, &from.graph, from.offset)?;
    if changes.is_renamed {
        return Ok(None);
    }
    let graph = now.graph();
    let canonical = |index: u32| graph.canonical(AssetIndex::new(index));
    let changed = changes.rows.keys().chain(&changes.owners);
    let touched: BTreeSet<AssetIndex> = changed
        .chain(turns.keys())
        .filter_map(|index| canonical(*index))
        .collect();
    if touched.len() > TOUCHED_FREE.max(graph.assets_count() / SCAN_SHARE) {
        return Ok(None);
    }
    let mut turned = basis.turned.clone();
    let later = turns.iter().filter(|(_, turn)| **turn > time);
    for asset in later.filter_map(|(index, _)| canonical(*index)) {
        turned.insert(asset);
    }
    let named = DeltaRecord {
        names: changes.names,
        ..DeltaRecord::default()
    };
    let base = from
        .graph
        .apply(&graph_delta(&from.graph, &named))
        .map_err(EngineError::from)?;
    let mut held = Held::new(now, &base);
    let (then, present): (Vec<_>, Vec<_>) = touched
        .into_iter()
        .partition(|asset| turned.contains(*asset));
    held.settle_all(&then, time)?;
    for asset in present {
        held.settle_as_now(asset, changes.rows.get(&asset.get()));
    }
    let (past, has_all_words) = held.finish()?;
    let basis = Basis::new(turned, now, has_all_words && basis.had_all_words());
    let merged = from.merged.clone();
    Ok(Some((super::past(now, past, Some(time), merged), basis)))
}
