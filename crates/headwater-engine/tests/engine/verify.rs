//! A state has one digest however it came about, and a difference is named in words.

use std::sync::Arc;

use headwater_engine::{first_difference, rebuild, state_digest};
use headwater_model::RunState::{Complete, Start};
use headwater_store::{Log, MemoryState, Offset, SledOptions, SledState, State, StateBatch};
use proptest::prelude::*;

use crate::support::{Fixture, event, events_of, snapshot};

fn rebuilt(log: &dyn Log, up_to: Offset) -> (Arc<dyn State>, headwater_engine::Rebuilt) {
    let state: Arc<dyn State> = Arc::new(MemoryState::new());
    let rebuilt = rebuild(log, &state, up_to, &|_| {}).expect("rebuilt");
    (state, rebuilt)
}

#[test]
fn a_rebuild_up_to_an_offset_is_the_state_as_it_was_there() {
    let fixture = Fixture::new();
    let mut digests = Vec::new();
    for (seconds, text) in [(1, "a -> j -> b"), (2, "a -> j -> b, c"), (3, "c!")] {
        fixture.submit(snapshot("orders/dbt", seconds, text));
        digests.push(state_digest(&*fixture.state).expect("readable"));
    }
    for (at, digest) in digests.iter().enumerate() {
        let offset = Offset::new(at as u64 + 1).expect("small");
        let (_, rebuilt) = rebuilt(&*fixture.log, offset);
        assert_eq!((rebuilt.offset, rebuilt.state_digest), (offset, *digest));
    }
}

#[test]
fn a_state_on_disk_has_the_digest_of_one_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let on_disk: Arc<dyn State> =
        Arc::new(SledState::open(folder.path(), SledOptions::default()).expect("opened"));
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a -> j -> b; b.id:int; b = x"));
    let found = rebuild(&*fixture.log, &on_disk, Offset::MAX, &|_| {}).expect("rebuilt");
    assert_eq!(
        found.state_digest,
        state_digest(&*fixture.state).expect("ok")
    );
}

#[test]
fn the_first_difference_is_named() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a -> j -> b"));
    let (state, _) = rebuilt(&*fixture.log, Offset::MAX);
    let compare = |one: &dyn State, other: &dyn State| {
        first_difference(("the state", one), ("the log", other)).expect("readable")
    };
    assert_eq!(compare(&*fixture.state, &*state), None);

    let applied = fixture.state.applied_offset().expect("readable");
    let change = |key: &[u8], value: Option<&[u8]>| {
        let mut batch = StateBatch::new();
        if let Some(value) = value {
            batch.put(key, value);
        } else {
            batch.delete(key);
        }
        fixture.state.apply(&batch, applied).expect("applied");
        compare(&*fixture.state, &*state).expect("a difference")
    };
    let source = b"o\0\0\0\0";
    insta::assert_snapshot!(change(source, Some(b"odd")), @r#"source number 0 (key "o\x00\x00\x00\x00") differs: 3 bytes in the state, 13 in the log"#);
    insta::assert_snapshot!(change(b"n\0db\0b", None), @r#"the log has the name of dataset db / b (key "n\x00db\x00b"), the state has not"#);
    insta::assert_snapshot!(change(b"A", Some(b"1")), @r#"the state has key "A", the log has not"#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_live_state_and_two_rebuilds_have_one_digest(
        steps in prop::collection::vec((0..4usize, 0..9i64, 0..8usize), 1..30),
    ) {
        let texts = [
            "a -> j -> b", "b -> k -> c; b!", "", "a -> j -> b, d; a => d @j", "b = x", "x -> l -> a",
            "b.f:int; b; b#f => c#g @k", "x = c; a -> j -> x",
        ];
        let fixture = Fixture::new();
        for (source, seconds, text) in steps {
            let snapshots = ["orders/dbt", "finance/dbt", "growth/yaml"];
            if let Some(source) = snapshots.get(source) {
                fixture.submit(snapshot(source, seconds, texts[text]));
                continue;
            }
            let state = if text % 2 == 0 { Start } else { Complete };
            let run = ["r", "s", "t"][text % 3];
            let read = ["a -> j -> b", "a, c -> j -> b", "-> j -> d"][text % 3];
            fixture.submit(events_of("growth/openlineage", event(run, seconds, state, read)));
        }
        let live = state_digest(&*fixture.state).expect("readable");
        let (_, first) = rebuilt(&*fixture.log, Offset::MAX);
        let (_, second) = rebuilt(&*fixture.log, Offset::MAX);
        prop_assert_eq!(first.state_digest, live);
        prop_assert_eq!(&first, &second);
    }
}
