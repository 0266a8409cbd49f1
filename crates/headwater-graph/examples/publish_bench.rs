//! What readers wait while a writer keeps up with ten thousand events a second.
//!
//! `cargo run --release -p headwater-graph --example publish_bench [SECONDS]`
//!
//! The graph has 100,000 assets and 500,000 edges. An event adds an edge or takes an earlier one away. First the writer
//! publishes a snapshot for each group of events, with compactions on a thread of their own, as the engine does; then
//! the same events go into petgraph's `StableDiGraph` behind a `RwLock`, one at a time. In either case a reader asks for
//! what is downstream of one asset after the other, three hops far, a thousand times a second, and every question is
//! timed from when it is due until its answer is there, so that one that waits delays those behind it. Each is measured twice: with that reader alone, and beside another one
//! that asks for all that is downstream of the first asset, twenty times a second.

mod power_law;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::time::{Duration, Instant};

use headwater_graph::{Delta, Direction, EdgeKey, Snapshot};
use headwater_model::AssetIndex;
use petgraph::graph::{EdgeIndex, NodeIndex};
use petgraph::stable_graph::StableDiGraph;
use petgraph::visit::{VisitMap, Visitable};

use power_law::{Random, Shape, edge, edges, rows, shuffled};

const ASSETS: u32 = 100_000;
const EDGES: usize = 500_000;
const EVENTS_A_SECOND: f64 = 10_000.0;
/// Events of one group.
const GROUP_MAX: usize = 1_024;
/// Edges that events added and did not take away again.
const STANDING: usize = 1_000;
const HOPS: u32 = 3;
/// Between two questions of the reader that asks near.
const EVERY: Duration = Duration::from_millis(1);
/// Between two questions of the reader that asks for all.
const FAR_EVERY: Duration = Duration::from_millis(50);

type Plain = StableDiGraph<(), (), u32>;

/// What an event does.
enum Change {
    Add(EdgeKey),
    Remove(EdgeKey),
}

/// Events: an edge that was not there, and from some time on the one that was added longest ago in turn.
struct Events<'a> {
    random: Random,
    known: &'a Snapshot,
    standing: VecDeque<EdgeKey>,
}

impl<'a> Events<'a> {
    fn new(known: &'a Snapshot) -> Self {
        Self {
            random: Random(23),
            known,
            standing: VecDeque::new(),
        }
    }

    fn next(&mut self) -> Change {
        if self.standing.len() > STANDING
            && let Some(oldest) = self.standing.pop_front()
        {
            return Change::Remove(oldest);
        }
        loop {
            let to = 1 + self.random.below(ASSETS - 1);
            let Some(edge) = edge(&mut self.random, Shape::Datasets, to) else {
                continue;
            };
            if !self.known.has_edge(edge) && !self.standing.contains(&edge) {
                self.standing.push_back(edge);
                return Change::Add(edge);
            }
        }
    }
}

/// What was measured of one way to share a graph.
struct Measured {
    name: &'static str,
    waits: Vec<Duration>,
    events_count: u64,
    /// The longest time from taking a group of events until all of them were visible.
    publish_longest: Duration,
    took: Duration,
}

/// How one way to share a graph is measured.
#[derive(Clone, Copy)]
struct Case {
    seconds: u64,
    /// Another reader asks for the whole closure of the first asset, again and again.
    has_far_reader: bool,
}

/// Runs a writer, which is told how many events are due and does them, beside readers.
fn run(
    name: &'static str,
    case: Case,
    mut write: impl FnMut(usize) + Send,
    ask: impl Fn(u32, u32) -> usize + Sync,
) -> Measured {
    let is_over = AtomicBool::new(false);
    let begin = Instant::now();
    let (events_count, publish_longest, waits) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut done, mut longest) = (0_u64, Duration::ZERO);
            while !is_over.load(Ordering::Relaxed) {
                let due = (begin.elapsed().as_secs_f64() * EVENTS_A_SECOND) as u64;
                let group = (due - done).min(GROUP_MAX as u64);
                if group == 0 {
                    std::thread::sleep(Duration::from_micros(200));
                    continue;
                }
                let taken = Instant::now();
                write(group as usize);
                longest = longest.max(taken.elapsed());
                done += group;
            }
            (done, longest)
        });
        if case.has_far_reader {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::black_box(ask(0, u32::MAX));
                    std::thread::sleep(FAR_EVERY);
                }
            });
        }
        let mut random = Random(5);
        let mut waits = Vec::new();
        while begin.elapsed() < Duration::from_secs(case.seconds) {
            let root = random.below(ASSETS);
            let asked = begin + EVERY * (waits.len() as u32 + 1);
            std::thread::sleep(asked.saturating_duration_since(Instant::now()));
            std::hint::black_box(ask(root, HOPS));
            waits.push(asked.elapsed());
        }
        is_over.store(true, Ordering::Relaxed);
        let (done, longest) = writer.join().expect("the writer does not panic");
        (done, longest, waits)
    });
    Measured {
        name,
        waits,
        events_count,
        publish_longest,
        took: begin.elapsed(),
    }
}

/// Snapshots, exchanged as a whole; packed on another thread.
fn snapshots(start: &Snapshot, case: Case) -> Measured {
    let published = RwLock::new(Arc::new(start.clone()));
    let newest = || Arc::clone(&published.read().unwrap_or_else(PoisonError::into_inner));
    let mut events = Events::new(start);
    let mut snapshot = start.clone();
    // While a snapshot is packed: where it comes from, and what was applied since.
    let mut packing: Option<(mpsc::Receiver<Snapshot>, Vec<Delta>)> = None;
    let write = |group: usize| {
        let mut delta = Delta::new();
        for _ in 0..group {
            match events.next() {
                Change::Add(edge) => delta.add_edge(edge.from, edge.to, edge.via),
                Change::Remove(edge) => delta.remove_edge(edge.from, edge.to, edge.via),
            };
        }
        snapshot = snapshot.apply(&delta).expect("the edges are sound");
        if let Some((packed, since)) = &mut packing {
            since.push(delta);
            if let Ok(packed) = packed.try_recv() {
                let mut all = since.drain(..);
                snapshot = all
                    .try_fold(packed, |packed, delta| packed.apply(&delta))
                    .expect("sound");
                drop(all);
                packing = None;
            }
        } else if snapshot.needs_compaction() {
            let (sender, receiver) = mpsc::channel();
            let of_thread = snapshot.clone();
            std::thread::spawn(move || sender.send(of_thread.compacted()));
            packing = Some((receiver, Vec::new()));
        }
        *published.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot.clone());
    };
    run("snapshots", case, write, |root, hops| {
        newest().closure_count(&[AssetIndex::new(root)], Direction::Downstream, Some(hops))
    })
}

fn plain_of(edges: &[EdgeKey]) -> Plain {
    let mut graph = StableDiGraph::with_capacity(ASSETS as usize, edges.len());
    for _ in 0..ASSETS {
        graph.add_node(());
    }
    // As they arrive in a live graph: in any order.
    for edge in shuffled(edges.to_vec()) {
        graph.add_edge(edge.from.get().into(), edge.to.get().into(), ());
    }
    graph
}

/// What is downstream of `root`, so many hops far, without it.
fn count(graph: &Plain, root: u32, hops: u32) -> usize {
    let mut visited = graph.visit_map();
    let mut level = vec![NodeIndex::new(root as usize)];
    visited.visit(level[0]);
    let mut found = 0;
    for _ in 0..hops {
        if level.is_empty() {
            break;
        }
        let mut next = Vec::new();
        for node in level {
            next.extend(graph.neighbors(node).filter(|to| visited.visit(*to)));
        }
        found += next.len();
        level = next;
    }
    found
}

/// petgraph behind a lock, written one event at a time.
fn locked(start: &Snapshot, edges: &[EdgeKey], case: Case) -> Measured {
    let shared = RwLock::new(plain_of(edges));
    let mut events = Events::new(start);
    let mut added: VecDeque<EdgeIndex<u32>> = VecDeque::new();
    let write = |group: usize| {
        for _ in 0..group {
            let change = events.next();
            let mut graph = shared.write().unwrap_or_else(PoisonError::into_inner);
            match change {
                Change::Add(edge) => {
                    added.push_back(graph.add_edge(
                        edge.from.get().into(),
                        edge.to.get().into(),
                        (),
                    ));
                }
                Change::Remove(_) => {
                    let oldest = added.pop_front().expect("it was added");
                    graph.remove_edge(oldest);
                }
            }
        }
    };
    run("`RwLock<StableDiGraph>`", case, write, |root, hops| {
        count(
            &shared.read().unwrap_or_else(PoisonError::into_inner),
            root,
            hops,
        )
    })
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let seconds: u64 = seconds.unwrap_or(10);
    let edges = edges(Shape::Datasets, ASSETS, EDGES);
    let start =
        Snapshot::build(rows(Shape::Datasets, ASSETS), &edges).expect("the edges are sound");
    let plain = plain_of(&edges);
    for root in (0..ASSETS).step_by(97) {
        let roots = [AssetIndex::new(root)];
        let found = start.closure_count(&roots, Direction::Downstream, Some(HOPS));
        assert_eq!(found, count(&plain, root, HOPS), "of asset {root}");
    }
    drop(plain);
    println!(
        "{ASSETS} assets, {EDGES} edges, a writer of {EVENTS_A_SECOND} events a second, {seconds} s each\n"
    );
    println!(
        "| readers | shared as | events/s | longest publish | questions/s | p50 | p99 | longest |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for has_far_reader in [false, true] {
        let case = Case {
            seconds,
            has_far_reader,
        };
        let measured = [snapshots(&start, case), locked(&start, &edges, case)];
        let p99s = measured.map(|measured| row(measured, has_far_reader));
        let ratio = p99s[1].as_secs_f64() / p99s[0].as_secs_f64();
        println!("| | p99, snapshots against the lock | | | | | {ratio:.1} × | |");
    }
}

/// Prints what was measured; the 99th percentile of the waits.
fn row(mut measured: Measured, has_far_reader: bool) -> Duration {
    measured.waits.sort_unstable();
    let at = |percent: usize| measured.waits[(measured.waits.len() - 1) * percent / 100];
    let a_second = |count: f64| count / measured.took.as_secs_f64();
    println!(
        "| {} | {} | {:.0} | {:.1?} | {:.0} | {:.1?} | {:.1?} | {:.1?} |",
        if has_far_reader {
            "near and far"
        } else {
            "near"
        },
        measured.name,
        a_second(measured.events_count as f64),
        measured.publish_longest,
        a_second(measured.waits.len() as f64),
        at(50),
        at(99),
        at(100)
    );
    at(99)
}
