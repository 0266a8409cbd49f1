//! `headwater-catalog.json`: which fields datasets have, as the graph knew them at an offset.

use serde::Deserialize;

use crate::{Diagnostic, ExtractError, Input, InputPattern, Location, Severity};

/// Fields of datasets that an extractor's own files may not tell, such as what `select *` stands for.
///
/// An extractor that lists [`FieldCatalog::input`] among its inputs is given the file, where there is one. The same
/// inputs with the same catalog must give the same facts. `docs/sql.md` shows the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldCatalog {
    /// The datasets, as the file lists them.
    pub datasets: Vec<CatalogDataset>,
}

/// A dataset of which all fields are known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CatalogDataset {
    /// Where it lives.
    pub namespace: String,
    /// Its name there.
    pub name: String,
    /// All its fields, in their order.
    pub fields: Vec<String>,
}

/// The file; keys that are not known are left alone, as later versions may have more.
#[derive(Deserialize)]
struct File {
    version: u32,
    datasets: Vec<CatalogDataset>,
}

impl FieldCatalog {
    /// What the file is called, in whatever folder.
    pub const FILE_NAME: &str = "headwater-catalog.json";
    /// The version of the format.
    pub const VERSION: u32 = 1;

    /// What an extractor says of its inputs to be given the file.
    pub fn input() -> InputPattern {
        InputPattern {
            glob: format!("**/{}", Self::FILE_NAME),
            media_type: "application/json".into(),
            required: false,
        }
    }

    /// Whether an input is such a file, by its name.
    pub fn is_catalog(input: &Input) -> bool {
        let name = input.name();
        name.rsplit_once('/').map_or(name, |(_, last)| last) == Self::FILE_NAME
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`ExtractError::Malformed`] with the diagnostic `code` names the file, the place in it and the rule.
    pub fn read(input: &Input, code: &str) -> Result<Self, ExtractError> {
        let malformed = |message: String| {
            ExtractError::Malformed(Diagnostic {
                severity: Severity::Error,
                code: code.into(),
                message,
                at: Some(Location {
                    artifact: input.name().into(),
                    pointer: None,
                    byte_offset: None,
                    line: None,
                    column: None,
                }),
            })
        };
        let bytes = input.read_all()?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let file: File = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| malformed(format!("{}: {}", error.path(), error.inner())))?;
        if file.version != Self::VERSION {
            return Err(malformed(format!(
                "version: expected {}, found {}",
                Self::VERSION,
                file.version
            )));
        }
        Ok(Self {
            datasets: file.datasets,
        })
    }
}
