//! Expressions: which columns go into a value, and how.

use sqlparser::ast::{AccessExpr, Expr, Ident, JsonPathElem, Query, Subscript};

use crate::functions;
use crate::intern::Folded;
use crate::model::Transformations as T;
use crate::name::idents;
use crate::origin::{self, Origin};
use crate::query::{Analysis, View};
use crate::scope::{Item, Scope};
use crate::split::is_placeholder;

/// What surrounds an expression.
#[derive(Clone, Copy)]
pub(crate) struct Around<'x, 'p, 'a> {
    pub(crate) scope: &'x Scope<'x>,
    pub(crate) view: View<'p, 'a>,
    pub(crate) how: u16,
}

impl Around<'_, '_, '_> {
    /// Inside of a computation.
    pub(crate) fn computed(self) -> Self {
        let how = match self.how & T::DIRECT {
            0 | T::AGGREGATION => self.how,
            _ => self.how & !T::DIRECT | T::TRANSFORMATION,
        };
        Self { how, ..self }
    }

    pub(crate) fn aggregated(self) -> Self {
        let how = match self.how & T::DIRECT {
            0 => self.how,
            _ => self.how & !T::DIRECT | T::AGGREGATION,
        };
        Self { how, ..self }
    }

    pub(crate) fn also(self, how: u16) -> Self {
        Self {
            how: self.how | how,
            ..self
        }
    }
}

impl Analysis<'_, '_> {
    /// Where the value of an expression comes from.
    pub(crate) fn value<'a>(
        &mut self,
        expr: &'a Expr,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        let how = T::IDENTITY;
        self.expr(expr, Around { scope, view, how }, out);
        origin::merge(out);
    }

    /// What bears on rows by an expression, such as a filter; `how` says as what.
    pub(crate) fn influence<'a>(
        &mut self,
        expr: &'a Expr,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
        how: u16,
        out: &mut Vec<Origin>,
    ) {
        self.expr(expr, Around { scope, view, how }, out);
    }

    pub(crate) fn exprs<'x, 'a: 'x>(
        &mut self,
        exprs: impl IntoIterator<Item = &'a Expr>,
        around: Around<'x, '_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        for expr in exprs {
            self.expr(expr, around, out);
        }
    }

    pub(crate) fn expr<'a>(
        &mut self,
        expr: &'a Expr,
        around: Around<'_, '_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        let inner = around.computed();
        match expr {
            Expr::Identifier(ident) => {
                self.column(std::slice::from_ref(ident), around.scope, around.how, out);
            }
            Expr::CompoundIdentifier(idents) => self.column(idents, around.scope, around.how, out),
            Expr::Nested(expr) | Expr::Collate { expr, .. } | Expr::Named { expr, .. } => {
                self.expr(expr, around, out);
            }
            Expr::OuterJoin(expr) | Expr::Prior(expr) => self.expr(expr, around, out),
            Expr::BinaryOp { .. } => {
                // A long chain leans to the left.
                let mut rest = expr;
                while let Expr::BinaryOp { left, right, .. } = rest {
                    self.expr(right, inner, out);
                    rest = left;
                }
                self.expr(rest, inner, out);
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.accessed(root, access_chain, around, out);
            }
            Expr::JsonAccess { value, path } => {
                self.expr(value, inner, out);
                for part in &path.path {
                    if let JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } = part
                    {
                        self.expr(key, inner, out);
                    }
                }
            }
            Expr::InSubquery { expr, subquery, .. } => {
                self.expr(expr, inner, out);
                self.subquery(subquery, inner, out);
            }
            Expr::Function(function) => self.function(function, around, out),
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => {
                let condition = inner.also(T::CONDITIONAL);
                self.exprs(operand.iter().map(|e| &**e), condition, out);
                for when in conditions {
                    self.expr(&when.condition, condition, out);
                    self.expr(&when.result, inner, out);
                }
                self.exprs(else_result.iter().map(|e| &**e), inner, out);
            }
            Expr::Exists { subquery, .. } | Expr::Subquery(subquery) => {
                self.subquery(subquery, around, out);
            }
            Expr::MatchAgainst { columns, .. } => {
                for name in columns {
                    if let Some(parts) = idents(name) {
                        let parts: Vec<Ident> = parts.into_iter().cloned().collect();
                        self.column(&parts, inner.scope, inner.how, out);
                    }
                }
            }
            Expr::Lambda(lambda) => self.arrow(lambda, inner, out),
            Expr::QualifiedWildcard(name, _) => {
                if let Some(parts) = idents(name) {
                    let parts: Vec<Ident> = parts.into_iter().cloned().collect();
                    self.whole(&parts, inner, out);
                }
            }
            other => self.operands(other, inner, out),
        }
    }

    /// Expressions of which nothing is to be known but what goes in.
    fn operands<'a>(&mut self, expr: &'a Expr, inner: Around<'_, '_, 'a>, out: &mut Vec<Origin>) {
        match expr {
            Expr::IsFalse(expr)
            | Expr::IsNotFalse(expr)
            | Expr::IsTrue(expr)
            | Expr::IsNotTrue(expr)
            | Expr::IsNull(expr)
            | Expr::IsNotNull(expr)
            | Expr::IsUnknown(expr)
            | Expr::IsNotUnknown(expr)
            | Expr::IsJson { expr, .. }
            | Expr::IsNormalized { expr, .. }
            | Expr::UnaryOp { expr, .. }
            | Expr::Cast { expr, .. }
            | Expr::Extract { expr, .. }
            | Expr::Ceil { expr, .. }
            | Expr::Floor { expr, .. } => self.expr(expr, inner, out),
            Expr::Convert { expr, styles, .. } => {
                self.expr(expr, inner, out);
                self.exprs(styles, inner, out);
            }
            Expr::IsDistinctFrom(left, right)
            | Expr::IsNotDistinctFrom(left, right)
            | Expr::AnyOp { left, right, .. }
            | Expr::AllOp { left, right, .. } => {
                self.expr(left, inner, out);
                self.expr(right, inner, out);
            }
            Expr::InList { expr, list, .. } => {
                self.expr(expr, inner, out);
                self.exprs(list, inner, out);
            }
            Expr::InUnnest {
                expr, array_expr, ..
            } => {
                self.expr(expr, inner, out);
                self.expr(array_expr, inner, out);
            }
            Expr::Between {
                expr, low, high, ..
            } => {
                for expr in [expr, low, high] {
                    self.expr(expr, inner, out);
                }
            }
            Expr::Like { expr, pattern, .. }
            | Expr::ILike { expr, pattern, .. }
            | Expr::SimilarTo { expr, pattern, .. }
            | Expr::RLike { expr, pattern, .. } => {
                self.expr(expr, inner, out);
                self.expr(pattern, inner, out);
            }
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => {
                self.expr(timestamp, inner, out);
                self.expr(time_zone, inner, out);
            }
            other => self.parts(other, inner, out),
        }
    }

    /// The same, for what has its own syntax, and for values of several parts.
    fn parts<'a>(&mut self, expr: &'a Expr, inner: Around<'_, '_, 'a>, out: &mut Vec<Origin>) {
        match expr {
            Expr::Position { expr, r#in } => {
                self.expr(expr, inner, out);
                self.expr(r#in, inner, out);
            }
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                self.expr(expr, inner, out);
                self.exprs(
                    substring_from.iter().chain(substring_for).map(|e| &**e),
                    inner,
                    out,
                );
            }
            Expr::Trim {
                trim_what,
                expr,
                trim_characters,
                ..
            } => {
                self.expr(expr, inner, out);
                self.exprs(trim_what.iter().map(|e| &**e), inner, out);
                self.exprs(trim_characters.iter().flatten(), inner, out);
            }
            Expr::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => {
                for expr in [expr, overlay_what, overlay_from]
                    .into_iter()
                    .chain(overlay_for)
                {
                    self.expr(expr, inner, out);
                }
            }
            Expr::Prefixed { value, .. } => self.expr(value, inner, out),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                self.exprs(sets.iter().flatten(), inner, out);
            }
            Expr::Tuple(values) | Expr::Struct { values, .. } => self.exprs(values, inner, out),
            Expr::Dictionary(fields) => {
                self.exprs(fields.iter().map(|field| &*field.value), inner, out);
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    self.expr(&entry.key, inner, out);
                    self.expr(&entry.value, inner, out);
                }
            }
            Expr::Array(array) => self.exprs(&array.elem, inner, out),
            Expr::Interval(interval) => self.expr(&interval.value, inner, out),
            Expr::MemberOf(member) => {
                self.expr(&member.value, inner, out);
                self.expr(&member.array, inner, out);
            }
            // Literals, and what stands above.
            _ => {}
        }
    }

    /// `a.b[1].c`: a column, and fields in it.
    fn accessed<'a>(
        &mut self,
        root: &'a Expr,
        chain: &'a [AccessExpr],
        around: Around<'_, '_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        let mut parts: Vec<Ident> = match root {
            Expr::Identifier(ident) => vec![ident.clone()],
            Expr::CompoundIdentifier(idents) => idents.clone(),
            _ => Vec::new(),
        };
        let inner = around.computed();
        let mut is_path = !parts.is_empty();
        for access in chain {
            match access {
                AccessExpr::Dot(Expr::Identifier(ident)) if is_path => parts.push(ident.clone()),
                AccessExpr::Dot(Expr::Identifier(_)) => is_path = false,
                // What stands before the dot is the first argument of a call behind it.
                AccessExpr::Dot(call) => {
                    is_path = false;
                    self.expr(call, inner, out);
                }
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    is_path = false;
                    self.expr(index, inner, out);
                }
                AccessExpr::Subscript(Subscript::Slice {
                    lower_bound,
                    upper_bound,
                    stride,
                }) => {
                    is_path = false;
                    self.exprs(
                        lower_bound.iter().chain(upper_bound).chain(stride),
                        inner,
                        out,
                    );
                }
            }
        }
        if parts.is_empty() {
            self.expr(root, inner, out);
        } else {
            self.column(&parts, inner.scope, inner.how, out);
        }
    }

    pub(crate) fn subquery<'a>(
        &mut self,
        query: &'a Query,
        around: Around<'_, '_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        let output = self.query(query, around.view, Some(around.scope));
        let how = T(around.how);
        for item in &output.items {
            match item {
                Item::Column(column) => out.extend(column.origins.iter().map(|origin| Origin {
                    how: origin.how.then(how),
                    ..*origin
                })),
                // What is not known one by one is one by one not said, either.
                Item::Star(_) => {}
            }
        }
        // A value that a query looks up depends on how it looks it up.
        out.extend(output.influences);
    }

    /// True if a relation is known to have the column.
    pub(crate) fn is_column(&mut self, ident: &Ident, scope: &Scope<'_>) -> bool {
        let name = self.session.folded(ident);
        let names = &self.session.names;
        let fold = |symbol| names.fold(symbol);
        scope
            .relations
            .iter()
            .any(|relation| relation.output.named(name, &fold).is_some())
    }

    /// Where a column comes from that an expression names, with or without a qualifier, and maybe with fields in it.
    pub(crate) fn column(
        &mut self,
        parts: &[Ident],
        scope: &Scope<'_>,
        how: u16,
        out: &mut Vec<Origin>,
    ) {
        let [first, ..] = parts else { return };
        if is_placeholder(&first.value) || first.value.starts_with(['@', ':']) {
            return;
        }
        let names: Vec<Folded> = parts.iter().map(|part| self.session.folded(part)).collect();
        let from = out.len();
        let is_parameter = Self::is_parameter(names[0], scope);
        self.parameters_met += usize::from(is_parameter);
        let is_found = is_parameter
            || self.macro_parameter(parts, names[0], scope, out)
            || self.qualified(parts, &names, scope, out)
            || (parts.len() == 1 || self.session.dialect.has_field_paths())
                && self.anywhere(parts, names[0], scope, out);
        if !is_found {
            self.unresolved(parts, scope, out);
        }
        for origin in &mut out[from..] {
            origin.how = origin.how.then(T(how));
        }
    }

    fn is_parameter(name: Folded, scope: &Scope<'_>) -> bool {
        let mut around = Some(scope);
        while let Some(scope) = around {
            if scope.parameters.borrow().contains(&name) {
                return true;
            }
            around = scope.parent;
        }
        false
    }

    /// The longest qualifier that names a relation counts, the innermost such relation; what follows the column are
    /// fields in it. False if there is none.
    fn qualified(
        &mut self,
        parts: &[Ident],
        names: &[Folded],
        scope: &Scope<'_>,
        out: &mut Vec<Origin>,
    ) -> bool {
        let mut around = Some(scope);
        while let Some(scope) = around {
            for len in (1..parts.len()).rev() {
                for exactly in [true, false] {
                    let found = scope
                        .relations
                        .iter()
                        .find(|relation| relation.is_called(&names[..len], exactly));
                    if let Some(relation) = found {
                        let output = std::rc::Rc::clone(&relation.output);
                        self.column_of(&output, &parts[len..], out);
                        return true;
                    }
                }
            }
            around = scope.parent;
        }
        false
    }

    /// The innermost scope that has the column.
    fn anywhere(
        &mut self,
        parts: &[Ident],
        name: Folded,
        scope: &Scope<'_>,
        out: &mut Vec<Origin>,
    ) -> bool {
        let mut around = Some(scope);
        while let Some(scope) = around {
            if self.unqualified(parts, name, scope, out) {
                return true;
            }
            around = scope.parent;
        }
        false
    }

    /// A column of a relation that was named.
    fn column_of(&mut self, output: &crate::scope::Output, parts: &[Ident], out: &mut Vec<Origin>) {
        let symbol = self.session.symbol(&parts[0]);
        let folded = self.fold(symbol);
        let place = self.place(&parts[0]);
        if let Some(symbol) = self.path_of(output, parts) {
            self.push_column(output, symbol, place, out);
            return;
        }
        let names = &self.session.names;
        if output.named(folded, &|symbol| names.fold(symbol)).is_some() {
            self.push_column(output, symbol, place, out);
            return;
        }
        let stars: Vec<_> = output.stars(folded).cloned().collect();
        match &stars[..] {
            [one] => Self::star_origins(one, Some(symbol), place, out),
            [] => {}
            _ => out.push(Origin {
                table: None,
                column: Some(symbol),
                how: T(T::IDENTITY),
                place,
            }),
        }
    }

    /// A known column whose name is a path of fields, such as `widget.asset.id`.
    fn path_of(
        &mut self,
        output: &crate::scope::Output,
        parts: &[Ident],
    ) -> Option<crate::intern::Symbol> {
        (2..=parts.len()).rev().find_map(|len| {
            let path: Vec<&str> = parts[..len].iter().map(|part| &*part.value).collect();
            let symbol = self.session.names.intern(&path.join("."));
            let folded = self.fold(symbol);
            let names = &self.session.names;
            output
                .named(folded, &|symbol| names.fold(symbol))
                .map(|_| symbol)
        })
    }

    fn push_column(
        &mut self,
        output: &crate::scope::Output,
        symbol: crate::intern::Symbol,
        place: crate::model::Place,
        out: &mut Vec<Origin>,
    ) {
        let folded = self.fold(symbol);
        let names = &self.session.names;
        if let Some(column) = output.named(folded, &|symbol| names.fold(symbol)) {
            // Columns of tables are known by their tables; only here the text names them.
            out.extend(column.origins.iter().map(|origin| {
                let is_own = origin.place == crate::model::Place::default();
                let place = if is_own { place } else { origin.place };
                Origin { place, ..*origin }
            }));
        }
    }

    pub(crate) fn unqualified(
        &mut self,
        parts: &[Ident],
        name: Folded,
        scope: &Scope<'_>,
        out: &mut Vec<Origin>,
    ) -> bool {
        let names = &self.session.names;
        let fold = |symbol| names.fold(symbol);
        let symbol = names_symbol(names, &parts[0]);
        let owners: Vec<usize> = (0..scope.relations.len())
            .filter(|at| scope.relations[*at].output.named(name, &fold).is_some())
            .collect();
        let owners = if parts.len() > 1 && owners.is_empty() {
            let path = scope.relations.iter().position(|relation| {
                let output = std::rc::Rc::clone(&relation.output);
                has_path(names, &output, parts)
            });
            path.into_iter().collect()
        } else {
            owners
        };
        if let Some(merged) = scope.merged.iter().find(|merged| merged.name == name) {
            for at in &merged.kept {
                let output = std::rc::Rc::clone(&scope.relations[*at].output);
                self.column_of(&output, &parts[..1], out);
            }
            return true;
        }
        if let [first, ..] = owners[..] {
            let output = std::rc::Rc::clone(&scope.relations[first].output);
            self.column_of(&output, parts, out);
            return true;
        }
        let open: Vec<usize> = (0..scope.relations.len())
            .filter(|at| scope.relations[*at].output.stars(name).next().is_some())
            .collect();
        let alias = {
            let aliases = scope.aliases.borrow();
            let found = aliases.iter().rev().find(|(alias, _)| *alias == name);
            found.map(|(_, origins)| std::rc::Rc::clone(origins))
        };
        if let Some(origins) = alias
            && (open.is_empty() || self.session.dialect.has_lateral_aliases())
        {
            out.extend_from_slice(&origins);
            return true;
        }
        match open[..] {
            [] => self.whole_row(name, scope, out),
            [one] => {
                let output = std::rc::Rc::clone(&scope.relations[one].output);
                self.column_of(&output, parts, out);
                true
            }
            _ => {
                if self.whole_row(name, scope, out) {
                    return true;
                }
                let place = self.place(&parts[0]);
                let column = symbol.or_else(|| Some(self.session.symbol(&parts[0])));
                out.push(Origin {
                    table: None,
                    column,
                    how: T(T::IDENTITY),
                    place,
                });
                true
            }
        }
    }

    /// A relation's name where a value is expected stands for its whole row.
    fn whole_row(&mut self, name: Folded, scope: &Scope<'_>, out: &mut Vec<Origin>) -> bool {
        let found = scope
            .relations
            .iter()
            .find(|relation| relation.is_called(&[name], true));
        let Some(relation) = found else { return false };
        let output = std::rc::Rc::clone(&relation.output);
        for item in &output.items {
            match item {
                Item::Column(column) => out.extend_from_slice(&column.origins),
                Item::Star(star) => Self::star_origins(star, None, self.base.place(), out),
            }
        }
        true
    }

    /// A qualified column whose relation is not there: an outer query may be missing, or the name is wrong.
    fn unresolved(&mut self, parts: &[Ident], scope: &Scope<'_>, out: &mut Vec<Origin>) {
        let [.., last] = parts else { return };
        if functions::is_niladic(&last.value) || scope.relations.is_empty() || parts.len() < 2 {
            return;
        }
        let column = Some(self.session.symbol(last));
        let place = self.place(last);
        out.push(Origin {
            table: None,
            column,
            how: T(T::IDENTITY),
            place,
        });
    }
}

fn names_symbol(names: &crate::intern::Interner, ident: &Ident) -> Option<crate::intern::Symbol> {
    names.known(&ident.value)
}

fn has_path(
    names: &crate::intern::Interner,
    output: &crate::scope::Output,
    parts: &[Ident],
) -> bool {
    (2..=parts.len()).any(|len| {
        let path: Vec<&str> = parts[..len].iter().map(|part| &*part.value).collect();
        let Some(symbol) = names.known(&path.join(".").to_lowercase()) else {
            return false;
        };
        output
            .named(names.fold(symbol), &|symbol| names.fold(symbol))
            .is_some()
    })
}
