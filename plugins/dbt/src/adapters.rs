//! How each adapter's datasets are named, by `OpenLineage`'s naming conventions.

/// How an adapter's datasets are named.
pub(crate) struct Adapter {
    pub(crate) name: &'static str,
    /// The namespace in the conventions' notation; without braces it needs no configuration.
    pub(crate) namespace: &'static str,
    pub(crate) parts: Parts,
}

/// Which parts of `database.schema.table` an adapter's names have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    /// Those that dbt has.
    All,
    /// dbt's database is the schema again, or nothing.
    WithoutRepeatedDatabase,
    /// The conventions leave the database out.
    WithoutDatabase,
    /// `table/{database}/{table}` of the data catalog.
    Glue,
}

const fn adapter(name: &'static str, namespace: &'static str, parts: Parts) -> Adapter {
    Adapter {
        name,
        namespace,
        parts,
    }
}

/// Source: naming conventions of the specification; clickhouse, databricks, dremio, duckdb and
/// spark, which it does not name, as openlineage-dbt 1.54 names them.
const ADAPTERS: &[Adapter] = &[
    adapter(
        "athena",
        "awsathena://athena.{region_name}.amazonaws.com",
        Parts::All,
    ),
    adapter("bigquery", "bigquery", Parts::All),
    adapter(
        "clickhouse",
        "clickhouse://{host}:{port}",
        Parts::WithoutRepeatedDatabase,
    ),
    adapter("crate", "crate://{host}:{port}", Parts::All),
    adapter("databricks", "databricks://{host}", Parts::All),
    adapter("db2", "db2://{host}:{port}", Parts::All),
    adapter("dremio", "dremio://{host}:{port}", Parts::All),
    adapter("duckdb", "duckdb://{path}", Parts::All),
    adapter(
        "fabric",
        "fabric-warehouse://{sql analytics endpoint}",
        Parts::All,
    ),
    adapter("glue", "arn:aws:glue:{region}:{account id}", Parts::Glue),
    adapter(
        "hive",
        "hive://{host}:{port}",
        Parts::WithoutRepeatedDatabase,
    ),
    adapter("impala", "", Parts::WithoutRepeatedDatabase),
    adapter(
        "mariadb",
        "mysql://{host}:{port}",
        Parts::WithoutRepeatedDatabase,
    ),
    adapter(
        "mysql",
        "mysql://{host}:{port}",
        Parts::WithoutRepeatedDatabase,
    ),
    adapter(
        "mysql5",
        "mysql://{host}:{port}",
        Parts::WithoutRepeatedDatabase,
    ),
    adapter(
        "oceanbase",
        "oceanbase://{host}:{port}",
        Parts::WithoutRepeatedDatabase,
    ),
    adapter("oracle", "oracle://{host}:{port}", Parts::All),
    adapter("postgres", "postgres://{host}:{port}", Parts::All),
    adapter(
        "redshift",
        "redshift://{cluster_identifier}.{region_name}:{port}",
        Parts::All,
    ),
    adapter(
        "snowflake",
        "snowflake://{organization name}-{account name}",
        Parts::All,
    ),
    adapter(
        "spark",
        "spark://{host}:{port}",
        Parts::WithoutRepeatedDatabase,
    ),
    adapter("sqlserver", "mssql://{host}:{port}", Parts::All),
    adapter(
        "synapse",
        "sqlserver://{host}:{port}",
        Parts::WithoutDatabase,
    ),
    adapter(
        "teradata",
        "teradata://{host}:{port}",
        Parts::WithoutRepeatedDatabase,
    ),
    adapter("trino", "trino://{host}:{port}", Parts::All),
];

impl Adapter {
    /// The adapter that dbt calls `name`.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ADAPTERS.iter().find(|adapter| adapter.name == name)
    }

    /// The first adapter whose namespaces begin as `namespace` does: adapters that share a
    /// scheme name their datasets alike.
    pub(crate) fn of_namespace(namespace: &str) -> Option<&'static Self> {
        let scheme = |namespace: &str| {
            let (scheme, _) = namespace.split_once(':')?;
            Some(scheme.to_owned())
        };
        let is_same = |adapter: &&Self| match scheme(namespace) {
            Some(found) => scheme(adapter.namespace).is_some_and(|known| known == found),
            None => adapter.namespace == namespace,
        };
        ADAPTERS.iter().find(is_same)
    }

    /// Whether column names that are not quoted mean the same in either case.
    pub(crate) fn folds_columns(&self) -> bool {
        self.name != "clickhouse"
    }

    /// Whether the namespace needs no configuration.
    pub(crate) fn is_complete(&self) -> bool {
        !self.namespace.is_empty() && !self.namespace.contains('{')
    }
}
