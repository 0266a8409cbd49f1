//! Operating the service: metrics, bounds of time and memory, configuration, traces, the page to ask from.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use headwater_tests::service::{Service, run};
use serde_json::Value;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

const SUBMISSIONS: &str = "/api/v1/sources/orders/own/submissions";

/// One raw exchange: what comes back until the connection is closed.
fn exchange(service: &Service, request: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(service.address())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A service that refuses what it has not read yet may close before all is sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn get(service: &Service, path: &str, headers: &str) -> Result<String> {
    let host = service.address();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
    exchange(service, request.as_bytes())
}

fn value_of(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(' '))
    })?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn metrics_count_what_happened() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let facts = "{\"datasets\":[{\"namespace\":\"db\",\"name\":\"x\"}]}";
    assert_eq!(
        service.post(SUBMISSIONS, &[], facts.as_bytes())?.status,
        200
    );
    assert_eq!(
        service.post(SUBMISSIONS, &[], facts.as_bytes())?.status,
        200
    );
    assert_eq!(service.post(SUBMISSIONS, &[], b"nonsense")?.status, 400);
    assert_eq!(service.post("/api/v1/lineage", &[], b"")?.status, 400);
    service.ask("{ impact(of: [\"nothing\"]) { totalCount } }")?;
    assert!(get(&service, "/nowhere", "")?.starts_with("HTTP/1.1 404"));
    let metrics = get(&service, "/metrics", "")?;
    assert!(
        metrics.contains("application/openmetrics-text"),
        "{metrics}"
    );
    assert!(metrics.trim_end().ends_with("# EOF"), "{metrics}");
    for (name, expected) in [
        (
            "headwater_requests_total{endpoint=\"submissions\",status=\"200\"}",
            2.0,
        ),
        (
            "headwater_requests_total{endpoint=\"submissions\",status=\"400\"}",
            1.0,
        ),
        (
            "headwater_requests_total{endpoint=\"graphql\",status=\"200\"}",
            1.0,
        ),
        (
            "headwater_requests_total{endpoint=\"other\",status=\"404\"}",
            1.0,
        ),
        (
            "headwater_request_duration_seconds_count{endpoint=\"submissions\"}",
            3.0,
        ),
        (
            "headwater_request_duration_seconds_bucket{le=\"+Inf\",endpoint=\"submissions\"}",
            3.0,
        ),
        ("headwater_requests_in_flight", 1.0),
        ("headwater_graphql_errors_total{code=\"NOT_FOUND\"}", 1.0),
        (
            "headwater_submissions_refused_total{reason=\"invalid\"}",
            2.0,
        ),
        (
            "headwater_submissions_refused_total{reason=\"queue_full\"}",
            0.0,
        ),
        ("headwater_queue_depth", 0.0),
        ("headwater_queue_capacity", 4096.0),
        ("headwater_bodies_bytes", 0.0),
        ("headwater_log_segments", 1.0),
        ("headwater_graph_assets", 1.0),
        ("headwater_graph_edges", 0.0),
        ("headwater_graph_fields", 0.0),
        ("headwater_graph_field_edges", 0.0),
        ("headwater_compactions_total", 0.0),
        ("headwater_accepting", 1.0),
    ] {
        assert_eq!(
            value_of(&metrics, name),
            Some(expected),
            "{name}: {metrics}"
        );
    }
    let commits = value_of(&metrics, "headwater_commit_duration_seconds_count");
    let repeats = value_of(&metrics, "headwater_submissions_repeated_total");
    assert_eq!(
        commits.zip(repeats).map(|(c, r)| c + r),
        Some(2.0),
        "{metrics}"
    );
    for name in [
        "headwater_log_bytes",
        "headwater_state_bytes",
        "headwater_offset",
    ] {
        assert!(
            value_of(&metrics, name).is_some_and(|value| value > 0.0),
            "{name}: {metrics}"
        );
    }
    Ok(())
}

#[test]
fn a_request_that_takes_too_long_gets_408_and_says_why() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &["--limit", "request_timeout_ms=200"])?;
    let host = service.address();
    let request =
        format!("POST {SUBMISSIONS} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n{{");
    let answer = exchange(&service, request.as_bytes())?;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let body = answer.split("\r\n\r\n").nth(1).context("no body")?;
    let error: Value = serde_json::from_str(body)?;
    assert_eq!(
        error["error"]["message"],
        "the request took longer than 200 ms"
    );
    let metrics = get(&service, "/metrics", "")?;
    let refused = "headwater_submissions_refused_total{reason=\"timeout\"}";
    assert_eq!(value_of(&metrics, refused), Some(1.0), "{metrics}");
    Ok(())
}

#[test]
fn slow_uploads_take_no_place_from_others() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &["--limit", "submissions_max=1"])?;
    let host = service.address();
    let mut slow = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(host)?;
        let request =
            format!("POST {SUBMISSIONS} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n{{");
        stream.write_all(request.as_bytes())?;
        slow.push(stream);
    }
    let answer = service.post(SUBMISSIONS, &[], b"{}")?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    drop(slow);
    Ok(())
}

#[test]
fn bodies_together_have_a_bound() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let limits = [
        "--limit",
        "bodies_bytes_max=2000000",
        "--limit",
        "submission_bytes_max=2000000",
        "--limit",
        "event_bytes_max=2000000",
    ];
    let service = Service::start(folder.path(), &limits)?;
    let host = service.address();
    // Most of the budget arrives, and the rest does not.
    let mut slow = TcpStream::connect(host)?;
    slow.write_all(
        format!("POST {SUBMISSIONS} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1999999\r\n\r\n")
            .as_bytes(),
    )?;
    slow.write_all(&vec![b' '; 1_900_000])?;
    let held = || -> Result<f64> {
        let metrics = get(&service, "/metrics", "")?;
        value_of(&metrics, "headwater_bodies_bytes").context("no such metric")
    };
    while held()? < 1_900_000.0 {
        std::thread::yield_now();
    }
    let body = vec![b' '; 200_000];
    let mut request = format!("POST {SUBMISSIONS} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend(&body);
    let refused = exchange(&service, &request)?;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(
        refused.to_lowercase().contains("retry-after: 1"),
        "{refused}"
    );
    assert_eq!(
        service.post(SUBMISSIONS, &[], b"{}")?.status,
        200,
        "what fits is taken"
    );
    drop(slow);
    while held()? > 0.0 {
        std::thread::yield_now();
    }
    assert_eq!(
        service.post(SUBMISSIONS, &[], &body)?.status,
        400,
        "it is no JSON, but it is read"
    );
    Ok(())
}

#[test]
fn a_client_that_does_not_read_its_answer_is_cut_off() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &["--limit", "write_timeout_ms=300"])?;
    let host = service.address();
    let mut deaf = TcpStream::connect(host)?;
    deaf.set_write_timeout(Some(PATIENCE))?;
    // Answers of more bytes than buffers hold, none of which is read; in the end nothing more can be sent either.
    let request = format!("GET /graphiql/NOTICES.txt HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let is_cut = (0..200_000).any(|_| deaf.write_all(request.as_bytes()).is_err());
    ensure!(is_cut, "the service still takes requests");
    Ok(())
}

#[test]
fn the_configuration_in_force_is_printed_with_who_set_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("serve.toml");
    std::fs::write(&file, "[limits]\nwalk_ms_max = 7\n")?;
    let file = file.display().to_string();
    let ran = run(&[
        "serve",
        "--config",
        &file,
        "--limit",
        "questions_max=3",
        "--print-config",
    ])?;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for (setting, origin) in [
        ("walk_ms_max = 7", file.as_str()),
        ("questions_max = 3", "--limit"),
        ("connections_max = 4096", "default"),
    ] {
        let line = ran.out.lines().find(|line| line.starts_with(setting));
        assert!(
            line.is_some_and(|line| line.ends_with(&format!("# {origin}"))),
            "{setting}: {}",
            ran.out
        );
    }
    let wrong = run(&["serve", "--limit", "questions_max=0", "--print-config"])?;
    assert_eq!(wrong.code, Some(3), "{}", wrong.err);
    Ok(())
}

/// Head and body of a request.
type Taken = (String, Vec<u8>);

/// Takes requests like a collector; each is sent on as its head and its body.
fn collector() -> Result<(String, mpsc::Receiver<Taken>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut reader = BufReader::new(stream);
            loop {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n")
                    && reader.read_line(&mut head).is_ok_and(|n| n > 0)
                {}
                let length = head.to_lowercase();
                let length = length
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                let Some(length) = length.and_then(|text| text.trim().parse().ok()) else {
                    break;
                };
                let mut body = vec![0; length];
                if reader.read_exact(&mut body).is_err() {
                    break;
                }
                let answered = reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n");
                if answered.is_err() || sender.send((head, body)).is_err() {
                    break;
                }
            }
        }
    });
    Ok((address, receiver))
}

#[test]
fn traces_reach_a_collector_and_continue_those_of_clients() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (address, received) = collector()?;
    let mut service = Service::start(folder.path(), &["--otlp-endpoint", &address])?;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let facts = "{\"datasets\":[{\"namespace\":\"db\",\"name\":\"x\"}]}";
    let answer = service.post(SUBMISSIONS, &[("traceparent", &parent)], facts.as_bytes())?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    service.ask("query Find { snapshot { offset } }")?;
    // Stopping sends what is left.
    let (status, said) = service.terminate()?;
    assert!(status.success(), "{said}");
    let mut spans = Vec::new();
    while let Ok((head, body)) = received.recv_timeout(Duration::from_secs(1)) {
        assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
        spans.extend(body);
    }
    let holds = |part: &[u8]| spans.windows(part.len()).any(|window| window == part);
    for name in [
        "POST /api/v1/sources/{domain}/{source}/submissions",
        "POST /graphql",
        "graphql",
        "submission",
        "commit",
        "orders/own",
        "headwater",
        "service.name",
    ] {
        assert!(holds(name.as_bytes()), "no {name} among the spans");
    }
    let id: Vec<u8> = (0..16)
        .map(|at| u8::from_str_radix(&trace[2 * at..2 * at + 2], 16))
        .collect::<Result<_, _>>()?;
    assert!(holds(&id), "the client's trace goes on");
    Ok(())
}

#[test]
fn the_page_to_ask_from_loads_nothing_from_elsewhere() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let page = get(&service, "/graphiql", "")?;
    let (head, body) = page.split_once("\r\n\r\n").context("no body")?;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let policy = head
        .lines()
        .find(|line| line.starts_with("content-security-policy: "));
    let policy = policy.context("no policy")?;
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("//") && !policy.contains(" *"),
        "{policy}"
    );
    let mut loaded = 0;
    for part in body
        .split(['"', '\''])
        .filter(|part| part.contains('/') && !part.contains(['<', '>', ' ']))
    {
        ensure!(part.starts_with("/graphiql/"), "the page names {part}");
        let file = get(&service, part, "Accept-Encoding: gzip\r\n")?;
        assert!(file.starts_with("HTTP/1.1 200"), "{part}: {file}");
        assert!(file.contains("content-encoding: gzip"), "{part}");
        loaded += 1;
    }
    assert!(loaded >= 2, "a script and a style: {body}");
    Ok(())
}

#[test]
fn files_of_the_page_are_packed_typed_and_sent_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let url = format!("{}/graphiql/NOTICES.txt", service.url);
    let mut packed = ureq::get(&url).header("accept-encoding", "gzip").call()?;
    let etag = packed.headers()["etag"].to_str()?.to_owned();
    assert_eq!(
        packed.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    // The client unpacks it.
    let notices = packed.body_mut().read_to_string()?;
    assert!(
        notices.contains("graphiql 5") && notices.contains("MIT"),
        "{notices}"
    );
    let again = get(
        &service,
        "/graphiql/NOTICES.txt",
        &format!("Accept-Encoding: gzip\r\nIf-None-Match: {etag}\r\n"),
    )?;
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
    let own = format!("Origin: {}\r\n", service.url);
    assert!(
        get(&service, "/graphiql/", &own)?.starts_with("HTTP/1.1 200"),
        "a browser may say where it is"
    );
    let missing = get(&service, "/graphiql/assets/none.js", "")?;
    assert!(
        missing.starts_with("HTTP/1.1 404") && missing.contains("NOT_FOUND"),
        "{missing}"
    );
    Ok(())
}
