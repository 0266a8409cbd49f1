//! dbt's own facts about a dataset or job: the facet `dbt`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::catalog::Table;
use crate::manifest::{Asset, Node, Source};
use crate::text::said;

/// The deepest constraints that are kept; dbt's are three levels deep.
const CONSTRAINTS_DEPTH_MAX: u32 = 32;

/// The facet; what is not known is left out.
#[derive(Default, Serialize)]
pub(crate) struct DbtFacet<'a> {
    unique_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relation_name: Option<&'a str>,
    /// As the warehouse calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    relation_type: Option<&'a str>,
    /// The warehouse's role that owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    relation_owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    materialized: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loader: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<ContractFacet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    constraints: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    columns: BTreeMap<&'a str, ColumnFacet<'a>>,
    /// What kind of exposure or metric it is.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    elements: Vec<ElementFacet<'a>>,
}

#[derive(Serialize)]
struct ContractFacet {
    enforced: bool,
}

/// What is said of one column.
#[derive(Serialize)]
pub(crate) struct ColumnFacet<'a> {
    constraints: &'a RawValue,
}

/// What a field of a semantic model is.
#[derive(Serialize)]
pub(crate) struct ElementFacet<'a> {
    pub(crate) name: &'a str,
    /// `entity`, `dimension` or `measure`.
    pub(crate) role: &'static str,
    /// The type of an entity or a dimension, the aggregation of a measure.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'a str>,
}

impl<'a> DbtFacet<'a> {
    pub(crate) fn of_node(id: &'a str, node: &'a Node) -> Self {
        Self {
            unique_id: id,
            package: node.package_name.as_deref(),
            path: node.original_file_path.as_deref(),
            relation_name: node.relation_name.as_deref(),
            materialized: Some(node.materialized(node.kind(id))),
            access: node.access(),
            group: node.group(),
            language: node.language.as_deref(),
            version: node.version.as_ref().map(|version| &*version.0),
            ..Self::default()
        }
    }

    pub(crate) fn of_source(id: &'a str, source: &'a Source) -> Self {
        Self {
            unique_id: id,
            package: source.package_name.as_deref(),
            path: source.original_file_path.as_deref(),
            relation_name: source.relation_name.as_deref(),
            source_name: source.set_name.as_deref(),
            loader: said(source.loader.as_ref()),
            ..Self::default()
        }
    }

    pub(crate) fn of_asset(id: &'a str, asset: &'a Asset) -> Self {
        Self {
            unique_id: id,
            package: asset.package_name.as_deref(),
            path: asset.original_file_path.as_deref(),
            group: asset.group(),
            kind: asset.r#type.as_deref(),
            ..Self::default()
        }
    }

    pub(crate) fn of_id(id: &'a str) -> Self {
        Self {
            unique_id: id,
            ..Self::default()
        }
    }

    /// With what the warehouse says.
    pub(crate) fn with_table(mut self, table: Option<&'a Table>) -> Self {
        let metadata = table.map(|table| &table.metadata);
        self.relation_type = metadata.and_then(|found| said(found.r#type.as_ref()));
        self.relation_owner = metadata.and_then(|found| said(found.owner.as_ref()));
        self
    }

    /// With what is promised of the node, and of its columns by the names of its fields.
    pub(crate) fn with_contract(
        mut self,
        node: &'a Node,
        columns: impl Iterator<Item = (&'a str, Option<&'a RawValue>)>,
    ) -> Self {
        let is_enforced = node.is_contract_enforced();
        self.contract = is_enforced.then_some(ContractFacet { enforced: true });
        self.constraints = non_empty(node.constraints);
        self.columns = columns
            .filter_map(|(name, constraints)| {
                let constraints = non_empty(constraints)?;
                Some((name, ColumnFacet { constraints }))
            })
            .collect();
        self
    }

    pub(crate) fn with_elements(mut self, elements: Vec<ElementFacet<'a>>) -> Self {
        self.elements = elements;
        self
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).expect("strings, options and JSON are JSON")
    }
}

/// Constraints, if there are any. What is nested too deeply is none of dbt's.
fn non_empty(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| {
        let is_blank = |char: char| char.is_ascii_whitespace() || matches!(char, '[' | ']');
        let is_empty = raw.get() == "null" || raw.get().trim_matches(is_blank).is_empty();
        !is_empty && depth(raw.get()) <= CONSTRAINTS_DEPTH_MAX
    })
}

/// How deeply lists and objects are nested in a JSON text.
fn depth(json: &str) -> u32 {
    let (mut depth, mut deepest) = (0_u32, 0);
    let (mut is_in_text, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_in_text = !is_in_text,
            b'[' | b'{' if !is_in_text => depth += 1,
            b']' | b'}' if !is_in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_kept_unless_there_are_none_or_no_facet_could_hold_them() {
        let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
        for (json, expected) in [
            (r#"[{"type": "not_null", "columns": []}]"#, true),
            (r#"[{"expression": "[[\"{"}]"#, true),
            ("[]", false),
            ("[ ]", false),
            ("null", false),
            (&*format!("[{{\"a\": {deep}}}]"), false),
        ] {
            let raw = RawValue::from_string(json.to_owned()).unwrap();
            assert_eq!(non_empty(Some(&raw)).is_some(), expected, "{json}");
        }
    }
}
