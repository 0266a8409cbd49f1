//! Paths of files and objects.

/// A path without what does not tell datasets apart, and what was taken off: slashes around it, patterns and
/// partitions at its end.
pub(crate) struct Trimmed {
    pub(crate) path: String,
    pub(crate) dropped: Vec<String>,
}

/// Trims a path. A leading slash counts only if `is_rooted`: where a path may be relative to something.
pub(crate) fn trim(path: &str, is_rooted: bool) -> Trimmed {
    let has_root = is_rooted && path.starts_with('/');
    let mut segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let mut dropped = Vec::new();
    while let Some(last) = segments.last()
        && (is_pattern(last) || is_partition(last))
    {
        dropped.push((*last).to_owned());
        segments.pop();
    }
    dropped.reverse();
    let joined = segments.join("/");
    let path = match (joined.is_empty(), has_root) {
        // The whole bucket.
        (true, _) => "/".to_owned(),
        (false, true) => format!("/{joined}"),
        (false, false) => joined,
    };
    Trimmed { path, dropped }
}

fn is_pattern(segment: &str) -> bool {
    // `{a,b}` is one of several; `{{ ds }}` is a template, whose place nobody knows.
    let is_choice = segment.contains('{') && segment.contains(',') && segment.contains('}');
    segment.contains(['*', '?']) || (is_choice && !segment.contains("{{"))
}

/// `dt=2026-11-21`: a partition as Hive writes it.
fn is_partition(segment: &str) -> bool {
    segment.split_once('=').is_some_and(|(key, value)| {
        !key.is_empty()
            && !value.is_empty()
            && key
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_partitions_at_the_end_are_dropped() {
        for (path, expected) in [
            ("orders/dt=2026-11-21/*.parquet", "orders"),
            ("orders/dt=*/part-*.parquet", "orders"),
            ("orders/y=2026/m=11", "orders"),
            ("orders/", "orders"),
            ("/orders", "orders"),
            ("orders//a", "orders/a"),
            ("*", "/"),
            ("a=b/orders", "a=b/orders"),
            (
                "orders/dt=2026-11-21/part-0.parquet",
                "orders/dt=2026-11-21/part-0.parquet",
            ),
            ("orders/=x", "orders/=x"),
            ("orders/{a,b}", "orders"),
            ("orders/{{ ds }}", "orders/{{ ds }}"),
        ] {
            assert_eq!(trim(path, false).path, expected, "{path}");
        }
        assert_eq!(trim("/data/x/", true).path, "/data/x");
        assert_eq!(trim("data/x", true).path, "data/x");
    }
}
