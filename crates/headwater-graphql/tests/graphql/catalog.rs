//! Which fields datasets have.

use headwater_graphql::Limits;
use serde_json::{Value, json};

use crate::support::{LAKE, PG, api, ask_with, engine, fan, read, respond, snapshot};

fn catalog(api: &headwater_graphql::Api, of: &Value) -> Value {
    let query = "query($of: [Reference!]!) { catalog(of: $of) { snapshot { offset } datasets {
        reference dataset { name } fields } } }";
    ask_with(api, query, &json!({ "of": of }))
}

fn named(namespace: &str, name: &str) -> Value {
    json!({"kind": "DATASET", "namespace": namespace, "name": name})
}

#[test]
fn every_reference_has_its_entry_and_what_nobody_lists_has_no_fields() {
    let api = api(Limits::default());
    let orders = named(PG, "shop.public.orders");
    let of = json!([
        named(PG, "shop.public.raw"),
        orders,
        named(PG, "nowhere"),
        named(LAKE, "orders/daily"),
        "shop.public.stage"
    ]);
    let mut answer = catalog(&api, &of);
    let datasets = answer["data"]["catalog"]["datasets"].take();
    let all = json!(["amount", "id", "status"]);
    let sorted = |entry: &Value| {
        let mut fields = entry["fields"].clone();
        if let Some(list) = fields.as_array_mut() {
            list.sort_by_key(ToString::to_string);
        }
        fields
    };
    let fields: Vec<Value> = datasets
        .as_array()
        .expect("a list")
        .iter()
        .map(sorted)
        .collect();
    assert_eq!(
        json!(fields),
        json!([null, all, null, all, all]),
        "{datasets}"
    );
    assert_eq!(datasets[0]["dataset"]["name"], "shop.public.raw");
    assert_eq!(datasets[2]["dataset"], Value::Null);
    assert_eq!(datasets[1]["reference"], orders);
    assert_eq!(datasets[1]["fields"], json!(["id", "status", "amount"]));
}

#[test]
fn a_job_has_no_fields() {
    let api = api(Limits::default());
    let answer = catalog(&api, &json!(["job:dbt://shop/orders"]));
    let entry = &answer["data"]["catalog"]["datasets"][0];
    assert_eq!(
        (&entry["dataset"], &entry["fields"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_catalog_has_bounds() {
    let engine = engine();
    let facts = fan(1001);
    engine
        .submit_and_wait(snapshot("lake/fan", facts, Vec::new()))
        .expect("accepted");
    let api = headwater_graphql::Api::new(std::sync::Arc::new(engine), Limits::default());
    let of = |count: usize| -> Value {
        (0..count)
            .map(|at| named(LAKE, &format!("fan/out-{at}")))
            .collect()
    };
    let answer = catalog(&api, &of(1000));
    let datasets = answer["data"]["catalog"]["datasets"].as_array();
    assert_eq!(datasets.map(Vec::len), Some(1000), "{answer}");
    let refused = catalog(&api, &of(1001));
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED",
        "{refused}"
    );
    assert_eq!(
        refused["errors"][0]["message"],
        "of is 1001, more than 1000"
    );
}

#[test]
fn a_catalog_of_the_past_has_the_fields_of_then() {
    let api = api(Limits::default());
    let query = r#"{"query": "{ catalog(of: [\"shop.public.orders\"], asOf: {knownAt: 1}) { snapshot { offset } datasets { fields } } }"}"#;
    let answer = read(&respond(&api, query.as_bytes()));
    let past = &answer["data"]["catalog"];
    assert_eq!(past["snapshot"]["offset"], 1, "{answer}");
    assert_eq!(past["datasets"][0]["fields"], Value::Null);
}
