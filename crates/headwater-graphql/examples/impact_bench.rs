//! Measures how long an impact takes as a whole, from the request's bytes to the response's: medians of many runs.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use headwater_engine::{Engine, EngineOptions};
use headwater_graphql::{Api, Limits, Response};
use headwater_model::{
    AssetName, AttributeFact, AttributeKey, Coverage, DatasetFact, Digest, DomainName, DomainSpec,
    EdgeFact, Facts, JobFact, Mesh, Name, Namespace, Pattern, QualifiedName, Snapshot, SourceKey,
    Statement, Submission, Timestamp, TypeName,
};
use headwater_store::{MemoryLog, MemoryState};

/// Domains that share the datasets.
const DOMAINS: usize = 8;

const PAGE: &str = "{ totalCount byDomain { key count nearestHops } byOwner { key count nearestHops } \
    byType { key count nearestHops } byHops { key count nearestHops } \
    assets(first: 10000) { nodes { hops crossesDomain asset { id reference namespace name type domain { name } } } } \
    completeness { walkComplete exhaustive cutBy frontier unresolvedCount hiddenCount staleSources { name } } \
    snapshot { offset } }";

fn name(namespace: &str, name: &str) -> QualifiedName {
    QualifiedName::new(
        Namespace::parse(namespace).expect("a namespace"),
        Name::parse(name).expect("a name"),
    )
}

fn dataset(name: QualifiedName) -> DatasetFact {
    DatasetFact {
        name,
        r#type: TypeName::parse("TABLE").expect("a type"),
        is_declared: true,
        description: None,
        fields: Vec::new(),
        evidence: None,
    }
}

fn edge(from: AssetName, to: AssetName) -> EdgeFact {
    EdgeFact {
        from,
        to,
        via: None,
        evidence: None,
    }
}

/// One dataset, `jobs` jobs that read it, and a dataset that each of these writes.
fn fan(root: &str, jobs: usize) -> Facts {
    let mut facts = Facts::default();
    let root = name("postgres://db:5432", &format!("shop0.public.{root}"));
    facts.datasets.push(dataset(root.clone()));
    for at in 0..jobs {
        let job = name("dbt://project", &format!("{}.model_{at}", root.name));
        let written = format!("shop{}.public.{}_{at}", at % DOMAINS, root.name);
        let to = name("postgres://db:5432", &written);
        facts.jobs.push(JobFact {
            name: job.clone(),
            r#type: TypeName::parse("MODEL").expect("a type"),
            description: None,
            sql: None,
            parent: None,
            evidence: None,
        });
        facts.datasets.push(dataset(to.clone()));
        facts
            .edges
            .push(edge(root.clone().dataset(), job.clone().job()));
        facts.edges.push(edge(job.job(), to.clone().dataset()));
        facts.attributes.push(AttributeFact {
            on: to.dataset(),
            field: None,
            key: AttributeKey::parse("owner").expect("a key"),
            value: format!("team-{}", at % 20).into(),
        });
    }
    facts
}

fn engine() -> Engine {
    let log = Arc::new(MemoryLog::new());
    let state = Arc::new(MemoryState::new());
    let (engine, _) = Engine::open(log, state, EngineOptions::default()).expect("an engine");
    let domains = (0..DOMAINS).map(|at| DomainSpec {
        name: DomainName::parse(&format!("domain-{at}")).expect("a domain"),
        description: None,
        owners: Vec::new(),
        datasets: vec![Pattern::new(&format!("postgres://db:5432/shop{at}.*"))],
        job_namespaces: Vec::new(),
    });
    let mesh = Mesh::new(10, domains.collect()).expect("a mesh");
    engine.set_mesh(mesh, Timestamp::EPOCH).expect("accepted");
    let mut facts = fan("large", 5000);
    let small = fan("small", 5);
    facts.datasets.extend(small.datasets);
    facts.jobs.extend(small.jobs);
    facts.edges.extend(small.edges);
    let submission = Submission {
        source: SourceKey::parse("domain-0/bench").expect("a source"),
        principal: None,
        received_at: Timestamp::EPOCH,
        statement: Statement::Snapshot(Box::new(Snapshot {
            extractor: None,
            generated_at: None,
            covers: Coverage::ALL,
            facts,
            diagnostics: Vec::new(),
            digest: Digest::of(b"bench"),
            idempotency_key: None,
        })),
    };
    engine.submit_and_wait(submission).expect("accepted");
    engine
}

/// Nothing in a request waits, so it is ready when it is first polled.
fn execute(api: &Api, request: &[u8]) -> Response {
    let future = pin!(api.execute(request));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(response) => response,
        Poll::Pending => unreachable!("resolvers call the engine, which is synchronous"),
    }
}

fn measure(api: &Api, what: &str, root: &str, selection: &str, runs: usize) {
    let query = format!("query($of: [Reference!]!) {{ impact(of: $of) {selection} }}");
    let of = format!("postgres://db:5432/shop0.public.{root}");
    let request = serde_json::json!({ "query": query, "variables": { "of": [of] } }).to_string();
    let mut bytes = 0;
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let begin = Instant::now();
            let response = execute(api, request.as_bytes());
            let took = begin.elapsed();
            assert!(
                response.is_ok,
                "{}",
                String::from_utf8_lossy(&response.json)
            );
            bytes = response.json.len();
            took
        })
        .collect();
    times.sort_unstable();
    let (best, median) = (times[0], times[times.len() / 2]);
    println!("{what}: {bytes} bytes, best {best:.1?}, median {median:.1?} of {runs}");
}

fn main() {
    let api = Api::new(Arc::new(engine()), Limits::default());
    // A field with the state behind it sends the whole list the usual way.
    let usual = PAGE.replace("crossesDomain", "crossesDomain path { url }");
    measure(&api, "10 assets", "small", PAGE, 1000);
    measure(&api, "10,000 assets", "large", PAGE, 51);
    let counts = "{ totalCount byDomain { key count } }";
    measure(&api, "10,000 assets, counted", "large", counts, 201);
    let paths = PAGE.replace("crossesDomain", "crossesDomain path { reference }");
    measure(&api, "10,000 assets with paths", "large", &paths, 21);
    let by_edge =
        PAGE.replace("nodes {", "edges { cursor node {")
            .replacen("} } } } ", "} } } } } ", 1);
    measure(&api, "10,000 assets by edges", "large", &by_edge, 21);
    measure(&api, "10 assets, field by field", "small", &usual, 101);
}
