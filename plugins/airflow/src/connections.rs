//! What connections connect to: Airflow keeps that to itself, and so it is configured.

use std::collections::BTreeMap;

use bi::connection::{self, Connection};
use headwater_extractor::{Config, ExtractError, Severity};
use serde_json::Value;

use crate::decode;

/// Connections that operators use which name none. Source: the operators' documentation.
const DEFAULTS: &[(&str, &str)] = &[
    ("AthenaOperator", "aws_default"),
    ("BigQueryInsertJobOperator", "google_cloud_default"),
    ("BigQueryExecuteQueryOperator", "google_cloud_default"),
    ("ClickHouseOperator", "clickhouse_default"),
    ("DatabricksSqlOperator", "databricks_default"),
    ("HiveOperator", "hive_cli_default"),
    ("MsSqlOperator", "mssql_default"),
    ("MySqlOperator", "mysql_default"),
    ("OracleOperator", "oracle_default"),
    ("PostgresOperator", "postgres_default"),
    ("RedshiftSQLOperator", "redshift_default"),
    ("SnowflakeOperator", "snowflake_default"),
    ("SqliteOperator", "sqlite_default"),
    ("TrinoOperator", "trino_default"),
];

/// The connections that are configured.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    known: BTreeMap<String, Connection>,
    /// By DAG and task, DAG, or operator.
    of_tasks: BTreeMap<String, String>,
}

impl Connections {
    /// # Errors
    /// [`ExtractError::Malformed`] names the key whose value names no database.
    pub(crate) fn read(config: &Config) -> Result<Self, ExtractError> {
        let mut found = Self::default();
        for (id, url) in config.with_prefix("connection.") {
            let Some(mut connection) = connection::of_url(url) else {
                let message =
                    format!("connection.{id}: expected a URL such as postgres://db:5432/shop");
                let at = bi::place("configuration", "", None);
                let told = bi::told(Severity::Error, "config/value", message, at);
                return Err(ExtractError::Malformed(told));
            };
            let address = connection::Address::parse(url).unwrap_or_default();
            if let Some(schema) = address.parameter("schema") {
                connection.schema = Some(schema.to_owned());
            }
            if connection.dialect.is_none() {
                let scheme = connection.namespace.split(':').next().unwrap_or_default();
                connection.dialect = connection::dialect_of(scheme);
            }
            found.known.insert(id.to_owned(), connection);
        }
        for (of, id) in config.with_prefix("conn_id.") {
            found.of_tasks.insert(of.to_owned(), id.to_owned());
        }
        Ok(found)
    }

    /// What a connection connects to.
    pub(crate) fn get(&self, id: &str) -> Option<&Connection> {
        self.known.get(id)
    }

    /// The connection of a task: as the task says, as it is configured, or as its operator's documentation says.
    pub(crate) fn id_of(
        &self,
        task: &[&Value],
        (dag, name, operator): (&str, &str, &str),
    ) -> Option<String> {
        let said = task
            .iter()
            .filter_map(|part| decode::object(part))
            .find_map(|fields| {
                let own = fields
                    .get("conn_id")
                    .and_then(|value| decode::bare(value).as_str());
                let other = || {
                    fields
                        .iter()
                        .filter(|(key, _)| key.ends_with("_conn_id"))
                        .find_map(|(_, value)| decode::bare(value).as_str())
                };
                own.or_else(other).filter(|id| !id.is_empty())
            });
        if let Some(id) = said {
            return Some(id.to_owned());
        }
        let task = format!("{dag}.{name}");
        let keys = [task.as_str(), dag, operator];
        let configured = keys.iter().find_map(|key| self.of_tasks.get(*key));
        let documented = || {
            let (_, id) = DEFAULTS.iter().find(|(known, _)| *known == operator)?;
            Some((*id).to_owned())
        };
        configured.cloned().or_else(documented)
    }
}
