//! Scripts: statements one after the other.

use rustc_hash::FxHashSet;
use sqlparser::ast::{AlterTableOperation, ObjectType, RenameTableNameKind, Statement as Tree};

use crate::catalog::Catalog;
use crate::dialect::Dialect;
use crate::model::{Place, Script};
use crate::parse::{Parsed, Reader};
use crate::query::Analysis;
use crate::session::{Defaults, Session};

/// How a script is to be read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The dialect; none tries all, and takes the one that understands most.
    pub dialect: Option<Dialect>,
    /// The database of names that say none.
    pub database: Option<String>,
    /// The schema of names that say none.
    pub schema: Option<String>,
}

/// Reads a script. What is not understood is left out, and told as a problem.
pub fn analyze(text: &str, options: &Options, catalog: &Catalog) -> Script {
    let reader = match options.dialect {
        Some(dialect) => read(text, dialect),
        None => best(text),
    };
    let (dialect, reader) = reader;
    let defaults = Defaults {
        database: options.database.clone(),
        schema: options.schema.clone(),
    };
    let mut session = Session::new(dialect, defaults, catalog);
    session.problems = reader.problems;
    mark_dropped(&reader.parsed, &mut session);
    let mut statements = Vec::with_capacity(reader.parsed.len());
    for parsed in &reader.parsed {
        let mut analysis = Analysis::new(&mut session, parsed.base.clone());
        statements.push(analysis.statement(parsed));
    }
    // What lives no longer than the script, and was read, is a step between what it was made of and what came of it.
    let steps: FxHashSet<_> = session
        .made
        .iter()
        .filter(|(_, made)| made.is_read)
        .map(|(table, _)| session.table(*table).clone())
        .collect();
    if !steps.is_empty() {
        for statement in &mut statements {
            statement.outputs.retain(|output| !steps.contains(output));
            statement.edges.retain(|edge| {
                edge.to
                    .table
                    .as_ref()
                    .is_none_or(|table| !steps.contains(table))
            });
            statement.influences.retain(|influence| {
                influence
                    .to
                    .as_ref()
                    .is_none_or(|table| !steps.contains(table))
            });
        }
    }
    session.problems.sort_by_key(|problem| problem.place);
    Script {
        dialect,
        statements,
        problems: session.problems,
    }
}

fn read(text: &str, dialect: Dialect) -> (Dialect, Reader) {
    let mut reader = Reader::new(dialect);
    reader.read(text, Place { line: 1, column: 1 });
    (dialect, reader)
}

/// The first of the dialects that refuse least.
fn best(text: &str) -> (Dialect, Reader) {
    let mut best: Option<(Dialect, Reader)> = None;
    for dialect in Dialect::ALL {
        let (dialect, reader) = read(text, dialect);
        if reader.problems.is_empty() {
            return (dialect, reader);
        }
        let is_better = best.as_ref().is_none_or(|(_, known)| {
            (reader.failed_count, reader.problems.len())
                < (known.failed_count, known.problems.len())
        });
        if is_better {
            best = Some((dialect, reader));
        }
    }
    best.unwrap_or_else(|| read(text, Dialect::Generic))
}

/// Tables that the script makes and drops again live no longer than it, unless it makes them once more.
fn mark_dropped(parsed: &[Parsed], session: &mut Session<'_>) {
    let mut made = FxHashSet::default();
    for parsed in parsed {
        match &parsed.tree {
            Tree::CreateTable(create) => {
                if let Some(table) = session.table_named(&create.name) {
                    made.insert(table);
                    session.stays(table);
                }
            }
            Tree::CreateView(create) => {
                if let Some(table) = session.table_named(&create.name) {
                    session.stays(table);
                }
            }
            Tree::AlterTable(alter) => {
                for operation in &alter.operations {
                    if let AlterTableOperation::RenameTable { table_name } = operation {
                        let (RenameTableNameKind::As(to) | RenameTableNameKind::To(to)) =
                            table_name;
                        if let Some(table) = session.table_named(to) {
                            session.stays(table);
                        }
                    }
                }
            }
            Tree::RenameTable(renames) => {
                for rename in renames {
                    if let Some(table) = session.table_named(&rename.new_name) {
                        session.stays(table);
                    }
                }
            }
            Tree::Drop {
                object_type: ObjectType::Table | ObjectType::View,
                names,
                ..
            } => {
                for name in names {
                    if let Some(table) = session.table_named(name)
                        && made.contains(&table)
                    {
                        session.passes(table);
                    }
                }
            }
            _ => {}
        }
    }
}
