//! Whatever a log holds, it ends in facts and diagnostics, and in time.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use globset::Glob;
use headwater_extractor::{Extractor, golden};
use proptest::prelude::*;
use serde_json::{Value, json};
use spark::Spark;

fn facts(files: &[(&str, &[u8])]) -> Value {
    golden::run::<Spark>("{}", files).unwrap().to_json()
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn log() -> Vec<u8> {
    fs::read(tests().join("golden/a_nightly_application/inputs/shop_nightly.jsonl")).unwrap()
}

const START: &str = "{\"Event\":\"SparkListenerApplicationStart\",\"App Name\":\"a\",\"App ID\":\"1\",\"Timestamp\":1}\n";

fn execution(text: &str, tree: &str) -> String {
    let text = Value::from(text);
    format!(
        "{START}{{\"Event\":\"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart\",\"executionId\":0,\
         \"physicalPlanDescription\":{text},\"sparkPlanInfo\":{tree},\"time\":2}}\n"
    )
}

#[test]
fn all_codecs_of_spark_are_unpacked() {
    let packed = tests().join("packed");
    let plain = facts(&[("log", &fs::read(packed.join("log.jsonl")).unwrap())]);
    assert!(plain["edges"].as_array().unwrap().len() > 10);
    for codec in ["lz4", "snappy", "zstd"] {
        let bytes = fs::read(packed.join(format!("log.{codec}"))).unwrap();
        assert_eq!(facts(&[("log", &bytes)]), plain, "{codec}");
        for end in (0..bytes.len()).step_by(997) {
            facts(&[("log", &bytes[..end])]);
        }
    }
}

#[test]
fn parts_of_a_rolled_log_are_one_whatever_their_order() {
    let log = log();
    let half = log[..log.len() / 2]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    let (one, other) = (
        "eventlog_v2_local-1/events_2_local-1",
        "eventlog_v2_local-1/events_10_local-1",
    );
    let rolled = facts(&[(one, &log[..half]), (other, &log[half..])]);
    assert_eq!(facts(&[(other, &log[half..]), (one, &log[..half])]), rolled);
    let whole = facts(&[("log", &log)]);
    for key in ["datasets", "jobs", "runs"] {
        let names = |facts: &Value| {
            facts[key]
                .as_array()
                .unwrap()
                .iter()
                .map(|fact| fact["name"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&rolled), names(&whole), "{key}");
    }
}

#[test]
fn what_is_cut_off_anywhere_is_no_error_of_the_extractor() {
    let log = log();
    for end in (0..log.len()).step_by(1_009) {
        facts(&[("log", &log[..end])]);
    }
}

#[test]
fn huge_and_deep_plans_take_linear_time() {
    let deep_tree = "{\"nodeName\":\"a\",\"children\":[".repeat(100_000);
    let closed = format!("{deep_tree}{}", "]}".repeat(100_000));
    let items = (0..200_000)
        .map(|id| format!("a{id}#{id}"))
        .collect::<Vec<_>>()
        .join(", ");
    let wide = format!(
        "(1) Scan csv \nOutput [9]: [{items}]\nLocation: InMemoryFileIndex [file:/x]\n\n(2) WriteFiles\nInput [9]: [{items}]\n"
    );
    let mut ladder = String::new();
    for id in 1..20_000 {
        let (one, other) = (id - 1, id / 2);
        writeln!(
            ladder,
            "({id}) Project\nOutput [1]: [(a#{one} + b#{other}) AS a#{id}]\n"
        )
        .unwrap();
    }
    let ladder = format!("{ladder}(20001) WriteFiles\nInput [1]: [a#19999]\n");
    for log in [
        execution("", &closed),
        execution(&"(".repeat(3_000_000), "{}"),
        execution(&wide, "{}"),
        execution(&ladder, "{}"),
        format!(
            "{START}{}",
            "{\"Event\":\"SparkListenerJobStart\"}\n".repeat(300_000)
        ),
    ] {
        let start = Instant::now();
        facts(&[("log", log.as_bytes())]);
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "{:.300} took {:?}",
            log,
            start.elapsed()
        );
    }
}

#[test]
fn secrets_of_a_connection_stay_in_the_log() {
    let node = json!({"nodeName": "Execute SaveIntoDataSourceCommand", "metadata": {}, "children": [],
        "simpleString": "Execute SaveIntoDataSourceCommand org.apache.spark.sql.execution.datasources.jdbc.JdbcRelationProvider@1, \
        Map(url -> jdbc:postgresql://ann:hunter2@db/shop?password=hunter2, dbtable -> public.orders, password -> hunter2), Append"});
    let log = execution("", &node.to_string())
        + "{\"Event\":\"x.SparkListenerSQLExecutionEnd\",\"executionId\":0,\"time\":3,\"errorMessage\":\"\"}\n";
    let facts = facts(&[("log", log.as_bytes())]);
    assert_eq!(facts["edges"][0]["to"]["name"], "shop.public.orders");
    assert_eq!(facts["edges"][0]["to"]["namespace"], "postgres://db:5432");
    assert!(!facts.to_string().contains("hunter"), "{facts}");
}

#[test]
fn a_table_is_also_known_by_its_name_where_that_means_something() {
    let config = r#"{"namespace": "hive://metastore:9083"}"#;
    let facts = golden::run::<Spark>(config, &[("log", &log())])
        .unwrap()
        .to_json();
    let aliases = facts["aliases"].as_array().unwrap().iter();
    let aliases: Vec<_> = aliases
        .map(|alias| [&alias["name"], &alias["alias"]["name"]])
        .collect();
    assert_eq!(
        aliases,
        [
            ["/lake/warehouse/customers", "default.customers"],
            ["/lake/warehouse/daily", "default.daily"]
        ]
    );
}

#[test]
fn logs_are_found_as_spark_calls_them() {
    for (path, is_log) in [
        ("logs/application_1700000000000_0001", true),
        ("local-1700000000000.zstd", true),
        ("spark-0123456789abcdef.inprogress", true),
        ("logs/eventlog_v2_local-1/events_1_local-1.zstd", true),
        ("logs/eventlog_v2_local-1/appstatus_local-1", false),
    ] {
        let mut inputs = Spark::describe().inputs.into_iter();
        let found = inputs.any(|input| {
            Glob::new(&input.glob)
                .unwrap()
                .compile_matcher()
                .is_match(path)
        });
        assert_eq!(found, is_log, "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_plan_is_read(text in "(\\([123]\\) (Scan csv|Scan hive a.b|Project|Union|WriteFiles|Generate|AppendData)\n|Output|Input|Arguments| \\[2\\]: |\\[|\\]|a#1|b#2L| AS |, |\\(|\\)|`|\n|:- |\\+- Union \\(2\\)\n|Location: InMemoryFileIndex \\[file:/x\\]\n|ä){0,60}", tree in "(\\{\"nodeName\":\"Scan x\",\"children\":\\[|\\]\\}|x){0,9}") {
        facts(&[("log", execution(&text, "{}").as_bytes())]);
        facts(&[("log", execution(&text, &tree).as_bytes())]);
    }
}
