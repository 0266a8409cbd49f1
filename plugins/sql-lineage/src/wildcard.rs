//! `*`, with and without schema, and its options.

use std::rc::Rc;

use sqlparser::ast::{
    ExcludeSelectItem, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    ObjectName, RenameSelectItem, SelectItemQualifiedWildcardKind, Value,
    WildcardAdditionalOptions,
};

use crate::expr::Around;

use crate::intern::{Folded, Symbol};
use crate::model::{Place, Transformations};
use crate::name::idents;
use crate::origin::{self, Origin};
use crate::query::{Analysis, View, is_reference};
use crate::scope::{Column, Item, Merged, Scope, Star, StarSource};

impl Analysis<'_, '_> {
    /// What `*` gives: all columns of all relations; those that a join made one of several stand once.
    pub(crate) fn all_items(&mut self, scope: &Scope<'_>) -> Vec<Item> {
        let mut items = Vec::new();
        for (at, relation) in scope.relations.iter().enumerate() {
            if relation.is_hidden {
                continue;
            }
            for item in &relation.output.items {
                let name = match item {
                    Item::Column(Column {
                        name: Some(name), ..
                    }) => Some(self.fold(*name)),
                    _ => None,
                };
                let merged = scope
                    .merged
                    .iter()
                    .find(|merged| Some(merged.name) == name && merged.members.contains(&at));
                match (merged, item) {
                    (Some(merged), Item::Column(column)) if merged.members.first() == Some(&at) => {
                        items.push(self.merged_item(merged, column, scope));
                    }
                    (Some(_), _) => {}
                    (None, item) => items.push(item.clone()),
                }
            }
        }
        items
    }

    /// A column that a join made one of several, where the first of them stood.
    fn merged_item(&self, merged: &Merged, column: &Column, scope: &Scope<'_>) -> Item {
        let fold = |symbol| self.session.names.fold(symbol);
        let mut origins: Vec<Origin> = merged
            .kept
            .iter()
            .filter_map(|at| scope.relations[*at].output.named(merged.name, &fold))
            .flat_map(|column| column.origins.iter().copied())
            .collect();
        origin::merge(&mut origins);
        Item::Column(Column {
            name: column.name,
            origins,
        })
    }

    pub(crate) fn qualified_items<'a>(
        &mut self,
        kind: &'a SelectItemQualifiedWildcardKind,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) -> Vec<Item> {
        match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => self.items_of(name, scope),
            SelectItemQualifiedWildcardKind::Expr(expr) => {
                let mut origins = Vec::new();
                self.value(expr, scope, view, &mut origins);
                vec![Item::Star(Star {
                    sources: vec![StarSource::Values(origins)],
                    except: Vec::new(),
                })]
            }
        }
    }

    /// What `t.*` gives; a struct's fields if `t` is a column.
    fn items_of(&mut self, name: &ObjectName, scope: &Scope<'_>) -> Vec<Item> {
        let Some(parts) = idents(name) else {
            return Vec::new();
        };
        let qualifier: Vec<Folded> = parts.iter().map(|part| self.session.folded(part)).collect();
        let mut around = Some(scope);
        while let Some(scope) = around {
            for exactly in [true, false] {
                let found = scope
                    .relations
                    .iter()
                    .find(|relation| relation.is_called(&qualifier, exactly));
                if let Some(relation) = found {
                    return relation.output.items.clone();
                }
            }
            around = scope.parent;
        }
        let parts: Vec<Ident> = parts.into_iter().cloned().collect();
        let mut origins = Vec::new();
        self.column(&parts, scope, Transformations::IDENTITY, &mut origins);
        vec![Item::Star(Star {
            sources: vec![StarSource::Values(origins)],
            except: Vec::new(),
        })]
    }

    /// Where a column of a star comes from; all of the star if no column is named.
    pub(crate) fn star_origins(
        star: &Star,
        column: Option<Symbol>,
        place: Place,
        out: &mut Vec<Origin>,
    ) {
        for source in &star.sources {
            match source {
                StarSource::Table(table) => out.push(Origin {
                    table: Some(*table),
                    column,
                    how: Transformations(Transformations::IDENTITY),
                    place,
                }),
                StarSource::Values(origins) => {
                    let next = Transformations(Transformations::TRANSFORMATION);
                    out.extend(origins.iter().map(|origin| Origin {
                        how: origin.how.then(next),
                        ..*origin
                    }));
                }
            }
        }
    }

    pub(crate) fn with_options<'a>(
        &mut self,
        mut items: Vec<Item>,
        options: &'a WildcardAdditionalOptions,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) -> Vec<Item> {
        if let Some(exclude) = &options.opt_exclude {
            self.exclude(exclude, &mut items);
        }
        if let Some(except) = &options.opt_except {
            let dropped: Vec<Folded> = std::iter::once(&except.first_element)
                .chain(&except.additional_elements)
                .map(|ident| self.session.folded(ident))
                .collect();
            self.without(&dropped, &mut items);
        }
        if let Some(ilike) = &options.opt_ilike {
            let pattern = ilike.pattern.to_lowercase();
            let names = &self.session.names;
            items.retain(|item| match item {
                Item::Column(Column {
                    name: Some(name), ..
                }) => is_like(&names.text(*name).to_lowercase(), &pattern),
                _ => true,
            });
        }
        if let Some(replace) = &options.opt_replace {
            for element in &replace.items {
                let mut origins = Vec::new();
                self.value(&element.expr, scope, view, &mut origins);
                self.replace(&element.column_name, origins, &mut items);
            }
        }
        match &options.opt_rename {
            Some(RenameSelectItem::Single(one)) => self.rename(&one.ident, &one.alias, &mut items),
            Some(RenameSelectItem::Multiple(all)) => {
                for one in all {
                    self.rename(&one.ident, &one.alias, &mut items);
                }
            }
            None => {}
        }
        items
    }

    pub(crate) fn exclude(&mut self, exclude: &ExcludeSelectItem, items: &mut Vec<Item>) {
        let names = match exclude {
            ExcludeSelectItem::Single(name) => std::slice::from_ref(name),
            ExcludeSelectItem::Multiple(names) => names,
        };
        let dropped: Vec<Folded> = names
            .iter()
            .filter_map(|name| idents(name)?.last().copied())
            .map(|ident| self.session.folded(ident))
            .collect();
        self.without(&dropped, items);
    }

    /// Takes columns out.
    pub(crate) fn without(&mut self, dropped: &[Folded], items: &mut Vec<Item>) {
        items.retain_mut(|item| match item {
            Item::Column(Column {
                name: Some(name), ..
            }) => !dropped.contains(&self.session.names.fold(*name)),
            Item::Column(_) => true,
            Item::Star(star) => {
                star.except.extend_from_slice(dropped);
                true
            }
        });
    }

    /// Puts another value in the place of a column.
    pub(crate) fn replace(&mut self, name: &Ident, origins: Vec<Origin>, items: &mut Vec<Item>) {
        let symbol = self.session.symbol(name);
        let folded = self.fold(symbol);
        let known = items.iter_mut().find_map(|item| match item {
            Item::Column(column)
                if column.name.map(|n| self.session.names.fold(n)) == Some(folded) =>
            {
                Some(column)
            }
            _ => None,
        });
        if let Some(column) = known {
            column.origins = origins;
            return;
        }
        for item in items.iter_mut() {
            if let Item::Star(star) = item {
                star.except.push(folded);
            }
        }
        items.push(Item::Column(Column {
            name: Some(symbol),
            origins,
        }));
    }

    /// Gives a column another name.
    pub(crate) fn rename(&mut self, name: &Ident, alias: &Ident, items: &mut Vec<Item>) {
        let symbol = self.session.symbol(name);
        let folded = self.fold(symbol);
        let alias = self.session.symbol(alias);
        for item in items.iter_mut() {
            if let Item::Column(column) = item
                && column.name.map(|name| self.session.names.fold(name)) == Some(folded)
            {
                column.name = Some(alias);
                return;
            }
        }
        let mut origins = Vec::new();
        let place = self.place(name);
        let stars: Vec<Star> = items
            .iter()
            .filter_map(|item| match item {
                Item::Star(star) if !star.except.contains(&folded) => Some(star.clone()),
                _ => None,
            })
            .collect();
        for star in &stars {
            Self::star_origins(star, Some(symbol), place, &mut origins);
        }
        origin::merge(&mut origins);
        for item in items.iter_mut() {
            if let Item::Star(star) = item {
                star.except.push(folded);
            }
        }
        items.push(Item::Column(Column {
            name: Some(alias),
            origins,
        }));
    }

    /// `COLUMNS(…)`: in an item of a select list that is read once for each of these columns, the one whose turn it is;
    /// elsewhere, all of them.
    pub(crate) fn columns_expression<'a>(
        &mut self,
        name: &str,
        function: &'a Function,
        around: Around<'_, '_, 'a>,
        out: &mut Vec<Origin>,
    ) {
        let items = self.columns_meant(function, around.scope, around.view);
        let place = self.base.place();
        let mut add = |item: &Item| {
            let mut of_star = Vec::new();
            let origins = match item {
                Item::Column(column) => &column.origins,
                Item::Star(star) => {
                    Self::star_origins(star, None, place, &mut of_star);
                    &of_star
                }
            };
            out.extend(origins.iter().map(|origin| Origin {
                how: origin.how.then(Transformations(around.how)),
                ..*origin
            }));
        };
        match &mut self.spread {
            Some(spread) if !name.starts_with('*') => {
                if let Some(item) = items.get(spread.turn) {
                    add(item);
                }
                if spread.items.is_empty() {
                    spread.items = items;
                }
            }
            _ => items.iter().for_each(add),
        }
    }

    /// The columns that `COLUMNS(…)` stands for: those of a star, those whose names a pattern matches, those of a list.
    /// A condition that is computed from the names is not: all columns may be meant.
    pub(crate) fn columns_meant<'a>(
        &mut self,
        function: &'a Function,
        scope: &Scope<'_>,
        view: View<'_, 'a>,
    ) -> Vec<Item> {
        let FunctionArguments::List(list) = &function.args else {
            return Vec::new();
        };
        let mut items = Vec::new();
        for arg in &list.args {
            let FunctionArg::Unnamed(arg) = arg else {
                continue;
            };
            match arg {
                FunctionArgExpr::Wildcard => items.extend(self.all_items(scope)),
                FunctionArgExpr::WildcardWithOptions(options) => {
                    let all = self.all_items(scope);
                    items.extend(self.with_options(all, options, scope, view));
                }
                FunctionArgExpr::QualifiedWildcard(name) => {
                    items.extend(self.items_of(name, scope));
                }
                FunctionArgExpr::Expr(expr) => {
                    let mut all = self.all_items(scope);
                    if let Some(pattern) = text_of_value(expr) {
                        // What this kind of pattern does not have may match any name.
                        let pattern = regex_lite::Regex::new(&format!("(?i){pattern}")).ok();
                        all.retain(|item| match (item, &pattern) {
                            (
                                Item::Column(Column {
                                    name: Some(name), ..
                                }),
                                Some(pattern),
                            ) => pattern.is_match(self.session.names.text(*name)),
                            _ => true,
                        });
                    } else if let Expr::Array(array) = expr {
                        let names: Vec<&str> =
                            array.elem.iter().filter_map(text_of_value).collect();
                        all.retain(|item| match item {
                            Item::Column(Column {
                                name: Some(name), ..
                            }) => {
                                let text = self.session.names.text(*name);
                                names.iter().any(|name| name.eq_ignore_ascii_case(text))
                            }
                            _ => true,
                        });
                    } else if is_reference(expr) {
                        all.clear();
                        let mut origins = Vec::new();
                        self.value(expr, scope, view, &mut origins);
                        let name = self.implied_name(expr);
                        all.push(Item::Column(Column { name, origins }));
                    }
                    items.extend(all);
                }
            }
        }
        items
    }

    /// A relation's output without what nobody can name.
    pub(crate) fn shared(items: Vec<Item>, influences: Vec<Origin>) -> Rc<crate::scope::Output> {
        Rc::new(crate::scope::Output { items, influences })
    }
}

fn text_of_value(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// `LIKE` with `%` and `_`.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut rule) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(rule) {
            Some('%') => {
                retry = Some((at, rule));
                rule += 1;
            }
            Some(symbol) if *symbol == '_' || *symbol == text[at] => {
                at += 1;
                rule += 1;
            }
            _ => match &mut retry {
                Some((from, star)) => {
                    *from += 1;
                    at = *from;
                    rule = *star + 1;
                }
                None => return false,
            },
        }
    }
    pattern[rule..].iter().all(|symbol| *symbol == '%')
}
