//! Artifacts of odd shapes: long chains, cycles, cuts and flipped bytes.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::collections::{BTreeMap, BTreeSet};

use dbt::Dbt;
use headwater_extractor::{ExtractError, Severity, golden};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A manifest of models by name: whether each is ephemeral, and what it depends on.
fn manifest(models: &BTreeMap<String, (bool, Vec<String>)>) -> Vec<u8> {
    let nodes: serde_json::Map<String, Value> = models
        .iter()
        .map(|(name, (is_ephemeral, dependencies))| {
            let ids: Vec<_> = dependencies.iter().map(|name| format!("model.p.{name}")).collect();
            let materialized = if *is_ephemeral { "ephemeral" } else { "table" };
            let node = json!({
                "resource_type": "model", "database": "d", "schema": "s", "name": name, "alias": name,
                "package_name": "p", "config": {"materialized": materialized}, "depends_on": {"nodes": ids},
            });
            (format!("model.p.{name}"), node)
        })
        .collect();
    let metadata = json!({
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
        "project_name": "p", "adapter_type": "bigquery",
    });
    json!({"metadata": metadata, "nodes": nodes})
        .to_string()
        .into_bytes()
}

fn reads(bytes: &[u8]) -> BTreeSet<(String, String)> {
    let facts = golden::run::<Dbt>("{}", &[("manifest.json", bytes)])
        .unwrap()
        .to_json();
    let name = |end: &Value| {
        end["name"]
            .as_str()
            .unwrap()
            .rsplit('.')
            .next()
            .unwrap()
            .to_owned()
    };
    let edges = facts["edges"].as_array().unwrap();
    let reads = edges.iter().filter(|edge| edge["kind"] == "READS");
    reads
        .map(|edge| (name(&edge["from"]), name(&edge["to"])))
        .collect()
}

#[test]
fn a_chain_of_ten_thousand_ephemeral_models_is_one_edge() {
    let count = 10_000;
    let mut models = BTreeMap::from([("first".to_owned(), (false, vec![]))]);
    for index in 0..count {
        let below = if index == 0 {
            "first".to_owned()
        } else {
            format!("e{}", index - 1)
        };
        models.insert(format!("e{index}"), (true, vec![below]));
    }
    models.insert("last".to_owned(), (false, vec![format!("e{}", count - 1)]));
    assert_eq!(
        reads(&manifest(&models)),
        BTreeSet::from([("first".to_owned(), "last".to_owned())])
    );
}

/// What a model reads, by the definition: an ephemeral one is replaced by what it reads.
fn naive(
    models: &BTreeMap<String, (bool, Vec<String>)>,
    name: &str,
    seen: &mut BTreeSet<String>,
    origins: &mut BTreeSet<String>,
) {
    for dependency in &models[name].1 {
        if !models[dependency].0 {
            origins.insert(dependency.clone());
        } else if seen.insert(dependency.clone()) {
            naive(models, dependency, seen, origins);
        }
    }
}

fn graphs() -> impl Strategy<Value = BTreeMap<String, (bool, Vec<String>)>> {
    prop::collection::vec(
        (any::<bool>(), prop::collection::vec(0..12_usize, 0..4)),
        12,
    )
    .prop_map(|models| {
        let name = |index: usize| format!("m{index}");
        let with_names =
            models
                .into_iter()
                .enumerate()
                .map(|(index, (is_ephemeral, dependencies))| {
                    (
                        name(index),
                        (is_ephemeral, dependencies.into_iter().map(name).collect()),
                    )
                });
        with_names.collect()
    })
}

fn sample() -> Vec<u8> {
    include_bytes!("golden/every_kind_of_node/inputs/manifest.json").to_vec()
}

/// What a real project leaves, the manifest first.
const ARTIFACTS: [(&str, &[u8]); 4] = [
    (
        "manifest.json",
        include_bytes!("golden/what_a_real_project_leaves/inputs/manifest.json"),
    ),
    (
        "catalog.json",
        include_bytes!("golden/what_a_real_project_leaves/inputs/catalog.json"),
    ),
    (
        "run_results.json",
        include_bytes!("golden/what_a_real_project_leaves/inputs/run_results.json"),
    ),
    (
        "sources.json",
        include_bytes!("golden/what_a_real_project_leaves/inputs/sources.json"),
    ),
];

/// Edges and jobs, which results do not bear on.
fn lineage(facts: &golden::Facts) -> (Value, Value) {
    let json = facts.to_json();
    (json["edges"].clone(), json["jobs"].clone())
}

#[test]
fn what_is_cut_off_beside_a_manifest_costs_only_itself() {
    let whole = golden::run::<Dbt>("{}", &ARTIFACTS).unwrap();
    for at in 1..ARTIFACTS.len() {
        let mut inputs = ARTIFACTS;
        inputs[at].1 = &inputs[at].1[..inputs[at].1.len() - 10];
        let facts = golden::run::<Dbt>("{}", &inputs).unwrap();
        let errors: Vec<_> = facts
            .diagnostics()
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .map(|found| (found.code.as_str(), &*found.at.as_ref().unwrap().artifact))
            .collect();
        assert_eq!(errors, [("dbt/truncated", inputs[at].0)]);
        assert_eq!(lineage(&facts), lineage(&whole));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_graph_is_folded_as_the_definition_says(models in graphs()) {
        let mut expected = BTreeSet::new();
        for (name, (is_ephemeral, _)) in &models {
            if !is_ephemeral {
                let mut origins = BTreeSet::new();
                naive(&models, name, &mut BTreeSet::new(), &mut origins);
                expected.extend(origins.into_iter().map(|origin| (origin, name.clone())));
            }
        }
        prop_assert_eq!(reads(&manifest(&models)), expected);
    }

    #[test]
    fn a_cut_manifest_is_malformed_where_it_was_cut(cut in 0..4000_usize) {
        let bytes = sample();
        let Err(ExtractError::Malformed(found)) = golden::run::<Dbt>("{}", &[("m", &bytes[..cut])]) else {
            panic!("{cut} of {} bytes were taken for a manifest", bytes.len());
        };
        let offset = found.at.unwrap().byte_offset.unwrap();
        prop_assert!(offset <= cut as u64 && offset + 1 >= cut as u64, "{offset} for a cut at {cut}");
    }

    #[test]
    fn any_artifact_that_is_cut_is_malformed_where_it_was_cut(kind in 0..4_usize, cut: prop::sample::Index) {
        let (name, bytes) = ARTIFACTS[kind];
        // Without its last brace and line end it is not whole.
        let cut = cut.index(bytes.len() - 2);
        let Err(ExtractError::Malformed(found)) = golden::run::<Dbt>("{}", &[(name, &bytes[..cut])]) else {
            panic!("{cut} of {} bytes were taken for {name}", bytes.len());
        };
        let offset = found.at.unwrap().byte_offset.unwrap();
        prop_assert!(offset <= cut as u64 && offset + 1 >= cut as u64, "{offset} for a cut at {cut}");
    }

    #[test]
    fn a_flipped_byte_of_any_artifact_never_panics(kind in 0..4_usize, at: prop::sample::Index, byte: u8, is_alone: bool) {
        let mut inputs: Vec<(&str, Vec<u8>)> = ARTIFACTS.map(|(name, bytes)| (name, bytes.to_vec())).to_vec();
        let at = at.index(inputs[kind].1.len());
        inputs[kind].1[at] = byte;
        if is_alone {
            inputs = vec![inputs.swap_remove(kind)];
        }
        let inputs: Vec<(&str, &[u8])> = inputs.iter().map(|(name, bytes)| (*name, &**bytes)).collect();
        // Whatever comes back, facts or an error, it is checked against the contract.
        if let Err(error) = golden::run::<Dbt>("{}", &inputs) {
            prop_assert!(!matches!(error, ExtractError::Internal(_)), "{error:?}");
        }
    }

    #[test]
    fn a_flipped_byte_never_panics(at in 0..10_000_usize, byte: u8) {
        let mut bytes = sample();
        let at = at % bytes.len();
        bytes[at] = byte;
        // Whatever comes back, facts or an error, it is checked against the contract.
        if let Err(error) = golden::run::<Dbt>("{}", &[("m", &bytes)]) {
            prop_assert!(!matches!(error, ExtractError::Internal(_)), "{error:?}");
        }
    }
}
