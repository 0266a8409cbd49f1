//! Equal events state equal facts, whatever their order.

use headwater_openlineage::parse_event;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::notation::{facts, run_event, show};

fn inputs_and_outputs(inputs: &Value, outputs: &Value) -> Value {
    run_event(json!({"inputs": inputs, "outputs": outputs}))
}

#[test]
fn the_order_of_inputs_and_outputs_does_not_matter() {
    let [a, b] = ["a", "b"].map(|name| {
        json!({"namespace": "db", "name": name, "facets": {
            "tags": {"tags": [{"key": "x", "value": "1"}, {"key": name, "value": "2"}]},
            "custom": {"of": name},
        }})
    });
    assert_eq!(
        facts(&inputs_and_outputs(&json!([a, b]), &json!([b, a]))),
        facts(&inputs_and_outputs(&json!([b, a]), &json!([a, b]))),
    );
}

#[test]
fn the_order_of_keys_does_not_matter() {
    let check = |a: &str, b: &str| {
        let event = |dataset: &str| {
            let text = format!(
                r#"{{"eventTime": "2026-01-31T09:30:00Z", "dataset": {{"namespace": "db", "name": "a", "facets": {dataset}}}}}"#
            );
            show(&parse_event(text.as_bytes()).unwrap().facts)
        };
        assert_eq!(event(a), event(b));
    };
    check(
        r#"{"z": {"q": 1}, "a": {"q": 2}, "documentation": {"description": "d"}, "columnLineage": {"fields": {
            "x": {"inputFields": [{"namespace": "db", "name": "s", "field": "f"}]},
            "y": {"inputFields": [{"namespace": "db", "name": "t", "field": "f"}]}}}}"#,
        r#"{"columnLineage": {"fields": {
            "y": {"inputFields": [{"field": "f", "name": "t", "namespace": "db"}]},
            "x": {"inputFields": [{"field": "f", "name": "s", "namespace": "db"}]}}},
            "documentation": {"description": "d"}, "a": {"q": 2}, "z": {"q": 1}}"#,
    );
}

#[test]
fn a_dataset_that_is_named_twice_in_a_list_is_one_fact() {
    let full = json!({"namespace": "db", "name": "a", "facets": {
        "schema": {"fields": [{"name": "id", "type": "int"}]},
        "custom": {"v": 1},
    }});
    let other = json!({"namespace": "db", "name": "a", "facets": {
        "schema": {"fields": [{"name": "id", "type": "bigint"}, {"name": "at", "type": "date"}]},
        "custom": {"v": 2},
    }});
    let forth = facts(&inputs_and_outputs(&json!([full, other, full]), &json!([])));
    let back = facts(&inputs_and_outputs(&json!([other, full]), &json!([])));
    assert_eq!(forth, back);
    assert_snapshot!(forth, @r#"
    job etl/daily JOB
    dataset db/a DATASET mentioned
      id: bigint
      at: date
    db/a READS job:etl/daily
    facet db/a custom {"v":1}
    "#);
}

#[test]
fn an_output_that_is_also_an_input_is_declared_and_its_facets_as_output_win() {
    let input = json!({"namespace": "db", "name": "a", "facets": {
        "custom": {"as": "input"},
        "documentation": {"description": "from the input"},
        "datasetType": {"datasetType": "view"},
    }});
    let output = json!({"namespace": "db", "name": "a", "facets": {
        "custom": {"as": "output"},
        "documentation": {"description": "from the output"},
    }});
    assert_snapshot!(facts(&inputs_and_outputs(&json!([input]), &json!([output]))), @r#"
    job etl/daily JOB
    dataset db/a VIEW declared "from the output"
    db/a READS job:etl/daily
    job:etl/daily WRITES db/a
    facet db/a custom {"as":"output"}
    "#);
}

#[test]
fn of_a_key_that_comes_twice_the_last_value_counts() {
    let text = r#"{
        "eventTime": "yesterday", "eventTime": "2026-01-31T09:30:00Z",
        "job": {"namespace": "no", "namespace": "etl", "name": 7, "name": "daily", "facets": {
            "sql": {"query": "select 1"}, "custom": {"v": 1},
            "sql": {"query": 2, "query": "select 2"}, "custom": {"v": 2}}},
        "run": null, "run": {"runId": "0190f7d4-93b1-7d3a-8c5e-2f1f6f2f9d01"},
        "outputs": [{"namespace": "db", "name": "a"}], "outputs": []
    }"#;
    let event = parse_event(text.as_bytes()).unwrap();
    assert_snapshot!(show(&event.facts), @r#"
    job etl/daily JOB sql="select 2"
    facet job:etl/daily custom {"v": 2}
    "#);
}
