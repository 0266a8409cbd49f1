//! Snapshots: one slot for each kind of fact that the submission covers.

use std::collections::BTreeSet;

use headwater_model::{
    AssetIndex, Coverage, Digest, FactKind, Severity, Snapshot, Submission, Timestamp,
};
use headwater_record::{DiagnosticRecord, SlotRecord, SnapshotSlot, decode_value, encode_value};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::apply::names::Numbering;
use crate::apply::reconcile::{Bearing, Times};
use crate::claims::{self, Stated};
use crate::keys::{self, SlotKey, SlotKind};

/// Snapshots of a source whose times are kept, to tell until when a late one holds: the newest ones.
const TIMES_MAX: usize = 1000;

/// The slot of a snapshot source.
pub(crate) fn slot_of(source: u32) -> SlotKey {
    SlotKey {
        source,
        kind: SlotKind::Snapshot,
        subject: 0,
    }
}

/// How a snapshot bears on each kind of fact, given the newest times of its slot.
///
/// One with an ERROR ends nothing; a late one holds until the next word on a kind.
pub(crate) fn bearing(
    slot: &SnapshotSlot,
    snapshot: &Snapshot,
    time: i64,
    kind: FactKind,
) -> Bearing {
    Bearing {
        is_covered: ends_by(snapshot).covers(kind),
        until: next_word(slot, time, kind),
    }
}

/// When a snapshot that was made after `time` spoke of that kind.
fn next_word(slot: &SnapshotSlot, time: i64, kind: FactKind) -> Option<i64> {
    let mut later = slot.times.iter().filter(|(at, _)| *at > time);
    let next = later.find(|(_, covers)| Coverage::from_bits(*covers).covers(kind));
    next.map(|(at, _)| *at)
}

/// What the snapshot's silence ends.
fn ends_by(snapshot: &Snapshot) -> Coverage {
    if has_error(snapshot) {
        Coverage::NONE
    } else {
        snapshot.covers
    }
}

pub(crate) fn has_error(snapshot: &Snapshot) -> bool {
    snapshot
        .diagnostics
        .iter()
        .any(|d| d.severity == Severity::Error)
}

/// When a snapshot's facts began to hold.
pub(crate) fn valid_from(snapshot: &Snapshot, received_at: Timestamp) -> i64 {
    snapshot.generated_at.unwrap_or(received_at).as_micros()
}

impl Applier {
    pub(crate) fn repeats_latest(
        &self,
        source: u32,
        snapshot: &Snapshot,
    ) -> Result<Option<u64>, EngineError> {
        let Some(bytes) = self.txn.reader().get_parts(&keys::slot(slot_of(source)))? else {
            return Ok(None);
        };
        let SlotRecord::Snapshot(slot) = decode_value("a slot", &bytes)? else {
            return Ok(None);
        };
        let is_same = slot.digest == snapshot.digest.half()
            && slot.generated_at == snapshot.generated_at.map(Timestamp::as_micros);
        if !is_same {
            return Ok(None);
        }
        let prefix = keys::submissions_of(source);
        let first = self.txn.reader().scan(&prefix).next().transpose()?;
        Ok(first.and_then(|(key, _)| keys::parse_submission(&key)))
    }

    pub(crate) fn apply_snapshot(
        &mut self,
        offset: Offset,
        source: u32,
        submission: &Submission,
        snapshot: &Snapshot,
    ) -> Result<(), EngineError> {
        let key = slot_of(source);
        let mut slot = match self.slot(key)? {
            Some(SlotRecord::Snapshot(slot)) => slot,
            _ => SnapshotSlot::default(),
        };
        let time = valid_from(snapshot, submission.received_at);
        let mut stated = Stated::new();
        let mut numbering = Numbering {
            applier: self,
            offset,
            time,
        };
        claims::state(&mut stated, &snapshot.facts, &mut numbering)?;
        self.warn_of_selectors(snapshot);

        let owners = self.owners_of(key, false)?;
        let mut spoken_of: BTreeSet<u32> = stated.keys().chain(&owners).copied().collect();
        if slot.times.last().is_some_and(|(newest, _)| *newest > time) {
            spoken_of.extend(self.owners_of(key, true)?);
        }
        for owner in &spoken_of {
            let times = Times {
                offset,
                time,
                bearing: &|kind| bearing(&slot, snapshot, time, kind),
            };
            let of_owner = stated.remove(owner).unwrap_or_default();
            let says_anything = self.reconcile(key, *owner, of_owner, &times)?;
            if !says_anything || !owners.contains(owner) {
                self.put_owner(key, *owner, says_anything);
            }
        }

        self.note_run_facts(offset, source, &snapshot.facts.runs, time)?;
        let place = slot.times.partition_point(|(at, _)| *at < time);
        match slot.times.get_mut(place) {
            Some((at, covers)) if *at == time => *covers |= snapshot.covers.bits(),
            _ => slot.times.insert(place, (time, snapshot.covers.bits())),
        }
        if slot.times.len() > TIMES_MAX {
            slot.times.remove(0);
        }
        slot.last_seen = slot.last_seen.max(time);
        slot.digest = snapshot.digest.half();
        slot.generated_at = snapshot.generated_at.map(Timestamp::as_micros);
        self.put_slot(key, SlotRecord::Snapshot(slot));
        if let Some(key) = &snapshot.idempotency_key {
            let half = Digest::of(key.as_bytes()).half();
            self.txn
                .put(keys::seen_key(source, half), encode_value(&offset.get()));
        }
        self.sources.update(source, |state| {
            state.extractor = snapshot
                .extractor
                .as_ref()
                .map(|e| (e.name.clone(), e.version.clone(), e.digest.clone()));
        });
        self.put_source(source);
        Ok(())
    }

    /// Keeps that a slot speaks of an asset, or that it no longer does.
    pub(crate) fn put_owner(&mut self, slot: SlotKey, owner: u32, speaks: bool) {
        let value = if speaks { Vec::new() } else { vec![0] };
        let key = keys::owner_of(slot, AssetIndex::new(owner));
        self.txn.put(key, value);
    }

    /// The assets of which that is kept: those that the slot speaks of, or those that it ever spoke of.
    pub(crate) fn owners_of(
        &self,
        slot: SlotKey,
        with_past: bool,
    ) -> Result<BTreeSet<u32>, EngineError> {
        let prefix = keys::owners_of(slot);
        let mut owners = BTreeSet::new();
        for item in self.txn.reader().scan(&prefix) {
            let (key, value) = item?;
            if with_past || value.is_empty() {
                owners.extend(keys::last_u32(&key));
            }
        }
        Ok(owners)
    }

    /// Selectors are kept, but no edges follow from them yet: say so rather than drop them in silence.
    fn warn_of_selectors(&mut self, snapshot: &Snapshot) {
        let count = snapshot.facts.selectors.len();
        if count > 0 {
            self.findings.push(DiagnosticRecord {
                severity: 1,
                code: "submission/selectors-not-expanded".into(),
                message: format!("{count} selectors are kept, but no edges are drawn from them")
                    .into(),
                at: None,
            });
        }
    }
}
