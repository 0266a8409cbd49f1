//! What facets state.

use headwater_model::{Digest, EventSubject, RunState};
use headwater_openlineage::Mode;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::notation::{
    facts, findings, parse, refuse, run_event, show, with_job_facets, with_output_facets, without,
};

#[test]
fn a_run_event_states_its_job_and_its_datasets() {
    let event = run_event(json!({
        "run": {"facets": {
            "parent": {"run": {"runId": "0190f7d4-93b1-7d3a-8c5e-2f1f6f2f9d00"}, "job": {"namespace": "etl", "name": "dag"}},
            "nominalTime": {"nominalStartTime": "2026-01-30T00:00:00Z", "nominalEndTime": "2026-01-31T00:00:00Z"},
            "errorMessage": {"message": "boom", "programmingLanguage": "PYTHON"},
            "airflow": {"taskInstance": {"log_url": "https://ann:pw@airflow/log?x=1"}},
        }},
        "job": {"facets": {
            "jobType": {"jobType": "task", "integration": "AIRFLOW", "processingType": "BATCH"},
            "documentation": {"description": "Loads orders."},
            "sql": {"query": "insert into orders select * from raw", "dialect": "ansi"},
            "ownership": {"owners": [{"name": "team:orders", "type": "MAINTAINER"}, {"name": "ann"}]},
            "tags": {"tags": [
                {"key": "pii", "value": "true"}, {"key": "tier", "value": "gold"}, {"key": "x", "value": "x"}, {"key": "bare"},
            ]},
            "sourceCode": {"language": "python", "sourceCode": "print(1)"},
            "unheard": {"inputs": []},
        }},
        "inputs": [{"namespace": "db", "name": "raw", "inputFacets": {"dataQualityMetrics": {"rowCount": 1}}}],
        "outputs": [{"namespace": "db", "name": "orders", "outputFacets": {"outputStatistics": {"rowCount": 1}}}],
    }));
    let event = parse(&event);
    assert_eq!(findings(&event), "");
    assert!(event.names_datasets);
    assert_eq!(event.time.to_string(), "2026-01-31T09:30:00Z");
    let EventSubject::Run {
        job,
        run,
        state,
        details,
    } = &event.subject
    else {
        panic!("{:?}", event.subject);
    };
    assert_eq!(job.to_string(), "etl/daily");
    assert_eq!(run.as_str(), "0190f7d4-93b1-7d3a-8c5e-2f1f6f2f9d01");
    assert_eq!(*state, RunState::Complete);
    let (parent_job, parent_run) = details.parent.as_ref().unwrap();
    assert_eq!(parent_job.to_string(), "etl/dag");
    assert_eq!(parent_run.as_str(), "0190f7d4-93b1-7d3a-8c5e-2f1f6f2f9d00");
    let shown = |time: Option<headwater_model::Timestamp>| time.map(|time| time.to_string());
    assert_eq!(
        shown(details.nominal_start).as_deref(),
        Some("2026-01-30T00:00:00Z")
    );
    assert_eq!(
        shown(details.nominal_end).as_deref(),
        Some("2026-01-31T00:00:00Z")
    );
    assert_eq!(details.error.as_deref(), Some("boom"));
    assert_eq!(details.url.as_deref(), Some("https://airflow/log?x=1"));
    assert_snapshot!(show(&event.facts), @r#"
    job etl/daily TASK "Loads orders." sql="insert into orders select * from raw" in etl/dag
    dataset db/orders DATASET declared
    dataset db/raw DATASET mentioned
    db/raw READS job:etl/daily
    job:etl/daily WRITES db/orders
    job:etl/daily owner: ann
    job:etl/daily owner.MAINTAINER: team:orders
    job:etl/daily tag: bare
    job:etl/daily tag: pii
    job:etl/daily tag: tier=gold
    job:etl/daily tag: x
    facet job:etl/daily sourceCode {"language":"python","sourceCode":"print(1)"}
    facet job:etl/daily unheard {"inputs":[]}
    "#);
}

#[test]
fn a_job_event_states_its_job_and_its_datasets() {
    let event = json!({
        "eventTime": "2026-01-31T09:30:00Z",
        "producer": "https://example.org/client",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
        "job": {"namespace": "etl", "name": "daily", "facets": {"jobType": {"jobType": "QUERY"}}},
        "inputs": [{"namespace": "db", "name": "raw"}],
        "outputs": [{"namespace": "db", "name": "orders"}],
    });
    let event = parse(&event);
    assert!(matches!(&event.subject, EventSubject::Job(job) if job.to_string() == "etl/daily"));
    assert_eq!(findings(&event), "");
    assert_snapshot!(show(&event.facts), @r"
    job etl/daily QUERY
    dataset db/orders DATASET declared
    dataset db/raw DATASET mentioned
    db/raw READS job:etl/daily
    job:etl/daily WRITES db/orders
    ");
}

#[test]
fn a_dataset_event_declares_its_dataset() {
    let event = json!({
        "eventTime": "2026-01-31T09:30:00Z",
        "producer": "https://example.org/client",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        "dataset": {"namespace": "db", "name": "orders", "facets": {
            "datasetType": {"datasetType": "table", "subType": "external"},
            "documentation": {"description": "All orders."},
            "ownership": {"owners": [{"name": "team:orders"}]},
            "tags": {"tags": [{"key": "pii", "value": "true", "field": "email"}]},
            "schema": {"fields": [
                {"name": "id", "type": "bigint", "description": "The key."},
                {"name": "address", "type": "struct", "fields": [{"name": "zip", "type": "text"}]},
                {"name": "items", "type": "array", "fields": [
                    {"name": "_element", "type": "struct", "fields": [{"name": "sku"}]},
                ]},
            ]},
            "symlinks": {"identifiers": [
                {"namespace": "hive://meta:9083", "name": "shop.orders", "type": "TABLE"},
                {"namespace": "db", "name": "orders", "type": "TABLE"},
            ]},
            "columnLineage": {"fields": {"id": {"inputFields": [{"namespace": "db", "name": "raw", "field": "id"}]}}},
        }},
    });
    let event = parse(&event);
    assert!(event.names_datasets);
    assert!(
        matches!(&event.subject, EventSubject::Dataset(name) if name.to_string() == "db/orders")
    );
    assert_eq!(findings(&event), "");
    assert_snapshot!(show(&event.facts), @r#"
    dataset db/orders TABLE declared "All orders."
      id: bigint "The key."
      address: struct
      address.zip: text
      items: array
      items._element: struct
      items._element.sku
    dataset db/raw DATASET mentioned
    db/raw DERIVES db/orders
    db/raw#id -> db/orders#id
    alias db/orders = hive://meta:9083/shop.orders (OpenLineage symlink (TABLE))
    db/orders owner: team:orders
    db/orders sub-type: external
    db/orders tag of email: pii
    "#);
}

#[test]
fn column_lineage_states_edges_between_fields_and_datasets() {
    let event = with_output_facets(json!({"columnLineage": {
        "fields": {
            "name": {
                "inputFields": [
                    {"namespace": "db", "name": "customers", "field": "name", "transformations": [
                        {"type": "DIRECT", "subtype": "IDENTITY", "masking": false, "description": ""},
                    ]},
                    {"namespace": "db", "name": "customers", "field": "id", "transformations": [
                        {"type": "INDIRECT", "subtype": "JOIN", "description": "ON a=b"},
                        {"type": "DIRECT", "subtype": "AGGREGATION", "masking": true},
                    ]},
                ],
                "transformationType": "IDENTITY",
            },
            "email": {
                "inputFields": [{"namespace": "db", "name": "customers", "field": "email"}],
                "transformationType": "MASKED", "transformationDescription": "sha256",
            },
            "total": {"inputFields": [{"namespace": "db", "name": "orders", "field": "total"}]},
        },
        "dataset": [
            {"namespace": "db", "name": "flags", "field": "is_open", "transformations": [{"type": "INDIRECT", "subtype": "FILTER"}]},
        ],
    }}));
    assert_eq!(findings(&parse(&event)), "");
    assert_snapshot!(facts(&event), @r#"
    job etl/daily JOB
    dataset db/customers DATASET mentioned
    dataset db/flags DATASET mentioned
    dataset db/orders DATASET declared
    db/customers DERIVES db/orders via etl/daily
    db/flags DERIVES db/orders via etl/daily
    db/orders DERIVES db/orders via etl/daily
    job:etl/daily WRITES db/orders
    db/customers#email -> db/orders#email via etl/daily [DIRECT MASKED "sha256" masking]
    db/customers#id -> db/orders#name via etl/daily [INDIRECT JOIN "ON a=b"] [DIRECT AGGREGATION masking]
    db/customers#name -> db/orders#name via etl/daily [DIRECT IDENTITY]
    db/flags#is_open -> db/orders#* via etl/daily [INDIRECT FILTER]
    db/orders#total -> db/orders#total via etl/daily
    "#);
}

#[test]
fn how_an_input_was_made_is_not_the_doing_of_the_job() {
    let event = run_event(
        json!({"inputs": [{"namespace": "db", "name": "a", "facets": {"columnLineage": {
            "fields": {"x": {"inputFields": [{"namespace": "db", "name": "b", "field": "y"}]}},
        }}}]}),
    );
    assert_snapshot!(facts(&event), @r"
    job etl/daily JOB
    dataset db/a DATASET mentioned
    dataset db/b DATASET mentioned
    db/a READS job:etl/daily
    db/b DERIVES db/a
    db/b#y -> db/a#x
    ");
}

#[test]
fn a_parent_that_is_the_job_itself_is_no_parent() {
    let parent = json!({"run": {"runId": "0190f7d4-93b1-7d3a-8c5e-2f1f6f2f9d00"}, "job": {"namespace": "etl", "name": "daily"}});
    let event = parse(&run_event(json!({"run": {"facets": {"parent": parent}}})));
    assert_eq!(event.facts.jobs[0].parent, None);
    assert!(!event.names_datasets);
}

#[test]
fn names_datasets_is_true_if_anything_names_one() {
    let check = |more: Value, names_datasets| {
        assert_eq!(parse(&run_event(more)).names_datasets, names_datasets);
    };
    let dataset = json!({"namespace": "db", "name": "a"});
    check(json!({}), false);
    check(json!({"inputs": [], "outputs": []}), false);
    check(json!({"inputs": [dataset]}), true);
    check(json!({"outputs": [dataset]}), true);
}

#[test]
fn a_deleted_facet_states_nothing() {
    let event = with_output_facets(json!({
        "documentation": {"_deleted": true, "description": "gone"},
        "schema": {"_deleted": true, "fields": [{"name": "gone"}]},
        "custom": {"_deleted": true},
        "kept": {"_deleted": false},
    }));
    assert_snapshot!(facts(&event), @r#"
    job etl/daily JOB
    dataset db/orders DATASET declared
    job:etl/daily WRITES db/orders
    facet db/orders kept {"_deleted":false}
    "#);
    let escaped = event.to_string().replace("_deleted", r"\u005fdeleted");
    let escaped = headwater_openlineage::parse_event(escaped.as_bytes()).unwrap();
    assert!(!show(&escaped.facts).contains("gone"));
}

#[test]
fn a_facet_of_the_wrong_shape_is_kept_and_named() {
    let check = |facets: Value, pointers: &[&str]| {
        let event = with_output_facets(facets.clone());
        let parsed = parse(&event);
        let expected: Vec<String> = pointers
            .iter()
            .map(|pointer| format!("openlineage/facet /outputs/0/facets{pointer}"))
            .collect();
        assert_eq!(findings(&parsed).lines().collect::<Vec<_>>(), expected);
        for (name, value) in facets.as_object().unwrap() {
            let kept = parsed
                .facts
                .facets
                .iter()
                .find(|facet| facet.name.as_str() == name);
            assert_eq!(&*kept.expect("kept").json, value.to_string());
        }
        let refused = refuse(&event, Mode::Strict);
        assert_eq!(refused.pointer, format!("/outputs/0/facets{}", pointers[0]));
    };
    check(json!({"schema": "no"}), &["/schema"]);
    check(json!({"schema": {"fields": {}}}), &["/schema/fields"]);
    check(
        json!({"schema": {"fields": [{"name": "a"}, {"type": "int"}, 5, {"name": ""}]}}),
        &[
            "/schema/fields/1/name",
            "/schema/fields/2",
            "/schema/fields/3/name",
        ],
    );
    check(
        json!({"ownership": {"owners": [{"no-name": "x"}]}}),
        &["/ownership/owners/0/name"],
    );
    check(
        json!({"tags": {"tags": [{"value": "x"}]}}),
        &["/tags/tags/0/key"],
    );
    check(json!({"datasetType": {}}), &["/datasetType/datasetType"]);
    check(json!({"documentation": []}), &["/documentation"]);
    check(
        json!({"documentation": {"description": 1}}),
        &["/documentation/description"],
    );
    check(
        json!({"symlinks": {"identifiers": [{"namespace": "a", "type": "TABLE"}]}}),
        &["/symlinks/identifiers/0/name"],
    );
    check(json!({"columnLineage": {}}), &["/columnLineage/fields"]);
    check(
        json!({"columnLineage": {"fields": {"a/b": {"inputFields": [{"namespace": "n", "name": "m", "field": "f",
            "transformations": [{"type": "SIDEWAYS"}]}]}}}}),
        &["/columnLineage/fields/a~1b/inputFields/0/transformations/0/type"],
    );
    check(json!({"unheard-of": 5}), &["/unheard-of"]);
}

#[test]
fn what_can_be_read_of_a_damaged_facet_is_read() {
    let event = with_output_facets(json!({
        "schema": {"fields": [{"name": "a", "type": "int"}, {"type": "int"}, {"name": "b", "type": 5}]},
    }));
    assert_snapshot!(facts(&event), @r#"
    job etl/daily JOB
    dataset db/orders DATASET declared
      a: int
      b
    job:etl/daily WRITES db/orders
    facet db/orders schema {"fields":[{"name":"a","type":"int"},{"type":"int"},{"name":"b","type":5}]}
    "#);
}

#[test]
fn column_lineage_without_a_field_is_of_the_whole_dataset() {
    let event = with_output_facets(json!({"columnLineage": {"fields": {
        "x": {"inputFields": [{"namespace": "db", "name": "raw"}]},
    }}}));
    let parsed = parse(&event);
    assert_eq!(
        findings(&parsed),
        "openlineage/facet /outputs/0/facets/columnLineage/fields/x/inputFields/0/field\n"
    );
    assert!(show(&parsed.facts).contains("db/raw#* -> db/orders#x via etl/daily"));
}

#[test]
fn a_job_type_facet_without_a_type_is_kept() {
    let event =
        with_job_facets(json!({"jobType": {"integration": "X", "processingType": "BATCH"}}));
    assert_eq!(findings(&parse(&event)), "");
    assert_snapshot!(facts(&event), @r#"
    job etl/daily JOB
    facet job:etl/daily jobType {"integration":"X","processingType":"BATCH"}
    "#);
}

#[test]
fn credentials_in_data_source_urls_are_dropped_from_facet_and_body() {
    let event = with_output_facets(json!({
        "dataSource": {"name": "shop", "uri": "postgres://ann:s3cret@db:5432/shop"},
    }));
    let text = event.to_string();
    let parsed = parse(&event);
    assert_eq!(
        &*parsed.facts.facets[0].json,
        r#"{"name":"shop","uri":"postgres://db:5432/shop"}"#
    );
    assert_eq!(&*parsed.body, text.replace("ann:s3cret@", ""));
    assert_eq!(parsed.digest, Digest::of(text.as_bytes()));
}

#[test]
fn the_body_is_kept_verbatim_with_keys_nobody_knows() {
    let text = format!("  {}\n", run_event(json!({"unheard": {"of": [1, 2]}})));
    let event = headwater_openlineage::parse_event(text.as_bytes()).unwrap();
    assert_eq!(&*event.body, text);
    assert_eq!(event.digest, Digest::of(text.as_bytes()));
    assert_eq!(findings(&event), "");
}

#[test]
fn the_definition_is_what_the_job_does_and_not_who_says_so() {
    let digest = |facets: Value| parse(&with_job_facets(facets)).definition;
    let sql = digest(json!({"sql": {"query": "select 1"}}));
    assert!(sql.is_some());
    assert_eq!(digest(json!({})), None);
    assert_eq!(digest(json!({"documentation": {"description": "d"}})), None);
    assert_eq!(
        digest(json!({"sql": {"_deleted": true, "query": "select 1"}})),
        None
    );
    assert_eq!(
        sql,
        digest(json!({"sql": {"query": "select 1", "dialect": "x", "_producer": "p"}}))
    );
    assert_ne!(sql, digest(json!({"sql": {"query": "select 2"}})));

    let code = digest(json!({"sourceCode": {"language": "python", "sourceCode": "1"}}));
    assert_eq!(
        code,
        digest(
            json!({"sourceCode": {"sourceCode": "1", "language": "python", "_schemaURL": "s", "_producer": "p"}})
        )
    );
    assert_ne!(
        code,
        digest(json!({"sourceCode": {"language": "python", "sourceCode": "2"}}))
    );
    assert_ne!(code, sql);

    let location =
        digest(json!({"sourceCodeLocation": {"type": "git", "url": "u", "version": "1"}}));
    assert_ne!(
        location,
        digest(json!({"sourceCodeLocation": {"type": "git", "url": "u", "version": "2"}}))
    );
}

#[test]
fn the_kind_is_what_schema_url_names_else_what_the_keys_show() {
    let kind = |event: &Value| match parse(event).subject {
        EventSubject::Run { .. } => "run",
        EventSubject::Job(_) => "job",
        EventSubject::Dataset(_) => "dataset",
    };
    let bare = without(
        run_event(json!({"dataset": {"namespace": "db", "name": "a"}})),
        "schemaURL",
    );
    assert_eq!(kind(&bare), "run");
    let job = without(bare.clone(), "run");
    assert_eq!(kind(&job), "job");
    assert_eq!(kind(&without(job.clone(), "job")), "dataset");

    let mut named = bare.clone();
    for (url, expected) in [
        (
            "https://openlineage.io/spec/1-0-1/OpenLineage.json#/definitions/DatasetEvent",
            "dataset",
        ),
        (
            "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
            "job",
        ),
        (
            "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run",
        ),
        ("http://test.schema.url", "run"),
    ] {
        named["schemaURL"] = url.into();
        assert_eq!(kind(&named), expected, "{url}");
    }
    named["schemaURL"] = "x#/$defs/JobEvent".into();
    assert_eq!(findings(&parse(&named)), "openlineage/kind /schemaURL\n");
    assert_eq!(refuse(&named, Mode::Strict).pointer, "/schemaURL");
}
