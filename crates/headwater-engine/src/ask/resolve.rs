//! Turning references into assets, and saying how.

use std::collections::BTreeSet;

use headwater_model::{
    AssetId, AssetIndex, AssetKind, AssetName, DomainName, FieldName, QualifiedName, SourceKey,
};

use crate::AskError;
use crate::ask::view::{NodeRef, View};
use crate::ask::walks::Root;
use crate::keys;
use crate::reference::{self, Reference};

/// Candidates that are shown of an ambiguous reference.
const CANDIDATES_MAX: usize = 20;
/// Names with one last segment that are looked at for a unique ending.
const ENDINGS_MAX: usize = 10_000;

/// How a reference was turned into an asset, or why it was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// The asset; none if there is none or there are several.
    pub asset: Option<AssetIndex>,
    /// The field of it that was named.
    pub field: Option<FieldName>,
    /// The rules that applied, in order, in words.
    pub steps: Vec<String>,
    /// More than one if the reference is ambiguous.
    pub candidates: Vec<AssetIndex>,
}

impl View {
    /// The one asset that a reference names.
    ///
    /// # Errors
    /// [`AskError::BadReference`], [`AskError::NotFound`], [`AskError::Ambiguous`] name the reference.
    pub fn require(&self, of: &Reference) -> Result<AssetIndex, AskError> {
        self.require_root(of).map(|root| root.asset)
    }

    /// The one asset that a reference names, and the field of it if it names one.
    ///
    /// # Errors
    /// As [`View::require`].
    pub fn require_root(&self, of: &Reference) -> Result<Root, AskError> {
        let resolution = self.resolve(of)?;
        if let Some(asset) = resolution.asset {
            return Ok(Root {
                asset,
                field: resolution.field,
            });
        }
        let text = shown(of);
        if resolution.candidates.len() > 1 {
            let candidates = resolution
                .candidates
                .iter()
                .map(|candidate| self.reference(*candidate))
                .collect::<Result<_, _>>()?;
            return Err(AskError::Ambiguous {
                reference: text,
                candidates,
            });
        }
        Err(AskError::NotFound { reference: text })
    }

    /// Turns a reference into an asset, step by step.
    ///
    /// # Errors
    /// [`AskError::BadReference`] if it can't be one at all.
    pub fn resolve(&self, of: &Reference) -> Result<Resolution, AskError> {
        match of {
            Reference::Name { asset, field } => {
                let mut resolution = Resolution::default();
                resolution
                    .steps
                    .push(format!("{asset} is looked up as it is written"));
                let mut found = self.means(asset)?;
                if found.is_empty() {
                    let by_rules = self.by_rules(asset)?;
                    found.extend(by_rules.found);
                    if !found.is_empty() {
                        resolution
                            .steps
                            .push("nothing has that name as it is written".into());
                        let steps = by_rules.steps.iter().map(ToString::to_string);
                        resolution.steps.extend(steps);
                    }
                } else {
                    self.explain(asset, &found, &mut resolution)?;
                }
                let found: Vec<AssetIndex> = found.into_iter().collect();
                self.conclude(&mut resolution, &found, field.clone())?;
                Ok(resolution)
            }
            Reference::Text(text) => self.resolve_text(text),
        }
    }

    fn resolve_text(&self, text: &str) -> Result<Resolution, AskError> {
        let bad = |reason: &str| AskError::BadReference {
            reference: text.chars().take(200).collect(),
            reason: reason.to_owned(),
        };
        if text.trim().is_empty() {
            return Err(bad("it is empty"));
        }
        if text.len() > Reference::BYTES_MAX {
            return Err(bad("it is longer than 8192 bytes"));
        }
        let mut resolution = Resolution::default();
        if self.resolve_whole(text, None, &mut resolution)? {
            return Ok(resolution);
        }
        if let Some((before, field)) = text.rsplit_once('#') {
            let plain = reference::unescaped(field).unwrap_or_else(|| field.to_owned());
            let field = FieldName::parse(&plain)
                .map_err(|error| bad(&format!("the field after # {error}")))?;
            resolution.steps.push(format!(
                "nothing has that whole name, so #{field} is taken for a field"
            ));
            if self.resolve_whole(before, Some(&field), &mut resolution)? {
                return Ok(resolution);
            }
        }
        resolution
            .steps
            .push("nothing known ends so either".to_owned());
        Ok(resolution)
    }

    /// Reads `text` as an id, a full name or an ending; true if anything has it.
    fn resolve_whole(
        &self,
        text: &str,
        field: Option<&FieldName>,
        resolution: &mut Resolution,
    ) -> Result<bool, AskError> {
        if let Ok(id) = AssetId::parse(text)
            && let Some(asset) = self.by_id(&id)?
        {
            resolution.steps.push(format!("{text} is an id"));
            self.conclude(resolution, &[asset], field.cloned())?;
            return Ok(true);
        }
        if let Some(NodeRef::Field(asset, found)) = self.field_by_id(text)? {
            resolution
                .steps
                .push(format!("{text} is the id of a field"));
            self.conclude(resolution, &[asset], Some(found))?;
            return Ok(true);
        }
        let found = self.exact(text)?;
        if !found.is_empty() {
            resolution.steps.push(format!("{text} is a full name"));
            for name in self.known_readings(text)? {
                let means = self.means(&name)?;
                self.explain(&name, &means, resolution)?;
            }
            self.conclude(resolution, &found, field.cloned())?;
            return Ok(true);
        }
        let found = self.exact_by_rules(text, resolution)?;
        if !found.is_empty() {
            self.conclude(resolution, &found, field.cloned())?;
            return Ok(true);
        }
        for (kind, what) in [(AssetKind::Dataset, "dataset"), (AssetKind::Job, "job")] {
            let ending = text.strip_prefix("job:");
            if ending.is_some() && kind == AssetKind::Dataset {
                continue;
            }
            let found = self.ending_with(kind, ending.unwrap_or(text))?;
            if !found.is_empty() {
                resolution.steps.push(format!(
                    "no full name is {text}: a {what} whose name ends so"
                ));
                self.conclude(resolution, &found, field.cloned())?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn conclude(
        &self,
        resolution: &mut Resolution,
        found: &[AssetIndex],
        field: Option<FieldName>,
    ) -> Result<(), AskError> {
        match found {
            [] => resolution.steps.push("nothing has that name".to_owned()),
            [asset] => {
                if let Some(field) = &field
                    && !self.has_field(*asset, field)?
                {
                    resolution.steps.push(format!("it has no field {field}"));
                    return Ok(());
                }
                let reference = self.reference(*asset)?;
                resolution.steps.push(format!("it is {reference}"));
                resolution.asset = Some(*asset);
                resolution.candidates.push(*asset);
                resolution.field = field;
            }
            several => {
                resolution.steps.push(format!(
                    "{} assets have it, so it is ambiguous",
                    several.len()
                ));
                resolution
                    .candidates
                    .extend(several.iter().take(CANDIDATES_MAX));
            }
        }
        Ok(())
    }

    /// Assets whose full name `text` is, in any way that it can be read.
    pub(crate) fn exact(&self, text: &str) -> Result<Vec<AssetIndex>, AskError> {
        let mut found = BTreeSet::new();
        for name in readings(text) {
            found.extend(self.means(&name)?);
        }
        Ok(found.into_iter().collect())
    }

    /// The ways to read `text` as a full name that is known.
    pub(crate) fn known_readings(&self, text: &str) -> Result<Vec<AssetName>, AskError> {
        let mut known = Vec::new();
        for name in readings(text) {
            if !self.by_name_all(&name)?.is_empty() {
                known.push(name);
            }
        }
        Ok(known)
    }

    /// The assets that a raw name means: its own, or those that it may be and nobody can tell which.
    fn means(&self, name: &AssetName) -> Result<BTreeSet<AssetIndex>, AskError> {
        let mut found = BTreeSet::new();
        for is in self.by_name_all(name)? {
            let doubts = match name.kind {
                AssetKind::Dataset => self.doubts_of(&name.name, is)?,
                AssetKind::Job => BTreeSet::new(),
            };
            if doubts.is_empty() {
                found.insert(is);
            }
            found.extend(doubts);
        }
        Ok(found)
    }

    /// Says by which rules a known name came to mean what it does.
    fn explain(
        &self,
        name: &AssetName,
        means: &BTreeSet<AssetIndex>,
        resolution: &mut Resolution,
    ) -> Result<(), AskError> {
        let steps = match name.kind {
            AssetKind::Dataset => self.by_rules(name)?.steps,
            AssetKind::Job => Vec::new(),
        };
        resolution
            .steps
            .extend(steps.iter().map(ToString::to_string));
        if means.len() > 1 && name.kind == AssetKind::Dataset {
            let why = if crate::apply::is_scoped(name) {
                "several domains have a dataset of that name, each its own"
            } else {
                "both the name as it is folded and the name with quotes are declared"
            };
            resolution.steps.push(why.to_owned());
        }
        if let [only] = means.iter().copied().collect::<Vec<_>>()[..] {
            let canonical = self.asset(only);
            let differs = canonical.as_ref().is_some_and(|asset| {
                (asset.namespace, asset.name)
                    != (name.name.namespace.as_str(), name.name.name.as_str())
            });
            if differs && let Some(reason) = self.reason_for(name, only)? {
                resolution.steps.push(reason);
            }
            if let Some(hint) = self.hint_for(only)? {
                resolution.steps.push(hint);
            }
        }
        Ok(())
    }

    /// Why `name` is one of the names of an asset, in words.
    fn reason_for(&self, name: &AssetName, asset: AssetIndex) -> Result<Option<String>, AskError> {
        let details = self.details(asset)?;
        let alias = details.aliases.into_iter().find(|alias| {
            (&*alias.namespace, &*alias.name)
                == (name.name.namespace.as_str(), name.name.name.as_str())
        });
        Ok(alias.map(|alias| format!("it is another name of the asset by {}", alias.reason)))
    }

    /// Assets that `text` names by rules, in any way that it can be read.
    fn exact_by_rules(
        &self,
        text: &str,
        resolution: &mut Resolution,
    ) -> Result<Vec<AssetIndex>, AskError> {
        let mut found = BTreeSet::new();
        for name in readings(text).filter(|name| name.kind == AssetKind::Dataset) {
            let by_rules = self.by_rules(&name)?;
            if !by_rules.found.is_empty() && found.is_empty() {
                resolution.steps.push(format!(
                    "nothing has the name {text} as it is written: it is read as the dataset {} in {}",
                    name.name.name, name.name.namespace
                ));
                let steps = by_rules.steps.iter().map(ToString::to_string);
                resolution.steps.extend(steps);
            }
            found.extend(by_rules.found);
        }
        Ok(found.into_iter().collect())
    }

    /// Assets of that kind whose full name ends with `part`; of live and retired ones, the live ones.
    fn ending_with(&self, kind: AssetKind, part: &str) -> Result<Vec<AssetIndex>, AskError> {
        let plain = reference::unescaped(part).unwrap_or_else(|| part.to_owned());
        let prefix = keys::ending_prefix(kind, reference::last_segment(&plain));
        let mut live = BTreeSet::new();
        let mut retired = BTreeSet::new();
        for (at, item) in self.reader().scan(&prefix).enumerate() {
            if at == ENDINGS_MAX {
                // Whether a candidate is the only one can't be told: say so rather than guess.
                return Err(AskError::LimitExceeded {
                    what: "the number of names with that last part",
                    found: at as u64 + 1,
                    max: ENDINGS_MAX as u64,
                });
            }
            let Some(index) = keys::last_u32(&item?.0) else {
                continue;
            };
            let Some(raw) = self.graph().asset(AssetIndex::new(index)) else {
                continue;
            };
            let whole = format!("{}/{}", raw.namespace, raw.name);
            if !reference::ends_with_segments(&whole, &plain) {
                continue;
            }
            match self.asset(raw.canonical) {
                Some(asset) if asset.is_retired => retired.insert(raw.canonical),
                _ => live.insert(raw.canonical),
            };
        }
        let found = if live.is_empty() { retired } else { live };
        Ok(found.into_iter().collect())
    }

    /// The dataset with exactly that name.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn find(
        &self,
        kind: AssetKind,
        name: QualifiedName,
    ) -> Result<Option<AssetIndex>, AskError> {
        self.by_name(&AssetName { kind, name })
    }

    /// What a public id of any kind names; none if nothing.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn node(&self, id: &str) -> Result<Option<NodeRef>, AskError> {
        if let Ok(id) = AssetId::parse(id) {
            return Ok(self.by_id(&id)?.map(NodeRef::Asset));
        }
        if let Some(field) = self.field_by_id(id)? {
            return Ok(Some(field));
        }
        if let Some(product) = self.product_by_id(id) {
            return Ok(Some(product));
        }
        if let Some(run) = self.run_by_id(id)? {
            return Ok(Some(run));
        }
        if let Some((source, offset)) = id
            .strip_prefix("sub_")
            .and_then(|rest| rest.split_once('_'))
        {
            let (Ok(source), Ok(offset)) = (source.parse(), offset.parse()) else {
                return Ok(None);
            };
            let known = self.submission(source, offset)?;
            return Ok(known.map(|_| NodeRef::Submission(source, offset)));
        }
        if let Some(name) = id.strip_prefix("dom_") {
            let domains = self.domain_names();
            return Ok(domains
                .into_iter()
                .find(|d| **d == *name)
                .map(NodeRef::Domain));
        }
        if let Some(key) = id.strip_prefix("src_") {
            let key = key.split_once('~').and_then(|(domain, name)| {
                let name = headwater_model::SourceName::parse(name).ok()?;
                Some(SourceKey::new(DomainName::parse(domain).ok()?, name))
            });
            return Ok(key
                .and_then(|key| self.source(&key))
                .map(|s| NodeRef::Source(s.number)));
        }
        Ok(None)
    }
}

/// The ways to read `text` as a full name.
fn readings(text: &str) -> impl Iterator<Item = AssetName> + '_ {
    let datasets = reference::splits(text).map(QualifiedName::dataset);
    let jobs = text.strip_prefix("job:").map(reference::splits);
    datasets.chain(jobs.into_iter().flatten().map(QualifiedName::job))
}

/// The reference as a person would write it.
fn shown(of: &Reference) -> String {
    match of {
        Reference::Text(text) => text.clone(),
        Reference::Name { asset, field } => match field {
            Some(field) => format!("{asset}#{field}"),
            None => asset.to_string(),
        },
    }
}
