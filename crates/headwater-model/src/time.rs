//! Instants.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;

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
    #[error("{text:?} is outside the years 0001 to 9999 in UTC")]
    OutOfRange {
        /// What was found, cut to a readable length.
        text: String,
    },
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// 0001-01-01T00:00:00Z, the earliest instant that RFC 3339 and our clients can write.
    pub const FIRST: Self = Self(-62_135_596_800_000_000);

    /// 9999-12-31T23:59:59.999999Z, the last such instant.
    pub const LAST: Self = Self(253_402_300_799_999_999);

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
    /// Digits below the microsecond are cut. A leap second is the second before it. The name of a zone counts for
    /// nothing beside its offset, and is refused without one. [`Self::FIRST`] and [`Self::LAST`] are the bounds.
    ///
    /// # Errors
    /// [`TimeError`] names the text.
    pub fn parse(text: &str) -> Result<(Self, Zone), TimeError> {
        let cut = || text.chars().take(64).collect::<String>();
        let malformed = || TimeError::Malformed { text: cut() };
        let (micros, zone) = match text.parse::<jiff::Timestamp>() {
            Ok(instant) => (instant.as_microsecond(), Zone::Stated),
            // The last day is beyond jiff's instants, and not beyond its dates and times of day.
            Err(_) => civil_micros(text).ok_or_else(malformed)?,
        };
        let time = Self(micros);
        if time < Self::FIRST || time > Self::LAST {
            return Err(TimeError::OutOfRange { text: cut() });
        }
        Ok((time, zone))
    }
}

/// 1970-01-01T00:00:00.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Microseconds since the epoch of a date, with a time of day and an offset, or without.
fn civil_micros(text: &str) -> Option<(i64, Zone)> {
    let pieces = Pieces::parse(text).ok()?;
    let time = pieces.time();
    let civil = pieces.date().to_datetime(time.unwrap_or_default());
    let micros = i64::try_from(civil.duration_since(EPOCH).as_micros()).ok()?;
    match pieces.to_numeric_offset() {
        Some(offset) => {
            time?;
            let ahead = i64::from(offset.seconds()) * 1_000_000;
            Some((micros.checked_sub(ahead)?, Zone::Stated))
        }
        None if pieces.time_zone_annotation().is_some() => None,
        None => Some((micros, Zone::Assumed)),
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, UTC, with as many digits after the second as are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match EPOCH.checked_add(SignedDuration::from_micros(self.0)) {
            Ok(civil) => write!(f, "{civil}Z"),
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
        check("2026-11-22T08:15Z", "2026-11-22T08:15:00Z", stated);
        check("2026-11-22T08:15:00+14:00", "2026-11-21T18:15:00Z", stated);
        check("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", stated);
        check(
            "2026-11-22T08:15:00+01:00[Europe/Berlin]",
            "2026-11-22T07:15:00Z",
            stated,
        );
    }

    #[test]
    fn the_first_and_the_last_instant_are_read_and_written() {
        let first = "0001-01-01T00:00:00Z";
        let last = "9999-12-31T23:59:59.999999Z";
        check(first, first, Zone::Stated);
        check(last, last, Zone::Stated);
        check("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", Zone::Stated);
        check("9999-12-31", "9999-12-31T00:00:00Z", Zone::Assumed);
        check("9999-12-31T23:59:60Z", "9999-12-31T23:59:59Z", Zone::Stated);
        check("0001-01-01T14:00:00+14:00", first, Zone::Stated);
        check("9999-12-31T09:59:59.999999-14:00", last, Zone::Stated);
        assert_eq!(Timestamp::FIRST.to_string(), first);
        assert_eq!(Timestamp::LAST.to_string(), last);
    }

    #[test]
    fn what_is_beyond_the_first_or_the_last_instant_is_told_the_bounds() {
        for text in [
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+14:00",
            "0001-01-01T13:59:59+14:00",
            "9999-12-31T23:59:59-00:01",
            "9999-12-31T10:00:00-14:00",
        ] {
            let error = Timestamp::parse(text).expect_err("out of range");
            let expected = format!("{text:?} is outside the years 0001 to 9999 in UTC");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_time_is_named() {
        for text in [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "1700000000",
            "2026-11-22Z",
            "2026-11-22T08:15:00[Europe/Berlin]",
        ] {
            let error = Timestamp::parse(text).expect_err("not an instant");
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
        assert!(matches!(
            Timestamp::parse("-000044-03-15T00:00:00Z"),
            Err(TimeError::OutOfRange { .. })
        ));
    }
}
