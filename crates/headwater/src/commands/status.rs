//! `headwater status`: what each source last said, and who has fallen behind.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::AskArgs;
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::output::{self, ListFormat, Tone, count, table};

/// Show every source: what it last submitted and when, and whether it is stale
///
/// A source is stale if its last submission had errors or is older than it promised. Of sources of events, the last
/// submission is the last event.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater status
  headwater status --require-fresh || echo 'some source is stale'
  headwater status --domain orders --format csv")]
pub(crate) struct StatusArgs {
    /// Only sources of this domain; may be given again
    #[arg(long = "domain", value_name = "NAME")]
    domains: Vec<String>,

    /// Exit with 5 if a source shown is stale
    #[arg(long)]
    require_fresh: bool,

    #[command(flatten)]
    ask: AskArgs<ListFormat>,
}

#[derive(Deserialize)]
struct Domain {
    name: String,
    sources: Vec<SourceRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceRecord {
    name: String,
    kind: String,
    #[serde(default)]
    plugin: Option<Plugin>,
    is_stale: bool,
    last_submission: Option<SubmissionRecord>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Plugin {
    name: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubmissionRecord {
    offset: u64,
    received_at: String,
    added_count: u64,
    removed_count: u64,
    unchanged_count: u64,
    diagnostics: Total,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Total {
    total_count: u64,
}

/// One line of the answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    domain: String,
    name: String,
    kind: String,
    plugin: Option<Plugin>,
    is_stale: bool,
    last_submission: Option<Submission>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    offset: u64,
    received_at: String,
    added_count: u64,
    removed_count: u64,
    unchanged_count: u64,
    diagnostics_count: u64,
}

/// Whether the service tells which extractor a source uses.
const ASKS_FOR_PLUGIN: &str = "query { __type(name: \"Source\") { fields { name } } }";

/// Runs the command.
pub(crate) fn run(args: &StatusArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let source: Value = client.ask("__type", ASKS_FOR_PLUGIN, &json!({}))?;
    let domains: Vec<Domain> = client.ask("domains", &query(tells_plugin(&source)), &json!({}))?;
    for name in &args.domains {
        if domains.iter().all(|domain| domain.name != *name) {
            let failure = Failure::new(Exit::NotFound, format!("there is no domain {name}"));
            return Err(failure.hint("headwater domains lists them").into());
        }
    }
    let sources = sources_of(domains, &args.domains);
    match args.ask.format {
        ListFormat::Json => output::print_json(&sources)?,
        ListFormat::Table => output::print(&render(&sources))?,
        ListFormat::Csv => output::print(&csv(&sources)?)?,
    }
    check(&sources, args.require_fresh)
}

fn tells_plugin(source: &Value) -> bool {
    let fields = source["fields"].as_array();
    fields.is_some_and(|fields| fields.iter().any(|field| field["name"] == "plugin"))
}

fn query(with_plugin: bool) -> String {
    let plugin = if with_plugin {
        "plugin { name version } "
    } else {
        ""
    };
    format!(
        "query {{ domains {{ name sources {{ name kind {plugin}isStale lastSubmission {{ \
           offset receivedAt addedCount removedCount unchangedCount \
           diagnostics(first: 1) {{ totalCount }} }} }} }} }}"
    )
}

fn sources_of(domains: Vec<Domain>, wanted: &[String]) -> Vec<Source> {
    let is_wanted = |domain: &Domain| wanted.is_empty() || wanted.contains(&domain.name);
    let mut sources = Vec::new();
    for domain in domains.into_iter().filter(is_wanted) {
        sources.extend(domain.sources.into_iter().map(|source| Source {
            domain: domain.name.clone(),
            name: source.name,
            kind: source.kind,
            plugin: source.plugin,
            is_stale: source.is_stale,
            last_submission: source.last_submission.map(|last| Submission {
                offset: last.offset,
                received_at: last.received_at,
                added_count: last.added_count,
                removed_count: last.removed_count,
                unchanged_count: last.unchanged_count,
                diagnostics_count: last.diagnostics.total_count,
            }),
        }));
    }
    sources.sort_by(|a, b| (&a.domain, &a.name).cmp(&(&b.domain, &b.name)));
    sources
}

/// Tells of stale sources; fails if there are any and none may be.
fn check(sources: &[Source], is_required: bool) -> anyhow::Result<()> {
    let stale = sources.iter().filter(|source| source.is_stale);
    let names: Vec<String> = stale
        .map(|source| format!("{}/{}", source.domain, source.name))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let listed = names.join(", ");
    if is_required {
        let message = format!("stale: {listed}");
        return Err(Failure::new(Exit::CheckFailed, message).into());
    }
    output::tell(Tone::Warning, &format!("stale: {listed}"));
    Ok(())
}

impl Source {
    fn plugin(&self) -> String {
        let plugin = self.plugin.as_ref();
        let shown = plugin.map(|plugin| format!("{} {}", plugin.name, plugin.version));
        shown.unwrap_or_default()
    }

    /// What a cell shows of the last submission.
    fn last(&self, show: impl Fn(&Submission) -> String) -> String {
        self.last_submission.as_ref().map(show).unwrap_or_default()
    }
}

fn render(sources: &[Source]) -> String {
    let stale_count = sources.iter().filter(|source| source.is_stale).count();
    let mut text = format!(
        "{}, {stale_count} stale\n",
        count(sources.len() as u64, "source")
    );
    if sources.is_empty() {
        return text;
    }
    let rows = sources.iter().map(|source| {
        [
            format!("{}/{}", source.domain, source.name),
            source.kind.to_lowercase(),
            source.plugin(),
            source.last(|last| last.offset.to_string()),
            source.last(|last| last.received_at.clone()),
            source.last(|last| format!("+{} -{}", last.added_count, last.removed_count)),
            source.last(|last| last.diagnostics_count.to_string()),
            if source.is_stale { "stale" } else { "" }.to_owned(),
        ]
    });
    text.push('\n');
    text += &if sources.iter().any(|source| source.plugin.is_some()) {
        table(
            [
                "source", "kind", "plugin", "offset", "received", "changed", "findings", "state",
            ],
            rows,
        )
    } else {
        table(
            [
                "source", "kind", "offset", "received", "changed", "findings", "state",
            ],
            rows.map(
                |[source, kind, _, offset, received, changed, findings, state]| {
                    [source, kind, offset, received, changed, findings, state]
                },
            ),
        )
    };
    text
}

fn csv(sources: &[Source]) -> anyhow::Result<String> {
    output::csv(
        [
            "domain",
            "source",
            "kind",
            "plugin",
            "offset",
            "received_at",
            "added",
            "removed",
            "unchanged",
            "diagnostics",
            "stale",
        ],
        sources.iter().map(|source| {
            [
                source.domain.clone(),
                source.name.clone(),
                source.kind.clone(),
                source.plugin(),
                source.last(|last| last.offset.to_string()),
                source.last(|last| last.received_at.clone()),
                source.last(|last| last.added_count.to_string()),
                source.last(|last| last.removed_count.to_string()),
                source.last(|last| last.unchanged_count.to_string()),
                source.last(|last| last.diagnostics_count.to_string()),
                source.is_stale.to_string(),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn sources(wanted: &[&str], plugin: &Value) -> Vec<Source> {
        let last = json!({"offset": 12, "receivedAt": "2026-01-01T00:00:00Z", "addedCount": 3, "removedCount": 1,
            "unchangedCount": 40, "diagnostics": {"totalCount": 2}});
        let domains = serde_json::from_value(json!([
            {"name": "orders", "sources": [
                {"name": "dbt", "kind": "SNAPSHOT", "isStale": true, "lastSubmission": last, "plugin": plugin},
                {"name": "airflow", "kind": "EVENTS", "isStale": false, "lastSubmission": null}]},
            {"name": "growth", "sources": [
                {"name": "hand, made", "kind": "MANUAL", "isStale": false, "lastSubmission": last}]}
        ]))
        .expect("an answer");
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        sources_of(domains, &wanted)
    }

    #[test]
    fn every_source_is_a_row() {
        assert_snapshot!(render(&sources(&[], &Value::Null)), @r"
        3 sources, 1 stale

        source             kind      offset  received              changed  findings  state
        growth/hand, made  manual    12      2026-01-01T00:00:00Z  +3 -1    2
        orders/airflow     events
        orders/dbt         snapshot  12      2026-01-01T00:00:00Z  +3 -1    2         stale
        ");
        let plugin = json!({"name": "dbt", "version": "0.1.0"});
        assert_snapshot!(render(&sources(&["orders"], &plugin)), @r"
        2 sources, 1 stale

        source          kind      plugin     offset  received              changed  findings  state
        orders/airflow  events
        orders/dbt      snapshot  dbt 0.1.0  12      2026-01-01T00:00:00Z  +3 -1    2         stale
        ");
        assert_snapshot!(render(&[]), @"0 sources, 0 stale");
    }

    #[test]
    fn a_spreadsheet_gets_all_counts() {
        assert_snapshot!(csv(&sources(&[], &Value::Null)).expect("text"), @r#"
        domain,source,kind,plugin,offset,received_at,added,removed,unchanged,diagnostics,stale
        growth,"hand, made",MANUAL,,12,2026-01-01T00:00:00Z,3,1,40,2,false
        orders,airflow,EVENTS,,,,,,,,false
        orders,dbt,SNAPSHOT,,12,2026-01-01T00:00:00Z,3,1,40,2,true
        "#);
    }

    #[test]
    fn a_stale_source_fails_the_check_only_where_one_is_asked_for() {
        let all = sources(&[], &Value::Null);
        assert!(check(&all, false).is_ok());
        let error = check(&all, true).expect_err("one is stale");
        assert_eq!(crate::failure::exit_of(&error), Some(Exit::CheckFailed));
        assert_eq!(error.to_string(), "stale: orders/dbt");
        assert!(check(&sources(&["growth"], &Value::Null), true).is_ok());
    }

    #[test]
    fn the_extractor_is_asked_for_where_the_service_tells_it() {
        assert!(tells_plugin(&json!({"fields": [{"name": "plugin"}]})));
        assert!(!tells_plugin(&json!({"fields": [{"name": "name"}]})));
        assert!(!tells_plugin(&Value::Null));
        assert!(query(true).contains("plugin {") && !query(false).contains("plugin {"));
    }
}
