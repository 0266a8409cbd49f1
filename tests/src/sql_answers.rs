//! Answers cases of SQL with the sql component, one JSON object a line; `cargo xtask sql-answers` runs it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{BufWriter, Write};
use std::marker::PhantomData;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use headwater_model::{
    Artifact, EdgeKind, Extraction, Extractor, ExtractorConfig, FieldEnd, QualifiedName,
};
use headwater_plugin::{HostConfig, PluginHost};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// Where tables are; what names the result of a query that writes nothing.
const NAMESPACE: &str = "sql://case";
const RESULT: &str = "headwater.result";

/// Answers cases of SQL with the sql component.
#[derive(Parser)]
struct Cli {
    /// The component.
    component: PathBuf,
    /// Files with one case a line: id, dialect, sql, and maybe `schema`, `default_db`, `default_schema`.
    #[arg(required = true)]
    corpora: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let cache = tempfile::tempdir()?;
    let host = PluginHost::new(HostConfig {
        cache_dir: Some(cache.path().to_owned()),
        ..HostConfig::default()
    })?;
    let extractor = host.load_file(&cli.component)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for corpus in &cli.corpora {
        let text = fs::read_to_string(corpus)
            .with_context(|| format!("cannot read {}", corpus.display()))?;
        for (at, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let case: Case = serde_json::from_str(line)
                .with_context(|| format!("{}:{}: no case", corpus.display(), at + 1))?;
            writeln!(out, "{}", answer(&extractor, &case))?;
        }
    }
    out.flush()?;
    Ok(())
}

/// One case.
#[derive(Deserialize)]
struct Case {
    id: Value,
    dialect: Option<String>,
    sql: String,
    /// Tables and their columns, whose order counts.
    schema: Option<Pairs<Pairs<Value>>>,
    default_db: Option<String>,
    default_schema: Option<String>,
}

/// The members of a JSON object in their order.
struct Pairs<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

fn answer(extractor: &impl Extractor, case: &Case) -> Value {
    let asked = case.dialect.as_deref().unwrap_or("generic");
    let answered = extract(extractor, case, asked).or_else(|_| extract(extractor, case, "generic"));
    let extraction = match answered {
        Ok(extraction) => extraction,
        Err(message) => {
            return json!({"id": case.id, "tables": null, "columns": null, "error": message});
        }
    };
    let facts = &extraction.facts;
    let mut sources = BTreeSet::new();
    let mut targets = BTreeSet::new();
    for edge in &facts.edges {
        match edge.kind() {
            EdgeKind::Reads => sources.extend(table_of(&edge.from.name)),
            EdgeKind::Writes => targets.extend(table_of(&edge.to.name)),
            EdgeKind::Derives | EdgeKind::Follows => {}
        }
    }
    let direct = facts
        .field_edges
        .iter()
        .filter(|edge| edge.transformations.iter().any(|how| how.is_direct));
    let columns: Vec<Value> = direct
        .map(|edge| json!({"from": end(&edge.from), "to": end(&edge.to)}))
        .collect();
    let error = extraction
        .diagnostics
        .iter()
        .find(|found| matches!(&*found.code, "sql/syntax" | "sql/depth"));
    json!({
        "id": case.id,
        "tables": {"sources": sources, "targets": targets},
        "columns": columns,
        "error": error.map(|found| found.message.to_string()),
    })
}

fn extract(extractor: &impl Extractor, case: &Case, dialect: &str) -> Result<Extraction, String> {
    let mut config = ExtractorConfig::from([
        ("dialect".to_owned(), dialect.to_owned()),
        ("namespace".to_owned(), NAMESPACE.to_owned()),
        ("result".to_owned(), RESULT.to_owned()),
    ]);
    for (key, value) in [
        ("database", &case.default_db),
        ("schema", &case.default_schema),
    ] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            config.insert(key.to_owned(), value.to_owned());
        }
    }
    let mut artifacts = vec![artifact("case.sql", case.sql.as_bytes())];
    if let Some(Pairs(schema)) = &case.schema {
        let datasets: Vec<Value> = schema
            .iter()
            .map(|(name, Pairs(fields))| {
                let fields: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                json!({"namespace": NAMESPACE, "name": name, "fields": fields})
            })
            .collect();
        let catalog = json!({"version": 1, "datasets": datasets}).to_string();
        artifacts.push(artifact("headwater-catalog.json", catalog.as_bytes()));
    }
    extractor
        .extract(&config, &artifacts)
        .map_err(|error| error.to_string())
}

fn artifact(name: &str, bytes: &[u8]) -> Artifact {
    Artifact {
        name: name.into(),
        media_type: "application/octet-stream".into(),
        content: bytes.into(),
    }
}

/// A table as the SQL names it; none for the result of a query.
fn table_of(name: &QualifiedName) -> Option<String> {
    let (namespace, name) = (name.namespace.as_str(), name.name.as_str());
    match namespace {
        NAMESPACE if name == RESULT => None,
        NAMESPACE | "file" => Some(name.to_owned()),
        _ if name == "/" => Some(namespace.to_owned()),
        _ => Some(format!("{namespace}/{name}")),
    }
}

fn end(end: &FieldEnd) -> Value {
    json!({
        "table": table_of(&end.dataset),
        "column": end.field.as_ref().map_or("*", |field| field.as_str()),
    })
}
