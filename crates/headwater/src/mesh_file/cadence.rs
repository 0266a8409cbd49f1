//! The tables `domain.source` of the mesh file: how often sources promise to submit.

use std::collections::BTreeMap;
use std::ops::Range;

use headwater_model::{Cadence, DomainName, SourceKey, SourceName};
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceTable {
    name: Spanned<String>,
    every: Spanned<String>,
}

/// The promises of the sources of each domain; `at` puts a place before a message.
pub(super) fn cadences<'a>(
    domains: impl Iterator<Item = (&'a DomainName, &'a [SourceTable])>,
    at: &dyn Fn(Range<usize>, &str, &str) -> String,
) -> Result<BTreeMap<SourceKey, Cadence>, String> {
    let mut cadences = BTreeMap::new();
    for (domain, tables) in domains {
        for SourceTable { name, every } in tables {
            let source = SourceName::parse(name.get_ref())
                .map_err(|error| at(name.span(), "name", &error.to_string()))?;
            let cadence = Cadence::parse(every.get_ref())
                .map_err(|error| at(every.span(), "every", &error.to_string()))?;
            let twice = format!("source {source} of domain {domain} is described twice");
            let key = SourceKey::new(domain.clone(), source);
            if cadences.insert(key, cadence).is_some() {
                return Err(at(name.span(), "name", &twice));
            }
        }
    }
    Ok(cadences)
}
