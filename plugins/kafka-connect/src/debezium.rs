//! Debezium's sources: from tables and collections to topics, by the naming template of each database.

use std::rc::Rc;

use crate::flow::{Column, Effect, End, Flow, Guard, Reading};
use crate::jdbc::{Database, host_and_port};
use crate::pattern::{Filter, List, Part, Template};
use crate::record::Record;

/// How a database of Debezium is configured and how its topics are called. Source: the documentation of Debezium.
struct Form {
    /// As in the class: `MySql`, `Postgres`, ….
    class: &'static str,
    jdbc: &'static str,
    /// Keys of what is before `schema.table` in names, if anything is.
    database: &'static [&'static str],
    /// Lists of the first part of what the lists of tables name.
    schemas: &'static str,
    tables: &'static str,
    kind: &'static str,
    /// Whether topics have the database's name too.
    has_database_in_topics: bool,
}

const fn form(
    class: &'static str,
    jdbc: &'static str,
    database: &'static [&'static str],
    schemas: &'static str,
) -> Form {
    Form {
        class,
        jdbc,
        database,
        schemas,
        tables: "table",
        kind: "TABLE",
        has_database_in_topics: false,
    }
}

const FORMS: &[Form] = &[
    form("MySql", "mysql", &[], "database"),
    form("MariaDb", "mysql", &[], "database"),
    form("Postgres", "postgresql", &["database.dbname"], "schema"),
    form("YugabyteDB", "postgresql", &["database.dbname"], "schema"),
    form(
        "YugabyteDBgRPC",
        "postgresql",
        &["database.dbname"],
        "schema",
    ),
    form(
        "SqlServer",
        "sqlserver",
        &["database.names", "database.dbname"],
        "schema",
    ),
    form(
        "Oracle",
        "oracle",
        &["database.pdb.name", "database.dbname"],
        "schema",
    ),
    form("Db2", "db2", &["database.dbname"], "schema"),
    Form {
        has_database_in_topics: true,
        ..form("Informix", "informix-sqli", &["database.dbname"], "schema")
    },
    form("Vitess", "vitess", &[], "keyspace"),
    form("Cassandra", "cassandra", &[], "keyspace"),
    Form {
        tables: "collection",
        kind: "COLLECTION",
        ..form("MongoDb", "mongodb", &[], "database")
    },
];

/// Databases of one connector.
const DATABASES_MAX: usize = 1000;

/// The form of a connector, by its class: Debezium's, or one of Confluent's managed ones.
fn form_of(reading: &Reading) -> Option<&'static Form> {
    let class = reading.connector.class();
    let short = reading.connector.short_class();
    let name = if class.starts_with("io.debezium.connector.cassandra.") {
        "Cassandra"
    } else if class.starts_with("io.debezium.connector.") || class.starts_with("com.ibm.debezium.")
    {
        short
    } else {
        match short {
            "PostgresCdcSource" | "PostgresCdcSourceV2" => "Postgres",
            "MySqlCdcSource" | "MySqlCdcSourceV2" => "MySql",
            "MariaDbCdcSource" => "MariaDb",
            "SqlServerCdcSource" | "SqlServerCdcSourceV2" => "SqlServer",
            _ => return None,
        }
    };
    FORMS
        .iter()
        .find(|form| form.class.eq_ignore_ascii_case(name))
}

/// Reads a connector of Debezium; false if it is none.
pub(crate) fn read(reading: &mut Reading) -> bool {
    let Some(form) = form_of(reading) else {
        return false;
    };
    let connector = reading.connector;
    let Some(prefix) = connector.any(&[
        "topic.prefix",
        "database.server.name",
        "mongodb.name",
        "kafka.topic.prefix",
    ]) else {
        reading.missing("topic.prefix", "the topics are not known");
        return true;
    };
    // The topics do not depend on where the tables are.
    let base = base(reading, form).unwrap_or_default();
    if base.is_empty() {
        reading.missing("database.hostname", "where the tables are is not known");
    }
    let listed = |what: &str| {
        let list = |keys: [String; 2]| {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            List::new(&connector.list(&keys))
        };
        Filter {
            include: list([format!("{what}.include.list"), format!("{what}.whitelist")]),
            exclude: list([format!("{what}.exclude.list"), format!("{what}.blacklist")]),
        }
    };
    let mut schemas = listed(form.schemas);
    if form.class == "Vitess" && schemas.include.is_empty() {
        schemas.include = List::new(&connector.list(&["vitess.keyspace"]));
    }
    let guard = Rc::new(Guard {
        tables: listed(form.tables),
        schemas,
        columns: columns(reading),
    });
    refused(reading, form, &guard);
    if let Some(strategy) = connector.get("topic.naming.strategy")
        && !strategy.ends_with("TopicNamingStrategy")
    {
        let message = format!("how {strategy} names topics is not known");
        reading.warn("unknown-topic", "topic.naming.strategy", &message);
        return true;
    }
    if connector
        .get("topic.naming.strategy")
        .is_some_and(|strategy| strategy.contains("Regex"))
    {
        reading.warn(
            "unknown-topic",
            "topic.naming.strategy",
            "topics that regular expressions name are not known",
        );
        return true;
    }
    let databases = connector.list(form.database);
    // Several databases have their names in topics; so has one that is listed by the newer key.
    let is_listed = form.class == "SqlServer" && connector.get("database.names").is_some();
    let has_database = form.has_database_in_topics || is_listed;
    let delimiter = connector.get("topic.delimiter").unwrap_or(".");
    if form.database.is_empty() {
        let topic = sanitized(&format!("{prefix}{delimiter}"));
        tables(reading, form, &guard, &base, ("", &topic, delimiter));
        return true;
    }
    if databases.is_empty() {
        reading.missing(form.database[0], "what the tables are called is not known");
    }
    for database in databases.into_iter().take(DATABASES_MAX) {
        let topic = if has_database {
            format!("{prefix}{delimiter}{database}{delimiter}")
        } else {
            format!("{prefix}{delimiter}")
        };
        tables(
            reading,
            form,
            &guard,
            &base,
            (database, &sanitized(&topic), delimiter),
        );
    }
    true
}

/// The namespace of the tables.
fn base(reading: &Reading, form: &Form) -> Option<String> {
    let connector = reading.connector;
    match form.class {
        "MongoDb" => mongodb(connector.any(&[
            "mongodb.connection.string",
            "mongodb.hosts",
            "connection.uri",
        ])?),
        "Cassandra" => {
            let hosts = connector.list(&["cassandra.hosts"]);
            let (host, port) = host_and_port(hosts.first()?);
            let port = connector.get("cassandra.port").or(port);
            Some(Database::at("cassandra", host, port)?.namespace)
        }
        _ => {
            if let Some(host) = connector.get("database.hostname") {
                return Some(
                    Database::at(form.jdbc, host, connector.get("database.port"))?.namespace,
                );
            }
            Some(Database::of_url(connector.get("database.url")?)?.namespace)
        }
    }
}

/// Where a connection string or a list of hosts leads; the replica set's name and credentials are left behind.
pub(crate) fn mongodb(text: &str) -> Option<String> {
    let (is_srv, rest) = match text.split_once("://") {
        Some(("mongodb", rest)) => (false, rest),
        Some(("mongodb+srv", rest)) => (true, rest),
        Some(_) => return None,
        None => (
            false,
            text.rsplit_once('/').map_or(text, |(_, hosts)| hosts),
        ),
    };
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let hosts = authority.rsplit('@').next().unwrap_or(authority);
    // Of several members of one replica set, the first one stands for all.
    let (host, port) = host_and_port(hosts.split(',').next()?.trim());
    if is_srv {
        return (!host.is_empty()).then(|| format!("mongodb://{host}"));
    }
    Some(Database::at("mongodb", host, port)?.namespace)
}

/// What Debezium makes of characters that topics cannot have.
fn sanitized(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// Says what of the lists is not read, and where globs are wider than the lists.
fn refused(reading: &mut Reading, form: &Form, guard: &Guard) {
    for (what, filter) in [(form.tables, &guard.tables), (form.schemas, &guard.schemas)] {
        for (list, side) in [(&filter.include, "include"), (&filter.exclude, "exclude")] {
            let key = format!("{what}.{side}.list");
            for item in list.refused.iter().take(10) {
                let shown: String = item.chars().take(100).collect();
                let message = format!(
                    "`{shown}` is no regular expression that is understood, or there are too many"
                );
                reading.warn("pattern", &key, &message);
            }
        }
    }
}

/// What is known of columns before any transform: those that are left out or masked.
fn columns(reading: &Reading) -> Vec<Column> {
    let mut columns = Vec::new();
    for (key, (value, _)) in &reading.connector.config {
        let effect = if key.starts_with("column.mask.") {
            Effect::Masked
        } else if key.starts_with("column.truncate.to.") {
            Effect::Changed
        } else if key == "column.exclude.list" || key == "column.blacklist" {
            Effect::Dropped
        } else {
            continue;
        };
        for item in List::new(&crate::connector::items(value)).items {
            for name in item.templates.iter().filter_map(Template::literal) {
                if let Some((table, column)) = name.rsplit_once('.') {
                    columns.push(Column {
                        table: table.to_owned(),
                        name: column.to_owned(),
                        effect,
                    });
                }
            }
        }
    }
    columns
}

/// What the lists name: templates of `schema.table`, each with whether it is as narrow as the list.
fn wanted(guard: &Guard) -> Vec<(Template, bool)> {
    let include = &guard.tables.include;
    let mut wanted: Vec<(Template, bool)> = Vec::new();
    if include.is_empty() {
        let schemas = &guard.schemas.include;
        if schemas.is_empty() {
            wanted.push((
                Template(vec![Part::Any(0), Part::Text(".".into()), Part::Any(200)]),
                true,
            ));
        }
        for item in &schemas.items {
            for schema in &item.templates {
                let mut template = schema.clone();
                template.0.extend([Part::Text(".".into()), Part::Any(200)]);
                wanted.push((template, item.is_exact));
            }
        }
    } else {
        for item in &include.items {
            wanted.extend(
                item.templates
                    .iter()
                    .map(|template| (template.clone(), item.is_exact)),
            );
        }
    }
    wanted
}

/// All that the lists let through, of one database.
fn tables(
    reading: &mut Reading,
    form: &Form,
    guard: &Rc<Guard>,
    namespace: &str,
    (database, topic_prefix, delimiter): (&str, &str, &str),
) {
    let table_prefix = if database.is_empty() {
        String::new()
    } else {
        format!("{database}.")
    };
    let include = &guard.tables.include;
    let keys = [
        "table.include.list",
        "table.whitelist",
        "collection.include.list",
        "collection.whitelist",
    ];
    let listed = reading
        .connector
        .first(&keys)
        .filter(|_| !include.is_empty());
    let key = listed.map_or("connector.class", |(key, _)| key);
    let mut is_wider = false;
    for (mut template, is_exact) in wanted(guard) {
        let mut record = Record::envelope();
        if let Some(name) = template.literal() {
            // Some lists name the database too.
            let name = match name.strip_prefix(&table_prefix) {
                Some(rest) if rest.contains('.') => rest.to_owned(),
                _ => name,
            };
            let schema = name.split('.').next().unwrap_or_default();
            if !guard.schemas.admits(schema) || guard.tables.exclude.matches(&name) {
                continue;
            }
            record = guard.record(&name);
            template = Template::text(name);
        } else {
            is_wider |= !is_exact
                || !guard.tables.exclude.is_empty()
                || !guard.schemas.exclude.is_empty()
                || (!include.is_empty() && !guard.schemas.include.is_empty());
        }
        let topic = template.map(|text| sanitized(&text.replace('.', delimiter)));
        let from = End {
            namespace: namespace.to_owned(),
            kind: form.kind,
            name: template.after(&table_prefix),
        };
        let from = Some(from).filter(|from| !from.namespace.is_empty());
        let mut flow = Flow::new(from, None, key);
        flow.record = record;
        flow.guard = Some((Rc::clone(guard), table_prefix.len()));
        reading.produce(&flow, &topic.after(topic_prefix));
    }
    if is_wider {
        let message = "the lists are narrower than the patterns of the selectors";
        reading.info("wider-pattern", key, message);
    }
}
