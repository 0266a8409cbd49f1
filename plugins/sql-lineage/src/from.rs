//! FROM: tables, subqueries, joins.

use std::rc::Rc;

use sqlparser::ast::{
    Expr, FunctionArguments, Ident, Join, JoinConstraint, JoinOperator, ObjectName, TableAlias,
    TableFactor, TableWithJoins,
};

use crate::intern::{Folded, Symbol};
use crate::model::{Place, Transformations as T};
use crate::name::idents;
use crate::origin::Origin;
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Merged, Output, Relation, Scope};
use crate::split::is_placeholder;
use crate::unpack::multiplies;

/// Which side of a join gives the columns that it makes one of two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Left,
    Right,
    Both,
}

impl Analysis<'_, '_> {
    pub(crate) fn table_with_joins<'a>(
        &mut self,
        from: &'a TableWithJoins,
        scope: &mut Scope<'_>,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) {
        self.table_factor(&from.relation, scope, view, influences);
        for join in &from.joins {
            self.join(join, scope, view, influences);
        }
    }

    pub(crate) fn join<'a>(
        &mut self,
        join: &'a Join,
        scope: &mut Scope<'_>,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) {
        use JoinOperator as J;
        let first_right = scope.relations.len();
        if matches!(
            join.join_operator,
            J::ArrayJoin | J::LeftArrayJoin | J::InnerArrayJoin
        ) {
            self.array_join(&join.relation, scope, influences);
            return;
        }
        match &join.relation {
            TableFactor::Derived {
                subquery, alias, ..
            } if matches!(join.join_operator, J::CrossApply | J::OuterApply) => {
                let output = self.query(subquery, view, Some(&*scope));
                self.relate(output, alias.as_ref(), Vec::new(), scope, influences);
            }
            other => self.table_factor(other, scope, view, influences),
        }
        let (constraint, keeps) = match &join.join_operator {
            J::Join(on)
            | J::Inner(on)
            | J::Left(on)
            | J::LeftOuter(on)
            | J::CrossJoin(on)
            | J::StraightJoin(on) => (Some(on), Keeps::Left),
            J::Right(on) | J::RightOuter(on) => (Some(on), Keeps::Right),
            J::FullOuter(on) => (Some(on), Keeps::Both),
            J::Semi(on) | J::LeftSemi(on) | J::Anti(on) | J::LeftAnti(on) => {
                for relation in &mut scope.relations[first_right..] {
                    relation.is_hidden = true;
                }
                (Some(on), Keeps::Left)
            }
            J::RightSemi(on) | J::RightAnti(on) => {
                for relation in &mut scope.relations[..first_right] {
                    relation.is_hidden = true;
                }
                (Some(on), Keeps::Right)
            }
            J::AsOf {
                match_condition,
                constraint,
            } => {
                self.influence(match_condition, scope, view, T::JOIN, influences);
                (Some(constraint), Keeps::Left)
            }
            _ => (None, Keeps::Left),
        };
        match constraint {
            Some(JoinConstraint::On(on)) => self.influence(on, scope, view, T::JOIN, influences),
            Some(JoinConstraint::Using(columns)) => {
                for name in columns {
                    let ident = idents(name).and_then(|parts| parts.last().copied());
                    if let Some(ident) = ident {
                        self.merge_column(ident, first_right, keeps, scope, influences);
                    }
                }
            }
            Some(JoinConstraint::Natural) => {
                self.merge_common(first_right, keeps, scope, influences);
            }
            _ => {}
        }
    }

    /// A column that both sides have and that the join makes one.
    fn merge_column(
        &mut self,
        ident: &Ident,
        first_right: usize,
        keeps: Keeps,
        scope: &mut Scope<'_>,
        influences: &mut Vec<Origin>,
    ) {
        let symbol = self.session.symbol(ident);
        let name = self.fold(symbol);
        let sides = [0..first_right, first_right..scope.relations.len()];
        let mut found = [None, None];
        for (side, relations) in sides.into_iter().enumerate() {
            let names = &self.session.names;
            let fold = |symbol| names.fold(symbol);
            let has = |at: &usize| scope.relations[*at].output.named(name, &fold).is_some();
            let may = |at: &usize| scope.relations[*at].output.stars(name).next().is_some();
            found[side] = relations
                .clone()
                .find(has)
                .or_else(|| relations.clone().find(may));
        }
        let mut origins = Vec::new();
        for at in found.into_iter().flatten() {
            let output = Rc::clone(&scope.relations[at].output);
            let relation = Scope {
                relations: vec![Relation {
                    alias: None,
                    name: Vec::new(),
                    output,
                    is_hidden: false,
                }],
                ..Scope::default()
            };
            self.column(
                std::slice::from_ref(ident),
                &relation,
                T::JOIN,
                &mut origins,
            );
        }
        influences.extend(origins);
        let kept: Vec<usize> = match (keeps, found) {
            (Keeps::Left, [left, right]) => left.or(right).into_iter().collect(),
            (Keeps::Right, [left, right]) => right.or(left).into_iter().collect(),
            (Keeps::Both, found) => found.into_iter().flatten().collect(),
        };
        let members: Vec<usize> = found.into_iter().flatten().collect();
        if let Some(merged) = scope.merged.iter_mut().find(|merged| merged.name == name) {
            match keeps {
                Keeps::Left => {}
                Keeps::Right => merged.kept = kept,
                Keeps::Both => merged
                    .kept
                    .extend(kept.into_iter().filter(|at| *at >= first_right)),
            }
            merged.members.extend(members);
        } else if !kept.is_empty() {
            scope.merged.push(Merged {
                name,
                kept,
                members,
            });
        }
    }

    fn merge_common(
        &mut self,
        first_right: usize,
        keeps: Keeps,
        scope: &mut Scope<'_>,
        influences: &mut Vec<Origin>,
    ) {
        let names_of = |relations: &[Relation]| -> Vec<Symbol> {
            relations
                .iter()
                .flat_map(|relation| &relation.output.items)
                .filter_map(|item| match item {
                    Item::Column(column) => column.name,
                    Item::Star(_) => None,
                })
                .collect()
        };
        let left: Vec<Folded> = names_of(&scope.relations[..first_right])
            .into_iter()
            .map(|name| self.fold(name))
            .collect();
        for name in names_of(&scope.relations[first_right..]) {
            if left.contains(&self.fold(name)) {
                let ident = Ident::new(self.session.names.text(name));
                self.merge_column(&ident, first_right, keeps, scope, influences);
            }
        }
    }

    /// `ClickHouse`'s ARRAY JOIN: an array's elements under the array's name or another.
    fn array_join(
        &mut self,
        factor: &TableFactor,
        scope: &mut Scope<'_>,
        influences: &mut Vec<Origin>,
    ) {
        let TableFactor::Table { name, alias, .. } = factor else {
            return;
        };
        let Some(parts) = idents(name) else { return };
        let parts: Vec<Ident> = parts.into_iter().cloned().collect();
        let mut origins = Vec::new();
        self.column(&parts, scope, T::TRANSFORMATION, &mut origins);
        multiplies(&origins, influences);
        let shown = alias.as_ref().map(|alias| &alias.name).or(parts.last());
        if let Some(shown) = shown {
            let name = Some(self.session.symbol(shown));
            let items = vec![Item::Column(Column { name, origins })];
            scope.relations.insert(
                0,
                Relation {
                    alias: None,
                    name: Vec::new(),
                    output: Self::shared(items, Vec::new()),
                    is_hidden: true,
                },
            );
        }
    }

    pub(crate) fn relate(
        &mut self,
        output: impl Into<Rc<Output>>,
        alias: Option<&TableAlias>,
        name: Vec<Folded>,
        scope: &mut Scope<'_>,
        influences: &mut Vec<Origin>,
    ) {
        let output = output.into();
        influences.extend_from_slice(&output.influences);
        let output = match alias {
            Some(alias) if !alias.columns.is_empty() => Rc::new(self.renamed(&output, alias)),
            _ => output,
        };
        let alias = alias.map(|alias| self.session.folded(&alias.name));
        scope.relations.push(Relation {
            alias,
            name,
            output,
            is_hidden: false,
        });
    }

    pub(crate) fn table_factor<'a>(
        &mut self,
        factor: &'a TableFactor,
        scope: &mut Scope<'_>,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) {
        match factor {
            TableFactor::Table {
                name, alias, args, ..
            } => {
                if let Some(args) = args {
                    self.function_relation(
                        name,
                        &args.args,
                        alias.as_ref(),
                        scope,
                        view,
                        influences,
                    );
                } else {
                    self.table(name, alias.as_ref(), scope, view, influences);
                }
            }
            TableFactor::Derived {
                lateral,
                subquery,
                alias,
                ..
            } => {
                // DuckDB does without the word.
                let output = if *lateral || self.session.dialect == crate::Dialect::DuckDb {
                    self.query(subquery, view, Some(&*scope))
                } else {
                    self.query(subquery, view, scope.parent)
                };
                self.relate(output, alias.as_ref(), Vec::new(), scope, influences);
            }
            TableFactor::TableFunction { expr, alias } => match expr {
                Expr::Function(function) => {
                    let args = match &function.args {
                        FunctionArguments::List(list) => &list.args[..],
                        _ => &[],
                    };
                    self.function_relation(
                        &function.name,
                        args,
                        alias.as_ref(),
                        scope,
                        view,
                        influences,
                    );
                }
                other => {
                    let mut origins = Vec::new();
                    self.value(other, scope, view, &mut origins);
                    multiplies(&origins, influences);
                    self.made_of(origins, alias.as_ref(), "", scope);
                }
            },
            TableFactor::Function {
                name, args, alias, ..
            } => {
                self.function_relation(name, args, alias.as_ref(), scope, view, influences);
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                let Some(alias) = alias else {
                    return self.table_with_joins(table_with_joins, scope, view, influences);
                };
                let mut inner = Scope::within(scope.parent);
                self.table_with_joins(table_with_joins, &mut inner, view, influences);
                let items = self.all_items(&inner);
                let output = Output {
                    items,
                    influences: Vec::new(),
                };
                self.relate(output, Some(alias), Vec::new(), scope, influences);
            }
            TableFactor::SemanticView { name, alias, .. } => {
                self.table(name, alias.as_ref(), scope, view, influences);
            }
            other => {
                if !self.unpacked(other, scope, view, influences) {
                    self.reshaped(other, scope, view, influences);
                }
            }
        }
    }

    pub(crate) fn table<'a>(
        &mut self,
        name: &'a ObjectName,
        alias: Option<&'a TableAlias>,
        scope: &mut Scope<'_>,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) {
        let parts = idents(name).unwrap_or_default();
        let folded: Vec<Folded> = parts
            .iter()
            .flat_map(|part| part.value.split('.'))
            .map(|part| {
                let symbol = self.session.names.intern(part);
                self.fold(symbol)
            })
            .collect();
        if let [one] = folded[..]
            && let Some(output) = self.cte(one, view)
        {
            return self.relate(output, alias, folded, scope, influences);
        }
        // BigQuery unnests an array by naming it after the table that has it: FROM t, t.items.
        if folded.len() > 1 && self.session.dialect == crate::Dialect::BigQuery {
            let is_field = scope
                .relations
                .iter()
                .any(|relation| relation.is_called(&folded[..1], true));
            if is_field {
                let parts: Vec<Ident> = parts.into_iter().cloned().collect();
                let mut origins = Vec::new();
                self.column(&parts, scope, T::TRANSFORMATION, &mut origins);
                multiplies(&origins, influences);
                return self.unnested(&origins, alias, None, scope);
            }
        }
        let output = match self.session.table_named(name) {
            Some(_) if parts.iter().any(|part| is_placeholder(&part.value)) => Rc::default(),
            Some(number) => {
                self.read(number);
                self.session.output_of(number, Place::default())
            }
            // What a computed name means is not known.
            None => Rc::default(),
        };
        self.relate(output, alias, folded, scope, influences);
    }
}
