//! Names and the rules of identity, for those who ask.

use std::collections::BTreeSet;

use headwater_graph::AssetFlags;
use headwater_identity::{Form, Resolved, Resolver, Step, job_form};
use headwater_model::{AssetIndex, AssetKind, AssetName, QualifiedName};
use headwater_record::{Half, NameRecord, Str, decode_value};

use crate::apply::is_scoped;
use crate::ask::view::{View, raw_name};
use crate::{AskError, EngineError, keys};

/// What rules make of a name that is asked for.
#[derive(Debug, Default)]
pub(crate) struct ByRules {
    /// The rules that applied.
    pub(crate) steps: Vec<Step>,
    /// Assets that the name may mean.
    pub(crate) found: BTreeSet<AssetIndex>,
}

impl View {
    /// The domain in which a raw name means something; none if everywhere.
    pub(crate) fn scope_of(&self, index: AssetIndex) -> Result<Option<Str>, AskError> {
        let Some(asset) = self.graph().asset(index) else {
            return Ok(None);
        };
        if asset.kind != AssetKind::Dataset || !headwater_identity::is_scoped(asset.namespace) {
            return Ok(None);
        }
        let bytes = self.reader().get(&keys::scope(index))?;
        let text = bytes.map(String::from_utf8).transpose();
        let text = text.map_err(|_| EngineError::Corrupt("the scope of a name"))?;
        Ok(text.map(Into::into))
    }

    /// The key under which the state knows a raw name.
    pub(crate) fn name_key(&self, index: AssetIndex) -> Result<Option<Vec<u8>>, AskError> {
        let Some(asset) = self.graph().asset(index) else {
            return Ok(None);
        };
        let name = raw_name(asset.kind, asset.namespace, asset.name);
        let scope = self.scope_of(index)?;
        Ok(name.map(|name| match &scope {
            Some(scope) => keys::scoped_name(&name, Some(scope)),
            None => keys::name(&name),
        }))
    }

    /// The number that a raw name has where a source of one of `domains` uses it; of a name that means the same
    /// everywhere, its number.
    pub(crate) fn number_in(
        &self,
        name: &AssetName,
        domains: &[Str],
    ) -> Result<Option<AssetIndex>, AskError> {
        let keys = if is_scoped(name) {
            let scoped = |domain: &Str| keys::scoped_name(name, Some(domain));
            domains.iter().map(scoped).collect()
        } else {
            vec![keys::name(name)]
        };
        for key in keys {
            if let Some(bytes) = self.reader().get(&key)? {
                let record: NameRecord = decode_value("a name", &bytes)?;
                return Ok(Some(AssetIndex::new(record.index)));
            }
        }
        Ok(None)
    }

    /// The domains of the sources that say that any of `assets` exists.
    pub(crate) fn domains_of_sources(&self, assets: &[AssetIndex]) -> Vec<Str> {
        let sources = assets.iter().flat_map(|asset| self.sources_of(*asset));
        self.domains_of(&sources.collect())
    }

    /// The domains of those sources.
    pub(crate) fn domains_of(&self, sources: &BTreeSet<u32>) -> Vec<Str> {
        let domains = sources
            .iter()
            .filter_map(|number| self.source_by_number(*number))
            .map(|source| Str::from(source.key.domain.as_str()));
        domains.collect::<BTreeSet<Str>>().into_iter().collect()
    }

    /// The assets with exactly that name: several only where each domain has its own.
    pub(crate) fn by_name_all(&self, name: &AssetName) -> Result<BTreeSet<AssetIndex>, AskError> {
        let mut found = BTreeSet::new();
        if !is_scoped(name) {
            let known = self.number_in(name, &[])?;
            found.extend(known.and_then(|index| self.graph().canonical(index)));
            return Ok(found);
        }
        for item in self.reader().scan(&keys::scoped_name(name, None)) {
            let record: NameRecord = decode_value("a name", &item?.1)?;
            found.extend(self.graph().canonical(AssetIndex::new(record.index)));
        }
        Ok(found)
    }

    /// The assets that a name means by rules.
    pub(crate) fn by_rules(&self, name: &AssetName) -> Result<ByRules, AskError> {
        let mut answer = ByRules::default();
        if name.kind == AssetKind::Job {
            return Ok(answer);
        }
        let domains = if is_scoped(name) {
            self.domain_names().into_iter().collect()
        } else {
            vec![Str::default()]
        };
        for domain in domains {
            let resolved = self.published.resolver.resolve(&name.name, &domain);
            if !resolved.is_known {
                continue;
            }
            let found = self.candidates(&resolved)?;
            if !found.is_empty() || answer.steps.is_empty() {
                answer.steps = resolved.steps;
            }
            answer.found.extend(found);
        }
        Ok(answer)
    }

    /// What a normal form means: the assets of it, unless only a dataset is declared whose quotes were dropped.
    fn candidates(&self, resolved: &Resolved) -> Result<BTreeSet<AssetIndex>, AskError> {
        let folded = self.of_form(&resolved.form)?;
        let Some(quoted) = &resolved.quoted else {
            return Ok(folded);
        };
        let quoted = self.of_form(quoted)?;
        if !quoted.iter().any(|index| self.is_declared(*index)) {
            return Ok(folded);
        }
        if folded.iter().any(|index| self.is_declared(*index)) {
            return Ok(&folded | &quoted);
        }
        Ok(quoted)
    }

    /// The assets whose names have a normal form, bare names in doubt left out.
    fn of_form(&self, form: &Form) -> Result<BTreeSet<AssetIndex>, AskError> {
        let mut sure = BTreeSet::new();
        let mut all = BTreeSet::new();
        for item in self.reader().scan(&keys::forms(&form.key())) {
            let (key, value) = item?;
            let index = keys::last_u32(&key).map(AssetIndex::new);
            let Some(canonical) = index.and_then(|index| self.graph().canonical(index)) else {
                continue;
            };
            all.insert(canonical);
            let is_doubtful = match Half::try_from(value.as_slice()) {
                Ok(quoted) => self.reader().scan(&keys::forms(&quoted)).next().is_some(),
                Err(_) => false,
            };
            if !is_doubtful {
                sure.insert(canonical);
            }
        }
        Ok(if sure.is_empty() { all } else { sure })
    }

    fn is_declared(&self, index: AssetIndex) -> bool {
        let asset = self.graph().asset(index);
        asset.is_some_and(|asset| asset.flags.contains(AssetFlags::DECLARED))
    }

    /// What a bare name may mean that stands for itself because two datasets are declared that it may be; empty if it
    /// is not in doubt.
    pub(crate) fn doubts_of(
        &self,
        name: &QualifiedName,
        is: AssetIndex,
    ) -> Result<BTreeSet<AssetIndex>, AskError> {
        let resolved = self.published.resolver.resolve(name, "");
        if resolved.quoted.is_none() {
            return Ok(BTreeSet::new());
        }
        let mut candidates = self.candidates(&resolved)?;
        // It has joined one of them.
        if candidates.contains(&is) || candidates.len() < 2 {
            candidates.clear();
        }
        Ok(candidates)
    }

    /// True if the name of an asset may mean others, of which nobody can tell which.
    pub(crate) fn is_in_doubt(&self, index: AssetIndex) -> Result<bool, AskError> {
        let Some(asset) = self.graph().asset(index) else {
            return Ok(false);
        };
        match raw_name(asset.kind, asset.namespace, asset.name) {
            Some(name) => Ok(!self.doubts_of(&name.name, index)?.is_empty()),
            None => Ok(false),
        }
    }

    /// Why rules make a raw name one with the asset that stands for it, in words; none if they don't.
    pub(crate) fn rule_for(
        &self,
        member: AssetIndex,
        canonical: AssetIndex,
    ) -> Result<Option<Str>, AskError> {
        self.rule_of(&self.published.resolver, member, canonical)
    }

    /// The same by other rules.
    pub(crate) fn rule_of(
        &self,
        resolver: &Resolver,
        member: AssetIndex,
        canonical: AssetIndex,
    ) -> Result<Option<Str>, AskError> {
        let (Some(one), Some(other)) = (self.graph().asset(member), self.graph().asset(canonical))
        else {
            return Ok(None);
        };
        if one.kind == AssetKind::Job {
            let forms = (job_form(one.name), job_form(other.name));
            return Ok(match forms {
                (Some(one), Some(other)) if one.name == other.name => {
                    Some(format!("dbt-job: {}", one.step).into())
                }
                _ => None,
            });
        }
        let (Some(of_one), Some(of_other)) = (
            self.resolved(resolver, member)?,
            self.resolved(resolver, canonical)?,
        ) else {
            return Ok(None);
        };
        let words = |steps: &[Step]| {
            let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
            steps.join("; ")
        };
        if of_one.form == of_other.form {
            let steps = if of_one.steps.is_empty() {
                format!(
                    "{} ({})",
                    words(&of_other.steps),
                    "of the name that stands for both"
                )
            } else {
                words(&of_one.steps)
            };
            return Ok(Some(steps.into()));
        }
        let is_bare = of_one.quoted.as_ref() == Some(&of_other.form)
            || of_other.quoted.as_ref() == Some(&of_one.form)
            || (of_one.quoted.is_some() && of_one.quoted == of_other.quoted);
        Ok(is_bare.then(|| {
            "bare-name: the only dataset that is declared of those that a name without quotes may mean".into()
        }))
    }

    fn resolved(
        &self,
        resolver: &Resolver,
        index: AssetIndex,
    ) -> Result<Option<Resolved>, AskError> {
        let Some(asset) = self.graph().asset(index) else {
            return Ok(None);
        };
        let scope = self.scope_of(index)?.unwrap_or_default();
        let name = raw_name(asset.kind, asset.namespace, asset.name);
        Ok(name.map(|name| resolver.resolve(&name.name, &scope)))
    }

    /// What an operator might do so that a name finds others of its dataset; none if there is nothing to say.
    pub(crate) fn hint_for(&self, index: AssetIndex) -> Result<Option<String>, AskError> {
        let resolved = self.resolved(&self.published.resolver, index)?;
        Ok(resolved.and_then(|resolved| resolved.hint))
    }
}
