//! Answers a corpus of cases, as `cargo xtask sql-answers` does, without the component.
//!
//! `cargo run --release -p sql-lineage --example answers -- CORPUS.jsonl… > ANSWERS.jsonl`

use std::collections::BTreeSet;
use std::io::{BufWriter, Write};

use serde_json::{Value, json};
use sql_lineage::{Catalog, End, Options, Severity, TableName, analyze};

fn end(end: &End) -> Value {
    json!({
        "table": end.table.as_ref().map(ToString::to_string),
        "column": end.column.as_deref().unwrap_or("*"),
    })
}

fn answer(case: &Value) -> Value {
    let text = |key: &str| case[key].as_str().map(str::to_owned);
    let options = Options {
        dialect: Some(
            text("dialect")
                .and_then(|name| name.parse().ok())
                .unwrap_or_default(),
        ),
        database: text("default_db"),
        schema: text("default_schema"),
    };
    let mut catalog = Catalog::default();
    for (table, fields) in case["schema"].as_object().into_iter().flatten() {
        let fields = fields
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str());
        catalog.add(&TableName::new(table.split('.')), fields);
    }
    let script = analyze(case["sql"].as_str().unwrap_or_default(), &options, &catalog);
    let error = script
        .problems
        .iter()
        .find(|problem| problem.severity == Severity::Error);
    let mut sources = BTreeSet::new();
    let mut targets = BTreeSet::new();
    let mut columns = Vec::new();
    for statement in &script.statements {
        sources.extend(statement.inputs.iter().map(ToString::to_string));
        targets.extend(statement.outputs.iter().map(ToString::to_string));
        for edge in &statement.edges {
            if edge.how.direct().is_some() {
                columns.push(json!({"from": end(&edge.from), "to": end(&edge.to)}));
            }
        }
    }
    json!({
        "id": case["id"],
        "tables": {"sources": sources, "targets": targets},
        "columns": columns,
        "error": error.map(|problem| format!("{}:{}: {}", problem.place.line, problem.place.column, problem.message)),
    })
}

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for file in std::env::args().skip(1) {
        for line in std::fs::read_to_string(&file)?
            .lines()
            .filter(|line| !line.trim().is_empty())
        {
            let case: Value = serde_json::from_str(line)?;
            writeln!(out, "{}", answer(&case))?;
        }
    }
    out.flush()
}
