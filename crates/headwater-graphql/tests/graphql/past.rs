//! The past: lineage as it was, and what differs.

use std::sync::Arc;

use headwater_engine::{Engine, EngineOptions};
use headwater_graphql::{Api, Limits};
use headwater_model::{Coverage, Facts, Statement, Submission, Timestamp};
use headwater_store::{MemoryLog, MemoryState};
use serde_json::{Value, json};

use crate::support::{PG, ask, dataset, job, name, snapshot};

/// After two snapshots: what was read on the first day and what is read since the tenth.
fn told(first: &[&str], second: &[&str]) -> Api {
    let (log, state) = (Arc::new(MemoryLog::new()), Arc::new(MemoryState::new()));
    let (engine, _) = Engine::open(log, state, EngineOptions::default()).expect("an engine");
    for (day, reads) in [(1, first), (10, second)] {
        let submission = made_on(day, facts(reads, "out"));
        engine.submit_and_wait(submission).expect("accepted");
    }
    Api::new(Arc::new(engine), Limits::default())
}

fn ask_with(api: &Api, query: &str, variables: &Value) -> Value {
    let mut response = crate::support::ask_with(api, query, variables);
    assert_eq!(response.get("errors"), None, "{response}");
    response["data"].take()
}

fn facts(reads: &[&str], writes: &str) -> Facts {
    let mut facts = Facts::default();
    let pg = |text: &str| name(PG, text).dataset();
    for text in reads.iter().chain([&writes]) {
        facts.datasets.push(dataset(PG, text, true));
    }
    let reads: Vec<_> = reads.iter().map(|text| pg(text)).collect();
    job("load", &reads, &[pg(writes)], &mut facts);
    facts
}

fn made_on(day: u32, facts: Facts) -> Submission {
    let mut submission = snapshot("shop/dbt", facts, Vec::new());
    if let Statement::Snapshot(snapshot) = &mut submission.statement {
        let (at, _) = Timestamp::parse(&format!("2026-03-{day:02}")).expect("a time");
        snapshot.generated_at = Some(at);
        snapshot.covers = Coverage::ALL;
        snapshot.digest = headwater_model::Digest::of(&day.to_be_bytes());
    }
    submission
}

#[test]
fn a_question_about_the_past_is_answered_from_it_as_a_whole() {
    let api = told(&["old"], &["new"]);
    let now = ask(
        &api,
        r#"{ lineage(of: ["out"], direction: UPSTREAM) { nodes { entity { ... on Dataset { name } } } } }"#,
    );
    assert!(
        now.to_string().contains("new") && !now.to_string().contains("old"),
        "{now}"
    );
    let then = ask(
        &api,
        r#"{ lineage(of: ["out"], direction: UPSTREAM, asOf: {validAt: "2026-03-05T00:00:00Z"}) {
            nodes { entity { ... on Dataset { name retiredAt assertedBy { validTo } } } }
            edges { assertedBy { validFrom validTo } } snapshot { offset } } }"#,
    );
    let text = then.to_string();
    assert!(text.contains("old") && !text.contains("\"new\""), "{then}");
    assert!(
        text.contains(r#""validTo":"2026-03-10T00:00:00Z""#),
        "{then}"
    );
    let known = ask(
        &api,
        r#"{ impact(of: ["old"], asOf: {knownAt: 1}) { totalCount snapshot { offset } } }"#,
    );
    assert_eq!(
        known["impact"],
        json!({"totalCount": 2, "snapshot": {"offset": 1}})
    );
    // Of one asset now, what read it then.
    let both = ask(
        &api,
        r#"{ dataset(namespace: "postgres://db:5432", name: "old") {
            now: consumedBy { totalCount } then: consumedBy(asOf: {knownAt: 1}) { totalCount nodes { name inputs { nodes { name } } } }
            retiredAt } }"#,
    );
    assert_eq!(both["dataset"]["now"]["totalCount"], 0);
    assert_eq!(
        both["dataset"]["then"]["nodes"][0]["inputs"]["nodes"][0]["name"],
        "old"
    );
    assert_eq!(both["dataset"]["retiredAt"], "2026-03-10T00:00:00Z");
}

#[test]
fn a_diff_tells_what_came_and_what_went() {
    let api = told(&["old", "kept"], &["new", "kept"]);
    let query = r"query($from: AsOf!, $to: AsOf!) { diff(from: $from, to: $to) {
        addedAssets { nodes { name retiredAt } } removedAssets { nodes { name retiredAt } }
        addedEdges { totalCount nodes { kind assertedBy { validFrom } } } removedEdges { totalCount nodes { kind assertedBy { validTo } } }
        from { offset } to { offset } completeness { exhaustive } } }";
    let expected = json!({
        "addedAssets": {"nodes": [{"name": "new", "retiredAt": null}]},
        "removedAssets": {"nodes": [{"name": "old", "retiredAt": null}]},
        "addedEdges": {"totalCount": 1, "nodes": [{"kind": "READS", "assertedBy": [{"validFrom": "2026-03-10T00:00:00Z"}]}]},
        "removedEdges": {"totalCount": 1, "nodes": [{"kind": "READS", "assertedBy": [{"validTo": null}]}]},
        "from": {"offset": 1},
        "to": {"offset": 2},
        "completeness": {"exhaustive": true},
    });
    let answer = ask_with(&api, query, &json!({"from": {"knownAt": 1}, "to": {}}));
    assert_eq!(answer["diff"], expected);
    let valid = json!({"from": {"validAt": "2026-03-02T00:00:00Z"}, "to": {"validAt": "2026-03-11T00:00:00Z"}});
    let answer = ask_with(&api, query, &valid);
    assert_eq!(answer["diff"]["addedAssets"], expected["addedAssets"]);
    assert_eq!(
        answer["diff"]["removedEdges"]["nodes"][0]["assertedBy"][0]["validTo"],
        "2026-03-10T00:00:00Z"
    );
}

#[test]
fn what_nobody_asserts_any_more_is_listed_on_request() {
    let api = told(&["old"], &["new"]);
    let query = r#"{ assets(filter: {includeRetired: false, types: ["TABLE"]}) { nodes { name } }
        all: assets(filter: {includeRetired: true, types: ["TABLE"]}) { nodes { name } } }"#;
    let answer = ask(&api, query);
    let names = |list: &serde_json::Value| {
        let nodes = list["nodes"].as_array().expect("a list");
        nodes
            .iter()
            .map(|node| node["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&answer["assets"]), ["out", "new"]);
    assert_eq!(names(&answer["all"]), ["old", "out", "new"]);
    let found = ask(
        &api,
        r#"{ no: search(text: "old") { totalCount } yes: search(text: "old", filter: {includeRetired: true}) { totalCount } }"#,
    );
    assert_eq!(
        found,
        json!({"no": {"totalCount": 0}, "yes": {"totalCount": 1}})
    );
}

#[test]
fn history_tells_who_said_what_since_and_until_when() {
    let api = told(&["old"], &["new"]);
    let answer = ask(
        &api,
        r#"{ history(of: "job:dbt://shop/load") { totalCount nodes { about assertion { validFrom validTo assertedAt source { name } evidence { pointer } } } } }"#,
    );
    let lines: Vec<String> = answer["history"]["nodes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|node| {
            format!(
                "{} {} {}",
                node["about"], node["assertion"]["validFrom"], node["assertion"]["validTo"]
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_answer_names_the_sources_that_broke_their_promise_and_is_not_exhaustive() {
    let (log, state) = (Arc::new(MemoryLog::new()), Arc::new(MemoryState::new()));
    let (engine, _) = Engine::open(log, state, EngineOptions::default()).expect("an engine");
    let (then, _) = Timestamp::parse("2026-03-02").expect("a time");
    let source = headwater_model::SourceKey::parse("shop/dbt").expect("a source");
    let daily = headwater_model::Cadence::parse("24h").expect("a cadence");
    let mesh = headwater_model::Mesh::default().with_cadences([(source, daily)].into());
    engine.set_mesh(mesh, then).expect("a mesh");
    let mut submission = made_on(1, facts(&["in"], "out"));
    submission.received_at = then;
    engine.submit_and_wait(submission).expect("accepted");
    let api = Api::new(Arc::new(engine), Limits::default());
    let said = |as_of: &str| {
        let found = ask(
            &api,
            &format!(
                "{{ impact(of: [\"in\"], direction: DOWNSTREAM{as_of}) {{ completeness {{ exhaustive walkComplete \
                 staleSources {{ name isStale }} }} }} }}"
            ),
        );
        found["impact"]["completeness"].clone()
    };
    let stale = json!({
        "exhaustive": false, "walkComplete": true, "staleSources": [{"name": "dbt", "isStale": true}]
    });
    let fresh = json!({"exhaustive": true, "walkComplete": true, "staleSources": []});
    assert_eq!(said(""), stale, "the machine's clock is beyond March 2026");
    assert_eq!(said(", asOf: {validAt: \"2026-03-02T23:00:00Z\"}"), fresh);
    assert_eq!(said(", asOf: {validAt: \"2026-03-03T01:00:00Z\"}"), stale);
}
