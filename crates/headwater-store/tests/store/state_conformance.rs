//! What every state promises, checked on each of them against a `BTreeMap`.

use std::collections::BTreeMap;
use std::ops::Bound;

use headwater_store::{
    Excerpt, MemoryState, Offset, OpeningState, ScanStep, SledOptions, SledState, State,
    StateBatch, StateError, StoredBytes,
};
use proptest::prelude::*;

use super::{STARTING, offset, open_state};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

const OPTIONS: SledOptions = SledOptions {
    cache_bytes: 8 << 20,
    flush_every_ms: 500,
};

/// Runs `check` on an empty state of each kind; `reopen` closes and opens what can be.
fn on_every_state(check: impl Fn(&mut dyn FnMut(Option<Box<dyn State>>) -> Box<dyn State>)) {
    check(&mut |state| state.unwrap_or_else(|| Box::new(MemoryState::new())));

    let directory = tempfile::tempdir().unwrap();
    check(&mut |state| {
        drop(state);
        Box::new(open_state(&directory.path().join("a/state"), OPTIONS).unwrap())
    });

    let directory = tempfile::tempdir().unwrap();
    check(&mut |state| {
        drop(state);
        let path = directory.path().join("b/state");
        // All of it is known before it is open.
        let whole = vec![vec![0]..vec![u8::MAX; StateBatch::KEY_BYTES_MAX]];
        let excerpt = Excerpt::of(&open_state(&path, OPTIONS).unwrap(), whole);
        let excerpt = excerpt.unwrap().unwrap();
        Box::new(OpeningState::begin(excerpt, move || {
            open_state(&path, OPTIONS)
        }))
    });
}

fn batch(changes: &[(&str, Option<&str>)]) -> StateBatch {
    let mut batch = StateBatch::new();
    for (key, value) in changes {
        match value {
            Some(value) => batch.put(key.as_bytes(), value.as_bytes()),
            None => batch.delete(key.as_bytes()),
        }
    }
    batch
}

fn owned(pair: Result<(StoredBytes, StoredBytes), StateError>) -> (Vec<u8>, Vec<u8>) {
    let (key, value) = pair.unwrap();
    (key.to_vec(), value.to_vec())
}

fn keys(state: &dyn State, prefix: &str) -> String {
    let pairs = state.scan_prefix(prefix.as_bytes()).map(owned);
    let keys: Vec<_> = pairs
        .map(|(key, _)| key.escape_ascii().to_string())
        .collect();
    keys.join(" ")
}

fn all(state: &dyn State) -> Pairs {
    let pairs = state.scan_range(Bound::Unbounded, Bound::Unbounded);
    pairs.map(owned).collect()
}

#[test]
fn an_empty_state_holds_nothing_and_is_at_offset_zero() {
    on_every_state(|open| {
        let state = open(None);
        let state = open(Some(state));
        assert_eq!(state.applied_offset().unwrap(), Offset::ZERO);
        assert_eq!(state.get(b"a").unwrap(), None);
        assert_eq!(state.get(b"").unwrap(), None);
        assert_eq!(all(&*state), []);
    });
}

#[test]
fn a_batch_is_applied_in_its_order_with_its_offset() {
    on_every_state(|open| {
        let state = open(None);
        let changes = batch(&[
            ("a", Some("1")),
            ("b", Some("2")),
            ("a", None),
            ("c", Some("")),
        ]);
        assert_eq!((changes.len(), changes.bytes()), (4, 6));
        state.apply(&changes, offset(7)).unwrap();
        state
            .apply(&batch(&[("b", Some("3")), ("nothing", None)]), offset(9))
            .unwrap();
        let state = open(Some(state));
        assert_eq!(state.applied_offset().unwrap(), offset(9));
        assert_eq!(state.get(b"a").unwrap(), None);
        assert_eq!(state.get(b"b").unwrap().as_deref(), Some(&b"3"[..]));
        assert_eq!(state.get(b"c").unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(state.get(b"").unwrap(), None, "the record is not a value");
        assert!(state.bytes_on_disk().unwrap() > 0);
    });
}

#[test]
fn an_empty_batch_moves_the_offset_and_an_earlier_offset_is_refused() {
    on_every_state(|open| {
        let state = open(None);
        state.apply(&StateBatch::new(), offset(5)).unwrap();
        assert_eq!(state.applied_offset().unwrap(), offset(5));
        let refused = state.apply(&batch(&[("a", Some("1"))]), offset(4));
        assert_eq!(
            refused.unwrap_err().to_string(),
            "offset 4 is before offset 5, which is applied"
        );
        assert_eq!(all(&*state), []);
        state.apply(&batch(&[("a", Some("1"))]), offset(5)).unwrap();
        assert_eq!(keys(&*state, ""), "a");
    });
}

#[test]
fn a_prefix_scan_ends_where_the_prefix_does() {
    on_every_state(|open| {
        let state = open(None);
        let mut batch = StateBatch::new();
        for key in [
            &b"a"[..],
            b"a\0",
            b"ab",
            b"a\xff",
            b"a\xff\xff",
            b"b",
            b"\xff",
            b"\xff\x01",
        ] {
            batch.put(key, b"");
        }
        state.apply(&batch, offset(1)).unwrap();
        assert_eq!(keys(&*state, "a"), r"a a\x00 ab a\xff a\xff\xff");
        assert_eq!(keys(&*state, "ab"), "ab");
        assert_eq!(keys(&*state, "ac"), "");
        let high: Vec<_> = state
            .scan_prefix(b"\xff")
            .map(|pair| owned(pair).0)
            .collect();
        assert_eq!(high, [&b"\xff"[..], b"\xff\x01"]);
        assert_eq!(state.scan_prefix(b"a\xff").count(), 2);
        assert_eq!(state.scan_prefix(b"").count(), 8);
    });
}

#[test]
fn a_key_or_value_outside_its_bounds_is_refused_whole() {
    on_every_state(|open| {
        let state = open(None);
        let long = vec![b'k'; StateBatch::KEY_BYTES_MAX];
        let large = vec![b'v'; StateBatch::VALUE_BYTES_MAX];
        let mut fits = StateBatch::new();
        fits.put(&long, &large);
        state.apply(&fits, offset(1)).unwrap();
        assert_eq!(state.get(&long).unwrap().unwrap().len(), large.len());

        let too_long = [&long[..], b"k"].concat();
        let too_large = [&large[..], b"v"].concat();
        let refusals: [(&[u8], &[u8], &str); 3] = [
            (b"", b"v", "key has 0 bytes, not 1 to 8192"),
            (&too_long, b"v", "key has 8193 bytes, not 1 to 8192"),
            (
                b"\xff",
                &too_large,
                r#"value of key "\xff" has 1048577 bytes, more than 1048576"#,
            ),
        ];
        for (key, value, message) in refusals {
            let mut batch = StateBatch::new();
            batch.put(b"beside", b"it");
            batch.put(key, value);
            let refused = state.apply(&batch, offset(2)).unwrap_err();
            assert_eq!(refused.to_string(), message);
        }
        assert_eq!(state.applied_offset().unwrap(), offset(1));
        assert_eq!(state.get(b"beside").unwrap(), None);
    });
}

#[test]
fn a_batch_of_several_steps_is_applied_in_order() {
    on_every_state(|open| {
        let state = open(None);
        let mut batch = StateBatch::new();
        for number in 0..25_000_u32 {
            batch.put(&number.to_be_bytes(), b"first");
        }
        for number in 0..100_u32 {
            batch.delete(&number.to_be_bytes());
        }
        batch.put(&0_u32.to_be_bytes(), b"last");
        state.apply(&batch, offset(3)).unwrap();
        assert_eq!(state.scan_prefix(b"").count(), 24_901);
        let first = state.get(&0_u32.to_be_bytes()).unwrap();
        assert_eq!(first.as_deref(), Some(&b"last"[..]));
        assert_eq!(state.applied_offset().unwrap(), offset(3));
    });
}

#[test]
fn clearing_removes_everything_and_starts_at_zero() {
    on_every_state(|open| {
        let state = open(None);
        let mut batch = StateBatch::new();
        for number in 0..12_000_u32 {
            batch.put(&number.to_be_bytes(), b"v");
        }
        state.apply(&batch, offset(3)).unwrap();
        state.clear().unwrap();
        let state = open(Some(state));
        assert_eq!(all(&*state), []);
        assert_eq!(state.applied_offset().unwrap(), Offset::ZERO);
        state.apply(&StateBatch::new(), offset(1)).unwrap();
    });
}

#[test]
fn a_scan_beside_a_writer_sees_what_does_not_change_once_and_in_order() {
    on_every_state(|open| {
        let state = open(None);
        let mut fixed = StateBatch::new();
        for number in (0..4000_u32).step_by(2) {
            fixed.put(&number.to_be_bytes(), b"fixed");
        }
        state.apply(&fixed, offset(1)).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..40 {
                    let mut batch = StateBatch::new();
                    for number in (1..4000_u32).step_by(2) {
                        match round % 2 {
                            0 => batch.put(&number.to_be_bytes(), b"odd"),
                            _ => batch.delete(&number.to_be_bytes()),
                        }
                    }
                    state.apply(&batch, offset(2)).unwrap();
                }
            });
            let mut scans_count = 0;
            while scans_count == 0 || !writer.is_finished() {
                let forward: Vec<_> = state.scan_prefix(b"").map(owned).collect();
                let mut backward: Vec<_> = state.scan_prefix(b"").rev().map(owned).collect();
                backward.reverse();
                for pairs in [forward, backward] {
                    assert!(pairs.is_sorted_by(|one, two| one.0 < two.0));
                    let fixed = pairs.iter().filter(|pair| pair.1 == b"fixed");
                    assert_eq!(fixed.count(), 2000);
                }
                scans_count += 1;
            }
        });
    });
}

#[test]
fn a_batch_becomes_visible_as_a_whole() {
    on_every_state(|open| {
        let state = open(None);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for number in 1..=2000_u64 {
                    let mut batch = StateBatch::new();
                    batch.put(b"a", &number.to_be_bytes());
                    batch.put(b"z", &number.to_be_bytes());
                    state.apply(&batch, offset(number)).unwrap();
                }
            });
            let number = |value: Option<StoredBytes>| {
                value.map_or(0, |value| u64::from_be_bytes((*value).try_into().unwrap()))
            };
            while !writer.is_finished() {
                let first = number(state.get(b"a").unwrap());
                let applied = state.applied_offset().unwrap().get();
                let second = number(state.get(b"z").unwrap());
                assert!(
                    first <= applied && applied <= second,
                    "{first} {applied} {second}"
                );
            }
        });
    });
}

#[test]
fn a_sled_state_opens_once_at_a_time_and_can_be_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let state = open_state(&path, OPTIONS).unwrap();
    assert!(matches!(
        open_state(&path, OPTIONS),
        Err(StateError::Locked(_))
    ));
    state.apply(&batch(&[("a", Some("1"))]), offset(1)).unwrap();
    drop(state);
    SledState::remove(&path).unwrap();
    SledState::remove(&path).expect("what is absent is fine");
    let state = open_state(&path, OPTIONS).unwrap();
    assert_eq!(all(&state), []);
}

#[test]
fn a_clear_that_was_interrupted_is_completed_on_open() {
    let directory = tempfile::tempdir().unwrap();
    let state = open_state(directory.path(), OPTIONS).unwrap();
    state.apply(&batch(&[("a", Some("1"))]), offset(4)).unwrap();
    drop(state);
    let write_record = |record: &[u8]| {
        let _held = STARTING.lock();
        let tree = sled::open(directory.path()).unwrap();
        tree.insert(b"", record).unwrap();
    };
    write_record(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let state = open_state(directory.path(), OPTIONS).unwrap();
    assert_eq!(all(&state), []);
    drop(state);
    for unknown in [
        &[2, 0, 0, 0, 0, 0, 0, 0, 0, 1][..],
        &[1, 2, 0, 0, 0, 0, 0, 0, 0, 1],
        &[1],
        &[],
    ] {
        write_record(unknown);
        let opened = open_state(directory.path(), OPTIONS);
        assert!(matches!(opened, Err(StateError::Corrupt(_))), "{unknown:?}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Apply(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Scan(Bound<Vec<u8>>, Bound<Vec<u8>>, Vec<bool>),
    Prefix(Vec<u8>),
    Clear,
    Reopen,
}

/// Few enough to meet again, with the bytes at both ends of the order.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0), Just(1), Just(b'a'), Just(254), Just(255)];
    proptest::collection::vec(byte, 1..4)
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![
        Just(Bound::Unbounded),
        Just(Bound::Included(Vec::new())),
        Just(Bound::Excluded(Vec::new())),
        key().prop_map(Bound::Included),
        key().prop_map(Bound::Excluded),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..50));
    let ends = proptest::collection::vec(any::<bool>(), 0..300);
    let step = prop_oneof![
        6 => proptest::collection::vec((key(), value), 0..60).prop_map(Step::Apply),
        6 => (bound(), bound(), ends).prop_map(|(from, to, ends)| Step::Scan(from, to, ends)),
        2 => key().prop_map(Step::Prefix),
        1 => Just(Step::Clear),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..20)
}

fn is_within(key: &Vec<u8>, from: &Bound<Vec<u8>>, to: &Bound<Vec<u8>>) -> bool {
    let after = match from {
        Bound::Included(from) => key >= from,
        Bound::Excluded(from) => key > from,
        Bound::Unbounded => true,
    };
    after
        && match to {
            Bound::Included(to) => key <= to,
            Bound::Excluded(to) => key < to,
            Bound::Unbounded => true,
        }
}

fn check_scan(
    state: &dyn State,
    pairs: &BTreeMap<Vec<u8>, Vec<u8>>,
    (from, to): (&Bound<Vec<u8>>, &Bound<Vec<u8>>),
    ends: &[bool],
) {
    let mut expected: Vec<_> = pairs
        .iter()
        .filter(|(key, _)| is_within(key, from, to))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut scan = state.scan_range(
        from.as_ref().map(Vec::as_slice),
        to.as_ref().map(Vec::as_slice),
    );
    for is_back in ends {
        let (found, due) = match (is_back, expected.is_empty()) {
            (true, _) => (scan.next_back(), expected.pop()),
            (false, true) => (scan.next(), None),
            (false, false) => (scan.next(), Some(expected.remove(0))),
        };
        assert_eq!(found.map(owned), due);
    }
    assert_eq!(scan.map(owned).collect::<Vec<_>>(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_state_answers_as_a_btree_map_does(steps in steps()) {
        on_every_state(|open| {
            let mut state = open(None);
            let mut pairs: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
            let mut applied = 0;
            for step in &steps {
                match step {
                    Step::Apply(changes) => {
                        let mut batch = StateBatch::new();
                        for (key, value) in changes {
                            if let Some(value) = value {
                                batch.put(key, value);
                                pairs.insert(key.clone(), value.clone());
                            } else {
                                batch.delete(key);
                                pairs.remove(key);
                            }
                        }
                        applied += 1;
                        state.apply(&batch, offset(applied)).unwrap();
                        for (key, _) in changes {
                            let value = state.get(key).unwrap().map(|value| value.to_vec());
                            assert_eq!(value.as_ref(), pairs.get(key));
                        }
                    }
                    Step::Scan(from, to, ends) => check_scan(&*state, &pairs, (from, to), ends),
                    Step::Prefix(prefix) => {
                        let scanned: Pairs = state.scan_prefix(prefix).map(owned).collect();
                        let expected: Pairs = pairs
                            .iter()
                            .filter(|(key, _)| key.starts_with(prefix))
                            .map(|(key, value)| (key.clone(), value.clone()))
                            .collect();
                        assert_eq!(scanned, expected);
                    }
                    Step::Clear => {
                        state.clear().unwrap();
                        pairs.clear();
                        applied = 0;
                    }
                    Step::Reopen => state = open(Some(state)),
                }
                assert_eq!(state.applied_offset().unwrap(), offset(applied));
            }
        });
    }
}

#[test]
fn many_keys_are_read_in_one_call_in_their_order() {
    on_every_state(|open| {
        let state = open(None);
        let changes = batch(&[("a", Some("1")), ("b", Some("2")), ("c", Some(""))]);
        state.apply(&changes, offset(1)).unwrap();
        let keys: Vec<Vec<u8>> = ["c", "x", "a", "a", ""]
            .map(|key| key.as_bytes().to_vec())
            .into();
        let values = state.get_many(&keys).unwrap();
        let values: Vec<Option<Vec<u8>>> = values
            .into_iter()
            .map(|value| value.map(|value| value.to_vec()))
            .collect();
        let expected = [Some(""), None, Some("1"), Some("1"), None];
        assert_eq!(
            values,
            expected.map(|value| value.map(|v| v.as_bytes().to_vec()))
        );
        assert_eq!(state.get_many(&[]).unwrap(), []);
    });
}

/// Scans `prefixes` and says what it saw; keys of `seek` go on at another key, those of `stops` end their prefix.
fn visited(state: &dyn State, prefixes: &[&str], seek: &[(&str, &str)], stops: &[&str]) -> String {
    let prefixes: Vec<Vec<u8>> = prefixes.iter().map(|p| p.as_bytes().to_vec()).collect();
    let mut seen = Vec::new();
    let mut visit = |at: usize, key: &[u8], value: &[u8]| {
        let key = String::from_utf8(key.to_vec()).unwrap();
        let value = String::from_utf8(value.to_vec()).unwrap();
        let to = seek.iter().find(|(from, _)| *from == key);
        let stops = stops.contains(&key.as_str());
        seen.push(format!("{at}:{key}={value}"));
        match to {
            Some((_, to)) => ScanStep::Seek(to.as_bytes().to_vec()),
            None if stops => ScanStep::Stop,
            None => ScanStep::Next,
        }
    };
    state.scan_many(&prefixes, &mut visit).unwrap();
    seen.join(" ")
}

#[test]
fn many_prefixes_are_scanned_in_one_call() {
    on_every_state(|open| {
        let state = open(None);
        let changes = batch(&[
            ("a1", Some("p")),
            ("a2", Some("q")),
            ("a3", Some("r")),
            ("a4", Some("s")),
            ("b1", Some("t")),
        ]);
        state.apply(&changes, offset(1)).unwrap();
        let check = |prefixes: &[&str], seek: &[(&str, &str)], stops: &[&str], expected: &str| {
            assert_eq!(visited(&*state, prefixes, seek, stops), expected);
        };
        check(
            &["b", "c", "a"],
            &[],
            &[],
            "0:b1=t 2:a1=p 2:a2=q 2:a3=r 2:a4=s",
        );
        check(&[], &[], &[], "");
        check(&["a"], &[("a1", "a3")], &[], "0:a1=p 0:a3=r 0:a4=s");
        // Never back, and never out of the prefix.
        check(
            &["a", "b"],
            &[("a2", "a0"), ("a3", "a3")],
            &[],
            "0:a1=p 0:a2=q 0:a3=r 0:a4=s 1:b1=t",
        );
        check(&["a", "b"], &[("a1", "b")], &[], "0:a1=p 1:b1=t");
        check(&["a", "a"], &[], &["a2"], "0:a1=p 0:a2=q 1:a1=p 1:a2=q");
        // The record of the applied offset is no key.
        check(&[""], &[], &["a1"], "0:a1=p");
    });
}
