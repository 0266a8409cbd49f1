//! Commands against a running service: submitting a project, asking in several formats, trying an extractor.

use std::fs;
use std::path::Path;

use anyhow::Result;
use headwater_tests::service::{Ran, Service, extractor, run, run_in};
use serde_json::Value;

/// A dataset that a job makes of another; the names are those that formats must escape.
const FACTS: &str = r#"{"datasets": [
    {"namespace": "db", "name": "raw \"a,b\" #1", "type": "TABLE"}, {"namespace": "db", "name": "größe", "type": "VIEW"}],
  "jobs": [{"namespace": "dbt", "name": "load [x]", "type": "MODEL"}],
  "edges": [
    {"kind": "READS", "from": {"kind": "DATASET", "namespace": "db", "name": "raw \"a,b\" #1"}, "to": {"kind": "JOB", "namespace": "dbt", "name": "load [x]"}},
    {"kind": "WRITES", "from": {"kind": "JOB", "namespace": "dbt", "name": "load [x]"}, "to": {"kind": "DATASET", "namespace": "db", "name": "größe"}}]}"#;

/// A manifest of one model on one source.
const MANIFEST: &str = r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
    "dbt_version": "1.9.0", "generated_at": "2026-01-01T00:00:00Z", "adapter_type": "postgres", "project_name": "shop"},
  "nodes": {"model.shop.orders": {"unique_id": "model.shop.orders", "resource_type": "model", "name": "orders",
    "package_name": "shop", "database": "db", "schema": "mart", "alias": "orders", "relation_name": "\"db\".\"mart\".\"orders\"",
    "config": {"materialized": "table"}, "columns": {}, "depends_on": {"nodes": ["source.shop.raw.orders"]},
    "original_file_path": "models/orders.sql", "path": "orders.sql", "tags": [], "meta": {}, "description": "", "fqn": ["shop", "orders"]}},
  "sources": {"source.shop.raw.orders": {"unique_id": "source.shop.raw.orders", "resource_type": "source", "name": "orders",
    "source_name": "raw", "package_name": "shop", "database": "db", "schema": "raw", "identifier": "orders",
    "relation_name": "\"db\".\"raw\".\"orders\"", "columns": {}, "tags": [], "meta": {}, "description": "", "fqn": ["shop", "raw", "orders"]}},
  "exposures": {}, "metrics": {}, "macros": {}, "parent_map": {}, "child_map": {}, "disabled": {}}"#;

fn ask(service: &Service, words: &[&str]) -> Result<Ran> {
    run(&[words, &["--server", service.url.as_str()]].concat())
}

#[test]
fn facts_come_from_standard_input_as_they_are() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(&folder.path().join("data"), &[])?;
    let submit = |input: &str, more: &[&str]| {
        let words = [
            "submit", "--domain", "orders", "--source", "own", "--facts", "-",
        ];
        let server = ["--server", service.url.as_str()];
        run_in(
            folder.path(),
            &[&words[..], &server, more].concat(),
            input.as_bytes(),
        )
    };
    let dry = submit(FACTS, &["--dry-run"])?;
    assert_eq!(dry.code, Some(0), "{}", dry.err);
    assert!(dry.out.contains("+ dataset db/größe"), "{}", dry.out);
    let sent = submit(FACTS, &[])?;
    assert_eq!(sent.code, Some(0), "{}", sent.err);
    assert!(
        sent.out.contains("orders/own is in at offset 1"),
        "{}",
        sent.out
    );
    let wrong = submit(
        "{\"datasets\": [{\"namespace\": \"\", \"name\": \"x\"}]}",
        &[],
    )?;
    assert_eq!(wrong.code, Some(3), "{}", wrong.err);
    assert!(wrong.err.contains("/datasets/0/namespace"), "{}", wrong.err);
    let nobody = run_in(folder.path(), &["submit", "--facts", "-"], FACTS.as_bytes())?;
    assert_eq!(nobody.code, Some(2), "{}", nobody.err);
    Ok(())
}

#[test]
fn names_are_escaped_in_every_format() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let path = "/api/v1/sources/orders/own/submissions";
    assert_eq!(service.post(path, &[], FACTS.as_bytes())?.status, 200);
    let raw = r#"db/raw "a,b" #1"#;
    for (words, expected) in [
        (
            &["lineage", raw, "--format", "mermaid"][..],
            r#"[("db/raw #34;a,b#34; #35;1")]:::root"#,
        ),
        (
            &["lineage", raw, "--format", "dot"],
            r#"label="db/raw \"a,b\" #1""#,
        ),
        (
            &["lineage", raw, "--format", "csv"],
            r#""db/raw ""a,b"" #1",READS,orders,job:dbt/load [x],"#,
        ),
        (
            &["impact", raw, "--format", "mermaid"],
            r#"["job:dbt/load [x]"]"#,
        ),
        (&["impact", raw, "--format", "dot"], "digraph headwater {"),
        (
            &["impact", raw, "--format", "csv"],
            "1,orders,dataset,VIEW,db/größe,false,,",
        ),
        (
            &["search", "größe", "--format", "csv"],
            "dataset,orders,VIEW,db/größe,",
        ),
        (
            &["resolve", raw, "--format", "csv"],
            r#""db/raw ""a,b"" #1""#,
        ),
        (&["domains", "--format", "mermaid"], r#"("orders")"#),
        (&["domains", "--format", "csv"], "from,to,dataset_edges"),
        (&["status", "--format", "csv"], "orders,own,SNAPSHOT,"),
    ] {
        let ran = ask(&service, words)?;
        assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.err);
        assert!(ran.out.contains(expected), "{words:?}: {}", ran.out);
    }
    Ok(())
}

#[test]
fn the_status_lists_sources_and_fails_where_a_stale_one_must_not_be() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let path = "/api/v1/sources/orders/own/submissions";
    service.post(path, &[], FACTS.as_bytes())?;
    let event = r#"{"eventType":"COMPLETE","eventTime":"2026-01-01T00:00:00Z","run":{"runId":"r"},"job":{"namespace":"n","name":"j"}}"#;
    service.post("/api/v1/lineage", &[], event.as_bytes())?;
    let fresh = ask(&service, &["status", "--require-fresh", "--format", "json"])?;
    assert_eq!(fresh.code, Some(0), "{}", fresh.err);
    let sources: Value = serde_json::from_str(&fresh.out)?;
    assert_eq!(sources[0]["name"], "own", "{sources}");
    assert_eq!(sources[0]["lastSubmission"]["offset"], 1, "{sources}");
    let odd = r#"{"diagnostics": [{"severity": "ERROR", "code": "x/y", "message": "is odd"}]}"#;
    service.post(path, &[], odd.as_bytes())?;
    assert_eq!(ask(&service, &["status"])?.code, Some(0));
    let stale = ask(&service, &["status", "--require-fresh"])?;
    assert_eq!(stale.code, Some(5), "{}", stale.err);
    assert!(stale.err.contains("orders/own"), "{}", stale.err);
    assert_eq!(
        ask(&service, &["status", "--domain", "nobody"])?.code,
        Some(4)
    );
    Ok(())
}

fn project(folder: &Path, server: &str) -> Result<()> {
    let dbt = extractor("plugins", "dbt")?.canonicalize()?;
    let text = format!(
        "server = {server:?}\ndomain = \"orders\"\n\n\
         [[source]]\nsource = \"dbt\"\nplugin = {:?}\nfiles = [\"shop/*/manifest.json\"]\n\n\
         [[source]]\nsource = \"broken\"\nplugin = {:?}\nfiles = [\"none/*.json\"]\n\n\
         [[source]]\ndomain = \"growth\"\nsource = \"own\"\nfacts = \"facts.json\"\n",
        dbt.display().to_string(),
        dbt.display().to_string()
    );
    fs::create_dir_all(folder.join("shop/target"))?;
    fs::write(folder.join("shop/target/manifest.json"), MANIFEST)?;
    fs::write(folder.join("facts.json"), FACTS)?;
    fs::write(folder.join("headwater.toml"), text)?;
    Ok(())
}

#[test]
fn a_project_is_submitted_as_far_as_it_can_be() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(&folder.path().join("data"), &[])?;
    project(folder.path(), &service.url)?;
    let dry = run_in(folder.path(), &["submit", "--dry-run"], b"")?;
    assert_eq!(dry.code, Some(3), "one of three has no files: {}", dry.err);
    assert!(
        dry.out.contains("orders/dbt would change"),
        "{} {}",
        dry.out,
        dry.err
    );
    let sent = run_in(folder.path(), &["submit"], b"")?;
    assert_eq!(sent.code, Some(3), "{}", sent.err);
    assert!(
        sent.out.contains("orders/dbt is in at offset 1")
            && sent.out.contains("growth/own is in at offset 2"),
        "{}",
        sent.out
    );
    for part in [
        "orders/broken was not submitted",
        "headwater.toml line 12, files",
        "1 of 3 sources failed",
    ] {
        assert!(sent.err.contains(part), "{part}: {}", sent.err);
    }
    let json = run_in(folder.path(), &["submit", "--format", "json"], b"")?;
    let outcomes: Value = serde_json::from_str(&json.out)?;
    let again = &outcomes["sources"][0]["submission"];
    assert_eq!(
        again["offset"], 1,
        "a repeat is answered with what was accepted before: {outcomes}"
    );
    assert!(outcomes["sources"][1]["error"].is_string(), "{outcomes}");
    // The evidence is named from the project's folder, wherever the command ran.
    let elsewhere = folder.path().join("headwater.toml").display().to_string();
    let other = run(&["submit", "--project", &elsewhere, "--dry-run"])?;
    assert_eq!(other.code, Some(3), "{}", other.err);
    assert!(other.out.contains("0 added, 0 removed"), "{}", other.out);
    Ok(())
}

#[test]
fn a_project_that_is_wrong_or_missing_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let missing = run_in(folder.path(), &["submit"], b"")?;
    assert_eq!(missing.code, Some(2), "{}", missing.err);
    assert!(missing.err.contains("headwater.toml"), "{}", missing.err);
    fs::write(
        folder.path().join("headwater.toml"),
        "domain = \"a\"\n[[source]]\nsauce = \"x\"\n",
    )?;
    let wrong = run_in(folder.path(), &["submit"], b"")?;
    assert_eq!(wrong.code, Some(3), "{}", wrong.err);
    assert!(
        wrong.err.contains("headwater.toml: line 3") && wrong.err.contains("sauce"),
        "{}",
        wrong.err
    );
    Ok(())
}

#[test]
fn an_extractor_is_tried_without_a_service() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("manifest.json"), MANIFEST)?;
    let dbt = extractor("plugins", "dbt")?
        .canonicalize()?
        .display()
        .to_string();
    let ran = run_in(
        folder.path(),
        &["plugin", "run", &dbt, "manifest.json", "--first", "1"],
        b"",
    )?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for part in ["MiB of memory", "datasets", "edges", "… and 1 more"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    fs::write(folder.path().join("manifest.json"), "{\"nodes\": ")?;
    let refused = run_in(
        folder.path(),
        &["plugin", "run", &dbt, "manifest.json"],
        b"",
    )?;
    assert_eq!(refused.code, Some(3), "{}", refused.err);
    assert!(refused.err.contains("manifest.json"), "{}", refused.err);
    Ok(())
}

#[test]
fn a_shell_and_a_manual_know_every_command() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(&["completions", shell])?;
        assert_eq!(ran.code, Some(0), "{shell}: {}", ran.err);
        assert!(ran.out.contains("require-complete"), "{shell}");
    }
    let man = run_in(folder.path(), &["man", "man1"], b"")?;
    assert_eq!(man.code, Some(0), "{}", man.err);
    assert!(folder.path().join("man1/headwater-submit.1").is_file());
    Ok(())
}

/// A column that becomes another, filtered by a third.
const FIELDS: &str = r#"{"datasets": [
    {"namespace": "db", "name": "raw", "type": "TABLE", "fields": [{"name": "amount"}, {"name": "status"}]},
    {"namespace": "db", "name": "mart", "type": "TABLE", "fields": [{"name": "total"}]}],
  "jobs": [{"namespace": "dbt", "name": "sum", "type": "MODEL"}],
  "edges": [
    {"kind": "READS", "from": {"kind": "DATASET", "namespace": "db", "name": "raw"}, "to": {"kind": "JOB", "namespace": "dbt", "name": "sum"}},
    {"kind": "WRITES", "from": {"kind": "JOB", "namespace": "dbt", "name": "sum"}, "to": {"kind": "DATASET", "namespace": "db", "name": "mart"}}],
  "fieldEdges": [
    {"from": {"namespace": "db", "name": "raw", "field": "amount"}, "to": {"namespace": "db", "name": "mart", "field": "total"},
     "via": {"namespace": "dbt", "name": "sum"}, "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": false}]}]}"#;

#[test]
fn ways_and_fields_are_shown() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let path = "/api/v1/sources/orders/own/submissions";
    let answer = service.post(path, &[], FIELDS.as_bytes())?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for (words, expected) in [
        (
            &["paths", "db/raw", "db/mart", "--format", "csv"][..],
            "1,3,orders,dataset,db/mart",
        ),
        (&["paths", "db/raw", "db/mart"], "1 path"),
        (
            &[
                "paths",
                "raw#amount",
                "mart#total",
                "--field-level",
                "--format",
                "csv",
            ],
            "1,2,orders,field,db/mart#total",
        ),
        (
            &["impact", "raw#amount", "--field-level", "--format", "csv"],
            "orders,dataset,TABLE,db/mart,false,total,direct aggregation",
        ),
        (
            &["lineage", "raw#amount", "--field-level", "--format", "csv"],
            "db/mart#total,job:dbt/sum,direct aggregation",
        ),
        (
            &[
                "lineage",
                "raw#amount",
                "--field-level",
                "--format",
                "mermaid",
            ],
            "([\"db/raw#35;amount\"]):::root",
        ),
    ] {
        let ran = ask(&service, words)?;
        assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.err);
        assert!(ran.out.contains(expected), "{words:?}: {}", ran.out);
    }
    assert_eq!(
        ask(&service, &["paths", "db/raw", "nothing"])?.code,
        Some(4)
    );
    Ok(())
}
