//! What an analysis tells.

use std::fmt;

use crate::dialect::Dialect;
use crate::name::TableName;

/// A place in the text of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
}

/// What was found in a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The dialect that it was read with.
    pub dialect: Dialect,
    /// The statements that were understood, in their order.
    pub statements: Vec<Statement>,
    /// What was not understood, in the order of the text.
    pub problems: Vec<Problem>,
}

/// One statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Where it begins.
    pub place: Place,
    /// Its text.
    pub text: String,
    /// What kind of statement it is, such as `INSERT`.
    pub kind: &'static str,
    /// What it reads, without repeats.
    pub inputs: Vec<TableName>,
    /// What it writes, without repeats.
    pub outputs: Vec<TableName>,
    /// Which column comes from which.
    pub edges: Vec<Edge>,
    /// What bears on all rows of an output: joins, filters, groupings, orders.
    pub influences: Vec<Influence>,
    /// The columns of what the statement creates, where it says all of them.
    pub created: Option<(TableName, Vec<String>)>,
}

/// One end of an edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct End {
    /// The table; none for the result of a query, or where it is not known which of several has the column.
    pub table: Option<TableName>,
    /// The column; none stands for all columns, which are not known one by one.
    pub column: Option<String>,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = &self.table {
            write!(f, "{table}.")?;
        }
        f.write_str(self.column.as_deref().unwrap_or("*"))
    }
}

/// A column comes from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// What is read.
    pub from: End,
    /// What is written.
    pub to: End,
    /// How the value gets there.
    pub how: Transformations,
    /// Where the statement says so.
    pub place: Place,
}

/// A column bears on every row of an output.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Influence {
    /// What is read.
    pub from: End,
    /// What is written; none for the result of a query.
    pub to: Option<TableName>,
    /// How it bears on it; never direct.
    pub how: Transformations,
    /// Where the statement says so.
    pub place: Place,
}

/// How a value goes in directly; the subtypes of `OpenLineage`'s column lineage facet, version 1-2-0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direct {
    /// As it is.
    Identity,
    /// Computed from it, row by row.
    Transformation,
    /// Computed from it over several rows.
    Aggregation,
}

/// How a column bears on what comes out without being a part of it; subtypes as for [`Direct`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Indirect {
    /// It decides which rows meet.
    Join,
    /// It decides which rows stay.
    Filter,
    /// It decides which rows make a group.
    GroupBy,
    /// It decides the order.
    Sort,
    /// It decides which rows a window function looks at.
    Window,
    /// It decides which of several values is taken.
    Conditional,
}

/// All the ways in which one column goes into another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transformations(pub(crate) u16);

impl Transformations {
    pub(crate) const IDENTITY: u16 = 1;
    pub(crate) const TRANSFORMATION: u16 = 1 << 1;
    pub(crate) const AGGREGATION: u16 = 1 << 2;
    pub(crate) const DIRECT: u16 = Self::IDENTITY | Self::TRANSFORMATION | Self::AGGREGATION;
    pub(crate) const JOIN: u16 = 1 << 3;
    pub(crate) const FILTER: u16 = 1 << 4;
    pub(crate) const GROUP_BY: u16 = 1 << 5;
    pub(crate) const SORT: u16 = 1 << 6;
    pub(crate) const WINDOW: u16 = 1 << 7;
    pub(crate) const CONDITIONAL: u16 = 1 << 8;
    pub(crate) const INDIRECT: u16 =
        Self::JOIN | Self::FILTER | Self::GROUP_BY | Self::SORT | Self::WINDOW | Self::CONDITIONAL;
    pub(crate) const MASKING: u16 = 1 << 9;

    /// How the value goes in directly, if it does: the strongest way if there are several.
    pub fn direct(self) -> Option<Direct> {
        if self.0 & Self::AGGREGATION != 0 {
            Some(Direct::Aggregation)
        } else if self.0 & Self::TRANSFORMATION != 0 {
            Some(Direct::Transformation)
        } else if self.0 & Self::IDENTITY != 0 {
            Some(Direct::Identity)
        } else {
            None
        }
    }

    /// The other ways in which it bears on what comes out.
    pub fn indirect(self) -> impl Iterator<Item = Indirect> {
        [
            (Self::JOIN, Indirect::Join),
            (Self::FILTER, Indirect::Filter),
            (Self::GROUP_BY, Indirect::GroupBy),
            (Self::SORT, Indirect::Sort),
            (Self::WINDOW, Indirect::Window),
            (Self::CONDITIONAL, Indirect::Conditional),
        ]
        .into_iter()
        .filter(move |(bit, _)| self.0 & bit != 0)
        .map(|(_, indirect)| indirect)
    }

    /// All ways as `OpenLineage` calls them, each with whether it is a direct one.
    pub fn named(self) -> impl Iterator<Item = (bool, &'static str)> {
        let direct = self.direct().map(|direct| match direct {
            Direct::Identity => "IDENTITY",
            Direct::Transformation => "TRANSFORMATION",
            Direct::Aggregation => "AGGREGATION",
        });
        let indirect = self.indirect().map(|indirect| match indirect {
            Indirect::Join => "JOIN",
            Indirect::Filter => "FILTER",
            Indirect::GroupBy => "GROUP_BY",
            Indirect::Sort => "SORT",
            Indirect::Window => "WINDOW",
            Indirect::Conditional => "CONDITIONAL",
        });
        let direct = direct.into_iter().map(|name| (true, name));
        direct.chain(indirect.map(|name| (false, name)))
    }

    /// True if nothing of the value can be read from what comes out: it is hashed or masked.
    pub fn is_masking(self) -> bool {
        self.0 & Self::MASKING != 0
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is lost.
    Info,
    /// A part of a statement was left out.
    Warning,
    /// A statement was left out.
    Error,
}

/// Something that was not understood, or had to be guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// A short name for it, such as `syntax`.
    pub code: &'static str,
    /// What was expected and what was found.
    pub message: String,
    /// Where.
    pub place: Place,
}
