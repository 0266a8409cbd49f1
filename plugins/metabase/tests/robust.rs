//! Whatever files hold, they are read or told of; nothing of it is fatal.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use headwater_extractor::{ExtractError, golden};
use metabase::Metabase;
use proptest::prelude::*;
use serde_json::{Value, json};

const CARDS: &[u8] = include_bytes!("golden/answers_of_the_api/inputs/cards.json");
const DATABASE: &[u8] = include_bytes!("golden/answers_of_the_api/inputs/database.json");
const DASHBOARD: &[u8] = include_bytes!("golden/answers_of_the_api/inputs/dashboard.json");
const EXPORTED: &[u8] = include_bytes!("golden/an_export/inputs/card.yaml");

/// Without optimisation a parser's frames are many times as large as they are in an extractor.
fn check_with_a_large_stack(text: String) {
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    let thread = thread.spawn(move || check(&[("a.json", text.as_bytes())]));
    thread.unwrap().join().unwrap();
}

fn check(inputs: &[(&str, &[u8])]) {
    match golden::run::<Metabase>("{}", inputs) {
        Ok(_) | Err(ExtractError::Unsupported(_) | ExtractError::Malformed(_)) => {}
        Err(error) => panic!("{error:?}"),
    }
}

fn card(query: &Value) -> String {
    json!({"id": 1, "name": "x", "dataset_query": query}).to_string()
}

#[test]
fn deep_large_and_empty_files_are_told_of() {
    check(&[]);
    check(&[("a.json", b"")]);
    check(&[("a.json", b"[]")]);
    check_with_a_large_stack("[".repeat(100_000));
    let mut filter = json!(["field", "a", null]);
    let mut nested = json!({"source-table": 1});
    for _ in 0..110 {
        filter = json!(["+", filter, 1]);
        nested = json!({"source-query": nested});
    }
    check_with_a_large_stack(card(
        &json!({"type": "query", "query": {"source-table": 1, "filter": filter}}),
    ));
    check_with_a_large_stack(card(&json!({"type": "query", "query": nested})));
    let sql = format!("select {} from t", "(".repeat(20_000));
    check_with_a_large_stack(card(&json!({"type": "native", "native": {"query": sql}})));
}

#[test]
fn expressions_that_name_each_other_are_looked_at_once() {
    let mut expressions = serde_json::Map::new();
    expressions.insert(
        "e0".into(),
        json!(["+", ["field", "a", null], ["expression", "e0"]]),
    );
    for at in 1..60 {
        let before = json!(["expression", format!("e{}", at - 1)]);
        expressions.insert(format!("e{at}"), json!(["+", before, before]));
    }
    let query =
        json!({"type": "query", "query": {"source-table": "card__2", "expressions": expressions}});
    check_with_a_large_stack(card(&query));
}

#[test]
fn snippets_that_name_each_other_end() {
    let snippet = json!({"name": "s", "content": "{{snippet: s}} {{snippet: s}}"}).to_string();
    let query = card(&json!({"type": "native", "native": {"query": "select {{snippet: s}}"}}));
    check(&[("a.json", snippet.as_bytes()), ("b.json", query.as_bytes())]);
}

#[test]
fn the_order_of_files_does_not_matter() {
    let files = [
        ("a.json", CARDS),
        ("b.json", DATABASE),
        ("c.json", DASHBOARD),
    ];
    let mut turned = files;
    turned.reverse();
    let facts = |files: &[(&str, &[u8])]| golden::run::<Metabase>("{}", files).unwrap().to_json();
    assert_eq!(facts(&files), facts(&turned));
    assert!(!facts(&files).to_string().contains("hunter2"));
}

fn clauses() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(101)),
        Just(json!("field")),
        Just(json!("expression")),
        Just(json!("aggregation")),
        Just(json!("fk->")),
        Just(json!("joined-field")),
        Just(json!("metric")),
        Just(json!("a")),
        Just(json!({"join-alias": "C"})),
        Just(json!({"source-field": 102})),
    ];
    leaf.prop_recursive(4, 64, 5, |inner| {
        prop::collection::vec(inner, 0..5).prop_map(Value::from)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_byte_is_never_fatal(kind in 0..4_usize, at: prop::sample::Index, byte: u8) {
        let mut files = [CARDS, DATABASE, DASHBOARD, EXPORTED].map(<[u8]>::to_vec);
        let at = at.index(files[kind].len());
        files[kind][at] = byte;
        check(&[("a", &files[0]), ("b", &files[1]), ("c", &files[2]), ("d", &files[3])]);
    }

    #[test]
    fn any_clauses_are_read_or_told_of(breakout in clauses(), filter in clauses(), sums in clauses(), named in clauses()) {
        for key in ["query", "stages"] {
            let stage = json!({"source-table": 10, "breakout": breakout, "filter": filter, "filters": filter,
                "aggregation": sums, "expressions": {"a": named}, "order-by": [filter], "fields": named,
                "joins": [{"alias": "C", "source-table": 11, "fields": breakout, "condition": sums}]});
            let query = if key == "query" { json!({"query": stage}) } else { json!({"stages": [stage, stage]}) };
            check(&[("a.json", card(&query).as_bytes()), ("b.json", DATABASE)]);
        }
    }

    #[test]
    fn any_sql_is_read_or_told_of(sql in "(select|from|where|\\{\\{|\\}\\}|\\[\\[|\\]\\]|#1|#2-x|snippet: a|'|\"|a|t\\.b|sum\\(|\\)| |\n){0,30}") {
        let query = card(&json!({"type": "native", "native": {"query": sql}}));
        check(&[("a.json", query.as_bytes())]);
    }
}
