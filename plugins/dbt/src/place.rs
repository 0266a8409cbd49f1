//! Where in an artifact something is, and what is said about it.

use headwater_extractor::{Diagnostic, Location, Severity};

/// One artifact's text, to make locations in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    pub(crate) artifact: &'a str,
    pub(crate) text: &'a str,
}

impl Places<'_> {
    /// The place that an RFC 6901 pointer names.
    pub(crate) fn pointer(artifact: &str, pointer: String) -> Location {
        Location {
            artifact: artifact.to_owned(),
            pointer: Some(pointer),
            byte_offset: None,
            line: None,
            column: None,
        }
    }

    /// The place of a byte, with 1-based line and column.
    pub(crate) fn offset(self, offset: usize) -> Location {
        let offset = offset.min(self.text.len());
        let before = &self.text.as_bytes()[..offset];
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = before.split(|&byte| byte == b'\n').count();
        Location {
            artifact: self.artifact.to_owned(),
            pointer: None,
            byte_offset: Some(offset as u64),
            line: u32::try_from(line).ok(),
            column: u32::try_from(offset - line_start + 1).ok(),
        }
    }

    /// Where in `part`, which is a slice of the artifact's text, an error is.
    pub(crate) fn error(self, part: &str, error: &serde_json::Error) -> Location {
        let part_offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let line_start = part
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum::<usize>();
        // serde_json counts the column of the byte it has just read, from 1.
        self.offset(part_offset + line_start + error.column().saturating_sub(1))
    }
}

/// An RFC 6901 pointer from unescaped segments.
pub(crate) fn pointer(segments: &[&str]) -> String {
    let mut pointer = String::new();
    for segment in segments {
        pointer.push('/');
        for char in segment.chars() {
            match char {
                '~' => pointer.push_str("~0"),
                '/' => pointer.push_str("~1"),
                char => pointer.push(char),
            }
        }
    }
    pointer
}

pub(crate) fn diagnostic(
    severity: Severity,
    code: &str,
    message: String,
    at: Option<Location>,
) -> Diagnostic {
    Diagnostic {
        severity,
        code: code.to_owned(),
        message,
        at,
    }
}
