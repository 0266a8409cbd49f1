//! Tables that are changed in place: MERGE, UPDATE, DELETE.

use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Merge, MergeAction, MergeInsertKind,
    MergeUpdateKind, ObjectName, Statement as Tree, TableFactor, TableObject, Update,
    UpdateTableFromKind,
};

use crate::dialect::Dialect;
use crate::intern::Symbol;
use crate::model::{Place, Transformations as T};
use crate::name::idents;
use crate::origin;
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Output, Relation, Scope};

impl Analysis<'_, '_> {
    /// A table that is changed in place: in scope, but not read by that.
    pub(crate) fn target<'a>(
        &mut self,
        factor: &'a TableFactor,
        scope: &mut Scope<'_>,
        view: View<'_, 'a>,
    ) -> Option<u32> {
        let known = self.inputs.len();
        let mut ignored = Vec::new();
        self.table_factor(factor, scope, view, &mut ignored);
        let target = match factor {
            TableFactor::Table {
                name, args: None, ..
            } => self.session.table_named(name),
            TableFactor::Table {
                name,
                args: Some(args),
                ..
            } => {
                let part = sqlparser::ast::ObjectNamePartFunction {
                    name: idents(name)?.last().copied()?.clone(),
                    args: args.args.clone(),
                };
                let name = ObjectName(vec![sqlparser::ast::ObjectNamePart::Function(part)]);
                self.session.table_named(&name)
            }
            _ => None,
        };
        self.inputs.truncate(known);
        target
    }

    pub(crate) fn merge<'a>(&mut self, merge: &'a Merge, view: View<'_, 'a>) {
        let mut scope = Scope::default();
        let mut influences = Vec::new();
        let target = self.target(&merge.table, &mut scope, view);
        let targets_count = scope.relations.len();
        self.table_factor(&merge.source, &mut scope, view, &mut influences);
        self.influence(&merge.on, &scope, view, T::JOIN, &mut influences);
        // What is inserted can only come from the source.
        let source = Scope {
            relations: scope.relations[targets_count..].to_vec(),
            ..Scope::default()
        };
        let Some(target) = target else { return };
        self.wrote(target);
        for clause in &merge.clauses {
            if let Some(predicate) = &clause.predicate {
                self.influence(predicate, &scope, view, T::FILTER, &mut influences);
            }
            match &clause.action {
                MergeAction::Update(update) => match &update.kind {
                    MergeUpdateKind::Set(assignments) => {
                        self.assign(assignments, target, &scope, view);
                    }
                    MergeUpdateKind::Wildcard => self.all_of(target, &source),
                },
                MergeAction::Insert(insert) => match &insert.kind {
                    MergeInsertKind::Values(values) => {
                        let mut columns = self.symbols(&insert.columns);
                        if columns.is_empty() {
                            columns = self.session.fields_of(target).unwrap_or_default();
                        }
                        for row in &values.rows {
                            self.insert_row(&row.content, &columns, target, &source, view);
                        }
                    }
                    MergeInsertKind::Row | MergeInsertKind::Wildcard => {
                        self.all_of(target, &source);
                    }
                },
                MergeAction::Delete { .. } | MergeAction::DoNothing { .. } => {}
            }
        }
        origin::merge(&mut influences);
        let output = Output {
            items: Vec::new(),
            influences,
        };
        self.emit(Some(target), None, &output);
    }

    fn insert_row<'a>(
        &mut self,
        row: &'a [Expr],
        columns: &[Symbol],
        target: u32,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) {
        let mut items = Vec::new();
        for (at, value) in row.iter().enumerate() {
            let mut origins = Vec::new();
            self.value(value, scope, view, &mut origins);
            let name = columns
                .get(at)
                .copied()
                .or_else(|| self.implied_name(value));
            items.push(Item::Column(Column { name, origins }));
        }
        let output = Output {
            items,
            influences: Vec::new(),
        };
        self.write_to(target, &[], &output);
    }

    /// Every column of the source goes into the target's column of the same name; in `DuckDB` of the same place, where
    /// the statement does not say BY NAME.
    fn all_of(&mut self, target: u32, source: &Scope<'_>) {
        let items = self.all_items(source);
        let output = Output {
            items,
            influences: Vec::new(),
        };
        let fields = if self.session.dialect == Dialect::DuckDb && !self.is_by_name {
            self.session.fields_of(target).unwrap_or_default()
        } else {
            Vec::new()
        };
        let is_by_position = fields.len() == output.items.len() && !output.is_open();
        let names = if is_by_position { &fields[..] } else { &[] };
        self.write_to(target, names, &output);
    }

    /// `SET a = …, b = …`.
    pub(crate) fn assign<'a>(
        &mut self,
        assignments: &'a [Assignment],
        target: u32,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) {
        let mut items = Vec::new();
        for assignment in assignments {
            match &assignment.target {
                AssignmentTarget::ColumnName(name) => {
                    let mut origins = Vec::new();
                    self.value(&assignment.value, scope, view, &mut origins);
                    let names = self.symbols(std::slice::from_ref(name));
                    items.push(Item::Column(Column {
                        name: names.first().copied(),
                        origins,
                    }));
                }
                AssignmentTarget::Tuple(targets) => {
                    let names = self.symbols(targets);
                    items.extend(self.tuple(&assignment.value, &names, scope, view));
                }
            }
        }
        let output = Output {
            items,
            influences: Vec::new(),
        };
        self.write_to(target, &[], &output);
    }

    /// `(a, b) = (SELECT x, y …)` and `(a, b) = (x, y)`.
    fn tuple<'a>(
        &mut self,
        value: &'a Expr,
        names: &[Symbol],
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) -> Vec<Item> {
        match value {
            Expr::Subquery(query) => {
                let output = self.query(query, view, Some(scope));
                let influences = output.influences.clone();
                let mut items = self.renamed_to(output, names).items;
                for item in &mut items {
                    if let Item::Column(column) = item {
                        column.origins.extend_from_slice(&influences);
                        origin::merge(&mut column.origins);
                    }
                }
                items
            }
            Expr::Tuple(values) => {
                let mut items = Vec::new();
                for (value, name) in values.iter().zip(names) {
                    let mut origins = Vec::new();
                    self.value(value, scope, view, &mut origins);
                    items.push(Item::Column(Column {
                        name: Some(*name),
                        origins,
                    }));
                }
                items
            }
            other => {
                let mut origins = Vec::new();
                self.value(other, scope, view, &mut origins);
                names
                    .iter()
                    .map(|name| {
                        Item::Column(Column {
                            name: Some(*name),
                            origins: origins.clone(),
                        })
                    })
                    .collect()
            }
        }
    }

    pub(crate) fn update<'a>(&mut self, update: &'a Update, view: View<'_, 'a>) {
        let mut scope = Scope::default();
        let mut influences = Vec::new();
        let from = match &update.from {
            Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => {
                &from[..]
            }
            None => &[],
        };
        // SQL Server names the target by its alias in FROM.
        let aliased = name_of(&update.table.relation).and_then(|name| Self::alias_in(name, from));
        let target = match aliased {
            Some(_) => None,
            None => self.target(&update.table.relation, &mut scope, view),
        };
        for join in &update.table.joins {
            self.join(join, &mut scope, view, &mut influences);
        }
        for table in from {
            self.table_with_joins(table, &mut scope, view, &mut influences);
        }
        if let Some(selection) = &update.selection {
            self.influence(selection, &scope, view, T::FILTER, &mut influences);
        }
        let target = match aliased {
            Some(table) => self.session.table_named(table).inspect(|table| {
                self.inputs.retain(|input| input != table);
            }),
            None => target,
        };
        let Some(target) = target else {
            return self.assignments_only(&update.assignments, &scope, view);
        };
        self.assign(&update.assignments, target, &scope, view);
        origin::merge(&mut influences);
        let output = Output {
            items: Vec::new(),
            influences,
        };
        self.emit(Some(target), None, &output);
    }

    /// The target's name is computed: only what is read is known.
    fn assignments_only<'a>(
        &mut self,
        assignments: &'a [Assignment],
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) {
        for assignment in assignments {
            let mut ignored = Vec::new();
            self.value(&assignment.value, scope, view, &mut ignored);
        }
    }

    /// The table that has the name as its alias.
    pub(crate) fn alias_in<'a>(
        name: &ObjectName,
        from: &'a [sqlparser::ast::TableWithJoins],
    ) -> Option<&'a ObjectName> {
        let [ident] = idents(name)?[..] else {
            return None;
        };
        from.iter()
            .flat_map(|from| {
                std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
            })
            .find_map(|factor| match factor {
                TableFactor::Table {
                    name,
                    alias: Some(alias),
                    ..
                } if alias.name.value.eq_ignore_ascii_case(&ident.value) => Some(name),
                _ => None,
            })
    }

    pub(crate) fn delete<'a>(&mut self, delete: &'a Delete, view: View<'_, 'a>) {
        let mut scope = Scope::default();
        let mut influences = Vec::new();
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let mut targets = Vec::new();
        if delete.tables.is_empty() {
            for table in from {
                targets.extend(self.target(&table.relation, &mut scope, view));
                for join in &table.joins {
                    self.join(join, &mut scope, view, &mut influences);
                }
            }
        } else {
            for table in from {
                self.table_with_joins(table, &mut scope, view, &mut influences);
            }
            for name in &delete.tables {
                let name = Self::alias_in(name, from).unwrap_or(name);
                targets.extend(self.session.table_named(name));
            }
            self.inputs.retain(|input| !targets.contains(input));
        }
        for table in delete.using.iter().flatten() {
            self.table_with_joins(table, &mut scope, view, &mut influences);
        }
        if let Some(selection) = &delete.selection {
            self.influence(selection, &scope, view, T::FILTER, &mut influences);
        }
        origin::merge(&mut influences);
        for target in targets {
            self.wrote(target);
            let output = Output {
                items: Vec::new(),
                influences: influences.clone(),
            };
            self.emit(Some(target), None, &output);
        }
    }

    /// What RETURNING gives to the query around a statement: columns of what is written.
    pub(crate) fn returned<'a>(&mut self, tree: &'a Tree, view: View<'_, 'a>) -> Output {
        let (name, items) = match tree {
            Tree::Insert(insert) => match &insert.table {
                TableObject::TableName(name) => (Some(name), &insert.returning),
                _ => (None, &insert.returning),
            },
            Tree::Update(update) => (name_of(&update.table.relation), &update.returning),
            Tree::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) =
                    &delete.from;
                (
                    from.first().and_then(|from| name_of(&from.relation)),
                    &delete.returning,
                )
            }
            _ => (None, &None),
        };
        let (Some(name), Some(items)) = (name, items) else {
            return Output::default();
        };
        let mut scope = Scope::default();
        if let Some(table) = self.session.table_named(name) {
            self.read(table);
            let output = self.session.output_of(table, Place::default());
            scope.relations.push(Relation {
                alias: None,
                name: Vec::new(),
                output,
                is_hidden: false,
            });
        }
        let items = self.select_list(items, &scope, view);
        Output {
            items,
            influences: Vec::new(),
        }
    }
}

pub(crate) fn name_of(factor: &TableFactor) -> Option<&ObjectName> {
    match factor {
        TableFactor::Table { name, .. } => Some(name),
        _ => None,
    }
}
