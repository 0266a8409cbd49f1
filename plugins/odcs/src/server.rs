//! Servers of contracts: the namespaces and names of datasets, by `OpenLineage`'s naming conventions.

use crate::tree::Node;

/// Where the datasets of a contract are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// What the contract calls it.
    pub(crate) name: String,
    pub(crate) environment: Option<String>,
    pub(crate) namespace: String,
    pub(crate) kind: &'static str,
    pub(crate) form: Form,
}

/// How names are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// What stands before the table, outermost first, as far as it is known. A table whose name has several parts has
    /// the innermost of these in itself.
    Parts(Vec<Option<String>>),
    /// A path with `{model}` for the table.
    Path(String),
    /// What stands before the name as it is.
    Prefix(String),
    /// The one name.
    One(String),
}

struct Platform {
    kind: &'static str,
    scheme: &'static str,
    port: &'static str,
    /// Keys of what stands before the table, each with what is meant where it is absent.
    parts: &'static [(&'static [&'static str], &'static str)],
}

const DATABASE: (&[&str], &str) = (&["database"], "");
const SCHEMA: (&[&str], &str) = (&["schema"], "");

const fn platform(
    kind: &'static str,
    scheme: &'static str,
    port: &'static str,
    parts: &'static [(&'static [&'static str], &'static str)],
) -> Platform {
    Platform {
        kind,
        scheme,
        port,
        parts,
    }
}

/// Servers with a host. Source: naming conventions of `OpenLineage`; for what they do not name, the type is the scheme.
const PLATFORMS: &[Platform] = &[
    platform(
        "postgres",
        "postgres",
        "5432",
        &[DATABASE, (&["schema"], "public")],
    ),
    platform(
        "postgresql",
        "postgres",
        "5432",
        &[DATABASE, (&["schema"], "public")],
    ),
    platform("mysql", "mysql", "3306", &[DATABASE]),
    platform("mariadb", "mysql", "3306", &[DATABASE]),
    platform(
        "sqlserver",
        "mssql",
        "1433",
        &[DATABASE, (&["schema"], "dbo")],
    ),
    platform("synapse", "sqlserver", "1433", &[(&["schema"], "dbo")]),
    platform(
        "oracle",
        "oracle",
        "1521",
        &[(&["serviceName", "database"], ""), SCHEMA],
    ),
    platform("db2", "db2", "50000", &[DATABASE, SCHEMA]),
    platform(
        "redshift",
        "redshift",
        "5439",
        &[DATABASE, (&["schema"], "public")],
    ),
    platform(
        "vertica",
        "vertica",
        "5433",
        &[DATABASE, (&["schema"], "public")],
    ),
    platform("trino", "trino", "8080", &[(&["catalog"], ""), SCHEMA]),
    platform("presto", "trino", "8080", &[(&["catalog"], ""), SCHEMA]),
    platform("clickhouse", "clickhouse", "8123", &[DATABASE]),
    platform("hive", "hive", "10000", &[(&["database"], "default")]),
    platform(
        "databricks",
        "databricks",
        "",
        &[(&["catalog"], ""), SCHEMA],
    ),
    platform(
        "cassandra",
        "cassandra",
        "9042",
        &[(&["keyspace", "database"], "")],
    ),
    platform("teradata", "teradata", "1025", &[DATABASE]),
    platform("informix", "informix", "9088", &[DATABASE]),
    platform("cloudsql", "cloudsql", "", &[DATABASE, SCHEMA]),
];

/// Where a server is, or why that is not known.
pub(crate) fn read(name: &str, server: &Node) -> Result<Server, String> {
    let kind = server.first(&["type"]).unwrap_or_default().to_lowercase();
    let made = |namespace: String, kind: &'static str, form: Form| {
        Ok(Server {
            name: name.to_owned(),
            environment: None,
            namespace,
            kind,
            form,
        })
    };
    let needed = |keys: &[&str]| needed(server, &kind, keys);
    let parts = |keys: &[(&[&str], &str)]| {
        let parts = keys.iter().map(|(keys, default)| {
            let value = server.first(keys).unwrap_or(default);
            (!value.is_empty()).then(|| value.to_owned())
        });
        Form::Parts(parts.collect())
    };
    match kind.as_str() {
        "bigquery" => {
            let names = [needed(&["project"])?, needed(&["dataset"])?];
            made(
                "bigquery".into(),
                "TABLE",
                Form::Parts(names.map(|name| Some(name.to_owned())).into()),
            )
        }
        "snowflake" => {
            let account = needed(&["account", "host"])?;
            let account = account.split_once("://").map_or(account, |(_, rest)| rest);
            let account = account.split(['/', ':']).next().unwrap_or(account);
            let account = account
                .strip_suffix(".snowflakecomputing.com")
                .unwrap_or(account);
            made(
                format!("snowflake://{account}"),
                "TABLE",
                parts(&[DATABASE, SCHEMA]),
            )
        }
        "kafka" | "pubsub" | "kinesis" => stream(name, &kind, server),
        "athena" => {
            let region = needed(&["regionName", "region"])?;
            let names = parts(&[(&["catalog"], "AwsDataCatalog"), SCHEMA]);
            made(
                format!("awsathena://athena.{region}.amazonaws.com"),
                "TABLE",
                names,
            )
        }
        "glue" => {
            let region = needed(&["regionName", "region"])?;
            let account: String = needed(&["account"])?
                .chars()
                .filter(char::is_ascii_digit)
                .collect();
            let database = needed(&["database"])?;
            made(
                format!("arn:aws:glue:{region}:{account}"),
                "TABLE",
                Form::Prefix(format!("table/{database}/")),
            )
        }
        "duckdb" => {
            let path = needed(&["database", "path"])?;
            let file = path.rsplit('/').next().unwrap_or(path);
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            let schema = server.first(&["schema"]).unwrap_or("main");
            made(
                format!("duckdb://{path}"),
                "TABLE",
                Form::Parts(vec![Some(stem.to_owned()), Some(schema.to_owned())]),
            )
        }
        "local" | "dataframe" => made(
            "file".into(),
            "FILE",
            Form::Path(needed(&["path", "location"])?.to_owned()),
        ),
        _ => hosted(name, &kind, server),
    }
}

/// The value of the first of `keys` that has one.
fn needed<'n>(server: &'n Node, kind: &str, keys: &[&str]) -> Result<&'n str, String> {
    let value = server.first(keys).filter(|value| !value.contains("${"));
    value.ok_or_else(|| format!("a server of type {kind} needs `{}`", keys[0]))
}

/// Topics and streams: the server's own, or one for each object.
fn stream(name: &str, kind: &str, server: &Node) -> Result<Server, String> {
    let needed = |keys: &[&str]| needed(server, kind, keys);
    let made = |namespace: String, kind: &'static str, form: Form| {
        Ok(Server {
            name: name.to_owned(),
            environment: None,
            namespace,
            kind,
            form,
        })
    };
    match kind {
        "kafka" => {
            let hosts: Vec<&str> = needed(&["host"])?.split(',').map(str::trim).collect();
            let hosts: Vec<&str> = hosts
                .iter()
                .map(|host| host.rsplit_once("://").map_or(*host, |(_, host)| host))
                .collect();
            let form = match server.first(&["topic"]) {
                Some(topic) => Form::One(topic.to_owned()),
                None => Form::Prefix(String::new()),
            };
            made(format!("kafka://{}", hosts.join(",")), "TOPIC", form)
        }
        "pubsub" => {
            let project = needed(&["project"])?;
            let form = match server.first(&["topic"]) {
                Some(topic) => Form::One(format!("topic:{project}:{topic}")),
                None => Form::Prefix(format!("topic:{project}:")),
            };
            made("pubsub".into(), "TOPIC", form)
        }
        _ => {
            let form = match server.first(&["stream"]) {
                Some(stream) => Form::One(stream.to_owned()),
                None => Form::Prefix(String::new()),
            };
            made(
                format!("kinesis://{}", needed(&["region", "regionName"])?),
                "STREAM",
                form,
            )
        }
    }
}

fn hosted(name: &str, kind: &str, server: &Node) -> Result<Server, String> {
    let platform = PLATFORMS.iter().find(|platform| platform.kind == kind);
    let is_files = matches!(
        kind,
        "s3" | "gcs" | "azure" | "adls" | "sftp" | "hdfs" | "api" | "ftp"
    );
    let host = server
        .first(&["host", "endpoint"])
        .filter(|host| !host.contains("${"));
    if platform.is_none() && (is_files || host.is_none()) {
        let location = server.first(&["location"]);
        let location = location.filter(|location| !location.contains("${"));
        let Some(location) = location else {
            return Err(format!("a server of type {kind} needs `location`"));
        };
        let account = server.first(&["storageAccount"]);
        let (namespace, path) = location_of(location, account)
            .ok_or_else(|| format!("the location of {name} is no URL"))?;
        return Ok(Server {
            name: name.to_owned(),
            environment: None,
            namespace,
            kind: "FILE",
            form: Form::Path(path),
        });
    }
    let cluster = server
        .first(&["clusterIdentifier"])
        .zip(server.first(&["region"]))
        .filter(|_| kind == "redshift")
        .map(|(cluster, region)| format!("{cluster}.{region}"));
    let host = match (cluster, host) {
        (Some(cluster), _) => cluster,
        (None, Some(host)) => plain_host(host),
        (None, None) => return Err(format!("a server of type {kind} needs `host`")),
    };
    let host = match host.split('.').collect::<Vec<_>>()[..] {
        [cluster, _, region, "redshift", ..] if kind == "redshift" => format!("{cluster}.{region}"),
        _ => host,
    };
    let scheme = platform.map_or(kind, |platform| platform.scheme);
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let port = server
        .first(&["port"])
        .or(platform.map(|platform| platform.port))
        .unwrap_or_default();
    let namespace = if has_port || port.is_empty() || kind == "databricks" {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{port}")
    };
    let keys = platform.map_or(
        &[(&["catalog", "database"] as &[&str], ""), SCHEMA] as &[_],
        |platform| platform.parts,
    );
    let parts = keys.iter().map(|(keys, default)| {
        let value = server.first(keys).unwrap_or(default);
        (!value.is_empty()).then(|| value.to_owned())
    });
    Ok(Server {
        name: name.to_owned(),
        environment: None,
        namespace,
        kind: "TABLE",
        form: Form::Parts(parts.collect()),
    })
}

/// A host without a scheme, credentials and a path.
fn plain_host(host: &str) -> String {
    let host = host.split_once("://").map_or(host, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or(host);
    host.rsplit('@').next().unwrap_or(host).to_owned()
}

/// `scheme://authority` and the path, without credentials and parameters.
fn location_of(location: &str, account: Option<&str>) -> Option<(String, String)> {
    let (scheme, rest) = location.split_once("://")?;
    let rest = rest.split('?').next().unwrap_or(rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_azure = matches!(scheme, "abfss" | "abfs" | "wasb" | "wasbs");
    let authority = match authority.rsplit_once('@') {
        // Of Azure, what stands before is the container.
        Some(_) if is_azure => authority,
        Some((_, host)) => host,
        None => authority,
    };
    let path = path.trim_matches('/');
    if scheme == "file" {
        return Some(("file".into(), format!("/{path}")));
    }
    if let (Some(account), "https" | "az", false) = (account, scheme, is_azure) {
        let (container, path) = if scheme == "az" {
            (authority, path)
        } else {
            path.split_once('/').unwrap_or((path, ""))
        };
        let account = account.split('.').next().unwrap_or(account);
        return Some((
            format!("abfss://{container}@{account}.dfs.core.windows.net"),
            path.to_owned(),
        ));
    }
    let scheme = match scheme {
        "s3a" | "s3n" => "s3",
        "gcs" => "gs",
        other => other,
    };
    Some((format!("{scheme}://{authority}"), path.to_owned()))
}

impl Server {
    /// What a schema object is called on this server; none if that is not known.
    pub(crate) fn dataset(&self, table: &str, is_alone: bool) -> Option<String> {
        match &self.form {
            Form::One(name) => Some(name.clone()),
            Form::Prefix(prefix) => Some(format!("{prefix}{table}")),
            Form::Path(path) if path.contains("{model}") => Some(path.replace("{model}", table)),
            // A path of several tables is the path of none of them.
            Form::Path(path) => is_alone.then(|| {
                if path.is_empty() {
                    "/".into()
                } else {
                    path.clone()
                }
            }),
            Form::Parts(parts) => {
                let own = table.split('.').count() - 1;
                let before = parts.len().saturating_sub(own);
                let before = parts[..before].iter().flatten().map(String::as_str);
                let name: Vec<&str> = before.chain([table]).collect();
                Some(name.join("."))
            }
        }
    }
}
