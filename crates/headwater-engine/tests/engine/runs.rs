//! Runs: how they stand, which are kept, what an event writes for them.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_engine::{AskError, AssertionView, Reference, RunView, RunsQuestion, View, WalkEdge};
use headwater_model::{
    AssetIndex, EdgeKind, Event, EventSubject, Facts, RunDetails, RunFact, RunId,
    RunState::{self, Abort, Complete, Fail, Other, Running, Start},
    Statement, Timestamp,
};
use headwater_store::{
    MemoryLog, MemoryState, Offset, Scan, State, StateBatch, StateError, StoredBytes,
};
use proptest::prelude::*;

use crate::support::{Fixture, SECOND, event, events_of, job, snapshot};

const SOURCE: &str = "orders/openlineage";

fn index(view: &View, name: &str) -> AssetIndex {
    view.require(&Reference::Text(name.to_owned()))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn told(event: Event, details: RunDetails) -> Event {
    let mut event = event;
    if let EventSubject::Run { details: of, .. } = &mut event.subject {
        **of = details;
    }
    event
}

/// `run STATE started..ended`, in seconds.
fn shown(run: &RunView) -> String {
    let seconds = |time: Option<Timestamp>| {
        time.map(|time| (time.as_micros() / SECOND).to_string())
            .unwrap_or_default()
    };
    format!(
        "{} {} {}..{}",
        run.run,
        run.state.as_str(),
        seconds(run.started_at),
        seconds(run.ended_at)
    )
}

fn runs(view: &View, name: &str) -> Vec<String> {
    let job = index(view, name);
    runs_of(view, job).iter().map(shown).collect()
}

fn runs_of(view: &View, job: AssetIndex) -> Vec<RunView> {
    let question = RunsQuestion {
        job,
        count: 1_000,
        after: None,
    };
    let page = view.runs_pages(&[question]).expect("readable").remove(0);
    page.runs.into_iter().map(|(_, run)| run).collect()
}

/// The datasets that a run read or wrote.
fn names(view: &View, run: &RunView, kind: EdgeKind) -> String {
    let found = view.run_datasets(&[run.statements()]).expect("readable");
    let found = match kind {
        EdgeKind::Reads => &found[0].reads,
        _ => &found[0].writes,
    };
    let name = |index: &AssetIndex| view.asset(*index).expect("there").name.to_owned();
    found.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn run_of_assertion(view: &View, assertion: &AssertionView) -> Option<RunView> {
    let found = view.runs_of_assertions(&[assertion.place()]);
    found.expect("readable").remove(0)
}

fn last_write(view: &View, name: &str) -> Option<String> {
    let found = view.last_writes(&[index(view, name)]).expect("readable");
    found[0].as_ref().map(shown)
}

#[test]
fn runs_are_listed_newest_first_and_found_by_their_id() {
    let fixture = Fixture::new();
    for (run, seconds, state, text) in [
        ("1", 10, Start, "a -> j ->"),
        ("2", 20, Start, "a -> j ->"),
        ("1", 15, Complete, "-> j -> b"),
        ("3", 5, Fail, "a -> j ->"),
    ] {
        fixture.submit(events_of(SOURCE, event(run, seconds, state, text)));
    }
    let view = fixture.view();
    assert_eq!(
        runs(&view, "job:etl/j"),
        ["2 START 20..", "1 COMPLETE 10..15", "3 FAIL ..5"]
    );
    let run = view.run("1", None).expect("one").expect("known");
    assert_eq!(names(&view, &run, EdgeKind::Reads), "a");
    assert_eq!(names(&view, &run, EdgeKind::Writes), "b");
    let bodies = view.run_bodies(&run).expect("readable");
    assert_eq!(bodies.len(), 2);
    assert!(bodies[0].contains("10 Start"), "{bodies:?}");
    assert!(view.run("4", None).expect("none").is_none());
    let latest = view.latest_runs(&[run.job]).expect("readable");
    assert_eq!(
        latest[0].as_ref().map(shown).as_deref(),
        Some("2 START 20..")
    );
    let id = view.run_id(&run).expect("an id");
    let node = view.node(&id).expect("readable");
    assert_eq!(
        node,
        Some(headwater_engine::NodeRef::Run(run.job, "1".into()))
    );
}

#[test]
fn the_state_shown_is_the_latest_by_event_time() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let events = [
            ("1", 1, Start, "a -> j ->"),
            ("1", 5, Complete, "-> j -> b"),
            ("1", 6, Fail, "-> j ->"),
        ];
        let fixture = Fixture::new();
        for at in order {
            let (run, seconds, state, text) = events[at];
            fixture.submit(events_of(SOURCE, event(run, seconds, state, text)));
        }
        assert_eq!(runs(&fixture.view(), "job:etl/j"), ["1 FAIL 1..6"]);
        let wrote = last_write(&fixture.view(), "db/b");
        assert_eq!(
            wrote.as_deref(),
            Some("1 FAIL 1..6"),
            "it completed before it failed"
        );
    }
}

#[test]
fn what_events_tell_of_a_run_is_put_together() {
    let fixture = Fixture::new();
    let at = |seconds: i64| Some(Timestamp::from_micros(seconds * SECOND));
    let start = RunDetails {
        nominal_start: at(0),
        nominal_end: at(3600),
        parent: Some((job("dag"), RunId::parse("p").expect("an id"))),
        url: Some("https://airflow/1".into()),
        ..RunDetails::default()
    };
    let end = RunDetails {
        error: Some("disk full".into()),
        ..RunDetails::default()
    };
    fixture.submit(events_of(SOURCE, event("p", 0, Start, "-> dag ->")));
    fixture.submit(events_of(
        SOURCE,
        told(event("1", 2, Fail, "a -> j ->"), end),
    ));
    fixture.submit(events_of(
        SOURCE,
        told(event("1", 1, Start, "a -> j ->"), start),
    ));
    let view = fixture.view();
    let run = view.run("1", None).expect("one").expect("known");
    assert_eq!((run.nominal_start, run.nominal_end), (at(0), at(3600)));
    assert_eq!(run.error.as_deref(), Some("disk full"));
    assert_eq!(run.url.as_deref(), Some("https://airflow/1"));
    let parent = run.parent().expect("it has one").clone();
    let parents = view.parent_runs(&[parent]).expect("readable");
    let parent = parents[0].clone().expect("known");
    assert_eq!(shown(&parent), "p START 0..");
    // Another attempt: the error was of the first one.
    fixture.submit(events_of(SOURCE, event("1", 10, Start, "a -> j ->")));
    let run = fixture.view().run("1", None).expect("one").expect("known");
    assert_eq!((shown(&run).as_str(), run.error), ("1 START 10..", None));
}

/// A snapshot that tells of runs.
fn run_facts(
    source: &str,
    seconds: i64,
    text: &str,
    told: &[(&str, &str, RunState)],
) -> headwater_model::Submission {
    let mut submission = snapshot(source, seconds, text);
    if let Statement::Snapshot(snapshot) = &mut submission.statement {
        snapshot.facts.runs = told
            .iter()
            .map(|(name, run, state)| RunFact {
                job: job(name),
                run: RunId::parse(run).expect("an id"),
                state: *state,
                started_at: Some(Timestamp::from_micros((seconds - 2) * SECOND)),
                ended_at: Some(Timestamp::from_micros((seconds - 1) * SECOND)),
                message: Some("said".into()),
            })
            .collect();
    }
    submission
}

#[test]
fn one_run_id_of_several_jobs_needs_the_job() {
    let fixture = Fixture::new();
    let text = "a -> j -> b; b -> k -> c";
    fixture.submit(run_facts(
        "orders/dbt",
        10,
        text,
        &[("j", "inv", Complete), ("k", "inv", Fail)],
    ));
    let view = fixture.view();
    let Err(AskError::Ambiguous { candidates, .. }) = view.run("inv", None) else {
        panic!("two jobs have it");
    };
    assert_eq!(candidates, ["job:etl/j", "job:etl/k"]);
    let run = view.run("inv", Some(index(&view, "job:etl/k")));
    let run = run.expect("one").expect("known");
    assert_eq!(
        (shown(&run).as_str(), run.error.as_deref()),
        ("inv FAIL 8..9", Some("said"))
    );
    assert_eq!(names(&view, &run, EdgeKind::Writes), "c");
    assert_eq!(
        last_write(&view, "db/b").as_deref(),
        Some("inv COMPLETE 8..9")
    );
    assert_eq!(last_write(&view, "db/c"), None, "its run failed");
    // Said again, it stays one; a later run is another.
    fixture.submit(run_facts(
        "orders/dbt",
        11,
        text,
        &[("j", "inv2", Complete)],
    ));
    fixture.submit(run_facts("orders/dbt", 10, text, &[("j", "inv", Complete)]));
    let view = fixture.view();
    assert_eq!(
        runs(&view, "job:etl/j"),
        ["inv2 COMPLETE 9..10", "inv COMPLETE 8..9"]
    );
}

#[test]
fn the_last_write_is_of_a_run_that_wrote_it() {
    let fixture = Fixture::new();
    for (run, seconds, state, text) in [
        ("1", 10, Complete, "a -> j -> b, c"),
        ("2", 20, Complete, "a -> j -> c"),
        ("3", 30, Start, "a -> j -> b"),
        ("4", 15, Complete, "x -> k -> b"),
    ] {
        fixture.submit(events_of(SOURCE, event(run, seconds, state, text)));
    }
    let view = fixture.view();
    assert_eq!(
        last_write(&view, "db/b").as_deref(),
        Some("4 COMPLETE ..15")
    );
    assert_eq!(
        last_write(&view, "db/c").as_deref(),
        Some("2 COMPLETE ..20")
    );
    assert_eq!(last_write(&view, "db/a"), None);
}

#[test]
fn the_evidence_of_what_runs_say_is_the_newest_run_that_says_so() {
    let fixture = Fixture::new();
    for (run, seconds, text) in [
        ("1", 10, "a -> j -> b"),
        ("2", 20, "a -> j -> b"),
        ("3", 30, "a -> j -> c"),
    ] {
        fixture.submit(events_of(SOURCE, event(run, seconds, Complete, text)));
    }
    fixture.submit(snapshot("growth/dbt", 1, "b -> k -> d"));
    let view = fixture.view();
    let run_of = |name: &str| {
        let details = view.details(index(&view, name)).expect("readable");
        let run = run_of_assertion(&view, &details.asserted_by[0]);
        run.as_ref().map(shown)
    };
    assert_eq!(run_of("db/a").as_deref(), Some("3 COMPLETE ..30"));
    assert_eq!(run_of("db/c").as_deref(), Some("3 COMPLETE ..30"));
    assert_eq!(run_of("db/d"), None);
    let edge = WalkEdge::Assets(headwater_engine::EdgeView {
        from: index(&view, "job:etl/j"),
        to: index(&view, "db/b"),
        kind: EdgeKind::Writes,
        via: None,
    });
    let assertions = view.edge_assertions(&edge).expect("readable");
    let run = run_of_assertion(&view, &assertions[0]);
    assert_eq!(run.as_ref().map(shown).as_deref(), Some("2 COMPLETE ..20"));
}

#[test]
fn a_view_shows_runs_as_they_were_when_it_was_pinned() {
    let fixture = Fixture::new();
    fixture.submit(events_of(SOURCE, event("1", 1, Start, "a -> j ->")));
    let before = fixture.view();
    fixture.submit(events_of(SOURCE, event("1", 2, Complete, "-> j -> b")));
    fixture.submit(events_of(SOURCE, event("2", 3, Start, "a -> j ->")));
    assert_eq!(runs(&before, "job:etl/j"), ["1 START 1.."]);
    assert_eq!(
        runs(&fixture.view(), "job:etl/j"),
        ["2 START 3..", "1 COMPLETE 1..2"]
    );
}

#[test]
fn the_newest_runs_are_kept_and_older_ones_that_go_on() {
    let fixture = Fixture::new();
    fixture.submit(events_of(SOURCE, event("open", 0, Start, "a -> j ->")));
    for at in 1..=60 {
        let run = format!("r{at}");
        fixture.submit(events_of(SOURCE, event(&run, at, Complete, "a -> j -> b")));
    }
    let kept = runs(&fixture.view(), "job:etl/j");
    assert_eq!(kept.len(), 51);
    assert_eq!(
        (kept[0].as_str(), kept[50].as_str()),
        ("r60 COMPLETE ..60", "open START 0..")
    );
    let stored = fixture.state.scan_prefix(b"r").count();
    assert_eq!(stored, 51, "what is forgotten is not stored");
    // News of a run that is forgotten change nothing.
    fixture.submit(events_of(SOURCE, event("r3", 3, Fail, "a -> j ->")));
    assert_eq!(runs(&fixture.view(), "job:etl/j"), kept);
    fixture.submit(events_of(SOURCE, event("open", 99, Complete, "a -> j ->")));
    assert_eq!(runs(&fixture.view(), "job:etl/j").len(), 50);
    assert_eq!(fixture.state.scan_prefix(b"r").count(), 50);
}

/// A state that counts what is written into it.
struct Counting {
    state: MemoryState,
    written: AtomicUsize,
}

impl State for Counting {
    fn get(&self, key: &[u8]) -> Result<Option<StoredBytes>, StateError> {
        self.state.get(key)
    }

    fn scan_range<'a>(&'a self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Scan<'a> {
        self.state.scan_range(from, to)
    }

    fn apply(&self, batch: &StateBatch, applied: Offset) -> Result<(), StateError> {
        self.written.fetch_add(batch.len(), Ordering::Relaxed);
        self.state.apply(batch, applied)
    }

    fn applied_offset(&self) -> Result<Offset, StateError> {
        self.state.applied_offset()
    }

    fn clear(&self) -> Result<(), StateError> {
        self.state.clear()
    }

    fn bytes_on_disk(&self) -> Result<u64, StateError> {
        self.state.bytes_on_disk()
    }
}

#[test]
fn a_repeating_event_writes_four_keys_and_the_first_of_a_run_takes_the_oldest_away() {
    let state = Arc::new(Counting {
        state: MemoryState::new(),
        written: AtomicUsize::new(0),
    });
    let (fixture, _) = Fixture::over(
        Arc::new(MemoryLog::new()),
        Arc::clone(&state) as Arc<dyn State>,
    );
    let mut counts = Vec::new();
    for at in 0..70 {
        let run = format!("r{at}");
        for (seconds, state_of_run, text) in [
            (10 * at, Start, "a -> j ->"),
            (10 * at + 5, Complete, "a -> j -> b"),
        ] {
            state.written.store(0, Ordering::Relaxed);
            fixture.submit(events_of(SOURCE, event(&run, seconds, state_of_run, text)));
            // One key a commit says when it was received.
            counts.push(state.written.load(Ordering::Relaxed) - 1);
        }
    }
    // The slot, the run, the submission, the event as seen.
    assert_eq!(counts[60..64], [4, 4, 4, 4]);
    assert_eq!(counts[130..134], [5, 4, 5, 4]);
}

/// Events of a few runs of two jobs.
fn some_events() -> impl Strategy<Value = Vec<(u8, i64, u8, u8)>> {
    prop::collection::vec((0..8u8, 0..40i64, 0..6u8, 0..4u8), 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn runs_do_not_depend_on_the_order_of_arrival(events in some_events(), seed in any::<u64>()) {
        let texts = ["a -> j ->", "-> j -> b", "a -> k -> b", "-> k ->"];
        let states = [Start, Running, Complete, Fail, Abort, Other];
        let submit = |order: &[usize]| {
            let fixture = Fixture::new();
            for at in order {
                let (run, seconds, state, text) = events[*at];
                let name = ["j", "j", "k", "k"][usize::from(text)];
                let mut event = event(&format!("{name}{run}"), seconds, states[usize::from(state)], texts[usize::from(text)]);
                if let EventSubject::Run { details, .. } = &mut event.subject {
                    details.error = (state == 3).then(|| format!("{seconds}").into());
                }
                fixture.submit(events_of(SOURCE, event));
            }
            let view = fixture.view();
            let mut found = Vec::new();
            for name in ["job:etl/j", "job:etl/k"] {
                let Ok(job) = view.require(&Reference::Text(name.into())) else { continue };
                for run in &runs_of(&view, job) {
                    let writes = names(&view, run, EdgeKind::Writes);
                    found.push(format!("{} {:?} {writes}", shown(run), run.error));
                }
            }
            for name in ["db/a", "db/b"] {
                if let Ok(dataset) = view.require(&Reference::Text(name.into())) {
                    let run = view.last_writes(&[dataset]).expect("readable").remove(0);
                    found.push(format!("{name} {:?}", run.as_ref().map(shown)));
                }
            }
            let rebuilt = Fixture::over(Arc::clone(&fixture.log), Arc::new(MemoryState::new())).0;
            let dump = |state: &dyn State| state.scan_prefix(b"").map(|item| item.expect("readable")).collect::<Vec<_>>();
            assert_eq!(dump(&*rebuilt.state), dump(&*fixture.state));
            found
        };
        let in_order: Vec<usize> = (0..events.len()).collect();
        let mut shuffled = in_order.clone();
        let mut random = seed | 1;
        for at in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, (random >> 33) as usize % (at + 1));
        }
        prop_assert_eq!(submit(&in_order), submit(&shuffled));
    }
}

#[test]
fn a_run_without_facts_is_a_run() {
    let fixture = Fixture::new();
    let mut event = event("1", 1, Complete, "-> j ->");
    event.facts = Facts {
        jobs: event.facts.jobs,
        ..Facts::default()
    };
    event.names_datasets = false;
    fixture.submit(events_of(SOURCE, event));
    assert_eq!(runs(&fixture.view(), "job:etl/j"), ["1 COMPLETE ..1"]);
}
