//! Which raw names are one asset: the classes of the aliases that hold.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{AssetIndex, AssetKind};
use headwater_record::{ClaimBody, ClaimKey, EdgeRecord};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::apply::changes::raw_edge;
use crate::keys;

impl Applier {
    /// The raw names that are one asset with `index`, itself included, by the aliases that hold.
    fn class_by_aliases(&self, index: u32) -> Result<BTreeSet<u32>, EngineError> {
        let mut class = BTreeSet::from([index]);
        let mut waiting = vec![index];
        while let Some(next) = waiting.pop() {
            let prefix = keys::aliases_of(AssetIndex::new(next));
            for item in self.txn.reader().scan(&prefix) {
                let (key, _) = item?;
                if let Some(other) = keys::parse_alias(&key)
                    && class.insert(other.get())
                {
                    waiting.push(other.get());
                }
            }
        }
        Ok(class)
    }

    /// The raw names that the graph takes for one asset with `index`.
    pub(crate) fn class_of(&self, index: u32) -> Result<Vec<u32>, EngineError> {
        let canonical = self.canonical(index);
        if canonical == index && !self.has_aliases(index)? {
            return Ok(vec![index]);
        }
        let class = self.class_by_aliases(index)?;
        Ok(class
            .into_iter()
            .filter(|member| self.canonical(*member) == canonical)
            .collect())
    }

    pub(crate) fn has_aliases(&self, index: u32) -> Result<bool, EngineError> {
        let prefix = keys::aliases_of(AssetIndex::new(index));
        Ok(self
            .txn
            .reader()
            .scan(&prefix)
            .next()
            .transpose()?
            .is_some())
    }

    /// The asset that stands for a raw name, as the graph has it before this entry is settled.
    pub(crate) fn canonical(&self, index: u32) -> u32 {
        let asset = self.graph.asset(AssetIndex::new(index));
        asset.map_or(index, |asset| asset.canonical.get())
    }

    /// Which raw names changed the asset that stands for them, given those at whose aliases something changed.
    pub(crate) fn reclassify(
        &self,
        touched: &BTreeSet<u32>,
    ) -> Result<BTreeMap<u32, u32>, EngineError> {
        let mut moved = BTreeMap::new();
        let mut seen = BTreeSet::new();
        // Those that were one with a touched name before may have to stand alone now.
        let mut waiting: BTreeSet<u32> = touched.clone();
        while let Some(index) = waiting.pop_first() {
            if !seen.insert(index) {
                continue;
            }
            let class = self.class_by_aliases(index)?;
            let elected = self.elect(&class)?;
            for member in class {
                let canonical = elected.unwrap_or(member);
                let before = self.canonical(member);
                if before != canonical {
                    moved.insert(member, canonical);
                }
                seen.insert(member);
                if !seen.contains(&before) {
                    waiting.insert(before);
                }
            }
        }
        Ok(moved)
    }

    /// Declared before merely named, then the one first named. None if several datasets are declared: aliases alone
    /// don't merge these, so each stands for itself.
    fn elect(&self, class: &BTreeSet<u32>) -> Result<Option<u32>, EngineError> {
        let first = class.first().copied();
        if class.len() == 1 {
            return Ok(first);
        }
        let mut declared = Vec::new();
        for member in class {
            if self.is_declared(*member)? {
                declared.push(*member);
            }
        }
        let is_dataset = first.is_some_and(|index| self.kind_of(index) == AssetKind::Dataset);
        if is_dataset && declared.len() > 1 {
            return Ok(None);
        }
        Ok(declared.first().copied().or(first))
    }

    fn is_declared(&self, index: u32) -> Result<bool, EngineError> {
        let claims = self
            .txn
            .reader()
            .claims(AssetIndex::new(index), Offset::MAX)?;
        Ok(claims
            .iter()
            .flat_map(|(_, record)| &record.open)
            .any(|claim| matches!(&claim.body, ClaimBody::Entity(entity) if entity.is_declared)))
    }

    /// Every raw edge, stated by anybody now, that touches one of `members` or that one of them makes.
    pub(crate) fn raw_edges_at(
        &self,
        members: &BTreeSet<u32>,
    ) -> Result<BTreeSet<EdgeRecord>, EngineError> {
        let mut owners = members.clone();
        for member in members {
            let canonical = AssetIndex::new(self.canonical(*member));
            // What points at the asset is stated by those it points from and to; the graph knows them.
            let around = self
                .graph
                .edges_out(canonical)
                .chain(self.graph.edges_in(canonical));
            let around: BTreeSet<u32> = around
                .flat_map(|edge| [Some(edge.from), Some(edge.to), edge.via])
                .flatten()
                .chain(self.graph.outputs(canonical))
                .map(AssetIndex::get)
                .collect();
            for neighbour in around {
                owners.extend(self.class_of(neighbour)?);
            }
        }
        let mut edges = BTreeSet::new();
        for owner in owners {
            for key in self.open_keys(owner)? {
                edges.extend(raw_edge(owner, &key).filter(|edge| touches(edge, members)));
            }
        }
        Ok(edges)
    }

    /// What anybody states of a raw asset now.
    pub(crate) fn open_keys(&self, owner: u32) -> Result<Vec<ClaimKey>, EngineError> {
        let claims = self
            .txn
            .reader()
            .claims(AssetIndex::new(owner), Offset::MAX)?;
        Ok(claims
            .into_iter()
            .flat_map(|(_, record)| record.open)
            .map(|claim| claim.key)
            .collect())
    }
}

pub(crate) fn touches(edge: &EdgeRecord, members: &BTreeSet<u32>) -> bool {
    members.contains(&edge.from)
        || members.contains(&edge.to)
        || edge.via.is_some_and(|via| members.contains(&via))
}
