//! What was ever said of an asset: by whom, since and until when, and since and until which offset it was believed.

use std::collections::BTreeSet;

use headwater_model::AssetIndex;
use headwater_record::{Claim, ClaimBody, ClaimKey, ClaimsRecord, EvidenceRecord};
use headwater_store::ScanStep;

use crate::AskError;
use crate::apply::onwards;
use crate::ask::details::AssertionView;
use crate::ask::view::View;
use crate::keys::{self, SlotKey, SlotKind};

/// Claims that are told of one asset at most; the newest ones are.
pub const HISTORY_MAX: usize = 10_000;

/// One claim about an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryView {
    /// What it says, in words.
    pub about: String,
    /// Who said so, since and until when.
    pub assertion: AssertionView,
}

/// One claim, and the offset since which nobody believes it any more.
struct Told {
    slot: SlotKey,
    owner: AssetIndex,
    claim: Claim,
    retracted_at: Option<u64>,
}

impl View {
    /// What was ever said of an asset, and of the edges that end in it: by what is valid first, then by what was
    /// believed first.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn history(&self, asset: AssetIndex) -> Result<Vec<HistoryView>, AskError> {
        let Some(asset) = self.graph().canonical(asset) else {
            return Ok(Vec::new());
        };
        let members = self.classes(&[asset])?.pop().unwrap_or_default();
        let members: Vec<AssetIndex> = members.into_iter().collect();
        let mut told = self.told(&members)?;
        // What a job reads and writes is said of the job, and that a name is another of the other.
        let elsewhere: Vec<AssetIndex> = self.naming(&members)?.into_iter().collect();
        let told_elsewhere = self.told(&elsewhere)?.into_iter();
        told.extend(told_elsewhere.filter(|told| match told.claim.key {
            ClaimKey::Reads(other) | ClaimKey::Writes(other) | ClaimKey::Alias(other) => {
                members.contains(&AssetIndex::new(other))
            }
            _ => false,
        }));
        told.sort_by_key(|told| (told.claim.valid_from, told.claim.asserted_at));
        if told.len() > HISTORY_MAX {
            told.drain(..told.len() - HISTORY_MAX);
        }
        let claims = told.iter().map(|told| {
            let evidence = evidence(&told.claim.body);
            (told.slot, told.owner, told.claim.clone(), evidence)
        });
        let assertions = self.assertions_of(claims.collect())?;
        let mut found = Vec::with_capacity(told.len());
        for (told, mut assertion) in told.iter().zip(assertions) {
            assertion.retracted_at = told.retracted_at;
            found.push(HistoryView {
                about: self.words(told, members.contains(&told.owner))?,
                assertion,
            });
        }
        Ok(found)
    }

    /// Whose claims ever named one of `members` as read, written or another name, `members` left out.
    fn naming(&self, members: &[AssetIndex]) -> Result<BTreeSet<AssetIndex>, AskError> {
        let mut owners = BTreeSet::new();
        let prefixes: Vec<Vec<u8>> = members.iter().map(|of| keys::named_by(*of)).collect();
        self.scan_many(&prefixes, &mut |_, key, _| {
            owners.extend(keys::last_u32(key).map(AssetIndex::new));
            ScanStep::Next
        })?;
        owners.retain(|owner| !members.contains(owner));
        Ok(owners)
    }

    /// Every claim of raw assets that was ever believed.
    fn told(&self, owners: &[AssetIndex]) -> Result<Vec<Told>, AskError> {
        let prefixes: Vec<Vec<u8>> = owners.iter().map(|owner| keys::claims_of(*owner)).collect();
        let mut versions: Vec<Vec<(SlotKey, u64, Vec<u8>)>> = vec![Vec::new(); owners.len()];
        let newest = self.offset();
        self.scan_many(&prefixes, &mut |at, key, part| {
            if let Some((slot, version)) = keys::parse_claims(key)
                && version <= newest
            {
                match versions[at].last_mut() {
                    Some((of, known, bytes)) if *of == slot && *known == version => {
                        bytes.extend_from_slice(part);
                    }
                    _ => versions[at].push((slot, version, part.to_vec())),
                }
            }
            ScanStep::Next
        })?;
        let mut told = Vec::new();
        for (owner, versions) in owners.iter().zip(versions) {
            let offsets: Vec<(SlotKey, u64)> =
                versions.iter().map(|(slot, at, _)| (*slot, *at)).collect();
            for (slot, records) in crate::ask::decode_history(versions)? {
                let of_slot_at = offsets.iter().filter(|(of, _)| *of == slot);
                let offsets: Vec<u64> = of_slot_at.map(|(_, at)| *at).collect();
                told.extend(of_slot(slot, *owner, &records, &offsets));
            }
        }
        Ok(told)
    }

    /// What a claim says, in words; of `is_own`, the asset that is asked for goes without saying.
    fn words(&self, told: &Told, is_own: bool) -> Result<String, AskError> {
        let (owner, key) = (told.owner, &told.claim.key);
        let name = |index: u32| self.reference(AssetIndex::new(index));
        let end = |index: u32, field: &Option<headwater_record::Str>| {
            let field = field.as_deref().unwrap_or("*");
            Ok::<_, AskError>(format!("{}#{field}", name(index)?))
        };
        let via = |via: &Option<u32>| match via {
            Some(job) => Ok::<_, AskError>(format!(" by {}", name(*job)?)),
            None => Ok(String::new()),
        };
        Ok(match key {
            ClaimKey::Entity => match &told.claim.body {
                ClaimBody::Entity(entity) if told.slot.kind == SlotKind::Manual => {
                    match &entity.description {
                        Some(text) => format!("the description is {text:?}"),
                        None => "exists".to_owned(),
                    }
                }
                _ => "exists".to_owned(),
            },
            ClaimKey::Field(field) => format!("has the field {field}"),
            ClaimKey::Attribute { field, key, value } => match field {
                Some(field) => format!("{key} of {field} is {value}"),
                None => format!("{key} is {value}"),
            },
            ClaimKey::Facet(facet) => format!("has the facet {facet}"),
            ClaimKey::Reads(from) => format!("{} reads {}", name(owner.get())?, name(*from)?),
            ClaimKey::Writes(to) => format!("{} writes {}", name(owner.get())?, name(*to)?),
            ClaimKey::Derives { from, via: by } => {
                format!("derives from {}{}", name(*from)?, via(by)?)
            }
            ClaimKey::Follows(from) => format!("follows {}", name(*from)?),
            ClaimKey::FieldDerives {
                to_field,
                from,
                from_field,
                via: by,
            } => format!(
                "{} derives from {}{}",
                to_field.as_deref().unwrap_or("*"),
                end(*from, from_field)?,
                via(by)?
            ),
            ClaimKey::Alias(other) => {
                let other = self.raw_reference(*other);
                if is_own {
                    format!("is also {other}")
                } else {
                    format!("{} is also {other}", self.raw_reference(owner.get()))
                }
            }
            ClaimKey::Selector {
                writes,
                namespace,
                pattern,
            } => format!(
                "{} whatever matches {namespace}/{pattern}",
                if *writes { "writes" } else { "reads" }
            ),
            ClaimKey::OriginsStated { via } => {
                format!("all origins of what {} writes are stated", name(*via)?)
            }
        })
    }

    /// A name as a source wrote it.
    fn raw_reference(&self, index: u32) -> String {
        let raw = self.graph().asset(AssetIndex::new(index));
        raw.map(|raw| crate::reference::text(raw.kind, raw.namespace, raw.name))
            .unwrap_or_default()
    }
}

/// What a slot says, and what it said and took back; versions and their offsets stand newest first.
fn of_slot(
    slot: SlotKey,
    owner: AssetIndex,
    versions: &[ClaimsRecord],
    offsets: &[u64],
) -> Vec<Told> {
    let told = |claim: Claim, retracted_at: Option<u64>| Told {
        slot,
        owner,
        claim,
        retracted_at,
    };
    let mut newer = onwards(versions, i64::MIN);
    let mut all: Vec<Told> = newer
        .iter()
        .cloned()
        .map(|claim| told(claim, None))
        .collect();
    for at in 1..versions.len() {
        let older = onwards(&versions[at..], i64::MIN);
        let is_told = |claim: &&Claim| {
            newer.iter().any(|known| {
                known.key == claim.key
                    && known.valid_from == claim.valid_from
                    && (known.valid_to == claim.valid_to || claim.valid_to.is_none())
            })
        };
        let taken_back = older.iter().filter(|claim| !is_told(claim));
        let retracted_at = offsets.get(at - 1).copied();
        all.extend(taken_back.cloned().map(|claim| told(claim, retracted_at)));
        newer = older;
    }
    all
}

fn evidence(body: &ClaimBody) -> Option<EvidenceRecord> {
    match body {
        ClaimBody::Entity(entity) => entity.evidence.clone(),
        ClaimBody::Edge { evidence }
        | ClaimBody::FieldEdge { evidence, .. }
        | ClaimBody::Alias { evidence, .. } => evidence.clone(),
        ClaimBody::None | ClaimBody::Field { .. } | ClaimBody::Json(_) => None,
    }
}
