//! The platforms whose names are known: one row each.

use crate::folding::Fold;

/// What names of a platform are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Identifiers, separated by dots: this many in a full name.
    Parts(usize),
    /// A path of files or objects.
    Path,
    /// A topic of a cluster that has several brokers.
    Topic,
    /// A table of AWS Glue: `table/<database>/<table>`.
    Glue,
    /// Something that only its platform reads.
    Opaque,
}

/// What a platform's namespaces and names are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The platform, as OpenLineage calls it.
    pub platform: &'static str,
    /// What its namespaces begin with.
    pub name: &'static str,
    /// Other spellings of that.
    pub spellings: &'static [&'static str],
    /// The port that is meant where a namespace has none.
    pub port: Option<u16>,
    /// What its names are made of.
    pub shape: Shape,
    /// How it folds identifiers.
    pub fold: Fold,
    /// True if the authority names a host, whose case does not count.
    pub has_host: bool,
}

impl Scheme {
    /// The platform of namespaces that begin so, in any spelling, without regard to case. What follows a plus sign
    /// names a driver.
    pub(crate) fn find(text: &str) -> Option<&'static Self> {
        let plain = text.split_once('+').map_or(text, |(plain, _)| plain);
        SCHEMES.iter().find(|scheme| {
            scheme.name.eq_ignore_ascii_case(plain)
                || scheme
                    .spellings
                    .iter()
                    .any(|spelling| spelling.eq_ignore_ascii_case(plain))
        })
    }
}

const fn database(
    platform: &'static str,
    name: &'static str,
    port: Option<u16>,
    parts: usize,
    fold: Fold,
) -> Scheme {
    Scheme {
        platform,
        name,
        spellings: &[],
        port,
        shape: Shape::Parts(parts),
        fold,
        has_host: true,
    }
}

const fn files(platform: &'static str, name: &'static str) -> Scheme {
    Scheme {
        platform,
        name,
        spellings: &[],
        port: None,
        shape: Shape::Path,
        fold: Fold::VERBATIM,
        has_host: false,
    }
}

const fn opaque(platform: &'static str, name: &'static str, has_host: bool) -> Scheme {
    Scheme {
        shape: Shape::Opaque,
        has_host,
        ..files(platform, name)
    }
}

impl Scheme {
    const fn or(mut self, spellings: &'static [&'static str]) -> Self {
        self.spellings = spellings;
        self
    }

    const fn on_host(mut self, port: Option<u16>) -> Self {
        self.has_host = true;
        self.port = port;
        self
    }

    const fn shaped(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    const fn without_host(mut self) -> Self {
        self.has_host = false;
        self
    }
}

/// Every platform of OpenLineage's naming conventions, and a few that its clients name besides.
pub const SCHEMES: &[Scheme] = &[
    database("Athena", "awsathena", None, 3, Fold::LOWER),
    files("AWS Glue", "arn:aws:glue").shaped(Shape::Glue),
    opaque("Azure Cosmos DB", "azurecosmos", true),
    database("Azure Data Explorer", "azurekusto", None, 2, Fold::VERBATIM),
    database("BigQuery", "bigquery", None, 3, Fold::VERBATIM).without_host(),
    database("Cassandra", "cassandra", Some(9042), 2, Fold::BARE_LOWER),
    database("Milvus", "milvus", Some(19530), 2, Fold::VERBATIM),
    database(
        "Microsoft Fabric Warehouse",
        "fabric-warehouse",
        Some(1433),
        3,
        Fold::VERBATIM,
    ),
    database("MySQL", "mysql", Some(3306), 2, Fold::VERBATIM),
    database("CrateDB", "crate", Some(5432), 3, Fold::BARE_LOWER),
    database("DB2", "db2", Some(50000), 3, Fold::BARE_UPPER),
    database("Hive", "hive", Some(10000), 2, Fold::LOWER).or(&["hive2"]),
    database(
        "MSSQL, Azure Synapse",
        "mssql",
        Some(1433),
        3,
        Fold::VERBATIM,
    )
    .or(&["sqlserver"]),
    database("OceanBase", "oceanbase", Some(2881), 2, Fold::VERBATIM),
    database("Oracle", "oracle", Some(1521), 3, Fold::BARE_UPPER),
    database("Postgres", "postgres", Some(5432), 3, Fold::BARE_LOWER).or(&["postgresql"]),
    database("Teradata", "teradata", Some(1025), 2, Fold::LOWER),
    database("Redshift", "redshift", Some(5439), 3, Fold::BARE_LOWER),
    database("Snowflake", "snowflake", None, 3, Fold::BARE_UPPER),
    database("Spanner", "spanner", None, 3, Fold::VERBATIM).without_host(),
    database("Trino", "trino", None, 3, Fold::LOWER),
    database("Unity Catalog", "unitycatalog", Some(443), 3, Fold::LOWER),
    database("DuckDB", "duckdb", None, 3, Fold::LOWER).without_host(),
    opaque("SQLite", "sqlite", false),
    files("ABFSS (Azure Data Lake Gen2)", "abfss")
        .or(&["abfs"])
        .on_host(None),
    files("DBFS (Databricks File System)", "dbfs"),
    files("GCS", "gs").or(&["gcs"]),
    files("HDFS", "hdfs").on_host(Some(8020)),
    Scheme {
        shape: Shape::Topic,
        has_host: true,
        port: Some(9092),
        ..files("Kafka", "kafka")
    },
    files("Local and remote file systems", "file").on_host(None),
    opaque("Box", "box", true),
    opaque("FileNet", "filenet", true),
    files("S3", "s3").or(&["s3a", "s3n"]),
    opaque("SharePoint", "mssharepoint", true),
    files("WASBS (Azure Blob Storage)", "wasbs")
        .or(&["wasb"])
        .on_host(None),
    opaque("PubSub", "pubsub", false),
    opaque("In memory", "inmemory", false),
];
