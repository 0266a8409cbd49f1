//! Facts as JSON: what `extract` prints and what submissions take.
//!
//! `null` means the same as absent everywhere. Keys that the format does not know are refused, so that nothing a
//! client sends is dropped in silence.

mod read;
mod records;
mod wire;
mod write;

pub use read::submission_from_json;
pub use write::{FactsDocument, JsonLayout, facts_to_json};

/// How deep the JSON of one facet may nest. Ours: readers of JSON commonly stop at 128, and a facet stands inside
/// other objects wherever it is shown.
pub const FACET_DEPTH_MAX: usize = 100;

/// Why a document is not facts as JSON, or facts cannot be written as such.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// Not JSON at all.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// 1-based; 0 if the document is empty.
        line: usize,
        /// In bytes, 1-based; 0 if the line is empty.
        column: usize,
        /// What the parser expected.
        message: String,
    },
    /// JSON that breaks a rule of the format.
    #[error("{place}: {message}", place = if pointer.is_empty() { "the document" } else { pointer })]
    Invalid {
        /// RFC 6901 pointer to the value; empty for the whole document.
        pointer: String,
        /// The rule, and what was found.
        message: String,
    },
    /// Facts that the format has no words for, for example a time beyond the year 9999.
    #[error("facts can't be written as JSON: {message}")]
    Unwritable {
        /// Which fact, and why.
        message: String,
    },
}

#[cfg(test)]
mod tests;
