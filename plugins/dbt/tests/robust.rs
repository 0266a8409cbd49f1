//! Manifests of odd shapes: long chains, cycles, cuts and flipped bytes.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::collections::{BTreeMap, BTreeSet};

use dbt::Dbt;
use headwater_extractor::{ExtractError, golden};
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
