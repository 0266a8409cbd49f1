//! Extraction by the service: its sandbox, and its part of the configuration.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headwater_engine::Engine;
use headwater_extraction::{
    Extractions, ExtractorHost, FetchRule, LimitOverrides, LoadedExtractor, Options,
};
use headwater_model::{
    Artifact, ExtractError, Extraction, Extractor, ExtractorConfig, ExtractorDescription,
    ExtractorLimits, ExtractorUsage, Timestamp,
};
use headwater_plugin::{HostConfig, PluginHost, WasmExtractor};
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};
use crate::serve_config::{LimitsConfig, ServeConfig};

/// Stands before the name of a variable of the environment.
const VARIABLE: &str = "env:";

/// One table `[[fetch]]`: from where sources may be fetched.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FetchConfig {
    /// Addresses that begin so.
    prefix: String,
    /// Headers that are sent; a value `env:NAME` is that variable's.
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    /// Of a bucket: how its store is opened; a value `env:NAME` is that variable's.
    #[serde(default)]
    options: std::collections::BTreeMap<String, String>,
}

/// One table `[[extractor_limits]]`: what calls of an extractor may use, or calls for a domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtractorLimitsConfig {
    plugin: Option<String>,
    domain: Option<String>,
    memory_mebibytes_max: Option<u64>,
    timeout_ms: Option<u64>,
    facts_max: Option<u64>,
    read_mebibytes_max: Option<u64>,
}

impl ExtractorLimitsConfig {
    fn overrides(&self) -> Result<LimitOverrides, Failure> {
        let most = HostConfig::MEMORY_BYTES_MAX >> 20;
        if let Some(found) = self.memory_mebibytes_max
            && !(1..=most).contains(&found)
        {
            let message = format!(
                "extractor_limits: memory_mebibytes_max is {found}, must be from 1 to {most}"
            );
            return Err(Failure::new(Exit::Input, message));
        }
        Ok(LimitOverrides {
            memory_bytes_max: self.memory_mebibytes_max.map(|mebibytes| mebibytes << 20),
            timeout: self.timeout_ms.map(Duration::from_millis),
            facts_max: self.facts_max,
            read_bytes_max: self
                .read_mebibytes_max
                .map(|mebibytes| mebibytes.saturating_mul(1 << 20)),
        })
    }
}

/// The bounds of extraction as they are configured.
///
/// # Errors
/// A [`Failure`] with [`Exit::Input`] that names the table and the rule.
pub(crate) fn options(
    config: &ServeConfig,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Options, Failure> {
    let limits = &config.limits;
    let mut options = Options {
        workers_count: limits.extraction_workers_count,
        queue_max: limits.extraction_queue_max,
        sources_max: limits.extraction_sources_max,
        upload_bytes_max: limits.artifacts_upload_bytes_max,
        artifacts_max: limits.artifacts_max,
        store_bytes_max: limits.artifacts_kept_bytes_max,
        failures_max: limits.extraction_failures_max,
        history_max: limits.extraction_history_max,
        ..Options::default()
    };
    for table in &config.extractor_limits {
        let overrides = table.overrides()?;
        match (&table.plugin, &table.domain) {
            (Some(plugin), None) => options.of_extractors.insert(plugin.clone(), overrides),
            (None, Some(domain)) => options.of_domains.insert(domain.clone(), overrides),
            _ => {
                let message = "extractor_limits: a table names either a plugin or a domain";
                return Err(Failure::new(Exit::Input, message));
            }
        };
    }
    for table in &config.fetch {
        options.fetch.push(table.rule(&environment)?);
    }
    Ok(options)
}

impl FetchConfig {
    fn rule(&self, environment: impl Fn(&str) -> Option<String>) -> Result<FetchRule, Failure> {
        let failed = |message: String| Failure::new(Exit::Input, format!("fetch: {message}"));
        let values = |all: &std::collections::BTreeMap<String, String>| {
            let all = all.iter().map(|(name, value)| {
                let Some(variable) = value.strip_prefix(VARIABLE) else {
                    return Ok((name.clone(), value.clone()));
                };
                match environment(variable) {
                    Some(value) => Ok((name.clone(), value)),
                    None => Err(failed(format!(
                        "the variable {variable} of the environment is not set"
                    ))),
                }
            });
            all.collect::<Result<Vec<_>, _>>()
        };
        let rule = FetchRule {
            prefix: self.prefix.clone(),
            headers: values(&self.headers)?,
            options: values(&self.options)?,
        };
        rule.check().map_err(failed)?;
        Ok(rule)
    }
}

/// What one call may use unless it is configured for its extractor.
fn default_limits(limits: &LimitsConfig) -> ExtractorLimits {
    ExtractorLimits {
        memory_bytes_max: limits.extractor_memory_mebibytes_max << 20,
        timeout: Duration::from_millis(limits.extractor_timeout_ms),
        facts_max: limits.extractor_facts_max,
        read_bytes_max: limits.extractor_read_mebibytes_max << 20,
    }
}

/// Opens the extractions of a service.
///
/// # Errors
/// A [`Failure`] that names what can't be used.
pub(crate) fn open(
    config: &ServeConfig,
    engine: &Arc<Engine>,
    calendar: impl Fn() -> Timestamp + Send + Sync + 'static,
) -> anyhow::Result<Arc<Extractions>> {
    let options = options(config, |name| std::env::var(name).ok())?;
    let host = PluginHost::new(HostConfig {
        cache_dir: Some(config.data.join("compiled")),
        default_limits: default_limits(&config.limits),
        ..HostConfig::default()
    })?;
    if let Some(plugins) = &config.plugins
        && let Err(error) = std::fs::read_dir(plugins)
    {
        let message = format!("folder of extractors {}", plugins.display());
        return Err(Failure::new(Exit::Input, message).because(error).into());
    }
    let folder = folder(&config.data);
    let opened = Extractions::open(
        engine,
        Arc::new(Sandbox(host)),
        &folder,
        config.plugins.as_deref(),
        options,
        Arc::new(calendar),
    );
    let opened = opened.map_err(|error| {
        let message = format!("extractions in {}", folder.display());
        Failure::new(Exit::Failed, message).because(error)
    })?;
    Ok(Arc::new(opened))
}

/// Where they are kept below the folder of the service.
fn folder(data: &Path) -> std::path::PathBuf {
    data.join("extraction")
}

/// The sandbox, as extraction knows it.
struct Sandbox(PluginHost);

/// An extractor in it.
struct Sandboxed(WasmExtractor);

impl ExtractorHost for Sandbox {
    fn load(&self, component: &[u8]) -> Result<Arc<dyn LoadedExtractor>, String> {
        match self.0.load(component) {
            Ok(extractor) => Ok(Arc::new(Sandboxed(extractor))),
            Err(error) => Err(error.to_string()),
        }
    }

    fn default_limits(&self) -> ExtractorLimits {
        self.0.default_limits()
    }
}

impl Extractor for Sandboxed {
    fn description(&self) -> &ExtractorDescription {
        self.0.description()
    }

    fn extract(
        &self,
        config: &ExtractorConfig,
        artifacts: &[Artifact],
    ) -> Result<Extraction, ExtractError> {
        self.0.extract(config, artifacts)
    }
}

impl LoadedExtractor for Sandboxed {
    fn check_config(&self, config: &ExtractorConfig) -> Result<(), String> {
        self.0.check_config(config)
    }

    fn extract_within(
        &self,
        limits: &ExtractorLimits,
        config: &ExtractorConfig,
        artifacts: &[Artifact],
    ) -> Result<(Extraction, ExtractorUsage), ExtractError> {
        let limited = self.0.clone().with_limits(*limits);
        limited.extract_measured(config, artifacts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Options, String> {
        let mut config = ServeConfig::default();
        let table: toml::Table = toml::from_str(toml).expect("TOML");
        let tables = |key: &str| {
            table
                .get(key)
                .cloned()
                .unwrap_or(toml::Value::Array(Vec::new()))
        };
        config.fetch = tables("fetch").try_into().expect("tables");
        config.extractor_limits = tables("extractor_limits").try_into().expect("tables");
        let environment = |name: &str| (name == "TOKEN").then(|| "hunter2".to_owned());
        options(&config, environment).map_err(|failure| failure.to_string())
    }

    #[test]
    fn headers_come_from_the_environment() {
        let options = read(
            "[[fetch]]\nprefix = 'https://ci.example/'\nheaders = { Authorization = 'env:TOKEN', Accept = 'x' }",
        )
        .expect("options");
        let expected = [("Accept", "x"), ("Authorization", "hunter2")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(options.fetch[0].headers, expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (toml, part) in [
            ("[[fetch]]\nprefix = '/srv'", "begins with none of file:///"),
            (
                "[[fetch]]\nprefix = 'https://ci.example'",
                "must end its host or bucket with a slash",
            ),
            (
                "[[fetch]]\nprefix = 'https://a/'\nheaders = { X = 'env:NONE' }",
                "the variable NONE of the environment is not set",
            ),
            (
                "[[extractor_limits]]\ntimeout_ms = 1",
                "either a plugin or a domain",
            ),
            (
                "[[extractor_limits]]\nplugin = 'a'\nmemory_mebibytes_max = 5000",
                "memory_mebibytes_max is 5000, must be from 1 to 4096",
            ),
        ] {
            let error = read(toml).expect_err(toml);
            assert!(error.contains(part), "{error}");
        }
    }
}
