//! Procedural code: where the statements are in it.

use std::ops::Range;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::parse::is_significant;

/// What a piece of procedural code has in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    /// No statement.
    Nothing,
    /// A statement from that token on.
    From(usize),
    /// A query of those tokens, and more from that token on.
    Within(Range<usize>, usize),
    /// Statements in the text of that token.
    Text(usize),
}

/// Words that a piece of procedural code may begin with.
const CONTROL: &[&str] = &[
    "BEGIN",
    "END",
    "IF",
    "ELSE",
    "ELSIF",
    "ELSEIF",
    "LOOP",
    "WHILE",
    "FOR",
    "FOREACH",
    "REPEAT",
    "UNTIL",
    "CASE",
    "WHEN",
    "EXCEPTION",
    "DECLARE",
    "CURSOR",
    "OPEN",
    "CLOSE",
    "FETCH",
    "RETURN",
    "LET",
    "LEAVE",
    "ITERATE",
    "EXIT",
    "CONTINUE",
    "RAISE",
    "SIGNAL",
    "THROW",
    "PRINT",
    "EXEC",
    "EXECUTE",
    "PERFORM",
    "PROCEDURE",
    "FUNCTION",
    "DO",
    "CALL",
    "TRY",
    "CATCH",
];

/// Words that a statement with lineage begins with.
const STATEMENTS: &[Keyword] = &[
    Keyword::SELECT,
    Keyword::WITH,
    Keyword::INSERT,
    Keyword::UPDATE,
    Keyword::DELETE,
    Keyword::MERGE,
    Keyword::CREATE,
    Keyword::COPY,
    Keyword::TRUNCATE,
    Keyword::DROP,
    Keyword::ALTER,
];

fn word(token: &TokenWithSpan) -> Option<(&str, Keyword)> {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some((&word.value, word.keyword)),
        _ => None,
    }
}

fn is(token: &TokenWithSpan, text: &str) -> bool {
    word(token).is_some_and(|(word, _)| word.eq_ignore_ascii_case(text))
}

/// The places of tokens that are no blanks.
fn significant(
    tokens: &[TokenWithSpan],
) -> impl DoubleEndedIterator<Item = (usize, &TokenWithSpan)> {
    tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| is_significant(token))
}

/// The statements in a piece of procedural code; `None` if it is none.
pub(crate) fn inner(tokens: &[TokenWithSpan]) -> Option<Inner> {
    let mut words = significant(tokens);
    let (_, first) = words.next()?;
    if let Some(header) = header(tokens) {
        return Some(in_body(tokens, header));
    }
    // Labels: `<<x>>` and `x:`.
    let second = words.next();
    let is_label = matches!(first.token, Token::ShiftLeft)
        || second.is_some_and(|(_, token)| token.token == Token::Colon)
            && word(first).is_some()
            && !is_statement(first);
    let is_assignment = second.is_some_and(|(_, token)| token.token == Token::Assignment);
    if is_assignment {
        return Some(Inner::Nothing);
    }
    let (text, _) = word(first).or(is_label.then_some(("", Keyword::NoKeyword)))?;
    let is_control = is_label
        || CONTROL
            .iter()
            .any(|control| control.eq_ignore_ascii_case(text));
    if !is_control {
        return None;
    }
    if (is(first, "EXECUTE") || is(first, "EXEC") || is(first, "PERFORM"))
        && let Some(text) = dynamic(tokens)
    {
        return Some(text);
    }
    Some(first_statement(tokens, 0))
}

/// `EXECUTE IMMEDIATE '…'`, `EXEC ('…')`, `EXEC sp_executesql N'…'`.
fn dynamic(tokens: &[TokenWithSpan]) -> Option<Inner> {
    let (at, _) = significant(tokens).skip(1).take(4).find(|(_, token)| {
        matches!(
            token.token,
            Token::SingleQuotedString(_)
                | Token::NationalStringLiteral(_)
                | Token::DollarQuotedString(_)
        )
    })?;
    Some(Inner::Text(at))
}

/// The place after the name of a routine that is created.
fn header(tokens: &[TokenWithSpan]) -> Option<usize> {
    let mut words = significant(tokens);
    let (_, first) = words.next()?;
    if !(is(first, "CREATE") || is(first, "ALTER") || is(first, "REPLACE")) {
        return None;
    }
    for (at, token) in words.take(8) {
        let (text, keyword) = word(token)?;
        match keyword {
            Keyword::PROCEDURE | Keyword::FUNCTION | Keyword::TRIGGER => return Some(at),
            Keyword::VIEW | Keyword::AS | Keyword::STAGE => return None,
            _ => {}
        }
        if ["PACKAGE", "PROC", "TASK", "EVENT"]
            .iter()
            .any(|kind| kind.eq_ignore_ascii_case(text))
        {
            return Some(at);
        }
    }
    None
}

/// The statements in what is created.
fn in_body(tokens: &[TokenWithSpan], header: usize) -> Inner {
    let mut depth = 0_usize;
    let mut before: Option<&TokenWithSpan> = None;
    let mut language_is_sql = true;
    for (at, token) in significant(tokens).filter(|(at, _)| *at > header) {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        if before.is_some_and(|before| is(before, "LANGUAGE")) {
            language_is_sql = word(token).is_some_and(|(text, _)| {
                text.eq_ignore_ascii_case("sql") || text.eq_ignore_ascii_case("plpgsql")
            });
        }
        let is_body = before.is_some_and(|before| is(before, "AS"));
        if is_body && quoted(&token.token).is_some() {
            let after = &tokens[at + 1..];
            let other = significant(after).any(|(at, token)| {
                is(token, "LANGUAGE")
                    && significant(&after[at + 1..])
                        .next()
                        .is_some_and(|(_, token)| !is(token, "sql") && !is(token, "plpgsql"))
            });
            return if language_is_sql && !other {
                Inner::Text(at)
            } else {
                Inner::Nothing
            };
        }
        if depth == 0 && is(token, "BEGIN") {
            return first_statement(tokens, at + 1);
        }
        let begins = depth == usize::from(token.token == Token::LParen)
            && before
                .is_some_and(|before| is(before, "AS") || is(before, "IS") || is(before, "RETURN"));
        if begins {
            let opens = token.token == Token::LParen;
            let first = significant(&tokens[at + usize::from(opens)..]).next();
            if first.is_some_and(|(_, token)| is_statement(token)) {
                return Inner::From(at);
            }
        }
        before = Some(token);
    }
    Inner::Nothing
}

fn is_statement(token: &TokenWithSpan) -> bool {
    word(token).is_some_and(|(_, keyword)| STATEMENTS.contains(&keyword))
}

/// The first statement at or after a place, outside of parentheses, or the query that a loop goes over.
fn first_statement(tokens: &[TokenWithSpan], from: usize) -> Inner {
    let mut depth = 0_usize;
    let mut before: Option<&TokenWithSpan> = None;
    for (at, token) in significant(tokens).filter(|(at, _)| *at >= from) {
        match &token.token {
            Token::LParen => {
                let loops = before.is_some_and(|before| {
                    is(before, "IN") || is(before, "FOR") || is(before, "RETURN")
                });
                let queries = significant(&tokens[at + 1..])
                    .next()
                    .is_some_and(|(_, next)| is(next, "SELECT") || is(next, "WITH"));
                if depth == 0 && loops && queries {
                    let end = closing(tokens, at);
                    return Inner::Within(at + 1..end, (end + 1).min(tokens.len()));
                }
                depth += 1;
            }
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        let follows = before.is_some_and(|before| {
            is(before, "FOR") && is(token, "UPDATE")
                || is(before, "ON") && (is(token, "DELETE") || is(token, "UPDATE"))
                || is(before, "OR")
                || is(before, "AFTER")
                || is(before, "BEFORE")
                || before.token == Token::Period
        });
        if depth == 0 && is_statement(token) && !follows {
            return Inner::From(at);
        }
        if depth == 0 && at > from && (is(token, "EXECUTE") || is(token, "EXEC")) {
            return Inner::From(at);
        }
        before = Some(token);
    }
    Inner::Nothing
}

/// The parenthesis that closes the one at `open`; the end if there is none.
fn closing(tokens: &[TokenWithSpan], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// The text of a body, and how many characters its quote has.
pub(crate) fn body(token: &Token) -> Option<(String, u32)> {
    let is_sql = |text: &str| {
        let word = text
            .trim_start()
            .split(|c: char| !c.is_alphanumeric())
            .next();
        let word = word.unwrap_or_default();
        let known = [
            "SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "TRUNCATE", "DROP",
            "ALTER",
        ];
        word.is_empty()
            || known
                .iter()
                .chain(CONTROL)
                .any(|known| known.eq_ignore_ascii_case(word))
    };
    let found = quoted(token)?;
    is_sql(&found.0).then_some(found)
}

fn quoted(token: &Token) -> Option<(String, u32)> {
    match token {
        Token::DollarQuotedString(text) => {
            let tag = text.tag.as_ref().map_or(0, |tag| tag.chars().count());
            Some((text.value.clone(), tag as u32 + 2))
        }
        Token::SingleQuotedString(text)
        | Token::TripleSingleQuotedString(text)
        | Token::TripleDoubleQuotedString(text)
        | Token::EscapedStringLiteral(text) => Some((text.clone(), 1)),
        Token::NationalStringLiteral(text) => Some((text.clone(), 2)),
        _ => None,
    }
}

/// True if another statement, or procedural code, may begin with these.
pub(crate) fn begins_statement(rest: &[TokenWithSpan]) -> bool {
    significant(rest).next().is_some_and(|(_, token)| {
        let begins = is_statement(token) || is(token, "SET") || is(token, "USE");
        begins
            || word(token).is_some_and(|(text, _)| {
                CONTROL
                    .iter()
                    .any(|control| control.eq_ignore_ascii_case(text))
            })
    })
}

/// True if tables may be named in these.
pub(crate) fn names_relations(rest: &[TokenWithSpan]) -> bool {
    rest.iter().any(|token| {
        ["SELECT", "FROM", "JOIN", "MERGE"]
            .iter()
            .any(|text| is(token, text))
    })
}

/// Words that only statements without lineage begin with.
const WITHOUT_LINEAGE: &[&str] = &[
    "SET",
    "UNSET",
    "RESET",
    "USE",
    "SHOW",
    "DESC",
    "DESCRIBE",
    "EXPLAIN",
    "REFRESH",
    "ANALYZE",
    "ANALYSE",
    "GRANT",
    "REVOKE",
    "DENY",
    "COMMENT",
    "CALL",
    "EXEC",
    "EXECUTE",
    "BEGIN",
    "START",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "VACUUM",
    "OPTIMIZE",
    "CLUSTER",
    "MSCK",
    "REPAIR",
    "PRAGMA",
    "ATTACH",
    "DETACH",
    "LIST",
    "LS",
    "PUT",
    "GET",
    "REMOVE",
    "RM",
    "ADD",
    "CACHE",
    "UNCACHE",
    "CLEAR",
    "KILL",
    "LOCK",
    "UNLOCK",
    "DECLARE",
    "PRINT",
    "END",
    "DROP",
    "TRUNCATE",
    "ALTER",
    "UNDROP",
    "FLUSH",
    "CHECKPOINT",
    "COLLECT",
    "INVALIDATE",
    "COMPUTE",
    "PURGE",
    "REINDEX",
    "INSTALL",
    "LOAD",
    "DISCARD",
    "CHECK",
    "SECURITY",
    "REASSIGN",
    "IMPORT",
    "RAISE",
    "RETURN",
    "FETCH",
    "CLOSE",
    "OPEN",
    "DEALLOCATE",
    "PREPARE",
    "WAITFOR",
    "THROW",
    "RAISERROR",
    "ABORT",
    "HANDLER",
    "SUSPEND",
    "RESUME",
    "SYSTEM",
    "EXCHANGE",
    "EXIT",
    "QUIT",
    "SPOOL",
    "PROMPT",
    "WHENEVER",
    "SIGNAL",
    "RENAME",
];
/// What, if it is created, has no lineage.
const CREATED_WITHOUT_LINEAGE: &[&str] = &[
    "FUNCTION",
    "ROLE",
    "USER",
    "SCHEMA",
    "DATABASE",
    "CATALOG",
    "SEQUENCE",
    "INDEX",
    "TYPE",
    "DOMAIN",
    "POLICY",
    "WAREHOUSE",
    "EXTENSION",
    "INTEGRATION",
    "CONNECTION",
    "TAG",
    "FORMAT",
    "MACRO",
    "TRIGGER",
    "PROCEDURE",
    "SERVER",
    "AGGREGATE",
    "OPERATOR",
    "CAST",
    "COLLATION",
    "LOGIN",
    "STATISTICS",
    "RULE",
    "SYNONYM",
    "GROUP",
    "PIPE",
    "ALERT",
    "SHARE",
    "STREAM",
    "SECRET",
    "MODEL",
    "RESERVATION",
    "ASSIGNMENT",
    "CAPACITY",
    "LANGUAGE",
    "PUBLICATION",
    "SUBSCRIPTION",
    "RESOURCE",
    "PROFILE",
    "DIRECTORY",
    "CONTEXT",
    "PARTITION",
    "MONITOR",
    "NETWORK",
    "SESSION",
    "FAILOVER",
    "REPLICATION",
    "NOTEBOOK",
    "STREAMLIT",
    "SERVICE",
    "IMAGE",
    "COMPUTE",
    "APPLICATION",
    "LIBRARY",
];

/// True if the statement is of a kind that has no lineage, so that it does not matter that it was not understood.
pub(crate) fn is_without_lineage(tokens: &[TokenWithSpan]) -> bool {
    let mut words = significant(tokens);
    let Some((text, keyword)) = words.next().and_then(|(_, token)| word(token)) else {
        return false;
    };
    let is_one = |list: &[&str], text: &str| list.iter().any(|one| one.eq_ignore_ascii_case(text));
    if is_one(WITHOUT_LINEAGE, text) {
        return true;
    }
    keyword == Keyword::CREATE
        && words
            .take(6)
            .map_while(|(_, token)| word(token))
            .take_while(|(_, keyword)| {
                !matches!(keyword, Keyword::TABLE | Keyword::VIEW | Keyword::AS)
            })
            .any(|(text, _)| is_one(CREATED_WITHOUT_LINEAGE, text))
}
