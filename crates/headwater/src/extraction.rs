//! Running an extractor on files.

use std::path::PathBuf;

use clap::Args;
use headwater_model::{
    Artifact, ExtractError, Extraction, Extractor as _, ExtractorConfig, ExtractorUsage,
    ExtractorVersion,
};
use headwater_plugin::WasmExtractor;
use headwater_record::{FactsDocument, JsonLayout, facts_to_json};

use crate::artifacts;
use crate::client::Client;
use crate::environment::Environment;
use crate::extractor_config::ExtractorConfigArgs;
use crate::failure::{Exit, Failure};
use crate::field_catalog::{CatalogSource, Reading};
use crate::output;

/// What configures a run of an extractor, beside the files.
#[derive(Debug, Args)]
pub(crate) struct ExtractionArgs {
    #[command(flatten)]
    pub(crate) config: ExtractorConfigArgs,
    #[command(flatten)]
    pub(crate) plugins: crate::plugins::PluginsArgs,
}

/// What came out of a run, and which extractor it was.
#[derive(Debug)]
pub(crate) struct Extracted {
    pub(crate) version: ExtractorVersion,
    pub(crate) extraction: Extraction,
    /// What the last call used of what it may.
    pub(crate) usage: ExtractorUsage,
}

impl ExtractionArgs {
    /// Runs the extractor `plugin` in its sandbox on `paths`, with the catalog of fields that `catalog` names.
    ///
    /// # Errors
    /// A [`Failure`]: [`Exit::Input`] if files, configuration or extractor are wrong, [`Exit::NotFound`] if there
    /// is no such extractor, [`Exit::Failed`] if it broke down or used too much.
    pub(crate) fn run(
        &self,
        plugin: &str,
        paths: &[PathBuf],
        catalog: Option<&CatalogSource>,
        client: Option<&Client>,
        environment: &Environment,
    ) -> anyhow::Result<Extracted> {
        let config = self.config.load()?;
        let extractor = self.plugins.load(plugin, environment)?;
        let inputs = &extractor.description().inputs;
        let artifacts = artifacts::read(paths, inputs, environment.current.as_deref())?;
        let reading = Reading {
            extractor: &extractor,
            config: &config,
            artifacts,
        };
        reading.extract(catalog, client)
    }
}

/// Runs `extractor` in its sandbox on `artifacts`.
///
/// # Errors
/// A [`Failure`], see [`ExtractionArgs::run`].
pub(crate) fn extract(
    extractor: &WasmExtractor,
    config: &ExtractorConfig,
    artifacts: &[Artifact],
) -> anyhow::Result<Extracted> {
    let description = extractor.description();
    let files = output::count(artifacts.len() as u64, "file");
    let spinner = output::spinner(format!("{} reads {files}", description.name));
    let measured = extractor.extract_measured(config, artifacts);
    spinner.finish_and_clear();
    let (extraction, usage) = measured.map_err(|error| failure_of(&error))?;
    Ok(Extracted {
        version: ExtractorVersion {
            name: description.name.clone(),
            version: description.version.clone(),
            digest: description.digest.to_string().into(),
        },
        extraction,
        usage,
    })
}

impl Extracted {
    /// Its facts as JSON.
    ///
    /// # Errors
    /// A [`Failure`] if the extractor stated something that JSON can't say.
    pub(crate) fn to_json(&self, layout: JsonLayout) -> Result<String, Failure> {
        let document = FactsDocument {
            extractor: Some(&self.version),
            generated_at: self.extraction.generated_at,
            covers: self.extraction.covers,
            facts: &self.extraction.facts,
            diagnostics: &self.extraction.diagnostics,
        };
        facts_to_json(&document, layout).map_err(|error| {
            let message = format!("extractor {} stated something odd", self.version.name);
            Failure::new(Exit::Failed, message).because(error)
        })
    }
}

fn failure_of(error: &ExtractError) -> Failure {
    let exit = match error {
        ExtractError::Unsupported { .. }
        | ExtractError::Malformed { .. }
        | ExtractError::Config { .. } => Exit::Input,
        ExtractError::Limit { .. } | ExtractError::Failed { .. } => Exit::Failed,
    };
    let place = match error {
        ExtractError::Malformed { diagnostic, .. } => diagnostic.at.as_ref().map(|at| {
            let line = at.line.map(|line| format!(" line {line}"));
            let column = at.column.map(|column| format!(" column {column}"));
            let pointer = at.pointer.as_deref().map(|pointer| format!(" {pointer}"));
            [Some(at.artifact.to_string()), pointer, line, column]
                .into_iter()
                .flatten()
                .collect::<String>()
        }),
        _ => None,
    };
    let failure = Failure::new(exit, error.to_string());
    match place {
        Some(place) => failure.hint(format!("look at {place}")),
        None => failure,
    }
}
