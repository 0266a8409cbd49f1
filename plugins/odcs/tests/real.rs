//! Contracts that other people wrote, read in place from `HEADWATER_DATA`, else from `../shared/data` beside the project.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use headwater_extractor::golden;
use odcs::Odcs;
use serde_json::Value;

fn fixtures() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = env::var_os("HEADWATER_DATA").map_or(beside, PathBuf::from);
    let folder = data.join("fixtures/data-contracts-odcs");
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn run(inputs: &[(String, Vec<u8>)]) -> Value {
    let inputs: Vec<_> = inputs
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    golden::run::<Odcs>("{}", &inputs).unwrap().to_json()
}

fn list<'v>(facts: &'v Value, what: &str) -> &'v Vec<Value> {
    facts[what].as_array().unwrap()
}

fn codes(facts: &Value) -> Vec<&str> {
    list(facts, "diagnostics")
        .iter()
        .map(|found| found["code"].as_str().unwrap())
        .collect()
}

#[test]
fn every_contract_is_read_and_what_is_none_is_told() {
    let Some(folder) = fixtures() else {
        return println!("skipped: there are no data contracts");
    };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let (mut contracts_count, mut others_count) = (0, 0);
    let mut all = Vec::new();
    for path in &paths {
        let name = path
            .strip_prefix(&folder)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let bytes = fs::read(path).unwrap();
        let facts = run(&[(name.clone(), bytes.clone())]);
        if path.extension().is_some_and(|end| end == "json") {
            others_count += 1;
            assert_eq!(codes(&facts), ["odcs/not-a-contract"], "{name}");
        } else {
            contracts_count += 1;
            assert!(
                !codes(&facts)
                    .iter()
                    .any(|code| matches!(*code, "odcs/not-a-contract" | "odcs/syntax")),
                "{name}: {facts}"
            );
            let text = String::from_utf8(bytes.clone()).unwrap();
            let objects_count = objects(&text);
            assert_eq!(
                list(&facts, "datasets")
                    .iter()
                    .filter(|dataset| dataset["declared"] == true)
                    .count(),
                objects_count,
                "{name}"
            );
        }
        all.push((name, bytes));
    }
    println!("{contracts_count} contracts, {others_count} other files");
    let together = run(&all);
    all.reverse();
    assert_eq!(together, run(&all), "whatever the order of files");
}

/// Items right under `schema:`, counted by their indentation.
fn objects(text: &str) -> usize {
    let mut lines = text
        .lines()
        .skip_while(|line| line.trim_end() != "schema:")
        .skip(1)
        .peekable();
    while lines
        .peek()
        .is_some_and(|line| !line.trim_start().starts_with("- "))
    {
        lines.next();
    }
    let Some(first) = lines.peek() else {
        return 0;
    };
    let indent = first.len() - first.trim_start().len();
    let is_item = |line: &&str| {
        line.len() > indent && line[..indent].trim().is_empty() && line[indent..].starts_with("- ")
    };
    let is_inside =
        |line: &&str| line.trim().is_empty() || line.starts_with(['#', ' ']) || is_item(line);
    lines
        .take_while(|line| is_inside(line))
        .filter(is_item)
        .count()
}

fn example(name: &str) -> Option<Value> {
    let path = fixtures()?
        .join("open-data-contract-standard/examples")
        .join(name);
    Some(run(&[(
        "contract.yaml".to_owned(),
        fs::read(path).unwrap(),
    )]))
}

#[test]
fn the_full_example_is_read_in_full() {
    let Some(facts) = example("all/full-example.odcs.yaml") else {
        return println!("skipped: there are no data contracts");
    };
    let names: Vec<_> = list(&facts, "datasets")
        .iter()
        .map(|dataset| dataset["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "pypl-edw.pp_access_views.receivers_master",
            "pypl-edw.pp_access_views.tbl_1",
            "pypl-edw.pp_access_views.table_name_1",
            "pypl-edw.pp_access_views.table_name_2",
            "pypl-edw.pp_access_views.table_name_3",
        ]
    );
    let table = &list(&facts, "datasets")[1];
    assert_eq!(table["namespace"], "postgres://localhost:5432");
    let fields: Vec<_> = list(table, "fields")
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["txn_ref_dt", "rcvr_id", "rcvr_cntry_code"]);
    assert_eq!(table["fields"][1]["type"], "varchar(18)");
    let origins: Vec<_> = list(&facts, "fieldEdges")
        .iter()
        .map(|edge| edge["to"]["field"].as_str().unwrap())
        .collect();
    assert_eq!(origins, ["txn_ref_dt"; 3]);
    let attributes = list(&facts, "attributes");
    let has = |key: &str, value: &str| {
        attributes
            .iter()
            .any(|one| one["key"] == key && one["value"] == value)
    };
    for (key, value) in [
        ("owner", "my-team"),
        ("owner", "daustin"),
        ("data-product", "my quantum"),
        ("tag", "transactions"),
        ("tag", "uid"),
        ("contract-status", "active"),
        ("url", "https://catalog.data.gov/dataset/air-quality"),
    ] {
        assert!(has(key, value), "{key} {value}");
    }
}

#[test]
fn topics_are_named_by_their_brokers() {
    let Some(facts) = example("server/kafka-server.odcs.yaml") else {
        return println!("skipped: there are no data contracts");
    };
    let topic = &list(&facts, "datasets")[0];
    assert_eq!(
        topic["namespace"],
        "kafka://pkc-7xoy1.eu-central-1.aws.confluent.cloud:9092"
    );
    assert_eq!(
        (&topic["name"], &topic["type"]),
        (&"orders.avro.v1".into(), &"TOPIC".into())
    );
}
