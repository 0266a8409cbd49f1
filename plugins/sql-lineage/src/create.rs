//! Tables and views as they are made, copied, renamed and altered.

use sqlparser::ast::{
    AlterTable, AlterTableOperation, CreateTable, CreateTableLikeKind, CreateView, Ident,
    ObjectName, RenameTableNameKind, Use,
};

use crate::intern::Symbol;
use crate::model::Place;
use crate::name::{TableName, folded, idents};
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Output};

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
        if names.len() == output.items.len() {
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
                | AlterTableOperation::ChangeColumn { .. }
                | AlterTableOperation::ModifyColumn { .. }
                | AlterTableOperation::AlterColumn { .. } => {
                    // What its columns are now is not known any more.
                    self.session.forget(target);
                    self.wrote(target);
                }
                _ => {}
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
