//! Connection strings of JDBC drivers.

/// A connection string as a namespace, and what it says of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connection {
    /// `<scheme>://<authority>`.
    pub(crate) namespace: String,
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
}

/// Parameters that name the database; the first that is there counts.
const DATABASE_KEYS: [&str; 3] = ["databasename", "database", "db"];
/// Parameters that name the schema.
const SCHEMA_KEYS: [&str; 2] = ["currentschema", "schema"];

/// Reads a connection string; none if it is none, or of a form that nobody knows.
pub(crate) fn read(text: &str) -> Option<Connection> {
    let prefix = text.get(..5)?;
    if !prefix.eq_ignore_ascii_case("jdbc:") {
        return None;
    }
    let rest = &text[5..];
    let (driver, after) = rest.split_once(':')?;
    let driver = driver.to_lowercase();
    match driver.as_str() {
        "oracle" => return oracle(after),
        "duckdb" | "sqlite" => {
            let path = after.strip_prefix("//").unwrap_or(after);
            return Some(Connection {
                namespace: format!("{driver}://{path}"),
                ..Connection::default()
            });
        }
        _ => {}
    }
    // `jdbc:redshift:iam://…`, `jdbc:mysql:loadbalance://…`
    let (_, after) = after.split_once("//")?;
    let end = after.find(['/', '?', ';']).unwrap_or(after.len());
    let (authority, after) = after.split_at(end);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
    // SQL Server writes its instance behind a backslash.
    let parameters_at = after.find(['?', ';']).unwrap_or(after.len());
    let (path, parameters) = after.split_at(parameters_at);
    // DB2 writes parameters behind a colon.
    let (path, more) = path.split_once(':').unwrap_or((path, ""));
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut connection = Connection {
        namespace: format!("{driver}://{authority}"),
        database: segments.next().map(ToOwned::to_owned),
        schema: segments.next().map(ToOwned::to_owned),
    };
    let all = format!("{parameters};{more}");
    let pairs: Vec<(String, &str)> = all
        .split(['?', ';', '&'])
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.trim().to_lowercase(), value.trim()))
        .collect();
    let find = |keys: &[&str]| {
        keys.iter().find_map(|key| {
            let (_, value) = pairs.iter().find(|(known, _)| known == key)?;
            // `currentSchema=a,b`: names without a schema are looked for in each.
            (!value.is_empty() && !value.contains(',')).then(|| (*value).to_owned())
        })
    };
    connection.database = connection.database.or_else(|| find(&DATABASE_KEYS));
    connection.schema = connection.schema.or_else(|| find(&SCHEMA_KEYS));
    Some(connection)
}

/// `thin:@//host:port/service`, `thin:@host:port:sid`, `thin:user/password@host:port/service`.
fn oracle(text: &str) -> Option<Connection> {
    let (_, address) = text.rsplit_once('@')?;
    let address = address.split(['?', ';']).next()?;
    let address = address.strip_prefix("//").unwrap_or(address);
    let (authority, service) = match address.split_once('/') {
        Some((authority, service)) => (authority.to_owned(), Some(service)),
        None => match address.split(':').collect::<Vec<_>>()[..] {
            [host, port, sid] => (format!("{host}:{port}"), Some(sid)),
            _ => (address.to_owned(), None),
        },
    };
    // A description in brackets names several hosts.
    (!authority.starts_with('(')).then(|| Connection {
        namespace: format!("oracle://{authority}"),
        database: service.filter(|s| !s.is_empty()).map(ToOwned::to_owned),
        schema: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, namespace: &str, database: Option<&str>, schema: Option<&str>) {
        let found = read(text).expect(text);
        assert_eq!(
            (
                found.namespace.as_str(),
                found.database.as_deref(),
                found.schema.as_deref()
            ),
            (namespace, database, schema),
            "{text}"
        );
    }

    #[test]
    fn connection_strings_are_read() {
        check(
            "jdbc:postgresql://DB/shop?user=u",
            "postgresql://DB",
            Some("shop"),
            None,
        );
        check(
            "jdbc:postgresql://sink-db:5432/sinkdb?currentSchema=inv&password=x",
            "postgresql://sink-db:5432",
            Some("sinkdb"),
            Some("inv"),
        );
        check(
            "jdbc:sqlserver://h:1433;databaseName=shop;user=u",
            "sqlserver://h:1433",
            Some("shop"),
            None,
        );
        check(
            "jdbc:snowflake://acme-eu.snowflakecomputing.com/?db=PROD&schema=ORDERS",
            "snowflake://acme-eu.snowflakecomputing.com",
            Some("PROD"),
            Some("ORDERS"),
        );
        check(
            "jdbc:oracle:thin:u/p@//h:1521/svc",
            "oracle://h:1521",
            Some("svc"),
            None,
        );
        check(
            "jdbc:oracle:thin:@h:1521:sid",
            "oracle://h:1521",
            Some("sid"),
            None,
        );
        check("jdbc:duckdb:dev.duckdb", "duckdb://dev.duckdb", None, None);
        check(
            "jdbc:db2://h:50000/db:currentSchema=S;user=u;",
            "db2://h:50000",
            Some("db"),
            Some("S"),
        );
        check(
            "jdbc:postgresql://h/d?currentSchema=a,b",
            "postgresql://h",
            Some("d"),
            None,
        );
    }

    #[test]
    fn what_is_no_connection_string_is_left_alone() {
        for text in [
            "jdbc",
            "postgres://h",
            "jdbc:oracle:thin:@(DESCRIPTION=x)",
            "jdbc:x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
