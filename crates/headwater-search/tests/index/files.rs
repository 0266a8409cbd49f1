use headwater_search::{Index, IndexFileError};
use proptest::prelude::*;

use crate::support::{Doc, Docs, check_like_reference};

fn docs() -> Docs {
    let docs = (0..40_u32).map(|number| {
        let mut doc = Doc::named(&format!("shop.Orders_{number}/größe{}", number % 7));
        doc.namespace = format!("postgres://db{}", number % 3);
        doc.fields = vec![format!("field_{}", number % 5), "id".into()];
        doc.description = Some(format!("what {number} says"));
        if number.is_multiple_of(4) {
            doc.aliases = vec![format!("alias.{number}"), "both".into()];
        }
        (number * 3, doc)
    });
    Docs(docs.collect())
}

fn file() -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = docs().index().write_to(77, &mut bytes);
    written.expect("memory takes everything");
    bytes
}

#[test]
fn a_file_gives_back_the_index_and_the_mark() {
    let (index, mark) = Index::read_from(file()).expect("the file is whole");
    assert_eq!(
        (mark, index.documents_count(), index.overlay_count()),
        (77, 40, 0)
    );
    for text in [
        "orders 3", "größe", "field id", "alias 4", "postgres", "says", "both", "ordesr",
    ] {
        check_like_reference(&index, &docs(), text);
    }
    let mut again = Vec::new();
    index
        .write_to(77, &mut again)
        .expect("memory takes everything");
    assert_eq!(again, file());
}

#[test]
fn an_empty_index_has_a_file_too() {
    let mut bytes = Vec::new();
    Index::new()
        .write_to(0, &mut bytes)
        .expect("memory takes everything");
    let (index, mark) = Index::read_from(bytes).expect("the file is whole");
    assert_eq!((mark, index.documents_count()), (0, 0));
    check_like_reference(&index, &Docs::of_names(&[]), "orders");
}

/// The sections of a file: name, where the header starts, where the content starts and ends.
fn sections(bytes: &[u8]) -> Vec<(String, usize, usize, usize)> {
    let (mut sections, mut at) = (Vec::new(), 32);
    while at < bytes.len() {
        let name = String::from_utf8_lossy(&bytes[at..at + 8]);
        let len = u64::from_le_bytes(bytes[at + 8..at + 16].try_into().expect("eight bytes"));
        let end = at + 24 + len as usize;
        sections.push((name.trim_end_matches('\0').to_owned(), at, at + 24, end));
        at = end;
    }
    sections
}

#[test]
fn a_flipped_bit_names_its_section() {
    let file = file();
    for (name, header, start, end) in sections(&file) {
        for at in (header..end).step_by(7) {
            let mut bytes = file.clone();
            bytes[at] ^= 4;
            let Err(IndexFileError::Damaged { section, .. }) = Index::read_from(bytes) else {
                panic!("a flipped bit at {at} of {name} is not noticed");
            };
            assert!(
                section == name || start == end,
                "{section} is blamed for {name}"
            );
        }
    }
}

#[test]
fn a_file_that_ends_early_or_late_is_refused() {
    let file = file();
    for len in 0..file.len() {
        let cut = Index::read_from(file[..len].to_vec());
        assert!(cut.is_err(), "{len} bytes are taken for a file");
    }
    let mut longer = file;
    longer.push(0);
    check_refused(
        longer,
        "index file: section \"ali.text\" is damaged: bytes after the last section",
    );
}

#[track_caller]
fn check_refused(bytes: Vec<u8>, expected: &str) {
    let error = Index::read_from(bytes).expect_err("the file is damaged");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn another_kind_of_file_and_another_version_are_told_from_damage() {
    let unknown = "index file: this is not an index file of version 1";
    check_refused(b"HWGRAPH\n".to_vec(), unknown);
    let mut bytes = file();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..24]);
    bytes[24..28].copy_from_slice(&crc.to_le_bytes());
    check_refused(bytes.clone(), unknown);
    bytes[9] = 2;
    check_refused(
        bytes,
        "index file: section \"header\" is damaged: its checksum does not match",
    );
}

/// Changes bytes of a section and makes its checksum right again.
fn forged(section: &str, at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = file();
    let all = sections(&bytes);
    let (_, header, start, end) = all
        .into_iter()
        .find(|(name, ..)| name == section)
        .expect("it is there");
    let at = start + at % (end - start);
    bytes[at] = byte;
    let crc = crc32c::crc32c_append(
        crc32c::crc32c(&bytes[header..header + 16]),
        &bytes[start..end],
    );
    bytes[header + 16..header + 20].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[test]
fn a_sound_checksum_over_nonsense_is_refused_where_it_is_structure() {
    for (section, at, byte, problem) in [
        ("keys", 3, 255, "it does not fit the keys"),
        ("bykey", 3, 255, "it does not fit the keys"),
        ("lengths", 4, 255, "it does not fit the keys"),
        ("nam.off", 3, 1, "its places are not in order"),
        ("lab.text", 0, 255, "it is not UTF-8"),
        ("lab.end", 3, 255, "it does not fit the texts"),
        ("lab.ns", 3, 255, "there are not as many labels"),
        ("lab.loff", 0, 1, "its places are not in order"),
        ("fld.off", 0, 1, "its places are not in order"),
        ("ali.doc", 3, 255, "its documents are not in order"),
        ("ali.num", 3, 255, "it does not fit the aliases"),
        ("ali.len", 3, 255, "it does not fit the aliases"),
        ("ali.text", 0, 255, "an alias is not UTF-8"),
    ] {
        let error = Index::read_from(forged(section, at, byte)).expect_err("the file is damaged");
        assert!(error.to_string().contains(problem), "{section}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn lists_that_nobody_wrote_are_searched_without_a_panic(
        section in prop::sample::select(vec!["nam.rec", "des.rec", "lab.rec", "lab.list", "fld.list"]),
        at in any::<usize>(),
        byte in any::<u8>(),
    ) {
        if let Ok((index, _)) = Index::read_from(forged(section, at, byte)) {
            let docs = docs();
            for text in ["orders", "field id", "gro", "what says"] {
                let query = crate::support::parse(text, 100);
                let results = index.search(&query, &docs, Some(&|key| key > 5));
                prop_assert!(results.hits.len() <= 100);
            }
            prop_assert!(index.compact().index().documents_count() <= 40);
        }
    }

    #[test]
    fn any_flipped_byte_is_noticed(at in any::<usize>(), bits in 1_u8..) {
        let mut bytes = file();
        let at = at % bytes.len();
        bytes[at] ^= bits;
        prop_assert!(Index::read_from(bytes).is_err());
    }
}
