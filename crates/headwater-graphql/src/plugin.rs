//! Extractors that the service has loaded, as it describes them to clients.

use std::sync::Arc;

use async_graphql::{ID, Object, Result, SimpleObject, Value};
use headwater_model::ExtractorDescription;

use crate::error::internal;
use crate::scalars::{Json, int};
use crate::scope::Scope;

/// Artifacts that an extractor reads.
#[derive(SimpleObject)]
struct PluginInput {
    /// Matches their names.
    glob: String,
    media_type: String,
    /// True if nothing can be said without one.
    required: bool,
}

/// What one call of an extractor may use.
#[derive(SimpleObject)]
struct PluginLimits {
    memory_mebibytes: i32,
    timeout_ms: i32,
    output_facts: i32,
}

/// An extractor that the service has loaded.
pub(crate) struct Plugin(Arc<ExtractorDescription>);

impl Plugin {
    fn public_id(of: &ExtractorDescription) -> String {
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
            "" => *of.name == *name && *of.version == *version,
            digest => of.digest.to_string() == *digest,
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
        &self.0.summary
    }

    /// SHA-256 of the component, lowercase hex.
    async fn digest(&self) -> String {
        self.0.digest.to_string()
    }

    async fn inputs(&self) -> Vec<PluginInput> {
        let inputs = self.0.inputs.iter().map(|input| PluginInput {
            glob: input.glob.to_string(),
            media_type: input.media_type.to_string(),
            required: input.is_required,
        });
        inputs.collect()
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
            memory_mebibytes: int(limits.memory_bytes_max >> 20),
            timeout_ms: int(limits.timeout.as_millis()),
            output_facts: int(limits.facts_max),
        }
    }
}
