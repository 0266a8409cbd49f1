//! Whatever a file holds, it is read or told of.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use std::fmt::Write as _;

use headwater_extractor::golden;
use kafka_connect::KafkaConnect;
use proptest::prelude::*;

fn check(name: &str, text: &str) -> golden::Facts {
    golden::run::<KafkaConnect>("{}", &[(name, text.as_bytes())]).unwrap()
}

#[test]
fn deep_and_broken_files_are_told_of() {
    for text in [
        "",
        "[",
        "{",
        "null",
        "{\"config\": []}",
        "[{}]",
        "{\"a\": {\"info\": {}}}",
    ] {
        let facts = check("a.json", text).to_json();
        assert!(
            !facts["diagnostics"].as_array().unwrap().is_empty(),
            "{text}"
        );
    }
    for text in ["", "=", "\\", "a\\", "connector.class", "\\u12"] {
        check("a.properties", text);
    }
    check("a.json", &"[".repeat(100_000));
    check("a.json", &"{\"a\":".repeat(100_000));
}

#[test]
fn a_large_file_is_read() {
    let mut topics = String::new();
    for number in 0..100_000 {
        write!(topics, "topic{number},").unwrap();
    }
    let sink =
        format!(r#"{{"connector.class": "FileStreamSink", "file": "x", "topics": "{topics}"}}"#);
    check("a.json", &sink);
    let regexes = format!(
        r#"{{"connector.class": "io.debezium.connector.mysql.MySqlConnector", "topic.prefix": "p", "database.hostname": "h", "table.include.list": "{}"}}"#,
        "a.(b|c|d)*[0-9]+x{1,3},".repeat(40_000)
    );
    check("a.json", &regexes);
    check(
        "a.json",
        &format!(
            r#"{{"connector.class": "x", "y": "{}"}}"#,
            "z".repeat(10_000_000)
        ),
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_configuration_is_read(
        class in "(io.debezium.connector.(mysql.MySql|postgresql.Postgres|sqlserver.SqlServer|mongodb.MongoDb|oracle.Oracle)|io.confluent.connect.jdbc.Jdbc(Source|Sink)|com.mongodb.kafka.connect.Mongo(Source|Sink)|x.S3Sink|x.BigQuerySink|x.SnowflakeSink|x.MirrorSource)Connector",
        list in "[a-z.*+?()\\[\\]{}|\\\\,$^0-9é -]{0,30}",
        other in "[a-zA-Z.*+?()\\[\\]{}|\\\\,$:/@;=^0-9é -]{0,30}",
    ) {
        let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let (list, other) = (quote(&list), quote(&other));
        let mut config = format!(r#"{{"connector.class": "{class}""#);
        for key in ["topics", "topics.regex", "table.include.list", "table.exclude.list", "database.names", "collection.include.list", "table.whitelist"] {
            write!(config, r#", "{key}": "{list}""#).unwrap();
        }
        for key in ["connection.url", "connection.uri", "database.hostname", "database.dbname", "topic.prefix", "table.name.format", "s3.bucket.name", "project", "defaultDataset", "snowflake.url.name", "database", "query", "transforms.a.regex", "transforms.a.replacement", "source.cluster.bootstrap.servers", "mongodb.connection.string"] {
            write!(config, r#", "{key}": "{other}""#).unwrap();
        }
        config.push_str(r#", "transforms": "a,b", "transforms.a.type": "RegexRouter", "transforms.b.type": "Flatten$Value"}"#);
        check("a.json", &config);
    }

    #[test]
    fn any_text_is_read(text in "([a-z.]{1,3}|[=:\\\\#! \n\t]|connector.class=x\n){0,40}") {
        check("a.properties", &text);
        check("a.json", &text);
    }
}
