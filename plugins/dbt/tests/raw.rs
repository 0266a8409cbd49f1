//! Templates that dbt has compiled, filled in without it: what comes of one agrees with what comes of the other.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

mod data;

use std::collections::BTreeSet;
use std::fs;

use data::{artifact_kind, dbt_files, relation};
use dbt::Dbt;
use headwater_extractor::golden;
use serde_json::Value;

/// Lineage between fields as the jobs have it: job, from, to and how.
fn edges(manifest: &Value) -> BTreeSet<[String; 5]> {
    let bytes = manifest.to_string().into_bytes();
    let facts = golden::run::<Dbt>(
        r#"{"namespace": "test://db"}"#,
        &[("manifest.json", &bytes)],
    );
    let json = facts.unwrap().to_json();
    let text = |value: &Value| value.as_str().unwrap_or("*").to_lowercase();
    let edges = json["fieldEdges"].as_array().unwrap().iter();
    edges
        .map(|edge| {
            [
                text(&edge["via"]["name"]),
                text(&edge["from"]["name"]),
                text(&edge["from"]["field"]),
                text(&edge["to"]["field"]),
                edge["transformations"].to_string(),
            ]
        })
        .collect()
}

/// Whether compiled SQL names the relations that the manifest says its node reads: some manifests were edited.
fn names_what_it_reads(manifest: &Value, node: &Value, sql: &str) -> bool {
    let sql = sql.replace(['"', '`', '[', ']'], "");
    let depends_on = node["depends_on"]["nodes"].as_array().unwrap().iter();
    depends_on
        .filter_map(|id| relation(manifest, id.as_str().unwrap()))
        .all(|relation| sql.contains(&relation))
}

#[test]
fn lineage_of_templates_agrees_with_that_of_compiled_sql() {
    let (mut files, mut models, mut filled, mut edges_count) = (0, 0, 0, 0);
    for path in dbt_files() {
        let bytes = fs::read(&path).unwrap();
        let Ok(mut manifest) = serde_json::from_slice::<Value>(&bytes) else {
            continue;
        };
        if artifact_kind(&manifest) != Some("manifest") {
            continue;
        }
        files += 1;
        let of_compiled = edges(&manifest);
        let nodes = manifest["nodes"].as_object().unwrap();
        let ids: Vec<String> = nodes.keys().cloned().collect();
        for id in ids {
            let node = &manifest["nodes"][&id];
            let sql = ["compiled_code", "compiled_sql"].map(|key| node[key].as_str());
            let sql = sql.into_iter().flatten().next().unwrap_or_default();
            let job = id.to_lowercase();
            let of_job = |edges: &BTreeSet<[String; 5]>| -> BTreeSet<[String; 5]> {
                let edges = edges.iter().filter(|edge| edge[0] == job);
                edges.cloned().collect()
            };
            let expected = of_job(&of_compiled);
            if expected.is_empty() || !names_what_it_reads(&manifest, node, sql) {
                continue;
            }
            models += 1;
            // Only this one is not compiled, so that all columns of what it reads are known.
            let was = manifest["nodes"][&id].clone();
            let node = manifest["nodes"][&id].as_object_mut().unwrap();
            node.remove("compiled_code");
            node.remove("compiled_sql");
            let found = of_job(&edges(&manifest));
            manifest["nodes"][&id] = was;
            if found.is_empty() {
                continue;
            }
            filled += 1;
            edges_count += found.len();
            let differing: Vec<_> = expected.symmetric_difference(&found).collect();
            assert!(differing.is_empty(), "{}: {differing:#?}", path.display());
        }
    }
    if files == 0 {
        println!("skipped every manifest: no real input");
        return;
    }
    println!(
        "{files} manifests: {filled} of {models} compiled models are filled in without dbt, with the same {edges_count} edges"
    );
    assert!(filled * 2 > models, "{filled} of {models}");
}
