//! Instants.

use std::fmt;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Whether a text said which zone its time is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The offset or `Z` was there.
    Stated,
    /// It was not: UTC is taken, which deserves a warning.
    Assumed,
}

/// Why a text is no instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339 and nothing near it.
    #[error("{text:?} is not an RFC 3339 time, for example 2026-01-31T09:30:00Z")]
    Malformed {
        /// What was found, cut to a readable length.
        text: String,
    },
    /// Outside the years that a timestamp holds.
    #[error("{text:?} is outside the years 0001 to 9999")]
    OutOfRange {
        /// What was found, cut to a readable length.
        text: String,
    },
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The instant that many microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant that many milliseconds after the epoch; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 time, and leniently one without a zone or a mere date, which are taken as UTC.
    ///
    /// Digits below the microsecond are cut.
    ///
    /// # Errors
    /// [`TimeError`] names the text.
    pub fn parse(text: &str) -> Result<(Self, Zone), TimeError> {
        let cut = || text.chars().take(64).collect::<String>();
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Self::in_range(instant, cut).map(|time| (time, Zone::Stated));
        }
        let civil = text
            .parse::<jiff::civil::DateTime>()
            .map_err(|_| TimeError::Malformed { text: cut() })?;
        let instant = jiff::tz::Offset::UTC
            .to_timestamp(civil)
            .map_err(|_| TimeError::OutOfRange { text: cut() })?;
        Self::in_range(instant, cut).map(|time| (time, Zone::Assumed))
    }

    fn in_range(instant: jiff::Timestamp, cut: impl Fn() -> String) -> Result<Self, TimeError> {
        /// 0001-01-01T00:00:00Z, the earliest that RFC 3339 and our clients can write.
        const FIRST: i64 = -62_135_596_800_000_000;
        let micros = instant.as_microsecond();
        if micros < FIRST {
            return Err(TimeError::OutOfRange { text: cut() });
        }
        Ok(Self(micros))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, UTC, with as many digits after the second as are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str, zone: Zone) {
        let (time, found) = Timestamp::parse(text).expect("an instant");
        assert_eq!((time.to_string().as_str(), found), (shown, zone), "{text}");
    }

    #[test]
    fn times_are_read_as_clients_write_them() {
        let stated = Zone::Stated;
        check(
            "2026-11-22T08:15:01.501856+00:00",
            "2026-11-22T08:15:01.501856Z",
            stated,
        );
        check("2026-11-22T08:15:01+02:00", "2026-11-22T06:15:01Z", stated);
        check(
            "2026-11-22T08:15:01.123456789Z",
            "2026-11-22T08:15:01.123456Z",
            stated,
        );
        check(
            "2026-11-22T08:15:01.5",
            "2026-11-22T08:15:01.5Z",
            Zone::Assumed,
        );
        check("2026-11-22 08:15:01", "2026-11-22T08:15:01Z", Zone::Assumed);
        check("2026-11-22", "2026-11-22T00:00:00Z", Zone::Assumed);
    }

    #[test]
    fn what_is_no_time_is_named() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "1700000000"] {
            let error = Timestamp::parse(text).expect_err("not an instant");
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
        assert!(matches!(
            Timestamp::parse("-000044-03-15T00:00:00Z"),
            Err(TimeError::OutOfRange { .. })
        ));
    }
}
