//! Statements: what each kind reads and writes.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, ObjectType, Query, Select,
    SelectItem, SetExpr, Statement as Tree, Value,
};

use crate::model::{Edge, Influence, Statement};
use crate::name::{TableName, idents};
use crate::parse::Parsed;
use crate::query::{Analysis, View};
use crate::write::has_placeholder;

/// What a statement does, as it is found out.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) outputs: Vec<u32>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) influences: Vec<Influence>,
    pub(crate) created: Option<(TableName, Vec<String>)>,
}

impl Analysis<'_, '_> {
    /// What the statement reads and writes.
    pub(crate) fn statement(&mut self, parsed: &Parsed) -> Statement {
        self.is_by_name = parsed.is_by_name;
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
        let influences = effects
            .influences
            .iter_mut()
            .map(|influence| &mut influence.place);
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
                let names: Vec<_> = columns
                    .iter()
                    .map(|column| self.session.symbol(column))
                    .collect();
                self.write(name, &names, &output);
            }
            Tree::RenameTable(renames) => {
                for rename in renames {
                    self.moved(&rename.old_name, &rename.new_name);
                }
            }
            Tree::Directory { path, source, .. } => {
                let output = self.query(source, view, None);
                let target = self.session.number(TableName::new([path.clone()]));
                self.write_to(target, &[], &output);
            }
            Tree::Copy {
                source, to, target, ..
            } => self.copy(source, *to, target, view),
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
                    self.write_to(target, &[], &output);
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
            Tree::CreateMacro {
                name,
                args,
                definition,
                ..
            } => self.create_macro(name, args.as_ref(), definition),
            Tree::Drop {
                object_type: ObjectType::Table | ObjectType::View | ObjectType::MaterializedView,
                names,
                ..
            } => self.dropped(names),
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

    fn dropped(&mut self, names: &[ObjectName]) {
        for name in names {
            if let Some(table) = self.session.table_named(name)
                && !self.session.is_passing(table)
            {
                self.session.forget(table);
            }
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
                    self.write(&name, &[], &output);
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
}

/// The select list that names the columns of a set operation.
fn leftmost(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => leftmost(left),
        _ => None,
    }
}

pub(crate) fn text_of(argument: &FunctionArg) -> Option<&str> {
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
