//! Wrong input gets a status, and JSON that names the place and the rule.

use std::io::Write as _;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use headwater_tests::service::Service;
use serde_json::Value;

const EVENT: &str = r#"{"eventType":"COMPLETE","eventTime":"2026-01-01T00:00:00Z",
    "run":{"runId":"01941f29-7c00-7000-8000-000000000001"},"job":{"namespace":"n","name":"j"},
    "inputs":[{"namespace":"db","name":"a"}],"outputs":[{"namespace":"db","name":"b"}],
    "producer":"https://example.org","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}"#;

#[test]
fn events_are_refused_with_pointer_and_rule() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    for (body, status, pointer, part) in [
        (String::new(), 400, None, "empty"),
        ("{".to_owned(), 400, None, "line 1"),
        ("[]".to_owned(), 400, Some(""), "object"),
        (
            EVENT.replace("\"n\"", "\"\""),
            400,
            Some("/job/namespace"),
            "empty",
        ),
        (
            EVENT.replace("\"name\":\"b\"", "\"name\":7"),
            400,
            Some("/outputs/0/name"),
            "number",
        ),
        (
            EVENT.replace("2026-01-01T00:00:00Z", "yesterday"),
            400,
            Some("/eventTime"),
            "yesterday",
        ),
    ] {
        let answer = service.post("/api/v1/lineage", &[], body.as_bytes())?;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        let error: Value = serde_json::from_str(&answer.text)?;
        assert_eq!(error["error"]["code"], "INVALID_INPUT");
        if let Some(pointer) = pointer {
            assert_eq!(error["error"]["pointer"], pointer, "{}", answer.text);
        }
        let message = error["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(part), "{message}");
        assert_eq!(answer.offset, None);
    }
    let answer = service.post("/api/v1/lineage", &[], EVENT.as_bytes())?;
    assert_eq!(
        (answer.status, answer.offset, answer.text.as_str()),
        (201, Some(1), "")
    );
    let again = service.post("/api/v1/lineage", &[], EVENT.as_bytes())?;
    assert_eq!(
        (again.status, again.offset),
        (201, Some(1)),
        "a repeat changes nothing"
    );
    Ok(())
}

#[test]
fn packed_bodies_are_unpacked_within_bounds() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let gzip = |bytes: &[u8]| -> Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes)?;
        Ok(encoder.finish()?)
    };
    let packed = ("Content-Encoding", "gzip");
    let answer = service.post("/api/v1/lineage", &[packed], &gzip(EVENT.as_bytes())?)?;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let bomb = gzip(&vec![b' '; 64 << 20])?;
    assert_eq!(
        service.post("/api/v1/lineage", &[packed], &bomb)?.status,
        413
    );
    assert_eq!(
        service
            .post("/api/v1/lineage", &[packed], b"no gzip")?
            .status,
        400
    );
    let strange = ("Content-Encoding", "br");
    assert_eq!(
        service.post("/api/v1/lineage", &[strange], b"x")?.status,
        415
    );
    Ok(())
}

#[test]
fn the_source_of_an_event_can_be_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let named = ("Headwater-Source", "growth/spark");
    assert_eq!(
        service
            .post("/api/v1/lineage", &[named], EVENT.as_bytes())?
            .status,
        201
    );
    let answer = service.ask("{ dataset(namespace: \"db\", name: \"b\") { domain { name } } }")?;
    assert_eq!(answer["data"]["dataset"]["domain"]["name"], "growth");
    let wrong = ("Headwater-Source", "growth");
    let refused = service.post("/api/v1/lineage", &[wrong], EVENT.as_bytes())?;
    assert_eq!(refused.status, 400, "{}", refused.text);
    Ok(())
}

#[test]
fn submissions_are_refused_with_pointer_and_rule() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let path = "/api/v1/sources/orders/dbt/submissions";
    for (path, body, pointer) in [
        (
            path,
            "{\"datasets\":[{\"namespace\":\"\",\"name\":\"x\"}]}",
            Some("/datasets/0/namespace"),
        ),
        (path, "{\"dataset\":[]}", None),
        (path, "nonsense", None),
        ("/api/v1/sources/a%20b/dbt/submissions", "{}", None),
    ] {
        let answer = service.post(path, &[], body.as_bytes())?;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        let error: Value = serde_json::from_str(&answer.text)?;
        if let Some(pointer) = pointer {
            assert_eq!(error["error"]["pointer"], pointer);
        }
    }
    let facts =
        "{\"datasets\":[{\"namespace\":\"db\",\"name\":\"x\",\"fields\":[{\"name\":\"id\"}]}]}";
    let dry = service.post(&format!("{path}?dryRun=true"), &[], facts.as_bytes())?;
    let dry: Value = serde_json::from_str(&dry.text)?;
    assert_eq!(dry["offset"], Value::Null);
    assert_eq!(dry["added"]["datasets"], serde_json::json!(["db/x"]));
    let kept = service.post(path, &[("Idempotency-Key", "k")], facts.as_bytes())?;
    let receipt: Value = serde_json::from_str(&kept.text)?;
    assert_eq!(
        (kept.status, receipt["offset"].as_u64()),
        (200, Some(1)),
        "the dry run kept nothing"
    );
    let again = service.post(path, &[("Idempotency-Key", "k")], facts.as_bytes())?;
    assert_eq!(
        serde_json::from_str::<Value>(&again.text)?,
        receipt,
        "a repeat gets its receipt"
    );
    Ok(())
}

#[test]
fn graphql_errors_have_codes_and_limits() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    for (query, code) in [
        ("{ impact(of: [\"nothing\"]) { totalCount } }", "NOT_FOUND"),
        ("{ impact(of: [\"\"]) { totalCount } }", "BAD_REFERENCE"),
        ("{ nonsense }", "INVALID_INPUT"),
        (
            "{ lineage(of: [\"x\"], limit: 1000000) { nodes { hops } } }",
            "LIMIT_EXCEEDED",
        ),
    ] {
        let answer = service.ask(query)?;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], code,
            "{query}: {answer}"
        );
    }
    let aliases: Vec<String> = (0..2000)
        .map(|at| format!("a{at}: snapshot {{ offset }}"))
        .collect();
    let aliases = aliases.join(" ");
    let answer = service.ask(&format!("{{ {aliases} }}"))?;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED",
        "{answer}"
    );
    Ok(())
}

#[test]
fn pages_of_other_sites_are_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let foreign = ("Origin", "https://example.org");
    let refused = service.post("/api/v1/lineage", &[foreign], EVENT.as_bytes())?;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let own = ("Origin", service.url.as_str());
    let taken = service.post("/api/v1/lineage", &[own], EVENT.as_bytes())?;
    assert_eq!(taken.status, 201, "{}", taken.text);
    Ok(())
}
