//! Errors of the REST endpoints: a status, and JSON that says what and where.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headwater_engine::{AskError, SubmitError};
use headwater_openlineage::EventError;
use headwater_record::FactsError;
use serde::Serialize;

/// Seconds after which a client that was told to come back may do so.
const RETRY_AFTER_SECONDS: &str = "1";

/// What went wrong with a request.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    pointer: Option<String>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorRecord<'a>,
}

#[derive(Serialize)]
struct ErrorRecord<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            pointer: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_INPUT", message)
    }

    pub(crate) fn too_large(what: &str, bytes_max: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "LIMIT_EXCEEDED",
            format!("{what} has more than {bytes_max} bytes"),
        )
    }

    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a request failed: {error}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "something failed inside the service; its log says what",
        )
    }

    fn at(mut self, pointer: String) -> Self {
        self.pointer = Some(pointer);
        self
    }
}

impl From<EventError> for ApiError {
    fn from(error: EventError) -> Self {
        Self::invalid(error.to_string()).at(error.pointer)
    }
}

impl From<FactsError> for ApiError {
    fn from(error: FactsError) -> Self {
        let shown = Self::invalid(error.to_string());
        match error {
            FactsError::Invalid { pointer, .. } => shown.at(pointer),
            FactsError::Syntax { .. } | FactsError::Unwritable { .. } => shown,
        }
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match &error {
            SubmitError::Busy { .. } | SubmitError::Closed { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", error.to_string())
            }
            SubmitError::Invalid(message) => Self::invalid(message.clone()),
        }
    }
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: ErrorRecord {
                code: self.code,
                message: &self.message,
                pointer: self.pointer.as_deref(),
            },
        };
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
