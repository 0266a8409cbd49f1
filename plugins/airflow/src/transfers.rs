//! Operators that carry data from one place to another, whose fields say from where to where.

use bi::connection::Connection;
use headwater_extractor::{Location, Severity};
use serde_json::Value;

use crate::model::{Model, Table};
use crate::operators::Task;
use crate::{assets, decode};

/// The namespace of all tables of `BigQuery`.
pub(crate) const BIG_QUERY: &str = "bigquery";

/// One end of a transfer: the fields that name it.
enum Place {
    /// Bucket, and keys in it (one text or a list), in a store of that scheme.
    Store(&'static str, &'static str, &'static str),
    /// A text `project.dataset.table`.
    BigQuery(&'static str),
    /// A URI, or a list of URIs.
    Uris(&'static str),
    /// Schema and table of the operator's connection.
    Connected(&'static str, &'static str),
    /// A path of the worker's machine.
    Local(&'static str),
}

impl Place {
    /// The fields that name it.
    fn keys(&self) -> Vec<&'static str> {
        match self {
            Self::Store(_, bucket, keys) => vec![bucket, keys],
            Self::Connected(schema, table) => vec![schema, table],
            Self::BigQuery(key) | Self::Uris(key) | Self::Local(key) => vec![key],
        }
    }
}

/// Operators and their two ends. Source: the documentation of Airflow's providers.
const TRANSFERS: &[(&str, Place, Place)] = &[
    (
        "GCSToBigQueryOperator",
        Place::Store("gs", "bucket", "source_objects"),
        Place::BigQuery("destination_project_dataset_table"),
    ),
    (
        "BigQueryToGCSOperator",
        Place::BigQuery("source_project_dataset_table"),
        Place::Uris("destination_cloud_storage_uris"),
    ),
    (
        "BigQueryToBigQueryOperator",
        Place::BigQuery("source_project_dataset_tables"),
        Place::BigQuery("destination_project_dataset_table"),
    ),
    (
        "S3ToRedshiftOperator",
        Place::Store("s3", "s3_bucket", "s3_key"),
        Place::Connected("schema", "table"),
    ),
    (
        "RedshiftToS3Operator",
        Place::Connected("schema", "table"),
        Place::Store("s3", "s3_bucket", "s3_key"),
    ),
    (
        "S3CopyObjectOperator",
        Place::Store("s3", "source_bucket_name", "source_bucket_key"),
        Place::Store("s3", "dest_bucket_name", "dest_bucket_key"),
    ),
    (
        "GCSToGCSOperator",
        Place::Store("gs", "source_bucket", "source_object"),
        Place::Store("gs", "destination_bucket", "destination_object"),
    ),
    (
        "GCSToS3Operator",
        Place::Store("gs", "gcs_bucket", "prefix"),
        Place::Uris("dest_s3_key"),
    ),
    (
        "S3ToGCSOperator",
        Place::Store("s3", "bucket", "prefix"),
        Place::Uris("dest_gcs"),
    ),
    (
        "GCSToLocalFilesystemOperator",
        Place::Store("gs", "bucket", "object_name"),
        Place::Local("filename"),
    ),
    (
        "LocalFilesystemToS3Operator",
        Place::Local("filename"),
        Place::Store("s3", "dest_bucket", "dest_key"),
    ),
    (
        "LocalFilesystemToGCSOperator",
        Place::Local("src"),
        Place::Store("gs", "bucket", "dst"),
    ),
    (
        "PostgresToGCSOperator",
        Place::Local("-"),
        Place::Store("gs", "bucket", "filename"),
    ),
    (
        "MySQLToGCSOperator",
        Place::Local("-"),
        Place::Store("gs", "bucket", "filename"),
    ),
    (
        "SqlToS3Operator",
        Place::Local("-"),
        Place::Store("s3", "s3_bucket", "s3_key"),
    ),
];

/// Reads a transfer's two ends. What its SQL reads is found with the SQL.
pub(crate) fn read(
    task: &Task<'_>,
    (name, operator, connection): (&str, &str, Option<&str>),
    at: &Location,
    model: &mut Model,
) {
    big_query_job(task, name, at, model);
    let Some((_, from, to)) = TRANSFERS.iter().find(|(known, ..)| *known == operator) else {
        return;
    };
    for place in [from, to] {
        // Which part of a table is meant may well be open.
        let is_known = matches!(place, Place::BigQuery(key) if !task.big_query(key).is_empty());
        if !is_known && place.keys().iter().any(|key| task.is_open(key)) {
            let message = format!(
                "the transfer {name} names a place that only a run fills in: this end of it is not known, or not all of it"
            );
            model.tell(Severity::Info, "airflow/templated-name", name, message, at);
        }
    }
    let connection = connection.and_then(|id| model.connections.get(id)).cloned();
    let project = connection
        .as_ref()
        .and_then(|known| known.database.as_deref());
    let tables = |place: &Place| -> Vec<Table> {
        match place {
            Place::Store(scheme, bucket, keys) => {
                let bucket = task.text(bucket);
                task.texts(keys)
                    .into_iter()
                    .filter_map(|key| {
                        if key.contains("://") {
                            return assets::of_uri(key, "file");
                        }
                        assets::of_uri(&format!("{scheme}://{}/{key}", bucket?), "file")
                    })
                    .collect()
            }
            Place::BigQuery(key) => task
                .big_query(key)
                .into_iter()
                .filter_map(|name| in_big_query(&name, task.text("project_id").or(project)))
                .collect(),
            Place::Uris(key) => task
                .texts(key)
                .into_iter()
                .filter_map(|uri| assets::of_uri(uri, "file"))
                .collect(),
            Place::Connected(schema, table) => {
                let (Some(connection), Some(table)) = (&connection, task.text(table)) else {
                    return Vec::new();
                };
                let named = connection.name(None, task.text(schema), table);
                vec![Table {
                    namespace: connection.namespace.clone(),
                    name: named.name,
                    kind: "TABLE",
                }]
            }
            Place::Local(key) => task
                .text(key)
                .filter(|path| path.starts_with('/'))
                .and_then(|path| assets::of_uri(path, "file"))
                .into_iter()
                .collect(),
        }
    };
    let (reads, writes) = (tables(from), tables(to));
    let job = model.job(name, "TASK", at);
    for table in reads {
        job.reads.entry(table).or_insert_with(|| at.clone());
    }
    for table in writes {
        job.writes.entry(table).or_insert_with(|| at.clone());
    }
}

/// The field that names the connection of an operator's SQL, where it has connections of two ends.
pub(crate) fn source_connection(operator: &str) -> &'static str {
    if operator == "GenericTransfer" {
        "source_conn_id"
    } else {
        ""
    }
}

/// Where an operator puts what its query gives.
pub(crate) fn destination(task: &Task<'_>, operator: &str, model: &Model) -> Option<Table> {
    if operator == "GenericTransfer" {
        let id = task.text("destination_conn_id")?;
        let unknown = || Connection::of_namespace(&format!("airflow://connections/{id}"));
        let connection = model.connections.get(id).cloned().unwrap_or_else(unknown);
        let parts: Vec<&str> = task.text("destination_table")?.split('.').collect();
        let named = match parts[..] {
            [table] => connection.name(None, None, table),
            [schema, table] => connection.name(None, Some(schema), table),
            [database, schema, table] => connection.name(Some(database), Some(schema), table),
            _ => return None,
        };
        return Some(Table {
            namespace: connection.namespace,
            name: named.name,
            kind: "TABLE",
        });
    }
    let names = task.big_query("destination_dataset_table");
    in_big_query(names.first()?, task.text("project_id"))
}

/// A table of `BigQuery`, by a name that may lack its project.
fn in_big_query(name: &str, project: Option<&str>) -> Option<Table> {
    let name = match name.split('.').count() {
        3 => name.to_owned(),
        2 => format!("{}.{name}", project?),
        _ => return None,
    };
    Some(Table {
        namespace: BIG_QUERY.to_owned(),
        name,
        kind: "TABLE",
    })
}

/// A table as the configuration of a job of `BigQuery` names it, without what says which part of it.
pub(crate) fn big_query_table(value: &Value) -> Option<Table> {
    let parts = ["projectId", "datasetId", "tableId"];
    let parts: Vec<&str> = parts
        .iter()
        .filter_map(|key| decode::text(value, key))
        .map(|part| part.split('$').next().unwrap_or(part))
        .filter(|part| !part.is_empty() && !decode::is_template(part))
        .collect();
    (parts.len() == 3).then(|| Table {
        namespace: BIG_QUERY.to_owned(),
        name: parts.join("."),
        kind: "TABLE",
    })
}

/// What a job of `BigQuery` loads, copies or extracts. Source: `JobConfiguration` of its REST API.
fn big_query_job(task: &Task<'_>, name: &str, at: &Location, model: &mut Model) {
    let Some((configuration, _)) = task.get("configuration") else {
        return;
    };
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    let mut is_open = false;
    for kind in ["load", "copy", "extract"] {
        let Some(job) = decode::member(configuration, kind) else {
            continue;
        };
        for (keys, side) in [
            (["sourceUris", "sourceTable", "sourceTables"], &mut reads),
            (
                ["destinationUris", "destinationUri", "destinationTable"],
                &mut writes,
            ),
        ] {
            for value in keys.into_iter().filter_map(|key| decode::member(job, key)) {
                let found_before = side.len();
                for item in decode::items(value) {
                    match decode::bare(item).as_str() {
                        Some(uri) if decode::is_template(uri) => {}
                        Some(uri) => side.extend(assets::of_uri(uri, "file")),
                        None => side.extend(big_query_table(item)),
                    }
                }
                is_open |= side.len() == found_before;
            }
        }
    }
    if is_open {
        let message = format!(
            "the job of {name} names a place that only a run fills in: this end of it is not known"
        );
        model.tell(Severity::Info, "airflow/templated-name", name, message, at);
    }
    let job = model.job(name, "TASK", at);
    for table in reads {
        job.reads.entry(table).or_insert_with(|| at.clone());
    }
    for table in writes {
        job.writes.entry(table).or_insert_with(|| at.clone());
    }
}
