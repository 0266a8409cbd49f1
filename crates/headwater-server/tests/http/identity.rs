//! Rules of identity over HTTP: planned, made to hold, and for programs of the machine alone.

use axum::http::StatusCode;
use headwater_server::{Limits, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Service, post};

const RULES: &str =
    r#"{"foldsJobs": true, "rules": [{"host": {"from": "old:5432", "to": "new:5432"}}]}"#;

/// Two servers, each with a dataset that would be one if the servers were.
async fn service() -> Service {
    let service = Service::new(Limits::default());
    for (source, host) in [("x/old", "old"), ("x/new", "new")] {
        let dataset = json!({
            "namespace": format!("postgres://{host}:5432"), "name": "shop.public.orders", "type": "TABLE"
        });
        let path = format!("/api/v1/sources/{source}/submissions");
        let facts = json!({ "datasets": [dataset] }).to_string();
        let answer = service.ask(post(&path, &[], facts)).await;
        assert!(answer.status.is_success(), "{}", answer.text);
    }
    service
}

/// Posts over a connection of this machine: the status and the body of the answer.
async fn send(address: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let status = answer.split(' ').nth(1).expect("a status");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    (
        status.parse().expect("a number"),
        serde_json::from_str(body).expect("JSON"),
    )
}

#[tokio::test]
async fn rules_are_planned_without_a_trace_and_then_hold() {
    let service = service().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (routes, limits) = (service.router.clone(), Limits::default());
    let served = tokio::spawn(async move {
        serve(listener, routes, &limits, std::future::pending::<()>()).await
    });
    let dry = "/api/v1/identity?dryRun=true";
    let (status, plan) = send(&address, dry, RULES).await;
    assert_eq!(status, 200, "{plan}");
    assert_eq!(plan["offset"], Value::Null);
    assert_eq!(plan["mergesCount"], 1);
    assert_eq!(
        plan["merges"][0]["before"].as_array().map(Vec::len),
        Some(2)
    );
    let (_, again) = send(&address, dry, RULES).await;
    assert_eq!(again, plan, "a plan changes nothing");

    let (status, made) = send(&address, "/api/v1/identity", RULES).await;
    assert_eq!((status, &made["offset"]), (200, &json!(3)));
    assert_eq!(made["merges"], plan["merges"]);
    let (_, nothing) = send(&address, dry, RULES).await;
    assert_eq!(nothing["mergesCount"], 0, "they hold already");
    served.abort();
}

#[tokio::test]
async fn wrong_rules_are_refused_by_place_and_rule_and_change_nothing() {
    let service = service().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (routes, limits) = (service.router.clone(), Limits::default());
    let served = tokio::spawn(async move {
        serve(listener, routes, &limits, std::future::pending::<()>()).await
    });
    for (path, body, expected) in [
        ("/api/v1/identity", "[", "the rules: "),
        (
            "/api/v1/identity",
            r#"{"rulez": []}"#,
            "unknown field `rulez`",
        ),
        ("/api/v1/identity?dryRun=maybe", RULES, "query string: "),
        ("/api/v1/identity?dry=true", RULES, "unknown field `dry`"),
        (
            "/api/v1/identity",
            r#"{"rules": [{"host": {"from": "a", "to": "b:1"}}]}"#,
            "have to have a port both, or neither",
        ),
    ] {
        let (status, answer) = send(&address, path, body).await;
        assert_eq!(status, 400, "{path} {body}: {answer}");
        assert!(
            answer.to_string().contains(expected),
            "{path} {body}: {answer}"
        );
    }
    let offset = service
        .engine
        .view(headwater_engine::Caller::everyone())
        .offset();
    assert_eq!(offset, 2);
    served.abort();
}

#[tokio::test]
async fn nobody_changes_rules_from_elsewhere() {
    let service = service().await;
    // Whoever asks the router without a connection of this machine is somebody else.
    for path in ["/api/v1/identity", "/api/v1/identity?dryRun=true"] {
        let refused = service.ask(post(path, &[], RULES)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    }
}
