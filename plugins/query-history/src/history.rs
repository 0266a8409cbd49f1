//! All rows of all files, put together.

use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::{Diagnostic, Location, Severity};
use sha2::{Digest, Sha256};

use crate::kind::Kind;
use crate::model::{Execution, JobName};
use crate::options::Options;
use crate::rows::{File, Row};
use crate::time;
use crate::{bigquery, databricks, naming, snowflake};

/// The longest name that a label, a tag or a comment may give a job.
pub(crate) const JOB_NAME_BYTES_MAX: usize = 512;

/// What the files say together.
pub(crate) struct History<'o> {
    pub(crate) options: &'o Options,
    namespaces: BTreeMap<Kind, String>,
    /// By warehouse and id.
    pub(crate) executions: BTreeMap<(Kind, String), Execution>,
    /// The newest time of all.
    pub(crate) newest_ms: Option<i64>,
    problems: Vec<Diagnostic>,
    /// Values that are no times: column, how many, and where the first one is.
    no_times: BTreeMap<(String, String), (usize, Location)>,
    /// Kinds of objects that are not known, and where one is.
    unknown_kinds: BTreeMap<String, Location>,
    read_by_nobody_count: usize,
}

impl<'o> History<'o> {
    pub(crate) fn new(options: &'o Options) -> Self {
        let namespaces = [Kind::Snowflake, Kind::BigQuery, Kind::Databricks].map(|kind| {
            let namespace = options.namespace(kind);
            (
                kind,
                namespace.unwrap_or_else(|| format!("query-history://{}", kind.name())),
            )
        });
        Self {
            options,
            namespaces: namespaces.into_iter().collect(),
            executions: BTreeMap::new(),
            newest_ms: None,
            problems: Vec::new(),
            no_times: BTreeMap::new(),
            unknown_kinds: BTreeMap::new(),
            read_by_nobody_count: 0,
        }
    }

    /// The namespace of a warehouse's datasets.
    pub(crate) fn namespace(&self, kind: Kind) -> &str {
        &self.namespaces[&kind]
    }

    /// A job of that name.
    pub(crate) fn job(&self, kind: Kind, name: String) -> JobName {
        let namespace = self.options.job_namespace.as_deref();
        JobName {
            namespace: namespace.unwrap_or_else(|| self.namespace(kind)).to_owned(),
            name,
        }
    }

    /// The job of a node of dbt.
    pub(crate) fn dbt_job(&self, kind: Kind, name: String) -> JobName {
        match &self.options.dbt_job_namespace {
            Some(namespace) => JobName {
                namespace: namespace.clone(),
                name,
            },
            None => self.job(kind, name),
        }
    }

    /// A time of a row. What is no time is told once for each file and column.
    pub(crate) fn time(&mut self, row: &Row, column: &str) -> Option<i64> {
        let text = row.text(column)?;
        let Some(at) = time::parse(&text) else {
            let key = (row.at.artifact.clone(), column.to_owned());
            let told = self.no_times.entry(key);
            told.or_insert_with(|| (0, row.at.clone())).0 += 1;
            return None;
        };
        self.newest_ms = self.newest_ms.max(Some(at));
        Some(at)
    }

    pub(crate) fn unknown_kind(&mut self, kind: String, at: &Location) {
        self.unknown_kinds.entry(kind).or_insert_with(|| at.clone());
    }

    pub(crate) fn read_by_nobody(&mut self) {
        self.read_by_nobody_count += 1;
    }

    /// Reads the rows of a file.
    pub(crate) fn add(&mut self, mut file: File) {
        self.problems.append(&mut file.problems);
        if file.rows.is_empty() && file.columns.is_empty() {
            return;
        }
        let kind = match self.options.kind {
            Some(kind) => Some(kind).filter(|kind| kind.is_of(&file.columns)),
            None => Kind::of(&file.columns),
        };
        let Some(kind) = kind else {
            let message = format!(
                "the columns are of no history that is read; {}",
                Kind::needed()
            );
            let at = crate::rows::place(&file.name, None, None);
            self.told(Severity::Error, "query-history/columns", message, Some(at));
            return;
        };
        for row in &file.rows {
            let executions = match kind {
                Kind::Snowflake => {
                    snowflake::read(row, self).map(|found| found.into_iter().collect())
                }
                Kind::BigQuery => {
                    bigquery::read(row, self).map(|found| found.into_iter().collect())
                }
                Kind::Databricks => databricks::read(row, self),
            };
            match executions {
                Ok(executions) => {
                    let executions: Vec<Execution> = executions;
                    for execution in executions {
                        self.insert(kind, execution);
                    }
                }
                Err(message) => {
                    let at = Some(row.at.clone());
                    self.told(Severity::Warning, "query-history/row", message, at);
                }
            }
        }
    }

    fn insert(&mut self, kind: Kind, mut execution: Execution) {
        let count = naming::leave_out_unnamed(&mut execution);
        if count > 0 {
            let message = format!(
                "names that are too long or have control characters are left out ({count})"
            );
            let at = Some(execution.at.clone());
            self.told(Severity::Warning, "query-history/name", message, at);
        }
        let key = (kind, execution.id.clone());
        match self.executions.get_mut(&key) {
            Some(known) => known.merge(execution),
            None => {
                self.executions.insert(key, execution);
            }
        }
    }

    fn told(&mut self, severity: Severity, code: &str, message: String, at: Option<Location>) {
        self.problems.push(Diagnostic {
            severity,
            code: code.into(),
            message,
            at,
        });
    }

    /// Names executions of which no text is known by what they read and write, and returns what was found wrong.
    pub(crate) fn finish(&mut self) -> Vec<Diagnostic> {
        for execution in self.executions.values_mut() {
            if execution.job.name.is_empty() {
                execution.job.name = name_of_access(execution);
            }
        }
        let used: BTreeSet<Kind> = self.executions.keys().map(|(kind, _)| *kind).collect();
        for kind in used {
            if self.options.namespace(kind).is_none() {
                let option = if kind == Kind::Snowflake {
                    "account"
                } else {
                    "host"
                };
                let message = format!(
                    "neither `namespace` nor `{option}` is configured: datasets are in {}, which no other source names",
                    self.namespace(kind)
                );
                self.told(
                    Severity::Warning,
                    "query-history/namespace-not-configured",
                    message,
                    None,
                );
            }
        }
        for ((_, column), (count, at)) in std::mem::take(&mut self.no_times) {
            let message =
                format!("`{column}` has values that are no times that are read ({count})");
            self.told(Severity::Warning, "query-history/time", message, Some(at));
        }
        for (kind, at) in std::mem::take(&mut self.unknown_kinds) {
            let message = format!("objects of the kind {kind} are not known, and left out");
            self.told(
                Severity::Info,
                "query-history/object-kind",
                message,
                Some(at),
            );
        }
        if self.read_by_nobody_count > 0 {
            let message = format!(
                "rows that say that something was read, but not by what, are left out ({})",
                self.read_by_nobody_count
            );
            self.told(
                Severity::Info,
                "query-history/unknown-reader",
                message,
                None,
            );
        }
        std::mem::take(&mut self.problems)
    }
}

/// The name of what has no text: what it writes, and a digest of all that it reads and writes.
fn name_of_access(execution: &Execution) -> String {
    let mut digest = Sha256::new();
    for (side, tables) in [("reads", &execution.reads), ("writes", &execution.writes)] {
        for table in tables {
            digest.update(format!("{side} {} {}\n", table.namespace, table.name));
        }
    }
    let digest = digest.finalize();
    let verb = if execution.writes.is_empty() {
        "reads"
    } else {
        "writes"
    };
    let table = execution.writes.first().or(execution.reads.first());
    let table = table.map_or("nothing", |table| &table.name);
    let mut name = format!("{verb}:{table}:");
    for byte in &digest[..6] {
        use std::fmt::Write as _;
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// The values of all keys together, if all are there.
pub(crate) fn job_of_keys(
    keys: &[String],
    value: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    if keys.is_empty() {
        return None;
    }
    let values: Option<Vec<String>> = keys.iter().map(|key| value(key)).collect();
    let name = values.map(|values| values.join("."));
    name.filter(|name| naming::is_name(name) && name.len() <= JOB_NAME_BYTES_MAX)
}
