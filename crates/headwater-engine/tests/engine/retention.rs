//! Pruning frees space and changes nothing that holds; erasure leaves nothing behind.

use std::path::Path;
use std::sync::Arc;

use headwater_engine::{EngineOptions, Erasure, erase, rebuild, state_digest};
use headwater_model::RunState::{Complete, Start};
use headwater_model::{RunState, Submission, Timestamp};
use headwater_record::Prune;
use headwater_store::{Log, MemoryState, Offset, SegmentLog, SimulatedDisk, State};

use crate::support::{Fixture, SECOND, dataset, event, events_of, job, snapshot, source};

const OPTIONS: headwater_store::SegmentOptions = headwater_store::SegmentOptions {
    segment_bytes: 4000,
    frame_bytes_max: 1 << 20,
    reserve_bytes: 0,
};

fn over(disk: &SimulatedDisk, state: Arc<dyn State>) -> Fixture {
    let opened = SegmentLog::open_on(Arc::new(disk.clone()), Path::new("log"), OPTIONS);
    let log: Arc<dyn Log> = Arc::new(opened.expect("opened").0);
    Fixture::with(log, state, EngineOptions::default()).0
}

/// An event that was received at its own time, with a body that does not compress.
fn run(number: i64, state: RunState, text: &str) -> Submission {
    let mut event = event(&format!("run-{number}"), number, state, text);
    let noise: String = (0..40)
        .map(|at| headwater_model::Digest::of(format!("{number} {at}").as_bytes()).to_string())
        .collect();
    event.body = format!("body-{number} {noise}").into();
    let mut submission = events_of("growth/openlineage", event);
    submission.received_at = Timestamp::from_micros(number * SECOND);
    submission
}

fn fill(fixture: &Fixture) {
    fixture.submit(snapshot(
        "orders/dbt",
        1,
        "raw -> j -> orders; orders!; orders.id:int",
    ));
    for number in 1..60 {
        let text = format!("orders -> g -> churn, out_{}", number % 3);
        fixture.submit(run(number, Start, "orders -> g ->"));
        let mut done = run(number, Complete, &text);
        let headwater_model::Statement::Event(event) = &mut done.statement else {
            continue;
        };
        event.time = Timestamp::from_micros(number * SECOND + 1);
        event.digest = headwater_model::Digest::of(event.body.as_bytes());
        fixture.submit(done);
    }
}

fn prune(before: i64) -> Prune {
    Prune {
        before: Timestamp::from_micros(before * SECOND),
        received_at: Timestamp::from_micros(100 * SECOND),
    }
}

fn rebuilt(log: &dyn Log) -> headwater_engine::Rebuilt {
    let state: Arc<dyn State> = Arc::new(MemoryState::new());
    rebuild(log, &state, Offset::MAX, &|_| {}).expect("rebuilt")
}

/// The runs of the job that are known, and the bodies that the log keeps of them.
fn runs(fixture: &Fixture) -> (usize, usize) {
    let view = fixture.view();
    let job = view
        .by_name(&job("g").job())
        .expect("readable")
        .expect("the job");
    let places = view.runs_of(&[job]).expect("readable").remove(0);
    let mut bodies = 0;
    for number in 0..60 {
        let found = view.run(&format!("run-{number}"), Some(job));
        if let Some(run) = found.expect("readable") {
            bodies += view.run_bodies(&run).expect("readable").len();
        }
    }
    (places.len(), bodies)
}

#[test]
fn pruning_frees_space_and_leaves_the_graph_as_it_is() {
    let disk = SimulatedDisk::new();
    let state: Arc<dyn State> = Arc::new(MemoryState::new());
    let fixture = over(&disk, Arc::clone(&state));
    fill(&fixture);
    let (edges, before) = (fixture.edges(), rebuilt(&*fixture.log));
    let (runs_before, bodies_before) = runs(&fixture);
    assert_eq!((runs_before, bodies_before), (50, 100));
    let (receipt, report) = fixture.engine.prune(prune(41), None).expect("pruned");
    assert_eq!(receipt.offset, before.offset.get() + 1);
    assert!(report.bytes_after * 3 < report.bytes_before, "{report:?}");

    assert_eq!(fixture.edges(), edges);
    let (runs_after, bodies_after) = runs(&fixture);
    assert_eq!(runs_after, 19, "runs 41 to 59");
    assert!((1..=38).contains(&bodies_after), "{bodies_after}");
    let after = rebuilt(&*fixture.log);
    assert_eq!(after.graph_digest, before.graph_digest);
    assert_ne!(
        after.state_digest, before.state_digest,
        "runs are forgotten"
    );
    assert_eq!(after.state_digest, state_digest(&*state).expect("readable"));
    fixture.engine.shut_down();
    drop(fixture);

    // The files are the log still, for whoever starts next.
    disk.cut_power(7);
    let fixture = over(&disk, Arc::new(MemoryState::new()));
    assert_eq!(fixture.edges(), edges);
    assert_eq!(runs(&fixture).0, 19);
    // An event that was pruned and is sent again is a repeat.
    let again = fixture.submit(run(1, Start, "orders -> g ->"));
    assert!(again.is_repeat);
    fixture.submit(run(70, Complete, "orders -> g -> churn"));
}

#[test]
fn the_body_of_an_event_is_erased_and_its_facts_stay() {
    let disk = SimulatedDisk::new();
    let fixture = over(&disk, Arc::new(MemoryState::new()));
    fill(&fixture);
    let before = rebuilt(&*fixture.log);
    let at = Offset::new(4).expect("small");
    assert_eq!(
        erase(&*fixture.log, &Erasure::Event(at)).expect("erased"),
        1
    );
    assert_eq!(
        erase(&*fixture.log, &Erasure::Event(at)).expect("erased"),
        0
    );
    let mut out = Vec::new();
    headwater_engine::export(&*fixture.log, &mut out, &mut |_| {}).expect("exported");
    let text = String::from_utf8(out).expect("text");
    let has = |body: &str| text.contains(&format!("\"body\":\"{body} "));
    assert!(has("body-1") && has("body-3"), "its neighbours stay");
    assert_eq!(
        text.matches("\"body\":\"body-2 ").count(),
        1,
        "one of two events of run 2"
    );
    assert_eq!(rebuilt(&*fixture.log), before);
}

#[test]
fn a_source_is_erased_as_if_it_had_never_been() {
    let disk = SimulatedDisk::new();
    let fixture = over(&disk, Arc::new(MemoryState::new()));
    fill(&fixture);
    let last = fixture.log.last_offset();
    let growth = Erasure::Source(source("growth/openlineage"));
    assert_eq!(erase(&*fixture.log, &growth).expect("erased"), 118);
    let nobody = Erasure::Source(source("growth/nobody"));
    assert_eq!(erase(&*fixture.log, &nobody).expect("erased"), 0);
    assert_eq!(fixture.log.last_offset(), last);
    let mut out = Vec::new();
    headwater_engine::export(&*fixture.log, &mut out, &mut |_| {}).expect("exported");
    let text = String::from_utf8(out).expect("text");
    assert!(
        !text.contains("growth") && !text.contains("churn"),
        "{text}"
    );
    drop(fixture);
    let fixture = over(&disk, Arc::new(MemoryState::new()));
    let view = fixture.view();
    assert_eq!(
        view.by_name(&dataset("churn").dataset()).expect("readable"),
        None
    );
    assert_eq!(fixture.edges(), "j -> orders\nraw -> j");
    fixture.submit(snapshot("orders/dbt", 2, "raw -> j -> orders, more"));
}
