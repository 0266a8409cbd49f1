//! The subscription: what each submission changed, as it is committed.
//!
//! The library keeps one set of data for a whole subscription, and answers here are read from a view that is pinned for
//! each. So a feed carries out the subscription anew for each set of changes: the root field takes that set out of the
//! request's data, and its stream ends after it.

use std::collections::VecDeque;
use std::sync::Arc;

use async_graphql::{Context, Enum, Object, Result, Subscription};
use futures_util::stream::{self, Stream};
use headwater_engine as engine;
use headwater_engine::ChangeView;
use parking_lot::Mutex;

use crate::asset::Asset;
use crate::error::{ask_error, invalid};
use crate::input::AssetFilter;
use crate::lineage::LineageEdge;
use crate::page::times;
use crate::scalars::{Offset, int};
use crate::scope::scope;

/// Changes that a set is taken to have, to estimate an answer's size.
const CHANGES_EXPECTED: usize = 100;

/// A part of what one offset changed.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) offset: u64,
    pub(crate) index: usize,
    pub(crate) is_last: bool,
    pub(crate) changes: Arc<[ChangeView]>,
}

/// What a subscription asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) after: u64,
    pub(crate) filter: Option<engine::AssetFilter>,
}

/// What the root field is carried out for.
pub(crate) enum Turn {
    /// To read its arguments.
    Open(Arc<Mutex<Option<Asked>>>),
    /// To give that.
    Give(Part),
}

/// Parts of at most `changes_max` changes; the last one closes the offset.
pub(crate) fn parts(found: &engine::OffsetChanges, changes_max: usize) -> VecDeque<Part> {
    let chunks = found.changes.chunks(changes_max.max(1));
    let count = chunks.len();
    let parts = chunks.enumerate().map(|(index, changes)| Part {
        offset: found.offset,
        index,
        is_last: index + 1 == count,
        changes: changes.into(),
    });
    parts.collect()
}

/// What is told as it happens.
pub(crate) struct Subscription;

#[Subscription]
impl Subscription {
    /// Changes as they are committed, from after that offset on: none missed, none twice, resumable at the last isLast.
    /// Without after: from now on. Edges pass a filter by either end; assets by what is said of them, or was before.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        after: Option<Offset>,
        filter: Option<AssetFilter>,
    ) -> Result<impl Stream<Item = ChangeSet> + use<>> {
        let given = match ctx.data_unchecked::<Turn>() {
            Turn::Give(part) => Some(ChangeSet(part.clone())),
            Turn::Open(asked) => {
                let scope = scope(ctx);
                let newest = scope.view.offset();
                let after = after.map_or(newest, |after| after.0);
                let filter = AssetFilter::read(filter, &scope.limits)?;
                let looked = scope.view.changes_after(after, filter.as_ref(), 0);
                looked.map_err(ask_error)?;
                let mut asked = asked.lock();
                if asked.is_some() {
                    return Err(invalid("a subscription has one field"));
                }
                *asked = Some(Asked { after, filter });
                None
            }
        };
        Ok(stream::iter(given))
    }
}

/// Part of what one submission changed.
pub(crate) struct ChangeSet(Part);

/// Part of what one submission changed; isLast closes an offset.
#[Object]
impl ChangeSet {
    async fn offset(&self) -> Offset {
        Offset(self.0.offset)
    }

    /// Its place among the parts of that offset, from 0 on.
    async fn index(&self) -> i32 {
        int(self.0.index)
    }

    async fn is_last(&self) -> bool {
        self.0.is_last
    }

    #[graphql(complexity = "times(CHANGES_EXPECTED, child_complexity)")]
    async fn changes(&self) -> Vec<Change> {
        self.0.changes.iter().cloned().map(Change).collect()
    }
}

/// What happened to an asset or an edge.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ChangeKind {
    /// It is there now.
    AssetAdded,
    /// Something else is said of it.
    AssetChanged,
    /// Nobody says any more that it exists.
    AssetRetired,
    /// It is there now.
    EdgeAdded,
    /// Nobody states it any more.
    EdgeRetired,
    /// A run of the job failed.
    RunFailed,
    /// A run of the job was aborted.
    RunAborted,
    /// A check of the dataset fails that did not.
    CheckFailed,
}

/// One thing that changed.
pub(crate) struct Change(ChangeView);

/// One thing that changed: an asset, or an edge between assets or fields. What is said of them is as of now.
#[Object]
impl Change {
    async fn kind(&self) -> ChangeKind {
        match &self.0 {
            ChangeView::AssetAdded(_) => ChangeKind::AssetAdded,
            ChangeView::AssetChanged(_) => ChangeKind::AssetChanged,
            ChangeView::AssetRetired(_) => ChangeKind::AssetRetired,
            ChangeView::EdgeAdded(_) => ChangeKind::EdgeAdded,
            ChangeView::EdgeRetired(_) => ChangeKind::EdgeRetired,
            ChangeView::RunFailed { is_aborted, .. } if *is_aborted => ChangeKind::RunAborted,
            ChangeView::RunFailed { .. } => ChangeKind::RunFailed,
            ChangeView::CheckFailed { .. } => ChangeKind::CheckFailed,
        }
    }

    async fn asset(&self, ctx: &Context<'_>) -> Result<Option<Asset>> {
        match &self.0 {
            ChangeView::AssetAdded(asset)
            | ChangeView::AssetChanged(asset)
            | ChangeView::AssetRetired(asset)
            | ChangeView::RunFailed { job: asset, .. }
            | ChangeView::CheckFailed { dataset: asset, .. } => {
                Asset::new(scope(ctx), *asset).map(Some)
            }
            ChangeView::EdgeAdded(_) | ChangeView::EdgeRetired(_) => Ok(None),
        }
    }

    async fn edge(&self) -> Option<LineageEdge> {
        match &self.0 {
            ChangeView::EdgeAdded(edge) | ChangeView::EdgeRetired(edge) => {
                Some(LineageEdge(edge.clone()))
            }
            _ => None,
        }
    }

    /// The run that failed or was aborted, as its producer wrote it.
    async fn run_id(&self) -> Option<&str> {
        match &self.0 {
            ChangeView::RunFailed { run, .. } => Some(run),
            _ => None,
        }
    }

    /// The check that failed: its name, else what it asserts of which column.
    async fn check(&self) -> Option<&str> {
        match &self.0 {
            ChangeView::CheckFailed { check, .. } => Some(check),
            _ => None,
        }
    }
}
