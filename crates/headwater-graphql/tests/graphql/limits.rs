//! Bounds of a request.

use headwater_graphql::Limits;
use insta::assert_snapshot;

use crate::support::{api, ask, engine, failure, fan, late_api, snapshot};

#[test]
fn each_bound_is_refused_with_what_was_found() {
    let api = api(Limits {
        page_max: 10,
        impact_page_max: 20,
        roots_max: 1,
        lineage_nodes_max: 5,
        filter_values_max: 1,
        search_bytes_max: 3,
        root_fields_max: 3,
        depth_max: 5,
        aliases_max: 3,
        complexity_max: 150,
        ..Limits::default()
    });
    let of = |query: &str| failure(&api, query);
    assert_snapshot!(of(r#"{ search(text: "a", first: 11) { totalCount } }"#), @"LIMIT_EXCEEDED: first is 11, more than 10");
    assert_snapshot!(of(r#"{ impact(of: ["stage"]) { assets(first: 21) { totalCount } } }"#), @"LIMIT_EXCEEDED: first is 21, more than 20");
    assert_snapshot!(of(r#"{ impact(of: ["stage", "raw"]) { totalCount } }"#), @"LIMIT_EXCEEDED: of is 2, more than 1");
    assert_snapshot!(of(r#"{ lineage(of: ["stage"], limit: 6) { snapshot { offset } } }"#), @"LIMIT_EXCEEDED: limit is 6, more than 5");
    assert_snapshot!(of(r#"{ impact(of: ["stage"], filter: {tags: ["a", "b"]}) { totalCount } }"#), @"LIMIT_EXCEEDED: tags of a filter is 2, more than 1");
    assert_snapshot!(of(r#"{ search(text: "abcd") { totalCount } }"#), @"LIMIT_EXCEEDED: the length of text in bytes is 4, more than 3");
    assert_snapshot!(of("{ a: snapshot { offset } b: snapshot { offset } c: snapshot { offset } d: snapshot { offset } }"), @"LIMIT_EXCEEDED: the number of fields at the query's root is 4, more than 3");
    assert_snapshot!(of("{ snapshot { a: offset b: offset c: offset d: offset } }"), @"LIMIT_EXCEEDED: the number of aliases in the query is 4, more than 3");
    assert_snapshot!(of("{ domains { sources { domain { sources { domain { name } } } } } }"), @"LIMIT_EXCEEDED: the depth of the query is 6, more than 5");
    assert_snapshot!(of(r#"{ impact(of: ["stage"]) { assets(first: 20) { nodes { hops path { id } } } } }"#), @"LIMIT_EXCEEDED: the complexity of the query is more than 150");
}

#[test]
fn the_largest_page_of_impact_is_within_the_default_bounds() {
    let api = api(Limits::default());
    let found = ask(
        &api,
        r#"{ impact(of: ["stage"]) { totalCount byDomain { key } assets(first: 10000) {
            edges { cursor node { hops crossesDomain asset { id reference namespace name type domain { name } } } }
            nodes { hops path { reference } } pageInfo { endCursor } } } }"#,
    );
    assert!(found["impact"]["totalCount"].is_u64());
}

#[test]
fn the_usual_introspection_query_is_within_the_default_bounds() {
    let api = api(Limits::default());
    let found = ask(&api, include_str!("introspection.graphql"));
    let types = found["__schema"]["types"].as_array().expect("types");
    assert!(types.iter().any(|t| t["name"] == "ImpactedAsset"));
}

#[test]
fn a_walk_that_takes_too_long_is_cut_and_says_so() {
    let engine = engine();
    engine
        .submit_and_wait(snapshot("orders/fan", fan(20_000), Vec::new()))
        .expect("accepted");
    let found = ask(
        &late_api(engine),
        r#"{ impact(of: ["fan/root"]) { totalCount completeness { walkComplete cutBy } } }"#,
    );
    assert_eq!(
        found["impact"]["completeness"]["cutBy"],
        serde_json::json!(["TIMEOUT"]),
        "{found}"
    );
    assert_eq!(found["impact"]["completeness"]["walkComplete"], false);
}

#[test]
fn a_lineage_with_more_nodes_than_its_limit_is_cut_and_says_so() {
    let api = api(Limits::default());
    let found = ask(
        &api,
        r#"{ lineage(of: ["stage"], limit: 2) { nodes { hops } completeness { walkComplete exhaustive cutBy } } }"#,
    );
    assert_eq!(
        found["lineage"]["completeness"]["cutBy"],
        serde_json::json!(["LIMIT"]),
        "{found}"
    );
    assert_eq!(found["lineage"]["nodes"].as_array().map(Vec::len), Some(2));
}
