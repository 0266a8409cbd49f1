//! Segments that earlier versions wrote stay readable. The files in `tests/compat/` are never changed.

use std::fs;
use std::path::Path;

use headwater_store::{Log, Payload, SegmentLog, SegmentOptions};

use super::{payload, read_all};

/// What `tests/compat/log-v1` holds: two segments, plain and compressed frames.
fn version_1() -> [Vec<Payload>; 3] {
    [
        vec![payload("first"), payload("")],
        vec![Payload {
            version: 9,
            bytes: b"lineage ".repeat(200),
        }],
        vec![payload("last")],
    ]
}

const OPTIONS: SegmentOptions = SegmentOptions {
    segment_bytes: 120,
    frame_bytes_max: 1 << 20,
    reserve_bytes: 0,
};

fn stored() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/log-v1")
}

#[test]
fn a_log_of_format_version_1_is_read() {
    let directory = tempfile::tempdir().unwrap();
    for file in fs::read_dir(stored()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), directory.path().join(file.file_name())).unwrap();
    }
    let (log, report) = SegmentLog::open(directory.path(), OPTIONS).unwrap();
    assert_eq!((report.segments_count, report.torn_tail), (2, None));
    assert_eq!(read_all(&log), version_1().concat());
    log.verify().unwrap();
    log.append(&[payload("more")]).unwrap();
}

/// All but compressed bodies, which may change with zstd.
#[test]
fn the_layout_written_today_is_that_of_format_version_1() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = SegmentLog::open(directory.path(), OPTIONS).unwrap();
    for batch in version_1() {
        log.append(&batch).unwrap();
    }
    let name = "00000000000000000001.log";
    let written = fs::read(directory.path().join(name)).unwrap();
    let kept = fs::read(stored().join(name)).unwrap();
    let plain = 24 + 40 + 5 + "first".len() + 5;
    assert_eq!(written[..plain], kept[..plain]);
    let name = "00000000000000000004.log";
    let written = fs::read(directory.path().join(name)).unwrap();
    assert_eq!(written, fs::read(stored().join(name)).unwrap());
}
