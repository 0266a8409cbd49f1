//! Catalogs and results that dbt itself wrote, checked against counts made another way.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

mod data;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use data::{artifact_kind, data, dbt_files, relation};
use dbt::Dbt;
use headwater_extractor::golden;
use serde_json::{Value, json};

/// The manifest beside an artifact, if there is one.
fn manifest_beside(path: &Path) -> Option<Vec<u8>> {
    let beside = path.with_file_name("manifest.json");
    fs::read(beside).ok()
}

fn facts(inputs: &[(&str, &[u8])], config: &str) -> Value {
    let facts = golden::run::<Dbt>(config, inputs).unwrap_or_else(|error| panic!("{error:?}"));
    facts.to_json()
}

/// `(name, type)` of the columns of a table of a catalog, in the warehouse's order.
fn columns(table: &Value) -> Vec<(String, String)> {
    let columns = table["columns"].as_object().unwrap().values();
    let mut columns: Vec<&Value> = columns.collect();
    columns.sort_by_key(|column| column["index"].as_i64().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    columns
        .into_iter()
        .map(|column| (text(&column["name"]), text(&column["type"])))
        .collect()
}

fn check_catalog(path: &Path, bytes: &[u8], catalog: &Value) {
    let shown = path.display();
    let config = r#"{"namespace": "duckdb://x"}"#;
    let manifest = manifest_beside(path);
    let mut inputs: Vec<(&str, &[u8])> = vec![("catalog.json", bytes)];
    if let Some(manifest) = &manifest {
        inputs.push(("manifest.json", manifest));
    }
    let json = facts(&inputs, config);
    let mut found = BTreeMap::new();
    for dataset in json["datasets"].as_array().unwrap() {
        let fields = dataset["fields"].as_array().unwrap().iter();
        let fields: Vec<_> = fields
            .map(|field| {
                let text = |key: &str| field[key].as_str().unwrap_or_default().to_owned();
                (text("name"), text("type"))
            })
            .collect();
        found.insert(dataset["name"].as_str().unwrap().to_owned(), fields);
    }
    let manifest = manifest.map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap());
    let mut checked = 0;
    for section in ["nodes", "sources"] {
        for (id, table) in catalog[section].as_object().unwrap() {
            let name = match &manifest {
                Some(manifest) => relation(manifest, id),
                None => Some(
                    ["database", "schema", "name"]
                        .map(|part| table["metadata"][part].as_str().unwrap())
                        .join("."),
                ),
            };
            if let Some(name) = name {
                assert_eq!(found[&name], columns(table), "{shown}: columns of {id}");
                checked += 1;
            }
        }
    }
    assert!(checked > 0, "{shown}: no table was checked");
    let covers_fields = json["covers"]
        .as_array()
        .unwrap()
        .contains(&json!("FIELDS"));
    assert_eq!(
        covers_fields,
        manifest.is_some(),
        "{shown}: {}",
        json["covers"]
    );
}

/// `(id, state)` of what ran, and `(id, status)` of the tests, as the file has them.
type Counts = (BTreeSet<(String, String)>, BTreeSet<(String, String)>);

fn results(runs: &Value) -> Counts {
    let (mut jobs, mut tests) = (BTreeSet::new(), BTreeSet::new());
    if runs["args"]["which"] == "generate" {
        return (jobs, tests);
    }
    for result in runs["results"].as_array().unwrap() {
        let text = |key: &str| result[key].as_str().unwrap().to_owned();
        let (id, status) = (text("unique_id"), text("status"));
        let kind = id.split_once('.').unwrap().0;
        match (kind, status.as_str()) {
            ("model" | "seed" | "snapshot", "success") => {
                jobs.insert((id, "COMPLETE".to_owned()));
            }
            ("model" | "seed" | "snapshot", "error") => {
                jobs.insert((id, "FAIL".to_owned()));
            }
            ("test", "pass" | "fail" | "warn" | "error") => {
                tests.insert((id, status));
            }
            _ => {}
        }
    }
    (jobs, tests)
}

/// The same as the extractor has it.
fn stated(json: &Value) -> Counts {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let runs = json["runs"].as_array().unwrap().iter();
    let runs = runs.map(|run| (text(&run["job"]["name"]), text(&run["state"])));
    let facets = json["facets"].as_array().unwrap().iter();
    let checks = facets.filter(|facet| facet["name"] == "dataQualityAssertions");
    let assertions = checks.flat_map(|facet| facet["value"]["assertions"].as_array().unwrap());
    let tests = assertions.map(|assertion| {
        let is_pass = assertion["status"] == "pass";
        assert_eq!(assertion["success"], is_pass, "{assertion}");
        (text(&assertion["name"]), text(&assertion["status"]))
    });
    (runs.collect(), tests.collect())
}

fn check_runs(path: &Path, bytes: &[u8], runs: &Value) {
    let shown = path.display();
    let (jobs, tests) = results(runs);
    let alone = facts(&[("run_results.json", bytes)], r#"{"job_namespace": "j"}"#);
    assert_eq!(
        stated(&alone),
        (jobs.clone(), BTreeSet::new()),
        "{shown} alone"
    );
    assert_eq!(alone["covers"], json!([]), "{shown} alone");
    let Some(manifest) = manifest_beside(path) else {
        return;
    };
    let both = facts(
        &[("run_results.json", bytes), ("manifest.json", &manifest)],
        "{}",
    );
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let is_placed = |test: &(String, String)| {
        let test = &manifest["nodes"][&test.0];
        let depends_on = test["depends_on"]["nodes"].as_array();
        test["attached_node"].is_string()
            || test["test_metadata"].is_object()
            || depends_on.is_some_and(|nodes| nodes.len() == 1)
    };
    let is_job = |job: &(String, String)| manifest["nodes"].get(&job.0).is_some();
    let tests = tests.into_iter().filter(is_placed).collect();
    let jobs = jobs.into_iter().filter(is_job).collect();
    assert_eq!(stated(&both), (jobs, tests), "{shown} with its manifest");
}

fn check_sources(path: &Path, bytes: &[u8], sources: &Value) {
    let shown = path.display();
    let Some(manifest) = manifest_beside(path) else {
        return;
    };
    let json = facts(
        &[("sources.json", bytes), ("manifest.json", &manifest)],
        "{}",
    );
    let facets = json["facets"].as_array().unwrap().iter();
    let found = facets.filter(|facet| facet["name"] == "freshness");
    let expected = sources["results"].as_array().unwrap().len();
    assert_eq!(found.count(), expected, "{shown}");
}

#[test]
fn real_catalogs_and_results_say_what_an_independent_count_says() {
    let mut checked = BTreeMap::<String, usize>::new();
    for path in &dbt_files() {
        let bytes = fs::read(path).unwrap();
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        match artifact_kind(&json) {
            Some("catalog") => check_catalog(path, &bytes, &json),
            Some("run-results") => check_runs(path, &bytes, &json),
            Some("sources") => check_sources(path, &bytes, &json),
            _ => continue,
        }
        let schema = json["metadata"]["dbt_schema_version"].as_str().unwrap();
        let segments: Vec<_> = schema.rsplit('/').take(2).collect();
        *checked.entry(segments.join(" of ")).or_default() += 1;
    }
    match data() {
        Some(_) => println!("artifacts checked, by schema: {checked:?}"),
        None => println!("skipped: no HEADWATER_DATA and no ../shared/data"),
    }
    assert_eq!(checked.is_empty(), data().is_none(), "the data has results");
}
