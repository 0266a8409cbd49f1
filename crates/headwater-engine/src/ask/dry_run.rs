//! What a snapshot would change, without changing it.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{ClosureOptions, Direction};
use headwater_model::{
    AssetIndex, AssetKind, AssetName, EdgeKind, FactKind, Snapshot, SourceKey, Timestamp,
};
use headwater_record::{
    ClaimBody, ClaimKey, SlotRecord, SnapshotSlot, Str, decode_value, encode_facts, redact_snapshot,
};
use headwater_store::Offset;

use crate::AskError;
use crate::apply::{Difference, Times, bearing, compare, slot_of, valid_from};
use crate::ask::view::View;
use crate::claims::{self, Names, Stated, fact_kinds};
use crate::keys;
use crate::reference;

/// Assets, edges and fields that are listed; more are counted.
const LISTED_MAX: usize = 1000;

/// An edge that would come or go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DryRunEdge {
    /// What it says.
    pub kind: EdgeKind,
    /// Reference of its beginning.
    pub from: String,
    /// Reference of its end.
    pub to: String,
}

/// What would come, or what would go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRunFacts {
    /// References of datasets.
    pub datasets: Vec<String>,
    /// References of jobs.
    pub jobs: Vec<String>,
    /// Edges.
    pub edges: Vec<DryRunEdge>,
    /// References of fields.
    pub fields: Vec<String>,
}

/// An asset downstream of what would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRunAsset {
    /// Its reference.
    pub reference: String,
    /// Its domain.
    pub domain: String,
    /// Hops from the nearest change.
    pub hops: u32,
}

/// What a snapshot would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRun {
    /// Claims that it would add.
    pub added_count: u64,
    /// Claims that it would end.
    pub removed_count: u64,
    /// Claims that it repeats.
    pub unchanged_count: u64,
    /// What would come.
    pub added: DryRunFacts,
    /// What would go.
    pub removed: DryRunFacts,
    /// True if the lists leave something out.
    pub is_cut: bool,
    /// Assets of other domains downstream of what would go or change, by hops.
    pub downstream: Vec<DryRunAsset>,
    /// How many there are.
    pub downstream_count: usize,
}

/// Numbers names without giving out any: what is new is numbered on, for this question only.
struct Tentative<'a> {
    view: &'a View,
    /// The domain whose source would submit.
    domain: [Str; 1],
    new: BTreeMap<AssetName, u32>,
    names: Vec<AssetName>,
}

impl Names for Tentative<'_> {
    type Error = AskError;

    fn index_of(&mut self, name: &AssetName) -> Result<u32, AskError> {
        let known = self.view.number_in(name, &self.domain)?;
        if let Some(index) = known
            && index.as_usize() < self.view.graph().assets_count()
        {
            return Ok(index.get());
        }
        let next = (self.view.graph().assets_count() + self.names.len()) as u32;
        Ok(*self.new.entry(name.clone()).or_insert_with(|| {
            self.names.push(name.clone());
            next
        }))
    }
}

impl Tentative<'_> {
    fn kind(&self, index: u32) -> AssetKind {
        let known = self.view.graph().kind(AssetIndex::new(index));
        known.unwrap_or_else(|| {
            self.name(index)
                .map_or(AssetKind::Dataset, |name| name.kind)
        })
    }

    fn name(&self, index: u32) -> Option<&AssetName> {
        self.names
            .get((index as usize).checked_sub(self.view.graph().assets_count())?)
    }

    fn reference(&self, index: u32) -> Result<String, AskError> {
        match self.name(index) {
            Some(name) => Ok(reference::text(
                name.kind,
                name.name.namespace.as_str(),
                name.name.name.as_str(),
            )),
            None => self.view.reference(AssetIndex::new(index)),
        }
    }
}

impl View {
    /// What `snapshot` would change if `source` submitted it now.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn dry_run(
        &self,
        source: &SourceKey,
        snapshot: &Snapshot,
        received_at: Timestamp,
    ) -> Result<DryRun, AskError> {
        // What would be kept is what would be compared.
        let mut clean = snapshot.clone();
        let facts =
            encode_facts(&clean.facts).map_err(|error| AskError::Invalid(error.to_string()))?;
        redact_snapshot(&mut clean, &facts);
        let snapshot = &clean;
        let mut names = Tentative {
            view: self,
            domain: [source.domain.as_str().into()],
            new: BTreeMap::new(),
            names: Vec::new(),
        };
        let mut stated = Stated::new();
        claims::state(&mut stated, &snapshot.facts, &mut names)?;
        // A source that never submitted has no slot: its number is beyond all known ones.
        let number = self.source(source).map_or(u32::MAX, |source| source.number);
        let slot_key = slot_of(number);
        let slot = match self.reader().get_parts(&keys::slot(slot_key))? {
            Some(bytes) => match decode_value("a slot", &bytes)? {
                SlotRecord::Snapshot(slot) => slot,
                _ => SnapshotSlot::default(),
            },
            None => SnapshotSlot::default(),
        };
        let time = valid_from(snapshot, received_at);
        let mut owners: BTreeSet<u32> = stated.keys().copied().collect();
        for item in self.reader().scan(&keys::owners_of(slot_key)) {
            let (key, value) = item?;
            if value.is_empty() || slot.times.last().is_some_and(|(newest, _)| *newest > time) {
                owners.extend(keys::last_u32(&key));
            }
        }
        let times = Times {
            offset: Offset::ZERO,
            time,
            bearing: &|kind: FactKind| bearing(&slot, snapshot, time, kind),
        };
        let mut dry_run = DryRun::default();
        let mut changed: BTreeSet<u32> = BTreeSet::new();
        for owner in owners {
            let asset = AssetIndex::new(owner);
            let kind = names.kind(owner);
            let offset = self.published.offset;
            let old = self
                .reader()
                .versions_of_slot(asset, slot_key, offset, |old| old.since < time)?;
            let of_owner = stated.remove(&owner).unwrap_or_default();
            let kinds_of = |key: &ClaimKey, body: &ClaimBody| fact_kinds(key, body, kind);
            let difference = compare(&old, of_owner, &times, &kinds_of);
            note(&mut dry_run, &names, owner, &difference)?;
            if !difference.removed.is_empty() || !difference.changed.is_empty() {
                changed.insert(owner);
            }
        }
        self.downstream_of(source, &changed, &mut dry_run)?;
        Ok(dry_run)
    }

    fn downstream_of(
        &self,
        source: &SourceKey,
        changed: &BTreeSet<u32>,
        dry_run: &mut DryRun,
    ) -> Result<(), AskError> {
        let roots: Vec<AssetIndex> = changed
            .iter()
            .map(|index| AssetIndex::new(*index))
            .collect();
        let options = ClosureOptions {
            depth_hops_max: None,
            assets_max: None,
        };
        let closure = self.graph().closure(
            &roots,
            Direction::Downstream,
            &options,
            |_| false,
            |_| false,
        );
        for entry in &closure.entries {
            let Some(asset) = self.asset(entry.asset) else {
                continue;
            };
            let Some(domain) = asset.domain else { continue };
            if *domain == *source.domain.as_str() {
                continue;
            }
            dry_run.downstream_count += 1;
            if dry_run.downstream.len() == LISTED_MAX {
                dry_run.is_cut = true;
                continue;
            }
            dry_run.downstream.push(DryRunAsset {
                reference: self.reference(entry.asset)?,
                domain: domain.to_string(),
                hops: entry.hops,
            });
        }
        Ok(())
    }
}

fn note(
    dry_run: &mut DryRun,
    names: &Tentative<'_>,
    owner: u32,
    difference: &Difference,
) -> Result<(), AskError> {
    let changed = difference.changed.len() as u64;
    dry_run.added_count += difference.added.len() as u64 + changed;
    dry_run.removed_count += difference.removed.len() as u64 + changed;
    dry_run.unchanged_count += difference.unchanged_count;
    let mut is_cut = false;
    for key in &difference.added {
        is_cut |= list(&mut dry_run.added, names, owner, key)?;
    }
    for key in &difference.removed {
        is_cut |= list(&mut dry_run.removed, names, owner, key)?;
    }
    dry_run.is_cut |= is_cut;
    Ok(())
}

/// Lists what a claim is about; true if the list is full.
fn list(
    facts: &mut DryRunFacts,
    names: &Tentative<'_>,
    owner: u32,
    key: &ClaimKey,
) -> Result<bool, AskError> {
    let listed = facts.datasets.len() + facts.jobs.len() + facts.edges.len() + facts.fields.len();
    if listed >= LISTED_MAX {
        return Ok(true);
    }
    match key {
        ClaimKey::Entity => match names.kind(owner) {
            AssetKind::Dataset => facts.datasets.push(names.reference(owner)?),
            AssetKind::Job => facts.jobs.push(names.reference(owner)?),
        },
        ClaimKey::Field(field) => facts
            .fields
            .push(format!("{}#{field}", names.reference(owner)?)),
        // The job's WRITES edge is listed.
        ClaimKey::OriginsStated { .. } => {}
        _ => {
            if let Some(edge) = crate::apply::raw_edge(owner, key) {
                facts.edges.push(DryRunEdge {
                    kind: EdgeKind::between(names.kind(edge.from), names.kind(edge.to)),
                    from: names.reference(edge.from)?,
                    to: names.reference(edge.to)?,
                });
            }
        }
    }
    Ok(false)
}
