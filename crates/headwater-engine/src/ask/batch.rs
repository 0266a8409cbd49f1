//! Reading the state for many assets at once: a page takes as many calls of the state as one asset does.

use std::collections::BTreeSet;

use headwater_model::AssetIndex;
use headwater_record::{ClaimKey, ClaimsRecord, decode_value};
use headwater_store::{ScanStep, ScanVisit};

use crate::apply::onwards;
use crate::ask::view::View;
use crate::keys::{self, SlotKey};
use crate::txn::after;
use crate::{AskError, EngineError};

/// What slots say of one raw asset.
pub(crate) type ClaimsOf = Vec<(SlotKey, ClaimsRecord)>;

/// What slots say of one raw asset, and said before: newest version first.
pub(crate) type HistoryOf = Vec<(SlotKey, Vec<ClaimsRecord>)>;

/// What slots say of each of the raw names that are one asset.
pub(crate) type ClassClaims = Vec<(AssetIndex, ClaimsOf)>;

impl View {
    pub(crate) fn get_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, AskError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let values = self.shared.state.get_many(keys)?.into_iter();
        Ok(values
            .map(|value| value.map(|bytes| bytes.to_vec()))
            .collect())
    }

    pub(crate) fn scan_many(
        &self,
        prefixes: &[Vec<u8>],
        visit: &mut ScanVisit<'_>,
    ) -> Result<(), AskError> {
        if prefixes.is_empty() {
            return Ok(());
        }
        Ok(self.shared.state.scan_many(prefixes, visit)?)
    }

    /// Values that were put in parts; none where there is no part.
    pub(crate) fn get_parts_many(
        &self,
        prefixes: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, AskError> {
        let mut values: Vec<Option<Vec<u8>>> = vec![None; prefixes.len()];
        self.scan_many(prefixes, &mut |at, _, part| {
            values[at]
                .get_or_insert_with(Vec::new)
                .extend_from_slice(part);
            ScanStep::Next
        })?;
        Ok(values)
    }

    /// The raw names that are one asset with each of `canonicals`, itself included.
    pub(crate) fn classes(
        &self,
        canonicals: &[AssetIndex],
    ) -> Result<Vec<BTreeSet<AssetIndex>>, AskError> {
        let mut classes: Vec<BTreeSet<AssetIndex>> = canonicals
            .iter()
            .map(|canonical| BTreeSet::from([*canonical]))
            .collect();
        if let Some(merged) = &self.published.merged {
            for class in &mut classes {
                let canonical = class.first().copied();
                let of_class = canonical.and_then(|canonical| merged.get(&canonical.get()));
                class.extend(of_class.into_iter().flatten());
            }
            return Ok(classes);
        }
        let mut waiting: Vec<(usize, AssetIndex)> =
            canonicals.iter().copied().enumerate().collect();
        // As many rounds as aliases hang on aliases: most assets have none.
        while !waiting.is_empty() {
            let prefixes: Vec<Vec<u8>> = waiting
                .iter()
                .map(|(_, member)| keys::aliases_of(*member))
                .collect();
            let mut next = Vec::new();
            self.scan_many(&prefixes, &mut |at, key, _| {
                let class = waiting[at].0;
                if let Some(other) = keys::parse_alias(key)
                    && self.graph().canonical(other) == Some(canonicals[class])
                    && classes[class].insert(other)
                {
                    next.push((class, other));
                }
                ScanStep::Next
            })?;
            waiting = next;
        }
        Ok(classes)
    }

    /// What each slot says of each of `owners`, as known at this view's offset: open is what holds at its time.
    pub(crate) fn claims_many(&self, owners: &[AssetIndex]) -> Result<Vec<ClaimsOf>, AskError> {
        if let Some(time) = self.published.valid_at {
            return self.claims_at(owners, time);
        }
        let decoded = self
            .claim_versions(owners, Versions::Newest)?
            .into_iter()
            .map(|slots| {
                let records = slots.into_iter().map(|(slot, _, bytes)| {
                    let record = decode_value("a claim", &bytes).map_err(EngineError::from)?;
                    Ok((slot, record))
                });
                records.collect()
            });
        decoded.collect()
    }

    fn claims_at(&self, owners: &[AssetIndex], time: i64) -> Result<Vec<ClaimsOf>, AskError> {
        let mut found = Vec::with_capacity(owners.len());
        let mut histories = self.histories(owners)?.into_iter();
        for _ in owners {
            let slots = histories.next().unwrap_or_default().into_iter();
            let of_slots = slots.map(|(slot, versions)| (slot, held_at(&versions, time)));
            found.push(
                of_slots
                    .filter(|(_, record)| !record.open.is_empty())
                    .collect(),
            );
        }
        Ok(found)
    }

    /// Every version of what each slot says of each of `owners`, as known at this view's offset, newest first.
    pub(crate) fn histories(&self, owners: &[AssetIndex]) -> Result<Vec<HistoryOf>, AskError> {
        let found = self.claim_versions(owners, Versions::All)?;
        found.into_iter().map(decode_history).collect()
    }

    /// What each slot said of each of `owners`, as records of the state, newest first, up to this view's offset.
    fn claim_versions(
        &self,
        owners: &[AssetIndex],
        versions: Versions,
    ) -> Result<Vec<SlotRecords>, AskError> {
        let newest = self.published.offset;
        let prefixes: Vec<Vec<u8>> = owners.iter().map(|owner| keys::claims_of(*owner)).collect();
        let mut found: Vec<SlotRecords> = vec![Vec::new(); owners.len()];
        self.scan_many(&prefixes, &mut |at, key, part| {
            let Some((slot, version)) = keys::parse_claims(key) else {
                return ScanStep::Next;
            };
            if version > newest.get() {
                // Versions stand newest first: skip those that weren't known yet.
                return ScanStep::Seek(keys::claims(owners[at], slot, newest));
            }
            match found[at].last_mut() {
                Some((of, known, bytes)) if *of == slot && *known == version => {
                    bytes.extend_from_slice(part);
                }
                Some((of, ..)) if *of == slot && versions == Versions::Newest => {
                    return ScanStep::Seek(after(keys::claims_of_slot(owners[at], slot)));
                }
                _ => found[at].push((slot, version, part.to_vec())),
            }
            ScanStep::Next
        })?;
        Ok(found)
    }

    /// What each slot says of the raw names that are one asset with each of `canonicals`.
    pub(crate) fn class_claims(
        &self,
        canonicals: &[AssetIndex],
    ) -> Result<Vec<ClassClaims>, AskError> {
        let classes = self.classes(canonicals)?;
        let members: Vec<AssetIndex> = classes.iter().flatten().copied().collect();
        let mut claims = self.claims_many(&members)?.into_iter();
        let of_class = classes
            .into_iter()
            .map(|class| class.into_iter().zip(claims.by_ref()).collect());
        Ok(of_class.collect())
    }

    /// When each of `owners` ceased to be asserted by each slot that ever did: the newest time.
    pub(crate) fn ends_of_entities(
        &self,
        owners: &[AssetIndex],
    ) -> Result<Vec<Option<i64>>, AskError> {
        let now = self.published.valid_at.unwrap_or(i64::MAX);
        let ends = self.histories(owners)?.into_iter().map(|history| {
            let slots = history.iter();
            let claims = slots.flat_map(|(_, versions)| onwards(versions, i64::MIN));
            let entities = claims.filter(|claim| claim.key == ClaimKey::Entity);
            entities
                .filter_map(|claim| claim.valid_to)
                .filter(|end| *end <= now)
                .max()
        });
        Ok(ends.collect())
    }
}

/// Versions of slots: the slot, since which offset it says so, and what, as the state has it.
type SlotRecords = Vec<(SlotKey, u64, Vec<u8>)>;

/// Which versions of a slot are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Versions {
    Newest,
    All,
}

/// What holds at a time, of the versions of a slot.
pub(crate) fn held_at(versions: &[ClaimsRecord], time: i64) -> ClaimsRecord {
    let mut open = onwards(versions, time);
    open.retain(|claim| claim.holds_at(time));
    ClaimsRecord {
        since: time,
        open,
        closed: Vec::new(),
    }
}

pub(crate) fn decode_history(versions: SlotRecords) -> Result<HistoryOf, AskError> {
    let mut history: HistoryOf = Vec::new();
    for (slot, _, bytes) in versions {
        let record = decode_value("a claim", &bytes)?;
        match history.last_mut() {
            Some((of, records)) if *of == slot => records.push(record),
            _ => history.push((slot, vec![record])),
        }
    }
    Ok(history)
}
