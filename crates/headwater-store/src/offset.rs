//! Positions in the log.

use std::fmt;

/// The position of one entry in the log, and the instant at which it became known.
///
/// The first entry has offset 1; [`Offset::ZERO`] is before all entries. At most
/// [`Offset::MAX`], so that an offset is exact as an IEEE 754 double, and thus in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(u64);

/// A number that is no offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("offset {0} is not below 2^53")]
pub struct OffsetError(
    /// The refused number.
    pub u64,
);

impl Offset {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);
    /// The greatest offset: 2^53 - 1.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// # Errors
    /// [`OffsetError`] when `number` is above [`Offset::MAX`].
    pub fn new(number: u64) -> Result<Self, OffsetError> {
        if number > Self::MAX.0 {
            return Err(OffsetError(number));
        }
        Ok(Self(number))
    }

    /// The offset as a number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The offset after this one.
    #[must_use]
    pub fn next(self) -> Self {
        self.checked_add(1)
            .expect("a million entries a second reach 2^53 after 285 years")
    }

    /// The offset `entries_count` entries later, or `None` above [`Offset::MAX`].
    #[must_use]
    pub fn checked_add(self, entries_count: u64) -> Option<Self> {
        let number = self.0.checked_add(entries_count)?;
        Self::new(number).ok()
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
