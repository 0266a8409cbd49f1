//! Names of datasets and jobs: credentials are taken out without a trace, so that a name stays one and the same
//! whatever the password is.

use super::keys::{Sort, sort};

/// `name` without credentials; none if it has none.
pub(crate) fn redact(name: &str) -> Option<String> {
    let mut clean = without_user_info(name);
    if let Some(shorter) = without_parameters(clean.as_deref().unwrap_or(name)) {
        clean = Some(shorter);
    }
    clean
}

/// Takes `user:password@` out of URLs.
fn without_user_info(name: &str) -> Option<String> {
    let mut clean = String::new();
    let mut rest = name;
    let mut has_changed = false;
    while let Some((before, authority, after)) = next_authority(rest) {
        clean.push_str(before);
        let host = match authority.rfind('@') {
            Some(at) if authority[..at].contains([':', '/']) => {
                has_changed = true;
                &authority[at + 1..]
            }
            _ => authority,
        };
        clean.push_str(host);
        rest = after;
    }
    clean.push_str(rest);
    has_changed.then_some(clean)
}

/// Begins what stands for an authority in URLs of Oracle's thin driver.
const THIN: &str = "oracle:thin:";

/// What stands before the next authority of a URL, the authority, and what follows.
pub(crate) fn next_authority(text: &str) -> Option<(&str, &str, &str)> {
    let url = text.find("://");
    // Only what stands before the URL is looked through again: long texts have many.
    let thin = text[..url.unwrap_or(text.len())].find(THIN);
    let (start, is_thin) = match (thin, url) {
        (Some(thin), _) => (thin + THIN.len(), true),
        (None, Some(url)) => (url + "://".len(), false),
        (None, None) => return None,
    };
    let ends = |c: char| {
        c.is_whitespace()
            || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\')
            || (!is_thin && matches!(c, '/' | '?' | '#'))
    };
    let rest = &text[start..];
    let mut end = rest.find(ends).unwrap_or(rest.len());
    if is_thin {
        // `user/password@//host` or `@host`: nothing after the sign is looked at.
        end = rest[..end].find('@').map_or(0, |at| at + 1);
    }
    Some((&text[..start], &rest[..end], &rest[end..]))
}

/// Takes parameters that name secrets out of what follows `?` or `;`.
fn without_parameters(name: &str) -> Option<String> {
    let start = name.find(['?', ';'])?;
    let mut clean = name[..start].to_owned();
    let mut is_first = true;
    let mut has_changed = false;
    let mut rest = &name[start..];
    while let Some(separator) = rest.chars().next() {
        let body = &rest[separator.len_utf8()..];
        let end = body.find(['&', ';']).unwrap_or(body.len());
        let parameter = &body[..end];
        rest = &body[end..];
        let is_secret = parameter.split_once('=').is_some_and(|(key, value)| {
            !value.is_empty() && (key.eq_ignore_ascii_case("sig") || sort(key) != Sort::Harmless)
        });
        if is_secret {
            has_changed = true;
            continue;
        }
        let separator = match separator {
            '&' if is_first => '?',
            other => other,
        };
        clean.push(separator);
        clean.push_str(parameter);
        is_first = false;
    }
    has_changed.then_some(clean)
}
