//! Where in a guest's output something is, and what is wrong there.

use std::fmt::{self, Display};

/// One entry of one list of one push.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Pushes of the call, from 0.
    pub(crate) batch: u64,
    /// The list's name in the WIT.
    pub(crate) list: &'static str,
    /// The entry's index, from 0.
    pub(crate) index: usize,
}

impl Place {
    /// Says that a field of the entry breaks a rule.
    pub(crate) fn invalid(self, field: impl Display, rule: impl Display) -> Refusal {
        Refusal::Invalid(format!("{self}.{field}: {rule}"))
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch {}, {}[{}]", self.batch, self.list, self.index)
    }
}

/// Why a push is not taken; the call has failed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It breaks the contract.
    Invalid(String),
    /// It is more than one call may emit.
    Quota(String),
    /// The call's time is over.
    Late(String),
}

/// The beginning of `text`, as much of it as fits into a message.
pub(crate) fn cut(text: &str) -> &str {
    cut_to(text, 80)
}

/// The beginning of `text`, at most `bytes_max` bytes, never half a character.
pub(crate) fn cut_to(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
