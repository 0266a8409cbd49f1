//! A service over a log and a state in memory, and asking it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use headwater_engine::{Engine, EngineOptions};
use headwater_graphql::Api;
use headwater_model::Timestamp;
use headwater_server::{App, EventMode, Limits, Stopper, router};
use headwater_store::{Log, MemoryLog, MemoryState};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// 2026-01-01T00:00:00Z, in microseconds.
const NEW_YEAR: i64 = 1_767_225_600_000_000;

/// A service, and the engine behind it.
pub(crate) struct Service {
    pub(crate) engine: Arc<Engine>,
    pub(crate) router: Router,
    app: App,
}

/// An answer: its status, its header Headwater-Offset, and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) offset: Option<u64>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }
}

impl Service {
    pub(crate) fn new(limits: Limits) -> Self {
        Self::over(Arc::new(MemoryLog::new()), limits)
    }

    pub(crate) fn over(log: Arc<dyn Log>, limits: Limits) -> Self {
        let state = Arc::new(MemoryState::new());
        let (engine, _) = Engine::open(log, state, EngineOptions::default()).expect("an engine");
        let engine = Arc::new(engine);
        let api = Api::new(Arc::clone(&engine), headwater_graphql::Limits::default());
        let clock = Arc::new(|| Timestamp::from_micros(NEW_YEAR));
        let app = App::new(Arc::clone(&engine), api, limits, clock, EventMode::Lenient);
        let router = router(app.clone(), &["/custom".to_owned()]);
        Self {
            engine,
            router,
            app,
        }
    }

    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    pub(crate) fn stopper(&self) -> Stopper {
        self.app.stopper()
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await;
        let response = response.expect("a router always answers");
        let offset = response.headers().get("headwater-offset");
        let offset = offset.map(|value| value.to_str().expect("text").parse().expect("a number"));
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body");
        Answer {
            status,
            offset,
            text: String::from_utf8(body.to_bytes().to_vec()).expect("text"),
        }
    }
}

/// A request with a body, and with those headers.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("a request")
}

/// A question for the newest offset.
pub(crate) fn question(headers: &[(&str, &str)]) -> Request<Body> {
    post(
        "/graphql",
        headers,
        r#"{"query": "{ snapshot { offset } }"}"#,
    )
}

/// An event that tells of the run with that number.
pub(crate) fn event(run: usize) -> String {
    format!(
        r#"{{"eventTime": "2026-01-01T00:00:00Z", "producer": "https://test", "schemaURL": "https://test",
            "eventType": "START", "run": {{"runId": "00000000-0000-4000-8000-{run:012}"}},
            "job": {{"namespace": "etl", "name": "load"}}, "inputs": [{{"namespace": "db", "name": "a"}}]}}"#
    )
}

/// What `/metrics` says of a metric without labels.
pub(crate) async fn metric(service: &Service, name: &str) -> u64 {
    let request = Request::get("/metrics").body(Body::empty());
    let answer = service.ask(request.expect("a request")).await;
    let mut lines = answer.text.lines().map(|line| line.split_once(' '));
    let value = lines.find_map(|line| line.filter(|(of, _)| *of == name));
    let (_, value) = value.expect("it is exposed");
    value.parse::<f64>().expect("a number") as u64
}
