//! `headwater unresolved`: datasets in use that nobody declares.

use clap::Args;
use headwater_model::DomainName;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::AskArgs;
use crate::client::Client;
use crate::output::{self, ListFormat, count, table};
use crate::queries::Named;

/// Datasets that one request asks for.
const PAGE: u32 = 100;

/// List datasets that something reads or writes and no source declares
///
/// With who mentions each, and the declared datasets whose names are nearest: what it may be meant to be.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater unresolved
  headwater unresolved --domain growth --format json | jq -r '.[].reference'")]
pub(crate) struct UnresolvedArgs {
    /// Only those that this domain claims or mentions
    #[arg(long, value_name = "DOMAIN", value_parser = DomainName::parse)]
    domain: Option<DomainName>,

    #[command(flatten)]
    ask: AskArgs<ListFormat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    nodes: Vec<Unresolved>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unresolved {
    reference: String,
    domain: Option<Named>,
    mentioned_by: Vec<Mention>,
    nearest_declared: Vec<Referenced>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Mention {
    domain: Named,
    sources: Vec<Named>,
    jobs: Vec<Referenced>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Referenced {
    reference: String,
}

const QUERY: &str = "query($domain: String, $first: Int!, $after: String) { \
    unresolved(domain: $domain, first: $first, after: $after) { nodes { reference domain { name } \
      mentionedBy { domain { name } sources { name } jobs { reference } } nearestDeclared { reference } } \
      pageInfo { hasNextPage endCursor } } }";

/// Runs the command.
pub(crate) fn run(args: &UnresolvedArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let domain = args.domain.as_ref().map(DomainName::as_str);
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let variables = json!({ "domain": domain, "first": PAGE, "after": after });
        let page: Page = client.ask("unresolved", QUERY, &variables)?;
        found.extend(page.nodes);
        after = page.page_info.end_cursor;
        if !page.page_info.has_next_page || after.is_none() {
            break;
        }
    }
    found.sort_by(|a, b| (a.domain(), &a.reference).cmp(&(b.domain(), &b.reference)));
    match args.ask.format {
        ListFormat::Json => output::print_json(&found),
        ListFormat::Table => output::print(&render(&found)),
        ListFormat::Csv => output::print(&output::csv(COLUMNS, rows(&found))?),
    }
}

const COLUMNS: [&str; 5] = [
    "domain",
    "dataset",
    "mentioned by",
    "jobs",
    "nearest declared",
];

impl Unresolved {
    fn domain(&self) -> &str {
        self.domain.as_ref().map_or("-", |domain| &domain.name)
    }
}

fn listed<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

fn rows(found: &[Unresolved]) -> impl Iterator<Item = [String; 5]> + '_ {
    found.iter().map(|dataset| {
        let mentions = &dataset.mentioned_by;
        let sources = mentions.iter().flat_map(|mention| {
            let of_domain = mention.sources.iter();
            of_domain.map(|source| format!("{}/{}", mention.domain.name, source.name))
        });
        let jobs = mentions.iter().flat_map(|mention| &mention.jobs);
        [
            dataset.domain().to_owned(),
            dataset.reference.clone(),
            sources.collect::<Vec<_>>().join(", "),
            listed(jobs.map(|job| &*job.reference)),
            listed(dataset.nearest_declared.iter().map(|near| &*near.reference)),
        ]
    })
}

fn render(found: &[Unresolved]) -> String {
    let mut text = format!("{}\n", count(found.len() as u64, "unresolved dataset"));
    if !found.is_empty() {
        text.push('\n');
        text += &table(COLUMNS, rows(found));
    }
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn who_mentions_it_and_what_it_may_be_are_told() {
        let found: Vec<Unresolved> = serde_json::from_value(json!([
            {"reference": "db/ordres", "domain": {"name": "orders"}, "mentionedBy": [
                {"domain": {"name": "growth"}, "sources": [{"name": "dbt"}], "jobs": [{"reference": "job:etl/report"}]},
                {"domain": {"name": "orders"}, "sources": [{"name": "airflow"}], "jobs": []}],
             "nearestDeclared": [{"reference": "db/orders"}, {"reference": "db/order"}]},
            {"reference": "s3://x/y", "domain": null, "mentionedBy": [], "nearestDeclared": []}
        ]))
        .expect("an answer");
        assert_snapshot!(render(&found), @r"
        2 unresolved datasets

        domain  dataset    mentioned by                jobs            nearest declared
        orders  db/ordres  growth/dbt, orders/airflow  job:etl/report  db/orders, db/order
        -       s3://x/y
        ");
        assert_snapshot!(render(&[]), @"0 unresolved datasets");
    }
}
