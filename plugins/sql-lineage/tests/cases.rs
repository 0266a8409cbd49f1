//! Cases: a statement, what is known, and the lineage that must come out.
//!
//! A file of `tests/cases/` holds cases, each
//!
//! ```text
//! ## a sentence that says what is so
//! dialect: postgres            (optional; generic if absent)
//! schema: t(a, b) db.s(c)      (optional)
//! SQL, until
//! ---
//! what is found, until the next case
//! ```
//!
//! `UPDATE_GOLDEN=1` writes what is found; read the difference before it is committed.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::fmt::Write;
use std::path::Path;

use sql_lineage::{Catalog, Options, TableName, Transformations, analyze};

/// What a case says, and its answer.
struct Case {
    name: String,
    head: Vec<String>,
    sql: String,
    answer: String,
}

fn parse(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for block in text
        .split("\n## ")
        .map(|block| block.trim_start_matches("## "))
    {
        let (question, answer) = block.split_once("\n---\n").unwrap_or((block, ""));
        let mut lines = question.lines();
        let name = lines.next().unwrap_or_default().to_owned();
        let rest: Vec<&str> = lines.collect();
        let is_head = |line: &&&str| {
            ["dialect:", "schema:"]
                .iter()
                .any(|key| line.starts_with(key))
        };
        let head: Vec<String> = rest
            .iter()
            .take_while(is_head)
            .map(|line| (*line).to_owned())
            .collect();
        let sql = rest[head.len()..].join("\n");
        let answer = answer.trim_end().to_owned();
        cases.push(Case {
            name,
            head,
            sql,
            answer,
        });
    }
    cases
}

fn catalog(schema: &str) -> Catalog {
    let mut catalog = Catalog::default();
    for table in schema.split(')').filter(|table| !table.trim().is_empty()) {
        let (name, fields) = table.trim().split_once('(').unwrap();
        catalog.add(
            &TableName::new(name.split('.')),
            fields.split(',').map(str::trim),
        );
    }
    catalog
}

fn shown(how: Transformations) -> String {
    let masking = how.is_masking().then_some("masking");
    let names: Vec<&str> = how.named().map(|(_, name)| name).chain(masking).collect();
    names.join(" ")
}

fn answer(case: &Case) -> String {
    let head = |key: &str| {
        let found = case.head.iter().find_map(|line| line.strip_prefix(key));
        found.map(str::trim)
    };
    let dialect = head("dialect:")
        .map_or(Ok(sql_lineage::Dialect::Generic), str::parse)
        .unwrap();
    let options = Options {
        dialect: Some(dialect),
        ..Options::default()
    };
    let script = analyze(
        &case.sql,
        &options,
        &catalog(head("schema:").unwrap_or_default()),
    );
    let mut text = String::new();
    for statement in &script.statements {
        let join = |names: &[TableName]| {
            names
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let place = statement.place;
        let (inputs, outputs) = (join(&statement.inputs), join(&statement.outputs));
        writeln!(
            text,
            "{}:{} {} [{inputs}] -> [{outputs}]",
            place.line, place.column, statement.kind
        )
        .unwrap();
        for edge in &statement.edges {
            writeln!(text, "  {} -> {} {}", edge.from, edge.to, shown(edge.how)).unwrap();
        }
        for influence in &statement.influences {
            let to = influence
                .to
                .as_ref()
                .map_or("?".to_owned(), ToString::to_string);
            writeln!(
                text,
                "  {} => {to} {}",
                influence.from,
                shown(influence.how)
            )
            .unwrap();
        }
    }
    for problem in &script.problems {
        let place = problem.place;
        writeln!(
            text,
            "{:?} {} {}:{} {}",
            problem.severity, problem.code, place.line, place.column, problem.message
        )
        .unwrap();
    }
    text.trim_end().to_owned()
}

#[test]
fn every_case_has_the_lineage_that_is_written_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let updates = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in files {
        let mut written = String::new();
        for case in parse(&std::fs::read_to_string(&file).unwrap()) {
            let found = answer(&case);
            count += 1;
            if found != case.answer {
                let file = file.file_name().unwrap().to_string_lossy();
                wrong.push(format!(
                    "{file}: {}\nexpected\n{}\nfound\n{found}\n",
                    case.name, case.answer
                ));
            }
            let head = case
                .head
                .iter()
                .fold(String::new(), |head, line| head + line + "\n");
            let before = if written.is_empty() { "" } else { "\n" };
            write!(
                written,
                "{before}## {}\n{head}{}\n---\n{found}\n",
                case.name, case.sql
            )
            .unwrap();
        }
        if updates {
            std::fs::write(&file, written).unwrap();
        }
    }
    assert!(count > 100, "only {count} cases were found");
    assert!(
        updates || wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
