//! How long an impact question takes on a large graph.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::Settings;
use crate::fill::{self, Root};
use crate::http::{Connection, post_into};
use crate::places::Places;
use crate::process;
use crate::service::Service;
use crate::table::{Table, Times, count, mebibytes, millis};

/// Requests before measuring.
const WARM_UP: u64 = 5;

/// What is asked for besides groups and completeness.
const QUESTIONS: [(Root, u64); 3] = [
    (Root::Small, 10_000),
    (Root::Large, 50),
    (Root::Large, 10_000),
];

pub(crate) fn run(places: &Places, settings: &Settings) -> Result<()> {
    let mesh = fill::mesh(places, settings)?;
    let service = Service::start(places, &mesh.data)?;
    let mut connection = Connection::open(service.address)?;
    let mut table = Table::new(&[
        "downstream assets",
        "page",
        "requests",
        "p50",
        "p99",
        "longest",
        "answer",
        "CPU service per request",
        "CPU client per request",
    ]);
    for (root, first) in QUESTIONS {
        let is_large_page = root.downstream_count().min(first) > 1_000;
        let requests = if is_large_page {
            settings.requests / 4
        } else {
            settings.requests
        };
        table.row(question(&service, &mut connection, root, first, requests)?);
    }
    println!("{table}");
    println!("Service memory after: {}.", mebibytes(service.resident()?));
    service.stop()?;
    Ok(())
}

fn question(
    service: &Service,
    connection: &mut Connection,
    root: Root,
    first: u64,
    requests: u64,
) -> Result<Vec<String>> {
    let mut request = Vec::new();
    let body = json!({"query": document(&root.reference(), first)}).to_string();
    post_into(&mut request, "/graphql", body.as_bytes());
    let answer_bytes = check(connection, &request, root, first)?;
    for _ in 1..WARM_UP {
        connection.ask(&request)?;
    }
    let (service_cpu, own_cpu) = (service.cpu()?, process::own_cpu()?);
    let mut times = Vec::new();
    for _ in 0..requests {
        let started = Instant::now();
        let whole = connection.ask(&request)?;
        let took = started.elapsed();
        ensure!(
            whole.status == 200 && whole.body.len() == answer_bytes,
            "the same question has another answer: {} and {} bytes, not {answer_bytes}",
            whole.status,
            whole.body.len()
        );
        times.push(took);
    }
    let per_request = |used: Duration| millis(used / u32::try_from(requests).unwrap_or(u32::MAX));
    let service_cpu = per_request(service.cpu()?.saturating_sub(service_cpu));
    let own_cpu = per_request(process::own_cpu()?.saturating_sub(own_cpu));
    let times = Times::new(times);
    Ok(vec![
        count(root.downstream_count()),
        format!("first: {first}"),
        count(requests),
        millis(times.percentile(50)),
        millis(times.percentile(99)),
        millis(times.percentile(100)),
        format!("{} bytes", count(answer_bytes as u64)),
        service_cpu,
        own_cpu,
    ])
}

/// Asks once and checks the answer; tells how long it is.
fn check(connection: &mut Connection, request: &[u8], root: Root, first: u64) -> Result<usize> {
    let whole = connection.ask(request)?;
    let answer: Value = serde_json::from_slice(whole.body).context("the answer is no JSON")?;
    ensure!(
        answer["errors"].is_null(),
        "the question fails: {}",
        answer["errors"]
    );
    let impact = &answer["data"]["impact"];
    let expected = root.downstream_count();
    ensure!(
        impact["totalCount"].as_u64() == Some(expected),
        "{} assets are downstream of {}, expected {expected}",
        impact["totalCount"],
        root.reference()
    );
    let nodes = impact["assets"]["nodes"].as_array().map_or(0, Vec::len);
    ensure!(
        nodes as u64 == expected.min(first),
        "the page has {nodes} assets, expected {}",
        expected.min(first)
    );
    Ok(whole.body.len())
}

fn document(reference: &str, first: u64) -> String {
    format!(
        "{{ impact(of: [{}]) {{ totalCount \
         byDomain {{ key count nearestHops }} byOwner {{ key count }} byType {{ key count }} byHops {{ key count }} \
         assets(first: {first}) {{ nodes {{ hops crossesDomain \
         asset {{ id reference namespace name type domain {{ name }} }} }} }} \
         completeness {{ walkComplete exhaustive unresolvedCount }} snapshot {{ offset }} }} }}",
        json!(reference)
    )
}
