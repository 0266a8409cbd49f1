//! The examples that the proposal of explicit lineage gives, read in place.

use std::fs;

use headwater_model::Facts;
use headwater_openlineage::{Mode, parse_event, parse_event_with};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::captured::data;
use crate::notation::{findings, run_event, show};

const EXAMPLES_COUNT: usize = 12;

/// The JSON blocks of a page of Markdown, completed to events where they show only a part of one.
fn events(page: &str) -> Vec<Value> {
    let blocks = page.split("```json\n").skip(1);
    blocks
        .map(|block| {
            let (text, _) = block.split_once("```").expect("a block ends");
            complete(text.trim())
        })
        .collect()
}

fn complete(text: &str) -> Value {
    let event: Value = if text.starts_with('{') {
        serde_json::from_str(text).unwrap()
    } else {
        serde_json::from_str(&format!("{{{text}}}")).unwrap()
    };
    let event = match event.get("entries") {
        Some(entries) => {
            json!({"job": {"namespace": "http://etl-server:8080", "name": "analytics_etl",
            "facets": {"lineage": {"entries": entries}}}})
        }
        None => event,
    };
    let kind = match (event.get("run"), event.get("dataset"), event.get("inputs")) {
        (_, Some(_), _) => "DatasetEvent",
        (None, _, Some(_)) => "JobEvent",
        _ => "RunEvent",
    };
    let mut whole = run_event(json!({
        "schemaURL": format!("https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/{kind}"),
    }));
    let keys = whole.as_object_mut().unwrap();
    if kind != "RunEvent" {
        keys.remove("run");
    }
    if kind == "DatasetEvent" {
        keys.remove("job");
    }
    for (key, value) in event.as_object().unwrap() {
        keys.insert(key.clone(), value.clone());
    }
    whole
}

fn shown(event: &Value) -> String {
    let event = parse_event(event.to_string().as_bytes()).unwrap();
    let facts = Facts {
        facets: Vec::new(),
        ..event.facts.clone()
    };
    let kept = event
        .facts
        .facets
        .iter()
        .map(|facet| format!("\nfacet {} {}", facet.on, facet.name));
    format!(
        "{}{}{}",
        findings(&event),
        show(&facts),
        kept.collect::<String>()
    )
}

/// The examples of the proposal, in order; none without the data folder.
fn examples() -> Option<[Value; EXAMPLES_COUNT]> {
    let Some(data) = data() else {
        println!("skipped {EXAMPLES_COUNT} examples of explicit lineage: no data folder");
        return None;
    };
    let path = "openlineage-spec/proposals/explicit_lineage_facet/ExplicitLineageExamples.md";
    let events = events(&fs::read_to_string(data.join(path)).unwrap());
    Some(events.try_into().expect("as many as there are"))
}

#[test]
fn the_examples_between_datasets_state_what_the_proposal_explains() {
    let Some([one, two, three, four, five, .., twelve]) = examples() else {
        return;
    };
    assert_snapshot!(shown(&one), @r"
    openlineage/run-id /run/runId
    job http://etl-server:8080/bulk_etl JOB
    dataset postgresql://warehouse:5432/table_a DATASET mentioned
    dataset postgresql://warehouse:5432/table_b DATASET mentioned
    dataset postgresql://warehouse:5432/table_c DATASET declared
    dataset postgresql://warehouse:5432/table_d DATASET declared
    postgresql://warehouse:5432/table_a DERIVES postgresql://warehouse:5432/table_c via http://etl-server:8080/bulk_etl
    postgresql://warehouse:5432/table_a READS job:http://etl-server:8080/bulk_etl
    postgresql://warehouse:5432/table_b DERIVES postgresql://warehouse:5432/table_d via http://etl-server:8080/bulk_etl
    postgresql://warehouse:5432/table_b READS job:http://etl-server:8080/bulk_etl
    job:http://etl-server:8080/bulk_etl WRITES postgresql://warehouse:5432/table_c
    job:http://etl-server:8080/bulk_etl WRITES postgresql://warehouse:5432/table_d
    ");
    assert_snapshot!(shown(&two), @r"
    job http://etl-server:8080/analytics_etl JOB
    dataset postgresql://analytics:5432/input DATASET mentioned
    dataset postgresql://analytics:5432/output DATASET mentioned
    postgresql://analytics:5432/input DERIVES postgresql://analytics:5432/output via http://etl-server:8080/analytics_etl
    postgresql://analytics:5432/input#amount -> postgresql://analytics:5432/output#total via http://etl-server:8080/analytics_etl [DIRECT AGGREGATION]
    ");
    assert_snapshot!(shown(&three), @r"
    job http://etl-server:8080/analytics_etl JOB
    dataset postgresql://analytics:5432/input_A DATASET mentioned
    dataset postgresql://analytics:5432/output_X DATASET mentioned
    postgresql://analytics:5432/input_A DERIVES postgresql://analytics:5432/output_X via http://etl-server:8080/analytics_etl
    postgresql://analytics:5432/input_A#* -> postgresql://analytics:5432/output_X#col2 via http://etl-server:8080/analytics_etl
    postgresql://analytics:5432/input_A#col_a -> postgresql://analytics:5432/output_X#col1 via http://etl-server:8080/analytics_etl
    postgresql://analytics:5432/input_A#group_by_col -> postgresql://analytics:5432/output_X#* via http://etl-server:8080/analytics_etl [INDIRECT GROUP_BY]
    ");
    assert_snapshot!(shown(&four), @r"
    dataset postgresql://warehouse:5432/public.customer_view DATASET declared
    dataset postgresql://warehouse:5432/public.customers DATASET mentioned
    dataset postgresql://warehouse:5432/public.orders DATASET mentioned
    postgresql://warehouse:5432/public.customers DERIVES postgresql://warehouse:5432/public.customer_view
    postgresql://warehouse:5432/public.orders DERIVES postgresql://warehouse:5432/public.customer_view
    ");
    assert_snapshot!(shown(&five), @r"
    job http://airflow:8080/daily_etl JOB
    dataset postgresql://warehouse:5432/output_table DATASET declared
    dataset postgresql://warehouse:5432/source_table DATASET mentioned
    postgresql://warehouse:5432/source_table DERIVES postgresql://warehouse:5432/output_table via http://airflow:8080/daily_etl
    postgresql://warehouse:5432/source_table READS job:http://airflow:8080/daily_etl
    job:http://airflow:8080/daily_etl WRITES postgresql://warehouse:5432/output_table
    ");
    assert_snapshot!(shown(&twelve), @r"
    openlineage/run-id /run/runId
    job analytics/event_processor JOB
    dataset file:///R.pdf DATASET declared
    dataset postgres://prod/X DATASET mentioned
    postgres://prod/X DERIVES file:///R.pdf via analytics/event_processor
    postgres://prod/X READS job:analytics/event_processor
    job:analytics/event_processor WRITES file:///R.pdf
    postgres://prod/X#A -> file:///R.pdf#* via analytics/event_processor
    postgres://prod/X#B -> file:///R.pdf#* via analytics/event_processor
    ");
}

#[test]
fn the_examples_with_jobs_state_what_the_proposal_explains() {
    let Some([_, _, _, _, _, six, seven, eight, nine, ten, eleven, _]) = examples() else {
        return;
    };
    assert_snapshot!(shown(&six), @r"
    openlineage/run-id /run/runId
    job validation/fraud_detector JOB
    dataset postgres://prod/transactions DATASET mentioned
    postgres://prod/transactions READS job:validation/fraud_detector
    ");
    assert_snapshot!(shown(&seven), @r"
    openlineage/run-id /run/runId
    job airflow://prod/data_pipeline.extract_task JOB
    dataset postgres://prod/extracted_data DATASET declared
    job:airflow://prod/data_pipeline.extract_task WRITES postgres://prod/extracted_data
    ");
    assert_snapshot!(shown(&eight), @r"
    openlineage/run-id /run/runId
    job airflow://prod/data_pipeline.extract_task JOB
    dataset postgres://prod/extracted_data DATASET declared
    job:airflow://prod/data_pipeline.extract_task WRITES postgres://prod/extracted_data via airflow://prod/data_pipeline.extract_task
    facet job:airflow://prod/data_pipeline.extract_task lineage
    ");
    assert_snapshot!(shown(&nine), @r"
    job airflow://prod/dag_b JOB
    job:airflow://prod/dag_a.task_3 FOLLOWS job:airflow://prod/dag_b.task_1
    ");
    assert_snapshot!(shown(&ten), @r"
    openlineage/run-id /run/runId
    openlineage/run-id /job/facets/lineage/entries/0/runId
    openlineage/run-id /job/facets/lineage/entries/0/inputs/0/runId
    job airflow://prod/dag_b.task_1 JOB
    job:airflow://prod/dag_a.task_3 FOLLOWS job:airflow://prod/dag_b.task_1
    ");
    assert_snapshot!(shown(&eleven), @r"
    openlineage/run-id /run/runId
    openlineage/run-id /job/facets/lineage/entries/0/runId
    job beam://analytics/enrichment_pipeline JOB
    job:flink://ingest/event_normalizer FOLLOWS job:beam://analytics/enrichment_pipeline
    ");
}

#[test]
fn the_examples_of_the_guide_are_read_without_a_finding_about_lineage() {
    let Some(data) = data() else {
        println!("skipped the examples of the guide to explicit lineage: no data folder");
        return;
    };
    let path = "openlineage-spec/proposals/explicit_lineage_facet/ExplicitLineageGuide.md";
    let events = events(&fs::read_to_string(data.join(path)).unwrap());
    assert!(events.len() >= 8, "{}", events.len());
    for event in events {
        let parsed = parse_event(event.to_string().as_bytes()).unwrap();
        for line in findings(&parsed).lines() {
            assert_eq!(line, "openlineage/run-id /run/runId", "{event}");
        }
    }
}

/// The facets that the specification tests itself with, each on the only thing it can be a facet of.
#[test]
fn the_facets_of_the_specification_pass_strict_mode() {
    let Some(data) = data() else {
        println!("skipped 4 lineage facets of the specification: no data folder");
        return;
    };
    let folder = data.join("fixtures/openlineage-spec-tests/OpenLineage/LineageFacet");
    let check = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let facets: Value = serde_json::from_str(&text).unwrap();
        let event = if facets["lineage"].get("entries").is_some() {
            run_event(json!({"job": {"facets": facets}}))
        } else {
            complete(&json!({"dataset": {"namespace": "postgresql://warehouse:5432", "name": "public.customer_view", "facets": facets}}).to_string())
        };
        parse_event_with(event.to_string().as_bytes(), Mode::Strict).unwrap();
        shown(&event)
    };
    assert_snapshot!(check("dataset-to-dataset.json"), @r"
    dataset postgresql://warehouse:5432/public.customer_view DATASET declared
    dataset postgresql://warehouse:5432/public.customers DATASET mentioned
    postgresql://warehouse:5432/public.customers DERIVES postgresql://warehouse:5432/public.customer_view
    postgresql://warehouse:5432/public.customers#id -> postgresql://warehouse:5432/public.customer_view#customer_id [DIRECT IDENTITY]
    ");
    assert_snapshot!(check("dataset-to-job.json"), @r"
    job etl/daily JOB
    dataset postgresql://warehouse:5432/public.staging_orders DATASET mentioned
    postgresql://warehouse:5432/public.staging_orders READS job:airflow://production/daily.load
    facet job:etl/daily lineage
    ");
    assert_snapshot!(check("job-to-dataset.json"), @r"
    job etl/daily JOB
    dataset postgresql://warehouse:5432/public.daily_summary DATASET mentioned
    job:airflow://production/daily.extract WRITES postgresql://warehouse:5432/public.daily_summary
    ");
    assert_snapshot!(check("job-to-job.json"), @r"
    job etl/daily JOB
    job:airflow://production/daily.transform FOLLOWS job:airflow://production/daily.load
    ");
}
