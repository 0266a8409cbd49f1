//! `headwater submit`: what a domain's own files say, to the service.

use std::path::PathBuf;

use clap::Args;
use headwater_model::{DomainName, SourceName};
use serde_json::{Value, json};

use crate::cli::ServerArgs;
use crate::client::Client;
use crate::environment::Environment;
use crate::extraction::ExtractionArgs;
use crate::failure::{self, Exit, Failure};
use crate::field_catalog::CatalogArgs;
use crate::output::{self, Format, Tone, count};

mod document;
mod expand;
mod post;
mod project;
mod receipt;

use document::Document;
use post::Target;
use project::Project;

/// Where a project says what is submitted from it.
const PROJECT_FILE: &str = "headwater.toml";

/// Submit what a domain's files say: extract facts in a sandbox, and post them
///
/// The source's facts of the kinds that the extractor covers are replaced by what the files say now. Without
/// --domain, --source, --plugin and files, everything is submitted that ./headwater.toml lists; one source that fails
/// does not keep the others from being submitted.
///
/// Extractors that read headwater-catalog.json are told which fields the service knows of the datasets that the files
/// read, unless --catalog says otherwise or such a file is among them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater submit
  headwater submit --dry-run
  headwater submit --domain orders --source dbt-prod --plugin dbt target/
  headwater submit --domain orders --source dbt-prod --plugin dbt --dry-run target/manifest.json
  headwater extract --plugin dbt target/ | headwater submit --domain orders --source dbt-prod --facts -

A file headwater.toml; paths in it start from its folder:
  server = \"http://127.0.0.1:8080\"
  domain = \"orders\"

  [[source]]
  source = \"dbt-prod\"
  plugin = \"dbt\"
  files = [\"target/manifest.json\", \"models/**/*.sql\"]
  config = { namespace = \"postgres://db:5432\" }")]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    server: ServerArgs,

    /// The domain that submits
    #[arg(long, value_parser = |text: &str| DomainName::parse(text), requires = "source")]
    domain: Option<DomainName>,

    /// The source's name within the domain: one for each use of an extractor
    #[arg(long, value_parser = |text: &str| SourceName::parse(text), requires = "domain")]
    source: Option<SourceName>,

    /// Name of an extractor in the plugins folder, or path to a component
    #[arg(long, value_name = "P", requires_all = ["files", "source"])]
    plugin: Option<String>,

    /// Submit ready-made facts as JSON; - is standard input
    #[arg(
        long,
        value_name = "FILE",
        requires = "source",
        conflicts_with_all = ["plugin", "files", "config", "set"]
    )]
    facts: Option<PathBuf>,

    /// The file that lists what is submitted [default: ./headwater.toml]
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["domain", "source", "plugin", "facts", "files", "config", "set"]
    )]
    project: Option<PathBuf>,

    #[command(flatten)]
    extraction: ExtractionArgs,

    #[command(flatten)]
    catalog: CatalogArgs,

    /// Keep nothing, and show what would change and who is downstream of it
    #[arg(long)]
    dry_run: bool,

    /// How to print the receipt
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Files to read; of a folder, those that the extractor reads; `-` is standard input
    #[arg(value_name = "FILE|DIR", requires = "plugin")]
    files: Vec<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &SubmitArgs, environment: &Environment) -> anyhow::Result<()> {
    let (Some(domain), Some(source)) = (&args.domain, &args.source) else {
        return run_project(args, environment);
    };
    let target = Target {
        domain: domain.clone(),
        source: source.clone(),
        is_dry_run: args.dry_run,
    };
    let client = Client::new(args.server.url())?;
    let document = match (&args.facts, &args.plugin) {
        (Some(path), _) => Document::of_facts(path)?,
        (None, Some(plugin)) => {
            let catalog = args.catalog.catalog.as_ref();
            let extracted =
                args.extraction
                    .run(plugin, &args.files, catalog, Some(&client), environment)?;
            Document::of(&extracted)?
        }
        (None, None) => {
            let message = format!("nothing to submit for {target}");
            let failure = Failure::new(Exit::Usage, message);
            return Err(failure
                .hint("name an extractor with --plugin and the files it reads, or give --facts")
                .into());
        }
    };
    let answer = target.submit(&client, &document, args.format)?;
    match args.format {
        Format::Json => output::print_json(&answer),
        Format::Table => Ok(()),
    }
}

/// Submits all that the project file lists.
fn run_project(args: &SubmitArgs, environment: &Environment) -> anyhow::Result<()> {
    let is_stray =
        !args.extraction.config.set.is_empty() || args.extraction.config.config.is_some();
    if is_stray {
        let message =
            "--config and --set are for --plugin; headwater.toml has a config for each source";
        return Err(Failure::new(Exit::Usage, message).into());
    }
    let path = args
        .project
        .clone()
        .unwrap_or_else(|| PathBuf::from(PROJECT_FILE));
    if args.project.is_none() && !path.is_file() {
        let failure = Failure::new(Exit::Usage, format!("there is no ./{PROJECT_FILE}"));
        return Err(failure
            .hint("write one that lists what to submit (see --help), or name --domain, --source, --plugin and files")
            .into());
    }
    let project = Project::read(&path)?;
    let client = Client::new(args.server.url_or(project.server.as_deref()))?;
    let mut outcomes = Vec::with_capacity(project.sources.len());
    let mut failed = Vec::new();
    for source in &project.sources {
        let target = Target {
            domain: source.domain.clone(),
            source: source.source.clone(),
            is_dry_run: args.dry_run,
        };
        let submitted = source
            .document(&project, args, &client, environment)
            .and_then(|document| target.submit(&client, &document, args.format));
        let key = json!({"domain": source.domain.as_str(), "source": source.source.as_str()});
        match submitted {
            Ok(answer) => outcomes.push(outcome(key, "submission", answer)),
            Err(error) if error.is::<failure::OutputClosed>() => return Err(error),
            Err(error) => {
                let error = error.context(format!("{target} was not submitted"));
                outcomes.push(outcome(key, "error", format!("{error:#}").into()));
                failure::tell(&error);
                failed.push(failure::exit_of(&error).unwrap_or(Exit::Failed));
            }
        }
    }
    if args.format == Format::Json {
        output::print_json(&json!({ "sources": outcomes }))?;
    }
    verdict(&failed, project.sources.len())
}

fn outcome(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

/// The exit code is that of the failures if they agree.
fn verdict(failed: &[Exit], count_all: usize) -> anyhow::Result<()> {
    let Some(first) = failed.first() else {
        return Ok(());
    };
    let is_agreed = failed.iter().all(|exit| exit == first);
    let exit = if is_agreed { *first } else { Exit::Failed };
    let message = format!(
        "{} of {} failed",
        failed.len(),
        count(count_all as u64, "source")
    );
    Err(Failure::new(exit, message).into())
}

/// Tells of errors in the input, which keep what it no longer states.
fn tell_errors(errors_count: usize) {
    let errors = count(errors_count as u64, "error");
    let line = format!(
        "note: {errors} in the input: nothing of the source ended, and it is stale until it is submitted without"
    );
    output::tell(Tone::Warning, &line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_failures_that_agree() {
        let exit = |failed: &[Exit]| {
            verdict(failed, 3)
                .err()
                .and_then(|error| failure::exit_of(&error))
        };
        assert_eq!(exit(&[]), None);
        assert_eq!(exit(&[Exit::Input, Exit::Input]), Some(Exit::Input));
        assert_eq!(exit(&[Exit::Input, Exit::NotFound]), Some(Exit::Failed));
    }
}
