//! Requests that wait for an offset.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use axum::http::StatusCode;
use headwater_server::Limits;

use crate::support::{Service, event, post, question};

const HEADER: &str = "headwater-min-offset";

fn impatient() -> Service {
    Service::new(Limits {
        min_offset_timeout: Duration::ZERO,
        ..Limits::default()
    })
}

#[tokio::test]
async fn an_answer_says_at_which_offset_it_was_read_and_a_write_at_which_it_is_visible() {
    let service = impatient();
    let written = service.ask(post("/api/v1/lineage", &[], event(1))).await;
    assert_eq!(written.status, StatusCode::CREATED, "{}", written.text);
    let offset = written.offset.expect("an offset").to_string();
    let read = service.ask(question(&[(HEADER, &offset)])).await;
    assert_eq!((read.status, read.offset), (StatusCode::OK, written.offset));
    assert_eq!(read.json()["data"]["snapshot"]["offset"], 1);
    let refused = service.ask(post("/graphql", &[], "no JSON")).await;
    assert_eq!(refused.offset, Some(1));
}

#[tokio::test]
async fn a_request_waits_until_the_offset_is_visible() {
    let service = Service::new(Limits::default());
    let asked = service.ask(question(&[(HEADER, "2")]));
    let mut asked = pin!(asked);
    let mut context = Context::from_waker(Waker::noop());
    assert!(asked.as_mut().poll(&mut context).is_pending());
    let first = service.ask(post("/custom", &[], event(1))).await;
    assert_eq!(first.offset, Some(1));
    assert!(asked.as_mut().poll(&mut context).is_pending());
    service.ask(post("/custom", &[], event(2))).await;
    let answer = asked.await;
    assert_eq!((answer.status, answer.offset), (StatusCode::OK, Some(2)));
}

#[tokio::test]
async fn what_does_not_become_visible_in_time_is_told_in_each_language() {
    let service = impatient();
    let answer = service.ask(question(&[(HEADER, "7")])).await;
    assert_eq!(answer.status, StatusCode::OK);
    let error = &answer.json()["errors"][0];
    assert_eq!(error["extensions"]["code"], "NOT_YET_VISIBLE");
    let message = "offset 7 was not visible within 0 ms; the newest is 0";
    assert_eq!(error["message"], message);
    let answer = service
        .ask(post("/api/v1/lineage", &[(HEADER, "7")], event(1)))
        .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["error"]["code"], "NOT_YET_VISIBLE");
    assert_eq!(answer.json()["error"]["message"], message);
    assert_eq!(service.engine.stats().offset, 0, "nothing was written");
}

#[tokio::test]
async fn a_header_that_is_no_offset_is_refused_everywhere() {
    let service = impatient();
    for wrong in ["", "x", "-1", "1.5", "9007199254740992"] {
        let headers = [(HEADER, wrong)];
        let path = "/api/v1/sources/orders/dbt/submissions";
        for request in [
            question(&headers),
            post("/api/v1/lineage", &headers, event(1)),
            post(path, &headers, "{}"),
        ] {
            let answer = service.ask(request).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong:?}");
            let error = &answer.json()["error"];
            assert_eq!(error["code"], "INVALID_INPUT");
            let message = error["message"].as_str().expect("a message");
            assert!(message.contains("Headwater-Min-Offset"), "{message}");
        }
    }
}
