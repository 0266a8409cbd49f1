//! Tables and views as they are made, copied, renamed and altered.

use sqlparser::ast::{
    AlterTable, AlterTableOperation, ColumnOption, CreateTable, CreateTableLikeKind, CreateView,
    Ident, ObjectName, RenameTableNameKind, Use,
};

use crate::intern::Symbol;
use crate::model::{Place, Transformations};
use crate::name::{TableName, folded, idents};
use crate::origin::Origin;
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Output, Scope};

impl Analysis<'_, '_> {
    pub(crate) fn create_table<'a>(&mut self, create: &'a CreateTable, view: View<'_, 'a>) {
        let Some(target) = self.session.table_named(&create.name) else {
            return;
        };
        self.session.forget(target);
        if create.temporary || create.volatile {
            self.session.passes(target);
        }
        if let Some(like) = &create.like {
            let (CreateTableLikeKind::Parenthesized(like) | CreateTableLikeKind::Plain(like)) =
                like;
            self.copied(&like.name, target, false);
        }
        if let Some(clone) = &create.clone {
            self.copied(clone, target, true);
        }
        if let Some(location) = &create.location
            && create.external
        {
            let source = self.session.number(TableName::new([location.clone()]));
            self.read(source);
        }
        let columns: Vec<Symbol> = create
            .columns
            .iter()
            .map(|column| self.session.symbol(&column.name))
            .collect();
        if let Some(query) = &create.query {
            let output = self.query(query, view, None);
            self.write_to(target, &columns, &output);
            self.learn_output(
                target,
                &output,
                &create.columns.iter().map(|c| &c.name).collect::<Vec<_>>(),
            );
        } else {
            self.wrote(target);
            if !create.columns.is_empty() {
                let names: Vec<String> = create
                    .columns
                    .iter()
                    .map(|column| folded(self.session.dialect, &column.name))
                    .collect();
                if self.session.is_passing(target) {
                    let items = columns.iter().map(|name| {
                        Item::Column(Column {
                            name: Some(*name),
                            origins: Vec::new(),
                        })
                    });
                    let output = Output {
                        items: items.collect(),
                        influences: Vec::new(),
                    };
                    self.keep(target, &output);
                } else {
                    self.session.learn(target, &names, Place::default());
                    self.generated(create, target);
                }
                self.effects.created = Some((self.session.table(target).clone(), names));
            }
        }
    }

    /// Remembers the columns of a table that a query fills.
    fn learn_output(&mut self, target: u32, output: &Output, columns: &[&Ident]) {
        if output.is_open() || self.session.is_passing(target) {
            return;
        }
        let names: Vec<String> = if columns.is_empty() {
            output
                .items
                .iter()
                .filter_map(|item| match item {
                    Item::Column(column) => column
                        .name
                        .map(|name| self.session.names.text(name).to_owned()),
                    Item::Star(_) => None,
                })
                .collect()
        } else {
            columns.iter().map(|column| column.value.clone()).collect()
        };
        if !names.is_empty() && names.len() == output.items.len() {
            self.session.learn(target, &names, Place::default());
            self.effects.created = Some((self.session.table(target).clone(), names));
        }
    }

    pub(crate) fn create_view<'a>(&mut self, create: &'a CreateView, view: View<'_, 'a>) {
        let Some(target) = self.session.table_named(&create.name) else {
            return;
        };
        self.session.forget(target);
        if create.temporary {
            self.session.passes(target);
        }
        let output = self.query(&create.query, view, None);
        let columns: Vec<Symbol> = create
            .columns
            .iter()
            .map(|column| self.session.symbol(&column.name))
            .collect();
        self.write_to(target, &columns, &output);
        let columns: Vec<&Ident> = create.columns.iter().map(|column| &column.name).collect();
        self.learn_output(target, &output, &columns);
        if let Some(to) = &create.to {
            // ClickHouse's materialized views fill another table.
            self.write(to, &[], &output);
        }
    }

    /// All of one table is in the other.
    pub(crate) fn copied(&mut self, from: &ObjectName, target: u32, has_rows: bool) {
        let Some(source) = self.session.table_named(from) else {
            return;
        };
        self.read(source);
        let output = (*self.session.output_of(source, Place::default())).clone();
        if has_rows {
            self.write_to(target, &[], &output);
        } else {
            self.wrote(target);
        }
        if let Some(fields) = self.session.fields_of(source) {
            let names: Vec<String> = fields
                .iter()
                .map(|field| self.session.names.text(*field).to_owned())
                .collect();
            if !self.session.is_passing(target) {
                self.session.learn(target, &names, Place::default());
            }
        }
    }

    /// A table goes on under another name, with all that is in it.
    pub(crate) fn moved(&mut self, from: &ObjectName, to: &ObjectName) {
        let Some(target) = self.session.table_named(to) else {
            return;
        };
        self.copied(from, target, true);
    }

    pub(crate) fn alter_table(&mut self, alter: &AlterTable) {
        let Some(target) = self.session.table_named(&alter.name) else {
            return;
        };
        for operation in &alter.operations {
            match operation {
                AlterTableOperation::SwapWith { table_name } => {
                    self.copied(table_name, target, true);
                }
                AlterTableOperation::RenameTable { table_name } => {
                    let (RenameTableNameKind::As(to) | RenameTableNameKind::To(to)) = table_name;
                    self.moved(&alter.name, to);
                }
                AlterTableOperation::AddColumn { .. }
                | AlterTableOperation::DropColumn { .. }
                | AlterTableOperation::RenameColumn { .. }
                | AlterTableOperation::ChangeColumn { .. } => {
                    self.wrote(target);
                    self.alter_columns(target, operation);
                }
                AlterTableOperation::ModifyColumn { .. }
                | AlterTableOperation::AlterColumn { .. } => self.wrote(target),
                _ => {}
            }
        }
    }

    /// Another list of columns. A catalog may know the columns as they are in the end: what it has is not added again.
    fn alter_columns(&mut self, target: u32, operation: &AlterTableOperation) {
        let mut output = (*self.session.output_of(target, Place::default())).clone();
        let is_passing = self.session.is_passing(target);
        let has = |analysis: &mut Self, output: &Output, name: &Ident| {
            let folded = analysis.session.folded(name);
            let names = &analysis.session.names;
            output.named(folded, &|symbol| names.fold(symbol)).is_some()
        };
        match operation {
            AlterTableOperation::AddColumn { column_def, .. }
                if !has(self, &output, &column_def.name) =>
            {
                let name = Some(self.session.symbol(&column_def.name));
                let origins = Vec::new();
                output.items.push(Item::Column(Column { name, origins }));
            }
            AlterTableOperation::DropColumn { column_names, .. } => {
                let dropped: Vec<_> = column_names
                    .iter()
                    .map(|name| self.session.folded(name))
                    .collect();
                self.without(&dropped, &mut output.items);
            }
            AlterTableOperation::RenameColumn {
                old_column_name: old,
                new_column_name: new,
            }
            | AlterTableOperation::ChangeColumn {
                old_name: old,
                new_name: new,
                ..
            } => {
                if has(self, &output, old) || output.is_open() {
                    self.rename(old, new, &mut output.items);
                }
                if !is_passing && !old.value.eq_ignore_ascii_case(&new.value) {
                    self.renamed_column(target, old, new);
                }
            }
            _ => {}
        }
        if is_passing {
            if let Some(made) = self.session.made.get_mut(&target) {
                made.output = output.into();
            }
            return;
        }
        let names: Option<Vec<String>> = output
            .items
            .iter()
            .map(|item| match item {
                Item::Column(column) => column.name,
                Item::Star(_) => None,
            })
            .map(|name| name.map(|name| self.session.names.text(name).to_owned()))
            .collect();
        match names {
            Some(names) => {
                self.session.learn(target, &names, Place::default());
                self.effects.created = Some((self.session.table(target).clone(), names));
            }
            // What its columns are now is not known.
            None => self.session.forget(target),
        }
    }

    /// What was in a column goes on under another name.
    fn renamed_column(&mut self, target: u32, old: &Ident, new: &Ident) {
        let column = Column {
            name: Some(self.session.symbol(new)),
            origins: vec![Origin {
                table: Some(target),
                column: Some(self.session.symbol(old)),
                how: Transformations(Transformations::IDENTITY),
                place: self.place(old),
            }],
        };
        let output = Output {
            items: vec![Item::Column(column)],
            influences: Vec::new(),
        };
        self.emit(Some(target), None, &output);
    }

    /// Columns that are computed from other columns of the same table.
    fn generated(&mut self, create: &CreateTable, target: u32) {
        let mut scope = Scope::default();
        for column in &create.columns {
            for option in &column.options {
                let ColumnOption::Generated {
                    generation_expr: Some(expr),
                    ..
                } = &option.option
                else {
                    continue;
                };
                if scope.relations.is_empty() {
                    let output = self.session.output_of(target, Place::default());
                    let mut ignored = Vec::new();
                    self.relate(output, None, Vec::new(), &mut scope, &mut ignored);
                }
                let mut origins = Vec::new();
                self.value(expr, &scope, View::NONE, &mut origins);
                let name = Some(self.session.symbol(&column.name));
                let output = Output {
                    items: vec![Item::Column(Column { name, origins })],
                    influences: Vec::new(),
                };
                self.emit(Some(target), None, &output);
            }
        }
    }

    pub(crate) fn choose(&mut self, chosen: &Use) {
        let parts = |name: &ObjectName, session: &crate::session::Session<'_>| -> Vec<String> {
            let idents = idents(name).unwrap_or_default();
            idents
                .into_iter()
                .map(|ident| folded(session.dialect, ident))
                .collect()
        };
        let dialect = self.session.dialect;
        match chosen {
            Use::Catalog(name) => {
                self.session.defaults.database = parts(name, self.session).pop();
                self.session.defaults.schema = None;
            }
            Use::Schema(name) => {
                let mut parts = parts(name, self.session);
                self.session.defaults.schema = parts.pop();
                if let Some(database) = parts.pop() {
                    self.session.defaults.database = Some(database);
                }
            }
            Use::Database(name) | Use::Object(name) => match &parts(name, self.session)[..] {
                [one] if dialect.has_two_levels() || dialect == crate::Dialect::Databricks => {
                    self.session.defaults.schema = Some(one.clone());
                }
                [one] => {
                    self.session.defaults.database = Some(one.clone());
                    self.session.defaults.schema = None;
                }
                [.., database, schema] => {
                    self.session.defaults.database = Some(database.clone());
                    self.session.defaults.schema = Some(schema.clone());
                }
                [] => {}
            },
            _ => {}
        }
    }
}
