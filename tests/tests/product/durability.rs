//! What is acknowledged survives; what is under way at the end is acknowledged or refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use headwater_tests::service::{Service, run};
use serde_json::Value;

/// How often the service is killed.
const KILLS: usize = 50;
const CLIENTS: usize = 8;

fn event(client: usize, number: usize) -> String {
    format!(
        r#"{{"eventType":"COMPLETE","eventTime":"2026-01-01T00:00:{:02}Z","run":{{"runId":"r-{client}-{number}"}},
        "job":{{"namespace":"n","name":"j-{client}-{number}"}},"producer":"p","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "inputs":[{{"namespace":"db","name":"in-{client}-{number}"}}],"outputs":[{{"namespace":"db","name":"out-{client}-{number}"}}]}}"#,
        number % 60
    )
}

/// Posts events until told to stop or nobody answers; the numbers of those acknowledged, with their offsets.
fn post_until(url: &str, client: usize, from: usize, stop: &AtomicBool) -> Vec<(usize, u64)> {
    let mut acknowledged = Vec::new();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    for number in from.. {
        if stop.load(Ordering::Acquire) {
            break;
        }
        let sent = agent
            .post(format!("{url}/api/v1/lineage"))
            .send(event(client, number));
        let Ok(response) = sent else { break };
        if response.status() != 201 {
            break;
        }
        let offset = response
            .headers()
            .get("headwater-offset")
            .and_then(|o| o.to_str().ok()?.parse().ok());
        acknowledged.push((number, offset.expect("a 201 tells the offset")));
    }
    acknowledged
}

fn is_there(service: &Service, client: usize, number: usize) -> Result<bool> {
    let query = format!(
        "{{ job(namespace: \"n\", name: \"j-{client}-{number}\") {{ inputs {{ totalCount }} outputs {{ totalCount }} }} }}"
    );
    let answer = service.ask(&query)?;
    let job = &answer["data"]["job"];
    Ok(job["inputs"]["totalCount"] == 1 && job["outputs"]["totalCount"] == 1)
}

#[test]
fn no_acknowledged_event_is_lost_or_torn_by_fifty_kills() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut acknowledged: Vec<(usize, usize, u64)> = Vec::new();
    let mut next = [0; CLIENTS];
    for kill in 0..KILLS {
        let mut service = Service::start(folder.path(), &["--limit", "log_segment_bytes=65536"])?;
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (url, stop, from) = (service.url.clone(), Arc::clone(&stop), next[client]);
                std::thread::spawn(move || (client, post_until(&url, client, from, &stop)))
            })
            .collect();
        // Kill in the middle of the load: after a number of events that differs each time, so that a kill meets an
        // append, a sync, the state or the start of a segment.
        let enough = 3 + 7 * (kill as u64 % 10);
        let begun = service.ask("{ snapshot { offset } }")?["data"]["snapshot"]["offset"]
            .as_u64()
            .context("an offset")?;
        loop {
            let now =
                service.ask("{ snapshot { offset } }")?["data"]["snapshot"]["offset"].as_u64();
            if now.context("an offset")? >= begun + enough {
                break;
            }
        }
        service.kill()?;
        stop.store(true, Ordering::Release);
        for client in clients {
            let (client, numbers) = client.join().expect("a client");
            // The event after the last acknowledged one may or may not be there: leave it out.
            next[client] = numbers
                .last()
                .map_or(next[client], |(number, _)| number + 1)
                + 1;
            acknowledged.extend(
                numbers
                    .into_iter()
                    .map(|(number, offset)| (client, number, offset)),
            );
        }
    }
    let service = Service::start(folder.path(), &[])?;
    assert!(
        acknowledged.len() > KILLS * 10,
        "{} were acknowledged",
        acknowledged.len()
    );
    for (client, number, offset) in &acknowledged {
        assert!(
            is_there(&service, *client, *number)?,
            "event {number} of client {client}, offset {offset}, is lost"
        );
    }
    let offset = service.ask("{ snapshot { offset } }")?["data"]["snapshot"]["offset"].as_u64();
    assert!(
        offset >= acknowledged.iter().map(|(_, _, offset)| *offset).max(),
        "{offset:?}"
    );
    drop(service);
    // Every frame is whole, and the state that went through all of it is the one that the log says.
    let data = folder.path().to_str().context("a path")?;
    let verified = run(&["verify", "--data", data])?;
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    Ok(())
}

#[test]
fn a_service_that_is_asked_to_stop_answers_what_is_under_way() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut service = Service::start(folder.path(), &[])?;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (url, stop) = (service.url.clone(), Arc::clone(&stop));
            std::thread::spawn(move || (client, post_until(&url, client, 0, &stop)))
        })
        .collect();
    while service.ask("{ snapshot { offset } }")?["data"]["snapshot"]["offset"].as_u64() < Some(50)
    {
    }
    let (status, said) = service.terminate()?;
    stop.store(true, Ordering::Release);
    assert_eq!(status.code(), Some(0), "{said}");
    let mut acknowledged = Vec::new();
    for client in clients {
        let (client, numbers) = client.join().expect("a client");
        acknowledged.extend(numbers.into_iter().map(|(number, _)| (client, number)));
    }
    let service = Service::start(folder.path(), &[])?;
    for (client, number) in acknowledged {
        assert!(
            is_there(&service, client, number)?,
            "event {number} of client {client} is lost"
        );
    }
    Ok(())
}

#[test]
fn two_services_do_not_share_a_folder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let _first = Service::start(folder.path(), &[])?;
    let second = Service::start(folder.path(), &[])
        .err()
        .context("it must not start")?;
    assert!(
        second.to_string().contains("open in another process"),
        "{second}"
    );
    Ok(())
}

#[test]
fn a_damaged_segment_is_refused_with_its_place() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut service = Service::start(folder.path(), &[])?;
    for number in 0..20 {
        service.post("/api/v1/lineage", &[], event(0, number).as_bytes())?;
    }
    service.terminate()?;
    let mut segments: Vec<_> = std::fs::read_dir(folder.path().join("log"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    segments.retain(|path| path.metadata().is_ok_and(|m| m.len() > 100));
    let segment = segments.first().context("a segment")?;
    let mut bytes = std::fs::read(segment)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(segment, bytes)?;
    let refused = Service::start(folder.path(), &[])
        .err()
        .context("it must not start")?;
    let said = refused.to_string();
    assert!(
        said.contains("segment") && said.contains("damaged at byte"),
        "{said}"
    );
    Ok(())
}

#[test]
fn health_tells_whether_requests_are_taken() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    for path in ["/health/live", "/health/ready"] {
        let body = ureq::get(format!("{}{path}", service.url))
            .call()?
            .body_mut()
            .read_json::<Value>()?;
        assert!(body["status"].is_string(), "{body}");
    }
    Ok(())
}
