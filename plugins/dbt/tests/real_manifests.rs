//! Manifests that dbt itself wrote, checked against counts made another way.
//!
//! They are read in place from `HEADWATER_DATA`, else from `../shared/data` beside the project.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use dbt::Dbt;
use headwater_extractor::{Severity, golden};
use serde_json::Value;

fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = env::var_os("HEADWATER_DATA").map_or(beside, PathBuf::from);
    data.join("fixtures").is_dir().then_some(data)
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            json_files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
}

fn dbt_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    if let Some(data) = data() {
        for entry in fs::read_dir(data.join("fixtures")).unwrap() {
            let path = entry.unwrap().path();
            if path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("dbt")
            {
                json_files(&path, &mut files);
            }
        }
    }
    files
}

fn is_manifest(json: &Value) -> bool {
    json["metadata"]["dbt_schema_version"]
        .as_str()
        .is_some_and(|schema| schema.contains("/manifest/"))
}

/// The datasets a manifest declares, counted without the extractor's types.
fn declared(manifest: &Value) -> BTreeSet<String> {
    let nodes = manifest["nodes"].as_object().unwrap();
    let is_declared = |node: &&Value| {
        matches!(
            node["resource_type"].as_str(),
            Some("model" | "seed" | "snapshot")
        ) && node["config"]["enabled"] != false
            && node["config"]["materialized"] != "ephemeral"
            && !(node["path"] == "" && node["original_file_path"] == "")
    };
    nodes
        .values()
        .filter(is_declared)
        .map(|node| {
            let parts =
                ["database", "schema", "alias"].map(|part| node[part].as_str().unwrap().to_owned());
            parts.join(".")
        })
        .collect()
}

/// For each node that builds a dataset, the relations it reads; only for manifests without
/// ephemeral models.
fn reads(manifest: &Value) -> BTreeSet<(String, String)> {
    let relation = |id: &str| {
        let node = manifest["nodes"].get(id).or(manifest["sources"].get(id))?;
        let table = node.get("alias").or(node.get("identifier"))?;
        Some(
            [&node["database"], &node["schema"], table]
                .map(|part| part.as_str().unwrap())
                .join("."),
        )
    };
    let mut reads = BTreeSet::new();
    for (id, node) in manifest["nodes"].as_object().unwrap() {
        let kind = node["resource_type"].as_str().unwrap();
        if !matches!(kind, "model" | "seed" | "snapshot") {
            continue;
        }
        for dependency in node["depends_on"]["nodes"].as_array().into_iter().flatten() {
            if let Some(relation) = relation(dependency.as_str().unwrap()) {
                reads.insert((relation, id.clone()));
            }
        }
    }
    reads
}

fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect()
}

fn check(path: &Path, manifest: &Value, facts: &golden::Facts) {
    let shown = path.display();
    let json = facts.to_json();
    let datasets = json["datasets"].as_array().unwrap();
    let found: BTreeSet<String> = datasets
        .iter()
        .filter(|dataset| dataset["declared"] == true)
        .map(|dataset| dataset["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found, declared(manifest), "{shown}: declared datasets");
    assert_eq!(
        json["jobs"].as_array().unwrap().len(),
        found.len(),
        "{shown}: a job for each"
    );

    let (dataset_names, job_names) = (names(&json["datasets"]), names(&json["jobs"]));
    let mut found_reads = BTreeSet::new();
    for edge in json["edges"].as_array().unwrap() {
        for end in ["from", "to"] {
            let name = edge[end]["name"].as_str().unwrap();
            let ends = if edge[end]["kind"] == "JOB" {
                &job_names
            } else {
                &dataset_names
            };
            assert!(
                ends.contains(name),
                "{shown}: {name} is an end of an edge and was never stated"
            );
        }
        if edge["kind"] == "READS" {
            let name = |end: &str| edge[end]["name"].as_str().unwrap().to_owned();
            found_reads.insert((name("from"), name("to")));
        }
    }
    assert_eq!(found_reads, reads(manifest), "{shown}: what is read");
    for diagnostic in facts.diagnostics() {
        let code = diagnostic.code.as_str();
        let is_expected = matches!(code, "dbt/namespace-not-configured" | "dbt/project-unknown");
        let is_version = code == "dbt/unresolved-ref" && diagnostic.severity == Severity::Warning;
        assert!(is_expected || is_version, "{shown}: {diagnostic:?}");
    }
}

#[test]
fn real_manifests_say_what_an_independent_count_says() {
    let files = dbt_files();
    let mut checked = BTreeMap::<u64, usize>::new();
    for path in &files {
        let bytes = fs::read(path).unwrap();
        let Ok(json) = serde_json::from_slice::<Value>(&bytes) else {
            continue;
        };
        if !is_manifest(&json) {
            continue;
        }
        let facts = golden::run::<Dbt>("{}", &[("manifest.json", &bytes)])
            .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        check(path, &json, &facts);
        let schema = json["metadata"]["dbt_schema_version"].as_str().unwrap();
        let digits: String = schema.chars().filter(char::is_ascii_digit).collect();
        *checked.entry(digits.parse().unwrap()).or_default() += 1;
    }
    match data() {
        Some(_) => println!("manifests checked, by schema version: {checked:?}"),
        None => println!("skipped: no HEADWATER_DATA and no ../shared/data"),
    }
    assert_eq!(
        checked.is_empty(),
        data().is_none(),
        "the data has manifests"
    );
}

#[test]
fn other_artifacts_are_refused_by_name() {
    let mut refused = 0;
    for path in &dbt_files() {
        let bytes = fs::read(path).unwrap();
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        if is_manifest(&json) {
            continue;
        }
        let error = golden::run::<Dbt>("{}", &[("x.json", &bytes)]).expect_err("it is no manifest");
        let message = golden::error_json(&error).to_string();
        assert!(
            message.contains("expected a dbt manifest"),
            "{}: {message}",
            path.display()
        );
        refused += 1;
    }
    println!("{refused} other artifacts refused");
    assert_eq!(
        refused == 0,
        data().is_none(),
        "the data has other artifacts"
    );
}
