//! Databases: what connection strings of JDBC say, and what tables are called by `OpenLineage`'s naming conventions.

/// A database as a connector reaches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Database {
    pub(crate) namespace: String,
    pub(crate) platform: &'static str,
    pub(crate) catalog: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) names: Names,
}

/// Which parts names have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// `database.schema.table`
    Three,
    /// `database.table`
    Two,
    /// `table`
    One,
}

struct Platform {
    /// As JDBC calls it.
    jdbc: &'static str,
    scheme: &'static str,
    dialect: &'static str,
    port: &'static str,
    names: Names,
    /// The schema of names that say none.
    inner: Option<&'static str>,
}

const fn platform(
    jdbc: &'static str,
    scheme: &'static str,
    dialect: &'static str,
    port: &'static str,
    names: Names,
    inner: Option<&'static str>,
) -> Platform {
    Platform {
        jdbc,
        scheme,
        dialect,
        port,
        names,
        inner,
    }
}

/// Source: naming conventions of `OpenLineage`; for what they do not name, the driver's name is the scheme.
const PLATFORMS: &[Platform] = &[
    platform(
        "postgresql",
        "postgres",
        "postgres",
        "5432",
        Names::Three,
        Some("public"),
    ),
    platform(
        "postgres",
        "postgres",
        "postgres",
        "5432",
        Names::Three,
        Some("public"),
    ),
    platform("mysql", "mysql", "mysql", "3306", Names::Two, None),
    platform("mariadb", "mysql", "mysql", "3306", Names::Two, None),
    platform(
        "sqlserver",
        "mssql",
        "mssql",
        "1433",
        Names::Three,
        Some("dbo"),
    ),
    platform("jtds", "mssql", "mssql", "1433", Names::Three, Some("dbo")),
    platform("oracle", "oracle", "oracle", "1521", Names::Three, None),
    platform("db2", "db2", "db2", "50000", Names::Three, None),
    platform(
        "redshift",
        "redshift",
        "redshift",
        "5439",
        Names::Three,
        Some("public"),
    ),
    platform(
        "snowflake",
        "snowflake",
        "snowflake",
        "",
        Names::Three,
        None,
    ),
    platform(
        "clickhouse",
        "clickhouse",
        "clickhouse",
        "8123",
        Names::Two,
        None,
    ),
    platform("ch", "clickhouse", "clickhouse", "8123", Names::Two, None),
    platform("trino", "trino", "trino", "8080", Names::Three, None),
    platform(
        "hive2",
        "hive",
        "hive",
        "10000",
        Names::Two,
        Some("default"),
    ),
    platform("teradata", "teradata", "teradata", "1025", Names::Two, None),
    platform(
        "vertica",
        "vertica",
        "vertica",
        "5433",
        Names::Three,
        Some("public"),
    ),
    platform(
        "crate",
        "crate",
        "postgres",
        "5432",
        Names::Three,
        Some("doc"),
    ),
    platform("sap", "hana", "generic", "30015", Names::Two, None),
    platform(
        "informix-sqli",
        "informix",
        "generic",
        "9088",
        Names::Three,
        None,
    ),
    platform(
        "cassandra",
        "cassandra",
        "generic",
        "9042",
        Names::Two,
        None,
    ),
    platform("mongodb", "mongodb", "generic", "27017", Names::Two, None),
    platform("vitess", "vitess", "mysql", "15991", Names::Two, None),
];

impl Database {
    /// A database of the platform that JDBC calls so, at a host.
    pub(crate) fn at(jdbc: &str, host: &str, port: Option<&str>) -> Option<Self> {
        let platform = PLATFORMS.iter().find(|platform| platform.jdbc == jdbc)?;
        let host = host.trim();
        if host.is_empty() {
            return None;
        }
        let port = port
            .filter(|port| !port.is_empty())
            .unwrap_or(platform.port);
        let host = match platform.scheme {
            "redshift" => redshift(host),
            "snowflake" => host
                .strip_suffix(".snowflakecomputing.com")
                .unwrap_or(host)
                .to_owned(),
            _ => host.to_owned(),
        };
        let namespace = if port.is_empty() || platform.scheme == "snowflake" {
            format!("{}://{host}", platform.scheme)
        } else {
            format!("{}://{host}:{port}", platform.scheme)
        };
        Some(Self {
            namespace,
            platform: platform.dialect,
            catalog: None,
            schema: platform.inner.map(str::to_owned),
            names: platform.names,
        })
    }

    /// Reads a connection string; none if it is of a form that is not known. Credentials are left behind.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let rest = url.trim().strip_prefix("jdbc:")?;
        if let Some(path) = rest.strip_prefix("sqlite:") {
            let path = path.split('?').next().unwrap_or_default();
            return Some(Self {
                namespace: format!("sqlite://{path}"),
                platform: "sqlite",
                catalog: None,
                schema: None,
                names: Names::One,
            });
        }
        if let Some(path) = rest.strip_prefix("duckdb:") {
            let path = path.split(['?', ';']).next().unwrap_or_default();
            // In DuckDB a database in a file is called as the file is.
            let file = path.rsplit('/').next().unwrap_or_default();
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            return (!stem.is_empty()).then(|| Self {
                namespace: format!("duckdb://{path}"),
                platform: "duckdb",
                catalog: Some(stem.to_owned()),
                schema: Some("main".to_owned()),
                names: Names::Three,
            });
        }
        if let Some(rest) = rest.strip_prefix("oracle:thin:") {
            return oracle(rest);
        }
        let rest = rest.strip_prefix("jtds:").unwrap_or(rest);
        let rest = rest.strip_prefix("aws-wrapper:").unwrap_or(rest);
        let (driver, rest) = rest.split_once("://")?;
        let driver = driver.split(':').next().unwrap_or(driver);
        let end = rest.find(['/', '?', ';']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        // Of several hosts, the first one stands for all.
        let first = authority.split(',').next().unwrap_or(authority);
        let (host, port) = host_and_port(first);
        let mut database = Self::at(driver, host, port)?;
        let (path, parameters) = match tail.find(['?', ';']) {
            Some(at) => (&tail[..at], &tail[at + 1..]),
            None => (tail, ""),
        };
        let path = path.trim_start_matches('/');
        // DB2 has its parameters after a colon.
        let (path, more) = path.split_once(':').unwrap_or((path, ""));
        let (path, more) = if driver == "teradata" {
            ("", path)
        } else {
            (path, more)
        };
        let mut path = path.split('/');
        database.catalog = path
            .next()
            .filter(|name| !name.is_empty())
            .map(str::to_owned);
        if driver == "trino"
            && let Some(schema) = path.next().filter(|name| !name.is_empty())
        {
            database.schema = Some(schema.to_owned());
        }
        for parameters in [parameters, more] {
            database.parameters(parameters);
        }
        Some(database)
    }

    fn parameters(&mut self, parameters: &str) {
        for pair in parameters.split(['&', ';', ',']) {
            let Some((key, value)) = pair.split_once('=') else {
                continue;
            };
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            let value = Some(value.split("%2C").next().unwrap_or(value).to_owned());
            match key.trim().to_ascii_lowercase().as_str() {
                "currentschema" | "schema" | "searchpath" => self.schema = value,
                "databasename" | "database" | "db" => self.catalog = value,
                _ => {}
            }
        }
    }

    /// What a table is called whose name has these parts, outermost first.
    pub(crate) fn table(&self, parts: &[&str]) -> String {
        let catalog = self.catalog.as_deref();
        let schema = self.schema.as_deref();
        let mut name: Vec<&str> = Vec::new();
        match (self.names, parts.len()) {
            (Names::Three, 1) => name.extend(catalog.into_iter().chain(schema)),
            (Names::Three, 2) => name.extend(catalog),
            (Names::Two, 1) => name.extend(catalog.or(schema)),
            _ => {}
        }
        name.extend(parts);
        name.join(".")
    }
}

/// Host and port; a host of IPv6 keeps its brackets.
pub(crate) fn host_and_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            (host, Some(port))
        }
        _ => (text, None),
    }
}

/// `cluster.id.region.redshift.amazonaws.com` is `cluster.region` by the naming conventions.
fn redshift(host: &str) -> String {
    match host.split('.').collect::<Vec<_>>()[..] {
        [cluster, _, region, "redshift", ..] => format!("{cluster}.{region}"),
        _ => host.to_owned(),
    }
}

/// `user/password@host:port:sid`, `@//host:port/service`.
fn oracle(rest: &str) -> Option<Database> {
    let (_, address) = rest.rsplit_once('@')?;
    let address = address.split('?').next().unwrap_or(address);
    let address = address
        .strip_prefix("tcp:")
        .or_else(|| address.strip_prefix("tcps:"))
        .unwrap_or(address);
    let address = address.trim_start_matches('/');
    let (server, name) = if let Some((server, service)) = address.split_once('/') {
        (server, Some(service))
    } else {
        match address.split(':').collect::<Vec<_>>()[..] {
            [_, _, sid] => (&address[..address.len() - sid.len() - 1], Some(sid)),
            _ => (address, None),
        }
    };
    if server.contains(['(', ' ']) {
        return None;
    }
    let (host, port) = host_and_port(server);
    let mut database = Database::at("oracle", host, port)?;
    let name = name.map(|name| name.split([':', '/']).next().unwrap_or(name));
    database.catalog = name.filter(|name| !name.is_empty()).map(str::to_owned);
    Some(database)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_become_namespaces_and_names() {
        for (url, namespace, table) in [
            (
                "jdbc:postgresql://db:5432/shop?currentSchema=inv&user=u&password=p",
                "postgres://db:5432",
                "shop.inv.t",
            ),
            (
                "jdbc:postgresql://u:p@db/shop",
                "postgres://db:5432",
                "shop.public.t",
            ),
            (
                "jdbc:mysql://db:3307/polls?user=u",
                "mysql://db:3307",
                "polls.t",
            ),
            ("jdbc:mariadb://db/polls", "mysql://db:3306", "polls.t"),
            (
                "jdbc:sqlserver://db:1433;databaseName=shop;user=u;password=p",
                "mssql://db:1433",
                "shop.dbo.t",
            ),
            (
                "jdbc:oracle:thin:scott/tiger@//db:1521/orcl",
                "oracle://db:1521",
                "orcl.t",
            ),
            (
                "jdbc:oracle:thin:@db:1521:orcl",
                "oracle://db:1521",
                "orcl.t",
            ),
            (
                "jdbc:db2://db:50000/SHOP:currentSchema=INV;user=u;",
                "db2://db:50000",
                "SHOP.INV.t",
            ),
            (
                "jdbc:redshift://c.abc.eu-west-1.redshift.amazonaws.com:5439/dev",
                "redshift://c.eu-west-1:5439",
                "dev.public.t",
            ),
            (
                "jdbc:snowflake://acme-eu.snowflakecomputing.com/?db=PROD&schema=RAW&user=u",
                "snowflake://acme-eu",
                "PROD.RAW.t",
            ),
            ("jdbc:sqlite:test.db", "sqlite://test.db", "t"),
            (
                "jdbc:duckdb:data/shop.duckdb",
                "duckdb://data/shop.duckdb",
                "shop.main.t",
            ),
            ("jdbc:clickhouse://ch:8123/d", "clickhouse://ch:8123", "d.t"),
        ] {
            let database = Database::of_url(url).unwrap();
            assert_eq!(
                (database.namespace.as_str(), database.table(&["t"]).as_str()),
                (namespace, table),
                "{url}"
            );
        }
        assert_eq!(Database::of_url("jdbc:unheard://x/y"), None);
        assert_eq!(Database::of_url("postgresql://x/y"), None);
    }
}
