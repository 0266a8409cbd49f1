//! Times questions about the past against the same ones about now.
//!
//! `cargo run --release -p headwater-engine --example past_bench [DATASETS]`
//!
//! A hundred sources of jobs that read nine datasets and write one, over sled; then ten days on each of which a tenth
//! of the sources changes what a tenth of its jobs read. Every question is the impact of the first dataset. Last, the
//! same time is asked about after each of many commits, each of which changes what ten jobs read.

#![allow(clippy::cast_possible_wrap, reason = "days and sources are few")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_engine::{
    AsOf, Caller, Direction, Engine, EngineOptions, Granularity, ImpactQuestion, Root, View,
};
use headwater_model::{
    AssetIndex, Coverage, Digest, EdgeFact, Facts, JobFact, Name, Namespace, QualifiedName,
    Snapshot, SourceKey, Statement, Submission, Timestamp, TypeName,
};
use headwater_store::{MemoryLog, SledOptions, SledState};

const SOURCES: u32 = 100;
const DAY: i64 = 86_400_000_000;
/// Datasets that a job reads.
const READS: u32 = 9;
/// Commits while the same time is asked about.
const STREAM: u32 = 101;

/// A number that looks random: the finalizer of `SplitMix64`.
fn mixed(at: u32, read: u32, day: u32) -> u32 {
    let seed = u64::from(at) << 32 | u64::from(day) << 8 | u64::from(read);
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) as u32
}

fn name(namespace: &str, text: &str) -> QualifiedName {
    let namespace = Namespace::parse(namespace).expect("a namespace");
    QualifiedName::new(namespace, Name::parse(text).expect("a name"))
}

/// What one source states on a day: the jobs whose number is its own modulo the sources.
fn facts(source: u32, datasets: u32, day: u32) -> Facts {
    let mut facts = Facts::default();
    for at in (1..datasets).filter(|at| at % SOURCES == source) {
        let job = name("etl", &format!("job{at}"));
        let dataset = |at: u32| name("db", &format!("set{at}")).dataset();
        facts.jobs.push(JobFact {
            name: job.clone(),
            r#type: TypeName::job(),
            description: None,
            sql: None,
            parent: None,
            evidence: None,
        });
        let mut edge = |from, to| {
            facts.edges.push(EdgeFact {
                from,
                to,
                via: None,
                evidence: None,
            });
        };
        let changed = if (at / SOURCES) % 10 == day % 10 {
            day
        } else {
            0
        };
        let mut reads: Vec<u32> = (0..READS)
            .map(|read| mixed(at, read, changed) % at)
            .collect();
        reads.sort_unstable();
        reads.dedup();
        for read in reads {
            edge(dataset(read), job.clone().job());
        }
        edge(job.clone().job(), dataset(at));
    }
    facts
}

fn submit(engine: &Engine, source: u32, datasets: u32, day: u32) {
    let time = Timestamp::from_micros(i64::from(day) * DAY);
    let key = format!("domain{source}/jobs");
    submit_facts(engine, &key, time, facts(source, datasets, day));
}

/// Ten jobs of a source of its own, after all days.
fn stream(engine: &Engine, datasets: u32, number: u32) {
    let time = Timestamp::from_micros(11 * DAY + i64::from(number) * 1_000_000);
    let mut facts = Facts::default();
    for at in 0..10 {
        let job = name("etl", &format!("stream{at}"));
        facts.jobs.push(JobFact {
            name: job.clone(),
            r#type: TypeName::job(),
            description: None,
            sql: None,
            parent: None,
            evidence: None,
        });
        let read = name("db", &format!("set{}", mixed(at, 0, number) % datasets));
        let ends = [
            (read.dataset(), job.clone().job()),
            (job.job(), name("db", &format!("streamed{at}")).dataset()),
        ];
        facts.edges.extend(ends.map(|(from, to)| EdgeFact {
            from,
            to,
            via: None,
            evidence: None,
        }));
    }
    submit_facts(engine, "stream/jobs", time, facts);
}

fn submit_facts(engine: &Engine, key: &str, time: Timestamp, facts: Facts) {
    let digest = Digest::of(format!("{key} {}", time.as_micros()).as_bytes());
    let submission = Submission {
        source: SourceKey::parse(key).expect("a source"),
        principal: None,
        received_at: time,
        statement: Statement::Snapshot(Box::new(Snapshot {
            extractor: None,
            generated_at: Some(time),
            covers: Coverage::ALL,
            facts,
            diagnostics: Vec::new(),
            digest,
            idempotency_key: None,
        })),
    };
    engine.submit_and_wait(submission).expect("it is accepted");
}

fn impact(view: &View) -> usize {
    let question = ImpactQuestion {
        of: vec![Root {
            asset: AssetIndex::new(0),
            field: None,
        }],
        granularity: Granularity::Dataset,
        direction: Direction::Downstream,
        depth_hops_max: None,
        filter: None,
        stop_at: None,
        is_over: &|| false,
    };
    view.impact(&question).expect("an answer").reached().len()
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begin = Instant::now();
    let made = work();
    (begin.elapsed(), made)
}

/// The median of eleven.
fn median(mut work: impl FnMut() -> usize) -> Duration {
    let mut times: Vec<Duration> = (0..11).map(|_| timed(&mut work).0).collect();
    times.sort_unstable();
    times[5]
}

/// What changed since graphs that are kept already.
fn diffs(view: &View, last: u64) {
    println!("\n| diff to now | took | edges that came or went |\n|---|---|---|");
    let moments = [
        ("known ten offsets ago", None, Some(last - 10)),
        ("held a day ago", Some(10), None),
        ("held ten days ago", Some(1), None),
    ];
    for (moment, days, known_at) in moments {
        let as_of = AsOf {
            valid_at: days.map(|days: i64| Timestamp::from_micros(days * DAY + DAY / 2)),
            known_at,
        };
        let past = view.as_of(&as_of).expect("the past");
        let (took, diff) = timed(|| past.diff(view, None));
        let edges = diff.added_edges.len() + diff.removed_edges.len();
        println!("| {moment} | {took:.1?} | {edges} |");
    }
}

/// The same time again after each commit.
fn streamed(engine: &Engine, datasets: u32, as_of: &AsOf) {
    let mut times = Vec::new();
    let mut reached = 0;
    for number in 0..STREAM {
        stream(engine, datasets, number);
        let view = engine.view(Caller::everyone());
        let (took, past) = timed(|| view.as_of(as_of).expect("the past"));
        times.push(took);
        reached = impact(&past);
    }
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "\nThe graph of a day ago after each of {STREAM} commits: median {median:.2?}, longest {longest:.2?}; {reached} reached"
    );
}

fn main() {
    let datasets = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let datasets: u32 = datasets.unwrap_or(50_000);
    let folder = std::env::temp_dir().join(format!("past-bench-{}", std::process::id()));
    let state = SledState::open(&folder, SledOptions::default()).expect("a state");
    let log = Arc::new(MemoryLog::new());
    let opened = Engine::open(log, Arc::new(state), EngineOptions::default());
    let (engine, _) = opened.expect("an engine");
    let (filled, ()) = timed(|| {
        for source in 0..SOURCES {
            submit(&engine, source, datasets, 1);
        }
    });
    for day in 2..12 {
        for source in (0..SOURCES).filter(|source| source % 10 == day % 10) {
            submit(&engine, source, datasets, day);
        }
    }
    let view = engine.view(Caller::everyone());
    let (assets, edges) = view.graph_size();
    println!("{assets} assets, {edges} edges, filled in {filled:.1?}; ten days of changes\n");
    println!("| moment | first question | reached | next question | × now |");
    println!("|---|---|---|---|---|");
    let now = median(|| impact(&view));
    println!("| now | | {} | {now:.2?} | 1 |", impact(&view));
    let last = view.offset();
    let at = |days: i64, known_at| AsOf {
        valid_at: Some(Timestamp::from_micros(days * DAY + DAY / 2)),
        known_at,
    };
    let known = |offset| AsOf {
        valid_at: None,
        known_at: Some(offset),
    };
    for (moment, as_of) in [
        ("held a day ago", at(10, None)),
        ("held ten days ago", at(1, None)),
        ("held before everything", at(0, None)),
        ("known ten offsets ago", known(last - 10)),
        ("known at half of all offsets", known(last / 2)),
        ("both", at(5, Some(last - 20))),
    ] {
        let ask = || impact(&view.as_of(&as_of).expect("the past"));
        let (first, reached) = timed(ask);
        let next = median(ask);
        let ratio = next.as_secs_f64() / now.as_secs_f64();
        println!("| {moment} | {first:.2?} | {reached} | {next:.2?} | {ratio:.2} |");
    }
    diffs(&view, last);
    streamed(&engine, datasets, &at(10, None));
    engine.shut_down();
    drop(engine);
    let _ = std::fs::remove_dir_all(folder);
}
