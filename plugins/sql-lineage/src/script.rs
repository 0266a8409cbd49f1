//! Scripts: statements one after the other.

use rustc_hash::FxHashSet;
use sqlparser::ast::{
    AlterTableOperation, ObjectName, ObjectType, RenameTableNameKind, Statement as Tree,
};

use crate::catalog::Catalog;
use crate::dialect::Dialect;
use crate::model::{Place, Problem, Script};
use crate::parse::{Parsed, Reader};
use crate::query::Analysis;
use crate::session::{Defaults, Session};

/// The longest text whose statements are kept between finding out what they are and analysing them. Those of a longer one
/// are read twice, and one at a time.
const KEPT_BYTES_MAX: usize = 256 << 10;

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
    let attempt = match options.dialect {
        Some(dialect) => Attempt::new(text, dialect),
        None => best(text),
    };
    let dialect = attempt.dialect;
    let defaults = Defaults {
        database: options.database.clone(),
        schema: options.schema.clone(),
    };
    let mut session = Session::new(dialect, defaults, catalog);
    mark_dropped(&attempt.made_and_dropped, &mut session);
    let mut statements = Vec::with_capacity(attempt.parsed_count);
    let mut analyze = |parsed: Parsed| {
        let mut analysis = Analysis::new(&mut session, parsed.base.clone());
        statements.push(analysis.statement(&parsed));
    };
    if attempt.kept.len() == attempt.parsed_count {
        attempt.kept.into_iter().for_each(&mut analyze);
    } else {
        read(text, dialect, &mut analyze);
    }
    let of_analysis = std::mem::replace(&mut session.problems, attempt.problems);
    session.problems.extend(of_analysis);
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

/// What reading a text came to.
struct Attempt {
    dialect: Dialect,
    /// The statements; none of a long text, whose trees together would take a hundred times its bytes.
    kept: Vec<Parsed>,
    parsed_count: usize,
    made_and_dropped: Vec<Lifetime>,
    problems: Vec<Problem>,
    failed_count: usize,
}

/// What tells whether a table lives longer than the script.
enum Lifetime {
    Made(ObjectName),
    /// Something gets the name that is not dropped with the table that had it.
    Stays(ObjectName),
    Dropped(ObjectName),
}

/// What a statement says of the lives of tables.
fn lifetimes(tree: &Tree) -> Vec<Lifetime> {
    match tree {
        Tree::CreateTable(create) => vec![Lifetime::Made(create.name.clone())],
        Tree::CreateView(create) => vec![Lifetime::Stays(create.name.clone())],
        Tree::AlterTable(alter) => alter
            .operations
            .iter()
            .filter_map(|operation| match operation {
                AlterTableOperation::RenameTable { table_name } => {
                    let (RenameTableNameKind::As(to) | RenameTableNameKind::To(to)) = table_name;
                    Some(Lifetime::Stays(to.clone()))
                }
                _ => None,
            })
            .collect(),
        Tree::RenameTable(renames) => renames
            .iter()
            .map(|rename| Lifetime::Stays(rename.new_name.clone()))
            .collect(),
        Tree::Drop {
            object_type: ObjectType::Table | ObjectType::View,
            names,
            ..
        } => names.iter().cloned().map(Lifetime::Dropped).collect(),
        _ => Vec::new(),
    }
}

impl Attempt {
    fn new(text: &str, dialect: Dialect) -> Self {
        let is_kept = text.len() <= KEPT_BYTES_MAX;
        let (mut kept, mut made_and_dropped, mut parsed_count) = (Vec::new(), Vec::new(), 0);
        let (problems, failed_count) = read(text, dialect, &mut |parsed| {
            parsed_count += 1;
            made_and_dropped.extend(lifetimes(&parsed.tree));
            if is_kept {
                kept.push(parsed);
            }
        });
        Self {
            dialect,
            kept,
            parsed_count,
            made_and_dropped,
            problems,
            failed_count,
        }
    }
}

/// Gives `take` each statement; returns what was not understood, and how many statements were refused.
fn read(text: &str, dialect: Dialect, take: &mut dyn FnMut(Parsed)) -> (Vec<Problem>, usize) {
    let mut reader = Reader::new(dialect, take);
    reader.read(text, Place { line: 1, column: 1 });
    (reader.problems, reader.failed_count)
}

/// The first of the dialects that refuse least.
fn best(text: &str) -> Attempt {
    let mut best = Attempt::new(text, Dialect::ALL[0]);
    for dialect in &Dialect::ALL[1..] {
        if best.problems.is_empty() {
            break;
        }
        let attempt = Attempt::new(text, *dialect);
        let is_better = (attempt.failed_count, attempt.problems.len())
            < (best.failed_count, best.problems.len());
        if is_better {
            best = attempt;
        }
    }
    best
}

/// Tables that the script makes and drops again live no longer than it, unless it makes them once more.
fn mark_dropped(lifetimes: &[Lifetime], session: &mut Session<'_>) {
    let mut made = FxHashSet::default();
    for lifetime in lifetimes {
        match lifetime {
            Lifetime::Made(name) => {
                if let Some(table) = session.table_named(name) {
                    made.insert(table);
                    session.stays(table);
                }
            }
            Lifetime::Stays(name) => {
                if let Some(table) = session.table_named(name) {
                    session.stays(table);
                }
            }
            Lifetime::Dropped(name) => {
                if let Some(table) = session.table_named(name)
                    && made.contains(&table)
                {
                    session.passes(table);
                }
            }
        }
    }
}
