//! Text without secrets: URLs, connection strings, SQL, messages.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::REDACTED;
use super::keys::{Sort, sort};
use super::name::{next_authority, secret_of};
use super::sql::{self, Statements};

/// Words that keys which name secrets have in them.
const KEY_WORDS: [&str; 11] = [
    "pass",
    "pwd",
    "token",
    "secret",
    "credential",
    "auth",
    "sas",
    "sig",
    "key",
    "info",
    "identified by",
];

/// Words by which a literal right behind a key is taken for SQL: `PASSWORD 'x'`.
const SQL_WORDS: [&str; 12] = [
    "select ", "insert ", "create ", "merge ", "copy ", "unload ", "update ", "delete ", "alter ",
    "with ", "drop ", "select\n",
];

fn finder(words: &[&str]) -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(words)
        .expect("a few short words make a small automaton")
}

static KEY_FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| finder(&KEY_WORDS));
static SQL_FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| finder(&SQL_WORDS));
static LOOSE_FINDER: LazyLock<AhoCorasick> =
    LazyLock::new(|| finder(&["akia", "bearer ", "basic ", "-----begin"]));

/// `text` without its secrets; none if it has none.
pub(crate) fn redact(text: &str) -> Option<String> {
    redact_as(text, false)
}

/// `text`, a data type, without its secrets: in `struct<password:string>`, what follows the colon is a type.
pub(crate) fn redact_type(text: &str) -> Option<String> {
    redact_as(text, true)
}

fn redact_as(text: &str, is_type: bool) -> Option<String> {
    let mut secrets: Vec<Range<usize>> = Vec::new();
    in_urls(text, &mut secrets);
    by_look(text, &mut secrets);
    by_keys(text, is_type, &mut secrets);
    secrets.retain(|range| !range.is_empty() && !text[range.clone()].starts_with(REDACTED));
    if secrets.is_empty() {
        return None;
    }
    secrets.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut clean = String::with_capacity(text.len());
    let mut kept = 0;
    for range in secrets {
        if range.start < kept {
            // What begins within a secret and goes on after it is one with it.
            kept = kept.max(range.end);
            continue;
        }
        clean.push_str(&text[kept..range.start]);
        clean.push_str(REDACTED);
        kept = range.end;
    }
    clean.push_str(&text[kept..]);
    Some(clean)
}

/// Passwords in `user:password@`, tokens in `token@`; in Oracle's URLs, passwords in `user/password@`.
fn in_urls(text: &str, secrets: &mut Vec<Range<usize>>) {
    let mut rest = text;
    while let Some((before, authority, after)) = next_authority(rest) {
        let start = text.len() - rest.len() + before.len();
        if let Some(secret) = secret_of(before, authority) {
            secrets.push(start + secret.start..start + secret.end);
        }
        rest = after;
    }
}

/// The most bytes between `-----BEGIN` and the end of a private key's header.
const PEM_HEADER_BYTES_MAX: usize = 64;

/// Private keys, access keys of AWS, and what follows `Bearer` and `Basic`.
fn by_look(text: &str, secrets: &mut Vec<Range<usize>>) {
    let mut covered = 0;
    for found in LOOSE_FINDER.find_iter(text) {
        if found.start() < covered {
            continue;
        }
        let rest = &text[found.end()..];
        match found.pattern().as_usize() {
            0 => {
                let is_id = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
                let length = rest.find(|c| !is_id(c)).unwrap_or(rest.len());
                let is_upper = text[found.range()].bytes().all(|b| b.is_ascii_uppercase());
                if length == 16 && is_upper {
                    secrets.push(found.start()..found.end() + length);
                }
            }
            3 => {
                let header = &rest[..rest.floor_char_boundary(PEM_HEADER_BYTES_MAX)];
                let Some(header) = header.find("PRIVATE KEY-----") else {
                    continue;
                };
                let start = found.end() + header + "PRIVATE KEY-----".len();
                let body = &text[start..];
                let end = body.find("-----END").unwrap_or(body.len());
                secrets.push(start..start + end);
                covered = start + end;
            }
            scheme => {
                let is_of_token = |c: char| c.is_ascii_alphanumeric() || "+/=._~-".contains(c);
                let length = rest.find(|c| !is_of_token(c)).unwrap_or(rest.len());
                let token = &rest[..length];
                // `basic` and `bearer` are words too; what follows is a token if it looks like no word.
                let length_min = if scheme == 1 { 12 } else { 16 };
                let is_token = length >= length_min
                    && token
                        .bytes()
                        .any(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'=');
                if is_token {
                    secrets.push(found.end()..found.end() + length);
                }
            }
        }
    }
}

/// Values of keys that name secrets: `key=value`, `key: value`, `"key": "value"`, and SQL's `KEY 'value'`.
fn by_keys(text: &str, is_type: bool, secrets: &mut Vec<Range<usize>>) {
    let may_be_sql = SQL_FINDER.is_match(text);
    let mut statements = Statements::new(text);
    let mut done = 0;
    for found in KEY_FINDER.find_iter(text) {
        if found.start() < done {
            continue;
        }
        let is_of_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let start = text[..found.start()]
            .rfind(|c| !is_of_key(c))
            .map_or(0, |at| {
                at + text[at..].chars().next().map_or(1, char::len_utf8)
            });
        let end = text[found.end()..]
            .find(|c| !is_of_key(c))
            .map_or(text.len(), |at| found.end() + at);
        let mut start = start;
        // `api key` and its like are two words.
        let before = text[..start].trim_end_matches(' ');
        if text[found.range()].eq_ignore_ascii_case("key") && before.len() + 1 == start {
            let word = before.rfind(|c: char| !c.is_alphanumeric());
            start = word.map_or(0, |at| {
                at + before[at..].chars().next().map_or(1, char::len_utf8)
            });
        }
        done = end;
        let key = text[start..end].trim_end_matches(['.', '-']);
        let is_parameter = text[..start].ends_with(['?', '&', ';']);
        let sort = match sort(key) {
            Sort::Harmless if is_parameter && key.eq_ignore_ascii_case("sig") => Sort::Text,
            sort => sort,
        };
        if sort == Sort::Harmless {
            continue;
        }
        let key = Key {
            range: start..start + key.len(),
            sort,
            may_be_sql,
            is_type,
            is_code: !is_parameter && statements.is_code(start),
        };
        if let Some(value) = value_after(text, &key) {
            done = done.max(value.end);
            secrets.push(value);
        }
    }
}

/// A key in a text.
struct Key {
    range: Range<usize>,
    sort: Sort,
    /// The text has a word of SQL.
    may_be_sql: bool,
    /// It is in a data type.
    is_type: bool,
    /// It is in the code of a statement.
    is_code: bool,
}

/// Where the value is that follows a key, if one does.
fn value_after(text: &str, key: &Key) -> Option<Range<usize>> {
    let key_end = key.range.end;
    let rest = &text[key_end..];
    // The key's own closing quote, which may be escaped.
    let unquoted = rest.trim_start_matches(['\\', '"', '\'', '`', ']']);
    let is_quoted = unquoted.len() < rest.len();
    let separated = unquoted.trim_start();
    let is_argument = is_quoted && text[key.range.clone()].starts_with("--");
    // `'--password', 'x'` is a list of arguments.
    let separator = ["=>", "==", "::", ":=", "=", ":", ","]
        .into_iter()
        .filter(|separator| is_argument || *separator != ",")
        .find(|separator| separated.starts_with(separator))
        .unwrap_or_default();
    if matches!(separator, "==" | "::") {
        return None;
    }
    let value = separated[separator.len()..].trim_start();
    let start = text.len() - value.len();
    let quote = value.trim_start_matches('\\');
    let escapes = &value[..value.len() - quote.len()];
    if let Some(mark @ ('"' | '\'')) = quote.chars().next() {
        let is_literal = !separator.is_empty() || (key.may_be_sql && mark == '\'' && !is_quoted);
        if !is_literal {
            return None;
        }
        let inner = start + escapes.len() + 1;
        let length = closing(&text[inner..], mark, escapes);
        return Some(inner..inner + length);
    }
    let is_plain = match separator {
        "=" | ":=" => true,
        ":" => key.sort == Sort::Strong && !key.is_code && !key.is_type,
        _ => false,
    };
    let is_option =
        text[key.range.clone()].starts_with("--") && !text[key_end..start].contains('\n');
    let is_argument =
        is_option && separator.is_empty() && start > key_end && !value.starts_with('-');
    // Drivers of ODBC take values in braces; two are a template's.
    if separator == "=" && !key.is_code && value.starts_with('{') && !value.starts_with("{{") {
        let inner = start + 1;
        return Some(inner..inner + closing(&text[inner..], '}', ""));
    }
    let is_plain = is_plain || is_argument;
    if !is_plain || value.starts_with(['(', '{', '[']) || value.is_empty() {
        return None;
    }
    if let Some(end) = value.strip_prefix("${").and_then(|inner| inner.find('}')) {
        return Some(start..start + end + 3);
    }
    // A value that stands behind white space on another line is the next key.
    if text[key_end..start].contains('\n') {
        return None;
    }
    let ends = |c: char| c.is_whitespace() || "&;,\"'<>)]}\\".contains(c);
    let length = value.find(ends).unwrap_or(value.len());
    let plain = &value[..length];
    let before = &text[..key.range.start];
    let is_column = (key.is_code && sql::is_comparison(before, plain))
        || sql::is_same_column(before, &text[key.range.clone()], plain);
    let is_flag = is_flag(plain) || (is_count(plain) && counts(&text[key.range.clone()]));
    (!is_column && !is_flag).then_some(start..start + length)
}

/// True for `true` and `false`, which are no secrets: `has_token=true`.
pub(super) fn is_flag(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

fn is_count(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_digit())
}

/// True for `pass`, which counts tests as often as it names a password: `PASS=5 WARN=0`.
fn counts(key: &str) -> bool {
    key.eq_ignore_ascii_case("pass")
}

/// How long a literal is: up to its closing mark, which stands behind the escapes that the opening one has.
fn closing(text: &str, mark: char, escapes: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find(mark) {
        let at = from + at;
        let before = &text[..at];
        let escapes_count = before.len() - before.trim_end_matches('\\').len();
        let is_doubled = escapes.is_empty() && text[at + 1..].starts_with(mark);
        if is_doubled {
            from = at + 2;
        } else if escapes_count == escapes.len()
            || (escapes.is_empty() && escapes_count.is_multiple_of(2))
        {
            return at - escapes_count.min(escapes.len());
        } else {
            from = at + 1;
        }
    }
    text.len()
}
