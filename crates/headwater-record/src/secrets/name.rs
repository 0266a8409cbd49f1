//! Names of datasets and jobs: credentials are taken out without a trace, so that a name stays one and the same
//! whatever the password is.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::REDACTED;
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
            Some(at) if secret_of(before, authority).is_some() => {
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

/// What stands before an authority: in most URLs, and in those of Oracle's thin driver.
static BEGINNINGS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(["://", "oracle:thin:"])
        .expect("two short words make a small automaton")
});

/// How far an authority may go on behind a slash that is in its password.
const PASSWORD_BYTES_MAX: usize = 256;

/// What stands before the next authority of a URL, the authority, and what follows.
pub(crate) fn next_authority(text: &str) -> Option<(&str, &str, &str)> {
    let found = BEGINNINGS.find(text)?;
    let is_thin = found.pattern().as_usize() == 1;
    let (before, rest) = text.split_at(found.end());
    let ends_url = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\');
    let ends = |c: char| ends_url(c) || (!is_thin && matches!(c, '/' | '?' | '#'));
    let mut end = rest.find(ends).unwrap_or(rest.len());
    if is_thin {
        // `user/password@//host` or `@host`: nothing after the sign is looked at.
        end = rest[..end].find('@').map_or(0, |at| at + 1);
    } else if has_open_password(&rest[..end]) {
        let near = &rest[..rest.floor_char_boundary(PASSWORD_BYTES_MAX)];
        let near = &near[..near.find(ends_url).unwrap_or(near.len())];
        if let Some(at) = near.find('@').filter(|at| *at > end) {
            end = at + 1 + rest[at + 1..].find(ends).unwrap_or(rest.len() - at - 1);
        }
    }
    let (authority, after) = rest.split_at(end);
    Some((before, authority, after))
}

/// True if there is something after a colon that is no port, and no host after it: a password with a slash in it.
fn has_open_password(authority: &str) -> bool {
    let Some((user, password)) = authority.rsplit_once(':') else {
        return false;
    };
    let is_port = password.bytes().all(|b| b.is_ascii_digit());
    let is_host = user.starts_with('[') || password.contains(']') || password.starts_with('{');
    !is_port && !is_host && !password.starts_with("${") && !authority.contains('@')
}

/// What tokens begin with that stand for a user.
const TOKEN_BEGINNINGS: [&str; 17] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "AKIA",
    "ASIA",
    "sk-",
    "sk_",
    "npm_",
    "dapi",
];

/// A user without a password that is this long is taken for a token.
const TOKEN_BYTES_MIN: usize = 16;

/// In URLs of these schemes, a container stands where others have a user.
const SCHEMES_OF_CONTAINERS: [&str; 4] = ["abfs", "abfss", "wasb", "wasbs"];

/// Where the secret is in an authority, whose URL begins with `before`; none if it has none. What is before it is a
/// user.
pub(crate) fn secret_of(before: &str, authority: &str) -> Option<Range<usize>> {
    let at = authority.rfind('@')?;
    let info = &authority[..at];
    if let Some(separator) = info.find([':', '/']) {
        return Some(separator + 1..at);
    }
    let scheme = before.trim_end_matches("://");
    let scheme = &scheme[scheme
        .rfind(|c: char| !c.is_ascii_alphanumeric())
        .map_or(0, |at| scheme.ceil_char_boundary(at + 1))..];
    let has_container = SCHEMES_OF_CONTAINERS
        .iter()
        .any(|of| of.eq_ignore_ascii_case(scheme));
    let is_token = TOKEN_BEGINNINGS.iter().any(|start| info.starts_with(start))
        || info.len() >= TOKEN_BYTES_MIN;
    let is_token = is_token && !has_container && info != REDACTED;
    is_token.then_some(0..at)
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
