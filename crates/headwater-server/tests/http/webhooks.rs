//! Webhooks: what receivers get, in which order, and what becomes of failures.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headwater_engine::AssetFilter;
use headwater_server::Limits;
use headwater_server::webhooks::{self, Delivery, Retries, Webhook};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{Service, metric, post};

/// A receiver that answers as it is told to, and then with 200.
struct Receiver {
    answers: Arc<Mutex<Vec<Result<u16, String>>>>,
    got: mpsc::UnboundedReceiver<Delivery>,
    deliver: webhooks::Post,
}

impl Receiver {
    fn new(answers: &[Result<u16, &str>]) -> Self {
        let answers = answers
            .iter()
            .rev()
            .map(|answer| answer.map_err(str::to_owned))
            .collect();
        let answers = Arc::new(Mutex::new(answers));
        let (tell, got) = mpsc::unbounded_channel();
        let told = Arc::clone(&answers);
        let deliver: webhooks::Post = Arc::new(move |delivery: &Delivery| {
            tell.send(delivery.clone())
                .map_err(|error| error.to_string())?;
            let answers: &Mutex<Vec<Result<u16, String>>> = &told;
            answers.lock().pop().unwrap_or(Ok(200))
        });
        Self {
            answers,
            got,
            deliver,
        }
    }

    /// The next delivery: its id, and what it tells.
    async fn next(&mut self) -> String {
        let delivery = self.got.recv().await.expect("a delivery");
        let body: Value = serde_json::from_slice(&delivery.body).expect("JSON");
        let changes = body["changes"]
            .as_array()
            .expect("changes")
            .iter()
            .map(|change| {
                let asset = change["asset"]["reference"].as_str().map(str::to_owned);
                let (from, to) = (&change["edge"]["from"], &change["edge"]["to"]);
                let edge = || {
                    format!(
                        "{}>{}",
                        from.as_str().unwrap_or(""),
                        to.as_str().unwrap_or("")
                    )
                };
                format!(
                    " {} {}",
                    change["kind"].as_str().expect("a kind"),
                    asset.unwrap_or_else(edge)
                )
            });
        format!("{}{}", delivery.id, changes.collect::<String>())
    }
}

fn webhook(filter: Option<AssetFilter>, upstream_of: Option<AssetFilter>) -> Webhook {
    Webhook {
        name: "hook".to_owned(),
        url: "https://receiver/".to_owned(),
        secret: "secret".to_owned(),
        filter,
        upstream_of,
    }
}

fn start(service: &Service, webhook: Webhook, folder: &Path, receiver: &Receiver) {
    let retries = Retries {
        pause: Duration::from_millis(1),
        pause_max: Duration::from_millis(2),
        attempts_max: 4,
    };
    webhooks::start(
        service.app(),
        vec![webhook],
        folder,
        &receiver.deliver,
        retries,
    );
}

/// Submits datasets, with their owners, and edges between them: `a -> b`.
async fn submit(
    service: &Service,
    source: &str,
    datasets: &[(&str, &str)],
    edges: &[(&str, &str)],
) {
    let asset = |name: &str| json!({"kind": "DATASET", "namespace": "db", "name": name});
    let facts = json!({
        "datasets": datasets.iter().map(|(name, _)| json!({"namespace": "db", "name": name, "type": "TABLE"})).collect::<Vec<_>>(),
        "attributes": datasets.iter().map(|(name, owner)| json!({"on": asset(name), "key": "owner", "value": owner})).collect::<Vec<_>>(),
        "edges": edges.iter().map(|(from, to)| json!({"kind": "DERIVES", "from": asset(from), "to": asset(to)})).collect::<Vec<_>>(),
    });
    let path = format!("/api/v1/sources/{source}/submissions");
    let answer = service.ask(post(&path, &[], facts.to_string())).await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

#[tokio::test]
async fn a_receiver_that_fails_first_gets_everything_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = Service::new(Limits::default());
    submit(&service, "x/before", &[("before", "ann")], &[]).await;
    let failures = [Err("connection refused"), Ok(500), Ok(429)];
    let mut receiver = Receiver::new(&failures);
    start(&service, webhook(None, None), folder.path(), &receiver);
    tokio::task::yield_now().await;
    while !folder.path().join("hook").exists() {
        tokio::task::yield_now().await;
    }
    submit(&service, "x/one", &[("a", "ann")], &[]).await;
    submit(&service, "x/two", &[("b", "ann")], &[]).await;
    for _ in 0..4 {
        assert_eq!(receiver.next().await, "hook-2-0 ASSET_ADDED db/a");
    }
    assert_eq!(receiver.next().await, "hook-3-0 ASSET_ADDED db/b");
    assert_eq!(
        metric(&service, "headwater_webhook_failures_total").await,
        3
    );
    // What is handed over is answered a moment later.
    while metric(&service, "headwater_webhook_deliveries_total").await < 2 {
        tokio::task::yield_now().await;
    }
    // A receiver that never takes it is left behind.
    receiver.answers.lock().extend(vec![Ok(410); 4]);
    submit(&service, "x/three", &[("c", "ann")], &[]).await;
    submit(&service, "x/four", &[("d", "ann")], &[]).await;
    for _ in 0..4 {
        assert_eq!(receiver.next().await, "hook-4-0 ASSET_ADDED db/c");
    }
    assert_eq!(receiver.next().await, "hook-5-0 ASSET_ADDED db/d");
    assert_eq!(
        metric(&service, "headwater_webhook_given_up_total").await,
        1
    );
}

#[tokio::test]
async fn a_webhook_goes_on_where_it_was_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("hook"), "1\n").expect("written");
    let service = Service::new(Limits::default());
    for name in ["a", "b", "c"] {
        submit(&service, &format!("x/{name}"), &[(name, "ann")], &[]).await;
    }
    let mut receiver = Receiver::new(&[]);
    start(&service, webhook(None, None), folder.path(), &receiver);
    assert_eq!(receiver.next().await, "hook-2-0 ASSET_ADDED db/b");
    assert_eq!(receiver.next().await, "hook-3-0 ASSET_ADDED db/c");
    let cursor = || std::fs::read_to_string(folder.path().join("hook")).expect("a cursor");
    while cursor() != "3\n" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_owner_hears_of_what_is_upstream_of_theirs_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("hook"), "0\n").expect("written");
    let service = Service::new(Limits::default());
    submit(&service, "x/raw", &[("raw", "ann"), ("other", "ann")], &[]).await;
    submit(&service, "x/mine", &[("mart", "bob")], &[("raw", "mart")]).await;
    let of = AssetFilter {
        owners: Some(vec!["bob".to_owned()]),
        ..AssetFilter::default()
    };
    let mut receiver = Receiver::new(&[]);
    start(&service, webhook(None, Some(of)), folder.path(), &receiver);
    assert_eq!(receiver.next().await, "hook-1-0 ASSET_ADDED db/raw");
    assert_eq!(
        receiver.next().await,
        "hook-2-0 ASSET_CHANGED db/raw EDGE_ADDED db/raw>db/mart"
    );
    // What is not upstream is not told; what ceased to be is.
    submit(&service, "x/noise", &[("noise", "ann")], &[]).await;
    submit(&service, "x/mine", &[("mart", "bob")], &[]).await;
    let told = receiver.next().await;
    assert_eq!(
        told,
        "hook-4-0 ASSET_CHANGED db/raw EDGE_RETIRED db/raw>db/mart"
    );
}

/// An event of a run of `load`, which reads `db/raw` and writes `db/mart`.
async fn run(service: &Service, run: usize, state: &str, minute: u32) {
    let event = json!({
        "eventTime": format!("2026-01-01T00:{minute:02}:00Z"), "producer": "https://test", "schemaURL": "https://test",
        "eventType": state, "run": {"runId": format!("00000000-0000-4000-8000-{run:012}")},
        "job": {"namespace": "etl", "name": "load"},
        "inputs": [{"namespace": "db", "name": "raw"}], "outputs": [{"namespace": "db", "name": "mart"}]
    });
    let answer = service
        .ask(post("/api/v1/lineage", &[], event.to_string()))
        .await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

/// What `source` says of a check of `db/raw`.
async fn checked(service: &Service, is_passed: bool) {
    let checks = json!({"assertions": [
        {"assertion": "not_null", "column": "id", "success": is_passed}, {"assertion": "unique", "success": true}
    ]});
    let facts = json!({
        "datasets": [{"namespace": "db", "name": "raw", "type": "TABLE"}],
        "facets": [{"on": {"kind": "DATASET", "namespace": "db", "name": "raw"}, "name": "dataQualityAssertions", "value": checks}],
    });
    let path = "/api/v1/sources/x/checks/submissions";
    let answer = service.ask(post(path, &[], facts.to_string())).await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

#[tokio::test]
async fn an_owner_hears_when_something_upstream_of_theirs_broke() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = Service::new(Limits::default());
    submit(&service, "x/mine", &[("mart", "bob")], &[]).await;
    submit(&service, "x/other", &[("other", "ann")], &[]).await;
    run(&service, 1, "COMPLETE", 1).await;
    checked(&service, true).await;
    let begin = service
        .engine
        .view(headwater_engine::Caller::everyone())
        .offset();
    std::fs::write(folder.path().join("hook"), format!("{begin}\n")).expect("written");
    let of = |owner: &str| AssetFilter {
        owners: Some(vec![owner.to_owned()]),
        ..AssetFilter::default()
    };
    let mut receiver = Receiver::new(&[Ok(500)]);
    start(
        &service,
        webhook(None, Some(of("bob"))),
        folder.path(),
        &receiver,
    );
    run(&service, 2, "START", 2).await;
    run(&service, 2, "FAIL", 3).await;
    // What was told is told again as nothing, and a run that goes well is none.
    run(&service, 2, "FAIL", 4).await;
    run(&service, 3, "COMPLETE", 5).await;
    checked(&service, false).await;
    run(&service, 4, "ABORT", 6).await;
    let failed = format!("hook-{}-0 RUN_FAILED job:etl/load", begin + 2);
    assert_eq!(receiver.next().await, failed);
    assert_eq!(receiver.next().await, failed, "again until it is taken");
    let check = format!("hook-{}-0 CHECK_FAILED db/raw", begin + 5);
    assert_eq!(receiver.next().await, check);
    let aborted = format!("hook-{}-0 RUN_ABORTED job:etl/load", begin + 6);
    assert_eq!(receiver.next().await, aborted);

    // It is the same list that a subscription gets, resumable at any offset; whoever is not downstream hears nothing.
    let view = service.engine.view(headwater_engine::Caller::everyone());
    let mut page = view.changes_after(begin + 3, None, 100).expect("changes");
    let told: Vec<u64> = page.offsets.iter().map(|found| found.offset).collect();
    assert_eq!(told, [begin + 5, begin + 6]);
    view.retain_upstream(&mut page.offsets, &of("ann"));
    assert!(page.offsets.is_empty());
}
