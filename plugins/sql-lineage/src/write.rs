//! Writing down what goes where.

use std::rc::Rc;

use sqlparser::ast::{Ident, ObjectName};

use crate::intern::Symbol;
use crate::model::{Edge, End, Influence, Transformations as T};
use crate::name::{TableName, idents};
use crate::origin::Origin;
use crate::query::Analysis;
use crate::scope::{Item, Output, StarSource};
use crate::split::is_placeholder;

impl Analysis<'_, '_> {
    /// The statement writes the table.
    pub(crate) fn wrote(&mut self, table: u32) {
        if !self.effects.outputs.contains(&table) {
            self.effects.outputs.push(table);
        }
    }

    /// Names the columns of an output: those of a list, of the table that is written if it is known, or its own.
    pub(crate) fn write(&mut self, name: &ObjectName, columns: &[Symbol], output: &Output) {
        if let Some(target) = self.session.table_named(name) {
            self.write_to(target, columns, output);
        }
    }

    pub(crate) fn write_to(&mut self, target: u32, columns: &[Symbol], output: &Output) {
        self.wrote(target);
        let output = self.renamed_to(output.clone(), columns);
        if self.session.is_passing(target) {
            self.keep(target, &output);
        }
        self.emit(Some(target), None, &output);
    }

    /// Remembers what is in a table that lives no longer than the script.
    pub(crate) fn keep(&mut self, target: u32, output: &Output) {
        let inputs = self.inputs.clone();
        let merged = match self.session.made.get(&target) {
            Some(known) => {
                let known = (*known.output).clone();
                self.united(known, output)
            }
            None => output.clone(),
        };
        let made = self.session.made.entry(target).or_default();
        made.output = Rc::new(merged);
        for input in inputs {
            if input != target && !made.inputs.contains(&input) {
                made.inputs.push(input);
            }
        }
    }

    /// Writes down edges to the columns of `target`; `only` takes the place of all names.
    pub(crate) fn emit(&mut self, target: Option<u32>, only: Option<Symbol>, output: &Output) {
        let to_table = target.map(|target| self.session.table(target).clone());
        if to_table.as_ref().is_some_and(has_placeholder) {
            return;
        }
        for item in &output.items {
            match item {
                Item::Column(column) => {
                    let name = only
                        .or(column.name)
                        .map(|name| self.session.names.text(name).to_owned());
                    let Some(name) = name else { continue };
                    let to = End {
                        table: to_table.clone(),
                        column: Some(name),
                    };
                    self.emit_origins(&column.origins, &to);
                }
                Item::Star(star) => {
                    let to = End {
                        table: to_table.clone(),
                        column: None,
                    };
                    for source in &star.sources {
                        match source {
                            StarSource::Table(table) => {
                                let origin = Origin {
                                    table: Some(*table),
                                    column: None,
                                    how: T(T::IDENTITY),
                                    place: self.base.place(),
                                };
                                self.emit_origins(&[origin], &to);
                            }
                            StarSource::Values(origins) => self.emit_origins(origins, &to),
                        }
                    }
                }
            }
        }
        for origin in &output.influences {
            if let Some(from) = self.end_of(origin) {
                let how = T(origin.how.0 & !T::DIRECT);
                self.effects.influences.push(Influence {
                    from,
                    to: to_table.clone(),
                    how,
                    place: origin.place,
                });
            }
        }
    }

    fn emit_origins(&mut self, origins: &[Origin], to: &End) {
        for origin in origins {
            if let Some(from) = self.end_of(origin) {
                self.effects.edges.push(Edge {
                    from,
                    to: to.clone(),
                    how: origin.how,
                    place: origin.place,
                });
            }
        }
    }

    fn end_of(&self, origin: &Origin) -> Option<End> {
        let table = match origin.table {
            Some(table) => {
                let table = self.session.table(table);
                if has_placeholder(table) {
                    return None;
                }
                Some(table.clone())
            }
            None => None,
        };
        let column = origin
            .column
            .map(|column| self.session.names.text(column).to_owned());
        Some(End { table, column })
    }

    /// A table that is written without a value that could be told.
    pub(crate) fn touch(&mut self, name: &ObjectName) {
        if let Some(table) = self.session.table_named(name)
            && !self.effects.outputs.contains(&table)
        {
            self.effects.outputs.push(table);
        }
    }

    pub(crate) fn symbols(&mut self, names: &[ObjectName]) -> Vec<Symbol> {
        let idents: Vec<&Ident> = names
            .iter()
            .filter_map(|name| idents(name)?.last().copied())
            .collect();
        idents
            .into_iter()
            .map(|ident| self.session.symbol(ident))
            .collect()
    }
}

/// True if a part of the name was never filled in.
pub(crate) fn has_placeholder(name: &TableName) -> bool {
    name.parts().iter().any(|part| is_placeholder(part))
}
