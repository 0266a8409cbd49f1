//! Names of tables.

use std::fmt;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::dialect::Dialect;

/// The name of a table, view, stage or file, as far as the text tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    parts: Vec<String>,
}

impl TableName {
    /// A name of the given parts, outermost first.
    pub fn new<I, S>(parts: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self {
            parts: parts.into_iter().map(Into::into).collect(),
        }
    }

    /// Its parts, outermost first: database, schema, table; a path is one part.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// True if it is a path or a URL.
    pub fn is_path(&self) -> bool {
        matches!(&*self.parts, [one] if one.contains('/'))
    }

    pub(crate) fn prefixed(mut self, prefix: &[String]) -> Self {
        self.parts.splice(0..0, prefix.iter().cloned());
        self
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// The identifiers of an object's name; `None` if a part is computed.
pub(crate) fn idents(name: &ObjectName) -> Option<Vec<&Ident>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(ident),
            ObjectNamePart::Function(_) => None,
        })
        .collect()
}

/// An identifier as the dialect keeps it: folded unless it is quoted.
pub(crate) fn folded(dialect: Dialect, ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => dialect.fold(&ident.value),
    }
}
