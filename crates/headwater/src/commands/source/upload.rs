//! `headwater source upload`: artifacts, to be extracted by the service.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use headwater_model::{InputPattern, SourceKey};
use serde::Deserialize;
use serde_json::json;

use super::{WaitArgs, extraction, variables};
use crate::artifacts;
use crate::cli::AskArgs;
use crate::client::{Client, blames_input, segment};
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::output::{self, count};

/// Send the service artifacts of a source, and let it extract them
///
/// They take the place of those that were sent before. Exits with 3 if nothing comes of them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater source upload orders/dbt-prod target/
  headwater source upload orders/dbt-prod --plugin dbt target/manifest.json
  headwater source upload growth/queries --partial --no-wait new.sql")]
pub(super) struct UploadArgs {
    /// The source
    #[arg(value_name = "DOMAIN/SOURCE", value_parser = SourceKey::parse)]
    source: SourceKey,

    /// Bind the source to this extractor, unless it is bound to it already
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,

    /// Artifacts that are not sent stay
    #[arg(long)]
    partial: bool,

    #[command(flatten)]
    wait: WaitArgs,

    #[command(flatten)]
    ask: AskArgs,

    /// Files to send; of a folder, those that the extractor reads
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Input {
    glob: String,
}

#[derive(Deserialize)]
struct PluginInputs {
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Bound {
    plugin: Option<PluginInputs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    name: String,
    is_active: bool,
    #[serde(flatten)]
    inputs: PluginInputs,
}

#[derive(Deserialize)]
struct Queued {
    number: u64,
}

/// Runs the command.
pub(super) fn run(args: &UploadArgs, environment: &Environment) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let inputs = inputs(args, &client)?;
    let files = artifacts::list(&args.files, &inputs, environment.current.as_deref())?;
    let mut path = format!(
        "/api/v1/sources/{}/{}/artifacts?partial={}",
        segment(args.source.domain.as_str()),
        segment(args.source.name.as_str()),
        args.partial
    );
    if let Some(plugin) = &args.plugin {
        let _ = write!(path, "&plugin={}", segment(plugin));
    }
    let what = count(files.len() as u64, "file");
    let spinner = output::spinner(format!("sending {what} to {}", client.server()));
    let reply = client.post_files(&path, &files);
    spinner.finish_and_clear();
    let reply = reply?;
    if !reply.is_success() {
        let exit = match reply.status {
            404 => Exit::NotFound,
            status if blames_input(status) => Exit::Input,
            _ => Exit::Failed,
        };
        let message = format!(
            "{} refuses the files: {}",
            client.server(),
            reply.error().text()
        );
        return Err(Failure::new(exit, message).into());
    }
    let queued: Queued = serde_json::from_slice(&reply.body)?;
    extraction::follow(
        &client,
        &args.source,
        queued.number,
        args.wait,
        args.ask.format,
    )
}

/// What the source's extractor reads.
fn inputs(args: &UploadArgs, client: &Client) -> anyhow::Result<Vec<InputPattern>> {
    let query = "query($domain: String!, $name: String!) { sourceBinding(domain: $domain, name: $name) { \
         plugin { inputs { glob } } } }";
    let asked = variables(&args.source, &json!({}));
    let bound: Option<Bound> = client.ask_repeatable("sourceBinding", query, &asked)?;
    let inputs = match (bound, &args.plugin) {
        (Some(bound), _) => bound.plugin.map(|plugin| plugin.inputs),
        (None, Some(wanted)) => {
            let query = "{ plugins { name isActive inputs { glob } } }";
            let all: Vec<Listed> = client.ask_repeatable("plugins", query, &json!({}))?;
            let mut all = all.into_iter();
            let found = all.find(|plugin| plugin.name == *wanted && plugin.is_active);
            found.map(|plugin| plugin.inputs.inputs)
        }
        (None, None) => {
            let message = format!(
                "source {} is bound to no extractor of the service",
                args.source
            );
            return Err(Failure::new(Exit::NotFound, message)
                .hint("name one with --plugin, or bind the source with `headwater source bind`")
                .into());
        }
    };
    let inputs = inputs.ok_or_else(|| {
        let wanted = args.plugin.as_deref().unwrap_or("of the source");
        let message = format!("{} has no extractor {wanted}", client.server());
        Failure::new(Exit::NotFound, message)
    })?;
    let pattern = |input: Input| InputPattern {
        glob: input.glob.into(),
        media_type: "".into(),
        is_required: false,
    };
    Ok(inputs.into_iter().map(pattern).collect())
}
