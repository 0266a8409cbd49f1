//! Assets by filter, what is unresolved, data products, extractors.

use std::sync::Arc;
use std::time::Duration;

use headwater_graphql::{Api, Limits};
use headwater_model::{
    Digest, ExtractorDescription, ExtractorLimits, ExtractorVersion, Facts, InputPattern, Statement,
};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::support::{PG, ask, ask_with, attribute, engine, name, snapshot};

fn extractor() -> ExtractorDescription {
    ExtractorDescription {
        name: "dbt".into(),
        version: "1.2.0".into(),
        summary: "Reads what dbt writes".into(),
        api_version: "0.1".into(),
        digest: Digest::of(b"dbt"),
        inputs: vec![InputPattern {
            glob: "**/manifest.json".into(),
            media_type: "application/json".into(),
            is_required: true,
        }],
        config_schema: Some(r#"{"type":"object"}"#.into()),
        limits: ExtractorLimits {
            memory_bytes_max: 256 << 20,
            timeout: Duration::from_secs(30),
            facts_max: 1_000_000,
            read_bytes_max: 16 << 30,
        },
    }
}

fn api() -> Api {
    let engine = engine();
    let mut facts = Facts::default();
    for (text, product) in [
        ("orders", "Order facts"),
        ("stage", "Order facts"),
        ("raw", "Inputs"),
    ] {
        let on = name(PG, &format!("shop.public.{text}")).dataset();
        facts
            .attributes
            .push(attribute(on.clone(), "data-product", product));
        facts
            .attributes
            .push(attribute(on, "owner.steward", &format!("steward-{text}")));
    }
    let on = name(PG, "shop.public.stage").dataset();
    facts.attributes.push(attribute(
        on,
        "data-product-description",
        "what was ordered",
    ));
    let mut submission = snapshot("orders/products", facts, Vec::new());
    if let Statement::Snapshot(snapshot) = &mut submission.statement {
        let about = extractor();
        snapshot.extractor = Some(ExtractorVersion {
            name: about.name,
            version: about.version,
            digest: about.digest.to_string().into(),
        });
    }
    engine.submit_and_wait(submission).expect("accepted");
    Api::new(Arc::new(engine), Limits::default()).with_plugins(vec![extractor()])
}

#[test]
fn a_data_product_is_what_its_datasets_say() {
    assert_json_snapshot!(ask(
        &api(),
        r#"{ domain(name: "orders") { dataProducts { id name description domain { name } owners { name type }
                outputPorts { totalCount nodes { reference isOutputPort dataProduct { name } } } } }
            dataset(namespace: "postgres://db:5432", name: "growth.report.churn") { isOutputPort dataProduct { name } } }"#
    ));
}

#[test]
fn a_data_product_is_found_by_its_id() {
    let api = api();
    let found = ask(
        &api,
        r#"{ domain(name: "orders") { dataProducts { id } } }"#,
    );
    for product in found["domain"]["dataProducts"].as_array().expect("a list") {
        let id = product["id"].as_str().expect("an id");
        let node = ask(
            &api,
            &format!(r#"{{ node(id: "{id}") {{ __typename id }} }}"#),
        );
        assert_eq!(
            node["node"],
            json!({ "__typename": "DataProduct", "id": id })
        );
    }
    assert_eq!(
        ask(&api, r#"{ node(id: "dp_orders~0") { id } }"#)["node"],
        json!(null)
    );
}

/// Names of what a filter chooses.
#[track_caller]
fn check(filter: &str, expected: &str) {
    let query = format!(
        "{{ assets(filter: {{ {filter} }}) {{ totalCount nodes {{ __typename name }} }} }}"
    );
    let found = ask(&api(), &query);
    let nodes = found["assets"]["nodes"].as_array().expect("nodes");
    let names: Vec<&str> = nodes
        .iter()
        .filter_map(|node| node["name"].as_str())
        .collect();
    assert_eq!(names.join(" "), expected, "{filter}");
    assert_eq!(found["assets"]["totalCount"], json!(nodes.len()));
}

#[test]
fn a_filter_chooses_assets() {
    check(
        r#"dataProducts: ["Order facts"]"#,
        "shop.public.stage shop.public.orders",
    );
    check(r#"dataProducts: ["Inputs", "none"]"#, "shop.public.raw");
    check("dataProducts: []", "");
    check(
        r#"owners: ["steward-raw", "team-orders"]"#,
        "shop.public.raw shop.public.orders",
    );
    check(r#"tags: ["pii=high"]"#, "shop.public.orders");
    check(r#"tags: ["\u001fInputs"]"#, "");
    check(
        r#"domains: ["growth"], types: ["TABLE"]"#,
        "growth.report.orders growth.report.churn",
    );
    check(r#"types: ["MODEL"], text: "R""#, "orders report churn");
    check(
        r#"namespaces: ["dbt://shop"], domains: ["growth"]"#,
        "report churn",
    );
    check(r#"text: "PUBLIC.ST""#, "shop.public.stage");
}

#[test]
fn the_same_filter_holds_in_walks_and_lists() {
    let found = ask(
        &api(),
        r#"{ impact(of: ["shop.public.raw"], filter: { dataProducts: ["Order facts"] }) { totalCount }
            domain(name: "orders") { datasets(filter: { dataProducts: ["Inputs"] }) { nodes { name } } }
            search(text: "shop", filter: { dataProducts: ["Inputs"] }) { totalCount } }"#,
    );
    assert_eq!(
        found,
        json!({ "impact": { "totalCount": 2 }, "domain": { "datasets": { "nodes": [{ "name": "shop.public.raw" }] } },
            "search": { "totalCount": 1 } })
    );
}

#[test]
fn assets_are_paged_through_without_repeats() {
    let api = api();
    let query = "query($after: String) { assets(first: 3, after: $after) { totalCount \
        edges { node { name } cursor } pageInfo { endCursor hasNextPage } } }";
    let mut after = Value::Null;
    let mut found = Vec::new();
    let total = loop {
        let mut answer = ask_with(&api, query, &json!({ "after": after }));
        let page = answer["data"]["assets"].take();
        let edges = page["edges"].as_array().expect("edges").iter();
        found.extend(edges.map(|edge| edge["node"]["name"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break page["totalCount"].clone();
        }
    };
    assert_eq!(json!(found.len()), total);
    assert_eq!(found.len(), 9, "{found:?}");
}

#[test]
fn what_nobody_declares_is_listed_by_who_mentions_or_claims_it() {
    let api = api();
    let names = |arguments: &str| {
        let found = ask(
            &api,
            &format!("{{ unresolved{arguments} {{ nodes {{ name isUnresolved }} }} }}"),
        );
        found["unresolved"]["nodes"].clone()
    };
    let raw = json!([{ "name": "shop.public.raw", "isUnresolved": true }]);
    assert_eq!(names(""), raw);
    assert_eq!(names(r#"(domain: "orders")"#), raw);
    assert_eq!(names(r#"(domain: "growth")"#), json!([]));
    assert_eq!(names(r#"(domain: "nobody")"#), json!([]));
}

#[test]
fn extractors_are_described_and_sources_name_theirs() {
    let api = api();
    assert_json_snapshot!(ask(
        &api,
        r#"{ plugins { id name version description digest inputs { glob mediaType required } configSchema
                limits { memoryMebibytes timeoutMs outputFacts } }
            with: source(domain: "orders", name: "products") { plugin { name } }
            without: source(domain: "orders", name: "dbt") { plugin { name } } }"#
    ));
    let found = ask(&api, "{ plugins { id } }");
    let id = found["plugins"][0]["id"].as_str().expect("an id");
    let node = ask(
        &api,
        &format!(r#"{{ node(id: "{id}") {{ __typename id }} }}"#),
    );
    assert_eq!(node["node"], json!({ "__typename": "Plugin", "id": id }));
}
