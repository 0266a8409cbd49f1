//! The fields of a dataset: what people wrote about columns, and what the warehouse has.

use headwater_extractor::{DatasetNode, EmitError, Field};
use rustc_hash::FxHashMap;

use super::{Statement, distinct};
use crate::catalog::Table;
use crate::manifest::{Column, column_name};
use crate::naming::is_name;
use crate::place::{Places, pointer};
use crate::text::{Members, said};

/// The fields, and which of them each written column is.
pub(super) struct Columns<'n> {
    pub(super) fields: Vec<Field<'n>>,
    /// The columns that are fields, by the names of these.
    pub(super) written: Vec<(&'n str, &'n Column<'n>)>,
}

impl<'m> Statement<'_, '_, '_, 'm> {
    /// The columns of the node or source `id`. If a catalog knows it, its columns are those of
    /// the warehouse, and what was written adds to them.
    pub(super) fn columns<'n>(
        &mut self,
        section: &str,
        id: &str,
        written: &'n Members<'n, Column<'n>>,
    ) -> Result<Columns<'n>, EmitError>
    where
        'm: 'n,
    {
        match self.known.tables.get(id) {
            Some(table) => self.merged(section, id, written, table),
            None => self.only_written(section, id, written),
        }
    }

    fn only_written<'n>(
        &mut self,
        section: &str,
        id: &str,
        written: &'n Members<'n, Column<'n>>,
    ) -> Result<Columns<'n>, EmitError> {
        let mut columns = Columns {
            fields: Vec::with_capacity(written.0.len()),
            written: Vec::with_capacity(written.0.len()),
        };
        for (key, column) in &written.0 {
            let name = column_name(key, column);
            if !is_name(name) {
                self.unusable_column(section, id, key)?;
                continue;
            }
            columns.fields.push(Field {
                name,
                data_type: said(column.data_type.as_ref()),
                description: said(column.description.as_ref()),
            });
            columns.written.push((name, column));
        }
        Ok(columns)
    }

    fn merged<'n>(
        &mut self,
        section: &str,
        id: &str,
        written: &'n Members<'n, Column<'n>>,
        table: &'n Table<'n>,
    ) -> Result<Columns<'n>, EmitError> {
        let is_folded = self.known.naming.folds_columns();
        // Most columns of most projects are described nowhere.
        let names = (!written.0.is_empty()).then(|| table.names());
        let mut by_name: FxHashMap<&str, &Column> = FxHashMap::default();
        let mut missing = Vec::new();
        for (key, column) in &written.0 {
            let name = column_name(key, column);
            let is_folded = is_folded && !column.is_quoted();
            match names.as_ref().and_then(|names| names.find(name, is_folded)) {
                Some(actual) => drop(by_name.entry(actual).or_insert(column)),
                None => missing.push(format!("`{name}`")),
            }
        }
        if !missing.is_empty() {
            let message = format!(
                "the catalog's relation for {id} has no column {}, so what is written about it is left out",
                missing.join(", ")
            );
            let at = Places::pointer(self.known.artifact, pointer(&[section, id, "columns"]));
            self.warn("dbt/column-not-there", message, at)?;
        }
        let mut columns = Columns {
            fields: Vec::with_capacity(table.columns.0.len()),
            written: Vec::with_capacity(by_name.len()),
        };
        for (name, actual) in table.ordered() {
            if !is_name(name) {
                let message = format!(
                    "a column that the catalog has of {id} is left out: its name is empty, too long or has control characters"
                );
                let at = self.place(section, id);
                self.warn("dbt/unusable-name", message, at)?;
                continue;
            }
            let column = by_name.get(name).copied();
            let description = column.and_then(|column| said(column.description.as_ref()));
            let data_type = column.and_then(|column| said(column.data_type.as_ref()));
            columns.fields.push(Field {
                name,
                data_type: said(actual.r#type.as_ref()).or(data_type),
                description: description.or(said(actual.comment.as_ref())),
            });
            columns.written.extend(column.map(|column| (name, column)));
        }
        Ok(columns)
    }

    fn unusable_column(&mut self, section: &str, id: &str, key: &str) -> Result<(), EmitError> {
        self.warn(
            "dbt/unusable-name",
            format!("a column of {id} is left out: its name is empty, too long or has control characters"),
            Places::pointer(self.known.artifact, pointer(&[section, id, "columns", key])),
        )
    }

    /// Tags of columns, each once.
    pub(super) fn column_tags(
        &mut self,
        dataset: DatasetNode,
        columns: &Columns,
    ) -> Result<(), EmitError> {
        for (name, column) in &columns.written {
            for tag in distinct(column.tags()) {
                self.out.attribute(dataset, Some(name), "tag", tag)?;
            }
        }
        Ok(())
    }
}
