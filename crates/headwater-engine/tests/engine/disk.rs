//! The engine on a disk that fails at every point where it writes: nothing acknowledged is lost, nothing is torn, and
//! it starts by itself.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headwater_engine::{EngineOptions, SubmitError, state_digest};
use headwater_model::RunState::{Complete, Start};
use headwater_model::{Digest, Submission};
use headwater_store::{
    Fault, Log, MemoryLog, MemoryState, Offset, Scan, SegmentLog, SegmentOptions, SimulatedDisk,
    State, StateBatch, StateError, StoredBytes,
};

use crate::support::{Fixture, event, events_of, snapshot};

pub(crate) const OPTIONS: SegmentOptions = SegmentOptions {
    segment_bytes: 1500,
    frame_bytes_max: 1 << 20,
    reserve_bytes: 0,
};

/// The log on that disk, and an engine over it and `state`.
pub(crate) fn start(disk: &SimulatedDisk, state: &Arc<dyn State>) -> Option<Fixture> {
    let opened = SegmentLog::open_on(Arc::new(disk.clone()), Path::new("log"), OPTIONS);
    let (log, _) = opened.ok()?;
    let log: Arc<dyn Log> = Arc::new(log);
    Some(Fixture::with(log, Arc::clone(state), EngineOptions::default()).0)
}

fn script() -> Vec<Submission> {
    let many: Vec<String> = (0..60).map(|at| format!("wide_{at}")).collect();
    vec![
        snapshot(
            "orders/dbt",
            1,
            "raw -> j -> orders; orders!; orders.id:int",
        ),
        events_of("growth/openlineage", event("1", 1, Start, "orders -> g ->")),
        events_of(
            "growth/openlineage",
            event("1", 2, Complete, "-> g -> churn"),
        ),
        snapshot("orders/dbt", 2, "raw -> j -> orders, events"),
        snapshot("bulk/dbt", 1, &many.join("; ")),
        snapshot("finance/says", 1, "churn = kundenschwund"),
        events_of(
            "growth/openlineage",
            event("2", 3, Complete, "orders -> g -> churn"),
        ),
        snapshot("orders/dbt", 3, "raw -> j -> orders"),
    ]
}

/// The digest of the state that these submissions make.
pub(crate) fn digest_of(submissions: &[Submission]) -> Digest {
    let fixture = Fixture::over(Arc::new(MemoryLog::new()), Arc::new(MemoryState::new())).0;
    for submission in submissions {
        fixture.submit(submission.clone());
    }
    state_digest(&*fixture.state).expect("readable")
}

/// Submits the script; what was acknowledged, and the first one that failed without a word on whether it is kept.
fn submit_all(fixture: &Fixture, place: &str) -> (Vec<Submission>, Option<Submission>) {
    let mut acknowledged = Vec::new();
    let mut in_doubt = None;
    for submission in script() {
        match fixture.try_submit(submission.clone()) {
            Ok(_) => acknowledged.push(submission),
            Err(SubmitError::DiskFull { .. }) => {}
            Err(SubmitError::Closed { .. }) => {
                in_doubt.get_or_insert(submission);
            }
            Err(other) => panic!("{place}: {other}"),
        }
        // Questions are answered whatever becomes of submissions.
        assert_eq!(
            fixture.view().offset() as usize,
            acknowledged.len(),
            "{place}"
        );
    }
    (acknowledged, in_doubt)
}

fn check(
    state: &dyn State,
    acknowledged: &[Submission],
    in_doubt: Option<Submission>,
    place: &str,
) {
    let found = state_digest(state).expect("readable");
    if found == digest_of(acknowledged) {
        return;
    }
    let mut with = acknowledged.to_vec();
    with.push(
        in_doubt.unwrap_or_else(|| panic!("{place}: the state is not what was acknowledged")),
    );
    assert_eq!(found, digest_of(&with), "{place}");
}

fn operations_count() -> u64 {
    let disk = SimulatedDisk::new();
    let state: Arc<dyn State> = Arc::new(MemoryState::new());
    let fixture = start(&disk, &state).expect("it starts");
    assert_eq!(submit_all(&fixture, "no fault").0.len(), script().len());
    fixture.engine.shut_down();
    assert!(fixture.log.segments_count() > 1);
    disk.operations_count()
}

#[test]
fn a_fault_at_any_write_of_the_log_loses_and_tears_nothing_acknowledged() {
    let operations_count = operations_count();
    assert!(operations_count > 20, "{operations_count}");
    for operation in 0..operations_count {
        for fault in [Fault::Fail, Fault::FailAndStop, Fault::Full, Fault::Halt] {
            let place = format!("{fault:?} at operation {operation}");
            let disk = SimulatedDisk::new();
            disk.set_fault(operation, fault);
            let kept: Arc<dyn State> = Arc::new(MemoryState::new());
            let (acknowledged, in_doubt) = match start(&disk, &kept) {
                Some(fixture) => submit_all(&fixture, &place),
                None => (Vec::new(), None),
            };
            disk.clear_fault();
            if fault == Fault::Halt {
                disk.cut_power(operation);
            }
            // The process starts again with the state that it had, which may lag behind.
            let fixture =
                start(&disk, &kept).unwrap_or_else(|| panic!("{place}: it does not start"));
            check(&*kept, &acknowledged, in_doubt, &place);
            fixture.submit(snapshot("late/dbt", 1, ""));
            fixture.engine.shut_down();
            drop(fixture);
            // What is there is durable, and the same without that state.
            disk.cut_power(operation + 1);
            let fresh: Arc<dyn State> = Arc::new(MemoryState::new());
            drop(start(&disk, &fresh).unwrap_or_else(|| panic!("{place}: after no power")));
            assert_eq!(
                state_digest(&*fresh).expect("readable"),
                state_digest(&*kept).expect("readable"),
                "{place}"
            );
        }
    }
}

#[test]
fn a_full_disk_refuses_and_the_engine_goes_on_once_there_is_room() {
    let disk = SimulatedDisk::new();
    let state: Arc<dyn State> = Arc::new(MemoryState::new());
    let fixture = start(&disk, &state).expect("it starts");
    fixture.submit(snapshot("orders/dbt", 1, "a -> j -> b"));
    let edges = fixture.edges();
    disk.set_free_bytes(Some(3));
    disk.set_bytes_max(Some(0));
    let refused = fixture.try_submit(snapshot("orders/dbt", 2, "a -> j -> c"));
    let error = refused.expect_err("there is no room").to_string();
    assert!(
        error.contains("the disk of log is full: 3 bytes are free"),
        "{error}"
    );
    assert_eq!(fixture.edges(), edges);
    assert_eq!(fixture.engine.failure(), None);

    disk.set_free_bytes(None);
    disk.set_bytes_max(None);
    fixture.submit(snapshot("orders/dbt", 3, "a -> j -> d"));
    assert_ne!(fixture.edges(), edges);
    let expected = [("a -> j -> b", 1), ("a -> j -> d", 3)]
        .map(|(text, seconds)| snapshot("orders/dbt", seconds, text));
    assert_eq!(
        state_digest(&*state).expect("readable"),
        digest_of(&expected)
    );
}

/// A state that fails at one of its changes, before it or after it.
struct FailingState {
    inner: Arc<dyn State>,
    calls: AtomicU64,
    fails_at: u64,
    is_applied: bool,
}

impl State for FailingState {
    fn get(&self, key: &[u8]) -> Result<Option<StoredBytes>, StateError> {
        self.inner.get(key)
    }

    fn scan_range<'a>(&'a self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Scan<'a> {
        self.inner.scan_range(from, to)
    }

    fn apply(&self, batch: &StateBatch, applied: Offset) -> Result<(), StateError> {
        let is_failing = self.calls.fetch_add(1, Ordering::Relaxed) >= self.fails_at;
        if !is_failing || self.is_applied {
            self.inner.apply(batch, applied)?;
        }
        if is_failing {
            return Err(StateError::Io(std::io::ErrorKind::StorageFull.into()));
        }
        Ok(())
    }

    fn applied_offset(&self) -> Result<Offset, StateError> {
        self.inner.applied_offset()
    }

    fn clear(&self) -> Result<(), StateError> {
        self.inner.clear()
    }

    fn bytes_on_disk(&self) -> Result<u64, StateError> {
        self.inner.bytes_on_disk()
    }
}

#[test]
fn a_state_that_fails_at_any_change_stops_submissions_and_loses_nothing() {
    for fails_at in 1..=script().len() as u64 {
        for is_applied in [false, true] {
            let place = format!("change {fails_at}, applied: {is_applied}");
            let disk = SimulatedDisk::new();
            let inner: Arc<dyn State> = Arc::new(MemoryState::new());
            let state: Arc<dyn State> = Arc::new(FailingState {
                inner: Arc::clone(&inner),
                calls: AtomicU64::new(0),
                fails_at,
                is_applied,
            });
            let fixture = start(&disk, &state).expect("it starts");
            let (acknowledged, in_doubt) = submit_all(&fixture, &place);
            assert_eq!(acknowledged.len() as u64, fails_at - 1, "{place}");
            assert!(
                in_doubt.is_some() && fixture.engine.failure().is_some(),
                "{place}"
            );
            drop(fixture);

            let fixture = start(&disk, &inner).unwrap_or_else(|| panic!("{place}: no start"));
            check(&*inner, &acknowledged, in_doubt, &place);
            assert_eq!(fixture.engine.failure(), None);
        }
    }
}
