use headwater_graph::{GraphFileError, Snapshot};
use headwater_testkit::graph;
use proptest::prelude::*;

use crate::random::cases;
use crate::support::{overlaid, packed};

fn written(snapshot: &Snapshot, mark: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot
        .write_to(mark, &mut bytes)
        .expect("memory takes everything");
    bytes
}

fn some_file() -> Vec<u8> {
    written(
        &packed(&graph("a, b -> j -> o; a => o via j; j ~> k; a => a")),
        77,
    )
}

/// The sections of a file: name, where the header starts, where the content starts and ends.
fn sections(bytes: &[u8]) -> Vec<(String, usize, usize, usize)> {
    let mut sections = Vec::new();
    let mut at = 32;
    while at < bytes.len() {
        let name = String::from_utf8_lossy(&bytes[at..at + 8])
            .trim_end_matches('\0')
            .to_owned();
        let len =
            u64::from_le_bytes(bytes[at + 8..at + 16].try_into().expect("eight bytes")) as usize;
        sections.push((name, at, at + 24, at + 24 + len));
        at += 24 + len;
    }
    sections
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: &str) {
    let error = Snapshot::read_bytes(bytes).expect_err("the file is damaged");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_flipped_bit_names_its_section() {
    let file = some_file();
    for (name, header, start, end) in sections(&file) {
        for at in (header..end).step_by(3).chain([start.min(file.len() - 1)]) {
            let mut bytes = file.clone();
            bytes[at] ^= 4;
            let Err(GraphFileError::Damaged { section, .. }) = Snapshot::read_bytes(&bytes) else {
                panic!("a flipped bit at {at} of {name} is not noticed");
            };
            // The first byte after an empty section is the next one's.
            assert!(
                section == name || start == end,
                "{section} is blamed for {name}"
            );
        }
    }
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_ends() {
    let file = some_file();
    for len in 0..file.len() {
        assert!(
            Snapshot::read_bytes(&file[..len]).is_err(),
            "{len} bytes are taken for a file"
        );
    }
    let mut longer = file;
    longer.push(0);
    check_refused(
        &longer,
        "graph file: section \"fup.via\" is damaged: bytes after the last section",
    );
}

#[test]
fn another_kind_of_file_and_another_version_are_told_from_damage() {
    check_refused(
        b"SQLite format 3",
        "graph file: this is not a graph file of version 2",
    );
    let mut bytes = some_file();
    bytes[8] = 3;
    let crc = crc32c::crc32c(&bytes[..24]);
    bytes[24..28].copy_from_slice(&crc.to_le_bytes());
    check_refused(&bytes, "graph file: this is not a graph file of version 2");
    bytes[9] = 2;
    check_refused(
        &bytes,
        "graph file: section \"header\" is damaged: its checksum does not match",
    );
}

/// Changes one number of a section and makes its checksum right again.
fn forged(section: &str, at: usize, number: u32) -> Vec<u8> {
    let mut bytes = some_file();
    let (_, header, start, end) = sections(&bytes)
        .into_iter()
        .find(|(name, ..)| name == section)
        .expect("the file has all sections");
    bytes[start + 4 * at..start + 4 * at + 4].copy_from_slice(&number.to_le_bytes());
    let crc = crc32c::crc32c_append(
        crc32c::crc32c(&bytes[header..header + 16]),
        &bytes[start..end],
    );
    bytes[header + 16..header + 20].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[test]
fn a_sound_checksum_over_nonsense_is_refused_all_the_same() {
    let check = |section: &str, at, number, problem: &str| {
        let expected = format!("graph file: section {section:?} is damaged: {problem}");
        check_refused(&forged(section, at, number), &expected);
    };
    check("down.to", 0, 99, "it leads to what is not there");
    check(
        "down.to",
        0,
        1,
        "an edge does not fit the kinds of its ends",
    );
    check("down.off", 1, 99, "its rows do not fit the targets");
    check("down.via", 0, 99, "it does not fit the targets");
    check(
        "rows",
        0,
        2,
        "an asset is merged into one of another kind or one merged itself",
    );
    check("rows", 1, 99, "a row refers to what is not there");
    check("rows", 7, 99, "a row refers to what is not there");
    check("strings", 0, 9, "its lists do not fill it");
    check("sets", 0, 0, "its lists do not fill it");
}

#[test]
fn an_empty_graph_goes_through_a_file() {
    let (snapshot, mark) = Snapshot::read_bytes(&written(&Snapshot::new(), 5)).unwrap();
    assert_eq!((snapshot.assets_count(), mark), (0, 5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_written_is_read(case in cases(), mark in any::<u64>()) {
        for snapshot in [packed(&case.graph), overlaid(&case.graph)] {
            let file = written(&snapshot, mark);
            let (read, read_mark) = Snapshot::read_from(file.as_slice(), file.len() as u64).unwrap();
            prop_assert_eq!(read_mark, mark);
            prop_assert_eq!(read.edges().collect::<Vec<_>>(), snapshot.edges().collect::<Vec<_>>());
            prop_assert_eq!(read.assets().collect::<Vec<_>>(), snapshot.assets().collect::<Vec<_>>());
            prop_assert_eq!(read.edges_count(), snapshot.edges_count());
            prop_assert_eq!(written(&read, mark), file);
        }
    }
}
