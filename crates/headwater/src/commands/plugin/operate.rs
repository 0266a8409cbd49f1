//! Extractors of a running service: install, activate, roll back, enable, disable, remove.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::COMPONENT_BYTES_MAX;
use crate::cli::{AskArgs, ServerArgs};
use crate::client::{Client, blames_input};
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, table};

/// Install an extractor in the service
///
/// The first version of an extractor is active at once. Of another one it is shown what it would change in the graph; it
/// is activated with --activate, or later with `plugin activate`. Programs on the machine of the service only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin install ./billing.wasm
  headwater plugin install ./billing.wasm --dry-run
  headwater plugin install ./billing.wasm --activate")]
pub(super) struct InstallArgs {
    /// The component
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Let sources that are not pinned use it, and extract them
    #[arg(long)]
    activate: bool,

    /// Install nothing, and show what it would change
    #[arg(long, conflicts_with = "activate")]
    dry_run: bool,

    #[command(flatten)]
    ask: AskArgs,
}

/// Let sources use a version of an extractor, and extract them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin activate billing 0.2.0 --dry-run
  headwater plugin activate billing 0.2.0")]
pub(super) struct ActivateArgs {
    /// The extractor
    #[arg(value_name = "NAME")]
    name: String,

    /// What the version calls itself, or its digest
    #[arg(id = "of", value_name = "VERSION")]
    version: String,

    /// Show what it would change, and change nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    ask: AskArgs,
}

/// Let sources use the version that was active before
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin rollback billing")]
pub(super) struct RollBackArgs {
    #[command(flatten)]
    one: OneArgs,
}

/// Let the sources of an extractor be extracted
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin enable billing")]
pub(super) struct EnableArgs {
    #[command(flatten)]
    one: OneArgs,
}

/// Keep the sources of an extractor from being extracted; what is sent meanwhile waits
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin disable billing")]
pub(super) struct DisableArgs {
    #[command(flatten)]
    one: OneArgs,
}

/// Remove an extractor from the service, or one version of it, if no source uses it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin remove billing
  headwater plugin remove billing 0.1.0")]
pub(super) struct RemoveArgs {
    #[command(flatten)]
    one: OneArgs,

    /// What the version calls itself, or its digest
    #[arg(id = "of", value_name = "VERSION")]
    version: Option<String>,
}

/// An extractor of a service.
#[derive(Debug, Args)]
struct OneArgs {
    /// The extractor
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    name: String,
    version: String,
    digest: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    sources: Vec<SourceChange>,
    untried: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceChange {
    domain: String,
    name: String,
    error: Option<String>,
    added_count: Option<u64>,
    removed_count: Option<u64>,
    unchanged_count: Option<u64>,
    added: Vec<String>,
    removed: Vec<String>,
    downstream: Vec<String>,
}

/// Of what would come or go, as much is listed for a person.
const LISTED_MAX: usize = 20;

const ACTIVATE: &str = "mutation($name: String!, $version: String!, $dryRun: Boolean!) { \
     activatePlugin(name: $name, version: $version, dryRun: $dryRun) { plugin { name version digest } isDone untried \
     sources { domain name error addedCount removedCount unchangedCount added removed isCut downstream \
     diagnostics { severity code message artifact pointer line column } } } }";

pub(super) fn install(args: &InstallArgs) -> anyhow::Result<()> {
    let shown = args.file.display();
    let failed = || Failure::new(Exit::NotFound, format!("cannot read {shown}"));
    let length = fs::metadata(&args.file).with_context(failed)?.len();
    if length > COMPONENT_BYTES_MAX {
        let message = format!("{shown} is {length} bytes long, more than {COMPONENT_BYTES_MAX}");
        return Err(Failure::new(Exit::Input, message).into());
    }
    let component = fs::read(&args.file).with_context(failed)?;
    let client = Client::new(args.ask.server.url())?;
    let spinner = output::spinner(format!("{} compiles {shown}", client.server()));
    let reply = client.post_bytes("/api/v1/plugins", &component);
    spinner.finish_and_clear();
    let reply = reply?;
    if !reply.is_success() {
        let exit = if blames_input(reply.status) {
            Exit::Input
        } else {
            Exit::Failed
        };
        let message = format!(
            "{} refuses {shown}: {}",
            client.server(),
            reply.error().text()
        );
        return Err(Failure::new(exit, message).into());
    }
    let sent: Sent = serde_json::from_slice(&reply.body)?;
    if args.dry_run {
        return activate_version(&client, (&sent.name, &sent.digest), true, args.ask.format);
    }
    let query = "mutation($digest: String!) { installPlugin(digest: $digest) { isActive plugin { name version digest } } }";
    let installed: Value = client.ask("installPlugin", query, &json!({ "digest": sent.digest }))?;
    let is_active = installed["isActive"] == true;
    if args.ask.format == Format::Json && (is_active || !args.activate) {
        return output::print_json(&installed);
    }
    if args.ask.format == Format::Table {
        let state = if is_active {
            "active"
        } else {
            "not active yet"
        };
        let line = format!(
            "extractor {} {} is installed; it is {state}\n",
            sent.name, sent.version
        );
        output::print(&line)?;
    }
    if is_active {
        return Ok(());
    }
    activate_version(
        &client,
        (&sent.name, &sent.digest),
        !args.activate,
        args.ask.format,
    )
}

pub(super) fn activate(args: &ActivateArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let version = (args.name.as_str(), args.version.as_str());
    activate_version(&client, version, args.dry_run, args.ask.format)
}

fn activate_version(
    client: &Client,
    (name, version): (&str, &str),
    is_dry_run: bool,
    format: Format,
) -> anyhow::Result<()> {
    let spinner = output::spinner(format!("{} tries {name}", client.server()));
    let asked = json!({ "name": name, "version": version, "dryRun": is_dry_run });
    let answer: Result<Value, Failure> = client.ask("activatePlugin", ACTIVATE, &asked);
    spinner.finish_and_clear();
    let answer = answer?;
    if format == Format::Json {
        return output::print_json(&answer);
    }
    let version = answer["plugin"]["version"].as_str().unwrap_or(version);
    if !is_dry_run {
        return output::print(&format!(
            "extractor {name} {version} is active; sources that use it are extracted\n"
        ));
    }
    let plan: Plan = serde_json::from_value(answer.clone())?;
    output::print(&render(name, version, &plan))
}

fn render(name: &str, version: &str, plan: &Plan) -> String {
    if plan.sources.is_empty() && plan.untried.is_empty() {
        return format!("no source would use extractor {name} {version}\n");
    }
    let mut text = format!("extractor {name} {version} would change:\n");
    let number =
        |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    text += &table(
        [
            "source",
            "added",
            "removed",
            "unchanged",
            "downstream",
            "failure",
        ],
        plan.sources.iter().map(|source| {
            [
                format!("{}/{}", source.domain, source.name),
                number(source.added_count),
                number(source.removed_count),
                number(source.unchanged_count),
                source.downstream.len().to_string(),
                source.error.clone().unwrap_or_else(|| "-".to_owned()),
            ]
        }),
    );
    for source in &plan.sources {
        for (sign, references) in [('+', &source.added), ('-', &source.removed)] {
            for reference in references.iter().take(LISTED_MAX) {
                let _ = writeln!(text, "  {sign} {}", output::printable(reference));
            }
            if references.len() > LISTED_MAX {
                let _ = writeln!(text, "  {sign} and {} more", references.len() - LISTED_MAX);
            }
        }
    }
    for source in &plan.untried {
        let _ = writeln!(text, "{source} was not tried: there was no time");
    }
    text
}

pub(super) fn roll_back(args: &RollBackArgs) -> anyhow::Result<()> {
    let plugin = changed(&args.one, "rollBackPlugin")?;
    let (name, version) = (
        &args.one.name,
        plugin["version"].as_str().unwrap_or_default(),
    );
    output::print(&format!(
        "extractor {name} {version} is active; sources that use it are extracted\n"
    ))
}

pub(super) fn enable(args: &EnableArgs) -> anyhow::Result<()> {
    changed(&args.one, "enablePlugin")?;
    output::print(&format!("extractor {} is enabled\n", args.one.name))
}

pub(super) fn disable(args: &DisableArgs) -> anyhow::Result<()> {
    changed(&args.one, "disablePlugin")?;
    output::print(&format!("extractor {} is disabled\n", args.one.name))
}

fn changed(one: &OneArgs, mutation: &str) -> anyhow::Result<Value> {
    let client = Client::new(one.server.url())?;
    let query =
        format!("mutation($name: String!) {{ {mutation}(name: $name) {{ version digest }} }}");
    Ok(client.ask(mutation, &query, &json!({ "name": one.name }))?)
}

pub(super) fn remove(args: &RemoveArgs) -> anyhow::Result<()> {
    let client = Client::new(args.one.server.url())?;
    let query = "mutation($name: String!, $version: String) { removePlugin(name: $name, version: $version) }";
    let asked = json!({ "name": args.one.name, "version": args.version });
    let _: bool = client.ask("removePlugin", query, &asked)?;
    let version = args
        .version
        .as_ref()
        .map_or_else(String::new, |version| format!(" {version}"));
    output::print(&format!(
        "extractor {}{version} is removed\n",
        args.one.name
    ))
}

/// Lists the extractors of a service.
pub(super) fn list(client: &Client, format: Format) -> anyhow::Result<()> {
    let query = "{ plugins { name version description digest isActive isEnabled inputs { glob mediaType required } \
         configSchema limits { memoryMebibytes timeoutMs outputFacts } } }";
    let found: Value = client.ask_repeatable("plugins", query, &json!({}))?;
    if format == Format::Json {
        return output::print_json(&found);
    }
    let all = found.as_array().cloned().unwrap_or_default();
    if all.is_empty() {
        return output::print("no extractors\n");
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    output::print(&table(
        ["name", "version", "state", "digest", "summary"],
        all.iter().map(|plugin| {
            let state = match (plugin["isEnabled"] == true, plugin["isActive"] == true) {
                (false, _) => "disabled",
                (true, true) => "active",
                (true, false) => "installed",
            };
            [
                text(&plugin["name"]),
                text(&plugin["version"]),
                state.to_owned(),
                text(&plugin["digest"]).chars().take(12).collect(),
                text(&plugin["description"]),
            ]
        }),
    ))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn a_plan_says_what_would_come_and_go() {
        let source = SourceChange {
            domain: "orders".to_owned(),
            name: "dbt".to_owned(),
            error: None,
            added_count: Some(2),
            removed_count: Some(1),
            unchanged_count: Some(40),
            added: vec!["db/a".to_owned(), "db/a -> job:x/y".to_owned()],
            removed: vec!["db/b".to_owned()],
            downstream: vec!["db/z".to_owned()],
        };
        let failing = SourceChange {
            domain: "finance".to_owned(),
            name: "dbt".to_owned(),
            error: Some("dbt was stopped: it took longer than 30 s".to_owned()),
            added_count: None,
            removed_count: None,
            unchanged_count: None,
            added: Vec::new(),
            removed: Vec::new(),
            downstream: Vec::new(),
        };
        let plan = Plan {
            sources: vec![source, failing],
            untried: vec!["growth/dbt".to_owned()],
        };
        assert_snapshot!(render("dbt", "0.2.0", &plan), @r"
        extractor dbt 0.2.0 would change:
        source       added  removed  unchanged  downstream  failure
        orders/dbt   2      1        40         1           -
        finance/dbt  -      -        -          0           dbt was stopped: it took longer than 30 s
          + db/a
          + db/a -> job:x/y
          - db/b
        growth/dbt was not tried: there was no time
        ");
        let plan = Plan {
            sources: Vec::new(),
            untried: Vec::new(),
        };
        assert_snapshot!(render("dbt", "0.2.0", &plan), @"no source would use extractor dbt 0.2.0");
    }
}
