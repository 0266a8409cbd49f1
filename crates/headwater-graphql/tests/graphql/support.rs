//! A small mesh behind the API, and asking it.

use std::sync::Arc;
use std::time::Instant;

use headwater_engine::{Engine, EngineOptions};
use headwater_graphql::{Api, Clock, Limits, Response};
use headwater_model::{
    AliasFact, AssetName, AttributeFact, AttributeKey, Coverage, DatasetFact, Diagnostic, Digest,
    DomainName, DomainSpec, EdgeFact, Event, EventSubject, Evidence, FacetFact, FacetName, Facts,
    FieldFact, FieldName, JobFact, Mesh, Name, Namespace, Pattern, QualifiedName, RunDetails,
    RunId, RunState, Severity, Snapshot, SourceKey, Statement, Submission, Timestamp, TypeName,
};
use headwater_store::{MemoryLog, MemoryState, State};
use serde_json::{Value, json};

pub(crate) const PG: &str = "postgres://db:5432";
pub(crate) const LAKE: &str = "s3://lake";
pub(crate) const DBT: &str = "dbt://shop";

/// 2026-01-01T00:00:00Z, in microseconds.
const NEW_YEAR: i64 = 1_767_225_600_000_000;

pub(crate) fn name(namespace: &str, name: &str) -> QualifiedName {
    QualifiedName::new(
        Namespace::parse(namespace).expect("a namespace"),
        Name::parse(name).expect("a name"),
    )
}

fn place(pointer: &str) -> Evidence {
    Evidence {
        artifact: "manifest.json".into(),
        pointer: Some(pointer.into()),
        line: Some(7),
        column: None,
    }
}

pub(crate) fn dataset(namespace: &str, text: &str, is_declared: bool) -> DatasetFact {
    let field = |name: &str| FieldFact {
        name: FieldName::parse(name).expect("a field"),
        r#type: Some("bigint".into()),
        description: None,
    };
    DatasetFact {
        name: name(namespace, text),
        r#type: TypeName::parse("TABLE").expect("a type"),
        is_declared,
        description: is_declared.then(|| format!("all of {text}").into()),
        fields: if is_declared {
            ["id", "status", "amount"].map(field).into()
        } else {
            Vec::new()
        },
        evidence: Some(place("/nodes/0")),
    }
}

pub(crate) fn job(text: &str, reads: &[AssetName], writes: &[AssetName], facts: &mut Facts) {
    let job = name(DBT, text);
    facts.jobs.push(JobFact {
        name: job.clone(),
        r#type: TypeName::parse("MODEL").expect("a type"),
        description: None,
        sql: Some(format!("select * -- {text}").into()),
        parent: None,
        evidence: None,
    });
    let edge = |from: AssetName, to: AssetName| EdgeFact {
        from,
        to,
        via: None,
        evidence: Some(place("/edges")),
    };
    for from in reads {
        facts.edges.push(edge(from.clone(), job.clone().job()));
    }
    for to in writes {
        facts.edges.push(edge(job.clone().job(), to.clone()));
    }
}

pub(crate) fn snapshot(source: &str, facts: Facts, diagnostics: Vec<Diagnostic>) -> Submission {
    let digest = Digest::of(format!("{source} {facts:?} {diagnostics:?}").as_bytes());
    Submission {
        source: SourceKey::parse(source).expect("a source"),
        principal: None,
        received_at: Timestamp::from_micros(NEW_YEAR),
        statement: Statement::Snapshot(Box::new(Snapshot {
            extractor: None,
            generated_at: Some(Timestamp::from_micros(NEW_YEAR - 60_000_000)),
            covers: Coverage::ALL,
            facts,
            diagnostics,
            digest,
            idempotency_key: None,
        })),
    }
}

pub(crate) fn attribute(on: AssetName, key: &str, value: &str) -> AttributeFact {
    AttributeFact {
        on,
        field: None,
        key: AttributeKey::parse(key).expect("a key"),
        value: value.into(),
    }
}

/// raw (nobody declares it) → stage → orders → {report, churn} of growth; orders is also known as a file.
fn orders() -> Facts {
    let mut facts = Facts::default();
    let pg = |text: &str| name(PG, text).dataset();
    facts.datasets = vec![
        dataset(PG, "shop.public.raw", false),
        dataset(PG, "shop.public.stage", true),
        dataset(PG, "shop.public.orders", true),
    ];
    job(
        "stage",
        &[pg("shop.public.raw")],
        &[pg("shop.public.stage")],
        &mut facts,
    );
    job(
        "orders",
        &[pg("shop.public.stage")],
        &[pg("shop.public.orders")],
        &mut facts,
    );
    facts.attributes = vec![
        attribute(pg("shop.public.orders"), "owner", "team-orders"),
        attribute(pg("shop.public.orders"), "tag", "pii=high"),
        attribute(pg("shop.public.orders"), "output-port", "true"),
        attribute(pg("shop.public.orders"), "url", "https://wiki/orders"),
        attribute(pg("shop.public.orders"), "label", "All orders"),
        attribute(pg("shop.public.orders"), "contract-version", "2.1.0"),
    ];
    facts.aliases = vec![AliasFact {
        of: pg("shop.public.orders"),
        alias: name(LAKE, "orders/daily"),
        reason: "the table is written to that path".into(),
        evidence: None,
    }];
    facts.facets = vec![FacetFact {
        on: pg("shop.public.orders"),
        name: FacetName::parse("quality").expect("a facet"),
        json: r#"{"rows":3}"#.into(),
    }];
    facts
}

fn growth() -> Facts {
    let mut facts = Facts::default();
    let pg = |text: &str| name(PG, text).dataset();
    facts.datasets = vec![
        dataset(PG, "shop.public.orders", false),
        dataset(PG, "growth.report.orders", true),
        dataset(PG, "growth.report.churn", true),
    ];
    job(
        "report",
        &[pg("shop.public.orders")],
        &[pg("growth.report.orders")],
        &mut facts,
    );
    job(
        "churn",
        &[pg("shop.public.orders")],
        &[pg("growth.report.churn")],
        &mut facts,
    );
    facts
}

pub(crate) fn domain(name: &str, owner: &str, pattern: &str) -> DomainSpec {
    DomainSpec {
        name: DomainName::parse(name).expect("a domain"),
        description: Some(format!("what {name} does").into()),
        owners: vec![owner.into()],
        datasets: vec![Pattern::new(pattern)],
        job_namespaces: Vec::new(),
    }
}

pub(crate) fn engine() -> Engine {
    engine_over(Arc::new(MemoryState::new()))
}

pub(crate) fn engine_over(state: Arc<dyn State>) -> Engine {
    let log = Arc::new(MemoryLog::new());
    let (engine, _) = Engine::open(log, state, EngineOptions::default()).expect("an engine");
    let mesh = Mesh::new(
        10,
        vec![
            domain("orders", "ann", "postgres://db:5432/shop.*"),
            domain("growth", "bob", "postgres://db:5432/growth.*"),
        ],
    );
    let at = Timestamp::from_micros(NEW_YEAR);
    engine
        .set_mesh(mesh.expect("a mesh"), at)
        .expect("accepted");
    let warning = Diagnostic::new(Severity::Warning, "test/odd", "something is odd");
    let findings = vec![warning.clone().at(place("/odd")), warning.clone(), warning];
    for submission in [
        snapshot("orders/dbt", orders(), findings),
        snapshot("growth/dbt", growth(), Vec::new()),
    ] {
        engine.submit_and_wait(submission).expect("accepted");
    }
    engine
}

/// 2026-01-01T00:00:00Z and some seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(NEW_YEAR + seconds * 1_000_000)
}

/// A run event of the job `load` of `etl`.
pub(crate) fn run_event(
    run: &str,
    seconds: i64,
    state: RunState,
    (reads, writes): (&[&str], &[&str]),
    details: RunDetails,
) -> Submission {
    let mut facts = Facts::default();
    let pg = |text: &&str| name(PG, text).dataset();
    let reads: Vec<AssetName> = reads.iter().map(pg).collect();
    let writes: Vec<AssetName> = writes.iter().map(pg).collect();
    facts.datasets = writes
        .iter()
        .map(|name| dataset(PG, name.name.name.as_str(), true))
        .collect();
    job("load", &reads, &writes, &mut facts);
    let body = format!(
        r#"{{"eventTime":"{}","run":{{"facets":{{"said":{{"state":"{}"}},"at{seconds}":1.50}}}}}}"#,
        at(seconds),
        state.as_str()
    );
    Submission {
        source: SourceKey::parse("orders/openlineage").expect("a source"),
        principal: None,
        received_at: at(seconds),
        statement: Statement::Event(Box::new(Event {
            subject: EventSubject::Run {
                job: name(DBT, "load"),
                run: RunId::parse(run).expect("an id"),
                state,
                details: Box::new(details),
            },
            time: at(seconds),
            names_datasets: !reads.is_empty() || !writes.is_empty(),
            facts,
            definition: None,
            diagnostics: Vec::new(),
            digest: Digest::of(format!("{run} {body}").as_bytes()),
            body: body.into(),
        })),
    }
}

/// `count` datasets that one job writes out of one.
pub(crate) fn fan(count: usize) -> Facts {
    let mut facts = Facts::default();
    facts.datasets.push(dataset(LAKE, "fan/root", true));
    let written: Vec<AssetName> = (0..count)
        .map(|at| {
            let text = format!("fan/out-{at}");
            facts.datasets.push(dataset(LAKE, &text, true));
            name(LAKE, &text).dataset()
        })
        .collect();
    job(
        "fan",
        &[name(LAKE, "fan/root").dataset()],
        &written,
        &mut facts,
    );
    facts
}

pub(crate) fn api(limits: Limits) -> Api {
    Api::new(Arc::new(engine()), limits)
}

/// An API whose clock has run out whenever it is looked at.
pub(crate) fn late_api(engine: Engine) -> Api {
    let begin = Instant::now();
    let clock: Clock = Arc::new(move || begin);
    let limits = Limits {
        walk_ms_max: 0,
        ..Limits::default()
    };
    Api::with_clock(Arc::new(engine), limits, clock)
}

fn wait<F: Future<Output = Response>>(future: F) -> Response {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

pub(crate) fn respond(api: &Api, request: &[u8]) -> Response {
    wait(api.execute(request))
}

pub(crate) fn respond_to_get(api: &Api, query: &str, variables: Option<&str>) -> Response {
    wait(api.execute_get(query, variables, None))
}

pub(crate) fn read(response: &Response) -> Value {
    serde_json::from_slice(&response.json).expect("a response is JSON")
}

pub(crate) fn ask_with(api: &Api, query: &str, variables: &Value) -> Value {
    let request = json!({ "query": query, "variables": variables }).to_string();
    read(&respond(api, request.as_bytes()))
}

/// The answer, which has no errors.
#[track_caller]
pub(crate) fn ask(api: &Api, query: &str) -> Value {
    let mut response = ask_with(api, query, &json!({}));
    assert_eq!(response.get("errors"), None, "{response}");
    response["data"].take()
}

/// Code and message of the first error.
pub(crate) fn failure(api: &Api, query: &str) -> String {
    let response = ask_with(api, query, &json!({}));
    let error = &response["errors"][0];
    let code = error["extensions"]["code"].as_str().unwrap_or("no code");
    format!(
        "{code}: {}",
        error["message"].as_str().unwrap_or("no error")
    )
}
