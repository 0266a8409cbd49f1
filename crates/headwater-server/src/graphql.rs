//! GraphQL over HTTP.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::runtime::Handle;

use crate::admin::Peer;
use crate::body;
use crate::error::ApiError;
use crate::lineage::OFFSET;
use crate::router::App;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parameters {
    query: String,
    variables: Option<String>,
    operation_name: Option<String>,
}

/// Answers a question that comes as JSON.
pub(crate) async fn post(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let max = app.limits.graphql_bytes_max;
    let body = body::read("the request", &headers, body, max, &app.bodies).await?;
    let is_operators = peer.is_some_and(|Extension(peer)| peer.is_this_machine());
    answer(&app, move |api, runtime| {
        if is_operators {
            runtime.block_on(api.execute_for_operator(&body))
        } else {
            runtime.block_on(api.execute(&body))
        }
    })
    .await
}

/// Answers a question that comes in the query string.
pub(crate) async fn get(
    State(app): State<App>,
    parameters: Result<Query<Parameters>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(parameters) = parameters
        .map_err(|error| ApiError::invalid(format!("query string: {}", error.body_text())))?;
    answer(&app, move |api, runtime| {
        let Parameters {
            query,
            variables,
            operation_name,
        } = parameters;
        runtime.block_on(api.execute_get(&query, variables.as_deref(), operation_name.as_deref()))
    })
    .await
}

/// Answers on a thread of its own: a large answer takes longer than an async thread may be held.
async fn answer(
    app: &App,
    ask: impl FnOnce(&headwater_graphql::Api, &Handle) -> headwater_graphql::Response + Send + 'static,
) -> Result<Response, ApiError> {
    let place = Arc::clone(&app.question_places).acquire_owned().await;
    let place = place.map_err(|error| ApiError::internal(&error))?;
    let api = Arc::clone(&app.api);
    let runtime = Handle::current();
    let span = tracing::Span::current();
    let response = tokio::task::spawn_blocking(move || {
        let response = span.in_scope(|| ask(&api, &runtime));
        drop(place);
        response
    })
    .await
    .map_err(|error| ApiError::internal(&error))?;
    Ok(self::response(app, response))
}

/// An answer as it is sent, with the offset that it was read at.
pub(crate) fn response(app: &App, response: headwater_graphql::Response) -> Response {
    app.metrics.count_errors(&response.error_codes);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (OFFSET, HeaderValue::from(response.offset)),
    ];
    (StatusCode::OK, headers, response.json).into_response()
}
