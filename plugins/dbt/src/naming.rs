//! What datasets and jobs are called, by `OpenLineage`'s naming conventions.
//!
//! A manifest says which adapter a project uses, but not which server it talks to: that part
//! of a namespace is configuration, and where it is missing the name is visibly local.

use std::collections::BTreeSet;

use headwater_extractor::{Config, ConfigKey, Diagnostic, Severity};
use md5::{Digest, Md5};

use crate::manifest::Manifest;
use crate::read::{Places, diagnostic};

/// The configuration keys.
pub(crate) const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "namespace",
        description: "OpenLineage namespace of the project's datasets, for example postgres://db:5432",
    },
    ConfigKey {
        name: "namespace.",
        description: "OpenLineage namespace of the datasets of one database, as dbt writes the database's name",
    },
    ConfigKey {
        name: "job_namespace",
        description: "OpenLineage namespace of the project's jobs; the project's name if absent",
    },
];

/// Longest name that can be stated.
const NAME_BYTES_MAX: usize = 1024;

/// How an adapter's datasets are named.
struct Adapter {
    name: &'static str,
    /// The namespace in the conventions' notation; without braces it needs no configuration.
    namespace: &'static str,
    parts: Parts,
}

/// Which parts of `database.schema.table` an adapter's names have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
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

/// Names everything in one manifest.
pub(crate) struct Naming<'a> {
    config: &'a Config,
    adapter_name: &'a str,
    adapter: Option<&'static Adapter>,
    job_namespace: String,
    local_namespace: String,
    is_project_known: bool,
    databases_met: BTreeSet<String>,
    databases_unnamed: BTreeSet<String>,
}

impl<'a> Naming<'a> {
    pub(crate) fn new(config: &'a Config, manifest: &'a Manifest<'a>) -> Self {
        let project = project_name(manifest);
        let adapter_name = manifest
            .metadata
            .adapter_type
            .as_deref()
            .unwrap_or_default();
        let shown = project.unwrap_or("unknown");
        Self {
            config,
            adapter_name,
            adapter: ADAPTERS.iter().find(|adapter| adapter.name == adapter_name),
            job_namespace: config.get("job_namespace").unwrap_or(shown).to_owned(),
            local_namespace: format!("dbt://{shown}"),
            is_project_known: project.is_some(),
            databases_met: BTreeSet::new(),
            databases_unnamed: BTreeSet::new(),
        }
    }

    /// Where the project's jobs are.
    pub(crate) fn job_namespace(&self) -> &str {
        &self.job_namespace
    }

    /// Where the datasets of `database` are: configuration for that database, configuration
    /// for all, what the adapter alone tells, or else a namespace local to the project. Where
    /// an adapter has no databases, dbt's schema is what its server calls a database.
    pub(crate) fn dataset_namespace(
        &mut self,
        database: Option<&str>,
        schema: Option<&str>,
    ) -> &str {
        let is_named = |name: &&str| !name.is_empty();
        let database = database.filter(is_named).or(schema).unwrap_or_default();
        if !self.databases_met.contains(database) {
            self.databases_met.insert(database.to_owned());
        }
        let for_database = || self.config.get(&format!("namespace.{database}"));
        let configured = for_database().or_else(|| self.config.get("namespace"));
        if let Some(namespace) = configured {
            return namespace;
        }
        match self.adapter {
            Some(adapter) if is_complete(adapter.namespace) => adapter.namespace,
            _ => {
                if !self.databases_unnamed.contains(database) {
                    self.databases_unnamed.insert(database.to_owned());
                }
                &self.local_namespace
            }
        }
    }

    /// The dataset's name in its namespace.
    pub(crate) fn dataset_name(
        &self,
        database: Option<&str>,
        schema: Option<&str>,
        table: &str,
    ) -> String {
        let parts = self.adapter.map_or(Parts::All, |adapter| adapter.parts);
        let schema = schema.filter(|schema| !schema.is_empty());
        let database = database
            .filter(|database| !database.is_empty())
            .filter(|_| match parts {
                Parts::All => true,
                Parts::WithoutRepeatedDatabase => database != schema,
                Parts::WithoutDatabase | Parts::Glue => false,
            });
        match (parts, schema) {
            (Parts::Glue, Some(schema)) => format!("table/{schema}/{table}"),
            _ => join(database, schema, table),
        }
    }

    /// What could not be known, and which configuration met nothing.
    pub(crate) fn diagnostics(&self, artifact: &str) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let place = |pointer: &str| Some(Places::pointer(artifact, pointer.to_owned()));
        if !self.is_project_known && self.config.get("job_namespace").is_none() {
            found.push(diagnostic(
                Severity::Warning,
                "dbt/project-unknown",
                "the manifest does not name its project, so jobs are under `unknown`; set `job_namespace`"
                    .into(),
                place("/metadata"),
            ));
        }
        if !self.databases_unnamed.is_empty() {
            let databases: Vec<_> = self
                .databases_unnamed
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            let hint = match self.adapter.map(|adapter| adapter.namespace) {
                Some("") | None => String::new(),
                Some(namespace) => format!(" (for {}: {namespace})", self.adapter_name),
            };
            found.push(diagnostic(
                Severity::Warning,
                "dbt/namespace-not-configured",
                format!(
                    "a manifest does not say where adapter `{}` connects to, so the datasets of database {} are \
                     under `{}`, apart from what other tools say; set `namespace`{hint}, or `namespace.<database>`",
                    self.adapter_name,
                    databases.join(", "),
                    self.local_namespace,
                ),
                place("/metadata/adapter_type"),
            ));
        }
        let unmet = self
            .config
            .with_prefix("namespace.")
            .filter(|(database, _)| !self.databases_met.contains(*database));
        for (database, _) in unmet {
            let met: Vec<_> = self
                .databases_met
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            found.push(diagnostic(
                Severity::Warning,
                "dbt/namespace-unused",
                format!(
                    "`namespace.{database}` is configured, but no dataset is in database `{database}`; there are {}",
                    met.join(", ")
                ),
                None,
            ));
        }
        found
    }
}

/// dbt's own dotted name of a relation, without empty parts.
pub(crate) fn join(database: Option<&str>, schema: Option<&str>, table: &str) -> String {
    let parts: Vec<_> = [database, schema, Some(table)]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(".")
}

/// Whether `name` can be stated: not empty, at most 1,024 bytes, no control characters.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

fn is_complete(namespace: &str) -> bool {
    !namespace.is_empty() && !namespace.contains('{')
}

/// The root project: as the metadata names it; before dbt 1.5 they have only its MD5, which
/// one of the packages has, else the only package there is.
fn project_name<'a>(manifest: &'a Manifest<'a>) -> Option<&'a str> {
    let metadata = &manifest.metadata;
    if let Some(name) = metadata
        .project_name
        .as_deref()
        .filter(|name| is_name(name))
    {
        return Some(name);
    }
    let packages: BTreeSet<&str> = manifest
        .nodes
        .0
        .iter()
        .filter_map(|(_, node)| node.package_name.as_deref())
        .chain(
            manifest
                .sources
                .0
                .iter()
                .filter_map(|(_, source)| source.package_name.as_deref()),
        )
        .filter(|name| is_name(name))
        .collect();
    let has_id = |name: &&str| Some(&*hex_md5(name)) == metadata.project_id.as_deref();
    match packages.iter().copied().find(has_id) {
        Some(name) => Some(name),
        None if packages.len() == 1 => packages.first().copied(),
        None => None,
    }
}

fn hex_md5(text: &str) -> String {
    let mut hex = String::with_capacity(32);
    for byte in Md5::digest(text.as_bytes()) {
        hex.extend(
            [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[digit as usize])),
        );
    }
    hex
}
