//! Whether the service lives, and whether it takes requests.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use headwater_engine::Caller;
use serde_json::json;

use crate::error::ApiError;
use crate::router::App;

/// The process answers.
pub(crate) async fn live() -> Response {
    Json(json!({"status": "live"})).into_response()
}

/// Writes are accepted and questions answered.
pub(crate) async fn ready(State(app): State<App>) -> Result<Response, ApiError> {
    if let Some(reason) = app.engine.failure() {
        let message = format!("nothing is accepted: {reason}");
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "BUSY",
            message,
        ));
    }
    if let Some(reason) = app.engine.disk_full() {
        let message = format!("nothing is accepted until there is room: {reason}");
        return Err(ApiError::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "BUSY",
            message,
        ));
    }
    let offset = app.engine.view(Caller::everyone()).offset();
    Ok(Json(json!({"status": "ready", "offset": offset})).into_response())
}
