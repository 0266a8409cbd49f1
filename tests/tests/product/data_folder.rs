//! The commands that work on the data folder of a stopped service.

use std::path::Path;

use anyhow::{Context as _, Result};
use headwater_store::{SledOptions, SledState, State as _, StateBatch};
use headwater_tests::service::{Ran, Service, run};
use serde_json::Value;

/// A run of a job of its own.
pub(crate) fn event(number: usize) -> String {
    format!(
        r#"{{"eventType":"COMPLETE","eventTime":"2026-01-01T00:00:{:02}Z","run":{{"runId":"r-{number}"}},
        "job":{{"namespace":"n","name":"j-{number}"}},"producer":"p","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "inputs":[{{"namespace":"db","name":"in-{number}"}}],"outputs":[{{"namespace":"db","name":"out-{number}"}}]}}"#,
        number % 60
    )
}

/// A folder that a service filled with so many events and left.
pub(crate) fn filled(events: usize) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let mut service = Service::start(folder.path(), &[])?;
    for number in 0..events {
        let answer = service.post("/api/v1/lineage", &[], event(number).as_bytes())?;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    service.terminate()?;
    Ok(folder)
}

fn on(command: &str, data: &Path, further: &[&str]) -> Result<Ran> {
    let data = data.to_str().context("a path")?;
    let mut arguments = vec![command, "--data", data];
    arguments.extend(further);
    run(&arguments)
}

/// The digest of the state that the log makes.
pub(crate) fn digest(data: &Path) -> Result<String> {
    let ran = on("verify", data, &["--format", "json"])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out)?;
    let digest = report["rebuilt"]["digest"].as_str();
    Ok(digest.context("a digest")?.to_owned())
}

#[test]
fn verify_finds_a_folder_whole_and_names_what_differs() -> Result<()> {
    let folder = filled(20)?;
    let ran = on("verify", folder.path(), &["--format", "json"])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out)?;
    assert_eq!(report["log"]["entriesCount"], 20);
    assert_eq!(report["state"], report["rebuilt"]);
    assert_eq!(report["differences"], serde_json::json!([]));
    assert!(report["graph"]["digest"].is_string(), "{report}");

    let state = SledState::open(&folder.path().join("state"), SledOptions::default())?;
    let mut batch = StateBatch::new();
    batch.delete(b"n\0db\0out-3");
    state.apply(&batch, state.applied_offset()?)?;
    drop(state);
    let ran = on("verify", folder.path(), &[])?;
    assert_eq!(ran.code, Some(5), "{}", ran.out);
    let named = "the log has the name of dataset db / out-3";
    assert!(ran.err.contains(named), "{}", ran.err);
    Ok(())
}

#[test]
fn verify_names_a_damaged_byte_and_who_uses_the_folder() -> Result<()> {
    let folder = filled(20)?;
    let segment = folder.path().join("log/00000000000000000001.log");
    let whole = std::fs::read(&segment)?;
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0xff;
    std::fs::write(&segment, &damaged)?;
    let ran = on("verify", folder.path(), &[])?;
    assert_eq!(ran.code, Some(5), "{}", ran.out);
    assert!(
        ran.err
            .contains("00000000000000000001.log is damaged at byte"),
        "{}",
        ran.err
    );
    assert_eq!(std::fs::read(&segment)?, damaged, "nothing is changed");

    std::fs::write(&segment, &whole[..whole.len() - 3])?;
    let ran = on("verify", folder.path(), &[])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("never acknowledged"), "{}", ran.out);
    assert_eq!(std::fs::read(&segment)?.len(), whole.len() - 3);

    let _service = Service::start(folder.path(), &[])?;
    let ran = on("verify", folder.path(), &[])?;
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("is using"), "{}", ran.err);
    let ran = on("verify", &folder.path().join("nowhere"), &[])?;
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    Ok(())
}

#[test]
fn an_export_imported_into_an_empty_folder_is_the_same() -> Result<()> {
    let folder = filled(30)?;
    let elsewhere = tempfile::tempdir()?;
    let file = elsewhere.path().join("lineage.ndjson");
    let file = file.to_str().context("a path")?;
    let ran = on("export", folder.path(), &["--output", file])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let piped = on("export", folder.path(), &[])?;
    assert_eq!(piped.out, std::fs::read_to_string(file)?);

    let copy = elsewhere.path().join("copy");
    let ran = on("import", &copy, &[file])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(digest(&copy)?, digest(folder.path())?);
    let ran = on("import", &copy, &[file])?;
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(
        ran.err.contains("is not empty: it holds log"),
        "{}",
        ran.err
    );

    let cut = piped.out.lines().take(9).collect::<Vec<_>>().join("\n");
    let short = elsewhere.path().join("short.ndjson");
    std::fs::write(&short, cut)?;
    let empty = elsewhere.path().join("empty");
    let ran = on("import", &empty, &[short.to_str().context("a path")?])?;
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(
        ran.err.contains("line 9: the line is cut short"),
        "{}",
        ran.err
    );
    assert!(!empty.join("log").exists());

    let service = Service::start(&copy, &[])?;
    let answer = service.post("/api/v1/lineage", &[], event(3).as_bytes())?;
    assert_eq!((answer.status, answer.offset), (201, Some(4)), "a repeat");
    Ok(())
}

#[test]
fn repair_gives_up_damaged_entries_only_when_told_to() -> Result<()> {
    let folder = filled(30)?;
    let segment = folder.path().join("log/00000000000000000001.log");
    let mut bytes = std::fs::read(&segment)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&segment, &bytes)?;
    assert!(Service::start(folder.path(), &[]).is_err());

    let ran = on("repair", folder.path(), &[])?;
    assert_eq!(ran.code, Some(5), "{}", ran.out);
    assert!(ran.err.contains("lost: the entry at offset"), "{}", ran.err);
    assert_eq!(std::fs::read(&segment)?, bytes, "nothing was changed");

    let ran = on("repair", folder.path(), &["--accept-loss"])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let copy = folder.path().join("repair-1/00000000000000000001.log");
    assert_eq!(std::fs::read(copy)?, bytes);
    let ran = on("verify", folder.path(), &[])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let service = Service::start(folder.path(), &[])?;
    let answer = service.ask("{ snapshot { offset } jobs { totalCount } }")?;
    assert_eq!(answer["data"]["snapshot"]["offset"], 30);
    assert_eq!(answer["data"]["jobs"]["totalCount"], 29, "{answer}");
    Ok(())
}
