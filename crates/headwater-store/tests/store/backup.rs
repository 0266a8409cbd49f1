//! A backup is the log at one offset, whatever is appended beside it, and one that changed is refused.

use std::path::Path;

use headwater_store::{
    BackupError, Log, MemoryLog, RealDisk, SegmentLog, SegmentOptions, check_backup, restore_backup,
};

use super::{noise, payload, read_all};

const OPTIONS: SegmentOptions = SegmentOptions {
    segment_bytes: 700,
    frame_bytes_max: 1 << 20,
    reserve_bytes: 0,
};

fn filled(directory: &Path) -> SegmentLog {
    let (log, _) = SegmentLog::open(directory, OPTIONS).unwrap();
    for number in 0..9 {
        let bytes = noise(number, 300);
        let noise = headwater_store::Payload { version: 1, bytes };
        log.append(&[payload("a"), noise]).unwrap();
    }
    log
}

fn written(log: &SegmentLog) -> Vec<u8> {
    let mut out = Vec::new();
    log.backup()
        .unwrap()
        .write_to(&mut out, &mut |_| {})
        .unwrap();
    out
}

#[test]
fn a_backup_restored_is_the_log_as_it_was_when_it_began() {
    let directory = tempfile::tempdir().unwrap();
    let log = filled(directory.path());
    let before = read_all(&log);
    let backup = log.backup().unwrap();
    log.append(&[payload("later")]).unwrap();
    let mut out = Vec::new();
    let mut told = 0;
    let report = backup
        .write_to(&mut out, &mut |bytes| told += bytes)
        .unwrap();
    assert_eq!(report.last_offset.get(), before.len() as u64);
    assert!(report.segments_count > 3);
    assert_eq!(told, report.bytes);
    assert_eq!(check_backup(&*out, &mut |_| {}).unwrap(), report);

    let target = tempfile::tempdir().unwrap();
    let restored = restore_backup(&*out, &RealDisk, target.path(), &mut |_| {}).unwrap();
    assert_eq!(restored, report);
    let (copy, _) = SegmentLog::open(target.path(), OPTIONS).unwrap();
    assert_eq!(read_all(&copy), before);
    copy.append(&[payload("goes on")]).unwrap();
}

#[test]
fn every_changed_byte_of_a_segment_and_every_cut_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = written(&filled(directory.path()));
    for position in (0..bytes.len()).step_by(37) {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        // What tar pads files with means nothing: only a change that is read must be found.
        if let Ok(report) = check_backup(&*changed, &mut |_| {}) {
            let target = tempfile::tempdir().unwrap();
            let restored = restore_backup(&*changed, &RealDisk, target.path(), &mut |_| {});
            assert_eq!(restored.unwrap(), report, "byte {position}");
        }
    }
    // The last 1024 bytes are the end of the archive, which nobody needs.
    for end in (0..bytes.len() - 2048).step_by(211) {
        let cut = check_backup(&bytes[..end], &mut |_| {});
        assert!(cut.is_err(), "cut at {end}");
    }
    let mut changed = bytes.clone();
    changed[512 * 3 + 100] ^= 1;
    let error = check_backup(&*changed, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "log/00000000000000000001.log of the backup does not have the SHA-256 that it had"
    );
}

#[test]
fn what_is_no_backup_is_refused() {
    let refused = |bytes: &[u8]| check_backup(bytes, &mut |_| {}).unwrap_err();
    assert!(matches!(refused(b""), BackupError::Damaged { .. }));
    assert!(matches!(refused(&[7; 4096]), BackupError::Damaged { .. }));
    let mut archive = tar_of("headwater-backup", b"version 2\noffset 0\nsegments 0\n");
    assert!(matches!(
        refused(&archive),
        BackupError::UnknownVersion { found: 2 }
    ));
    archive = tar_of("../../etc/passwd", b"x");
    assert!(matches!(refused(&archive), BackupError::Damaged { .. }));
    assert!(MemoryLog::new().backup().is_none());
}

/// An archive of one file, by hand: names that no library writes.
fn tar_of(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000600");
    let size = format!("{:011o}", content.len());
    header[124..135].copy_from_slice(size.as_bytes());
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    header[154] = 0;
    header.extend_from_slice(content);
    header.resize(512 + content.len().div_ceil(512) * 512 + 1024, 0);
    header
}
