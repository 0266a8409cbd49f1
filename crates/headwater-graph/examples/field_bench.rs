//! Times walks over fields on a synthetic mesh, against petgraph's `StableDiGraph` of the same fields.
//!
//! `cargo run --release -p headwater-graph --example field_bench [small]`
//!
//! Half of the assets are jobs; each reads two datasets and writes one of ten fields, each field made of two fields of
//! what the job reads. A tenth of the datasets is made without field lineage. Times are medians of the thread's CPU
//! time.

#![allow(
    clippy::cast_sign_loss,
    reason = "neither a share of a count nor a CPU time is negative"
)]

use std::hint::black_box;
use std::time::Duration;

use headwater_graph::{
    AssetRow, ClosureOptions, Delta, Direction, EdgeKey, FieldEdgeKey, FieldIndex, FieldRoot,
    PathsOptions, Snapshot,
};
use headwater_model::{AssetIndex, AssetKind};
use petgraph::stable_graph::StableDiGraph;
use petgraph::visit::Bfs;

const FIELDS: u32 = 10;
/// Datasets that a delta adds the fields of.
const BATCH: u32 = 10_000;
/// One dataset in so many is made without field lineage.
const WITHOUT_EVERY: u32 = 10;
/// A dataset is made of ones at most that far before it, in one of that many strands.
const REACH: u32 = 1_000;
const RUNS: usize = 15;

/// Vigna's `SplitMix64`: the same graphs in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % u64::from(bound)) as u32
    }
}

struct Mesh {
    snapshot: Snapshot,
    plain: StableDiGraph<(), (), u32>,
}

fn dataset(at: u32) -> AssetIndex {
    AssetIndex::new(2 * at)
}

fn job(at: u32) -> AssetIndex {
    AssetIndex::new(2 * at + 1)
}

fn mesh(datasets_count: u32) -> Mesh {
    let mut random = Random(11);
    let rows = (0..2 * datasets_count).map(|at| {
        let asset = AssetIndex::new(at);
        let kind = if at % 2 == 1 {
            AssetKind::Job
        } else {
            AssetKind::Dataset
        };
        AssetRow::new(asset, kind, "postgres://db:5432", &format!("shop.t{at}"))
    });
    let reads: Vec<[u32; 2]> = (0..datasets_count)
        .map(|at| [0, 1].map(|_| at.saturating_sub(1 + random.below(REACH.min(at.max(1))))))
        .collect();
    let edge = |from, to| EdgeKey {
        from,
        to,
        via: None,
    };
    let edges: Vec<EdgeKey> = (1..datasets_count)
        .flat_map(|at| {
            let [a, b] = reads[at as usize];
            [
                edge(dataset(a), job(at)),
                edge(dataset(b), job(at)),
                edge(job(at), dataset(at)),
            ]
        })
        .collect();
    let mut snapshot = Snapshot::build(rows, &edges).expect("the mesh is sound");
    let mut plain = StableDiGraph::with_capacity((datasets_count * FIELDS) as usize, 0);
    for _ in 0..datasets_count * FIELDS {
        plain.add_node(());
    }
    for first in (0..datasets_count).step_by(BATCH as usize) {
        let mut delta = Delta::new();
        for at in first..datasets_count.min(first + BATCH) {
            for field in 0..FIELDS {
                let number = FieldIndex::new(at * FIELDS + field);
                delta.add_field(number, dataset(at), Some(&format!("column_{field}")));
                if at == 0 || at % WITHOUT_EVERY == 0 {
                    continue;
                }
                for read in reads[at as usize] {
                    let from = read * FIELDS + random.below(FIELDS);
                    plain.add_edge(from.into(), number.get().into(), ());
                    delta.add_field_edge(FieldEdgeKey {
                        from: FieldIndex::new(from),
                        to: number,
                        via: Some(job(at)),
                    });
                }
            }
        }
        snapshot = snapshot.apply(&delta).expect("the mesh is sound");
        if snapshot.needs_compaction() {
            snapshot = snapshot.compacted();
        }
    }
    let snapshot = snapshot.compacted();
    Mesh { snapshot, plain }
}

fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn median(mut run: impl FnMut(usize)) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|at| {
            let start = cpu_time();
            run(at);
            cpu_time().saturating_sub(start)
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}

fn resident_mebibytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    kib.unwrap_or(0) / 1024
}

fn line(what: &str, time: Duration, reached: usize) {
    println!(
        "| {what} | {:.2} ms | {reached} |",
        time.as_secs_f64() * 1e3
    );
}

fn main() {
    let is_small = std::env::args().any(|argument| argument == "small");
    let datasets_count = if is_small { 5_000 } else { 556_000 };
    let before = resident_mebibytes();
    let Mesh { snapshot, plain } = mesh(datasets_count);
    let with_both = resident_mebibytes();
    let options = ClosureOptions::default();
    println!(
        "{} assets, {} edges, {} fields, {} edges between fields\n",
        snapshot.assets_count(),
        snapshot.edges_count(),
        snapshot.fields_count(),
        snapshot.field_edges_count()
    );
    println!("| walk downstream | median, CPU | reached |\n|---|---|---|");
    // The oldest dataset has the most downstream, one near the end little.
    for (what, at) in [("all", 1), ("few", datasets_count - 2_500)] {
        let start = |run: usize| {
            let field = FieldIndex::new(at * FIELDS + run as u32 % FIELDS);
            if at == 1 {
                [FieldRoot::Field(dataset(at), Some(field))]
            } else {
                [FieldRoot::Asset(dataset(at))]
            }
        };
        let walk = |run| {
            snapshot.field_closure(
                &start(run),
                Direction::Downstream,
                &options,
                |_| false,
                |_| false,
            )
        };
        let time = median(|run| {
            black_box(walk(run));
        });
        line(&format!("{what}: fields"), time, walk(0).entries.len());
        let count = |run: usize| {
            let root = at * FIELDS + run as u32 % FIELDS;
            let mut bfs = Bfs::new(&plain, root.into());
            let mut count = 0;
            while bfs.next(&plain).is_some() {
                count += 1;
            }
            count
        };
        let time = median(|run| {
            black_box(count(run));
        });
        line(
            &format!("{what}: StableDiGraph of the fields, BFS, without jobs and datasets"),
            time,
            count(0),
        );
        let assets = |_| {
            snapshot.closure(
                &[dataset(at)],
                Direction::Downstream,
                &options,
                |_| false,
                |_| false,
            )
        };
        let time = median(|run| {
            black_box(assets(run));
        });
        line(&format!("{what}: assets"), time, assets(0).entries.len());
    }
    let ways = PathsOptions {
        ways_max: 10,
        steps_max: 100_000,
        by_fields: true,
    };
    let to = FieldRoot::Asset(dataset(datasets_count - 1));
    let from = FieldRoot::Asset(dataset(datasets_count / 2));
    let paths = || snapshot.paths(from, to, &ways, |_| false);
    let time = median(|_| {
        black_box(paths());
    });
    line(
        "ten paths by fields across half of the mesh",
        time,
        paths().ways.len(),
    );
    drop(plain);
    let mut bytes = Vec::new();
    snapshot
        .write_to(0, &mut bytes)
        .expect("memory takes everything");
    let load = median(|_| {
        black_box(Snapshot::read_bytes(&bytes).expect("it is what was written"));
    });
    println!(
        "\nThe process grew by {} MiB with both graphs; the graph file has {} MiB and loads in {:.2} s.",
        with_both.saturating_sub(before),
        bytes.len() >> 20,
        load.as_secs_f64()
    );
}
