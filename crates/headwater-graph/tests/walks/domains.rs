use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{AssetFlags, Crossing, EdgeKey, Snapshot};
use headwater_model::{AssetIndex, EdgeKind};
use headwater_testkit::{NaiveGraph, graph};
use proptest::prelude::*;

use crate::random::cases;
use crate::support::{key, rows};

/// Gives assets domains, and makes some of them ports.
fn in_domains(
    graph: &NaiveGraph,
    domain: impl Fn(AssetIndex) -> Option<u32>,
    is_port: impl Fn(AssetIndex) -> bool,
) -> Snapshot {
    let mut rows = rows(graph);
    for (at, row) in rows.iter_mut().enumerate() {
        let asset = AssetIndex::new(at as u32);
        row.domain = domain(asset);
        if is_port(asset) {
            row.flags = AssetFlags::OUTPUT_PORT;
        }
    }
    let edges: Vec<EdgeKey> = graph.edges().map(key).collect();
    Snapshot::build(rows, &edges).expect("the graph is sound")
}

/// The first letter of a name is its domain, and `*` at the end of one in `ports` makes it a port.
#[track_caller]
fn check(notation: &str, ports: &str, expected: &str) {
    let graph = graph(notation);
    let letter = |asset| graph.name(asset).bytes().next().map(u32::from);
    let domain = |asset| letter(asset).filter(|letter| *letter != u32::from(b'z'));
    let snapshot = in_domains(&graph, domain, |asset| {
        ports.split(' ').any(|port| port == graph.name(asset))
    });
    let show = |domain: u32| char::from_u32(domain).unwrap_or('?');
    let links: Vec<String> = snapshot
        .domain_links()
        .iter()
        .map(|link| {
            let crossings: BTreeSet<Crossing> = snapshot.crossings(link.from, link.to).collect();
            assert_eq!(crossings.len() as u64, link.dataset_edges_count);
            format!(
                "{}>{} {} ({} through, {} around)",
                show(link.from),
                show(link.to),
                link.dataset_edges_count,
                link.through_ports_count,
                link.around_ports_count
            )
        })
        .collect();
    assert_eq!(links.join("; "), expected);
}

#[test]
fn every_input_crosses_into_every_output_of_a_job() {
    check(
        "a1, a2, b1 -> bj -> b2, b3, c1",
        "a1",
        "a>b 4 (2 through, 2 around); a>c 2 (1 through, 1 around); b>c 1 (0 through, 1 around)",
    );
}

#[test]
fn a_stated_output_is_crossed_into_from_its_origins_only() {
    check(
        "a1, a2 -> bj -> b1; a1 => b1 via bj; a1 => b1",
        "",
        "a>b 2 (0 through, 2 around)",
    );
}

#[test]
fn what_has_no_domain_crosses_nothing() {
    check("a1 -> zj -> z1; z1 -> bj -> b1", "", "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn links_count_the_distinct_dataset_edges(case in cases()) {
        let graph = &case.graph;
        let domain = |asset: AssetIndex| (!asset.get().is_multiple_of(5)).then_some(asset.get() % 3);
        let is_port = |asset: AssetIndex| asset.get().is_multiple_of(2);
        let mut steps: BTreeSet<(AssetIndex, AssetIndex, Option<AssetIndex>)> = BTreeSet::new();
        for edge in graph.edges() {
            match graph.edge_kind(edge) {
                Some(EdgeKind::Derives) => drop(steps.insert((edge.from, edge.to, edge.via))),
                Some(EdgeKind::Reads) => steps.extend(
                    graph
                        .edges()
                        .filter(|out| out.from == edge.to && graph.edge_kind(*out) == Some(EdgeKind::Writes))
                        .filter(|out| !graph.is_stated(out.from, out.to))
                        .map(|out| (edge.from, out.to, Some(edge.to))),
                ),
                _ => {}
            }
        }
        let mut expected: BTreeMap<(u32, u32), (u64, u64)> = BTreeMap::new();
        for (from, to, _) in steps {
            if let (Some(a), Some(b)) = (domain(from), domain(to)) && a != b {
                let counts = expected.entry((a, b)).or_default();
                if is_port(from) { counts.0 += 1 } else { counts.1 += 1 }
            }
        }
        let snapshot = in_domains(graph, domain, is_port);
        let answer: BTreeMap<(u32, u32), (u64, u64)> = snapshot
            .domain_links()
            .iter()
            .map(|link| ((link.from, link.to), (link.through_ports_count, link.around_ports_count)))
            .collect();
        prop_assert_eq!(&answer, &expected);
        for ((from, to), (through, around)) in expected {
            let crossings: BTreeSet<Crossing> = snapshot.crossings(from, to).collect();
            prop_assert_eq!(crossings.iter().filter(|crossing| crossing.is_through_port).count() as u64, through);
            prop_assert_eq!(crossings.len() as u64, through + around);
            prop_assert_eq!(snapshot.crossings(from, to).count(), crossings.len());
        }
    }
}
