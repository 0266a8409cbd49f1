//! Where a text is SQL, so that `token = t.token` compares columns and names no secret.

/// Words that a comparison or an assignment of columns stands behind.
const BEFORE_COMPARISONS: [&str; 8] = ["where", "on", "and", "or", "not", "when", "having", "set"];

/// Words that a statement may begin with before the one that says what it does.
const LEADING: [&str; 4] = ["explain", "analyze", "begin", "verbose"];

/// Goes through a text once, and knows of each place whether it is in a statement of SQL.
pub(super) struct Statements<'a> {
    text: &'a str,
    at: usize,
    /// Where the statement begins that `at` is in.
    start: usize,
    within: Within,
    /// Whether what begins at `start` is a statement, once it was asked.
    is_statement: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    Literal,
    Line,
    Block,
}

impl<'a> Statements<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            start: 0,
            within: Within::Code,
            is_statement: None,
        }
    }

    /// True if `place` is in the code of a statement, and not in a literal or a comment. Places come in order.
    pub(super) fn is_code(&mut self, place: usize) -> bool {
        let bytes = self.text.as_bytes();
        while self.at < place {
            let next = bytes.get(self.at + 1).copied();
            self.within = match (self.within, bytes[self.at]) {
                (Within::Code, b'\'') => Within::Literal,
                (Within::Code, b'-') if next == Some(b'-') => Within::Line,
                (Within::Code, b'/') if next == Some(b'*') => Within::Block,
                (Within::Code, b';') => {
                    self.start = self.at + 1;
                    self.is_statement = None;
                    Within::Code
                }
                (Within::Literal, b'\'') | (Within::Line, b'\n') => Within::Code,
                (Within::Block, b'*') if next == Some(b'/') => Within::Code,
                (within, _) => within,
            };
            self.at += 1;
        }
        if self.within != Within::Code {
            return false;
        }
        let start = self.start;
        *self
            .is_statement
            .get_or_insert_with(|| is_statement(&self.text[start..]))
    }
}

/// True if `text` begins as a statement that may compare columns: messages that begin with the same word do not.
fn is_statement(text: &str) -> bool {
    let text = &text[..text.find(';').unwrap_or(text.len())];
    let (mut first, mut rest) = word(text);
    while LEADING.iter().any(|word| word.eq_ignore_ascii_case(first)) {
        (first, rest) = word(rest);
    }
    let has = |wanted: &str| {
        rest.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word.eq_ignore_ascii_case(wanted))
    };
    let (second, after) = word(rest);
    let second = second.to_ascii_lowercase();
    match first.to_ascii_lowercase().as_str() {
        "select" => has("from"),
        "update" => has("set"),
        "create" => has("select"),
        "insert" => matches!(second.as_str(), "into" | "overwrite"),
        "delete" => second == "from",
        "merge" => second == "into" || has("using"),
        "with" => {
            let after = if second == "recursive" {
                word(after).1
            } else {
                after
            };
            let (third, _) = word(after);
            third.eq_ignore_ascii_case("as") || after.trim_start().starts_with('(')
        }
        _ => false,
    }
}

/// The first word of `text` behind white space, brackets, comments and templates, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        let skipped = [
            ("--", "\n"),
            ("/*", "*/"),
            ("{{", "}}"),
            ("{%", "%}"),
            ("{#", "#}"),
        ]
        .into_iter()
        .find(|(open, _)| rest.starts_with(open));
        let Some((_, close)) = skipped else { break };
        rest = rest.find(close).map_or("", |at| &rest[at + close.len()..]);
    }
    let length = rest
        .find(|c: char| !c.is_alphanumeric() && !"_.\"`".contains(c))
        .unwrap_or(rest.len());
    rest.split_at(length)
}

/// True if `value`, which stands behind `key` and an equals sign in the code of a statement, is compared with it or
/// assigned to it. `before` is what stands before the key.
pub(super) fn is_comparison(before: &str, value: &str) -> bool {
    let last = last_word(before);
    let is_number = value.bytes().all(|b| b.is_ascii_digit());
    let is_placeholder = value.starts_with(['$', ':', '?', '@', '%']);
    let is_path = value.starts_with(|c: char| c.is_alphabetic() || "_`".contains(c))
        && value.contains(['.', '('])
        && value
            .chars()
            .all(|c| c.is_alphanumeric() || "_.`(|:".contains(c));
    is_number
        || is_placeholder
        || is_path
        || BEFORE_COMPARISONS
            .iter()
            .any(|word| word.eq_ignore_ascii_case(last))
}

/// True if `key` and `value` are one column of two tables, compared behind a word that comparisons stand behind:
/// `on u.token = t.token`. It is so wherever it stands, in a message too.
pub(super) fn is_same_column(before: &str, key: &str, value: &str) -> bool {
    let parts = (key.rsplit_once('.'), value.rsplit_once('.'));
    let (Some((_, left)), Some((_, right))) = parts else {
        return false;
    };
    let last = last_word(before);
    left.eq_ignore_ascii_case(right)
        && BEFORE_COMPARISONS
            .iter()
            .any(|word| word.eq_ignore_ascii_case(last))
}

/// The word that `text` ends with, but for white space and brackets.
fn last_word(text: &str) -> &str {
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || c == '(');
    let start = text
        .rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .map_or(0, |at| text.ceil_char_boundary(at + 1));
    &text[start..]
}
