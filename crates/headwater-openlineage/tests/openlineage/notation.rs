//! Events written shortly, and facts shown shortly.

use std::fmt::Write as _;

use headwater_model::{Event, Facts, QualifiedName};
use headwater_openlineage::{EventError, Mode, parse_event, parse_event_with};
use serde_json::{Value, json};

/// A RunEvent of job `etl/daily` with nothing to complain about, and what `more` adds or replaces.
pub(crate) fn run_event(more: Value) -> Value {
    let mut event = json!({
        "eventType": "COMPLETE",
        "eventTime": "2026-01-31T09:30:00Z",
        "producer": "https://example.org/client",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "0190f7d4-93b1-7d3a-8c5e-2f1f6f2f9d01"},
        "job": {"namespace": "etl", "name": "daily"},
    });
    merge(&mut event, more);
    event
}

/// A RunEvent whose only output `db/orders` has these facets.
pub(crate) fn with_output_facets(facets: Value) -> Value {
    run_event(json!({"outputs": [{"namespace": "db", "name": "orders", "facets": facets}]}))
}

/// A RunEvent whose job has these facets.
pub(crate) fn with_job_facets(facets: Value) -> Value {
    run_event(json!({"job": {"facets": facets}}))
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// The event without one of its keys.
pub(crate) fn without(mut event: Value, key: &str) -> Value {
    event.as_object_mut().unwrap().remove(key);
    event
}

pub(crate) fn parse(event: &Value) -> Event {
    parse_event(event.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {event}"))
}

pub(crate) fn refuse(event: &Value, mode: Mode) -> EventError {
    parse_event_with(event.to_string().as_bytes(), mode).expect_err("refused")
}

/// `code pointer`, one a line.
pub(crate) fn findings(event: &Event) -> String {
    let mut lines = String::new();
    for diagnostic in &event.diagnostics {
        let pointer = diagnostic
            .at
            .as_ref()
            .and_then(|at| at.pointer.as_deref())
            .unwrap_or("-");
        let _ = writeln!(lines, "{} {pointer}", diagnostic.code);
    }
    lines
}

/// All facts of an event, one a line.
pub(crate) fn facts(event: &Value) -> String {
    show(&parse(event).facts)
}

/// All facts, one a line.
pub(crate) fn show(facts: &Facts) -> String {
    let mut lines = Vec::new();
    for job in &facts.jobs {
        let mut line = format!("job {} {}", job.name, job.r#type);
        add(&mut line, " ", job.description.as_ref().map(quote));
        add(&mut line, " sql=", job.sql.as_ref().map(quote));
        add(&mut line, " in ", job.parent.as_ref());
        lines.push(line);
    }
    for dataset in &facts.datasets {
        let is = if dataset.is_declared {
            "declared"
        } else {
            "mentioned"
        };
        let mut line = format!("dataset {} {} {is}", dataset.name, dataset.r#type);
        add(&mut line, " ", dataset.description.as_ref().map(quote));
        lines.push(line);
        for field in &dataset.fields {
            let mut line = format!("  {}", field.name);
            add(&mut line, ": ", field.r#type.as_ref());
            add(&mut line, " ", field.description.as_ref().map(quote));
            lines.push(line);
        }
    }
    for edge in &facts.edges {
        let mut line = format!("{} {} {}", edge.from, edge.kind().as_str(), edge.to);
        add(&mut line, " via ", edge.via.as_ref());
        lines.push(line);
    }
    for edge in &facts.field_edges {
        let end =
            |name: &QualifiedName, field: Option<&str>| format!("{name}#{}", field.unwrap_or("*"));
        let from = end(
            &edge.from.dataset,
            edge.from.field.as_ref().map(AsRef::as_ref),
        );
        let to = end(&edge.to.dataset, edge.to.field.as_ref().map(AsRef::as_ref));
        let mut line = format!("{from} -> {to}");
        add(&mut line, " via ", edge.via.as_ref());
        for how in &edge.transformations {
            line.push_str(if how.is_direct {
                " [DIRECT"
            } else {
                " [INDIRECT"
            });
            add(&mut line, " ", how.subtype.as_ref());
            add(&mut line, " ", how.description.as_ref().map(quote));
            line.push_str(if how.is_masking { " masking]" } else { "]" });
        }
        lines.push(line);
    }
    for alias in &facts.aliases {
        lines.push(format!(
            "alias {} = {} ({})",
            alias.of, alias.alias, alias.reason
        ));
    }
    for attribute in &facts.attributes {
        let mut line = format!("{} {}", attribute.on, attribute.key);
        add(&mut line, " of ", attribute.field.as_ref());
        add(&mut line, ": ", Some(&attribute.value));
        lines.push(line);
    }
    for facet in &facts.facets {
        lines.push(format!("facet {} {} {}", facet.on, facet.name, facet.json));
    }
    assert!(facts.selectors.is_empty() && facts.runs.is_empty());
    lines.join("\n")
}

fn add(line: &mut String, before: &str, what: Option<impl std::fmt::Display>) {
    if let Some(what) = what {
        let _ = write!(line, "{before}{what}");
    }
}

fn quote(text: impl AsRef<str>) -> String {
    format!("{:?}", text.as_ref())
}
