//! Extractors that the service has loaded, as it describes them to clients.

use std::sync::Arc;

use async_graphql::{ID, Object, Result, SimpleObject, Value};

use crate::error::internal;
use crate::scalars::{Json, int};
use crate::scope::Scope;

/// An extractor that the service has loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginDescription {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// For a person to read.
    pub description: String,
    /// SHA-256 of the component, lowercase hex.
    pub digest: String,
    /// The artifacts that it reads.
    pub inputs: Vec<PluginInputDescription>,
    /// JSON Schema of its configuration; none if it has none.
    pub config_schema: Option<String>,
    /// What one call of it may use.
    pub limits: PluginLimitsDescription,
}

/// Artifacts that an extractor reads.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
#[graphql(name = "PluginInput")]
pub struct PluginInputDescription {
    /// Matches their names.
    pub glob: String,
    /// Their media type.
    pub media_type: String,
    /// True if there must be one.
    pub required: bool,
}

/// What one call of an extractor may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PluginLimitsDescription {
    /// Memory, in mebibytes.
    pub memory_mebibytes: u64,
    /// Wall time, in milliseconds.
    pub timeout_ms: u64,
    /// Facts that it may state.
    pub output_facts: u64,
}

/// What one call of an extractor may use.
#[derive(SimpleObject)]
struct PluginLimits {
    memory_mebibytes: i32,
    timeout_ms: i32,
    output_facts: i32,
}

/// An extractor that the service has loaded.
pub(crate) struct Plugin(Arc<PluginDescription>);

impl Plugin {
    fn public_id(of: &PluginDescription) -> String {
        format!("plg_{}", of.digest)
    }

    /// All extractors, by name and version.
    pub(crate) fn all(scope: &Scope) -> Vec<Self> {
        scope
            .plugins
            .iter()
            .map(|of| Self(Arc::clone(of)))
            .collect()
    }

    /// The extractor with that public id.
    pub(crate) fn by_id(scope: &Scope, id: &str) -> Option<Self> {
        let mut plugins = scope.plugins.iter();
        let found = plugins.find(|of| Self::public_id(of) == *id);
        found.map(|of| Self(Arc::clone(of)))
    }

    /// The extractor that made something, told by its digest, or by name and version where nobody told the digest.
    pub(crate) fn of(scope: &Scope, (name, version, digest): (&str, &str, &str)) -> Option<Self> {
        let mut plugins = scope.plugins.iter();
        let found = plugins.find(|of| match digest {
            "" => of.name == *name && of.version == *version,
            digest => of.digest == *digest,
        });
        found.map(|of| Self(Arc::clone(of)))
    }
}

/// An extractor that the service has loaded.
#[Object]
impl Plugin {
    pub(crate) async fn id(&self) -> Result<ID> {
        Ok(ID(Self::public_id(&self.0)))
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    async fn version(&self) -> &str {
        &self.0.version
    }

    async fn description(&self) -> &str {
        &self.0.description
    }

    /// SHA-256 of the component, lowercase hex.
    async fn digest(&self) -> &str {
        &self.0.digest
    }

    async fn inputs(&self) -> &[PluginInputDescription] {
        &self.0.inputs
    }

    /// JSON Schema of its configuration.
    async fn config_schema(&self) -> Result<Option<Json>> {
        let schema = self.0.config_schema.as_deref();
        let schema = schema.map(serde_json::from_str::<Value>).transpose();
        schema
            .map(|schema| schema.map(Json))
            .map_err(|error| internal(&error))
    }

    async fn limits(&self) -> PluginLimits {
        let limits = self.0.limits;
        PluginLimits {
            memory_mebibytes: int(limits.memory_mebibytes),
            timeout_ms: int(limits.timeout_ms),
            output_facts: int(limits.output_facts),
        }
    }
}
