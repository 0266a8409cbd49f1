//! Cuts a script into statements, without understanding them.
//!
//! Strings, comments, quoted identifiers and dollar quotes are stepped over. A statement ends at a semicolon, at a line
//! that says only `GO` or `/`, and at what a `DELIMITER` line names. Blocks are not followed: the statements of a
//! procedure's body end at their semicolons as all others do.
//!
//! Templates that nobody filled in become identifiers or blanks of the same length. Comments and runs of blanks become
//! one blank, as parsers spend more on them than on anything else; [`Base`] says where a place in what is left was.

use std::rc::Rc;

use sqlparser::tokenizer::Location;

use crate::dialect::Dialect;
use crate::model::{Place, Problem, Severity};

/// The text of one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'s> {
    /// What is to be parsed, from its first character that is neither blank nor comment.
    pub text: String,
    /// The same as the script has it.
    pub original: &'s str,
    /// Where it begins.
    pub base: Base,
}

/// What places in the text of a piece count from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    place: Place,
    /// Lines of the text, columns from which on the script has more, and how many more columns it has.
    shifts: Rc<[(u32, u32, u32)]>,
}

impl Base {
    /// Where the piece begins.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Where a place of the piece's text is in the script.
    pub(crate) fn place_of(&self, location: Location) -> Place {
        let (line, column) = (location.line.max(1) as u32, location.column.max(1) as u32);
        let before = self
            .shifts
            .partition_point(|(l, c, _)| (*l, *c) <= (line, column));
        let shift = match self.shifts[..before].last() {
            Some((of_line, _, more)) if *of_line == line => *more,
            _ if line == 1 => self.place.column - 1,
            _ => 0,
        };
        Place {
            line: self.place.line + line - 1,
            column: column + shift,
        }
    }
}

/// Cuts a script into pieces, from the first to the last.
#[derive(Debug)]
pub struct Splitter<'s> {
    text: &'s str,
    dialect: Dialect,
    at: usize,
    place: Place,
    /// True while nothing but blanks stands before this place in its line.
    is_line_start: bool,
    delimiter: Option<String>,
    problems: Vec<Problem>,
}

/// What the scanner met.
enum Step {
    /// Part of a statement, of so many bytes.
    Text(usize),
    /// Blank or comment.
    Blank(usize),
    /// A template, and what stands for it.
    Template(usize, String),
    /// The end of a statement.
    End(usize),
}

impl<'s> Splitter<'s> {
    /// A splitter at the beginning of a script.
    pub fn new(text: &'s str, dialect: Dialect) -> Self {
        Self {
            text,
            dialect,
            at: 0,
            place: Place { line: 1, column: 1 },
            is_line_start: true,
            delimiter: None,
            problems: Vec::new(),
        }
    }

    /// The same, for a text that begins at a place of a larger one.
    #[must_use]
    pub fn starting_at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// What was strange so far.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    fn advance(&mut self, bytes: usize) {
        let passed = &self.text.as_bytes()[self.at..self.at + bytes];
        for byte in passed {
            // Characters begin with a byte that does not go on another.
            if *byte == b'\n' {
                self.place.line += 1;
                self.place.column = 1;
                self.is_line_start = true;
            } else if byte & 0xc0 != 0x80 {
                self.place.column += 1;
                self.is_line_start &= byte.is_ascii_whitespace();
            }
        }
        self.at += bytes;
    }

    fn step(&mut self) -> Option<Step> {
        let rest = &self.text[self.at..];
        let bytes = rest.as_bytes();
        let first = *bytes.first()?;
        if let Some(delimiter) = self.delimiter.as_deref().filter(|d| rest.starts_with(*d)) {
            return Some(Step::End(delimiter.len()));
        }
        if self.is_line_start
            && let Some(step) = self.line(rest)
        {
            return Some(step);
        }
        let step = match first {
            b';' => Step::End(1),
            b'\'' | b'"' | b'`' => Step::Text(self.quoted(rest, first)),
            b'[' if self.dialect.has_brackets() => {
                Step::Text(rest.find(']').map_or(1, |end| end + 1))
            }
            b'-' if rest.starts_with("--") => Step::Blank(line_len(rest)),
            b'/' if rest.starts_with("//") && self.dialect == Dialect::Snowflake => {
                Step::Blank(line_len(rest))
            }
            b'#' if self.dialect.has_hash_comments() => Step::Blank(line_len(rest)),
            b'/' if rest.starts_with("/*") => self.comment(rest),
            b'$' if rest.starts_with("${") => self.placeholder(rest),
            b'$' => Step::Text(dollar_quoted(rest)),
            b'{' if matches!(bytes.get(1), Some(b'{' | b'%' | b'#')) => self.template(rest),
            b'%' if self.expects_value() => parameter(rest),
            _ if first.is_ascii_whitespace() => {
                let len = bytes.iter().take_while(|byte| **byte == b' ').count();
                Step::Blank(len.max(1))
            }
            _ => Step::Text(word_len(rest)),
        };
        Some(step)
    }

    /// Lines that are no SQL: `GO`, `/`, `DELIMITER x`.
    fn line(&mut self, rest: &str) -> Option<Step> {
        let bytes = rest.as_bytes();
        if !matches!(bytes[0], b'g' | b'G' | b'/' | b'd' | b'D') {
            return None;
        }
        let len = line_len(rest);
        let line = rest[..len].trim_end();
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        // Oracle's tools run what stands before a slash; elsewhere it divides.
        let is_between = self.text[..self.at].trim_end().ends_with([';', '/']) || self.at == 0;
        if line == "/" && (is_between || self.dialect == Dialect::Oracle) {
            return Some(Step::End(len));
        }
        if first.eq_ignore_ascii_case("go") && words.all(|word| word.parse::<u32>().is_ok()) {
            return Some(Step::End(len));
        }
        if first.eq_ignore_ascii_case("delimiter") {
            let delimiter = line.split_whitespace().nth(1)?;
            self.delimiter = (delimiter != ";").then(|| delimiter.to_owned());
            return Some(Step::End(len));
        }
        None
    }

    /// The length of a quoted text, quotes included; 1 if it does not end.
    fn quoted(&self, rest: &str, quote: u8) -> usize {
        let bytes = rest.as_bytes();
        let triple = [quote; 3];
        if self.dialect == Dialect::BigQuery && quote != b'`' && bytes.starts_with(&triple) {
            let triple = &rest[..3];
            return rest[3..].find(triple).map_or(1, |end| end + 6);
        }
        let escapes = self.dialect.has_backslash_escapes() && quote != b'`'
            || quote == b'\'' && self.text[..self.at].ends_with(['e', 'E']);
        let mut at = 1;
        while let Some(byte) = bytes.get(at) {
            if *byte == b'\\' && escapes {
                at += 2;
            } else if *byte == quote {
                if bytes.get(at + 1) != Some(&quote) {
                    return at + 1;
                }
                at += 2;
            } else {
                at += 1;
            }
        }
        1
    }

    fn comment(&self, rest: &str) -> Step {
        // A hint is no comment: parsers step over it where it may stand.
        let mut depth = 0;
        let mut at = 0;
        let bytes = rest.as_bytes();
        while at < bytes.len() {
            if bytes[at..].starts_with(b"/*") && (depth == 0 || self.dialect.has_nested_comments())
            {
                depth += 1;
                at += 2;
            } else if bytes[at..].starts_with(b"*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Step::Blank(at);
                }
            } else {
                at += 1;
            }
        }
        Step::Blank(bytes.len())
    }

    fn report(&mut self, severity: Severity, message: String) {
        self.problems.push(Problem {
            severity,
            code: "template",
            message,
            place: self.place,
        });
    }

    /// True if the text so far ends where a value is expected.
    fn expects_value(&self) -> bool {
        let before = self.text[..self.at].trim_end();
        before.ends_with(['=', '(', ',', '<', '>'])
    }

    /// `${x}`.
    fn placeholder(&mut self, rest: &str) -> Step {
        let Some(end) = rest.find('}').filter(|end| *end < line_len(rest)) else {
            return Step::Text(1);
        };
        let inner = &rest[2..end];
        let is_glued = self.text[..self.at].ends_with(is_word)
            || rest[end + 1..].starts_with(is_word)
            || rest[end + 1..].starts_with('$');
        let text = if is_glued {
            let inner: String = inner.chars().map(word_or_underscore).collect();
            format!("__{inner}_")
        } else {
            self.as_identifier('$', inner)
        };
        self.report(
            Severity::Info,
            format!("`{}` was not filled in", &rest[..=end]),
        );
        Step::Template(end + 1, text)
    }

    /// `{{ x }}`, `{% x %}`, `{# x #}`.
    fn template(&mut self, rest: &str) -> Step {
        let close = match rest.as_bytes()[1] {
            b'{' => "}}",
            b'%' => "%}",
            _ => "#}",
        };
        let Some(end) = rest.find(close) else {
            return Step::Text(1);
        };
        let len = end + 2;
        let shown: String = rest[..len].chars().take(60).collect();
        match close {
            "}}" => {
                let is_glued =
                    self.text[..self.at].ends_with(is_word) || rest[len..].starts_with(is_word);
                let text = if is_glued {
                    rest[..len].chars().map(word_or_underscore).collect()
                } else {
                    self.as_identifier('{', &rest[2..len - 1])
                };
                self.report(Severity::Warning, format!("`{shown}` was not rendered"));
                Step::Template(len, text)
            }
            "%}" => {
                self.report(Severity::Warning, format!("`{shown}` was not rendered"));
                Step::Template(len, blanks(&rest[..len]))
            }
            _ => Step::Template(len, blanks(&rest[..len])),
        }
    }

    /// An identifier of two characters more than `inner`, that says what it stands for.
    fn as_identifier(&self, mark: char, inner: &str) -> String {
        let quote = match self.dialect {
            Dialect::BigQuery
            | Dialect::Databricks
            | Dialect::Spark
            | Dialect::Hive
            | Dialect::MySql => '`',
            _ => '"',
        };
        let inner: String = inner
            .chars()
            .map(|symbol| match symbol {
                '"' | '`' => '\'',
                '\n' => ' ',
                other => other,
            })
            .collect();
        format!("{quote}{mark}{inner}{quote}")
    }
}

/// True if a name is that of a placeholder.
pub(crate) fn is_placeholder(name: &str) -> bool {
    name.starts_with(['$', '{'])
}

/// A piece in the making.
struct Making {
    start: usize,
    place: Place,
    text: String,
    /// Where the next character of the text stands in it.
    line: u32,
    column: u32,
    shifts: Vec<(u32, u32, u32)>,
}

impl Making {
    fn push(&mut self, part: &str) {
        for byte in part.bytes() {
            if byte == b'\n' {
                self.line += 1;
                self.column = 1;
            } else if byte & 0xc0 != 0x80 {
                self.column += 1;
            }
        }
        self.text.push_str(part);
    }

    /// Goes on at `place` of the script after blanks; what is on another line stays so.
    fn skip_to(&mut self, place: Place) {
        let lines = place.line - self.place.line + 1 - self.line;
        if lines == 0 {
            self.push(" ");
        } else {
            for _ in 0..lines {
                self.push("\n");
            }
        }
        let more = place.column.saturating_sub(self.column);
        self.shifts.push((self.line, self.column, more));
    }
}

impl<'s> Iterator for Splitter<'s> {
    type Item = Piece<'s>;

    fn next(&mut self) -> Option<Piece<'s>> {
        let mut making: Option<Making> = None;
        let mut has_blank = false;
        let mut end = 0;
        loop {
            let (from, place) = (self.at, self.place);
            let Some(step) = self.step() else {
                break;
            };
            let (len, template) = match step {
                Step::Blank(len) => {
                    has_blank = true;
                    self.advance(len);
                    continue;
                }
                Step::End(len) => {
                    self.advance(len);
                    if making.is_some() {
                        break;
                    }
                    continue;
                }
                Step::Text(len) => (len, None),
                Step::Template(len, text) => (len, Some(text)),
            };
            let making = making.get_or_insert_with(|| Making {
                start: from,
                place,
                text: String::new(),
                line: 1,
                column: 1,
                shifts: vec![(1, 1, place.column - 1)],
            });
            if std::mem::take(&mut has_blank) && !making.text.is_empty() {
                making.skip_to(place);
            }
            end = from + len;
            match template {
                Some(text) => making.push(&text),
                None => making.push(&self.text[from..end]),
            }
            self.advance(len);
        }
        let making = making?;
        Some(Piece {
            text: making.text,
            original: &self.text[making.start..end],
            base: Base {
                place: making.place,
                shifts: making.shifts.into(),
            },
        })
    }
}

fn is_word(symbol: char) -> bool {
    symbol.is_alphanumeric() || symbol == '_'
}

fn word_or_underscore(symbol: char) -> char {
    if is_word(symbol) { symbol } else { '_' }
}

fn line_len(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// The length of a word, or of one other character.
fn word_len(text: &str) -> usize {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let len = text.bytes().take_while(|byte| is_word(byte)).count();
    len.max(1)
}

fn blanks(text: &str) -> String {
    let blank = |symbol| if symbol == '\n' { '\n' } else { ' ' };
    text.chars().map(blank).collect()
}

/// The length of `$tag$ … $tag$`; of the first character if it is none.
fn dollar_quoted(text: &str) -> usize {
    let Some(end) = text[1..].find('$') else {
        return 1;
    };
    let tag = &text[..end + 2];
    let inner = &tag[1..tag.len() - 1];
    if !inner.chars().all(is_word) || inner.starts_with(|c: char| c.is_ascii_digit()) {
        return 1;
    }
    text[tag.len()..]
        .find(tag)
        .map_or(1, |end| end + 2 * tag.len())
}

/// `%s` and `%(name)s`, as drivers of Python fill them in.
fn parameter(text: &str) -> Step {
    let len = if text.starts_with("%(") {
        text.find(")s").map_or(0, |end| end + 2)
    } else if text.starts_with("%s") && !text[2..].starts_with(is_word) {
        2
    } else {
        0
    };
    if len == 0 {
        return Step::Text(1);
    }
    // Any value does: where it goes there is no column.
    Step::Template(len, format!("0{}", " ".repeat(len - 1)))
}
