//! What an extractor or parser found out about its input, and where.

use crate::Text;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something was left out or assumed.
    Warning,
    /// Part of the input could not be understood, so its silence about a fact ends nothing.
    Error,
}

/// What in a source says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Evidence {
    /// The artifact's name.
    pub artifact: Text,
    /// RFC 6901 pointer, for JSON and YAML.
    pub pointer: Option<Text>,
    /// 1-based.
    pub line: Option<u32>,
    /// 1-based.
    pub column: Option<u32>,
}

/// One finding about an input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable and documented, for example `dbt/unresolved-ref`.
    pub code: Text,
    /// For a person to read.
    pub message: Text,
    /// Where in the input.
    pub at: Option<Evidence>,
}

impl Diagnostic {
    /// A finding without a place.
    pub fn new(severity: Severity, code: &str, message: impl Into<Text>) -> Self {
        Self {
            severity,
            code: code.into(),
            message: message.into(),
            at: None,
        }
    }

    /// The same finding at a place.
    #[must_use]
    pub fn at(mut self, place: Evidence) -> Self {
        self.at = Some(place);
        self
    }
}
