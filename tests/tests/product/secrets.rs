//! What is secret in a body is in no file of the service.

use std::fs;
use std::path::Path;

use anyhow::Result;
use headwater_store::{Log as _, Offset, SegmentLog, SegmentOptions};
use headwater_tests::service::Service;

/// Everything in the files below `folder`, one after the other.
fn bytes_below(folder: &Path, found: &mut Vec<u8>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            bytes_below(&path, found)?;
        } else {
            found.extend(fs::read(&path)?);
        }
    }
    Ok(())
}

/// What was accepted, as it was before it was compressed.
fn entries(data: &Path, found: &mut Vec<u8>) -> Result<()> {
    let (log, _) = SegmentLog::open(&data.join("log"), SegmentOptions::default())?;
    for entry in log.read_after(Offset::ZERO, 1000, 64 << 20)? {
        found.extend_from_slice(&entry.payload.bytes);
    }
    Ok(())
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// An event with secrets in a URL, in an unknown facet and in SQL.
const EVENT: &str = r#"{"eventType":"COMPLETE","eventTime":"2026-01-01T00:00:00Z",
  "run":{"runId":"0196f2a4-8c4e-7d1a-9d83-5f8f6f1d2b10","facets":{"shop_connection":{
    "_producer":"https://shop.example","_schemaURL":"https://shop.example/x.json","harmless":"kept-as-it-is","password":"hunter2-of-the-facet"}}},
  "job":{"namespace":"n","name":"load","facets":{"sql":{"_producer":"https://shop.example",
    "_schemaURL":"https://openlineage.io/spec/facets/1-1-0/SQLJobFacet.json",
    "query":"CREATE USER shop IDENTIFIED BY 'hunter2-of-the-sql'"}}},
  "outputs":[{"namespace":"db","name":"mart.orders","facets":{"dataSource":{"_producer":"https://shop.example",
    "_schemaURL":"https://openlineage.io/spec/facets/1-0-0/DatasourceDatasetFacet.json","name":"db",
    "uri":"postgres://shop:hunter2-of-the-url@db:5432/shop"}}}]}"#;

#[test]
fn no_file_of_the_data_folder_holds_a_secret_of_an_event() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut service = Service::start(folder.path(), &[])?;
    let answer = service.post("/api/v1/lineage", &[], EVENT.as_bytes())?;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let run =
        service.ask("{ job(namespace: \"n\", name: \"load\") { sql latestRun { facets } } }")?;
    let told = run.to_string();
    let (ended, log) = service.terminate()?;
    assert!(ended.success(), "{log}");
    let mut kept = Vec::new();
    bytes_below(folder.path(), &mut kept)?;
    entries(folder.path(), &mut kept)?;
    for (place, bytes) in [
        ("a file", &kept[..]),
        ("an answer", told.as_bytes()),
        ("the service's log", log.as_bytes()),
    ] {
        assert!(
            !contains(bytes, "hunter2"),
            "{place} holds a secret: {told}"
        );
    }
    assert!(
        contains(&kept, "kept-as-it-is"),
        "what is beside a secret stays"
    );
    assert!(told.contains("[redacted]"), "{told}");
    Ok(())
}
