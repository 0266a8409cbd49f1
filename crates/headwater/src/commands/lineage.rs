//! `headwater lineage`: nodes and edges around something.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{AskArgs, CompleteArgs};
use crate::client::Client;
use crate::completeness::Completeness;
use crate::drawing::{Drawing, Shape};
use crate::moment::AsOfArgs;
use crate::output::{self, GraphFormat, count, table};
use crate::queries::{
    ContractArgs, FieldLevelArgs, Named, SnapshotInfo, TRANSFORMATION_FIELDS, Transformation,
    labelled,
};

/// Show the datasets and jobs around some, and the edges between them
#[derive(Debug, Args)]
#[command(after_help = "\
A REF is <namespace>/<name>, job:<namespace>/<name>, an id, or an ending that only one asset has; with #<field> it is
a field of it.

Examples:
  headwater lineage orders.public.orders
  headwater lineage orders.public.orders --as-of 2026-01-31
  headwater lineage revenue --direction upstream --depth 3
  headwater lineage revenue#amount --field-level
  headwater lineage orders --format mermaid > orders.mmd
  headwater lineage orders --format dot | dot -Tsvg > orders.svg
  headwater lineage revenue --contract '*.stg_*' --contract '*.tmp_*'
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
    fields: FieldLevelArgs,

    #[command(flatten)]
    contract: ContractArgs,

    #[command(flatten)]
    as_of: AsOfArgs,

    #[command(flatten)]
    ask: AskArgs<GraphFormat>,

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
    entity: Entity,
    hops: u32,
}

/// A dataset, a job or a field.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entity {
    #[serde(rename = "__typename")]
    kind: String,
    id: String,
    reference: String,
    /// What people call a dataset or job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Of a dataset or job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
    /// Of a field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field_type: Option<String>,
    #[serde(default)]
    domain: Option<Named>,
    /// That a field is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dataset: Option<Dataset>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Dataset {
    domain: Option<Named>,
}

impl Entity {
    fn domain(&self) -> Option<&str> {
        let of_dataset = self
            .dataset
            .as_ref()
            .and_then(|dataset| dataset.domain.as_ref());
        let domain = self.domain.as_ref().or(of_dataset)?;
        Some(&domain.name)
    }

    fn shown(&self) -> String {
        labelled(&self.reference, self.label.as_deref())
    }

    fn shown_type(&self) -> String {
        let shown = self.r#type.as_ref().or(self.field_type.as_ref());
        shown.cloned().unwrap_or_default()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Edge {
    from: String,
    to: String,
    kind: String,
    via: Option<Via>,
    #[serde(default)]
    transformations: Vec<Transformation>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Via {
    reference: String,
}

/// Runs the command.
pub(crate) fn run(args: &LineageArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let variables = json!({
        "of": args.references,
        "direction": args.direction.word(),
        "depth": args.depth,
        "limit": args.limit,
    });
    let lineage: Lineage = client.ask(
        "lineage",
        &query(args.fields, &args.contract, args.as_of),
        &variables,
    )?;
    match args.ask.format {
        GraphFormat::Json => output::print_json(&lineage)?,
        GraphFormat::Table => output::print(&lineage.render())?,
        GraphFormat::Mermaid => output::print(&lineage.draw().mermaid())?,
        GraphFormat::Dot => output::print(&lineage.draw().dot())?,
        GraphFormat::Csv => output::print(&lineage.csv()?)?,
    }
    lineage
        .completeness
        .tell(Vec::new(), args.complete.require_complete)
}

fn query(fields: FieldLevelArgs, contract: &ContractArgs, as_of: AsOfArgs) -> String {
    let completeness = Completeness::SELECTION;
    let granularity = fields.argument();
    let as_of = as_of.argument();
    let contracted = contract.selection();
    let contract = contract.argument();
    let (of_fields, of_edges) = if fields.field_level {
        (
            "... on Field { id reference fieldType: type dataset { domain { name } } }",
            format!("transformations {{ {TRANSFORMATION_FIELDS} }}"),
        )
    } else {
        ("", String::new())
    };
    format!(
        "query($of: [Reference!]!, $direction: Direction!, $depth: Int, $limit: Int!) {{ \
           lineage(of: $of, direction: $direction, depth: $depth, limit: $limit{granularity}{contract}{as_of}) {{ \
             nodes {{ entity {{ __typename ... on Dataset {{ id reference type label domain {{ name }} }} \
               ... on Job {{ id reference type label domain {{ name }} }} {of_fields} }} hops }} \
             edges {{ from to kind via {{ reference }} {of_edges} }} \
             {completeness}{contracted} snapshot {{ offset }} }} }}"
    )
}

impl Lineage {
    fn by_id(&self) -> BTreeMap<&str, &Entity> {
        let nodes = self.nodes.iter();
        nodes.map(|node| (&*node.entity.id, &node.entity)).collect()
    }

    fn render(&self) -> String {
        let mut text = format!(
            "{}, {} (offset {}{})\n\n",
            count(self.nodes.len() as u64, "node"),
            count(self.edges.len() as u64, "edge"),
            self.snapshot.offset,
            self.completeness.contracted()
        );
        text += &table(
            ["hops", "domain", "type", "reference"],
            self.nodes.iter().map(|node| {
                [
                    node.hops.to_string(),
                    node.entity.domain().unwrap_or("-").to_owned(),
                    node.entity.shown_type(),
                    node.entity.shown(),
                ]
            }),
        );
        if self.edges.is_empty() {
            return text;
        }
        let by_id = self.by_id();
        let shown = |id: &str| {
            by_id
                .get(id)
                .map_or(id, |entity| &entity.reference)
                .to_owned()
        };
        let has_effects = self
            .edges
            .iter()
            .any(|edge| !edge.transformations.is_empty());
        let rows = self.edges.iter().map(|edge| {
            [
                shown(&edge.from),
                edge.kind.to_lowercase(),
                shown(&edge.to),
                edge.via_reference(),
                Transformation::listed(&edge.transformations),
            ]
        });
        text.push('\n');
        text += &if has_effects {
            table(["from", "edge", "to", "via", "transformations"], rows)
        } else {
            table(
                ["from", "edge", "to", "via"],
                rows.map(|[from, kind, to, via, _]| [from, kind, to, via]),
            )
        };
        text
    }

    fn draw(&self) -> Drawing {
        let mut drawing = Drawing::default();
        for node in &self.nodes {
            let entity = &node.entity;
            let shape = Shape::of_kind(&entity.kind);
            drawing.node(&entity.id, shape, &entity.shown(), entity.domain());
            // A job beside a root is no hop away either.
            if node.hops == 0 && shape != Shape::Job {
                drawing.mark_root(&entity.id);
            }
        }
        for edge in &self.edges {
            drawing.edge(&edge.from, &edge.to, &edge.kind.to_lowercase());
        }
        drawing
    }

    /// The edges: what is beyond the answer is named by its id.
    fn csv(&self) -> anyhow::Result<String> {
        let by_id = self.by_id();
        let domain = |id: &str| by_id.get(id).and_then(|entity| entity.domain());
        let reference = |id: &str| {
            by_id
                .get(id)
                .map_or(id, |entity| &entity.reference)
                .to_owned()
        };
        output::csv(
            [
                "from_domain",
                "from",
                "kind",
                "to_domain",
                "to",
                "via",
                "transformations",
            ],
            self.edges.iter().map(|edge| {
                [
                    domain(&edge.from).unwrap_or_default().to_owned(),
                    reference(&edge.from),
                    edge.kind.clone(),
                    domain(&edge.to).unwrap_or_default().to_owned(),
                    reference(&edge.to),
                    edge.via_reference(),
                    Transformation::listed(&edge.transformations),
                ]
            }),
        )
    }
}

impl Edge {
    fn via_reference(&self) -> String {
        let via = self.via.as_ref().map(|via| via.reference.clone());
        via.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::Value;

    use super::*;
    use crate::testing::{asset, complete};

    fn lineage(nodes: &Value, edges: &Value) -> Lineage {
        serde_json::from_value(json!({
            "nodes": nodes, "edges": edges, "completeness": complete(), "snapshot": {"offset": 7}
        }))
        .expect("an answer")
    }

    fn of_assets() -> Lineage {
        lineage(
            &json!([
                {"entity": asset("Dataset", "raw", Some("orders"), "TABLE"), "hops": 0},
                {"entity": asset("Job", "load, \"all\"", Some("orders"), "MODEL"), "hops": 0},
                {"entity": asset("Dataset", "mart#1", None, "VIEW"), "hops": 1}
            ]),
            &json!([
                {"from": "id_raw", "to": "id_load, \"all\"", "kind": "READS", "via": null},
                {"from": "id_raw", "to": "id_mart#1", "kind": "DERIVES", "via": {"reference": "pg://db/load"}},
                {"from": "id_raw", "to": "id_beyond", "kind": "READS", "via": null}
            ]),
        )
    }

    #[test]
    fn nodes_and_edges_are_shown_by_reference() {
        assert_snapshot!(of_assets().render(), @r#"
        3 nodes, 3 edges (offset 7)

        hops  domain  type   reference
        0     orders  TABLE  pg://db/raw
        0     orders  MODEL  pg://db/load, "all"
        1     -       VIEW   pg://db/mart#1

        from         edge     to                   via
        pg://db/raw  reads    pg://db/load, "all"
        pg://db/raw  derives  pg://db/mart#1       pg://db/load
        pg://db/raw  reads    id_beyond
        "#);
    }

    #[test]
    fn pictures_frame_domains_and_set_off_the_roots() {
        assert_snapshot!(of_assets().draw().mermaid(), @r##"
        flowchart LR
          subgraph g0["orders"]
            n0[("pg://db/raw")]:::root
            n1["pg://db/load, #34;all#34;"]
          end
          n2[("pg://db/mart#35;1")]
          n3[("id_beyond")]
          n0 -->|"reads"| n1
          n0 -->|"derives"| n2
          n0 -->|"reads"| n3
          classDef root stroke-width:3px
        "##);
        assert!(
            of_assets()
                .draw()
                .dot()
                .contains("n0 -> n2 [label=\"derives\"];")
        );
    }

    #[test]
    fn a_spreadsheet_gets_the_edges() {
        assert_snapshot!(of_assets().csv().expect("text"), @r#"
        from_domain,from,kind,to_domain,to,via,transformations
        orders,pg://db/raw,READS,orders,"pg://db/load, ""all""",,
        orders,pg://db/raw,DERIVES,,pg://db/mart#1,pg://db/load,
        orders,pg://db/raw,READS,,id_beyond,,
        "#);
    }

    #[test]
    fn fields_show_how_one_makes_the_other() {
        let field = |name: &str| {
            json!({"__typename": "Field", "id": format!("f_{name}"), "reference": format!("pg://db/raw#{name}"),
                "fieldType": "int", "dataset": {"domain": {"name": "orders"}}})
        };
        let lineage = lineage(
            &json!([{"entity": field("a"), "hops": 0}, {"entity": field("b"), "hops": 1}]),
            &json!([{"from": "f_a", "to": "f_b", "kind": "DERIVES", "via": null, "transformations": [
                {"type": "INDIRECT", "subtype": "FILTER", "masking": false},
                {"type": "DIRECT", "subtype": null, "masking": true}]}]),
        );
        assert_snapshot!(lineage.render(), @r"
        2 nodes, 1 edge (offset 7)

        hops  domain  type  reference
        0     orders  int   pg://db/raw#a
        1     orders  int   pg://db/raw#b

        from           edge     to             via  transformations
        pg://db/raw#a  derives  pg://db/raw#b       direct masking, indirect filter
        ");
    }

    #[test]
    fn fields_are_asked_for_only_where_they_are_wanted() {
        let query = |field_level| {
            super::query(
                FieldLevelArgs { field_level },
                &ContractArgs::default(),
                AsOfArgs::default(),
            )
        };
        assert!(query(true).contains("granularity: FIELD") && query(true).contains("on Field"));
        assert!(!query(false).contains("granularity") && !query(false).contains("on Field"));
    }
}
