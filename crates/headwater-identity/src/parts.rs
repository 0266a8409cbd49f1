//! Identifiers of a dotted name: quoted or bare.

/// One identifier of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) is_quoted: bool,
}

impl Part {
    pub(crate) fn bare(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_quoted: false,
        }
    }
}

/// The quotes that databases put around identifiers.
const QUOTES: [(char, char); 3] = [('"', '"'), ('`', '`'), ('[', ']')];

/// The identifiers of `name`, which dots separate; none if an identifier is empty, or a quote is left open or stands
/// within an identifier: then nobody can say what the name means.
pub(crate) fn split(name: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = name;
    loop {
        let (part, after) = match first(rest)? {
            (part, after) if part.text.is_empty() && after.is_none() => return None,
            found => found,
        };
        if part.text.is_empty() {
            return None;
        }
        parts.push(part);
        match after {
            Some(after) => rest = after,
            None => return Some(parts),
        }
    }
}

/// The first identifier, and what follows the dot behind it.
fn first(text: &str) -> Option<(Part, Option<&str>)> {
    let begins = text.chars().next()?;
    let Some((_, close)) = QUOTES.iter().find(|(open, _)| *open == begins) else {
        let end = text.find('.');
        let bare = &text[..end.unwrap_or(text.len())];
        let is_broken = bare.contains(['"', '`']);
        return (!is_broken).then(|| (Part::bare(bare), end.map(|end| &text[end + 1..])));
    };
    let mut inner = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != *close {
            inner.push(c);
            continue;
        }
        // A quote that is doubled stands for itself.
        if chars.next_if(|(_, next)| next == close).is_some() {
            inner.push(c);
            continue;
        }
        let after = &text[at + c.len_utf8()..];
        let part = Part {
            text: inner,
            is_quoted: true,
        };
        return match after.strip_prefix('.') {
            Some(after) => Some((part, Some(after))),
            None => after.is_empty().then_some((part, None)),
        };
    }
    None
}

/// One text for identifiers, so that different ones have different texts: a dot within one is quoted.
pub(crate) fn join<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            joined.push('.');
        }
        if part.contains(['.', '"']) {
            joined.push('"');
            joined.push_str(&part.replace('"', "\"\""));
            joined.push('"');
        } else {
            joined.push_str(part);
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<&[(&str, bool)]>) {
        let found = split(name).map(|parts| {
            parts
                .into_iter()
                .map(|part| (part.text, part.is_quoted))
                .collect::<Vec<_>>()
        });
        let expected = expected.map(|parts| {
            parts
                .iter()
                .map(|(text, is_quoted)| ((*text).to_owned(), *is_quoted))
                .collect()
        });
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn identifiers_are_bare_or_quoted() {
        check("a.b", Some(&[("a", false), ("b", false)]));
        check("\"a.b\".c", Some(&[("a.b", true), ("c", false)]));
        check("`a`.[b c]", Some(&[("a", true), ("b c", true)]));
        check("\"a\"\"b\"", Some(&[("a\"b", true)]));
    }

    #[test]
    fn what_is_no_list_of_identifiers_is_left_alone() {
        for name in ["", ".", "a..b", "a.", "\"a", "\"a\"b", "a\"b\".c", "\"\".a"] {
            check(name, None);
        }
    }

    #[test]
    fn joined_identifiers_can_be_told_apart() {
        assert_eq!(join(["a", "b.c"]), "a.\"b.c\"");
        assert_eq!(join(["a", "b", "c"]), "a.b.c");
    }
}
