//! Operators that carry data from one place to another, whose fields say from where to where.

use headwater_extractor::Location;

use crate::assets;
use crate::model::{Model, Table};
use crate::operators::Task;

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
    let Some((_, from, to)) = TRANSFERS.iter().find(|(known, ..)| *known == operator) else {
        return;
    };
    let connection = connection.and_then(|id| model.connections.get(id)).cloned();
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
                .texts(key)
                .into_iter()
                .filter_map(|text| {
                    let name = text.replace(':', ".");
                    let is_whole = name.split('.').count() == 3;
                    is_whole.then(|| {
                        assets::of_uri(&format!("bigquery://{}", name.replace('.', "/")), "")
                    })?
                })
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
