//! The bounds of a document, checked before anything walks through it.
//!
//! The parser and the library's validation recurse into brackets and into fragments wherever these are spread, so that
//! a short document could cost much; here every fragment is measured once.

use std::collections::HashMap;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType,
    Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, ServerError};

use crate::error::{Code, error, invalid, too_large};
use crate::limits::Limits;

/// How large a selection is, fragments applied.
#[derive(Clone, Copy, Default)]
struct Size {
    depth: usize,
    fields: usize,
    root_fields: usize,
    aliases: usize,
}

/// Reads a document that is within the bounds.
///
/// # Errors
/// `LIMIT_EXCEEDED` names the bound; `INVALID_INPUT` says what can't be read.
pub(crate) fn read(query: &str, limits: &Limits) -> Result<ExecutableDocument, ServerError> {
    let refuse = |error: async_graphql::Error| {
        let mut refusal = ServerError::new(error.message, None);
        refusal.extensions = error.extensions;
        refusal
    };
    if query.len() > limits.query_bytes_max {
        let what = "the length of the query in bytes";
        return Err(refuse(too_large(what, query.len(), limits.query_bytes_max)));
    }
    let nesting = nesting(query);
    if nesting > limits.nesting_max {
        let what = "the nesting of brackets in the query";
        return Err(refuse(too_large(what, nesting, limits.nesting_max)));
    }
    let document = parse_query(query)?;
    check(&document, limits).map_err(refuse)?;
    Ok(document)
}

/// The most brackets open at once, outside of strings and comments.
fn nesting(query: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    let mut rest = query;
    while let Some(at) = rest.find(['{', '[', '(', '}', ']', ')', '"', '#']) {
        let after = &rest[at + 1..];
        rest = match rest.as_bytes()[at] {
            b'#' => after.find(['\n', '\r']).map_or("", |end| &after[end..]),
            b'"' => skip_string(after),
            b'{' | b'[' | b'(' => {
                open += 1;
                most = most.max(open);
                after
            }
            _ => {
                open = open.saturating_sub(1);
                after
            }
        };
    }
    most
}

/// What follows a string whose first quotation mark has been read. One that does not end is taken to end with its
/// line, so that no bracket hides behind it.
fn skip_string(text: &str) -> &str {
    if let Some(block) = text.strip_prefix("\"\"") {
        let mut from = 0;
        while let Some(at) = block[from..].find("\"\"\"") {
            let end = from + at;
            from = end + 3;
            if !block[..end].ends_with('\\') {
                return &block[from..];
            }
        }
        return block;
    }
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return &text[at + 1..],
            '\n' | '\r' => return &text[at..],
            _ => {}
        }
    }
    text
}

/// Measures a document.
struct Measure<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// Sizes of fragments; none while one is being measured.
    known: HashMap<&'a str, Option<Size>>,
    nesting_max: usize,
}

impl<'a> Measure<'a> {
    fn set(&mut self, set: &'a SelectionSet, nesting: usize) -> async_graphql::Result<Size> {
        if nesting > self.nesting_max {
            let what = "the nesting of selections, fragments applied,";
            return Err(too_large(what, nesting, self.nesting_max));
        }
        let mut size = Size::default();
        for selection in &set.items {
            let part = match &selection.node {
                Selection::Field(field) => {
                    let inner = self.set(&field.node.selection_set.node, nesting + 1)?;
                    Size {
                        depth: inner.depth + 1,
                        fields: inner.fields.saturating_add(1),
                        root_fields: 1,
                        aliases: inner
                            .aliases
                            .saturating_add(usize::from(field.node.alias.is_some())),
                    }
                }
                Selection::InlineFragment(fragment) => {
                    self.set(&fragment.node.selection_set.node, nesting + 1)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(spread.node.fragment_name.node.as_str(), nesting)?
                }
            };
            size.depth = size.depth.max(part.depth);
            size.fields = size.fields.saturating_add(part.fields);
            size.root_fields = size.root_fields.saturating_add(part.root_fields);
            size.aliases = size.aliases.saturating_add(part.aliases);
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &str, nesting: usize) -> async_graphql::Result<Size> {
        match self.known.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(invalid(format!("fragment {name} spreads itself"))),
            None => {}
        }
        // A fragment that is not there is found by the validation, which says where it is spread.
        let Some((name, fragment)) = self.fragments.get_key_value(name) else {
            return Ok(Size::default());
        };
        self.known.insert(name.as_str(), None);
        let size = self.set(&fragment.node.selection_set.node, nesting + 1)?;
        self.known.insert(name.as_str(), Some(size));
        Ok(size)
    }
}

fn check(document: &ExecutableDocument, limits: &Limits) -> async_graphql::Result<()> {
    let mut measure = Measure {
        fragments: &document.fragments,
        known: HashMap::new(),
        nesting_max: limits.nesting_max,
    };
    for (_, operation) in document.operations.iter() {
        let size = measure.set(&operation.node.selection_set.node, 1)?;
        let bounds = [
            ("the depth of the query", size.depth, limits.depth_max),
            (
                "the number of fields in the query",
                size.fields,
                limits.fields_max,
            ),
            (
                "the number of fields at the query's root",
                size.root_fields,
                limits.root_fields_max,
            ),
            (
                "the number of aliases in the query",
                size.aliases,
                limits.aliases_max,
            ),
        ];
        for (what, found, max) in bounds {
            if found > max {
                return Err(too_large(what, found, max));
            }
        }
    }
    // A fragment that nothing spreads is an error too, but a walk through it must not be long either.
    let names: Vec<&Name> = document.fragments.keys().collect();
    for name in names {
        measure.fragment(name, 1)?;
    }
    Ok(())
}

/// The operation that is to be carried out.
pub(crate) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => operations.values().next(),
    };
    operation.map(|operation| &operation.node)
}

/// Why a document may not be asked by GET; none if it may.
pub(crate) fn get_refusal(document: &ExecutableDocument) -> Option<ServerError> {
    let is_query = |(_, operation): (_, &Positioned<_>)| {
        let operation: &async_graphql::parser::types::OperationDefinition = &operation.node;
        operation.ty == OperationType::Query
    };
    if document.operations.iter().all(is_query) {
        return None;
    }
    let refusal = error(
        Code::InvalidInput,
        "over GET only queries are answered; use POST",
    );
    let mut error = ServerError::new(refusal.message, None);
    error.extensions = refusal.extensions;
    Some(error)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn check(query: &str) -> Result<(), String> {
        let limits = Limits {
            depth_max: 3,
            fields_max: 50,
            root_fields_max: 4,
            aliases_max: 2,
            nesting_max: 8,
            query_bytes_max: 4000,
            ..Limits::default()
        };
        read(query, &limits)
            .map(drop)
            .map_err(|error| error.message)
    }

    #[test]
    fn what_is_within_the_bounds_is_read() {
        assert_eq!(check("{ a { b { c } } }"), Ok(()));
        assert_eq!(check("{ x: a y: a }"), Ok(()));
        assert_eq!(check(r#"{ a(b: "{{{{{{{{{{{{ \" {{{{{{{{{{{") }"#), Ok(()));
        assert_eq!(
            check("{ a(b: \"\"\"{{{{{{{{ \\\"\"\" {{{{{{{{{{\"\"\") }"),
            Ok(())
        );
        assert_eq!(check("{ a # {{{{{{{{{{{{{{\n }"), Ok(()));
    }

    #[test]
    fn each_bound_is_named_with_what_was_found() {
        let refused = |query: &str| check(query).expect_err("over a bound");
        let says = |query: &str, what: &str| {
            let message = refused(query);
            assert_eq!(message, what, "{query}");
        };
        says(
            "{ a { b { c { d } } } }",
            "the depth of the query is 4, more than 3",
        );
        says(
            "{ a b c d e }",
            "the number of fields at the query's root is 5, more than 4",
        );
        says(
            "{ a { x: b y: b z: b } }",
            "the number of aliases in the query is 3, more than 2",
        );
        says(
            &format!("{{ a(b: {}) }}", "[".repeat(20)),
            "the nesting of brackets in the query is 22, more than 8",
        );
        says(
            &format!("{{ {} }}", "a ".repeat(3000)),
            "the length of the query in bytes is 6004, more than 4000",
        );
    }

    #[test]
    fn fragments_that_double_are_counted_without_being_walked() {
        let mut query = "{ ...f0 }".to_owned();
        for at in 0..5 {
            let next = at + 1;
            let _ = write!(query, " fragment f{at} on Q {{ ...f{next} ...f{next} }}");
        }
        query += " fragment f5 on Q { a b }";
        assert_eq!(
            check(&query),
            Err("the number of fields in the query is 64, more than 50".to_owned())
        );
    }

    #[test]
    fn a_fragment_that_spreads_itself_is_named() {
        let query = "{ ...a } fragment a on Q { ...b } fragment b on Q { ...a }";
        assert_eq!(check(query), Err("fragment a spreads itself".to_owned()));
        assert!(check("{ x } fragment a on Q { ...a }").is_err());
    }

    #[test]
    fn a_chain_of_fragments_is_bounded() {
        let mut query = "{ ...f0 }".to_owned();
        for at in 0..20 {
            let _ = write!(query, " fragment f{at} on Q {{ ...f{} }}", at + 1);
        }
        query += " fragment f20 on Q { a }";
        assert!(
            check(&query)
                .expect_err("too deep")
                .contains("fragments applied")
        );
    }
}
