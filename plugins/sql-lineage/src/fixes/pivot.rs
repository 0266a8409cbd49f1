//! PIVOT and UNPIVOT as statements of their own, as queries.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::duckdb::{Part, bare, copied, end_of, spaced, word};
use super::{closing, is_word, keyword, places};
use crate::dialect::Dialect;

/// The name of the call that carries PIVOT's GROUP BY, which has no place of its own in the tree.
pub(crate) const PIVOT_GROUPS: &str = "group by";

/// `PIVOT t ON a IN (…) USING sum(b) GROUP BY c` as a query: `SELECT * FROM t PIVOT (sum(b) FOR a IN (…))`.
pub(super) fn pivot_statement(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    let Some(start) = query_word(tokens, &places, &["PIVOT", "PIVOT_WIDER"]) else {
        return false;
    };
    let Some([source, on, using, groups]) = clauses(
        tokens,
        &places,
        start,
        [Keyword::ON, Keyword::USING, Keyword::GROUP],
    ) else {
        return false;
    };
    let end = [&groups, &using, &on]
        .into_iter()
        .find(|part| !part.is_empty())
        .map_or(source.end, |part| part.end);
    let copy = |part: Part| copied(tokens, &places, part);
    let of = |token: Token| bare(token, tokens, places[start]);
    let named = |text: &str| word(text, tokens, places[start]);

    let mut made = vec![named("SELECT"), of(Token::Mul), named("FROM")];
    made.extend(copy(source));
    made.extend([named("PIVOT"), of(Token::LParen)]);
    if using.is_empty() {
        made.extend([named("count"), of(Token::LParen), of(Token::Mul)]);
        made.push(of(Token::RParen));
    } else {
        made.extend(copy(using));
    }
    made.push(named("FOR"));
    let listed = on.clone().find(|at| {
        keyword(&tokens[places[*at]]) == Keyword::IN
            && closing(tokens, &places, at + 1) == Some(on.end - 1)
    });
    if listed.is_some() {
        made.extend(copy(on));
    } else {
        made.push(of(Token::LParen));
        made.extend(copy(on));
        made.extend([of(Token::RParen), named("IN"), of(Token::LParen)]);
        made.extend([named("ANY"), of(Token::RParen)]);
    }
    if !groups.is_empty() {
        made.extend(grouped(tokens, &places, groups.start + 1..groups.end));
    }
    made.push(of(Token::RParen));
    tokens.splice(places[start]..=places[end - 1], spaced(made));
    true
}

/// `t PIVOT (sum(b) FOR a IN (…) GROUP BY c)`.
pub(super) fn pivot_groups(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 1..places.len().saturating_sub(1) {
        let opens = tokens[places[at + 1]].token == Token::LParen;
        if !opens || !is_word(&tokens[places[at]], "PIVOT") {
            continue;
        }
        let is_group = |token: &TokenWithSpan| keyword(token) == Keyword::GROUP;
        let group = end_of(tokens, &places, at + 2, is_group);
        let Some((group, end)) = group.zip(closing(tokens, &places, at + 1)) else {
            continue;
        };
        // GROUP BY of nothing is nothing that could be written otherwise.
        if group + 2 >= end {
            continue;
        }
        let made = grouped(tokens, &places, group + 2..end);
        tokens.splice(places[group]..places[end], spaced(made));
        return true;
    }
    false
}

/// `DEFAULT ON NULL ("group by"(…))`: where PIVOT's GROUP BY has a place in the tree.
fn grouped(tokens: &[TokenWithSpan], places: &[usize], part: Part) -> Vec<TokenWithSpan> {
    if part.is_empty() {
        return Vec::new();
    }
    let place = places[part.start];
    let of = |token: Token| bare(token, tokens, place);
    let mut made: Vec<_> = ["DEFAULT", "ON", "NULL"]
        .into_iter()
        .map(|text| word(text, tokens, place))
        .collect();
    made.push(of(Token::LParen));
    made.push(of(Token::make_word(PIVOT_GROUPS, Some('"'))));
    made.push(of(Token::LParen));
    made.extend(copied(tokens, places, part));
    made.extend([of(Token::RParen), of(Token::RParen)]);
    made
}

/// `UNPIVOT t ON a, b INTO NAME n VALUE v` as a query: `SELECT * FROM t UNPIVOT (v FOR n IN (a, b))`.
pub(super) fn unpivot_statement(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    let Some(start) = query_word(tokens, &places, &["UNPIVOT", "PIVOT_LONGER"]) else {
        return false;
    };
    let keywords = [Keyword::ON, Keyword::INTO, Keyword::VALUE];
    let Some([source, on, into, value]) = clauses(tokens, &places, start, keywords) else {
        return false;
    };
    let end = [&value, &into, &on]
        .into_iter()
        .find(|part| !part.is_empty())
        .map_or(source.end, |part| part.end);
    let copy = |part: Part| copied(tokens, &places, part);
    let of = |token: Token| bare(token, tokens, places[start]);
    let named = |text: &str| word(text, tokens, places[start]);

    let mut made = vec![named("SELECT"), of(Token::Mul), named("FROM")];
    made.extend(copy(source));
    made.extend([named("UNPIVOT"), of(Token::LParen), of(Token::LParen)]);
    if value.is_empty() {
        made.push(of(Token::make_word("value", Some('"'))));
    } else {
        made.extend(copy(value));
    }
    made.extend([of(Token::RParen), named("FOR")]);
    // INTO NAME n: the word NAME stands first.
    if into.len() < 2 {
        made.push(of(Token::make_word("name", Some('"'))));
    } else {
        made.extend(copy(into.start + 1..into.end));
    }
    made.extend([named("IN"), of(Token::LParen)]);
    if on.len() == 1 && tokens[places[on.start]].token == Token::Mul {
        made.extend([named("COLUMNS"), of(Token::LParen), of(Token::Mul)]);
        made.push(of(Token::RParen));
    } else {
        made.extend(copy(on));
    }
    made.extend([of(Token::RParen), of(Token::RParen)]);
    tokens.splice(places[start]..=places[end - 1], spaced(made));
    true
}

/// The first of these words that stands where a query begins.
fn query_word(tokens: &[TokenWithSpan], places: &[usize], words: &[&str]) -> Option<usize> {
    (0..places.len()).find(|at| {
        let begins = *at == 0 || {
            let before = &tokens[places[at - 1]];
            before.token == Token::LParen || keyword(before) == Keyword::AS
        };
        begins && words.iter().any(|word| is_word(&tokens[places[*at]], word))
    })
}

/// What stands between the word at `start` and the first of `words`, and behind each of them up to the next or to the
/// end of the query; none without the first of `words`. A clause that is not there is empty.
fn clauses(
    tokens: &[TokenWithSpan],
    places: &[usize],
    start: usize,
    words: [Keyword; 3],
) -> Option<[Part; 4]> {
    let last = end_of(tokens, places, start + 1, |token| {
        let word = keyword(token);
        !words.contains(&word)
            && matches!(
                word,
                Keyword::ORDER
                    | Keyword::LIMIT
                    | Keyword::UNION
                    | Keyword::EXCEPT
                    | Keyword::INTERSECT
            )
    });
    let last = last.unwrap_or(places.len());
    let find = |from: usize, word: Keyword| {
        end_of(tokens, places, from, |token| keyword(token) == word).filter(|at| *at < last)
    };
    let begins: Vec<Option<usize>> = words
        .into_iter()
        .map(|word| find(start + 1, word))
        .collect();
    let first = begins[0]?;
    let until = |from: usize| {
        let later = begins.iter().flatten().filter(|begin| **begin > from);
        later.min().copied().unwrap_or(last)
    };
    let part = |begin: Option<usize>| begin.map_or(0..0, |begin| begin + 1..until(begin));
    Some([
        start + 1..first,
        part(begins[0]),
        part(begins[1]),
        part(begins[2]),
    ])
}
