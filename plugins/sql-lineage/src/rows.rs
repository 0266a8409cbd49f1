//! Clauses that decide which rows come out, and in which order.

use sqlparser::ast::{
    ConnectByKind, Distinct, Expr, GroupByExpr, OrderBy, OrderByKind, Select, SelectItem, Value,
};

use crate::model::Transformations;
use crate::origin::Origin;
use crate::query::{Analysis, View};
use crate::scope::{Item, Scope};

impl Analysis<'_, '_> {
    /// `items` is what the select list gives: a number stands for one of them.
    pub(crate) fn conditions<'a>(
        &mut self,
        select: &'a Select,
        items: &[Item],
        scope: &Scope<'_>,
        view: View<'_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        let filters = select.prewhere.iter().chain(&select.selection);
        for filter in filters.chain(&select.having).chain(&select.qualify) {
            self.influence(filter, scope, view, Transformations::FILTER, out);
        }
        match &select.group_by {
            GroupByExpr::Expressions(expressions, _) => {
                for by in expressions {
                    self.group_by(by, items, scope, view, out);
                }
            }
            GroupByExpr::All(_) => self.group_by_all(&select.projection, scope, view, out),
        }
        if let Some(Distinct::On(expressions)) = &select.distinct {
            for by in expressions {
                self.chosen(by, Transformations::GROUP_BY, items, scope, view, out);
            }
        }
        for by in &select.sort_by {
            self.influence(&by.expr, scope, view, Transformations::SORT, out);
        }
        for connect in &select.connect_by {
            match connect {
                ConnectByKind::ConnectBy { relationships, .. } => {
                    for relationship in relationships {
                        self.influence(relationship, scope, view, Transformations::JOIN, out);
                    }
                }
                ConnectByKind::StartWith { condition, .. } => {
                    self.influence(condition, scope, view, Transformations::FILTER, out);
                }
            }
        }
    }

    pub(crate) fn order_by<'a>(
        &mut self,
        order_by: Option<&'a OrderBy>,
        items: &[Item],
        scope: &Scope<'_>,
        view: View<'_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        match order_by.map(|order_by| &order_by.kind) {
            None => {}
            Some(OrderByKind::Expressions(expressions)) => {
                for by in expressions {
                    self.chosen(&by.expr, Transformations::SORT, items, scope, view, out);
                }
            }
            Some(OrderByKind::All(_)) => {
                for item in items {
                    self.bear(item, Transformations::SORT, out);
                }
            }
        }
    }

    fn group_by<'a>(
        &mut self,
        by: &'a Expr,
        items: &[Item],
        scope: &Scope<'_>,
        view: View<'_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        match by {
            Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
                for by in sets.iter().flatten() {
                    self.chosen(by, Transformations::GROUP_BY, items, scope, view, out);
                }
            }
            _ => self.chosen(by, Transformations::GROUP_BY, items, scope, view, out),
        }
    }

    /// What the rows are grouped or ordered by: an expression, or the number of an item, from 1.
    fn chosen<'a>(
        &mut self,
        by: &'a Expr,
        how: u16,
        items: &[Item],
        scope: &Scope<'_>,
        view: View<'_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        let Some(number) = number(by) else {
            return self.influence(by, scope, view, how, out);
        };
        let known = items
            .iter()
            .take_while(|item| matches!(item, Item::Column(_)));
        if let Some(item) = known.take(number).nth(number - 1) {
            self.bear(item, how, out);
            return;
        }
        // An item behind a star: any column of the star may be it, and what follows the star.
        let unknown = items
            .iter()
            .skip_while(|item| matches!(item, Item::Column(_)));
        for item in unknown {
            self.bear(item, how, out);
        }
    }

    /// GROUP BY ALL: by each item of the select list that calls neither an aggregate nor a window.
    fn group_by_all<'a>(
        &mut self,
        list: &'a [SelectItem],
        scope: &Scope<'_>,
        view: View<'_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        for item in list {
            match item {
                SelectItem::UnnamedExpr(expr)
                | SelectItem::ExprWithAlias { expr, .. }
                | SelectItem::ExprWithAliases { expr, .. } => {
                    let mut origins = Vec::new();
                    if !self.calls_aggregate(|analysis| {
                        analysis.influence(
                            expr,
                            scope,
                            view,
                            Transformations::GROUP_BY,
                            &mut origins,
                        );
                    }) {
                        out.append(&mut origins);
                    }
                }
                SelectItem::Wildcard(_) => {
                    for item in self.all_items(scope) {
                        self.bear(&item, Transformations::GROUP_BY, out);
                    }
                }
                SelectItem::QualifiedWildcard(kind, _) => {
                    for item in self.qualified_items(kind, scope, view) {
                        self.bear(&item, Transformations::GROUP_BY, out);
                    }
                }
            }
        }
    }

    /// Lets what goes into an item bear on the rows.
    pub(crate) fn bear(&self, item: &Item, how: u16, out: &mut Vec<Origin>) {
        let mut of_star = Vec::new();
        let origins = match item {
            Item::Column(column) => &column.origins,
            Item::Star(star) => {
                Self::star_origins(star, None, self.base.place(), &mut of_star);
                &of_star
            }
        };
        out.extend(origins.iter().map(|origin| Origin {
            how: origin.how.then(Transformations(how)),
            ..*origin
        }));
    }

    /// True if `look` met an aggregate or a window of this query, not of one inside of it.
    fn calls_aggregate(&mut self, look: impl FnOnce(&mut Self)) -> bool {
        let here = self.here();
        let before = self.aggregates;
        self.aggregates &= !here;
        look(self);
        let is_met = self.aggregates & here != 0;
        self.aggregates = before;
        is_met
    }

    /// Notes that this query calls an aggregate or a window.
    pub(crate) fn note_aggregate(&mut self) {
        self.aggregates |= self.here();
    }

    /// The bit of this query's depth; deeper ones than a number has bits share none.
    fn here(&self) -> u64 {
        let depth = u32::try_from(self.depth).unwrap_or(u32::MAX);
        1u64.checked_shl(depth).unwrap_or(0)
    }
}

/// The number that an expression is, from 1.
fn number(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse().ok().filter(|number| *number > 0),
            _ => None,
        },
        Expr::Nested(inner) => number(inner),
        _ => None,
    }
}
