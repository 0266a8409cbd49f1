//! Whatever a file holds, it is read or refused with a place.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use headwater_extractor::{ExtractError, golden};
use proptest::prelude::*;
use yaml::Yaml;

fn check(text: &str) {
    if let Err(error) = golden::run::<Yaml>("{}", &[("lineage.yaml", text.as_bytes())]) {
        let ExtractError::Malformed(found) = error else {
            panic!("{error:?}");
        };
        let at = found.at.unwrap();
        assert!(at.line.unwrap() >= 1 && at.column.unwrap() >= 1, "{text:?}");
    }
}

#[test]
fn deep_and_broken_files_are_refused() {
    for text in [
        "",
        "[",
        "{a: {b: ",
        "- - - -",
        "\t",
        "a: b: c",
        "&a [*a]",
        "!x y",
        "? {a: b} : c",
        "--- 1\n--- 2",
    ] {
        check(text);
    }
    check(&"[".repeat(5_000));
    check(&"{a: ".repeat(5_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_read_or_refused_with_a_place(text in "(version: 1\n|datasets:\n|  - name: a\n|jobs: \\[|\\]|\\{|\\}|derives_from: b#c\n|[ \n:#&*!'\"a-z-]){0,40}") {
        check(&text);
    }
}
