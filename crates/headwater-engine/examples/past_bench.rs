//! Times questions about the past against the same ones about now.
//!
//! `cargo run --release -p headwater-engine --example past_bench [DATASETS]`
//!
//! A hundred sources of jobs that read four datasets and write one, over sled; then ten days on each of which a tenth
//! of the sources changes what a tenth of its jobs read. Every question is the impact of the first dataset.

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
        for read in 0..4_u32 {
            let hash = at
                .wrapping_mul(2_654_435_761)
                .rotate_left(8 * read + changed);
            edge(dataset(hash % at), job.clone().job());
        }
        edge(job.clone().job(), dataset(at));
    }
    facts
}

fn submit(engine: &Engine, source: u32, datasets: u32, day: u32) {
    let time = Timestamp::from_micros(i64::from(day) * DAY);
    let submission = Submission {
        source: SourceKey::parse(&format!("domain{source}/jobs")).expect("a source"),
        principal: None,
        received_at: time,
        statement: Statement::Snapshot(Box::new(Snapshot {
            extractor: None,
            generated_at: Some(time),
            covers: Coverage::ALL,
            facts: facts(source, datasets, day),
            diagnostics: Vec::new(),
            digest: Digest::of(&[source.to_be_bytes(), day.to_be_bytes()].concat()),
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
    engine.shut_down();
    drop(engine);
    let _ = std::fs::remove_dir_all(folder);
}
