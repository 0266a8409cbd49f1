//! Comparing what a slot says with what it said.

use std::collections::BTreeSet;

use headwater_graph::AssetFlags;
use headwater_model::{AssetIndex, Coverage, FactKind};
use headwater_record::{
    CHECKS_FACET, Claim, ClaimBody, ClaimKey, ClaimsRecord, Str, encode_value, failed_checks,
};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::apply::timeline::{self, Stage, says_same};
use crate::claims::{fact_kinds, supplemented};
use crate::keys::{self, SlotKey};

/// How a statement bears on a kind of fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bearing {
    /// Silence ends what was said before.
    pub(crate) is_covered: bool,
    /// Later statements are known already: this one holds until the next one's time.
    pub(crate) until: Option<i64>,
}

/// A statement's place in time.
pub(crate) struct Times<'a> {
    /// The statement's offset.
    pub(crate) offset: Offset,
    /// When it was made; what it says holds from then on, what it is silent about ended then.
    pub(crate) time: i64,
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
    /// Checks that fail and did not.
    pub(crate) checks_failed: Vec<Str>,
    pub(crate) unchanged_count: u64,
    /// True if the record differs from the one before.
    pub(crate) is_new: bool,
}

/// What a slot says of an asset after `stated` is said of it at a time. `versions` are what it said, newest first, and
/// reach back to that time; `kinds_of` tells the kinds of fact of a claim.
pub(crate) fn compare(
    versions: &[ClaimsRecord],
    mut stated: Stage,
    times: &Times<'_>,
    kinds_of: &dyn Fn(&ClaimKey, &ClaimBody) -> Coverage,
) -> Difference {
    let time = times.time;
    let known = timeline::onwards(versions, time);
    let before = timeline::holding(versions, time.saturating_sub(1));
    let bearing_on = |key: &ClaimKey, body: &ClaimBody| times.bearing_on(kinds_of(key, body));
    let mut turns: BTreeSet<i64> = BTreeSet::from([time]);
    turns.extend(
        known
            .iter()
            .flat_map(|claim| [Some(claim.valid_from), claim.valid_to])
            .flatten(),
    );
    let said = stated
        .iter()
        .chain(known.iter().map(|claim| (&claim.key, &claim.body)));
    turns.extend(said.filter_map(|(key, body)| bearing_on(key, body).until));
    let stages: Vec<i64> = turns.into_iter().filter(|turn| *turn >= time).collect();
    let last = stages.len() - 1;
    let mut woven = Vec::with_capacity(stages.len());
    for (at, turn) in stages.into_iter().enumerate() {
        let mut stage = Stage::new();
        let held = known.iter().filter(|claim| claim.holds_at(turn));
        for claim in held {
            let bearing = bearing_on(&claim.key, &claim.body);
            let is_ruled = bearing.until.is_none_or(|until| turn < until);
            // What only began later was said by a later statement.
            let is_silenced = is_ruled && bearing.is_covered && claim.valid_from <= time;
            if !is_silenced || stated.contains_key(&claim.key) {
                stage.insert(claim.key.clone(), claim.body.clone());
            }
        }
        let take = |key: &ClaimKey, body: ClaimBody, stage: &mut Stage| {
            let of_held = stage.get(key).map(|held| bearing_on(key, held));
            let bearing = of_held.unwrap_or_else(|| bearing_on(key, &body));
            if bearing.until.is_some_and(|until| until <= turn) {
                return;
            }
            let body = match stage.get(key) {
                Some(held) if !bearing.is_covered => supplemented(key, held, body),
                _ => body,
            };
            stage.insert(key.clone(), body);
        };
        if at == last {
            for (key, body) in std::mem::take(&mut stated) {
                take(&key, body, &mut stage);
            }
        } else {
            for (key, body) in &stated {
                take(key, body.clone(), &mut stage);
            }
        }
        woven.push((turn, stage));
    }
    Difference::between(versions, before, &known, woven, times.offset)
}

impl Difference {
    /// What it takes to say `stages`, from the first one's time on.
    pub(crate) fn between(
        versions: &[ClaimsRecord],
        before: Vec<Claim>,
        known: &[Claim],
        stages: Vec<(i64, Stage)>,
        offset: Offset,
    ) -> Self {
        let record = timeline::weave(before, known, stages, offset.get());
        let mut difference = Self::default();
        let nothing = Vec::new();
        let old = versions.first().map_or(&nothing, |newest| &newest.open);
        let mut old = old.iter().peekable();
        for claim in &record.open {
            while let Some(gone) = old.next_if(|old| old.key < claim.key) {
                difference.removed.push(gone.key.clone());
            }
            match old.next_if(|old| old.key == claim.key) {
                Some(same) if says_same(&same.body, &claim.body) => difference.unchanged_count += 1,
                Some(other) => {
                    let failed = newly_failed(claim, Some(&other.body));
                    difference.checks_failed.extend(failed);
                    difference.changed.push(claim.key.clone());
                }
                None => {
                    difference.checks_failed.extend(newly_failed(claim, None));
                    difference.added.push(claim.key.clone());
                }
            }
        }
        difference.removed.extend(old.map(|gone| gone.key.clone()));
        let is_told = |claim: &&Claim| claim.valid_to.is_none_or(|end| end > record.since);
        let mut told: Vec<&Claim> = record
            .open
            .iter()
            .chain(&record.closed)
            .filter(is_told)
            .collect();
        told.sort_by(|a, b| (&a.key, a.valid_from).cmp(&(&b.key, b.valid_from)));
        difference.is_new = !told.into_iter().eq(known);
        difference.record = record;
        difference
    }
}

/// The checks of a dataset that fail by what is said of them, and did not by what was said before.
fn newly_failed(claim: &Claim, before: Option<&ClaimBody>) -> Vec<Str> {
    let is_checks = matches!(&claim.key, ClaimKey::Facet(name) if **name == *CHECKS_FACET);
    let failed = |body: &ClaimBody| match body {
        ClaimBody::Json(facet) if is_checks => failed_checks(facet),
        _ => BTreeSet::new(),
    };
    let known = before.map(failed).unwrap_or_default();
    let failed = failed(&claim.body).into_iter();
    let new = failed.filter(|check| !known.contains(check));
    new.map(Str::from).collect()
}

impl Applier {
    /// Brings what the slot says of `owner` up to what is stated; true if the slot still says anything of it.
    pub(crate) fn reconcile(
        &mut self,
        slot: SlotKey,
        owner: u32,
        stated: Stage,
        times: &Times<'_>,
    ) -> Result<bool, EngineError> {
        let kind = self.kind_of(owner);
        let versions = self.versions(slot, owner, times.time)?;
        let difference = compare(&versions, stated, times, &|key, body| {
            fact_kinds(key, body, kind)
        });
        self.keep(slot, owner, &difference, times.offset)
    }

    /// Makes the slot say `stages` of `owner` from the first one's time on; true if it still says anything of it.
    pub(crate) fn restate(
        &mut self,
        slot: SlotKey,
        owner: u32,
        stages: Vec<(i64, Stage)>,
        offset: Offset,
    ) -> Result<bool, EngineError> {
        let since = stages.first().map_or(i64::MIN, |(time, _)| *time);
        let versions = self.versions(slot, owner, since)?;
        let before = timeline::holding(&versions, since.saturating_sub(1));
        let known = timeline::onwards(&versions, since);
        let difference = Difference::between(&versions, before, &known, stages, offset);
        self.keep(slot, owner, &difference, offset)
    }

    /// What the slot said of `owner`, newest first, as far back as to tell what held before `since`.
    pub(crate) fn versions(
        &self,
        slot: SlotKey,
        owner: u32,
        since: i64,
    ) -> Result<Vec<ClaimsRecord>, EngineError> {
        let reader = self.txn.reader();
        reader.versions_of_slot(AssetIndex::new(owner), slot, Offset::MAX, |record| {
            record.since < since
        })
    }

    fn keep(
        &mut self,
        slot: SlotKey,
        owner: u32,
        difference: &Difference,
        offset: Offset,
    ) -> Result<bool, EngineError> {
        self.note(slot, owner, difference)?;
        if difference.is_new {
            let turn = timeline::last_turn(&difference.record);
            self.changes.turns.entry(turn).or_default().insert(owner);
            let key = keys::claims(AssetIndex::new(owner), slot, offset);
            self.txn.put_parts(&key, &encode_value(&difference.record));
            self.note_named(owner, &difference.record, offset)?;
        }
        Ok(!difference.record.open.is_empty())
    }

    /// Notes at what the new claims name that `owner` names it: history finds it there when it no longer does.
    fn note_named(
        &mut self,
        owner: u32,
        record: &ClaimsRecord,
        offset: Offset,
    ) -> Result<(), EngineError> {
        let claims = record.open.iter().chain(&record.closed);
        for claim in claims.filter(|claim| claim.asserted_at == offset.get()) {
            let (ClaimKey::Reads(other) | ClaimKey::Writes(other) | ClaimKey::Alias(other)) =
                claim.key
            else {
                continue;
            };
            let key = keys::named(AssetIndex::new(other), AssetIndex::new(owner));
            if self.txn.get(&key)?.is_none() {
                self.txn.put(key, Vec::new());
            }
        }
        Ok(())
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
        let failed = difference.checks_failed.iter();
        let failed = failed.map(|check| (owner, check.clone()));
        self.changes.checks_failed.extend(failed);
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
