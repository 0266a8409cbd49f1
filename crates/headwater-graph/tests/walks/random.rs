//! Random graphs: whatever the layout, the answer is the reference's.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{ClosureOptions, CutReason, Delta, Direction, LineageOptions, Snapshot};
use headwater_model::{AssetIndex, AssetKind};
use headwater_testkit::{NaiveEdge, NaiveGraph};
use proptest::prelude::*;

use crate::support::{key, naive, overlaid, packed, walk, way};

/// An edge to be: two ends and perhaps a job, as any numbers.
type RawEdge = (u32, u32, Option<u32>);

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) graph: NaiveGraph,
    pub(crate) changes: Vec<(bool, NaiveEdge)>,
    pub(crate) roots: BTreeSet<AssetIndex>,
    pub(crate) stop: BTreeSet<AssetIndex>,
    pub(crate) depth: Option<u32>,
    pub(crate) limit: Option<usize>,
    pub(crate) direction: Direction,
}

fn assets(kinds: &[bool]) -> NaiveGraph {
    let mut graph = NaiveGraph::default();
    for (at, is_job) in kinds.iter().enumerate() {
        let kind = if *is_job {
            AssetKind::Job
        } else {
            AssetKind::Dataset
        };
        graph.add_asset(&format!("n{at}"), kind);
    }
    graph
}

/// The edge that these numbers stand for in a graph with these assets.
fn edge(kinds: &[bool], (from, to, via): RawEdge) -> NaiveEdge {
    let count = kinds.len() as u32;
    let (from, to) = (from % count, to % count);
    let is_derives = !kinds[from as usize] && !kinds[to as usize];
    let jobs: Vec<u32> = (0..count).filter(|at| kinds[*at as usize]).collect();
    let via = via
        .filter(|_| is_derives && !jobs.is_empty())
        .map(|via| AssetIndex::new(jobs[via as usize % jobs.len()]));
    NaiveEdge {
        from: AssetIndex::new(from),
        to: AssetIndex::new(to),
        via,
    }
}

fn some_of(numbers: &[u32], count: u32) -> BTreeSet<AssetIndex> {
    numbers
        .iter()
        .map(|number| AssetIndex::new(number % count))
        .collect()
}

fn raw_edge() -> impl Strategy<Value = RawEdge> {
    (
        any::<u32>(),
        any::<u32>(),
        prop::option::weighted(0.7, any::<u32>()),
    )
}

pub(crate) fn cases() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(any::<bool>(), 1..14),
        prop::collection::vec(raw_edge(), 0..40),
        prop::collection::vec((any::<bool>(), raw_edge()), 0..30),
        prop::collection::vec(any::<u32>(), 1..4),
        prop::collection::vec(any::<u32>(), 0..4),
        prop::option::of(0_u32..5),
        prop::option::weighted(0.3, 0_usize..10),
        any::<bool>(),
    )
        .prop_map(
            |(kinds, edges, changes, roots, stop, depth, limit, is_up)| {
                let mut graph = assets(&kinds);
                for raw in edges {
                    let NaiveEdge { from, to, via } = edge(&kinds, raw);
                    graph.add_edge(from, to, via);
                }
                let count = kinds.len() as u32;
                Case {
                    graph,
                    changes: changes
                        .into_iter()
                        .map(|(adds, raw)| (adds, edge(&kinds, raw)))
                        .collect(),
                    roots: some_of(&roots, count),
                    stop: some_of(&stop, count),
                    depth,
                    limit,
                    direction: if is_up {
                        Direction::Upstream
                    } else {
                        Direction::Downstream
                    },
                }
            },
        )
}

/// The changes applied one delta each, and to the reference.
fn changed(case: &Case, start: &Snapshot) -> (Snapshot, NaiveGraph) {
    let (mut snapshot, mut graph) = (start.clone(), case.graph.clone());
    for (adds, edge) in &case.changes {
        let mut delta = Delta::new();
        if *adds {
            graph.add_edge(edge.from, edge.to, edge.via);
            delta.add_edge(edge.from, edge.to, edge.via);
        } else {
            graph.remove_edge(edge.from, edge.to, edge.via);
            delta.remove_edge(edge.from, edge.to, edge.via);
        }
        snapshot = snapshot.apply(&delta).expect("the change is sound");
    }
    (snapshot, graph)
}

fn edges(snapshot: &Snapshot) -> Vec<(NaiveEdge, bool)> {
    let mut edges: Vec<_> = snapshot
        .edges()
        .map(|edge| (naive(&edge), edge.origins_stated))
        .collect();
    edges.sort_unstable();
    edges
}

fn check_edges(snapshot: &Snapshot, graph: &NaiveGraph) {
    let is_stated = |edge: NaiveEdge| {
        graph.edge_kind(edge) == Some(headwater_model::EdgeKind::Writes)
            && graph.is_stated(edge.from, edge.to)
    };
    let expected: Vec<_> = graph.edges().map(|edge| (edge, is_stated(edge))).collect();
    assert_eq!(edges(snapshot), expected);
    assert_eq!(snapshot.edges_count(), expected.len());
    let mut entering: Vec<_> = snapshot
        .assets()
        .flat_map(|asset| snapshot.edges_in(asset.index))
        .map(|edge| (naive(&edge), edge.origins_stated))
        .collect();
    entering.sort_unstable();
    assert_eq!(entering, expected);
    assert!(graph.edges().all(|edge| snapshot.has_edge(key(edge))));
}

fn check_closure(case: &Case, snapshot: &Snapshot, graph: &NaiveGraph) {
    let roots: Vec<AssetIndex> = case.roots.iter().copied().collect();
    let depth = case.depth.unwrap_or(u32::MAX);
    let expected = graph.closure(&case.roots, way(case.direction), depth, &case.stop);
    let options = ClosureOptions {
        depth_hops_max: case.depth,
        assets_max: None,
    };
    let closure = walk(snapshot, &roots, case.direction, options, &case.stop);
    let answer: BTreeMap<_, _> = closure
        .entries
        .iter()
        .map(|reached| (reached.asset, reached.hops))
        .collect();
    assert_eq!(answer, expected);
    assert_eq!(
        answer.len(),
        closure.entries.len(),
        "an asset is there twice"
    );
    assert!(closure.entries.is_sorted_by_key(|reached| reached.hops));

    let whole = graph.closure(&case.roots, way(case.direction), u32::MAX, &case.stop);
    let is_cut = whole.len() > expected.len();
    assert_eq!(closure.cut_by, is_cut.then_some(CutReason::Depth));
    assert_eq!(closure.frontier.is_empty(), !is_cut);
    check_rest(case, snapshot, &closure, &whole);

    let limited = walk(
        snapshot,
        &roots,
        case.direction,
        ClosureOptions {
            assets_max: case.limit,
            ..options
        },
        &case.stop,
    );
    let kept = case.limit.unwrap_or(usize::MAX).min(closure.entries.len());
    assert_eq!(limited.entries, closure.entries[..kept]);
    if kept < closure.entries.len() {
        assert_eq!(limited.cut_by, Some(CutReason::Limit));
        assert!(!limited.frontier.is_empty());
    } else {
        assert_eq!(limited.cut_by, closure.cut_by);
    }
    if case.stop.is_empty() {
        let set = snapshot.closure_set(&roots, case.direction, case.depth);
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            expected.keys().copied().collect::<Vec<_>>()
        );
        assert_eq!(
            snapshot.closure_count(&roots, case.direction, case.depth),
            expected.len()
        );
    }
}

/// Going on from the frontier finds what the depth cut off; the first roots stay open to the walk.
fn check_rest(
    case: &Case,
    snapshot: &Snapshot,
    closure: &headwater_graph::Closure,
    whole: &BTreeMap<AssetIndex, u32>,
) {
    let stop: BTreeSet<AssetIndex> = case.stop.difference(&case.roots).copied().collect();
    let options = ClosureOptions::default();
    let rest = walk(snapshot, &closure.frontier, case.direction, options, &stop);
    let mut found: BTreeSet<AssetIndex> = closure
        .entries
        .iter()
        .map(|reached| reached.asset)
        .collect();
    found.extend(rest.entries.iter().map(|reached| reached.asset));
    found.retain(|asset| !case.roots.contains(asset));
    assert_eq!(found, whole.keys().copied().collect());
}

fn check_paths(case: &Case, snapshot: &Snapshot) {
    let roots: Vec<AssetIndex> = case.roots.iter().copied().collect();
    let closure = walk(
        snapshot,
        &roots,
        case.direction,
        ClosureOptions::default(),
        &case.stop,
    );
    for (entry, reached) in closure.entries.iter().enumerate() {
        let path = closure.path(entry);
        assert!(case.roots.contains(&path[0]));
        assert_eq!(path.last(), Some(&reached.asset));
        let datasets = path[1..]
            .iter()
            .filter(|asset| snapshot.kind(**asset) == Some(AssetKind::Dataset))
            .count();
        assert_eq!(datasets, reached.hops as usize, "{path:?}");
    }
}

fn check_lineage(case: &Case, snapshot: &Snapshot, graph: &NaiveGraph) {
    let roots: Vec<AssetIndex> = case.roots.iter().copied().collect();
    let options = LineageOptions {
        depth_hops_max: case.depth,
        ..LineageOptions::default()
    };
    let depth = case.depth.unwrap_or(u32::MAX);
    for directions in [
        &[Direction::Upstream][..],
        &[Direction::Downstream],
        &[Direction::Upstream, Direction::Downstream],
    ] {
        let lineage = snapshot.lineage(
            &roots,
            directions,
            &options,
            |asset| case.stop.contains(&asset),
            |_| false,
        );
        let (mut nodes, mut edges) = (BTreeMap::<AssetIndex, u32>::new(), BTreeSet::new());
        for direction in directions {
            let part = graph.lineage(&case.roots, way(*direction), depth, &case.stop);
            edges.extend(part.edges);
            for (asset, hops) in part.nodes {
                let nearest = nodes.entry(asset).or_insert(hops);
                *nearest = hops.min(*nearest);
            }
        }
        let answer: BTreeMap<_, _> = lineage
            .nodes
            .iter()
            .map(|node| (node.asset, node.hops))
            .collect();
        assert_eq!(answer, nodes);
        assert_eq!(
            lineage.edges.iter().map(naive).collect::<Vec<_>>(),
            edges.into_iter().collect::<Vec<_>>()
        );
    }
}

fn check_limited_lineage(case: &Case, snapshot: &Snapshot) {
    let roots: Vec<AssetIndex> = case.roots.iter().copied().collect();
    let both = [Direction::Upstream, Direction::Downstream];
    let stop = |asset| case.stop.contains(&asset);
    let whole = snapshot.lineage(&roots, &both, &LineageOptions::default(), stop, |_| false);
    let assets_max = case.limit.unwrap_or(3);
    let options = LineageOptions {
        assets_max: Some(assets_max),
        edges_max: Some(2),
        ..LineageOptions::default()
    };
    let cut = snapshot.lineage(&roots, &both, &options, stop, |_| false);
    assert_eq!(
        cut.nodes.len(),
        whole.nodes.len().min(assets_max.max(roots.len()))
    );
    assert!(cut.edges.len() <= 2 && cut.edges.iter().all(|edge| whole.edges.contains(edge)));
    let is_missing = cut.nodes.len() < whole.nodes.len();
    assert_eq!(cut.frontier.is_empty(), !is_missing);
    assert!(!is_missing || cut.cut_by.contains(&CutReason::Limit));
    let nodes: BTreeSet<_> = cut.nodes.iter().map(|node| node.asset).collect();
    assert!(cut.frontier.iter().all(|asset| nodes.contains(asset)));
    assert!(
        cut.edges
            .iter()
            .all(|edge| nodes.contains(&edge.from) && nodes.contains(&edge.to))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_layout_gives_the_answers_of_the_reference(case in cases()) {
        let packed = packed(&case.graph);
        let (changed, graph) = changed(&case, &packed);
        let layouts = [
            (packed, &case.graph),
            (overlaid(&case.graph), &case.graph),
            (changed.compacted(), &graph),
            (changed, &graph),
        ];
        for (snapshot, graph) in &layouts {
            check_edges(snapshot, graph);
            check_closure(&case, snapshot, graph);
            check_paths(&case, snapshot);
            check_lineage(&case, snapshot, graph);
            check_limited_lineage(&case, snapshot);
        }
    }

    #[test]
    fn a_compacted_snapshot_takes_the_deltas_that_came_meanwhile(case in cases()) {
        let start = overlaid(&case.graph);
        let compacted = start.compacted();
        let (late, graph) = changed(&case, &start);
        let (caught_up, _) = changed(&case, &compacted);
        prop_assert_eq!(edges(&late), edges(&caught_up));
        check_edges(&caught_up, &graph);
    }

    #[test]
    fn deltas_in_one_or_in_many_make_the_same_graph(case in cases()) {
        let start = packed(&case.graph);
        let (expected, _) = changed(&case, &start);
        let mut delta = Delta::new();
        for (adds, edge) in &case.changes {
            if *adds {
                delta.add_edge(edge.from, edge.to, edge.via);
            } else {
                delta.remove_edge(edge.from, edge.to, edge.via);
            }
        }
        let answer = start.apply(&delta).expect("the changes are sound");
        prop_assert_eq!(edges(&answer), edges(&expected));
    }
}
