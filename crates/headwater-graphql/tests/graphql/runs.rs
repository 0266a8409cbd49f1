//! Runs of jobs.

use std::sync::Arc;

use headwater_graphql::{Api, Limits};
use headwater_model::{RunDetails, RunFact, RunId, RunState};
use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{DBT, ask, ask_with, at, engine, failure, name, run_event, snapshot};

fn api() -> Api {
    let engine = engine();
    let details = RunDetails {
        nominal_start: Some(at(0)),
        nominal_end: Some(at(3600)),
        parent: Some((name(DBT, "load"), RunId::parse("dag-1").expect("an id"))),
        url: Some("https://airflow/run-2".into()),
        error: None,
    };
    let failed = RunDetails {
        error: Some("disk full".into()),
        ..RunDetails::default()
    };
    let mut told = headwater_model::Facts::default();
    for of in ["stage", "orders"] {
        told.runs.push(RunFact {
            job: name(DBT, of),
            run: RunId::parse("invocation").expect("an id"),
            state: RunState::Complete,
            started_at: Some(at(1)),
            ended_at: Some(at(2)),
            message: Some("SELECT 3".into()),
        });
    }
    let mut results = snapshot("orders/dbt-runs", told, Vec::new());
    if let headwater_model::Statement::Snapshot(snapshot) = &mut results.statement {
        snapshot.covers = headwater_model::Coverage::NONE;
    }
    let raw = &["shop.public.raw"][..];
    let out = &["shop.public.loaded"][..];
    for submission in [
        run_event(
            "dag-1",
            0,
            RunState::Running,
            (&[], &[]),
            RunDetails::default(),
        ),
        run_event(
            "run-1",
            10,
            RunState::Complete,
            (raw, out),
            RunDetails::default(),
        ),
        run_event("run-2", 20, RunState::Start, (raw, &[]), details),
        run_event("run-2", 25, RunState::Fail, (&[], out), failed),
        results,
    ] {
        engine.submit_and_wait(submission).expect("accepted");
    }
    Api::new(Arc::new(engine), Limits::default())
}

#[test]
fn a_job_tells_of_its_runs_newest_first() {
    assert_json_snapshot!(ask(
        &api(),
        r#"{ job(namespace: "dbt://shop", name: "load") {
            latestRun { id runId state nominalStart nominalEnd startedAt endedAt error url parent { runId state }
                job { reference } inputs { nodes { reference } } outputs { totalCount nodes { reference } } facets }
            runs(first: 2) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes { runId state endedAt } } } }"#
    ));
}

#[test]
fn runs_are_paged_through() {
    let api = api();
    let query = r#"query($after: String) { job(namespace: "dbt://shop", name: "load") {
        runs(first: 1, after: $after) { nodes { runId } pageInfo { endCursor hasNextPage } } } }"#;
    let mut after = serde_json::Value::Null;
    let mut found = Vec::new();
    loop {
        let mut answer = ask_with(&api, query, &json!({ "after": after }));
        let page = answer["data"]["job"]["runs"].take();
        found.push(page["nodes"][0]["runId"].clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(found, ["run-2", "run-1", "dag-1"]);
}

#[test]
fn a_run_is_found_by_its_id_and_by_its_node_id() {
    let api = api();
    let found = ask(
        &api,
        r#"{ run(runId: "run-1") { id runId state endedAt } }"#,
    );
    assert_eq!(found["run"]["state"], "COMPLETE");
    let id = found["run"]["id"].as_str().expect("an id");
    assert!(id.starts_with("run_") && !id.contains('/'), "{id}");
    let again = ask(
        &api,
        &format!(r#"{{ node(id: "{id}") {{ __typename id ... on Run {{ runId }} }} }}"#),
    );
    assert_eq!(
        again["node"],
        json!({ "__typename": "Run", "id": id, "runId": "run-1" })
    );
    assert_eq!(
        ask(&api, r#"{ run(runId: "none") { id } }"#)["run"],
        json!(null)
    );
    assert_eq!(
        ask(
            &api,
            r#"{ node(id: "run_00000000000000000000000000000000_0000000000000000") { id } }"#
        )["node"],
        json!(null)
    );
}

#[test]
fn one_run_id_of_several_jobs_is_ambiguous_without_the_job() {
    let api = api();
    assert_eq!(
        failure(&api, r#"{ run(runId: "invocation") { id } }"#),
        "AMBIGUOUS: \"invocation\" may be any of job:dbt://shop/stage, job:dbt://shop/orders"
    );
    let found = ask(
        &api,
        r#"{ run(runId: "invocation", job: "job:dbt://shop/orders") {
            runId state startedAt endedAt error facets outputs { nodes { name } } } }"#,
    );
    assert_eq!(
        found["run"],
        json!({ "runId": "invocation", "state": "COMPLETE", "startedAt": "2026-01-01T00:00:01Z",
            "endedAt": "2026-01-01T00:00:02Z", "error": null, "facets": {},
            "outputs": { "nodes": [{ "name": "shop.public.orders" }] } })
    );
}

#[test]
fn a_dataset_tells_which_run_wrote_it_and_an_assertion_which_run_says_so() {
    let found = ask(
        &api(),
        r#"{ loaded: dataset(namespace: "postgres://db:5432", name: "shop.public.loaded") {
                lastWrite { runId state }
                assertedBy { evidence { artifact note run { runId } } } }
            orders: dataset(namespace: "postgres://db:5432", name: "shop.public.orders") { lastWrite { runId } }
            raw: dataset(namespace: "postgres://db:5432", name: "shop.public.raw") { lastWrite { runId } } }"#,
    );
    assert_eq!(
        found,
        json!({
            "loaded": { "lastWrite": { "runId": "run-1", "state": "COMPLETE" }, "assertedBy": [{ "evidence": {
                "artifact": "manifest.json", "note": "a run event says so", "run": { "runId": "run-2" } } }] },
            "orders": { "lastWrite": { "runId": "invocation" } },
            "raw": { "lastWrite": null },
        })
    );
}
