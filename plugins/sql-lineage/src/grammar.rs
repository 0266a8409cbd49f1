//! Grammars that take more than the parser's own.

use std::any::TypeId;

use sqlparser::dialect::{Dialect, DuckDbDialect};

/// The parser's grammar of `DuckDB`, with `* RENAME (a AS b)`.
#[derive(Debug)]
pub(crate) struct DuckDb;

macro_rules! delegated {
    ($($name:ident)*) => {
        $(
            fn $name(&self) -> bool {
                DuckDbDialect.$name()
            }
        )*
    };
}

impl Dialect for DuckDb {
    fn dialect(&self) -> TypeId {
        TypeId::of::<DuckDbDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        DuckDbDialect.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        DuckDbDialect.is_identifier_part(ch)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        DuckDbDialect.identifier_quote_style(identifier)
    }

    delegated! {
        supports_trailing_commas
        supports_filter_during_aggregation
        supports_group_by_expr
        supports_bitwise_shift_operators
        supports_named_fn_args_with_eq_operator
        supports_named_fn_args_with_assignment_operator
        supports_dictionary_syntax
        support_map_literal_syntax
        supports_lambda_functions
        allow_extract_single_quotes
        supports_explain_with_utility_options
        supports_load_extension
        supports_array_typedef_with_brackets
        supports_from_first_select
        supports_order_by_all
        supports_select_wildcard_exclude
        supports_notnull_operator
        supports_install
        supports_detach
        supports_select_wildcard_replace
        supports_comma_separated_trim
        supports_numeric_literal_underscores
    }

    fn supports_select_wildcard_rename(&self) -> bool {
        true
    }
}
