//! Facts that people assert and take back.

use std::sync::Arc;

use headwater_graphql::{Api, Limits};
use insta::{assert_json_snapshot, assert_snapshot};

use crate::support::{ask, at, engine, failure, read, respond, respond_to_get};

fn api() -> Api {
    let api = Api::new(Arc::new(engine()), Limits::default());
    api.with_calendar(Arc::new(|| at(3600)))
}

const WHO: &str = r#"source: {domain: "growth"}, author: "ana", reason: "the export is by hand""#;

fn change(api: &Api, field: &str, arguments: &str) -> serde_json::Value {
    let query = format!(
        "mutation {{ {field}({arguments}, {WHO}) {{ about isChange offset addedCount removedCount \
         source {{ id name kind domain {{ name }} }} asset {{ reference domain {{ name }} }} }} }}"
    );
    ask(api, &query)[field].take()
}

#[test]
fn an_edge_is_asserted_shown_and_retracted() {
    let api = api();
    let edge = r#"from: "growth.report.churn", to: "shop.public.stage""#;
    assert_json_snapshot!("asserted", change(&api, "assertEdge", edge));
    let lineage = r#"{ lineage(of: ["growth.report.churn"], direction: DOWNSTREAM, depth: 1) { edges { kind
        assertedBy { source { name } validFrom validTo evidence { artifact note } } } } }"#;
    assert_json_snapshot!("shown", ask(&api, lineage));
    let again = change(&api, "assertEdge", edge);
    assert_eq!(again["isChange"], false);
    assert_json_snapshot!("retracted", change(&api, "retractEdge", edge));
    let shown = ask(&api, lineage);
    assert_eq!(shown["lineage"]["edges"], serde_json::json!([]));
    let history = r#"{ history(of: "shop.public.stage") { nodes { about assertion { source { name } validTo
        evidence { note } } } } }"#;
    let history = ask(&api, history)["history"]["nodes"].take();
    let told = history.as_array().expect("a list").iter();
    let told: Vec<_> = told
        .filter(|entry| entry["assertion"]["source"]["name"] == "manual")
        .collect();
    assert_json_snapshot!("history", told);
}

#[test]
fn the_answer_of_a_change_names_the_offset_at_which_it_is_visible() {
    let api = api();
    let query = format!(
        r#"{{"query": "mutation {{ assertTag(of: \"shop.public.stage\", name: \"pii\", {}) {{ offset }} }}"}}"#,
        WHO.replace('"', "\\\"")
    );
    let response = respond(&api, query.as_bytes());
    let offset = read(&response)["data"]["assertTag"]["offset"].as_u64();
    assert_eq!(offset, Some(response.offset));
}

#[test]
fn owners_tags_descriptions_and_aliases_are_asserted_and_retracted() {
    let api = api();
    let facts = [
        (
            "Owner",
            r#"of: "shop.public.stage", name: "team-x", type: "steward""#,
        ),
        (
            "Tag",
            r#"of: "shop.public.stage", name: "tier", value: "1""#,
        ),
        ("Tag", r#"of: "shop.public.stage#amount", name: "money""#),
        ("Description", r#"of: "shop.public.stage", text: "by hand""#),
        (
            "Alias",
            r#"of: "shop.public.raw", alias: {kind: DATASET, namespace: "s3://lake", name: "raw"}"#,
        ),
    ];
    let shown = r#"{ dataset(namespace: "postgres://db:5432", name: "shop.public.stage") { description owners { name type }
        tags { name value assertedBy { name kind } } fields { nodes { name tags { name } } } }
        raw: dataset(namespace: "s3://lake", name: "raw") { reference aliases { name reason source { name } } } }"#;
    let before = ask(&api, shown);
    let about: Vec<_> = facts
        .iter()
        .map(|(what, of)| change(&api, &format!("assert{what}"), of)["about"].take())
        .collect();
    assert_json_snapshot!("facts", (about, ask(&api, shown)));
    for (what, of) in facts {
        assert_eq!(
            change(&api, &format!("retract{what}"), of)["isChange"],
            true,
            "{what}"
        );
    }
    let after = ask(&api, shown);
    assert_eq!(after["dataset"], before["dataset"]);
    // A name that was ever stated stays known, as that of an asset which nobody says exists.
    assert_eq!(after["raw"]["reference"], "s3://lake/raw");
    assert_eq!(after["raw"]["aliases"], serde_json::json!([]));
}

#[test]
fn an_alias_of_two_that_are_declared_is_asserted_with_a_warning() {
    let api = api();
    let warned = |of: &str, alias: &str, rest: &str| {
        let query = format!(
            r#"mutation {{ assertAlias(of: "{of}", alias: "{alias}", {WHO}{rest}) {{ isChange warning }} }}"#
        );
        ask(&api, &query)["assertAlias"].take()
    };
    let rule = "postgres://db:5432/shop.public.stage and postgres://db:5432/shop.public.orders are both declared and stay \
        two: an alias merges no two datasets that are both declared, only a rule of identity does: see headwater aliases plan";
    let expected = serde_json::json!({"isChange": true, "warning": rule});
    let (stage, orders) = ("shop.public.stage", "shop.public.orders");
    assert_eq!(warned(stage, orders, ", dryRun: true"), expected);
    assert_eq!(warned(stage, orders, ""), expected);
    assert_eq!(warned(stage, orders, "")["warning"], rule);
}

#[test]
fn a_dry_run_changes_nothing() {
    let api = api();
    let before = ask(&api, "{ snapshot { offset } }");
    let dry = r#"of: "shop.public.stage", name: "pii", dryRun: true"#;
    assert_json_snapshot!("dry_run", change(&api, "assertTag", dry));
    assert_eq!(ask(&api, "{ snapshot { offset } }"), before);
}

#[test]
fn changes_are_refused_over_get() {
    let api = api();
    let query = format!(
        r#"mutation {{ assertTag(of: "shop.public.stage", name: "x", {WHO}) {{ offset }} }}"#
    );
    let response = respond_to_get(&api, &query, None);
    assert!(!response.is_executed);
    let error = &read(&response)["errors"][0];
    assert_eq!(error["extensions"]["code"], "INVALID_INPUT");
    let shown = ask(
        &api,
        r#"{ source(domain: "growth", name: "manual") { id } }"#,
    );
    assert_eq!(shown["source"], serde_json::Value::Null);
}

#[test]
fn each_failure_of_a_change_has_its_code() {
    let api = api();
    let of = |arguments: &str| failure(&api, &format!("mutation {{ {arguments} {{ offset }} }}"));
    let who = WHO;
    assert_snapshot!(of(&format!(r#"retractTag(of: "shop.public.stage", name: "x", {who})"#)), @"NOT_FOUND: source growth/manual does not assert that tag of postgres://db:5432/shop.public.stage is x");
    assert_snapshot!(of(&format!(r#"assertTag(of: "nowhere", name: "x", {who})"#)), @r#"NOT_FOUND: nothing is known by "nowhere""#);
    assert_snapshot!(of(&format!(r#"assertTag(of: "shop.public.stage", name: " ", {who})"#)), @"INVALID_INPUT: the owner or tag is empty");
    assert_snapshot!(of(&format!(r#"assertTag(of: "shop.public.stage", name: " ", value: "x", {who})"#)), @"INVALID_INPUT: the owner or tag is empty");
    assert_snapshot!(of(&format!(r#"assertOwner(of: "shop.public.stage#amount", name: "x", {who})"#)), @"INVALID_INPUT: owner is about a dataset or job, not about field amount");
    assert_snapshot!(of(r#"assertTag(of: "shop.public.stage", name: "x", source: {domain: "growth"}, author: "", reason: "r")"#), @"INVALID_INPUT: author is empty");
    assert_snapshot!(of(r#"assertTag(of: "shop.public.stage", name: "x", source: {domain: "orders", name: "dbt"}, author: "a", reason: "r")"#), @"INVALID_INPUT: source orders/dbt is of a tool: assert manual facts in another source");
    assert!(of(r#"assertTag(of: "shop.public.stage", name: "x", source: {domain: "orders"}, author: "a")"#).starts_with("INVALID_INPUT"));
}
