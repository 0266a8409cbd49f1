//! Paging: forward through all, nothing twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_graphql::{Api, Limits};
use serde_json::{Value, json};

use crate::support::{ask_with, engine, fan, snapshot};

fn large_api() -> Api {
    let engine = engine();
    engine
        .submit_and_wait(snapshot("orders/fan", fan(25), Vec::new()))
        .expect("accepted");
    Api::new(Arc::new(engine), Limits::default())
}

/// Pages through the list at `pointer`, a few nodes at a time, and checks that each is there once.
fn check(api: &Api, query: &str, pointer: &str, expected: u64) {
    let step = if expected > 5 { 3 } else { 1 };
    let mut seen = BTreeSet::new();
    let mut after = Value::Null;
    loop {
        let response = ask_with(api, query, &json!({ "first": step, "after": after }));
        let list = response.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(list["totalCount"].as_u64(), Some(expected), "{response}");
        let page = &list["pageInfo"];
        assert_eq!(
            page["hasPreviousPage"],
            json!(!after.is_null()),
            "{pointer}"
        );
        let edges = list["edges"].as_array().expect("edges");
        let nodes = list["nodes"].as_array().expect("nodes");
        assert_eq!(nodes.len(), edges.len());
        for (edge, node) in edges.iter().zip(nodes) {
            assert_eq!(edge["node"], *node);
            let cursor = edge["cursor"].as_str().expect("a cursor").to_owned();
            assert!(seen.insert(cursor), "{pointer} shows {node} twice");
        }
        assert_eq!(
            page["endCursor"],
            edges.last().map_or(Value::Null, |e| e["cursor"].clone())
        );
        assert_eq!(
            page["startCursor"],
            edges.first().map_or(Value::Null, |e| e["cursor"].clone())
        );
        if page["hasNextPage"] == json!(false) {
            break;
        }
        after = page["endCursor"].clone();
    }
    assert_eq!(seen.len() as u64, expected, "{pointer}");
}

fn list(field: &str, node: &str) -> String {
    let node = format!("{{ {node} }}");
    format!(
        "{field} {{ totalCount pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} \
            edges {{ cursor node {node} }} nodes {node} }}"
    )
}

#[test]
fn every_list_is_paged_through_without_repeats() {
    let api = large_api();
    let page = "(first: $first, after: $after)";
    let ask = |around: &str, field: &str, node: &str| {
        let list = list(&format!("{field}{page}"), node);
        let (before, after) = around.split_once('@').expect("a place for the list");
        format!("query($first: Int, $after: String) {{ {before} {list} {after} }}")
    };
    let root = r#"dataset(namespace: "postgres://db:5432", name: "shop.public.orders") { @ }"#;
    check(
        &api,
        &ask(root, "fields", "name"),
        "/data/dataset/fields",
        3,
    );
    check(
        &api,
        &ask(root, "consumedBy", "name"),
        "/data/dataset/consumedBy",
        2,
    );
    check(
        &api,
        &ask(root, "producedBy", "name"),
        "/data/dataset/producedBy",
        1,
    );
    let job = r#"job(namespace: "dbt://shop", name: "fan") { @ }"#;
    check(&api, &ask(job, "outputs", "name"), "/data/job/outputs", 25);
    check(&api, &ask(job, "inputs", "name url"), "/data/job/inputs", 1);
    let impact = r#"impact(of: ["fan/root"]) { @ }"#;
    check(
        &api,
        &ask(impact, "assets", "hops asset { name }"),
        "/data/impact/assets",
        26,
    );
    check(
        &api,
        &ask(impact, "assets", "hops asset { url }"),
        "/data/impact/assets",
        26,
    );
    let source = r#"source(domain: "orders", name: "dbt") { @ }"#;
    check(
        &api,
        &ask(source, "submissions", "id"),
        "/data/source/submissions",
        1,
    );
    let submission = r#"source(domain: "orders", name: "dbt") { lastSubmission { @ } }"#;
    check(
        &api,
        &ask(submission, "diagnostics", "code pointer"),
        "/data/source/lastSubmission/diagnostics",
        3,
    );
    let domain = r#"domain(name: "orders") { @ }"#;
    check(
        &api,
        &ask(domain, "datasets", "name"),
        "/data/domain/datasets",
        29,
    );
    let links = r#"domain(name: "growth") { dependsOn { @ } }"#;
    check(
        &api,
        &ask(links, "crossings", "from to kind via { name }"),
        "/data/domain/dependsOn/0/crossings",
        2,
    );
    let search = list(
        r#"search(text: "fan/out", first: $first, after: $after)"#,
        "matched",
    );
    check(
        &api,
        &format!("query($first: Int, $after: String) {{ {search} }}"),
        "/data/search",
        25,
    );
}

#[test]
fn a_page_of_none_still_counts() {
    let api = large_api();
    let query = r#"{ impact(of: ["fan/root"]) { assets(first: 0) { totalCount nodes { hops } pageInfo { hasNextPage endCursor } } } }"#;
    let found = ask_with(&api, query, &json!({}));
    assert_eq!(
        found["data"]["impact"]["assets"],
        json!({"totalCount": 26, "nodes": [], "pageInfo": {"hasNextPage": true, "endCursor": null}})
    );
}
