//! What is refused, and how that is told.

use headwater_openlineage::{BODY_BYTES_MAX, DEPTH_MAX, EventRule, Mode, parse_event};
use serde_json::{Value, json};

use crate::notation::{parse, refuse, run_event, with_output_facets, without};

fn check(event: &Value, message: &str) {
    assert_eq!(refuse(event, Mode::Lenient).to_string(), message, "{event}");
}

fn check_text(text: &str, message: &str) {
    let error = parse_event(text.as_bytes()).expect_err("refused");
    assert_eq!(error.to_string(), message, "{text}");
    assert_eq!(error.pointer, "");
}

#[test]
fn what_is_required_is_named_where_it_is_missing() {
    check(
        &without(run_event(json!({})), "run"),
        "/run: is missing; expected an object",
    );
    check(
        &without(run_event(json!({})), "job"),
        "/job: is missing; expected an object",
    );
    check(
        &without(run_event(json!({})), "eventTime"),
        "/eventTime: is missing; expected a text",
    );
    check(
        &run_event(json!({"run": {"runId": null}})),
        "/run/runId: expected a text, found null",
    );
    check(
        &run_event(json!({"run": 5})),
        "/run: expected an object, found the number 5",
    );
    check(
        &run_event(json!({"job": []})),
        "/job: expected an object, found a list",
    );
    check(
        &run_event(json!({"job": "etl"})),
        "/job: expected an object, found the text \"etl\"",
    );
    check(
        &run_event(json!({"job": {"name": 1.5}})),
        "/job/name: expected a text, found the number 1.5",
    );
    check(
        &run_event(json!({"job": {"namespace": true}})),
        "/job/namespace: expected a text, found true",
    );
    check(
        &run_event(json!({"job": {"namespace": {}}})),
        "/job/namespace: expected a text, found an object",
    );
    check(
        &run_event(json!({"inputs": {}})),
        "/inputs: expected a list, found an object",
    );
    check(
        &run_event(json!({"outputs": [null]})),
        "/outputs/0: expected an object, found null",
    );
    check(
        &run_event(json!({"eventTime": 17})),
        "/eventTime: expected a text, found the number 17",
    );
    check(
        &run_event(json!({"eventTime": "soon"})),
        "/eventTime: \"soon\" is not an RFC 3339 time, for example 2026-01-31T09:30:00Z",
    );
    let job = without(without(run_event(json!({})), "run"), "schemaURL");
    check(
        &without(job.clone(), "job"),
        "the event expected \"run\", \"job\" or \"dataset\", found only eventType, eventTime",
    );
    check(
        &json!({}),
        "the event expected \"run\", \"job\" or \"dataset\", found none of the keys of an event",
    );
    let dataset = json!({"eventTime": "2026-01-31T09:30:00Z", "dataset": {"namespace": "db"}});
    check(&dataset, "/dataset/name: is missing; expected a text");
}

#[test]
fn names_that_are_none_are_named() {
    let inputs = |name: Value| run_event(json!({"inputs": [{"namespace": "db", "name": name}]}));
    check(&inputs(json!("")), "/inputs/0/name: the name \"\" is empty");
    check(
        &inputs(json!(7)),
        "/inputs/0/name: expected a text, found the number 7",
    );
    check(
        &inputs(json!("a\nb")),
        "/inputs/0/name: the name \"a\\nb\" holds the control character U+000A at byte 1",
    );
    let long = "x".repeat(3000);
    check(
        &inputs(json!(long)),
        &format!(
            "/inputs/0/name: the name \"{}…\" is 3000 bytes long, more than 2048",
            &long[..80]
        ),
    );
    check(
        &run_event(
            json!({"outputs": [{"namespace": "db", "name": "a"}, {"namespace": "", "name": "b"}]}),
        ),
        "/outputs/1/namespace: the name \"\" is empty",
    );
    check(
        &run_event(json!({"run": {"runId": ""}})),
        "/run/runId: the name \"\" is empty",
    );
}

#[test]
fn what_is_no_object_is_refused() {
    check_text("[]", "the event expected an object, found a list");
    check_text(
        "\"x\"",
        "the event expected an object, found the text \"x\"",
    );
    check_text("null", "the event expected an object, found null");
    check_text("", "the event is empty; expected a JSON object");
    check_text(" \n ", "the event is empty; expected a JSON object");
}

#[test]
fn what_is_no_json_is_refused_with_line_and_column() {
    check_text(
        "{\n  \"eventTime\": nope\n}",
        "the event is not JSON at line 2, column 17: expected ident; found \"ope\"",
    );
    check_text(
        "{\"job\": 1",
        "the event is not JSON at line 1, column 9: EOF while parsing an object; found the end of the body",
    );
    check_text(
        "{} x",
        "the event is not JSON at line 1, column 4: trailing characters; found \"x\"",
    );
    check_text(
        "\u{feff}{}",
        "the event is not JSON at line 1, column 1: expected value; found \"\\u{feff}{}\"",
    );
    let error = parse_event(b"{\"a\": \"\xff\"}").expect_err("refused");
    assert_eq!(error.to_string(), "the event is not UTF-8 from byte 7 on");
}

#[test]
fn deep_nesting_is_refused_wherever_it_is() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let deep = |text: &str| {
        let depth_max = DEPTH_MAX;
        let error = parse_event(text.as_bytes()).expect_err("refused");
        assert_eq!(error.rule, EventRule::TooDeep { depth_max });
    };
    deep(&"[".repeat(1_000_000));
    deep(&"{\"a\":".repeat(1_000_000));
    let template = run_event(json!({"unheard": "HERE"})).to_string();
    deep(&template.replace("\"HERE\"", &nested(DEPTH_MAX)));
    let event = parse_event(
        template
            .replace("\"HERE\"", &nested(DEPTH_MAX - 1))
            .as_bytes(),
    );
    assert!(event.is_ok());
    // Brackets in a text, and many that are not nested, are not deep.
    let wide = vec![json!([]); 1000];
    parse(&run_event(
        json!({"a": format!("\\\"{}", "[".repeat(1000)), "b": wide}),
    ));
    // The deepest schema that passes is read.
    let field = (0..40).fold(
        json!({"name": "x"}),
        |field, _| json!({"name": "x", "fields": [field]}),
    );
    let event = parse(&with_output_facets(json!({"schema": {"fields": [field]}})));
    assert_eq!(event.facts.datasets[0].fields.len(), 41);
}

#[test]
fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let body = vec![b'['; BODY_BYTES_MAX + 1];
    let error = parse_event(&body).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the event is 16777217 bytes long, more than 16777216"
    );
}
