//! Why something asked of the extractions was not done.

use std::io;
use std::path::Path;

/// Why it was not done; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ExtractionError {
    /// There is no such extractor, source or extraction.
    #[error("{0}")]
    NotFound(String),
    /// It breaks a rule.
    #[error("{0}")]
    Invalid(String),
    /// It is more than one may have.
    #[error("{0}")]
    TooLarge(String),
    /// Too much waits already.
    #[error("{0}")]
    Busy(String),
    /// The disk is full.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// A file can't be read or written.
    #[error("{0}")]
    Io(String),
}

impl ExtractionError {
    /// What became of a file.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        let message = format!("{}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(message),
            _ => Self::Io(message),
        }
    }
}
