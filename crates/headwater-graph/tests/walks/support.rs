//! From notation to a snapshot, and answers as text.

use std::collections::BTreeSet;

use headwater_graph::{
    AssetRow, Closure, ClosureOptions, Delta, Direction, EdgeKey, EdgeRef, Snapshot,
};
use headwater_model::AssetIndex;
use headwater_testkit::{NaiveEdge, NaiveGraph, Way};

pub(crate) fn key(edge: NaiveEdge) -> EdgeKey {
    EdgeKey {
        from: edge.from,
        to: edge.to,
        via: edge.via,
    }
}

pub(crate) fn naive(edge: &EdgeRef) -> NaiveEdge {
    NaiveEdge {
        from: edge.from,
        to: edge.to,
        via: edge.via,
    }
}

pub(crate) fn rows(graph: &NaiveGraph) -> Vec<AssetRow> {
    graph
        .assets()
        .map(|(asset, name, kind)| AssetRow::new(asset, kind, "test://", name))
        .collect()
}

/// The snapshot of a graph, packed.
pub(crate) fn packed(graph: &NaiveGraph) -> Snapshot {
    let edges: Vec<EdgeKey> = graph.edges().map(key).collect();
    Snapshot::build(rows(graph), &edges).expect("the graph is sound")
}

/// The snapshot of a graph, all in the overlay.
pub(crate) fn overlaid(graph: &NaiveGraph) -> Snapshot {
    let mut delta = Delta::new();
    for (at, row) in rows(graph).into_iter().enumerate() {
        delta.add_asset(AssetIndex::new(at as u32), row);
    }
    for edge in graph.edges() {
        delta.add_edge(edge.from, edge.to, edge.via);
    }
    Snapshot::new().apply(&delta).expect("the graph is sound")
}

pub(crate) fn way(direction: Direction) -> Way {
    match direction {
        Direction::Upstream => Way::Up,
        Direction::Downstream => Way::Down,
    }
}

/// The assets called so, in that order.
pub(crate) fn numbers(graph: &NaiveGraph, names: &str) -> Vec<AssetIndex> {
    names
        .split_whitespace()
        .map(|name| {
            graph
                .number(name)
                .unwrap_or_else(|| panic!("{name} is not in the graph"))
        })
        .collect()
}

/// `name:hops` of everything reached, and what cut it.
pub(crate) fn text(graph: &NaiveGraph, closure: &Closure) -> String {
    let mut words: Vec<String> = closure
        .entries
        .iter()
        .map(|reached| format!("{}:{}", graph.name(reached.asset), reached.hops))
        .collect();
    if let Some(reason) = closure.cut_by {
        let frontier: Vec<&str> = closure
            .frontier
            .iter()
            .map(|asset| graph.name(*asset))
            .collect();
        words.push(format!("| {reason:?} at {}", frontier.join(" ")));
    }
    words.join(" ")
}

pub(crate) fn walk(
    snapshot: &Snapshot,
    roots: &[AssetIndex],
    direction: Direction,
    options: ClosureOptions,
    stop: &BTreeSet<AssetIndex>,
) -> Closure {
    snapshot.closure(
        roots,
        direction,
        &options,
        |asset| stop.contains(&asset),
        |_| false,
    )
}
