//! Artifacts that dbt itself wrote.
//!
//! They are read in place from `HEADWATER_DATA`, else from `../shared/data` beside the project.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

/// The folder of real input, if there is one.
pub(crate) fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = env::var_os("HEADWATER_DATA").map_or(beside, PathBuf::from);
    data.join("fixtures").is_dir().then_some(data)
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            json_files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
}

/// Every JSON file among the fixtures of dbt.
pub(crate) fn dbt_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    if let Some(data) = data() {
        for entry in fs::read_dir(data.join("fixtures")).unwrap() {
            let path = entry.unwrap().path();
            if path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("dbt")
            {
                json_files(&path, &mut files);
            }
        }
    }
    files
}

/// Which artifact of dbt `json` is: `manifest`, `catalog`, `run-results`, ….
pub(crate) fn artifact_kind(json: &Value) -> Option<&str> {
    let schema = json["metadata"]["dbt_schema_version"].as_str()?;
    schema.rsplit('/').nth(1)
}

/// `database.schema.table` of a node or a source of a manifest.
pub(crate) fn relation(manifest: &Value, id: &str) -> Option<String> {
    let node = manifest["nodes"].get(id).or(manifest["sources"].get(id))?;
    let table = node.get("alias").or(node.get("identifier"))?;
    let parts = [&node["database"], &node["schema"], table];
    Some(parts.map(|part| part.as_str().unwrap()).join("."))
}
