//! OpenLineage events.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use headwater_engine::{Done, Receipt, SubmitError};
use headwater_model::{SourceKey, Statement, Submission};
use headwater_openlineage::parse_event_with;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::body;
use crate::error::ApiError;
use crate::router::App;
use crate::trace;

/// Says at which offset a write is visible.
pub(crate) const OFFSET: HeaderName = HeaderName::from_static("headwater-offset");
/// Names the source of an event: `domain/source`.
const SOURCE: HeaderName = HeaderName::from_static("headwater-source");

/// Accepts one event; replies 201 once it is durable and visible.
pub(crate) async fn post(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let stated = source(&headers)?;
    let max = app.limits.event_bytes_max;
    let body = body::read("the event", &headers, body, max, &app.bodies).await?;
    let event = parse_event_with(&body, app.event_mode)?;
    // What was parsed takes about as much until the writer is done with it, whether or not the client is still there.
    let share = body.into_share();
    let source = stated.unwrap_or_else(|| app.engine.source_of(&event));
    let receipt = submit(
        &app,
        Submission {
            source,
            principal: None,
            received_at: (app.clock)(),
            statement: Statement::Event(Box::new(event)),
        },
        share,
    )
    .await?;
    Ok((
        StatusCode::CREATED,
        [(OFFSET, HeaderValue::from(receipt.offset))],
    )
        .into_response())
}

fn source(headers: &HeaderMap) -> Result<Option<SourceKey>, ApiError> {
    let Some(value) = headers.get(SOURCE) else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_| ApiError::invalid("header Headwater-Source holds more than ASCII"))?;
    SourceKey::parse(text.trim()).map(Some).map_err(|error| {
        ApiError::invalid(format!(
            "header Headwater-Source is {text:?}, expected domain/source: a part {error}"
        ))
    })
}

/// Submits, and waits without holding a thread. What is `held` for it is given back when the writer is done with it.
async fn submit(
    app: &App,
    submission: Submission,
    held: impl Send + 'static,
) -> Result<Receipt, ApiError> {
    let (sender, receiver) = oneshot::channel::<Result<Receipt, SubmitError>>();
    let span = trace::submission(&submission.source);
    let done: Done = Box::new(move |result| {
        drop(held);
        // A client that went away doesn't wait for its answer.
        let _ = sender.send(result);
    });
    span.in_scope(|| app.engine.submit(submission, done))?;
    let result = receiver.instrument(span).await;
    Ok(result.map_err(|error| ApiError::internal(&error))??)
}
