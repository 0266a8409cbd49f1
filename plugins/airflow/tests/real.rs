//! Serialised DAGs of Airflow's own examples, read in place.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use airflow::Airflow;
use headwater_extractor::{Severity, golden};
use serde_json::Value;

/// The folder of real input, if there is one.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = env::var_os("HEADWATER_DATA").map_or(beside, PathBuf::from);
    let data = data.join("fixtures/airflow-serialized");
    data.is_dir().then_some(data)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn texts(json: &Value, list: &str, text: impl Fn(&Value) -> String) -> Vec<String> {
    let mut found: Vec<String> = json[list].as_array().unwrap().iter().map(text).collect();
    found.sort();
    found
}

fn edge(edge: &Value) -> String {
    let end = |end: &Value| end["name"].as_str().unwrap().to_owned();
    format!(
        "{} {} > {}",
        edge["kind"].as_str().unwrap(),
        end(&edge["from"]),
        end(&edge["to"])
    )
}

#[test]
fn every_real_dag_is_read_and_its_assets_and_order_are_found() {
    let Some(data) = data() else {
        println!("skipped the real DAGs: there is no folder of them");
        return;
    };
    let mut paths = Vec::new();
    files(&data, &mut paths);
    paths.sort();
    let read: Vec<(String, Vec<u8>)> = paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&data).unwrap().display().to_string();
            (name, fs::read(path).unwrap())
        })
        .collect();
    for (name, bytes) in &read {
        let facts = golden::run::<Airflow>("{}", &[(name, bytes)]).unwrap();
        let is_json = serde_json::from_slice::<Value>(bytes).is_ok();
        let errors = facts
            .diagnostics()
            .iter()
            .filter(|found| found.severity == Severity::Error);
        assert_eq!(errors.count(), usize::from(!is_json), "{name}");
    }
    let inputs: Vec<(&str, &[u8])> = read
        .iter()
        .map(|(name, bytes)| (&**name, &**bytes))
        .collect();
    let json = golden::run::<Airflow>("{}", &inputs).unwrap().to_json();
    let jobs = texts(&json, "jobs", |job| {
        job["name"].as_str().unwrap().to_owned()
    });
    let edges = texts(&json, "edges", edge);
    println!(
        "{} files, {} jobs, {} edges",
        inputs.len(),
        jobs.len(),
        edges.len()
    );
    if !read
        .iter()
        .any(|(name, _)| name.ends_with("dataset_consumes_1_and_2.json"))
    {
        return;
    }
    for expected in [
        "WRITES dataset_produces_1.producing_task_1 > output_1.txt",
        "READS output_1.txt > dataset_consumes_1_and_2",
        "READS output_1.txt > consume_1_or_2_with_dataset_expressions",
        "WRITES consume_1_or_2_with_dataset_expressions.consume_1_or_2_with_dataset_expressions > dataset_other_unknown.txt",
        "READS 1.txt > read_dataset_event_from_classic.read_dataset_event_from_classic",
        "FOLLOWS example_trigger_controller_dag.test_trigger_dagrun > example_trigger_target_dag",
        "FOLLOWS example_external_task_marker_parent.parent_task > example_external_task_marker_child.child_task1",
        "FOLLOWS latest_only.latest_only > latest_only.task1",
    ] {
        assert!(
            edges.iter().any(|edge| edge == expected),
            "{expected}\n{edges:#?}"
        );
    }
    // Tasks within a DAG that stands in a task.
    assert!(
        jobs.iter()
            .any(|job| job == "example_subdag_operator.section-1.section-1-task-1"),
        "{jobs:#?}"
    );
}
