//! What each offset changed in the graph.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{Asset, FieldIndex};
use headwater_model::{AssetIndex, AssetKind, EdgeKind};
use headwater_record::{DeltaRecord, EdgeRecord, FieldEdgeRecord, Str, decode_value};
use headwater_store::Offset;

use crate::ask::field_edges::{FieldEdgeView, entity};
use crate::ask::filter::{AssetFilter, Matcher};
use crate::ask::view::{EdgeView, View};
use crate::ask::walks::WalkEdge;
use crate::{AskError, keys};

/// Bytes of stored changes that one call reads, beyond those of the offset that it ends with.
const BYTES_MAX: usize = 4 << 20;

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeView {
    /// An asset is there that was not.
    AssetAdded(AssetIndex),
    /// Something else is said of an asset than before.
    AssetChanged(AssetIndex),
    /// Nobody says any more that an asset exists.
    AssetRetired(AssetIndex),
    /// An edge is there that was not.
    EdgeAdded(WalkEdge),
    /// Nobody states an edge any more.
    EdgeRetired(WalkEdge),
    /// A run of a job failed, or was aborted.
    RunFailed {
        /// The job.
        job: AssetIndex,
        /// The run's id.
        run: Str,
        /// True if it was aborted.
        is_aborted: bool,
    },
    /// A check of a dataset fails that did not.
    CheckFailed {
        /// The dataset.
        dataset: AssetIndex,
        /// The check's name, else what it asserts.
        check: Str,
    },
}

/// What one offset changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetChanges {
    /// The offset.
    pub offset: u64,
    /// Assets that came or changed, then edges that went, edges that came, assets that went, and what failed.
    pub changes: Vec<ChangeView>,
}

/// What was changed after an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesPage {
    /// Offsets that changed what was asked for, in order.
    pub offsets: Vec<OffsetChanges>,
    /// Everything up to here was looked at.
    pub upto: u64,
    /// True if that is all that the view knows.
    pub is_end: bool,
}

/// An offset, and what it changed, encoded.
type StoredDelta = (u64, Vec<u8>);

/// What a change was looked up by: the assets of the view, and how they were just before it.
struct Chosen<'a> {
    view: &'a View,
    matcher: Option<&'a Matcher>,
    /// Assets that the filter chose by what was said of them before.
    before: BTreeSet<u32>,
    /// Assets that were shown before.
    shown: BTreeSet<u32>,
}

impl View {
    /// What was changed after an offset, and passes `filter`: an asset by what is said of it now or was just before the
    /// change, an edge by either of its ends. Reads at most `offsets_max` offsets that changed anything.
    ///
    /// # Errors
    /// [`AskError::Invalid`] if `after` is beyond the end; [`AskError::Engine`] if the state can't be read.
    pub fn changes_after(
        &self,
        after: u64,
        filter: Option<&AssetFilter>,
        offsets_max: usize,
    ) -> Result<ChangesPage, AskError> {
        let newest = self.offset();
        if after > newest {
            return Err(AskError::Invalid(format!(
                "after is {after}, and the newest offset is {newest}"
            )));
        }
        let (deltas, is_end) = self.deltas_after(after, offsets_max)?;
        let matcher = filter.map(|filter| self.matcher(filter));
        let upto = match deltas.last() {
            Some((offset, _)) if !is_end => *offset,
            _ => newest,
        };
        let mut offsets = Vec::new();
        for (offset, bytes) in deltas {
            let delta: DeltaRecord = decode_value("a change", &bytes)?;
            let changes = self.changes_of(&delta, matcher.as_ref());
            if !changes.is_empty() {
                offsets.push(OffsetChanges { offset, changes });
            }
        }
        Ok(ChangesPage {
            offsets,
            upto,
            is_end,
        })
    }

    /// Stored changes after an offset, and whether these are all.
    fn deltas_after(
        &self,
        after: u64,
        offsets_max: usize,
    ) -> Result<(Vec<StoredDelta>, bool), AskError> {
        let newest = self.offset();
        let after = Offset::new(after).unwrap_or(Offset::ZERO);
        let mut deltas: Vec<StoredDelta> = Vec::new();
        let (mut bytes, mut is_end) = (0, true);
        let from = keys::delta(after.next());
        for item in self.reader().scan_from(&keys::deltas_prefix(), &from) {
            let (key, part) = item?;
            let offset =
                keys::parse_delta(&key).ok_or(crate::EngineError::Corrupt("a change's key"))?;
            if offset > newest {
                break;
            }
            let count = deltas.len();
            match deltas.last_mut() {
                Some((of, whole)) if *of == offset => whole.extend_from_slice(&part),
                _ if count >= offsets_max || bytes > BYTES_MAX => {
                    is_end = false;
                    break;
                }
                _ => deltas.push((offset, part.clone())),
            }
            bytes += part.len();
        }
        Ok((deltas, is_end))
    }

    fn changes_of(&self, delta: &DeltaRecord, matcher: Option<&Matcher>) -> Vec<ChangeView> {
        let mut chosen = Chosen {
            view: self,
            matcher,
            before: BTreeSet::new(),
            shown: delta.before.iter().map(|before| before.index).collect(),
        };
        for before in &delta.before {
            if let (Some(matcher), Some(asset)) =
                (matcher, self.graph().asset(AssetIndex::new(before.index)))
            {
                let before_asset = Asset {
                    asset_type: &before.r#type,
                    domain: before.domain,
                    owners: &before.owners,
                    tags: &before.tags,
                    ..asset
                };
                if matcher.matches(&before_asset) {
                    chosen.before.insert(before.index);
                }
            }
        }
        let (changed, retired) = chosen.assets(delta);
        let edges = |records: &[EdgeRecord], fields: &[FieldEdgeRecord]| -> Vec<WalkEdge> {
            let between: Vec<EdgeView> =
                records.iter().filter_map(|edge| self.edge(edge)).collect();
            let closing = self.edges_that_only_close_ways(&between);
            let between = between.into_iter().filter(|edge| !closing.contains(edge));
            let of_fields = fields.iter().filter_map(|edge| self.field_edge(edge));
            between
                .map(WalkEdge::Assets)
                .chain(of_fields)
                .filter(|edge| chosen.has_end(edge))
                .collect()
        };
        let gone = edges(&delta.removed, &delta.fields_removed);
        let come = edges(&delta.added, &delta.fields_added);
        let mut changes = changed;
        changes.extend(gone.into_iter().map(ChangeView::EdgeRetired));
        changes.extend(come.into_iter().map(ChangeView::EdgeAdded));
        changes.extend(retired);
        changes.extend(chosen.failures(delta));
        changes
    }

    /// An edge by its ends, whatever became of these since.
    fn edge(&self, edge: &EdgeRecord) -> Option<EdgeView> {
        let (from, to) = (AssetIndex::new(edge.from), AssetIndex::new(edge.to));
        let kind = match (self.graph().kind(from)?, self.graph().kind(to)?) {
            (AssetKind::Dataset, AssetKind::Job) => EdgeKind::Reads,
            (AssetKind::Job, AssetKind::Dataset) => EdgeKind::Writes,
            (AssetKind::Dataset, AssetKind::Dataset) => EdgeKind::Derives,
            (AssetKind::Job, AssetKind::Job) => EdgeKind::Follows,
        };
        Some(EdgeView {
            from,
            to,
            kind,
            via: edge.via.map(AssetIndex::new),
        })
    }

    fn field_edge(&self, edge: &FieldEdgeRecord) -> Option<WalkEdge> {
        let end = |number: u32| {
            let field = self.graph().field(FieldIndex::new(number))?;
            Some(entity((field.dataset, field.name.map(Into::into))))
        };
        Some(WalkEdge::Fields(FieldEdgeView {
            from: end(edge.from)?,
            to: end(edge.to)?,
            via: edge.via.map(AssetIndex::new),
        }))
    }
}

impl Chosen<'_> {
    fn has(&self, index: AssetIndex) -> bool {
        let Some(matcher) = self.matcher else {
            return true;
        };
        let canonical = self.view.graph().canonical(index).unwrap_or(index);
        self.before.contains(&index.get()) || self.view.is_match(matcher, canonical)
    }

    fn has_end(&self, edge: &WalkEdge) -> bool {
        let (from, to) = match edge {
            WalkEdge::Assets(edge) => (edge.from, edge.to),
            WalkEdge::Fields(edge) => (edge.from.asset(), edge.to.asset()),
        };
        self.has(from) || self.has(to)
    }

    /// Runs and checks that failed.
    fn failures(&self, delta: &DeltaRecord) -> Vec<ChangeView> {
        let canonical = |index: u32| {
            let index = AssetIndex::new(index);
            self.view.graph().canonical(index).unwrap_or(index)
        };
        let runs = delta.runs_failed.iter();
        let runs = runs.map(|failure| ChangeView::RunFailed {
            job: canonical(failure.job),
            run: failure.run.clone(),
            is_aborted: failure.is_aborted,
        });
        let checks = delta.checks_failed.iter();
        let checks = checks.map(|(dataset, check)| ChangeView::CheckFailed {
            dataset: canonical(*dataset),
            check: check.clone(),
        });
        let is_chosen = |failure: &ChangeView| match failure {
            ChangeView::RunFailed { job: asset, .. }
            | ChangeView::CheckFailed { dataset: asset, .. } => self.has(*asset),
            _ => false,
        };
        runs.chain(checks).filter(is_chosen).collect()
    }

    /// Assets that came or changed, and those that went. One that was merged into another changes that one.
    fn assets(&self, delta: &DeltaRecord) -> (Vec<ChangeView>, Vec<ChangeView>) {
        let mut changed: BTreeMap<u32, bool> = BTreeMap::new();
        let mut retired = Vec::new();
        for row in &delta.rows {
            let was_shown = self.shown.contains(&row.index);
            if row.canonical != row.index {
                if was_shown {
                    changed.entry(row.canonical).or_insert(true);
                }
            } else if row.is_live {
                changed.insert(row.index, was_shown);
            } else if was_shown {
                retired.push(AssetIndex::new(row.index));
            }
        }
        for index in &delta.documents {
            let of = AssetIndex::new(*index);
            let canonical = self.view.graph().canonical(of).unwrap_or(of);
            let is_new = delta.rows.iter().any(|row| row.index == canonical.get());
            if !is_new
                && self
                    .view
                    .asset(canonical)
                    .is_some_and(|asset| !asset.is_retired)
            {
                changed.entry(canonical.get()).or_insert(true);
            }
        }
        let changed = changed
            .into_iter()
            .map(|(index, was_shown)| (AssetIndex::new(index), was_shown))
            .filter(|(index, _)| self.has(*index))
            .map(|(index, was_shown)| {
                if was_shown {
                    ChangeView::AssetChanged(index)
                } else {
                    ChangeView::AssetAdded(index)
                }
            });
        let retired = retired.into_iter().filter(|index| self.has(*index));
        (
            changed.collect(),
            retired.map(ChangeView::AssetRetired).collect(),
        )
    }
}

impl View {
    /// Leaves of `changes` what concerns whoever has the assets that `of` chooses: assets upstream of those, and edges
    /// that lead to them or to what is upstream of them, and what failed upstream of them. What an offset parted from them counts as upstream still.
    pub fn retain_upstream(&self, changes: &mut Vec<OffsetChanges>, of: &AssetFilter) {
        let own = self.assets(Some(of));
        let upstream = self
            .graph()
            .closure_set(&own, headwater_graph::Direction::Upstream, None);
        let own: BTreeSet<AssetIndex> = own.into_iter().collect();
        let canonical = |asset: AssetIndex| self.graph().canonical(asset).unwrap_or(asset);
        for found in &mut *changes {
            let mut parted: BTreeSet<AssetIndex> = BTreeSet::new();
            let is_before = |asset: AssetIndex, parted: &BTreeSet<AssetIndex>| {
                upstream.contains(asset) || parted.contains(&asset)
            };
            let ends = |edge: &WalkEdge| match edge {
                WalkEdge::Assets(edge) => (canonical(edge.from), canonical(edge.to)),
                WalkEdge::Fields(edge) => {
                    (canonical(edge.from.asset()), canonical(edge.to.asset()))
                }
            };
            loop {
                let count = parted.len();
                for change in &found.changes {
                    if let ChangeView::EdgeRetired(edge) = change {
                        let (from, to) = ends(edge);
                        if own.contains(&to) || is_before(to, &parted) {
                            parted.insert(from);
                        }
                    }
                }
                if parted.len() == count {
                    break;
                }
            }
            found.changes.retain(|change| match change {
                ChangeView::AssetAdded(asset)
                | ChangeView::AssetChanged(asset)
                | ChangeView::AssetRetired(asset)
                | ChangeView::RunFailed { job: asset, .. }
                | ChangeView::CheckFailed { dataset: asset, .. } => {
                    let asset = canonical(*asset);
                    !own.contains(&asset) && is_before(asset, &parted)
                }
                ChangeView::EdgeAdded(edge) | ChangeView::EdgeRetired(edge) => {
                    let (_, to) = ends(edge);
                    own.contains(&to) || is_before(to, &parted)
                }
            });
        }
        changes.retain(|found| !found.changes.is_empty());
    }
}
