//! Golden cases: small DAGs, what is configured, and the facts that must come out.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::fs;
use std::path::Path;

use airflow::Airflow;
use headwater_extractor::golden;

#[test]
fn every_golden_case_gives_the_facts_that_are_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    for case in cases {
        golden::check_case::<Airflow>(&case);
    }
}
