//! Statements: what each kind reads and writes.

use std::rc::Rc;

use sqlparser::ast::helpers::stmt_data_loading::StageLoadSelectItemKind;
use sqlparser::ast::{
    AlterTable, AlterTableOperation, Assignment, AssignmentTarget, CopySource, CopyTarget,
    CreateTable, CreateTableLikeKind, CreateView, Delete, Expr, FromTable, FunctionArg,
    FunctionArgExpr, FunctionArguments, Ident, Insert, Merge, MergeAction, MergeInsertKind,
    MergeUpdateKind, MultiTableInsertValue, ObjectName, ObjectType, OnInsert, Query,
    RenameTableNameKind, Select, SelectItem, SetExpr, Statement as Tree, TableFactor, TableObject,
    Update, UpdateTableFromKind, Use, Value,
};

use crate::intern::Symbol;
use crate::model::{Edge, End, Influence, Place, Statement, Transformations as T};
use crate::name::{TableName, folded, idents};
use crate::origin::{self, Origin};
use crate::parse::{Parsed, Reader};
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Output, Relation, Scope, StarSource};
use crate::session::Passing;
use crate::split::is_placeholder;

/// What a statement does, as it is found out.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    outputs: Vec<u32>,
    edges: Vec<Edge>,
    influences: Vec<Influence>,
    created: Option<(TableName, Vec<String>)>,
}

impl Analysis<'_, '_> {
    /// What the statement reads and writes.
    pub(crate) fn statement(&mut self, parsed: &Parsed) -> Statement {
        let kind = self.tree(&parsed.tree, View::NONE);
        let mut effects = std::mem::take(&mut self.effects);
        let inputs = self
            .inputs
            .iter()
            .map(|input| self.session.table(*input).clone());
        let inputs = inputs.filter(|name| !has_placeholder(name)).collect();
        let outputs = effects
            .outputs
            .iter()
            .map(|output| self.session.table(*output).clone());
        let outputs = outputs.filter(|name| !has_placeholder(name)).collect();
        // What a star or a copy takes along is named nowhere: it is where the statement is.
        let edges = effects.edges.iter_mut().map(|edge| &mut edge.place);
        let influences = effects.influences.iter_mut().map(|influence| &mut influence.place);
        for place in edges.chain(influences).filter(|place| place.line == 0) {
            *place = parsed.place;
        }
        effects.edges.sort_unstable();
        effects.edges.dedup_by(|next, kept| {
            let is_same = next.from == kept.from && next.to == kept.to;
            if is_same {
                kept.how = kept.how.and(next.how);
            }
            is_same
        });
        effects.influences.sort_unstable();
        effects.influences.dedup();
        Statement {
            place: parsed.place,
            text: parsed.text.clone(),
            kind,
            inputs,
            outputs,
            edges: effects.edges,
            influences: effects.influences,
            created: effects.created,
        }
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each kind of statement")]
    pub(crate) fn tree<'a>(&mut self, tree: &'a Tree, view: View<'_, 'a>) -> &'static str {
        match tree {
            Tree::Query(query) => return self.top_query(query, view),
            Tree::Insert(insert) => self.insert(insert, view),
            Tree::CreateTable(create) => self.create_table(create, view),
            Tree::CreateView(create) => self.create_view(create, view),
            Tree::Merge(merge) => self.merge(merge, view),
            Tree::Update(update) => self.update(update, view),
            Tree::Delete(delete) => self.delete(delete, view),
            Tree::AlterTable(alter) => self.alter_table(alter),
            Tree::AlterView {
                name,
                columns,
                query,
                ..
            } => {
                let output = self.query(query, view, None);
                let names = columns
                    .iter()
                    .map(|column| self.session.symbol(column))
                    .collect();
                self.write(name, names, output);
            }
            Tree::RenameTable(renames) => {
                for rename in renames {
                    self.moved(&rename.old_name, &rename.new_name);
                }
            }
            Tree::Directory { path, source, .. } => {
                let output = self.query(source, view, None);
                let target = self.session.number(TableName::new([path.clone()]));
                self.write_to(target, Vec::new(), &output);
            }
            Tree::Copy {
                source,
                to,
                target,
                options: _,
                ..
            } => {
                self.copy(source, *to, target, view);
            }
            Tree::CopyIntoSnowflake { .. } => self.copy_into(tree, view),
            Tree::Unload {
                query,
                query_text,
                to,
                ..
            } => {
                let target = self.session.number(TableName::new([to.value.clone()]));
                if let Some(query) = query {
                    let output = self.query(query, view, None);
                    self.write_to(target, Vec::new(), &output);
                } else if let Some(text) = query_text {
                    self.unloaded(text, target);
                }
            }
            Tree::ExportData(export) => {
                self.query(&export.query, view, None);
            }
            Tree::LoadData {
                inpath, table_name, ..
            } => {
                let source = self.session.number(TableName::new([inpath.clone()]));
                self.read(source);
                self.touch(table_name);
            }
            Tree::CreateStage {
                name, stage_params, ..
            } => {
                if let Some(url) = &stage_params.url {
                    let source = self.session.number(TableName::new([url.clone()]));
                    self.read(source);
                }
                self.touch(name);
            }
            Tree::CreateVirtualTable { name, .. } => self.touch(name),
            Tree::Drop {
                object_type: ObjectType::Table | ObjectType::View | ObjectType::MaterializedView,
                names,
                ..
            } => {
                for name in names {
                    if let Some(table) = self.session.table_named(name)
                        && !self.session.is_passing(table)
                    {
                        self.session.forget(table);
                    }
                }
            }
            Tree::Use(chosen) => self.choose(chosen),
            Tree::Prepare { statement, .. } => return self.tree(statement, view),
            Tree::Declare { stmts } => {
                for declare in stmts {
                    if let Some(query) = &declare.for_query {
                        self.query(query, view, None);
                    }
                }
            }
            _ => {}
        }
        kind_of(tree)
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

    fn top_query<'a>(&mut self, query: &'a Query, view: View<'_, 'a>) -> &'static str {
        match &*query.body {
            SetExpr::Insert(tree)
            | SetExpr::Update(tree)
            | SetExpr::Delete(tree)
            | SetExpr::Merge(tree) => {
                let env = self.env(query.with.as_ref(), view);
                return self.tree(tree, env.view());
            }
            _ => {}
        }
        let output = self.query(query, view, None);
        if let Some(select) = leftmost(&query.body) {
            if let Some(into) = &select.into {
                for target in &into.targets {
                    let name = match target {
                        Expr::Identifier(ident) => ObjectName::from(vec![ident.clone()]),
                        Expr::CompoundIdentifier(idents) => ObjectName::from(idents.clone()),
                        _ => continue,
                    };
                    if let Some(table) = self.session.table_named(&name)
                        && into.temporary
                    {
                        self.session.passes(table);
                    }
                    self.write(&name, Vec::new(), output.clone());
                }
                return "SELECT INTO";
            }
            if let Some((from, to)) = swapped_partitions(select) {
                let (from, to) = (self.session.number(from), self.session.number(to));
                self.read(from);
                self.effects.outputs.push(to);
                return "SELECT";
            }
        }
        self.emit(None, None, &output);
        "SELECT"
    }

    /// Names the columns of an output: those of a list, of the table that is written if it is known, or its own.
    fn write(&mut self, name: &ObjectName, columns: Vec<Symbol>, output: Output) {
        if let Some(target) = self.session.table_named(name) {
            self.write_to(target, columns, &output);
        }
    }

    fn write_to(&mut self, target: u32, columns: Vec<Symbol>, output: &Output) {
        if !self.effects.outputs.contains(&target) {
            self.effects.outputs.push(target);
        }
        let output = self.renamed_to(output.clone(), &columns);
        if self.session.is_passing(target) {
            self.keep(target, &output);
        }
        self.emit(Some(target), None, &output);
    }

    /// Remembers what is in a table that lives no longer than the script.
    fn keep(&mut self, target: u32, output: &Output) {
        let inputs = self.inputs.clone();
        let merged = match self.session.made.get(&target) {
            Some(known) => {
                let known = (*known.output).clone();
                self.united(known, output)
            }
            None => output.clone(),
        };
        let made = self
            .session
            .made
            .entry(target)
            .or_insert_with(Passing::default);
        made.output = Rc::new(merged);
        for input in inputs {
            if input != target && !made.inputs.contains(&input) {
                made.inputs.push(input);
            }
        }
    }

    /// Writes down edges to the columns of `target`; `only` takes the place of all names.
    fn emit(&mut self, target: Option<u32>, only: Option<Symbol>, output: &Output) {
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
    fn touch(&mut self, name: &ObjectName) {
        if let Some(table) = self.session.table_named(name)
            && !self.effects.outputs.contains(&table)
        {
            self.effects.outputs.push(table);
        }
    }

    fn symbols(&mut self, names: &[ObjectName]) -> Vec<Symbol> {
        let idents: Vec<&Ident> = names
            .iter()
            .filter_map(|name| idents(name)?.last().copied())
            .collect();
        idents
            .into_iter()
            .map(|ident| self.session.symbol(ident))
            .collect()
    }

    fn insert<'a>(&mut self, insert: &'a Insert, view: View<'_, 'a>) {
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
        if columns.is_empty() {
            columns = self.target_columns(target, &output, insert);
        }
        let columns = if columns.len() == output.items.len() || output.is_open() {
            columns
        } else {
            columns.into_iter().take(output.items.len()).collect()
        };
        self.write_to(target, columns, &output);
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
    fn insert_all<'a>(&mut self, insert: &'a Insert, view: View<'_, 'a>) {
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
            let columns = clause
                .columns
                .iter()
                .map(|column| self.session.symbol(column))
                .collect();
            self.write(&clause.table_name, columns, output);
        }
    }

    fn create_table<'a>(&mut self, create: &'a CreateTable, view: View<'_, 'a>) {
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
        match &create.query {
            Some(query) => {
                let output = self.query(query, view, None);
                self.write_to(target, columns, &output);
                self.learn_output(
                    target,
                    &output,
                    &create.columns.iter().map(|c| &c.name).collect::<Vec<_>>(),
                );
            }
            None => {
                if !self.effects.outputs.contains(&target) {
                    self.effects.outputs.push(target);
                }
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

    fn create_view<'a>(&mut self, create: &'a CreateView, view: View<'_, 'a>) {
        let Some(target) = self.session.table_named(&create.name) else {
            return;
        };
        self.session.forget(target);
        if create.temporary {
            self.session.passes(target);
        }
        let output = self.query(&create.query, view, None);
        let columns = create
            .columns
            .iter()
            .map(|column| self.session.symbol(&column.name))
            .collect();
        self.write_to(target, columns, &output);
        let columns: Vec<&Ident> = create.columns.iter().map(|column| &column.name).collect();
        self.learn_output(target, &output, &columns);
        if let Some(to) = &create.to {
            // ClickHouse's materialized views fill another table.
            self.write(to, Vec::new(), output);
        }
    }

    /// All of one table is in the other.
    fn copied(&mut self, from: &ObjectName, target: u32, has_rows: bool) {
        let Some(source) = self.session.table_named(from) else {
            return;
        };
        self.read(source);
        let output = (*self.session.output_of(source, Place::default())).clone();
        if has_rows {
            self.write_to(target, Vec::new(), &output);
        } else if !self.effects.outputs.contains(&target) {
            self.effects.outputs.push(target);
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
    fn moved(&mut self, from: &ObjectName, to: &ObjectName) {
        let Some(target) = self.session.table_named(to) else {
            return;
        };
        self.copied(from, target, true);
    }

    fn alter_table(&mut self, alter: &AlterTable) {
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
                    if !self.effects.outputs.contains(&target) {
                        self.effects.outputs.push(target);
                    }
                }
                _ => {}
            }
        }
    }

    /// A table that is changed in place: in scope, but not read by that.
    fn target<'a>(
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

    fn merge<'a>(&mut self, merge: &'a Merge, view: View<'_, 'a>) {
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
        if !self.effects.outputs.contains(&target) {
            self.effects.outputs.push(target);
        }
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
                        self.all_of(target, &source)
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
        self.write_to(target, Vec::new(), &output);
    }

    /// Every column of the source goes into the target's column of the same name.
    fn all_of(&mut self, target: u32, source: &Scope<'_>) {
        let items = self.all_items(source);
        let output = Output {
            items,
            influences: Vec::new(),
        };
        self.write_to(target, Vec::new(), &output);
    }

    /// `SET a = …, b = …`.
    fn assign<'a>(
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
        self.write_to(target, Vec::new(), &output);
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

    fn update<'a>(&mut self, update: &'a Update, view: View<'_, 'a>) {
        let mut scope = Scope::default();
        let mut influences = Vec::new();
        let from = match &update.from {
            Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => {
                &from[..]
            }
            None => &[],
        };
        // SQL Server names the target by its alias in FROM.
        let aliased = name_of(&update.table.relation).and_then(|name| self.alias_in(name, from));
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
    fn alias_in<'a>(
        &self,
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

    fn delete<'a>(&mut self, delete: &'a Delete, view: View<'_, 'a>) {
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
                let name = self.alias_in(name, from).unwrap_or(name);
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
            if !self.effects.outputs.contains(&target) {
                self.effects.outputs.push(target);
            }
            let output = Output {
                items: Vec::new(),
                influences: influences.clone(),
            };
            self.emit(Some(target), None, &output);
        }
    }

    fn copy<'a>(
        &mut self,
        source: &'a CopySource,
        to: bool,
        target: &CopyTarget,
        view: View<'_, 'a>,
    ) {
        let file = match target {
            CopyTarget::File { filename } => {
                Some(self.session.number(TableName::new([filename.clone()])))
            }
            CopyTarget::Stdin | CopyTarget::Stdout | CopyTarget::Program { .. } => None,
        };
        match source {
            CopySource::Table {
                table_name,
                columns,
            } if to => {
                let Some(table) = self.session.table_named(table_name) else {
                    return;
                };
                self.read(table);
                let mut output = (*self.session.output_of(table, Place::default())).clone();
                if !columns.is_empty() {
                    let parts: Vec<Symbol> = columns
                        .iter()
                        .map(|column| self.session.symbol(column))
                        .collect();
                    output.items = parts
                        .into_iter()
                        .map(|column| {
                            let how = T(T::IDENTITY);
                            let origin = Origin {
                                table: Some(table),
                                column: Some(column),
                                how,
                                place: self.base.place(),
                            };
                            Item::Column(Column {
                                name: Some(column),
                                origins: vec![origin],
                            })
                        })
                        .collect();
                }
                if let Some(file) = file {
                    self.write_to(file, Vec::new(), &output);
                }
            }
            CopySource::Table { table_name, .. } => {
                if let Some(file) = file {
                    self.read(file);
                }
                self.touch(table_name);
            }
            CopySource::Query(query) => {
                let output = self.query(query, view, None);
                if let Some(file) = file {
                    self.write_to(file, Vec::new(), &output);
                }
            }
        }
    }

    /// Snowflake's COPY INTO, both ways.
    fn copy_into<'a>(&mut self, tree: &'a Tree, view: View<'_, 'a>) {
        let Tree::CopyIntoSnowflake {
            into,
            into_columns,
            from_obj,
            from_obj_alias,
            from_transformations,
            from_query,
            ..
        } = tree
        else {
            return;
        };
        let mut output = Output::default();
        if let Some(name) = from_obj {
            let Some(source) = self.session.table_named(name) else {
                return;
            };
            self.read(source);
            output = (*self.session.output_of(source, Place::default())).clone();
            if let Some(items) = from_transformations {
                let mut scope = Scope::default();
                let alias = from_obj_alias
                    .as_ref()
                    .map(|alias| self.session.folded(alias));
                scope.relations.push(Relation {
                    alias,
                    name: Vec::new(),
                    output: Rc::new(output.clone()),
                    is_hidden: false,
                });
                output.items = self.stage_items(items, source, &scope, view);
            }
        }
        if let Some(query) = from_query {
            output = self.query(query, view, None);
        }
        let columns = into_columns
            .iter()
            .flatten()
            .map(|column| self.session.symbol(column))
            .collect();
        self.write(into, columns, output);
    }

    fn stage_items<'a>(
        &mut self,
        items: &'a [StageLoadSelectItemKind],
        source: u32,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) -> Vec<Item> {
        let mut made = Vec::new();
        for item in items {
            match item {
                StageLoadSelectItemKind::SelectItem(item) => {
                    made.extend(self.select_list(std::slice::from_ref(item), scope, view));
                }
                StageLoadSelectItemKind::StageLoadSelectItem(item) => {
                    let column = match &item.element {
                        Some(element) => format!("${}:{}", item.file_col_num, element.value),
                        None => format!("${}", item.file_col_num),
                    };
                    let column = self.session.names.intern(&column);
                    let name = item
                        .item_as
                        .as_ref()
                        .map_or(column, |name| self.session.symbol(name));
                    let origin = Origin {
                        table: Some(source),
                        column: Some(column),
                        how: T(T::IDENTITY),
                        place: self.base.place(),
                    };
                    made.push(Item::Column(Column {
                        name: Some(name),
                        origins: vec![origin],
                    }));
                }
            }
        }
        made
    }

    /// A query that stands in a string.
    fn unloaded(&mut self, text: &str, target: u32) {
        let mut reader = Reader::new(self.session.dialect);
        reader.read(text, self.base.place());
        self.session.problems.append(&mut reader.problems);
        self.effects.outputs.push(target);
        for parsed in &reader.parsed {
            if let Tree::Query(query) = &parsed.tree {
                let output = self.query(query, View::NONE, None);
                self.write_to(target, Vec::new(), &output);
            }
        }
    }

    fn choose(&mut self, chosen: &Use) {
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

fn name_of(factor: &TableFactor) -> Option<&ObjectName> {
    match factor {
        TableFactor::Table { name, .. } => Some(name),
        _ => None,
    }
}

/// True if a part of the name was never filled in.
fn has_placeholder(name: &TableName) -> bool {
    name.parts().iter().any(|part| is_placeholder(part))
}

/// The select list that names the columns of a set operation.
fn leftmost(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => leftmost(left),
        _ => None,
    }
}

fn text_of(argument: &FunctionArg) -> Option<&str> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else {
        return None;
    };
    match &value.value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

/// Vertica's `swap_partitions_between_tables('from', …, 'to')` writes, though it stands in a select list.
fn swapped_partitions(select: &Select) -> Option<(TableName, TableName)> {
    let [SelectItem::UnnamedExpr(Expr::Function(function))] = &select.projection[..] else {
        return None;
    };
    let name = idents(&function.name)?;
    let is_swap = name
        .last()?
        .value
        .eq_ignore_ascii_case("swap_partitions_between_tables");
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let [from, _, _, to] = &list.args[..] else {
        return None;
    };
    let name = |argument| Some(TableName::new(text_of(argument)?.split('.')));
    if is_swap {
        Some((name(from)?, name(to)?))
    } else {
        None
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

fn kind_of(tree: &Tree) -> &'static str {
    match tree {
        Tree::Insert(insert) if insert.overwrite => "INSERT OVERWRITE",
        Tree::Insert(_) => "INSERT",
        Tree::CreateTable(create) if create.query.is_some() => "CREATE TABLE AS",
        Tree::CreateTable(_) | Tree::CreateVirtualTable { .. } => "CREATE TABLE",
        Tree::CreateView(_) => "CREATE VIEW",
        Tree::AlterView { .. } => "ALTER VIEW",
        Tree::Merge(_) => "MERGE",
        Tree::Update(_) => "UPDATE",
        Tree::Delete(_) => "DELETE",
        Tree::AlterTable(_) => "ALTER TABLE",
        Tree::RenameTable(_) => "RENAME",
        Tree::Directory { .. } => "INSERT DIRECTORY",
        Tree::Copy { .. } | Tree::CopyIntoSnowflake { .. } => "COPY",
        Tree::Unload { .. } => "UNLOAD",
        Tree::ExportData(_) => "EXPORT",
        Tree::LoadData { .. } => "LOAD",
        Tree::CreateStage { .. } => "CREATE STAGE",
        Tree::Drop { .. } => "DROP",
        Tree::Use(_) => "USE",
        _ => "OTHER",
    }
}
