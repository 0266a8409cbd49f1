//! `headwater history`: who said what of an asset, when, from what.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::AskArgs;
use crate::client::Client;
use crate::output::{self, ListFormat, count, table};
use crate::queries::Named;

/// Entries that one request asks for.
const PAGE: u32 = 1000;

/// Show who said what of a dataset or job, since and until when, and from what
///
/// Times are those of the world; offsets are those at which it was said, and at which it was taken back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater history orders.public.orders
  headwater history job:airflow/load --format json | jq '.[] | select(.assertion.retractedAt)'")]
pub(crate) struct HistoryArgs {
    /// Of what
    #[arg(value_name = "REF")]
    reference: String,

    #[command(flatten)]
    ask: AskArgs<ListFormat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    nodes: Vec<Entry>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    about: String,
    assertion: Assertion,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    source: Source,
    valid_from: String,
    valid_to: Option<String>,
    asserted_at: u64,
    retracted_at: Option<u64>,
    evidence: Option<Evidence>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Source {
    name: String,
    domain: Named,
}

#[derive(Debug, Serialize, Deserialize)]
struct Evidence {
    artifact: Option<String>,
    pointer: Option<String>,
    line: Option<u32>,
    note: Option<String>,
}

const QUERY: &str = "query($of: Reference!, $first: Int!, $after: String) { \
    history(of: $of, first: $first, after: $after) { nodes { about assertion { \
      source { name domain { name } } validFrom validTo assertedAt retractedAt \
      evidence { artifact pointer line note } } } pageInfo { hasNextPage endCursor } } }";

/// Runs the command.
pub(crate) fn run(args: &HistoryArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let mut entries = Vec::new();
    let mut after = None;
    loop {
        let variables = json!({ "of": args.reference, "first": PAGE, "after": after });
        let page: Page = client.ask("history", QUERY, &variables)?;
        entries.extend(page.nodes);
        after = page.page_info.end_cursor;
        if !page.page_info.has_next_page || after.is_none() {
            break;
        }
    }
    match args.ask.format {
        ListFormat::Json => output::print_json(&entries),
        ListFormat::Table => output::print(&render(&entries)),
        ListFormat::Csv => output::print(&output::csv(COLUMNS, rows(&entries))?),
    }
}

const COLUMNS: [&str; 7] = [
    "from",
    "to",
    "what",
    "source",
    "said at",
    "taken back at",
    "evidence",
];

fn rows(entries: &[Entry]) -> impl Iterator<Item = [String; 7]> + '_ {
    entries.iter().map(|entry| {
        let assertion = &entry.assertion;
        [
            assertion.valid_from.clone(),
            assertion.valid_to.clone().unwrap_or_default(),
            entry.about.clone(),
            format!("{}/{}", assertion.source.domain.name, assertion.source.name),
            format!("@{}", assertion.asserted_at),
            assertion
                .retracted_at
                .map(|at| format!("@{at}"))
                .unwrap_or_default(),
            assertion
                .evidence
                .as_ref()
                .map(Evidence::text)
                .unwrap_or_default(),
        ]
    })
}

fn render(entries: &[Entry]) -> String {
    let mut text = format!("{}\n", count(entries.len() as u64, "statement"));
    if !entries.is_empty() {
        text.push('\n');
        text += &table(COLUMNS, rows(entries));
    }
    text
}

impl Evidence {
    fn text(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let pointer = self
            .pointer
            .as_deref()
            .map(|at| format!(" {at}"))
            .unwrap_or_default();
        match (&self.artifact, &self.note) {
            (Some(artifact), _) => format!("{artifact}{line}{pointer}"),
            (None, Some(note)) => note.clone(),
            (None, None) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn what_was_taken_back_is_told() {
        let entries: Vec<Entry> = serde_json::from_value(json!([
            {"about": "exists", "assertion": {"source": {"name": "dbt", "domain": {"name": "orders"}},
                "validFrom": "2026-01-01T00:00:00Z", "validTo": null, "assertedAt": 3, "retractedAt": null,
                "evidence": {"artifact": "manifest.json", "pointer": "/nodes/a", "line": null, "note": null}}},
            {"about": "job:etl/load reads db/old", "assertion": {"source": {"name": "openlineage", "domain": {"name": "orders"}},
                "validFrom": "2026-01-01T00:00:00Z", "validTo": "2026-02-01T00:00:00Z", "assertedAt": 4, "retractedAt": 9,
                "evidence": {"artifact": null, "pointer": null, "line": null, "note": "a run event says so"}}}
        ]))
        .expect("an answer");
        assert_snapshot!(render(&entries), @r"
        2 statements

        from                  to                    what                       source              said at  taken back at  evidence
        2026-01-01T00:00:00Z                        exists                     orders/dbt          @3                      manifest.json /nodes/a
        2026-01-01T00:00:00Z  2026-02-01T00:00:00Z  job:etl/load reads db/old  orders/openlineage  @4       @9             a run event says so
        ");
    }
}
