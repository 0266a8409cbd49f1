//! What a contract says, whichever standard it follows.

use serde_json::Value as Json;

use crate::server::Server;

/// Where something stands in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) pointer: String,
    pub(crate) line: Option<u32>,
}

/// A contract.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contract {
    pub(crate) artifact: String,
    pub(crate) standard: &'static str,
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) owners: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) urls: Vec<String>,
    pub(crate) domain: Option<String>,
    pub(crate) data_product: Option<String>,
    /// Servers that are understood, with their names and environments.
    pub(crate) servers: Vec<Server>,
    pub(crate) objects: Vec<Object>,
    pub(crate) service_levels: Option<Json>,
}

impl Contract {
    /// Whether somebody else may rely on it: it is neither to come nor over.
    pub(crate) fn is_offered(&self) -> bool {
        let status = self.status.as_deref().unwrap_or("active").to_lowercase();
        !matches!(
            status.as_str(),
            "proposed" | "draft" | "in development" | "development" | "retired"
        )
    }
}

/// A table, a topic, a file: what is under contract.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub(crate) spot: Spot,
    pub(crate) name: String,
    /// What it is called where it is stored.
    pub(crate) physical_name: String,
    pub(crate) kind: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) urls: Vec<String>,
    pub(crate) fields: Vec<Field>,
    /// Rules, each with the field that it is about.
    pub(crate) quality: Vec<Json>,
}

/// A field; nested ones have a dotted name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Field {
    /// What it is called where it is stored.
    pub(crate) name: String,
    /// What the contract calls it.
    pub(crate) logical_name: String,
    pub(crate) data_type: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) classification: Option<String>,
    /// What else the contract says of it: logical type, keys, ….
    pub(crate) facts: serde_json::Map<String, Json>,
    pub(crate) origins: Vec<Origin>,
}

/// What a field is made of.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// An object, by the name that the contract has for it.
    Object {
        name: String,
        description: Option<String>,
        spot: Spot,
    },
    /// A field of a dataset, as `OpenLineage` names them.
    Field {
        namespace: String,
        dataset: String,
        field: Option<String>,
        transformations: Vec<Transformation>,
        spot: Spot,
    },
}

/// How a field is made, in `OpenLineage`'s terms.
#[derive(Clone, Debug)]
pub(crate) struct Transformation {
    pub(crate) is_direct: bool,
    pub(crate) subtype: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) is_masking: bool,
}

/// A data product and the contracts of its ports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Product {
    pub(crate) artifact: String,
    pub(crate) name: String,
    pub(crate) owners: Vec<String>,
    pub(crate) ports: Vec<Port>,
}

/// An output port: its contract, and those of what it is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Port {
    pub(crate) spot: Spot,
    pub(crate) contract: String,
    pub(crate) inputs: Vec<String>,
}
