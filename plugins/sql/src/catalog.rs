//! `headwater-catalog.json`: fields of datasets, as the graph knew them at an offset.

use headwater_extractor::{ExtractError, Input, Severity};
use serde::Deserialize;
use sql_lineage::{Catalog, TableName};

use crate::naming::Naming;
use crate::told;

/// What the file is called.
pub(crate) const CATALOG_NAME: &str = "headwater-catalog.json";

/// The file; keys that are not known are left alone, as later versions may have more.
#[derive(Deserialize)]
struct File {
    version: u32,
    datasets: Vec<Dataset>,
}

#[derive(Deserialize)]
struct Dataset {
    namespace: String,
    name: String,
    fields: Vec<String>,
}

pub(crate) fn is_catalog(name: &str) -> bool {
    name == CATALOG_NAME || name.ends_with(&format!("/{CATALOG_NAME}"))
}

/// Adds the fields of those datasets that are in namespaces which the SQL may name.
pub(crate) fn read(
    input: &Input,
    naming: &Naming<'_>,
    known: &mut Catalog,
) -> Result<(), ExtractError> {
    let malformed = |message: String| {
        ExtractError::Malformed(told(
            Severity::Error,
            "sql/catalog",
            message,
            input.name(),
            None,
        ))
    };
    let bytes = input.read_all()?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    let file: File = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| malformed(format!("{}: {}", error.path(), error.inner())))?;
    if file.version != 1 {
        return Err(malformed(format!(
            "version: expected 1, found {}",
            file.version
        )));
    }
    for dataset in file.datasets {
        if naming.has_namespace(&dataset.namespace) {
            known.add(&TableName::new(dataset.name.split('.')), dataset.fields);
        }
    }
    Ok(())
}
