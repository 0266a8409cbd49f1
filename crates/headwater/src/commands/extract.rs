//! `headwater extract`: facts as JSON, sent nowhere.

use std::path::PathBuf;

use clap::Args;
use headwater_record::JsonLayout;

use crate::cli::ServerArgs;
use crate::client::Client;
use crate::diagnostics::{self, Finding};
use crate::environment::Environment;
use crate::extraction::ExtractionArgs;
use crate::failure::{Exit, Failure};
use crate::field_catalog::{CatalogArgs, CatalogSource};
use crate::output;

/// Print the facts that an extractor finds in files, as JSON
///
/// Diagnostics go to standard error too. If part of the input could not be understood, the facts of the rest are
/// printed and the exit code is 3. No service is asked for anything, unless with --catalog server.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater extract --plugin dbt target/manifest.json
  headwater extract --plugin sql --catalog headwater-catalog.json sql/
  echo 'insert into a select b from c' | headwater extract --plugin sql -
  headwater extract --plugin ./my.wasm --set dialect=snowflake models/ | jq .edges")]
pub(crate) struct ExtractArgs {
    /// Name of an extractor in the plugins folder, or path to a component
    #[arg(long, value_name = "P")]
    plugin: String,

    #[command(flatten)]
    extraction: ExtractionArgs,

    #[command(flatten)]
    catalog: CatalogArgs,

    #[command(flatten)]
    server: ServerArgs,

    /// Files to read; of a folder, those that the extractor reads; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &ExtractArgs, environment: &Environment) -> anyhow::Result<()> {
    let catalog = args.catalog.catalog.as_ref();
    // Nothing else needs a service.
    let client = match catalog {
        Some(CatalogSource::Server) => Some(Client::new(args.server.url())?),
        _ => None,
    };
    let extracted = args.extraction.run(
        &args.plugin,
        &args.files,
        catalog,
        client.as_ref(),
        environment,
    )?;
    let layout = if output::is_stdout_terminal() {
        JsonLayout::Pretty
    } else {
        JsonLayout::Compact
    };
    let json = extracted.to_json(layout)?;
    let findings: Vec<Finding> = extracted
        .extraction
        .diagnostics
        .iter()
        .map(Finding::from)
        .collect();
    diagnostics::tell(&findings);
    output::print(&(json + "\n"))?;
    match findings.iter().filter(|finding| finding.is_error()).count() {
        0 => Ok(()),
        errors => {
            let errors = output::count(errors as u64, "error");
            Err(Failure::new(
                Exit::Input,
                format!("{errors} in the input; the facts are those of the rest"),
            )
            .into())
        }
    }
}
