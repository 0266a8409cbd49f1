//! FROM: tables, joins, functions, pivots.

use std::rc::Rc;

use sqlparser::ast::{
    Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Join,
    JoinConstraint, JoinOperator, JsonTableColumn, LateralView, ObjectName, PivotValueSource,
    TableAlias, TableFactor, TableWithJoins, Value,
};

use crate::functions;
use crate::intern::{Folded, Symbol};
use crate::model::{Place, Transformations as T};
use crate::name::idents;
use crate::origin::{self, Origin};
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Merged, Output, Relation, Scope, Star, StarSource};
use crate::split::is_placeholder;

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
            self.array_join(&join.relation, scope);
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
                self.merge_common(first_right, keeps, scope, influences)
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
    fn array_join(&mut self, factor: &TableFactor, scope: &mut Scope<'_>) {
        let TableFactor::Table { name, alias, .. } = factor else {
            return;
        };
        let Some(parts) = idents(name) else { return };
        let parts: Vec<Ident> = parts.into_iter().cloned().collect();
        let mut origins = Vec::new();
        self.column(&parts, scope, T::TRANSFORMATION, &mut origins);
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

    fn relate(
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

    #[allow(clippy::too_many_lines, reason = "one arm for each kind of relation")]
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
                let output = if *lateral {
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
                    self.made_of(origins, alias.as_ref(), "", scope);
                }
            },
            TableFactor::Function {
                name, args, alias, ..
            } => {
                self.function_relation(name, args, alias.as_ref(), scope, view, influences);
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset_alias,
                ..
            } => {
                let mut origins = Vec::new();
                for expr in array_exprs {
                    self.value(expr, scope, view, &mut origins);
                }
                origin::merge(&mut origins);
                self.unnested(origins, alias.as_ref(), with_offset_alias.as_ref(), scope);
            }
            TableFactor::JsonTable {
                json_expr,
                columns,
                alias,
                ..
            } => {
                let mut origins = Vec::new();
                self.value(json_expr, scope, view, &mut origins);
                let mut names = Vec::new();
                json_columns(columns, &mut names);
                self.columns_made_of(&names, &origins, alias.as_ref(), scope);
            }
            TableFactor::OpenJsonTable {
                json_expr,
                columns,
                alias,
                ..
            } => {
                let mut origins = Vec::new();
                self.value(json_expr, scope, view, &mut origins);
                let names: Vec<&Ident> = columns.iter().map(|column| &column.name).collect();
                if names.is_empty() {
                    self.made_of(origins, alias.as_ref(), "", scope);
                } else {
                    self.columns_made_of(&names, &origins, alias.as_ref(), scope);
                }
            }
            TableFactor::XmlTable {
                row_expression,
                passing,
                columns,
                alias,
                ..
            } => {
                let mut origins = Vec::new();
                self.value(row_expression, scope, view, &mut origins);
                for argument in &passing.arguments {
                    self.value(&argument.expr, scope, view, &mut origins);
                }
                let names: Vec<&Ident> = columns.iter().map(|column| &column.name).collect();
                self.columns_made_of(&names, &origins, alias.as_ref(), scope);
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
            TableFactor::Pivot {
                table,
                aggregate_functions,
                value_column,
                value_source,
                alias,
                ..
            } => {
                let (input, name) = self.alone(table, scope, view, influences);
                let output = self.pivoted(
                    &input,
                    aggregate_functions,
                    value_column,
                    value_source,
                    view,
                    influences,
                );
                self.relate(output, alias.as_ref(), name, scope, influences);
            }
            TableFactor::Unpivot {
                table,
                value,
                name: label,
                columns,
                alias,
                ..
            } => {
                let (input, name) = self.alone(table, scope, view, influences);
                let output = self.unpivoted(&input, value, label, columns, view);
                self.relate(output, alias.as_ref(), name, scope, influences);
            }
            TableFactor::UnpivotExpr {
                expression,
                value_alias,
                attribute_alias,
            } => {
                let mut origins = Vec::new();
                self.value(expression, scope, view, &mut origins);
                let names: Vec<&Ident> = std::iter::once(value_alias)
                    .chain(attribute_alias)
                    .collect();
                self.columns_made_of(&names, &origins, None, scope);
            }
            TableFactor::MatchRecognize {
                table,
                partition_by,
                order_by,
                measures,
                alias,
                ..
            } => {
                let (input, name) = self.alone(table, scope, view, influences);
                for by in partition_by {
                    self.influence(by, &input, view, T::GROUP_BY, influences);
                }
                for by in order_by {
                    self.influence(&by.expr, &input, view, T::SORT, influences);
                }
                let mut items = self.all_items(&input);
                for measure in measures {
                    let mut origins = Vec::new();
                    self.value(&measure.expr, &input, view, &mut origins);
                    let name = Some(self.session.symbol(&measure.alias));
                    items.push(Item::Column(Column { name, origins }));
                }
                let output = Output {
                    items,
                    influences: Vec::new(),
                };
                self.relate(output, alias.as_ref(), name, scope, influences);
            }
            TableFactor::SemanticView { name, alias, .. } => {
                self.table(name, alias.as_ref(), scope, view, influences);
            }
        }
    }

    /// A relation in a scope of its own, and the name it has.
    fn alone<'a>(
        &mut self,
        table: &'a TableFactor,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) -> (Scope<'static>, Vec<Folded>) {
        let mut inner = Scope::default();
        self.table_factor(table, &mut inner, view, influences);
        let _ = scope;
        let name = inner
            .relations
            .first()
            .map(|relation| match relation.alias {
                Some(alias) => vec![alias],
                None => relation.name.clone(),
            });
        (inner, name.unwrap_or_default())
    }

    fn table<'a>(
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
                return self.unnested(origins, alias, None, scope);
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

    /// A function in FROM: its columns are made of its arguments.
    fn function_relation<'a>(
        &mut self,
        name: &'a ObjectName,
        args: &'a [FunctionArg],
        alias: Option<&'a TableAlias>,
        scope: &mut Scope<'_>,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) {
        let parts = idents(name).unwrap_or_default();
        let function = parts.last().map_or("", |last| &last.value);
        if function.eq_ignore_ascii_case("identifier") && parts.len() == 1 {
            return self.identified(args, alias, scope, view, influences);
        }
        // Hints of SQL Server look like arguments: FROM t(NOLOCK).
        let is_hint = |arg: &FunctionArg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(ident))) => [
                "nolock",
                "readpast",
                "updlock",
                "rowlock",
                "tablock",
                "holdlock",
                "readuncommitted",
                "xlock",
            ]
            .iter()
            .any(|hint| ident.value.eq_ignore_ascii_case(hint)),
            _ => false,
        };
        if !args.is_empty() && args.iter().all(is_hint) {
            return self.table(name, alias, scope, view, influences);
        }
        let mut origins = Vec::new();
        for arg in args {
            let (FunctionArg::Named { arg, .. }
            | FunctionArg::ExprNamed { arg, .. }
            | FunctionArg::Unnamed(arg)) = arg;
            match arg {
                FunctionArgExpr::Expr(Expr::Function(inner)) if is_table_word(function) => {
                    let args = match &inner.args {
                        FunctionArguments::List(list) => &list.args[..],
                        _ => &[],
                    };
                    return self.function_relation(
                        &inner.name,
                        args,
                        alias,
                        scope,
                        view,
                        influences,
                    );
                }
                FunctionArgExpr::Expr(Expr::Subquery(query)) => {
                    let output = self.query(query, view, Some(&*scope));
                    for item in &output.items {
                        match item {
                            Item::Column(column) => origins.extend_from_slice(&column.origins),
                            Item::Star(star) => {
                                self.star_origins(star, None, self.base.place(), &mut origins)
                            }
                        }
                    }
                }
                FunctionArgExpr::Expr(expr) => self.value(expr, scope, view, &mut origins),
                _ => {}
            }
        }
        origin::merge(&mut origins);
        self.made_of(origins, alias, function, scope);
    }

    /// `IDENTIFIER(x)` in FROM.
    fn identified<'a>(
        &mut self,
        args: &'a [FunctionArg],
        alias: Option<&'a TableAlias>,
        scope: &mut Scope<'_>,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) {
        let name = sqlparser::ast::ObjectNamePartFunction {
            name: Ident::new("identifier"),
            args: args.to_vec(),
        };
        let name = ObjectName(vec![sqlparser::ast::ObjectNamePart::Function(name)]);
        let _ = view;
        let output = match self.session.table_named(&name) {
            Some(number) => {
                self.read(number);
                (*self.session.output_of(number, Place::default())).clone()
            }
            None => Output::default(),
        };
        self.relate(output, alias, Vec::new(), scope, influences);
    }

    /// A relation whose columns are made of `origins`.
    fn made_of(
        &mut self,
        origins: Vec<Origin>,
        alias: Option<&TableAlias>,
        function: &str,
        scope: &mut Scope<'_>,
    ) {
        let known = functions::columns_of(function);
        let mut items: Vec<Item> = known
            .iter()
            .map(|name| {
                Item::Column(Column {
                    name: Some(self.session.names.intern(name)),
                    origins: self.transformed(&origins),
                })
            })
            .collect();
        let columns = alias.map_or(&[][..], |alias| &alias.columns);
        if items.is_empty() {
            items = columns
                .iter()
                .map(|column| {
                    Item::Column(Column {
                        name: Some(self.session.symbol(&column.name)),
                        origins: self.transformed(&origins),
                    })
                })
                .collect();
        }
        if items.is_empty() {
            items.push(Item::Star(Star {
                sources: vec![StarSource::Values(origins)],
                except: Vec::new(),
            }));
        }
        let mut ignored = Vec::new();
        self.relate(
            Output {
                items,
                influences: Vec::new(),
            },
            alias,
            Vec::new(),
            scope,
            &mut ignored,
        );
    }

    fn transformed(&self, origins: &[Origin]) -> Vec<Origin> {
        let next = T(T::TRANSFORMATION);
        origins
            .iter()
            .map(|origin| Origin {
                how: origin.how.then(next),
                ..*origin
            })
            .collect()
    }

    /// UNNEST: the alias names the table or, where there is only one column, the column.
    fn unnested(
        &mut self,
        origins: Vec<Origin>,
        alias: Option<&TableAlias>,
        offset: Option<&Ident>,
        scope: &mut Scope<'_>,
    ) {
        let origins = self.transformed(&origins);
        let names: Vec<&Ident> = match alias {
            Some(alias) if alias.columns.is_empty() => vec![&alias.name],
            Some(alias) => alias.columns.iter().map(|column| &column.name).collect(),
            None => Vec::new(),
        };
        let mut items: Vec<Item> = names
            .into_iter()
            .map(|name| {
                Item::Column(Column {
                    name: Some(self.session.symbol(name)),
                    origins: origins.clone(),
                })
            })
            .collect();
        if let Some(offset) = offset {
            items.push(Item::Column(Column {
                name: Some(self.session.symbol(offset)),
                origins: origins.clone(),
            }));
        }
        // An element may be a struct, whose fields can be named without it.
        items.push(Item::Star(Star {
            sources: vec![StarSource::Values(origins)],
            except: Vec::new(),
        }));
        let alias = alias.map(|alias| self.session.folded(&alias.name));
        scope.relations.push(Relation {
            alias,
            name: Vec::new(),
            output: Self::shared(items, Vec::new()),
            is_hidden: false,
        });
    }

    fn columns_made_of(
        &mut self,
        names: &[&Ident],
        origins: &[Origin],
        alias: Option<&TableAlias>,
        scope: &mut Scope<'_>,
    ) {
        let items = names.iter().map(|name| {
            Item::Column(Column {
                name: Some(self.session.symbol(name)),
                origins: origins.to_vec(),
            })
        });
        let items: Vec<Item> = items.collect();
        let mut ignored = Vec::new();
        let output = Output {
            items,
            influences: Vec::new(),
        };
        self.relate(output, alias, Vec::new(), scope, &mut ignored);
    }

    pub(crate) fn lateral_view<'a>(
        &mut self,
        lateral: &'a LateralView,
        scope: &mut Scope<'_>,
        view: View<'_, 'a>,
    ) {
        let mut origins = Vec::new();
        self.value(&lateral.lateral_view, scope, view, &mut origins);
        let origins = self.transformed(&origins);
        let name = idents(&lateral.lateral_view_name).and_then(|parts| parts.last().copied());
        let mut items: Vec<Item> = Vec::new();
        for column in &lateral.lateral_col_alias {
            items.push(Item::Column(Column {
                name: Some(self.session.symbol(column)),
                origins: origins.clone(),
            }));
        }
        if items.is_empty() {
            items.push(Item::Star(Star {
                sources: vec![StarSource::Values(origins)],
                except: Vec::new(),
            }));
        }
        let alias = name.map(|name| self.session.folded(name));
        scope.relations.push(Relation {
            alias,
            name: Vec::new(),
            output: Self::shared(items, Vec::new()),
            is_hidden: false,
        });
    }

    /// PIVOT: the columns that neither choose nor are aggregated stay; a column is made for each value and aggregate.
    fn pivoted<'a>(
        &mut self,
        input: &Scope<'_>,
        aggregates: &'a [ExprWithAlias],
        chosen: &'a [Expr],
        source: &'a PivotValueSource,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) -> Output {
        let mut items = self.all_items(input);
        let mut used: Vec<Folded> = Vec::new();
        for expr in chosen {
            self.influence(expr, input, view, T::GROUP_BY, influences);
            self.names_in(expr, &mut used);
        }
        let mut made = Vec::new();
        for aggregate in aggregates {
            let mut origins = Vec::new();
            self.value(&aggregate.expr, input, view, &mut origins);
            self.names_in(&aggregate.expr, &mut used);
            made.push((aggregate.alias.as_ref(), origins));
        }
        self.without(&used, &mut items);
        let values: &[ExprWithAlias] = match source {
            PivotValueSource::List(values) => values,
            PivotValueSource::Any(_) => &[],
            PivotValueSource::Subquery(query) => {
                let output = self.query(query, view, None);
                influences.extend(output.influences);
                &[]
            }
        };
        if values.is_empty() {
            let origins = made.into_iter().flat_map(|(_, origins)| origins).collect();
            items.push(Item::Star(Star {
                sources: vec![StarSource::Values(origins)],
                except: Vec::new(),
            }));
        } else {
            for value in values {
                let text = match (&value.alias, &value.expr) {
                    (Some(alias), _) => alias.value.clone(),
                    (None, Expr::Value(value)) => match &value.value {
                        Value::SingleQuotedString(text) => text.clone(),
                        other => other.to_string(),
                    },
                    (None, Expr::Identifier(ident)) => ident.value.clone(),
                    (None, other) => other.to_string(),
                };
                let is_alone = made.len() == 1;
                for (alias, origins) in &made {
                    let name = match alias {
                        Some(alias) => format!("{text}_{}", alias.value),
                        None => text.clone(),
                    };
                    let name = self.session.names.intern(&name);
                    items.push(Item::Column(Column {
                        name: Some(name),
                        origins: origins.clone(),
                    }));
                    let _ = is_alone;
                }
            }
        }
        Output {
            items,
            influences: Vec::new(),
        }
    }

    /// The columns that an expression names, by their last part.
    fn names_in(&mut self, expr: &Expr, out: &mut Vec<Folded>) {
        match expr {
            Expr::Identifier(ident) => out.push(self.session.folded(ident)),
            Expr::CompoundIdentifier(idents) => {
                out.extend(idents.last().map(|last| self.session.folded(last)));
            }
            Expr::Nested(expr) | Expr::Cast { expr, .. } => self.names_in(expr, out),
            Expr::BinaryOp { left, right, .. } => {
                self.names_in(left, out);
                self.names_in(right, out);
            }
            Expr::Case {
                conditions,
                else_result,
                ..
            } => {
                for when in conditions {
                    self.names_in(&when.condition, out);
                    self.names_in(&when.result, out);
                }
                if let Some(expr) = else_result {
                    self.names_in(expr, out);
                }
            }
            Expr::Tuple(exprs) => {
                for expr in exprs {
                    self.names_in(expr, out);
                }
            }
            Expr::Function(function) => {
                if let FunctionArguments::List(list) = &function.args {
                    for arg in &list.args {
                        let (FunctionArg::Named { arg, .. }
                        | FunctionArg::ExprNamed { arg, .. }
                        | FunctionArg::Unnamed(arg)) = arg;
                        if let FunctionArgExpr::Expr(expr) = arg {
                            self.names_in(expr, out);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// UNPIVOT: the listed columns become rows of a value and of the name that it had.
    fn unpivoted<'a>(
        &mut self,
        input: &Scope<'_>,
        value: &'a Expr,
        label: &'a Ident,
        columns: &'a [ExprWithAlias],
        view: View<'_, 'a>,
    ) -> Output {
        let mut items = self.all_items(input);
        let mut used = Vec::new();
        let mut origins = Vec::new();
        for column in columns {
            self.value(&column.expr, input, view, &mut origins);
            self.names_in(&column.expr, &mut used);
        }
        let origins = self.transformed(&origins);
        self.without(&used, &mut items);
        let mut values = Vec::new();
        value_names(value, &mut values);
        // The name stands before the value, as Snowflake and DuckDB have it.
        for name in std::iter::once(label).chain(values) {
            items.push(Item::Column(Column {
                name: Some(self.session.symbol(name)),
                origins: origins.clone(),
            }));
        }
        Output {
            items,
            influences: Vec::new(),
        }
    }
}

fn value_names<'a>(value: &'a Expr, out: &mut Vec<&'a Ident>) {
    match value {
        Expr::Identifier(ident) => out.push(ident),
        Expr::Tuple(exprs) => exprs.iter().for_each(|expr| value_names(expr, out)),
        Expr::Nested(expr) => value_names(expr, out),
        _ => {}
    }
}

fn json_columns<'a>(columns: &'a [JsonTableColumn], out: &mut Vec<&'a Ident>) {
    for column in columns {
        match column {
            JsonTableColumn::Named(column) => out.push(&column.name),
            JsonTableColumn::ForOrdinality(name) => out.push(name),
            JsonTableColumn::Nested(nested) => json_columns(&nested.columns, out),
        }
    }
}

/// `TABLE(f(x))` and `LATERAL(f(x))`.
fn is_table_word(function: &str) -> bool {
    ["table", "lateral"]
        .iter()
        .any(|word| function.eq_ignore_ascii_case(word))
}
