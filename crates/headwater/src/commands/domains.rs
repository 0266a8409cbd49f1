//! `headwater domains`: the domains, and whose data flows to whom.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::AskArgs;
use crate::client::Client;
use crate::drawing::{Drawing, Shape};
use crate::moment::AsOfArgs;
use crate::output::{self, GraphFormat, count, table};
use crate::queries::{Named, SnapshotInfo};

/// Show the domains, and whose data flows to whom
///
/// An edge between datasets of two domains goes through a port if the upstream one is a published output port, else
/// around it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater domains
  headwater domains --as-of -1w
  headwater domains --format mermaid
  headwater domains --format json | jq '.edges[] | select(.aroundPortsCount > 0)'")]
pub(crate) struct DomainsArgs {
    #[command(flatten)]
    as_of: AsOfArgs,

    #[command(flatten)]
    ask: AskArgs<GraphFormat>,
}

#[derive(Debug, Serialize, Deserialize)]
struct DomainGraph {
    domains: Vec<Domain>,
    edges: Vec<Link>,
    snapshot: SnapshotInfo,
}

#[derive(Debug, Serialize, Deserialize)]
struct Domain {
    name: String,
    description: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    from: Named,
    to: Named,
    dataset_edge_count: u64,
    through_ports_count: u64,
    around_ports_count: u64,
}

fn query(as_of: AsOfArgs) -> String {
    let as_of = as_of.only_argument();
    format!(
        "query {{ domainGraph{as_of} {{ domains {{ name description }} \
           edges {{ from {{ name }} to {{ name }} datasetEdgeCount throughPortsCount aroundPortsCount }} \
           snapshot {{ offset }} }} }}"
    )
}

/// Runs the command.
pub(crate) fn run(args: &DomainsArgs) -> anyhow::Result<()> {
    let client = Client::new(args.ask.server.url())?;
    let graph: DomainGraph = client.ask("domainGraph", &query(args.as_of), &json!({}))?;
    match args.ask.format {
        GraphFormat::Json => output::print_json(&graph),
        GraphFormat::Table => output::print(&render(&graph)),
        GraphFormat::Mermaid => output::print(&draw(&graph).mermaid()),
        GraphFormat::Dot => output::print(&draw(&graph).dot()),
        GraphFormat::Csv => output::print(&csv(&graph)?),
    }
}

fn render(graph: &DomainGraph) -> String {
    let mut text = format!(
        "{}, {} between them (offset {})\n",
        count(graph.domains.len() as u64, "domain"),
        count(graph.edges.len() as u64, "link"),
        graph.snapshot.offset
    );
    if !graph.domains.is_empty() {
        text.push('\n');
        text += &table(
            ["domain", "description"],
            graph.domains.iter().map(|domain| {
                [
                    domain.name.clone(),
                    domain.description.clone().unwrap_or_default(),
                ]
            }),
        );
    }
    if !graph.edges.is_empty() {
        text.push('\n');
        text += &table(
            [
                "from",
                "to",
                "dataset edges",
                "through ports",
                "around ports",
            ],
            graph.edges.iter().map(|link| {
                [
                    link.from.name.clone(),
                    link.to.name.clone(),
                    link.dataset_edge_count.to_string(),
                    link.through_ports_count.to_string(),
                    link.around_ports_count.to_string(),
                ]
            }),
        );
    }
    text
}

fn draw(graph: &DomainGraph) -> Drawing {
    let mut drawing = Drawing::default();
    for domain in &graph.domains {
        drawing.node(&domain.name, Shape::Domain, &domain.name, None);
    }
    for link in &graph.edges {
        let edges = count(link.dataset_edge_count, "edge");
        let text = match link.around_ports_count {
            0 => edges,
            around => format!("{edges}, {around} around ports"),
        };
        drawing.edge(&link.from.name, &link.to.name, &text);
    }
    drawing
}

/// The links: a domain without one is no row.
fn csv(graph: &DomainGraph) -> anyhow::Result<String> {
    output::csv(
        [
            "from",
            "to",
            "dataset_edges",
            "through_ports",
            "around_ports",
        ],
        graph.edges.iter().map(|link| {
            [
                link.from.name.clone(),
                link.to.name.clone(),
                link.dataset_edge_count.to_string(),
                link.through_ports_count.to_string(),
                link.around_ports_count.to_string(),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn links_show_what_goes_round_the_ports() {
        let graph: DomainGraph = serde_json::from_value(json!({
            "domains": [{"name": "finance", "description": null}, {"name": "orders", "description": "Sells\nthings"}],
            "edges": [{"from": {"name": "orders"}, "to": {"name": "finance"}, "datasetEdgeCount": 3,
                "throughPortsCount": 2, "aroundPortsCount": 1}],
            "snapshot": {"offset": 7}
        }))
        .expect("an answer");
        assert_snapshot!(render(&graph), @r"
        2 domains, 1 link between them (offset 7)

        domain   description
        finance
        orders   Sells things

        from    to       dataset edges  through ports  around ports
        orders  finance  3              2              1
        ");
        assert_snapshot!(draw(&graph).mermaid(), @r#"
        flowchart LR
          n0("finance")
          n1("orders")
          n1 -->|"3 edges, 1 around ports"| n0
        "#);
        assert_snapshot!(csv(&graph).expect("text"), @r"
        from,to,dataset_edges,through_ports,around_ports
        orders,finance,3,2,1
        ");
    }
}
