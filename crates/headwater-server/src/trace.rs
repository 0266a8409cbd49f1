//! Spans of requests, for whoever traces them.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use headwater_model::SourceKey;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::router::App;

/// The target of all spans that are traced. They are of the level TRACE, so that nothing else takes them for log lines.
pub const TRACE_TARGET: &str = "headwater::trace";

/// Is told of a request's headers when its span begins, to make it part of the trace that the client began.
pub type Tracer = Arc<dyn Fn(&tracing::Span, &HeaderMap) + Send + Sync>;

/// Puts a request into a span of its own; does nothing where nobody traces.
pub(crate) async fn trace(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(tracer) = app.tracer else {
        return next.run(request).await;
    };
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("unknown", MatchedPath::as_str);
    let span = tracing::trace_span!(
        target: TRACE_TARGET,
        "request",
        otel.name = format!("{} {route}", request.method()),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = %request.method(),
        http.route = route,
        http.response.status_code = Empty,
    );
    tracer(&span, request.headers());
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}

/// A span of one submission, from the queue to the answer of the writer.
pub(crate) fn submission(source: &SourceKey) -> tracing::Span {
    tracing::trace_span!(target: TRACE_TARGET, "submission", %source)
}
