//! What the asking commands read out of the service's answers.

use serde::{Deserialize, Serialize};

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
}

/// The fields of [`AssetLine`], for an interface or an object type.
pub(crate) const ASSET_FIELDS: &str = "__typename id reference type domain { name }";

/// [`AssetLine`] out of a union that has datasets and jobs among others.
pub(crate) const ENTITY_FIELDS: &str = "__typename ... on Dataset { id reference type domain { name } } \
    ... on Job { id reference type domain { name } }";

impl AssetLine {
    /// Its domain; `-` if it has none.
    pub(crate) fn domain(&self) -> &str {
        self.domain.as_ref().map_or("-", |domain| &domain.name)
    }
}
