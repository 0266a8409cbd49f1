//! Everything but the log is a function of the log.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use headwater_engine::EngineOptions;
use headwater_model::RunState::{Complete, Start};
use headwater_store::{MemoryLog, MemoryState, Offset, OpeningState, State, StateBatch};
use proptest::prelude::*;

use crate::support::{Fixture, event, events_of, snapshot};

fn dump(state: &dyn State) -> Vec<(Vec<u8>, Vec<u8>)> {
    use std::ops::Bound::Unbounded;
    let items = state.scan_range(Unbounded, Unbounded);
    items
        .map(|item| item.expect("readable"))
        .map(|(k, v)| (k.to_vec(), v.to_vec()))
        .collect()
}

fn fill(fixture: &Fixture) {
    fixture.submit(snapshot(
        "orders/dbt",
        1,
        "raw -> j -> orders, events; orders!; orders.id:int",
    ));
    fixture.submit(events_of(
        "growth/openlineage",
        event("1", 1, Start, "orders -> g ->"),
    ));
    fixture.submit(events_of(
        "growth/openlineage",
        event("1", 2, Complete, "-> g -> churn; orders => churn @g"),
    ));
    fixture.submit(snapshot("finance/says", 1, "churn = kundenschwund"));
    fixture.submit(snapshot("orders/dbt", 2, "raw -> j -> orders; orders!"));
}

#[test]
fn a_state_rebuilt_from_the_log_is_the_same_to_the_byte() {
    let fixture = Fixture::new();
    fill(&fixture);
    let edges = fixture.edges();
    let fresh: Arc<dyn State> = Arc::new(MemoryState::new());
    let (rebuilt, recovery) = Fixture::over(Arc::clone(&fixture.log), fresh);
    assert_eq!(recovery.replayed_count, 5);
    assert_eq!(rebuilt.edges(), edges);
    assert_eq!(dump(&*rebuilt.state), dump(&*fixture.state));
    assert_eq!(rebuilt.view().committed_at(), fixture.view().committed_at());
}

#[test]
fn a_state_that_is_ahead_of_the_log_is_rebuilt() {
    let fixture = Fixture::new();
    fill(&fixture);
    let (other, recovery) = Fixture::over(Arc::new(MemoryLog::new()), Arc::clone(&fixture.state));
    let reason = recovery.rebuilt_because.expect("a reason");
    assert!(reason.contains("the log ends at 0"), "{reason}");
    assert_eq!(other.edges(), "");
}

#[test]
fn a_state_that_was_left_in_the_middle_of_a_commit_is_rebuilt() {
    let fixture = Fixture::new();
    fill(&fixture);
    let edges = fixture.edges();
    let whole = dump(&*fixture.state);
    // What a crash between the steps of a large commit leaves: its mark, and a part of its keys.
    let mut batch = StateBatch::new();
    batch.put(b"y", &[]);
    batch.put(b"n\0db\0half", b"\x7f\x01\x01");
    let applied = fixture.state.applied_offset().expect("readable");
    fixture.state.apply(&batch, applied).expect("applied");
    let (rebuilt, recovery) = Fixture::over(Arc::clone(&fixture.log), Arc::clone(&fixture.state));
    let reason = recovery.rebuilt_because.expect("a reason");
    assert!(reason.contains("middle of a large commit"), "{reason}");
    assert_eq!(rebuilt.edges(), edges);
    assert_eq!(dump(&*rebuilt.state), whole);
}

#[test]
fn a_large_commit_leaves_no_mark() {
    let fixture = Fixture::new();
    let many: Vec<String> = (0..4_000).map(|at| format!("d{at}")).collect();
    fixture.submit(snapshot("orders/dbt", 1, &many.join("; ")));
    assert!(dump(&*fixture.state).len() > 9_000, "it took several steps");
    assert_eq!(fixture.state.get(b"y").expect("readable"), None);
}

#[test]
fn the_graph_file_and_the_tail_give_the_same_graph() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = EngineOptions {
        graph_file: Some(folder.path().join("graph")),
        ..EngineOptions::default()
    };
    let (fixture, _) = Fixture::with(
        Arc::new(MemoryLog::new()),
        Arc::new(MemoryState::new()),
        options.clone(),
    );
    fill(&fixture);
    let (log, state) = (Arc::clone(&fixture.log), Arc::clone(&fixture.state));
    drop(fixture);
    assert!(folder.path().join("graph").exists());
    // Without the file the engine goes on from the state, and leaves the file as it is.
    let (fixture, _) = Fixture::over(Arc::clone(&log), Arc::clone(&state));
    fixture.submit(snapshot("finance/dbt", 1, "churn -> f -> bonus; x = bonus"));
    let edges = fixture.edges();
    drop(fixture);
    let (fixture, recovery) = Fixture::with(log, state, options);
    assert_eq!(recovery.graph_file_refused, None);
    assert_eq!(recovery.replayed_count, 0);
    assert_eq!(fixture.edges(), edges);
}

#[test]
fn an_engine_opens_and_answers_before_its_state_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = || EngineOptions {
        graph_file: Some(folder.path().join("graph")),
        ..EngineOptions::default()
    };
    let (log, state) = (Arc::new(MemoryLog::new()), Arc::new(MemoryState::new()));
    let (fixture, _) = Fixture::with(log.clone(), state.clone(), options());
    fill(&fixture);
    let edges = fixture.edges();
    fixture.engine.shut_down();
    let excerpt = fixture.engine.excerpt().expect("readable").expect("small");
    drop(fixture);
    let (open, gate) = mpsc::channel::<()>();
    let opening = OpeningState::begin(excerpt, move || {
        let _ = gate.recv_timeout(Duration::from_secs(60));
        Ok(Arc::into_inner(state).expect("nobody else has it"))
    });
    let opening = Arc::new(opening);
    let state = Arc::<OpeningState<MemoryState>>::clone(&opening);
    let (opened, recovery) = Fixture::with(log, state, options());
    assert_eq!(recovery.replayed_count, 0);
    assert_eq!(opened.edges(), edges);
    assert!(opening.is_opening(), "nothing waited for the state");
    open.send(()).expect("it waits");
    opened.submit(snapshot("orders/dbt", 3, "raw -> j -> orders, events"));
    assert!(opened.edges().contains("j -> events"), "{}", opened.edges());
}

#[test]
fn a_damaged_graph_file_is_said_and_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("graph");
    std::fs::write(&path, b"no graph at all").expect("written");
    let fixture = Fixture::new();
    fill(&fixture);
    let edges = fixture.edges();
    let options = EngineOptions {
        graph_file: Some(path),
        ..EngineOptions::default()
    };
    let (fixture, recovery) = Fixture::with(
        Arc::clone(&fixture.log),
        Arc::clone(&fixture.state),
        options,
    );
    assert!(recovery.graph_file_refused.is_some());
    assert_eq!(fixture.edges(), edges);
}

#[test]
fn a_submission_larger_than_one_payload_is_one_entry() {
    let fixture = Fixture::new();
    let many: Vec<String> = (0..12_000)
        .map(|at| format!("dataset_with_a_long_name_{at:06}"))
        .collect();
    let receipt = fixture.submit(snapshot("orders/dbt", 1, &many.join("; ")));
    assert!(receipt.offset > 1, "it spans payloads");
    assert_eq!(fixture.view().offset(), receipt.offset);
    let fresh: Arc<dyn State> = Arc::new(MemoryState::new());
    let (rebuilt, recovery) = Fixture::over(Arc::clone(&fixture.log), fresh);
    assert_eq!(recovery.replayed_count, 1);
    assert_eq!(
        rebuilt.view().datasets_of_domain("orders", None).len(),
        12_000
    );
    assert_eq!(
        rebuilt.state.applied_offset().expect("readable"),
        Offset::new(receipt.offset).expect("small")
    );
}

#[test]
fn nothing_is_accepted_after_the_end() {
    let fixture = Fixture::new();
    fixture.engine.shut_down();
    let error = fixture
        .try_submit(snapshot("o/s", 1, "a"))
        .expect_err("it is closed");
    assert!(error.to_string().contains("stopping"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_history_rebuilds_to_the_same_state(steps in prop::collection::vec((0..3usize, 0..8i64, 0..8usize), 1..25)) {
        let texts = [
            "a -> j -> b", "b -> k -> c; b!", "", "a -> j -> b, d; a => d @j", "b = x", "x -> l -> a", "b.f:int; b",
            "x = c; a -> j -> x",
        ];
        let sources = ["orders/dbt", "finance/dbt", "growth/yaml"];
        let fixture = Fixture::new();
        for (source, seconds, text) in steps {
            fixture.submit(snapshot(sources[source], seconds, texts[text]));
        }
        let (rebuilt, _) = Fixture::over(Arc::clone(&fixture.log), Arc::new(MemoryState::new()));
        prop_assert_eq!(rebuilt.edges(), fixture.edges());
        prop_assert_eq!(dump(&*rebuilt.state), dump(&*fixture.state));
        // The graph that is kept up step by step is the one that the claims say.
        let (scanned, _) = Fixture::over(Arc::clone(&fixture.log), Arc::clone(&fixture.state));
        prop_assert_eq!(scanned.edges(), fixture.edges());
    }
}
