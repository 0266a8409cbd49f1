//! Which columns a query or an expression is made of.

use std::collections::BTreeSet;

use headwater_extractor::Transformation;
use sql_lineage::{
    Catalog, Dialect, Direct, Indirect, Options, Place, Statement, TableName, Transformations,
    analyze,
};

/// What stands for the result of what is analysed.
const RESULT: &str = "headwater_result";
/// What stands for the dataset that an expression is about.
const SOURCE: &str = "headwater_source";

/// How a value goes into another.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct How {
    /// As a part of it; none if it only bears on it.
    pub direct: Option<Direct>,
    /// The other ways in which it bears on it.
    pub indirect: BTreeSet<Indirect>,
    /// Whether nothing of it can be read back.
    pub is_masking: bool,
}

impl How {
    /// As a part of it.
    pub fn direct(direct: Direct) -> Self {
        Self {
            direct: Some(direct),
            ..Self::default()
        }
    }

    /// Bearing on it.
    pub fn indirect(indirect: Indirect) -> Self {
        Self {
            indirect: BTreeSet::from([indirect]),
            ..Self::default()
        }
    }

    /// First this way, then another: a value is as far from its origin as its farthest step.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let direct = match (self.direct, next.direct) {
            (Some(one), Some(other)) => Some(one.max(other)),
            _ => None,
        };
        Self {
            direct,
            indirect: self.indirect.union(&next.indirect).copied().collect(),
            is_masking: self.is_masking || next.is_masking,
        }
    }

    /// As facts have it.
    pub fn transformations(&self) -> Vec<Transformation<'static>> {
        let direct = self.direct.map(|direct| match direct {
            Direct::Identity => (true, "IDENTITY"),
            Direct::Transformation => (true, "TRANSFORMATION"),
            Direct::Aggregation => (true, "AGGREGATION"),
        });
        let indirect = self.indirect.iter().map(|indirect| match indirect {
            Indirect::Join => (false, "JOIN"),
            Indirect::Filter => (false, "FILTER"),
            Indirect::GroupBy => (false, "GROUP_BY"),
            Indirect::Sort => (false, "SORT"),
            Indirect::Window => (false, "WINDOW"),
            Indirect::Conditional => (false, "CONDITIONAL"),
        });
        let named = direct.into_iter().chain(indirect);
        named
            .map(|(is_direct, subtype)| Transformation {
                is_direct,
                subtype: Some(subtype),
                description: None,
                is_masking: self.is_masking,
            })
            .collect()
    }
}

impl From<Transformations> for How {
    fn from(how: Transformations) -> Self {
        Self {
            direct: how.direct(),
            indirect: how.indirect().collect(),
            is_masking: how.is_masking(),
        }
    }
}

/// One column goes into a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The table that has it.
    pub table: TableName,
    /// The column; none stands for all of them, which are not known one by one.
    pub column: Option<String>,
    /// What it goes into; none is the result as a whole.
    pub to: Option<String>,
    /// How.
    pub how: How,
    /// The line of the query, from 1.
    pub line: u32,
}

/// What a query reads.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The tables, without repeats.
    pub inputs: Vec<TableName>,
    /// Which column goes into which.
    pub origins: Vec<Origin>,
    /// The columns of the result, if all are known.
    pub columns: Option<Vec<String>>,
    /// What was not understood, and on which line.
    pub problem: Option<(String, u32)>,
}

impl Query {
    /// How many times a column goes in of which the name is known.
    pub fn columns_count(&self) -> usize {
        let origins = self.origins.iter();
        origins.filter(|origin| origin.column.is_some()).count()
    }
}

/// Analyses one query.
pub fn query(text: &str, options: &Options, catalog: &Catalog) -> Query {
    // The prefix has a line of its own, which lines do not count.
    let text = format!("create table {RESULT} as\n{text}");
    let script = analyze(&text, options, catalog);
    let mut query = Query::default();
    for statement in &script.statements {
        add(statement, &mut query);
    }
    let problem = script
        .problems
        .iter()
        .find(|problem| problem.severity != sql_lineage::Severity::Info);
    query.problem = problem.map(|problem| (problem.message.clone(), line(problem.place)));
    query
}

fn line(place: Place) -> u32 {
    place.line.saturating_sub(1).max(1)
}

fn is_table(table: &TableName, name: &str) -> bool {
    let last = table.parts().last();
    last.is_some_and(|last| last.eq_ignore_ascii_case(name))
}

fn add(statement: &Statement, query: &mut Query) {
    for input in &statement.inputs {
        if !query.inputs.contains(input) {
            query.inputs.push(input.clone());
        }
    }
    if let Some((table, columns)) = &statement.created
        && is_table(table, RESULT)
    {
        query.columns = Some(columns.clone());
    }
    let is_result = |table: &Option<TableName>| {
        let table = table.as_ref();
        table.is_none_or(|table| is_table(table, RESULT))
    };
    let edges = statement
        .edges
        .iter()
        .filter(|edge| is_result(&edge.to.table));
    let edges = edges.map(|edge| (&edge.from, edge.to.column.clone(), edge.how, edge.place));
    let influences = statement.influences.iter();
    let influences = influences.filter(|influence| is_result(&influence.to));
    let influences =
        influences.map(|influence| (&influence.from, None, influence.how, influence.place));
    for (from, to, how, place) in edges.chain(influences) {
        if let Some(table) = &from.table {
            query.origins.push(Origin {
                table: table.clone(),
                column: from.column.clone(),
                to,
                how: how.into(),
                line: line(place),
            });
        }
    }
}

/// Which of `columns` an expression is made of, and how.
///
/// # Errors
/// What of it was not understood.
pub fn expression(
    text: &str,
    dialect: Option<Dialect>,
    columns: &[&str],
) -> Result<Vec<(String, How)>, String> {
    let text = format!("select {text}\nas headwater_value\nfrom {SOURCE}");
    of_source(&text, dialect, columns)
}

/// Which of `columns` a condition asks about.
///
/// # Errors
/// What of it was not understood.
pub fn condition(
    text: &str,
    dialect: Option<Dialect>,
    columns: &[&str],
) -> Result<Vec<(String, How)>, String> {
    let text = format!("select 1 as headwater_value\nfrom {SOURCE}\nwhere {text}\n");
    of_source(&text, dialect, columns)
}

fn of_source(
    text: &str,
    dialect: Option<Dialect>,
    columns: &[&str],
) -> Result<Vec<(String, How)>, String> {
    let mut catalog = Catalog::default();
    if !columns.is_empty() {
        // Those that the text cannot name make no difference, but time.
        let lower = text.to_lowercase();
        let is_named = |column: &&str| lower.contains(&column.to_lowercase());
        let mut named: Vec<&str> = columns.iter().copied().filter(is_named).collect();
        if named.is_empty() {
            named.extend(columns.first());
        }
        catalog.add(&TableName::new([SOURCE]), named);
    }
    let options = Options {
        dialect: Some(dialect.unwrap_or_default()),
        ..Options::default()
    };
    let query = query(text, &options, &catalog);
    if let Some((message, _)) = query.problem {
        return Err(message);
    }
    let mut found: Vec<(String, How)> = Vec::new();
    for origin in query.origins {
        if let Some(column) = origin.column
            && is_table(&origin.table, SOURCE)
        {
            let column = known(columns, &column).map_or(column.clone(), str::to_owned);
            let pair = (column, origin.how);
            if !found.contains(&pair) {
                found.push(pair);
            }
        }
    }
    Ok(found)
}

/// The column of this name: exactly, else in another case.
pub fn known<'c>(columns: &[&'c str], name: &str) -> Option<&'c str> {
    let exact = columns.iter().find(|column| **column == name);
    let found = exact.or_else(|| {
        columns
            .iter()
            .find(|column| column.to_lowercase() == name.to_lowercase())
    });
    found.copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_name_their_columns_as_they_are_known() {
        let found = expression("sum(A) / count(*)", Some(Dialect::Snowflake), &["a", "b"]);
        let how = How::direct(Direct::Aggregation);
        assert_eq!(found, Ok(vec![("a".to_owned(), how)]));
        let found = condition("b > 1 and a is null", None, &["a", "b"]).unwrap();
        let names: BTreeSet<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, BTreeSet::from(["a", "b"]));
        assert!(found.iter().all(|(_, how)| how.direct.is_none()));
        assert!(expression("sum(", None, &["a"]).is_err());
    }

    #[test]
    fn the_farthest_step_counts() {
        let aggregated = How::direct(Direct::Aggregation);
        let same = How::direct(Direct::Identity);
        assert_eq!(same.then(&aggregated), aggregated);
        assert_eq!(aggregated.then(&same), aggregated);
        assert_eq!(How::indirect(Indirect::Filter).then(&same).direct, None);
    }
}
