//! The commands that work on the data folder of a stopped service.

use std::path::Path;

use anyhow::{Context as _, Result};
use headwater_store::{SledOptions, SledState, State as _, StateBatch};
use headwater_tests::service::{Ran, Service, binary, run};
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

/// Runs a command on a data folder.
pub(crate) fn on(command: &str, data: &Path, further: &[&str]) -> Result<Ran> {
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
fn a_clean_stop_leaves_an_excerpt_of_the_state_for_one_start() -> Result<()> {
    let folder = filled(20)?;
    let excerpt = folder.path().join("state/excerpt");
    let before = digest(folder.path())?;
    assert!(excerpt.exists());
    let mut service = Service::start(folder.path(), &[])?;
    assert!(
        !excerpt.exists(),
        "what is applied from now on is not in it"
    );
    let impact = r#"{ impact(of: ["db/in-7"]) { assets { nodes { asset { name } } } } }"#;
    let known = service.ask(impact)?;
    assert_eq!(
        known["data"]["impact"]["assets"]["nodes"][0]["asset"]["name"],
        "j-7"
    );
    service.kill()?;
    assert!(!excerpt.exists());
    let mut service = Service::start(folder.path(), &[])?;
    assert_eq!(service.ask(impact)?["data"], known["data"]);
    service.terminate()?;
    assert!(excerpt.exists());
    // However soon it is stopped: before the state is open, too.
    for _ in 0..3 {
        Service::start(folder.path(), &[])?.terminate()?;
        assert!(excerpt.exists());
    }
    assert_eq!(digest(folder.path())?, before);
    Ok(())
}

#[test]
fn a_state_that_is_not_what_its_excerpt_says_is_rebuilt() -> Result<()> {
    let folder = filled(20)?;
    let excerpt = folder.path().join("state/excerpt");
    let kept = std::fs::read(&excerpt)?;
    std::fs::remove_dir_all(folder.path().join("state"))?;
    std::fs::create_dir(folder.path().join("state"))?;
    std::fs::write(&excerpt, kept)?;
    let impact = r#"{ impact(of: ["db/in-7"]) { assets { nodes { asset { id name } } } } }"#;
    // Where the service listens before it is found, it stops, and the next start rebuilds the state.
    let mut service = Service::start(folder.path(), &[])?;
    let from_state = "{ assets { nodes { assertedBy { source { name } } } } }";
    let first = service.ask(from_state);
    if first.map_or(true, |answer| answer.get("errors").is_some()) {
        let (status, told) = service.terminate()?;
        assert_eq!(status.code(), Some(1), "{told}");
        assert!(
            told.contains("it is at offset 0, its excerpt at 20"),
            "{told}"
        );
        service = Service::start(folder.path(), &[])?;
    }
    let known = service.ask(from_state)?;
    assert_eq!(
        known["data"]["assets"]["nodes"][0]["assertedBy"][0]["source"]["name"], "openlineage",
        "{known}"
    );
    let answer = service.ask(impact)?;
    assert_eq!(
        answer["data"]["impact"]["assets"]["nodes"][0]["asset"]["name"], "j-7",
        "{answer}"
    );
    service.terminate()?;
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
    let answer = service.ask("{ snapshot { offset } }")?;
    assert_eq!(answer["data"]["snapshot"]["offset"], 30);
    let mut kept = 0;
    for number in 0..30 {
        let query = format!("{{ job(namespace: \"n\", name: \"j-{number}\") {{ name }} }}");
        kept += usize::from(!service.ask(&query)?["data"]["job"].is_null());
    }
    assert_eq!(kept, 29);
    Ok(())
}

#[test]
fn a_data_folder_takes_the_place_of_the_service_that_the_environment_names() -> Result<()> {
    let folder = filled(2)?;
    let data = folder.path().to_str().context("a path")?;
    let file = folder.path().join("headwater.backup");
    let file = file.to_str().context("a path")?;
    let url = "http://127.0.0.1:9";
    for arguments in [
        vec!["backup", "--data", data, file],
        vec!["prune", "--older-than", "1w", "--data", data],
    ] {
        let run = |further: &[&str]| {
            std::process::Command::new(binary()?)
                .args(&arguments)
                .args(further)
                .env("HEADWATER_SERVER", url)
                .output()
                .context("it runs")
        };
        let both = run(&["--server", "http://127.0.0.1:10"])?;
        assert_eq!(both.status.code(), Some(2), "{both:?}");
        let said = String::from_utf8(both.stderr)?;
        assert!(
            said.contains("--data") && said.contains("--server"),
            "{said}"
        );
        let done = run(&[])?;
        assert_eq!(done.status.code(), Some(0), "{done:?}");
    }
    Ok(())
}

#[test]
fn a_backup_of_a_running_service_is_the_log_at_one_offset() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &["--limit", "log_segment_bytes=4096"])?;
    for number in 0..30 {
        service.post("/api/v1/lineage", &[], event(number).as_bytes())?;
    }
    let elsewhere = tempfile::tempdir()?;
    let file = elsewhere.path().join("headwater.backup");
    let file = file.to_str().context("a path")?;
    // Events go on arriving while it is written.
    let ran = std::thread::scope(|scope| -> Result<Ran> {
        let backup = scope.spawn(|| run(&["backup", "--server", &service.url, file]));
        for number in 30.. {
            if backup.is_finished() {
                break;
            }
            service.post("/api/v1/lineage", &[], event(number).as_bytes())?;
        }
        backup.join().expect("it ends")
    })?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let words = ran.out.split_once("up to offset ").context("an offset")?.1;
    let offset: u64 = words.split(':').next().context("a number")?.parse()?;
    assert!(offset >= 30, "{}", ran.out);
    drop(service);

    let copy = elsewhere.path().join("copy");
    let data = copy.to_str().context("a path")?;
    let ran = run(&["restore", file, "--data", data])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let restored = Service::start(&copy, &[])?;
    let answer = restored.ask("{ snapshot { offset } }")?;
    assert_eq!(answer["data"]["snapshot"]["offset"], offset);
    drop(restored);
    let ran = on("verify", &copy, &[])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);

    let ran = run(&["restore", file, "--data", data])?;
    assert_eq!(ran.code, Some(3), "it is not empty: {}", ran.out);
    let ran = run(&["backup", "--data", data, file])?;
    assert_eq!(ran.code, Some(3), "it is there already: {}", ran.out);
    let ran = run(&["backup", "--data", data, "--force", file])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    Ok(())
}

#[test]
fn a_backup_that_changed_is_not_restored() -> Result<()> {
    let folder = filled(20)?;
    let file = folder.path().join("b.backup");
    let shown = file.to_str().context("a path")?;
    let ran = on("backup", folder.path(), &[shown])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut bytes = std::fs::read(&file)?;
    bytes[2000] ^= 1;
    std::fs::write(&file, &bytes)?;
    let target = folder.path().join("target");
    let ran = run(&[
        "restore",
        shown,
        "--data",
        target.to_str().context("a path")?,
    ])?;
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.err.contains("SHA-256"), "{}", ran.err);
    assert!(!target.join("log").exists());
    Ok(())
}

#[test]
fn a_running_service_frees_the_disk_of_its_newest_segment_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut service = Service::start(folder.path(), &[])?;
    let mut noise = 7_u64;
    for number in 0..8 {
        // Nothing that a compressor makes smaller than half.
        let words = (0..6000).map(|_| {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            format!("{noise:016x}")
        });
        let facet = format!(
            r#""runId":"r-{number}","facets":{{"noise":{{"_producer":"p","_schemaURL":"s","text":"{}"}}}}"#,
            words.collect::<String>()
        );
        let body = event(number).replace(&format!(r#""runId":"r-{number}""#), &facet);
        let answer = service.post("/api/v1/lineage", &[], body.as_bytes())?;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let segments = || -> Result<Vec<u64>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder.path().join("log"))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(".log") {
                found.push(entry.metadata()?.len());
            }
        }
        Ok(found)
    };
    let before: u64 = segments()?.iter().sum();
    assert!(before > 300_000, "{before}");
    let prune = || run(&["prune", "--older-than", "0s", "--server", &service.url]);
    let ran = prune()?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let after = segments()?;
    assert!(after.iter().sum::<u64>() * 20 < before, "{after:?}");
    assert_eq!(after.len(), 2, "{after:?}");
    // A small segment is left: prunes make no multitude of files.
    let ran = prune()?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(segments()?.len(), 2);
    service.kill()?;
    let mut service = Service::start(folder.path(), &[])?;
    let query = "{ job(namespace: \"n\", name: \"j-3\") { outputs { totalCount } } }";
    let answer = service.ask(query)?;
    assert_eq!(
        answer["data"]["job"]["outputs"]["totalCount"], 1,
        "{answer}"
    );
    service.terminate()?;
    let ran = on("verify", folder.path(), &[])?;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    Ok(())
}

#[test]
fn a_running_service_is_pruned_and_answers_as_before() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut service = Service::start(folder.path(), &["--limit", "log_segment_bytes=4096"])?;
    for number in 0..40 {
        service.post("/api/v1/lineage", &[], event(number).as_bytes())?;
    }
    let lineage = "{ job(namespace: \"n\", name: \"j-3\") { inputs { totalCount } outputs { totalCount } \
                   runs(first: 5) { nodes { id } } } }";
    let before = service.ask(lineage)?["data"]["job"].clone();
    assert_eq!(
        before["runs"]["nodes"].as_array().map(Vec::len),
        Some(1),
        "{before}"
    );
    let log_bytes = |service: &Service| -> Result<u64> {
        let text = ureq::get(format!("{}/metrics", service.url))
            .call()?
            .body_mut()
            .read_to_string()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("headwater_log_bytes "));
        Ok(line.context("a metric")?.trim().parse::<f64>()? as u64)
    };
    let bytes = log_bytes(&service)?;
    // Everything was received a moment ago, and every run ended at the beginning of the year.
    let ran = run(&["prune", "--older-than", "0s", "--server", &service.url])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(log_bytes(&service)? * 3 < bytes * 2, "{}", ran.out);
    let after = service.ask(lineage)?["data"]["job"].clone();
    assert_eq!(after["runs"]["nodes"], serde_json::json!([]), "{after}");
    assert_eq!(
        (&after["inputs"], &after["outputs"]),
        (&before["inputs"], &before["outputs"])
    );
    let repeat = service.post("/api/v1/lineage", &[], event(3).as_bytes())?;
    assert_eq!((repeat.status, repeat.offset), (201, Some(4)), "a repeat");
    let ran = run(&[
        "prune",
        "--older-than",
        "2999-01-01",
        "--server",
        &service.url,
    ])?;
    assert_eq!(ran.code, Some(2), "{}", ran.out);
    service.terminate()?;
    let ran = on("verify", folder.path(), &[])?;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);

    let ran = on(
        "erase",
        folder.path(),
        &["--source", "unassigned/openlineage"],
    )?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = on(
        "erase",
        folder.path(),
        &["--source", "unassigned/openlineage"],
    )?;
    assert_eq!(ran.code, Some(4), "{}", ran.out);
    let ran = on("export", folder.path(), &[])?;
    assert!(!ran.out.contains("out-3"), "{}", ran.out);
    let ran = on("verify", folder.path(), &[])?;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    Ok(())
}

#[test]
fn a_disk_without_room_refuses_events_and_answers_questions() -> Result<()> {
    let folder = filled(3)?;
    // More than any disk has is to be left free.
    let arguments = ["--limit", "disk_reserve_bytes=1000000000000000000"];
    let mut service = Service::start(folder.path(), &arguments)?;
    let refused = service.post("/api/v1/lineage", &[], event(7).as_bytes())?;
    assert_eq!(refused.status, 507, "{}", refused.text);
    let error: Value = serde_json::from_str(&refused.text)?;
    let message = error["error"]["message"].as_str().context("a message")?;
    assert!(
        message.contains("the disk of") && message.contains("is full"),
        "{message}"
    );
    assert_eq!(
        service.ask("{ snapshot { offset } }")?["data"]["snapshot"]["offset"],
        3
    );
    let ready = ureq::get(format!("{}/health/ready", service.url)).call();
    assert!(
        matches!(ready, Err(ureq::Error::StatusCode(507))),
        "{ready:?}"
    );
    service.terminate()?;
    let service = Service::start(folder.path(), &[])?;
    let accepted = service.post("/api/v1/lineage", &[], event(7).as_bytes())?;
    assert_eq!((accepted.status, accepted.offset), (201, Some(4)));
    Ok(())
}

#[test]
fn only_programs_of_the_machine_reach_what_operators_ask_for() -> Result<()> {
    // The address by which this machine reaches others; asking for it sends nothing.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    let address = socket
        .connect("192.0.2.1:9")
        .and_then(|()| socket.local_addr());
    let Some(address) = address.ok().filter(|address| !address.ip().is_loopback()) else {
        println!("skipped 1 case: this machine has no network");
        return Ok(());
    };
    let folder = filled(2)?;
    let open = ["--allow-unauthenticated"];
    let service = Service::start_on("0.0.0.0:0", folder.path(), &open)?;
    let port = service.address().rsplit(':').next().context("a port")?;
    let from = |host: &str, path: &str| -> Result<u16> {
        let request = ureq::get(format!("http://{host}:{port}{path}"));
        let request = request.config().http_status_as_error(false).build();
        Ok(request.call()?.status().as_u16())
    };
    let outside = address.ip().to_string();
    assert_eq!(from(&outside, "/health/live")?, 200);
    assert_eq!(from(&outside, "/api/v1/admin/backup")?, 403);
    let prune = ureq::post(format!("http://{outside}:{port}/api/v1/admin/prune"));
    let prune = prune.config().http_status_as_error(false).build();
    let refused = prune.send(r#"{"before": "2026-01-01T00:00:00Z"}"#)?;
    assert_eq!(refused.status().as_u16(), 403);
    assert_eq!(from("127.0.0.1", "/api/v1/admin/backup")?, 200);
    Ok(())
}
