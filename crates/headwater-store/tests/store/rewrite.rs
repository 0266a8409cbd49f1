//! Rewriting makes segments smaller and leaves every offset what it is, whenever the power goes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_store::{
    Fault, Log, Offset, Payload, RewriteReport, SegmentLog, SegmentOptions, SimulatedDisk,
};

use super::{noise, read_all};

const OPTIONS: SegmentOptions = SegmentOptions {
    segment_bytes: 1200,
    frame_bytes_max: 1 << 20,
    reserve_bytes: 0,
};

fn open(disk: &SimulatedDisk) -> SegmentLog {
    let opened = SegmentLog::open_on(Arc::new(disk.clone()), Path::new("log"), OPTIONS);
    opened.unwrap().0
}

fn fill(log: &SegmentLog) -> Vec<Payload> {
    let mut written = Vec::new();
    for number in 0..20 {
        let bytes = noise(number, 400);
        let batch = [super::payload("small"), Payload { version: 1, bytes }];
        log.append(&batch).unwrap();
        written.extend(batch);
    }
    written
}

/// Cuts payloads to ten bytes.
fn shorten(_: Offset, payloads: &mut [Payload]) -> bool {
    let is_changed = payloads.iter().any(|payload| payload.bytes.len() > 10);
    for payload in payloads {
        payload.bytes.truncate(10);
    }
    is_changed
}

#[test]
fn closed_segments_get_smaller_and_the_rest_stays() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    let written = fill(&log);
    let before = log.bytes_on_disk();
    let report = log
        .rewrite(&mut shorten, Some(Path::new("archive")))
        .unwrap();
    assert!(report.segments_count > 3 && !report.is_busy);
    assert!(report.bytes_after * 3 < report.bytes_before, "{report:?}");
    let after = log.bytes_on_disk();
    assert_eq!(before - after, report.bytes_before - report.bytes_after);
    let found = read_all(&log);
    assert_eq!(found.len(), written.len());
    for (found, written) in found.iter().zip(&written) {
        assert!(found == written || found.bytes == written.bytes[..10.min(written.bytes.len())]);
    }
    log.verify().unwrap();
    // A second time there is nothing to change.
    assert_eq!(
        log.rewrite(&mut shorten, None).unwrap(),
        RewriteReport::default()
    );
    drop(log);
    assert_eq!(read_all(&open(&disk)), found);
    // The archive has the segments as they were.
    let opened = SegmentLog::open_to_read(Arc::new(disk.clone()), Path::new("archive"));
    let archived = read_all(&opened.unwrap().0);
    assert_eq!(archived, written[..archived.len()]);
    assert!(archived.len() > 20);
}

#[test]
fn a_sealed_log_is_rewritten_to_its_end() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    fill(&log);
    log.seal().unwrap();
    log.seal().unwrap();
    log.rewrite(&mut shorten, None).unwrap();
    assert!(
        read_all(&log)
            .iter()
            .all(|payload| payload.bytes.len() <= 10)
    );
    log.append(&[super::payload("goes on")]).unwrap();
    drop(log);
    assert_eq!(read_all(&open(&disk)).len(), 41);
}

#[test]
fn a_backup_under_way_keeps_segments_as_they_are() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    let written = fill(&log);
    let backup = log.backup().unwrap();
    let report = log.rewrite(&mut shorten, None).unwrap();
    assert!(report.is_busy && report.segments_count == 0);
    assert_eq!(read_all(&log), written);
    drop(backup);
    assert!(log.rewrite(&mut shorten, None).unwrap().segments_count > 3);
}

#[test]
fn power_loss_at_any_operation_of_a_rewrite_leaves_old_or_new_segments() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    fill(&log);
    let begun = disk.operations_count();
    log.rewrite(&mut shorten, None).unwrap();
    let operations_count = disk.operations_count() - begun;
    assert!(operations_count > 20, "{operations_count}");
    for operation in 0..operations_count {
        for seed in 0..4 {
            let place = format!("operation {operation}, seed {seed}");
            let disk = SimulatedDisk::new();
            let log = open(&disk);
            let written = fill(&log);
            disk.set_fault(disk.operations_count() + operation, Fault::Halt);
            assert!(log.rewrite(&mut shorten, None).is_err(), "{place}");
            drop(log);
            disk.cut_power(seed);
            let log = open(&disk);
            log.verify()
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            let found = read_all(&log);
            assert_eq!(found.len(), written.len(), "{place}");
            for (found, written) in found.iter().zip(&written) {
                let short = &written.bytes[..10.min(written.bytes.len())];
                assert!(found == written || found.bytes == short, "{place}");
            }
        }
    }
}

#[test]
fn readers_beside_a_rewrite_see_each_entry_old_or_new() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    let written = fill(&log);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut rounds = 0;
            while !is_over.load(Ordering::Acquire) || rounds == 0 {
                assert_eq!(read_all(&log).len(), written.len());
                rounds += 1;
            }
        });
        log.rewrite(&mut shorten, None).unwrap();
        is_over.store(true, Ordering::Release);
        reader.join().unwrap();
    });
}
