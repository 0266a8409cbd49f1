//! Sinks: from topics to tables, collections, indexes and files.

use std::collections::{BTreeMap, BTreeSet};

use crate::connector::items;
use crate::debezium::mongodb;
use crate::flow::{End, Flow, Reading};
use crate::jdbc::{Database, host_and_port};
use crate::pattern::{Part, Template, templates, whole};
use crate::record::Record;
use crate::sources::connected;

/// What other connectors of the same submission say of topics, by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Tables whose records a topic has, as `database`, `schema`, `table`.
    pub(crate) origins: BTreeMap<(String, String), BTreeSet<String>>,
    /// Topics that connectors write.
    pub(crate) topics: BTreeSet<(String, String)>,
}

/// Topics that a regular expression of one sink may find.
const FOUND_MAX: usize = 10_000;

/// Where the records of a topic go.
enum Target {
    Database {
        database: Database,
        format: String,
        dots: char,
    },
    Mapped {
        database: Database,
        map: BTreeMap<String, String>,
        default: fn(&str) -> String,
    },
    /// A path in a namespace: before the topic, and behind it.
    Path {
        namespace: String,
        format: String,
    },
    Index {
        namespace: String,
        format: String,
        map: BTreeMap<String, String>,
    },
    BigQuery {
        project: String,
        datasets: Vec<(String, String)>,
        map: BTreeMap<String, String>,
        /// Tables of topics that a regular expression matches.
        tables: Vec<(String, String)>,
        is_sanitized: bool,
    },
    Collection {
        namespace: String,
        database: String,
        collection: Option<String>,
    },
    One(End),
    Nowhere,
}

/// Reads a sink.
pub(crate) fn read(reading: &mut Reading, known: &Known) {
    let target = target(reading);
    let is_made = is_made(reading);
    let mut topics: Vec<(Template, &'static str)> = Vec::new();
    for name in reading.connector.list(&["topics"]) {
        topics.push((Template::text(name), "topics"));
    }
    if let Some(text) = reading.connector.get("topics.regex") {
        let found = matching(reading, text, known);
        for template in templates(text).templates {
            topics.push((template, "topics.regex"));
        }
        topics.extend(
            found
                .into_iter()
                .map(|name| (Template::text(name), "topics.regex")),
        );
    }
    if topics.is_empty() {
        reading.missing("topics", "which topics it reads is not known");
    }
    for (topic, key) in topics {
        sink(reading, known, &target, (&topic, key, is_made));
    }
}

fn matching(reading: &mut Reading, text: &str, known: &Known) -> Vec<String> {
    if !templates(text).is_exact {
        reading.info(
            "wider-pattern",
            "topics.regex",
            "the expression is narrower than the pattern of the selector",
        );
    }
    let Some(regex) = whole(text, false) else {
        reading.warn(
            "pattern",
            "topics.regex",
            "the regular expression is not understood",
        );
        return Vec::new();
    };
    let all = known
        .topics
        .iter()
        .filter(|(namespace, _)| *namespace == reading.kafka);
    all.map(|(_, name)| name)
        .filter(|name| regex.is_match(name))
        .take(FOUND_MAX)
        .cloned()
        .collect()
}

fn sink(
    reading: &mut Reading,
    known: &Known,
    target: &Target,
    (topic, key, is_made): (&Template, &'static str, bool),
) {
    let from = Some(reading.topic(topic.clone()));
    let outcome = reading.chain.apply(topic, Record::default());
    let mut ends: Vec<Option<End>> = Vec::new();
    if let Some(step) = &outcome.unknown {
        let message = format!(
            "`{step}` names topics anew by what is not known here: so is where the records go"
        );
        reading.warn("unknown-topic", "transforms", &message);
        ends.push(None);
    }
    for routed in &outcome.topics {
        ends.extend(destinations(reading, known, target, (topic, routed)));
    }
    if ends.is_empty() {
        ends.push(None);
    }
    for to in ends {
        let mut flow = Flow::new(from.clone(), to, key);
        flow.record = outcome.record.clone();
        flow.is_made = is_made;
        reading.flows.push(flow);
    }
}

/// Whether the sink makes what it writes, and not only fills it.
fn is_made(reading: &Reading) -> bool {
    let connector = reading.connector;
    match connector.short_class() {
        "JdbcSink"
        | "PostgresSink"
        | "MySqlSink"
        | "MicrosoftSqlServerSink"
        | "OracleDatabaseSink" => {
            connector.is_true("auto.create")
                || connector.any(&["schema.evolution"]) == Some("basic")
        }
        "ClickHouseSink" | "CassandraSink" => false,
        "BigQuerySink" => connector
            .any(&["autoCreateTables", "auto.create.tables"])
            .is_none_or(|value| value != "false"),
        _ => true,
    }
}

/// What `topic:table` pairs say.
fn pairs(list: &str) -> BTreeMap<String, String> {
    items(list)
        .into_iter()
        .filter_map(|pair| pair.split_once(':'))
        .map(|(topic, table)| (topic.trim().to_owned(), table.trim().to_owned()))
        .collect()
}

/// A URL's scheme, host and port, without credentials.
fn host_of(url: &str, port: &str) -> Option<String> {
    let first = url.split(',').next()?.trim();
    let (scheme, rest) = first.split_once("://").unwrap_or(("", first));
    let authority = rest.split(['/', '?']).next()?;
    let authority = authority.rsplit('@').next()?;
    let (host, given) = host_and_port(authority);
    if host.is_empty() || host.contains(['$', ' ']) {
        return None;
    }
    let port = match (given, scheme) {
        (Some(given), _) => given,
        (None, "https") => "443",
        (None, _) => port,
    };
    Some(format!("{host}:{port}"))
}

fn target(reading: &mut Reading) -> Target {
    let found = match reading.connector.short_class() {
        "JdbcSink"
        | "PostgresSink"
        | "MySqlSink"
        | "MicrosoftSqlServerSink"
        | "OracleDatabaseSink" => Some(jdbc(reading)),
        "RedshiftSink" => redshift(reading),
        "S3Sink"
        | "S3_SINK"
        | "AivenKafkaConnectS3Sink"
        | "GcsSink"
        | "AzureBlobStorageSink"
        | "AzureDataLakeGen2Sink"
        | "AzureDataLakeStorageGen2Sink"
        | "HdfsSink"
        | "Hdfs3Sink" => path(reading),
        "ElasticsearchSink" => index(reading, "elasticsearch"),
        "OpensearchSink" | "OpenSearchSink" => index(reading, "opensearch"),
        "BigQuerySink" | "BigQueryStorageSink" => bigquery(reading),
        "SnowflakeSink" | "SnowflakeStreamingSink" => snowflake(reading),
        "MongoSink" | "MongoDbAtlasSink" | "MongoDbSink" => collection(reading),
        "FileStreamSink" => reading
            .connector
            .get("file")
            .map(|path| Target::One(End::new("file", "FILE", path))),
        "ClickHouseSink" => clickhouse(reading),
        "CassandraSink" => cassandra(reading),
        "QuestDBSink" => questdb(reading),
        _ => {
            let message = format!("where {} writes is not known", reading.connector.class());
            reading.warn("unknown-connector", "connector.class", &message);
            return Target::Nowhere;
        }
    };
    found.unwrap_or_else(|| {
        reading.warn(
            "unknown-target",
            "connector.class",
            "the configuration does not say where it writes",
        );
        Target::Nowhere
    })
}

fn jdbc(reading: &mut Reading) -> Target {
    let connector = reading.connector;
    let Some(database) = connected(reading) else {
        return Target::Nowhere;
    };
    let is_debezium = connector.class().starts_with("io.debezium.");
    let format = connector
        .any(&["collection.name.format", "table.name.format"])
        .unwrap_or("${topic}");
    if let Some(map) = connector.get("topics.to.tables.mapping") {
        return Target::Mapped {
            database,
            map: pairs(map),
            default: str::to_owned,
        };
    }
    Target::Database {
        database,
        format: format.to_owned(),
        dots: if is_debezium || connector.is_true("table.name.normalize") {
            '_'
        } else {
            '.'
        },
    }
}

fn redshift(reading: &Reading) -> Option<Target> {
    let connector = reading.connector;
    let host = connector.get("aws.redshift.domain")?;
    let mut database = Database::at("redshift", host, connector.get("aws.redshift.port"))?;
    database.catalog = connector.get("aws.redshift.database").map(str::to_owned);
    Some(Target::Database {
        database,
        format: connector
            .get("table.name.format")
            .unwrap_or("${topic}")
            .to_owned(),
        dots: '.',
    })
}

fn path(reading: &Reading) -> Option<Target> {
    let connector = reading.connector;
    let bucket = |scheme: &str, keys: &[&str]| Some(format!("{scheme}://{}", connector.any(keys)?));
    let azure = |scheme: &str, prefix: &str, service: &str, account: &str| {
        let account = connector.get(&format!("{prefix}{account}"))?;
        let container = connector
            .any(&[&format!("{prefix}container.name")])
            .unwrap_or("topics");
        Some(format!(
            "{scheme}://{container}@{account}.{service}.core.windows.net"
        ))
    };
    let namespace = match connector.short_class() {
        "GcsSink" => bucket("gs", &["gcs.bucket.name"])?,
        "AzureBlobStorageSink" => azure("wasbs", "azblob.", "blob", "account.name")?,
        "AzureDataLakeGen2Sink" | "AzureDataLakeStorageGen2Sink" => {
            azure("abfss", "azure.datalake.gen2.", "dfs", "account.name")?
        }
        "HdfsSink" | "Hdfs3Sink" => {
            let url = connector.any(&["hdfs.url", "store.url"])?;
            format!("hdfs://{}", host_of(url, "8020")?)
        }
        _ => bucket(
            "s3",
            &["s3.bucket.name", "aws.s3.bucket.name", "aws.s3.bucket"],
        )?,
    };
    // Aiven's sinks have a prefix and a template of file names, Confluent's a folder for each topic.
    let is_aiven = connector.class().starts_with("io.aiven.");
    let format = if is_aiven {
        let prefix = connector
            .any(&["aws.s3.prefix", "aws_s3_prefix", "file.name.prefix"])
            .unwrap_or_default();
        let template = connector
            .get("file.name.template")
            .unwrap_or("{{topic}}-{{partition}}-{{start_offset}}");
        let template = template
            .replace("{{ topic }}", "{{topic}}")
            .replace("{{topic}}", "${topic}");
        let end = template.find("{{").unwrap_or(template.len());
        format!(
            "{prefix}{}",
            template[..end].trim_end_matches(['-', '_', '/', '.'])
        )
    } else {
        let default = if connector.short_class().starts_with("Hdfs") {
            "/topics"
        } else {
            "topics"
        };
        let folder = connector
            .get("topics.dir")
            .unwrap_or(default)
            .trim_end_matches('/');
        if folder.contains("${topic}") {
            folder.to_owned()
        } else if folder.is_empty() {
            "${topic}".to_owned()
        } else {
            format!("{folder}/${{topic}}")
        }
    };
    Some(Target::Path { namespace, format })
}

fn index(reading: &Reading, scheme: &str) -> Option<Target> {
    let connector = reading.connector;
    let host = host_of(connector.get("connection.url")?, "9200")?;
    let mut map = connector
        .get("topic.index.map")
        .map(pairs)
        .unwrap_or_default();
    if let Some(more) = connector.get("topic.to.external.resource.mapping") {
        map.extend(pairs(more));
    }
    let stream = connector
        .get("data.stream.type")
        .filter(|kind| !kind.eq_ignore_ascii_case("none"));
    let format = match stream {
        Some(kind) => {
            let dataset = connector.get("data.stream.dataset").unwrap_or("${topic}");
            let namespace = connector.get("data.stream.namespace").unwrap_or("${topic}");
            format!("{}-{dataset}-{namespace}", kind.to_lowercase())
        }
        None => "${topic}".to_owned(),
    };
    Some(Target::Index {
        namespace: format!("{scheme}://{host}"),
        format,
        map,
    })
}

fn bigquery(reading: &Reading) -> Option<Target> {
    let connector = reading.connector;
    let datasets = connector.any(&["defaultDataset", "default.dataset", "datasets"])?;
    // `datasets` is one, or pairs of a regular expression of topics and one.
    let datasets = if connector
        .any(&["defaultDataset", "default.dataset"])
        .is_none()
        && datasets.contains('=')
    {
        items(datasets)
            .into_iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(topics, dataset)| (topics.to_owned(), dataset.to_owned()))
            .collect()
    } else {
        vec![(".*".to_owned(), datasets.to_owned())]
    };
    // `topic:table` pairs; before version 2 a regular expression of topics and a table.
    let map = (connector.any(&["topic2TableMap", "topic2table.map"])).map(pairs);
    let tables = connector.get("topicsToTables").map(items);
    let tables = tables.unwrap_or_default().into_iter();
    let tables = tables.filter_map(|pair| pair.split_once('='));
    Some(Target::BigQuery {
        project: connector.get("project")?.to_owned(),
        datasets,
        map: map.unwrap_or_default(),
        tables: tables
            .map(|(topics, table)| (topics.trim().to_owned(), table.trim().to_owned()))
            .collect(),
        is_sanitized: connector.is_true("sanitizeTopics") || connector.is_true("sanitize.topics"),
    })
}

fn snowflake(reading: &Reading) -> Option<Target> {
    let connector = reading.connector;
    let url = connector.get("snowflake.url.name")?;
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?']).next()?.rsplit('@').next()?;
    let mut database = Database::at("snowflake", host_and_port(host).0, None)?;
    database.catalog = connector.get("snowflake.database.name").map(str::to_owned);
    database.schema = Some(
        connector
            .get("snowflake.schema.name")
            .unwrap_or("PUBLIC")
            .to_owned(),
    );
    Some(Target::Mapped {
        database,
        map: connector
            .get("snowflake.topic2table.map")
            .map(pairs)
            .unwrap_or_default(),
        default: snowflake_table,
    })
}

/// What Snowflake's connector calls the table of a topic: one that is no identifier gets the hash of its name.
fn snowflake_table(topic: &str) -> String {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_next = |c: char| is_first(c) || c.is_ascii_digit() || c == '$';
    let mut chars = topic.chars();
    if chars.next().is_some_and(is_first) && chars.all(is_next) {
        return topic.to_owned();
    }
    let hash = topic.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    let mut name = String::new();
    let mut rest = topic;
    if !topic.starts_with(is_first) {
        name.push('_');
    } else if let Some(first) = topic.chars().next() {
        name.push(first);
        rest = &topic[1..];
    }
    name.extend(rest.chars().map(|c| if is_next(c) { c } else { '_' }));
    format!("{name}_{}", hash.unsigned_abs())
}

fn collection(reading: &Reading) -> Option<Target> {
    let connector = reading.connector;
    let host = connector
        .get("connection.host")
        .map(|host| format!("mongodb+srv://{host}"));
    let uri = connector
        .get("connection.uri")
        .map(str::to_owned)
        .or(host)?;
    Some(Target::Collection {
        namespace: mongodb(&uri)?,
        database: connector.get("database")?.to_owned(),
        collection: connector.get("collection").map(str::to_owned),
    })
}

fn clickhouse(reading: &Reading) -> Option<Target> {
    let connector = reading.connector;
    let mut database = Database::at(
        "clickhouse",
        connector.get("hostname")?,
        connector.get("port"),
    )?;
    database.catalog = Some(connector.get("database").unwrap_or("default").to_owned());
    let map: BTreeMap<String, String> = items(connector.get("topic2TableMap").unwrap_or_default())
        .into_iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(topic, table)| (topic.trim().to_owned(), table.trim().to_owned()))
        .collect();
    Some(Target::Mapped {
        database,
        map,
        default: str::to_owned,
    })
}

/// Tables of `topic.<topic>.<keyspace>.<table>.mapping`.
fn cassandra(reading: &Reading) -> Option<Target> {
    let connector = reading.connector;
    let hosts = connector.list(&["contactPoints"]);
    let (host, port) = host_and_port(hosts.first()?);
    let mut database = Database::at("cassandra", host, connector.get("port").or(port))?;
    let mut map = BTreeMap::new();
    for key in connector.config.keys() {
        let name = key
            .strip_prefix("topic.")
            .and_then(|rest| rest.strip_suffix(".mapping"));
        let Some((rest, table)) = name.and_then(|name| name.rsplit_once('.')) else {
            continue;
        };
        if let Some((topic, keyspace)) = rest.rsplit_once('.') {
            map.insert(topic.to_owned(), format!("{keyspace}.{table}"));
        }
    }
    database.catalog = None;
    Some(Target::Mapped {
        database,
        map,
        default: |_| String::new(),
    })
}

fn questdb(reading: &Reading) -> Option<Target> {
    let connector = reading.connector;
    let address = connector.get("client.conf.string").and_then(|text| {
        let at = text.find("addr=")? + 5;
        text[at..].split(';').next()
    });
    let host = host_of(address.or_else(|| connector.get("host"))?, "9000")?;
    Some(Target::Path {
        namespace: format!("questdb://{host}"),
        format: connector.get("table").unwrap_or("${topic}").to_owned(),
    })
}

/// The datasets that the records of a topic go to.
fn destinations(
    reading: &mut Reading,
    known: &Known,
    target: &Target,
    (topic, routed): (&Template, &Template),
) -> Vec<Option<End>> {
    let literal = routed.literal();
    let end = |namespace: &str, kind: &'static str, name: Template| {
        vec![Some(End {
            namespace: namespace.to_owned(),
            kind,
            name,
        })]
    };
    match target {
        Target::Nowhere => vec![None],
        Target::One(one) => vec![Some(one.clone())],
        Target::Path { namespace, format } => end(
            namespace,
            kind_of(namespace),
            routed.within(format, "${topic}"),
        ),
        Target::Index {
            namespace,
            format,
            map,
        } => {
            let name = match literal.as_ref().and_then(|topic| map.get(topic)) {
                Some(index) => Template::text(index),
                None => routed.within(format, "${topic}").map(str::to_lowercase),
            };
            end(namespace, "INDEX", name)
        }
        Target::Collection {
            namespace,
            database,
            collection,
        } => {
            let of_topic = |what: &str| {
                let topic = topic.literal()?;
                reading
                    .connector
                    .get(&format!("topic.override.{topic}.{what}"))
                    .map(str::to_owned)
            };
            let database = of_topic("database").unwrap_or_else(|| database.clone());
            let collection = of_topic("collection").or_else(|| collection.clone());
            let name = collection.map_or_else(|| routed.clone(), Template::text);
            end(namespace, "COLLECTION", name.after(&format!("{database}.")))
        }
        Target::Mapped {
            database,
            map,
            default,
        } => {
            let Some(topic) = literal else {
                let name = database.table(&["\u{1}"]);
                return end(
                    &database.namespace,
                    "TABLE",
                    Template(vec![Part::Any(0)]).within(&name, "\u{1}"),
                );
            };
            let mapped = map.get(&topic).cloned().or_else(|| by_regex(map, &topic));
            let table = mapped.unwrap_or_else(|| default(&topic));
            if table.is_empty() {
                return vec![None];
            }
            let parts: Vec<&str> = table.split('.').collect();
            end(
                &database.namespace,
                "TABLE",
                Template::text(database.table(&parts)),
            )
        }
        Target::BigQuery {
            project,
            datasets,
            map,
            tables,
            is_sanitized,
        } => {
            let tables = (map, &**tables);
            bigquery_table(reading, (project, datasets, tables, *is_sanitized), routed)
        }
        Target::Database {
            database,
            format,
            dots,
        } => table(reading, known, (database, format, *dots), (topic, routed)),
    }
}

fn kind_of(namespace: &str) -> &'static str {
    if namespace.starts_with("questdb:") {
        "TABLE"
    } else {
        "FILE"
    }
}

/// Keys of a map of topics may be regular expressions.
fn by_regex(map: &BTreeMap<String, String>, topic: &str) -> Option<String> {
    map.iter()
        .filter(|(key, _)| key.contains(['*', '[', '+', '(']))
        .take(64)
        .find(|(key, _)| whole(key, false).is_some_and(|regex| regex.is_match(topic)))
        .map(|(_, table)| table.clone())
}

type BigQuery<'t> = (
    &'t str,
    &'t [(String, String)],
    (&'t BTreeMap<String, String>, &'t [(String, String)]),
    bool,
);

fn bigquery_table(
    reading: &mut Reading,
    (project, datasets, (map, tables), is_sanitized): BigQuery,
    routed: &Template,
) -> Vec<Option<End>> {
    let literal = routed.literal();
    let name = literal.clone().unwrap_or_else(|| "x".into());
    let dataset = datasets.iter().take(256).find(|(topics, _)| {
        topics == ".*" || whole(topics, false).is_some_and(|regex| regex.is_match(&name))
    });
    let Some((_, dataset)) = dataset else {
        reading.warn(
            "unknown-target",
            "datasets",
            "no dataset is configured for this topic",
        );
        return vec![None];
    };
    let listed = || {
        let mut tables = tables.iter().take(256);
        let found = tables
            .find(|(topics, _)| whole(topics, false).is_some_and(|regex| regex.is_match(&name)));
        found.map(|(_, table)| table)
    };
    let mapped = literal
        .as_ref()
        .and_then(|topic| map.get(topic).or_else(listed));
    // A router may put the dataset before the table.
    let of_router = literal.as_ref().and_then(|topic| topic.split_once(':'));
    if let (Some((dataset, table)), true) = (of_router, map.is_empty()) {
        return vec![Some(End {
            namespace: "bigquery".into(),
            kind: "TABLE",
            name: Template::text(format!("{project}.{dataset}.{table}")),
        })];
    }
    let table = match mapped {
        Some(table) => Template::text(table),
        None if is_sanitized => routed.map(|text| {
            let plain = |c: char| {
                if c.is_ascii_alphanumeric() || c == '_' {
                    c
                } else {
                    '_'
                }
            };
            let text: String = text.chars().map(plain).collect();
            text
        }),
        None => routed.clone(),
    };
    vec![Some(End {
        namespace: "bigquery".into(),
        kind: "TABLE",
        name: table.after(&format!("{project}.{dataset}.")),
    })]
}

fn table(
    reading: &mut Reading,
    known: &Known,
    (database, format, dots): (&Database, &str, char),
    (topic, routed): (&Template, &Template),
) -> Vec<Option<End>> {
    let routed = routed.map(|text| text.replace('.', &dots.to_string()));
    let named = |name: &Template| {
        let name = match name.literal() {
            Some(name) => {
                let name = name.replace(['"', '`'], "");
                Template::text(database.table(&name.split('.').collect::<Vec<_>>()))
            }
            None => name.within(&database.table(&["\u{1}"]), "\u{1}"),
        };
        Some(End {
            namespace: database.namespace.clone(),
            kind: "TABLE",
            name,
        })
    };
    if !format.contains("${source.") {
        let name = routed.within(format, "${topic}");
        // What else stands in `${…}` is a value of the record.
        let is_known = name
            .0
            .iter()
            .all(|part| !matches!(part, Part::Text(text) if text.contains("${")));
        if !is_known {
            reading.warn(
                "unknown-target",
                "table.name.format",
                "the table's name depends on values of records",
            );
        }
        return vec![is_known.then(|| named(&name)).flatten()];
    }
    // Records of Debezium say which table they are of; so does the connector that wrote them, if it is known.
    let origins = topic
        .literal()
        .and_then(|name| known.origins.get(&(reading.kafka.clone(), name)));
    let Some(origins) = origins else {
        let message = "the table's name is made of where records come from, and no connector here writes the topic";
        reading.warn("unknown-target", "collection.name.format", message);
        return vec![None];
    };
    let ends = origins.iter().map(|origin| {
        let mut parts = origin.rsplitn(3, '.');
        let (table, schema, db) = (parts.next(), parts.next(), parts.next());
        let name = format
            .replace("${source.table}", table.unwrap_or_default())
            .replace("${source.collection}", table.unwrap_or_default())
            .replace(
                "${source.schema}",
                if db.is_some() {
                    schema.unwrap_or_default()
                } else {
                    ""
                },
            )
            .replace("${source.db}", db.or(schema).unwrap_or_default());
        let name = routed.within(&name, "${topic}");
        named(&name)
    });
    ends.collect()
}
