//! Comparing what a slot says with what it said.

use std::collections::BTreeMap;

use headwater_graph::AssetFlags;
use headwater_model::{AssetIndex, Coverage, FactKind};
use headwater_record::{Claim, ClaimBody, ClaimKey, ClaimsRecord, encode_value};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::claims::{fact_kinds, supplemented};
use crate::keys::{self, SlotKey};

/// How a statement bears on a kind of fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bearing {
    /// Silence ends what was said before.
    pub(crate) is_covered: bool,
    /// The statement is older than the slot's newest one, and holds until that one's time.
    pub(crate) until: Option<i64>,
}

/// One statement's times.
pub(crate) struct Times<'a> {
    /// The statement's offset.
    pub(crate) offset: Offset,
    /// When a claim began to hold.
    pub(crate) since: &'a dyn Fn(&ClaimKey) -> i64,
    /// When a claim that is no longer made ceased to hold.
    pub(crate) ends_at: i64,
    /// When a claim that now says something else began to.
    pub(crate) changes_at: i64,
    /// How the statement bears on each kind of fact.
    pub(crate) bearing: &'a dyn Fn(FactKind) -> Bearing,
}

impl Times<'_> {
    /// How the statement bears on what is of all those kinds.
    fn bearing_on(&self, kinds: Coverage) -> Bearing {
        let mut bearings = kinds.kinds().map(self.bearing);
        let first = bearings.next().unwrap_or(Bearing {
            is_covered: true,
            until: None,
        });
        bearings.fold(first, |all, one| Bearing {
            is_covered: all.is_covered && one.is_covered,
            until: all.until.zip(one.until).map(|(all, one)| all.max(one)),
        })
    }
}

/// The difference between what a slot said of an asset and what it says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) record: ClaimsRecord,
    pub(crate) added: Vec<ClaimKey>,
    pub(crate) removed: Vec<ClaimKey>,
    pub(crate) changed: Vec<ClaimKey>,
    pub(crate) unchanged_count: u64,
    /// True if the record differs from the one before.
    pub(crate) is_new: bool,
}

/// Compares. `kinds_of` tells the kinds of fact of a claim.
pub(crate) fn compare(
    old: Vec<Claim>,
    stated: BTreeMap<ClaimKey, ClaimBody>,
    times: &Times<'_>,
    kinds_of: &dyn Fn(&ClaimKey, &ClaimBody) -> Coverage,
) -> Difference {
    let mut difference = Difference::default();
    let mut stated = stated.into_iter().peekable();
    for claim in old {
        while let Some((key, body)) = stated.next_if(|(key, _)| *key < claim.key) {
            difference.begin(key, body, times, kinds_of);
        }
        match stated.next_if(|(key, _)| *key == claim.key) {
            Some((_, body)) => difference.go_on(claim, body, times, kinds_of),
            None => difference.fall_silent(claim, times, kinds_of),
        }
    }
    for (key, body) in stated {
        difference.begin(key, body, times, kinds_of);
    }
    difference
}

impl Difference {
    fn begin(
        &mut self,
        key: ClaimKey,
        body: ClaimBody,
        times: &Times<'_>,
        kinds_of: &dyn Fn(&ClaimKey, &ClaimBody) -> Coverage,
    ) {
        let valid_from = (times.since)(&key);
        self.is_new = true;
        let until = times.bearing_on(kinds_of(&key, &body)).until;
        if until.is_none() {
            self.added.push(key.clone());
        }
        let claim = Claim {
            key,
            body,
            valid_from,
            valid_to: until,
            asserted_at: times.offset.get(),
        };
        match until {
            Some(_) => self.record.closed.push(claim),
            None => self.record.open.push(claim),
        }
    }

    fn go_on(
        &mut self,
        mut claim: Claim,
        body: ClaimBody,
        times: &Times<'_>,
        kinds_of: &dyn Fn(&ClaimKey, &ClaimBody) -> Coverage,
    ) {
        let bearing = times.bearing_on(kinds_of(&claim.key, &claim.body));
        let body = if bearing.is_covered {
            body
        } else {
            supplemented(&claim.key, &claim.body, body)
        };
        if let (ClaimBody::Entity(old), ClaimBody::Entity(new)) = (&mut claim.body, &body)
            && old.is_implied()
            && new.is_implied()
            && old.implied_by != new.implied_by
            && bearing.until.is_none()
        {
            // It says the same, for other reasons.
            old.implied_by = new.implied_by;
            self.is_new = true;
        }
        let since = (times.since)(&claim.key);
        if bearing.until.is_some() || claim.body == body {
            self.unchanged_count += 1;
            if bearing.until.is_none() && since < claim.valid_from {
                claim.valid_from = since;
                claim.asserted_at = times.offset.get();
                self.is_new = true;
            }
            self.record.open.push(claim);
            return;
        }
        self.is_new = true;
        self.changed.push(claim.key.clone());
        let at = times.changes_at.max(claim.valid_from);
        self.record.open.push(Claim {
            key: claim.key.clone(),
            body,
            valid_from: at,
            valid_to: None,
            asserted_at: times.offset.get(),
        });
        claim.valid_to = Some(at);
        self.record.closed.push(claim);
    }

    fn fall_silent(
        &mut self,
        mut claim: Claim,
        times: &Times<'_>,
        kinds_of: &dyn Fn(&ClaimKey, &ClaimBody) -> Coverage,
    ) {
        let bearing = times.bearing_on(kinds_of(&claim.key, &claim.body));
        if !bearing.is_covered || bearing.until.is_some() {
            self.record.open.push(claim);
            return;
        }
        self.is_new = true;
        self.removed.push(claim.key.clone());
        claim.valid_to = Some(times.ends_at.max(claim.valid_from));
        self.record.closed.push(claim);
    }
}

impl Applier {
    /// Brings what the slot says of `owner` up to what is stated; true if the slot still says anything of it.
    pub(crate) fn reconcile(
        &mut self,
        slot: SlotKey,
        owner: u32,
        stated: BTreeMap<ClaimKey, ClaimBody>,
        times: &Times<'_>,
    ) -> Result<bool, EngineError> {
        let asset = AssetIndex::new(owner);
        let kind = self.kind_of(owner);
        let old = self
            .txn
            .reader()
            .claims_of_slot(asset, slot, Offset::MAX)?
            .unwrap_or_default();
        let difference = compare(old.open, stated, times, &|key, body| {
            fact_kinds(key, body, kind)
        });
        self.note(slot, owner, &difference)?;
        let says_anything = !difference.record.open.is_empty();
        if difference.is_new {
            let key = keys::claims(asset, slot, times.offset);
            self.txn.put_parts(&key, &encode_value(&difference.record));
        }
        Ok(says_anything)
    }

    fn note(
        &mut self,
        slot: SlotKey,
        owner: u32,
        difference: &Difference,
    ) -> Result<(), EngineError> {
        let counts = &mut self.changes.counts;
        let changed = difference.changed.len() as u64;
        counts.added += difference.added.len() as u64 + changed;
        counts.removed += difference.removed.len() as u64 + changed;
        counts.unchanged += difference.unchanged_count;
        let is_known = self.is_known(slot, owner, difference);
        for key in difference.added.iter().chain(&difference.changed) {
            if !(is_known && *key == ClaimKey::Entity) {
                self.changes.note(owner, key, true);
            }
        }
        for key in &difference.removed {
            self.changes.note(owner, key, false);
        }
        // Which of several names stands for an asset depends on who declares it.
        let mut changes = difference
            .added
            .iter()
            .chain(&difference.removed)
            .chain(&difference.changed);
        if changes.any(|key| *key == ClaimKey::Entity) && self.has_aliases(owner)? {
            self.changes.identities.insert(owner);
        }
        for (keys_of, is_stated) in [(&difference.added, true), (&difference.removed, false)] {
            for key in keys_of {
                if let ClaimKey::Alias(other) = key {
                    self.put_alias(slot, owner, *other, is_stated);
                }
            }
        }
        Ok(())
    }

    /// True if what the slot begins to say of the asset's existence is in the graph already: that this source mentions
    /// it. Assets that many jobs read are mentioned often, and their columns need not be read anew each time.
    fn is_known(&self, slot: SlotKey, owner: u32, difference: &Difference) -> bool {
        let says_more = match difference.record.open.first() {
            Some(claim) => match &claim.body {
                ClaimBody::Entity(entity) => {
                    entity.is_declared || !matches!(&*entity.r#type, "DATASET" | "JOB")
                }
                _ => true,
            },
            None => true,
        };
        if says_more || difference.changed.contains(&ClaimKey::Entity) {
            return false;
        }
        let asset = self.graph.asset(AssetIndex::new(owner));
        asset.is_some_and(|asset| {
            asset.canonical.get() == owner
                && !asset.flags.contains(AssetFlags::RETIRED)
                && asset.sources.iter().any(|source| source / 2 == slot.source)
        })
    }

    fn put_alias(&mut self, slot: SlotKey, owner: u32, other: u32, is_stated: bool) {
        let (here, there) = (AssetIndex::new(owner), AssetIndex::new(other));
        for key in [
            keys::alias(here, there, slot, here),
            keys::alias(there, here, slot, here),
        ] {
            if is_stated {
                self.txn.put(key, Vec::new());
            } else {
                self.txn.delete(key);
            }
        }
    }
}
