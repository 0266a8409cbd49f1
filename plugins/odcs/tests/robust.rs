//! Whatever a file holds, it is read or told of.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::fmt::Write as _;

use headwater_extractor::golden;
use odcs::Odcs;
use proptest::prelude::*;

fn check(name: &str, text: &str) -> golden::Facts {
    golden::run::<Odcs>("{}", &[(name, text.as_bytes())]).unwrap()
}

#[test]
fn deep_and_broken_files_are_told_of() {
    for text in [
        "",
        "[",
        "{",
        "a: b: c",
        "&a [*a]",
        "!x y",
        "? {a: b} : c",
        "--- 1\n--- 2",
        "\t",
        "*x",
    ] {
        let facts = check("a.yaml", text).to_json();
        assert!(
            !facts["diagnostics"].as_array().unwrap().is_empty(),
            "{text}"
        );
    }
    check("a.yaml", &"[".repeat(100_000));
    check("a.yaml", &"{a: ".repeat(100_000));
    check("a.yaml", &"- ".repeat(100_000));
    check("a.json", &"[".repeat(100_000));
    check("a.json", &"{\"a\":".repeat(100_000));
    check("a.json", "\u{feff}{}");
}

#[test]
fn what_aliases_repeat_is_bounded() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(text, "a{level}: &a{level} [{items}]").unwrap();
    }
    let facts = check("a.yaml", &text).to_json();
    assert_eq!(facts["diagnostics"][0]["code"], "odcs/syntax");
}

#[test]
fn a_large_contract_is_read() {
    let mut text = String::from(
        "kind: DataContract\napiVersion: v3.0.2\nid: x\nschema:\n- name: t\n  properties:\n",
    );
    for number in 0..50_000 {
        writeln!(text, "  - name: field{number}\n    logicalType: string\n    description: one of very many fields").unwrap();
    }
    let facts = check("a.yaml", &text).to_json();
    assert_eq!(
        facts["datasets"][0]["fields"].as_array().unwrap().len(),
        50_000
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_read_or_told_of(text in "(kind: DataContract\n|apiVersion: v[23].0.2\n|dataContractSpecification: 1.1.0\n|schema:\n|models:\n|servers:\n|dataset:\n|  - name: a\n|  - server: b\n|    type: [a-z]{1,5}\n|    properties:\n|    a:\n|      fields:\n|\\[|\\]|\\{|\\}|[ \n:#&*!'\"a-z-]){0,40}") {
        check("a.yaml", &text);
        check("a.json", &text);
    }

    #[test]
    fn any_server_is_read(
        kind in "(postgres|snowflake|kafka|s3|azure|gcs|bigquery|redshift|glue|athena|duckdb|databricks|pubsub|local|custom|[a-z]{0,4})",
        value in "[a-z0-9.:/@?{}$é_-]{0,24}",
    ) {
        let mut text = format!("kind: DataContract\napiVersion: v3.0.2\nid: x\nschema: [{{name: \"{value}\"}}, {{name: b}}]\nservers:\n- type: \"{kind}\"\n");
        for key in ["server", "host", "location", "account", "project", "dataset", "database", "schema", "regionName", "path", "port", "catalog", "storageAccount", "topic"] {
            writeln!(text, "  {key}: \"{value}\"").unwrap();
        }
        check("a.yaml", &text);
    }
}
