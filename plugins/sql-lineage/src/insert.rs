//! INSERT, of one table and of several.

use std::rc::Rc;

use sqlparser::ast::{
    Expr, FunctionArguments, Insert, MultiTableInsertValue, OnInsert, SetExpr, TableObject,
};

use crate::intern::Symbol;
use crate::model::Transformations as T;
use crate::name::TableName;
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Output, Relation, Scope};
use crate::statement::text_of;

impl Analysis<'_, '_> {
    pub(crate) fn insert<'a>(&mut self, insert: &'a Insert, view: View<'_, 'a>) {
        if !insert.multi_table_into_clauses.is_empty()
            || !insert.multi_table_when_clauses.is_empty()
            || insert.multi_table_else_clause.is_some()
        {
            return self.insert_all(insert, view);
        }
        let target = match &insert.table {
            TableObject::TableName(name) => self.session.table_named(name),
            TableObject::TableFunction(function) => function_target(function)
                .map(|name| self.session.number(name))
                .or_else(|| self.session.table_named(&function.name).filter(|_| false)),
            TableObject::TableQuery(_) => None,
        };
        let output = match &insert.source {
            Some(query) => {
                if let SetExpr::Insert(inner) | SetExpr::Update(inner) = &*query.body {
                    self.tree(inner, view);
                    Output::default()
                } else {
                    self.query(query, view, None)
                }
            }
            None => Output::default(),
        };
        let Some(target) = target else { return };
        let mut columns = self.symbols(&insert.columns);
        if columns.is_empty() && !self.is_by_name {
            columns = self.target_columns(target, &output, insert);
        }
        let columns = if columns.len() == output.items.len() || output.is_open() {
            columns
        } else {
            columns.into_iter().take(output.items.len()).collect()
        };
        self.write_to(target, &columns, &output);
        if !insert.assignments.is_empty() {
            let scope = Scope::default();
            self.assign(&insert.assignments, target, &scope, view);
        }
        if let Some(OnInsert::DuplicateKeyUpdate(assignments)) = &insert.on {
            let scope = Scope::default();
            self.assign(assignments, target, &scope, view);
        }
    }

    /// The columns that values without names go into: those of the table in their order, if it is known and they are
    /// as many. Partitions with a value are not among them.
    fn target_columns(&mut self, target: u32, output: &Output, insert: &Insert) -> Vec<Symbol> {
        let is_made_here = self.session.made.contains_key(&target);
        let Some(mut fields) = self.session.fields_of(target) else {
            return Vec::new();
        };
        if output.is_open() {
            return Vec::new();
        }
        for expr in insert.partitioned.iter().flatten() {
            if let Expr::BinaryOp { left, .. } = expr
                && let Expr::Identifier(ident) = &**left
            {
                let partition = self.session.folded(ident);
                fields.retain(|field| self.session.names.fold(*field) != partition);
            }
        }
        if fields.len() >= output.items.len()
            && (fields.len() == output.items.len() || !is_made_here)
        {
            fields
        } else {
            Vec::new()
        }
    }

    /// INSERT ALL and INSERT FIRST: one query, several tables.
    pub(crate) fn insert_all<'a>(&mut self, insert: &'a Insert, view: View<'_, 'a>) {
        let source = match &insert.source {
            Some(query) => self.query(query, view, None),
            None => Output::default(),
        };
        let mut scope = Scope::default();
        scope.relations.push(Relation {
            alias: None,
            name: Vec::new(),
            output: Rc::new(source.clone()),
            is_hidden: false,
        });
        let mut influences = Vec::new();
        for when in &insert.multi_table_when_clauses {
            self.influence(&when.condition, &scope, view, T::FILTER, &mut influences);
        }
        let clauses = insert
            .multi_table_into_clauses
            .iter()
            .chain(
                insert
                    .multi_table_when_clauses
                    .iter()
                    .flat_map(|when| &when.into_clauses),
            )
            .chain(insert.multi_table_else_clause.iter().flatten());
        for clause in clauses {
            let mut output = match &clause.values {
                None => source.clone(),
                Some(values) => {
                    let mut items = Vec::new();
                    for value in &values.values {
                        let mut origins = Vec::new();
                        let mut name = None;
                        if let MultiTableInsertValue::Expr(expr) = value {
                            self.value(expr, &scope, view, &mut origins);
                            name = self.implied_name(expr);
                        }
                        items.push(Item::Column(Column { name, origins }));
                    }
                    Output {
                        items,
                        influences: source.influences.clone(),
                    }
                }
            };
            output.influences.extend_from_slice(&influences);
            let columns: Vec<_> = clause
                .columns
                .iter()
                .map(|column| self.session.symbol(column))
                .collect();
            self.write(&clause.table_name, &columns, &output);
        }
    }
}

/// `INSERT INTO FUNCTION s3('…')`: the first text is the place.
fn function_target(function: &sqlparser::ast::Function) -> Option<TableName> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    list.args
        .iter()
        .find_map(text_of)
        .map(|text| TableName::new([text]))
}
