//! `headwater search`: assets by a part of what they are called.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::AskArgs;
use crate::client::Client;
use crate::output::{self, ListFormat, Tone, count, table};
use crate::queries::{Named, labelled};

/// Find datasets, jobs and domains by text
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater search orders
  headwater search 'customer churn' --first 5 --format csv")]
pub(crate) struct SearchArgs {
    /// What to look for
    #[arg(value_name = "TEXT")]
    text: String,

    /// How many hits to list, best first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    first: u32,

    #[command(flatten)]
    ask: AskArgs<ListFormat>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hits {
    nodes: Vec<Hit>,
    total_count: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Hit {
    entity: Entity,
    matched: String,
}

/// Whatever was hit; what it is decides which of these it has.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entity {
    #[serde(rename = "__typename")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// What people call a dataset or job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domain: Option<Named>,
    /// Of a field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field_type: Option<String>,
    /// Of a field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dataset: Option<InDomain>,
    /// Of a data product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product_domain: Option<Named>,
}

/// The dataset of a field.
#[derive(Debug, Serialize, Deserialize)]
struct InDomain {
    domain: Option<Named>,
}

const QUERY: &str = "query($text: String!, $first: Int) { search(text: $text, first: $first) { totalCount nodes { \
    matched entity { __typename \
      ... on Dataset { id reference type label domain { name } } \
      ... on Job { id reference type label domain { name } } \
      ... on Field { id reference fieldType: type dataset { domain { name } } } \
      ... on DataProduct { id name productDomain: domain { name } } \
      ... on Domain { id name } } } } }";

/// Runs the command.
pub(crate) fn run(args: &SearchArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let variables = json!({ "text": args.text, "first": args.first });
    let hits: Hits = client.ask("search", QUERY, &variables)?;
    match args.ask.format {
        ListFormat::Json => output::print_json(&hits)?,
        ListFormat::Table => output::print(&render(&hits))?,
        ListFormat::Csv => output::print(&output::csv(
            ["kind", "domain", "type", "reference", "matched"],
            hits.nodes.iter().map(|hit| hit.cells("")),
        )?)?,
    }
    let more = hits.total_count.saturating_sub(hits.nodes.len() as u64);
    if more > 0 {
        let line = format!(
            "note: {} not listed; --first lists more",
            count(more, "more hit")
        );
        output::tell(Tone::Hint, &line);
    }
    Ok(())
}

fn render(hits: &Hits) -> String {
    if hits.nodes.is_empty() {
        return "no hits\n".to_owned();
    }
    table(
        ["kind", "domain", "type", "reference", "matched"],
        hits.nodes.iter().map(|hit| {
            let mut cells = hit.cells("-");
            cells[3] = labelled(&cells[3], hit.entity.label.as_deref());
            cells
        }),
    )
}

impl Hit {
    fn cells(&self, no_domain: &str) -> [String; 5] {
        let entity = &self.entity;
        let shown = entity.reference.as_ref().or(entity.name.as_ref());
        let of_dataset = entity.dataset.as_ref().and_then(|d| d.domain.as_ref());
        let domain = entity.domain.as_ref().or(of_dataset);
        let domain = domain.or(entity.product_domain.as_ref());
        let domain = domain.map(|domain| domain.name.clone());
        [
            entity.kind.to_lowercase(),
            domain.unwrap_or_else(|| no_domain.to_owned()),
            entity
                .r#type
                .clone()
                .or_else(|| entity.field_type.clone())
                .unwrap_or_default(),
            shown.cloned().unwrap_or_default(),
            self.matched.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::testing::asset;

    #[test]
    fn hits_of_all_kinds_share_one_table() {
        let hits: Hits = serde_json::from_value(json!({"totalCount": 3, "nodes": [
            {"entity": asset("Dataset", "orders", Some("orders"), "TABLE"), "matched": "name: orders"},
            {"entity": {"__typename": "Domain", "id": "dom_1", "name": "orders"}, "matched": "name: orders"},
            {"entity": {"__typename": "Field", "reference": "pg://db/orders#order_id", "fieldType": "int",
                "dataset": {"domain": {"name": "orders"}}}, "matched": "field: order_id"}
        ]}))
        .expect("hits");
        assert_snapshot!(render(&hits), @r"
        kind     domain  type   reference                matched
        dataset  orders  TABLE  pg://db/orders           name: orders
        domain   -              orders                   name: orders
        field    orders  int    pg://db/orders#order_id  field: order_id
        ");
    }
}
