use headwater_graph::Snapshot;
use headwater_model::AssetIndex;
use headwater_testkit::{NaiveGraph, graph};
use petgraph::algo::{
    astar, connected_components, dijkstra, has_path_connecting, is_cyclic_directed, tarjan_scc,
    toposort,
};
use petgraph::visit::{
    Bfs, Dfs, EdgeRef, IntoEdgeReferences, IntoEdgesDirected, IntoNodeIdentifiers, NodeCount,
    Reversed,
};

use crate::support::{numbers, overlaid, packed};

const DIAMOND: &str = "raw -> load -> a, b; a, b -> join -> mart";

fn layouts(notation: &str) -> (NaiveGraph, [Snapshot; 2]) {
    let graph = graph(notation);
    let snapshots = [packed(&graph), overlaid(&graph)];
    (graph, snapshots)
}

fn names(graph: &NaiveGraph, assets: impl IntoIterator<Item = AssetIndex>) -> String {
    assets
        .into_iter()
        .map(|asset| graph.name(asset))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_topological_order_is_found_and_edges_to_itself_do_not_hinder() {
    let (graph, snapshots) = layouts("raw -> load -> a, b; a, b -> join -> mart; a => a");
    for snapshot in &snapshots {
        let order = toposort(snapshot, None).expect("the graph has no cycle");
        for edge in snapshot.edge_references() {
            let place = |asset| order.iter().position(|known| *known == asset);
            assert!(place(edge.source()) < place(edge.target()));
        }
        assert_eq!(order.len(), graph.assets().count());
        assert!(!is_cyclic_directed(snapshot));
    }
}

#[test]
fn components_are_found() {
    let (graph, snapshots) = layouts("a -> j -> b; b -> k -> a; b -> l -> c; x -> m -> y");
    for snapshot in &snapshots {
        let mut components: Vec<String> = tarjan_scc(snapshot)
            .into_iter()
            .filter(|component| component.len() > 1)
            .map(|mut component| {
                component.sort_unstable();
                names(&graph, component)
            })
            .collect();
        components.sort();
        assert_eq!(components, ["a j b k"]);
        assert!(is_cyclic_directed(snapshot));
        assert_eq!(connected_components_of(snapshot), 2);
    }
}

/// petgraph counts components of graphs with gapless numbers only.
fn connected_components_of(snapshot: &Snapshot) -> usize {
    let mut plain = petgraph::graph::UnGraph::<(), ()>::new_undirected();
    for _ in snapshot.node_identifiers() {
        plain.add_node(());
    }
    for edge in snapshot.edge_references() {
        plain.add_edge(edge.source().get().into(), edge.target().get().into(), ());
    }
    connected_components(&plain)
}

#[test]
fn shortest_paths_are_found() {
    let (graph, snapshots) =
        layouts("raw -> load -> a, b; a, b -> join -> mart; raw => mart via join");
    let ends = numbers(&graph, "raw mart");
    for snapshot in &snapshots {
        let costs = dijkstra(snapshot, ends[0], Some(ends[1]), |_| 1_u32);
        assert_eq!(costs[&ends[1]], 1);
        let (cost, path) = astar(
            snapshot,
            ends[0],
            |asset| asset == ends[1],
            |_| 1_u32,
            |_| 0,
        )
        .unwrap();
        assert_eq!((cost, names(&graph, path)), (1, "raw mart".to_owned()));
        assert!(has_path_connecting(snapshot, ends[0], ends[1], None));
        assert!(!has_path_connecting(snapshot, ends[1], ends[0], None));
    }
}

#[test]
fn traversals_run_both_ways() {
    let (graph, snapshots) = layouts(DIAMOND);
    let ends = numbers(&graph, "raw mart");
    for snapshot in &snapshots {
        let mut bfs = Bfs::new(snapshot, ends[0]);
        let reached = std::iter::from_fn(|| bfs.next(snapshot));
        assert_eq!(names(&graph, reached), "raw load a b join mart");
        let reversed = Reversed(snapshot);
        let mut dfs = Dfs::new(reversed, ends[1]);
        assert_eq!(std::iter::from_fn(|| dfs.next(reversed)).count(), 6);
        let entering = snapshot.edges_directed(ends[1], petgraph::Direction::Incoming);
        assert_eq!(names(&graph, entering.map(|edge| edge.source())), "join");
        assert_eq!(snapshot.node_count(), 6);
    }
}
