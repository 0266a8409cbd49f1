//! Moments as people write them: `now`, a time, a date, some time ago, an offset.

use std::time::SystemTime;

use clap::Args;
use headwater_model::Timestamp;
use serde_json::{Value, json};

/// When to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At what holds and is known now.
    Now,
    /// At what held at a time.
    At(Timestamp),
    /// At what was known when an offset was the newest.
    Known(u64),
}

/// The units of a time ago, in seconds.
const UNITS: [(char, i64); 5] = [
    ('s', 1),
    ('m', 60),
    ('h', 3600),
    ('d', 86_400),
    ('w', 604_800),
];

impl Moment {
    /// Reads what a person writes; `now` is the time of the command.
    ///
    /// # Errors
    /// A sentence that names the text and what may stand there.
    fn parse_at(text: &str, now: Timestamp) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::Now);
        }
        if let Some(offset) = text.strip_prefix('@') {
            let offset = offset.parse().ok().filter(|offset| *offset < 1 << 53);
            return offset.map(Self::Known).ok_or_else(|| {
                format!("after @ stands an offset, a number below 2^53, not {text:?}")
            });
        }
        if let Some(ago) = text.strip_prefix('-') {
            let unit = UNITS.iter().find_map(|(unit, seconds)| {
                let count = ago.strip_suffix(*unit)?.parse::<u32>().ok()?;
                i64::from(count).checked_mul(*seconds)
            });
            let micros = unit.and_then(|seconds| seconds.checked_mul(1_000_000));
            let then = micros.and_then(|micros| now.as_micros().checked_sub(micros));
            let then = then
                .map(Timestamp::from_micros)
                .ok_or_else(|| format!("{text:?} is no time ago: write -30m, -2h, -1d or -1w"))?;
            if then < Timestamp::FIRST {
                return Err(format!("{text:?} is before the year 0001"));
            }
            return Ok(Self::At(then));
        }
        Timestamp::parse(text)
            .map(|(time, _)| Self::At(time))
            .map_err(|error| {
                format!("{error}: write an RFC 3339 time, a date, now, -1d, -2h or @offset")
            })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let micros = since.map_or(0, |since| since.as_micros());
        Self::parse_at(
            text,
            Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)),
        )
    }

    /// The service's argument, as a variable.
    pub(crate) fn variable(self) -> Value {
        match self {
            Self::Now => json!({}),
            Self::At(time) => json!({ "validAt": time.to_string() }),
            Self::Known(offset) => json!({ "knownAt": offset }),
        }
    }

    /// The same moment by what was known at `offset`, from which it was answered.
    pub(crate) fn variable_known_at(self, offset: u64) -> Value {
        let mut variable = self.variable();
        variable["knownAt"] = json!(offset);
        variable
    }
}

/// Reads an argument of the command line.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    Moment::parse(text)
}

/// When to look.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct AsOfArgs {
    /// Look at the past: an RFC 3339 time, a date, -1d, -2h, or what was known at @offset
    #[arg(long, value_name = "T", value_parser = moment, allow_hyphen_values = true)]
    as_of: Option<Moment>,
}

impl AsOfArgs {
    /// The argument of the query: only where it is asked for, so that services without it still answer.
    pub(crate) fn argument(self) -> String {
        match self.as_of {
            None | Some(Moment::Now) => String::new(),
            Some(Moment::At(time)) => format!(", asOf: {{validAt: \"{time}\"}}"),
            Some(Moment::Known(offset)) => format!(", asOf: {{knownAt: {offset}}}"),
        }
    }

    /// The argument that asks for the same, as it was known at `offset`.
    pub(crate) fn pinned(self, offset: u64) -> String {
        match self.as_of {
            Some(Moment::At(time)) => {
                format!(", asOf: {{validAt: \"{time}\", knownAt: {offset}}}")
            }
            Some(Moment::Known(_)) => self.argument(),
            None | Some(Moment::Now) => format!(", asOf: {{knownAt: {offset}}}"),
        }
    }

    /// The same, of a field that has no other arguments.
    pub(crate) fn only_argument(self) -> String {
        let argument = self.argument();
        match argument.strip_prefix(", ") {
            Some(argument) => format!("({argument})"),
            None => argument,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> String {
        let (now, _) = Timestamp::parse("2026-03-10T12:00:00Z").expect("a time");
        match Moment::parse_at(text, now) {
            Ok(Moment::At(time)) => time.to_string(),
            Ok(moment) => format!("{moment:?}"),
            Err(error) => format!("refused: {error}"),
        }
    }

    #[test]
    fn a_moment_that_was_answered_is_asked_again_by_what_was_known() {
        let (time, _) = Timestamp::parse("2026-03-10T12:00:00Z").expect("a time");
        let valid_at = "2026-03-10T12:00:00Z";
        assert_eq!(Moment::Now.variable_known_at(7), json!({"knownAt": 7}));
        assert_eq!(Moment::Known(7).variable_known_at(7), json!({"knownAt": 7}));
        assert_eq!(
            Moment::At(time).variable_known_at(7),
            json!({"validAt": valid_at, "knownAt": 7})
        );
    }

    #[test]
    fn moments_are_written_as_people_write_them() {
        assert_eq!(at("now"), "Now");
        assert_eq!(at("@17"), "Known(17)");
        assert_eq!(at("2026-03-01"), "2026-03-01T00:00:00Z");
        assert_eq!(at("2026-03-01T10:00:00+02:00"), "2026-03-01T08:00:00Z");
        assert_eq!(at("-1d"), "2026-03-09T12:00:00Z");
        assert_eq!(at("-2h"), "2026-03-10T10:00:00Z");
        assert_eq!(at("-90m"), "2026-03-10T10:30:00Z");
        assert_eq!(at("9999-12-31T23:59:59Z"), "9999-12-31T23:59:59Z");
        assert_eq!(
            at("-1000000w"),
            "refused: \"-1000000w\" is before the year 0001"
        );
        for wrong in [
            "",
            "yesterday",
            "@",
            "@-1",
            "-1",
            "-1y",
            "-d",
            "@9007199254740992",
        ] {
            assert!(at(wrong).starts_with("refused: "), "{wrong}: {}", at(wrong));
        }
    }
}
