//! `headwater-catalog.json`: which fields the datasets have that artifacts name, for extractors that cannot tell by
//! themselves. They see nothing but artifacts, so this is one more.

use std::collections::BTreeSet;

use globset::Glob;
use headwater_model::{Artifact, Extraction, InputPattern};
use serde::{Deserialize, Serialize};

/// What extractors know the file by.
pub const CATALOG_FILE: &str = "headwater-catalog.json";
/// The version of the format.
const VERSION: u32 = 1;

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldCatalog {
    version: u32,
    /// The offset that it was read at.
    pub offset: u64,
    /// By namespace and name.
    pub datasets: Vec<CatalogDataset>,
}

/// A dataset of which all fields are known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CatalogDataset {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// All its fields, in its order.
    pub fields: Vec<String>,
}

impl FieldCatalog {
    /// What is known at an offset.
    pub fn new(offset: u64, datasets: Vec<CatalogDataset>) -> Self {
        Self {
            version: VERSION,
            offset,
            datasets,
        }
    }

    /// The file's text: the same for the same datasets at the same offset.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("names and numbers are JSON");
        text + "\n"
    }

    /// The file.
    pub fn into_artifact(self) -> Artifact {
        Artifact {
            name: CATALOG_FILE.into(),
            media_type: "application/json".into(),
            content: self.to_json().into_bytes().into(),
        }
    }
}

/// True if an artifact is such a file.
pub fn is_catalog(name: &str) -> bool {
    name.rsplit_once('/').map_or(name, |(_, last)| last) == CATALOG_FILE
}

/// True if an extractor with those inputs asks for such a file; one that reads every file does not.
pub fn reads_catalogs(inputs: &[InputPattern]) -> bool {
    let mut globs = inputs
        .iter()
        .filter_map(|input| Glob::new(&input.glob).ok());
    globs.any(|glob| {
        let matcher = glob.compile_matcher();
        matcher.is_match(CATALOG_FILE) && !matcher.is_match("any.json")
    })
}

/// Namespace and name of the datasets that an extraction only mentions. Of those that it declares the artifacts tell
/// the fields; what was said of them before must not come back.
pub fn mentioned(extraction: &Extraction) -> BTreeSet<(String, String)> {
    let datasets = extraction.facts.datasets.iter();
    datasets
        .filter(|dataset| !dataset.is_declared)
        .map(|dataset| {
            let name = &dataset.name;
            let (namespace, name) = (name.namespace.as_str(), name.name.as_str());
            (namespace.to_owned(), name.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_is_known_by_its_name_in_any_folder() {
        for (name, expected) in [
            (CATALOG_FILE, true),
            ("a/b/headwater-catalog.json", true),
            ("a/my-headwater-catalog.json", false),
            ("headwater-catalog.json/x.sql", false),
        ] {
            assert_eq!(is_catalog(name), expected, "{name}");
        }
    }

    #[test]
    fn an_extractor_asks_for_it_by_name() {
        let inputs = |glob: &str| {
            [InputPattern {
                glob: glob.into(),
                media_type: "".into(),
                is_required: false,
            }]
        };
        for (glob, expected) in [
            ("**/headwater-catalog.json", true),
            ("**/*.json", false),
            ("**/*.sql", false),
        ] {
            assert_eq!(reads_catalogs(&inputs(glob)), expected, "{glob}");
        }
    }
}
