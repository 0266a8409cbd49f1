//! What the names in compiled SQL stand for, and which columns they have.

use headwater_extractor::{DatasetNode, Field};
use rustc_hash::FxHashMap;
use sql_lineage::{Catalog, TableName};

use crate::naming::Relation;

/// The relations of a project.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    /// By whole names, and by schema and table; none where several databases have these.
    by_name: FxHashMap<String, Option<DatasetNode>>,
    /// Fields as they are stated, by their names in lower case.
    spellings: FxHashMap<DatasetNode, FxHashMap<String, String>>,
    /// Columns of those of which all are known.
    pub(crate) catalog: Catalog,
}

/// A relation's name as SQL has it.
pub(crate) fn table_name(relation: Relation<'_>) -> TableName {
    let parts = [relation.database, relation.schema, relation.table];
    TableName::new(parts.into_iter().flatten())
}

impl Relations {
    /// Adds a relation; `is_complete` if `fields` are all that it has.
    pub(crate) fn add(
        &mut self,
        relation: Relation<'_>,
        dataset: DatasetNode,
        fields: &[Field<'_>],
        is_complete: bool,
    ) {
        let name = table_name(relation);
        let whole = name.to_string().to_lowercase();
        if let [_, rest @ ..] = name.parts()
            && rest.len() > 1
        {
            self.by_name
                .entry(rest.join(".").to_lowercase())
                .and_modify(|known| *known = known.filter(|known| *known == dataset))
                .or_insert(Some(dataset));
        }
        self.by_name.insert(whole, Some(dataset));
        let spellings = self.spellings.entry(dataset).or_default();
        spellings.extend(
            fields
                .iter()
                .map(|field| (field.name.to_lowercase(), field.name.to_owned())),
        );
        if is_complete {
            self.catalog
                .add(&name, fields.iter().map(|field| field.name));
        }
    }

    /// Adds all columns of a relation that is there already.
    pub(crate) fn learn(
        &mut self,
        relation: Relation<'_>,
        dataset: DatasetNode,
        fields: &[String],
    ) {
        let spellings = self.spellings.entry(dataset).or_default();
        for field in fields {
            spellings
                .entry(field.to_lowercase())
                .or_insert_with(|| field.clone());
        }
        self.catalog
            .add(&table_name(relation), fields.iter().map(String::as_str));
    }

    /// The dataset that a name in SQL stands for.
    pub(crate) fn dataset(&self, name: &TableName) -> Option<DatasetNode> {
        *self.by_name.get(&name.to_string().to_lowercase())?
    }

    /// A column as the dataset's field is stated; as the SQL has it if none is.
    pub(crate) fn field<'n>(&'n self, dataset: DatasetNode, column: &'n str) -> &'n str {
        let stated = self.spellings.get(&dataset);
        stated
            .and_then(|stated| stated.get(&column.to_lowercase()))
            .map_or(column, String::as_str)
    }
}
