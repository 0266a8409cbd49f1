use headwater_graph::{Direction, LineageOptions};
use headwater_testkit::graph;

use crate::support::{naive, numbers, packed};

const UP: &[Direction] = &[Direction::Upstream];
const DOWN: &[Direction] = &[Direction::Downstream];
const BOTH: &[Direction] = &[Direction::Upstream, Direction::Downstream];

#[track_caller]
fn check(notation: &str, directions: &[Direction], roots: &str, stop: &str, expected: &str) {
    let graph = graph(notation);
    let stop = numbers(&graph, stop);
    let lineage = packed(&graph).lineage(
        &numbers(&graph, roots),
        directions,
        &LineageOptions::default(),
        |asset| stop.contains(&asset),
        |_| false,
    );
    let nodes: Vec<String> = lineage
        .nodes
        .iter()
        .map(|node| format!("{}:{}", graph.name(node.asset), node.hops))
        .collect();
    let mut edges: Vec<String> = lineage
        .edges
        .iter()
        .map(|edge| graph.edge_text(naive(edge)))
        .collect();
    edges.sort();
    assert_eq!(
        format!("{} | {}", nodes.join(" "), edges.join("; ")),
        expected
    );
    assert!(lineage.cut_by.is_empty() && lineage.frontier.is_empty());
}

#[test]
fn both_directions_have_no_edge_past_the_root() {
    let bypass = "a -> j -> root; root -> k -> b; a -> past -> b";
    check(
        bypass,
        BOTH,
        "root",
        "",
        "root:0 j:0 k:0 a:1 b:1 | a -> j; j -> root; k -> b; root -> k",
    );
}

#[test]
fn a_derivation_comes_with_the_edge_from_its_job() {
    let stated = "x, y -> j -> o; x => o via j";
    check(
        stated,
        DOWN,
        "x",
        "",
        "x:0 j:0 o:1 | j -> o; x -> j; x => o via j",
    );
    check(stated, DOWN, "y", "", "y:0 j:0 | y -> j");
    check(stated, UP, "o", "", "o:0 j:0 x:1 | j -> o; x => o via j");
    check(stated, DOWN, "j", "", "j:0 o:1 | j -> o");
}

#[test]
fn an_edge_to_itself_is_shown_where_the_walk_comes_by() {
    check(
        "a => a; a => b; b => b",
        DOWN,
        "a",
        "",
        "a:0 b:1 | a => a; a => b; b => b",
    );
}

#[test]
fn no_edge_leaves_what_the_walk_stops_at() {
    check(
        "a => b; b => c; c => b; a => c",
        DOWN,
        "a",
        "b",
        "a:0 b:1 c:1 | a => b; a => c; c => b",
    );
}

#[test]
fn follows_edges_are_left_out() {
    check(
        "a -> j -> b; j ~> k; b -> k ->",
        DOWN,
        "a",
        "",
        "a:0 j:0 b:1 k:1 | a -> j; b -> k; j -> b",
    );
}
