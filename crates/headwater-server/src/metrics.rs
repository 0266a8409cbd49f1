//! What the service counts, and `GET /metrics` in the text format that Prometheus reads.
//!
//! Handlers count in atomics; what is not counted here is looked up when it is asked for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use headwater_engine::Distribution;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::error::{ApiError, Refusal};
use crate::router::App;

mod exposition;

use exposition::Exposition;

/// Tells how long things took; replaced in tests.
pub(crate) type Stopwatch = fn() -> Instant;

/// Paths as they are routed, and what each is called; further paths for events count as the first.
const ENDPOINTS: [(&str, &str); 10] = [
    ("/graphql", "graphql"),
    ("/api/v1/lineage", "events"),
    (
        "/api/v1/sources/{domain}/{source}/submissions",
        "submissions",
    ),
    ("/api/v1/identity", "identity"),
    ("/health/live", "health"),
    ("/health/ready", "health"),
    ("/metrics", "metrics"),
    ("/graphiql", "graphiql"),
    ("/graphiql/", "graphiql"),
    ("/graphiql/{*path}", "graphiql"),
];
/// What requests are counted under.
const LABELS: [&str; 8] = [
    "graphql",
    "events",
    "submissions",
    "identity",
    "health",
    "metrics",
    "graphiql",
    "other",
];
const EVENTS: usize = 1;
const SUBMISSIONS: usize = 2;
const OTHER: usize = LABELS.len() - 1;
/// Statuses that the service gives; what else there may be is counted as 0.
const STATUSES: [u16; 13] = [
    200, 201, 304, 307, 400, 403, 404, 405, 408, 413, 415, 500, 503,
];
/// Codes of GraphQL's errors; what else there may be is not counted.
const CODES: [&str; 10] = [
    "AMBIGUOUS",
    "BAD_REFERENCE",
    "BUSY",
    "FORBIDDEN",
    "INTERNAL",
    "INVALID_INPUT",
    "LIMIT_EXCEEDED",
    "NOT_FOUND",
    "NOT_YET_VISIBLE",
    "UNAUTHENTICATED",
];
/// How an extraction went: everything could be read, or an artifact had an error.
const OUTCOMES: [&str; 2] = ["whole", "with_errors"];
/// Upper bounds of seconds that a request may take.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0,
];

/// What is counted about requests.
pub(crate) struct Metrics {
    requests: Vec<RequestMetrics>,
    in_flight: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    graphql_errors: [AtomicU64; CODES.len()],
    extractions: [AtomicU64; OUTCOMES.len()],
    /// Websockets whose clients took too little of what they were sent.
    slow_consumers: AtomicU64,
    stopwatch: Stopwatch,
}

struct RequestMetrics {
    by_status: [AtomicU64; STATUSES.len() + 1],
    seconds: Distribution,
}

impl Metrics {
    pub(crate) fn new(stopwatch: Stopwatch) -> Self {
        let of_endpoint = || RequestMetrics {
            by_status: Default::default(),
            seconds: Distribution::new(SECONDS),
        };
        Self {
            requests: LABELS.iter().map(|_| of_endpoint()).collect(),
            in_flight: AtomicU64::new(0),
            refused: Default::default(),
            graphql_errors: Default::default(),
            extractions: Default::default(),
            slow_consumers: AtomicU64::new(0),
            stopwatch,
        }
    }

    /// Counts an accepted submission that an extractor made.
    pub(crate) fn count_extraction(&self, has_errors: bool) {
        self.extractions[usize::from(has_errors)].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a websocket that is closed because its client took too little of what it was sent.
    pub(crate) fn count_slow_consumer(&self) {
        self.slow_consumers.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the errors of one GraphQL response.
    pub(crate) fn count_errors(&self, codes: &[String]) {
        for code in codes {
            if let Ok(at) = CODES.binary_search(&code.as_str()) {
                self.graphql_errors[at].fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn count(&self, endpoint: usize, response: &Response, begun: Instant) {
        let status = response.status();
        let at = STATUSES.iter().position(|known| *known == status.as_u16());
        let counted = &self.requests[endpoint];
        counted.by_status[at.unwrap_or(STATUSES.len())].fetch_add(1, Ordering::Relaxed);
        let took = (self.stopwatch)().duration_since(begun);
        counted.seconds.observe(took.as_secs_f64());
        let is_write = matches!(endpoint, EVENTS | SUBMISSIONS);
        if is_write && (status.is_client_error() || status.is_server_error()) {
            let reason = response.extensions().get::<Refusal>();
            let reason = reason.copied().unwrap_or(Refusal::Internal);
            self.refused[reason as usize].fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Holds a place among the requests under way, even if the client goes away.
struct InFlight(Arc<Metrics>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Measures a request from its headers to those of its answer.
pub(crate) async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let metrics = Arc::clone(&app.metrics);
    let endpoint = endpoint_of(request.extensions().get::<MatchedPath>());
    metrics.in_flight.fetch_add(1, Ordering::Relaxed);
    let under_way = InFlight(Arc::clone(&metrics));
    let begun = (metrics.stopwatch)();
    let response = next.run(request).await;
    drop(under_way);
    metrics.count(endpoint, &response, begun);
    response
}

fn endpoint_of(matched: Option<&MatchedPath>) -> usize {
    let Some(matched) = matched else {
        return OTHER;
    };
    let known = ENDPOINTS.iter().find(|(path, _)| *path == matched.as_str());
    known.map_or(EVENTS, |(_, label)| {
        let at = LABELS.iter().position(|known| known == label);
        at.unwrap_or(OTHER)
    })
}

/// Answers with everything that is counted.
pub(crate) async fn get(State(app): State<App>) -> Result<Response, ApiError> {
    // Sizes are read from files.
    let text = tokio::task::spawn_blocking(move || {
        let mut registry = Registry::with_prefix("headwater");
        registry.register_collector(Box::new(Exposition::new(&app)));
        let mut text = String::new();
        encode(&mut text, &registry).map(|()| text)
    })
    .await
    .map_err(|error| ApiError::internal(&error))?
    .map_err(|error| ApiError::internal(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind)], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_and_code_is_found() {
        for (path, label) in ENDPOINTS {
            assert!(LABELS.contains(&label), "{path}");
        }
        assert!(CODES.is_sorted(), "codes are searched for by halving");
        assert_eq!(LABELS[EVENTS], "events");
        assert_eq!(LABELS[SUBMISSIONS], "submissions");
        for (at, refusal) in Refusal::ALL.iter().enumerate() {
            assert_eq!(*refusal as usize, at, "{}", refusal.as_str());
        }
    }
}
