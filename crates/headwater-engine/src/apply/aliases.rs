//! Which raw names are one asset: the classes of the aliases that hold, and of links by rules.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{AssetIndex, AssetKind};
use headwater_record::{ClaimBody, ClaimKey, EdgeRecord};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::apply::changes::raw_edge;
use crate::keys::{self, Link};

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
            for (member, canonical) in self.elect(index)? {
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

    /// The asset that stands for each of the names that are linked to `index`: of those that are one, a declared one,
    /// else the one first named.
    fn elect(&self, index: u32) -> Result<BTreeMap<u32, u32>, EngineError> {
        let Component { members, links } = self.component(index)?;
        let mut classes = Classes::new(members);
        for (one, other, link) in &links {
            if *link == Link::Exact {
                classes.unite(*one, *other);
            }
        }
        self.unite_bare(&mut classes, &links)?;
        self.unite_asserted(&mut classes, &links)?;
        let mut elected = BTreeMap::new();
        for class in classes.all().into_values() {
            let declared = match class.len() {
                1 => None,
                _ => self.first_declared(&class)?,
            };
            let canonical = declared.or(class.first().copied());
            elected.extend(
                class
                    .iter()
                    .map(|member| (*member, canonical.unwrap_or(*member))),
            );
        }
        Ok(elected)
    }

    /// All names that are linked to `index`, directly or not.
    fn component(&self, index: u32) -> Result<Component, EngineError> {
        let mut component = BTreeSet::from([index]);
        let mut links = Vec::new();
        let mut waiting = vec![index];
        while let Some(next) = waiting.pop() {
            let prefix = keys::aliases_of(AssetIndex::new(next));
            for item in self.txn.reader().scan(&prefix) {
                let (key, _) = item?;
                let (Some(other), Some((link, owner))) =
                    (keys::parse_alias(&key), keys::parse_link(&key))
                else {
                    continue;
                };
                if component.insert(other.get()) {
                    waiting.push(other.get());
                }
                if owner == next {
                    links.push((next, other.get(), link));
                }
            }
        }
        Ok(Component {
            members: component,
            links,
        })
    }

    /// A bare name is what folding says, unless a dataset is declared whose quotes it may have dropped: then it is that
    /// one, and if what folding says is declared too, nobody can tell.
    fn unite_bare(
        &self,
        classes: &mut Classes,
        links: &[(u32, u32, Link)],
    ) -> Result<(), EngineError> {
        let mut candidates: BTreeMap<u32, (Option<u32>, Option<u32>)> = BTreeMap::new();
        for (bare, candidate, link) in links {
            match link {
                Link::Folded => candidates.entry(*bare).or_default().0 = Some(*candidate),
                Link::Quoted => candidates.entry(*bare).or_default().1 = Some(*candidate),
                Link::Asserted | Link::Exact => {}
            }
        }
        let all = classes.all();
        let is_declared = |candidate: Option<u32>| match candidate {
            Some(candidate) => match all.get(&classes.root(candidate)) {
                Some(class) => Ok(self.first_declared(class)?.is_some()),
                None => Ok(false),
            },
            None => Ok::<_, EngineError>(false),
        };
        let mut chosen = Vec::new();
        for (bare, (folded, quoted)) in candidates {
            let choice = match (is_declared(folded)?, is_declared(quoted)?) {
                (_, false) => folded,
                (false, true) => quoted,
                (true, true) => None,
            };
            chosen.extend(choice.map(|choice| (bare, choice)));
        }
        for (bare, candidate) in chosen {
            classes.unite(bare, candidate);
        }
        Ok(())
    }

    /// Aliases that sources assert merge no two datasets that are declared. One between two such says nothing; where others
    /// lead from one to another by way of further names, each name stands for itself.
    fn unite_asserted(
        &self,
        classes: &mut Classes,
        links: &[(u32, u32, Link)],
    ) -> Result<(), EngineError> {
        let mut asserted: Vec<(u32, u32)> = links
            .iter()
            .filter(|(.., link)| *link == Link::Asserted)
            .map(|(one, other, _)| (*one, *other))
            .collect();
        if asserted.is_empty() {
            return Ok(());
        }
        let mut declared = BTreeSet::new();
        for (root, class) in classes.all() {
            let is_dataset = self.kind_of(root) == AssetKind::Dataset;
            if is_dataset && self.first_declared(&class)?.is_some() {
                declared.insert(root);
            }
        }
        let is_declared = |name: u32| declared.contains(&classes.root(name));
        asserted.retain(|(one, other)| !(is_declared(*one) && is_declared(*other)));
        let mut wider = classes.clone();
        for (one, other) in &asserted {
            wider.unite(*one, *other);
        }
        let mut declared_count: BTreeMap<u32, usize> = BTreeMap::new();
        for root in &declared {
            *declared_count.entry(wider.root(*root)).or_default() += 1;
        }
        for (one, other) in asserted {
            if declared_count
                .get(&wider.root(one))
                .is_none_or(|count| *count < 2)
            {
                classes.unite(one, other);
            }
        }
        Ok(())
    }

    fn first_declared(&self, class: &BTreeSet<u32>) -> Result<Option<u32>, EngineError> {
        for member in class {
            if self.is_declared(*member)? {
                return Ok(Some(*member));
            }
        }
        Ok(None)
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

/// Names that are linked, and each link once: its owner, the other end.
struct Component {
    members: BTreeSet<u32>,
    links: Vec<(u32, u32, Link)>,
}

/// Disjoint sets of names; the least of each stands for it while it grows.
#[derive(Clone)]
struct Classes(BTreeMap<u32, u32>);

impl Classes {
    fn new(members: BTreeSet<u32>) -> Self {
        Self(members.into_iter().map(|member| (member, member)).collect())
    }

    fn root(&self, member: u32) -> u32 {
        let mut root = member;
        while let Some(next) = self.0.get(&root).filter(|next| **next != root) {
            root = *next;
        }
        root
    }

    fn unite(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        self.0.insert(one.max(other), one.min(other));
        self.0.insert(one.min(other), one.min(other));
    }

    fn all(&self) -> BTreeMap<u32, BTreeSet<u32>> {
        let mut all: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for member in self.0.keys() {
            all.entry(self.root(*member)).or_default().insert(*member);
        }
        all
    }
}

pub(crate) fn touches(edge: &EdgeRecord, members: &BTreeSet<u32>) -> bool {
    members.contains(&edge.from)
        || members.contains(&edge.to)
        || edge.via.is_some_and(|via| members.contains(&via))
}
