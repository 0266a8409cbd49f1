//! Sources that promise to submit, and whether they did.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use headwater_engine::{
    AsOf, Clock, Completeness, Direction, EngineOptions, Granularity, ImpactQuestion, View,
};
use headwater_model::{Cadence, Coverage, Mesh, Submission, Timestamp};
use headwater_store::{Log, MemoryLog, MemoryState};

use crate::support::{
    Fixture, SECOND, dataset, event, events_of, root, snapshot, snapshot_of, source,
};

const HOUR: i64 = 3600;

/// An engine whose clock is set by hand, in hours.
struct Told {
    fixture: Fixture,
    hours: Arc<AtomicI64>,
}

impl Told {
    /// The sources of `promises` promise to submit every so often.
    fn new(promises: &[(&str, &str)]) -> Self {
        Self::over(Arc::new(MemoryLog::new()), promises)
    }

    fn over(log: Arc<dyn Log>, promises: &[(&str, &str)]) -> Self {
        let hours = Arc::new(AtomicI64::new(0));
        let read = Arc::clone(&hours);
        let options = EngineOptions {
            clock: Clock::new(move || at(read.load(Ordering::Relaxed))),
            ..EngineOptions::default()
        };
        let (fixture, _) = Fixture::with(log, Arc::new(MemoryState::new()), options);
        let told = Self { fixture, hours };
        told.promise(promises);
        told
    }

    fn promise(&self, promises: &[(&str, &str)]) {
        let cadences = promises.iter().map(|(key, every)| {
            let cadence = Cadence::parse(every).expect("a cadence");
            (source(key), cadence)
        });
        let mesh = Mesh::default().with_cadences(cadences.collect());
        let engine = &self.fixture.engine;
        engine.set_mesh(mesh, at(0)).expect("a mesh");
    }

    /// Submits at an hour.
    fn submit(&self, hour: i64, mut submission: Submission) -> u64 {
        submission.received_at = at(hour);
        self.fixture.submit(submission).offset
    }

    /// The question is asked at an hour.
    fn view(&self, hour: i64) -> View {
        self.hours.store(hour, Ordering::Relaxed);
        self.fixture.view()
    }
}

fn at(hour: i64) -> Timestamp {
    Timestamp::from_micros(hour * HOUR * SECOND)
}

/// What is said of everything downstream of `a`.
fn completeness(view: &View) -> Completeness {
    let a = view.by_name(&dataset("a").dataset()).expect("readable");
    let a = a.expect("a is there");
    let question = ImpactQuestion {
        of: vec![root(a)],
        granularity: Granularity::Dataset,
        direction: Direction::Downstream,
        depth_hops_max: None,
        filter: None,
        stop_at: None,
        is_over: &|| false,
    };
    let answer = view.impact(&question).expect("an answer");
    answer.completeness
}

/// The stale sources of everything downstream of `a`, which is exhaustive if there are none.
fn stale(view: &View) -> String {
    let found = completeness(view);
    assert_eq!(found.is_exhaustive(), found.stale_sources.is_empty());
    assert!(found.is_walk_complete());
    let sources = found.stale_sources.iter();
    let sources = sources.map(|number| view.source_by_number(*number).expect("a source"));
    let names: Vec<String> = sources
        .inspect(|source| assert!(view.is_stale(source)))
        .map(|source| source.key.to_string())
        .collect();
    names.join(" ")
}

const WHOLE: &str = "a; a -> j -> b";

#[test]
fn a_source_is_stale_once_its_last_submission_is_older_than_it_promised() {
    let told = Told::new(&[("orders/dbt", "24h")]);
    told.submit(1, snapshot("orders/dbt", 1, WHOLE));
    assert_eq!(stale(&told.view(25)), "");
    assert_eq!(stale(&told.view(26)), "orders/dbt");
    told.submit(27, snapshot("orders/dbt", 2, WHOLE));
    assert_eq!(stale(&told.view(28)), "");
}

#[test]
fn a_source_that_promises_nothing_is_never_too_old() {
    let told = Told::new(&[("growth/dbt", "24h")]);
    told.submit(1, snapshot("orders/dbt", 1, WHOLE));
    assert_eq!(stale(&told.view(1_000_000)), "");
}

#[test]
fn events_keep_a_promise_too() {
    let told = Told::new(&[("orders/openlineage", "2h")]);
    let run = |number: i64| {
        let run = format!("run-{number}");
        let state = headwater_model::RunState::Complete;
        events_of(
            "orders/openlineage",
            event(&run, number, state, "a -> j -> b"),
        )
    };
    told.submit(1, run(1));
    let (early, late) = (told.view(3), told.view(4));
    let of = |view: &View| {
        let key = source("orders/openlineage");
        view.is_stale(&view.source(&key).expect("known"))
    };
    assert!(!of(&early) && of(&late));
    told.submit(4, run(2));
    assert!(!of(&told.view(5)));
    assert!(of(&late), "what was asked before stays judged as it was");
}

#[test]
fn whoever_says_the_same_again_keeps_the_promise() {
    let told = Told::new(&[("orders/yaml", "24h")]);
    let first = told.submit(1, snapshot("orders/yaml", 1, WHOLE));
    let second = told.submit(20, snapshot("orders/yaml", 1, WHOLE));
    assert!(second > first, "it is a submission of its own");
    assert_eq!(stale(&told.view(40)), "");
    assert_eq!(told.fixture.edges(), "a -> j\nj -> b");
}

#[test]
fn whoever_promises_nothing_repeats_what_was_said() {
    let told = Told::new(&[]);
    let first = told.submit(1, snapshot("orders/yaml", 1, WHOLE));
    assert_eq!(told.submit(20, snapshot("orders/yaml", 1, WHOLE)), first);
}

#[test]
fn a_promise_and_how_it_was_kept_outlive_a_restart_and_a_rebuild() {
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
    let told = Told::over(Arc::clone(&log), &[("orders/dbt", "24h")]);
    told.submit(1, snapshot("orders/dbt", 1, WHOLE));
    let state = Arc::clone(&told.fixture.state);
    told.fixture.engine.shut_down();
    for state in [state, Arc::new(MemoryState::new())] {
        let options = EngineOptions {
            clock: Clock::new(|| at(26)),
            ..EngineOptions::default()
        };
        let (again, _) = Fixture::with(Arc::clone(&log), state, options);
        assert_eq!(stale(&again.view()), "orders/dbt");
    }
}

#[test]
fn a_promise_that_is_taken_back_is_not_broken() {
    let told = Told::new(&[("orders/dbt", "1h")]);
    told.submit(1, snapshot("orders/dbt", 1, WHOLE));
    assert_eq!(stale(&told.view(9)), "orders/dbt");
    told.promise(&[("orders/dbt", "10h")]);
    assert_eq!(stale(&told.view(9)), "");
    told.promise(&[]);
    assert_eq!(stale(&told.view(99)), "");
}

#[test]
fn the_past_is_judged_at_its_own_moment() {
    let told = Told::new(&[("orders/dbt", "24h")]);
    let first = told.submit(1, snapshot("orders/dbt", HOUR, WHOLE));
    let other = told.submit(30, snapshot("growth/dbt", HOUR, "b -> k -> c"));
    let second = told.submit(40, snapshot("orders/dbt", 40 * HOUR, WHOLE));
    let newest = told.submit(41, snapshot("growth/dbt", 41 * HOUR, "b -> k -> d"));
    let now = told.view(50);
    let asked = |known_at: Option<u64>, hour: Option<i64>| {
        let as_of = AsOf {
            known_at,
            valid_at: hour.map(at),
        };
        stale(&now.as_of(&as_of).expect("a past"))
    };
    assert_eq!(asked(None, None), "");
    assert_eq!(asked(Some(first), None), "", "when it was received");
    assert_eq!(asked(Some(other), None), "orders/dbt", "29 hours later");
    assert_eq!(asked(Some(second), None), "");
    assert_eq!(asked(None, Some(20)), "", "the first of the two was fresh");
    assert_eq!(
        asked(None, Some(39)),
        "orders/dbt",
        "the second was not there yet"
    );
    assert_eq!(asked(None, Some(45)), "");
    assert_eq!(
        asked(Some(first), Some(45)),
        "",
        "later than what was known"
    );
    let much_later = told.view(1000);
    let as_of = AsOf {
        known_at: Some(newest),
        valid_at: None,
    };
    let known_still = much_later.as_of(&as_of).expect("a past");
    assert_eq!(
        stale(&known_still),
        "orders/dbt",
        "the newest is known until now"
    );
}

#[test]
fn an_error_makes_the_past_stale_until_the_next_submission() {
    let told = Told::new(&[]);
    let failed = told.submit(
        1,
        snapshot_of("orders/dbt", HOUR, WHOLE, Coverage::ALL, true),
    );
    assert_eq!(stale(&told.view(2)), "orders/dbt");
    told.submit(10, snapshot("orders/dbt", 10 * HOUR, WHOLE));
    let now = told.view(20);
    assert_eq!(stale(&now), "");
    let as_of = |known_at, hour: Option<i64>| AsOf {
        known_at,
        valid_at: hour.map(at),
    };
    for past in [as_of(Some(failed), None), as_of(None, Some(9))] {
        let past = now.as_of(&past).expect("a past");
        assert_eq!(stale(&past), "orders/dbt");
    }
}

#[test]
fn of_many_submissions_the_last_one_of_a_moment_is_found() {
    let told = Told::new(&[("orders/dbt", "1h")]);
    // Between those of one source stand those of another.
    let hours: Vec<i64> = (0..40).map(|number| number * number / 8).collect();
    for (number, hour) in (1..).zip(&hours) {
        told.submit(*hour, snapshot("orders/dbt", number * HOUR, WHOLE));
        told.submit(
            *hour,
            snapshot("growth/dbt", number * HOUR, &format!("c{number}")),
        );
    }
    let now = told.view(1000);
    for asked in 0..200 {
        let as_of = AsOf {
            known_at: None,
            valid_at: Some(at(asked)),
        };
        let past = now.as_of(&as_of).expect("a past");
        let source = past.source(&source("orders/dbt")).expect("known");
        let last = hours.iter().filter(|hour| **hour <= asked).max();
        let is_stale = last.is_none_or(|last| asked - last > 1);
        assert_eq!(past.is_stale(&source), is_stale, "at hour {asked}");
    }
}

#[test]
fn a_promise_of_a_source_that_never_submitted_is_told() {
    let told = Told::new(&[("orders/dbt", "24h"), ("orders/typo", "24h")]);
    told.submit(1, snapshot("orders/dbt", 1, WHOLE));
    let silent = told.view(1).silent_sources();
    let names: Vec<String> = silent.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["orders/typo"]);
}
