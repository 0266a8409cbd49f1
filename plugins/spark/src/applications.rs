//! Applications, and the jobs that their executions are.

use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::{Diagnostic, Location, RunState, Severity};

use crate::fields::{self, Field, Fields, How};
use crate::log::{Application, Execution};
use crate::naming::{self, Naming, Table, is_name};
use crate::plan;
use crate::relations::{self, Relation};

/// The longest id of a run.
const RUN_ID_BYTES_MAX: usize = 256;

/// From, to (none: all rows of it), how.
pub(crate) type Link = (Field, (Table, Option<String>), How);

/// A job and what its executions say.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) reads: BTreeMap<Table, Location>,
    pub(crate) writes: BTreeMap<Table, Location>,
    pub(crate) links: BTreeMap<Link, Location>,
    pub(crate) runs: Vec<Run>,
    pub(crate) at: Location,
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) state: RunState,
    pub(crate) started_ms: Option<i64>,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) message: Option<String>,
}

/// All applications of one name.
#[derive(Debug)]
pub(crate) struct Named {
    /// What the application itself reads, for nobody else.
    pub(crate) own: Job,
    pub(crate) jobs: BTreeMap<String, Job>,
    pub(crate) version: Option<String>,
    pub(crate) user: Option<String>,
}

/// What all logs say.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) applications: BTreeMap<String, Named>,
    pub(crate) stored: BTreeMap<(Table, Table), Location>,
    pub(crate) problems: Vec<Diagnostic>,
    pub(crate) newest_ms: Option<i64>,
    /// Codes and what they are about, so that each is told once for an application.
    told: BTreeSet<(String, &'static str, String)>,
}

impl Job {
    fn new(at: &Location) -> Self {
        Self {
            reads: BTreeMap::new(),
            writes: BTreeMap::new(),
            links: BTreeMap::new(),
            runs: Vec::new(),
            at: at.clone(),
        }
    }
}

/// What an execution, with those that it started, reads and writes.
#[derive(Debug, Default)]
struct Access {
    reads: BTreeSet<Table>,
    writes: BTreeSet<Table>,
    stored: BTreeSet<(Table, Table)>,
    links: BTreeSet<(Field, Option<String>, How)>,
    command: Option<String>,
    is_cut: bool,
    unknown: Vec<(&'static str, String)>,
}

impl Found {
    /// Adds an application.
    pub(crate) fn add(&mut self, mut application: Application, naming: &Naming) {
        self.newest_ms = self.newest_ms.max(application.newest_ms);
        self.problems.append(&mut application.problems);
        let name = application.name.clone().filter(|name| is_name(name));
        let (Some(name), true) = (name, application.events_count > 0) else {
            self.problems.push(Diagnostic {
                severity: Severity::Error,
                code: "spark/no-application".into(),
                message:
                    "expected an event log of Spark, which begins with the start of an application"
                        .into(),
                at: Some(application.at),
            });
            return;
        };
        let mut naming = naming.clone();
        let uris = [
            "spark.hadoop.hive.metastore.uris",
            "spark.hive.metastore.uris",
        ]
        .iter()
        .find_map(|key| application.properties.get(*key));
        naming.metastore = uris.and_then(|uris| naming::metastore(uris));
        let id = match (&application.id, &application.attempt) {
            (Some(id), Some(attempt)) => format!("{id}_{attempt}"),
            (Some(id), None) => id.clone(),
            (None, _) => name.clone(),
        };
        let at = application.at.clone();
        let named = self
            .applications
            .entry(name.clone())
            .or_insert_with(|| Named {
                own: Job::new(&at),
                jobs: BTreeMap::new(),
                version: None,
                user: None,
            });
        named.version = application.version.clone().or(named.version.take());
        named.user = application.user.clone().or(named.user.take());
        let mut groups: BTreeMap<i64, Vec<&Execution>> = BTreeMap::new();
        for (number, execution) in &application.executions {
            let is_known = application.executions.contains_key(&execution.root_id);
            let root = if is_known { execution.root_id } else { *number };
            groups.entry(root).or_default().push(execution);
        }
        let any_failed = groups.values().any(|group| group[0].is_failed);
        let state = match (application.ended_ms, any_failed) {
            (None, _) => RunState::Running,
            (Some(_), false) => RunState::Complete,
            // Whether it went on after that, no event says.
            (Some(_), true) => RunState::Other,
        };
        if id.len() <= RUN_ID_BYTES_MAX && is_name(&id) {
            named.own.runs.push(Run {
                id: id.clone(),
                state,
                started_ms: application.started_ms,
                ended_ms: application.ended_ms,
                message: None,
            });
        }
        for (root, group) in groups {
            self.group(
                &name,
                &format!("{id}-{root}"),
                &group,
                &application,
                &naming,
            );
        }
    }

    /// Adds an execution and those that it started.
    fn group(
        &mut self,
        name: &str,
        run_id: &str,
        group: &[&Execution],
        application: &Application,
        naming: &Naming,
    ) {
        let root = group[0];
        let access = Access::of(group, naming);
        let at = &root.at;
        for (code, what) in &access.unknown {
            // What a command starts may say what it writes.
            if *code != "spark/command" || access.writes.is_empty() {
                self.tell(name, code, what, at);
            }
        }
        if access
            .stored
            .iter()
            .any(|(table, _)| Naming::is_local(&table.namespace))
        {
            self.tell(name, "spark/table-names", "", at);
        }
        for table in access.reads.iter().chain(&access.writes) {
            if Naming::is_local(&table.namespace) {
                self.tell(name, "spark/namespace-not-configured", &table.namespace, at);
            }
        }
        let is_failed = group.iter().any(|execution| execution.is_failed);
        let Some(named) = self.applications.get_mut(name) else {
            return;
        };
        let Some(command) = access.command.filter(|_| !access.writes.is_empty()) else {
            if !is_failed {
                for table in access.reads {
                    named.own.reads.entry(table).or_insert_with(|| at.clone());
                }
            }
            return;
        };
        let written: Vec<&Table> = access.writes.iter().collect();
        let job_name = format!("{name}.{}.{}", snake(&command), short(written[0]));
        let job = named.jobs.entry(job_name).or_insert_with(|| Job::new(at));
        let state = match (is_failed, root.ended_ms, application.ended_ms) {
            (true, ..) => RunState::Fail,
            (false, Some(_), _) => RunState::Complete,
            (false, None, Some(_)) => RunState::Abort,
            (false, None, None) => RunState::Running,
        };
        if run_id.len() <= RUN_ID_BYTES_MAX && is_name(run_id) {
            job.runs.push(Run {
                id: run_id.to_owned(),
                state,
                started_ms: root.started_ms,
                ended_ms: root.ended_ms,
                message: group.iter().find_map(|execution| execution.error.clone()),
            });
        }
        let is_cut = access.is_cut;
        if state == RunState::Complete {
            if let [to] = written[..] {
                for (from, field, how) in access.links {
                    let fits = is_name(&from.1) && field.as_deref().is_none_or(is_name);
                    if fits {
                        let link = (from, (to.clone(), field), how);
                        job.links.entry(link).or_insert_with(|| at.clone());
                    }
                }
            }
            for table in access.reads {
                job.reads.entry(table).or_insert_with(|| at.clone());
            }
            for table in access.writes {
                job.writes.entry(table).or_insert_with(|| at.clone());
            }
            for (table, place) in access.stored {
                if !Naming::is_local(&table.namespace) {
                    self.stored
                        .entry((table, place))
                        .or_insert_with(|| at.clone());
                }
            }
        }
        if is_cut {
            self.tell(name, "spark/plan-cut", "", at);
        }
    }

    /// Tells something once for each application.
    fn tell(&mut self, name: &str, code: &'static str, what: &str, at: &Location) {
        if !self.told.insert((name.to_owned(), code, what.to_owned())) {
            return;
        }
        let (severity, message) = match code {
            "spark/namespace-not-configured" => (
                Severity::Warning,
                format!("where tables of Spark's catalogs are is not known: they are in {what}, which no other source names"),
            ),
            "spark/relation" => (Severity::Info, format!("what is read through {what} is not known")),
            "spark/jdbc" => (
                Severity::Info,
                format!("the plan does not say in which database {what} is; `jdbc_namespace` may"),
            ),
            "spark/command" => (Severity::Info, format!("what {what} writes is not known")),
            "spark/table-names" => (
                Severity::Info,
                "tables of Spark's catalogs are called by their paths alone: their `namespace` is not configured".to_owned(),
            ),
            "spark/location" => (Severity::Info, "the plan does not tell all paths that it reads".to_owned()),
            _ => (
                Severity::Info,
                "a plan is cut off (spark.sql.debug.maxToStringFields), or nested too deep; fields are missing".to_owned(),
            ),
        };
        self.problems.push(Diagnostic {
            severity,
            code: code.into(),
            message,
            at: Some(at.clone()),
        });
    }
}

impl Access {
    fn of(group: &[&Execution], naming: &Naming) -> Self {
        let mut access = Self::default();
        // Only of a table that is created does the nested execution say where it is.
        let mut created: BTreeSet<Table> = BTreeSet::new();
        for execution in group {
            let (operators, is_cut) = plan::operators(&execution.tree);
            access.is_cut |= is_cut;
            let details = plan::details(&execution.text);
            let mut columns = None;
            for operator in &operators {
                let location = operator.location.as_deref();
                let arguments = operator
                    .simple
                    .strip_prefix(&operator.name)
                    .unwrap_or(&operator.simple);
                if let Some(relation) =
                    relations::read(&operator.name, &operator.simple, location, naming)
                {
                    access.read(relation);
                } else if let Some(relation) =
                    relations::write(&operator.name, arguments.trim(), naming)
                {
                    access.write(&operator.name, relation, &mut columns, &mut created);
                }
            }
            for detail in details.values() {
                let arguments = detail.get("Arguments").unwrap_or_default();
                if let Some(relation) = relations::write(&detail.name, arguments, naming) {
                    access.write(&detail.name, relation, &mut columns, &mut created);
                } else if operators.is_empty()
                    && let Some(relation) =
                        relations::read(&detail.name, arguments, detail.get("Location"), naming)
                {
                    access.read(relation);
                }
            }
            let Fields { links, is_cut } = fields::fields(&details, columns.as_deref(), naming);
            access.links.extend(links);
            access.is_cut |= is_cut;
        }
        let places: Vec<Table> = access.writes.difference(&created).cloned().collect();
        if let ([place], 1) = (&places[..], created.len())
            && place.kind == "FILE"
        {
            let table = created.pop_first();
            access
                .stored
                .extend(table.map(|table| (table, place.clone())));
            access.writes = BTreeSet::from([place.clone()]);
        }
        access
    }

    fn read(&mut self, relation: Relation) {
        self.reads.extend(relation.tables);
        self.stored.extend(relation.stored);
        self.unknown.extend(relation.unknown);
    }

    fn write(
        &mut self,
        name: &str,
        relation: Relation,
        columns: &mut Option<Vec<String>>,
        created: &mut BTreeSet<Table>,
    ) {
        if name.contains("AsSelect") {
            created.extend(relation.tables.iter().cloned());
        }
        if self.command.is_none() {
            self.command = Some(
                name.split(['(', '['])
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
            );
        }
        self.writes.extend(relation.tables);
        self.stored.extend(relation.stored);
        self.unknown.extend(relation.unknown);
        if let Some(names) = relation.columns {
            *columns = Some(names);
        }
    }
}

/// `Execute InsertIntoHiveTable` as openlineage-spark writes it: `execute_insert_into_hive_table`.
fn snake(name: &str) -> String {
    const CHARS_MAX: usize = 100;
    let mut snake = String::new();
    let mut before = ' ';
    for c in name.chars().take(CHARS_MAX) {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            snake.push('_');
        }
        snake.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        });
        before = c;
    }
    snake
}

/// What a dataset is called in a job's name: a table as it is, of a path its last two parts.
fn short(table: &Table) -> String {
    let name = if table.kind == "FILE" {
        let parts: Vec<&str> = table
            .name
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        parts[parts.len().saturating_sub(2)..].join("_")
    } else {
        table.name.clone()
    };
    name.replace('.', "_")
}
