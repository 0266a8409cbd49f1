//! Which namespace the tables of a database are in.

use bi::connection::{self, Connection};
use bi::tree::Node;
use headwater_extractor::{Config, ExtractError, Severity};

use crate::said::Said;

/// What a database connects to, and whether anything tells it.
pub(crate) fn of_database(
    said: &Said,
    config: &Config,
    own: &str,
    key: &str,
) -> Result<(Connection, bool), ExtractError> {
    let item = said.databases.get(key).map(|item| &item.node);
    let ids = item.map(|node| [node.said("id"), node.said("entity_id"), node.said("name")]);
    let mut ids: Vec<&str> = ids.into_iter().flatten().flatten().collect();
    if ids.is_empty() {
        ids.push(key);
    }
    let configured = |option: &str| {
        let mut found = ids
            .iter()
            .filter_map(|id| config.get(&format!("{option}.{id}")));
        found.next()
    };
    let of_details = item.and_then(of_details);
    let dialect = item.and_then(|node| connection::dialect_of(platform(node.said("engine")?)));
    let mut is_mapped = true;
    let mut connection = match (configured("namespace"), of_details) {
        (Some(namespace), Some(details)) => Connection {
            namespace: namespace.to_owned(),
            ..details
        },
        (Some(namespace), None) => Connection::of_namespace(namespace),
        (None, Some(details)) => details,
        (None, None) => {
            if let Some(namespace) = config.get("namespace") {
                Connection::of_namespace(namespace)
            } else {
                is_mapped = false;
                Connection::of_namespace(&format!("{own}/databases/{key}"))
            }
        }
    };
    connection.dialect = connection.dialect.or(dialect);
    if let Some(database) = configured("database") {
        connection.database = Some(database.to_owned());
    }
    if let Some(schema) = configured("schema") {
        connection.schema = Some(schema.to_owned());
    }
    if let Some(dialect) = configured("dialect") {
        connection.dialect = Some(dialect.parse().map_err(|error| {
            let message = format!("dialect of {key}: {error}");
            let at = bi::place("configuration", "", None);
            ExtractError::Malformed(bi::told(Severity::Error, "config/value", message, at))
        })?);
    }
    Ok((connection, is_mapped))
}

/// What others call an engine of Metabase's.
fn platform(engine: &str) -> &str {
    match engine {
        "postgres" => "postgresql",
        "sqlserver" => "mssql",
        "bigquery-cloud-sdk" | "bigquery" => "bigquery",
        "presto-jdbc" => "presto",
        "starburst" => "trino",
        "sparksql" => "spark",
        "hive-like" => "hive",
        "mongo" => "mongodb",
        other => other,
    }
}

/// What the details of a database connect to. Nothing but these keys of them is looked at: others are secrets.
fn of_details(node: &Node) -> Option<Connection> {
    let details = node.get("details");
    let platform = platform(node.said("engine")?);
    let one = |keys: &[&str]| keys.iter().find_map(|key| details.said(key));
    let database = one(&["dbname", "db", "database", "sid", "service-name", "catalog"]);
    match platform {
        "bigquery" => {
            let project = one(&["project-id", "project-id-from-credentials"]);
            let mut connection = Connection::of_namespace("bigquery");
            connection.database = project.map(str::to_owned);
            Some(connection)
        }
        "snowflake" => connection::of_host("snowflake", one(&["account"])?, None, one(&["db"])),
        "athena" => {
            let host = format!("athena.{}.amazonaws.com", one(&["region"])?);
            let mut connection = connection::of_host("awsathena", &host, None, None)?;
            if let Some(catalog) = one(&["catalog"]) {
                connection.database = Some(catalog.to_owned());
            }
            Some(connection)
        }
        "databricks" => {
            let mut connection = connection::of_host("databricks", one(&["host"])?, None, None)?;
            connection.database = one(&["catalog"]).map(str::to_owned);
            Some(connection)
        }
        "oracle" => {
            let database = one(&["service-name", "sid"]);
            connection::of_host("oracle", one(&["host"])?, one(&["port"]), database)
        }
        "sqlite" | "duckdb" => connection::of_file(platform, one(&["db", "database_file"])?),
        // A database that Metabase brings along.
        "h2" => None,
        _ => connection::of_host(platform, one(&["host"])?, one(&["port"]), database),
    }
}
