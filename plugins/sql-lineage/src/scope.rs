//! What names mean inside of a query.

use std::cell::RefCell;
use std::rc::Rc;

use crate::intern::{Folded, Symbol};
use crate::origin::Origin;

/// What a query or a table gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) items: Vec<Item>,
    /// What bears on all its rows.
    pub(crate) influences: Vec<Origin>,
}

/// A part of what a query gives, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Column(Column),
    Star(Star),
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// None if the query names none.
    pub(crate) name: Option<Symbol>,
    pub(crate) origins: Vec<Origin>,
}

/// Columns that are not known one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Star {
    pub(crate) sources: Vec<StarSource>,
    /// Columns that are left out.
    pub(crate) except: Vec<Folded>,
}

/// Where columns that are not known come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StarSource {
    /// All columns of a table.
    Table(u32),
    /// Columns that a function makes of these.
    Values(Vec<Origin>),
}

impl Output {
    pub(crate) fn named(&self, name: Folded, fold: &dyn Fn(Symbol) -> Folded) -> Option<&Column> {
        self.items.iter().find_map(|item| match item {
            Item::Column(column) if column.name.map(fold) == Some(name) => Some(column),
            _ => None,
        })
    }

    /// The columns that are not known one by one, and that may have `name` among them.
    pub(crate) fn stars(&self, name: Folded) -> impl Iterator<Item = &Star> {
        self.items.iter().filter_map(move |item| match item {
            Item::Star(star) if !star.except.contains(&name) => Some(star),
            _ => None,
        })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Star(_)))
    }
}

/// Something in FROM.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) alias: Option<Folded>,
    /// The parts of the table's name, as they are written.
    pub(crate) name: Vec<Folded>,
    pub(crate) output: Rc<Output>,
    /// True if it can be named but gives no columns to `*`: the right side of a semi-join.
    pub(crate) is_hidden: bool,
}

impl Relation {
    /// True if the qualifier names it; `exactly` takes an alias as the only name.
    pub(crate) fn is_called(&self, qualifier: &[Folded], exactly: bool) -> bool {
        match self.alias {
            Some(alias) if qualifier == [alias] => true,
            Some(_) if exactly => false,
            _ => !qualifier.is_empty() && self.name.ends_with(qualifier),
        }
    }
}

/// A column that a join made one of several.
#[derive(Clone, Debug)]
pub(crate) struct Merged {
    pub(crate) name: Folded,
    /// The relations that it gets its value from.
    pub(crate) kept: Vec<usize>,
    /// All relations that have it.
    pub(crate) members: Vec<usize>,
}

/// The names that an expression may use.
#[derive(Debug, Default)]
pub(crate) struct Scope<'p> {
    pub(crate) relations: Vec<Relation>,
    /// Columns that a join made one of several.
    pub(crate) merged: Vec<Merged>,
    /// What the windows that have names look at.
    pub(crate) windows: Vec<(Folded, Vec<Origin>)>,
    /// Items of the select list so far.
    pub(crate) aliases: RefCell<Vec<(Folded, Rc<Vec<Origin>>)>>,
    /// Parameters of lambdas, which are no columns.
    pub(crate) parameters: RefCell<Vec<Folded>>,
    /// True if its columns are the parameters of a macro, which stand for what they mean before any column does.
    pub(crate) is_macro: bool,
    pub(crate) parent: Option<&'p Scope<'p>>,
}

impl<'p> Scope<'p> {
    pub(crate) fn within(parent: Option<&'p Scope<'p>>) -> Self {
        Self {
            parent,
            ..Self::default()
        }
    }
}
