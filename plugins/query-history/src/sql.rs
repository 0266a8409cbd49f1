//! What the text of a statement tells of its fields, with what was accessed as a check.

use std::collections::BTreeSet;

use sql_lineage::{Catalog, Dialect, Edge, Options, TableName, Transformations, analyze};

use crate::model::{Execution, Link, Table};
use crate::naming;

/// The longest text that is analysed.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// What became of the analysis of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// All of it was used.
    All,
    /// The code of what was not understood: messages may repeat literals.
    NotUnderstood(&'static str),
    /// Tables that the warehouse says nothing of.
    Unaccessed(Vec<String>),
}

/// Adds to `execution` what its text tells.
pub(crate) fn tell(execution: &mut Execution, known: &Catalog, namespace: &str) -> Told {
    let Some(sql) = &execution.sql else {
        return Told::All;
    };
    if sql.text.len() > TEXT_BYTES_MAX {
        return Told::NotUnderstood("too-long");
    }
    let options = Options {
        dialect: Some(sql.dialect),
        database: sql.database.clone(),
        schema: sql.schema.clone(),
    };
    let script = analyze(&sql.text, &options, known);
    let mut matching = Matching {
        namespace,
        is_folded: sql.dialect == Dialect::Snowflake,
        accessed: execution
            .reads
            .iter()
            .chain(&execution.writes)
            .cloned()
            .collect(),
        // Where the warehouse is silent, full names of the text stand alone.
        trusts_reads: execution.reads_by_sql
            || (execution.reads.is_empty() && execution.patterns.is_empty()),
        trusts_writes: execution.writes.is_empty(),
        result: None,
        unaccessed: BTreeSet::new(),
    };
    let mut reads = BTreeSet::new();
    let destination = execution.writes.iter().next().cloned();
    let destination = destination.filter(|_| execution.writes.len() == 1);
    for statement in &script.statements {
        // What a query gives goes to the only table that was written.
        matching.result = destination.clone().filter(|_| statement.outputs.is_empty());
        for input in &statement.inputs {
            reads.extend(matching.table(input, matching.trusts_reads));
        }
        for output in &statement.outputs {
            let output = matching.table(output, matching.trusts_writes);
            execution.writes.extend(output);
        }
        for edge in &statement.edges {
            execution.links.extend(matching.edge(edge));
        }
        for influence in &statement.influences {
            let Some(from) = &influence.from.table else {
                continue;
            };
            let ends = (
                matching.table(from, matching.trusts_reads),
                matching.output(influence.to.as_ref()),
            );
            if let (Some(from), Some(to)) = ends {
                execution.links.insert(Link {
                    from: (from, influence.from.column.clone()),
                    to: (to, None),
                    how: how(influence.how),
                    is_masking: influence.how.is_masking(),
                });
            }
        }
    }
    if execution.reads_by_sql && !reads.is_empty() {
        execution.reads = reads;
    } else {
        execution.reads.extend(reads);
    }
    if let Some(problem) = script.problems.first() {
        return Told::NotUnderstood(problem.code);
    }
    if matching.unaccessed.is_empty() {
        Told::All
    } else {
        Told::Unaccessed(matching.unaccessed.into_iter().collect())
    }
}

struct Matching<'n> {
    namespace: &'n str,
    is_folded: bool,
    accessed: Vec<Table>,
    trusts_reads: bool,
    trusts_writes: bool,
    /// Where the result of the statement goes.
    result: Option<Table>,
    unaccessed: BTreeSet<String>,
}

impl Matching<'_> {
    /// The accessed table that a name means: the only one whose name ends so.
    fn table(&mut self, name: &TableName, is_trusted: bool) -> Option<Table> {
        if name.is_path() {
            return None;
        }
        let text = name.to_string();
        let parts: Vec<&str> = text.split('.').collect();
        let mut found = self.accessed.iter().filter(|table| {
            let of_table = table.name.split('.').rev();
            parts.len() <= table.name.split('.').count()
                && parts
                    .iter()
                    .rev()
                    .zip(of_table)
                    .all(|(a, b)| self.is_same(a, b))
        });
        if let (Some(table), None) = (found.next(), found.next()) {
            return Some(table.clone());
        }
        if is_trusted && parts.len() == 3 && !text.contains('*') && naming::is_name(&text) {
            return Some(naming::table(self.namespace, &text, "TABLE"));
        }
        if !text.contains('*') {
            self.unaccessed.insert(text);
        }
        None
    }

    fn is_same(&self, a: &str, b: &str) -> bool {
        let bare = |text: &str| text.trim_matches('"').to_owned();
        if self.is_folded {
            bare(a).eq_ignore_ascii_case(&bare(b))
        } else {
            a == b
        }
    }

    /// A table that is written; without a name where the result goes.
    fn output(&mut self, name: Option<&TableName>) -> Option<Table> {
        match name {
            Some(name) => self.table(name, self.trusts_writes),
            None => self.result.clone(),
        }
    }

    fn edge(&mut self, edge: &Edge) -> Option<Link> {
        let from = self.table(edge.from.table.as_ref()?, self.trusts_reads)?;
        let to = self.output(edge.to.table.as_ref())?;
        Some(Link {
            from: (from, edge.from.column.clone()),
            to: (to, edge.to.column.clone()),
            how: how(edge.how),
            is_masking: edge.how.is_masking(),
        })
    }
}

/// The subtypes of `OpenLineage`'s column lineage facet.
fn how(how: Transformations) -> Vec<(bool, Option<&'static str>)> {
    how.named()
        .map(|(is_direct, subtype)| (is_direct, Some(subtype)))
        .collect()
}
