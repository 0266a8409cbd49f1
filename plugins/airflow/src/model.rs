//! What was read, before it is stated: several files may speak of one job.

use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::{Diagnostic, Location, Severity};
use serde_json::{Map, Value};

use crate::assets::{self, Assets};
use crate::connections::Connections;

/// A dataset's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Table {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
}

/// A field of a dataset, or all of it.
pub(crate) type End = (Table, Option<String>);

/// A field derives from a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) how: Vec<(bool, &'static str)>,
    pub(crate) is_masking: bool,
}

/// SQL of a task.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) text: String,
    /// Which connection runs it.
    pub(crate) connection: Option<String>,
    /// Where its result goes, as the operator says.
    pub(crate) into: Option<Table>,
    /// What the operator says of names that say less.
    pub(crate) defaults: Defaults,
    pub(crate) at: Location,
}

/// What an operator says of the names in its SQL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
    /// Its tables are in the one namespace that `BigQuery` has, whatever its connection.
    pub(crate) is_big_query: bool,
}

/// A DAG or a task.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) kind: &'static str,
    pub(crate) description: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) at: Location,
    pub(crate) owners: BTreeSet<String>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) facet: Map<String, Value>,
    pub(crate) reads: BTreeMap<Table, Location>,
    pub(crate) writes: BTreeMap<Table, Location>,
    /// Jobs that run before it.
    pub(crate) follows: BTreeMap<String, Location>,
    pub(crate) links: BTreeMap<Link, Location>,
    /// What a statement of its SQL makes of what: from, to.
    pub(crate) origins: BTreeMap<(Table, Table), Location>,
    /// Whether all of its SQL is understood.
    pub(crate) is_sql_whole: bool,
    pub(crate) queries: Vec<Query>,
    pub(crate) sql: Option<String>,
    /// False if it is only named by others.
    pub(crate) is_told: bool,
}

/// All that was read.
pub(crate) struct Model {
    pub(crate) namespace: String,
    pub(crate) asset_namespace: String,
    pub(crate) connections: Connections,
    pub(crate) jobs: BTreeMap<String, Job>,
    /// Assets by the names that they have beside their URIs.
    pub(crate) assets: BTreeMap<String, Table>,
    pub(crate) problems: Vec<Diagnostic>,
    /// What was told once is not told again.
    told: BTreeSet<(String, String)>,
}

impl Job {
    fn new(kind: &'static str, at: &Location) -> Self {
        Self {
            kind,
            description: None,
            parent: None,
            at: at.clone(),
            owners: BTreeSet::new(),
            tags: BTreeSet::new(),
            facet: Map::new(),
            reads: BTreeMap::new(),
            writes: BTreeMap::new(),
            follows: BTreeMap::new(),
            links: BTreeMap::new(),
            origins: BTreeMap::new(),
            is_sql_whole: true,
            queries: Vec::new(),
            sql: None,
            is_told: false,
        }
    }
}

impl Model {
    pub(crate) fn new(namespace: &str, asset_namespace: &str, connections: Connections) -> Self {
        Self {
            namespace: namespace.to_owned(),
            asset_namespace: asset_namespace.to_owned(),
            connections,
            jobs: BTreeMap::new(),
            assets: BTreeMap::new(),
            problems: Vec::new(),
            told: BTreeSet::new(),
        }
    }

    /// The assets of a value; their names are remembered.
    pub(crate) fn assets_of(&mut self, value: &Value) -> Vec<Table> {
        let assets = Assets::of(value, &self.asset_namespace);
        let (found, names) = (assets.found, assets.names);
        self.assets.extend(names);
        found
    }

    /// What is only named is the asset of that name, once all are known.
    pub(crate) fn resolve(&mut self) {
        let assets = &self.assets;
        for job in self.jobs.values_mut() {
            for side in [&mut job.reads, &mut job.writes] {
                let (named, known): (BTreeMap<_, _>, _) = std::mem::take(side)
                    .into_iter()
                    .partition(|(table, _)| table.kind == assets::NAMED);
                *side = known;
                for (table, at) in named {
                    let found = assets.get(&table.name).cloned();
                    let found = found.unwrap_or(Table { kind: "", ..table });
                    side.entry(found).or_insert(at);
                }
            }
        }
    }

    /// The job of that name, which comes to be if it is new.
    pub(crate) fn job(&mut self, name: &str, kind: &'static str, at: &Location) -> &mut Job {
        self.jobs
            .entry(name.to_owned())
            .or_insert_with(|| Job::new(kind, at))
    }

    /// `job` runs after `earlier`, which may be of a DAG that is not here.
    pub(crate) fn follows(
        &mut self,
        job: (&str, &'static str),
        earlier: (&str, &'static str),
        at: &Location,
    ) {
        if job.0 == earlier.0 || !bi::is_name(job.0) || !bi::is_name(earlier.0) {
            return;
        }
        self.job(earlier.0, earlier.1, at);
        let follows = &mut self.job(job.0, job.1, at).follows;
        follows
            .entry(earlier.0.to_owned())
            .or_insert_with(|| at.clone());
    }

    /// Tells of something, once for each `what`.
    pub(crate) fn tell(
        &mut self,
        severity: Severity,
        code: &str,
        what: &str,
        message: String,
        at: &Location,
    ) {
        if self.told.insert((code.to_owned(), what.to_owned())) {
            self.problems
                .push(bi::told(severity, code, message, at.clone()));
        }
    }
}
