//! Every merge of names in all the real input that there is, with its rule, to be read by a person.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use headwater_engine::{Caller, Engine, EngineOptions, View};
use headwater_model::{
    AssetIndex, Coverage, DatasetFact, Digest, Facts, Name, Namespace, QualifiedName, Snapshot,
    SourceKey, Statement, Submission, Timestamp, TypeName,
};
use headwater_store::{MemoryLog, MemoryState};
use headwater_tests::service::data;
use serde_json::Value;

/// Where events of OpenLineage are.
const EVENTS: &[&str] = &[
    "captured",
    "fixtures/openlineage-events",
    "fixtures/marquez",
    "fixtures/ol-compat-consumer",
    "fixtures/openlineage-spec-tests",
];
/// Where manifests of dbt are.
const MANIFESTS: &[&str] = &["fixtures/dbt", "fixtures/dbt-own-runs"];

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            json_files(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

/// Everything in `value` that looks like an event.
fn events<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(object) => {
            if object.contains_key("eventTime") {
                found.push(value);
            } else {
                object.values().for_each(|value| events(value, found));
            }
        }
        Value::Array(values) => values.iter().for_each(|value| events(value, found)),
        _ => {}
    }
}

fn submit(engine: &Engine, domain: &str, statement: Statement) -> Result<()> {
    let source = SourceKey::parse(&format!("{domain}/real")).context("a source")?;
    engine.submit_and_wait(Submission {
        source,
        principal: None,
        received_at: Timestamp::EPOCH,
        statement,
    })?;
    Ok(())
}

/// Submits the events of a file; how many there are.
fn submit_events(engine: &Engine, domain: &str, file: &Path) -> Result<usize> {
    let Ok(value) = serde_json::from_slice::<Value>(&fs::read(file)?) else {
        return Ok(0);
    };
    let mut found = Vec::new();
    events(&value, &mut found);
    let mut count = 0;
    for event in found {
        if let Ok(event) = headwater_openlineage::parse_event(&serde_json::to_vec(event)?) {
            submit(engine, domain, Statement::Event(Box::new(event)))?;
            count += 1;
        }
    }
    Ok(count)
}

/// The relations of a manifest, as dbt names them and as it quotes them.
fn relations(file: &Path) -> Result<BTreeSet<QualifiedName>> {
    let mut names = BTreeSet::new();
    let Ok(manifest) = serde_json::from_slice::<Value>(&fs::read(file)?) else {
        return Ok(names);
    };
    let adapter = manifest["metadata"]["adapter_type"]
        .as_str()
        .unwrap_or("postgres");
    let namespace = match adapter {
        "bigquery" => "bigquery".to_owned(),
        // One file for all projects: a relative path would be scoped to its domain.
        "duckdb" => "duckdb:///data/real.duckdb".to_owned(),
        adapter => format!("{adapter}://real"),
    };
    for node in ["nodes", "sources"]
        .iter()
        .filter_map(|key| manifest[*key].as_object())
        .flat_map(serde_json::Map::values)
    {
        let part = |key: &str| node[key].as_str().filter(|text| !text.is_empty());
        let alias = part("identifier").or_else(|| part("alias"));
        let bare: Vec<&str> = [part("database"), part("schema"), alias]
            .into_iter()
            .flatten()
            .collect();
        for name in [
            Some(bare.join(".")),
            part("relation_name").map(ToOwned::to_owned),
        ] {
            if let Some(name) = name.and_then(|name| Name::parse(&name).ok()) {
                names.insert(QualifiedName::new(Namespace::parse(&namespace)?, name));
            }
        }
    }
    Ok(names)
}

fn declared(names: BTreeSet<QualifiedName>) -> Statement {
    let datasets = names.into_iter().map(|name| DatasetFact {
        name,
        r#type: TypeName::dataset(),
        is_declared: true,
        description: None,
        fields: Vec::new(),
        evidence: None,
    });
    let facts = Facts {
        datasets: datasets.collect(),
        ..Facts::default()
    };
    Statement::Snapshot(Box::new(Snapshot {
        extractor: None,
        generated_at: None,
        covers: Coverage::ALL,
        digest: Digest::of(b"relations of manifests"),
        facts,
        diagnostics: Vec::new(),
        idempotency_key: None,
    }))
}

/// Each asset that has several names: the one that stands for it, then the others, each with its rule.
fn merges(view: &View) -> Result<String> {
    let (count, _) = view.graph_size();
    let mut classes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for index in 0..count as u32 {
        let index = AssetIndex::new(index);
        let Some(asset) = view.asset(index).filter(|asset| asset.index == index) else {
            continue;
        };
        let aliases = view.details(index)?.aliases;
        if !aliases.is_empty() {
            let lines = aliases
                .iter()
                .map(|alias| format!("{}/{}\n    {}", alias.namespace, alias.name, alias.reason));
            classes.insert(
                format!("{:?} {}/{}", asset.kind, asset.namespace, asset.name),
                lines.collect(),
            );
        }
    }
    let mut text = String::new();
    for (name, aliases) in classes {
        writeln!(text, "{name}")?;
        for alias in aliases {
            writeln!(text, "  {alias}")?;
        }
    }
    Ok(text)
}

#[test]
fn every_merge_of_real_names_was_reviewed() -> Result<()> {
    let Some(data) = data() else {
        println!("skipped the merges of every real name: no real input");
        return Ok(());
    };
    let (engine, _) = Engine::open(
        Arc::new(MemoryLog::new()),
        Arc::new(MemoryState::new()),
        EngineOptions::default(),
    )?;
    let mut events_count = 0;
    for folder in EVENTS {
        let mut files = Vec::new();
        json_files(&data.join(folder), &mut files)?;
        for file in &files {
            // What one client sent, or one project published, is one domain.
            let inside = file.strip_prefix(data.join(folder))?;
            let first = inside.components().next().context("a folder")?;
            let first = first.as_os_str().to_string_lossy();
            let base = folder.rsplit('/').next().unwrap_or_default();
            let domain = format!("{base}-{}", first.trim_end_matches(".json"));
            events_count += submit_events(&engine, &domain, file)?;
        }
    }
    assert!(events_count > 300, "{events_count} events");
    let mut files = Vec::new();
    for folder in MANIFESTS {
        json_files(&data.join(folder), &mut files)?;
    }
    let mut names = BTreeSet::new();
    for file in files {
        let is_manifest = file
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("manifest"));
        if is_manifest {
            names.extend(relations(&file)?);
        }
    }
    assert!(names.len() > 100, "{} relations", names.len());
    submit(&engine, "manifests", declared(names))?;
    insta::assert_snapshot!(merges(&engine.view(Caller::everyone()))?);
    Ok(())
}
