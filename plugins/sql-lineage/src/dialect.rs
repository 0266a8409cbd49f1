//! Dialects: how each is parsed, and what its names mean.

use std::fmt;
use std::str::FromStr;

use sqlparser::dialect as parsers;

/// A dialect of SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// The standard.
    Ansi,
    /// `PostgreSQL`.
    Postgres,
    /// Amazon Redshift.
    Redshift,
    /// Snowflake.
    Snowflake,
    /// Google `BigQuery`.
    BigQuery,
    /// Databricks SQL.
    Databricks,
    /// Apache Spark SQL.
    Spark,
    /// Apache Hive.
    Hive,
    /// `MySQL`.
    MySql,
    /// Microsoft SQL Server.
    MsSql,
    /// Oracle Database.
    Oracle,
    /// `DuckDB`.
    DuckDb,
    /// `ClickHouse`.
    ClickHouse,
    /// Trino.
    Trino,
    /// `SQLite`.
    Sqlite,
    /// Whatever parses: the widest grammar.
    #[default]
    Generic,
}

/// Names of systems, and the dialect that is nearest.
const NAMES: &[(&str, Dialect)] = &[
    ("ansi", Dialect::Ansi),
    ("postgres", Dialect::Postgres),
    ("postgresql", Dialect::Postgres),
    ("greenplum", Dialect::Postgres),
    ("materialize", Dialect::Postgres),
    ("risingwave", Dialect::Postgres),
    ("cockroachdb", Dialect::Postgres),
    ("yugabytedb", Dialect::Postgres),
    ("alloydb", Dialect::Postgres),
    ("vertica", Dialect::Postgres),
    ("netezza", Dialect::Postgres),
    ("redshift", Dialect::Redshift),
    ("snowflake", Dialect::Snowflake),
    ("bigquery", Dialect::BigQuery),
    ("databricks", Dialect::Databricks),
    ("spark", Dialect::Spark),
    ("sparksql", Dialect::Spark),
    ("hive", Dialect::Hive),
    ("impala", Dialect::Hive),
    ("mysql", Dialect::MySql),
    ("mariadb", Dialect::MySql),
    ("doris", Dialect::MySql),
    ("starrocks", Dialect::MySql),
    ("singlestore", Dialect::MySql),
    ("mssql", Dialect::MsSql),
    ("sqlserver", Dialect::MsSql),
    ("tsql", Dialect::MsSql),
    ("synapse", Dialect::MsSql),
    ("fabric", Dialect::MsSql),
    ("oracle", Dialect::Oracle),
    ("duckdb", Dialect::DuckDb),
    ("clickhouse", Dialect::ClickHouse),
    ("trino", Dialect::Trino),
    ("presto", Dialect::Trino),
    ("athena", Dialect::Trino),
    ("sqlite", Dialect::Sqlite),
    ("generic", Dialect::Generic),
    ("teradata", Dialect::Generic),
    ("db2", Dialect::Generic),
    ("exasol", Dialect::Generic),
    ("drill", Dialect::Generic),
];

/// What folding does to identifiers without quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Folding {
    Upper,
    Lower,
    Keep,
}

impl Dialect {
    /// All dialects, the ones that say more of a text first.
    pub const ALL: [Self; 16] = [
        Self::Generic,
        Self::Ansi,
        Self::Postgres,
        Self::Snowflake,
        Self::BigQuery,
        Self::Databricks,
        Self::Spark,
        Self::Redshift,
        Self::MsSql,
        Self::Oracle,
        Self::MySql,
        Self::Hive,
        Self::DuckDb,
        Self::ClickHouse,
        Self::Trino,
        Self::Sqlite,
    ];

    /// The dialect's name.
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, dialect)| *dialect == self)
            .map_or("generic", |(name, _)| name)
    }

    /// Names of systems that are read as another dialect, and which.
    pub fn nearest() -> impl Iterator<Item = (&'static str, Self)> {
        NAMES
            .iter()
            .copied()
            .filter(|(name, dialect)| *name != dialect.name())
    }

    pub(crate) fn parser(self) -> &'static dyn parsers::Dialect {
        match self {
            Self::Ansi => &parsers::AnsiDialect {},
            Self::Postgres => &parsers::PostgreSqlDialect {},
            Self::Redshift => &parsers::RedshiftSqlDialect {},
            Self::Snowflake => &parsers::SnowflakeDialect,
            Self::BigQuery => &parsers::BigQueryDialect,
            Self::Databricks => &parsers::DatabricksDialect,
            Self::Spark => &parsers::SparkSqlDialect,
            Self::Hive => &parsers::HiveDialect {},
            Self::MySql => &parsers::MySqlDialect {},
            Self::MsSql => &parsers::MsSqlDialect {},
            Self::Oracle => &parsers::OracleDialect,
            Self::DuckDb => &crate::grammar::DuckDb,
            Self::ClickHouse => &parsers::ClickHouseDialect {},
            Self::Sqlite => &parsers::SQLiteDialect {},
            Self::Trino | Self::Generic => &parsers::GenericDialect {},
        }
    }

    /// An identifier without quotes, as the dialect keeps it.
    pub(crate) fn fold(self, identifier: &str) -> String {
        match self.folding() {
            Folding::Upper => identifier.to_uppercase(),
            Folding::Lower => identifier.to_lowercase(),
            Folding::Keep => identifier.to_owned(),
        }
    }

    /// True if identifiers without quotes do not stay as they are.
    pub(crate) fn folds(self) -> bool {
        self.folding() != Folding::Keep
    }

    fn folding(self) -> Folding {
        match self {
            Self::Snowflake | Self::Oracle => Folding::Upper,
            Self::Postgres | Self::Redshift | Self::Trino => Folding::Lower,
            // The others keep the case, or do not care about it.
            _ => Folding::Keep,
        }
    }

    /// True if `\` escapes in strings.
    pub(crate) fn has_backslash_escapes(self) -> bool {
        matches!(
            self,
            Self::MySql
                | Self::BigQuery
                | Self::Databricks
                | Self::Spark
                | Self::Hive
                | Self::Snowflake
                | Self::ClickHouse
        )
    }

    /// True if `#` begins a comment.
    pub(crate) fn has_hash_comments(self) -> bool {
        matches!(self, Self::MySql | Self::BigQuery | Self::ClickHouse)
    }

    /// True if comments nest.
    pub(crate) fn has_nested_comments(self) -> bool {
        matches!(
            self,
            Self::Postgres | Self::Redshift | Self::MsSql | Self::DuckDb | Self::ClickHouse
        )
    }

    /// True if `[x]` is an identifier.
    pub(crate) fn has_brackets(self) -> bool {
        matches!(self, Self::MsSql | Self::Sqlite | Self::Redshift)
    }

    /// True if an item of a select list may be named in a later one.
    pub(crate) fn has_lateral_aliases(self) -> bool {
        matches!(
            self,
            Self::Snowflake
                | Self::Redshift
                | Self::Databricks
                | Self::Spark
                | Self::ClickHouse
                | Self::DuckDb
        )
    }

    /// True if `a.b` may be a field in a column.
    pub(crate) fn has_field_paths(self) -> bool {
        matches!(
            self,
            Self::BigQuery
                | Self::Databricks
                | Self::Spark
                | Self::Hive
                | Self::DuckDb
                | Self::ClickHouse
                | Self::Trino
                | Self::Redshift
                | Self::Generic
                | Self::Ansi
        )
    }

    /// True if a name has a schema and a table only: `USE x` chooses the schema.
    pub(crate) fn has_two_levels(self) -> bool {
        matches!(
            self,
            Self::MySql | Self::Hive | Self::Spark | Self::ClickHouse
        )
    }

    /// True if `COLUMNS(…)` stands for columns, one after the other.
    pub(crate) fn has_columns_expression(self) -> bool {
        matches!(self, Self::DuckDb | Self::ClickHouse | Self::Generic)
    }

    /// True if a common table expression may name itself without RECURSIVE.
    pub(crate) fn recurses_unsaid(self) -> bool {
        matches!(
            self,
            Self::MsSql | Self::Oracle | Self::Snowflake | Self::Generic | Self::Ansi
        )
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No dialect, and no system that is near to one, has that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDialect(pub String);

impl fmt::Display for UnknownDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        write!(
            f,
            "expected a dialect (auto, {}), found `{}`",
            names.join(", "),
            self.0
        )
    }
}

impl std::error::Error for UnknownDialect {}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        let wanted = text.to_lowercase().replace(['-', '_', ' '], "");
        NAMES
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, dialect)| *dialect)
            .ok_or_else(|| UnknownDialect(text.to_owned()))
    }
}
