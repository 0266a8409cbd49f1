//! Statements without what may be private: literals and comments go, and what is left tells repeats of one statement.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};
use sql_lineage::Dialect;

use crate::history::JOB_NAME_BYTES_MAX;
use crate::naming::is_name;

/// Comments that are looked at.
const COMMENTS_MAX: usize = 16;
/// The longest word that a name begins with.
const VERB_BYTES_MAX: usize = 32;
/// The longest part of a name that comes from the statement.
const TARGET_BYTES_MAX: usize = 200;

/// A statement that was taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Normal {
    /// Without literals and comments, with one space where there was any.
    pub(crate) text: String,
    tokens: Vec<String>,
    comments: Vec<String>,
}

/// Takes a statement apart.
///
/// A literal becomes `?`, a list of literals one `?`, rows of them one row; names of tables that end in a date end in
/// `_?` instead. An unfinished literal goes on to the end: nothing of it stays.
pub(crate) fn normalize(text: &str, dialect: Dialect) -> Normal {
    let mut scan = Scan {
        rest: text,
        dialect,
        normal: Normal::default(),
        spaces: Vec::new(),
        is_space: false,
    };
    while !scan.rest.is_empty() {
        scan.step();
    }
    scan.normal
        .tokens
        .truncate(trimmed_len(&scan.normal.tokens));
    scan.render();
    scan.normal
}

/// Without semicolons at the end.
fn trimmed_len(tokens: &[String]) -> usize {
    let kept = tokens.iter().rposition(|token| token != ";");
    kept.map_or(0, |last| last + 1)
}

struct Scan<'t> {
    rest: &'t str,
    dialect: Dialect,
    normal: Normal,
    /// Whether the token has space before it.
    spaces: Vec<bool>,
    is_space: bool,
}

impl<'t> Scan<'t> {
    fn is_bigquery(&self) -> bool {
        self.dialect == Dialect::BigQuery
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Takes up to and with `end`, or all.
    fn take_until(&mut self, end: &str) -> &'t str {
        let bytes = self
            .rest
            .find(end)
            .map_or(self.rest.len(), |at| at + end.len());
        self.take(bytes)
    }

    fn step(&mut self) {
        let Some(first) = self.rest.chars().next() else {
            return;
        };
        if first.is_whitespace() || first == '\u{feff}' {
            self.take(first.len_utf8());
            self.is_space = true;
        } else if self.comment() {
            self.is_space = true;
        } else if self.literal(first) {
            self.push("?".into());
        } else if first == '"' || first == '`' {
            // What is never closed is no name.
            let name = self.quoted(first).map(|name| undated(name, Some(first)));
            self.push(name.unwrap_or_else(|| "?".into()));
        } else if is_word(first) {
            // A name may have one `$` in it; two begin a literal.
            let len = self.rest.char_indices().find(|(at, c)| {
                let goes_on = is_word(*c) || c.is_ascii_digit() || *c == '$';
                !goes_on || self.rest[*at..].starts_with("$$")
            });
            let word = self.take(len.map_or(self.rest.len(), |(at, _)| at));
            self.push(undated(word, None));
        } else if first.is_ascii_digit() {
            self.number();
        } else if first == '$'
            && self.rest[1..].starts_with(|c: char| c.is_ascii_digit() || is_word(c))
        {
            // A position or a variable.
            let len = self.rest[1..].find(|c| !is_word(c) && !c.is_ascii_digit());
            let name = self.take(len.map_or(self.rest.len(), |len| len + 1));
            self.push(name.to_owned());
        } else {
            self.punctuation(first);
        }
    }

    fn comment(&mut self) -> bool {
        let rest = self.rest;
        let is_line = rest.starts_with("--")
            || (rest.starts_with("//") && self.dialect == Dialect::Snowflake)
            || (rest.starts_with('#') && self.is_bigquery());
        let comment = if is_line {
            self.take_until("\n").trim_start_matches(['-', '/', '#'])
        } else if rest.starts_with("/*") {
            let comment = self.take_until("*/");
            comment[2..].strip_suffix("*/").unwrap_or(&comment[2..])
        } else {
            return false;
        };
        if self.normal.comments.len() < COMMENTS_MAX {
            self.normal.comments.push(comment.trim().to_owned());
        }
        true
    }

    /// A literal in quotes, with whatever letters say how it is written.
    fn literal(&mut self, first: char) -> bool {
        if first == '$' && self.rest.starts_with("$$") {
            self.take(2);
            self.take_until("$$");
            return true;
        }
        let is_letter = |c: char| matches!(c.to_ascii_lowercase(), 'r' | 'b' | 'x' | 'n' | 'e');
        let prefix = self
            .rest
            .chars()
            .take(2)
            .take_while(|c| is_letter(*c))
            .count();
        let letters = &self.rest[..prefix];
        let Some(quote) = self.rest[prefix..].chars().next() else {
            return false;
        };
        if quote != '\'' && !(quote == '"' && self.is_bigquery()) {
            return false;
        }
        let is_raw = letters.to_ascii_lowercase().contains('r');
        self.take(prefix);
        let thrice = [quote; 3].iter().collect::<String>();
        if self.is_bigquery() && self.rest.starts_with(&thrice) {
            self.take(3);
            self.take_until(&thrice);
        } else {
            self.string(quote, is_raw);
        }
        true
    }

    fn string(&mut self, quote: char, is_raw: bool) {
        let escapes = !is_raw
            && matches!(
                self.dialect,
                Dialect::BigQuery | Dialect::Snowflake | Dialect::Databricks | Dialect::Spark
            );
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c == '\\' && escapes {
                chars.next();
            } else if c == quote {
                // Doubled, it stands for itself.
                if chars.next_if(|(_, next)| *next == quote).is_none() {
                    self.take(at + 1);
                    return;
                }
            }
        }
        self.take(self.rest.len());
    }

    /// A name in quotes, quotes and all; none if they are not closed.
    fn quoted(&mut self, quote: char) -> Option<&'t str> {
        let text = self.rest;
        let mut len = 1;
        loop {
            let Some(at) = text[len..].find(quote) else {
                self.take(text.len());
                return None;
            };
            len += at + 1;
            if !text[len..].starts_with(quote) {
                return Some(self.take(len));
            }
            len += 1;
        }
    }

    fn number(&mut self) {
        let mut len = 0;
        let mut before = ' ';
        for (at, c) in self.rest.char_indices() {
            let is_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
            if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || is_sign) {
                break;
            }
            before = c;
            len = at + c.len_utf8();
        }
        self.take(len);
        self.push("?".into());
    }

    fn punctuation(&mut self, first: char) {
        const OPERATORS: &str = "<>=!|:&+*/%^~";
        let mut len = first.len_utf8();
        if OPERATORS.contains(first) {
            let more = self.rest.find(|c: char| !OPERATORS.contains(c));
            len = more.unwrap_or(self.rest.len());
            // A comment that follows is none of it.
            if let Some(at) = self.rest[1..len].find("/*") {
                len = at + 1;
            }
        }
        let token = self.take(len).to_owned();
        self.push(token);
    }

    fn push(&mut self, token: String) {
        let tokens = &mut self.normal.tokens;
        let ends = |tokens: &[String], end: &[&str]| {
            tokens.len() >= end.len()
                && tokens[tokens.len() - end.len()..]
                    .iter()
                    .zip(end)
                    .all(|(a, b)| a == b)
        };
        let is_space = std::mem::take(&mut self.is_space);
        if token == "?" && ends(tokens, &["?", ","]) {
            tokens.pop();
            self.spaces.pop();
            return;
        }
        tokens.push(token);
        self.spaces.push(is_space);
        if ends(tokens, &["(", "?", ")", ",", "(", "?", ")"]) {
            tokens.truncate(tokens.len() - 4);
            self.spaces.truncate(tokens.len());
        }
    }

    fn render(&mut self) {
        let mut before = "";
        for (token, is_space) in self.normal.tokens.iter().zip(&self.spaces) {
            let is_tight = matches!(token.as_str(), "," | ")" | "]" | "." | ";")
                || matches!(before, "" | "(" | "[" | ".")
                || (before != "," && !is_space);
            if !is_tight {
                self.normal.text.push(' ');
            }
            self.normal.text.push_str(token);
            before = token;
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// A name without the date at its end, by which one statement has another name every day.
fn undated(name: &str, quote: Option<char>) -> String {
    let bare = quote.map_or(name, |quote| name.trim_end_matches(quote));
    let digits = bare.bytes().rev().take_while(u8::is_ascii_digit).count();
    let stem = &bare[..bare.len() - digits];
    let is_date = digits == 8 && stem.ends_with('_') && {
        let date = &bare[bare.len() - digits..];
        let number = |text: &str| text.parse::<u32>().unwrap_or(0);
        (1970..2200).contains(&number(&date[..4]))
            && (1..=12).contains(&number(&date[4..6]))
            && (1..=31).contains(&number(&date[6..]))
    };
    if is_date {
        format!("{stem}?{}", &name[bare.len()..])
    } else {
        name.to_owned()
    }
}

impl Normal {
    /// The node that dbt ran, by the comment that it writes.
    pub(crate) fn dbt_node(&self) -> Option<String> {
        self.comments.iter().find_map(|comment| {
            let said: Value = serde_json::from_str(comment).ok()?;
            let is_dbt = said.get("app").and_then(Value::as_str) == Some("dbt");
            let node = said.get("node_id").and_then(Value::as_str)?;
            (is_dbt && node.len() <= JOB_NAME_BYTES_MAX && is_name(node)).then(|| node.to_owned())
        })
    }

    /// The first word, in lower case.
    pub(crate) fn verb(&self) -> String {
        self.tokens
            .first()
            .map_or(String::new(), |word| word.to_lowercase())
    }

    /// True if it begins as a statement that changes data does.
    pub(crate) fn is_writing(&self) -> bool {
        matches!(
            self.verb().as_str(),
            "insert"
                | "merge"
                | "update"
                | "delete"
                | "create"
                | "copy"
                | "truncate"
                | "export"
                | "load"
                | "unload"
        )
    }

    /// What it is called: its verb, what it writes if its beginning says so, and a digest of it and `scope`.
    pub(crate) fn name(&self, scope: &str) -> String {
        let digest = Sha256::digest(format!("{scope}\n{}", self.text).as_bytes());
        let mut name = self.verb();
        if !name.chars().all(|c| c.is_ascii_alphabetic())
            || name.is_empty()
            || name.len() > VERB_BYTES_MAX
        {
            name = "statement".into();
        }
        if let Some(target) = self.target() {
            name.push(':');
            name.push_str(&target);
        }
        name.push(':');
        for byte in &digest[..6] {
            let _ = write!(name, "{byte:02x}");
        }
        name
    }

    /// The name behind the words that a statement begins with.
    fn target(&self) -> Option<String> {
        const WORDS: &[&str] = &[
            "into",
            "table",
            "view",
            "from",
            "or",
            "replace",
            "if",
            "not",
            "exists",
            "transient",
            "temporary",
            "temp",
            "materialized",
            "external",
            "secure",
            "overwrite",
            "dynamic",
            "recursive",
        ];
        if !self.is_writing() && self.verb() != "alter" {
            return None;
        }
        let is_word = |token: &&String| WORDS.contains(&token.to_lowercase().as_str());
        let mut tokens = self.tokens.iter().skip(1).skip_while(is_word).peekable();
        let mut name = String::new();
        loop {
            let token = tokens.next()?;
            if !token.starts_with(is_word_start) {
                return None;
            }
            name.push_str(token.trim_matches(['"', '`']));
            match tokens.peek() {
                Some(next) if *next == "." || *next == "-" => {
                    name.push_str(next);
                    tokens.next();
                }
                _ => break,
            }
        }
        (name.len() <= TARGET_BYTES_MAX && is_name(&name)).then_some(name)
    }
}

fn is_word_start(c: char) -> bool {
    is_word(c) || c == '"' || c == '`'
}

/// A message of a warehouse without what it quotes: it may repeat values.
pub(crate) fn message(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    let mut kept = String::new();
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let opens = matches!(c, '\'' | '"' | '`') && !before.is_alphanumeric();
        if opens {
            let mut is_closed = false;
            while let Some(inner) = chars.next() {
                let ends = inner == c && !chars.peek().is_some_and(|next| next.is_alphanumeric());
                if ends {
                    is_closed = true;
                    break;
                }
            }
            kept.push('?');
            before = '?';
            if !is_closed {
                break;
            }
        } else if c.is_ascii_digit() && !before.is_alphanumeric() && before != '_' {
            while chars
                .peek()
                .is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, '.' | '-' | ':'))
            {
                chars.next();
            }
            kept.push('?');
            before = '?';
        } else {
            kept.push(if c.is_control() { ' ' } else { c });
            before = c;
        }
    }
    match kept.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", &kept[..at]),
        None => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dialect: Dialect, text: &str, expected: &str) {
        assert_eq!(normalize(text, dialect).text, expected, "{text}");
    }

    #[test]
    fn nothing_of_a_literal_stays() {
        for (text, expected) in [
            (
                "select 'a''b', x from t where y = 'secret'",
                "select ?, x from t where y = ?",
            ),
            (
                "insert into t(a) values (1, 'x'), (2, 'y');",
                "insert into t(a) values (?)",
            ),
            (
                "select * from t where a in (1, 2.5e-3, 0x1F)",
                "select * from t where a in (?)",
            ),
            (r"select 'it\'s' from t", "select ? from t"),
            ("select $$ secret $$, $1 from @s", "select ?, $1 from @s"),
            ("select 'unfinished", "select ?"),
            (
                "select a -- secret\n, /* secret */ b // secret\nfrom t",
                "select a, b from t",
            ),
            (
                "select a::int,b from \"Odd Name\".t",
                "select a::int, b from \"Odd Name\".t",
            ),
            (
                "create table e_20240131 as select 1",
                "create table e_? as select ?",
            ),
            ("select x'ff', b from t", "select ?, b from t"),
        ] {
            check(Dialect::Snowflake, text, expected);
        }
        for (text, expected) in [
            (
                "select \"secret\", r'\\', '''a'b''' from `p.d.e_20240131` # secret",
                "select ? from `p.d.e_?`",
            ),
            ("select 'a' 'b'", "select ? ?"),
        ] {
            check(Dialect::BigQuery, text, expected);
        }
    }

    #[test]
    fn a_statement_is_called_by_what_it_writes() {
        let name = |text| {
            let name = normalize(text, Dialect::Snowflake).name("");
            name.rsplit_once(':').map(|(name, _)| name.to_owned())
        };
        for (text, expected) in [
            ("insert into a.b.c select 1", "insert:a.b.c"),
            (
                "create or replace transient table \"x\".y as select 1",
                "create:x.y",
            ),
            ("merge into t using s on 1 = 1", "merge:t"),
            ("with a as (select 1) select * from a", "with"),
            ("(select 1)", "statement"),
            ("copy into @s from t", "copy"),
        ] {
            assert_eq!(name(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn repeats_of_a_statement_have_one_name() {
        let name = |text| normalize(text, Dialect::Snowflake).name("db.s");
        assert_eq!(
            name("insert into t values (1)"),
            name("insert  into t\nvalues (2), (3);")
        );
        assert_ne!(
            name("insert into t values (1)"),
            name("insert into u values (1)")
        );
    }

    #[test]
    fn dbt_says_which_node_it_runs() {
        let text =
            r#"/* {"app": "dbt", "node_id": "model.shop.orders"} */ create table t as select 1"#;
        let node = normalize(text, Dialect::Snowflake).dbt_node();
        assert_eq!(node.as_deref(), Some("model.shop.orders"));
        assert_eq!(
            normalize("/* {\"app\": \"x\"} */ select 1", Dialect::Snowflake).dbt_node(),
            None
        );
    }

    #[test]
    fn messages_lose_what_they_quote() {
        assert_eq!(
            message("Numeric value 'secret' is not recognized, row 17: can't \"a\"b\" go"),
            "Numeric value ? is not recognized, row ? can't ? go"
        );
        assert_eq!(message("near 'unfinished secret"), "near ?");
    }
}
