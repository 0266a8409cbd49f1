//! Logs that Spark itself wrote, read in place.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use headwater_extractor::golden;
use serde_json::Value;
use spark::Spark;

/// All files of the folders about Spark; none where there is no data.
fn files() -> Vec<PathBuf> {
    let root = env::var_os("HEADWATER_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let mut files = Vec::new();
    let mut open = ["spark-event-logs", "spark-logical-plans"]
        .map(|folder| root.join("fixtures").join(folder))
        .to_vec();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn facts(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    golden::run::<Spark>("{}", &[(name, &bytes)])
        .unwrap()
        .to_json()
}

#[test]
fn every_file_is_read_or_told_to_be_none() {
    let files = files();
    if files.is_empty() {
        println!("skipped: 5 files of Spark are not there");
    }
    for path in files {
        let facts = facts(&path);
        let is_log = path.to_string_lossy().contains("event-logs");
        let codes: Vec<_> = facts["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| &found["code"])
            .collect();
        let is_refused = codes.iter().any(|code| *code == "spark/no-application");
        assert_eq!(is_refused, !is_log, "{}: {codes:?}", path.display());
    }
}

#[test]
fn the_orders_etl_is_told_field_by_field() {
    let Some(path) = files()
        .into_iter()
        .find(|path| path.ends_with("orders_etl_spark3.5_local.jsonl.gz"))
    else {
        println!("skipped: 1 log of Spark is not there");
        return;
    };
    let facts = facts(&path);
    // All paths are below one folder.
    let text = |value: &Value| {
        let text = value.as_str().unwrap_or("*");
        text.rsplit("/sp/").next().unwrap_or(text).to_owned()
    };
    let edges: BTreeSet<String> = facts["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| {
            format!(
                "{} -> {}",
                text(&edge["from"]["name"]),
                text(&edge["to"]["name"])
            )
        })
        .collect();
    let expected = [
        "cust -> orders_etl",
        "cust -> orders_etl.execute_create_data_source_table_as_select_command.wh_marts",
        "orders -> orders_etl.execute_create_data_source_table_as_select_command.wh_marts",
        "wh/marts -> orders_etl.execute_insert_into_hadoop_fs_relation_command.sp_out",
        "wh/marts -> orders_etl.execute_insert_into_hadoop_fs_relation_command.wh_marts",
        "orders_etl.execute_create_data_source_table_as_select_command.wh_marts -> wh/marts",
        "orders_etl.execute_insert_into_hadoop_fs_relation_command.sp_cust -> cust",
        "orders_etl.execute_insert_into_hadoop_fs_relation_command.sp_orders -> orders",
        "orders_etl.execute_insert_into_hadoop_fs_relation_command.sp_out -> out",
        "orders_etl.execute_insert_into_hadoop_fs_relation_command.wh_marts -> wh/marts",
    ];
    assert_eq!(edges, expected.map(str::to_owned).into());
    let fields: BTreeSet<String> = facts["fieldEdges"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|edge| text(&edge["via"]["name"]).contains("create_data_source"))
        .map(|edge| {
            format!(
                "{}.{} -> {} {}",
                text(&edge["from"]["name"]),
                text(&edge["from"]["field"]),
                text(&edge["to"]["field"]),
                text(&edge["transformations"][0]["subtype"])
            )
        })
        .collect();
    let expected = [
        "cust.cust -> * FILTER",
        "cust.cust -> * JOIN",
        "cust.name -> * GROUP_BY",
        "cust.name -> name IDENTITY",
        "orders.amt -> rk WINDOW",
        "orders.amt -> total AGGREGATION",
        "orders.cust -> * FILTER",
        "orders.cust -> * JOIN",
        "orders.id -> * FILTER",
    ];
    assert_eq!(fields, expected.map(str::to_owned).into());
    // One run of the application, five of its jobs.
    assert_eq!(facts["runs"].as_array().unwrap().len(), 6);
}
