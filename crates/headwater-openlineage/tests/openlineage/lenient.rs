//! What is accepted with a warning, and refused in strict mode.

use headwater_model::{EventSubject, RunState, Severity};
use headwater_openlineage::{DIAGNOSTICS_MAX, Mode, parse_event, parse_event_with};
use serde_json::{Value, json};

use crate::notation::{findings, parse, refuse, run_event, with_output_facets, without};

fn check(event: &Value, code: &str, pointer: &str) {
    let parsed = parse(event);
    assert_eq!(findings(&parsed), format!("{code} {pointer}\n"), "{event}");
    assert_eq!(parsed.diagnostics[0].severity, Severity::Warning);
    assert_eq!(refuse(event, Mode::Strict).pointer, pointer, "{event}");
}

fn state(event: &Value) -> RunState {
    match parse(event).subject {
        EventSubject::Run { state, .. } => state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_clean_event_passes_strict_mode() {
    let text = run_event(json!({})).to_string();
    let event = parse_event_with(text.as_bytes(), Mode::Strict).unwrap();
    assert_eq!(event, parse_event(text.as_bytes()).unwrap());
    assert!(event.diagnostics.is_empty());
}

#[test]
fn a_run_id_that_is_no_uuid_is_kept() {
    for id in [
        "run-1",
        "0190f7d493b17d3a8c5e2f1f6f2f9d01",
        "0190f7d4-93b1-7d3a-8c5e-2f1f6f2f9d0g",
    ] {
        check(
            &run_event(json!({"run": {"runId": id}})),
            "openlineage/run-id",
            "/run/runId",
        );
    }
}

#[test]
fn producer_and_schema_url_may_be_missing() {
    for (key, code) in [
        ("producer", "openlineage/producer"),
        ("schemaURL", "openlineage/schema-url"),
    ] {
        let pointer = format!("/{key}");
        check(&without(run_event(json!({})), key), code, &pointer);
        for value in [json!(null), json!(""), json!(5), json!([])] {
            check(&run_event(json!({key: value})), code, &pointer);
        }
    }
}

#[test]
fn a_missing_event_type_is_other_and_passes_strict_mode_as_the_specification_does() {
    let event = without(run_event(json!({})), "eventType");
    assert_eq!(
        findings(&parse(&event)),
        "openlineage/event-type /eventType\n"
    );
    assert_eq!(parse(&event).diagnostics[0].severity, Severity::Warning);
    assert_eq!(state(&event), RunState::Other);
    assert!(parse_event_with(event.to_string().as_bytes(), Mode::Strict).is_ok());
}

#[test]
fn event_types_are_taken_as_well_as_they_can_be() {
    for (text, expected) in [
        ("START", RunState::Start),
        ("RUNNING", RunState::Running),
        ("ABORT", RunState::Abort),
        ("FAIL", RunState::Fail),
        ("OTHER", RunState::Other),
    ] {
        let event = run_event(json!({"eventType": text}));
        assert_eq!(state(&event), expected);
        assert_eq!(findings(&parse(&event)), "");
    }
    for (value, expected) in [
        (json!("complete"), RunState::Complete),
        (json!("Start"), RunState::Start),
        (json!("SUCCESS"), RunState::Other),
        (json!(null), RunState::Other),
        (json!(7), RunState::Other),
    ] {
        let event = run_event(json!({"eventType": value}));
        check(&event, "openlineage/event-type", "/eventType");
        assert_eq!(state(&event), expected);
    }
}

#[test]
fn a_time_without_a_zone_is_utc() {
    let event = run_event(json!({"eventTime": "2026-01-31T09:30:00.25"}));
    check(&event, "openlineage/zone", "/eventTime");
    assert_eq!(parse(&event).time.to_string(), "2026-01-31T09:30:00.25Z");
    let nominal =
        run_event(json!({"run": {"facets": {"nominalTime": {"nominalStartTime": "2026-01-31"}}}}));
    check(
        &nominal,
        "openlineage/zone",
        "/run/facets/nominalTime/nominalStartTime",
    );
}

#[test]
fn null_is_taken_as_empty() {
    let code = "openlineage/null";
    check(&run_event(json!({"inputs": null})), code, "/inputs");
    check(&run_event(json!({"outputs": null})), code, "/outputs");
    check(
        &run_event(json!({"run": {"facets": null}})),
        code,
        "/run/facets",
    );
    check(
        &run_event(json!({"job": {"facets": null}})),
        code,
        "/job/facets",
    );
    check(&with_output_facets(json!(null)), code, "/outputs/0/facets");
    check(
        &with_output_facets(json!({"schema": null})),
        code,
        "/outputs/0/facets/schema",
    );
}

#[test]
fn facets_that_are_no_object_are_left_out() {
    let code = "openlineage/facet";
    check(
        &run_event(json!({"run": {"facets": []}})),
        code,
        "/run/facets",
    );
    check(
        &run_event(json!({"job": {"facets": "none"}})),
        code,
        "/job/facets",
    );
    check(&with_output_facets(json!(5)), code, "/outputs/0/facets");
}

#[test]
fn a_damaged_run_facet_is_named() {
    for (facets, pointer) in [
        (
            json!({"parent": {"run": {}, "job": {"namespace": "a", "name": "b"}}}),
            "/parent/run/runId",
        ),
        (
            json!({"parent": {"run": {"runId": "x"}, "job": {"namespace": "a"}}}),
            "/parent/job/name",
        ),
        (json!({"parent": 5}), "/parent"),
        (
            json!({"nominalTime": {"nominalStartTime": "soon"}}),
            "/nominalTime/nominalStartTime",
        ),
        (json!({"errorMessage": {}}), "/errorMessage/message"),
    ] {
        let event = run_event(json!({"run": {"facets": facets}}));
        check(
            &event,
            "openlineage/facet",
            &format!("/run/facets{pointer}"),
        );
    }
}

#[test]
fn a_parent_job_counts_even_if_its_run_has_no_id() {
    let parent = json!({"run": {}, "job": {"namespace": "etl", "name": "dag"}});
    let event = parse(&run_event(json!({"run": {"facets": {"parent": parent}}})));
    assert_eq!(
        event.facts.jobs[0].parent.as_ref().unwrap().to_string(),
        "etl/dag"
    );
}

#[test]
fn a_field_named_twice_is_told_and_passes_strict_mode() {
    let event = with_output_facets(
        json!({"schema": {"fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "text"}]}}),
    );
    let parsed = parse_event_with(event.to_string().as_bytes(), Mode::Strict).unwrap();
    assert_eq!(
        findings(&parsed),
        "openlineage/field-twice /outputs/0/facets/schema/fields/1/name\n"
    );
    assert_eq!(parsed.facts.datasets[0].fields.len(), 1);
}

#[test]
fn findings_are_bounded() {
    let fields: Vec<Value> = (0..DIAGNOSTICS_MAX + 20).map(|_| json!({})).collect();
    let parsed = parse(&with_output_facets(json!({"schema": {"fields": fields}})));
    assert_eq!(parsed.diagnostics.len(), DIAGNOSTICS_MAX + 1);
    let last = parsed.diagnostics.last().unwrap();
    assert_eq!(
        (&*last.code, &*last.message),
        ("openlineage/more", "20 more findings are not told")
    );
}
