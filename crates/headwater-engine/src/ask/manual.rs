//! What people assert and take back, before it is submitted: which raw names a statement is about, and whether it
//! changes anything.

use headwater_graph::AssetFlags;
use headwater_model::{
    AliasFact, AssetKind, AssetName, AttributeFact, AttributeKey, DatasetFact, EdgeFact, EdgeKind,
    Facts, FieldEdgeFact, FieldEnd, FieldName, JobFact, Manual, QualifiedName, SourceKey,
    Statement, Submission, Timestamp, TypeName,
};
use headwater_record::{Str, encode_facts, redact_submission};

use crate::apply::{OWNER, TAG, standing};
use crate::ask::view::{View, raw_name};
use crate::reference::{self, Reference};
use crate::{AskError, EngineError};

/// Names of one asset that are tried when a fact about it is taken back.
const NAMES_MAX: usize = 16;

/// One fact as a person states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManualFact {
    /// Data flows from one dataset, job or field to another.
    Edge {
        /// Where data comes from.
        from: Reference,
        /// Where it goes.
        to: Reference,
        /// The job that does it, between datasets or fields.
        via: Option<Reference>,
    },
    /// Two names mean one asset.
    Alias {
        /// The asset.
        of: Reference,
        /// Its other name.
        alias: Reference,
    },
    /// Somebody owns an asset.
    Owner {
        /// The asset.
        of: Reference,
        /// Who.
        name: String,
        /// As what.
        r#type: Option<String>,
    },
    /// An asset or a field has a tag.
    Tag {
        /// The asset or field.
        of: Reference,
        /// The tag.
        name: String,
        /// Its value.
        value: Option<String>,
    },
    /// What there is to say of an asset.
    Description {
        /// The asset.
        of: Reference,
        /// For a person to read.
        text: String,
    },
}

/// A fact that somebody asserts or takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualQuestion {
    /// In whose name.
    pub source: SourceKey,
    /// The fact.
    pub fact: ManualFact,
    /// True if it is taken back.
    pub is_retraction: bool,
    /// Who says so.
    pub author: String,
    /// Why.
    pub reason: String,
}

/// What a statement of a person would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualPlan {
    /// What is to be submitted.
    pub submission: Submission,
    /// The fact in words, under the names that the log keeps.
    pub about: String,
    /// The asset that the fact is about; of an edge, where data goes.
    pub on: AssetName,
    /// False if the source asserts it already.
    pub is_change: bool,
}

/// What a reference in a statement may mean: raw names, the likeliest first, and a field.
struct End {
    names: Vec<AssetName>,
    field: Option<FieldName>,
}

impl View {
    /// Turns what a person states into a submission, and says whether it changes anything.
    ///
    /// # Errors
    /// Those of resolving references; [`AskError::Invalid`] says what such a fact can't be about;
    /// [`AskError::NotAsserted`] and [`AskError::Ambiguous`] if what is taken back can't be told.
    pub fn plan_manual(
        &self,
        question: &ManualQuestion,
        received_at: Timestamp,
    ) -> Result<ManualPlan, AskError> {
        let readings = self.readings_of(question)?;
        let mut plans = Vec::new();
        for facts in readings {
            let plan = self.plan_of(question, facts, received_at)?;
            if !question.is_retraction {
                return Ok(plan);
            }
            plans.push(plan);
        }
        let written = plans.first().map(|plan| plan.about.clone());
        if let Some(first) = plans.first()
            && first.is_change
        {
            return Ok(plans.swap_remove(0));
        }
        plans.retain(|plan| plan.is_change);
        if plans.len() > 1 {
            return Err(AskError::Ambiguous {
                reference: written.unwrap_or_default(),
                candidates: plans.into_iter().map(|plan| plan.about).collect(),
            });
        }
        plans.pop().ok_or_else(|| AskError::NotAsserted {
            source_key: question.source.to_string(),
            about: written.unwrap_or_default(),
        })
    }

    /// Why an alias that a person asserts joins nothing, if it joins nothing: only a rule of identity merges two datasets
    /// that are both declared. `is_said` if the statement is visible; else what is not declared yet counts as joined.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn why_without_effect(
        &self,
        plan: &ManualPlan,
        is_said: bool,
    ) -> Result<Option<String>, AskError> {
        const RULE: &str = "an alias merges no two datasets that are both declared, only a rule of identity does: \
            see headwater aliases plan";
        let Statement::Manual(manual) = &plan.submission.statement else {
            return Ok(None);
        };
        let Some(alias) = manual
            .facts
            .aliases
            .first()
            .filter(|_| !manual.is_retraction)
        else {
            return Ok(None);
        };
        let domain: Str = plan.submission.source.domain.as_str().into();
        let other = AssetName {
            kind: alias.of.kind,
            name: alias.alias.clone(),
        };
        let mut assets = Vec::with_capacity(2);
        for name in [&alias.of, &other] {
            let number = self.number_in(name, std::slice::from_ref(&domain))?;
            assets.extend(number.and_then(|number| self.graph().canonical(number)));
        }
        let [one, two] = assets[..] else {
            return Ok(None);
        };
        let is_declared = |asset| self.graph().flags(asset).contains(AssetFlags::DECLARED);
        if one == two || alias.of.kind != AssetKind::Dataset {
            return Ok(None);
        }
        let (of, other) = (shown(&alias.of), shown(&other));
        Ok(match (is_declared(one) && is_declared(two), is_said) {
            (true, _) => Some(format!(
                "{of} and {other} are both declared and stay two: {RULE}"
            )),
            (false, true) => Some(format!(
                "{of} and {other} stay two, as aliases call them by names of two that are declared: {RULE}"
            )),
            (false, false) => None,
        })
    }

    fn plan_of(
        &self,
        question: &ManualQuestion,
        facts: Facts,
        received_at: Timestamp,
    ) -> Result<ManualPlan, AskError> {
        let invalid = |error: &dyn std::fmt::Display| AskError::Invalid(error.to_string());
        let encoded = encode_facts(&facts).map_err(|error| invalid(&error))?;
        let mut submission = Submission {
            source: question.source.clone(),
            principal: None,
            received_at,
            statement: Statement::Manual(Box::new(Manual {
                is_retraction: question.is_retraction,
                author: question.author.trim().into(),
                reason: question.reason.trim().into(),
                facts,
            })),
        };
        crate::bounds::check(&submission).map_err(|error| invalid(&error))?;
        // What is kept is without secrets, and what is taken back is compared with that.
        redact_submission(&mut submission, &encoded);
        let Statement::Manual(manual) = &submission.statement else {
            return Err(EngineError::Corrupt("a manual statement is one").into());
        };
        let is_asserted = match self.source(&question.source) {
            Some(source) => standing(&self.reader(), source.number, manual)?
                .is_some_and(|(_, slot)| slot.is_asserted()),
            None => false,
        };
        let (about, on) = words(&manual.facts);
        Ok(ManualPlan {
            is_change: is_asserted == question.is_retraction,
            about,
            on,
            submission,
        })
    }

    /// The facts that a question may mean, the likeliest first: one, unless it takes back.
    fn readings_of(&self, question: &ManualQuestion) -> Result<Vec<Facts>, AskError> {
        let end = |of: &Reference| self.end(of, question);
        match &question.fact {
            ManualFact::Edge { from, to, via } => {
                let via = via.as_ref().map(|via| jobs_of(end(via)?)).transpose()?;
                let via = via.unwrap_or_else(|| vec![None]);
                edges(&end(from)?, &end(to)?, &via)
            }
            ManualFact::Alias { of, alias } => {
                let (of, alias) = (whole(end(of)?, "alias")?, whole(end(alias)?, "alias")?);
                let pairs = pairs(&of.names, &alias.names);
                let mut readings = Vec::new();
                for (of, alias) in pairs {
                    // Once an alias holds, either name may be read as the other.
                    if question.is_retraction && of == alias {
                        continue;
                    }
                    if of.kind != alias.kind {
                        return Err(AskError::Invalid(format!(
                            "{of} and {alias} are of two kinds, and so can't be one asset"
                        )));
                    }
                    let mut facts = Facts::default();
                    facts.aliases.push(AliasFact {
                        of: of.clone(),
                        alias: alias.name.clone(),
                        reason: format!(
                            "asserted by {}: {}",
                            question.author.trim(),
                            question.reason.trim()
                        )
                        .into(),
                        evidence: None,
                    });
                    readings.push(facts);
                }
                Ok(readings)
            }
            ManualFact::Owner { of, name, r#type } => {
                let key = match r#type {
                    Some(r#type) => format!("{OWNER}.{type}"),
                    None => OWNER.to_owned(),
                };
                attributes(&whole(end(of)?, "owner")?, &key, name.trim())
            }
            ManualFact::Tag { of, name, value } => {
                let value = match value {
                    Some(value) => format!("{}={}", name.trim(), value.trim()),
                    None => name.trim().to_owned(),
                };
                attributes(&end(of)?, TAG, &value)
            }
            ManualFact::Description { of, text } => {
                let of = whole(end(of)?, "description")?;
                let readings = of
                    .names
                    .into_iter()
                    .map(|name| described(name, text.trim()));
                Ok(readings.collect())
            }
        }
    }

    /// The raw names that a reference may mean. An object names exactly one, known or not; a text names an asset that is
    /// known.
    fn end(&self, of: &Reference, question: &ManualQuestion) -> Result<End, AskError> {
        let (mut names, field, asset) = match of {
            Reference::Name { asset, field } => {
                let known = self.by_name_all(asset)?.into_iter().next();
                (vec![asset.clone()], field.clone(), known)
            }
            Reference::Text(text) => {
                let root = self.require_root(of)?;
                let whole = match &root.field {
                    Some(_) => text.rsplit_once('#').map_or(&**text, |(whole, _)| whole),
                    None => text,
                };
                let written = self.known_readings(whole)?;
                (written, root.field, Some(root.asset))
            }
        };
        if let Some(asset) = asset {
            let mut members = vec![asset];
            if question.is_retraction {
                let class = self.classes(&[asset])?.pop().unwrap_or_default();
                members.extend(class);
            }
            for member in members {
                let raw = self.graph().asset(member);
                let name = raw.and_then(|raw| raw_name(raw.kind, raw.namespace, raw.name));
                names.extend(name);
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names.truncate(if question.is_retraction { NAMES_MAX } else { 1 });
        if let (Reference::Text(text), Some(asset), Some(name)) = (of, asset, names.first()) {
            let domain: Str = question.source.domain.as_str().into();
            let meant = self.number_in(name, &[domain])?;
            if meant.and_then(|index| self.graph().canonical(index)) != Some(asset) {
                return Err(AskError::Invalid(format!(
                    "{text:?} has a name that every domain uses for itself, and is not the one of {}: speak as a source of its domain",
                    question.source.domain
                )));
            }
        }
        Ok(End { names, field })
    }
}

/// The jobs that an end may mean.
fn jobs_of(end: End) -> Result<Vec<Option<QualifiedName>>, AskError> {
    let end = whole(end, "via")?;
    let jobs = end.names.into_iter().map(|name| match name.kind {
        AssetKind::Job => Ok(Some(name.name)),
        AssetKind::Dataset => Err(AskError::Invalid(format!(
            "via is the job that does it, and {name} is a dataset"
        ))),
    });
    jobs.collect()
}

/// An end that is no field.
fn whole(end: End, what: &str) -> Result<End, AskError> {
    match &end.field {
        Some(field) => Err(AskError::Invalid(format!(
            "{what} is about a dataset or job, not about field {field}"
        ))),
        None => Ok(end),
    }
}

fn pairs<'a, A, B>(a: &'a [A], b: &'a [B]) -> impl Iterator<Item = (&'a A, &'a B)> {
    a.iter().flat_map(move |a| b.iter().map(move |b| (a, b)))
}

fn edges(from: &End, to: &End, via: &[Option<QualifiedName>]) -> Result<Vec<Facts>, AskError> {
    let mut readings = Vec::new();
    for ((from_name, to_name), via) in pairs(&from.names, &to.names)
        .flat_map(|pair| via.iter().map(move |via| (pair, via.clone())))
    {
        let kind = EdgeKind::between(from_name.kind, to_name.kind);
        if via.is_some() && kind != EdgeKind::Derives {
            return Err(AskError::Invalid(format!(
                "via goes with an edge between datasets or fields, not with {}",
                kind.as_str()
            )));
        }
        let mut facts = Facts::default();
        if from.field.is_some() || to.field.is_some() {
            if kind != EdgeKind::Derives {
                return Err(AskError::Invalid("only datasets have fields".into()));
            }
            let end = |name: &AssetName, field: &Option<FieldName>| FieldEnd {
                dataset: name.name.clone(),
                field: field.clone(),
            };
            facts.field_edges.push(FieldEdgeFact {
                from: end(from_name, &from.field),
                to: end(to_name, &to.field),
                via,
                transformations: Vec::new(),
                evidence: None,
            });
        } else {
            facts.edges.push(EdgeFact {
                from: from_name.clone(),
                to: to_name.clone(),
                via,
                evidence: None,
            });
        }
        readings.push(facts);
    }
    Ok(readings)
}

fn attributes(of: &End, key: &str, value: &str) -> Result<Vec<Facts>, AskError> {
    let key = AttributeKey::parse(key)
        .map_err(|error| AskError::Invalid(format!("attribute {key:?} {error}")))?;
    let readings = of.names.iter().map(|on| {
        let mut facts = Facts::default();
        facts.attributes.push(AttributeFact {
            on: on.clone(),
            field: of.field.clone(),
            key: key.clone(),
            value: value.into(),
        });
        facts
    });
    Ok(readings.collect())
}

fn described(of: AssetName, text: &str) -> Facts {
    let mut facts = Facts::default();
    match of.kind {
        AssetKind::Dataset => facts.datasets.push(DatasetFact {
            name: of.name,
            r#type: TypeName::dataset(),
            is_declared: false,
            description: Some(text.into()),
            fields: Vec::new(),
            evidence: None,
        }),
        AssetKind::Job => facts.jobs.push(JobFact {
            name: of.name,
            r#type: TypeName::job(),
            description: Some(text.into()),
            sql: None,
            parent: None,
            evidence: None,
        }),
    }
    facts
}

fn shown(name: &AssetName) -> String {
    reference::text(
        name.kind,
        name.name.namespace.as_str(),
        name.name.name.as_str(),
    )
}

/// The fact in words, and the asset that it is about.
fn words(facts: &Facts) -> (String, AssetName) {
    let via = |via: &Option<QualifiedName>| {
        let via = via.as_ref().map(|job| shown(&job.clone().job()));
        via.map(|job| format!(" by {job}")).unwrap_or_default()
    };
    let field = |name: &AssetName, field: &Option<FieldName>| match field {
        Some(field) => format!("{}#{field}", shown(name)),
        None => shown(name),
    };
    if let Some(edge) = facts.edges.first() {
        let (from, to) = (shown(&edge.from), shown(&edge.to));
        let about = match edge.kind() {
            EdgeKind::Reads => format!("{to} reads {from}"),
            EdgeKind::Writes => format!("{from} writes {to}"),
            EdgeKind::Derives => format!("{to} derives from {from}{}", via(&edge.via)),
            EdgeKind::Follows => format!("{to} follows {from}"),
        };
        return (about, edge.to.clone());
    }
    if let Some(edge) = facts.field_edges.first() {
        let (from, to) = (
            edge.from.dataset.clone().dataset(),
            edge.to.dataset.clone().dataset(),
        );
        let about = format!(
            "{} derives from {}{}",
            field(&to, &edge.to.field),
            field(&from, &edge.from.field),
            via(&edge.via)
        );
        return (about, to);
    }
    if let Some(alias) = facts.aliases.first() {
        let other = AssetName {
            kind: alias.of.kind,
            name: alias.alias.clone(),
        };
        let about = format!("{} is also {}", shown(&alias.of), shown(&other));
        return (about, alias.of.clone());
    }
    if let Some(attribute) = facts.attributes.first() {
        let on = field(&attribute.on, &attribute.field);
        let about = format!("{} of {on} is {}", attribute.key, attribute.value);
        return (about, attribute.on.clone());
    }
    let dataset = facts.datasets.first();
    let dataset = dataset.map(|of| (of.name.clone().dataset(), of.description.as_deref()));
    let job = facts.jobs.first();
    let job = job.map(|of| (of.name.clone().job(), of.description.as_deref()));
    let (name, text) = dataset
        .or(job)
        .expect("the bounds let no statement without a fact pass");
    let about = format!(
        "the description of {} is {:?}",
        shown(&name),
        text.unwrap_or_default()
    );
    (about, name)
}
