//! Manual facts: each is a slot of its own, which a person fills and empties.

use std::collections::BTreeSet;

use headwater_model::{FactKind, Manual, SourceKey, Submission};
use headwater_record::{ClaimBody, ManualSlot, ManualWord, SlotRecord, decode_value, encode_value};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::apply::names::Numbering;
use crate::apply::reconcile::{Bearing, Times};
use crate::claims::{self, Stated};
use crate::keys::{self, SlotKey, SlotKind};
use crate::manual::fact_key;
use crate::txn::Reader;

/// Words of one fact that are kept: the newest ones.
const WORDS_MAX: usize = 200;

/// What a submission would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It says something new.
    Changes,
    /// It was accepted before, at that offset.
    Repeats(u64),
    /// It takes back what nobody asserts.
    NotAsserted,
}

/// What was said of that fact in a source; none if nothing ever was.
pub(crate) fn standing(
    reader: &Reader<'_>,
    source: u32,
    manual: &Manual,
) -> Result<Option<(SlotKey, ManualSlot)>, EngineError> {
    let Some(number) = reader.get(&keys::manual(source, fact_key(&manual.facts)))? else {
        return Ok(None);
    };
    let slot = SlotKey {
        source,
        kind: SlotKind::Manual,
        subject: decode_value("the number of a fact", &number)?,
    };
    let record = reader.get_parts(&keys::slot(slot))?;
    match record
        .map(|bytes| decode_value("a slot", &bytes))
        .transpose()?
    {
        Some(SlotRecord::Manual(record)) => Ok(Some((slot, record))),
        _ => Err(EngineError::Corrupt("a fact that has a number has no slot")),
    }
}

impl Applier {
    /// What a manual statement would do now.
    pub(crate) fn judge(
        &self,
        source: &SourceKey,
        manual: &Manual,
    ) -> Result<Verdict, EngineError> {
        let source = self.sources.number(source);
        let known = match source {
            Some(source) => standing(&self.txn.reader(), source, manual)?,
            None => None,
        };
        let asserted = known.filter(|(_, slot)| slot.is_asserted());
        let asserted = asserted.and_then(|(_, slot)| slot.words.last().map(|word| word.offset));
        Ok(match (asserted, manual.is_retraction) {
            (Some(offset), false) => Verdict::Repeats(offset),
            (None, true) => Verdict::NotAsserted,
            _ => Verdict::Changes,
        })
    }

    /// Applies what the writer judged to change something; whatever does not changes nothing.
    pub(crate) fn apply_manual(
        &mut self,
        offset: Offset,
        source: u32,
        submission: &Submission,
        manual: &Manual,
    ) -> Result<(), EngineError> {
        let (key, mut slot) = match standing(&self.txn.reader(), source, manual)? {
            Some(known) => known,
            None if manual.is_retraction => return Ok(()),
            None => (self.new_fact(source, manual)?, ManualSlot::default()),
        };
        if slot.is_asserted() != manual.is_retraction {
            return Ok(());
        }
        // Words of one fact are kept in the order of the log, whatever the clock says.
        let received_at = submission.received_at.as_micros();
        let after = slot.words.last().map_or(i64::MIN, |word| word.time + 1);
        let time = received_at.max(after);
        let mut stated = Stated::new();
        if !manual.is_retraction {
            let mut numbering = Numbering {
                applier: self,
                offset,
                time,
            };
            claims::state(&mut stated, &manual.facts, &mut numbering)?;
        }
        // Who describes a job does not claim it for a domain.
        for body in stated
            .values_mut()
            .flat_map(|of_owner| of_owner.values_mut())
        {
            if let ClaimBody::Entity(entity) = body {
                entity.is_declared = false;
            }
        }
        let spoken_of: BTreeSet<u32> = slot.owners.iter().chain(stated.keys()).copied().collect();
        let times = Times {
            offset,
            time,
            bearing: &|_: FactKind| Bearing {
                is_covered: true,
                until: None,
            },
        };
        for owner in spoken_of {
            let of_owner = stated.remove(&owner).unwrap_or_default();
            if self.reconcile(key, owner, of_owner, &times)? {
                slot.owners.insert(owner);
            } else {
                slot.owners.remove(&owner);
                self.put_owner(key, owner, false);
            }
        }
        slot.words.push(ManualWord {
            time,
            offset: offset.get(),
            is_retraction: manual.is_retraction,
            author: manual.author.clone(),
            reason: manual.reason.clone(),
        });
        if slot.words.len() > WORDS_MAX {
            slot.words.remove(0);
        }
        self.put_slot(key, SlotRecord::Manual(slot));
        self.put_source(source);
        Ok(())
    }

    /// The slot of a fact that was never stated in the source.
    fn new_fact(&mut self, source: u32, manual: &Manual) -> Result<SlotKey, EngineError> {
        let count_key = keys::manual_count(source);
        let count: u32 = match self.txn.get(&count_key)? {
            Some(bytes) => decode_value("a number of facts", &bytes)?,
            None => 0,
        };
        let number = keys::manual(source, fact_key(&manual.facts));
        self.txn.put(number, encode_value(&count));
        self.txn.put(count_key, encode_value(&(count + 1)));
        Ok(SlotKey {
            source,
            kind: SlotKind::Manual,
            subject: count,
        })
    }
}
