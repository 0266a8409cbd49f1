//! Where facts go: the host inside Wasm, memory in tests.

use crate::bindings::headwater::extractor::host;
use crate::bindings::headwater::extractor::types::{Batch, Diagnostic};
use crate::{ExtractError, bindings};

/// Why facts were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// The host's bound on facts is reached; it names the bound.
    #[error("quota: {0}")]
    Quota(String),
    /// The host wants no more; return promptly.
    #[error("cancelled by the host")]
    Cancelled,
    /// The facts contradict the contract: a fault of the extractor.
    #[error("invalid facts: {0}")]
    Invalid(String),
}

impl From<EmitError> for ExtractError {
    fn from(error: EmitError) -> Self {
        match error {
            EmitError::Cancelled => Self::Aborted,
            EmitError::Quota(_) | EmitError::Invalid(_) => Self::Internal(error.to_string()),
        }
    }
}

/// Takes batches of facts in order.
pub trait Sink {
    /// Takes one batch.
    ///
    /// # Errors
    /// [`EmitError`] says why it was not taken; nothing may be emitted after that.
    fn emit(&mut self, facts: &Batch) -> Result<(), EmitError>;

    /// Takes diagnostics.
    ///
    /// # Errors
    /// As [`Sink::emit`].
    fn diagnose(&mut self, found: &[Diagnostic]) -> Result<(), EmitError>;
}

/// The host's sink.
pub(crate) struct HostSink<'a>(pub(crate) &'a host::Sink);

impl Sink for HostSink<'_> {
    fn emit(&mut self, facts: &Batch) -> Result<(), EmitError> {
        self.0.emit(facts).map_err(EmitError::from)
    }

    fn diagnose(&mut self, found: &[Diagnostic]) -> Result<(), EmitError> {
        self.0.diagnose(found).map_err(EmitError::from)
    }
}

impl From<bindings::headwater::extractor::host::SinkError> for EmitError {
    fn from(error: host::SinkError) -> Self {
        match error {
            host::SinkError::Quota(bound) => Self::Quota(bound),
            host::SinkError::Cancelled => Self::Cancelled,
            host::SinkError::Invalid(reason) => Self::Invalid(reason),
        }
    }
}
