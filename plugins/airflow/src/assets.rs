//! Assets (until 2.10: datasets): what their URIs name in `OpenLineage`'s naming conventions.

use std::collections::BTreeMap;

use bi::connection::Address;
use serde_json::Value;

use crate::decode;
use crate::model::Table;

/// Schemes of stores of files: the container is part of the namespace.
const STORES: &[&str] = &[
    "s3", "s3a", "gs", "gcs", "abfs", "abfss", "wasbs", "hdfs", "dbfs", "oss", "cos",
];
/// Schemes of databases: host and port, and names with dots.
const DATABASES: &[(&str, &str, &str)] = &[
    ("postgres", "postgres", "5432"),
    ("postgresql", "postgres", "5432"),
    ("mysql", "mysql", "3306"),
    ("mariadb", "mysql", "3306"),
    ("mssql", "mssql", "1433"),
    ("oracle", "oracle", "1521"),
    ("redshift", "redshift", "5439"),
    ("trino", "trino", "8080"),
    ("clickhouse", "clickhouse", "8123"),
    ("snowflake", "snowflake", ""),
    ("cockroachdb", "cockroachdb", "26257"),
    ("kafka", "kafka", "9092"),
];

/// The kind of what stands for an asset that is only named, until all assets are known.
pub(crate) const NAMED: &str = "NAMED";

/// Assets that were found, and the names that some of them have.
pub(crate) struct Assets<'n> {
    pub(crate) namespace: &'n str,
    pub(crate) found: Vec<Table>,
    pub(crate) names: BTreeMap<String, Table>,
}

impl<'n> Assets<'n> {
    /// Assets of a list, or of a condition, wherever they stand in it.
    pub(crate) fn of(value: &Value, namespace: &'n str) -> Self {
        let mut assets = Self {
            namespace,
            found: Vec::new(),
            names: BTreeMap::new(),
        };
        assets.walk(value, decode::DEPTH_MAX);
        assets
    }

    fn walk(&mut self, value: &Value, depth_left: usize) {
        if depth_left == 0 {
            return;
        }
        match value {
            Value::Array(items) => {
                for item in items {
                    self.walk(item, depth_left - 1);
                }
            }
            Value::Object(_) => {
                if let Some(table) = asset(value, self.namespace) {
                    if let Some(name) = decode::text(value, "name").filter(|_| table.kind != NAMED)
                    {
                        self.names.insert(name.to_owned(), table.clone());
                    }
                    self.found.push(table);
                    return;
                }
                if let Some(object) = decode::object(value) {
                    for inner in object.values() {
                        self.walk(inner, depth_left - 1);
                    }
                } else {
                    self.walk(decode::bare(value), depth_left - 1);
                }
            }
            _ => {}
        }
    }
}

/// One asset; none if the value is something else.
fn asset(value: &Value, namespace: &str) -> Option<Table> {
    if let Some(uri) = decode::text(value, "uri") {
        return of_uri(uri, namespace);
    }
    // Entities of airflow.lineage: a table and a file.
    if let (Some(cluster), Some(database), Some(name)) = (
        decode::text(value, "cluster"),
        decode::text(value, "database"),
        decode::text(value, "name"),
    ) {
        return table(cluster, &format!("{database}.{name}"), "TABLE");
    }
    if let Some(url) = decode::text(value, "url") {
        return of_uri(url, namespace);
    }
    match decode::kind(value) {
        // An alias stands for assets that only a run tells; one with a URI is no reference any more.
        Some("asset_ref" | "asset_name_ref") => {
            let name = decode::text(value, "name").or_else(|| decode::bare(value).as_str())?;
            table(namespace, name, NAMED)
        }
        Some("asset_uri_ref") => of_uri(decode::bare(value).as_str()?, namespace),
        _ => None,
    }
}

fn table(namespace: &str, name: &str, kind: &'static str) -> Option<Table> {
    let is_known = !decode::is_template(name) && !decode::is_template(namespace);
    (is_known && bi::is_name(namespace) && bi::is_name(name)).then(|| Table {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        kind,
    })
}

/// What a URI names. Source: the naming conventions of `OpenLineage`, and the URIs that Airflow's providers define.
pub(crate) fn of_uri(uri: &str, fallback: &str) -> Option<Table> {
    let Some(address) = Address::parse(uri) else {
        if let Some(path) = uri.strip_prefix('/') {
            return table("file", &format!("/{path}"), "FILE");
        }
        return table(fallback, uri, "");
    };
    let scheme = address.scheme.to_lowercase();
    let path = address.path.trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if scheme == "file" {
        return table("file", &format!("/{path}"), "FILE");
    }
    if STORES.contains(&&*scheme) {
        let scheme = match &*scheme {
            "s3a" => "s3",
            "gcs" => "gs",
            other => other,
        };
        // abfss://container@account keeps its container: the address has lost it.
        let authority = uri.split_once("://")?.1.split('/').next()?;
        let name = if path.is_empty() { "/" } else { path };
        return table(&format!("{scheme}://{authority}"), name, "FILE");
    }
    if scheme == "bigquery" {
        let mut names = vec![address.host];
        names.extend(parts);
        return table("bigquery", &names.join("."), "TABLE");
    }
    let database = DATABASES.iter().find(|(known, ..)| *known == scheme);
    if let Some((_, platform, port)) = database
        && !address.host.is_empty()
        && !parts.is_empty()
    {
        let host = address.host.to_lowercase();
        let port = address.port.unwrap_or(port);
        let colon = if port.is_empty() { "" } else { ":" };
        let kind = if scheme == "kafka" { "TOPIC" } else { "TABLE" };
        return table(
            &format!("{platform}://{host}{colon}{port}"),
            &parts.join("."),
            kind,
        );
    }
    // Credentials stay out whatever the scheme is.
    let clean = match address.port {
        Some(port) => format!("{scheme}://{}:{port}/{path}", address.host),
        None => format!("{scheme}://{}/{path}", address.host),
    };
    table(fallback, clean.trim_end_matches('/'), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_named_as_openlineage_names_them() {
        for (uri, namespace, name) in [
            ("s3://bucket/a/b.csv", "s3://bucket", "a/b.csv"),
            ("s3a://bucket/a", "s3://bucket", "a"),
            ("gs://bucket/a", "gs://bucket", "a"),
            (
                "abfss://c@acc.dfs.core.windows.net/x",
                "abfss://c@acc.dfs.core.windows.net",
                "x",
            ),
            ("file:///tmp/x.txt", "file", "/tmp/x.txt"),
            ("/tmp/x.txt", "file", "/tmp/x.txt"),
            (
                "postgres://DB/shop/public/orders",
                "postgres://db:5432",
                "shop.public.orders",
            ),
            (
                "postgresql://u:p@db:6543/shop/public/orders",
                "postgres://db:6543",
                "shop.public.orders",
            ),
            (
                "snowflake://acme-eu/DB/S/T",
                "snowflake://acme-eu",
                "DB.S.T",
            ),
            (
                "bigquery://project/dataset/table",
                "bigquery",
                "project.dataset.table",
            ),
            ("x-wiki://u:secret@page/one", "airflow", "x-wiki://page/one"),
            ("orders", "airflow", "orders"),
        ] {
            let found = of_uri(uri, "airflow").map(|table| (table.namespace, table.name));
            assert_eq!(
                found,
                Some((namespace.to_owned(), name.to_owned())),
                "{uri}"
            );
        }
        assert_eq!(of_uri("s3://bucket/{{ ds }}", "airflow"), None);
    }
}
