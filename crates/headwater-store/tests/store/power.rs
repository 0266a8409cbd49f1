//! The log on a disk that forgets unsynced writes, tears them, fails and fills up, at every operation.

use std::path::Path;
use std::sync::Arc;

use headwater_store::{Fault, Log, LogError, Payload, SegmentLog, SegmentOptions, SimulatedDisk};

use super::{noise, payload, read_all};

const OPTIONS: SegmentOptions = SegmentOptions {
    segment_bytes: 2500,
    frame_bytes_max: 1 << 20,
    reserve_bytes: 0,
};

fn open(disk: &SimulatedDisk) -> Result<SegmentLog, LogError> {
    let opened = SegmentLog::open_on(Arc::new(disk.clone()), Path::new("log"), OPTIONS);
    opened.map(|(log, _)| log)
}

/// Batches of several sizes, some that compress, over several segments.
fn batches() -> Vec<Vec<Payload>> {
    (0..12_u64)
        .map(|number| {
            let of = |bytes| Payload { version: 1, bytes };
            match number % 4 {
                0 => vec![of(noise(number, 1300))],
                1 => vec![payload("a"), payload("b"), payload("c")],
                2 => vec![of(vec![number as u8; 9000]), payload("d")],
                _ => vec![of(noise(number, 700)), of(noise(number + 1, 700))],
            }
        })
        .collect()
}

/// Appends until something fails. Returns how many batches were acknowledged.
fn append_all(disk: &SimulatedDisk) -> usize {
    let Ok(log) = open(disk) else {
        return 0;
    };
    let batches = batches();
    let acknowledged = batches.iter().take_while(|batch| log.append(batch).is_ok());
    acknowledged.count()
}

/// What is found is what was acknowledged, and at most the whole batch that was under way.
fn check(log: &SegmentLog, acknowledged: usize, place: &str) -> usize {
    let found = read_all(log);
    let batches = batches();
    let whole = |count: usize| batches[..count.min(batches.len())].concat();
    if found == whole(acknowledged) {
        return acknowledged;
    }
    assert_eq!(found.len(), whole(acknowledged + 1).len(), "{place}");
    assert_eq!(found, whole(acknowledged + 1), "{place}");
    acknowledged + 1
}

fn operations_count() -> u64 {
    let disk = SimulatedDisk::new();
    assert_eq!(append_all(&disk), batches().len());
    disk.operations_count()
}

#[test]
fn power_loss_at_any_operation_loses_and_tears_nothing_acknowledged() {
    let operations_count = operations_count();
    assert!(operations_count > 40, "{operations_count}");
    for operation in 0..operations_count {
        for seed in 0..24 {
            let place = format!("operation {operation}, seed {seed}");
            let disk = SimulatedDisk::new();
            disk.set_fault(operation, Fault::Halt);
            let acknowledged = append_all(&disk);
            disk.cut_power(seed);
            let log = open(&disk).unwrap_or_else(|error| panic!("{place}: {error}"));
            let kept = check(&log, acknowledged, &place);

            // What was found once stays, and the log goes on.
            log.append(&[payload("after")]).unwrap();
            drop(log);
            disk.cut_power(seed + 1);
            let log = open(&disk).unwrap_or_else(|error| panic!("{place}, again: {error}"));
            let mut expected = batches()[..kept].concat();
            expected.push(payload("after"));
            assert_eq!(read_all(&log), expected, "{place}");
        }
    }
}

#[test]
fn power_loss_while_opening_after_power_loss_loses_nothing() {
    let operations_count = operations_count();
    for operation in (operations_count / 2)..operations_count {
        for opening in 0..8 {
            let place = format!("operation {operation}, then {opening}");
            let disk = SimulatedDisk::new();
            disk.set_fault(operation, Fault::Halt);
            let acknowledged = append_all(&disk);
            disk.cut_power(operation);
            disk.set_fault(disk.operations_count() + opening, Fault::Halt);
            let _ = open(&disk);
            disk.cut_power(operation + opening);
            let log = open(&disk).unwrap_or_else(|error| panic!("{place}: {error}"));
            check(&log, acknowledged, &place);
        }
    }
}

#[test]
fn a_failed_operation_poisons_the_log_until_it_is_reopened() {
    for operation in 0..operations_count() {
        let place = format!("operation {operation}");
        let disk = SimulatedDisk::new();
        disk.set_fault(operation, Fault::Fail);
        let Ok(log) = open(&disk) else {
            continue;
        };
        let mut acknowledged = 0;
        for batch in batches() {
            match log.append(&batch) {
                Ok(_) => acknowledged += 1,
                Err(LogError::Io { .. }) => break,
                Err(other) => panic!("{place}: {other}"),
            }
        }
        if acknowledged < batches().len() {
            let refused = log.append(&[payload("later")]).unwrap_err();
            assert!(matches!(refused, LogError::Poisoned { .. }), "{place}");
            assert_eq!(
                read_all(&log),
                batches()[..acknowledged].concat(),
                "{place}"
            );
        }
        drop(log);

        // The process starts again on the same machine, and later that loses power.
        let log = open(&disk).unwrap_or_else(|error| panic!("{place}: {error}"));
        let kept = check(&log, acknowledged, &place);
        log.append(&[payload("after")]).unwrap();
        drop(log);
        disk.cut_power(operation);
        let log = open(&disk).unwrap_or_else(|error| panic!("{place}, no power: {error}"));
        let mut expected = batches()[..kept].concat();
        expected.push(payload("after"));
        assert_eq!(read_all(&log), expected, "{place}");
    }
}

/// A sync that failed leaves its frame readable and lost; the process dies before it takes it back.
#[test]
fn a_frame_that_only_the_page_cache_holds_is_durable_once_it_is_seen() {
    for seed in 0..24 {
        let disk = SimulatedDisk::new();
        let log = open(&disk).unwrap();
        log.append(&[payload("kept")]).unwrap();
        // The append is a write and a sync. The sync fails, and so does everything after it.
        disk.set_fault(disk.operations_count() + 1, Fault::FailAndStop);
        log.append(&[payload("cached")]).unwrap_err();
        drop(log);
        disk.clear_fault();
        let log = open(&disk).unwrap();
        assert_eq!(read_all(&log), ["kept", "cached"].map(payload));
        log.append(&[payload("after")]).unwrap();
        drop(log);
        disk.cut_power(seed);
        let log = open(&disk).unwrap();
        assert_eq!(read_all(&log), ["kept", "cached", "after"].map(payload));
    }
}

#[test]
fn a_full_disk_refuses_appends_and_the_log_goes_on_once_there_is_room() {
    for bytes_max in (200..9000).step_by(61) {
        let place = format!("{bytes_max} bytes");
        let disk = SimulatedDisk::new();
        disk.set_bytes_max(Some(bytes_max));
        let acknowledged = append_all(&disk);
        disk.set_bytes_max(None);
        let log = open(&disk).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(check(&log, acknowledged, &place), acknowledged, "{place}");
        for batch in &batches()[acknowledged..] {
            log.append(batch).unwrap();
        }
        assert_eq!(read_all(&log), batches().concat(), "{place}");
    }
}

#[test]
fn a_full_disk_at_any_operation_refuses_one_append_and_the_log_goes_on() {
    for operation in 0..operations_count() {
        let place = format!("operation {operation}");
        let disk = SimulatedDisk::new();
        disk.set_fault(operation, Fault::Full);
        let Ok(log) = open(&disk) else {
            // It was full while the log was made: there is room now.
            assert!(open(&disk).is_ok(), "{place}");
            continue;
        };
        let mut kept = Vec::new();
        let mut refused = None;
        for batch in batches() {
            match log.append(&batch) {
                Ok(_) => kept.extend(batch),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let next = log.append(&[payload("next")]);
        match refused {
            Some(LogError::Full { .. }) => {
                next.unwrap_or_else(|error| panic!("{place}: {error}"));
                kept.push(payload("next"));
            }
            // A sync, or a name, that failed leaves a state that only a restart can be sure of.
            Some(LogError::Io { what, .. }) => {
                assert!(matches!(what, "sync" | "rename"), "{place}: {what}");
                assert!(matches!(next, Err(LogError::Poisoned { .. })), "{place}");
            }
            other => panic!("{place}: {other:?}"),
        }
        drop(log);
        disk.cut_power(operation);
        let log = open(&disk).unwrap_or_else(|error| panic!("{place}: {error}"));
        let found = read_all(&log);
        assert_eq!(found[..kept.len()], kept, "{place}");
    }
}

#[test]
fn an_append_leaves_free_what_is_kept_for_the_state() {
    let disk = SimulatedDisk::new();
    let options = SegmentOptions {
        reserve_bytes: 1000,
        ..OPTIONS
    };
    let opened = SegmentLog::open_on(Arc::new(disk.clone()), Path::new("log"), options);
    let (log, _) = opened.unwrap();
    disk.set_free_bytes(Some(1020));
    let refused = log.append(&[payload("a")]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the disk of log is full: 1020 bytes are free, an append needs 1046"
    );
    log.room().unwrap();
    disk.set_free_bytes(Some(999));
    assert!(matches!(log.room(), Err(LogError::Full { .. })));
    disk.set_free_bytes(Some(1046));
    log.append(&[payload("a")]).unwrap();
    assert_eq!(read_all(&log), [payload("a")]);
}

#[test]
fn an_append_is_one_sync() {
    let disk = SimulatedDisk::new();
    let log = SegmentLog::open_on(
        Arc::new(disk.clone()),
        Path::new("log"),
        SegmentOptions::default(),
    )
    .unwrap()
    .0;
    let before = disk.syncs_count();
    for batch in batches() {
        log.append(&batch).unwrap();
    }
    assert_eq!(disk.syncs_count() - before, batches().len() as u64);
}

#[test]
fn a_decayed_byte_is_never_returned() {
    let disk = SimulatedDisk::new();
    assert_eq!(append_all(&disk), batches().len());
    let path = Path::new("log").join("00000000000000000001.log");
    for position in (70..1300).step_by(13) {
        disk.flip(&path, position).unwrap();
        let log = open(&disk).unwrap();
        let read = log.read_after(super::offset(0), 1, 1 << 20);
        assert!(matches!(read, Err(LogError::Damaged { .. })), "{position}");
        disk.flip(&path, position).unwrap();
    }
}
