//! Relations that are made of values: functions in FROM, arrays, documents.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JsonTableColumn, LateralView,
    ObjectName, TableAlias, TableFactor,
};

use crate::functions;
use crate::model::{Place, Transformations as T};
use crate::name::idents;
use crate::origin::{self, Origin};
use crate::query::{Analysis, View};
use crate::scope::{Column, Item, Output, Relation, Scope, Star, StarSource};

impl Analysis<'_, '_> {
    /// What is made of a value: arrays and documents. False if the relation is none of that.
    pub(crate) fn unpacked<'a>(
        &mut self,
        factor: &'a TableFactor,
        scope: &mut Scope<'_>,
        view: View<'_, 'a>,
        influences: &mut Vec<Origin>,
    ) -> bool {
        match factor {
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
                multiplies(&origins, influences);
                self.unnested(&origins, alias.as_ref(), with_offset_alias.as_ref(), scope);
            }
            TableFactor::JsonTable {
                json_expr,
                columns,
                alias,
                ..
            } => {
                let mut origins = Vec::new();
                self.value(json_expr, scope, view, &mut origins);
                multiplies(&origins, influences);
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
                multiplies(&origins, influences);
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
                multiplies(&origins, influences);
                let names: Vec<&Ident> = columns.iter().map(|column| &column.name).collect();
                self.columns_made_of(&names, &origins, alias.as_ref(), scope);
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
            _ => return false,
        }
        true
    }

    /// A function in FROM: its columns are made of its arguments.
    pub(crate) fn function_relation<'a>(
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
            return self.identified(args, alias, scope, influences);
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
        if let Some(output) = self.macro_relation(name, args, scope, view) {
            return self.relate(output, alias, Vec::new(), scope, influences);
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
                                Self::star_origins(star, None, self.base.place(), &mut origins);
                            }
                        }
                    }
                }
                FunctionArgExpr::Expr(expr) => self.value(expr, scope, view, &mut origins),
                _ => {}
            }
        }
        origin::merge(&mut origins);
        multiplies(&origins, influences);
        self.made_of(origins, alias, function, scope);
    }

    /// `IDENTIFIER(x)` in FROM.
    fn identified<'a>(
        &mut self,
        args: &'a [FunctionArg],
        alias: Option<&'a TableAlias>,
        scope: &mut Scope<'_>,
        influences: &mut Vec<Origin>,
    ) {
        let name = sqlparser::ast::ObjectNamePartFunction {
            name: Ident::new("identifier"),
            args: args.to_vec(),
        };
        let name = ObjectName(vec![sqlparser::ast::ObjectNamePart::Function(name)]);
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
    pub(crate) fn made_of(
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
                    origins: transformed(&origins),
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
                        origins: transformed(&origins),
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

    /// UNNEST: the alias names the table or, where there is only one column, the column.
    pub(crate) fn unnested(
        &mut self,
        origins: &[Origin],
        alias: Option<&TableAlias>,
        offset: Option<&Ident>,
        scope: &mut Scope<'_>,
    ) {
        let origins = transformed(origins);
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

    pub(crate) fn columns_made_of(
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
        influences: &mut Vec<Origin>,
    ) {
        let mut origins = Vec::new();
        self.value(&lateral.lateral_view, scope, view, &mut origins);
        multiplies(&origins, influences);
        let origins = transformed(&origins);
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
}

/// What is unnested decides how many rows come out.
pub(crate) fn multiplies(origins: &[Origin], influences: &mut Vec<Origin>) {
    influences.extend(origins.iter().map(|origin| Origin {
        how: origin.how.then(T(T::JOIN)),
        ..*origin
    }));
}

pub(crate) fn transformed(origins: &[Origin]) -> Vec<Origin> {
    let next = T(T::TRANSFORMATION);
    origins
        .iter()
        .map(|origin| Origin {
            how: origin.how.then(next),
            ..*origin
        })
        .collect()
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
