//! Why an event is refused.

use std::fmt;

use headwater_model::{NameError, TimeError};

use crate::pointer::Place;

/// What was found is shown up to that many characters.
const FOUND_CHARS_MAX: usize = 80;

/// Why a body is not taken as an event, and where it breaks which rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{rule}", place = Shown(pointer))]
pub struct EventError {
    /// RFC 6901 pointer to what breaks the rule, or to what is missing; empty for the event as a whole.
    pub pointer: String,
    /// The rule, and what was found.
    pub rule: EventRule,
}

/// Which rule an event breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventRule {
    /// Nothing was sent.
    #[error("is empty; expected a JSON object")]
    Empty,
    /// More was sent than one event may have.
    #[error("is {bytes} bytes long, more than {bytes_max}")]
    TooLong {
        /// Length of the body.
        bytes: usize,
        /// The bound that it breaks.
        bytes_max: usize,
    },
    /// JSON is UTF-8 (RFC 8259).
    #[error("is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// How many bytes are well-formed.
        at: usize,
    },
    /// Not JSON.
    #[error("is not JSON at line {line}, column {column}: {message}; found {found}")]
    Syntax {
        /// What the grammar expects.
        message: String,
        /// 1-based.
        line: usize,
        /// 1-based, in bytes.
        column: usize,
        /// What stands there, cut to a readable length.
        found: String,
    },
    /// Lists and objects stand in each other too often.
    #[error("nests lists and objects more than {depth_max} deep")]
    TooDeep {
        /// The bound that it breaks.
        depth_max: usize,
    },
    /// The specification requires it, or nothing can be said without it.
    #[error("is missing; expected {expected}")]
    Missing {
        /// What should be there.
        expected: &'static str,
    },
    /// Another kind of JSON value than expected.
    #[error("expected {expected}, found {found}")]
    Wrong {
        /// What should be there.
        expected: &'static str,
        /// What is there, cut to a readable length.
        found: String,
    },
    /// Not a name.
    #[error("the name {found} {rule}")]
    Name {
        /// The rule for names that it breaks.
        rule: NameError,
        /// The text, quoted and cut to a readable length.
        found: String,
    },
    /// Not a time.
    #[error(transparent)]
    Time(TimeError),
    /// RFC 3339 requires a zone.
    #[error("the time {found} has no zone")]
    NoZone {
        /// The text, quoted.
        found: String,
    },
    /// The specification requires a UUID.
    #[error("expected a UUID, found {found}")]
    RunId {
        /// The text, quoted and cut to a readable length.
        found: String,
    },
    /// The specification knows six run states.
    #[error("expected START, RUNNING, COMPLETE, ABORT, FAIL or OTHER, found {found}")]
    EventType {
        /// What is there, cut to a readable length.
        found: String,
    },
    /// `schemaURL` and the keys of the event disagree.
    #[error("schemaURL names a {claimed}, which has no {found:?}")]
    Kind {
        /// The kind that `schemaURL` names.
        claimed: &'static str,
        /// The key that does not belong to it.
        found: &'static str,
    },
    /// Neither run, job nor dataset.
    #[error("expected \"run\", \"job\" or \"dataset\", found {found}")]
    NoSubject {
        /// The keys that are there.
        found: String,
    },
}

impl EventError {
    /// `rule` is broken at `place`.
    pub(crate) fn new(place: &Place<'_>, rule: EventRule) -> Self {
        Self {
            pointer: place.pointer(),
            rule,
        }
    }

    /// `rule` is broken by the event as a whole.
    pub(crate) fn whole(rule: EventRule) -> Self {
        Self::new(&Place::ROOT, rule)
    }
}

/// A pointer as the beginning of a message.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the event ");
        }
        write!(f, "{}: ", self.0)
    }
}

/// `text` cut to a readable length.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(FOUND_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `text` cut to a readable length, in quotes, control characters escaped.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}
