//! Following the graph as it changes: the command that watches, and webhooks.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use headwater_tests::service::{Service, binary};
use serde_json::Value;

const PATH: &str = "/api/v1/sources/orders/own/submissions";

fn submit(service: &Service, name: &str) -> Result<()> {
    let facts = format!(
        r#"{{"covers": [], "datasets": [{{"namespace": "db", "name": "{name}", "type": "TABLE"}}]}}"#
    );
    let answer = service.post(PATH, &[], facts.as_bytes())?;
    assert_eq!(answer.status, 200);
    Ok(())
}

#[test]
fn watching_tells_each_change_once_and_ends_well_when_interrupted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(&folder.path().join("data"), &[])?;
    submit(&service, "first")?;
    let mut watching = Command::new(binary()?)
        .args([
            "watch",
            "--after",
            "0",
            "--format",
            "json",
            "--server",
            &service.url,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(watching.stdout.take().context("its output")?).lines();
    let mut next = || -> Result<(Value, Value)> {
        let line = lines.next().context("it goes on")??;
        let set: Value = serde_json::from_str(&line)?;
        let reference = set["changes"][0]["asset"]["reference"].clone();
        Ok((set["offset"].clone(), reference))
    };
    assert_eq!(next()?, (1.into(), "db/first".into()));
    submit(&service, "second")?;
    assert_eq!(next()?, (2.into(), "db/second".into()));
    let interrupted = Command::new("kill")
        .args(["-INT", &watching.id().to_string()])
        .status()?;
    assert!(interrupted.success());
    assert_eq!(watching.wait()?.code(), Some(0));
    Ok(())
}

#[test]
fn watching_goes_on_when_the_service_died_and_is_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let service = Service::start(&data, &[])?;
    let (url, address) = (service.url.clone(), service.address().to_owned());
    submit(&service, "first")?;
    let mut watching = Command::new(binary()?)
        .args(["watch", "--after", "0", "--format", "json"])
        .args(["--server", &url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut lines = BufReader::new(watching.stdout.take().context("its output")?).lines();
    let mut next = || -> Result<Value> {
        let line = lines.next().context("it goes on")??;
        let set: Value = serde_json::from_str(&line)?;
        Ok(set["offset"].clone())
    };
    assert_eq!(next()?, 1);
    drop(service); // It is killed.
    let service = Service::start_on(&address, &data, &[])?;
    submit(&service, "second")?;
    assert_eq!(next()?, 2, "nothing is told twice, and nothing left out");
    watching.kill()?;
    watching.wait()?;
    Ok(())
}

/// Takes one request, answers with that status, and gives its headers and its body.
fn receive(listener: &TcpListener, status: u16) -> Result<(String, String)> {
    let (stream, _): (TcpStream, _) = listener.accept()?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head)?;
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length
            .then(|| value.trim().parse::<usize>().ok())
            .flatten()
    });
    let mut body = vec![0; length.context("a length")?];
    reader.read_exact(&mut body)?;
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes())?;
    Ok((head.to_lowercase(), String::from_utf8(body)?))
}

#[test]
fn a_webhook_of_the_configuration_file_is_told_until_it_takes_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let config = folder.path().join("headwater.toml");
    let url = format!("http://{}/hook", listener.local_addr()?);
    // Any variable that is set will do for a secret.
    let text = format!("[[webhook]]\nname = \"alerts\"\nurl = \"{url}\"\nsecret_env = \"PATH\"\n");
    std::fs::write(&config, text)?;
    let data = folder.path().join("data");
    // A webhook that is new begins with what comes next: this one is told to begin at the start.
    std::fs::create_dir_all(data.join("webhooks"))?;
    std::fs::write(data.join("webhooks/alerts"), "0\n")?;
    let service = Service::start(&data, &["--config", &config.to_string_lossy()])?;
    submit(&service, "first")?;
    let refused = receive(&listener, 500)?;
    let (head, body) = receive(&listener, 204)?;
    assert_eq!(refused.1, body);
    assert!(head.contains("headwater-delivery: alerts-1-0"), "{head}");
    assert!(head.contains("headwater-signature: t="), "{head}");
    let told: Value = serde_json::from_str(&body)?;
    assert_eq!(told["changes"][0]["asset"]["reference"], "db/first");
    Ok(())
}
