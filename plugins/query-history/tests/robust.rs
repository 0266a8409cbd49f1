//! Whatever a file holds, it ends in facts and diagnostics, and in time.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use globset::Glob;
use headwater_extractor::{Extractor, golden};
use proptest::prelude::*;
use query_history::QueryHistory;
use serde_json::Value;

fn facts(files: &[(&str, &[u8])]) -> Value {
    golden::run::<QueryHistory>("{}", files).unwrap().to_json()
}

fn codes(facts: &Value) -> Vec<&str> {
    let found = facts["diagnostics"].as_array().unwrap().iter();
    found.map(|found| found["code"].as_str().unwrap()).collect()
}

/// Every input of the golden cases: name and bytes.
fn exports() -> Vec<(String, Vec<u8>)> {
    let cases = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")).unwrap();
    let folders = cases.map(|case| case.unwrap().path().join("inputs"));
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut exports: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|path| !path.ends_with("headwater-catalog.json"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    exports.sort();
    exports
}

#[test]
fn what_is_cut_off_anywhere_is_no_error_of_the_extractor() {
    for (name, bytes) in exports() {
        for end in (0..bytes.len()).step_by(97) {
            facts(&[(&name, &bytes[..end])]);
        }
    }
}

#[test]
fn files_that_are_none_are_told() {
    let deep = "[".repeat(100_000);
    let nested = format!("query_id,objects_modified\nx,\"{deep}\"\n");
    for (text, code) in [
        ("", "query-history/empty"),
        ("[", "query-history/syntax"),
        (deep.as_str(), "query-history/syntax"),
        ("{\"a\":", "query-history/syntax"),
        ("a,b\n1,2", "query-history/columns"),
        (nested.as_str(), "query-history/row"),
    ] {
        assert_eq!(
            codes(&facts(&[("a.json", text.as_bytes())])),
            [code],
            "{text:.40}"
        );
    }
    assert_eq!(
        codes(&facts(&[("a.csv", b"a\xff")])),
        ["query-history/encoding"]
    );
    assert_eq!(
        codes(&facts(&[("a.csv.gz", b"\x1f\x8bx")])),
        ["query-history/encoding"]
    );
}

#[test]
fn ten_megabytes_take_linear_time() {
    let quotes = format!(
        "query_id,query_text\nx,\"select {}\"\n",
        "''".repeat(5_000_000)
    );
    let commas = format!(
        "query_id,query_text\nx,\"select {}\"\n",
        "1,(2),".repeat(1_600_000)
    );
    let open = "{\n".repeat(5_000_000);
    let lines = "{\"query_id\": \"x\"}\n{\n".repeat(400_000);
    let mut chain = String::from("query_id,parent_query_id,query_text\n");
    for at in 0..20_000 {
        writeln!(chain, "q{at},q{},insert into t{at} select 1", at + 1).unwrap();
    }
    for text in [quotes, commas, open, lines, chain] {
        let start = Instant::now();
        facts(&[("a.csv", text.as_bytes())]);
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "{:.60} took {:?}",
            text,
            start.elapsed()
        );
    }
}

#[test]
fn the_order_of_files_changes_nothing() {
    let exports = exports();
    let mut files: Vec<(&str, &[u8])> = exports
        .iter()
        .filter(|(name, _)| {
            name.starts_with("table_")
                || name.starts_with("column_")
                || name.ends_with("history.csv")
        })
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    assert!(files.len() > 2);
    let forward = facts(&files);
    files.reverse();
    assert_eq!(facts(&files), forward);
}

#[test]
fn compressed_exports_are_read() {
    use std::io::Write as _;
    let (name, bytes) = exports()
        .into_iter()
        .find(|(name, _)| name == "table_lineage.csv")
        .unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&bytes).unwrap();
    let packed = packed.finish().unwrap();
    assert_eq!(facts(&[(&name, &packed)]), facts(&[(&name, &bytes)]));
}

#[test]
fn exports_are_found_by_their_endings() {
    for path in ["a.csv", "x/a.csv.gz", "a.json", "a.jsonl", "a.ndjson.gz"] {
        let mut inputs = QueryHistory::describe().inputs.into_iter();
        assert!(
            inputs.any(|input| Glob::new(&input.glob)
                .unwrap()
                .compile_matcher()
                .is_match(path)),
            "{path}"
        );
    }
}

/// No text of a literal comes out, whatever is around it.
fn keeps_secret(text: &str) {
    let rows = serde_json::json!([
        {"query_id": "a", "query_text": text, "execution_status": "FAIL", "error_message": "value 'hunter2' is not recognized",
         "query_type": "INSERT", "objects_modified": []},
        {"query_id": "b", "query_text": text, "direct_objects_accessed": [],
         "objects_modified": [{"objectDomain": "Table", "objectName": "A.B.C"}]},
    ]);
    let facts = facts(&[("a.json", rows.to_string().as_bytes())]).to_string();
    assert!(!facts.contains("hunter"), "{text}\n{facts}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_read(text in "(query_id|job_id|,|\n|\"|\\[|\\]|\\{|\\}|:|objects_modified|null|x|;){0,60}") {
        facts(&[("a.csv", text.as_bytes())]);
    }

    #[test]
    fn no_literal_comes_out(text in "insert into t (select|values|\\(|\\)|,| |a|1|b\\.c|\\$\\$hunter\\$\\$|'hunter2'|'it\\\\'s hunter'|-- hunter\n|/\\* hunter \\*/|'hunter''hunter'){0,20}") {
        keeps_secret(&text);
    }
}
