//! A repair keeps every intact entry at its offset, and says what it can't keep.

use std::fs;
use std::path::{Path, PathBuf};

use headwater_store::{
    Log, LogError, Loss, Payload, RealDisk, SegmentLog, SegmentOptions, find_losses,
    repair_directory,
};
use proptest::prelude::*;

use super::{noise, payload};

const OPTIONS: SegmentOptions = SegmentOptions {
    segment_bytes: 400,
    frame_bytes_max: 1 << 20,
    reserve_bytes: 0,
};

fn filler() -> Payload {
    payload("gone")
}

/// Frames of two entries over several segments; what was written, and the segments.
fn filled(directory: &Path) -> (Vec<Payload>, Vec<PathBuf>) {
    let (log, _) = SegmentLog::open(directory, OPTIONS).unwrap();
    let mut written = Vec::new();
    for number in 0..12_u64 {
        let of = |bytes| Payload { version: 1, bytes };
        let batch = [of(noise(number, 60)), of(noise(number + 100, 40))];
        log.append(&batch).unwrap();
        written.extend(batch);
    }
    drop(log);
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .collect();
    paths.sort();
    assert!(paths.len() > 3, "{}", paths.len());
    (written, paths)
}

/// Repairs, and checks that each entry is what was written or, where a loss says so, a filler.
fn check(directory: &Path, written: &[Payload], what: &str) -> Vec<Loss> {
    let stated = find_losses(&RealDisk, directory).unwrap();
    let copies = directory.join("copies");
    let losses = repair_directory(&RealDisk, directory, &copies, &filler()).unwrap();
    assert_eq!(losses, stated, "{what}");
    let (log, _) = SegmentLog::open(directory, OPTIONS).unwrap_or_else(|e| panic!("{what}: {e}"));
    log.verify().unwrap_or_else(|e| panic!("{what}: {e}"));
    let found = super::read_all(&log);
    let is_lost = |offset: u64| {
        losses.iter().any(|loss| {
            let first = loss.first.map_or(u64::MAX, headwater_store::Offset::get);
            let last = loss.last.map_or(u64::MAX, headwater_store::Offset::get);
            (first..=last).contains(&offset)
        })
    };
    let ends_early = losses
        .iter()
        .any(|loss| loss.first.is_some() && loss.last.is_none());
    assert!(ends_early || found.len() + 2 >= written.len(), "{what}");
    for (at, payload) in found.iter().enumerate() {
        let expected = if is_lost(at as u64 + 1) {
            filler()
        } else {
            written[at].clone()
        };
        assert_eq!(payload, &expected, "{what}, offset {}", at + 1);
    }
    log.append(&[payload("more")]).unwrap();
    losses
}

#[test]
fn a_whole_log_and_a_torn_tail_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (written, _) = filled(directory.path());
    assert_eq!(check(directory.path(), &written, "whole"), []);

    let directory = tempfile::tempdir().unwrap();
    let (written, paths) = filled(directory.path());
    let last = paths.last().unwrap();
    let bytes = fs::read(last).unwrap();
    fs::write(last, &bytes[..bytes.len() - 5]).unwrap();
    assert_eq!(check(directory.path(), &written, "torn"), []);
}

#[test]
fn a_damaged_frame_is_replaced_and_its_neighbours_stay() {
    let directory = tempfile::tempdir().unwrap();
    let (written, paths) = filled(directory.path());
    let mut bytes = fs::read(&paths[1]).unwrap();
    bytes[24 + 50] ^= 1;
    fs::write(&paths[1], &bytes).unwrap();
    let losses = check(directory.path(), &written, "body");
    let of = |loss: &Loss| (loss.first.unwrap().get(), loss.last.unwrap().get());
    assert_eq!(losses.iter().map(of).collect::<Vec<_>>(), [(7, 8)]);
    assert_eq!(losses[0].byte_offset, 24);
    let name = paths[1].file_name().unwrap();
    assert_eq!(
        fs::read(directory.path().join("copies").join(name)).unwrap(),
        bytes
    );
}

#[test]
fn a_missing_segment_is_filled() {
    let directory = tempfile::tempdir().unwrap();
    let (written, paths) = filled(directory.path());
    fs::remove_file(&paths[1]).unwrap();
    let losses = check(directory.path(), &written, "missing");
    assert_eq!(losses.len(), 1);
    let rule = "the entries up to the next segment are missing";
    assert_eq!(losses[0].reason, rule);

    let directory = tempfile::tempdir().unwrap();
    let (written, paths) = filled(directory.path());
    fs::remove_file(&paths[0]).unwrap();
    let losses = check(directory.path(), &written, "the first is missing");
    assert_eq!(losses[0].reason, "the segment is missing");
}

#[test]
fn segments_that_overlap_are_not_repaired() {
    let directory = tempfile::tempdir().unwrap();
    let (_, paths) = filled(directory.path());
    fs::copy(&paths[1], directory.path().join("00000000000000000008.log")).unwrap();
    let refused = find_losses(&RealDisk, directory.path());
    assert!(
        matches!(refused, Err(LogError::Damaged { .. })),
        "{refused:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_damage_costs_the_frames_it_hits(
        hits in prop::collection::vec((0..4usize, 0..10_000usize, 0..80usize, any::<u8>()), 1..4),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let (written, paths) = filled(directory.path());
        for (segment, position, length, byte) in &hits {
            let mut bytes = fs::read(&paths[*segment]).unwrap();
            let start = position % bytes.len();
            let end = bytes.len().min(start + length);
            bytes[start..end].fill(*byte);
            fs::write(&paths[*segment], &bytes).unwrap();
        }
        // A version that is not known is no damage; chance does not make one with a checksum.
        let losses = check(directory.path(), &written, "random");
        let lost: u64 = losses.iter().filter_map(|loss| {
            Some(loss.last?.get() - loss.first?.get() + 1)
        }).sum();
        prop_assert!(lost <= 2 * 3 * hits.len() as u64, "{lost} are lost by {hits:?}");
    }
}
