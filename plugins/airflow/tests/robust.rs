//! Whatever files hold, they are read or told of; nothing of it is fatal.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use airflow::Airflow;
use headwater_extractor::{ExtractError, golden};
use proptest::prelude::*;

const SHOP: &[u8] = include_bytes!("golden/sql_of_a_shop/inputs/load_shop.json");
const ASSETS: &[u8] = include_bytes!("golden/assets_and_other_dags/inputs/a.json");
const ROWS: &[u8] =
    include_bytes!("golden/rows_of_three_with_mapped_operators/inputs/serialized_dag.jsonl");

fn check(inputs: &[(&str, &[u8])]) {
    match golden::run::<Airflow>("{}", inputs) {
        Ok(_) | Err(ExtractError::Unsupported(_) | ExtractError::Malformed(_)) => {}
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn deep_large_and_empty_files_are_told_of() {
    check(&[]);
    check(&[("a.json", b"")]);
    check(&[("a.json", b"{}"), ("b.jsonl", b"\n\n"), ("c.json", b"\xff")]);
    check(&[("a.json", "[".repeat(100_000).as_bytes())]);
    let deep = format!(
        r#"{{"dag": {{"dag_id": "d", "timetable": {}1{}}}}}"#,
        r#"{"objects": ["#.repeat(40),
        "]}".repeat(40)
    );
    check(&[("a.json", deep.as_bytes())]);
    let tasks: Vec<String> = (0..20_000)
        .map(|at| {
            format!(
                r#"{{"task_id": "t{at}", "downstream_task_ids": ["t{}"]}}"#,
                at + 1
            )
        })
        .collect();
    let wide = format!(
        r#"{{"dag": {{"dag_id": "d", "tasks": [{}]}}}}"#,
        tasks.join(",")
    );
    check(&[("a.json", wide.as_bytes())]);
}

#[test]
fn the_order_of_files_does_not_matter() {
    let files = [("a.json", SHOP), ("b.json", ASSETS), ("c.jsonl", ROWS)];
    let facts = |order: [usize; 3]| {
        let inputs = order.map(|at| files[at]);
        golden::run::<Airflow>("{}", &inputs).unwrap().to_json()
    };
    let expected = facts([0, 1, 2]);
    assert_eq!(facts([2, 0, 1]), expected);
    assert_eq!(facts([1, 2, 0]), expected);
}

#[test]
fn no_secret_of_a_connection_is_told() {
    let config = r#"{"connection.shop": "postgres://reader:hunter2@db:5432/shop", "conn_id.load_shop": "shop"}"#;
    let facts = golden::run::<Airflow>(config, &[("a.json", SHOP)]).unwrap();
    assert!(!facts.to_json().to_string().contains("hunter2"));
    let wrong = golden::run::<Airflow>(r#"{"connection.shop": "hunter2"}"#, &[("a.json", SHOP)]);
    let error = wrong.expect_err("no URL");
    assert!(!format!("{error:?}").contains("hunter2"));
}

proptest! {
    #[test]
    fn a_file_with_anything_in_it_is_read_or_told_of(
        which in 0..3_usize,
        at in any::<proptest::sample::Index>(),
        with in prop::collection::vec(any::<u8>(), 0..8),
        removed in 0..40_usize,
    ) {
        let mut bytes = [SHOP, ASSETS, ROWS][which].to_vec();
        let at = at.index(bytes.len());
        let end = (at + removed).min(bytes.len());
        bytes.splice(at..end, with);
        let name = if which == 2 { "a.jsonl" } else { "a.json" };
        check(&[(name, &bytes)]);
    }
}
