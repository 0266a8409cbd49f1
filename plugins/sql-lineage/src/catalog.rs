//! What is known of tables before a script runs.

use rustc_hash::FxHashMap;

use crate::name::TableName;

/// Fields of tables, found by names in any case.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    tables: FxHashMap<String, Vec<String>>,
    /// Names that several longer ones end with, or that one does.
    endings: FxHashMap<String, Option<String>>,
}

impl Catalog {
    /// Adds a table and its fields in their order. The last word on a table counts.
    pub fn add<I, S>(&mut self, table: &TableName, fields: I)
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let key = table.to_string().to_lowercase();
        let fields = fields.into_iter().map(Into::into).collect();
        if self.tables.insert(key.clone(), fields).is_none() {
            let parts = table.parts();
            for start in 1..parts.len() {
                let ending = parts[start..].join(".").to_lowercase();
                self.endings
                    .entry(ending)
                    .and_modify(|known| *known = None)
                    .or_insert_with(|| Some(key.clone()));
            }
        }
    }

    /// The fields of a table. A name that only one known table ends with means that one.
    pub fn fields(&self, table: &TableName) -> Option<&[String]> {
        let key = table.to_string().to_lowercase();
        let key = match self.tables.get(&key) {
            Some(fields) => return Some(fields),
            None => self.endings.get(&key)?.as_ref()?,
        };
        self.tables.get(key).map(Vec::as_slice)
    }

    /// True if nothing is known.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}
