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

/// Why an event or a submission was refused, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It breaks a rule.
    Invalid,
    /// It is larger than one may be.
    TooLarge,
    /// A page of another site sent it.
    Origin,
    /// It did not come in time.
    Timeout,
    /// The queue of the writer is full.
    QueueFull,
    /// The memory for bodies is used up.
    Memory,
    /// The disk is full.
    DiskFull,
    /// The service is stopping or has failed.
    Stopped,
    /// It waited for an offset that did not become visible.
    NotYetVisible,
    /// Something failed inside the service.
    Internal,
}

impl Refusal {
    /// In the order of their numbers.
    pub(crate) const ALL: [Self; 10] = [
        Self::Invalid,
        Self::TooLarge,
        Self::Origin,
        Self::Timeout,
        Self::QueueFull,
        Self::Memory,
        Self::DiskFull,
        Self::Stopped,
        Self::NotYetVisible,
        Self::Internal,
    ];

    /// The label of it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::Origin => "origin",
            Self::Timeout => "timeout",
            Self::QueueFull => "queue_full",
            Self::Memory => "memory",
            Self::DiskFull => "disk_full",
            Self::Stopped => "stopped",
            Self::NotYetVisible => "not_yet_visible",
            Self::Internal => "internal",
        }
    }
}

/// What went wrong with a request.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    pointer: Option<String>,
    refusal: Refusal,
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
            refusal: if status.is_server_error() {
                Refusal::Internal
            } else {
                Refusal::Invalid
            },
        }
    }

    /// What it is counted as, where that is neither the client's input nor the service's failure.
    #[must_use]
    pub(crate) fn because(mut self, refusal: Refusal) -> Self {
        self.refusal = refusal;
        self
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
        .because(Refusal::TooLarge)
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

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
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
                let refusal = match error {
                    SubmitError::Busy { .. } => Refusal::QueueFull,
                    _ => Refusal::Stopped,
                };
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", error.to_string())
                    .because(refusal)
            }
            SubmitError::DiskFull { .. } => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "BUSY", error.to_string())
                    .because(Refusal::DiskFull)
            }
            SubmitError::Rewrite(_) => Self::internal(&error),
            SubmitError::NotAsserted { .. } => {
                Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", error.to_string())
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
        response.extensions_mut().insert(self.refusal);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
