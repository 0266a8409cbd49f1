//! Sources other than Debezium's.

use std::collections::BTreeMap;

use sql_lineage::{Catalog, Options, TableName, analyze};

use crate::connector::items;
use crate::debezium::mongodb;
use crate::flow::{End, Flow, Move, Reading};
use crate::jdbc::Database;
use crate::pattern::{Part, Template, templates};
use crate::record::Record;

/// Reads a source; false if the class is none that is known.
pub(crate) fn read(reading: &mut Reading) -> bool {
    let short = reading.connector.short_class();
    match short {
        "JdbcSource"
        | "PostgresSource"
        | "MySqlSource"
        | "MicrosoftSqlServerSource"
        | "OracleDatabaseSource" => {
            jdbc(reading);
        }
        "MongoSource" | "MongoDbAtlasSource" => mongo(reading),
        "FileStreamSource" => file(reading),
        "MirrorSource" => mirror(reading),
        "MirrorHeartbeat" | "MirrorCheckpoint" => {
            reading.info("no-data", "connector.class", "it moves no data of topics");
        }
        "ReplicatorSource" | "Replicator" => replicator(reading),
        _ => return false,
    }
    true
}

fn database(reading: &Reading) -> Option<Database> {
    let connector = reading.connector;
    if let Some(url) = connector.get("connection.url") {
        return Database::of_url(url);
    }
    let jdbc = match connector.short_class() {
        "PostgresSource" | "PostgresSink" => "postgresql",
        "MySqlSource" | "MySqlSink" => "mysql",
        "MicrosoftSqlServerSource" | "MicrosoftSqlServerSink" => "sqlserver",
        "OracleDatabaseSource" | "OracleDatabaseSink" => "oracle",
        _ => return None,
    };
    let mut database = Database::at(
        jdbc,
        connector.get("connection.host")?,
        connector.get("connection.port"),
    )?;
    database.catalog = connector
        .any(&["db.name", "db.service", "db.sid"])
        .map(str::to_owned);
    Some(database)
}

/// The database of `connection.url`, or of what managed connectors have in its place.
pub(crate) fn connected(reading: &mut Reading) -> Option<Database> {
    let found = database(reading);
    if found.is_none() {
        let message = "which database it connects to is not understood";
        reading.warn("unknown-database", "connection.url", message);
    }
    found
}

fn jdbc(reading: &mut Reading) {
    let connector = reading.connector;
    let prefix = connector.get("topic.prefix").unwrap_or_default().to_owned();
    let Some(mut database) = connected(reading) else {
        return;
    };
    if let Some(schema) = connector.get("schema.pattern")
        && !schema.contains(['%', '_'])
    {
        database.schema = Some(schema.to_owned());
    }
    if let Some(query) = connector.get("query") {
        return self::query(reading, query, &database, &prefix);
    }
    let refs = ["table.whitelist", "table.include.list", "tables.include"];
    let listed = connector.first(&refs);
    let (key, items) = match listed {
        Some((key, list)) => (key, items(list)),
        None => ("connector.class", Vec::new()),
    };
    // Only the newer key is a list of regular expressions.
    let is_regex = key == "table.include.list";
    if listed.is_none() {
        let open = Template(vec![Part::Any(0)]);
        let name = database.table(&["\u{1}"]);
        let from = End {
            namespace: database.namespace.clone(),
            kind: "TABLE",
            name: open.within(&name, "\u{1}"),
        };
        if connector
            .any(&["table.blacklist", "table.exclude.list"])
            .is_some()
        {
            reading.info(
                "wider-pattern",
                "table.blacklist",
                "the lists are narrower than the patterns of the selectors",
            );
        }
        let flow = Flow::new(Some(from), None, "connector.class");
        return reading.produce(&flow, &open.after(&prefix));
    }
    let qualifies = connector.is_true("table.names.qualify");
    for item in items {
        let read = templates(item);
        let found = if is_regex {
            read.templates
        } else {
            vec![Template::text(item)]
        };
        for template in found {
            let Some(name) = template.literal() else {
                let flow = Flow::new(
                    Some(open_table(&database, &template)),
                    None,
                    "table.include.list",
                );
                reading.produce(&flow, &Template(vec![Part::Any(249)]).after(&prefix));
                continue;
            };
            let name = name.replace(['"', '`'], "");
            let parts: Vec<&str> = name.split('.').collect();
            let last = if qualifies {
                name.as_str()
            } else {
                parts.last().copied().unwrap_or_default()
            };
            let from = End::new(&database.namespace, "TABLE", database.table(&parts));
            let flow = Flow::new(
                Some(from),
                None,
                if is_regex {
                    "table.include.list"
                } else {
                    "table.whitelist"
                },
            );
            reading.produce(&flow, &Template::text(format!("{prefix}{last}")));
        }
    }
}

/// Tables of a pattern that may name the schema too.
fn open_table(database: &Database, template: &Template) -> End {
    let has_dot = template
        .0
        .iter()
        .any(|part| matches!(part, Part::Text(text) if text.contains('.')));
    let name = if has_dot {
        database
            .table(&["\u{1}", "\u{2}"])
            .replace("\u{1}.\u{2}", "\u{1}")
    } else {
        database.table(&["\u{1}"])
    };
    End {
        namespace: database.namespace.clone(),
        kind: "TABLE",
        name: template.within(&name, "\u{1}"),
    }
}

/// What a query reads goes to the one topic; which column is which field, the SQL says.
fn query(reading: &mut Reading, query: &str, database: &Database, topic: &str) {
    let options = Options {
        dialect: database.platform.parse().ok(),
        ..Options::default()
    };
    let script = analyze(query, &options, &Catalog::default());
    if script
        .statements
        .iter()
        .all(|statement| statement.inputs.is_empty())
    {
        reading.warn(
            "query",
            "query",
            "which tables the query reads is not understood",
        );
        let flow = Flow::new(None, None, "query");
        return reading.produce(&flow, &Template::text(topic));
    }
    for problem in script.problems.iter().take(10) {
        reading.info("query", "query", &problem.message);
    }
    let mut moves: BTreeMap<&TableName, Vec<Move>> = BTreeMap::new();
    for statement in &script.statements {
        for table in &statement.inputs {
            moves.entry(table).or_default();
        }
        for edge in &statement.edges {
            if let (Some(table), None) = (&edge.from.table, &edge.to.table) {
                moves.entry(table).or_default().push(Move {
                    from: edge.from.column.clone(),
                    to: edge.to.column.clone(),
                    how: edge.how.named().collect(),
                    is_masking: edge.how.is_masking(),
                });
            }
        }
        for influence in &statement.influences {
            if let Some(table) = &influence.from.table {
                moves.entry(table).or_default().push(Move {
                    from: influence.from.column.clone(),
                    to: None,
                    how: influence.how.named().collect(),
                    is_masking: influence.how.is_masking(),
                });
            }
        }
    }
    for (table, moves) in moves {
        let parts: Vec<&str> = table.parts().iter().map(String::as_str).collect();
        let from = End::new(&database.namespace, "TABLE", database.table(&parts));
        let mut flow = Flow::new(Some(from), None, "query");
        flow.moves = moves;
        reading.produce(&flow, &Template::text(topic));
    }
}

fn mongo(reading: &mut Reading) {
    let connector = reading.connector;
    let host = connector
        .get("connection.host")
        .map(|host| format!("mongodb+srv://{host}"));
    let uri = connector.get("connection.uri").map(str::to_owned).or(host);
    let Some(namespace) = uri.as_deref().and_then(mongodb) else {
        return reading.missing("connection.uri", "where the collections are is not known");
    };
    let separator = connector.get("topic.separator").unwrap_or(".");
    let part = |key: &str, number: u8| match connector.get(key) {
        Some(name) => Part::Text(name.to_owned()),
        None => Part::Any(number),
    };
    let names = [part("database", 0), part("collection", 1)];
    let join = |between: &str| {
        let [database, collection] = names.clone();
        Template(vec![database, Part::Text(between.to_owned()), collection])
    };
    let mut topic = join(separator);
    if let Some(map) = connector.get("topic.namespace.map") {
        let map: Option<BTreeMap<String, String>> = serde_json::from_str(map).ok();
        let whole = join(".").literal().unwrap_or_default();
        let database = connector.get("database").unwrap_or_default();
        let of_collection = map.as_ref().and_then(|map| map.get(&whole));
        let of_all = map.as_ref().and_then(|map| map.get("*"));
        if let Some(name) = of_collection {
            topic = Template::text(name);
        } else if let Some(name) = map.as_ref().and_then(|map| map.get(database)) {
            topic = Template(vec![
                Part::Text(format!("{name}{separator}")),
                names[1].clone(),
            ]);
        } else if let Some(name) = of_all.filter(|name| !name.contains('{')) {
            topic = Template::text(name);
        } else {
            reading.info(
                "topic-map",
                "topic.namespace.map",
                "the map says nothing about this collection",
            );
        }
    }
    if let Some(prefix) = connector.get("topic.prefix") {
        topic = topic.after(&format!("{prefix}{separator}"));
    }
    if let Some(suffix) = connector.get("topic.suffix") {
        topic.0.push(Part::Text(format!("{separator}{suffix}")));
    }
    let from = End {
        namespace,
        kind: "COLLECTION",
        name: join("."),
    };
    let mut flow = Flow::new(Some(from), None, "collection");
    if !connector.is_true("publish.full.document.only") {
        flow.record.forget();
    }
    if connector
        .get("pipeline")
        .is_some_and(|pipeline| pipeline != "[]")
    {
        flow.record.forget();
        reading.info(
            "pipeline",
            "pipeline",
            "what the pipeline does to fields is not read",
        );
    }
    reading.produce(&flow, &topic);
}

fn file(reading: &mut Reading) {
    let connector = reading.connector;
    let from = connector
        .get("file")
        .map(|path| End::new("file", "FILE", path));
    let Some(topic) = connector.get("topic") else {
        return reading.missing("topic", "the topic is not known");
    };
    if from.is_none() {
        reading.info(
            "standard-input",
            "connector.class",
            "without `file` it reads the standard input",
        );
    }
    let topic = Template::text(topic);
    reading.produce(&Flow::new(from, None, "file"), &topic);
}

/// The namespace of a list of brokers.
pub(crate) fn kafka(servers: &str) -> Option<String> {
    let servers: Vec<&str> = items(servers)
        .into_iter()
        .map(|server| {
            server
                .rsplit_once("://")
                .map_or(server, |(_, server)| server)
        })
        .collect();
    let is_clean = servers
        .iter()
        .all(|server| !server.contains(['$', '@', ' ']));
    (is_clean && !servers.is_empty()).then(|| format!("kafka://{}", servers.join(",")))
}

/// Lists of topics in regular expressions, with the namespace of both sides.
struct Mirror<'c> {
    topics: Vec<&'c str>,
    key: &'static str,
    from: Option<String>,
    to: Option<String>,
}

fn mirror(reading: &mut Reading) {
    let connector = reading.connector;
    let policy = connector
        .get("replication.policy.class")
        .unwrap_or_default();
    let separator = connector.get("replication.policy.separator").unwrap_or(".");
    let alias = connector.get("source.cluster.alias").unwrap_or("source");
    let prefix = if policy.ends_with("IdentityReplicationPolicy") {
        String::new()
    } else if policy.is_empty() || policy.ends_with("DefaultReplicationPolicy") {
        format!("{alias}{separator}")
    } else {
        let message = format!("how {policy} names topics is not known");
        return reading.warn("unknown-topic", "replication.policy.class", &message);
    };
    let topics = match connector.list(&["topics"]) {
        topics if topics.is_empty() => vec![".*"],
        topics => topics,
    };
    let mirror = Mirror {
        topics,
        key: "topics",
        from: connector
            .get("source.cluster.bootstrap.servers")
            .and_then(kafka),
        to: connector
            .get("target.cluster.bootstrap.servers")
            .and_then(kafka),
    };
    if connector
        .any(&["topics.exclude", "topics.blacklist"])
        .is_some()
    {
        reading.info(
            "wider-pattern",
            "topics.exclude",
            "the lists are narrower than the patterns of the selectors",
        );
    }
    copied(reading, &mirror, &|topic| topic.clone().after(&prefix));
}

fn replicator(reading: &mut Reading) {
    let connector = reading.connector;
    let format = connector
        .get("topic.rename.format")
        .unwrap_or("${topic}")
        .to_owned();
    let mut topics = connector.list(&["topic.whitelist"]);
    let literal_count = topics.len();
    topics.extend(connector.get("topic.regex"));
    let mirror = Mirror {
        key: if literal_count > 0 {
            "topic.whitelist"
        } else {
            "topic.regex"
        },
        topics,
        from: connector.get("src.kafka.bootstrap.servers").and_then(kafka),
        to: connector
            .get("dest.kafka.bootstrap.servers")
            .and_then(kafka),
    };
    copied(reading, &mirror, &|topic| topic.within(&format, "${topic}"));
}

fn copied(reading: &mut Reading, mirror: &Mirror, name: &dyn Fn(&Template) -> Template) {
    let Some(from) = &mirror.from else {
        return reading.missing(
            "source.cluster.bootstrap.servers",
            "where the topics come from is not known",
        );
    };
    if let Some(to) = &mirror.to {
        reading.kafka.clone_from(to);
    }
    for item in &mirror.topics {
        for template in templates(item).templates {
            let from = End {
                namespace: from.clone(),
                kind: "TOPIC",
                name: template.clone(),
            };
            let mut flow = Flow::new(Some(from), None, mirror.key);
            flow.record = Record::default();
            reading.produce(&flow, &name(&template));
        }
    }
}
