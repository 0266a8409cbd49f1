//! What the parser does not take, rewritten into what it takes and means the same.
//!
//! Each fix is a function of its own, tried only on statements that were refused. `docs/sql-lineage.md` lists them.

pub(crate) mod duckdb;
pub(crate) mod pivot;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::dialect::Dialect;
use crate::parse::is_significant;

/// Applies the first fix that changes anything; false if none does.
fn apply(tokens: &mut Vec<TokenWithSpan>, dialect: Dialect) -> bool {
    const FIXES: &[fn(&mut Vec<TokenWithSpan>, Dialect) -> bool] = &[
        title_phrase,
        placeholder_alias,
        stage_path,
        create_select_without_as,
        trailing_end,
        parenthesised_table,
        hive_serde_brackets,
        query_in_insert,
        named_file_format,
        typed_literal,
        rows_from,
        composite_star,
        length_as_text,
        columns_without_types,
        duckdb::asof_join,
        duckdb::positional_join,
        duckdb::materialized,
        duckdb::merge_using,
        duckdb::merge_all,
        duckdb::star_like,
        duckdb::select_first,
        duckdb::list_comprehension,
        duckdb::spread_columns,
        duckdb::method_word,
        duckdb::small_words,
        pivot::pivot_groups,
        pivot::pivot_statement,
        pivot::unpivot_statement,
    ];
    FIXES.iter().any(|fix| fix(tokens, dialect))
}

/// Dialects whose grammar is tried where the own one refuses.
pub(crate) fn others(dialect: Dialect) -> impl Iterator<Item = Dialect> {
    [
        Dialect::Generic,
        Dialect::Databricks,
        Dialect::Snowflake,
        Dialect::Postgres,
        Dialect::BigQuery,
        Dialect::DuckDb,
        Dialect::MsSql,
        Dialect::MySql,
        Dialect::Hive,
        Dialect::ClickHouse,
    ]
    .into_iter()
    .filter(move |other| *other != dialect)
}

/// How far one statement is fixed.
pub(crate) struct Budget {
    rounds: usize,
    tokens: usize,
}

impl Budget {
    /// Times that a statement is read anew.
    const ROUNDS: usize = 2_000;
    /// Tokens that a statement may always have.
    const TOKENS: usize = 10_000;

    pub(crate) fn of(tokens: &[TokenWithSpan]) -> Self {
        Self {
            rounds: Self::ROUNDS,
            // What a fix writes instead is no longer than a few times what was there.
            tokens: Self::TOKENS + 8 * tokens.len(),
        }
    }

    /// [`apply`], as long as there is something left.
    pub(crate) fn apply(&mut self, tokens: &mut Vec<TokenWithSpan>, dialect: Dialect) -> bool {
        self.rounds = self.rounds.saturating_sub(1);
        self.rounds > 0 && tokens.len() <= self.tokens && apply(tokens, dialect)
    }
}

fn keyword(token: &TokenWithSpan) -> Keyword {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    }
}

fn is_word(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text))
}

/// The places of tokens that are no blanks.
fn places(tokens: &[TokenWithSpan]) -> Vec<usize> {
    (0..tokens.len())
        .filter(|at| is_significant(&tokens[*at]))
        .collect()
}

/// The last of the tokens of a parenthesis that opens at `places[at]`; none if none opens there.
fn closing(tokens: &[TokenWithSpan], places: &[usize], at: usize) -> Option<usize> {
    if tokens[*places.get(at)?].token != Token::LParen {
        return None;
    }
    let mut depth = 0_usize;
    for (offset, place) in places[at..].iter().enumerate() {
        match tokens[*place].token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// Teradata's `column (TITLE 'x')` and `(FORMAT 'x')`, `(NAMED x)`: say how to show a column.
fn title_phrase(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 1..places.len().saturating_sub(1) {
        let opens = tokens[places[at]].token == Token::LParen;
        let next = &tokens[places[at + 1]];
        if opens
            && (is_word(next, "TITLE") || is_word(next, "FORMAT"))
            && let Some(end) = closing(tokens, &places, at)
        {
            tokens.drain(places[at]..=places[end]);
            return true;
        }
    }
    false
}

/// `AS :name` for an alias, left over from a template: the name alone.
fn placeholder_alias(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for pair in places.windows(2) {
        let [at, next] = *pair else { continue };
        if keyword(&tokens[at]) == Keyword::AS && tokens[next].token == Token::Colon {
            // What the column is called is not known, and not to be made up.
            tokens.remove(next);
            return true;
        }
        if keyword(&tokens[at]) == Keyword::AS
            && let Token::Placeholder(name) = &tokens[next].token
        {
            let name = name
                .trim_start_matches(|c: char| !c.is_alphanumeric())
                .to_owned();
            tokens[next].token = Token::make_word(&name, Some('"'));
            return true;
        }
    }
    false
}

/// `@stage/a/b.csv` where the parser stops at a part of the path: the stage alone.
fn stage_path(tokens: &mut Vec<TokenWithSpan>, dialect: Dialect) -> bool {
    if dialect != Dialect::Snowflake {
        return false;
    }
    let places = places(tokens);
    for at in 0..places.len() {
        if tokens[places[at]].token != Token::AtSign {
            continue;
        }
        let Some(slash) = (at..places.len())
            .take_while(|at| tokens[places[*at]].token != Token::RParen)
            .find(|at| tokens[places[*at]].token == Token::Div)
        else {
            continue;
        };
        let start = places[slash];
        let end = (start..tokens.len())
            .find(|at| {
                matches!(
                    tokens[*at].token,
                    Token::Whitespace(_) | Token::RParen | Token::SemiColon | Token::EOF
                )
            })
            .unwrap_or(tokens.len());
        tokens.drain(start..end);
        return true;
    }
    false
}

/// `CREATE TABLE t SELECT …` and `CREATE TABLE t (…) SELECT …`: with AS.
fn create_select_without_as(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    let Some(first) = places.first() else {
        return false;
    };
    if keyword(&tokens[*first]) != Keyword::CREATE {
        return false;
    }
    let mut depth = 0_usize;
    for pair in places.windows(2) {
        let [before, at] = *pair else { continue };
        match tokens[at].token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        let begins = depth == 0 && matches!(keyword(&tokens[at]), Keyword::SELECT | Keyword::WITH);
        if begins && keyword(&tokens[before]) == Keyword::AS {
            return false;
        }
        if begins && keyword(&tokens[at]) == Keyword::SELECT {
            let span = tokens[at].span;
            tokens.insert(
                at,
                TokenWithSpan {
                    token: Token::make_keyword("AS"),
                    span,
                },
            );
            tokens.insert(
                at + 1,
                TokenWithSpan {
                    token: Token::Whitespace(sqlparser::tokenizer::Whitespace::Space),
                    span,
                },
            );
            return true;
        }
    }
    false
}

/// An `END` that closed a block.
fn trailing_end(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    let Some(last) = places
        .iter()
        .rev()
        .find(|at| tokens[**at].token != Token::SemiColon)
    else {
        return false;
    };
    let opens = tokens
        .iter()
        .filter(|token| keyword(token) == Keyword::CASE)
        .count();
    let ends = tokens
        .iter()
        .filter(|token| keyword(token) == Keyword::END)
        .count();
    if keyword(&tokens[*last]) == Keyword::END && ends > opens {
        tokens.truncate(*last);
        return true;
    }
    false
}

/// `FROM (t)`: without the parentheses.
fn parenthesised_table(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 1..places.len() {
        let follows = matches!(
            keyword(&tokens[places[at - 1]]),
            Keyword::FROM | Keyword::JOIN
        );
        if !follows || tokens[places[at]].token != Token::LParen {
            continue;
        }
        let Some(end) = closing(tokens, &places, at) else {
            continue;
        };
        let is_name = places[at + 1..end].iter().all(|place| {
            matches!(&tokens[*place].token, Token::Word(word) if word.keyword != Keyword::SELECT)
                || tokens[*place].token == Token::Period
        });
        if is_name && end > at + 1 {
            tokens.remove(places[end]);
            tokens.remove(places[at]);
            return true;
        }
    }
    false
}

/// Hive's `WITH SERDEPROPERTIES (…)`: nothing in it bears on lineage.
fn hive_serde_brackets(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 1..places.len().saturating_sub(1) {
        let is_phrase = is_word(&tokens[places[at]], "SERDEPROPERTIES")
            && keyword(&tokens[places[at - 1]]) == Keyword::WITH;
        if is_phrase && let Some(end) = closing(tokens, &places, at + 1) {
            tokens.drain(places[at - 1]..=places[end]);
            return true;
        }
    }
    false
}

/// `INSERT INTO t (WITH …)`: the parentheses are no list of columns.
fn query_in_insert(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    if places
        .first()
        .is_none_or(|first| keyword(&tokens[*first]) != Keyword::INSERT)
    {
        return false;
    }
    for at in 2..places.len().saturating_sub(1) {
        let opens = tokens[places[at]].token == Token::LParen;
        let begins = keyword(&tokens[places[at + 1]]) == Keyword::WITH;
        if opens
            && begins
            && let Some(end) = closing(tokens, &places, at)
        {
            tokens.remove(places[end]);
            tokens.remove(places[at]);
            return true;
        }
    }
    false
}

/// Snowflake's `FILE_FORMAT = a.b`: which format a file has does not bear on lineage.
fn named_file_format(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 0..places.len().saturating_sub(2) {
        let is_option = is_word(&tokens[places[at]], "FILE_FORMAT")
            && tokens[places[at + 1]].token == Token::Eq;
        let value = &tokens[places[at + 2]].token;
        if is_option && matches!(value, Token::Word(_) | Token::SingleQuotedString(_)) {
            let mut end = at + 2;
            while end + 2 < places.len()
                && tokens[places[end + 1]].token == Token::Period
                && matches!(tokens[places[end + 2]].token, Token::Word(_))
            {
                end += 2;
            }
            tokens.drain(places[at]..=places[end]);
            return true;
        }
    }
    false
}

/// `BigQuery`'s `ARRAY<STRUCT<a INT64>>[…]` and `STRUCT<a INT64>(…)`: without the types.
fn typed_literal(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 0..places.len().saturating_sub(1) {
        let is_type =
            is_word(&tokens[places[at]], "ARRAY") || is_word(&tokens[places[at]], "STRUCT");
        if !is_type || tokens[places[at + 1]].token != Token::Lt {
            continue;
        }
        let mut depth = 0_i32;
        for end in at + 1..places.len() {
            match tokens[places[end]].token {
                Token::Lt => depth += 1,
                Token::Gt => depth -= 1,
                Token::ShiftRight => depth -= 2,
                _ => {}
            }
            let is_literal = tokens
                .get(places[end] + 1)
                .is_some_and(|next| matches!(next.token, Token::LBracket | Token::LParen));
            if depth <= 0 {
                if is_literal {
                    tokens.drain(places[at + 1]..=places[end]);
                    return true;
                }
                break;
            }
        }
    }
    false
}

/// `ROWS FROM (f(), g())` of `PostgreSQL`: functions side by side, as UNNEST has them.
fn rows_from(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 0..places.len().saturating_sub(2) {
        let is_phrase = is_word(&tokens[places[at]], "ROWS")
            && keyword(&tokens[places[at + 1]]) == Keyword::FROM
            && tokens[places[at + 2]].token == Token::LParen;
        if is_phrase {
            tokens[places[at]].token = Token::make_keyword("UNNEST");
            tokens.drain(places[at] + 1..places[at + 2]);
            return true;
        }
    }
    false
}

/// `(column).*` of `PostgreSQL`: all fields of a composite value.
fn composite_star(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 0..places.len().saturating_sub(4) {
        let [open, name, close, period, star] = places[at..at + 5] else {
            continue;
        };
        let is_phrase = tokens[open].token == Token::LParen
            && matches!(tokens[name].token, Token::Word(_))
            && tokens[close].token == Token::RParen
            && tokens[period].token == Token::Period
            && tokens[star].token == Token::Mul;
        if is_phrase {
            tokens.remove(close);
            tokens.remove(open);
            return true;
        }
    }
    false
}

/// `VARCHAR('n')`, as texts have it whose literals were taken out: without the length.
fn length_as_text(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    const TYPES: [&str; 7] = [
        "VARCHAR", "CHAR", "NUMBER", "DECIMAL", "NUMERIC", "STRING", "TEXT",
    ];
    let places = places(tokens);
    for at in 0..places.len().saturating_sub(3) {
        let is_type = TYPES.iter().any(|name| is_word(&tokens[places[at]], name));
        let opens = tokens[places[at + 1]].token == Token::LParen;
        let is_text = matches!(tokens[places[at + 2]].token, Token::SingleQuotedString(_));
        if is_type
            && opens
            && is_text
            && let Some(end) = closing(tokens, &places, at + 1)
        {
            tokens.drain(places[at + 1]..=places[end]);
            return true;
        }
    }
    false
}

/// `CREATE TABLE t (a, b) AS …`: with a type for each column, as only the names count.
fn columns_without_types(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    let is_create = places
        .first()
        .is_some_and(|first| keyword(&tokens[*first]) == Keyword::CREATE);
    let Some(open) = places
        .iter()
        .position(|at| tokens[*at].token == Token::LParen)
    else {
        return false;
    };
    let Some(end) = closing(tokens, &places, open).filter(|_| is_create) else {
        return false;
    };
    let inner = &places[open + 1..end];
    let is_list = inner
        .iter()
        .enumerate()
        .all(|(at, place)| match &tokens[*place].token {
            Token::Word(_) => at % 2 == 0,
            Token::Comma => at % 2 == 1,
            _ => false,
        });
    let is_as = places
        .get(end + 1)
        .is_some_and(|at| keyword(&tokens[*at]) == Keyword::AS);
    if !is_list || !is_as || inner.is_empty() {
        return false;
    }
    for name in inner.iter().step_by(2).rev() {
        let span = tokens[*name].span;
        let space = Token::Whitespace(sqlparser::tokenizer::Whitespace::Space);
        tokens.insert(name + 1, TokenWithSpan { token: space, span });
        tokens.insert(
            name + 2,
            TokenWithSpan {
                token: Token::make_keyword("INT"),
                span,
            },
        );
    }
    true
}
