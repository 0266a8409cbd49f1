//! What a script knows from one statement to the next.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::catalog::Catalog;
use crate::dialect::Dialect;
use crate::intern::Interner;
use crate::model::{Place, Problem, Transformations};
use crate::name::{TableName, folded, idents};
use crate::origin::Origin;
use crate::scope::{Column, Item, Output, Star, StarSource};

/// Where names without a schema or a database are looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
}

/// What is in a table that lives no longer than the script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passing {
    pub(crate) output: Rc<Output>,
    /// What it was made of.
    pub(crate) inputs: Vec<u32>,
    pub(crate) is_read: bool,
}

pub(crate) struct Session<'c> {
    pub(crate) dialect: Dialect,
    pub(crate) names: Interner,
    pub(crate) defaults: Defaults,
    pub(crate) problems: Vec<Problem>,
    catalog: &'c Catalog,
    tables: Vec<TableName>,
    numbers: FxHashMap<String, u32>,
    /// Tables whose columns are known, or were looked for.
    known: FxHashMap<u32, Option<Rc<Output>>>,
    /// Tables that live no longer than the script.
    passing: FxHashSet<u32>,
    pub(crate) made: FxHashMap<u32, Passing>,
    pub(crate) macros: FxHashMap<crate::intern::Folded, Rc<crate::call::Macro>>,
}

impl<'c> Session<'c> {
    pub(crate) fn new(dialect: Dialect, defaults: Defaults, catalog: &'c Catalog) -> Self {
        Self {
            dialect,
            names: Interner::default(),
            defaults,
            problems: Vec::new(),
            catalog,
            tables: Vec::new(),
            numbers: FxHashMap::default(),
            known: FxHashMap::default(),
            passing: FxHashSet::default(),
            made: FxHashMap::default(),
            macros: FxHashMap::default(),
        }
    }

    pub(crate) fn table(&self, number: u32) -> &TableName {
        &self.tables[number as usize]
    }

    pub(crate) fn number(&mut self, name: TableName) -> u32 {
        let key = name.to_string().to_lowercase();
        *self.numbers.entry(key).or_insert_with(|| {
            self.tables.push(name);
            self.tables.len() as u32 - 1
        })
    }

    /// The table that an object's name means; `None` if the name is computed.
    pub(crate) fn table_named(&mut self, name: &ObjectName) -> Option<u32> {
        let name = self.name_of(name)?;
        Some(self.number(name))
    }

    fn name_of(&self, name: &ObjectName) -> Option<TableName> {
        if let [ObjectNamePart::Function(function)] = &name.0[..] {
            return self.computed(function);
        }
        let idents = idents(name)?;
        let [first, ..] = &idents[..] else {
            return None;
        };
        let is_path = first.value.contains("://") || first.value.starts_with('/');
        if is_path && idents.len() == 1 {
            return Some(TableName::new([first.value.clone()]));
        }
        if let [_, path] = &idents[..]
            && path.quote_style == Some('`')
            && path.value.contains('/')
        {
            // Spark's `format.path`.
            return Some(TableName::new([path.value.clone()]));
        }
        let mut parts: Vec<String> = Vec::with_capacity(3);
        for ident in &idents {
            let is_joined = ident.quote_style == Some('`') && self.dialect == Dialect::BigQuery;
            if is_joined {
                parts.extend(ident.value.split('.').map(str::to_owned));
            } else {
                parts.push(folded(self.dialect, ident));
            }
        }
        // Paths below a stage are paths: their case counts.
        if parts[0].starts_with('@')
            && let (Some(part), Some(ident)) = (parts.last_mut(), idents.last())
            && let Some(at) = ident.value.find('/')
        {
            part.replace_range(at.., &ident.value[at..]);
        }
        if self.dialect == Dialect::BigQuery
            && let Some(last) = parts.last_mut()
            && let Some(at) = last.find('$')
            && at > 0
        {
            // A partition decorator.
            last.truncate(at);
        }
        if parts[0].starts_with('@') {
            return Some(TableName::new(parts));
        }
        Some(self.qualified(TableName::new(parts)))
    }

    /// `IDENTIFIER('a.b')`.
    fn computed(&self, function: &sqlparser::ast::ObjectNamePartFunction) -> Option<TableName> {
        use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, Value};
        if !function.name.value.eq_ignore_ascii_case("identifier") {
            return None;
        }
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = &function.args[..] else {
            return None;
        };
        let text = match argument {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
                _ => return None,
            },
            Expr::Identifier(ident) => folded(self.dialect, ident),
            Expr::CompoundIdentifier(idents) => {
                let parts: Vec<String> = idents
                    .iter()
                    .map(|ident| folded(self.dialect, ident))
                    .collect();
                parts.join(".")
            }
            _ => return None,
        };
        let parts = text.split('.').map(|part| match part.trim_matches('"') {
            quoted if quoted.len() < part.len() => quoted.to_owned(),
            plain => self.dialect.fold(plain),
        });
        Some(self.qualified(TableName::new(parts)))
    }

    /// A name with the schema and the database that it leaves out.
    fn qualified(&self, name: TableName) -> TableName {
        let Defaults { database, schema } = &self.defaults;
        let mut prefix = Vec::new();
        match name.parts().len() {
            1 => prefix.extend(database.iter().chain(schema).cloned()),
            2 if !self.dialect.has_two_levels() || database.is_some() => {
                prefix.extend(database.clone());
            }
            _ => {}
        }
        name.prefixed(&prefix)
    }

    /// What a table gives: its columns if they are known.
    pub(crate) fn output_of(&mut self, table: u32, place: Place) -> Rc<Output> {
        if let Some(made) = self.made.get(&table) {
            return Rc::clone(&made.output);
        }
        if !self.known.contains_key(&table) {
            let catalog = self.catalog;
            let fields = catalog.fields(&self.tables[table as usize]);
            let known = fields.map(|fields| {
                let columns = fields.iter().map(String::as_str);
                Rc::new(self.columns_of(table, columns, place))
            });
            self.known.insert(table, known);
        }
        match &self.known[&table] {
            Some(output) => Rc::clone(output),
            None => Rc::new(Output {
                items: vec![Item::Star(Star {
                    sources: vec![StarSource::Table(table)],
                    except: Vec::new(),
                })],
                influences: Vec::new(),
            }),
        }
    }

    fn columns_of<'n>(
        &mut self,
        table: u32,
        names: impl Iterator<Item = &'n str>,
        place: Place,
    ) -> Output {
        let items = names.map(|name| {
            let column = self.names.intern(name);
            Item::Column(Column {
                name: Some(column),
                origins: vec![Origin {
                    table: Some(table),
                    column: Some(column),
                    how: Transformations(Transformations::IDENTITY),
                    place,
                }],
            })
        });
        Output {
            items: items.collect(),
            influences: Vec::new(),
        }
    }

    /// The names of a table's columns in their order, if all are known.
    pub(crate) fn fields_of(&mut self, table: u32) -> Option<Vec<crate::intern::Symbol>> {
        let output = self.output_of(table, Place::default());
        output
            .items
            .iter()
            .map(|item| match item {
                Item::Column(column) => column.name,
                Item::Star(_) => None,
            })
            .collect()
    }

    /// Remembers the columns of a table that the script makes.
    pub(crate) fn learn(&mut self, table: u32, names: &[String], place: Place) {
        let output = self.columns_of(table, names.iter().map(String::as_str), place);
        self.known.insert(table, Some(Rc::new(output)));
    }

    pub(crate) fn forget(&mut self, table: u32) {
        self.known.remove(&table);
        self.made.remove(&table);
    }

    /// Marks a table as one that lives no longer than the script.
    pub(crate) fn passes(&mut self, table: u32) {
        self.passing.insert(table);
    }

    /// Takes that back.
    pub(crate) fn stays(&mut self, table: u32) {
        self.passing.remove(&table);
    }

    pub(crate) fn is_passing(&self, table: u32) -> bool {
        self.passing.contains(&table) || self.tables[table as usize].is_session_temporary()
    }

    pub(crate) fn symbol(&mut self, ident: &Ident) -> crate::intern::Symbol {
        if ident.quote_style.is_some() || !self.dialect.folds() {
            return self.names.intern(&ident.value);
        }
        let text = self.dialect.fold(&ident.value);
        self.names.intern(&text)
    }

    pub(crate) fn folded(&mut self, ident: &Ident) -> crate::intern::Folded {
        let symbol = self.names.intern(&ident.value);
        self.names.fold(symbol)
    }
}

impl TableName {
    /// SQL Server's `#t`.
    fn is_session_temporary(&self) -> bool {
        self.parts()
            .last()
            .is_some_and(|part| part.starts_with('#'))
    }
}
