use headwater_model::{
    AliasFact, AssetKind, AssetName, AttributeFact, AttributeKey, Coverage, DatasetFact,
    Diagnostic, Digest, EdgeFact, Evidence, ExtractorVersion, FacetFact, FacetName, FactKind,
    Facts, FieldEdgeFact, FieldEnd, FieldFact, FieldName, JobFact, Name, Namespace, QualifiedName,
    RunFact, RunId, RunState, SelectorFact, Severity, Side, Snapshot, Text, Timestamp,
    Transformation, TypeName,
};
use insta::assert_snapshot;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn refused(json: &str) -> String {
    submission_from_json(json.as_bytes())
        .expect_err("a document that breaks a rule")
        .to_string()
}

fn read(json: &str) -> Snapshot {
    submission_from_json(json.as_bytes()).expect("a document")
}

const EVERY_KIND: &str = r#"{
  "extractor": {"name": "dbt", "version": "0.1.0", "digest": "abc"},
  "generatedAt": "2026-01-01T00:00:00Z",
  "covers": ["DATASETS", "FIELD_EDGES"],
  "datasets": [{"namespace": "pg://db", "name": "s.a", "type": "TABLE", "declared": false, "description": "d",
    "fields": [{"name": "id", "type": "int", "description": "key"}, {"name": "x"}],
    "evidence": {"artifact": "manifest.json", "pointer": "/nodes/a", "line": 3, "column": 7}}],
  "jobs": [{"namespace": "dbt", "name": "m", "type": "MODEL", "description": "d", "sql": "select 1",
    "parent": {"namespace": "dbt", "name": "p"}, "evidence": {"artifact": "manifest.json"}}],
  "edges": [
    {"kind": "READS", "from": {"kind": "DATASET", "namespace": "n", "name": "a"},
      "to": {"kind": "JOB", "namespace": "n", "name": "j"}, "evidence": {"artifact": "f"}},
    {"kind": "DERIVES", "from": {"kind": "DATASET", "namespace": "n", "name": "a"},
      "to": {"kind": "DATASET", "namespace": "n", "name": "b"}, "via": {"namespace": "n", "name": "j"}}],
  "fieldEdges": [{"from": {"namespace": "n", "name": "a", "field": null}, "to": {"namespace": "n", "name": "b", "field": "y"},
    "via": {"namespace": "n", "name": "j"},
    "transformations": [{"type": "INDIRECT", "subtype": "FILTER", "description": "where", "masking": true}]}],
  "selectors": [{"job": {"namespace": "n", "name": "j"}, "side": "WRITES", "namespace": "n", "pattern": "s.*"}],
  "aliases": [{"kind": "DATASET", "namespace": "n", "name": "a", "alias": {"namespace": "n", "name": "A"}, "reason": "symlink"}],
  "attributes": [{"on": {"kind": "JOB", "namespace": "n", "name": "j"}, "key": "owner", "value": "ann"},
    {"on": {"kind": "DATASET", "namespace": "n", "name": "a", "field": "x"}, "key": "tag", "value": "pii"}],
  "facets": [{"on": {"kind": "DATASET", "namespace": "n", "name": "a"}, "name": "stats", "value": {"rows": 1.50, "z": [1e3]}}],
  "runs": [{"job": {"namespace": "n", "name": "j"}, "runId": "r-1", "state": "FAIL", "startedAt": "2026-01-01T00:00:00Z",
    "endedAt": "2026-01-01T00:00:01Z", "message": "boom"}],
  "diagnostics": [{"severity": "WARNING", "code": "dbt/x", "message": "m", "artifact": "f", "pointer": "/p", "line": 1, "column": 2}]
}"#;

#[test]
fn every_kind_of_fact_is_written_as_it_is_read() {
    let snapshot = read(EVERY_KIND);
    let written =
        facts_to_json(&FactsDocument::from(&snapshot), JsonLayout::Compact).expect("facts");
    let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).expect("JSON");
    let mut expected = value(EVERY_KIND);
    // What may be left out is written out, so that a reader needs no defaults.
    expected["jobs"][0]["evidence"] = value(r#"{"artifact": "manifest.json"}"#);
    assert_eq!(value(&written), expected);
    assert!(
        written.contains(r#""value":{"rows": 1.50, "z": [1e3]}"#),
        "a facet stays as it was written: {written}"
    );
}

#[test]
fn what_is_absent_has_the_documented_meaning() {
    let empty = read("{}");
    assert_eq!((empty.covers, empty.generated_at), (Coverage::ALL, None));
    assert_eq!(empty.facts, Facts::default());
    assert_eq!(empty.digest, Digest::of(b"{}"));
    assert_eq!(read(r#"{"covers": []}"#).covers, Coverage::NONE);
    assert_eq!(
        read(r#"{"covers": null, "generatedAt": null, "runs": null}"#).covers,
        Coverage::ALL
    );
    let dataset = read(r#"{"datasets": [{"namespace": "n", "name": "a"}]}"#)
        .facts
        .datasets
        .remove(0);
    assert!(dataset.is_declared && dataset.fields.is_empty());
    assert_eq!(dataset.r#type, TypeName::dataset());
}

#[test]
fn an_error_names_the_place_the_rule_and_what_was_found() {
    let end = |namespace: &str| {
        format!(r#"{{"kind": "DATASET", "namespace": "{namespace}", "name": "a"}}"#)
    };
    let edges = |edge: &str| format!(r#"{{"edges": [{edge}]}}"#);
    assert_snapshot!(
        refused(&edges(&format!(r#"{{"kind": "DERIVES", "from": {}, "to": {}}}"#, end(""), end("n")))),
        @"/edges/0/from/namespace: is empty"
    );
    assert_snapshot!(
        refused(&edges(&format!(r#"{{"kind": "READS", "from": {}, "to": {}}}"#, end("n"), end("n")))),
        @"/edges/0/kind: is READS, but an edge from DATASET to DATASET is DERIVES"
    );
    assert_snapshot!(
        refused(&edges(&format!(
            r#"{{"from": {}, "to": {{"kind": "JOB", "namespace": "n", "name": "j"}}, "via": {{"namespace": "n", "name": "k"}}}}"#,
            end("n")
        ))),
        @"/edges/0/via: only a DERIVES edge takes a job, or a WRITES edge its own, and this one is READS"
    );
    assert_snapshot!(
        refused(&edges(&format!(
            r#"{{"from": {{"kind": "JOB", "namespace": "n", "name": "j"}}, "to": {}, "via": {{"namespace": "n", "name": "k"}}}}"#,
            end("n")
        ))),
        @"/edges/0/via: only a DERIVES edge takes a job, or a WRITES edge its own, and this one is WRITES"
    );
    assert_snapshot!(
        refused(r#"{"covers": ["DATASETS", "TABLES"]}"#),
        @r#"/covers/1: is "TABLES", not one of DATASETS, FIELDS, JOBS, EDGES, FIELD_EDGES, SELECTORS, ALIASES, ATTRIBUTES, FACETS"#
    );
    assert_snapshot!(
        refused(r#"{"datasets": [{"namespace": "n", "name": "a", "columns": []}]}"#),
        @"/datasets/0/columns: unknown field `columns`, expected one of `namespace`, `name`, `type`, `declared`, `description`, `fields`, `evidence`"
    );
    assert_snapshot!(
        refused(r#"{"x-note": 1}"#),
        @"/x-note: unknown field `x-note`, expected one of `extractor`, `generatedAt`, `covers`, `datasets`, `jobs`, `edges`, `fieldEdges`, `selectors`, `aliases`, `attributes`, `facets`, `runs`, `diagnostics`"
    );
    assert_snapshot!(
        refused(r#"{"jobs": [{"namespace": "n"}]}"#),
        @"/jobs/0: missing field `name`"
    );
    assert_snapshot!(
        refused(r#"{"jobs": [{"namespace": "n", "name": 3}]}"#),
        @"/jobs/0/name: invalid type: integer `3`, expected a string"
    );
    assert_snapshot!(
        refused(r#"{"generatedAt": "yesterday"}"#),
        @r#"/generatedAt: "yesterday" is not an RFC 3339 time, for example 2026-01-31T09:30:00Z"#
    );
    assert_snapshot!(refused(" []"), @"the document: is an array, not an object");
    assert_snapshot!(refused("3"), @"the document: invalid type: integer `3`, expected an object");
    assert_snapshot!(
        refused(r#"{"jobs": [], "jobs": []}"#),
        @"the document: duplicate field `jobs`"
    );
}

#[test]
fn what_is_no_json_is_named_by_line_and_column() {
    assert_snapshot!(refused(""), @"line 1, column 0: EOF while parsing a value");
    assert_snapshot!(refused("{\n  \"jobs\": [,]}"), @"line 2, column 12: expected value");
    assert_snapshot!(refused("{} {}"), @"line 1, column 4: trailing characters");
    assert!(matches!(
        submission_from_json(b"{\"jobs\": [{\"namespace\": \"\xff\"}]}"),
        Err(FactsError::Syntax { line: 1, .. })
    ));
}

#[test]
fn a_facet_nests_as_deep_as_its_bound_and_no_deeper() {
    let facet = |depth: usize| {
        let value = format!("{}\"[[\"{}", "[".repeat(depth), "]".repeat(depth));
        format!(
            r#"{{"facets": [{{"on": {{"kind": "JOB", "namespace": "n", "name": "j"}}, "name": "f", "value": {value}}}]}}"#
        )
    };
    assert_eq!(read(&facet(FACET_DEPTH_MAX)).facts.facets.len(), 1);
    assert_snapshot!(
        refused(&facet(FACET_DEPTH_MAX + 1)),
        @"/facets/0/value: nests 101 deep, more than 100"
    );
}

#[test]
fn a_time_without_a_zone_is_utc_and_leaves_a_warning() {
    let snapshot = read(
        r#"{"generatedAt": "2026-01-01T00:00:00", "runs": [{"job": {"namespace": "n", "name": "j"},
            "runId": "r", "state": "COMPLETE", "startedAt": "2026-01-01", "endedAt": "2026-01-01T00:00:00Z"}]}"#,
    );
    assert_eq!(
        snapshot
            .generated_at
            .map(|time| time.to_string())
            .as_deref(),
        Some("2026-01-01T00:00:00Z")
    );
    let [warning] = &snapshot.diagnostics[..] else {
        panic!("one warning: {:?}", snapshot.diagnostics)
    };
    assert_eq!(warning.severity, Severity::Warning);
    assert_snapshot!(warning.message, @"/generatedAt and 1 more times state no zone: UTC is taken");
}

#[test]
fn what_json_cannot_say_is_refused_when_written() {
    let write = |facts: &Facts, generated_at| {
        let document = FactsDocument {
            extractor: None,
            generated_at,
            covers: Coverage::ALL,
            facts,
            diagnostics: &[],
        };
        facts_to_json(&document, JsonLayout::Compact)
            .expect_err("nothing that reads back")
            .to_string()
    };
    assert_snapshot!(
        write(&Facts::default(), Some(Timestamp::from_micros(i64::MAX))),
        @"facts can't be written as JSON: the time 9223372036854775807 microseconds from 1970 is outside the years 0001 to 9999"
    );
    let facts = Facts {
        facets: vec![FacetFact {
            on: name("n", "a").dataset(),
            name: FacetName::parse("stats").expect("valid"),
            json: "{".into(),
        }],
        ..Facts::default()
    };
    assert_snapshot!(
        write(&facts, None),
        @"facts can't be written as JSON: facet stats of n/a: EOF while parsing an object at line 1 column 1"
    );
}

fn name(namespace: &str, name: &str) -> QualifiedName {
    QualifiedName::new(
        Namespace::parse(namespace).expect("valid"),
        Name::parse(name).expect("valid"),
    )
}

fn any_text() -> impl Strategy<Value = Text> {
    "\\PC{0,8}|[\"\\\\/~\n\u{0}\u{7f}é☃]{1,4}".prop_map(Text::from)
}

fn any_word() -> impl Strategy<Value = String> {
    "[a-c\"\\\\/~ é☃]{1,6}"
}

fn any_qualified() -> impl Strategy<Value = QualifiedName> {
    (any_word(), any_word()).prop_map(|(n, m)| name(&n, &m))
}

fn any_asset() -> impl Strategy<Value = AssetName> {
    (any::<bool>(), any_qualified()).prop_map(
        |(is_job, name)| {
            if is_job { name.job() } else { name.dataset() }
        },
    )
}

fn any_field() -> impl Strategy<Value = FieldName> {
    any_word().prop_map(|text| FieldName::parse(&text).expect("valid"))
}

fn any_type() -> impl Strategy<Value = TypeName> {
    any_word().prop_map(|text| TypeName::parse(&text).expect("valid"))
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800_000_000_i64..=253_402_207_200_000_000).prop_map(Timestamp::from_micros)
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    (
        any_text(),
        option::of(any_text()),
        option::of(any::<u32>()),
        option::of(any::<u32>()),
    )
        .prop_map(|(artifact, pointer, line, column)| Evidence {
            artifact,
            pointer,
            line,
            column,
        })
}

fn any_dataset() -> impl Strategy<Value = DatasetFact> {
    let field = (any_field(), option::of(any_text()), option::of(any_text())).prop_map(
        |(name, r#type, description)| FieldFact {
            name,
            r#type,
            description,
        },
    );
    (
        any_qualified(),
        any_type(),
        any::<bool>(),
        option::of(any_text()),
        vec(field, 0..3),
        option::of(any_evidence()),
    )
        .prop_map(
            |(name, r#type, is_declared, description, fields, evidence)| DatasetFact {
                name,
                r#type,
                is_declared,
                description,
                fields,
                evidence,
            },
        )
}

fn any_job() -> impl Strategy<Value = JobFact> {
    (
        any_qualified(),
        any_type(),
        option::of(any_text()),
        option::of(any_text()),
        option::of(any_qualified()),
        option::of(any_evidence()),
    )
        .prop_map(
            |(name, r#type, description, sql, parent, evidence)| JobFact {
                name,
                r#type,
                description,
                sql,
                parent,
                evidence,
            },
        )
}

fn any_edge() -> impl Strategy<Value = EdgeFact> {
    (
        any_asset(),
        any_asset(),
        option::of(any_qualified()),
        option::of(any_evidence()),
    )
        .prop_map(|(from, to, via, evidence)| {
            let via = match (from.kind, to.kind) {
                (AssetKind::Dataset, AssetKind::Dataset) => via,
                (AssetKind::Job, AssetKind::Dataset) => via.map(|_| from.name.clone()),
                _ => None,
            };
            EdgeFact {
                from,
                to,
                via,
                evidence,
            }
        })
}

fn any_field_edge() -> impl Strategy<Value = FieldEdgeFact> {
    let end = || {
        (any_qualified(), option::of(any_field()))
            .prop_map(|(dataset, field)| FieldEnd { dataset, field })
    };
    let transformation = (
        any::<bool>(),
        option::of(any_text()),
        option::of(any_text()),
        any::<bool>(),
    )
        .prop_map(
            |(is_direct, subtype, description, is_masking)| Transformation {
                is_direct,
                subtype,
                description,
                is_masking,
            },
        );
    (
        end(),
        end(),
        option::of(any_qualified()),
        vec(transformation, 0..3),
        option::of(any_evidence()),
    )
        .prop_map(|(from, to, via, transformations, evidence)| FieldEdgeFact {
            from,
            to,
            via,
            transformations,
            evidence,
        })
}

fn any_selector() -> impl Strategy<Value = SelectorFact> {
    (
        any_qualified(),
        any::<bool>(),
        any_qualified(),
        option::of(any_evidence()),
    )
        .prop_map(|(job, is_read, selected, evidence)| SelectorFact {
            job,
            side: if is_read { Side::Reads } else { Side::Writes },
            namespace: selected.namespace,
            pattern: selected.name,
            evidence,
        })
}

fn any_alias() -> impl Strategy<Value = AliasFact> {
    (
        any_asset(),
        any_qualified(),
        any_text(),
        option::of(any_evidence()),
    )
        .prop_map(|(of, alias, reason, evidence)| AliasFact {
            of,
            alias,
            reason,
            evidence,
        })
}

fn any_attribute() -> impl Strategy<Value = AttributeFact> {
    (any_asset(), option::of(any_field()), any_word(), any_text()).prop_map(
        |(on, field, key, value)| AttributeFact {
            on,
            field,
            key: AttributeKey::parse(&key).expect("valid"),
            value,
        },
    )
}

fn any_facet() -> impl Strategy<Value = FacetFact> {
    let json = prop_oneof![
        Just("null".to_owned()),
        Just("{\"a\": [1.0, {\"b\\\"]\": \"\\u00e9\"}]}".to_owned()),
        any_word().prop_map(|text| serde_json::to_string(&text).expect("a string")),
    ];
    (any_asset(), any_word(), json).prop_map(|(on, name, json)| FacetFact {
        on,
        name: FacetName::parse(&name).expect("valid"),
        json: json.into(),
    })
}

fn any_run() -> impl Strategy<Value = RunFact> {
    const STATES: [RunState; 6] = [
        RunState::Start,
        RunState::Running,
        RunState::Complete,
        RunState::Abort,
        RunState::Fail,
        RunState::Other,
    ];
    (
        any_qualified(),
        any_word(),
        proptest::sample::select(&STATES[..]),
        option::of(any_time()),
        option::of(any_time()),
        option::of(any_text()),
    )
        .prop_map(|(job, run, state, started_at, ended_at, message)| RunFact {
            job,
            run: RunId::parse(&run).expect("valid"),
            state,
            started_at,
            ended_at,
            message,
        })
}

fn any_diagnostic() -> impl Strategy<Value = Diagnostic> {
    let severity = prop_oneof![
        Just(Severity::Info),
        Just(Severity::Warning),
        Just(Severity::Error)
    ];
    (severity, any_text(), any_text(), option::of(any_evidence())).prop_map(
        |(severity, code, message, at)| Diagnostic {
            severity,
            code,
            message,
            at,
        },
    )
}

fn any_facts() -> impl Strategy<Value = Facts> {
    (
        vec(any_dataset(), 0..3),
        vec(any_job(), 0..3),
        vec(any_edge(), 0..3),
        vec(any_field_edge(), 0..3),
        vec(any_selector(), 0..3),
        vec(any_alias(), 0..3),
        vec(any_attribute(), 0..3),
        vec(any_facet(), 0..3),
        vec(any_run(), 0..3),
    )
        .prop_map(
            |(datasets, jobs, edges, field_edges, selectors, aliases, attributes, facets, runs)| {
                Facts {
                    datasets,
                    jobs,
                    edges,
                    field_edges,
                    selectors,
                    aliases,
                    attributes,
                    facets,
                    runs,
                }
            },
        )
}

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let extractor =
        (any_text(), any_text(), any_text()).prop_map(|(name, version, digest)| ExtractorVersion {
            name,
            version,
            digest,
        });
    (
        option::of(extractor),
        option::of(any_time()),
        proptest::sample::subsequence(&FactKind::ALL[..], 0..=9),
        any_facts(),
        vec(any_diagnostic(), 0..3),
    )
        .prop_map(
            |(extractor, generated_at, covers, facts, diagnostics)| Snapshot {
                extractor,
                generated_at,
                covers: covers.into_iter().collect(),
                facts,
                diagnostics,
                digest: Digest::of(b""),
                idempotency_key: None,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_snapshot_that_is_written_reads_back_the_same(
        snapshot in any_snapshot(),
        is_pretty in any::<bool>(),
    ) {
        let layout = if is_pretty { JsonLayout::Pretty } else { JsonLayout::Compact };
        let json = facts_to_json(&FactsDocument::from(&snapshot), layout).expect("facts");
        let read = submission_from_json(json.as_bytes()).expect("what was written");
        prop_assert_eq!(read, Snapshot { digest: Digest::of(json.as_bytes()), ..snapshot });
    }

    #[test]
    fn bytes_that_are_no_document_are_refused_and_never_panic(
        bytes in vec(any::<u8>(), 0..64),
        cut in 0..EVERY_KIND.len() - 1,
    ) {
        let _ = submission_from_json(&bytes);
        prop_assert!(
            submission_from_json(&EVERY_KIND.as_bytes()[..cut]).is_err(),
            "the first {} bytes are no document", cut
        );
    }
}
