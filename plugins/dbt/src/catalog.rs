//! `catalog.json`: the columns and types that the warehouse has.
//!
//! Source: <https://schemas.getdbt.com/dbt/catalog/v1.json>.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::artifact::Metadata;
use crate::naming::kind_of;
use crate::salvage::Salvage;
use crate::text::{Members, Number, Text, Texts};

/// A whole catalog.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Catalog<'a> {
    pub(crate) metadata: Metadata<'a>,
    pub(crate) nodes: Members<'a, Table<'a>>,
    pub(crate) sources: Members<'a, Table<'a>>,
    /// What dbt could not look up.
    pub(crate) errors: Texts<'a>,
}

/// A relation in the warehouse.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Table<'a> {
    pub(crate) metadata: TableMetadata<'a>,
    pub(crate) columns: Members<'a, Column<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct TableMetadata<'a> {
    /// `BASE TABLE`, `VIEW`, …, as the warehouse calls it.
    pub(crate) r#type: Option<Text<'a>>,
    pub(crate) database: Option<Text<'a>>,
    pub(crate) schema: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    pub(crate) comment: Option<Text<'a>>,
    /// The warehouse's role that owns the relation.
    pub(crate) owner: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Column<'a> {
    pub(crate) r#type: Option<Text<'a>>,
    pub(crate) index: Number,
    pub(crate) name: Option<Text<'a>>,
    pub(crate) comment: Option<Text<'a>>,
}

impl<'a> Catalog<'a> {
    pub(crate) fn salvage(
        sections: &Members<'a, &'a RawValue>,
        metadata: Metadata<'a>,
        salvage: &mut Salvage<'a>,
    ) -> Self {
        Self {
            metadata,
            nodes: salvage.members(sections, "nodes", |_| true),
            sources: salvage.members(sections, "sources", |_| true),
            errors: salvage.value(sections, "errors"),
        }
    }

    /// Every relation: the section that it is in, its unique id, and what is known of it.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&'static str, &Text<'a>, &Table<'a>)> {
        let nodes = self.nodes.0.iter().map(|(id, table)| ("nodes", id, table));
        let sources = self.sources.0.iter();
        nodes.chain(sources.map(|(id, table)| ("sources", id, table)))
    }
}

impl<'a> Table<'a> {
    /// The columns by name in the order of the warehouse.
    pub(crate) fn ordered(&self) -> Vec<(&str, &Column<'a>)> {
        let mut columns: Vec<_> = self
            .columns
            .0
            .iter()
            .map(|(key, column)| (column.name.as_deref().unwrap_or(key), column))
            .collect();
        columns.sort_by(|(_, a), (_, b)| {
            let index = |column: &Column| column.index.0.unwrap_or(f64::MAX);
            index(a).total_cmp(&index(b))
        });
        columns
    }

    /// The names of its columns, to be found as dbt may write them.
    pub(crate) fn names(&self) -> Names<'_> {
        let columns = self.columns.0.iter();
        let names = columns.map(|(key, column)| column.name.as_deref().unwrap_or(key));
        let mut found = Names::default();
        for name in names {
            found.exact.insert(name);
            let same = found
                .folded
                .entry(name.to_lowercase())
                .or_insert(Some(name));
            if *same != Some(name) {
                *same = None;
            }
        }
        found
    }
}

/// The names of a relation's columns.
#[derive(Debug, Default)]
pub(crate) struct Names<'t> {
    exact: FxHashSet<&'t str>,
    /// By lower case; none where several differ in case alone.
    folded: FxHashMap<String, Option<&'t str>>,
}

impl<'t> Names<'t> {
    /// What the warehouse calls a column that dbt calls `name`: the same, else, if `is_folded`,
    /// the only one that differs in case alone.
    pub(crate) fn find(&self, name: &str, is_folded: bool) -> Option<&'t str> {
        let exact = self.exact.get(name).copied();
        let folded = || *self.folded.get(&name.to_lowercase())?;
        exact.or_else(|| folded().filter(|_| is_folded))
    }
}

/// What the catalogs of one project know, by unique id; of two, the later word counts.
#[derive(Debug, Default)]
pub(crate) struct Tables<'c> {
    by_id: FxHashMap<&'c str, &'c Table<'c>>,
}

impl<'c> Tables<'c> {
    /// `catalogs` in the order of their times.
    pub(crate) fn new(catalogs: impl Iterator<Item = &'c Catalog<'c>>) -> Self {
        let tables = catalogs.flat_map(Catalog::tables);
        Self {
            by_id: tables.map(|(_, id, table)| (&**id, table)).collect(),
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&'c Table<'c>> {
        self.by_id.get(id).copied()
    }
}

/// A relation's type in the words of Headwater: `TABLE` for `BASE TABLE`.
pub(crate) fn relation_kind(of_warehouse: &str) -> String {
    match of_warehouse.to_ascii_uppercase().as_str() {
        "BASE TABLE" | "TABLE" | "MANAGED" => "TABLE".into(),
        other => kind_of(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(json: &str) -> Table<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn columns_are_in_the_order_of_the_warehouse() {
        let table =
            table(r#"{"columns": {"b": {"index": 2, "name": "B"}, "a": {"index": "1"}, "c": {}}}"#);
        let names: Vec<_> = table.ordered().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "B", "c"]);
    }

    #[test]
    fn a_column_is_found_by_case_only_where_that_is_unambiguous() {
        let table = table(r#"{"columns": {"ID": {}, "Name": {}, "NAME": {}, "ÄRA": {}}}"#);
        for (name, is_folded, expected) in [
            ("ID", false, Some("ID")),
            ("id", true, Some("ID")),
            ("id", false, None),
            ("NAME", true, Some("NAME")),
            ("name", true, None),
            ("ära", true, Some("ÄRA")),
            ("other", true, None),
        ] {
            assert_eq!(table.names().find(name, is_folded), expected, "{name}");
        }
    }
}
