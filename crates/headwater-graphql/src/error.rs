//! What clients see of failures: a message and `extensions.code`.

use async_graphql::{Error, ErrorExtensions, Value};
use headwater_engine::AskError;
use headwater_extraction::ExtractionError;

/// What an error's `extensions.code` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BadReference,
    NotFound,
    Ambiguous,
    LimitExceeded,
    InvalidInput,
    NotYetVisible,
    Busy,
    Forbidden,
    Internal,
}

impl Code {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::BadReference => "BAD_REFERENCE",
            Self::NotFound => "NOT_FOUND",
            Self::Ambiguous => "AMBIGUOUS",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::InvalidInput => "INVALID_INPUT",
            Self::NotYetVisible => "NOT_YET_VISIBLE",
            Self::Busy => "BUSY",
            Self::Forbidden => "FORBIDDEN",
            Self::Internal => "INTERNAL",
        }
    }
}

pub(crate) fn error(code: Code, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code.as_str()))
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    error(Code::InvalidInput, message)
}

/// `what` is larger than it may be.
pub(crate) fn too_large(what: &str, found: usize, max: usize) -> Error {
    error(
        Code::LimitExceeded,
        format!("{what} is {found}, more than {max}"),
    )
}

/// Something that is promised is missing or can't be read; the cause goes to the log.
pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Error {
    tracing::error!(cause = %cause, "a question can't be answered: {cause}");
    error(Code::Internal, "the service failed; its log says why")
}

pub(crate) fn ask_error(failure: AskError) -> Error {
    let message = failure.to_string();
    match failure {
        AskError::BadReference { .. } => error(Code::BadReference, message),
        AskError::NotFound { .. } | AskError::NotAsserted { .. } => error(Code::NotFound, message),
        AskError::Ambiguous { candidates, .. } => {
            let candidates = candidates.into_iter().map(Value::String).collect();
            error(Code::Ambiguous, message)
                .extend_with(|_, extensions| extensions.set("candidates", Value::List(candidates)))
        }
        AskError::NotYetVisible { .. } => error(Code::NotYetVisible, message),
        AskError::LimitExceeded { .. } => error(Code::LimitExceeded, message),
        AskError::Invalid(_) => invalid(message),
        AskError::Engine(cause) => internal(&cause),
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "a mapping of errors gets them by value"
)]
pub(crate) fn extraction_error(failure: ExtractionError) -> Error {
    let message = failure.to_string();
    match failure {
        ExtractionError::NotFound(_) => error(Code::NotFound, message),
        ExtractionError::Invalid(_) => invalid(message),
        ExtractionError::TooLarge(_) => error(Code::LimitExceeded, message),
        ExtractionError::Busy(_) | ExtractionError::DiskFull(_) => error(Code::Busy, message),
        ExtractionError::Io(_) => internal(&message),
    }
}
