//! Secrets are in no file of the service: real connector configurations, through every way in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_engine::EngineOptions;
use headwater_model::{
    AssetKind, AssetName, Event, FacetFact, FacetName, RunState::Complete, Statement,
};
use headwater_store::{Log, Offset, SegmentLog, SegmentOptions, SledOptions, SledState, State};

use crate::support::{Fixture, dataset, event, events_of, snapshot};

/// The recorded input, where it is.
fn recorded(folder: &str) -> Vec<PathBuf> {
    let data = std::env::var_os("HEADWATER_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let mut found = Vec::new();
    let mut waiting = vec![data.join("fixtures").join(folder)];
    while let Some(next) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Values of keys with these words, and passwords in URLs' parameters: found in another way than the code under test
/// finds them.
fn secrets(json: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in json.lines() {
        let Some((key, value)) = line.split_once("\":") else {
            continue;
        };
        let key = key.trim().trim_matches('"').to_lowercase();
        let value = value.trim().trim_end_matches(',').trim_matches('"');
        if key.ends_with("password") || key.ends_with("secret") {
            found.push(value.to_owned());
        }
        if let Some((_, rest)) = value.split_once("password=") {
            found.push(rest.split('&').next().unwrap_or_default().to_owned());
        }
    }
    found.retain(|secret| !secret.is_empty() && secret != "null");
    found
}

/// All that the log and the state hold, as bytes.
fn kept(log: &dyn Log, state: &dyn State) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut after = Offset::ZERO;
    loop {
        let entries = log.read_after(after, 1000, 64 << 20).expect("readable");
        let Some(last) = entries.last() else { break };
        after = last.offset;
        for entry in &entries {
            bytes.extend_from_slice(&entry.payload.bytes);
            bytes.push(0);
        }
    }
    for item in state.scan_prefix(b"") {
        let (key, value) = item.expect("readable");
        bytes.extend_from_slice(&key);
        bytes.push(0);
        bytes.extend_from_slice(&value);
        bytes.push(0);
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn on_disk(folder: &Path) -> Fixture {
    let log = folder.join("log");
    let (log, _) = SegmentLog::open(&log, SegmentOptions::default()).expect("a log");
    let state = SledState::open(&folder.join("state"), SledOptions::default()).expect("a state");
    Fixture::with(Arc::new(log), Arc::new(state), EngineOptions::default()).0
}

fn facet(name: &str, json: &str) -> FacetFact {
    FacetFact {
        on: AssetName {
            kind: AssetKind::Dataset,
            name: dataset("orders"),
        },
        name: FacetName::parse(name).expect("a name"),
        json: json.into(),
    }
}

fn with_body(body: &str, facet: FacetFact) -> Event {
    let mut event = event("1", 1, Complete, "raw -> load -> orders");
    event.digest = headwater_model::Digest::of(body.as_bytes());
    event.body = body.into();
    event.facts.facets.push(facet);
    event
}

/// Submits a configuration as a facet of a snapshot and as the body and a facet of an event.
fn submit(fixture: &Fixture, config: &str) {
    let mut submission = snapshot("orders/connect", 1, "raw -> load -> orders");
    if let Statement::Snapshot(snapshot) = &mut submission.statement {
        snapshot.facts.facets.push(facet("connector", config));
        snapshot.idempotency_key = Some(
            headwater_model::Digest::of(config.as_bytes())
                .to_string()
                .into(),
        );
    }
    fixture.submit(submission);
    let body =
        format!("{{\"eventType\":\"COMPLETE\",\"run\":{{\"facets\":{{\"connect\":{config}}}}}}}");
    fixture.submit(events_of(
        "orders/openlineage",
        with_body(&body, facet("connector", config)),
    ));
}

#[test]
fn no_secret_of_real_connectors_is_on_disk() {
    let folders = ["kafka-connect", "airbyte", "superset-examples", "metabase"];
    let files: Vec<PathBuf> = folders.into_iter().flat_map(recorded).collect();
    if files.is_empty() {
        println!("skipped: no recorded connector configurations");
        return;
    }
    let mut checked = 0;
    for path in files {
        let Ok(config) = std::fs::read_to_string(&path) else {
            continue;
        };
        let mut secrets = secrets(&config);
        // What also stands where it is no secret can't be looked for.
        let all = secrets.clone();
        secrets.retain(|secret| {
            let as_secret = all.iter().filter(|other| *other == secret).count();
            config.matches(secret.as_str()).count() == as_secret
        });
        if secrets.is_empty() {
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let fixture = on_disk(folder.path());
        submit(&fixture, &config);
        let bytes = kept(&*fixture.log, &*fixture.state);
        assert!(holds(&bytes, "[redacted]"), "{}", path.display());
        for secret in &secrets {
            assert!(!holds(&bytes, secret), "{}: {secret}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} secrets were looked for");
    println!("{checked} secrets were looked for");
}

#[test]
fn every_text_that_is_kept_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let fixture = on_disk(folder.path());
    let url = "postgres://ann:hunter2@db:5432/shop";
    let sql = "copy t from 's3://b' credentials 'aws_secret_access_key=hunter2'";
    let mut submission = snapshot(
        "orders/dbt",
        1,
        "raw -> load -> orders; password.token:text",
    );
    if let Statement::Snapshot(snapshot) = &mut submission.statement {
        let facts = &mut snapshot.facts;
        facts.jobs[0].sql = Some(sql.into());
        facts.jobs[0].description = Some(format!("reads {url}").into());
        facts.datasets[0].description = Some("the password=hunter2 is needed".into());
        facts
            .attributes
            .push(crate::support::attribute("orders", "url", url));
        facts
            .attributes
            .push(crate::support::attribute("orders", "api-key", "hunter2"));
        let mut found = headwater_model::Diagnostic::new(
            headwater_model::Severity::Warning,
            "test/odd",
            "cannot reach postgres://ann:hunter2@db",
        );
        found.at = None;
        snapshot.diagnostics.push(found);
    }
    fixture.submit(submission);
    let mut event = with_body(
        "{\"a\":1,\"token\":\"hunter2\"}",
        facet("source", "{\"token\":\"hunter2\"}"),
    );
    if let headwater_model::EventSubject::Run { details, .. } = &mut event.subject {
        details.error = Some(format!("no answer from {url}").into());
        details.url = Some("https://ci/run?token=hunter2".into());
    }
    event.facts.datasets[0].name.namespace =
        headwater_model::Namespace::parse("postgres://ann:hunter2@db:5432").expect("a namespace");
    fixture.submit(events_of("orders/openlineage", event));
    let bytes = kept(&*fixture.log, &*fixture.state);
    assert!(!holds(&bytes, "hunter2"));
    assert!(
        holds(&bytes, "postgres://db:5432"),
        "the name without credentials"
    );
    assert!(
        holds(&bytes, "{\"a\":1,\"token\":\"[redacted]\"}"),
        "the body, but for the secret"
    );
    let view = fixture.view();
    let table = view
        .require(&headwater_engine::Reference::Text("db/password".into()))
        .expect("a dataset of that name");
    let fields = view.details(table).expect("readable").fields;
    assert_eq!(&*fields[0].name, "token");
}
