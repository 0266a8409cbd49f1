//! Cases of SQL that other projects' tests have, answered by the component and scored as their README says.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use headwater_tests::service::{data, extractor, run_in};
use serde_json::Value;

/// What is scored, and what it must be at least, in percent.
const TARGETS: [(&str, f64); 5] = [
    ("parse", 98.5),
    ("table_exact", 90.0),
    ("col_exact", 88.0),
    ("col_p", 95.0),
    ("col_f1", 93.0),
];

#[test]
fn lineage_of_cases_that_others_wrote_is_what_they_expect() -> Result<()> {
    let Some(data) = data() else {
        println!("skipped every case: no real input");
        return Ok(());
    };
    let suites = [
        "datahub",
        "openlineage",
        "openmetadata",
        "sqlglot",
        "sqllineage",
    ];
    let corpora = suites.map(|suite| data.join(format!("sql/{suite}.jsonl")));
    let answered = Command::new(env!("CARGO_BIN_EXE_sql-answers"))
        .arg(extractor("plugins", "sql")?)
        .args(&corpora)
        .output()?;
    ensure!(
        answered.status.success(),
        "{}",
        String::from_utf8_lossy(&answered.stderr)
    );
    let folder = tempfile::tempdir()?;
    let (answers, scores) = (
        folder.path().join("answers.jsonl"),
        folder.path().join("scores.json"),
    );
    fs::write(&answers, answered.stdout)?;
    let corpora: Vec<String> = corpora
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let scored = Command::new("python3")
        .arg(data.join("sql/score.py"))
        .arg(corpora.join(","))
        .arg(&answers)
        .arg("--json")
        .arg(&scores)
        .output();
    let Ok(scored) = scored else {
        println!("skipped scoring: there is no python3");
        return Ok(());
    };
    ensure!(
        scored.status.success(),
        "{}",
        String::from_utf8_lossy(&scored.stderr)
    );
    let scores: Value = serde_json::from_slice(&fs::read(&scores)?)?;
    let total = &scores["total:asserted"];
    for (what, target) in TARGETS {
        let score = total[what]
            .as_f64()
            .with_context(|| format!("a score of {what}"))?;
        assert!(
            score >= target,
            "{what} is {score}, expected at least {target}: {total}"
        );
    }
    Ok(())
}

#[test]
fn a_script_comes_from_standard_input() -> Result<()> {
    let sql = extractor("plugins", "sql")?;
    let words = ["extract", "--set", "namespace=db", "--plugin"];
    let sql = sql.to_string_lossy();
    let words = [&words[..], &[&sql, "-"]].concat();
    let folder = tempfile::tempdir()?;
    let ran = run_in(folder.path(), &words, b"insert into a select b from c")?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let facts: Value = serde_json::from_str(&ran.out)?;
    let jobs = facts["jobs"].as_array().context("jobs")?;
    let names: Vec<_> = jobs.iter().map(|job| &job["name"]).collect();
    assert_eq!(names, ["stdin.sql", "stdin.sql:1"]);
    assert_eq!(facts["fieldEdges"][0]["from"]["field"], "b");
    Ok(())
}
