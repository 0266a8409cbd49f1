//! From the text of a statement to its tree.

use sqlparser::ast::Statement as Tree;
use sqlparser::dialect::Dialect as ParserDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::control::{self, Inner};
use crate::dialect::Dialect;
use crate::fixes;
use crate::model::{Place, Problem, Severity};
use crate::split::{Base, Piece, Splitter};

/// How deep statements may nest, in levels of the parser: a subquery takes three, a bracket one. Deeper ones are
/// refused, before the stack of 8 MiB that extractors have is at its end.
const DEPTH_MAX: usize = 300;
/// The longest statement: its tokens and its tree take about a hundred times its bytes.
const STATEMENT_BYTES_MAX: usize = 2 << 20;
/// How many operators may stand one after the other, as each makes the tree deeper.
const CHAIN_MAX: usize = 4_000;
/// How deep texts may stand in texts: bodies of functions in dollar quotes, statements in strings.
const TEXTS_MAX: usize = 8;

/// A statement's tree.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) tree: Tree,
    /// What places in the tree count from.
    pub(crate) base: Base,
    /// Where the statement begins.
    pub(crate) place: Place,
    pub(crate) text: String,
    /// True if what is inserted goes where its names say.
    pub(crate) is_by_name: bool,
}

/// Reads all statements of a text, one by one.
pub(crate) struct Reader<'t> {
    dialect: Dialect,
    /// Is given each statement that is understood, in their order.
    take: &'t mut dyn FnMut(Parsed),
    pub(crate) problems: Vec<Problem>,
    /// Statements that were refused.
    pub(crate) failed_count: usize,
    depth: usize,
    /// Where the text of the last statement ended: the address of its piece, the place, and the bytes before it.
    cut_to: (usize, Place, usize),
}

impl<'t> Reader<'t> {
    pub(crate) fn new(dialect: Dialect, take: &'t mut dyn FnMut(Parsed)) -> Self {
        Self {
            dialect,
            take,
            problems: Vec::new(),
            failed_count: 0,
            depth: 0,
            cut_to: (0, Place::default(), 0),
        }
    }

    pub(crate) fn read(&mut self, text: &str, place: Place) {
        if self.depth == TEXTS_MAX {
            self.fail("depth", "texts stand too deep in texts".into(), place);
            return;
        }
        self.depth += 1;
        let mut splitter = Splitter::new(text, self.dialect).starting_at(place);
        while let Some(piece) = splitter.next() {
            self.problems.append(&mut splitter.take_problems());
            self.read_piece(&piece);
        }
        self.problems.append(&mut splitter.take_problems());
        self.depth -= 1;
    }

    fn fail(&mut self, code: &'static str, message: String, place: Place) {
        self.failed_count += 1;
        self.problems.push(Problem {
            severity: Severity::Error,
            code,
            message,
            place,
        });
    }

    fn read_piece(&mut self, piece: &Piece<'_>) {
        // Another piece may stand at the address of one that is gone.
        self.cut_to.0 = 0;
        if piece.text.len() > STATEMENT_BYTES_MAX {
            let message = format!("expected a statement of at most {STATEMENT_BYTES_MAX} bytes");
            return self.fail("length", message, piece.base.place());
        }
        let tokens = tokenize(self.dialect.parser(), &piece.text).or_else(|error| {
            let tokens = tokenize(Dialect::Generic.parser(), &piece.text);
            tokens.map_err(|_| error)
        });
        let tokens = match tokens {
            Ok(tokens) => tokens,
            Err((message, location)) => {
                let place = within(piece, piece.base.place_of(location));
                return self.fail("syntax", message, place);
            }
        };
        self.read_tokens(tokens, piece);
    }

    /// Reads statements that stand one after the other, with nothing between them.
    fn read_tokens(&mut self, tokens: Vec<TokenWithSpan>, piece: &Piece<'_>) {
        if longest_chain(&tokens) > CHAIN_MAX {
            let first = tokens.iter().find(|token| is_significant(token));
            let place = first.map_or(piece.base.place(), |first| {
                piece.base.place_of(first.span.start)
            });
            let message = format!("expected at most {CHAIN_MAX} operators in a row");
            return self.fail("depth", message, place);
        }
        let mut next = Some(tokens);
        while let Some(tokens) = next {
            next = self.read_first(tokens, piece);
        }
    }

    /// Reads what the tokens begin with; returns those behind it, which are fewer.
    fn read_first(&mut self, tokens: Vec<TokenWithSpan>, piece: &Piece<'_>) -> Rest {
        let first = tokens.iter().find(|token| is_significant(token))?;
        let place = piece.base.place_of(first.span.start);
        if let Some(inner) = control::inner(&tokens) {
            return self.read_inner(inner, tokens, piece);
        }
        self.read_statement(tokens, piece, place)
    }

    fn read_inner(
        &mut self,
        inner: Inner,
        mut tokens: Vec<TokenWithSpan>,
        piece: &Piece<'_>,
    ) -> Rest {
        match inner {
            Inner::Nothing => None,
            Inner::From(at) => {
                // What begins there must be less than this was, or it would be read for ever.
                if !tokens[..at].iter().any(is_significant) {
                    let place = piece.base.place_of(tokens[at].span.start);
                    return self.read_statement(tokens, piece, place);
                }
                Some(tokens.split_off(at))
            }
            Inner::Within(range, after) => {
                let rest = tokens.split_off(after);
                let query = tokens.drain(range).collect();
                self.read_tokens(query, piece);
                Some(rest)
            }
            Inner::Text(at) => {
                let place = piece.base.place_of(tokens[at].span.start);
                if let Some((body, skipped)) = control::body(&tokens[at].token) {
                    let column = place.column + skipped;
                    self.read(&body, Place { column, ..place });
                }
                None
            }
        }
    }

    fn read_statement(
        &mut self,
        tokens: Vec<TokenWithSpan>,
        piece: &Piece<'_>,
        place: Place,
    ) -> Rest {
        let count = tokens.len();
        let rest = self.read_one(tokens, piece, place);
        // What was changed to be understood may have become longer, and would be read for ever.
        rest.filter(|rest| rest.len() < count)
    }

    fn read_one(
        &mut self,
        mut tokens: Vec<TokenWithSpan>,
        piece: &Piece<'_>,
        place: Place,
    ) -> Rest {
        let is_by_name = fixes::duckdb::take_by_name(&mut tokens);
        if self.dialect == Dialect::DuckDb {
            fixes::duckdb::aliases_behind(&mut tokens);
        }
        let at = Statement {
            piece,
            place,
            is_by_name,
        };
        let (error, mut tokens) = match parse(self.dialect.parser(), tokens) {
            Ok(done) if self.is_cut_short(&done) => {
                match tokenize(self.dialect.parser(), &piece.text) {
                    Ok(tokens) => (
                        ParserError::ParserError("expected AS before the query".into()),
                        tokens,
                    ),
                    Err(_) => return self.keep(done, &at),
                }
            }
            Ok(done) => {
                let done = self.with_its_rest(done);
                return self.keep(done, &at);
            }
            // Other grammars nest no less.
            Err((error @ ParserError::RecursionLimitExceeded, _)) => {
                self.fail("depth", message_of(&error), place);
                return None;
            }
            Err(failure) => failure,
        };
        let mut budget = fixes::Budget::of(&tokens);
        while budget.apply(&mut tokens, self.dialect) {
            match parse(self.dialect.parser(), tokens) {
                Ok(done) => {
                    let done = self.with_its_rest(done);
                    return self.keep(done, &at);
                }
                Err((_, back)) => tokens = back,
            }
        }
        for other in fixes::others(self.dialect) {
            match parse(other.parser(), tokens) {
                Ok(done) => return self.keep(done, &at),
                Err((_, back)) => tokens = back,
            }
        }
        if !control::is_without_lineage(&tokens) {
            let at = error_place(&error, &piece.base).unwrap_or(place);
            self.fail("syntax", message_of(&error), at);
        }
        None
    }

    /// A statement that the parser took for the beginning of something else, read again with what is to be fixed.
    fn with_its_rest(&self, done: Done) -> Done {
        let is_whole = !done.rest.iter().any(is_significant);
        if is_whole || control::begins_statement(&done.rest) {
            return done;
        }
        let mut tokens = done.taken.clone();
        tokens.extend_from_slice(&done.rest);
        let mut budget = fixes::Budget::of(&tokens);
        while budget.apply(&mut tokens, self.dialect) {
            match parse(self.dialect.parser(), tokens) {
                Ok(all) if !all.rest.iter().any(is_significant) => return all,
                Ok(part) => {
                    tokens = part.taken;
                    tokens.extend(part.rest);
                }
                Err((_, back)) => tokens = back,
            }
        }
        done
    }

    /// `CREATE TABLE t SELECT …`: the parser takes the beginning for all of it. Where statements need no semicolon
    /// between them it is.
    fn is_cut_short(&self, done: &Done) -> bool {
        let is_empty = matches!(&done.tree, Tree::CreateTable(create) if create.query.is_none());
        let next = done.rest.iter().find(|token| is_significant(token));
        let selects = next.is_some_and(|token| match &token.token {
            Token::Word(word) => matches!(word.keyword, Keyword::SELECT),
            _ => false,
        });
        is_empty && selects && self.dialect != Dialect::MsSql
    }

    fn keep(&mut self, done: Done, at: &Statement<'_, '_>) -> Rest {
        let Statement {
            piece,
            place,
            is_by_name,
        } = *at;
        let Done { tree, rest, .. } = done;
        let end = rest.iter().find(|token| is_significant(token));
        let to = end.map(|token| piece.base.place_of(token.span.start));
        let parsed = Parsed {
            tree,
            base: piece.base.clone(),
            place,
            text: self.cut(piece, place, to).trim_end().to_owned(),
            is_by_name,
        };
        let Some(next) = end else {
            (self.take)(parsed);
            return None;
        };
        let at = piece.base.place_of(next.span.start);
        if control::begins_statement(&rest) {
            (self.take)(parsed);
            return Some(rest);
        }
        let message = format!(
            "expected the end of the statement, found `{}`; the rest is left out",
            next.token
        );
        if control::names_relations(&rest) {
            self.fail("syntax", message, at);
        } else {
            (self.take)(parsed);
            self.problems.push(Problem {
                severity: Severity::Warning,
                code: "rest",
                message,
                place: at,
            });
        }
        None
    }
}

impl Reader<'_> {
    /// The text between two places, as the script has it.
    fn cut<'p>(&mut self, piece: &Piece<'p>, from: Place, to: Option<Place>) -> &'p str {
        let text = piece.original;
        let base = piece.base.place();
        if base == from && to.is_none() {
            return text;
        }
        // Statements come one after the other: on from where the last one ended.
        let (mut place, mut at) = match self.cut_to {
            (address, place, at) if address == text.as_ptr().addr() && place <= from => (place, at),
            _ => (base, 0),
        };
        let mut start = None;
        for symbol in text[at..].chars() {
            if start.is_none() && place >= from {
                start = Some(at);
            }
            if to.is_some_and(|to| place >= to) {
                break;
            }
            if symbol == '\n' {
                place.line += 1;
                place.column = 1;
            } else {
                place.column += 1;
            }
            at += symbol.len_utf8();
        }
        self.cut_to = (text.as_ptr().addr(), place, at);
        &text[start.unwrap_or(at)..at]
    }
}

/// The place, or the nearest in the piece: of a text that does not end, tokenizers tell places in what stands for its
/// templates.
fn within(piece: &Piece<'_>, place: Place) -> Place {
    let base = piece.base.place();
    let line = place.line.saturating_sub(base.line) as usize;
    let Some(text) = piece.original.split('\n').nth(line) else {
        return base;
    };
    let first = if line == 0 { base.column } else { 1 };
    let last = first + text.chars().count() as u32;
    Place {
        column: place.column.min(last),
        ..place
    }
}

/// The tokens behind a statement, if more may begin there.
type Rest = Option<Vec<TokenWithSpan>>;

/// A statement that is read.
struct Statement<'x, 'p> {
    piece: &'x Piece<'p>,
    place: Place,
    is_by_name: bool,
}

/// What one parse made.
struct Done {
    tree: Tree,
    /// The tokens of the statement.
    taken: Vec<TokenWithSpan>,
    rest: Vec<TokenWithSpan>,
}

fn tokenize(
    dialect: &dyn ParserDialect,
    text: &str,
) -> Result<Vec<TokenWithSpan>, (String, Location)> {
    Tokenizer::new(dialect, text)
        .tokenize_with_location()
        .map_err(|error| (error.message, error.location))
}

/// The first statement of the tokens; all of them again if there is none.
fn parse(
    dialect: &dyn ParserDialect,
    tokens: Vec<TokenWithSpan>,
) -> Result<Done, (ParserError, Vec<TokenWithSpan>)> {
    let mut parser = Parser::new(dialect)
        .with_recursion_limit(DEPTH_MAX)
        .with_tokens_with_locations(tokens);
    match parser.parse_statement() {
        Ok(tree) => {
            let at = parser.index();
            let mut tokens = parser.into_tokens();
            let rest = tokens.split_off(at.min(tokens.len()));
            let is_end =
                |token: &TokenWithSpan| is_significant(token) && token.token != Token::SemiColon;
            let rest = if rest.iter().any(is_end) {
                rest
            } else {
                Vec::new()
            };
            Ok(Done {
                tree,
                taken: tokens,
                rest,
            })
        }
        Err(error) => Err((error, parser.into_tokens())),
    }
}

pub(crate) fn is_significant(token: &TokenWithSpan) -> bool {
    !matches!(token.token, Token::Whitespace(_) | Token::EOF)
}

/// How deep a tree gets by operators that stand one after the other.
fn longest_chain(tokens: &[TokenWithSpan]) -> usize {
    let mut chains = vec![0_usize];
    let mut longest = 0;
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket => {
                // Subscripts stand one after the other, too.
                if token.token == Token::LBracket
                    && let Some(chain) = chains.last_mut()
                {
                    *chain += 1;
                    longest = longest.max(*chain);
                }
                chains.push(0);
            }
            Token::RParen | Token::RBracket => {
                chains.pop();
                if chains.is_empty() {
                    chains.push(0);
                }
            }
            Token::Comma | Token::SemiColon => {
                if let Some(chain) = chains.last_mut() {
                    *chain = 0;
                }
            }
            Token::Word(word) => {
                let is_operator = matches!(
                    word.keyword,
                    Keyword::AND
                        | Keyword::OR
                        | Keyword::UNION
                        | Keyword::EXCEPT
                        | Keyword::INTERSECT
                        | Keyword::NOT
                );
                if is_operator && let Some(chain) = chains.last_mut() {
                    *chain += 1;
                    longest = longest.max(*chain);
                }
            }
            Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::StringConcat
            | Token::DoubleColon => {
                if let Some(chain) = chains.last_mut() {
                    *chain += 1;
                    longest = longest.max(*chain);
                }
            }
            _ => {}
        }
    }
    longest
}

/// The parser tells places in its messages only.
fn error_place(error: &ParserError, base: &Base) -> Option<Place> {
    let ParserError::ParserError(message) = error else {
        return None;
    };
    let (_, place) = message.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    let location = Location {
        line: line.parse().ok()?,
        column: column.parse().ok()?,
    };
    Some(base.place_of(location))
}

fn message_of(error: &ParserError) -> String {
    match error {
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
            let message = message
                .rsplit_once(" at Line: ")
                .map_or(message.as_str(), |(message, _)| message);
            let mut symbols = message.chars();
            symbols.next().map_or_else(String::new, |first| {
                first.to_lowercase().chain(symbols).collect()
            })
        }
        ParserError::RecursionLimitExceeded => {
            format!("expected at most {DEPTH_MAX} levels of nesting")
        }
    }
}
