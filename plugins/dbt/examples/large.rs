//! How long a large manifest takes:
//! `cargo run --release -p dbt --example large [MODELS [FILE [CATALOG]]]`.
//!
//! Makes a manifest of so many models (10,000 are 60 MB), writes it to FILE if one is named,
//! and extracts it with a sink that only counts. If CATALOG is named, the catalog of these models,
//! with 100 columns each (10,000 are 90 MB), is written there and extracted with the manifest.

use std::time::Instant;
use std::{env, fs};

use dbt::Dbt;
use headwater_extractor::golden::MemoryArtifact;
use headwater_extractor::{Emitter, Extractor, Input};
use serde_json::json;

fn manifest(models_count: usize) -> Vec<u8> {
    let metadata = json!({
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
        "generated_at": "2026-01-01T00:00:00Z", "project_name": "large", "adapter_type": "postgres",
    });
    let sql = "select\n    \"id\",\n    coalesce(amount, 0) as amount -- as it was\n".repeat(35);
    let mut nodes = serde_json::Map::new();
    for index in 0..models_count {
        let name = format!("model_{index:06}");
        let id = format!("model.large.{name}");
        let depends_on: Vec<_> = [1, 2, 3, 10]
            .iter()
            .filter(|back| **back <= index)
            .map(|back| format!("model.large.model_{:06}", index - back))
            .collect();
        let columns: serde_json::Map<_, _> = (0..8)
            .map(|column| {
                let name = format!("column_{column}");
                let value = json!({"name": name, "description": "What it \"means\".", "data_type": "bigint",
                    "meta": {}, "constraints": [], "quote": null, "tags": ["daily"]});
                (name, value)
            })
            .collect();
        let node = json!({
            "database": "large", "schema": "core", "name": name, "alias": name, "resource_type": "model",
            "package_name": "large", "path": "a.sql", "original_file_path": "models/a.sql", "unique_id": id,
            "fqn": ["large", name], "checksum": {"name": "sha256", "checksum": "0".repeat(64)},
            "config": {"enabled": true, "materialized": if index % 7 == 0 { "ephemeral" } else { "table" }, "tags": ["daily"]},
            "tags": ["daily"], "description": "One row per thing.", "columns": columns,
            "meta": {"owner": "core"}, "depends_on": {"macros": ["macro.dbt.ref"], "nodes": depends_on},
            "raw_code": sql, "compiled_code": sql, "language": "sql", "access": "protected",
        });
        nodes.insert(id, node);
    }
    let macros = json!({"macro.dbt.ref": {"macro_sql": sql.repeat(100)}});
    json!({"metadata": metadata, "nodes": nodes, "macros": macros})
        .to_string()
        .into_bytes()
}

fn catalog(models_count: usize) -> Vec<u8> {
    let metadata = json!({
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json",
        "generated_at": "2026-01-01T00:00:00Z",
    });
    let columns: serde_json::Map<_, _> = (0..100)
        .map(|column| {
            let name = format!("COLUMN_{column}");
            let value =
                json!({"type": "NUMBER", "index": column + 1, "name": name, "comment": null});
            (name, value)
        })
        .collect();
    let nodes: serde_json::Map<_, _> = (0..models_count)
        .map(|index| {
            let name = format!("model_{index:06}");
            let table = json!({
                "metadata": {"type": "BASE TABLE", "schema": "CORE", "name": name, "database": "LARGE"},
                "columns": columns, "stats": {"has_stats": {"id": "has_stats", "value": false}},
            });
            (format!("model.large.{name}"), table)
        })
        .collect();
    json!({"metadata": metadata, "nodes": nodes, "sources": {}, "errors": null})
        .to_string()
        .into_bytes()
}

/// Counts what arrives.
#[derive(Default)]
struct Counter {
    batches: usize,
}

impl headwater_extractor::Sink for Counter {
    fn emit(
        &mut self,
        _: &headwater_extractor::Batch,
    ) -> Result<(), headwater_extractor::EmitError> {
        self.batches += 1;
        Ok(())
    }

    fn diagnose(
        &mut self,
        _: &[headwater_extractor::Diagnostic],
    ) -> Result<(), headwater_extractor::EmitError> {
        Ok(())
    }
}

fn main() {
    let models_count = env::args()
        .nth(1)
        .map_or(10_000, |count| count.parse().expect("MODELS is a number"));
    let bytes = manifest(models_count);
    if let Some(path) = env::args().nth(2) {
        fs::write(path, &bytes).expect("FILE is writable");
    }
    let catalog = env::args().nth(3).map(|path| {
        let bytes = catalog(models_count);
        fs::write(path, &bytes).expect("CATALOG is writable");
        bytes
    });
    let mut sink = Counter::default();
    let started = Instant::now();
    let mut out = Emitter::new(&mut sink);
    let input = |name: &str, bytes: &[u8]| Input::new(Box::new(MemoryArtifact::new(name, bytes)));
    let mut inputs = vec![input("manifest.json", &bytes)];
    inputs.extend(catalog.as_ref().map(|bytes| input("catalog.json", bytes)));
    let read = Instant::now();
    Dbt::extract("{}", inputs, &mut out).expect("they are artifacts");
    out.finish().expect("the sink takes everything");
    println!(
        "{} MB, {} batches: {:?} (copying the input: {:?})",
        (bytes.len() + catalog.map_or(0, |bytes| bytes.len())) / 1_000_000,
        sink.batches,
        read.elapsed(),
        read - started,
    );
}
