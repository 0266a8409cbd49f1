//! Set operations: UNION, EXCEPT, INTERSECT.

use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};

use crate::model::Transformations;
use crate::origin;
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Output, Scope, Star};

impl Analysis<'_, '_> {
    /// UNION: a long chain of them leans to the left.
    pub(crate) fn union<'a>(
        &mut self,
        body: &'a SetExpr,
        view: View<'_, 'a>,
        parent: Option<&Scope<'_>>,
    ) -> Output {
        let mut branches = Vec::new();
        let mut rest = body;
        while let SetExpr::SetOperation {
            left,
            op: SetOperator::Union,
            right,
            set_quantifier,
        } = rest
        {
            branches.push((&**right, *set_quantifier));
            rest = left;
        }
        let mut output = self.set_expr(rest, view, parent, None);
        for (branch, quantifier) in branches.into_iter().rev() {
            let next = self.set_expr(branch, view, parent, None);
            output = match quantifier {
                SetQuantifier::ByName
                | SetQuantifier::AllByName
                | SetQuantifier::DistinctByName => self.united_where_names_match(output, &next),
                _ => self.united(output, &next),
            };
            if is_distinct(quantifier) {
                self.compared(&mut output, Transformations::GROUP_BY);
            }
        }
        output
    }

    /// EXCEPT and INTERSECT: what both sides give decides which rows of the left one stay.
    pub(crate) fn kept_rows<'a>(
        &mut self,
        body: &'a SetExpr,
        view: View<'_, 'a>,
        parent: Option<&Scope<'_>>,
    ) -> Output {
        let SetExpr::SetOperation { left, right, .. } = body else {
            return self.set_expr(body, view, parent, None);
        };
        let mut output = self.set_expr(left, view, parent, None);
        let mut other = self.set_expr(right, view, parent, None);
        self.compared(&mut output, Transformations::FILTER);
        self.compared(&mut other, Transformations::FILTER);
        output.influences.append(&mut other.influences);
        origin::merge(&mut output.influences);
        output
    }

    /// Rows are compared by all their columns: each bears on which of them come out.
    fn compared(&self, output: &mut Output, how: u16) {
        let mut influences = std::mem::take(&mut output.influences);
        for item in &output.items {
            self.bear(item, how, &mut influences);
        }
        origin::merge(&mut influences);
        output.influences = influences;
    }

    /// UNION BY NAME: a column of one name is one, and each column of either side comes out.
    fn united_where_names_match(&mut self, mut left: Output, right: &Output) -> Output {
        left.influences.extend_from_slice(&right.influences);
        origin::merge(&mut left.influences);
        if left.is_open() || right.is_open() {
            let more = left.items.clone();
            let mut output = self.united_by_name(left, right);
            // What the other side has alone comes out, too; what is known of the left one stays.
            for item in more.into_iter().chain(right.items.iter().cloned()) {
                let is_there = match &item {
                    Item::Column(Column {
                        name: Some(name), ..
                    }) => {
                        let folded = self.fold(*name);
                        let fold = |symbol| self.session.names.fold(symbol);
                        output.named(folded, &fold).is_some()
                    }
                    other => output.items.contains(other),
                };
                if !is_there {
                    output.items.push(item);
                }
            }
            return output;
        }
        for item in &right.items {
            let Item::Column(column) = item else { continue };
            let name = column.name.map(|name| self.fold(name));
            let names = &self.session.names;
            let known = left.items.iter_mut().find_map(|known| match known {
                Item::Column(known)
                    if name.is_some() && known.name.map(|known| names.fold(known)) == name =>
                {
                    Some(known)
                }
                _ => None,
            });
            match known {
                Some(known) => {
                    known.origins.extend_from_slice(&column.origins);
                    origin::merge(&mut known.origins);
                }
                None => left.items.push(item.clone()),
            }
        }
        left
    }

    /// Column by column: the first branch names, all give values.
    pub(crate) fn united(&mut self, mut left: Output, right: &Output) -> Output {
        left.influences.extend_from_slice(&right.influences);
        origin::merge(&mut left.influences);
        if left.items.is_empty() {
            left.items.clone_from(&right.items);
            return left;
        }
        let is_same_shape = left.items.len() == right.items.len()
            && left.items.iter().zip(&right.items).all(|(left, right)| {
                matches!(left, Item::Star(_)) == matches!(right, Item::Star(_))
            });
        if is_same_shape || !left.is_open() && !right.is_open() {
            for (left, right) in left.items.iter_mut().zip(&right.items) {
                match (left, right) {
                    (Item::Column(left), Item::Column(right)) => {
                        left.origins.extend_from_slice(&right.origins);
                        origin::merge(&mut left.origins);
                    }
                    (Item::Star(left), Item::Star(right)) => {
                        for source in &right.sources {
                            if !left.sources.contains(source) {
                                left.sources.push(source.clone());
                            }
                        }
                    }
                    _ => {}
                }
            }
            return left;
        }
        self.united_by_name(left, right)
    }

    /// Columns that are not known have no places: names must do.
    fn united_by_name(&mut self, mut left: Output, right: &Output) -> Output {
        for item in &mut left.items {
            match item {
                Item::Column(column) => {
                    let Some(name) = column.name else { continue };
                    let folded = self.fold(name);
                    let fold = |symbol| self.session.names.fold(symbol);
                    if let Some(found) = right.named(folded, &fold) {
                        column.origins.extend_from_slice(&found.origins);
                    } else {
                        let mut origins = Vec::new();
                        for star in right.stars(folded) {
                            Self::star_origins(star, Some(name), self.base.place(), &mut origins);
                        }
                        column.origins.extend(origins);
                    }
                    origin::merge(&mut column.origins);
                }
                Item::Star(star) => {
                    for other in &right.items {
                        if let Item::Star(other) = other {
                            for source in &other.sources {
                                if !star.sources.contains(source) {
                                    star.sources.push(source.clone());
                                }
                            }
                        }
                    }
                }
            }
        }
        if left.is_open() && !right.is_open() {
            let more: Vec<Item> = right
                .items
                .iter()
                .filter(|item| match item {
                    Item::Column(Column {
                        name: Some(name), ..
                    }) => {
                        let fold = |symbol| self.session.names.fold(symbol);
                        left.named(fold(*name), &fold).is_none()
                    }
                    _ => false,
                })
                .cloned()
                .collect();
            // The columns of the left side may have these names: both give values then.
            let mut added = Vec::new();
            for item in more {
                let Item::Column(mut column) = item else {
                    continue;
                };
                if let Some(name) = column.name {
                    let folded = self.fold(name);
                    let stars: Vec<Star> = left.stars(folded).cloned().collect();
                    let mut origins = Vec::new();
                    for star in &stars {
                        Self::star_origins(star, Some(name), self.base.place(), &mut origins);
                    }
                    column.origins.extend(origins);
                    origin::merge(&mut column.origins);
                }
                added.push(Item::Column(column));
            }
            left.items = added;
        }
        left
    }
}

fn is_distinct(quantifier: SetQuantifier) -> bool {
    matches!(
        quantifier,
        SetQuantifier::None
            | SetQuantifier::Distinct
            | SetQuantifier::ByName
            | SetQuantifier::DistinctByName
    )
}
