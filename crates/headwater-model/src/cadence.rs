//! How often a source promises to submit.

use crate::Timestamp;

/// How often a source promises to submit: from one minute to 366 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cadence(i64);

/// Why a text is no cadence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CadenceError {
    /// No duration.
    #[error("{text:?} is no duration, for example \"24h\", \"90m\" or \"7 days\"")]
    Malformed {
        /// What was found, cut to a readable length.
        text: String,
    },
    /// Outside the bounds.
    #[error("{text} is not from one minute to 366 days")]
    OutOfRange {
        /// What was found, cut to a readable length.
        text: String,
    },
}

impl Cadence {
    /// The shortest: one minute.
    pub const MICROS_MIN: i64 = 60 * 1_000_000;
    /// The longest: 366 days.
    pub const MICROS_MAX: i64 = 366 * 24 * 60 * Self::MICROS_MIN;

    /// Reads a duration, as `24h`, `1h 30m`, `7 days` or, by ISO 8601, `PT24H`. A day has 24 hours.
    ///
    /// # Errors
    /// [`CadenceError`] names the text and the rule.
    pub fn parse(text: &str) -> Result<Self, CadenceError> {
        let cut = || text.chars().take(64).collect::<String>();
        let span: jiff::Span = text
            .parse()
            .map_err(|_| CadenceError::Malformed { text: cut() })?;
        // Months and years differ in length.
        let duration = span
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .map_err(|_| CadenceError::Malformed { text: cut() })?;
        let micros = i64::try_from(duration.as_micros());
        let micros = micros.map_err(|_| CadenceError::OutOfRange { text: cut() })?;
        Self::from_micros(micros).map_err(|_| CadenceError::OutOfRange { text: cut() })
    }

    /// The cadence of that many microseconds.
    ///
    /// # Errors
    /// [`CadenceError::OutOfRange`] if it is none.
    pub fn from_micros(micros: i64) -> Result<Self, CadenceError> {
        if (Self::MICROS_MIN..=Self::MICROS_MAX).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(CadenceError::OutOfRange {
                text: format!("{micros} microseconds"),
            })
        }
    }

    /// In microseconds.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// True if whoever submitted last at `last` keeps the promise at `now`.
    pub fn is_kept(self, last: Timestamp, now: Timestamp) -> bool {
        now.as_micros().saturating_sub(last.as_micros()) <= self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let hour = 60 * Cadence::MICROS_MIN;
        for (text, micros) in [
            ("24h", 24 * hour),
            ("1h 30m", hour + hour / 2),
            ("90 minutes", hour + hour / 2),
            ("PT24H", 24 * hour),
            ("7 days", 7 * 24 * hour),
            ("2w", 14 * 24 * hour),
            ("1m", Cadence::MICROS_MIN),
            ("366d", Cadence::MICROS_MAX),
        ] {
            assert_eq!(
                Cadence::parse(text).map(Cadence::as_micros),
                Ok(micros),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_or_out_of_bounds_is_refused_with_the_rule() {
        for (text, expected) in [
            ("", "\"\" is no duration, for example \"24h\""),
            ("daily", "\"daily\" is no duration"),
            ("24", "\"24\" is no duration"),
            ("1 month", "\"1 month\" is no duration"),
            ("59s", "59s is not from one minute to 366 days"),
            ("-24h", "-24h is not from one minute"),
            ("367d", "367d is not from one minute"),
        ] {
            let error = Cadence::parse(text).expect_err("no cadence").to_string();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_promise_is_kept_until_its_time_is_up() {
        let day = Cadence::parse("24h").expect("a cadence");
        let at = Timestamp::from_micros;
        assert!(day.is_kept(at(5), at(5 + day.as_micros())));
        assert!(!day.is_kept(at(5), at(6 + day.as_micros())));
        assert!(day.is_kept(at(5), at(0)), "a clock that went back");
    }
}
