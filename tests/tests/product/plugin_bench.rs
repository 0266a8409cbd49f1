//! `headwater plugin bench`, as its user has it.

use anyhow::{Context as _, Result};
use headwater_tests::service::{extractor, run_in};
use serde_json::Value;

#[test]
fn an_extractor_is_measured_within_its_rounds() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("list.txt"), "orders")?;
    let component = extractor("plugins-hostile", "mirror")?.canonicalize()?;
    let component = component.to_str().context("UTF-8")?;
    let words = ["plugin", "bench", component, "list.txt", "--rounds", "3"];
    let ran = run_in(folder.path(), &words, b"")?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.out
            .starts_with("mirror 0.1.0: 6 bytes of 1 file, 5 facts and 0 findings; loaded in "),
        "{}",
        ran.out
    );
    let ran = run_in(
        folder.path(),
        &[&words[..], &["--format", "json"]].concat(),
        b"",
    )?;
    let measured: Value = serde_json::from_str(&ran.out)?;
    assert_eq!(measured["extractMs"]["rounds"], 3);
    assert_eq!(measured["facts"], 5);
    let (p50, p99) = (&measured["extractMs"]["p50"], &measured["extractMs"]["p99"]);
    assert!(
        p50.as_f64() > Some(0.0) && p50.as_f64() <= p99.as_f64(),
        "{measured}"
    );
    Ok(())
}

#[test]
fn what_fails_is_told_and_not_measured() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("list.txt"), "orders")?;
    let component = extractor("plugins-hostile", "panics")?.canonicalize()?;
    let component = component.to_str().context("UTF-8")?;
    let ran = run_in(
        folder.path(),
        &["plugin", "bench", component, "list.txt"],
        b"",
    )?;
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
    assert!(ran.err.contains("index 3 is out of bounds"), "{}", ran.err);
    Ok(())
}
