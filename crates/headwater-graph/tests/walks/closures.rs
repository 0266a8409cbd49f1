use headwater_graph::{ClosureOptions, Direction};
use headwater_testkit::graph;

use crate::support::{numbers, packed, text, walk};

const DOWN: Direction = Direction::Downstream;
const UP: Direction = Direction::Upstream;

#[derive(Default)]
struct Question {
    stop: &'static str,
    depth: Option<u32>,
    limit: Option<usize>,
}

#[track_caller]
fn check_with(
    notation: &str,
    direction: Direction,
    roots: &str,
    question: &Question,
    expected: &str,
) {
    let graph = graph(notation);
    let options = ClosureOptions {
        depth_hops_max: question.depth,
        assets_max: question.limit,
    };
    let stop = numbers(&graph, question.stop).into_iter().collect();
    let closure = walk(
        &packed(&graph),
        &numbers(&graph, roots),
        direction,
        options,
        &stop,
    );
    assert_eq!(text(&graph, &closure), expected);
}

#[track_caller]
fn check(notation: &str, direction: Direction, roots: &str, expected: &str) {
    check_with(notation, direction, roots, &Question::default(), expected);
}

#[track_caller]
fn check_paths(notation: &str, direction: Direction, roots: &str, expected: &str) {
    let graph = graph(notation);
    let closure = walk(
        &packed(&graph),
        &numbers(&graph, roots),
        direction,
        ClosureOptions::default(),
        &std::collections::BTreeSet::new(),
    );
    let paths: Vec<String> = (0..closure.entries.len())
        .map(|entry| {
            let path = closure.path(entry);
            assert_eq!(closure.root(entry), path.first().copied());
            path.iter()
                .map(|asset| graph.name(*asset))
                .collect::<Vec<_>>()
                .join(">")
        })
        .collect();
    assert_eq!(paths.join(" "), expected);
}

const DIAMOND: &str = "raw -> load -> a, b; a, b -> join -> mart";

#[test]
fn a_diamond_is_reached_once_and_jobs_add_no_hop() {
    check(DIAMOND, DOWN, "raw", "load:0 a:1 b:1 join:1 mart:2");
    check(DIAMOND, UP, "mart", "join:0 a:1 b:1 load:1 raw:2");
}

#[test]
fn a_walk_may_start_at_a_job() {
    check(DIAMOND, DOWN, "load", "a:1 b:1 join:1 mart:2");
    check(DIAMOND, UP, "join", "a:1 b:1 load:1 raw:2");
}

#[test]
fn an_output_with_stated_origins_is_entered_from_these_only() {
    let stated = "x, y -> j -> o; x => o via j";
    check(stated, DOWN, "x", "j:0 o:1");
    check(stated, DOWN, "y", "j:0");
    check(stated, UP, "o", "j:0 x:1");
    check(stated, DOWN, "j", "o:1");
    check(stated, UP, "j", "x:1 y:1");
}

#[test]
fn an_output_without_stated_origins_beside_one_with_is_entered_from_all() {
    let half = "x, y -> j -> o, p; x => o via j";
    check(half, DOWN, "y", "j:0 p:1");
    check(half, UP, "p", "j:0 x:1 y:1");
}

#[test]
fn a_stated_origin_that_the_job_does_not_read_is_upstream_of_the_job() {
    check("x -> j -> o; z => o via j", UP, "j", "x:1 z:1");
}

#[test]
fn a_job_met_as_the_way_of_a_derivation_is_still_walked_through_when_it_is_read() {
    check("d => o via j; o -> j -> p", DOWN, "d", "j:0 o:1 p:2");
}

#[test]
fn edges_to_itself_and_follows_edges_are_not_walked() {
    check("a => a via j; a => b; j ~> k; -> k -> m", DOWN, "a", "b:1");
    check("a => a", UP, "a", "");
}

#[test]
fn a_cycle_ends_at_its_root() {
    check("a -> j -> b; b -> k -> a", DOWN, "a", "j:0 b:1 k:1");
    check("a -> j -> a", DOWN, "a", "j:0");
}

#[test]
fn what_to_stop_at_is_reached_but_not_walked_through() {
    let stop = |stop| Question {
        stop,
        ..Question::default()
    };
    check_with(
        DIAMOND,
        DOWN,
        "raw",
        &stop("a"),
        "load:0 a:1 b:1 join:1 mart:2",
    );
    check_with(DIAMOND, DOWN, "raw", &stop("a b"), "load:0 a:1 b:1");
    check_with(DIAMOND, DOWN, "raw", &stop("load"), "load:0");
    check_with(
        DIAMOND,
        DOWN,
        "raw",
        &stop("raw"),
        "load:0 a:1 b:1 join:1 mart:2",
    );
    check_with("x => o via j", DOWN, "x", &stop("j"), "j:0");
}

#[test]
fn the_depth_counts_datasets_and_says_where_it_cut() {
    let depth = |hops| Question {
        depth: Some(hops),
        ..Question::default()
    };
    check_with(DIAMOND, DOWN, "raw", &depth(0), "load:0 | Depth at raw");
    check_with(
        DIAMOND,
        DOWN,
        "raw",
        &depth(1),
        "load:0 a:1 b:1 join:1 | Depth at a b",
    );
    check_with(
        DIAMOND,
        DOWN,
        "raw",
        &depth(2),
        "load:0 a:1 b:1 join:1 mart:2",
    );
    check_with(DIAMOND, DOWN, "load", &depth(0), "| Depth at load");
    check_with(
        "a -> j -> b; b -> k -> a",
        DOWN,
        "a",
        &depth(1),
        "j:0 b:1 k:1",
    );
}

#[test]
fn the_limit_keeps_the_nearest_and_says_where_it_cut() {
    let limit = |assets| Question {
        limit: Some(assets),
        ..Question::default()
    };
    check_with(DIAMOND, DOWN, "raw", &limit(0), "| Limit at raw");
    check_with(
        DIAMOND,
        DOWN,
        "raw",
        &limit(2),
        "load:0 a:1 | Limit at raw a",
    );
    check_with(
        DIAMOND,
        DOWN,
        "raw",
        &limit(4),
        "load:0 a:1 b:1 join:1 | Limit at a b",
    );
    check_with(
        DIAMOND,
        DOWN,
        "raw",
        &limit(5),
        "load:0 a:1 b:1 join:1 mart:2",
    );
}

#[test]
fn a_walk_called_off_says_so() {
    let graph = graph(DIAMOND);
    let closure = packed(&graph).closure(
        &numbers(&graph, "raw"),
        DOWN,
        &ClosureOptions::default(),
        |_| false,
        |_| true,
    );
    assert_eq!(text(&graph, &closure), "| Timeout at raw");
}

#[test]
fn a_path_names_the_jobs_between() {
    check_paths(
        DIAMOND,
        DOWN,
        "raw",
        "raw>load raw>load>a raw>load>b raw>load>a>join raw>load>a>join>mart",
    );
    check_paths("x, y -> j -> o; x => o via j", DOWN, "x", "x>j x>j>o");
    check_paths("x, y -> j -> o; x => o via j", UP, "o", "o>j o>j>x");
    check_paths(
        "d => o via j; o -> j -> p",
        DOWN,
        "d",
        "d>j d>j>o d>j>o>j>p",
    );
}

#[test]
fn unknown_roots_are_left_out() {
    let graph = graph("a -> j -> b");
    let unknown = headwater_model::AssetIndex::new(99);
    let closure = walk(
        &packed(&graph),
        &[unknown],
        DOWN,
        ClosureOptions::default(),
        &std::collections::BTreeSet::new(),
    );
    assert!(closure.roots.is_empty() && closure.entries.is_empty());
}
