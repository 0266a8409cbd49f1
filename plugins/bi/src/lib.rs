//! What the extractors of BI tools share.
//!
//! [`tree`] reads YAML and JSON, [`connection`] names what a tool connects to, [`sql`] tells which columns a query or
//! an expression is made of.

pub mod connection;
pub mod sql;
pub mod template;
pub mod tree;

use headwater_extractor::{Diagnostic, Location, Severity};

/// What a namespace or name may have: as the service checks it.
const NAME_BYTES_MAX: usize = 1024;

/// Whether `name` can be stated as a name.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

/// A place in an artifact; an empty pointer is the artifact as a whole.
pub fn place(artifact: &str, pointer: &str, line: Option<u32>) -> Location {
    Location {
        artifact: artifact.to_owned(),
        pointer: (!pointer.is_empty()).then(|| pointer.to_owned()),
        byte_offset: None,
        line,
        column: None,
    }
}

/// A diagnostic about a place.
pub fn told(severity: Severity, code: &str, message: String, at: Location) -> Diagnostic {
    Diagnostic {
        severity,
        code: code.to_owned(),
        message,
        at: Some(at),
    }
}

/// A segment of an RFC 6901 pointer.
pub fn escaped(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}
