//! Requests exactly as real clients sent them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use headwater_tests::service::{Service, data};
use serde_json::Value;

/// Clients of OpenLineage; the other folder holds requests to another product's API.
const CLIENTS: &[&str] = &[
    "airflow-2.10",
    "dbt-ol-build",
    "dbt-ol-gzip",
    "dbt-ol-structured-logs",
    "openlineage-python-composite",
    "openlineage-python-gzip",
    "openlineage-python-http",
];

fn requests(folder: &Path) -> Result<Vec<Value>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let read = |file: &PathBuf| Ok(serde_json::from_slice(&fs::read(file)?)?);
    files.iter().map(read).collect()
}

fn replay(service: &Service, request: &Value) -> Result<u16> {
    let body = request["body"].as_str().context("a body")?;
    let bytes = match request["body_encoding"].as_str() {
        Some("base64") => base64::engine::general_purpose::STANDARD.decode(body)?,
        _ => body.as_bytes().to_vec(),
    };
    let headers: Vec<(&str, &str)> = request["headers"]
        .as_array()
        .context("headers")?
        .iter()
        .filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)))
        // The client makes these from the connection and the body.
        .filter(|(name, _)| {
            !["host", "connection", "content-length"].contains(&name.to_lowercase().as_str())
        })
        .collect();
    let answer = service.post(
        request["path"].as_str().context("a path")?,
        &headers,
        &bytes,
    )?;
    Ok(answer.status)
}

/// `namespace/name` of inputs or outputs.
fn names(event: &Value, key: &str) -> BTreeSet<String> {
    let datasets = event[key].as_array().into_iter().flatten();
    datasets
        .filter_map(|d| {
            Some(format!(
                "{}/{}",
                d["namespace"].as_str()?,
                d["name"].as_str()?
            ))
        })
        .collect()
}

fn neighbours(
    service: &Service,
    job: &(String, String),
) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let quoted = |text: &str| serde_json::to_string(text).expect("a text");
    let query = format!(
        "{{ job(namespace: {}, name: {}) {{ inputs(first: 1000) {{ nodes {{ namespace name aliases {{ namespace name }} }} }} \
         outputs(first: 1000) {{ nodes {{ namespace name aliases {{ namespace name }} }} }} }} }}",
        quoted(&job.0),
        quoted(&job.1)
    );
    let answer = service.ask(&query)?;
    let side = |key: &str| -> BTreeSet<String> {
        let nodes = answer["data"]["job"][key]["nodes"]
            .as_array()
            .into_iter()
            .flatten();
        nodes
            .flat_map(|node| {
                let aliases = node["aliases"].as_array().cloned().unwrap_or_default();
                std::iter::once(node.clone()).chain(aliases)
            })
            .filter_map(|name| {
                Some(format!(
                    "{}/{}",
                    name["namespace"].as_str()?,
                    name["name"].as_str()?
                ))
            })
            .collect()
    };
    anyhow::ensure!(
        answer["data"]["job"].is_object(),
        "job {job:?} is not there: {answer}"
    );
    Ok((side("inputs"), side("outputs")))
}

#[test]
fn every_captured_request_is_answered_and_the_graph_is_what_the_events_say() -> Result<()> {
    let Some(data) = data() else {
        println!("skipped {} clients: no real input", CLIENTS.len());
        return Ok(());
    };
    for client in CLIENTS {
        let folder = tempfile::tempdir()?;
        let service = Service::start(folder.path(), &["--lineage-path", "/custom/endpoint"])?;
        // What each job's runs said, and what its last completed run with datasets said.
        let mut said: BTreeMap<(String, String), (BTreeSet<String>, BTreeSet<String>)> =
            BTreeMap::new();
        let mut last: BTreeMap<(String, String), (BTreeSet<String>, BTreeSet<String>)> =
            BTreeMap::new();
        for request in requests(&data.join("captured").join(client))? {
            let expected = request["response_status"].as_u64().context("a status")?;
            assert_eq!(
                u64::from(replay(&service, &request)?),
                expected,
                "{client} {}",
                request["seq"]
            );
            let event = &request["body_decoded_json"];
            let (Some(namespace), Some(name)) = (
                event["job"]["namespace"].as_str(),
                event["job"]["name"].as_str(),
            ) else {
                continue;
            };
            let job = (namespace.to_owned(), name.to_owned());
            let sides = (names(event, "inputs"), names(event, "outputs"));
            if event["eventType"].is_null() {
                // A JobEvent replaces what the one before it said.
                said.remove(&job);
            }
            let all = said.entry(job.clone()).or_default();
            all.0.extend(sides.0.clone());
            all.1.extend(sides.1.clone());
            if event["eventType"] == "COMPLETE" && !(sides.0.is_empty() && sides.1.is_empty()) {
                last.insert(job, sides);
            }
        }
        for (job, sides) in &said {
            let (inputs, outputs) = neighbours(&service, job)?;
            if sides.0.len() + sides.1.len() > 0 {
                assert!(
                    sides.0.is_empty() == inputs.is_empty(),
                    "{client} {job:?}: {inputs:?}"
                );
                assert!(
                    sides.1.is_empty() == outputs.is_empty(),
                    "{client} {job:?}: {outputs:?}"
                );
            }
            if let Some((last_inputs, last_outputs)) = last.get(job) {
                assert!(
                    last_inputs.is_subset(&inputs),
                    "{client} {job:?}: {last_inputs:?} {inputs:?}"
                );
                assert!(
                    last_outputs.is_subset(&outputs),
                    "{client} {job:?}: {last_outputs:?} {outputs:?}"
                );
            }
        }
        println!("{client}: {} jobs", said.len());
    }
    Ok(())
}

#[test]
fn a_captured_build_of_dbt_is_told_run_by_run() -> Result<()> {
    let Some(data) = data() else {
        println!("skipped 1 client: no real input");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    let sent = requests(&data.join("captured/dbt-ol-build"))?;
    for request in &sent {
        replay(&service, request)?;
    }
    let mut checked = 0;
    for request in &sent {
        let event = &request["body_decoded_json"];
        let (job, run) = (&event["job"], &event["run"]["runId"]);
        if event["eventType"] != "COMPLETE" {
            continue;
        }
        let output = &event["outputs"][0];
        let query = format!(
            "{{ job(namespace: {}, name: {}) {{ latestRun {{ ...run }} runs {{ totalCount nodes {{ ...run }} }} }} \
             {} run(runId: {run}) {{ ...run }} }} fragment run on Run {{ runId state startedAt endedAt parent {{ runId }} }}",
            job["namespace"],
            job["name"],
            if output.is_null() {
                String::new()
            } else {
                format!(
                    "dataset(namespace: {}, name: {}) {{ lastWrite {{ ...run }} }}",
                    output["namespace"], output["name"]
                )
            }
        );
        let answer = service.ask(&query)?;
        let answer = &answer["data"];
        let latest = &answer["job"]["latestRun"];
        assert_eq!(&latest["runId"], run, "{job}: {answer}");
        assert_eq!(latest["state"], "COMPLETE", "{job}: {answer}");
        assert_eq!(
            latest["parent"]["runId"], event["run"]["facets"]["parent"]["run"]["runId"],
            "{job}: {answer}"
        );
        assert_eq!(answer["job"]["runs"]["totalCount"], 1, "{job}");
        assert_eq!(&answer["job"]["runs"]["nodes"][0], latest);
        assert_eq!(&answer["run"], latest);
        if !output.is_null() {
            assert_eq!(
                &answer["dataset"]["lastWrite"], latest,
                "{}",
                output["name"]
            );
        }
        checked += 1;
    }
    assert_eq!(checked, 11, "five models, the tests of five, and the whole");
    Ok(())
}

#[test]
fn requests_to_another_products_api_are_not_found() -> Result<()> {
    let Some(data) = data() else {
        println!("skipped 1 client: no real input");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let service = Service::start(folder.path(), &[])?;
    for request in requests(&data.join("captured/marquez-python"))? {
        if request["method"] != "POST" {
            continue;
        }
        let answer = service.post(request["path"].as_str().context("a path")?, &[], b"{}")?;
        assert_eq!(answer.status, 404, "{}", request["path"]);
        let body: Value = serde_json::from_str(&answer.text)?;
        assert_eq!(body["error"]["code"], "NOT_FOUND");
    }
    Ok(())
}
