//! Forgetting run history: what is told of runs that ended before a cut-off, and old submissions with their findings.
//! What holds, and since when, does not change.

use std::collections::BTreeMap;

use headwater_model::Timestamp;
use headwater_record::{Prune, RunRecord, SlotRecord, SubmissionRecord, decode_value};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::keys::{self, SlotKey, SlotKind};

impl Applier {
    pub(crate) fn apply_prune(&mut self, prune: Prune) -> Result<(), EngineError> {
        self.prune_runs(prune.before)?;
        self.prune_submissions(prune.before)
    }

    fn prune_runs(&mut self, before: Timestamp) -> Result<(), EngineError> {
        let mut slots: Vec<SlotKey> = Vec::new();
        for item in self.txn.reader().scan(b"s") {
            let (key, _) = item?;
            let slot = key.get(1..).and_then(SlotKey::from_bytes);
            let slot = slot.ok_or(EngineError::Corrupt("a slot's key"))?;
            if slot.kind == SlotKind::Runs && slots.last() != Some(&slot) {
                slots.push(slot);
            }
        }
        for slot in slots {
            let Some(record) = self.slot(slot)? else {
                continue;
            };
            let SlotRecord::Runs(mut runs) = record else {
                self.put_slot(slot, record);
                continue;
            };
            let mut kept = Vec::with_capacity(runs.recent.len());
            for trace in std::mem::take(&mut runs.recent) {
                let key = keys::run(trace.run, slot);
                if trace.has_ended && self.ended_before(&key, before)? {
                    self.txn.delete(key);
                } else {
                    kept.push(trace);
                }
            }
            runs.recent = kept;
            self.put_slot(slot, SlotRecord::Runs(runs));
        }
        Ok(())
    }

    fn ended_before(&self, key: &[u8], before: Timestamp) -> Result<bool, EngineError> {
        let Some(bytes) = self.txn.get(key)? else {
            return Err(EngineError::Corrupt("a run that a slot names is not there"));
        };
        let record: RunRecord = decode_value("a run", &bytes)?;
        let ended_at = record.standing(u64::MAX).and_then(|s| s.ended_at);
        Ok(ended_at.is_some_and(|at| at < before.as_micros()))
    }

    /// The newest submission of each source stays: it says how the source stands.
    fn prune_submissions(&mut self, before: Timestamp) -> Result<(), EngineError> {
        let mut newest: BTreeMap<u32, u64> = BTreeMap::new();
        let mut gone = Vec::new();
        for item in self.txn.reader().scan(b"b") {
            let (key, value) = item?;
            let source = keys::read_u32(&key, 1);
            let offset = keys::parse_submission(&key);
            let (Some(source), Some(offset)) = (source, offset) else {
                return Err(EngineError::Corrupt("a submission's key"));
            };
            let first = *newest.entry(source).or_insert(offset);
            let record: SubmissionRecord = decode_value("a submission", &value)?;
            if first != offset && record.received_at < before.as_micros() {
                gone.push((key, offset, record.diagnostics_count));
            }
        }
        for (key, offset, diagnostics_count) in gone {
            self.txn.delete(key);
            let offset =
                Offset::new(offset).map_err(|_| EngineError::Corrupt("a submission's key"))?;
            for number in 0..diagnostics_count {
                self.txn.delete(keys::diagnostic(offset, number));
            }
        }
        Ok(())
    }
}
