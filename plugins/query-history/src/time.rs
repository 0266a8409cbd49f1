//! Times as warehouses write them.

use headwater_extractor::time::parse_rfc3339;

/// Epoch milliseconds: RFC 3339, with a space before a zone or `UTC`; without a zone UTC is meant.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix("UTC").map_or(text, str::trim_end);
    if let Some((at, _)) = parse_rfc3339(text) {
        return Some(at);
    }
    let (clock, zone) = text.rsplit_once(' ')?;
    parse_rfc3339(&format!("{clock}{zone}")).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_warehouses_write_them() {
        for text in [
            "2026-01-05 05:00:00.000 +0000",
            "2026-01-04 21:00:00.000 -0800",
            "2026-01-05 05:00:00 UTC",
            "2026-01-05 05:00:00",
            "2026-01-05T05:00:00.000Z",
            "2026-01-05T05:00:00.000+00:00",
        ] {
            assert_eq!(parse(text), Some(1_767_589_200_000), "{text}");
        }
        assert_eq!(parse("yesterday"), None);
        assert_eq!(parse("1767589200"), None);
    }
}
