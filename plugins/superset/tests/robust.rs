//! Whatever files hold, they are read or told of; nothing of it is fatal.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use headwater_extractor::{ExtractError, golden};
use proptest::prelude::*;
use superset::Superset;

const CHART: &[u8] = include_bytes!("golden/a_dashboard_of_a_shop/inputs/Revenue_by_month_1.yaml");
const DATASET: &[u8] =
    include_bytes!("golden/a_dashboard_of_a_shop/inputs/orders_by_customer.yaml");
const DASHBOARD: &[u8] = include_bytes!("golden/a_dashboard_of_a_shop/inputs/Shop_1.yaml");
const ARCHIVE: &[u8] = include_bytes!("golden/an_archive_is_read_as_it_is/inputs/chart_export.zip");

/// Without optimisation a parser's frames are many times as large as they are in an extractor.
fn check_with_a_large_stack(text: String) {
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    let thread = thread.spawn(move || check(&[("a.yaml", text.as_bytes())]));
    thread.unwrap().join().unwrap();
}

fn check(inputs: &[(&str, &[u8])]) {
    match golden::run::<Superset>("{}", inputs) {
        Ok(_) | Err(ExtractError::Unsupported(_) | ExtractError::Malformed(_)) => {}
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn deep_large_and_empty_files_are_told_of() {
    check(&[]);
    check(&[("a.yaml", b"")]);
    check(&[("a.zip", b"PK\x05\x06")]);
    check_with_a_large_stack("[".repeat(100_000));
    let deep = format!("slice_name: x\nuuid: y\nparams: '{}'", "[".repeat(100_000));
    check_with_a_large_stack(deep);
    let sql = format!(
        "table_name: x\nuuid: y\nsql: 'select {} from t'",
        "(".repeat(20_000)
    );
    check_with_a_large_stack(sql);
    let mut wide = "table_name: x\nuuid: y\ncolumns:\n".to_owned();
    for at in 0..2_000 {
        wide.push_str(
            &[
                "- {column_name: c",
                &at.to_string(),
                ", expression: a + b}\n",
            ]
            .concat(),
        );
    }
    check_with_a_large_stack(wide);
}

#[test]
fn the_order_of_files_does_not_matter() {
    let files = [
        ("a.yaml", CHART),
        ("b.yaml", DATASET),
        ("c.yaml", DASHBOARD),
    ];
    let mut turned = files;
    turned.reverse();
    let facts = |files: &[(&str, &[u8])]| golden::run::<Superset>("{}", files).unwrap().to_json();
    assert_eq!(facts(&files), facts(&turned));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_byte_is_never_fatal(kind in 0..4_usize, at: prop::sample::Index, byte: u8) {
        let mut bytes = [CHART, DATASET, DASHBOARD, ARCHIVE][kind].to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check(&[("a.yaml", &bytes)]);
    }

    #[test]
    fn a_cut_is_never_fatal(kind in 0..4_usize, at: prop::sample::Index) {
        let bytes = [CHART, DATASET, DASHBOARD, ARCHIVE][kind];
        check(&[("a.yaml", &bytes[..at.index(bytes.len())])]);
    }

    #[test]
    fn any_sql_is_read_or_told_of(sql in "(select|from|where|group by|,|\\{\\{|\\}\\}|\\{% if a %\\}|\\{% else %\\}|\\{% endif %\\}|'|\"|a|t\\.b|sum\\(|\\)| |\n){0,30}") {
        let text = format!("table_name: x\nuuid: y\nsql: {}\ncolumns: [{{column_name: a}}]\n", serde_json::json!(sql));
        check(&[("a.yaml", text.as_bytes())]);
    }
}
