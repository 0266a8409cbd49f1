//! Damaged events are read or refused, and never more than that.

use headwater_model::{Digest, Severity};
use headwater_openlineage::{Mode, parse_event, parse_event_with};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::notation::{run_event, show};

/// An event with every facet that is read.
fn full() -> String {
    run_event(json!({
        "run": {"facets": {
            "parent": {"run": {"runId": "r"}, "job": {"namespace": "etl", "name": "dag"}},
            "nominalTime": {"nominalStartTime": "2026-01-30T00:00:00Z"},
            "airflow": {"taskInstance": {"log_url": "https://a@b/c"}},
        }},
        "job": {"facets": {
            "jobType": {"jobType": "task"}, "sql": {"query": "select \"é\" \u{1f600}"},
            "sourceCode": {"sourceCode": "x"}, "ownership": {"owners": [{"name": "a", "type": "B"}]},
        }},
        "inputs": [{"namespace": "db", "name": "raw"}],
        "outputs": [{"namespace": "db", "name": "orders", "facets": {
            "schema": {"fields": [{"name": "a", "fields": [{"name": "b"}]}]},
            "tags": {"tags": [{"key": "k", "value": "v", "field": "a"}]},
            "symlinks": {"identifiers": [{"namespace": "n", "name": "m", "type": "T"}]},
            "dataSource": {"name": "x", "uri": "postgres://u:p@h/d"},
            "datasetType": {"datasetType": "table", "subType": "s"},
            "columnLineage": {"fields": {"a": {"inputFields": [{"namespace": "db", "name": "raw", "field": "f",
                "transformations": [{"type": "DIRECT", "masking": true}]}]}}, "dataset": []},
        }}],
    }))
    .to_string()
}

/// An event with explicit lineage of every kind, in its place and out of it.
fn explicit() -> String {
    run_event(json!({
        "job": {"facets": {"lineage": {"entries": [
            {"namespace": "db", "name": "orders", "type": "DATASET",
             "inputs": [{"namespace": "db", "name": "raw", "type": "DATASET", "field": "f"}],
             "fields": {"x": {"inputs": [{"type": "JOB", "transformations": [{"type": "DIRECT"}]}]}}},
            {"namespace": "etl", "name": "next", "type": "JOB", "runId": "0190f7d4-93b1-7d3a-8c5e-2f1f6f2f9d01",
             "inputs": [{"namespace": "etl", "name": "daily", "type": "JOB"}, {"namespace": "db", "name": "raw", "type": "DATASET"}]},
        ]}}},
        "inputs": [{"namespace": "db", "name": "raw"}],
        "outputs": [{"namespace": "db", "name": "orders", "facets": {
            "columnLineage": {"fields": {"a": {"inputFields": [{"namespace": "db", "name": "raw", "field": "f"}]}}},
            "lineage": {"inputs": [], "fields": {"a": {"inputs": [{"namespace": "db", "name": "raw", "type": "DATASET"}]}}},
        }}],
    }))
    .to_string()
}

/// Every pointer in `value`.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| pointers(value, &format!("{at}/{key}"), found)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), found)),
        _ => {}
    }
}

#[test]
fn every_beginning_of_an_event_is_refused_with_its_place() {
    for text in [full(), explicit()] {
        every_beginning(&text);
    }
}

fn every_beginning(text: &str) {
    for end in 0..text.len() {
        let error = parse_event(&text.as_bytes()[..end]).expect_err("refused");
        assert_eq!(error.pointer, "", "{end}");
    }
    assert!(parse_event(text.as_bytes()).is_ok());
}

#[test]
fn any_value_anywhere_is_read_or_refused_and_strict_refuses_what_is_warned_of() {
    for text in [full(), explicit()] {
        any_value_anywhere(&serde_json::from_str(&text).unwrap());
    }
}

fn any_value_anywhere(full: &Value) {
    let mut places = Vec::new();
    pointers(full, "", &mut places);
    assert!(places.len() > 70, "{}", places.len());
    for place in &places {
        for value in [
            json!(null),
            json!(true),
            json!(-1),
            json!(""),
            json!("\u{0}"),
            json!([]),
            json!({}),
            json!([[null]]),
        ] {
            let mut event = full.clone();
            *event.pointer_mut(place).unwrap() = value;
            let text = event.to_string();
            let lenient = parse_event(text.as_bytes());
            let strict = parse_event_with(text.as_bytes(), Mode::Strict);
            match (lenient, strict) {
                (Err(lenient), Err(_)) => assert!(
                    places.contains(&lenient.pointer)
                        || lenient.pointer.starts_with(place.as_str()),
                    "{lenient}"
                ),
                (Ok(event), Err(strict)) => {
                    let mut told = event.diagnostics.iter();
                    let first = told.find(|told| told.severity != Severity::Info).unwrap();
                    let first = first.at.clone().unwrap();
                    assert_eq!(first.pointer.as_deref(), Some(&*strict.pointer));
                }
                (Ok(lenient), Ok(strict)) => assert_eq!(lenient, strict),
                (Err(lenient), Ok(_)) => panic!("only strict mode takes {text}: {lenient}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_bytes_never_panic(is_explicit: bool, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = if is_explicit { explicit() } else { full() }.into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(event) = parse_event(&bytes) {
            prop_assert_eq!(event.digest, Digest::of(&bytes));
        }
    }

    #[test]
    fn parts_put_together_never_panic(is_explicit: bool, cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..5)) {
        let text = if is_explicit { explicit() } else { full() }.into_bytes();
        let mut bytes = Vec::new();
        for (from, to) in cuts {
            let (from, to) = (from.index(text.len()), to.index(text.len()));
            bytes.extend_from_slice(&text[from.min(to)..from.max(to)]);
        }
        let _ = parse_event(&bytes);
    }

    #[test]
    fn shuffled_lists_state_the_same(order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let event = |order: &[usize]| {
            let datasets: Vec<Value> = order
                .iter()
                .map(|index| json!({"namespace": "db", "name": format!("t{}", index % 4), "facets": {
                    "documentation": {"description": format!("d{index}")},
                    "schema": {"fields": [{"name": format!("f{index}"), "type": "int"}, {"name": "id", "type": format!("t{index}")}]},
                    "custom": {"v": index},
                }}))
                .collect();
            let event = run_event(json!({"inputs": datasets, "outputs": datasets}));
            show(&parse_event(event.to_string().as_bytes()).unwrap().facts)
        };
        prop_assert_eq!(event(&order), event(&[0, 1, 2, 3, 4, 5]));
    }
}
