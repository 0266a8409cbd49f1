//! What real clients send, and what other projects keep as events.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use headwater_openlineage::parse_event;

use crate::captured::{below, captured, data, json_files};

#[test]
fn every_captured_event_is_read_without_a_finding_about_a_facet() {
    let Some(data) = data() else {
        println!("skipped 333 captured events: no data folder");
        return;
    };
    let bodies = captured(&data);
    assert!(bodies.len() >= 333, "{} events", bodies.len());
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    let mut with_datasets_count = 0;
    for body in bodies {
        let event =
            parse_event(&body.bytes).unwrap_or_else(|error| panic!("{}: {error}", body.path));
        assert_eq!(event.body.as_bytes(), body.bytes, "{}", body.path);
        with_datasets_count += usize::from(event.names_datasets);
        for diagnostic in event.diagnostics {
            *codes.entry(diagnostic.code.to_string()).or_default() += 1;
        }
    }
    assert!(with_datasets_count > 100, "{with_datasets_count}");
    assert_eq!(codes, BTreeMap::new());
}

/// Files in those folders that are no events, by a part of their path.
const NO_EVENTS: &[&str] = &[
    "maintainers.json",
    "config.json",
    "mapping.json",
    "/validation/",
];

/// Events that are refused, all for the same reason: nothing says which run, or even which job, they are about.
///
/// The first is its project's own example of an invalid event. The others are expectations that a test of Spark's
/// command line compares parts of events with; no client sends them.
const REFUSED: &[(&str, &str)] = &[
    ("proxy/fluentd/events/event_no_run_id.json", NO_RUN_ID),
    (
        "spark/cli/tests/test_failing/example_failing.json",
        NO_RUN_ID,
    ),
    ("spark/cli/tests/test_iceberg/create_table.json", NO_SUBJECT),
    (
        "spark/cli/tests/test_pyspark/example_expected_event_complete.json",
        NO_RUN_ID,
    ),
    (
        "spark/cli/tests/test_pyspark/example_expected_event_start.json",
        NO_RUN_ID,
    ),
    (
        "spark/cli/tests/test_simple/example_expected_event_complete.json",
        NO_RUN_ID,
    ),
    (
        "spark/cli/tests/test_simple/example_expected_event_start.json",
        NO_RUN_ID,
    ),
];
const NO_RUN_ID: &str = "/run/runId: is missing; expected a text";
const NO_SUBJECT: &str =
    "the event expected \"run\", \"job\" or \"dataset\", found only eventType, outputs";

#[test]
fn events_of_other_projects_are_read_or_refused_for_a_known_reason() {
    let Some(data) = data() else {
        println!("skipped 66 events of other projects: no data folder");
        return;
    };
    let fixtures = data.join("fixtures");
    let folders = [
        "openlineage-events",
        "marquez/marquez/open_lineage",
        "ol-compat-consumer",
    ];
    let mut refused = BTreeSet::new();
    let mut events_count = 0;
    for folder in folders {
        for path in json_files(&fixtures.join(folder)) {
            let shown = below(&path, &fixtures);
            if NO_EVENTS.iter().any(|part| shown.contains(part)) {
                continue;
            }
            events_count += 1;
            if let Err(error) = parse_event(&fs::read(&path).unwrap()) {
                refused.insert((shown, error.to_string()));
            }
        }
    }
    assert!(events_count >= 60, "{events_count}");
    let expected = REFUSED
        .iter()
        .map(|(path, error)| {
            (
                format!("openlineage-events/OpenLineage/{path}"),
                (*error).to_owned(),
            )
        })
        .collect();
    assert_eq!(refused, expected);
}
