//! Configurations that other people wrote, read in place from `HEADWATER_DATA`, else from `../shared/data` beside the
//! project.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use headwater_extractor::golden;
use kafka_connect::KafkaConnect;
use serde_json::Value;

fn fixtures() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = env::var_os("HEADWATER_DATA").map_or(beside, PathBuf::from);
    let folder = data.join("fixtures/kafka-connect");
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
        } else if path
            .extension()
            .is_some_and(|ending| ending == "json" || ending == "properties")
        {
            found.push(path);
        }
    }
}

fn run(inputs: &[(String, Vec<u8>)]) -> Value {
    let inputs: Vec<_> = inputs
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let facts = golden::run::<KafkaConnect>(r#"{"brokers": "kafka:9092"}"#, &inputs).unwrap();
    facts.to_json()
}

fn list<'v>(facts: &'v Value, what: &str) -> &'v Vec<Value> {
    facts[what].as_array().unwrap()
}

/// Texts under keys that name secrets.
fn secrets(config: &Value, found: &mut Vec<String>) {
    for (key, value) in config.as_object().into_iter().flatten() {
        match value {
            Value::String(text) if key.contains("password") && text.len() > 7 => {
                found.push(text.clone());
            }
            _ => secrets(value, found),
        }
    }
}

#[test]
fn every_connector_is_a_job_with_edges_and_what_is_none_is_told() {
    let Some(folder) = fixtures() else {
        return println!("skipped: there are no fixtures of Kafka Connect");
    };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let (mut connectors_count, mut others_count) = (0, 0);
    let mut all = Vec::new();
    let mut distinct = BTreeSet::new();
    for path in &paths {
        let bytes = fs::read(path).unwrap();
        let name = path
            .strip_prefix(&folder)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let config = if value["config"].is_object() {
            &value["config"]
        } else {
            &value
        };
        let is_connector = config["connector.class"].is_string();
        let facts = run(&[(name.clone(), bytes.clone())]);
        assert_eq!(
            list(&facts, "jobs").len(),
            usize::from(is_connector),
            "{name}"
        );
        if is_connector {
            connectors_count += 1;
            let named = facts["jobs"][0]["name"].as_str().unwrap().to_owned();
            let mut config = config.clone();
            config["name"] = Value::Null;
            distinct.insert((named, config.to_string()));
            let ways = list(&facts, "edges").len() + list(&facts, "selectors").len();
            assert!(ways >= 2, "{name}: {facts}");
        } else {
            others_count += 1;
            let codes: Vec<_> = list(&facts, "diagnostics")
                .iter()
                .map(|found| &found["code"])
                .collect();
            assert_eq!(codes, ["kafka-connect/not-a-connector"], "{name}");
        }
        let shown = facts.to_string();
        let mut found = Vec::new();
        secrets(config, &mut found);
        for secret in found {
            // Some have a password that is another value, too.
            let mut values = config.as_object().unwrap().iter();
            if values.any(|(key, value)| !key.contains("password") && *value == secret.as_str()) {
                continue;
            }
            assert!(!shown.contains(&secret), "{name}: {secret}");
        }
        all.push((name, bytes));
    }
    println!("{connectors_count} connectors, {others_count} other files");
    let together = run(&all);
    assert_eq!(list(&together, "jobs").len(), distinct.len());
    all.reverse();
    assert_eq!(together, run(&all), "whatever the order of files");
}

fn folder_of(name: &str) -> Option<Value> {
    let folder = fixtures()?.join("debezium-examples").join(name);
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let inputs = paths.iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    });
    Some(run(&inputs.collect::<Vec<_>>()))
}

/// Datasets that a job moves, from and to, in the order in which they are told.
fn pairs(facts: &Value) -> Vec<String> {
    let name = |end: &Value| {
        format!(
            "{} {}",
            end["namespace"].as_str().unwrap(),
            end["name"].as_str().unwrap()
        )
    };
    list(facts, "fieldEdges")
        .iter()
        .filter(|edge| edge["from"]["field"].is_null() && edge["to"]["field"].is_null())
        .filter(|edge| list(edge, "transformations").is_empty())
        .map(|edge| format!("{} > {}", name(&edge["from"]), name(&edge["to"])))
        .collect()
}

fn check(folder: &str, expected: &[&str]) {
    match folder_of(folder) {
        Some(facts) => assert_eq!(pairs(&facts), expected, "{folder}"),
        None => println!("skipped: {folder}"),
    }
}

#[test]
fn tables_are_followed_through_topics_to_tables() {
    check(
        "postgres-toast",
        &[
            "postgres://source-db:5432 sourcedb.inventory.customers > kafka://kafka:9092 dbserver1.inventory.customers",
            "kafka://kafka:9092 dbserver1.inventory.customers > postgres://sink-db:5432 sinkdb.inventorysink.customers",
        ],
    );
    check(
        "end-to-end-demo",
        &[
            "mysql://mysql:3306 inventory.Hike > kafka://kafka:9092 dbserver1_inventory_Hike",
            "kafka://kafka:9092 dbserver1_inventory_Hike > postgres://postgres:5432 inventory.public.dbserver1_inventory_Hike",
        ],
    );
    let tables = [
        "optionentity",
        "pollentity",
        "pollentity_optionentity",
        "pollentity_voteentity",
        "voteentity",
    ];
    let mut expected = Vec::new();
    for table in [
        "voteentity",
        "optionentity",
        "pollentity",
        "pollentity_optionentity",
    ] {
        expected.push(format!(
            "kafka://kafka:9092 {table} > mysql://mysql:3306 polls.{table}"
        ));
    }
    for table in tables {
        expected.push(format!(
            "postgres://postgres:5432 postgres.public.{table} > kafka://kafka:9092 {table}"
        ));
    }
    for table in [
        "optionentity",
        "pollentity",
        "pollentity_optionentity",
        "voteentity",
    ] {
        expected.push(format!(
            "kafka://kafka:9092 {table} > questdb://questdb:9000 {table}"
        ));
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check("cqrs", &expected);
}
