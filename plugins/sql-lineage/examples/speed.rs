//! How many statements a second are read, on one thread.
//!
//! `cargo run --release -p sql-lineage --example speed -- CORPUS.jsonl…`; a line is `{"sql", "dialect", "suite"}`.

#![allow(
    clippy::cast_precision_loss,
    reason = "counts of a bench are far below 2^52"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use sql_lineage::{Catalog, Options, TableName, analyze};

/// For how long each group is measured.
const WINDOW: Duration = Duration::from_secs(2);

type Case = (String, Options, Catalog);

fn case(value: &Value) -> Case {
    let dialect = value["dialect"].as_str().and_then(|name| name.parse().ok());
    let options = Options {
        dialect: Some(dialect.unwrap_or_default()),
        ..Options::default()
    };
    let mut catalog = Catalog::default();
    for (table, fields) in value["schema"].as_object().into_iter().flatten() {
        let fields = fields
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str());
        catalog.add(&TableName::new(table.split('.')), fields);
    }
    (
        value["sql"].as_str().unwrap_or_default().to_owned(),
        options,
        catalog,
    )
}

fn measure(name: &str, cases: &[Case]) {
    let begin = Instant::now();
    let (mut statements, mut bytes) = (0, 0);
    while begin.elapsed() < WINDOW {
        for (sql, options, catalog) in cases {
            statements += analyze(sql, options, catalog).statements.len().max(1);
            bytes += sql.len();
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "| {name} | {} | {:.0} | {:.1} MB/s |",
        cases.len(),
        statements as f64 / seconds,
        bytes as f64 / seconds / 1e6
    );
}

fn main() -> std::io::Result<()> {
    let mut groups: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    let mut all = Vec::new();
    for file in std::env::args().skip(1) {
        for line in std::fs::read_to_string(&file)?
            .lines()
            .filter(|line| !line.trim().is_empty())
        {
            let value: Value = serde_json::from_str(line)?;
            let suite = value["suite"].as_str().unwrap_or("?").to_owned();
            groups.entry(suite).or_default().push(case(&value));
            all.push(case(&value));
        }
    }
    println!("| suite | cases | statements/s | text |\n|---|---|---|---|");
    for (name, cases) in &groups {
        measure(name, cases);
    }
    measure("all", &all);
    Ok(())
}
