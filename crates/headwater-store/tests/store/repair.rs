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

/// The bytes of each frame, by the offset of its first entry.
fn frames(paths: &[PathBuf]) -> Vec<(PathBuf, std::ops::Range<usize>, u64)> {
    let mut frames = Vec::new();
    for path in paths {
        let bytes = fs::read(path).unwrap();
        let mut start = 24;
        while start < bytes.len() {
            let body = u32::from_le_bytes(bytes[start + 12..start + 16].try_into().unwrap());
            let first = u64::from_le_bytes(bytes[start + 32..start + 40].try_into().unwrap());
            let end = start + 40 + body as usize;
            frames.push((path.clone(), start..end, first));
            start = end;
        }
    }
    assert_eq!(frames.len(), 12);
    frames
}

/// A segment, a place in it, how many bytes, and what they are overwritten with.
type Hit = (usize, usize, usize, u8);

/// Overwrites what `hits` says, and checks that a repair costs the frames that were hit and no other, and says so.
fn check_hits(hits: &[Hit]) -> Vec<Loss> {
    let directory = tempfile::tempdir().unwrap();
    let (written, paths) = filled(directory.path());
    let frames = frames(&paths);
    let read = |path: &PathBuf| fs::read(path).unwrap();
    let before: Vec<_> = frames
        .iter()
        .map(|(path, range, _)| read(path)[range.clone()].to_vec())
        .collect();
    for (segment, position, length, byte) in hits {
        let mut bytes = read(&paths[*segment]);
        let start = position % bytes.len();
        let end = bytes.len().min(start + length);
        bytes[start..end].fill(*byte);
        fs::write(&paths[*segment], &bytes).unwrap();
    }
    let is_hit: Vec<_> = frames
        .iter()
        .zip(&before)
        .map(|((path, range, _), before)| read(path)[range.clone()] != **before)
        .collect();

    // A version that is not known is no damage; chance does not make one with a checksum.
    let losses = check(directory.path(), &written, "hits");
    let (log, _) = SegmentLog::open(directory.path(), OPTIONS).unwrap();
    let found = super::read_all(&log);
    for ((_, _, first), is_hit) in frames.iter().zip(&is_hit) {
        let entries = *first as usize - 1..*first as usize + 1;
        assert!(
            *is_hit || found.get(entries.clone()) == Some(&written[entries]),
            "{first} was intact, and is lost by {hits:?}: {losses:?}"
        );
    }
    // What is hit is a loss that is stated, or the end of the log with nothing intact behind it.
    let intact_count = is_hit
        .iter()
        .rposition(|is_hit| !is_hit)
        .map_or(0, |at| at + 1);
    for ((_, _, first), is_hit) in frames[..intact_count].iter().zip(&is_hit) {
        let is_stated = losses.iter().any(|loss| {
            let range = loss.first.zip(loss.last);
            range.is_some_and(|(from, to)| (from.get()..=to.get()).contains(first))
        });
        assert_eq!(is_stated, *is_hit, "{first}, {hits:?}: {losses:?}");
    }
    losses
}

#[test]
fn a_tail_that_makes_no_sense_behind_a_damaged_frame_is_a_loss_of_unknown_extent() {
    // The body of the last segment's first frame, and the headers of its second and third.
    let losses = check_hits(&[(3, 9315, 16, 0), (3, 1045, 78, 0)]);
    let of = |loss: &Loss| {
        (
            loss.first.unwrap().get(),
            loss.last.map(headwater_store::Offset::get),
        )
    };
    let stated: Vec<_> = losses.iter().map(of).collect();
    assert_eq!(stated, [(19, Some(20)), (21, None)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_damage_costs_the_frames_it_hits(
        hits in prop::collection::vec((0..4usize, 0..10_000usize, 0..80usize, any::<u8>()), 1..4),
    ) {
        check_hits(&hits);
    }
}
