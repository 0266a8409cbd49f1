//! What `DuckDB` writes and the parser does not take.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace, Word};

use super::{closing, is_word, keyword, places};
use crate::dialect::Dialect;
use crate::parse::is_significant;

/// Where a part of the tokens begins and ends, by significant tokens.
pub(super) type Part = std::ops::Range<usize>;

/// `ASOF [LEFT] JOIN t ON …`, without `MATCH_CONDITION`: what is matched stands in ON.
pub(super) fn asof_join(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for pair in places.windows(2) {
        let [at, next] = *pair else { continue };
        let joins = matches!(
            keyword(&tokens[next]),
            Keyword::JOIN | Keyword::LEFT | Keyword::RIGHT | Keyword::FULL | Keyword::INNER
        );
        if joins && is_word(&tokens[at], "ASOF") {
            tokens.remove(at);
            return true;
        }
    }
    false
}

/// `WITH x AS [NOT] MATERIALIZED (…)`: how it is kept does not bear on lineage.
pub(super) fn materialized(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 1..places.len().saturating_sub(1) {
        let is_phrase = is_word(&tokens[places[at]], "MATERIALIZED")
            && tokens[places[at + 1]].token == Token::LParen;
        let before = keyword(&tokens[places[at - 1]]);
        if is_phrase && before == Keyword::AS {
            tokens.remove(places[at]);
            return true;
        }
        if is_phrase
            && before == Keyword::NOT
            && at > 1
            && keyword(&tokens[places[at - 2]]) == Keyword::AS
        {
            tokens.drain(places[at - 1]..=places[at]);
            return true;
        }
    }
    false
}

/// `INSERT INTO t BY NAME`: takes the phrase out, wherever it stands; true if it was there. `BY POSITION` is how it is without a phrase.
pub(crate) fn take_by_name(tokens: &mut Vec<TokenWithSpan>) -> bool {
    let mut words = tokens.iter().filter(|token| is_significant(token));
    if !words.any(|token| keyword(token) == Keyword::INSERT) {
        return false;
    }
    let mut is_by_name = false;
    while let Some((part, is_name)) = by_name(tokens) {
        tokens.drain(part);
        is_by_name |= is_name;
    }
    is_by_name
}

/// Where BY NAME or BY POSITION stands, and whether it is by name.
fn by_name(tokens: &[TokenWithSpan]) -> Option<(std::ops::RangeInclusive<usize>, bool)> {
    let places = places(tokens);
    for at in 2..places.len().saturating_sub(1) {
        let is_name = is_word(&tokens[places[at + 1]], "NAME");
        let is_phrase = keyword(&tokens[places[at]]) == Keyword::BY
            && (is_name || is_word(&tokens[places[at + 1]], "POSITION"));
        if !is_phrase {
            continue;
        }
        let mut name = at - 1;
        while name > 2 && tokens[places[name - 1]].token == Token::Period {
            name -= 2;
        }
        // In MERGE, INSERT BY NAME and UPDATE BY NAME name no table again.
        let is_action = matches!(
            keyword(&tokens[places[at - 1]]),
            Keyword::INSERT | Keyword::UPDATE
        );
        if is_action || keyword(&tokens[places[name - 1]]) == Keyword::INTO {
            return Some((places[at]..=places[at + 1], is_name));
        }
    }
    None
}

/// `POSITIONAL JOIN`: rows meet by their places; no column says which.
#[allow(clippy::ptr_arg, reason = "fixes are called alike")]
pub(super) fn positional_join(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for pair in places.windows(2) {
        let [at, next] = *pair else { continue };
        if is_word(&tokens[at], "POSITIONAL") && keyword(&tokens[next]) == Keyword::JOIN {
            tokens[at].token = Token::make_keyword("CROSS");
            return true;
        }
    }
    false
}

/// `MERGE INTO t USING s USING (k)`: with `ON s.k = t.k`.
pub(super) fn merge_using(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    let is_using = |token: &TokenWithSpan| keyword(token) == Keyword::USING;
    let is_merge = places
        .first()
        .is_some_and(|first| keyword(&tokens[*first]) == Keyword::MERGE);
    if !is_merge {
        return false;
    }
    let Some(source) = end_of(tokens, &places, 1, is_using) else {
        return false;
    };
    let Some(condition) = end_of(tokens, &places, source + 1, is_using) else {
        return false;
    };
    let Some(end) = closing(tokens, &places, condition + 1) else {
        return false;
    };
    let qualifier = |at: usize| match &tokens[places[at]].token {
        Token::Word(_) => vec![
            tokens[places[at]].clone(),
            bare(Token::Period, tokens, places[at]),
        ],
        _ => Vec::new(),
    };
    let mut made = vec![word("ON", tokens, places[condition])];
    for (at, name) in (condition + 2..end).step_by(2).enumerate() {
        if at > 0 {
            made.push(word("AND", tokens, places[condition]));
        }
        let name = &tokens[places[name]];
        made.extend(qualifier(condition - 1));
        made.push(name.clone());
        made.push(bare(Token::Eq, tokens, places[condition]));
        made.extend(qualifier(source - 1));
        made.push(name.clone());
    }
    tokens.splice(places[condition]..=places[end], spaced(made));
    true
}

/// `THEN UPDATE` and `THEN INSERT` of MERGE, of all columns: with a star.
pub(super) fn merge_all(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 1..places.len() {
        let is_action = matches!(
            keyword(&tokens[places[at]]),
            Keyword::INSERT | Keyword::UPDATE
        ) && keyword(&tokens[places[at - 1]]) == Keyword::THEN;
        let ends = places.get(at + 1).is_none_or(|next| {
            keyword(&tokens[*next]) == Keyword::WHEN
                || is_word(&tokens[*next], "RETURNING")
                || tokens[*next].token == Token::SemiColon
        });
        if is_action && ends {
            let mut made = Vec::new();
            if keyword(&tokens[places[at]]) == Keyword::UPDATE {
                made.push(word("SET", tokens, places[at]));
            }
            made.push(bare(Token::Mul, tokens, places[at]));
            let after = places[at] + 1;
            tokens.splice(after..after, spaced(made));
            return true;
        }
    }
    false
}

/// `FROM t SELECT a WHERE b` where the parser does not take it: `SELECT a FROM t WHERE b`.
pub(super) fn select_first(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    let is_insert = places
        .first()
        .is_some_and(|first| keyword(&tokens[*first]) == Keyword::INSERT);
    // For each open parenthesis: whether SELECT stood in the query that is read.
    let mut frames = vec![false];
    for from in 0..places.len() {
        let token = &tokens[places[from]];
        let Some(has_select) = frames.last_mut() else {
            return false;
        };
        match &token.token {
            Token::LParen => frames.push(false),
            Token::RParen => {
                frames.pop();
            }
            Token::Word(_) => match keyword(token) {
                Keyword::SELECT => *has_select = true,
                Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => *has_select = false,
                _ => {}
            },
            _ => {}
        }
        let begins = keyword(token) == Keyword::FROM
            && !frames.last().copied().unwrap_or(true)
            && (from == 0 || {
                let before = &tokens[places[from - 1]];
                let begins_query = matches!(
                    keyword(before),
                    Keyword::AS
                        | Keyword::UNION
                        | Keyword::ALL
                        | Keyword::EXCEPT
                        | Keyword::INTERSECT
                        | Keyword::NAME
                );
                begins_query
                    || matches!(before.token, Token::LParen | Token::RParen)
                    || is_insert && frames.len() == 1
            });
        if !begins {
            continue;
        }
        let selects = |token: &TokenWithSpan| keyword(token) == Keyword::SELECT;
        let select = end_of(tokens, &places, from + 1, selects)
            .filter(|at| keyword(&tokens[places[*at]]) == Keyword::SELECT);
        let mut made = Vec::new();
        if let Some(select) = select {
            let ends = |token: &TokenWithSpan| ends_item(keyword(token));
            let end = end_of(tokens, &places, select + 1, ends).unwrap_or(places.len());
            made.extend(copied(tokens, &places, select..end));
            made.extend(copied(tokens, &places, from..select));
            tokens.splice(places[from]..=places[end - 1], spaced(made));
        } else {
            made.push(word("SELECT", tokens, places[from]));
            made.push(bare(Token::Mul, tokens, places[from]));
            tokens.splice(places[from]..places[from], spaced(made));
        }
        return true;
    }
    false
}

/// `column.trim()`: behind a dot, a word that has a grammar of its own is the name of a function.
#[allow(clippy::ptr_arg, reason = "fixes are called alike")]
pub(super) fn method_word(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    let mut is_changed = false;
    for around in places.windows(3) {
        let [before, at, after] = *around else {
            continue;
        };
        let is_call = tokens[before].token == Token::Period && tokens[after].token == Token::LParen;
        if is_call
            && keyword(&tokens[at]) != Keyword::NoKeyword
            && let Token::Word(word) = &mut tokens[at].token
        {
            *word = Word {
                value: std::mem::take(&mut word.value),
                quote_style: Some('"'),
                keyword: Keyword::NoKeyword,
            };
            is_changed = true;
        }
    }
    is_changed
}

/// What stands in a window's frame, in a filter, in a comparison and behind a table, and does not bear on lineage or is
/// written otherwise elsewhere: `EXCLUDE CURRENT ROW`, `FILTER (a > 1)`, `GLOB`, `USING KEY (a)`, `TABLESAMPLE 10%`.
pub(super) fn small_words(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    let is = |at: usize, text: &str| places.get(at).is_some_and(|at| is_word(&tokens[*at], text));
    for at in 1..places.len() {
        let opens = |at: usize| {
            places
                .get(at)
                .is_some_and(|at| tokens[*at].token == Token::LParen)
        };
        let is_exclusion =
            is(at, "EXCLUDE") && (is(at + 1, "CURRENT") && is(at + 2, "ROW") || is(at + 1, "NO"));
        if is_exclusion {
            tokens.drain(places[at]..=places[at + 2]);
            return true;
        }
        if is(at, "EXCLUDE") && (is(at + 1, "GROUP") || is(at + 1, "TIES")) {
            tokens.drain(places[at]..=places[at + 1]);
            return true;
        }
        if is(at, "FILTER") && opens(at + 1) && !is(at + 2, "WHERE") {
            let made = spaced(vec![word("WHERE", tokens, places[at])]);
            let after = places[at + 1] + 1;
            tokens.splice(after..after, made);
            return true;
        }
        if is(at, "GLOB") && !opens(at + 1) {
            tokens[places[at]].token = Token::make_keyword("LIKE");
            return true;
        }
        let is_key = is(at, "USING") && is(at + 1, "KEY") && opens(at + 2);
        if is_key && let Some(end) = closing(tokens, &places, at + 2) {
            tokens.drain(places[at]..=places[end]);
            return true;
        }
        let sample = if is(at, "TABLESAMPLE") {
            Some(at + 1)
        } else {
            (is(at, "USING") && is(at + 1, "SAMPLE")).then_some(at + 2)
        };
        if let Some(sample) = sample {
            let ends = |token: &TokenWithSpan| {
                token.token == Token::Comma || ends_item(keyword(token)) || {
                    keyword(token) == Keyword::JOIN
                }
            };
            let end = end_of(tokens, &places, sample, ends);
            let end = end.map_or(tokens.len(), |end| places[end]);
            tokens.drain(places[at]..end);
            return true;
        }
    }
    false
}

/// `* LIKE 'a%'`: `COLUMNS('^a.*$')`.
pub(super) fn star_like(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 1..places.len().saturating_sub(2) {
        let before = &tokens[places[at - 1]];
        let begins = before.token == Token::Comma || keyword(before) == Keyword::SELECT;
        let is_like = matches!(
            keyword(&tokens[places[at + 1]]),
            Keyword::LIKE | Keyword::ILIKE
        );
        if !begins || tokens[places[at]].token != Token::Mul || !is_like {
            continue;
        }
        let Token::SingleQuotedString(pattern) = &tokens[places[at + 2]].token else {
            continue;
        };
        let mut text = String::from("^");
        for symbol in pattern.chars() {
            match symbol {
                '%' => text.push_str(".*"),
                '_' => text.push('.'),
                symbol if symbol.is_alphanumeric() => text.push(symbol),
                symbol => text.extend(['\\', symbol]),
            }
        }
        text.push('$');
        let made = vec![
            word("COLUMNS", tokens, places[at]),
            bare(Token::LParen, tokens, places[at]),
            bare(Token::SingleQuotedString(text), tokens, places[at]),
            bare(Token::RParen, tokens, places[at]),
        ];
        tokens.splice(places[at]..=places[at + 2], spaced(made));
        return true;
    }
    false
}

/// `[e FOR x IN list IF c]`: `list_transform(list, lambda x: e, lambda x: c)`.
pub(super) fn list_comprehension(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for open in 0..places.len() {
        if tokens[places[open]].token != Token::LBracket {
            continue;
        }
        let Some(end) = end_of(tokens, &places, open + 1, |_| false) else {
            continue;
        };
        let find = |from: usize, word: Keyword| {
            end_of(tokens, &places, from, |token| keyword(token) == word).filter(|at| *at < end)
        };
        let Some(each) = find(open + 1, Keyword::FOR) else {
            continue;
        };
        let Some(within) = find(each + 1, Keyword::IN) else {
            continue;
        };
        let condition = find(within + 1, Keyword::IF);
        let copy = |part: Part| copied(tokens, &places, part);
        let mut made = vec![
            word("list_transform", tokens, places[open]),
            bare(Token::LParen, tokens, places[open]),
        ];
        made.extend(copy(within + 1..condition.unwrap_or(end)));
        let bodies = [
            Some(open + 1..each),
            condition.map(|condition| condition + 1..end),
        ];
        for body in bodies.into_iter().flatten() {
            made.push(bare(Token::Comma, tokens, places[open]));
            made.push(word("LAMBDA", tokens, places[open]));
            made.extend(copy(each + 1..within));
            made.push(bare(Token::Colon, tokens, places[open]));
            made.extend(copy(body));
        }
        made.push(bare(Token::RParen, tokens, places[open]));
        tokens.splice(places[open]..=places[end], spaced(made));
        return true;
    }
    false
}

/// `*COLUMNS(…)` as an argument: all these columns, in one call.
pub(super) fn spread_columns(tokens: &mut Vec<TokenWithSpan>, _: Dialect) -> bool {
    let places = places(tokens);
    for at in 1..places.len().saturating_sub(1) {
        let opens = matches!(
            tokens[places[at - 1]].token,
            Token::LParen | Token::Comma | Token::LBracket
        );
        if opens
            && tokens[places[at]].token == Token::Mul
            && is_word(&tokens[places[at + 1]], "COLUMNS")
        {
            tokens[places[at + 1]].token = Token::make_word("*columns", Some('"'));
            tokens.remove(places[at]);
            return true;
        }
    }
    false
}

/// What is read within one pair of brackets.
#[derive(Default)]
struct Frame {
    /// True in a list whose items may have aliases.
    is_list: bool,
    /// True where an item begins.
    begins: bool,
    /// The alias before the item that is read.
    alias: Option<usize>,
}

/// `SELECT a: x + 1 FROM t: s`: with the aliases behind. Left as they are they read as paths of a document.
pub(crate) fn aliases_behind(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| token.token == Token::Colon) {
        return;
    }
    let places = places(tokens);
    let mut frames = vec![Frame::default()];
    let mut moved = Vec::new();
    let mut before = Keyword::NoKeyword;
    for at in 0..places.len() {
        let token = &tokens[places[at]];
        let word = keyword(token);
        let Some(frame) = frames.last_mut() else {
            return;
        };
        let is_clause = matches!(word, Keyword::SELECT | Keyword::FROM | Keyword::JOIN)
            && (word, before) != (Keyword::FROM, Keyword::DISTINCT);
        let closes = matches!(
            token.token,
            Token::RParen | Token::RBracket | Token::RBrace | Token::SemiColon
        );
        if (closes || is_clause || ends_item(word) || token.token == Token::Comma)
            && let Some(alias) = frame.alias.take()
        {
            moved.push((alias, at));
        }
        let is_alias = frame.begins
            && matches!(token.token, Token::Word(_))
            && places
                .get(at + 1)
                .is_some_and(|next| tokens[*next].token == Token::Colon);
        if is_alias {
            frame.alias = Some(at);
        }
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                frame.begins = false;
                frames.push(Frame::default());
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                frames.pop();
            }
            Token::Comma => frame.begins = frame.is_list,
            _ if is_clause => (frame.is_list, frame.begins) = (true, true),
            _ if ends_item(word) => (frame.is_list, frame.begins) = (false, false),
            _ if matches!(word, Keyword::DISTINCT | Keyword::ALL) => {}
            _ => frame.begins = false,
        }
        before = word;
    }
    let rest = frames.iter().filter_map(|frame| frame.alias);
    moved.extend(rest.map(|alias| (alias, places.len())));
    moved.sort_unstable_by_key(|(_, end)| std::cmp::Reverse(*end));
    let mut aliases = moved.iter().map(|(alias, _)| *alias).collect::<Vec<_>>();
    aliases.sort_unstable();
    let mut made = Vec::with_capacity(tokens.len() + moved.len() * 3);
    for at in 0..=places.len() {
        while let Some((alias, _)) = moved.pop_if(|(_, end)| *end == at) {
            let name = tokens[places[alias]].clone();
            made.extend(spaced(vec![word("AS", tokens, places[alias]), name]));
        }
        let is_moved = |at: usize| aliases.binary_search(&at).is_ok();
        if at == places.len() || is_moved(at) || at > 0 && is_moved(at - 1) {
            continue;
        }
        // With the blanks before it.
        let from = if at == 0 { 0 } else { places[at - 1] + 1 };
        made.extend_from_slice(&tokens[from..=places[at]]);
    }
    *tokens = made;
}

/// Words that end an item of a select list or of FROM.
fn ends_item(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::QUALIFY
            | Keyword::WINDOW
            | Keyword::ORDER
            | Keyword::LIMIT
            | Keyword::OFFSET
            | Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT
            | Keyword::ON
            | Keyword::USING
            | Keyword::LEFT
            | Keyword::RIGHT
            | Keyword::INNER
            | Keyword::FULL
            | Keyword::CROSS
            | Keyword::NATURAL
            | Keyword::SEMI
            | Keyword::ANTI
            | Keyword::ASOF
    )
}

/// The first significant token from `from` on, outside of parentheses that open there, that `is_end` takes, or that
/// ends the statement or what stands around it.
pub(super) fn end_of(
    tokens: &[TokenWithSpan],
    places: &[usize],
    from: usize,
    mut is_end: impl FnMut(&TokenWithSpan) -> bool,
) -> Option<usize> {
    let mut depth = 0_usize;
    (from..places.len()).find(|at| {
        let token = &tokens[places[*at]];
        match token.token {
            Token::RParen | Token::RBracket | Token::RBrace | Token::SemiColon if depth == 0 => {
                return true;
            }
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth -= 1,
            _ if depth == 0 => return is_end(token),
            _ => {}
        }
        false
    })
}

pub(super) fn copied(tokens: &[TokenWithSpan], places: &[usize], part: Part) -> Vec<TokenWithSpan> {
    part.map(|at| tokens[places[at]].clone()).collect()
}

/// A token that stands for what is at a place.
pub(super) fn bare(token: Token, tokens: &[TokenWithSpan], place: usize) -> TokenWithSpan {
    let span = tokens[place].span;
    TokenWithSpan { token, span }
}

pub(super) fn word(text: &str, tokens: &[TokenWithSpan], place: usize) -> TokenWithSpan {
    bare(Token::make_word(text, None), tokens, place)
}

/// With blanks between all tokens, as the parser tells some words by what stands right behind them.
pub(super) fn spaced(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    tokens
        .into_iter()
        .flat_map(|token| {
            let space = TokenWithSpan {
                token: Token::Whitespace(Whitespace::Space),
                span: token.span,
            };
            [space, token]
        })
        .collect()
}
