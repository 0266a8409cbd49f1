//! The command line: exit codes, standard output and standard error.

use anyhow::Result;
use headwater_tests::service::{Service, run};

#[test]
fn exit_codes_say_what_happened() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let server = ["--server", service.url.as_str()];
    let with = |words: &[&str]| run(&[words, &server[..]].concat());

    let events = folder.path().join("events.ndjson");
    let good = r#"{"eventType":"COMPLETE","eventTime":"2026-01-01T00:00:00Z","run":{"runId":"r"},"job":{"namespace":"n","name":"j"},"inputs":[{"namespace":"db","name":"raw.orders"}],"outputs":[{"namespace":"db","name":"mart.orders"}]}"#;
    std::fs::write(&events, format!("{good}\n\n{{\"eventType\":\"START\"}}\n"))?;
    let file = events.display().to_string();
    let sent = with(&["send", &file])?;
    assert_eq!(
        sent.code,
        Some(3),
        "one event of two is wrong: {}",
        sent.err
    );
    assert!(sent.err.contains("events.ndjson:3"), "{}", sent.err);

    let impact = with(&["impact", "raw.orders", "--format", "json"])?;
    assert_eq!(impact.code, Some(0), "{}", impact.err);
    serde_json::from_str::<serde_json::Value>(&impact.out)?;
    assert!(!impact.out.contains('\u{1b}'), "no colours in a pipe");

    assert_eq!(with(&["impact", "nothing"])?.code, Some(4));
    let ambiguous = with(&["impact", "orders"])?;
    assert_eq!(ambiguous.code, Some(4));
    assert!(ambiguous.err.contains("mart.orders"), "{}", ambiguous.err);
    assert_eq!(
        with(&["impact", "raw.orders", "--require-complete"])?.code,
        Some(5),
        "raw.orders is unresolved"
    );
    for words in [
        &["resolve", "mart.orders"][..],
        &["search", "orders"],
        &["domains"],
        &["lineage", "mart.orders"],
    ] {
        let ran = with(words)?;
        assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.err);
        assert!(!ran.out.is_empty(), "{words:?}");
    }
    assert_eq!(run(&["impact"])?.code, Some(2));
    let nobody = run(&["impact", "x", "--server", "http://127.0.0.1:1"])?;
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.err.contains("http://127.0.0.1:1"), "{}", nobody.err);
    Ok(())
}

#[test]
fn help_shows_examples() -> Result<()> {
    for command in [
        "serve",
        "submit",
        "send",
        "extract",
        "impact",
        "lineage",
        "paths",
        "search",
        "resolve",
        "domains",
        "status",
        "completions",
        "man",
    ] {
        let help = run(&[command, "--help"])?;
        assert_eq!(help.code, Some(0));
        assert!(
            help.out.contains(&format!("headwater {command}")),
            "{command}: {}",
            help.out
        );
    }
    Ok(())
}

#[test]
fn a_wrong_mesh_file_is_named_with_line_and_key() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mesh = folder.path().join("mesh.toml");
    std::fs::write(&mesh, "[[domain]]\nname = \"a\"\ndataset = [\"x\"]\n")?;
    let data = folder.path().join("data");
    let (mesh, data) = (mesh.display().to_string(), data.display().to_string());
    let ran = run(&[
        "serve",
        "--data",
        &data,
        "--listen",
        "127.0.0.1:0",
        "--mesh",
        &mesh,
    ])?;
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(
        ran.err.contains("line 3") && ran.err.contains("dataset"),
        "{}",
        ran.err
    );
    let ran = run(&["serve", "--data", &data, "--listen", "0.0.0.0:0"])?;
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("--allow-unauthenticated"), "{}", ran.err);
    Ok(())
}
