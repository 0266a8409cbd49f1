//! Extractors that the service has loaded, as it describes them to clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{ID, Object, Result, SimpleObject, Value};
use headwater_extraction::{Extractions, ExtractorRecord, SourceRecord, VersionRecord};
use headwater_model::{ExtractorDescription, ExtractorLimits};

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

/// Of what is not installed nothing is called.
const NO_LIMITS: ExtractorLimits = ExtractorLimits {
    memory_bytes_max: 0,
    timeout: Duration::ZERO,
    facts_max: 0,
    read_bytes_max: 0,
};

/// The extractors of a service.
#[derive(Clone)]
pub(crate) struct Plugins {
    /// Those that it is told of, by name and version.
    pub(crate) fixed: Arc<[Arc<ExtractorDescription>]>,
    /// Those that it has.
    pub(crate) extractions: Option<Arc<Extractions>>,
}

impl Plugins {
    fn of(&self, extractors: &BTreeMap<String, ExtractorRecord>) -> Vec<Plugin> {
        let fixed = self.fixed.iter().map(|of| Plugin {
            about: Arc::clone(of),
            is_active: true,
            is_enabled: true,
        });
        let had = extractors.iter().flat_map(|(name, extractor)| {
            extractor
                .versions
                .iter()
                .filter_map(move |version| self.version(name, extractor, version))
        });
        fixed.chain(had).collect()
    }

    fn version(
        &self,
        name: &str,
        extractor: &ExtractorRecord,
        version: &VersionRecord,
    ) -> Option<Plugin> {
        let limits = self.extractions.as_ref()?.limits_of(name);
        Some(Plugin {
            about: Arc::new(version.description(name, limits)),
            is_active: extractor.active == version.digest,
            is_enabled: extractor.is_enabled,
        })
    }

    /// Those that are known by now: nothing is waited for.
    fn now(&self) -> Vec<Plugin> {
        let extractors = self.extractions.as_ref().map(|of| of.extractors_now());
        self.of(&extractors.unwrap_or_default())
    }
}

/// An extractor that the service has loaded.
pub(crate) struct Plugin {
    about: Arc<ExtractorDescription>,
    is_active: bool,
    is_enabled: bool,
}

impl Plugin {
    fn public_id(&self) -> String {
        format!("plg_{}", self.about.digest)
    }

    /// All extractors, by name; versions of one in the order in which they came.
    pub(crate) fn all(scope: &Scope) -> Vec<Self> {
        let plugins = &scope.plugins;
        // What is new in the folder of extractors is compiled first.
        let extractors = plugins.extractions.as_ref().map(|of| of.extractors());
        plugins.of(&extractors.unwrap_or_default())
    }

    /// The extractor with that public id.
    pub(crate) fn by_id(scope: &Scope, id: &str) -> Option<Self> {
        let mut plugins = scope.plugins.now().into_iter();
        plugins.find(|of| of.public_id() == *id)
    }

    /// The extractor that made something, told by its digest, or by name and version where nobody told the digest.
    pub(crate) fn of(scope: &Scope, (name, version, digest): (&str, &str, &str)) -> Option<Self> {
        let mut plugins = scope.plugins.now().into_iter();
        plugins.find(|of| match digest {
            "" => *of.about.name == *name && *of.about.version == *version,
            digest => of.about.digest.to_string() == *digest,
        })
    }

    /// The version that a source uses.
    pub(crate) fn of_source(scope: &Scope, source: &SourceRecord) -> Option<Self> {
        let extractors = scope.plugins.extractions.as_ref()?.extractors_now();
        let extractor = extractors.get(&source.extractor)?;
        let digest = source.pin.as_ref().unwrap_or(&extractor.active);
        let version = extractor.version(digest)?;
        scope.plugins.version(&source.extractor, extractor, version)
    }

    /// A version of an extractor.
    pub(crate) fn of_version(scope: &Scope, name: &str, version: &VersionRecord) -> Self {
        let found = Self::of(scope, (name, "", &version.digest));
        found.unwrap_or_else(|| Self {
            about: Arc::new(version.description(name, NO_LIMITS)),
            is_active: false,
            is_enabled: false,
        })
    }
}

/// An extractor that the service has loaded.
#[Object]
impl Plugin {
    pub(crate) async fn id(&self) -> Result<ID> {
        Ok(ID(self.public_id()))
    }

    async fn name(&self) -> &str {
        &self.about.name
    }

    async fn version(&self) -> &str {
        &self.about.version
    }

    async fn description(&self) -> &str {
        &self.about.summary
    }

    /// SHA-256 of the component, lowercase hex.
    async fn digest(&self) -> String {
        self.about.digest.to_string()
    }

    async fn inputs(&self) -> Vec<PluginInput> {
        let inputs = self.about.inputs.iter().map(|input| PluginInput {
            glob: input.glob.to_string(),
            media_type: input.media_type.to_string(),
            required: input.is_required,
        });
        inputs.collect()
    }

    /// JSON Schema of its configuration.
    async fn config_schema(&self) -> Result<Option<Json>> {
        let schema = self.about.config_schema.as_deref();
        let schema = schema.map(serde_json::from_str::<Value>).transpose();
        schema
            .map(|schema| schema.map(Json))
            .map_err(|error| internal(&error))
    }

    /// True if sources that are not pinned use this version.
    async fn is_active(&self) -> bool {
        self.is_active
    }

    /// False while none of its sources is extracted.
    async fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    async fn limits(&self) -> PluginLimits {
        let limits = self.about.limits;
        PluginLimits {
            memory_mebibytes: int(limits.memory_bytes_max >> 20),
            timeout_ms: int(limits.timeout.as_millis()),
            output_facts: int(limits.facts_max),
        }
    }
}
