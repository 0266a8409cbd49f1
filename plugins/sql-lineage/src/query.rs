//! Queries: select lists, set operations, common table expressions.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use sqlparser::ast::{
    AccessExpr, Cte, Distinct, Expr, Ident, NamedWindowDefinition, NamedWindowExpr, OrderBy,
    PipeOperator, Query, Select, SelectFlavor, SelectItem, SetExpr, SetOperator, TableAlias,
    Values, With,
};

use crate::intern::{Folded, Symbol};
use crate::model::{Place, Transformations};
use crate::origin::{self, Origin};
use crate::scope::{Column, Item, Output, Relation, Scope, Star, StarSource};
use crate::session::Session;
use crate::split::Base;
use crate::statement::Effects;

/// Rounds in which a recursive query may go on to change what it gives.
const ROUNDS_MAX: usize = 16;

/// The analysis of one statement.
pub(crate) struct Analysis<'s, 'c> {
    pub(crate) session: &'s mut Session<'c>,
    /// What places in the tree count from.
    pub(crate) base: Base,
    /// Tables that are read, in the order in which they were met.
    pub(crate) inputs: Vec<u32>,
    pub(crate) effects: Effects,
    /// How many queries stand around what is looked at.
    pub(crate) depth: usize,
    /// The depths at which an aggregate or a window was called, a bit each.
    pub(crate) aggregates: u64,
    /// How often a lambda's parameter was named.
    pub(crate) parameters_met: usize,
    /// What the select list that is read unnests, so that it decides how many rows come out.
    pub(crate) multipliers: Vec<Origin>,
    /// The item of a select list that is read, if `COLUMNS(…)` in it stands for one column after the other.
    pub(crate) spread: Option<Spread>,
    /// How many macros are called around what is looked at.
    pub(crate) macros: usize,
    /// True if what the statement inserts goes where its names say.
    pub(crate) is_by_name: bool,
}

/// Whose turn it is among the columns that `COLUMNS(…)` stands for.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    pub(crate) turn: usize,
    /// All of them, once they were met.
    pub(crate) items: Vec<Item>,
}

impl<'s, 'c> Analysis<'s, 'c> {
    pub(crate) fn new(session: &'s mut Session<'c>, base: Base) -> Self {
        Self {
            session,
            base,
            inputs: Vec::new(),
            effects: Effects::default(),
            depth: 0,
            aggregates: 0,
            parameters_met: 0,
            multipliers: Vec::new(),
            spread: None,
            macros: 0,
            is_by_name: false,
        }
    }
}

/// Common table expressions of one WITH.
pub(crate) struct Env<'p, 'a> {
    parent: Option<View<'p, 'a>>,
    slots: Vec<Slot<'a>>,
}

struct Slot<'a> {
    name: Folded,
    cte: &'a Cte,
    is_recursive: bool,
    done: OnceCell<Rc<Output>>,
    /// What a recursive one gives so far.
    so_far: RefCell<Option<Rc<Output>>>,
    is_busy: Cell<bool>,
}

/// The common table expressions that a query sees: those of an [`Env`] up to a place, and of all around it.
#[derive(Clone, Copy)]
pub(crate) struct View<'p, 'a> {
    env: Option<&'p Env<'p, 'a>>,
    upto: usize,
}

impl View<'_, '_> {
    pub(crate) const NONE: Self = Self { env: None, upto: 0 };
}

impl<'p, 'a> Env<'p, 'a> {
    pub(crate) fn view(&'p self) -> View<'p, 'a> {
        View {
            env: Some(self),
            upto: self.slots.len(),
        }
    }
}

impl Analysis<'_, '_> {
    pub(crate) fn place(&self, ident: &Ident) -> Place {
        self.base.place_of(ident.span.start)
    }

    pub(crate) fn fold(&self, symbol: Symbol) -> Folded {
        self.session.names.fold(symbol)
    }

    pub(crate) fn read(&mut self, table: u32) {
        if let Some(made) = self.session.made.get_mut(&table) {
            made.is_read = true;
            for input in made.inputs.clone() {
                self.read(input);
            }
        } else if !self.inputs.contains(&table) {
            self.inputs.push(table);
        }
    }

    pub(crate) fn env<'p, 'a>(
        &mut self,
        with: Option<&'a With>,
        parent: View<'p, 'a>,
    ) -> Env<'p, 'a> {
        let dialect = self.session.dialect;
        let slots = with
            .iter()
            .flat_map(|with| &with.cte_tables)
            .map(|cte| Slot {
                name: self.session.folded(&cte.alias.name),
                cte,
                is_recursive: with.is_some_and(|with| with.recursive) || dialect.recurses_unsaid(),
                done: OnceCell::new(),
                so_far: RefCell::new(None),
                is_busy: Cell::new(false),
            });
        Env {
            slots: slots.collect(),
            parent: Some(parent),
        }
    }

    /// What the common table expression of that name gives, if there is one.
    pub(crate) fn cte(&mut self, name: Folded, view: View<'_, '_>) -> Option<Rc<Output>> {
        let env = view.env?;
        let found = env.slots[..view.upto]
            .iter()
            .rposition(|slot| slot.name == name);
        let Some(at) = found else {
            return self.cte(name, env.parent?);
        };
        let slot = &env.slots[at];
        if let Some(done) = slot.done.get() {
            return Some(Rc::clone(done));
        }
        if slot.is_busy.get() {
            let so_far = slot.so_far.borrow().clone();
            return so_far.or_else(|| {
                self.cte(
                    name,
                    View {
                        env: Some(env),
                        upto: at,
                    },
                )
            });
        }
        slot.is_busy.set(true);
        let output = self.cte_output(slot, env, at);
        slot.is_busy.set(false);
        let output = Rc::new(output);
        Some(Rc::clone(slot.done.get_or_init(|| output)))
    }

    fn cte_output<'a>(&mut self, slot: &Slot<'a>, env: &Env<'_, 'a>, at: usize) -> Output {
        let query = &*slot.cte.query;
        let outer = View {
            env: Some(env),
            upto: at,
        };
        let set = match &*query.body {
            SetExpr::SetOperation {
                left,
                op: SetOperator::Union,
                right,
                ..
            } if slot.is_recursive && query.with.is_none() => Some((left, right)),
            _ => None,
        };
        let Some((left, right)) = set else {
            let output = self.query(query, outer, None);
            return self.renamed(&output, &slot.cte.alias);
        };
        let anchor = self.set_expr(left, outer, None, None);
        let anchor = self.renamed(&anchor, &slot.cte.alias);
        let inner = View {
            env: Some(env),
            upto: at + 1,
        };
        let mut so_far = Rc::new(anchor.clone());
        for _ in 0..ROUNDS_MAX {
            *slot.so_far.borrow_mut() = Some(Rc::clone(&so_far));
            let step = self.set_expr(right, inner, None, None);
            let next = self.united(anchor.clone(), &step);
            if next == *so_far {
                break;
            }
            so_far = Rc::new(next);
        }
        *slot.so_far.borrow_mut() = None;
        Rc::unwrap_or_clone(so_far)
    }

    /// The output under the names that an alias gives it.
    pub(crate) fn renamed(&mut self, output: &Output, alias: &TableAlias) -> Output {
        let names: Vec<Symbol> = alias
            .columns
            .iter()
            .map(|column| self.session.symbol(&column.name))
            .collect();
        self.renamed_to(output.clone(), &names)
    }

    /// The output with its columns under other names, as many as there are. Columns that are not known cannot be
    /// counted: names count from the beginning before them, and from the end after them.
    pub(crate) fn renamed_to(&mut self, mut output: Output, names: &[Symbol]) -> Output {
        if names.is_empty() {
            return output;
        }
        let is_star = |item: &Item| matches!(item, Item::Star(_));
        let head = output.items.iter().position(is_star);
        let tail = output.items.iter().rev().position(is_star);
        let (Some(head), Some(tail)) = (head, tail) else {
            for (item, name) in output.items.iter_mut().zip(names) {
                if let Item::Column(column) = item {
                    column.name = Some(*name);
                }
            }
            return output;
        };
        let tail = if names.len() >= head + tail { tail } else { 0 };
        let head = head.min(names.len());
        let middle = names.len() - head - tail;
        let mut open = Vec::new();
        for item in &output.items[head..output.items.len() - tail] {
            match item {
                Item::Column(column) => open.extend_from_slice(&column.origins),
                Item::Star(star) => Self::star_origins(star, None, self.base.place(), &mut open),
            }
        }
        origin::merge(&mut open);
        let known_tail = output.items.split_off(output.items.len() - tail);
        output.items.truncate(head);
        let unknown = std::iter::repeat_n(
            Item::Column(Column {
                name: None,
                origins: open,
            }),
            middle,
        );
        output.items.extend(unknown.chain(known_tail));
        for (item, name) in output.items.iter_mut().zip(names) {
            if let Item::Column(column) = item {
                column.name = Some(*name);
            }
        }
        output
    }

    pub(crate) fn query<'a>(
        &mut self,
        query: &'a Query,
        view: View<'_, 'a>,
        parent: Option<&Scope<'_>>,
    ) -> Output {
        let env = self.env(query.with.as_ref(), view);
        let view = env.view();
        self.depth += 1;
        let mut output = self.set_expr(&query.body, view, parent, query.order_by.as_ref());
        for operator in &query.pipe_operators {
            output = self.pipe(output, operator, view, parent);
        }
        self.depth -= 1;
        output
    }

    pub(crate) fn set_expr<'a>(
        &mut self,
        body: &'a SetExpr,
        view: View<'_, 'a>,
        parent: Option<&Scope<'_>>,
        order_by: Option<&'a OrderBy>,
    ) -> Output {
        match body {
            SetExpr::Select(select) => self.select(select, view, parent, order_by),
            SetExpr::Query(query) => self.query(query, view, parent),
            SetExpr::SetOperation { op, .. } => {
                let output = if *op == SetOperator::Union {
                    self.union(body, view, parent)
                } else {
                    self.kept_rows(body, view, parent)
                };
                self.sorted(output, order_by, view, parent)
            }
            SetExpr::Values(values) => self.values(values, view, parent),
            SetExpr::Table(table) => {
                let parts = table.schema_name.iter().chain(&table.table_name);
                let name = crate::name::TableName::new(parts.cloned());
                let number = self.session.number(name);
                self.read(number);
                (*self.session.output_of(number, self.base.place())).clone()
            }
            SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement)
            | SetExpr::Merge(statement) => {
                self.tree(statement, view);
                self.returned(statement, view)
            }
        }
    }

    fn sorted<'a>(
        &mut self,
        mut output: Output,
        order_by: Option<&'a OrderBy>,
        view: View<'_, 'a>,
        parent: Option<&Scope<'_>>,
    ) -> Output {
        if order_by.is_none() {
            return output;
        }
        let mut scope = Scope::within(parent);
        scope.relations.push(Relation {
            alias: None,
            name: Vec::new(),
            output: Rc::new(output.clone()),
            is_hidden: false,
        });
        self.order_by(
            order_by,
            &output.items,
            &scope,
            view,
            &mut output.influences,
        );
        origin::merge(&mut output.influences);
        output
    }

    fn values<'a>(
        &mut self,
        values: &'a Values,
        view: View<'_, 'a>,
        parent: Option<&Scope<'_>>,
    ) -> Output {
        let scope = Scope::within(parent);
        let mut items: Vec<Item> = Vec::new();
        for row in &values.rows {
            for (at, value) in row.content.iter().enumerate() {
                let mut origins = Vec::new();
                if !matches!(value, Expr::Value(_)) {
                    self.value(value, &scope, view, &mut origins);
                }
                match items.get_mut(at) {
                    Some(Item::Column(column)) => {
                        column.origins.extend(origins);
                        origin::merge(&mut column.origins);
                    }
                    _ => items.push(Item::Column(Column {
                        name: None,
                        origins,
                    })),
                }
            }
        }
        Output {
            items,
            influences: Vec::new(),
        }
    }

    pub(crate) fn select<'a>(
        &mut self,
        select: &'a Select,
        view: View<'_, 'a>,
        parent: Option<&Scope<'_>>,
        order_by: Option<&'a OrderBy>,
    ) -> Output {
        let mut scope = Scope::within(parent);
        let mut influences = Vec::new();
        for from in &select.from {
            self.table_with_joins(from, &mut scope, view, &mut influences);
        }
        for lateral in &select.lateral_views {
            self.lateral_view(lateral, &mut scope, view, &mut influences);
        }
        for NamedWindowDefinition(name, window) in &select.named_window {
            let mut origins = Vec::new();
            if let NamedWindowExpr::WindowSpec(spec) = window {
                let orders = spec.order_by.iter().map(|by| &by.expr);
                for by in spec.partition_by.iter().chain(orders) {
                    self.value(by, &scope, view, &mut origins);
                }
            }
            let name = self.session.folded(name);
            scope.windows.push((name, origins));
        }
        let around = std::mem::take(&mut self.multipliers);
        let mut items = if select.flavor == SelectFlavor::FromFirstNoSelect {
            self.all_items(&scope)
        } else {
            self.select_list(&select.projection, &scope, view)
        };
        let multipliers = std::mem::replace(&mut self.multipliers, around);
        influences.extend(multipliers.into_iter().map(|origin| Origin {
            how: origin.how.then(Transformations(Transformations::JOIN)),
            ..origin
        }));
        if let Some(exclude) = &select.exclude {
            self.exclude(exclude, &mut items);
        }
        if matches!(&select.distinct, Some(Distinct::Distinct)) {
            for item in &items {
                self.bear(item, Transformations::GROUP_BY, &mut influences);
            }
        }
        self.conditions(select, &items, &scope, view, &mut influences);
        self.order_by(order_by, &items, &scope, view, &mut influences);
        origin::merge(&mut influences);
        Output { items, influences }
    }

    pub(crate) fn select_list<'a>(
        &mut self,
        list: &'a [SelectItem],
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) -> Vec<Item> {
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            let around = self.spread.replace(Spread::default());
            let before = items.len();
            self.select_item(item, scope, view, &mut items);
            while let Some(spread) = &mut self.spread
                && let Some(meant) = spread.items.get(spread.turn)
            {
                let name = match meant {
                    Item::Column(column) => column.name,
                    Item::Star(_) => None,
                };
                let is_star = matches!(meant, Item::Star(_));
                spread.turn += 1;
                let has_more = spread.turn < spread.items.len();
                Self::name_spread(items.last_mut(), item, name, is_star);
                if !has_more {
                    break;
                }
                self.select_item(item, scope, view, &mut items);
            }
            debug_assert!(items.len() >= before);
            self.spread = around;
        }
        items
    }

    /// The column that `COLUMNS(…)` made is called as the column that it stands for, unless it has an alias.
    fn name_spread(
        made: Option<&mut Item>,
        item: &SelectItem,
        name: Option<Symbol>,
        is_star: bool,
    ) {
        let (Some(Item::Column(column)), SelectItem::UnnamedExpr(_)) = (&made, item) else {
            return;
        };
        let origins = column.origins.clone();
        if let Some(made) = made {
            *made = if is_star {
                Item::Star(Star {
                    sources: vec![StarSource::Values(origins)],
                    except: Vec::new(),
                })
            } else {
                Item::Column(Column { name, origins })
            };
        }
    }

    fn select_item<'a>(
        &mut self,
        item: &'a SelectItem,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
        items: &mut Vec<Item>,
    ) {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let mut origins = Vec::new();
                self.value(expr, scope, view, &mut origins);
                let name = self.implied_name(expr);
                if let (Some(name), false) = (name, is_reference(expr)) {
                    self.offer(scope, name, &origins);
                }
                items.push(Item::Column(Column { name, origins }));
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let mut origins = Vec::new();
                self.value(expr, scope, view, &mut origins);
                let name = self.session.symbol(alias);
                self.offer(scope, name, &origins);
                items.push(Item::Column(Column {
                    name: Some(name),
                    origins,
                }));
            }
            SelectItem::ExprWithAliases { expr, aliases } => {
                let mut origins = Vec::new();
                self.value(expr, scope, view, &mut origins);
                for alias in aliases {
                    let name = self.session.symbol(alias);
                    items.push(Item::Column(Column {
                        name: Some(name),
                        origins: origins.clone(),
                    }));
                }
            }
            SelectItem::Wildcard(options) => {
                let expanded = self.all_items(scope);
                items.extend(self.with_options(expanded, options, scope, view));
            }
            SelectItem::QualifiedWildcard(kind, options) => {
                let expanded = self.qualified_items(kind, scope, view);
                items.extend(self.with_options(expanded, options, scope, view));
            }
        }
    }

    /// Lets later items of the select list, and what follows it, use the alias.
    fn offer(&mut self, scope: &Scope<'_>, name: Symbol, origins: &[Origin]) {
        let folded = self.fold(name);
        let origins = Rc::new(origins.to_vec());
        scope.aliases.borrow_mut().push((folded, origins));
    }

    /// The name of a column that has no alias: that of the column it is, else its text.
    pub(crate) fn implied_name(&mut self, expr: &Expr) -> Option<Symbol> {
        match expr {
            Expr::Identifier(ident) => Some(self.session.symbol(ident)),
            Expr::CompoundIdentifier(idents) => idents.last().map(|last| self.session.symbol(last)),
            Expr::Nested(inner) => self.implied_name(inner),
            Expr::Cast { expr, .. } if is_reference(expr) => self.implied_name(expr),
            Expr::JsonAccess { path, .. } => match path.path.last() {
                Some(sqlparser::ast::JsonPathElem::Dot { key, .. }) => {
                    Some(self.session.names.intern(key))
                }
                _ => None,
            },
            Expr::CompoundFieldAccess { access_chain, .. }
                if self.depth > 1
                    || !matches!(
                        access_chain.last(),
                        Some(AccessExpr::Dot(Expr::Function(_)))
                    ) =>
            {
                match access_chain.last() {
                    Some(AccessExpr::Dot(Expr::Identifier(ident))) => {
                        Some(self.session.symbol(ident))
                    }
                    _ => None,
                }
            }
            // Inside of other queries some systems call it as its function is called; elsewhere it is shown by its text.
            Expr::Function(function) if self.depth > 1 => {
                let name = crate::name::idents(&function.name)?.last().copied()?;
                Some(self.session.symbol(name))
            }
            _ if self.depth > 1 => None,
            _ => {
                let text = expr.to_string();
                Some(self.session.names.intern(&text))
            }
        }
    }

    fn pipe<'a>(
        &mut self,
        input: Output,
        operator: &'a PipeOperator,
        view: View<'_, 'a>,
        parent: Option<&Scope<'_>>,
    ) -> Output {
        use Transformations as T;
        let mut scope = Scope::within(parent);
        let mut influences = input.influences.clone();
        scope.relations.push(Relation {
            alias: None,
            name: Vec::new(),
            output: Rc::new(input.clone()),
            is_hidden: false,
        });
        let items = match operator {
            PipeOperator::Where { expr } => {
                self.influence(expr, &scope, view, T::FILTER, &mut influences);
                input.items
            }
            PipeOperator::OrderBy { exprs } => {
                for by in exprs {
                    self.influence(&by.expr, &scope, view, T::SORT, &mut influences);
                }
                input.items
            }
            PipeOperator::Select { exprs } => self.select_list(exprs, &scope, view),
            PipeOperator::Extend { exprs } => {
                let mut items = input.items;
                items.extend(self.select_list(exprs, &scope, view));
                items
            }
            PipeOperator::Aggregate {
                full_table_exprs,
                group_by_expr,
            } => {
                let mut items = Vec::new();
                for by in group_by_expr {
                    self.influence(&by.expr.expr, &scope, view, T::GROUP_BY, &mut influences);
                }
                for aggregate in group_by_expr.iter().chain(full_table_exprs) {
                    let mut origins = Vec::new();
                    self.value(&aggregate.expr.expr, &scope, view, &mut origins);
                    let name = match &aggregate.expr.alias {
                        Some(alias) => Some(self.session.symbol(alias)),
                        None => self.implied_name(&aggregate.expr.expr),
                    };
                    items.push(Item::Column(Column { name, origins }));
                }
                items
            }
            PipeOperator::Drop { columns } => {
                let mut items = input.items;
                let dropped: Vec<Folded> = columns
                    .iter()
                    .map(|column| self.session.folded(column))
                    .collect();
                self.without(&dropped, &mut items);
                items
            }
            PipeOperator::Rename { mappings } => {
                let mut items = input.items;
                for mapping in mappings {
                    self.rename(&mapping.ident, &mapping.alias, &mut items);
                }
                items
            }
            PipeOperator::Set { assignments } => {
                let mut items = input.items;
                for assignment in assignments {
                    let mut origins = Vec::new();
                    self.value(&assignment.value, &scope, view, &mut origins);
                    if let sqlparser::ast::AssignmentTarget::ColumnName(name) = &assignment.target
                        && let Some(ident) =
                            crate::name::idents(name).and_then(|i| i.last().copied())
                    {
                        self.replace(ident, origins, &mut items);
                    }
                }
                items
            }
            PipeOperator::Union { queries, .. } => {
                let mut output = input;
                for query in queries {
                    let next = self.query(query, view, parent);
                    output = self.united(output, &next);
                }
                return output;
            }
            PipeOperator::Join(join) => {
                self.join(join, &mut scope, view, &mut influences);
                self.all_items(&scope)
            }
            _ => input.items,
        };
        origin::merge(&mut influences);
        Output { items, influences }
    }
}

/// True if the expression names a column and nothing else.
pub(crate) fn is_reference(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
        Expr::Nested(inner) => is_reference(inner),
        _ => false,
    }
}
