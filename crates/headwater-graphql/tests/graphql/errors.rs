//! What clients see of failures.

use headwater_graphql::Limits;
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::json;

use crate::support::{api, ask_with, failure, read, respond, respond_to_get};

#[test]
fn an_ambiguous_root_fails_the_request_with_candidates() {
    let api = api(Limits::default());
    let query = r#"{ impact(of: ["orders"]) { totalCount } }"#;
    assert_json_snapshot!(ask_with(&api, query, &json!({})));
}

#[test]
fn each_failure_has_its_code() {
    let api = api(Limits::default());
    let of = |query: &str| failure(&api, query);
    assert_snapshot!(of(r#"{ impact(of: ["nowhere"]) { totalCount } }"#), @r#"NOT_FOUND: nothing is known by "nowhere""#);
    assert_snapshot!(of(r#"{ lineage(of: ["nowhere"]) { nodes { hops } } }"#), @r#"NOT_FOUND: nothing is known by "nowhere""#);
    assert_snapshot!(of(r#"{ resolve(reference: "") { steps } }"#), @r#"BAD_REFERENCE: "" is no reference: it is empty"#);
    assert_snapshot!(of(r#"{ impact(of: ["stage"], direction: BOTH) { totalCount } }"#), @"INVALID_INPUT: impact is UPSTREAM or DOWNSTREAM, not BOTH");
    assert_snapshot!(of(r#"{ impact(of: ["stage"], depth: -1) { totalCount } }"#), @"INVALID_INPUT: depth is -1, and can't be negative");
    assert_snapshot!(of("{ impact(of: []) { totalCount } }"), @"INVALID_INPUT: of names no asset");
    assert_snapshot!(of(r#"{ lineage(of: ["stage"], limit: 0) { nodes { hops } } }"#), @"INVALID_INPUT: limit is 0, and must be positive");
    assert_snapshot!(of(r#"{ search(text: "a", first: -1) { totalCount } }"#), @"INVALID_INPUT: first is -1, and can't be negative");
    assert_snapshot!(of(r#"{ search(text: "a", after: "x") { totalCount } }"#), @r#"INVALID_INPUT: after "x" is no cursor of search"#);
    assert_snapshot!(of(r#"{ dataset(namespace: "", name: "y") { id } }"#), @"INVALID_INPUT: namespace is empty");
    assert_snapshot!(of(r#"{ source(domain: "a/b", name: "y") { id } }"#), @"INVALID_INPUT: domain holds '/' at byte 1; only letters, digits, '-', '_' and '.' may stand there");
}

#[test]
fn what_the_library_refuses_is_invalid_input() {
    let api = api(Limits::default());
    for query in [
        "{ snapshot { offset }",
        "{ nothing }",
        "{ snapshot }",
        "{ snapshot { offset(asOf: 3) } }",
        "{ domainGraph(asOf: {knownAt: -1}) { snapshot { offset } } }",
        r#"{ domainGraph(asOf: {validAt: "yesterday"}) { snapshot { offset } } }"#,
        "{ domainGraph(asOf: 3) { snapshot { offset } } }",
        r#"{ impact(of: ["stage"], granularity: COLUMN) { totalCount } }"#,
        "{ impact(of: [5]) { totalCount } }",
        "{ search(text: 5) { totalCount } }",
        "query($x: Int!) { search(text: \"a\", first: $x) { totalCount } }",
        "mutation { x }",
        "subscription { x }",
        "",
    ] {
        let found = failure(&api, query);
        assert!(found.starts_with("INVALID_INPUT: "), "{query}: {found}");
    }
}

#[test]
fn a_reference_that_is_a_broken_object_names_the_part() {
    let api = api(Limits::default());
    for (of, part) in [
        (json!({"kind": "DATASET", "namespace": "a"}), "name"),
        (
            json!({"kind": "TABLE", "namespace": "a", "name": "b"}),
            "TABLE",
        ),
        (
            json!({"kind": "JOB", "namespace": "", "name": "b"}),
            "namespace",
        ),
        (
            json!({"kind": "JOB", "namespace": "a", "name": "b", "x": 1}),
            "x",
        ),
    ] {
        let query = "query($of: Reference!) { resolve(reference: $of) { steps } }";
        let response = ask_with(&api, query, &json!({ "of": of }));
        let error = &response["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_REFERENCE", "{response}");
        assert!(
            error["message"].as_str().expect("a message").contains(part),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_request_is_refused_as_a_graphql_response() {
    let api = api(Limits::default());
    for request in [
        "",
        "nonsense",
        "{}",
        r#"{"query": 5}"#,
        r#"{"query": "{ snapshot { offset } }", "variables": []}"#,
        r#" [{"query": "{ snapshot { offset } }"}]"#,
        r#"{"query": "{ snapshot { offset } }", "operationName": "x"}"#,
    ] {
        let response = respond(&api, request.as_bytes());
        assert!(!response.is_ok && !response.is_executed, "{request}");
        let found = read(&response);
        assert_eq!(
            found["errors"][0]["extensions"]["code"], "INVALID_INPUT",
            "{found}"
        );
        assert_eq!(found.get("data"), None);
    }
}

#[test]
fn mutations_are_refused_over_get() {
    let api = api(Limits::default());
    let found = read(&respond_to_get(&api, "mutation { x }", None));
    assert_eq!(
        found["errors"][0]["message"],
        "over GET only queries are answered; use POST"
    );
    let found = read(&respond_to_get(
        &api,
        "{ snapshot { offset } }",
        Some("nonsense"),
    ));
    assert_eq!(found["errors"][0]["extensions"]["code"], "INVALID_INPUT");
}

#[test]
fn where_a_field_fails_the_nearest_object_that_may_be_null_is() {
    let api = api(Limits::default());
    let dataset = r#"dataset(namespace: "postgres://db:5432", name: "shop.public.orders")"#;
    let partial = format!(
        r"{{ snapshot {{ offset }} {dataset} {{ name fields(first: -1) {{ totalCount }} }} }}"
    );
    let response = ask_with(&api, &partial, &json!({}));
    assert_eq!(response["data"]["dataset"], json!(null), "{response}");
    assert!(response["data"]["snapshot"]["offset"].is_u64());
    let whole = r#"{ snapshot { offset } impact(of: ["nowhere"]) { totalCount } }"#;
    let response = ask_with(&api, whole, &json!({}));
    assert_eq!(response["data"], json!(null), "{response}");
    let nullable = r#"{ snapshot { offset } dataset(namespace: "", name: "x") { id } }"#;
    let response = ask_with(&api, nullable, &json!({}));
    assert_eq!(response["data"]["dataset"], json!(null));
    assert!(
        response["data"]["snapshot"]["offset"].is_u64(),
        "{response}"
    );
}
