//! Times snapshots against petgraph's `StableDiGraph` on power-law graphs without cycles.
//!
//! `cargo run --release -p headwater-graph --example graph_bench [small]`
//!
//! Every closure is asserted equal to petgraph's answer before it is timed. Times are medians of the thread's CPU
//! time, so that a busy machine tells nearly the same as an idle one.

#![allow(
    clippy::cast_sign_loss,
    reason = "neither a share of a count nor a CPU time is negative"
)]

mod power_law;

use std::hint::black_box;
use std::time::Duration;

use headwater_graph::{ClosureOptions, Delta, Direction, EdgeKey, Snapshot};
use headwater_model::AssetIndex;
use petgraph::graph::NodeIndex;
use petgraph::stable_graph::StableDiGraph;
use petgraph::visit::{Bfs, Dfs, VisitMap, Visitable};

use power_law::{Random, Shape, edge, edges, rows, shuffled};

fn plain(assets_count: u32, edges: impl Iterator<Item = EdgeKey>) -> StableDiGraph<(), (), u32> {
    let mut graph = StableDiGraph::with_capacity(assets_count as usize, 0);
    for _ in 0..assets_count {
        graph.add_node(());
    }
    for edge in edges {
        graph.add_edge(edge.from.get().into(), edge.to.get().into(), ());
    }
    graph
}

fn bfs_count(graph: &StableDiGraph<(), (), u32>, root: u32) -> usize {
    let mut bfs = Bfs::new(graph, NodeIndex::from(root));
    let mut count = 0;
    while bfs.next(graph).is_some() {
        count += 1;
    }
    count - 1
}

fn dfs_count(graph: &StableDiGraph<(), (), u32>, root: u32) -> usize {
    let mut dfs = Dfs::new(graph, NodeIndex::from(root));
    let mut count = 0;
    while dfs.next(graph).is_some() {
        count += 1;
    }
    count - 1
}

fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn median_of(runs: usize, mut run: impl FnMut(usize)) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|at| {
            let start = cpu_time();
            run(at);
            cpu_time().saturating_sub(start)
        })
        .collect();
    times.sort_unstable();
    times[runs / 2]
}

/// Resident memory in bytes; 0 where the system does not say.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}

fn show(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    if micros < 1000.0 {
        format!("{micros:.1} µs")
    } else {
        format!("{:.2} ms", micros / 1000.0)
    }
}

fn line(what: &str, time: Duration, reference: Option<Duration>) {
    let ratio = reference.map_or(String::new(), |reference| {
        format!("{:.1} ×", reference.as_secs_f64() / time.as_secs_f64())
    });
    println!("| {what} | {} | {ratio} |", show(time));
}

const ROOTS: [u32; 5] = [0, 2, 4, 6, 8];
const RUNS: usize = 15;

fn root(at: usize) -> [AssetIndex; 1] {
    [AssetIndex::new(ROOTS[at % ROOTS.len()])]
}

/// The answers are petgraph's: the same assets, not just as many.
fn assert_equal(snapshot: &Snapshot, graph: &StableDiGraph<(), (), u32>) {
    for root in ROOTS {
        let mut visited = graph.visit_map();
        let mut bfs = Bfs::new(graph, NodeIndex::from(root));
        while let Some(node) = bfs.next(graph) {
            visited.visit(node);
        }
        let set = snapshot.closure_set(&[AssetIndex::new(root)], Direction::Downstream, None);
        let expected = visited.ones().filter(|index| *index != root as usize);
        assert!(
            set.iter().map(AssetIndex::as_usize).eq(expected),
            "the closures of {root} differ"
        );
    }
}

/// `graph` got its edges as they might arrive, `sorted` in their order, which is as near as petgraph gets to rows.
fn time_closures(
    title: &str,
    snapshot: &Snapshot,
    graph: &StableDiGraph<(), (), u32>,
    sorted: &StableDiGraph<(), (), u32>,
) {
    assert_equal(snapshot, graph);
    let reached = snapshot.closure_count(&root(0), Direction::Downstream, None);
    println!("\n{title}; the closure of asset 0 has {reached} assets\n");
    println!(
        "| full closure downstream | median | faster than StableDiGraph, BFS |\n|---|---|---|"
    );
    let bfs = median_of(RUNS, |at| {
        black_box(bfs_count(graph, ROOTS[at % ROOTS.len()]));
    });
    let dfs = median_of(RUNS, |at| {
        black_box(dfs_count(graph, ROOTS[at % ROOTS.len()]));
    });
    let set = median_of(RUNS * 3, |at| {
        black_box(snapshot.closure_count(&root(at), Direction::Downstream, None));
    });
    let full = median_of(RUNS * 3, |at| {
        let options = ClosureOptions::default();
        black_box(snapshot.closure(
            &root(at),
            Direction::Downstream,
            &options,
            |_| false,
            |_| false,
        ));
    });
    line("StableDiGraph, BFS", bfs, None);
    let bfs_of_sorted = median_of(RUNS, |at| {
        black_box(bfs_count(sorted, ROOTS[at % ROOTS.len()]));
    });
    line(
        "StableDiGraph filled in the order of its edges, BFS",
        bfs_of_sorted,
        Some(bfs),
    );
    line("StableDiGraph, DFS", dfs, Some(bfs));
    line("closure_count", set, Some(bfs));
    line("closure (hops and paths)", full, Some(bfs));
    let near = median_of(RUNS * 3, |at| {
        let upstream = [AssetIndex::new(
            snapshot.assets_count() as u32 - 1 - 2 * at as u32,
        )];
        black_box(snapshot.closure_count(&upstream, Direction::Upstream, Some(3)));
    });
    line("closure_count upstream, depth 3", near, None);
}

fn deltas(shape: Shape, assets_count: u32, changes: usize, seed: u64) -> Vec<EdgeKey> {
    let mut random = Random(seed);
    let mut edges = Vec::with_capacity(changes);
    while edges.len() < changes {
        let to = 1 + random.below(assets_count - 1);
        edges.extend(edge(&mut random, shape, to));
    }
    edges
}

fn time_publishing(shape: Shape, snapshot: &Snapshot) {
    let assets_count = snapshot.assets_count() as u32;
    for batch in [1, 100, 1000] {
        let edges = deltas(shape, assets_count, batch * 101, 11);
        let mut published = snapshot.clone();
        let mut parts = edges.chunks(batch);
        let time = median_of(101, |_| {
            let mut delta = Delta::new();
            for edge in parts.next().unwrap_or_default() {
                delta.add_edge(edge.from, edge.to, edge.via);
            }
            published = published.apply(&delta).expect("the edges are sound");
        });
        line(
            &format!("apply a delta of {batch} edges on top of the overlay"),
            time,
            None,
        );
    }
}

fn bench(shape: Shape, assets_count: u32, edges_count: usize) {
    let edges = edges(shape, assets_count, edges_count);
    let snapshot = Snapshot::build(rows(shape, assets_count), &edges).expect("the edges are sound");
    let mut file = Vec::new();
    snapshot
        .write_to(1, &mut file)
        .expect("memory takes everything");
    drop(snapshot);
    let (snapshot, _) = Snapshot::read_bytes(&file).expect("the file is sound");
    let loaded = loaded_bytes(&file);
    let graph = plain(assets_count, shuffled(edges.clone()).into_iter());
    let sorted = plain(assets_count, edges.iter().copied());
    let title = format!(
        "{assets_count} assets, {} edges ({})",
        snapshot.edges_count(),
        shape.name()
    );
    time_closures(&format!("## {title}"), &snapshot, &graph, &sorted);
    let load = median_of(5, |_| {
        black_box(Snapshot::read_bytes(&file).expect("the file is sound"));
    });
    line(
        &format!("read the graph file ({} MB)", file.len() / 1_000_000),
        load,
        None,
    );
    let bytes_per_edge = file.len().max(1) as f64 / edges.len() as f64;
    println!(
        "\nfile {bytes_per_edge:.1} B an edge with all names; loaded: {} MB, {} B an asset with its edges",
        loaded / 1_000_000,
        loaded / assets_count as usize
    );

    let changed = deltas(shape, assets_count, edges.len() / 100, 3);
    let mut delta = Delta::new();
    for edge in &changed {
        delta.add_edge(edge.from, edge.to, edge.via);
    }
    let overlaid = snapshot.apply(&delta).expect("the edges are sound");
    let all: Vec<EdgeKey> = edges.iter().chain(&changed).copied().collect();
    let graph = plain(assets_count, shuffled(all.clone()).into_iter());
    let sorted = plain(assets_count, all.into_iter());
    time_closures(
        &format!("### with an overlay of {:.4}", overlaid.overlay_ratio()),
        &overlaid,
        &graph,
        &sorted,
    );
    time_publishing(shape, &overlaid);
    let compaction = median_of(3, |_| {
        black_box(overlaid.compacted());
    });
    line("compacted", compaction, None);
}

/// What a graph file takes once it is loaded by a process that did nothing else.
fn loaded_bytes(file: &[u8]) -> usize {
    let path = std::env::temp_dir().join(format!("graph-bench-{}", std::process::id()));
    std::fs::write(&path, file).expect("the temporary folder can be written");
    let program = std::env::current_exe().expect("it runs");
    let loading = std::process::Command::new(program)
        .arg("--load")
        .arg(&path)
        .output()
        .expect("it runs again");
    std::fs::remove_file(&path).expect("it was written");
    let told = String::from_utf8_lossy(&loading.stdout);
    told.trim().parse().expect("a number of bytes")
}

fn load(path: &str) {
    let before = resident_bytes();
    let file = std::fs::File::open(path).expect("the file is there");
    let bytes_count = file.metadata().expect("it has a length").len();
    let snapshot = Snapshot::read_from(file, bytes_count).expect("the file is sound");
    println!("{}", resident_bytes().saturating_sub(before));
    black_box(snapshot);
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, path] = &words[..]
        && flag == "--load"
    {
        return load(path);
    }
    let is_small = std::env::args().any(|word| word == "small");
    for (assets_count, edges_count) in [(100_000, 500_000), (1_000_000, 5_000_000)] {
        for shape in [Shape::Jobs, Shape::Datasets] {
            if assets_count == 100_000 || !is_small {
                bench(shape, assets_count, edges_count);
            }
        }
    }
}
