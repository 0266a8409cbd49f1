//! Extraction by the service: what is uploaded, what comes of it, and what a crash leaves.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use headwater_tests::service::{Ran, Service, extractor, root, run, run_in};
use serde_json::{Value, json};

/// How long an extraction may take, its extractor's compilation included.
const PATIENCE: Duration = Duration::from_secs(120);

fn plugins(names: &[(&str, &str)]) -> Result<tempfile::TempDir> {
    let dir = tempfile::tempdir()?;
    for (folder, name) in names {
        let file = dir.path().join(format!("{name}.wasm"));
        fs::copy(extractor(folder, name)?, file)?;
    }
    Ok(dir)
}

fn start(data: &Path, plugins: &Path, more: &[&str]) -> Result<Service> {
    let plugins = plugins.to_str().context("a path")?;
    let words = [&["--plugins", plugins], more].concat();
    Service::start(data, &words)
}

fn on(service: &Service, folder: &Path, words: &[&str]) -> Result<Ran> {
    let words = [words, &["--server", &service.url]].concat();
    run_in(folder, &words, b"")
}

fn part(name: &str, content: &str) -> String {
    format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n--B--\r\n")
}

fn send(service: &Service, source: &str, query: &str, body: &str) -> Result<(u16, Value)> {
    let headers = [("content-type", "multipart/form-data; boundary=B")];
    let path = format!("/api/v1/sources/{source}/artifacts{query}");
    let answer = service.post(&path, &headers, body.as_bytes())?;
    Ok((answer.status, serde_json::from_str(&answer.text)?))
}

/// The extraction with that number, once it ended.
fn ended(service: &Service, (domain, name): (&str, &str), number: u64) -> Result<Value> {
    let begun = Instant::now();
    let query = format!(
        r#"{{ sourceBinding(domain: "{domain}", name: "{name}") {{ extraction(number: {number}) {{
           state attempts error offset diagnostics {{ code }} }} source {{ isStale }} }} }}"#
    );
    loop {
        let answer = service.ask(&query)?;
        let found = &answer["data"]["sourceBinding"];
        let state = found["extraction"]["state"].as_str();
        if matches!(
            state,
            Some("SUCCEEDED" | "FAILED" | "UNCHANGED" | "SUPERSEDED")
        ) {
            return Ok(found.clone());
        }
        ensure!(begun.elapsed() < PATIENCE, "it does not end: {answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_uploaded_is_extracted_as_submit_would() -> Result<()> {
    let plugins = plugins(&[("plugins", "dbt")])?;
    let data = tempfile::tempdir()?;
    let service = start(data.path(), plugins.path(), &[])?;
    let orders = root().join("examples/mesh/orders");
    let words = [
        "source",
        "upload",
        "orders/dbt",
        "--plugin",
        "dbt",
        "artifacts",
    ];
    let ran = on(&service, &orders, &words)?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.out.starts_with("orders/dbt, extraction 1: +"),
        "{}",
        ran.out
    );
    let ran = on(&service, &orders, &words)?;
    assert_eq!(ran.out, "orders/dbt, extraction 2: unchanged\n");
    // The same files, extracted here: nothing changes.
    let binary = extractor("plugins", "dbt")?;
    let binary = binary.to_str().context("a path")?;
    let words = [
        "submit", "--domain", "orders", "--source", "dbt", "--plugin", binary,
    ];
    let words = [&words[..], &["--format", "json", "artifacts"]].concat();
    let ran = on(&service, &orders, &words)?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let receipt: Value = serde_json::from_str(&ran.out)?;
    assert_eq!(receipt["offset"], 1, "it is a repeat: {receipt}");
    let ran = on(&service, &orders, &["source", "list", "--format", "json"])?;
    let listed: Value = serde_json::from_str(&ran.out)?;
    assert_eq!(listed[0]["pluginName"], "dbt");
    let ran = on(&service, &orders, &["source", "show", "orders/dbt"])?;
    assert!(ran.out.contains("artifacts   3\n"), "{}", ran.out);
    let ran = on(&service, &orders, &["source", "show", "orders/else"])?;
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    Ok(())
}

#[test]
fn what_breaks_a_rule_is_refused_and_nothing_is_kept() -> Result<()> {
    let plugins = plugins(&[("plugins", "yaml")])?;
    let data = tempfile::tempdir()?;
    let service = start(data.path(), plugins.path(), &[])?;
    let whole = part("lineage.yaml", "version: 1\n");
    let cut = whole.trim_end_matches("--B--\r\n");
    let error = |found: Result<(u16, Value)>| -> Result<(u16, String)> {
        let (status, body) = found?;
        let message = body["error"]["message"].as_str().context("an error")?;
        Ok((status, message.to_owned()))
    };
    let (status, message) = error(send(&service, "a/b", "", &whole))?;
    assert_eq!(status, 404, "{message}");
    assert_eq!(
        message,
        "source a/b is bound to no extractor of the service"
    );
    for (query, body, status, rule) in [
        (
            "?plugin=none",
            &*whole,
            404,
            "there is no extractor none; there are: yaml",
        ),
        ("?plugin=yaml&x=1", &whole, 400, "unknown field `x`"),
        ("?plugin=yaml", cut, 400, "the artifacts broke off"),
        (
            "?plugin=yaml",
            "--B--\r\n",
            400,
            "no artifacts were received",
        ),
        (
            "?plugin=yaml",
            &part("../a.yaml", ""),
            400,
            "has a part that is empty, . or ..",
        ),
        (
            "?plugin=yaml",
            &part("/etc/passwd", ""),
            400,
            "is not a relative path",
        ),
    ] {
        let (found, message) = error(send(&service, "a/b", query, body))?;
        assert_eq!(found, status, "{query}: {message}");
        assert!(message.contains(rule), "{message}");
    }
    let incoming = fs::read_dir(data.path().join("extraction/incoming"))?;
    assert_eq!(incoming.count(), 0);
    let bound = service.ask("{ sourceBindings { name } }")?;
    assert_eq!(bound["data"]["sourceBindings"], json!([]));
    let (status, queued) = send(&service, "a/b", "?plugin=yaml", &part("lineage.yaml", "["))?;
    assert_eq!((status, &queued["number"]), (202, &json!(1)));
    let failed = ended(&service, ("a", "b"), 1)?;
    assert_eq!(failed["extraction"]["state"], "FAILED", "{failed}");
    assert_eq!(failed["source"]["isStale"], true);
    Ok(())
}

#[test]
fn a_crash_in_the_middle_of_an_extraction_begins_it_again() -> Result<()> {
    let plugins = plugins(&[("plugins-hostile", "endless-loop")])?;
    let data = tempfile::tempdir()?;
    let patient = ["--limit", "extractor_timeout_ms=60000"];
    let mut service = start(data.path(), plugins.path(), &patient)?;
    let plugin = service.ask("{ plugins { name } }")?["data"]["plugins"][0]["name"].clone();
    let plugin = plugin.as_str().context("a name")?;
    let query = format!("?plugin={plugin}");
    let (status, queued) = send(&service, "a/b", &query, &part("x.json", "{}"))?;
    assert_eq!(status, 202, "{queued}");
    let running =
        r#"{ sourceBinding(domain: "a", name: "b") { extraction(number: 1) { state } } }"#;
    let begun = Instant::now();
    while service.ask(running)?["data"]["sourceBinding"]["extraction"]["state"] != "EXTRACTING" {
        ensure!(begun.elapsed() < PATIENCE, "it is not begun");
    }
    service.kill()?;
    let service = start(
        data.path(),
        plugins.path(),
        &["--limit", "extractor_timeout_ms=300"],
    )?;
    let failed = ended(&service, ("a", "b"), 1)?;
    assert_eq!(failed["extraction"]["state"], "FAILED", "{failed}");
    assert_eq!(failed["extraction"]["attempts"], 2);
    let error = failed["extraction"]["error"].as_str().context("an error")?;
    assert!(error.contains("it ran longer than 300"), "{error}");
    Ok(())
}

#[test]
fn an_extractor_is_installed_tried_and_removed() -> Result<()> {
    let data = tempfile::tempdir()?;
    let service = Service::start(data.path(), &[])?;
    let here = Path::new(".");
    let yaml = extractor("plugins", "yaml")?.canonicalize()?;
    let yaml = yaml.to_str().context("a path")?;
    let ran = on(&service, here, &["plugin", "install", yaml, "--dry-run"])?;
    assert_eq!(
        ran.out, "no source would use extractor yaml 0.1.0\n",
        "{}",
        ran.err
    );
    let ran = on(&service, here, &["plugin", "install", yaml])?;
    assert_eq!(
        ran.out, "extractor yaml 0.1.0 is installed; it is active\n",
        "{}",
        ran.err
    );
    let ran = run(&["plugin", "list", "--server", &service.url])?;
    assert!(ran.out.contains("yaml  0.1.0    active"), "{}", ran.out);
    let file = part(
        "lineage.yaml",
        "version: 1\njobs:\n  - name: j\n    namespace: n\n    reads: [db/a]\n    writes: [db/b]\n",
    );
    let (status, _) = send(&service, "a/b", "?plugin=yaml", &file)?;
    assert_eq!(status, 202);
    ended(&service, ("a", "b"), 1)?;
    let ran = on(&service, here, &["plugin", "remove", "yaml"])?;
    assert!(
        ran.err.contains("extractor yaml is used by a/b"),
        "{}",
        ran.err
    );
    let ran = on(
        &service,
        here,
        &["plugin", "activate", "yaml", "0.1.0", "--dry-run"],
    )?;
    assert!(
        ran.out.starts_with("extractor yaml 0.1.0 would change:\n"),
        "{}",
        ran.out
    );
    for (words, out) in [
        (
            &["plugin", "disable", "yaml"][..],
            "extractor yaml is disabled\n",
        ),
        (&["plugin", "enable", "yaml"], "extractor yaml is enabled\n"),
        (
            &["source", "pin", "a/b", "0.1.0"],
            "a/b uses yaml 0.1.0; it is active\n",
        ),
        (
            &["source", "pin", "a/b", "--active"],
            "a/b uses yaml 0.1.0; it is active\n",
        ),
        (
            &["source", "pause", "a/b", "--reason", "quiet"],
            "a/b uses yaml 0.1.0; it is paused: quiet\n",
        ),
        (
            &["source", "resume", "a/b"],
            "a/b uses yaml 0.1.0; it is active\n",
        ),
        (
            &["source", "unbind", "a/b"],
            "a/b is bound to no extractor now\n",
        ),
        (&["plugin", "remove", "yaml"], "extractor yaml is removed\n"),
    ] {
        let ran = on(&service, here, words)?;
        assert_eq!((ran.code, &*ran.out), (Some(0), out), "{}", ran.err);
    }
    let ran = on(&service, here, &["plugin", "rollback", "yaml"])?;
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    let foreign = extractor("plugins-hostile", "foreign-imports")?.canonicalize()?;
    let foreign = foreign.to_str().context("a path")?;
    let ran = on(&service, here, &["plugin", "install", foreign])?;
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("may import nothing but"), "{}", ran.err);
    Ok(())
}
