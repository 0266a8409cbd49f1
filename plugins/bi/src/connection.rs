//! What a tool connects to, by `OpenLineage`'s naming conventions.

use sql_lineage::{Dialect, TableName};

/// A database as a tool knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// The namespace of its tables; never has credentials.
    pub namespace: String,
    /// The database of names that say none.
    pub database: Option<String>,
    /// The schema of names that say none.
    pub schema: Option<String>,
    /// The SQL that it speaks, if that is known.
    pub dialect: Option<Dialect>,
}

/// How many parts names of a platform have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    /// `database.schema.table`.
    Three,
    /// `schema.table`: what others call a schema is the database.
    Two,
    /// `table`.
    One,
}

/// The name of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name in the namespace of the connection.
    pub name: String,
    /// Whether it has all the parts that names there have.
    pub is_whole: bool,
}

/// Schemes whose names have two parts. Source: naming conventions of the specification.
const TWO_PARTS: &[&str] = &[
    "mysql",
    "mariadb",
    "hive",
    "spark",
    "clickhouse",
    "teradata",
    "impala",
    "doris",
    "starrocks",
    "oceanbase",
    "cassandra",
    "singlestore",
    "druid",
    "mongodb",
];

impl Connection {
    /// A connection of which only the namespace is known.
    pub fn of_namespace(namespace: &str) -> Self {
        let scheme = scheme(namespace);
        Self {
            namespace: namespace.to_owned(),
            dialect: dialect_of(scheme),
            ..Self::default()
        }
    }

    /// The same, where something else is said of names that say no database, or no schema.
    #[must_use]
    pub fn with_defaults(mut self, database: Option<&str>, schema: Option<&str>) -> Self {
        if let Some(database) = database {
            self.database = Some(database.to_owned());
            // Another database has schemas of its own; where there is none between it and tables, it is both.
            self.schema = None;
        }
        if let Some(schema) = schema {
            self.schema = Some(schema.to_owned());
        }
        self
    }

    fn parts(&self) -> Option<Parts> {
        let scheme = scheme(&self.namespace);
        if TWO_PARTS.contains(&scheme) {
            return Some(Parts::Two);
        }
        match scheme {
            "sqlite" => Some(Parts::One),
            "superset" | "metabase" => None,
            _ => Some(Parts::Three),
        }
    }

    /// The name of a table of which database and schema may be known.
    pub fn name(&self, database: Option<&str>, schema: Option<&str>, table: &str) -> Named {
        let database = database.or(self.database.as_deref());
        let schema = schema.or(self.schema.as_deref());
        let (known, is_whole): (Vec<&str>, bool) = match (self.parts(), database, schema) {
            (Some(Parts::One), ..) => (vec![table], true),
            (Some(Parts::Two), _, Some(schema)) => (vec![schema, table], true),
            (Some(Parts::Two), Some(database), None) => (vec![database, table], true),
            (_, Some(database), Some(schema)) => (vec![database, schema, table], true),
            (parts, None, Some(schema)) => (vec![schema, table], parts.is_none()),
            // A database and a table without what is between them would be taken for a schema and a table.
            (parts, _, None) => (vec![table], parts.is_none()),
        };
        Named {
            name: known.join("."),
            is_whole,
        }
    }

    /// The name of a table of which SQL tells some parts.
    pub fn table(&self, table: &TableName) -> Named {
        match table.parts() {
            [name] => self.name(None, None, name),
            [schema, name] => self.name(None, Some(schema), name),
            [.., database, schema, name] => self.name(Some(database), Some(schema), name),
            [] => self.name(None, None, ""),
        }
    }
}

/// What stands before the first colon; the whole, where there is none.
fn scheme(namespace: &str) -> &str {
    namespace
        .split_once(':')
        .map_or(namespace, |(scheme, _)| scheme)
}

/// The dialect of a platform, by the scheme of its namespace or what tools call it.
pub fn dialect_of(platform: &str) -> Option<Dialect> {
    let name = match platform {
        "awsathena" => "athena",
        "clickhousedb" => "clickhouse",
        "unitycatalog" => "databricks",
        "fabric-warehouse" => "fabric",
        "bigquery-cloud-sdk" => "bigquery",
        "presto-jdbc" => "presto",
        "crate" => "postgres",
        other => other,
    };
    name.parse().ok()
}

/// The parts of a URL that name what is connected to, without credentials.
#[derive(Clone, Debug, Default)]
pub struct Address<'u> {
    /// `postgresql+psycopg2`.
    pub scheme: &'u str,
    /// Host without credentials; may be empty.
    pub host: &'u str,
    /// Port, if there is one.
    pub port: Option<&'u str>,
    /// What follows the authority, without the first slash.
    pub path: &'u str,
    query: &'u str,
}

impl<'u> Address<'u> {
    /// Takes a URL apart; none if it is none.
    pub fn parse(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may have slashes that nobody has escaped.
        let rest = match rest.rsplit_once('@') {
            Some((_, rest)) if !rest.is_empty() => rest,
            _ => rest,
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
                (host, Some(port))
            }
            _ => (authority, None),
        };
        Some(Self {
            scheme,
            host,
            port,
            path,
            query,
        })
    }

    /// The value of a parameter behind the `?`.
    pub fn parameter(&self, key: &str) -> Option<&'u str> {
        self.query
            .split('&')
            .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
            .filter(|value| !value.is_empty())
    }

    fn segment(&self, at: usize) -> Option<String> {
        let segment = self.path.split('/').nth(at)?;
        (!segment.is_empty()).then(|| segment.to_owned())
    }

    fn at(&self, scheme: &str, default_port: &str) -> String {
        at(scheme, self.host, self.port.unwrap_or(default_port))
    }
}

fn at(scheme: &str, host: &str, port: &str) -> String {
    let host = host.to_lowercase();
    if port.is_empty() {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{port}")
    }
}

/// `redshift://{cluster_identifier}.{region_name}:{port}` of a host of Amazon's, else of the host.
fn redshift(host: &str, port: &str) -> String {
    let labels: Vec<&str> = host.split('.').collect();
    match &labels[..] {
        [
            cluster,
            _,
            region,
            "redshift" | "redshift-serverless",
            "amazonaws",
            "com",
        ] => at("redshift", &format!("{cluster}.{region}"), port),
        _ => at("redshift", host, port),
    }
}

/// What a URL of `SQLAlchemy` connects to; none if it does not tell.
pub fn of_url(url: &str) -> Option<Connection> {
    let address = Address::parse(url)?;
    let platform = address.scheme.split('+').next()?.to_lowercase();
    let first = address.segment(0);
    let second = address.segment(1);
    let host_needed = !matches!(&*platform, "bigquery" | "sqlite" | "duckdb" | "awsathena");
    if host_needed && address.host.is_empty() {
        return None;
    }
    let (namespace, database, schema) = match &*platform {
        "postgresql" | "postgres" => (address.at("postgres", "5432"), first, None),
        "cockroachdb" => (address.at("cockroachdb", "26257"), first, None),
        "redshift" => (
            redshift(address.host, address.port.unwrap_or("5439")),
            first,
            None,
        ),
        "mysql" | "mariadb" => (address.at("mysql", "3306"), first, None),
        "mssql" => (address.at("mssql", "1433"), first, None),
        "oracle" => {
            let service = address.parameter("service_name").map(str::to_owned);
            (address.at("oracle", "1521"), service.or(first), None)
        }
        "snowflake" => {
            let account = address.host.trim_end_matches(".snowflakecomputing.com");
            (at("snowflake", account, ""), first, second)
        }
        "bigquery" => {
            let project = (!address.host.is_empty()).then(|| address.host.to_owned());
            ("bigquery".to_owned(), project, first)
        }
        // They name their tables alike, and the conventions know Trino alone.
        "trino" | "presto" => (address.at("trino", "8080"), first, second),
        "starrocks" | "doris" => (address.at(&platform, "9030"), first, second),
        "hive" | "impala" => (address.at(&platform, ""), first, None),
        "clickhouse" | "clickhousedb" => (address.at("clickhouse", "8123"), first, None),
        "databricks" => {
            let parameter = |key| address.parameter(key).map(str::to_owned);
            let namespace = at("databricks", address.host, "");
            (
                namespace,
                parameter("catalog"),
                parameter("schema").or(first),
            )
        }
        "awsathena" => {
            let region = address.host.strip_prefix("athena.")?;
            let region = region.strip_suffix(".amazonaws.com")?;
            let namespace = format!("awsathena://athena.{region}.amazonaws.com");
            let catalog = address
                .parameter("catalog_name")
                .unwrap_or("AwsDataCatalog");
            (namespace, Some(catalog.to_owned()), first)
        }
        "sqlite" | "duckdb" => return of_file(&platform, address.path),
        _ => (address.at(&platform, ""), first, second),
    };
    Some(Connection {
        namespace,
        database,
        schema,
        dialect: dialect_of(&platform),
    })
}

/// A database in a file: in `DuckDB` it is called as the file is.
pub fn of_file(platform: &str, path: &str) -> Option<Connection> {
    if path.is_empty() || path == ":memory:" {
        return None;
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    let is_duckdb = platform == "duckdb";
    Some(Connection {
        namespace: format!("{platform}://{path}"),
        database: is_duckdb.then(|| stem.to_owned()),
        schema: None,
        dialect: dialect_of(platform),
    })
}

/// What a host and a port are called, for tools that keep them apart.
pub fn of_host(
    platform: &str,
    host: &str,
    port: Option<&str>,
    database: Option<&str>,
) -> Option<Connection> {
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    of_url(&format!(
        "{platform}://{host}{port}/{}",
        database.unwrap_or("")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_namespaces_without_credentials() {
        for (url, namespace, table) in [
            (
                "postgresql+psycopg2://u:p@/x@DB:5432/shop",
                "postgres://db:5432",
                "shop.s.t",
            ),
            ("mysql://u@db/shop", "mysql://db:3306", "s.t"),
            (
                "snowflake://u:p@acme-eu/prod/raw?warehouse=w",
                "snowflake://acme-eu",
                "prod.s.t",
            ),
            ("bigquery://proj", "bigquery", "proj.s.t"),
            (
                "trino://u@t:8080/hive/default",
                "trino://t:8080",
                "hive.s.t",
            ),
            (
                "redshift+psycopg2://u:p@c1.abc.eu-west-1.redshift.amazonaws.com:5439/dev",
                "redshift://c1.eu-west-1:5439",
                "dev.s.t",
            ),
            (
                "databricks+connector://token:XX@h.cloud:443/default?http_path=p&catalog=main",
                "databricks://h.cloud",
                "main.s.t",
            ),
            (
                "awsathena+rest://k:s@athena.eu-west-1.amazonaws.com/db?s3_staging_dir=x",
                "awsathena://athena.eu-west-1.amazonaws.com",
                "AwsDataCatalog.s.t",
            ),
            ("sqlite:////tmp/x.db", "sqlite:///tmp/x.db", "t"),
            ("duckdb:///shop.duckdb", "duckdb://shop.duckdb", "shop.s.t"),
        ] {
            let connection = of_url(url).unwrap();
            assert_eq!(connection.namespace, namespace, "{url}");
            assert_eq!(connection.name(None, Some("s"), "t").name, table, "{url}");
        }
        assert_eq!(of_url("mssql+pyodbc:///?odbc_connect=x"), None);
        assert_eq!(of_url("XXXX"), None);
    }

    #[test]
    fn a_name_that_lacks_a_schema_is_not_whole() {
        let mut connection = Connection::of_namespace("postgres://db:5432");
        connection.database = Some("shop".into());
        let named = connection.name(None, None, "t");
        assert_eq!((&*named.name, named.is_whole), ("t", false));
        connection.schema = Some("public".into());
        let named = connection.table(&TableName::new(["t"]));
        assert_eq!((&*named.name, named.is_whole), ("shop.public.t", true));
    }
}
