//! The sources known so far.

use std::sync::Arc;

use headwater_model::{SourceKey, SourceKind, Timestamp};
use headwater_record::{SourceRecord, Str, SubmissionRecord};
use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use crate::EngineError;

/// One source.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// Its number, in the order in which sources first submitted.
    pub number: u32,
    /// Domain and name.
    pub key: SourceKey,
    /// How its statements replace each other.
    pub kind: SourceKind,
    /// Name, version and digest of the extractor that made its latest snapshot.
    pub extractor: Option<(Str, Str, Str)>,
}

/// What a source submitted last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) offset: u64,
    pub(crate) received_at: Timestamp,
    /// True if it is a snapshot with an ERROR.
    pub(crate) has_error: bool,
}

impl Standing {
    pub(crate) fn of(offset: u64, record: &SubmissionRecord) -> Self {
        Self {
            offset,
            received_at: Timestamp::from_micros(record.received_at),
            has_error: record.has_error,
        }
    }
}

/// How each source stands, by its number; none if it has not submitted.
pub(crate) type Standings = Arc<[Option<Standing>]>;

impl SourceState {
    /// Precedence where attributes conflict: the higher counts.
    pub(crate) fn rank(&self) -> u8 {
        match self.kind {
            SourceKind::Events => 0,
            SourceKind::Snapshot => 1,
            // What a person says counts more than what any tool declares, which adds 4.
            SourceKind::Manual => 8,
        }
    }

    pub(crate) fn rank_of_kind(&self) -> u8 {
        match self.kind {
            SourceKind::Snapshot => 0,
            SourceKind::Events => 1,
            SourceKind::Manual => 2,
        }
    }

    pub(crate) fn from_record(number: u32, record: SourceRecord) -> Result<Self, EngineError> {
        let key = SourceKey::parse(&format!("{}/{}", record.domain, record.name))
            .map_err(headwater_record::RecordError::from)?;
        Ok(Self {
            number,
            key,
            kind: match record.kind {
                0 => SourceKind::Snapshot,
                1 => SourceKind::Events,
                _ => SourceKind::Manual,
            },
            extractor: record.extractor,
        })
    }
}

/// Sources by number and by key; it only grows.
#[derive(Clone, Default)]
pub(crate) struct Sources(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    sources: Vec<SourceState>,
    numbers: FxHashMap<SourceKey, u32>,
}

impl Sources {
    pub(crate) fn number(&self, key: &SourceKey) -> Option<u32> {
        self.0.read().numbers.get(key).copied()
    }

    pub(crate) fn get(&self, number: u32) -> Option<SourceState> {
        self.0.read().sources.get(number as usize).cloned()
    }

    pub(crate) fn all(&self) -> Vec<SourceState> {
        self.0.read().sources.clone()
    }

    pub(crate) fn add(&self, key: &SourceKey, kind: SourceKind) -> u32 {
        let number = self.0.read().sources.len() as u32;
        self.push(SourceState {
            number,
            key: key.clone(),
            kind,
            extractor: None,
        });
        number
    }

    pub(crate) fn push(&self, source: SourceState) {
        let mut known = self.0.write();
        known.numbers.insert(source.key.clone(), source.number);
        known.sources.push(source);
    }

    pub(crate) fn update(&self, number: u32, change: impl FnOnce(&mut SourceState)) {
        if let Some(source) = self.0.write().sources.get_mut(number as usize) {
            change(source);
        }
    }
}
