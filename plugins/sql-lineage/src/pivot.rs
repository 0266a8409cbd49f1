//! Relations that are made of another one: PIVOT, UNPIVOT, `MATCH_RECOGNIZE`.

use sqlparser::ast::{
    Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, NullInclusion,
    PivotValueSource, TableFactor, Value,
};

use crate::fixes::pivot::PIVOT_GROUPS;
use crate::intern::Folded;
use crate::model::Transformations as T;
use crate::origin::Origin;
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Output, Scope, Star, StarSource};
use crate::unpack::transformed;

impl Analysis<'_, '_> {
    /// What is made of another relation: PIVOT, UNPIVOT, `MATCH_RECOGNIZE`.
    pub(crate) fn reshaped<'a>(
        &mut self,
        factor: &'a TableFactor,
        scope: &mut Scope<'_>,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) {
        match factor {
            TableFactor::Pivot {
                table,
                aggregate_functions,
                value_column,
                value_source,
                default_on_null,
                alias,
            } => {
                let (input, name) = self.alone(table, view, influences);
                let output = self.pivoted(
                    &input,
                    aggregate_functions,
                    value_column,
                    (value_source, default_on_null.as_ref()),
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
                null_inclusion,
                alias,
            } => {
                let (input, name) = self.alone(table, view, influences);
                let output = self.unpivoted(&input, value, label, columns, view);
                if *null_inclusion != Some(NullInclusion::IncludeNulls) {
                    // What has no value makes no row.
                    for column in columns {
                        self.influence(&column.expr, &input, view, T::FILTER, influences);
                    }
                }
                self.relate(output, alias.as_ref(), name, scope, influences);
            }
            TableFactor::MatchRecognize {
                table,
                partition_by,
                order_by,
                measures,
                alias,
                ..
            } => {
                let (input, name) = self.alone(table, view, influences);
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
            _ => {}
        }
    }

    /// A relation in a scope of its own, and the name it has.
    pub(crate) fn alone<'a>(
        &mut self,
        table: &'a TableFactor,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) -> (Scope<'static>, Vec<Folded>) {
        let mut inner = Scope::default();
        self.table_factor(table, &mut inner, view, influences);
        let name = inner
            .relations
            .first()
            .map(|relation| match relation.alias {
                Some(alias) => vec![alias],
                None => relation.name.clone(),
            });
        (inner, name.unwrap_or_default())
    }

    /// PIVOT: the columns that neither choose nor are aggregated stay; a column is made for each value and aggregate.
    fn pivoted<'a>(
        &mut self,
        input: &Scope<'_>,
        aggregates: &'a [ExprWithAlias],
        chosen: &'a [Expr],
        (source, groups): (&'a PivotValueSource, Option<&'a Expr>),
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
            let mut suffix = aggregate.alias.as_ref().map(|alias| alias.value.clone());
            if suffix.is_none() && aggregates.len() > 1 {
                suffix = Some(aggregate.expr.to_string());
            }
            made.push((suffix, origins));
        }
        self.without(&used, &mut items);
        if let Some(groups) = groups.and_then(groups_of) {
            items.clear();
            for by in groups {
                let FunctionArg::Unnamed(FunctionArgExpr::Expr(by)) = by else {
                    continue;
                };
                let mut origins = Vec::new();
                self.value(by, input, view, &mut origins);
                let name = self.implied_name(by);
                items.push(Item::Column(Column { name, origins }));
            }
        }
        // What stays makes the groups.
        for item in &items {
            self.bear(item, T::GROUP_BY, influences);
        }
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
                for (suffix, origins) in &made {
                    let name = match suffix {
                        Some(suffix) => format!("{text}_{suffix}"),
                        None => text.clone(),
                    };
                    let name = self.session.names.intern(&name);
                    items.push(Item::Column(Column {
                        name: Some(name),
                        origins: origins.clone(),
                    }));
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
            if let Expr::Function(function) = &column.expr
                && function.name.to_string().eq_ignore_ascii_case("columns")
            {
                let meant = self.columns_meant(function, input, view);
                used.extend(meant.iter().filter_map(|item| match item {
                    Item::Column(column) => column.name.map(|name| self.fold(name)),
                    Item::Star(_) => None,
                }));
            }
        }
        let origins = transformed(&origins);
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

/// What PIVOT groups by, where it says so.
fn groups_of(expr: &Expr) -> Option<&[FunctionArg]> {
    let Expr::Function(function) = expr else {
        return None;
    };
    let name = crate::name::idents(&function.name)?;
    match (&name[..], &function.args) {
        ([name], FunctionArguments::List(list)) if name.value == PIVOT_GROUPS => Some(&list.args),
        _ => None,
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
