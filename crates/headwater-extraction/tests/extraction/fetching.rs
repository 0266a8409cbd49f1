//! Sources that fetch: from folders, and over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use headwater_extraction::{Binding, ExtractionState, FetchRule, Options, Trigger};

use crate::support::{Service, key, until};

fn options(prefix: &str, headers: &[(&str, &str)]) -> Options {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Options {
        fetch: vec![FetchRule {
            prefix: prefix.to_owned(),
            headers: headers.collect(),
            options: Vec::new(),
        }],
        ..Options::default()
    }
}

fn fetching(url: &str) -> Binding {
    Binding {
        extractor: "lines".to_owned(),
        fetch: Some((vec![url.to_owned()], 3600)),
        ..Binding::default()
    }
}

#[test]
fn a_folder_is_fetched_when_it_is_time_and_on_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("a file");
    };
    place("a.txt", "a");
    place("a.md", "not for the extractor");
    let url = format!("file://{}/", folder.path().display());
    let service = Service::with(&["lines 1 plain"], options(&url, &[]));
    let orders = key("orders/lines");
    service
        .extractions
        .bind(&orders, fetching(&url))
        .expect("bound");
    // Never fetched, it is time at once.
    until(|| service.source(&orders).extractions.first().cloned());
    let first = service.wait(&orders, 1);
    assert_eq!(first.trigger, Trigger::Schedule);
    assert_eq!(first.state, ExtractionState::Succeeded, "{first:?}");
    assert_eq!(service.graph().0, ["a"]);
    let request = || {
        let queued = service.extractions.request(&orders, false).expect("queued");
        service.wait(&orders, queued.number)
    };
    assert_eq!(request().state, ExtractionState::Unchanged);
    place("b.txt", "b");
    assert_eq!(request().state, ExtractionState::Succeeded);
    assert_eq!(service.graph().0, ["a", "b"]);
    let names: Vec<String> = service
        .source(&orders)
        .artifacts
        .into_iter()
        .map(|artifact| artifact.name)
        .collect();
    assert_eq!(names, ["a.txt", "b.txt"]);
    drop(folder);
    let failed = request();
    assert_eq!(failed.state, ExtractionState::Failed);
    assert_eq!(&*failed.diagnostics[0].code, "extraction/fetch");
    assert!(service.is_stale(&orders));
    assert_eq!(service.graph().0, ["a", "b"]);
    let source = service.source(&orders);
    assert_eq!(source.failures_in_row, 0, "the extractor did not fail");
}

#[test]
fn a_link_does_not_lead_out_of_what_is_allowed() {
    let allowed = tempfile::tempdir().expect("a folder");
    let secret = tempfile::tempdir().expect("a folder");
    std::fs::write(secret.path().join("s.txt"), "secret").expect("a file");
    std::os::unix::fs::symlink(secret.path(), allowed.path().join("out")).expect("a link");
    let prefix = format!("file://{}/", allowed.path().display());
    let service = Service::with(&["lines 1 plain"], options(&prefix, &[]));
    let orders = key("orders/lines");
    for url in [format!("{prefix}out/"), prefix.clone()] {
        service
            .extractions
            .bind(&orders, fetching(&url))
            .expect("bound");
        let queued = service.extractions.request(&orders, false).expect("queued");
        let failed = service.wait(&orders, queued.number);
        assert_eq!(failed.state, ExtractionState::Failed, "{url}");
    }
    assert!(service.graph().0.is_empty());
}

#[test]
fn what_nobody_allows_is_not_bound() {
    let service = Service::with(&["lines 1 plain"], options("https://ci.example/", &[]));
    let error = service
        .extractions
        .bind(&key("orders/lines"), fetching("file:///etc/"))
        .expect_err("refused");
    assert!(
        error.to_string().contains("is allowed by nobody"),
        "{error}"
    );
    let mut often = fetching("https://ci.example/a");
    often.fetch = often.fetch.map(|(urls, _)| (urls, 1));
    let error = service
        .extractions
        .bind(&key("orders/lines"), often)
        .expect_err("refused");
    assert_eq!(
        error.to_string(),
        "1 s lie between two fetches; there must be at least 10"
    );
}

/// A server that answers each request by the text that `answer` makes of it.
fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                request.push(byte[0]);
            }
            let request = String::from_utf8_lossy(&request).to_lowercase();
            let _ = stream.write_all(answer(&request).as_bytes());
        }
    });
    format!("http://{address}/")
}

#[test]
fn over_http_secrets_are_sent_and_what_is_still_the_same_is_not() {
    let url = serve(|request| {
        if !request.contains("authorization: bearer hunter2") {
            return "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                .to_owned();
        }
        if request.contains("if-none-match: \"1\"") {
            return "HTTP/1.1 304 Not Modified\r\nconnection: close\r\netag: \"1\"\r\n\r\n"
                .to_owned();
        }
        "HTTP/1.1 200 OK\r\nconnection: close\r\netag: \"1\"\r\ncontent-length: 6\r\n\r\na -> b"
            .to_owned()
    });
    let rules = options(&url, &[("Authorization", "Bearer hunter2")]);
    let service = Service::with(&["lines 1 plain"], rules);
    let orders = key("orders/lines");
    let binding = fetching(&format!("{url}target/a.txt"));
    service.extractions.bind(&orders, binding).expect("bound");
    let run = || {
        let queued = service.extractions.request(&orders, false).expect("queued");
        service.wait(&orders, queued.number)
    };
    until(|| service.source(&orders).extractions.first().cloned());
    service.wait(&orders, 1);
    let source = service.source(&orders);
    assert_eq!(source.artifacts[0].name, "target/a.txt");
    assert_eq!(
        source.fetch.expect("it fetches").seen["target/a.txt"],
        "\"1\""
    );
    assert_eq!(service.graph().0, ["a", "b"]);
    assert_eq!(run().state, ExtractionState::Unchanged);
}

#[test]
fn a_redirect_is_not_followed() {
    let url = serve(|_| {
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned()
    });
    let service = Service::with(&["lines 1 plain"], options(&url, &[]));
    let orders = key("orders/lines");
    let binding = fetching(&format!("{url}a.txt"));
    service.extractions.bind(&orders, binding).expect("bound");
    let queued = service.extractions.request(&orders, false).expect("queued");
    let failed = service.wait(&orders, queued.number);
    let error = failed.error.expect("an error");
    assert!(
        error
            .ends_with("answers with a redirect to http://169.254.169.254/, which is not followed"),
        "{error}"
    );
}

/// Answers as S3 does: one bucket with `dbt/a.txt`, which is at version `version`, and what no extractor reads.
fn s3(request: &str, version: &str) -> String {
    let body = if request.contains("list-type=2") {
        let object = |key: &str, tag: &str| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-05T05:00:00.000Z</LastModified>\
                    <ETag>&quot;{tag}&quot;</ETag><Size>6</Size></Contents>"
            )
        };
        format!(
            "<ListBucketResult><IsTruncated>false</IsTruncated>{}{}</ListBucketResult>",
            object("dbt/a.txt", version),
            object("dbt/b.md", "0")
        )
    } else if request.starts_with("get /lake/dbt/a.txt") {
        "a -> b".to_owned()
    } else {
        return "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            .to_owned();
    };
    format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\nlast-modified: Mon, 05 Jan 2026 05:00:00 GMT\r\n\
            etag: \"{version}\"\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn of_a_bucket_what_is_new_is_read() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let version = Arc::new(Mutex::new("1".to_owned()));
    let seen = (Arc::clone(&requests), Arc::clone(&version));
    let url = serve(move |request| {
        let line = request.lines().next().unwrap_or_default().to_owned();
        seen.0.lock().expect("requests").push(line);
        s3(request, &seen.1.lock().expect("a version"))
    });
    let mut rules = options("s3://lake/", &[]);
    rules.fetch[0].options = [
        ("aws_endpoint", url.trim_end_matches('/')),
        ("aws_region", "eu-central-1"),
        ("aws_skip_signature", "true"),
        ("allow_http", "true"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    rules.fetch[0].check().expect("a rule");
    let service = Service::with(&["lines 1 plain"], rules);
    let orders = key("orders/lines");
    let binding = fetching("s3://lake/dbt/");
    service.extractions.bind(&orders, binding).expect("bound");
    until(|| service.source(&orders).extractions.first().cloned());
    let first = service.wait(&orders, 1);
    assert_eq!(first.error, None);
    let names = service.source(&orders).artifacts;
    assert_eq!(
        names
            .iter()
            .map(|artifact| &*artifact.name)
            .collect::<Vec<_>>(),
        ["a.txt"]
    );
    assert_eq!(service.graph().0, ["a", "b"]);

    let run = || {
        let queued = service.extractions.request(&orders, false).expect("queued");
        service.wait(&orders, queued.number)
    };
    let reads = || {
        let requests = requests.lock().expect("requests");
        requests
            .iter()
            .filter(|line| line.starts_with("get /lake/dbt/"))
            .count()
    };
    assert_eq!(run().state, ExtractionState::Unchanged);
    assert_eq!(reads(), 1, "its mark is what it was");
    *version.lock().expect("a version") = "2".to_owned();
    assert_eq!(
        run().state,
        ExtractionState::Unchanged,
        "it was written again as it was"
    );
    assert_eq!(reads(), 2);

    let gone = fetching("s3://lake/gone.txt");
    let other = key("orders/gone");
    service.extractions.bind(&other, gone).expect("bound");
    until(|| service.source(&other).extractions.first().cloned());
    let failed = service.wait(&other, 1).error.expect("an error");
    assert!(failed.starts_with("s3://lake/gone.txt: "), "{failed}");
}
