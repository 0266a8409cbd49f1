//! The graph as it was: as known at an offset, as it held at a time.
//!
//! A graph of the past is an ordinary graph, so that every question can be asked of it. What was known at an offset
//! follows from what each offset up to it changed. What held at a time is that graph, and over it a delta: of every
//! asset of which anything begins or ends after that time, what was so then. While commits come, the graph of a time is
//! carried on from the offset for which it was made last.

mod carried;
mod held;
mod known;
mod turns;

use std::sync::Arc;

use headwater_model::{AssetIndex, Timestamp};
use headwater_store::Offset;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::AskError;
use crate::ask::{SubmissionsQuestion, View};
use crate::keys;
use crate::published::{Published, merged};

use held::Basis;
pub(crate) use turns::RecentTurns;

/// When to look: at what held at a time, as known at an offset. Without either, at what holds and is known now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsOf {
    /// The time in the world.
    pub valid_at: Option<Timestamp>,
    /// The offset in the log.
    pub known_at: Option<u64>,
}

/// Graphs of the past that are kept for the next question, the last used first.
#[derive(Default)]
pub(crate) struct Pasts {
    kept: Mutex<Vec<Kept>>,
    /// Held while one is built, so that two who ask for the same do not both build it.
    building: Mutex<()>,
}

/// The offset, and the time if it is not now.
type Moment = (Offset, Option<i64>);

#[derive(Clone)]
struct Kept {
    moment: Moment,
    past: Arc<Published>,
    /// Of a graph that held at a time.
    basis: Option<Arc<Basis>>,
}

impl Pasts {
    fn find(&self, moment: Moment) -> Option<Arc<Published>> {
        let mut kept = self.kept.lock();
        let at = kept.iter().position(|past| past.moment == moment)?;
        let found = kept.remove(at);
        let past = Arc::clone(&found.past);
        kept.insert(0, found);
        Some(past)
    }

    /// The graph that held at `time` of the newest offset before `offset`.
    fn before(&self, offset: Offset, time: i64) -> Option<Kept> {
        let kept = self.kept.lock();
        let of_time = kept
            .iter()
            .filter(|past| past.moment.1 == Some(time) && past.moment.0 < offset);
        of_time.max_by_key(|past| past.moment.0).cloned()
    }

    fn keep(&self, past: Kept, max: usize) {
        let mut kept = self.kept.lock();
        kept.insert(0, past);
        kept.truncate(max);
    }

    /// Drops what held at the same time as `carried` shows, of offsets before the one that it was carried on from:
    /// that one stays, for questions that began before the newest commits.
    fn drop_before(&self, carried: Moment) {
        let (offset, time) = carried;
        let is_older = |past: &Kept| past.moment.1 == time && past.moment.0 < offset;
        self.kept.lock().retain(|past| !is_older(past));
    }
}

impl View {
    /// The same graph, for another part of a request.
    #[must_use]
    pub fn again(&self) -> Self {
        self.showing(Arc::clone(&self.published))
    }

    /// The graph as it was; this view itself if that is what it shows.
    ///
    /// Runs and the mesh are those of this view. Which sources are stale is told of that moment: see
    /// [`View::is_stale`].
    ///
    /// # Errors
    /// [`AskError::NotYetVisible`] if the offset is beyond this view's; [`AskError::Engine`] if the state can't be
    /// read.
    pub fn as_of(&self, as_of: &AsOf) -> Result<Self, AskError> {
        let past = self.graph_as_of(as_of)?;
        let known = match as_of.known_at {
            Some(offset) if offset < self.offset() => past.committed_at(),
            _ => self.judged_at,
        };
        let judged_at = as_of.valid_at.map_or(known, |valid_at| valid_at.min(known));
        past.judged(judged_at)
    }

    fn graph_as_of(&self, as_of: &AsOf) -> Result<Self, AskError> {
        let newest = self.published.offset;
        let offset = match as_of.known_at {
            None => newest,
            Some(offset) => Offset::new(offset)
                .ok()
                .filter(|offset| *offset <= newest)
                .ok_or(AskError::NotYetVisible {
                    offset,
                    newest: newest.get(),
                })?,
        };
        let time = as_of.valid_at.map(Timestamp::as_micros);
        let time = match time {
            Some(time) if self.turns_after(time)? => Some(time),
            _ => None,
        };
        if offset == newest && time.is_none() {
            return Ok(self.again());
        }
        let pasts = &self.shared.pasts;
        if let Some(past) = pasts.find((offset, time)) {
            return Ok(self.showing(past));
        }
        let _building = pasts.building.lock();
        if let Some(past) = pasts.find((offset, time)) {
            return Ok(self.showing(past));
        }
        let known = if offset == newest {
            Arc::clone(&self.published)
        } else {
            match pasts.find((offset, None)) {
                Some(known) => known,
                None => self.keep_past((offset, None), known::published(self, offset)?, None),
            }
        };
        match time {
            None => Ok(self.showing(known)),
            Some(time) => {
                let (past, basis) = self.showing(known).held(time)?;
                Ok(self.showing(self.keep_past((offset, Some(time)), past, Some(basis))))
            }
        }
    }

    /// What this view shows as it held at `time`.
    fn held(&self, time: i64) -> Result<(Published, Basis), AskError> {
        let pasts = &self.shared.pasts;
        if let Some(kept) = pasts.before(self.published.offset, time)
            && let Some(basis) = &kept.basis
            && let Some(carried) = carried::published(self, time, &kept.past, basis)?
        {
            pasts.drop_before(kept.moment);
            return Ok(carried);
        }
        held::published(self, time)
    }

    fn keep_past(&self, moment: Moment, past: Published, basis: Option<Basis>) -> Arc<Published> {
        let past = Arc::new(past);
        let kept = Kept {
            moment,
            past: Arc::clone(&past),
            basis: basis.map(Arc::new),
        };
        self.shared.pasts.keep(kept, self.shared.past_graphs_max);
        past
    }

    /// True if anything that is said begins or ends after `time`.
    fn turns_after(&self, time: i64) -> Result<bool, AskError> {
        let (prefix, after) = (keys::turns_prefix(), keys::turns_after(time));
        let first = self.reader().scan_from(&prefix, &after).next();
        Ok(first.transpose()?.is_some())
    }
}

/// A graph of the past, with what its views need: at the offset that `view` shows. The names that others stand for are
/// listed unless they are known to be those of `merged_known`.
fn past(
    view: &View,
    graph: headwater_graph::Snapshot,
    valid_at: Option<i64>,
    merged_known: Option<Arc<FxHashMap<u32, Vec<AssetIndex>>>>,
) -> Published {
    let now = &view.published;
    let merged = merged_known.unwrap_or_else(|| Arc::new(merged(&graph)));
    let (claimants, index) = (Arc::clone(&now.claimants), now.index.clone());
    let resolver = Arc::clone(&now.resolver);
    let mut past = Published::new(
        graph,
        now.offset,
        now.committed_at,
        claimants,
        resolver,
        index,
        Arc::clone(&now.standings),
    );
    past.valid_at = valid_at;
    past.merged = Some(merged);
    past
}

impl View {
    /// The newest time at which anything up to `offset` was received; the epoch before the first submission.
    fn received_by(&self, offset: Offset) -> Result<Timestamp, AskError> {
        let question = |source: crate::SourceState| SubmissionsQuestion {
            source: source.number,
            after: Some(offset.get() + 1),
            count: 1,
        };
        let all = self.shared.sources.all().into_iter().map(question);
        let last = self.submissions(&all.collect::<Vec<_>>())?;
        let newest = last
            .iter()
            .flatten()
            .map(|last| (last.offset, last.record.received_at))
            .max();
        Ok(newest.map_or(Timestamp::EPOCH, |(_, at)| Timestamp::from_micros(at)))
    }
}
