//! Answers of Metabase's API that were recorded elsewhere, read in place.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use headwater_extractor::{Severity, golden};
use metabase::Metabase;
use serde_json::Value;

/// The folder of real input, if there is one.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = env::var_os("HEADWATER_DATA").map_or(beside, PathBuf::from);
    let data = data.join("fixtures/metabase");
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

fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths = Vec::new();
    files(folder, &mut paths);
    let read = paths.iter();
    read.map(|path| (path.display().to_string(), fs::read(path).unwrap()))
        .collect()
}

fn facts(files: &[(String, Vec<u8>)]) -> golden::Facts {
    let inputs: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (&**name, &**bytes))
        .collect();
    golden::run::<Metabase>("{}", &inputs).unwrap()
}

fn field_edges(json: &Value, card: &str) -> Vec<String> {
    let edges = json["fieldEdges"].as_array().unwrap().iter();
    let edges = edges.filter(|edge| edge["to"]["name"] == format!("cards/{card}"));
    let mut found: Vec<String> = edges
        .map(|edge| {
            let field = |end: &str| edge[end]["field"].as_str().unwrap_or("*").to_owned();
            let how = &edge["transformations"][0]["subtype"];
            let from = edge["from"]["name"].as_str().unwrap();
            format!(
                "{from} {} > {} {}",
                field("from"),
                field("to"),
                how.as_str().unwrap()
            )
        })
        .collect();
    found.sort();
    found
}

#[test]
fn recorded_answers_say_what_is_in_them() {
    let Some(data) = data() else {
        println!("skipped: no HEADWATER_DATA and no ../shared/data");
        return;
    };
    let all = read(&data);
    for file in &all {
        facts(std::slice::from_ref(file));
    }
    let found = facts(&all);
    let mut codes = BTreeMap::<&str, usize>::new();
    for diagnostic in found.diagnostics() {
        assert_ne!(diagnostic.severity, Severity::Error, "{diagnostic:?}");
        *codes.entry(&diagnostic.code).or_default() += 1;
    }
    println!("{} files: {codes:?}", all.len());
    let json = found.to_json();
    assert!(!json.to_string().contains("MetabasePass"));

    let api = all.iter().filter(|(name, _)| name.contains("mbql5/api"));
    let api: Vec<_> = api.cloned().collect();
    let found = facts(&api);
    for diagnostic in found.diagnostics() {
        println!("{} {}", diagnostic.code, diagnostic.message);
    }
    let json = found.to_json();
    // Worked out by hand from the files of these cards.
    let transactions = field_edges(&json, "ZRX529pNYbPiCLCi8HvZ6");
    assert_eq!(
        transactions,
        ["amount", "order_id", "payment_id", "payment_method"]
            .map(|name| format!("dbtmetabase.public.transactions {name} > {name} IDENTITY"))
    );
    let card_28 = json["datasets"].as_array().unwrap().iter().find(|dataset| {
        dataset["name"].as_str().unwrap().starts_with("cards/")
            && dataset["fields"].as_array().unwrap().len() == 16
    });
    let card_28 = card_28.unwrap()["name"]
        .as_str()
        .unwrap()
        .strip_prefix("cards/")
        .unwrap();
    let of_27 = field_edges(&json, card_28);
    assert!(
        of_27.contains(&"cards/27 status > * FILTER".to_owned()),
        "{of_27:?}"
    );
    assert!(of_27.contains(&"cards/27 amount > amount IDENTITY".to_owned()));
    assert_eq!(of_27.len(), 17);
    let cte = field_edges(&json, "6jo5ucWZF4jBmf8OmRajs");
    assert!(
        cte.contains(&"dbtmetabase.public.orders status > * FILTER".to_owned()),
        "{cte:?}"
    );
    assert!(
        cte.contains(&"dbtmetabase.public.orders amount > amount IDENTITY".to_owned()),
        "{cte:?}"
    );
}
