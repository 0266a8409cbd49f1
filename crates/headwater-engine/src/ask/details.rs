//! What sources say of one asset: read from the state, for those who ask.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{Direction, FieldIndex};
use headwater_model::{AssetIndex, AssetKind, Digest, EdgeKind, FieldName, Timestamp};
use headwater_record::{
    Claim, ClaimBody, ClaimKey, EvidenceRecord, NameRecord, SlotRecord, Str, decode_value,
};

use crate::AskError;
use crate::apply::{OWNER, TAG, is_owner};
use crate::ask::view::{EdgeView, NodeRef, View, raw_name};
use crate::keys::{self, SlotKey};

/// What in a source says so.
pub type EvidenceView = EvidenceRecord;

/// One source's claim, how long it held, and how long it was believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionView {
    /// The source, by number.
    pub source: u32,
    /// Since when it holds in the world.
    pub valid_from: Timestamp,
    /// Until when; none while it holds.
    pub valid_to: Option<Timestamp>,
    /// The offset since which it is believed.
    pub asserted_at: u64,
    /// The offset since which it no longer is.
    pub retracted_at: Option<u64>,
    /// What says so.
    pub evidence: Option<EvidenceView>,
    /// When the source last said so.
    pub last_seen: Timestamp,
}

/// An owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnerView {
    /// Who.
    pub name: Str,
    /// As what, if anybody said.
    pub r#type: Option<Str>,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagView {
    /// The tag.
    pub name: Str,
    /// Its value, if it has one.
    pub value: Option<Str>,
    /// The sources that put it there, by number.
    pub sources: Vec<u32>,
}

/// A field of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldView {
    /// Its name.
    pub name: Str,
    /// Its data type.
    pub r#type: Option<Str>,
    /// For a person to read.
    pub description: Option<Str>,
    /// Its tags.
    pub tags: Vec<TagView>,
}

/// Another name of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasView {
    /// Where it lives under that name.
    pub namespace: Str,
    /// That name.
    pub name: Str,
    /// The rule that linked it, in words.
    pub reason: Str,
    /// Who says so, by number.
    pub source: Option<u32>,
}

/// What sources say of one asset.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// For a person to read.
    pub description: Option<Str>,
    /// Where a person can look at it.
    pub url: Option<Str>,
    /// Its owners.
    pub owners: Vec<OwnerView>,
    /// Its tags.
    pub tags: Vec<TagView>,
    /// When any source first said that it exists.
    pub first_seen: Option<Timestamp>,
    /// When any source last said so.
    pub last_seen: Option<Timestamp>,
    /// When the last source that asserted it stopped doing so; none while one does.
    pub retired_at: Option<Timestamp>,
    /// Who says that it exists.
    pub asserted_by: Vec<AssertionView>,
    /// Facets that nobody interpreted: name and JSON.
    pub facets: BTreeMap<Str, Str>,
    /// Its fields, in the order of the source that counts most.
    pub fields: Vec<FieldView>,
    /// The SQL that a job runs.
    pub sql: Option<Str>,
    /// The job that a job is a part of.
    pub parent: Option<AssetIndex>,
    /// Its other names.
    pub aliases: Vec<AliasView>,
}

/// One open claim, and what decides which of several counts.
struct Said {
    slot: SlotKey,
    claim: Claim,
    rank: (u8, i64, std::cmp::Reverse<String>),
}

impl View {
    /// Everything that is said of an asset.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn details(&self, index: AssetIndex) -> Result<Details, AskError> {
        let Some(asset) = self.graph().canonical(index) else {
            return Ok(Details::default());
        };
        let members = self.members(asset)?;
        let mut details = Details::default();
        let mut said = Vec::new();
        for member in &members {
            self.read_member(*member, &mut said, &mut details)?;
        }
        // The word that counts most comes last.
        said.sort_by(|a, b| a.rank.cmp(&b.rank));
        self.read_entity(&said, &mut details)?;
        self.read_fields(asset, &said, &mut details);
        read_attributes(&said, &mut details);
        for one in &said {
            if let (ClaimKey::Facet(name), ClaimBody::Json(json)) =
                (&one.claim.key, &one.claim.body)
            {
                details.facets.insert(name.clone(), json.clone());
            }
        }
        self.read_aliases(asset, &members, &mut details)?;
        Ok(details)
    }

    /// The raw names that are one asset with `canonical`.
    pub(crate) fn members(&self, canonical: AssetIndex) -> Result<BTreeSet<AssetIndex>, AskError> {
        let mut members = BTreeSet::from([canonical]);
        let mut waiting = vec![canonical];
        while let Some(next) = waiting.pop() {
            for item in self.reader().scan(&keys::aliases_of(next)) {
                if let Some(other) = keys::parse_alias(&item?.0)
                    && self.graph().canonical(other) == Some(canonical)
                    && members.insert(other)
                {
                    waiting.push(other);
                }
            }
        }
        Ok(members)
    }

    fn read_member(
        &self,
        member: AssetIndex,
        said: &mut Vec<Said>,
        details: &mut Details,
    ) -> Result<(), AskError> {
        if let Some(raw) = self.graph().asset(member)
            && let Some(name) = raw_name(raw.kind, raw.namespace, raw.name)
            && let Some(bytes) = self.reader().get(&keys::name(&name))?
        {
            let record: NameRecord = decode_value("a name", &bytes)?;
            let first = Timestamp::from_micros(record.first_seen);
            details.first_seen = Some(details.first_seen.map_or(first, |seen| seen.min(first)));
        }
        let mut ended: Option<i64> = None;
        for (slot, record) in self.reader().claims(member, self.published.offset)? {
            for claim in &record.closed {
                if claim.key == ClaimKey::Entity {
                    ended = ended.max(claim.valid_to);
                }
            }
            let source = self.source_by_number(slot.source);
            let rank = source.as_ref().map_or(0, crate::SourceState::rank);
            let name = source
                .map(|source| source.key.to_string())
                .unwrap_or_default();
            said.extend(record.open.into_iter().map(|claim| Said {
                slot,
                rank: (rank, claim.valid_from, std::cmp::Reverse(name.clone())),
                claim,
            }));
        }
        details.retired_at = details.retired_at.max(ended.map(Timestamp::from_micros));
        Ok(())
    }

    fn read_entity(&self, said: &[Said], details: &mut Details) -> Result<(), AskError> {
        for one in said {
            let ClaimBody::Entity(entity) = &one.claim.body else {
                continue;
            };
            details.description = entity
                .description
                .clone()
                .or_else(|| details.description.take());
            details.sql = entity.sql.clone().or_else(|| details.sql.take());
            let parent = entity
                .parent
                .and_then(|p| self.graph().canonical(AssetIndex::new(p)));
            details.parent = parent.or(details.parent);
            let assertion = self.assertion(one, entity.evidence.clone())?;
            details.last_seen = details.last_seen.max(Some(assertion.last_seen));
            details.asserted_by.push(assertion);
        }
        details.asserted_by.reverse();
        if details.asserted_by.is_empty() {
            details.last_seen = details.retired_at.or(details.first_seen);
        } else {
            details.retired_at = None;
        }
        Ok(())
    }

    fn assertion(
        &self,
        said: &Said,
        evidence: Option<EvidenceRecord>,
    ) -> Result<AssertionView, AskError> {
        self.assertion_of(said.slot, &said.claim, evidence)
    }

    pub(crate) fn assertion_of(
        &self,
        slot: SlotKey,
        claim: &Claim,
        evidence: Option<EvidenceRecord>,
    ) -> Result<AssertionView, AskError> {
        Ok(AssertionView {
            source: slot.source,
            valid_from: Timestamp::from_micros(claim.valid_from),
            valid_to: claim.valid_to.map(Timestamp::from_micros),
            asserted_at: claim.asserted_at,
            retracted_at: None,
            evidence,
            last_seen: self.last_seen(slot, claim.valid_from)?,
        })
    }

    /// When a slot last spoke.
    fn last_seen(&self, slot: SlotKey, at_least: i64) -> Result<Timestamp, AskError> {
        let seen = match self.reader().get_parts(&keys::slot(slot))? {
            Some(bytes) => match decode_value("a slot", &bytes)? {
                SlotRecord::Snapshot(slot) => slot.last_seen,
                SlotRecord::Static(slot) => slot.time,
                SlotRecord::Runs(slot) => slot.last_seen,
            },
            None => at_least,
        };
        Ok(Timestamp::from_micros(seen.max(at_least)))
    }

    fn read_fields(&self, asset: AssetIndex, said: &[Said], details: &mut Details) {
        let mut fields: BTreeMap<Str, (u32, FieldView)> = BTreeMap::new();
        for one in said {
            let (
                ClaimKey::Field(name),
                ClaimBody::Field {
                    position,
                    r#type,
                    description,
                },
            ) = (&one.claim.key, &one.claim.body)
            else {
                continue;
            };
            let (place, field) = fields.entry(name.clone()).or_insert_with(|| {
                let field = FieldView {
                    name: name.clone(),
                    r#type: None,
                    description: None,
                    tags: Vec::new(),
                };
                (0, field)
            });
            *place = *position;
            field.r#type = r#type.clone().or_else(|| field.r#type.take());
            field.description = description.clone().or_else(|| field.description.take());
        }
        let mut tags = tags(said);
        for (name, (_, field)) in &mut fields {
            field.tags = tags.remove(&Some(name.clone())).unwrap_or_default();
        }
        let mut fields: Vec<(u32, FieldView)> = fields.into_values().collect();
        fields.sort_by(|(a, x), (b, y)| (a, &x.name).cmp(&(b, &y.name)));
        details.fields = fields.into_iter().map(|(_, field)| field).collect();
        self.read_fields_of_edges(asset, details);
    }

    /// Fields that nobody lists and that an edge ends in, by name.
    fn read_fields_of_edges(&self, asset: AssetIndex, details: &mut Details) {
        let graph = self.graph();
        let mut names: BTreeSet<&str> = graph
            .fields_of(asset)
            .filter(|field| self.has_field_edges(*field))
            .filter_map(|field| graph.field(field)?.name)
            .collect();
        for field in &details.fields {
            names.remove(&*field.name);
        }
        details
            .fields
            .extend(names.into_iter().map(|name| FieldView {
                name: name.into(),
                r#type: None,
                description: None,
                tags: Vec::new(),
            }));
    }

    fn has_field_edges(&self, field: FieldIndex) -> bool {
        [Direction::Upstream, Direction::Downstream]
            .into_iter()
            .any(|direction| self.graph().field_edges(field, direction).next().is_some())
    }

    fn read_aliases(
        &self,
        asset: AssetIndex,
        members: &BTreeSet<AssetIndex>,
        details: &mut Details,
    ) -> Result<(), AskError> {
        if members.len() == 1 {
            return Ok(());
        }
        let mut reasons: BTreeMap<u32, (Str, u32)> = BTreeMap::new();
        for member in members {
            for (slot, record) in self.reader().claims(*member, self.published.offset)? {
                for claim in record.open {
                    if let (ClaimKey::Alias(other), ClaimBody::Alias { reason, .. }) =
                        (claim.key, claim.body)
                    {
                        reasons.insert(other, (reason.clone(), slot.source));
                        reasons.entry(member.get()).or_insert((reason, slot.source));
                    }
                }
            }
        }
        for member in members.iter().filter(|member| **member != asset) {
            if let Some(raw) = self.graph().asset(*member) {
                let (reason, source) = match reasons.get(&member.get()) {
                    Some((reason, source)) => (reason.clone(), Some(*source)),
                    None => ("an alias of an alias".into(), None),
                };
                details.aliases.push(AliasView {
                    namespace: raw.namespace.into(),
                    name: raw.name.into(),
                    reason,
                    source,
                });
            }
        }
        Ok(())
    }

    /// True for an edge of a dataset to itself that nobody states: it stands for "all origins are stated", and is not
    /// shown. An edge that can't be looked up is shown.
    pub(crate) fn only_closes_a_way(&self, edge: &EdgeView) -> bool {
        if edge.from != edge.to || edge.kind != EdgeKind::Derives || edge.via.is_none() {
            return false;
        }
        self.is_stated_of_itself(edge)
            .is_ok_and(|is_stated| !is_stated)
    }

    fn is_stated_of_itself(&self, edge: &EdgeView) -> Result<bool, AskError> {
        let canonical = |index: u32| self.graph().canonical(AssetIndex::new(index));
        for member in self.members(edge.to)? {
            for (_, record) in self.reader().claims(member, self.published.offset)? {
                let is_it = record.open.iter().any(|claim| match claim.key {
                    ClaimKey::Derives { from, via } => {
                        canonical(from) == Some(edge.from) && via.and_then(canonical) == edge.via
                    }
                    _ => false,
                });
                if is_it {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Who asserts an edge.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn edge_assertions(&self, edge: &EdgeView) -> Result<Vec<AssertionView>, AskError> {
        let owner = match edge.kind {
            EdgeKind::Writes => edge.from,
            EdgeKind::Reads | EdgeKind::Derives | EdgeKind::Follows => edge.to,
        };
        let canonical = |index: u32| self.graph().canonical(AssetIndex::new(index));
        let mut assertions = Vec::new();
        for member in self.members(owner)? {
            for (slot, record) in self.reader().claims(member, self.published.offset)? {
                for claim in record.open {
                    let is_it = match claim.key {
                        ClaimKey::Reads(from) => {
                            edge.kind == EdgeKind::Reads && canonical(from) == Some(edge.from)
                        }
                        ClaimKey::Writes(to) => {
                            edge.kind == EdgeKind::Writes && canonical(to) == Some(edge.to)
                        }
                        ClaimKey::Derives { from, via } => {
                            edge.kind == EdgeKind::Derives
                                && canonical(from) == Some(edge.from)
                                && via.and_then(canonical) == edge.via
                        }
                        ClaimKey::Follows(from) => {
                            edge.kind == EdgeKind::Follows && canonical(from) == Some(edge.from)
                        }
                        _ => false,
                    };
                    let ClaimBody::Edge { evidence } = claim.body.clone() else {
                        continue;
                    };
                    if is_it {
                        let said = Said {
                            slot,
                            claim,
                            rank: (0, 0, std::cmp::Reverse(String::new())),
                        };
                        assertions.push(self.assertion(&said, evidence)?);
                    }
                }
            }
        }
        assertions.sort_by_key(|assertion| (assertion.asserted_at, assertion.source));
        if assertions.is_empty()
            && edge.kind == EdgeKind::Derives
            && let Some(job) = edge.via
        {
            // The way through a job is asserted by whoever says that the job reads its beginning.
            return self.edge_assertions(&EdgeView {
                from: edge.from,
                to: job,
                kind: EdgeKind::Reads,
                via: None,
            });
        }
        Ok(assertions)
    }

    pub(crate) fn has_field(&self, asset: AssetIndex, field: &FieldName) -> Result<bool, AskError> {
        if self.graph().kind(asset) != Some(AssetKind::Dataset) {
            return Ok(false);
        }
        let known = self.graph().find_field(asset, Some(field.as_str()));
        if known.is_some_and(|known| self.has_field_edges(known)) {
            return Ok(true);
        }
        for member in self.members(asset)? {
            for (_, record) in self.reader().claims(member, self.published.offset)? {
                let names = record.open.iter().any(|claim| match &claim.key {
                    ClaimKey::Field(name) => **name == *field.as_str(),
                    _ => false,
                });
                if names {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The stable public id of a field: that of its dataset, and a digest of its name.
    pub fn field_id(&self, dataset: AssetIndex, name: &str) -> Option<String> {
        let dataset = self.id(dataset)?.to_string();
        let digest = Digest::of(name.as_bytes()).to_string();
        Some(format!(
            "fld_{}_{}",
            dataset.trim_start_matches("ds_"),
            &digest[..16]
        ))
    }

    pub(crate) fn field_by_id(&self, id: &str) -> Result<Option<NodeRef>, AskError> {
        let Some((dataset, digest)) = id
            .strip_prefix("fld_")
            .and_then(|rest| rest.split_once('_'))
        else {
            return Ok(None);
        };
        let Ok(dataset) = headwater_model::AssetId::parse(&format!("ds_{dataset}")) else {
            return Ok(None);
        };
        let Some(dataset) = self.by_id(&dataset)? else {
            return Ok(None);
        };
        let fields = self.details(dataset)?.fields;
        let named = fields.iter().find(|field| {
            Digest::of(field.name.as_bytes())
                .to_string()
                .starts_with(digest)
                && digest.len() == 16
        });
        Ok(named
            .and_then(|field| Some(NodeRef::Field(dataset, FieldName::parse(&field.name).ok()?))))
    }
}

fn read_attributes(said: &[Said], details: &mut Details) {
    let mut owners = BTreeSet::new();
    for one in said {
        if let ClaimKey::Attribute {
            field: None,
            key,
            value,
        } = &one.claim.key
        {
            match &**key {
                "url" => details.url = Some(value.clone()),
                key if is_owner(key) => {
                    owners.insert(OwnerView {
                        name: value.clone(),
                        r#type: key
                            .strip_prefix(OWNER)
                            .and_then(|rest| rest.strip_prefix('.'))
                            .map(Into::into),
                    });
                }
                _ => {}
            }
        }
    }
    details.owners = owners.into_iter().collect();
    details.tags = tags(said).remove(&None).unwrap_or_default();
}

/// Tags of the asset, and of each of its fields.
fn tags(said: &[Said]) -> BTreeMap<Option<Str>, Vec<TagView>> {
    let mut found: BTreeMap<(Option<Str>, Str), BTreeSet<u32>> = BTreeMap::new();
    for one in said {
        if let ClaimKey::Attribute { field, key, value } = &one.claim.key
            && &**key == TAG
        {
            let sources = found.entry((field.clone(), value.clone())).or_default();
            sources.insert(one.slot.source);
        }
    }
    let mut tags: BTreeMap<Option<Str>, Vec<TagView>> = BTreeMap::new();
    for ((field, tag), sources) in found {
        let (name, value) = match tag.split_once('=') {
            Some((name, value)) => (name.into(), Some(value.into())),
            None => (tag.clone(), None),
        };
        tags.entry(field).or_default().push(TagView {
            name,
            value,
            sources: sources.into_iter().collect(),
        });
    }
    tags
}
