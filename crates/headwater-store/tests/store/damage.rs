//! A torn tail is cut; damage before it is refused with its place.

use std::fs;
use std::path::{Path, PathBuf};

use headwater_store::{
    Log, LogError, OpenReport, Payload, RealDisk, SegmentLog, SegmentOptions, verify_directory,
};

use super::{noise, payload, read_all};

const FIRST: &str = "00000000000000000001.log";
const SEGMENT_HEADER: usize = 24;

fn open(directory: &Path) -> Result<(SegmentLog, OpenReport), LogError> {
    SegmentLog::open(directory, SegmentOptions::default())
}

/// Three frames in one segment, and where each begins and the last ends.
fn three_frames() -> (tempfile::TempDir, Vec<u8>, [usize; 4]) {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = open(directory.path()).unwrap();
    let mut ends = [SEGMENT_HEADER; 4];
    for (number, end) in ends[1..].iter_mut().enumerate() {
        let noise = Payload {
            version: 3,
            bytes: noise(number as u64, 90),
        };
        log.append(&[payload("small"), noise]).unwrap();
        *end = usize::try_from(log.bytes_on_disk()).unwrap();
    }
    let bytes = fs::read(directory.path().join(FIRST)).unwrap();
    assert_eq!(bytes.len(), ends[3]);
    (directory, bytes, ends)
}

fn check_damaged(directory: &Path, segment: &str, byte_offset: usize, what: &str) {
    match open(directory).map(|(_, report)| report) {
        Err(LogError::Damaged {
            segment: found,
            byte_offset: at,
            ..
        }) => assert_eq!(
            (found.as_str(), at),
            (segment, byte_offset as u64),
            "{what}"
        ),
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn a_log_that_ends_anywhere_opens_with_its_whole_frames() {
    let (directory, bytes, ends) = three_frames();
    for end in SEGMENT_HEADER..bytes.len() {
        fs::write(directory.path().join(FIRST), &bytes[..end]).unwrap();
        let (log, report) = open(directory.path()).unwrap();
        let frames = ends.iter().rposition(|at| *at <= end).unwrap();
        assert_eq!(log.last_offset().get(), frames as u64 * 2, "cut at {end}");
        let torn = report.torn_tail.map(|tail| (tail.byte_offset, tail.bytes));
        let expected =
            (end > ends[frames]).then(|| (ends[frames] as u64, (end - ends[frames]) as u64));
        assert_eq!(torn, expected, "cut at {end}");
        log.append(&[payload("next")]).unwrap();
        assert_eq!(read_all(&log).len(), frames * 2 + 1);
        drop(log);
        assert_eq!(open(directory.path()).unwrap().1.torn_tail, None);
    }
}

#[test]
fn a_changed_byte_in_the_last_frame_is_a_torn_tail_and_before_it_damage() {
    let (directory, bytes, ends) = three_frames();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 0x41;
        fs::write(directory.path().join(FIRST), &changed).unwrap();
        if position < SEGMENT_HEADER {
            check_damaged(directory.path(), FIRST, 0, "segment header");
        } else if position < ends[2] {
            let frame = ends.iter().rposition(|end| *end <= position).unwrap();
            check_damaged(
                directory.path(),
                FIRST,
                ends[frame],
                &format!("byte {position}"),
            );
            let unchanged = fs::read(directory.path().join(FIRST)).unwrap();
            assert_eq!(unchanged, changed, "a refused log is left as it is");
        } else {
            let (log, report) = open(directory.path()).unwrap();
            assert_eq!(log.last_offset().get(), 4, "byte {position}");
            assert_eq!(report.torn_tail.unwrap().byte_offset, ends[2] as u64);
        }
    }
}

#[test]
fn a_tail_of_zeros_is_cut() {
    let (directory, bytes, ends) = three_frames();
    for kept in [ends[3], ends[2], ends[2] + 3, ends[2] + 50] {
        let mut zeroed = bytes[..kept].to_vec();
        zeroed.resize(ends[3] + 3_000_000, 0);
        fs::write(directory.path().join(FIRST), &zeroed).unwrap();
        let (log, report) = open(directory.path()).unwrap();
        let frames = if kept == ends[3] { 3 } else { 2 };
        assert_eq!(log.last_offset().get(), frames * 2);
        assert_eq!(report.bytes_on_disk, ends[frames as usize] as u64);
    }
}

#[test]
fn a_bad_frame_with_more_data_after_its_end_is_damage() {
    let (directory, bytes, ends) = three_frames();
    let mut changed = bytes.clone();
    changed[ends[3] - 1] ^= 1;
    changed.extend_from_slice(b"HWFR and no more");
    fs::write(directory.path().join(FIRST), &changed).unwrap();
    check_damaged(directory.path(), FIRST, ends[2], "an acknowledged frame");
}

#[test]
fn a_frame_that_is_there_twice_or_out_of_order_is_damage() {
    let (directory, bytes, ends) = three_frames();
    for (frames, place) in [([0, 0, 1], 1), ([0, 2, 1], 1), ([1, 2, 0], 0)] {
        let mut moved = bytes[..SEGMENT_HEADER].to_vec();
        let mut starts = Vec::new();
        for frame in frames {
            starts.push(moved.len());
            moved.extend_from_slice(&bytes[ends[frame]..ends[frame + 1]]);
        }
        fs::write(directory.path().join(FIRST), &moved).unwrap();
        check_damaged(
            directory.path(),
            FIRST,
            starts[place],
            &format!("{frames:?}"),
        );
    }
}

/// Four segments of one frame each.
fn four_segments() -> (tempfile::TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let options = SegmentOptions {
        segment_bytes: 1,
        ..SegmentOptions::default()
    };
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    for text in ["a", "b", "c", "d"] {
        log.append(&[payload(text), payload(text)]).unwrap();
    }
    let paths = [1, 3, 5, 7].map(|first| directory.path().join(format!("{first:020}.log")));
    assert!(paths.iter().all(|path| path.exists()));
    (directory, paths.to_vec())
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn a_missing_segment_is_damage_at_the_one_after_it() {
    for missing in 0..3 {
        let (directory, paths) = four_segments();
        fs::remove_file(&paths[missing]).unwrap();
        check_damaged(directory.path(), name(&paths[missing + 1]), 0, "missing");
    }
}

#[test]
fn an_earlier_segment_that_is_cut_short_is_damage() {
    for end in [0, 10, 24, 30, 70] {
        let (directory, paths) = four_segments();
        let bytes = fs::read(&paths[1]).unwrap();
        fs::write(&paths[1], &bytes[..end]).unwrap();
        let (segment, place) = match end {
            24 => (&paths[2], 0), // no frame is left, so the gap shows at the next segment
            _ => (&paths[1], if end < 24 { 0 } else { 24 }),
        };
        check_damaged(
            directory.path(),
            name(segment),
            place,
            &format!("cut at {end}"),
        );
    }
}

#[test]
fn a_segment_under_another_name_is_damage() {
    let (directory, paths) = four_segments();
    fs::rename(&paths[3], directory.path().join("00000000000000000009.log")).unwrap();
    check_damaged(directory.path(), "00000000000000000009.log", 0, "renamed");
}

#[test]
fn a_newer_format_is_named_and_not_cut() {
    let (directory, bytes, ends) = three_frames();
    for (header, version, checksum, covered) in [
        (0, 12, 8, 12..24),
        (
            ends[2],
            ends[2] + 24,
            ends[2] + 4,
            ends[2] + 8..ends[2] + 40,
        ),
    ] {
        let mut newer = bytes.clone();
        newer[version] = 2;
        let sum = crc32c::crc32c(&newer[covered]);
        newer[checksum..checksum + 4].copy_from_slice(&sum.to_le_bytes());
        fs::write(directory.path().join(FIRST), &newer).unwrap();
        match open(directory.path()).map(|(_, report)| report) {
            Err(LogError::UnknownVersion {
                version: 2,
                byte_offset,
                ..
            }) => assert_eq!(byte_offset, header as u64),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(directory.path().join(FIRST)).unwrap(), newer);
    }
}

#[test]
fn a_body_damaged_in_an_earlier_segment_is_found_by_reading_and_by_verifying() {
    let (directory, paths) = four_segments();
    let report = verify_directory(&RealDisk, directory.path()).unwrap();
    assert_eq!(
        (
            report.segments_count,
            report.frames_count,
            report.entries_count
        ),
        (4, 4, 8)
    );
    let mut bytes = fs::read(&paths[1]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&paths[1], &bytes).unwrap();

    let (log, _) = open(directory.path()).unwrap();
    assert_eq!(log.read_after(super::offset(0), 2, 9).unwrap().len(), 2);
    let by_reading = log.read_after(super::offset(2), 1, 9).unwrap_err();
    let by_verifying = log.verify().unwrap_err();
    drop(log);
    let closed = verify_directory(&RealDisk, directory.path()).unwrap_err();
    for error in [by_reading, by_verifying, closed] {
        assert_eq!(
            error.to_string(),
            "segment 00000000000000000003.log is damaged at byte 24: a frame's body fails its checksum"
        );
    }
}

#[test]
fn a_directory_opens_once_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = open(directory.path()).unwrap();
    assert!(matches!(
        open(directory.path()),
        Err(LogError::Locked { .. })
    ));
    let verified = verify_directory(&RealDisk, directory.path());
    assert!(matches!(verified, Err(LogError::Locked { .. })));
    drop(log);
    assert!(open(directory.path()).is_ok());
}

#[test]
fn a_batch_above_the_frame_bound_is_refused_and_the_log_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let options = SegmentOptions {
        frame_bytes_max: 1000,
        ..SegmentOptions::default()
    };
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    let of = |bytes| Payload { version: 1, bytes };
    match log.append(&[of(noise(1, 1200))]) {
        Err(LogError::TooLarge {
            bytes, bytes_max, ..
        }) => assert_eq!((bytes, bytes_max), (1205, 1000)),
        other => panic!("{other:?}"),
    }
    log.append(&[of(vec![5; 100_000])]).expect("it compresses");
    let largest = vec![of(vec![0; Payload::BYTES_MAX]); 16];
    assert!(matches!(
        log.append(&largest),
        Err(LogError::TooLarge { .. })
    ));
    log.append(&[payload("fits")]).unwrap();
    assert_eq!(read_all(&log).len(), 2);
}

#[test]
fn a_draft_of_a_segment_is_removed() {
    let (directory, _) = four_segments();
    let draft = directory.path().join("00000000000000000009.log.tmp");
    fs::write(&draft, "half a head").unwrap();
    let (log, _) = open(directory.path()).unwrap();
    assert_eq!(read_all(&log).len(), 8);
    assert!(!draft.exists());
}
