//! What sources say of one asset: read from the state, for those who ask.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{Direction, FieldIndex};
use headwater_model::{AssetIndex, AssetKind, Digest, FieldName, Timestamp};
use headwater_record::{
    Claim, ClaimBody, ClaimKey, ClaimsRecord, EvidenceRecord, ManualWord, NameRecord, SlotRecord,
    Str, decode_value,
};

use crate::AskError;
use crate::apply::{OWNER, TAG, is_owner};
use crate::ask::batch::ClassClaims;
use crate::ask::edges::Asserting;
use crate::ask::view::{NodeRef, View};
use crate::keys::{self, SlotKey, SlotKind};

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
    /// What else there is to say of the evidence.
    pub note: Option<Str>,
    /// The slot that says so, the raw asset, and what it says of it.
    pub(crate) claim: (SlotKey, AssetIndex, ClaimKey),
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
    /// What else is said of it, by key and value.
    pub attributes: Vec<AttributeView>,
}

/// What sources say of an asset or a field under a key of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeView {
    /// What is said, such as `classification`.
    pub key: Str,
    /// What of it.
    pub value: Str,
    /// Who says so, by number.
    pub sources: Vec<u32>,
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
    /// What people call it.
    pub label: Option<Str>,
    /// For a person to read.
    pub description: Option<Str>,
    /// Where a person can look at it.
    pub url: Option<Str>,
    /// What it says of the data product that it is a part of.
    pub product_description: Option<Str>,
    /// Its owners.
    pub owners: Vec<OwnerView>,
    /// Its tags.
    pub tags: Vec<TagView>,
    /// What else is said of it, by key and value.
    pub attributes: Vec<AttributeView>,
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
    owner: AssetIndex,
    claim: Claim,
    rank: (u8, i64, std::cmp::Reverse<String>),
}

/// Whether what a slot says of an asset declares it.
pub(crate) fn declares(record: &ClaimsRecord) -> bool {
    record
        .open
        .iter()
        .any(|claim| matches!(&claim.body, ClaimBody::Entity(entity) if entity.is_declared))
}

/// What slots say of the raw names of one asset, and what is needed to read it.
struct Reading<'a> {
    claims: ClassClaims,
    /// When raw names were first seen.
    first_seen: Option<i64>,
    /// When slots last spoke.
    spoken: &'a BTreeMap<SlotKey, Spoken>,
}

/// When a slot last spoke; of one that a person fills, what was said in it, as far as the view knows.
pub(crate) struct Spoken {
    last: i64,
    words: Vec<ManualWord>,
}

impl View {
    /// Everything that is said of an asset.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn details(&self, index: AssetIndex) -> Result<Details, AskError> {
        Ok(self.details_many(&[index])?.pop().unwrap_or_default())
    }

    /// Everything that is said of each of `indexes`, in their order. How often the state is called does not depend on
    /// how many there are.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn details_many(&self, indexes: &[AssetIndex]) -> Result<Vec<Details>, AskError> {
        let known: Vec<Option<AssetIndex>> = indexes
            .iter()
            .map(|index| self.graph().canonical(*index))
            .collect();
        let canonicals: Vec<AssetIndex> = known.iter().flatten().copied().collect();
        let classes = self.class_claims(&canonicals)?;
        let first_seen = self.first_seen(&classes)?;
        let slots = classes.iter().flatten().flat_map(|(_, claims)| claims);
        let spoken = self.spoken(slots.map(|(slot, _)| *slot).collect())?;
        let mut found = Vec::with_capacity(canonicals.len());
        for ((asset, claims), first_seen) in canonicals.iter().zip(classes).zip(first_seen) {
            let reading = Reading {
                claims,
                first_seen,
                spoken: &spoken,
            };
            found.push(self.read(*asset, reading)?);
        }
        self.read_ends(&canonicals, &mut found)?;
        let mut found = found.into_iter();
        Ok(known
            .iter()
            .map(|known| known.and_then(|_| found.next()).unwrap_or_default())
            .collect())
    }

    fn read(&self, asset: AssetIndex, reading: Reading<'_>) -> Result<Details, AskError> {
        let mut details = Details {
            first_seen: reading.first_seen.map(Timestamp::from_micros),
            ..Details::default()
        };
        let members: BTreeSet<AssetIndex> =
            reading.claims.iter().map(|(member, _)| *member).collect();
        let mut said = Vec::new();
        for (member, claims) in reading.claims {
            for (slot, record) in claims {
                let source = self.source_by_number(slot.source);
                let rank = source.as_ref().map_or(0, crate::SourceState::rank);
                // Who declares an asset knows more of it than who merely mentions it.
                let rank = rank + 4 * u8::from(declares(&record));
                let name = source
                    .map(|source| source.key.to_string())
                    .unwrap_or_default();
                said.extend(record.open.into_iter().map(|claim| Said {
                    slot,
                    owner: member,
                    rank: (rank, claim.valid_from, std::cmp::Reverse(name.clone())),
                    claim,
                }));
            }
        }
        // The word that counts most comes last.
        said.sort_by(|a, b| a.rank.cmp(&b.rank));
        self.read_entity(&said, reading.spoken, &mut details);
        read_fields(&said, &mut details);
        self.read_fields_of_edges(asset, &mut details);
        read_attributes(&said, &mut details);
        for one in &said {
            if let (ClaimKey::Facet(name), ClaimBody::Json(json)) =
                (&one.claim.key, &one.claim.body)
            {
                details.facets.insert(name.clone(), json.clone());
            }
        }
        self.read_aliases(asset, &members, &said, &mut details)?;
        Ok(details)
    }

    /// When any raw name of each class was first seen.
    fn first_seen(&self, classes: &[ClassClaims]) -> Result<Vec<Option<i64>>, AskError> {
        let mut of_class = Vec::new();
        let mut keys = Vec::new();
        for (at, class) in classes.iter().enumerate() {
            for (member, _) in class {
                if let Some(key) = self.name_key(*member)? {
                    of_class.push(at);
                    keys.push(key);
                }
            }
        }
        let mut first_seen: Vec<Option<i64>> = vec![None; classes.len()];
        for (at, value) in of_class.into_iter().zip(self.get_many(&keys)?) {
            if let Some(bytes) = value {
                let record: NameRecord = decode_value("a name", &bytes)?;
                let first = record.first_seen;
                first_seen[at] = Some(first_seen[at].map_or(first, |seen| seen.min(first)));
            }
        }
        Ok(first_seen)
    }

    /// When those slots last spoke.
    fn spoken(&self, slots: BTreeSet<SlotKey>) -> Result<BTreeMap<SlotKey, Spoken>, AskError> {
        let prefixes: Vec<Vec<u8>> = slots.iter().map(|slot| keys::slot(*slot)).collect();
        let mut spoken = BTreeMap::new();
        for (slot, value) in slots.into_iter().zip(self.get_parts_many(&prefixes)?) {
            if let Some(bytes) = value {
                let mut words = Vec::new();
                let last = match decode_value("a slot", &bytes)? {
                    SlotRecord::Snapshot(slot) => slot.last_seen,
                    SlotRecord::Static(slot) => slot.time,
                    SlotRecord::Runs(slot) => slot.last_seen,
                    SlotRecord::Manual(slot) => {
                        words = slot.words;
                        words.retain(|word| word.offset <= self.offset());
                        words.last().map_or(i64::MIN, |word| word.time)
                    }
                };
                spoken.insert(slot, Spoken { last, words });
            }
        }
        Ok(spoken)
    }

    /// When those that nobody asserts any more ceased to be.
    fn read_ends(&self, assets: &[AssetIndex], details: &mut [Details]) -> Result<(), AskError> {
        let retired: Vec<usize> = (0..assets.len())
            .filter(|at| details[*at].asserted_by.is_empty())
            .collect();
        let canonicals: Vec<AssetIndex> = retired.iter().map(|at| assets[*at]).collect();
        if canonicals.is_empty() {
            return Ok(());
        }
        let classes = self.classes(&canonicals)?;
        let members: Vec<AssetIndex> = classes.iter().flatten().copied().collect();
        let mut ends = self.ends_of_entities(&members)?.into_iter();
        for (at, class) in retired.into_iter().zip(&classes) {
            let end = ends.by_ref().take(class.len()).flatten().max();
            let of_asset = &mut details[at];
            of_asset.retired_at = end.map(Timestamp::from_micros);
            of_asset.last_seen = of_asset.retired_at.or(of_asset.first_seen);
        }
        Ok(())
    }

    fn read_entity(
        &self,
        said: &[Said],
        spoken: &BTreeMap<SlotKey, Spoken>,
        details: &mut Details,
    ) {
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
            let assertion = assertion(one, entity.evidence.clone(), spoken);
            details.last_seen = details.last_seen.max(Some(assertion.last_seen));
            details.asserted_by.push(assertion);
        }
        details.asserted_by.reverse();
    }

    fn read_aliases(
        &self,
        asset: AssetIndex,
        members: &BTreeSet<AssetIndex>,
        said: &[Said],
        details: &mut Details,
    ) -> Result<(), AskError> {
        let mut reasons: BTreeMap<u32, (Str, u32)> = BTreeMap::new();
        for one in said {
            if let (ClaimKey::Alias(other), ClaimBody::Alias { reason, .. }) =
                (&one.claim.key, &one.claim.body)
            {
                let reason = (reason.clone(), one.slot.source);
                reasons.insert(*other, reason.clone());
                reasons.entry(one.owner.get()).or_insert(reason);
            }
        }
        for member in members.iter().filter(|member| **member != asset) {
            if let Some(raw) = self.graph().asset(*member) {
                let by_rule = self.rule_for(*member, asset)?;
                let (reason, source) = match (by_rule, reasons.get(&member.get())) {
                    (Some(reason), _) => (reason, None),
                    (None, Some((reason, source))) => (reason.clone(), Some(*source)),
                    (None, None) => ("an alias of an alias".into(), None),
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

    pub(crate) fn has_field(&self, asset: AssetIndex, field: &FieldName) -> Result<bool, AskError> {
        if self.graph().kind(asset) != Some(AssetKind::Dataset) {
            return Ok(false);
        }
        let known = self.graph().find_field(asset, Some(field.as_str()));
        if known.is_some_and(|known| self.has_field_edges(known)) {
            return Ok(true);
        }
        for (_, claims) in self.class_claims(&[asset])?.pop().unwrap_or_default() {
            for (_, record) in claims {
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
                attributes: Vec::new(),
            }));
    }

    fn has_field_edges(&self, field: FieldIndex) -> bool {
        [Direction::Upstream, Direction::Downstream]
            .into_iter()
            .any(|direction| self.graph().field_edges(field, direction).next().is_some())
    }

    /// Who asserts what each of some claims says.
    pub(crate) fn assertions_of(
        &self,
        claims: Vec<Asserting>,
    ) -> Result<Vec<AssertionView>, AskError> {
        let spoken = self.spoken(claims.iter().map(|(slot, ..)| *slot).collect())?;
        let of = |(slot, owner, claim, evidence)| {
            let said = Said {
                slot,
                owner,
                claim,
                rank: (0, 0, std::cmp::Reverse(String::new())),
            };
            assertion(&said, evidence, &spoken)
        };
        Ok(claims.into_iter().map(of).collect())
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

fn assertion(
    said: &Said,
    evidence: Option<EvidenceRecord>,
    spoken: &BTreeMap<SlotKey, Spoken>,
) -> AssertionView {
    let valid_from = said.claim.valid_from;
    let spoken = spoken.get(&said.slot);
    let seen = spoken.map_or(valid_from, |spoken| spoken.last);
    AssertionView {
        source: said.slot.source,
        valid_from: Timestamp::from_micros(valid_from),
        valid_to: said.claim.valid_to.map(Timestamp::from_micros),
        asserted_at: said.claim.asserted_at,
        retracted_at: None,
        evidence,
        last_seen: Timestamp::from_micros(seen.max(valid_from)),
        note: match said.slot.kind {
            SlotKind::Snapshot => None,
            SlotKind::Runs => Some("a run event says so".into()),
            SlotKind::Job => Some("a job event says so".into()),
            SlotKind::Dataset => Some("a dataset event says so".into()),
            SlotKind::Manual => spoken.and_then(|spoken| words_of(&said.claim, &spoken.words)),
        },
        claim: (said.slot, said.owner, said.claim.key.clone()),
    }
}

/// Who asserted a claim and why, and who took it back.
fn words_of(claim: &Claim, words: &[ManualWord]) -> Option<Str> {
    let said = |word: &ManualWord| format!("{}: {}", word.author, word.reason);
    let asserted = words
        .iter()
        .find(|word| !word.is_retraction && word.time == claim.valid_from)?;
    let mut note = format!("asserted by {}", said(asserted));
    let retracted = words
        .iter()
        .find(|word| word.is_retraction && Some(word.time) == claim.valid_to);
    if let Some(retracted) = retracted {
        note = format!(
            "{note}; retracted at offset {} by {}",
            retracted.offset,
            said(retracted)
        );
    }
    Some(note.into())
}

fn read_fields(said: &[Said], details: &mut Details) {
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
                attributes: Vec::new(),
            };
            (0, field)
        });
        *place = *position;
        field.r#type = r#type.clone().or_else(|| field.r#type.take());
        field.description = description.clone().or_else(|| field.description.take());
    }
    let mut attributes = attributes(said);
    for (name, (_, field)) in &mut fields {
        let of_field = attributes.remove(&Some(name.clone())).unwrap_or_default();
        (field.tags, field.attributes) = tags_apart(of_field);
    }
    let mut fields: Vec<(u32, FieldView)> = fields.into_values().collect();
    fields.sort_by(|(a, x), (b, y)| (a, &x.name).cmp(&(b, &y.name)));
    details.fields = fields.into_iter().map(|(_, field)| field).collect();
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
                "label" => details.label = Some(value.clone()),
                "url" => details.url = Some(value.clone()),
                "data-product-description" => details.product_description = Some(value.clone()),
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
    let of_asset = attributes(said).remove(&None).unwrap_or_default();
    (details.tags, details.attributes) = tags_apart(of_asset);
}

/// What is said under keys of the asset, and of each of its fields; owners have a list of their own.
fn attributes(said: &[Said]) -> BTreeMap<Option<Str>, Vec<AttributeView>> {
    /// Who says it, by key and value.
    type Sources = BTreeMap<(Str, Str), BTreeSet<u32>>;
    let mut found: BTreeMap<Option<Str>, Sources> = BTreeMap::new();
    for one in said {
        if let ClaimKey::Attribute { field, key, value } = &one.claim.key
            && !is_owner(key)
        {
            let of_field = found.entry(field.clone()).or_default();
            let sources = of_field.entry((key.clone(), value.clone())).or_default();
            sources.insert(one.slot.source);
        }
    }
    let listed = found.into_iter().map(|(field, attributes)| {
        let attributes = attributes.into_iter();
        let attributes = attributes.map(|((key, value), sources)| AttributeView {
            key,
            value,
            sources: sources.into_iter().collect(),
        });
        (field, attributes.collect())
    });
    listed.collect()
}

/// Tags are attributes that have a list of their own, too.
fn tags_apart(attributes: Vec<AttributeView>) -> (Vec<TagView>, Vec<AttributeView>) {
    let (tags, others): (Vec<_>, Vec<_>) =
        (attributes.into_iter()).partition(|attribute| &*attribute.key == TAG);
    let tags = tags.into_iter().map(|tag| {
        let (name, value) = match tag.value.split_once('=') {
            Some((name, value)) => (name.into(), Some(value.into())),
            None => (tag.value.clone(), None),
        };
        TagView {
            name,
            value,
            sources: tag.sources,
        }
    });
    (tags.collect(), others)
}
