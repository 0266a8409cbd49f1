//! `headwater source`: what the service extracts by itself.

use clap::{Args, Subcommand};
use headwater_model::{Cadence, SourceKey};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

use crate::cli::{AskArgs, ServerArgs};
use crate::client::Client;
use crate::extractor_config::ExtractorConfigArgs;
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, table};

mod extraction;
mod upload;

use extraction::{EXTRACTION_FIELDS, Extraction};

/// Let the service extract a source: bind it to an extractor, send or fetch its artifacts, see how it went
///
/// `submit` extracts on this machine and sends facts; a source that is bound to an extractor is sent files, or fetches
/// them, and the service extracts.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    #[command(subcommand)]
    command: SourceCommand,
}

#[derive(Debug, Subcommand)]
enum SourceCommand {
    List(ListArgs),
    Show(OneArgs),
    Bind(BindArgs),
    Upload(upload::UploadArgs),
    Extract(ExtractArgs),
    Pin(PinArgs),
    Pause(PauseArgs),
    Resume(ResumeArgs),
    Unbind(UnbindArgs),
}

/// List the sources that the service extracts, and how each stands
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater source list
  headwater source list --domain orders --format json | jq '.[] | select(.isPaused)'")]
struct ListArgs {
    /// Only those of this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,

    #[command(flatten)]
    ask: AskArgs,
}

/// Show a source that the service extracts: its extractor, artifacts and extractions
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater source show orders/dbt-prod
  headwater source show orders/dbt-prod --format json | jq '.extractions[0].usage'")]
struct OneArgs {
    /// The source
    #[arg(value_name = "DOMAIN/SOURCE", value_parser = SourceKey::parse)]
    source: SourceKey,

    #[command(flatten)]
    ask: AskArgs,
}

/// Bind a source to an extractor
///
/// What is not given is as if it never was: bind a source again to change one thing, with the rest as it is to stay.
/// Programs on the machine of the service only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater source bind orders/dbt-prod --plugin dbt --set namespace=postgres://db:5432
  headwater source bind orders/dbt-prod --plugin dbt --fetch file:///srv/orders/target/ --every 15m
  headwater source bind board/superset --plugin superset --pin 0.1.0")]
struct BindArgs {
    /// The source
    #[arg(value_name = "DOMAIN/SOURCE", value_parser = SourceKey::parse)]
    source: SourceKey,

    /// Name of the extractor
    #[arg(long, value_name = "NAME")]
    plugin: String,

    /// Use this version whatever is active: what it calls itself, or its digest
    #[arg(long, value_name = "VERSION")]
    pin: Option<String>,

    #[command(flatten)]
    config: ExtractorConfigArgs,

    /// Fetch the artifacts from here; may be given again. The service's configuration allows where from
    #[arg(long, value_name = "URL")]
    fetch: Vec<String>,

    /// Time between two fetches, for example 15m or 1d
    #[arg(long, value_name = "TIME", default_value = "15m", requires = "fetch", value_parser = Cadence::parse)]
    every: Cadence,

    #[command(flatten)]
    ask: AskArgs,
}

/// Extract a source now, from artifacts that are fetched first if it fetches
///
/// Exits with 3 if nothing comes of it. Programs on the machine of the service only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater source extract orders/dbt-prod
  headwater source extract orders/dbt-prod --force --no-wait")]
struct ExtractArgs {
    /// The source
    #[arg(value_name = "DOMAIN/SOURCE", value_parser = SourceKey::parse)]
    source: SourceKey,

    /// Even though nothing changed
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    wait: WaitArgs,

    #[command(flatten)]
    ask: AskArgs,
}

/// Let a source use one version of its extractor whatever is active
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater source pin orders/dbt-prod 0.1.0
  headwater source pin orders/dbt-prod --active")]
struct PinArgs {
    /// The source
    #[arg(value_name = "DOMAIN/SOURCE", value_parser = SourceKey::parse)]
    source: SourceKey,

    /// What the version calls itself, or its digest
    #[arg(
        id = "of",
        value_name = "VERSION",
        required_unless_present = "active",
        conflicts_with = "active"
    )]
    version: Option<String>,

    /// Use the active version again
    #[arg(long)]
    active: bool,

    #[command(flatten)]
    server: ServerArgs,
}

/// Let nothing of a source be extracted until it is resumed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater source pause orders/dbt-prod --reason 'the warehouse moves'")]
struct PauseArgs {
    /// The source
    #[arg(value_name = "DOMAIN/SOURCE", value_parser = SourceKey::parse)]
    source: SourceKey,

    /// Why, for whoever looks
    #[arg(long, value_name = "TEXT", default_value = "an operator paused it")]
    reason: String,

    #[command(flatten)]
    server: ServerArgs,
}

/// Let a paused source be extracted again
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater source resume orders/dbt-prod")]
struct ResumeArgs {
    /// The source
    #[arg(value_name = "DOMAIN/SOURCE", value_parser = SourceKey::parse)]
    source: SourceKey,

    #[command(flatten)]
    server: ServerArgs,
}

/// Forget a source's extractor and artifacts; what it submitted stays
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater source unbind orders/dbt-prod")]
struct UnbindArgs {
    /// The source
    #[arg(value_name = "DOMAIN/SOURCE", value_parser = SourceKey::parse)]
    source: SourceKey,

    #[command(flatten)]
    server: ServerArgs,
}

/// Whether to wait for an extraction.
#[derive(Clone, Copy, Debug, Args)]
struct WaitArgs {
    /// Do not wait until the extraction ends
    #[arg(long)]
    no_wait: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BindingLine {
    domain: String,
    name: String,
    plugin_name: String,
    plugin: Option<PluginLine>,
    is_paused: bool,
    extractions: Vec<Extraction>,
}

#[derive(Debug, Deserialize)]
struct PluginLine {
    version: String,
}

const BINDING_FIELDS: &str = "domain name pluginName plugin { version digest isActive isEnabled } pinnedDigest config \
     fetch { urls everySeconds lastAt } isPaused pauseReason failuresInRow";

/// Runs the command.
pub(crate) fn run(
    args: &SourceArgs,
    environment: &crate::environment::Environment,
) -> anyhow::Result<()> {
    match &args.command {
        SourceCommand::List(args) => list(args),
        SourceCommand::Show(args) => show(args),
        SourceCommand::Bind(args) => bind(args),
        SourceCommand::Upload(args) => upload::run(args, environment),
        SourceCommand::Extract(args) => extract(args),
        SourceCommand::Pin(args) => change(
            (&args.server, &args.source),
            "pinSource",
            ", $version: String",
            "version: $version",
            &json!({ "version": args.version }),
        ),
        SourceCommand::Pause(args) => change(
            (&args.server, &args.source),
            "pauseSource",
            ", $reason: String!",
            "reason: $reason",
            &json!({ "reason": args.reason }),
        ),
        SourceCommand::Resume(args) => change(
            (&args.server, &args.source),
            "resumeSource",
            "",
            "",
            &json!({}),
        ),
        SourceCommand::Unbind(args) => unbind(args),
    }
}

fn variables(source: &SourceKey, more: &Value) -> Value {
    let mut variables = json!({
        "domain": source.domain.as_str(),
        "name": source.name.as_str(),
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        variables[key] = value.clone();
    }
    variables
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let query = format!(
        "query($domain: String) {{ sourceBindings(domain: $domain) {{ {BINDING_FIELDS} \
         extractions(first: 1) {{ {EXTRACTION_FIELDS} }} }} }}"
    );
    let found: Value =
        client.ask_repeatable("sourceBindings", &query, &json!({ "domain": args.domain }))?;
    if args.ask.format == Format::Json {
        return output::print_json(&found);
    }
    let lines: Vec<BindingLine> = serde_json::from_value(found)?;
    if lines.is_empty() {
        return output::print("no sources\n");
    }
    output::print(&table(
        [
            "source",
            "extractor",
            "version",
            "last extraction",
            "when",
            "state",
        ],
        lines.iter().map(|line| {
            let last = line.extractions.first();
            [
                format!("{}/{}", line.domain, line.name),
                line.plugin_name.clone(),
                line.plugin
                    .as_ref()
                    .map_or_else(|| "gone".to_owned(), |of| of.version.clone()),
                last.map_or_else(|| "-".to_owned(), Extraction::outcome),
                last.map_or_else(|| "-".to_owned(), |last| last.when().to_owned()),
                if line.is_paused { "paused" } else { "active" }.to_owned(),
            ]
        }),
    ))
}

fn binding(client: &Client, source: &SourceKey) -> anyhow::Result<Value> {
    let query = format!(
        "query($domain: String!, $name: String!) {{ sourceBinding(domain: $domain, name: $name) {{ {BINDING_FIELDS} \
         artifacts(first: 1000) {{ totalCount nodes {{ name bytes digest }} }} \
         extractions(first: 50) {{ {EXTRACTION_FIELDS} }} }} }}"
    );
    let asked = variables(source, &json!({}));
    let found: Value = client.ask_repeatable("sourceBinding", &query, &asked)?;
    if found.is_null() {
        let message = format!("source {source} is bound to no extractor of the service");
        return Err(Failure::new(Exit::NotFound, message)
            .hint("bind it with `headwater source bind`")
            .into());
    }
    Ok(found)
}

fn show(args: &OneArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let found = binding(&client, &args.source)?;
    if args.ask.format == Format::Json {
        return output::print_json(&found);
    }
    output::print(&render(&found)?)
}

fn render(found: &Value) -> anyhow::Result<String> {
    let line: BindingLine = serde_json::from_value(found.clone())?;
    let mut text = format!("{}/{}\n", line.domain, line.name);
    let version = line
        .plugin
        .map_or_else(|| "gone".to_owned(), |of| of.version);
    let pinned = if found["pinnedDigest"].is_null() {
        ""
    } else {
        ", pinned"
    };
    let _ = writeln!(text, "extractor   {} {version}{pinned}", line.plugin_name);
    for (key, value) in found["config"].as_object().into_iter().flatten() {
        let value = output::printable(value.as_str().unwrap_or_default());
        let _ = writeln!(text, "config      {key} = {value}");
    }
    for url in found["fetch"]["urls"].as_array().into_iter().flatten() {
        let seconds = &found["fetch"]["everySeconds"];
        let _ = writeln!(
            text,
            "fetch       {} every {seconds} s",
            url.as_str().unwrap_or_default()
        );
    }
    if let Some(reason) = found["pauseReason"].as_str() {
        let _ = writeln!(text, "paused      {}", output::printable(reason));
    }
    let artifacts = found["artifacts"]["totalCount"].as_u64().unwrap_or(0);
    let _ = writeln!(text, "artifacts   {artifacts}\n");
    if line.extractions.is_empty() {
        text += "no extractions\n";
        return Ok(text);
    }
    text += &table(
        ["#", "when", "why", "version", "came to", "memory", "time"],
        line.extractions.iter().map(Extraction::row),
    );
    Ok(text)
}

fn bind(args: &BindArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let config = args.config.load()?;
    let every_seconds = args.every.as_micros() / 1_000_000;
    let fetch = (!args.fetch.is_empty())
        .then(|| json!({ "urls": args.fetch, "everySeconds": every_seconds }));
    let asked = variables(
        &args.source,
        &json!({ "plugin": args.plugin, "version": args.pin, "config": config, "fetch": fetch }),
    );
    let query = format!(
        "mutation($domain: String!, $name: String!, $plugin: String!, $version: String, $config: JSON, \
         $fetch: FetchInput) {{ bindSource(domain: $domain, name: $name, plugin: $plugin, version: $version, \
         config: $config, fetch: $fetch) {{ {BINDING_FIELDS} }} }}"
    );
    let bound: Value = client.ask("bindSource", &query, &asked)?;
    match args.ask.format {
        Format::Json => output::print_json(&bound),
        Format::Table => output::print(&format!(
            "{} is bound to extractor {} {}\n",
            args.source,
            args.plugin,
            bound["plugin"]["version"].as_str().unwrap_or_default()
        )),
    }
}

fn extract(args: &ExtractArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let asked = variables(&args.source, &json!({ "force": args.force }));
    let query = "mutation($domain: String!, $name: String!, $force: Boolean!) { \
         extractSource(domain: $domain, name: $name, force: $force) { number } }";
    let queued: Value = client.ask("extractSource", query, &asked)?;
    let number = queued["number"].as_u64().unwrap_or_default();
    extraction::follow(&client, &args.source, number, args.wait, args.ask.format)
}

/// Changes one thing of a source, and says so.
fn change(
    (server, source): (&ServerArgs, &SourceKey),
    mutation: &str,
    declared: &str,
    given: &str,
    more: &Value,
) -> anyhow::Result<()> {
    let client = Client::new(server.url())?;
    let query = format!(
        "mutation($domain: String!, $name: String!{declared}) {{ \
         {mutation}(domain: $domain, name: $name {given}) {{ {BINDING_FIELDS} }} }}"
    );
    let changed: Value = client.ask(mutation, &query, &variables(source, more))?;
    let version = changed["plugin"]["version"].as_str().unwrap_or("gone");
    let state = match changed["pauseReason"].as_str() {
        Some(reason) => format!("paused: {}", output::printable(reason)),
        None => "active".to_owned(),
    };
    let plugin = changed["pluginName"].as_str().unwrap_or_default();
    output::print(&format!(
        "{source} uses {plugin} {version}; it is {state}\n"
    ))
}

fn unbind(args: &UnbindArgs) -> anyhow::Result<()> {
    let client = Client::new(args.server.url())?;
    let query =
        "mutation($domain: String!, $name: String!) { unbindSource(domain: $domain, name: $name) }";
    let _: bool = client.ask("unbindSource", query, &variables(&args.source, &json!({})))?;
    output::print(&format!("{} is bound to no extractor now\n", args.source))
}
