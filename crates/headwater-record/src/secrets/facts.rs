//! Facts without secrets.

use headwater_model::{
    AssetName, Diagnostic, Evidence, Facts, Name, Namespace, QualifiedName, Text,
};

use super::keys::{Sort, sort};
use super::{REDACTED, in_place, may_hold_secrets, optional};

/// Takes secrets out of facts; true if there were any. Names of fields stay as they are.
pub(crate) fn redact(facts: &mut Facts) -> bool {
    let mut has_changed = false;
    for dataset in &mut facts.datasets {
        has_changed |= name(&mut dataset.name) | optional(&mut dataset.description);
        has_changed |= evidence(dataset.evidence.as_mut());
        for field in &mut dataset.fields {
            has_changed |= optional(&mut field.description) | data_type(field.r#type.as_mut());
        }
    }
    for job in &mut facts.jobs {
        has_changed |= name(&mut job.name) | optional(&mut job.description);
        has_changed |= optional(&mut job.sql) | job.parent.as_mut().is_some_and(name);
        has_changed |= evidence(job.evidence.as_mut());
    }
    for edge in &mut facts.edges {
        has_changed |= asset(&mut edge.from) | asset(&mut edge.to);
        has_changed |= edge.via.as_mut().is_some_and(name) | evidence(edge.evidence.as_mut());
    }
    for edge in &mut facts.field_edges {
        has_changed |= name(&mut edge.from.dataset) | name(&mut edge.to.dataset);
        has_changed |= edge.via.as_mut().is_some_and(name) | evidence(edge.evidence.as_mut());
        for transformation in &mut edge.transformations {
            has_changed |= optional(&mut transformation.description);
            has_changed |= optional(&mut transformation.subtype);
        }
    }
    for selector in &mut facts.selectors {
        has_changed |= name(&mut selector.job) | namespace(&mut selector.namespace);
        has_changed |= local_name(&mut selector.pattern);
        has_changed |= evidence(selector.evidence.as_mut());
    }
    for alias in &mut facts.aliases {
        has_changed |= asset(&mut alias.of) | name(&mut alias.alias) | in_place(&mut alias.reason);
        has_changed |= evidence(alias.evidence.as_mut());
    }
    for attribute in &mut facts.attributes {
        has_changed |= asset(&mut attribute.on);
        has_changed |= keyed(attribute.key.as_str(), &mut attribute.value);
    }
    for facet in &mut facts.facets {
        has_changed |= asset(&mut facet.on);
        let is_suspect =
            may_hold_secrets(facet.json.as_bytes()) || sort(facet.name.as_str()) != Sort::Harmless;
        let clean = if is_suspect {
            super::json::redact(&facet.json, Some(facet.name.as_str()))
        } else {
            Ok(None)
        };
        let clean = clean.unwrap_or_else(|_| super::text::redact(&facet.json));
        if let Some(clean) = clean {
            facet.json = clean.into();
            has_changed = true;
        }
    }
    for run in &mut facts.runs {
        has_changed |= name(&mut run.job) | optional(&mut run.message);
    }
    has_changed
}

/// The value of a key that may name a secret.
fn keyed(key: &str, value: &mut Text) -> bool {
    let is_kept = value.is_empty() || **value == *REDACTED || super::text::is_flag(value);
    if sort(key) != Sort::Harmless && !is_kept {
        *value = REDACTED.into();
        return true;
    }
    in_place(value)
}

fn asset(asset: &mut AssetName) -> bool {
    name(&mut asset.name)
}

/// Takes credentials out of a name.
pub(crate) fn name(name: &mut QualifiedName) -> bool {
    namespace(&mut name.namespace) | local_name(&mut name.name)
}

fn local_name(name: &mut Name) -> bool {
    let text = name.as_str();
    if may_hold_secrets(text.as_bytes())
        && let Some(clean) = super::name::redact(text)
        && let Ok(clean) = Name::parse(or_redacted(&clean))
    {
        *name = clean;
        return true;
    }
    false
}

fn data_type(text: Option<&mut Text>) -> bool {
    let Some(text) = text else { return false };
    if may_hold_secrets(text.as_bytes())
        && let Some(clean) = super::text::redact_type(text)
    {
        *text = clean.into();
        return true;
    }
    false
}

fn namespace(namespace: &mut Namespace) -> bool {
    let text = namespace.as_str();
    if may_hold_secrets(text.as_bytes())
        && let Some(clean) = super::name::redact(text)
        && let Ok(clean) = Namespace::parse(or_redacted(&clean))
    {
        *namespace = clean;
        return true;
    }
    false
}

/// A name is never empty.
fn or_redacted(text: &str) -> &str {
    if text.is_empty() { REDACTED } else { text }
}

fn evidence(evidence: Option<&mut Evidence>) -> bool {
    evidence
        .is_some_and(|evidence| in_place(&mut evidence.artifact) | optional(&mut evidence.pointer))
}

/// Takes secrets out of a finding.
pub(crate) fn diagnostic(found: &mut Diagnostic) -> bool {
    in_place(&mut found.message) | evidence(found.at.as_mut())
}
