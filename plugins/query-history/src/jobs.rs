//! Executions of one statement, or of what a tool names, are one job.

use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::{Diagnostic, Location, Severity};
use sql_lineage::Catalog;

use crate::history::History;
use crate::kind::Kind;
use crate::model::{Execution, JobName, Link, Named, Run, Table};
use crate::options::Reads;
use crate::sql::{self, Told};

/// The longest statement that is kept.
const SQL_BYTES_MAX: usize = 16 << 10;
/// Values of each circumstance that are kept.
const VALUES_MAX: usize = 50;

/// How deep jobs are parts of each other.
const PARENTS_MAX: usize = 64;

/// A job and all that its executions say, each with the newest place that says so.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) name: JobName,
    pub(crate) warehouse: Kind,
    pub(crate) kind: &'static str,
    /// The statement without literals, if there is one and it is not too long.
    pub(crate) sql: Option<String>,
    pub(crate) parent: Option<JobName>,
    pub(crate) reads: BTreeMap<Table, Location>,
    pub(crate) writes: BTreeMap<Table, Location>,
    pub(crate) links: BTreeMap<Link, Location>,
    pub(crate) patterns: BTreeMap<(String, String), Location>,
    /// Newest first.
    pub(crate) runs: Vec<Run>,
    pub(crate) circumstances: BTreeMap<&'static str, BTreeSet<String>>,
    pub(crate) verbs: BTreeSet<String>,
    pub(crate) executions_count: usize,
    pub(crate) failed_count: usize,
    pub(crate) first_ms: Option<i64>,
    pub(crate) last_ms: Option<i64>,
    pub(crate) at: Location,
    is_named: bool,
    parent_id: Option<String>,
    sqls: BTreeSet<String>,
}

/// What is stated.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Those that others are part of come before these.
    pub(crate) jobs: Vec<Job>,
    pub(crate) views: BTreeMap<Link, Location>,
    pub(crate) stored: BTreeMap<(Table, Table), Location>,
    /// True if there are more jobs than are stated.
    pub(crate) is_bounded: bool,
    pub(crate) problems: Vec<Diagnostic>,
}

/// Puts the executions together.
pub(crate) fn group(history: &mut History<'_>, known: &Catalog) -> Found {
    let mut found = Found::default();
    let mut by_name: BTreeMap<JobName, Job> = BTreeMap::new();
    let mut job_of_execution = BTreeMap::new();
    let mut executions: Vec<(Kind, Execution)> = std::mem::take(&mut history.executions)
        .into_iter()
        .map(|((kind, _), execution)| (kind, execution))
        .collect();
    // Newest first, so that the newest place is the evidence.
    executions.sort_by(|(_, a), (_, b)| (b.newest_ms(), &b.id).cmp(&(a.newest_ms(), &a.id)));
    let mut analysed = BTreeSet::new();
    for (kind, mut execution) in executions {
        job_of_execution.insert((kind, execution.id.clone()), execution.job.clone());
        if !execution.is_failed() {
            execution.forget_changed_rows();
            told(
                &mut execution,
                history.namespace(kind),
                known,
                &mut analysed,
                &mut found,
            );
            let at = &execution.at;
            for link in std::mem::take(&mut execution.views) {
                found.views.entry(link).or_insert_with(|| at.clone());
            }
            for stored in std::mem::take(&mut execution.stored) {
                found.stored.entry(stored).or_insert_with(|| at.clone());
            }
        }
        let name = execution.job.clone();
        let job = by_name
            .entry(name)
            .or_insert_with(|| Job::new(kind, &execution));
        job.add(execution, history.options.runs_max);
    }
    for job in by_name.values_mut() {
        let parent = job.parent_id.as_ref();
        let parent = parent.and_then(|id| job_of_execution.get(&(job.warehouse, id.clone())));
        job.parent = parent.filter(|parent| **parent != job.name).cloned();
        job.finish(history.options.keeps_users);
    }
    break_circles(&mut by_name);
    let kept = kept(&by_name, history, &mut found);
    found.jobs = in_order(by_name, &kept);
    found
}

/// Reads the text of an execution, once for all of one job that have the same.
fn told(
    execution: &mut Execution,
    namespace: &str,
    known: &Catalog,
    analysed: &mut BTreeSet<(JobName, String)>,
    found: &mut Found,
) {
    if execution.needs_sql
        && let Some(sql) = &execution.sql
        && analysed.insert((execution.job.clone(), sql.normal.clone()))
    {
        let problem = match sql::tell(execution, known, namespace) {
            Told::All => None,
            Told::NotUnderstood(code) => Some((
                "query-history/sql",
                format!(
                    "the statement is not understood ({code}); lineage of its fields may be missing"
                ),
            )),
            Told::Unaccessed(names) => Some((
                "query-history/sql-check",
                format!(
                    "the statement names {}, which the history does not say it accessed; fields of these are left out",
                    names.join(", ")
                ),
            )),
        };
        if let Some((code, message)) = problem {
            found.problems.push(Diagnostic {
                severity: Severity::Info,
                code: code.into(),
                message,
                at: Some(execution.at.clone()),
            });
        }
    }
    // What is made of nothing has no lineage.
    let creates = execution
        .verb
        .as_deref()
        .is_some_and(|verb| verb.to_ascii_uppercase().starts_with("CREATE"));
    if creates
        && execution.reads.is_empty()
        && execution.links.is_empty()
        && execution.patterns.is_empty()
    {
        execution.writes.clear();
    }
}

/// No job is part of itself, however executions are nested, and none has too many above it.
fn break_circles(jobs: &mut BTreeMap<JobName, Job>) {
    let names: Vec<JobName> = jobs.keys().cloned().collect();
    let mut is_checked: BTreeSet<JobName> = BTreeSet::new();
    for name in names {
        let mut path = vec![name];
        while let Some(last) = path.last() {
            if is_checked.contains(last) {
                break;
            }
            let Some(parent) = jobs.get(last).and_then(|job| job.parent.clone()) else {
                break;
            };
            if path.len() >= PARENTS_MAX || path.contains(&parent) {
                if let Some(job) = jobs.get_mut(last) {
                    job.parent = None;
                }
                break;
            }
            path.push(parent);
        }
        is_checked.extend(path);
    }
}

/// The jobs that are stated: those that write, those that read and have a name, and what these are part of.
fn kept(
    jobs: &BTreeMap<JobName, Job>,
    history: &History<'_>,
    found: &mut Found,
) -> BTreeSet<JobName> {
    let (options, mut left_out) = (history.options, 0);
    let mut chosen: Vec<&Job> = Vec::new();
    for job in jobs.values() {
        let is_wanted = match (job.reads_only(), job.is_writing()) {
            (_, true) => true,
            (true, _) => match options.reads {
                Reads::All => true,
                Reads::Named => job.is_named,
                Reads::None => false,
            },
            // It did nothing with data, or failed before it did.
            (false, false) => false,
        };
        if is_wanted {
            chosen.push(job);
        } else if job.reads_only() {
            left_out += 1;
        }
    }
    if left_out > 0 {
        found.problems.push(Diagnostic {
            severity: Severity::Info,
            code: "query-history/only-reads".into(),
            message: format!(
                "statements that only read are left out ({left_out}); `reads` may be all"
            ),
            at: None,
        });
    }
    if chosen.len() > options.jobs_max {
        found.is_bounded = true;
        let count = chosen.len() - options.jobs_max;
        found.problems.push(Diagnostic {
            severity: Severity::Warning,
            code: "query-history/too-many-jobs".into(),
            message: format!(
                "jobs that ran longest ago are left out ({count}); `jobs_max` is {}",
                options.jobs_max
            ),
            at: None,
        });
        chosen.sort_by_key(|job| (std::cmp::Reverse(job.last_ms), job.name.clone()));
        chosen.truncate(options.jobs_max);
    }
    let mut kept = BTreeSet::new();
    for job in chosen {
        let mut name = Some(&job.name);
        while let Some(next) = name {
            if !kept.insert(next.clone()) {
                break;
            }
            name = jobs.get(next).and_then(|job| job.parent.as_ref());
        }
    }
    kept
}

/// Each job after the one that it is part of.
fn in_order(mut jobs: BTreeMap<JobName, Job>, kept: &BTreeSet<JobName>) -> Vec<Job> {
    let mut ordered = Vec::with_capacity(kept.len());
    for name in kept {
        let mut path = Vec::new();
        let mut next = jobs.remove(name);
        while let Some(job) = next {
            next = job.parent.as_ref().and_then(|parent| jobs.remove(parent));
            path.push(job);
        }
        ordered.extend(path.into_iter().rev());
    }
    ordered
}

impl Job {
    fn new(warehouse: Kind, execution: &Execution) -> Self {
        Self {
            name: execution.job.clone(),
            warehouse,
            kind: execution.kind,
            sql: None,
            parent: None,
            reads: BTreeMap::new(),
            writes: BTreeMap::new(),
            links: BTreeMap::new(),
            patterns: BTreeMap::new(),
            runs: Vec::new(),
            circumstances: BTreeMap::new(),
            verbs: BTreeSet::new(),
            executions_count: 0,
            failed_count: 0,
            first_ms: None,
            last_ms: None,
            at: execution.at.clone(),
            is_named: false,
            parent_id: None,
            sqls: BTreeSet::new(),
        }
    }

    /// Adds an execution; they come newest first.
    fn add(&mut self, execution: Execution, runs_max: usize) {
        let is_failed = execution.is_failed();
        let newest_ms = execution.newest_ms();
        self.is_named |= execution.named == Named::ByTool;
        self.executions_count += 1;
        self.failed_count += usize::from(is_failed);
        self.last_ms = self.last_ms.max(newest_ms);
        self.first_ms = match (self.first_ms, newest_ms) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.parent_id = self.parent_id.take().or(execution.parent_id);
        self.verbs.extend(execution.verb);
        for (key, value) in execution.circumstances {
            let values = self.circumstances.entry(key).or_default();
            if values.len() < VALUES_MAX {
                values.insert(value);
            }
        }
        if let Some(sql) = execution.sql {
            // Two are enough to know that there is not one.
            if self.sqls.len() < 2 {
                self.sqls.insert(sql.normal);
            }
        }
        if let Some(run) = execution.run
            && self.runs.len() < runs_max
        {
            self.runs.push(run);
        }
        if is_failed {
            return;
        }
        let at = execution.at;
        for table in execution.reads {
            self.reads.entry(table).or_insert_with(|| at.clone());
        }
        for table in execution.writes {
            self.writes.entry(table).or_insert_with(|| at.clone());
        }
        for link in execution.links {
            self.links.entry(link).or_insert_with(|| at.clone());
        }
        for pattern in execution.patterns {
            self.patterns.entry(pattern).or_insert_with(|| at.clone());
        }
    }

    fn finish(&mut self, keeps_users: bool) {
        if !keeps_users {
            self.circumstances.remove("users");
        }
        if self.sqls.len() == 1 {
            let sql = self.sqls.pop_first();
            self.sql = sql.filter(|sql| !sql.is_empty() && sql.len() <= SQL_BYTES_MAX);
        }
    }

    fn reads_only(&self) -> bool {
        self.writes.is_empty() && !(self.reads.is_empty() && self.patterns.is_empty())
    }

    /// True if it writes, or never came to that.
    fn is_writing(&self) -> bool {
        const WORDS: &[&str] = &[
            "INSERT", "MERGE", "UPDATE", "DELETE", "CREATE", "COPY", "LOAD",
        ];
        let never_ended = self.failed_count == self.executions_count;
        let is_meant = || {
            self.is_named
                || self.verbs.iter().any(|verb| {
                    WORDS
                        .iter()
                        .any(|word| verb.to_ascii_uppercase().starts_with(word))
                })
        };
        !self.writes.is_empty() || (never_ended && is_meant())
    }
}
