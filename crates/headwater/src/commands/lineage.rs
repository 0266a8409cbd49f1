//! `headwater lineage`: nodes and edges around something.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{AskArgs, CompleteArgs};
use crate::client::Client;
use crate::completeness::Completeness;
use crate::output::{self, Format, count, table};
use crate::queries::{AssetLine, ENTITY_FIELDS, SnapshotInfo};

/// Show the datasets and jobs around some, and the edges between them
#[derive(Debug, Args)]
#[command(after_help = "\
A REF is <namespace>/<name>, job:<namespace>/<name>, an id, or an ending that only one asset has.

Examples:
  headwater lineage orders.public.orders
  headwater lineage revenue --direction upstream --depth 3
  headwater lineage orders --format json | jq '.edges[]'")]
pub(crate) struct LineageArgs {
    /// Where to start
    #[arg(required = true, value_name = "REF")]
    references: Vec<String>,

    /// Which way to look
    #[arg(long, value_enum, default_value_t = Direction::Both)]
    direction: Direction,

    /// How many hops far; all the way where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    depth: Option<u32>,

    /// How many nodes at most
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,

    #[command(flatten)]
    ask: AskArgs,

    #[command(flatten)]
    complete: CompleteArgs,
}

/// Ways along the flow of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Direction {
    /// What it depends on
    Upstream,
    /// What depends on it
    Downstream,
    /// Upstream of it, together with downstream of it
    Both,
}

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Self::Upstream => "UPSTREAM",
            Self::Downstream => "DOWNSTREAM",
            Self::Both => "BOTH",
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Lineage {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    completeness: Completeness,
    snapshot: SnapshotInfo,
}

#[derive(Debug, Serialize, Deserialize)]
struct Node {
    entity: AssetLine,
    hops: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Edge {
    from: String,
    to: String,
    kind: String,
    via: Option<Via>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Via {
    reference: String,
}

/// Runs the command.
pub(crate) fn run(args: &LineageArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.ask.server.url)?;
    let variables = json!({
        "of": args.references,
        "direction": args.direction.word(),
        "depth": args.depth,
        "limit": args.limit,
    });
    let lineage: Lineage = client.ask("lineage", &query(), &variables)?;
    match args.ask.format {
        Format::Json => output::print_json(&lineage)?,
        Format::Table => output::print(&render(&lineage))?,
    }
    lineage
        .completeness
        .tell(Vec::new(), args.complete.require_complete)
}

fn query() -> String {
    let completeness = Completeness::SELECTION;
    format!(
        "query($of: [Reference!]!, $direction: Direction!, $depth: Int, $limit: Int!) {{ \
           lineage(of: $of, direction: $direction, depth: $depth, limit: $limit) {{ \
             nodes {{ entity {{ {ENTITY_FIELDS} }} hops }} \
             edges {{ from to kind via {{ reference }} }} \
             {completeness} snapshot {{ offset }} }} }}"
    )
}

fn render(lineage: &Lineage) -> String {
    let mut text = format!(
        "{}, {} (offset {})\n\n",
        count(lineage.nodes.len() as u64, "node"),
        count(lineage.edges.len() as u64, "edge"),
        lineage.snapshot.offset
    );
    text += &table(
        ["hops", "domain", "type", "reference"],
        lineage.nodes.iter().map(|node| {
            [
                node.hops.to_string(),
                node.entity.domain().to_owned(),
                node.entity.r#type.clone(),
                node.entity.reference.clone(),
            ]
        }),
    );
    if lineage.edges.is_empty() {
        return text;
    }
    let references: BTreeMap<&str, &str> = lineage
        .nodes
        .iter()
        .map(|node| (&*node.entity.id, &*node.entity.reference))
        .collect();
    let shown = |id: &str| (*references.get(id).unwrap_or(&id)).to_owned();
    text.push('\n');
    text += &table(
        ["from", "edge", "to", "via"],
        lineage.edges.iter().map(|edge| {
            let via = edge.via.as_ref().map_or("", |via| &via.reference);
            [
                shown(&edge.from),
                edge.kind.to_lowercase(),
                shown(&edge.to),
                via.to_owned(),
            ]
        }),
    );
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::testing::{asset, complete};

    #[test]
    fn nodes_and_edges_are_shown_by_reference() {
        let lineage: Lineage = serde_json::from_value(json!({
            "nodes": [
                {"entity": asset("Dataset", "raw", Some("orders"), "TABLE"), "hops": 0},
                {"entity": asset("Job", "load", Some("orders"), "MODEL"), "hops": 0},
                {"entity": asset("Dataset", "mart", None, "VIEW"), "hops": 1}
            ],
            "edges": [
                {"from": "id_raw", "to": "id_load", "kind": "READS", "via": null},
                {"from": "id_raw", "to": "id_mart", "kind": "DERIVES", "via": {"reference": "pg://db/load"}},
                {"from": "id_raw", "to": "id_beyond", "kind": "READS", "via": null}
            ],
            "completeness": complete(),
            "snapshot": {"offset": 7}
        }))
        .expect("an answer");
        assert_snapshot!(render(&lineage), @r"
        3 nodes, 3 edges (offset 7)

        hops  domain  type   reference
        0     orders  TABLE  pg://db/raw
        0     orders  MODEL  pg://db/load
        1     -       VIEW   pg://db/mart

        from         edge     to            via
        pg://db/raw  reads    pg://db/load
        pg://db/raw  derives  pg://db/mart  pg://db/load
        pg://db/raw  reads    id_beyond
        ");
    }
}
