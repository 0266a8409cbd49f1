//! Manifests that dbt itself wrote, checked against counts made another way.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

mod data;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use data::{artifact_kind, data, dbt_files, relation};
use dbt::Dbt;
use headwater_extractor::{Severity, golden};
use serde_json::Value;

fn members<'v>(manifest: &'v Value, section: &str) -> Vec<(&'v str, &'v Value)> {
    let members = manifest[section].as_object().into_iter().flatten();
    let members = members.filter(|(_, member)| member["config"]["enabled"] != false);
    members.map(|(id, member)| (id.as_str(), member)).collect()
}

/// The datasets that jobs build, counted without the extractor's types.
fn built(manifest: &Value) -> BTreeSet<String> {
    members(manifest, "nodes")
        .into_iter()
        .filter(|(_, node)| {
            matches!(
                node["resource_type"].as_str(),
                Some("model" | "seed" | "snapshot")
            ) && node["config"]["materialized"] != "ephemeral"
                && !(node["path"] == "" && node["original_file_path"] == "")
        })
        .map(|(id, _)| relation(manifest, id).unwrap())
        .collect()
}

/// What is declared besides: by unique id, and what saved queries write.
fn others(manifest: &Value) -> BTreeSet<String> {
    let by_id = ["exposures", "metrics", "semantic_models"];
    let by_id = by_id.iter().flat_map(|section| members(manifest, section));
    let mut others: BTreeSet<String> = by_id.map(|(id, _)| id.to_owned()).collect();
    for (_, query) in members(manifest, "saved_queries") {
        for export in query["exports"].as_array().into_iter().flatten() {
            let config = &export["config"];
            let parts = [
                &config["database"],
                &config["schema_name"],
                &config["alias"],
            ];
            others.insert(parts.map(|part| part.as_str().unwrap()).join("."));
        }
    }
    others
}

/// Every edge between what has data and what is made of it, as names; only for manifests
/// without ephemeral models.
fn origins(manifest: &Value) -> BTreeSet<(String, String)> {
    let mut origins = BTreeSet::new();
    let sections = [
        "nodes",
        "exposures",
        "metrics",
        "semantic_models",
        "saved_queries",
    ];
    for (id, member) in sections
        .iter()
        .flat_map(|section| members(manifest, section))
    {
        let kind = id.split_once('.').unwrap().0;
        if matches!(
            kind,
            "test" | "operation" | "analysis" | "rpc" | "sql_operation"
        ) {
            continue;
        }
        let depends_on = member["depends_on"]["nodes"].as_array();
        for dependency in depends_on.into_iter().flatten() {
            let dependency = dependency.as_str().unwrap();
            let is_known = |section: &&str| manifest[*section].get(dependency).is_some();
            if let Some(relation) = relation(manifest, dependency) {
                origins.insert((relation, id.to_owned()));
            } else if ["metrics", "semantic_models"].iter().any(is_known) {
                origins.insert((dependency.to_owned(), id.to_owned()));
            }
        }
    }
    origins
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
    let built = built(manifest);
    let expected: BTreeSet<String> = built.union(&others(manifest)).cloned().collect();
    assert_eq!(found, expected, "{shown}: declared datasets");
    assert_eq!(
        json["jobs"].as_array().unwrap().len(),
        built.len() + members(manifest, "saved_queries").len(),
        "{shown}: a job for each that is built, and for each saved query"
    );

    let (dataset_names, job_names) = (names(&json["datasets"]), names(&json["jobs"]));
    let mut found_origins = BTreeSet::new();
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
        if edge["kind"] != "WRITES" {
            let name = |end: &str| edge[end]["name"].as_str().unwrap().to_owned();
            found_origins.insert((name("from"), name("to")));
        }
    }
    assert_eq!(found_origins, origins(manifest), "{shown}: what is read");
    for diagnostic in facts.diagnostics() {
        let code = diagnostic.code.as_str();
        let is_expected = matches!(code, "dbt/namespace-not-configured" | "dbt/project-unknown");
        let is_version = code == "dbt/unresolved-ref" && diagnostic.severity == Severity::Warning;
        // What dbt has not compiled is read as far as it can be.
        let pointer = diagnostic.at.as_ref().and_then(|at| at.pointer.as_deref());
        let is_raw = pointer
            .is_some_and(|at| at.ends_with("/raw_code") || at.ends_with("/raw_sql"))
            && matches!(code, "dbt/template" | "dbt/sql");
        assert!(
            is_expected || is_version || is_raw,
            "{shown}: {diagnostic:?}"
        );
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
        if artifact_kind(&json) != Some("manifest") {
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
fn other_files_are_refused_by_name() {
    let mut refused = 0;
    for path in &dbt_files() {
        let bytes = fs::read(path).unwrap();
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        if artifact_kind(&json).is_some() {
            continue;
        }
        let error = golden::run::<Dbt>("{}", &[("x.json", &bytes)]).expect_err("it is no artifact");
        let message = golden::error_json(&error).to_string();
        assert!(
            message.contains("expected dbt's manifest") || message.contains("found a JSON array"),
            "{}: {message}",
            path.display()
        );
        refused += 1;
    }
    println!("{refused} other files refused");
    assert_eq!(refused == 0, data().is_none(), "the data has other files");
}
