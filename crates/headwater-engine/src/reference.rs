//! References: how people and programs name an asset or a field.

use headwater_model::{AssetKind, AssetName, FieldName, Name, Namespace, QualifiedName};

/// A reference as it was asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// The way a person writes it: `<namespace>/<name>`, `job:<namespace>/<name>`, a unique ending, or an id; each
    /// with `#<field>`.
    Text(String),
    /// For programs: exactly one raw name.
    Name {
        /// Kind, namespace and name.
        asset: AssetName,
        /// A field of it.
        field: Option<FieldName>,
    },
}

impl Reference {
    /// The longest text of a reference, in bytes.
    pub const BYTES_MAX: usize = 8192;
}

/// The part of a name after the last `/` or `.`: unique endings are looked up by it.
pub(crate) fn last_segment(name: &str) -> &str {
    let trimmed = name.trim_end_matches(['/', '.']);
    let start = trimmed.rfind(['/', '.']).map_or(0, |at| at + 1);
    &name[start..]
}

/// True if `whole` ends with `part`, at a place where a segment begins.
pub(crate) fn ends_with_segments(whole: &str, part: &str) -> bool {
    whole.strip_suffix(part).is_some_and(|before| {
        before.is_empty() || before.ends_with(['/', '.', ':']) || part.starts_with(['/', '.'])
    })
}

/// The text without the escapes `%23` and `%2F`; none if it has none.
pub(crate) fn unescaped(text: &str) -> Option<String> {
    let plain = text
        .replace("%23", "#")
        .replace("%2F", "/")
        .replace("%2f", "/");
    (plain != text).then_some(plain)
}

/// Slashes that are tried as the one between namespace and name; namespaces have few.
const SPLITS_MAX: usize = 256;

/// Every way to read `text` as namespace and name: each slash may be the one between them. An escaped slash never is.
pub(crate) fn splits(text: &str) -> impl Iterator<Item = QualifiedName> + '_ {
    text.match_indices('/')
        .take(SPLITS_MAX)
        .filter_map(move |(at, _)| {
            let (namespace, name) = (&text[..at], &text[at + 1..]);
            let plain = |part: &str| unescaped(part).unwrap_or_else(|| part.to_owned());
            let namespace = Namespace::parse(&plain(namespace)).ok()?;
            Some(QualifiedName::new(
                namespace,
                Name::parse(&plain(name)).ok()?,
            ))
        })
}

/// The text of an asset's reference, before anybody asks whether it is ambiguous.
pub(crate) fn text(kind: AssetKind, namespace: &str, name: &str) -> String {
    match kind {
        AssetKind::Dataset => format!("{namespace}/{name}"),
        AssetKind::Job => format!("job:{namespace}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_segment_ends_a_name() {
        for (name, segment) in [
            ("shop.public.orders", "orders"),
            ("wh/orders/daily", "daily"),
            ("orders", "orders"),
            ("lake/orders/", "orders/"),
        ] {
            assert_eq!(last_segment(name), segment);
        }
    }

    #[test]
    fn an_ending_begins_where_a_segment_does() {
        let whole = "postgres://db:5432/shop.public.orders";
        for part in [
            "orders",
            "public.orders",
            "shop.public.orders",
            "db:5432/shop.public.orders",
        ] {
            assert!(ends_with_segments(whole, part), "{part}");
        }
        for part in ["rders", "lic.orders", "orders.x"] {
            assert!(!ends_with_segments(whole, part), "{part}");
        }
    }

    #[test]
    fn every_slash_may_split() {
        let found: Vec<String> = splits("a/b/c")
            .map(|name| format!("{}|{}", name.namespace, name.name))
            .collect();
        assert_eq!(found, ["a|b/c", "a/b|c"]);
        let escaped: Vec<String> = splits("a/b%2Fc")
            .map(|name| format!("{}|{}", name.namespace, name.name))
            .collect();
        assert_eq!(escaped, ["a|b/c"]);
    }
}
