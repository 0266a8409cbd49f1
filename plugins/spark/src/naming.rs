//! Names by `OpenLineage`'s naming conventions.

use std::collections::BTreeMap;

/// A dataset by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Table {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
}

/// Whether a name can be stated: not empty, not too long, no control characters.
pub(crate) fn is_name(name: &str) -> bool {
    const BYTES_MAX: usize = 1024;
    !name.is_empty() && name.len() <= BYTES_MAX && !name.chars().any(char::is_control)
}

impl Table {
    fn checked(namespace: String, name: String, kind: &'static str) -> Option<Self> {
        (is_name(&namespace) && is_name(&name)).then_some(Self {
            namespace,
            name,
            kind,
        })
    }
}

/// Where tables are that Spark knows by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naming {
    /// The namespace of tables of all catalogs.
    pub(crate) namespace: Option<String>,
    /// The namespace of one catalog's tables.
    pub(crate) of_catalog: BTreeMap<String, String>,
    /// The namespace of tables that are read by JDBC.
    pub(crate) jdbc: Option<String>,
    /// Where the log says that its metastore is.
    pub(crate) metastore: Option<String>,
}

impl Naming {
    /// A table by the parts of its name, outermost first. Spark's own catalog is no part of it.
    pub(crate) fn table(&self, parts: &[String]) -> Option<Table> {
        let (catalog, parts) = match parts {
            [catalog, rest @ ..] if rest.len() >= 2 => (catalog.as_str(), rest),
            parts => ("spark_catalog", parts),
        };
        let is_own = catalog == "spark_catalog";
        let of_catalog = self.of_catalog.get(catalog).or(self.namespace.as_ref());
        let metastore = self.metastore.as_ref().filter(|_| is_own);
        let namespace = of_catalog.or(metastore);
        let namespace = namespace
            .cloned()
            .unwrap_or_else(|| format!("spark://{catalog}"));
        let name = if is_own || self.of_catalog.contains_key(catalog) {
            parts.join(".")
        } else {
            format!("{catalog}.{}", parts.join("."))
        };
        Table::checked(namespace, name, "TABLE")
    }

    /// True if it is not known where the tables of a namespace are.
    pub(crate) fn is_local(namespace: &str) -> bool {
        namespace.starts_with("spark://")
    }
}

/// The namespace of a Hive metastore: the first of its addresses.
pub(crate) fn metastore(uris: &str) -> Option<String> {
    let first = uris.split(',').next()?.trim();
    let address = first.strip_prefix("thrift://")?.trim_end_matches('/');
    is_name(address).then(|| format!("hive://{address}"))
}

/// A path. Users, passwords and parameters are left out, and so is the file of one task.
pub(crate) fn path(text: &str) -> Option<Table> {
    let text = text.split(['?', '#']).next().unwrap_or_default().trim();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_lowercase(), rest),
        None => match text.split_once(":/") {
            Some((scheme, path)) => return local(scheme, &format!("/{path}")),
            None => return local("file", text),
        },
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.is_empty() {
        return local(&scheme, &format!("/{path}"));
    }
    let has_container = matches!(scheme.as_str(), "abfss" | "abfs" | "wasbs" | "wasb");
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) if !has_container || user.contains(':') => host,
        _ => authority,
    };
    let scheme = match scheme.as_str() {
        "s3a" | "s3n" => "s3",
        other => other,
    };
    let path = directory(path).trim_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    Table::checked(format!("{scheme}://{authority}"), path.to_owned(), "FILE")
}

fn local(scheme: &str, path: &str) -> Option<Table> {
    let path = directory(path);
    let path = if path == "/" {
        path
    } else {
        path.trim_end_matches('/')
    };
    Table::checked(scheme.to_owned(), path.to_owned(), "FILE")
}

/// A path without what one task wrote in it, and without partitions.
fn directory(path: &str) -> &str {
    let mut path = path.trim_end_matches('/');
    while let Some((before, last)) = path.rsplit_once('/') {
        let is_task = last
            .strip_prefix("part-")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let is_partition = last.split_once('=').is_some_and(|(key, _)| !key.is_empty());
        if before.is_empty() || !(is_task || is_partition) {
            break;
        }
        path = before;
    }
    path
}

/// The dataset of a table that is reached by JDBC. Of the address, user, password and parameters are left out.
pub(crate) fn jdbc(url: &str, table: &str) -> Option<Table> {
    let rest = url.strip_prefix("jdbc:")?;
    let (scheme, rest) = rest.split_once(':')?;
    let rest = rest.split_once("//")?.1;
    let (address, database) = rest.split_once(['/', ';']).unwrap_or((rest, ""));
    let address = address.rsplit_once('@').map_or(address, |(_, host)| host);
    let address = address.split(['?', ';', ',']).next().unwrap_or_default();
    let (scheme, port) = match scheme {
        "postgresql" => ("postgres", "5432"),
        "mysql" | "mariadb" => ("mysql", "3306"),
        "sqlserver" => ("mssql", "1433"),
        "redshift" => ("redshift", "5439"),
        "trino" => ("trino", "8080"),
        _ => return None,
    };
    let address = if address.contains(':') {
        address.to_owned()
    } else {
        format!("{address}:{port}")
    };
    let database = if scheme == "mssql" {
        let named = database.split(';').filter_map(|part| part.split_once('='));
        let mut named = named.filter(|(key, _)| {
            key.eq_ignore_ascii_case("databaseName") || key.eq_ignore_ascii_case("database")
        });
        named.next().map_or("", |(_, value)| value)
    } else {
        database.split(['?', ';', '/']).next().unwrap_or_default()
    };
    let table = table.replace(['"', '`'], "");
    let name = match (scheme, database) {
        (_, "") => table,
        ("mysql", database) if table.contains('.') => {
            let _ = database;
            table
        }
        (_, database) => format!("{database}.{table}"),
    };
    Table::checked(format!("{scheme}://{address}"), name, "TABLE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_as_openlineage_names_them() {
        for (text, namespace, name) in [
            ("file:/tmp/a", "file", "/tmp/a"),
            ("/tmp/a/", "file", "/tmp/a"),
            ("s3a://b/a/dt=1/h=2", "s3://b", "a"),
            ("hdfs://nn:8020/a/part-00000-x.csv", "hdfs://nn:8020", "a"),
            ("dbfs:/mnt/a", "dbfs", "/mnt/a"),
            ("s3://key:secret@b/a", "s3://b", "a"),
            (
                "abfss://c@acc.dfs.core.windows.net/a",
                "abfss://c@acc.dfs.core.windows.net",
                "a",
            ),
        ] {
            let table = path(text).unwrap();
            assert_eq!(
                (&*table.namespace, &*table.name),
                (namespace, name),
                "{text}"
            );
        }
    }

    #[test]
    fn connections_lose_their_secrets() {
        for (url, table, namespace, name) in [
            (
                "jdbc:postgresql://ann:pw@db/shop?password=x",
                "public.o",
                "postgres://db:5432",
                "shop.public.o",
            ),
            (
                "jdbc:mysql://db:3307/shop",
                "o",
                "mysql://db:3307",
                "shop.o",
            ),
            (
                "jdbc:sqlserver://db;databaseName=shop;password=x",
                "dbo.o",
                "mssql://db:1433",
                "shop.dbo.o",
            ),
        ] {
            let table = jdbc(url, table).unwrap();
            assert_eq!(
                (&*table.namespace, &*table.name),
                (namespace, name),
                "{url}"
            );
        }
        assert_eq!(jdbc("jdbc:h2:mem:x", "o"), None);
    }
}
