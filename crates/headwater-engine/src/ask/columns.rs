//! The fields of datasets, where somebody knows all of them.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{AssetIndex, Coverage, FactKind};
use headwater_record::{ClaimBody, ClaimKey, ClaimsRecord, SlotRecord, Str, decode_value};

use crate::AskError;
use crate::ask::details::declares;
use crate::ask::view::View;
use crate::keys::{self, SlotKey, SlotKind};

impl View {
    /// All fields of each of `assets`, in their order and in the order of the dataset; none where nobody lists all
    /// that there are. How often the state is called does not depend on how many assets there are.
    ///
    /// One word counts, that of the source that counts most: what several say is not put together, as each may spell
    /// a name in its way. A snapshot lists all fields if it covers them and declares the dataset, or knows the type of
    /// each; an event if it lists any. Fields within fields are left out, and so is what only edges name.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn columns_many(&self, assets: &[AssetIndex]) -> Result<Vec<Option<Vec<Str>>>, AskError> {
        let known: Vec<Option<AssetIndex>> = assets
            .iter()
            .map(|index| self.graph().canonical(*index))
            .collect();
        let canonicals: Vec<AssetIndex> = known.iter().flatten().copied().collect();
        let classes = self.class_claims(&canonicals)?;
        let slots = classes.iter().flatten().flat_map(|(_, claims)| claims);
        let covered = self.covering_fields(slots.map(|(slot, _)| *slot).collect())?;
        let mut found = classes.into_iter().map(|class| {
            let claims = class.into_iter().flat_map(|(_, claims)| claims);
            let lists = claims.filter_map(|(slot, record)| {
                let columns = listed(slot, &record, &covered)?;
                Some((self.weight(slot, &record), columns))
            });
            let most = lists.max_by(|(a, _), (b, _)| a.cmp(b));
            most.map(|(_, columns)| columns)
        });
        Ok(known
            .iter()
            .map(|known| known.and_then(|_| found.next()).flatten())
            .collect())
    }

    /// Which of those slots are of snapshots whose newest covers fields.
    fn covering_fields(&self, slots: BTreeSet<SlotKey>) -> Result<BTreeSet<SlotKey>, AskError> {
        let snapshots: Vec<SlotKey> = slots
            .into_iter()
            .filter(|slot| slot.kind == SlotKind::Snapshot)
            .collect();
        let prefixes: Vec<Vec<u8>> = snapshots.iter().map(|slot| keys::slot(*slot)).collect();
        let mut covering = BTreeSet::new();
        for (slot, value) in snapshots.into_iter().zip(self.get_parts_many(&prefixes)?) {
            let Some(bytes) = value else { continue };
            if let SlotRecord::Snapshot(record) = decode_value("a slot", &bytes)?
                && let Some((_, covers)) = record.times.last()
                && Coverage::from_bits(*covers).covers(FactKind::Fields)
            {
                covering.insert(slot);
            }
        }
        Ok(covering)
    }

    /// Whose list counts: who declares, then snapshots over events, the newest, the source's name.
    fn weight(&self, slot: SlotKey, record: &ClaimsRecord) -> impl Ord + use<> {
        let source = self.source_by_number(slot.source);
        let rank = source.as_ref().map_or(0, crate::SourceState::rank);
        let newest = record.open.iter().map(|claim| claim.valid_from).max();
        let name = source.map(|source| source.key.to_string());
        let name = std::cmp::Reverse(name.unwrap_or_default());
        (declares(record), rank, newest, name, slot)
    }
}

/// What the slot lists, if that is all.
fn listed(slot: SlotKey, record: &ClaimsRecord, covered: &BTreeSet<SlotKey>) -> Option<Vec<Str>> {
    let mut positions: BTreeMap<&str, u32> = BTreeMap::new();
    let mut has_types = true;
    for claim in &record.open {
        if let (
            ClaimKey::Field(name),
            ClaimBody::Field {
                position, r#type, ..
            },
        ) = (&claim.key, &claim.body)
        {
            positions.insert(name, *position);
            has_types &= r#type.is_some();
        }
    }
    let is_whole = match slot.kind {
        SlotKind::Snapshot => covered.contains(&slot) && (declares(record) || has_types),
        SlotKind::Runs | SlotKind::Job | SlotKind::Dataset => true,
        SlotKind::Manual => false,
    };
    if !is_whole || positions.is_empty() {
        return None;
    }
    let is_within = |name: &str| {
        let mut ends = name.match_indices('.').map(|(at, _)| &name[..at]);
        ends.any(|outer| positions.contains_key(outer))
    };
    let mut columns: Vec<(u32, &str)> = positions
        .iter()
        .filter(|(name, _)| !is_within(name))
        .map(|(name, position)| (*position, *name))
        .collect();
    columns.sort_unstable();
    Some(columns.into_iter().map(|(_, name)| name.into()).collect())
}
