//! `headwater catalog`: which fields the datasets have that files read.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use headwater_model::Extractor as _;

use crate::artifacts;
use crate::cli::ServerArgs;
use crate::client::Client;
use crate::environment::Environment;
use crate::extraction::ExtractionArgs;
use crate::failure::{Exit, Failure};
use crate::field_catalog::Reading;
use crate::moment::AsOfArgs;
use crate::output;

/// Write a headwater-catalog.json: which fields the datasets have that files read
///
/// The extractor reads the files, and the service is asked about the datasets that they name without telling their
/// fields. With the file, `headwater extract --catalog` gives the same facts as `headwater submit`, and goes on giving
/// them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater catalog --plugin sql --set dialect=postgres sql/ > headwater-catalog.json
  headwater catalog --plugin sql --output sql/headwater-catalog.json sql/
  headwater catalog --plugin sql --as-of @1042 sql/
  headwater extract --plugin sql --catalog headwater-catalog.json sql/")]
pub(crate) struct CatalogArgs {
    #[command(flatten)]
    server: ServerArgs,

    /// Name of an extractor in the plugins folder, or path to a component
    #[arg(long, value_name = "P")]
    plugin: String,

    #[command(flatten)]
    extraction: ExtractionArgs,

    #[command(flatten)]
    as_of: AsOfArgs,

    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Files to read; of a folder, those that the extractor reads
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &CatalogArgs, environment: &Environment) -> anyhow::Result<()> {
    let client = Client::new(args.server.url())?;
    let config = args.extraction.config.load()?;
    let extractor = args.extraction.plugins.load(&args.plugin, environment)?;
    let inputs = &extractor.description().inputs;
    let artifacts = artifacts::read(&args.files, inputs, environment.current.as_deref())?;
    let reading = Reading {
        extractor: &extractor,
        config: &config,
        artifacts,
    };
    let text = reading.ask(&client, args.as_of)?.to_json();
    match &args.output {
        None => output::print(&text),
        Some(path) => fs::write(path, text).with_context(|| {
            Failure::new(Exit::Failed, format!("cannot write {}", path.display()))
        }),
    }
}
