//! The body of an event as text: what is checked before it is read, and what is kept of it.

use headwater_model::Text;

use crate::error::{EventError, EventRule, quoted};

/// The longest body that is taken, in bytes after decoding.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How deep lists and objects may stand in each other; every consumer of a kept facet can recurse that far.
pub const DEPTH_MAX: usize = 100;

/// The body as text that is safe to read.
pub(crate) fn checked_text(body: &[u8]) -> Result<&str, EventError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(EventError::whole(EventRule::TooLong {
            bytes: body.len(),
            bytes_max: BODY_BYTES_MAX,
        }));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        EventError::whole(EventRule::NotUtf8 {
            at: error.valid_up_to(),
        })
    })?;
    if text.trim_ascii().is_empty() {
        return Err(EventError::whole(EventRule::Empty));
    }
    if is_too_deep(body) {
        return Err(EventError::whole(EventRule::TooDeep {
            depth_max: DEPTH_MAX,
        }));
    }
    Ok(text)
}

/// True if lists and objects stand in each other more than [`DEPTH_MAX`] deep.
fn is_too_deep(body: &[u8]) -> bool {
    // Most events do not even have that many; counting is much faster than following strings and escapes.
    let openers_count = body
        .iter()
        .filter(|byte| matches!(byte, b'{' | b'['))
        .count();
    if openers_count <= DEPTH_MAX {
        return false;
    }
    let mut depth = 0_usize;
    let mut is_in_string = false;
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_in_string = !is_in_string,
            b'\\' if is_in_string => {
                bytes.next();
            }
            b'{' | b'[' if !is_in_string => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return true;
                }
            }
            b'}' | b']' if !is_in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// `error` at its line and column in `text`.
pub(crate) fn syntax_error(text: &str, error: &serde_json::Error) -> EventError {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let rest = text
        .split('\n')
        .nth(line.saturating_sub(1))
        .and_then(|line| line.as_bytes().get(column.saturating_sub(1)..))
        .unwrap_or_default();
    let found = match String::from_utf8_lossy(&rest[..rest.len().min(40)]) {
        _ if error.is_eof() => "the end of the body".to_owned(),
        rest if rest.is_empty() => "the end of the line".to_owned(),
        rest => quoted(&rest),
    };
    EventError::whole(EventRule::Syntax {
        message: message.to_owned(),
        line,
        column,
        found,
    })
}

/// `text` with some of its parts replaced.
pub(crate) fn redacted(text: &str, mut redactions: Vec<(&str, String)>) -> Text {
    if redactions.is_empty() {
        return text.into();
    }
    let offset = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
    redactions.sort_by_key(|(part, _)| offset(part));
    let mut clean = String::with_capacity(text.len());
    let mut kept = 0;
    for (part, replacement) in redactions {
        clean.push_str(&text[kept..offset(part)]);
        clean.push_str(&replacement);
        kept = offset(part) + part.len();
    }
    clean.push_str(&text[kept..]);
    clean.into()
}
