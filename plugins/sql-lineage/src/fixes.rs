//! What the parser does not take, rewritten into what it takes and means the same.
//!
//! Each fix is a function of its own, tried only on statements that were refused. `docs/sql-lineage.md` lists them.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::dialect::Dialect;
use crate::parse::is_significant;

/// Applies the first fix that changes anything; false if none does.
pub(crate) fn apply(tokens: &mut Vec<TokenWithSpan>, dialect: Dialect) -> bool {
    const FIXES: &[fn(&mut Vec<TokenWithSpan>, Dialect) -> bool] = &[
        title_phrase,
        placeholder_alias,
        stage_path,
        create_select_without_as,
        trailing_end,
        parenthesised_table,
        hive_serde_brackets,
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

/// The last of the tokens of a parenthesis that opens at `places[at]`.
fn closing(tokens: &[TokenWithSpan], places: &[usize], at: usize) -> Option<usize> {
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
        if opens && (is_word(next, "TITLE") || is_word(next, "FORMAT")) {
            if let Some(end) = closing(tokens, &places, at) {
                tokens.drain(places[at]..=places[end]);
                return true;
            }
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
            tokens.remove(next);
            return true;
        }
        if keyword(&tokens[at]) == Keyword::AS
            && let Token::Placeholder(name) = &tokens[next].token
        {
            let name = name.trim_start_matches(|c: char| !c.is_alphanumeric()).to_owned();
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
            .find(|at| matches!(tokens[*at].token, Token::Whitespace(_) | Token::RParen | Token::SemiColon | Token::EOF))
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
    let Some(last) = places.iter().rev().find(|at| tokens[**at].token != Token::SemiColon) else {
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
        let follows = matches!(keyword(&tokens[places[at - 1]]), Keyword::FROM | Keyword::JOIN);
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
        let is_phrase = is_word(&tokens[places[at]], "SERDEPROPERTIES") && keyword(&tokens[places[at - 1]]) == Keyword::WITH;
        if is_phrase && let Some(end) = closing(tokens, &places, at + 1) {
            tokens.drain(places[at - 1]..=places[end]);
            return true;
        }
    }
    false
}
