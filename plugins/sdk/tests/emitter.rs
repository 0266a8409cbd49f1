//! What reaches the sink when an extractor states facts.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use headwater_extractor::{
    Alias, Coverage, Dataset, Description, Diagnostic, EmitError, Emitter, ExtractError,
    Extraction, Extractor, Field, FieldEdge, FieldEnd, Input, Job, Location, Run, RunState,
    Selector, Severity, Side, Transformation, golden,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn stated(state: impl Fn(&mut Emitter) -> Result<(), EmitError>) -> (golden::Facts, Value) {
    let mut facts = golden::Facts::default();
    let mut out = Emitter::new(&mut facts);
    state(&mut out).unwrap();
    out.finish().unwrap();
    let json = facts.to_json();
    (facts, json)
}

fn at(pointer: &str) -> Location {
    Location {
        artifact: "a.json".into(),
        pointer: Some(pointer.into()),
        byte_offset: None,
        line: None,
        column: None,
    }
}

fn state_everything(out: &mut Emitter) -> Result<(), EmitError> {
    let fields = [Field {
        name: "id",
        data_type: Some("INT"),
        description: None,
    }];
    let from = out.dataset(&Dataset {
        declared: true,
        fields: &fields,
        evidence: Some(&at("/from")),
        ..Dataset::named("ns", "from", "TABLE")
    })?;
    let to = out.mention("ns", "to", "VIEW", None)?;
    let job = out.job(&Job {
        namespace: "jobs",
        name: "load",
        kind: "TASK",
        sql: Some("select 1"),
        ..Job::default()
    })?;
    let part = out.job(&Job {
        namespace: "jobs",
        name: "load.1",
        kind: "QUERY",
        parent: Some(job),
        ..Job::default()
    })?;
    out.reads(job, from, Some(&at("/load")))?;
    out.writes(job, to, Some(&at("/load")))?;
    out.derives(to, from, None)?;
    out.follows(part, job, None)?;
    out.field_edge(&FieldEdge {
        from: FieldEnd {
            dataset: from,
            field: Some("id"),
        },
        to: FieldEnd {
            dataset: to,
            field: None,
        },
        via: Some(job),
        transformations: &[Transformation {
            subtype: Some("FILTER"),
            ..Transformation::default()
        }],
        evidence: None,
    })?;
    out.selector(&Selector {
        job,
        side: Side::Writes,
        namespace: "ns",
        pattern: "to_*",
        evidence: None,
    })?;
    out.alias(
        to,
        &Alias {
            namespace: "ns",
            name: "TO",
            reason: "folded",
            evidence: None,
        },
    )?;
    out.attribute(from, Some("id"), "tag", "pii")?;
    out.facet(job, "x", r#"{"a": 1}"#)?;
    out.run(&Run {
        job,
        run_id: "1",
        state: RunState::Fail,
        started_ms: Some(0),
        ended_ms: Some(1500),
        message: Some("boom"),
    })
}

#[test]
fn every_kind_of_fact_arrives_as_it_was_stated() {
    let (_, json) = stated(state_everything);
    let from = json!({"kind": "DATASET", "namespace": "ns", "name": "from"});
    let to = json!({"kind": "DATASET", "namespace": "ns", "name": "to"});
    let job = json!({"kind": "JOB", "namespace": "jobs", "name": "load"});
    let load = json!({"artifact": "a.json", "pointer": "/load"});
    let expected = json!({
        "datasets": [
            {"namespace": "ns", "name": "from", "type": "TABLE", "declared": true,
             "fields": [{"name": "id", "type": "INT"}],
             "evidence": {"artifact": "a.json", "pointer": "/from"}},
            {"namespace": "ns", "name": "to", "type": "VIEW", "declared": false, "fields": []}],
        "jobs": [
            {"namespace": "jobs", "name": "load", "type": "TASK", "sql": "select 1"},
            {"namespace": "jobs", "name": "load.1", "type": "QUERY",
             "parent": {"namespace": "jobs", "name": "load"}}],
        "edges": [
            {"kind": "READS", "from": from, "to": job, "evidence": load},
            {"kind": "WRITES", "from": job, "to": to, "evidence": load},
            {"kind": "DERIVES", "from": from, "to": to},
            {"kind": "FOLLOWS", "from": job, "to": {"kind": "JOB", "namespace": "jobs", "name": "load.1"}}],
        "fieldEdges": [
            {"from": {"namespace": "ns", "name": "from", "field": "id"},
             "to": {"namespace": "ns", "name": "to", "field": null},
             "via": {"namespace": "jobs", "name": "load"},
             "transformations": [{"type": "INDIRECT", "subtype": "FILTER", "masking": false}]}],
        "selectors": [
            {"job": {"namespace": "jobs", "name": "load"}, "side": "WRITES", "namespace": "ns", "pattern": "to_*"}],
        "aliases": [
            {"kind": "DATASET", "namespace": "ns", "name": "to",
             "alias": {"namespace": "ns", "name": "TO"}, "reason": "folded"}],
        "attributes": [
            {"on": {"kind": "DATASET", "namespace": "ns", "name": "from", "field": "id"},
             "key": "tag", "value": "pii"}],
        "facets": [{"on": job, "name": "x", "value": {"a": 1}}],
        "runs": [
            {"job": {"namespace": "jobs", "name": "load"}, "runId": "1", "state": "FAIL",
             "startedAt": "1970-01-01T00:00:00Z", "endedAt": "1970-01-01T00:00:01.500Z", "message": "boom"}],
        "diagnostics": [],
    });
    assert_eq!(json, expected);
}

#[test]
fn a_dataset_that_was_stated_is_not_mentioned_again() {
    let (_, json) = stated(|out| {
        let declared = out.dataset(&Dataset {
            declared: true,
            ..Dataset::named("ns", "a", "TABLE")
        })?;
        assert_eq!(out.mention("ns", "a", "TABLE", None)?, declared);
        assert_ne!(out.mention("ns", "b", "TABLE", None)?, declared);
        assert_eq!(
            out.mention("ns", "b", "TABLE", None)?,
            out.mention("ns", "b", "TABLE", None)?
        );
        Ok(())
    });
    assert_eq!(json["datasets"].as_array().unwrap().len(), 2);
}

#[test]
fn a_batch_is_sent_when_it_is_full_of_records_or_of_text() {
    let many = Emitter::BATCH_RECORDS_MAX;
    let (facts, json) = stated(|out| {
        let node = out.mention("ns", "a", "TABLE", None)?;
        (0..many).try_for_each(|_| out.attribute(node, None, "tag", "x"))
    });
    assert_eq!(facts.batches_count(), 2);
    assert_eq!(json["attributes"].as_array().unwrap().len(), many);

    let (facts, _) = stated(|out| {
        let text = "x".repeat(Emitter::BATCH_BYTES_MAX);
        for name in ["a", "b", "c"] {
            out.dataset(&Dataset {
                description: Some(&text),
                ..Dataset::named("ns", name, "TABLE")
            })?;
        }
        Ok(())
    });
    assert_eq!(facts.batches_count(), 3);
}

#[test]
fn diagnostics_beyond_the_bound_are_counted_by_their_worst() {
    let (facts, _) = stated(|out| {
        for index in 0..Emitter::DIAGNOSTICS_MAX + 3 {
            let is_last = index == Emitter::DIAGNOSTICS_MAX + 1;
            out.diagnose(Diagnostic {
                severity: if is_last {
                    Severity::Error
                } else {
                    Severity::Info
                },
                code: "x".into(),
                message: String::new(),
                at: None,
            })?;
        }
        Ok(())
    });
    let last = facts.diagnostics().last().unwrap();
    assert_eq!(facts.diagnostics().len(), Emitter::DIAGNOSTICS_MAX + 1);
    assert_eq!(last.severity, Severity::Error);
    assert_eq!(
        last.message,
        "3 more diagnostics after the first 10000 are left out"
    );
}

struct Failing;

impl Extractor for Failing {
    fn describe() -> Description {
        unreachable!("not asked for")
    }

    fn extract(_: &str, inputs: Vec<Input>, out: &mut Emitter) -> Result<Extraction, ExtractError> {
        let node = out.mention("ns", inputs[0].name(), "FILE", None)?;
        out.facet(node, "broken", "{")?;
        Ok(Extraction {
            covers: Coverage::empty(),
            generated: None,
        })
    }
}

#[test]
fn a_facet_that_is_not_json_fails_the_extraction() {
    let Err(ExtractError::Internal(message)) = golden::run::<Failing>("{}", &[("a", b"")]) else {
        panic!("the broken facet was taken");
    };
    assert!(
        message.starts_with("invalid facts: facet broken is not JSON"),
        "{message}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn edges_and_places_survive_any_batching(
        edges in prop::collection::vec((0..40_u32, 0..40_u32), 0..6000),
    ) {
        let (_, json) = stated(|out| {
            for (from, to) in &edges {
                let from = out.mention("ns", &from.to_string(), "T", None)?;
                let place = at(&format!("/{to}"));
                let to = out.mention("ns", &to.to_string(), "T", None)?;
                out.derives(to, from, Some(&place))?;
            }
            Ok(())
        });
        let found: Vec<_> = json["edges"].as_array().unwrap().iter().map(|edge| {
            let name = |end: &str| edge[end]["name"].as_str().unwrap().parse::<u32>().unwrap();
            assert_eq!(edge["evidence"]["pointer"], format!("/{}", name("to")));
            (name("from"), name("to"))
        }).collect();
        prop_assert_eq!(found, edges);
    }
}
