//! What every log promises, checked on each of them against a vector.

use std::path::Path;
use std::sync::Arc;

use headwater_store::{
    Log, LogError, MemoryLog, Offset, Payload, SegmentLog, SegmentOptions, SimulatedDisk,
};
use proptest::prelude::*;

use super::{noise, offset, payload, read_all};

/// Small segments, so that every test crosses their borders.
const OPTIONS: SegmentOptions = SegmentOptions {
    segment_bytes: 2000,
    frame_bytes_max: 1 << 20,
    reserve_bytes: 0,
};

/// Runs `check` on an empty log of each kind; `reopen` closes and opens what can be.
fn on_every_log(check: impl Fn(&mut dyn FnMut(Option<Box<dyn Log>>) -> Box<dyn Log>)) {
    check(&mut |log| log.unwrap_or_else(|| Box::new(MemoryLog::new())));

    let directory = tempfile::tempdir().unwrap();
    check(&mut |log| {
        drop(log);
        let path = directory.path().join("a/log");
        Box::new(SegmentLog::open(&path, OPTIONS).unwrap().0)
    });

    let disk = Arc::new(SimulatedDisk::new());
    check(&mut |log| {
        drop(log);
        Box::new(
            SegmentLog::open_on(disk.clone(), Path::new("log"), OPTIONS)
                .unwrap()
                .0,
        )
    });
}

#[test]
fn an_empty_log_has_no_entries_and_stays_empty() {
    on_every_log(|open| {
        let log = open(None);
        let log = open(Some(log));
        assert_eq!(log.last_offset(), Offset::ZERO);
        assert_eq!(log.first_offset(), None);
        assert_eq!(read_all(&*log), []);
    });
}

#[test]
fn a_batch_gets_consecutive_offsets_from_one() {
    on_every_log(|open| {
        let log = open(None);
        let appended = log.append(&[payload("a"), payload("b")]).unwrap();
        assert_eq!((appended.first, appended.last), (offset(1), offset(2)));
        let appended = log.append(&[payload("c")]).unwrap();
        assert_eq!((appended.first, appended.last), (offset(3), offset(3)));
        let log = open(Some(log));
        assert_eq!(log.last_offset(), offset(3));
        assert_eq!(log.first_offset(), Some(offset(1)));
        assert_eq!(read_all(&*log), ["a", "b", "c"].map(payload));
        assert!(log.bytes_on_disk() >= 3);
    });
}

#[test]
fn a_refused_batch_changes_nothing() {
    on_every_log(|open| {
        let log = open(None);
        assert!(matches!(log.append(&[]), Err(LogError::EmptyBatch)));
        let large = Payload {
            version: 1,
            bytes: vec![0; Payload::BYTES_MAX + 1],
        };
        let refused = log.append(&[payload("a"), large]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "payload has 16777217 bytes, more than 16777216"
        );
        assert_eq!(log.last_offset(), Offset::ZERO);
        log.append(&[payload("b")]).unwrap();
        assert_eq!(read_all(&*log), [payload("b")]);
    });
}

#[test]
fn the_largest_payload_comes_back() {
    on_every_log(|open| {
        let log = open(None);
        let largest = Payload {
            version: 255,
            bytes: vec![7; Payload::BYTES_MAX],
        };
        log.append(std::slice::from_ref(&largest)).unwrap();
        let log = open(Some(log));
        assert_eq!(read_all(&*log), [largest]);
    });
}

#[test]
fn a_read_keeps_to_its_bounds_but_always_advances() {
    on_every_log(|open| {
        let log = open(None);
        log.append(&["aaaa", "bbbb", "cccc", ""].map(payload))
            .unwrap();
        log.append(&[payload("dddd")]).unwrap();
        let read = |after, entries_max, bytes_max| -> Vec<u64> {
            let entries = log.read_after(offset(after), entries_max, bytes_max);
            entries.unwrap().iter().map(|e| e.offset.get()).collect()
        };
        assert_eq!(read(0, 0, 100), []);
        assert_eq!(read(0, 2, 100), [1, 2]);
        assert_eq!(read(1, 9, 8), [2, 3, 4]);
        assert_eq!(read(1, 9, 7), [2]);
        assert_eq!(read(1, 9, 0), [2]);
        assert_eq!(read(3, 9, 0), [4]);
        assert_eq!(read(0, 9, u64::MAX), [1, 2, 3, 4, 5]);
        assert_eq!(read(5, 9, 9), []);
        assert_eq!(read(77, 9, 9), []);
    });
}

#[test]
fn a_first_entry_above_the_bound_comes_alone() {
    on_every_log(|open| {
        let log = open(None);
        log.append(&["aaaa", ""].map(payload)).unwrap();
        log.append(&[payload("")]).unwrap();
        assert_eq!(log.read_after(offset(0), 9, 3).unwrap().len(), 1);
        assert_eq!(log.read_after(offset(0), 9, 4).unwrap().len(), 3);
    });
}

#[test]
fn readers_beside_the_writer_see_whole_batches_in_order() {
    on_every_log(|open| {
        let log = open(None);
        let batches_count = 200;
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        while log.last_offset().get() < batches_count * 3 {
                            assert_eq!(log.last_offset().get() % 3, 0);
                            let seen = log.last_offset();
                            assert!(read_all(&*log).len() as u64 >= seen.get());
                        }
                        read_all(&*log)
                    })
                })
                .collect();
            for number in 0..batches_count {
                log.append(&["x", "y", "z"].map(|text| payload(&format!("{text}{number}"))))
                    .unwrap();
            }
            for reader in readers {
                let payloads = reader.join().unwrap();
                assert_eq!(payloads.len() as u64, batches_count * 3);
                assert_eq!(payloads[599], payload("z199"));
            }
        });
    });
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Payload>),
    Read(u64, u32, u64),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        (any::<u64>(), 0..1500_usize).prop_map(|(seed, bytes)| noise(seed, bytes)),
        (any::<u8>(), 0..5000_usize).prop_map(|(byte, bytes)| vec![byte; bytes]),
    ];
    let payload = (any::<u8>(), bytes).prop_map(|(version, bytes)| Payload { version, bytes });
    let step = prop_oneof![
        4 => proptest::collection::vec(payload, 1..6).prop_map(Step::Append),
        2 => (0..60_u64, 0..20_u32, 0..4000_u64).prop_map(|(o, e, b)| Step::Read(o, e, b)),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..25)
}

/// What [`Log::read_after`] says, word by word.
fn expected(payloads: &[Payload], after: u64, entries_max: u32, bytes_max: u64) -> Vec<Payload> {
    let mut bytes = 0;
    let after = usize::try_from(after).unwrap().min(payloads.len());
    payloads[after..]
        .iter()
        .take(entries_max as usize)
        .enumerate()
        .take_while(|(position, payload)| {
            bytes += payload.bytes.len() as u64;
            *position == 0 || bytes <= bytes_max
        })
        .map(|(_, payload)| payload.clone())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_log_answers_as_a_vector_does(steps in steps()) {
        on_every_log(|open| {
            let mut log = open(None);
            let mut payloads: Vec<Payload> = Vec::new();
            for step in &steps {
                match step {
                    Step::Append(batch) => {
                        let appended = log.append(batch).unwrap();
                        assert_eq!(appended.first.get(), payloads.len() as u64 + 1);
                        payloads.extend_from_slice(batch);
                        assert_eq!(appended.last.get(), payloads.len() as u64);
                    }
                    Step::Read(after, entries_max, bytes_max) => {
                        let entries = log.read_after(offset(*after), *entries_max, *bytes_max).unwrap();
                        for (position, entry) in entries.iter().enumerate() {
                            assert_eq!(entry.offset.get(), after + 1 + position as u64);
                        }
                        let read: Vec<_> = entries.into_iter().map(|entry| entry.payload).collect();
                        assert_eq!(read, expected(&payloads, *after, *entries_max, *bytes_max));
                    }
                    Step::Reopen => log = open(Some(log)),
                }
                assert_eq!(log.last_offset().get(), payloads.len() as u64);
            }
            assert_eq!(read_all(&*log), payloads);
        });
    }
}
