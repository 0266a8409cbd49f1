//! What datasets and jobs are called, by `OpenLineage`'s naming conventions.
//!
//! A manifest says which adapter a project uses, but not which server it talks to: that part
//! of a namespace is configuration, and where it is missing the name is visibly local.

use std::cell::RefCell;
use std::collections::BTreeSet;

use headwater_extractor::{Config, ConfigKey, Diagnostic, ExtractError, Severity};
use md5::{Digest, Md5};
use rustc_hash::FxHashMap;
use sql_lineage::Dialect;

use crate::adapters::{Adapter, Parts};
use crate::manifest::Manifest;
use crate::place::{Places, diagnostic};
use crate::rewrite::Rewrites;

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
    ConfigKey {
        name: "rewrite.database",
        description: "<regex>=<replacement> on names of databases before all else, for example ^dbt_pr_\\d+$=prod",
    },
    ConfigKey {
        name: "rewrite.schema",
        description: "<regex>=<replacement> on names of schemas before all else, for example ^dbt_pr_\\d+_(.*)$=$1",
    },
];

/// Longest name that can be stated.
const NAME_BYTES_MAX: usize = 1024;

/// Longest id of a run that can be stated.
const RUN_ID_BYTES_MAX: usize = 256;

/// The longest name of a type that can be stated; what is longer is cut.
const KIND_CHARS_MAX: usize = 128;

/// A relation as dbt writes it; empty parts are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relation<'n> {
    pub(crate) database: Option<&'n str>,
    pub(crate) schema: Option<&'n str>,
    pub(crate) table: Option<&'n str>,
}

impl<'n> Relation<'n> {
    pub(crate) fn new(
        database: Option<&'n str>,
        schema: Option<&'n str>,
        table: Option<&'n str>,
    ) -> Self {
        let is_named = |name: &&str| !name.is_empty();
        Self {
            database: database.filter(is_named),
            schema: schema.filter(is_named),
            table: table.filter(is_named),
        }
    }
}

/// A dataset's name, and what else has come to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Another relation that a rewrite has given the same name.
    pub(crate) united_with: Option<String>,
}

/// The configuration, and what it has met so far.
#[derive(Debug)]
pub(crate) struct Settings {
    config: Config,
    rewrites: RefCell<Rewrites>,
    databases_met: RefCell<BTreeSet<String>>,
}

impl Settings {
    /// # Errors
    /// [`ExtractError::Malformed`] names the key and what is wrong with its value.
    pub(crate) fn parse(config: &str) -> Result<Self, ExtractError> {
        let config = Config::parse(config, KEYS)?;
        Ok(Self {
            rewrites: RefCell::new(Rewrites::parse(&config)?),
            config,
            databases_met: RefCell::default(),
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.config.get(key)
    }

    /// Which configuration met nothing, once all is named.
    pub(crate) fn unused(&self) -> Vec<Diagnostic> {
        let databases_met = self.databases_met.borrow();
        if databases_met.is_empty() {
            return Vec::new();
        }
        let mut found = self.rewrites.borrow().unused();
        let met: Vec<_> = quoted(&databases_met).collect();
        let unmet = self
            .config
            .with_prefix("namespace.")
            .filter(|(database, _)| !databases_met.contains(*database));
        for (database, _) in unmet {
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

/// Names everything in one project.
pub(crate) struct Naming<'s> {
    settings: &'s Settings,
    adapter_name: String,
    adapter: Option<&'static Adapter>,
    job_namespace: String,
    local_namespace: String,
    is_project_known: bool,
    databases_unnamed: BTreeSet<String>,
    /// What each name stood for first, where names are rewritten.
    first_relations: FxHashMap<(String, String), String>,
}

impl<'s> Naming<'s> {
    pub(crate) fn of_manifest(settings: &'s Settings, manifest: &Manifest) -> Self {
        let adapter_name = manifest.metadata.adapter_type.as_deref();
        let adapter = adapter_name.and_then(Adapter::named);
        Self::new(settings, project_name(manifest), adapter_name, adapter)
    }

    /// Without a manifest the adapter is only known by the namespace that is configured.
    pub(crate) fn of_project(settings: &'s Settings, project: Option<&str>) -> Self {
        let adapter = settings.get("namespace").and_then(Adapter::of_namespace);
        Self::new(settings, project, None, adapter)
    }

    fn new(
        settings: &'s Settings,
        project: Option<&str>,
        adapter_name: Option<&str>,
        adapter: Option<&'static Adapter>,
    ) -> Self {
        let shown = project.unwrap_or("unknown");
        Self {
            adapter_name: adapter_name.unwrap_or_default().to_owned(),
            adapter,
            job_namespace: settings.get("job_namespace").unwrap_or(shown).to_owned(),
            local_namespace: format!("dbt://{shown}"),
            is_project_known: project.is_some(),
            databases_unnamed: BTreeSet::new(),
            first_relations: FxHashMap::default(),
            settings,
        }
    }

    /// The SQL that the project's warehouse speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        match &*self.adapter_name {
            "glue" => Dialect::Spark,
            name => name.parse().unwrap_or(Dialect::Generic),
        }
    }

    /// Where the project's jobs are.
    pub(crate) fn job_namespace(&self) -> &str {
        &self.job_namespace
    }

    pub(crate) fn folds_columns(&self) -> bool {
        self.adapter.is_none_or(Adapter::folds_columns)
    }

    /// What the dataset of a relation is called; none for what cannot be a name.
    pub(crate) fn name(&mut self, relation: Relation) -> Option<Named> {
        let mut named = self.rename(relation)?;
        if !self.settings.rewrites.borrow().is_empty() {
            let was = join(relation.database, relation.schema, relation.table?);
            let key = (named.namespace.clone(), named.name.clone());
            let first = self
                .first_relations
                .entry(key)
                .or_insert_with(|| was.clone());
            named.united_with = (*first != was).then(|| first.clone());
        }
        Some(named)
    }

    /// The same for a relation that may well be another one's by a rewrite.
    pub(crate) fn rename(&mut self, relation: Relation) -> Option<Named> {
        let mut rewrites = self.settings.rewrites.borrow_mut();
        let database = relation
            .database
            .map(|name| rewrites.database(name).to_owned());
        let schema = relation.schema.map(|name| rewrites.schema(name).to_owned());
        drop(rewrites);
        let relation = Relation::new(database.as_deref(), schema.as_deref(), relation.table);
        let name = self.dataset_name(relation).filter(|name| is_name(name))?;
        Some(Named {
            namespace: self.dataset_namespace(relation).to_owned(),
            name,
            united_with: None,
        })
    }

    /// Where the datasets of a database are: configuration for that database, configuration
    /// for all, what the adapter alone tells, or else a namespace local to the project. Where
    /// an adapter has no databases, dbt's schema is what its server calls a database.
    fn dataset_namespace(&mut self, relation: Relation) -> &str {
        let database = relation.database.or(relation.schema).unwrap_or_default();
        let config = &self.settings.config;
        let mut databases_met = self.settings.databases_met.borrow_mut();
        if !databases_met.contains(database) {
            databases_met.insert(database.to_owned());
        }
        let for_database = || config.get(&format!("namespace.{database}"));
        let configured = for_database().or_else(|| config.get("namespace"));
        if let Some(namespace) = configured {
            return namespace;
        }
        match self.adapter {
            Some(adapter) if adapter.is_complete() => adapter.namespace,
            _ => {
                if !self.databases_unnamed.contains(database) {
                    self.databases_unnamed.insert(database.to_owned());
                }
                &self.local_namespace
            }
        }
    }

    /// The dataset's name in its namespace.
    fn dataset_name(&self, relation: Relation) -> Option<String> {
        let parts = self.adapter.map_or(Parts::All, |adapter| adapter.parts);
        let (schema, table) = (relation.schema, relation.table?);
        let database = relation.database.filter(|_| match parts {
            Parts::All => true,
            Parts::WithoutRepeatedDatabase => relation.database != schema,
            Parts::WithoutDatabase | Parts::Glue => false,
        });
        Some(match (parts, schema) {
            (Parts::Glue, Some(schema)) => format!("table/{schema}/{table}"),
            _ => join(database, schema, table),
        })
    }

    /// What could not be known.
    pub(crate) fn diagnostics(&self, artifact: &str) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let place = |pointer: &str| Some(Places::pointer(artifact, pointer.to_owned()));
        if !self.is_project_known && self.settings.get("job_namespace").is_none() {
            found.push(diagnostic(
                Severity::Warning,
                "dbt/project-unknown",
                "the manifest does not name its project, so jobs are under `unknown`; set `job_namespace`"
                    .into(),
                place("/metadata"),
            ));
        }
        if !self.databases_unnamed.is_empty() {
            let databases: Vec<_> = quoted(&self.databases_unnamed).collect();
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

/// Whether `id` can be stated as the id of a run.
pub(crate) fn is_run_id(id: &str) -> bool {
    is_name(id) && id.len() <= RUN_ID_BYTES_MAX
}

/// A word as a type: upper case, everything but letters and digits an underscore.
pub(crate) fn kind_of(word: &str) -> String {
    let chars = word.chars().take(KIND_CHARS_MAX);
    chars
        .map(|char| {
            if char.is_ascii_alphanumeric() {
                char.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect()
}

fn quoted(names: &BTreeSet<String>) -> impl Iterator<Item = String> {
    names.iter().map(|name| format!("`{name}`"))
}

/// The root project: as the metadata names it; before dbt 1.5 they have only its MD5, which
/// one of the packages has, else the only package there is.
fn project_name<'m>(manifest: &'m Manifest) -> Option<&'m str> {
    let metadata = &manifest.metadata;
    if let Some(name) = metadata
        .project_name
        .as_deref()
        .filter(|name| is_name(name))
    {
        return Some(name);
    }
    let nodes = manifest.nodes.0.iter();
    let sources = manifest.sources.0.iter();
    let packages: BTreeSet<&str> = nodes
        .filter_map(|(_, node)| node.package_name.as_deref())
        .chain(sources.filter_map(|(_, source)| source.package_name.as_deref()))
        .filter(|name| is_name(name))
        .collect();
    let has_id = |name: &&str| Some(&*hex_md5(name)) == metadata.project_id.as_deref();
    match packages.iter().copied().find(has_id) {
        Some(name) => Some(name),
        None => only(packages),
    }
}

/// The only one there is.
pub(crate) fn only(names: BTreeSet<&str>) -> Option<&str> {
    let mut names = names.into_iter();
    let first = names.next()?;
    names.next().is_none().then_some(first)
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
