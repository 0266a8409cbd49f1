//! Columns of what others build, as the graph knows them: `headwater-catalog.json`.

use headwater_extractor::{ExtractError, FieldCatalog, Input};
use rustc_hash::FxHashMap;

/// All columns of datasets, by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere(FxHashMap<String, FxHashMap<String, Vec<String>>>);

impl Elsewhere {
    /// Reads the files; the last word on a dataset counts.
    pub(crate) fn read(inputs: &[Input]) -> Result<Self, ExtractError> {
        let mut known = Self::default();
        for input in inputs {
            for dataset in FieldCatalog::read(input, "dbt/graph-catalog")?.datasets {
                let of_namespace = known.0.entry(dataset.namespace).or_default();
                of_namespace.insert(dataset.name, dataset.fields);
            }
        }
        Ok(known)
    }

    /// The columns of a dataset; none where they are not known.
    pub(crate) fn fields(&self, namespace: &str, name: &str) -> Option<&[String]> {
        self.0.get(namespace)?.get(name).map(Vec::as_slice)
    }
}
