//! What a guest may say, and what it hears if it may not.

use std::time::{Duration, Instant};

use headwater_model::{AssetKind, EdgeKind, Severity};
use proptest::prelude::*;

use crate::bindings::headwater::extractor::types as wit;
use crate::collector::{Bounds, Collector};
use crate::place::Refusal;

fn collector() -> Collector {
    Collector::new(Bounds {
        facts_max: 1000,
        strings_bytes_max: 10_000,
        stated_bytes_max: 10_000,
        diagnostics_max: 2,
        deadline: Instant::now() + Duration::from_mins(10),
        timeout: Duration::from_mins(10),
    })
}

fn empty() -> wit::Batch {
    wit::Batch {
        strings: Vec::new(),
        locations: Vec::new(),
        entities: Vec::new(),
        edges: Vec::new(),
        field_edges: Vec::new(),
        selectors: Vec::new(),
        aliases: Vec::new(),
        attributes: Vec::new(),
        facets: Vec::new(),
        runs: Vec::new(),
    }
}

const NS: u32 = 0;
const TABLE: u32 = 1;
const EMPTY: u32 = 2;
const JSON: u32 = 3;
const BAD_JSON: u32 = 4;

fn dataset(name: u32) -> wit::Dataset {
    wit::Dataset {
        namespace: NS,
        name,
        kind: TABLE,
        declared: true,
        description: None,
        fields: Vec::new(),
        evidence: None,
    }
}

fn job(name: u32) -> wit::Job {
    wit::Job {
        namespace: NS,
        name,
        kind: TABLE,
        description: None,
        sql: None,
        parent: None,
        evidence: None,
    }
}

/// A dataset (node 0) and a job (node 1), and the strings that the constants name.
fn world() -> wit::Batch {
    let strings = ["files", "TABLE", "", "{\"a\": [1]}", "{a"];
    wit::Batch {
        strings: strings.map(str::to_owned).to_vec(),
        entities: vec![wit::Entity::Dataset(dataset(1)), wit::Entity::Job(job(1))],
        ..empty()
    }
}

/// Sends the world, then `change` of an empty push, and wants that refusal.
#[track_caller]
fn check(change: impl FnOnce(&mut wit::Batch), expected: &str) {
    let mut collector = collector();
    collector.emit(world()).expect("the world is valid");
    let mut batch = empty();
    change(&mut batch);
    let expected = Err(Refusal::Invalid(format!("batch 1, {expected}")));
    assert_eq!(collector.emit(batch), expected);
    assert_eq!(
        collector.emit(empty()),
        expected,
        "the call has failed for good"
    );
}

fn location() -> wit::Location {
    wit::Location {
        artifact: "a.json".to_owned(),
        pointer: None,
        byte_offset: None,
        line: None,
        column: None,
    }
}

#[test]
fn entities_refer_to_what_was_sent() {
    check(
        |batch| batch.entities.push(wit::Entity::Dataset(dataset(5))),
        "entities[0].name: string 5 was not sent (strings so far: 5)",
    );
    check(
        |batch| {
            let field = wit::Field {
                name: EMPTY,
                data_type: None,
                description: None,
            };
            let fields = vec![wit::Field { name: NS, ..field }, field];
            batch.entities.push(wit::Entity::Dataset(wit::Dataset {
                fields,
                ..dataset(1)
            }));
        },
        "entities[0].fields[1].name: \"\" is empty",
    );
    check(
        |batch| {
            batch.entities.push(wit::Entity::Job(wit::Job {
                parent: Some(2),
                ..job(1)
            }));
        },
        "entities[0].parent: node 2 was not sent (nodes so far: 2)",
    );
    check(
        |batch| {
            batch.entities.push(wit::Entity::Job(wit::Job {
                parent: Some(0),
                ..job(1)
            }));
        },
        "entities[0].parent: node 0 (files/TABLE) is a dataset, not a job",
    );
    check(
        |batch| {
            let evidence = Some(0);
            batch.entities.push(wit::Entity::Dataset(wit::Dataset {
                evidence,
                ..dataset(1)
            }));
        },
        "entities[0].evidence: location 0 is not in this batch (locations in it: 0)",
    );
}

#[test]
fn locations_keep_their_rules() {
    let pointer = Some("a/b".to_owned());
    check(
        |batch| {
            batch.locations.push(wit::Location {
                pointer,
                ..location()
            });
        },
        "locations[0].pointer: \"a/b\" is no JSON pointer: it begins with '/' or is empty",
    );
    check(
        |batch| {
            batch.locations.push(wit::Location {
                line: Some(0),
                ..location()
            });
        },
        "locations[0].line: is 0, but counts from 1",
    );
}

#[test]
fn places_are_bounded_and_count_as_strings() {
    let artifact = "a".repeat(4097);
    check(
        |batch| {
            batch.locations.push(wit::Location {
                artifact,
                ..location()
            });
        },
        "locations[0].artifact: is 4097 bytes long, more than 4096",
    );
    let mut batch = empty();
    batch.locations = vec![
        wit::Location {
            artifact: "a".repeat(4096),
            ..location()
        };
        3
    ];
    assert_eq!(
        collector().emit(batch),
        Err(Refusal::Quota(
            "it emitted 12.1 KiB of strings; one call may emit 9.8 KiB".to_owned()
        ))
    );
}

#[test]
fn relations_refer_to_nodes_of_the_right_kind() {
    check(
        |batch| {
            batch.field_edges.push(wit::FieldEdge {
                from: 0,
                from_field: None,
                to: 1,
                to_field: None,
                via: None,
                transformations: Vec::new(),
                evidence: None,
            });
        },
        "field-edges[0].to: node 1 (files/TABLE) is a job, not a dataset",
    );
    check(
        |batch| {
            batch.selectors.push(wit::Selector {
                job: 0,
                writes: true,
                namespace: NS,
                pattern: TABLE,
                evidence: None,
            });
        },
        "selectors[0].job: node 0 (files/TABLE) is a dataset, not a job",
    );
    check(
        |batch| {
            batch.attributes.push(wit::Attribute {
                node: 1,
                field: Some(NS),
                key: NS,
                value: NS,
            });
        },
        "attributes[0].field: job:files/TABLE is a job, which has no fields",
    );
    check(
        |batch| {
            batch.aliases.push(wit::Alias {
                node: 0,
                namespace: EMPTY,
                name: NS,
                reason: NS,
                evidence: None,
            });
        },
        "aliases[0].namespace: \"\" is empty",
    );
}

#[test]
fn whole_datasets_without_a_transformation_are_an_edge_by_the_job() {
    let mut batch = world();
    batch.entities.push(wit::Entity::Dataset(dataset(0)));
    let edge = |transformations: Vec<wit::Transformation>| wit::FieldEdge {
        from: 0,
        from_field: None,
        to: 2,
        to_field: None,
        via: Some(1),
        transformations,
        evidence: None,
    };
    let direct = wit::Transformation {
        direct: true,
        subtype: None,
        description: None,
        masking: false,
    };
    batch.field_edges = vec![edge(Vec::new()), edge(vec![direct])];
    let mut collector = collector();
    collector.emit(batch).unwrap();
    let facts = collector.facts;
    assert_eq!(
        facts.field_edges.len(),
        1,
        "how it is made is said of fields"
    );
    let [edge] = &*facts.edges else {
        panic!("{:?}", facts.edges);
    };
    let shown = (edge.kind(), edge.from.to_string(), edge.to.to_string());
    assert_eq!(
        shown,
        (
            EdgeKind::Derives,
            "files/TABLE".into(),
            "files/files".into()
        )
    );
    assert_eq!(edge.via.as_ref().unwrap().to_string(), "files/TABLE");
}

#[test]
fn facets_are_json_and_runs_have_times() {
    let facet = |json| wit::Facet {
        node: 0,
        name: NS,
        json,
    };
    check(
        |batch| batch.facets.extend([facet(JSON), facet(BAD_JSON)]),
        "facets[1].json: \"{a\" is not JSON: key must be a string at line 1 column 2",
    );
    check(
        |batch| {
            batch.runs.push(wit::Run {
                job: 1,
                run_id: NS,
                state: wit::RunState::Complete,
                started_ms: Some(i64::MAX),
                ended_ms: None,
                message: None,
            });
        },
        "runs[0].started-ms: 9223372036854775807 ms is outside the years 0001 to 9999",
    );
}

#[test]
fn a_facet_nests_only_so_deep() {
    let nested = |depth: usize| format!("{}\"[\\\"[\"{}", "[".repeat(depth), "]".repeat(depth));
    let batch = |depth: usize| wit::Batch {
        strings: vec![nested(depth)],
        facets: vec![wit::Facet {
            node: 0,
            name: NS,
            json: 5,
        }],
        ..empty()
    };
    let mut collector = collector();
    collector.emit(world()).expect("the world is valid");
    assert_eq!(collector.emit(batch(100)), Ok(()));
    check(
        |sent| *sent = batch(101),
        &format!(
            "facets[0].json: \"{}\" nests deeper than 100",
            "[".repeat(80)
        ),
    );
}

#[test]
fn what_is_too_much_is_refused_with_both_numbers() {
    let mut collector = collector();
    let mut batch = world();
    batch.edges = vec![
        wit::Edge {
            from: 0,
            to: 1,
            evidence: None
        };
        999
    ];
    assert_eq!(
        collector.emit(batch),
        Err(Refusal::Quota(
            "it emitted 1001 facts; one call may emit 1000".to_owned()
        ))
    );
    let mut collector = self::collector();
    let mut batch = world();
    batch.strings.push("s".repeat(10_000));
    assert_eq!(
        collector.emit(batch),
        Err(Refusal::Quota(
            "it emitted 10.0 KiB of strings; one call may emit 9.8 KiB".to_owned()
        ))
    );
}

#[test]
fn findings_beyond_the_bound_are_counted_with_the_worst_of_them() {
    let mut collector = collector();
    let finding = |severity| wit::Diagnostic {
        severity,
        code: "x/y".to_owned(),
        message: "m".repeat(10_000),
        at: None,
    };
    let found = [
        wit::Severity::Info,
        wit::Severity::Info,
        wit::Severity::Error,
        wit::Severity::Warning,
    ];
    collector
        .diagnose(found.map(finding).to_vec())
        .expect("findings are never too many");
    let extraction = wit::Extraction {
        covers: wit::Coverage::empty(),
        generated: None,
    };
    let extraction = collector
        .finish(extraction, Vec::new())
        .expect("nothing is wrong");
    let last = extraction.diagnostics.last().expect("the count");
    assert_eq!(extraction.diagnostics.len(), 3);
    assert_eq!(extraction.diagnostics[0].message.len(), 4096);
    assert_eq!(
        (last.severity, &*last.message),
        (
            Severity::Error,
            "2 more findings were dropped; one call may report 2"
        )
    );
}

#[test]
fn a_push_after_the_deadline_is_not_taken() {
    let mut collector = Collector::new(Bounds {
        facts_max: 1000,
        strings_bytes_max: 10_000,
        stated_bytes_max: 10_000,
        diagnostics_max: 2,
        deadline: Instant::now(),
        timeout: Duration::from_secs(30),
    });
    assert_eq!(
        collector.emit(world()),
        Err(Refusal::Late("it ran longer than 30s".to_owned()))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Naive reference: the first edge with an end that was not sent decides; else all edges become facts, of the
    /// kind that their ends say.
    #[test]
    fn edges_are_taken_if_both_ends_were_sent(
        kinds in prop::collection::vec(any::<bool>(), 1..8),
        ends in prop::collection::vec((0_u32..9, 0_u32..9), 0..12),
    ) {
        let mut collector = collector();
        let mut batch = world();
        batch.entities = kinds
            .iter()
            .map(|is_job| match is_job {
                true => wit::Entity::Job(job(NS)),
                false => wit::Entity::Dataset(dataset(NS)),
            })
            .collect();
        batch.edges = ends.iter().map(|&(from, to)| wit::Edge { from, to, evidence: None }).collect();
        let sent = kinds.len();
        let wrong = ends.iter().enumerate().find_map(|(index, &(from, to))| {
            [("from", from), ("to", to)]
                .into_iter()
                .find(|(_, node)| *node as usize >= sent)
                .map(|(end, node)| format!(
                    "batch 0, edges[{index}].{end}: node {node} was not sent (nodes so far: {sent})"
                ))
        });
        let taken = collector.emit(batch);
        if let Some(message) = wrong {
            prop_assert_eq!(taken, Err(Refusal::Invalid(message)));
        } else {
            prop_assert_eq!(taken, Ok(()));
            let kind = |node: u32| if kinds[node as usize] { AssetKind::Job } else { AssetKind::Dataset };
            let expected: Vec<EdgeKind> = ends.iter().map(|&(from, to)| EdgeKind::between(kind(from), kind(to))).collect();
            let found: Vec<EdgeKind> = collector.facts.edges.iter().map(headwater_model::EdgeFact::kind).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
