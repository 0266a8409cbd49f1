//! Files of Superset's own examples, read in place.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use headwater_extractor::{Severity, golden};
use serde_json::Value;
use superset::Superset;

/// The folder of real input, if there is one.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = env::var_os("HEADWATER_DATA").map_or(beside, PathBuf::from);
    let data = data.join("fixtures/superset-examples");
    data.is_dir().then_some(data)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn facts(config: &str) -> Option<(golden::Facts, usize)> {
    let data = data()?;
    let mut paths = Vec::new();
    files(&data, &mut paths);
    let read: Vec<(String, Vec<u8>)> = paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&data).unwrap().display().to_string();
            (name, fs::read(path).unwrap())
        })
        .collect();
    for (name, bytes) in &read {
        golden::run::<Superset>("{}", &[(name, bytes)]).unwrap();
    }
    let inputs: Vec<(&str, &[u8])> = read
        .iter()
        .map(|(name, bytes)| (&**name, &**bytes))
        .collect();
    Some((
        golden::run::<Superset>(config, &inputs).unwrap(),
        inputs.len(),
    ))
}

fn edges(json: &Value, chart: &str) -> Vec<String> {
    let edges = json["fieldEdges"].as_array().unwrap().iter();
    let edges = edges.filter(|edge| edge["to"]["name"] == format!("charts/{chart}"));
    let mut found: Vec<String> = edges
        .map(|edge| {
            let how = edge["transformations"].as_array().unwrap().iter();
            let how: Vec<_> = how.map(|how| how["subtype"].as_str().unwrap()).collect();
            let field = |end: &str| edge[end]["field"].as_str().unwrap_or("*").to_owned();
            format!("{} > {} {}", field("from"), field("to"), how.join(","))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn the_examples_of_superset_say_what_is_in_them() {
    let config = r#"{"namespace.a2dc77af-e654-49bb-b321-40f6b559a1ee": "postgres://db:5432",
        "database.a2dc77af-e654-49bb-b321-40f6b559a1ee": "shop",
        "schema.a2dc77af-e654-49bb-b321-40f6b559a1ee": "public"}"#;
    let Some((facts, files_count)) = facts(config) else {
        println!("skipped: no HEADWATER_DATA and no ../shared/data");
        return;
    };
    let json = facts.to_json();
    let mut kinds = BTreeMap::<&str, usize>::new();
    for dataset in json["datasets"].as_array().unwrap() {
        *kinds
            .entry(dataset["type"].as_str().unwrap_or(""))
            .or_default() += 1;
    }
    let mut codes = BTreeMap::<&str, usize>::new();
    for found in facts.diagnostics() {
        assert_ne!(found.severity, Severity::Error, "{found:?}");
        *codes.entry(&found.code).or_default() += 1;
    }
    println!(
        "{files_count} files: {kinds:?}, {} edges, {} field edges, {codes:?}",
        json["edges"].as_array().unwrap().len(),
        json["fieldEdges"].as_array().unwrap().len()
    );
    assert!(kinds["CHART"] >= 30 && kinds["DASHBOARD"] >= 4 && kinds["PHYSICAL_DATASET"] >= 6);

    // Worked out by hand from the files of these charts.
    assert_eq!(
        edges(&json, "8663e6d2-5589-49f6-889a-335e8dc15119"),
        [
            "LATITUDE > LATITUDE IDENTITY",
            "LATITUDE_DEST > LATITUDE_DEST IDENTITY",
            "LONGITUDE > LONGITUDE IDENTITY",
            "LONGITUDE_DEST > LONGITUDE_DEST IDENTITY",
        ]
    );
    assert_eq!(
        edges(&json, "1964e7e3-6836-42f5-9218-026fd194d6c2"),
        [
            "area > Density AGGREGATION",
            "contour > contour IDENTITY",
            "population > Density AGGREGATION",
            "population > Population AGGREGATION",
        ]
    );
    assert_eq!(
        edges(&json, "bb394e7b-0cfc-47ba-b067-541964545752"),
        [
            "count > count IDENTITY",
            "order_date > * GROUP_BY",
            "order_date > order_date IDENTITY",
            "sales > SUM(sales) AGGREGATION",
        ]
    );
    let sums = json["fieldEdges"].as_array().unwrap().iter().find(|edge| {
        edge["to"]["name"] == "datasets/69e9de42-fe7f-4948-946a-f7913227aee8"
            && edge["to"]["field"] == "sum__SP_POP_TOTL"
    });
    let from = &sums.unwrap()["from"];
    assert_eq!(from["namespace"], "postgres://db:5432");
    assert_eq!(from["name"], "shop.public.wb_health_population");
    assert_eq!(from["field"], "SP_POP_TOTL");
}
