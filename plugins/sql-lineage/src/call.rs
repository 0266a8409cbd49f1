//! Calls: functions and their arguments, lambdas, macros.

use std::rc::Rc;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArguments, Ident, LambdaFunction, LambdaSyntax, MacroArg, MacroDefinition, ObjectName,
    OneOrManyWithParens, WindowType,
};

use crate::dialect::Dialect;
use crate::expr::Around;
use crate::functions;
use crate::intern::Folded;
use crate::model::Transformations as T;
use crate::name::idents;
use crate::origin::Origin;
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Output, Relation, Scope};
use crate::split::Base;

/// How deep calls of macros may stand in macros, as these may call themselves.
const MACROS_MAX: usize = 16;

/// What a script calls by a name: an expression or a query with parameters.
#[derive(Debug)]
pub(crate) struct Macro {
    parameters: Vec<MacroArg>,
    definition: MacroDefinition,
    /// Where it stands: what is in it is there, wherever it is called.
    base: Base,
}

impl Analysis<'_, '_> {
    pub(crate) fn function<'a>(
        &mut self,
        function: &'a Function,
        around: Around<'_, '_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        let name = idents(&function.name).and_then(|parts| parts.last().map(|last| &*last.value));
        let name = name.unwrap_or_default();
        let is_windowed = function.over.is_some();
        let mut inner = if is_windowed || functions::is_aggregate(name) {
            self.note_aggregate();
            around.aggregated()
        } else {
            around.computed()
        };
        if functions::is_mask(name) {
            inner = inner.also(T::MASKING);
        }
        if functions::is_columns(name) && self.session.dialect.has_columns_expression() {
            return self.columns_expression(name, function, inner, out);
        }
        let from = out.len();
        self.called_on(function, inner, out);
        self.arguments(name, &function.parameters, inner, out);
        self.arguments(name, &function.args, inner, out);
        if functions::makes_rows(name) {
            self.multipliers.extend_from_slice(&out[from..]);
        }
        if function.over.is_none() {
            self.macro_value(function, inner, out);
        }
        for by in &function.within_group {
            self.expr(&by.expr, inner, out);
        }
        if let Some(filter) = &function.filter {
            self.expr(filter, inner.also(T::CONDITIONAL), out);
        }
        let window = around.computed().also(T::WINDOW);
        let named = match &function.over {
            Some(WindowType::WindowSpec(spec)) => {
                self.exprs(&spec.partition_by, window, out);
                self.exprs(spec.order_by.iter().map(|by| &by.expr), window, out);
                spec.window_name.as_ref()
            }
            Some(WindowType::NamedWindow(name)) => Some(name),
            None => None,
        };
        if let Some(name) = named {
            let name = self.session.folded(name);
            let windows = around.scope.windows.iter();
            for (_, origins) in windows.filter(|(known, _)| *known == name) {
                out.extend(origins.iter().map(|origin| Origin {
                    how: origin.how.then(T(window.how)),
                    ..*origin
                }));
            }
        }
    }

    /// `column.f(x)`: the column is the first argument. What no table has is the schema of the function.
    fn called_on(
        &mut self,
        function: &Function,
        around: Around<'_, '_, '_>,
        out: &mut Vec<Origin>,
    ) {
        if self.session.dialect != Dialect::DuckDb {
            return;
        }
        let parts = idents(&function.name).unwrap_or_default();
        let [column @ .., _] = &parts[..] else { return };
        let [first, rest @ ..] = column else { return };
        let folded = self.session.folded(first);
        let is_relation = around
            .scope
            .relations
            .iter()
            .any(|relation| relation.is_called(&[folded], false));
        if self.is_column(first, around.scope) || is_relation && !rest.is_empty() {
            let column: Vec<Ident> = column.iter().map(|part| (*part).clone()).collect();
            self.column(&column, around.scope, around.how, out);
        }
    }

    fn arguments<'a>(
        &mut self,
        function: &str,
        arguments: &'a FunctionArguments,
        around: Around<'_, '_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        let list = match arguments {
            FunctionArguments::None => return,
            FunctionArguments::Subquery(query) => return self.subquery(query, around, out),
            FunctionArguments::List(list) => list,
        };
        for (at, argument) in list.args.iter().enumerate() {
            // Here `=` compares: functions that give values have no names for their arguments that are set so.
            if let FunctionArg::Named {
                name,
                operator: FunctionArgOperator::Equals,
                ..
            } = argument
            {
                self.column(std::slice::from_ref(name), around.scope, around.how, out);
            }
            let (FunctionArg::Named { arg, .. }
            | FunctionArg::ExprNamed { arg, .. }
            | FunctionArg::Unnamed(arg)) = argument;
            match arg {
                FunctionArgExpr::Expr(expr) => {
                    if let Expr::Identifier(ident) = expr
                        && functions::is_date_part(function, &ident.value)
                        && !self.is_column(ident, around.scope)
                    {
                        continue;
                    }
                    let around = if at == 0 && functions::is_conditional(function) {
                        around.also(T::CONDITIONAL)
                    } else {
                        around
                    };
                    match expr {
                        Expr::Lambda(lambda) => self.lambda(lambda, around, out),
                        expr => self.expr(expr, around, out),
                    }
                }
                FunctionArgExpr::QualifiedWildcard(name) => {
                    if let Some(parts) = idents(name) {
                        let parts: Vec<Ident> = parts.into_iter().cloned().collect();
                        self.whole(&parts, around, out);
                    }
                }
                FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => {
                    self.all_rows(around, out);
                }
            }
        }
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(order) => {
                    self.exprs(order.iter().map(|by| &by.expr), around, out);
                }
                FunctionArgumentClause::Where(expr) => {
                    self.expr(expr, around.also(T::CONDITIONAL), out);
                }
                _ => {}
            }
        }
    }

    /// `count(*)`: rows, not columns. Where columns are not known, it stands for all of them.
    fn all_rows(&mut self, around: Around<'_, '_, '_>, out: &mut Vec<Origin>) {
        for relation in &around.scope.relations {
            for item in &relation.output.items {
                if let Item::Star(star) = item {
                    let mut origins = Vec::new();
                    Self::star_origins(star, None, self.base.place(), &mut origins);
                    out.extend(origins.into_iter().map(|origin| Origin {
                        how: origin.how.then(T(around.how)),
                        ..origin
                    }));
                }
            }
        }
    }

    /// All columns of a relation, as one value.
    pub(crate) fn whole(
        &mut self,
        parts: &[Ident],
        around: Around<'_, '_, '_>,
        out: &mut Vec<Origin>,
    ) {
        let qualifier: Vec<Folded> = parts.iter().map(|part| self.session.folded(part)).collect();
        let found = around
            .scope
            .relations
            .iter()
            .find(|relation| relation.is_called(&qualifier, false));
        let Some(relation) = found else { return };
        for item in &relation.output.items {
            let mut origins = Vec::new();
            match item {
                Item::Column(column) => origins.extend_from_slice(&column.origins),
                Item::Star(star) => Self::star_origins(star, None, self.base.place(), &mut origins),
            }
            out.extend(origins.into_iter().map(|origin| Origin {
                how: origin.how.then(T(around.how)),
                ..origin
            }));
        }
    }

    /// A lambda among the arguments of a function. An arrow whose left side the right side does not use takes a part of
    /// a document: `coalesce(document -> 'a', 'b')`.
    fn lambda<'a>(
        &mut self,
        lambda: &'a LambdaFunction,
        around: Around<'_, '_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        let inner = around.computed();
        let (names, one) = match &lambda.params {
            OneOrManyWithParens::One(one) => (vec![&one.name], Some(&one.name)),
            OneOrManyWithParens::Many(many) => (many.iter().map(|one| &one.name).collect(), None),
        };
        let names: Vec<Folded> = names.into_iter().map(|n| self.session.folded(n)).collect();
        let known = around.scope.parameters.borrow().len();
        around.scope.parameters.borrow_mut().extend(names);
        let met = self.parameters_met;
        self.expr(&lambda.body, inner, out);
        around.scope.parameters.borrow_mut().truncate(known);
        if let Some(one) = one
            && lambda.syntax == LambdaSyntax::Arrow
            && met == self.parameters_met
        {
            self.column(std::slice::from_ref(one), inner.scope, inner.how, out);
        }
    }

    /// What the parser takes for a lambda and that is none, as no function takes it: `document -> 'a'`.
    pub(crate) fn arrow<'a>(
        &mut self,
        lambda: &'a LambdaFunction,
        inner: Around<'_, '_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        match &lambda.params {
            OneOrManyWithParens::One(one) if lambda.syntax == LambdaSyntax::Arrow => {
                self.column(std::slice::from_ref(&one.name), inner.scope, inner.how, out);
                self.expr(&lambda.body, inner, out);
            }
            _ => self.lambda(lambda, inner, out),
        }
    }

    /// Remembers a macro.
    pub(crate) fn create_macro(
        &mut self,
        name: &ObjectName,
        parameters: Option<&Vec<MacroArg>>,
        definition: &MacroDefinition,
    ) {
        let Some(last) = idents(name).and_then(|parts| parts.last().copied()) else {
            return;
        };
        let made = Macro {
            parameters: parameters.cloned().unwrap_or_default(),
            definition: definition.clone(),
            base: self.base.clone(),
        };
        let name = self.session.folded(last);
        self.session.macros.insert(name, Rc::new(made));
    }

    fn macro_named(&mut self, name: &ObjectName) -> Option<Rc<Macro>> {
        if self.session.macros.is_empty() || self.macros == MACROS_MAX {
            return None;
        }
        let last = idents(name)?.last().copied()?;
        let name = self.session.folded(last);
        self.session.macros.get(&name).map(Rc::clone)
    }

    /// What a macro reads beside its arguments.
    fn macro_value(
        &mut self,
        function: &Function,
        around: Around<'_, '_, '_>,
        out: &mut Vec<Origin>,
    ) {
        let Some(made) = self.macro_named(&function.name) else {
            return;
        };
        let MacroDefinition::Expr(expr) = &made.definition else {
            return;
        };
        // The arguments are there already: how the macro computes with them, they are told as computed.
        let scope = self.macro_scope(&made, &[]);
        let mut origins = Vec::new();
        self.within(&made, |analysis| {
            analysis.value(expr, &scope, View::NONE, &mut origins);
        });
        out.extend(origins.into_iter().map(|origin| Origin {
            how: origin.how.then(T(around.how)),
            ..origin
        }));
    }

    /// What a macro that is a query gives, called with these arguments.
    pub(crate) fn macro_relation<'a>(
        &mut self,
        name: &ObjectName,
        args: &'a [FunctionArg],
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) -> Option<Output> {
        let made = self.macro_named(name)?;
        let MacroDefinition::Table(query) = &made.definition else {
            return None;
        };
        let mut values = Vec::new();
        for arg in args {
            let (name, arg) = match arg {
                FunctionArg::Named { name, arg, .. } => (Some(name), arg),
                FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg) => (None, arg),
            };
            let mut origins = Vec::new();
            if let FunctionArgExpr::Expr(expr) = arg {
                self.value(expr, scope, view, &mut origins);
            }
            values.push((name, origins));
        }
        let scope = self.macro_scope(&made, &values);
        Some(self.within(&made, |analysis| {
            analysis.query(query, View::NONE, Some(&scope))
        }))
    }

    /// Reads what stands in a macro.
    fn within<T>(&mut self, made: &Macro, read: impl FnOnce(&mut Self) -> T) -> T {
        let around = std::mem::replace(&mut self.base, made.base.clone());
        self.macros += 1;
        let told = read(self);
        self.macros -= 1;
        self.base = around;
        told
    }

    /// What a macro's parameter of that name stands for; false if there is none.
    pub(crate) fn macro_parameter(
        &mut self,
        parts: &[Ident],
        name: Folded,
        scope: &Scope<'_>,
        out: &mut Vec<Origin>,
    ) -> bool {
        let mut around = (self.macros > 0).then_some(scope);
        while let Some(scope) = around {
            if scope.is_macro {
                return self.unqualified(parts, name, scope, out);
            }
            around = scope.parent;
        }
        false
    }

    /// The parameters of a macro as columns, with what goes into them.
    fn macro_scope(
        &mut self,
        made: &Macro,
        values: &[(Option<&Ident>, Vec<Origin>)],
    ) -> Scope<'static> {
        let mut items = Vec::new();
        for (at, parameter) in made.parameters.iter().enumerate() {
            let named = values.iter().find(|(name, _)| {
                name.is_some_and(|name| name.value.eq_ignore_ascii_case(&parameter.name.value))
            });
            let value = named.or_else(|| values.get(at).filter(|(name, _)| name.is_none()));
            items.push(Item::Column(Column {
                name: Some(self.session.symbol(&parameter.name)),
                origins: value
                    .map(|(_, origins)| origins.clone())
                    .unwrap_or_default(),
            }));
        }
        let mut scope = Scope {
            is_macro: true,
            ..Scope::default()
        };
        scope.relations.push(Relation {
            alias: None,
            name: Vec::new(),
            output: Self::shared(items, Vec::new()),
            is_hidden: true,
        });
        scope
    }
}
