//! States that answer before they are open.

use std::ops::{Bound, Range};
use std::sync::mpsc;

use headwater_store::{
    Excerpt, ExcerptError, MemoryState, OpeningState, State, StateBatch, StateError,
};
use proptest::prelude::*;

use super::offset;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn filled(keys: &[&str]) -> MemoryState {
    let state = MemoryState::new();
    let mut batch = StateBatch::new();
    for key in keys {
        batch.put(key.as_bytes(), format!("of {key}").as_bytes());
    }
    state.apply(&batch, offset(7)).unwrap();
    state
}

fn range(from: &str, to: &str) -> Range<Vec<u8>> {
    from.as_bytes().to_vec()..to.as_bytes().to_vec()
}

fn excerpt(state: &MemoryState, ranges: &[(&str, &str)]) -> Excerpt {
    let ranges = ranges.iter().map(|(from, to)| range(from, to)).collect();
    Excerpt::of(state, ranges).unwrap().unwrap()
}

fn keys(state: &dyn State, prefix: &str, count: usize) -> String {
    let pairs = state.scan_prefix(prefix.as_bytes()).take(count);
    let keys: Vec<String> = pairs
        .map(|pair| String::from_utf8(pair.unwrap().0.to_vec()).unwrap())
        .collect();
    keys.join(" ")
}

#[test]
fn what_the_excerpt_holds_is_answered_before_the_state_is_open() {
    let state = filled(&["a1", "b1", "b2", "b3", "c1"]);
    let excerpt = excerpt(&state, &[("a", "b"), ("b", "b2\0"), ("d", "e")]);
    let (open, gate) = mpsc::channel::<()>();
    let state = OpeningState::begin(excerpt, move || {
        gate.recv().unwrap();
        Ok(state)
    });
    assert_eq!(state.applied_offset().unwrap(), offset(7));
    assert_eq!(&*state.get(b"a1").unwrap().unwrap(), b"of a1");
    assert_eq!(state.get(b"a2").unwrap(), None);
    assert_eq!(state.get(b"d1").unwrap(), None);
    assert_eq!(keys(&state, "a", 9), "a1");
    assert_eq!(keys(&state, "d", 9), "");
    assert_eq!(keys(&state, "b", 2), "b1 b2");
    // The rest is the state's to know.
    open.send(()).unwrap();
    assert_eq!(keys(&state, "b", 9), "b1 b2 b3");
    assert_eq!(&*state.get(b"c1").unwrap().unwrap(), b"of c1");
}

#[test]
fn what_is_applied_is_seen_even_if_the_excerpt_held_something_else() {
    let state = filled(&["a1"]);
    let excerpt = excerpt(&state, &[("a", "b")]);
    let state = OpeningState::begin(excerpt, move || Ok(state));
    let mut batch = StateBatch::new();
    batch.put(b"a1", b"new");
    batch.put(b"a2", b"new");
    state.apply(&batch, offset(8)).unwrap();
    assert_eq!(&*state.get(b"a1").unwrap().unwrap(), b"new");
    assert_eq!(keys(&state, "a", 9), "a1 a2");
    assert_eq!(
        state.into_inner().unwrap().applied_offset().unwrap(),
        offset(8)
    );
}

#[test]
fn a_state_that_cannot_be_opened_or_is_of_another_offset_says_so_to_whoever_asks_for_more() {
    let known = filled(&["a1", "c1"]);
    let excerpt = excerpt(&known, &[("a", "b")]);
    let refused = |open: Box<dyn FnOnce() -> Result<MemoryState, StateError> + Send>| {
        let state = OpeningState::begin(excerpt.clone(), open);
        state.get(b"c1").unwrap_err().to_string()
    };
    assert_eq!(
        refused(Box::new(|| Err(StateError::Corrupt("bytes".into())))),
        "state is corrupt: state is corrupt: bytes"
    );
    assert_eq!(
        refused(Box::new(|| Ok(MemoryState::new()))),
        "state is corrupt: it is at offset 0, its excerpt at 7"
    );
}

#[test]
fn an_excerpt_is_taken_from_its_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("excerpt");
    assert_eq!(Excerpt::take(&path).unwrap(), None);
    let excerpt = excerpt(&filled(&["a1", "a2"]), &[("a", "b"), ("x", "y")]);
    excerpt.write(&path).unwrap();
    assert_eq!(Excerpt::take(&path).unwrap(), Some(excerpt));
    assert_eq!(Excerpt::take(&path).unwrap(), None);
}

#[test]
fn a_damaged_excerpt_is_refused_wherever_it_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("excerpt");
    excerpt(&filled(&["a1", "a2"]), &[("a", "b")])
        .write(&path)
        .unwrap();
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        for bytes in [&flipped[..], &whole[..at]] {
            std::fs::write(&path, bytes).unwrap();
            let refused = Excerpt::take(&path);
            assert!(
                matches!(refused, Err(ExcerptError::Damaged { .. })),
                "byte {at}"
            );
            assert!(!path.exists());
        }
    }
}

#[test]
fn too_large_an_excerpt_is_none() {
    let state = MemoryState::new();
    let mut batch = StateBatch::new();
    let value = vec![0; 1 << 20];
    for key in 0..17_u8 {
        batch.put(&[b'a', key], &value);
    }
    state.apply(&batch, offset(1)).unwrap();
    assert_eq!(Excerpt::of(&state, vec![range("a", "b")]).unwrap(), None);
}

fn bound(kind: u8, key: Vec<u8>) -> Bound<Vec<u8>> {
    match kind {
        0 => Bound::Unbounded,
        1 => Bound::Included(key),
        _ => Bound::Excluded(key),
    }
}

/// Takes pairs from the front (true) and the back, as long as there are turns.
fn taken(state: &dyn State, from: &Bound<Vec<u8>>, to: &Bound<Vec<u8>>, turns: &[bool]) -> Pairs {
    let slice = |bound: &Bound<Vec<u8>>| bound.clone();
    let (from, to) = (slice(from), slice(to));
    let mut scan = state.scan_range(
        from.as_ref().map(Vec::as_slice),
        to.as_ref().map(Vec::as_slice),
    );
    turns
        .iter()
        .map_while(|is_front| {
            if *is_front {
                scan.next()
            } else {
                scan.next_back()
            }
        })
        .map(|pair| {
            let (key, value) = pair.unwrap();
            (key.to_vec(), value.to_vec())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_scan_is_that_of_the_state_however_much_of_it_is_in_the_excerpt(
        held in proptest::collection::btree_set(proptest::collection::vec(0_u8..4, 1..3), 0..16),
        ranges in proptest::collection::vec((proptest::collection::vec(0_u8..4, 1..3), proptest::collection::vec(0_u8..4, 1..3)), 0..3),
        from in (0_u8..3, proptest::collection::vec(0_u8..4, 1..3)),
        to in (0_u8..3, proptest::collection::vec(0_u8..4, 1..3)),
        turns in proptest::collection::vec(any::<bool>(), 0..20),
    ) {
        let plain = MemoryState::new();
        let mut batch = StateBatch::new();
        for key in &held {
            batch.put(key, key);
        }
        plain.apply(&batch, offset(1)).unwrap();
        let (from, to) = (bound(from.0, from.1), bound(to.0, to.1));
        let expected = taken(&plain, &from, &to, &turns);
        let ranges: Vec<Range<Vec<u8>>> = ranges.into_iter().map(|(from, to)| from..to).collect();
        let excerpt = Excerpt::of(&plain, ranges).unwrap().unwrap();
        let (open, gate) = mpsc::channel::<()>();
        let state = OpeningState::begin(excerpt, move || {
            let _ = gate.recv();
            Ok(plain)
        });
        // The state opens while the scan is under way, or before.
        let opener = std::thread::spawn(move || drop(open));
        prop_assert_eq!(taken(&state, &from, &to, &turns), expected);
        opener.join().unwrap();
    }
}
