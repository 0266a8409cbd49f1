//! A Rust file as tokens: what stands in comments and strings is not code, what stands in macros is.

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The tokens of one file.
#[derive(Debug)]
pub(crate) struct Tokens(TokenStream);

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// From the line of `fn` to that of the closing brace, counted from 1.
    pub(crate) first_line: usize,
    pub(crate) last_line: usize,
}

impl Tokens {
    /// # Errors
    /// Names the line at which `text` stops being Rust tokens.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        // The lexer takes no byte order mark and no `#!` line, which a Rust file may start with.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = if text.starts_with("#!") && !text.starts_with("#![") {
            format!("//{text}")
        } else {
            text.to_owned()
        };
        text.parse()
            .map(Self)
            .map_err(|error: proc_macro2::LexError| {
                let start = error.span().start();
                anyhow!("line {} is not Rust: {error}", start.line)
            })
    }

    /// Every function that has a body, inside macros and other functions as well.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        each_sequence(&self.0, &mut |sequence| {
            for (at, pair) in sequence.windows(2).enumerate() {
                let [TokenTree::Ident(keyword), TokenTree::Ident(name)] = pair else {
                    continue;
                };
                if *keyword != "fn" {
                    continue;
                }
                let end = sequence[at..].iter().find_map(|token| match token {
                    TokenTree::Punct(punct) if punct.as_char() == ';' => Some(None),
                    TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                        Some(Some(group.span_close().end().line))
                    }
                    _ => None,
                });
                if let Some(Some(last_line)) = end {
                    functions.push(Function {
                        name: name.to_string(),
                        first_line: keyword.span().start().line,
                        last_line,
                    });
                }
            }
        });
        functions
    }

    /// The lines on which the macro `name` is called.
    pub(crate) fn macro_calls(&self, name: &str) -> Vec<usize> {
        let mut lines = Vec::new();
        each_sequence(&self.0, &mut |sequence| {
            for three in sequence.windows(3) {
                if let [
                    TokenTree::Ident(found),
                    TokenTree::Punct(punct),
                    TokenTree::Group(_),
                ] = three
                    && *found == name
                    && punct.as_char() == '!'
                {
                    lines.push(found.span().start().line);
                }
            }
        });
        lines
    }

    /// The lines of attributes that hold the word `name`: `#[name]`, `#[name = …]`, `#[cfg_attr(…, name)]`.
    pub(crate) fn attributes(&self, name: &str) -> Vec<usize> {
        let mut lines = Vec::new();
        each_sequence(&self.0, &mut |sequence| {
            for pair in sequence.windows(2) {
                let [TokenTree::Punct(punct), TokenTree::Group(group)] = pair else {
                    continue;
                };
                if punct.as_char() != '#' || group.delimiter() != Delimiter::Bracket {
                    continue;
                }
                let inside: Vec<_> = group.stream().into_iter().collect();
                if is_attribute(&inside, name) {
                    lines.push(punct.span().start().line);
                }
            }
        });
        lines
    }
}

fn is_attribute(inside: &[TokenTree], name: &str) -> bool {
    match inside {
        [TokenTree::Ident(found), ..] if *found == name => true,
        [TokenTree::Ident(found), TokenTree::Group(arguments)] if *found == "cfg_attr" => {
            let arguments: Vec<_> = arguments.stream().into_iter().collect();
            arguments
                .split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
                .skip(1)
                .any(|argument| is_attribute(argument, name))
        }
        _ => false,
    }
}

/// Calls `see` with the tokens of `stream` and with those of each group in it.
fn each_sequence(stream: &TokenStream, see: &mut impl FnMut(&[TokenTree])) {
    let sequence: Vec<_> = stream.clone().into_iter().collect();
    see(&sequence);
    for token in &sequence {
        if let TokenTree::Group(group) = token {
            each_sequence(&group.stream(), see);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_functions(text: &str, expected: &[(&str, usize, usize)]) {
        let functions = Tokens::parse(text).unwrap().functions();
        let found: Vec<_> = functions
            .iter()
            .map(|function| {
                (
                    function.name.as_str(),
                    function.first_line,
                    function.last_line,
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn functions_are_found_wherever_they_stand() {
        check_functions(
            "fn a() {}\nimpl X {\n  fn b(&self) {\n  }\n}",
            &[("a", 1, 1), ("b", 3, 4)],
        );
        check_functions("fn a() {\nfn b() {}\n}", &[("a", 1, 3), ("b", 2, 2)]);
        check_functions(
            "proptest! {\n#[test]\nfn a(x in 0..9) {\n}\n}",
            &[("a", 3, 4)],
        );
        check_functions("fn a<T>() -> X\nwhere T: Y,\n{\n}", &[("a", 1, 4)]);
    }

    #[test]
    fn what_has_no_body_is_no_function() {
        check_functions("trait X { fn a(); fn b() {} }", &[("b", 1, 1)]);
        check_functions("type F = fn(u8) -> u8; struct S {}", &[]);
        check_functions("// fn a() {}\nconst S: &str = \"fn b() {}\";", &[]);
    }

    #[test]
    fn a_text_that_is_not_rust_names_its_line() {
        let error = Tokens::parse("fn a() {}\n}").unwrap_err();
        assert!(
            error.to_string().starts_with("line 2 is not Rust"),
            "{error}"
        );
    }

    #[test]
    fn a_script_line_is_no_code() {
        check_functions("#!/usr/bin/env run\nfn a() {}", &[("a", 2, 2)]);
        check_functions("#![allow(x)]\nfn a() {}", &[("a", 2, 2)]);
    }
}
