//! What the asking commands read out of the service's answers.

use serde::{Deserialize, Serialize};

use crate::drawing::{Drawing, Shape};

/// Something that has a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
}

/// The state of the graph that an answer was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotInfo {
    pub(crate) offset: u64,
}

/// A dataset or a job, as far as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AssetLine {
    #[serde(rename = "__typename")]
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) reference: String,
    pub(crate) r#type: String,
    pub(crate) domain: Option<Named>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
}

/// The fields of [`AssetLine`], for an interface or an object type.
pub(crate) const ASSET_FIELDS: &str = "__typename id reference type label domain { name }";

/// For people: a reference, and what people call it where that says more.
pub(crate) fn labelled(reference: &str, label: Option<&str>) -> String {
    match label {
        Some(label) if !reference.ends_with(label) => format!("{reference} ({label})"),
        _ => reference.to_owned(),
    }
}

impl AssetLine {
    /// For people.
    pub(crate) fn shown(&self) -> String {
        labelled(&self.reference, self.label.as_deref())
    }

    /// Its domain; `-` if it has none.
    pub(crate) fn domain(&self) -> &str {
        self.domain.as_ref().map_or("-", |domain| &domain.name)
    }

    /// Its domain; empty if it has none.
    pub(crate) fn domain_or_empty(&self) -> String {
        let name = self.domain.as_ref().map(|domain| domain.name.clone());
        name.unwrap_or_default()
    }

    /// Puts it into a picture, in the frame of its domain.
    pub(crate) fn draw(&self, drawing: &mut Drawing) {
        let domain = self.domain.as_ref().map(|domain| &*domain.name);
        drawing.node(&self.id, Shape::of_kind(&self.kind), &self.shown(), domain);
    }
}

/// A field of a dataset.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FieldLine {
    pub(crate) reference: String,
    pub(crate) name: String,
}

/// The fields of [`FieldLine`].
pub(crate) const FIELD_FIELDS: &str = "reference name";

/// Whether a walk goes from dataset to dataset or from field to field.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FieldLevelArgs {
    /// Walk from field to field, where field lineage is known
    #[arg(long)]
    pub(crate) field_level: bool,
}

impl FieldLevelArgs {
    /// The argument of the query: only where it is asked for, so that services without it still answer.
    pub(crate) fn argument(self) -> &'static str {
        if self.field_level {
            ", granularity: FIELD"
        } else {
            ""
        }
    }
}

/// Which datasets an answer leaves out.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ContractArgs {
    /// Leave out datasets whose name, or namespace/name, matches: ways through them become direct. Again for more
    #[arg(long, value_name = "GLOB", conflicts_with = "field_level")]
    contract: Vec<String>,
}

impl ContractArgs {
    /// The argument of the query: only where it is asked for.
    pub(crate) fn argument(&self) -> String {
        if self.contract.is_empty() {
            return String::new();
        }
        // A text of JSON is one of GraphQL, too.
        format!(", contract: {}", serde_json::json!(self.contract))
    }

    /// What is asked of the completeness besides.
    pub(crate) fn selection(&self) -> &'static str {
        if self.contract.is_empty() {
            ""
        } else {
            " completeness { contractedCount }"
        }
    }
}

/// OpenLineage's column-lineage transformation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Transformation {
    pub(crate) r#type: String,
    pub(crate) subtype: Option<String>,
    pub(crate) masking: bool,
}

/// The fields of [`Transformation`].
pub(crate) const TRANSFORMATION_FIELDS: &str = "type subtype masking";

impl Transformation {
    /// `direct`, `indirect filter`, `direct transformation masking`.
    fn words(&self) -> String {
        let subtype = self.subtype.as_deref().filter(|text| !text.is_empty());
        let masking = self.masking.then_some("masking");
        let words: Vec<&str> = [Some(&*self.r#type), subtype, masking]
            .into_iter()
            .flatten()
            .collect();
        words.join(" ").to_lowercase()
    }

    /// All of them in one text, each once.
    pub(crate) fn listed(all: &[Self]) -> String {
        let mut words: Vec<String> = all.iter().map(Self::words).collect();
        words.sort();
        words.dedup();
        words.join(", ")
    }
}
