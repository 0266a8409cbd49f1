//! What one row says, whichever warehouse it is of.

use std::collections::BTreeSet;

use headwater_extractor::{Location, RunState};

/// A dataset by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Table {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// A field, or the whole dataset, goes into another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    pub(crate) from: (Table, Option<String>),
    pub(crate) to: (Table, Option<String>),
    /// `OpenLineage`'s subtypes, each with whether it is direct; none where it is not known.
    pub(crate) how: Vec<(bool, Option<&'static str>)>,
    pub(crate) is_masking: bool,
}

/// A job's name and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JobName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// How a job got its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// A tool or a person named it: a dbt node, a label, a notebook.
    ByTool,
    /// It is called by its statement.
    ByStatement,
}

/// A statement's text, which stays in memory, and what may be kept of it.
#[derive(Clone, Debug)]
pub(crate) struct Sql {
    pub(crate) text: String,
    /// Without literals and comments.
    pub(crate) normal: String,
    pub(crate) dialect: sql_lineage::Dialect,
    /// Of names that say none.
    pub(crate) database: Option<String>,
    pub(crate) schema: Option<String>,
}

/// One execution: of a statement, or of what an entity does in one run.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub(crate) id: String,
    pub(crate) job: JobName,
    pub(crate) named: Named,
    /// The job type.
    pub(crate) kind: &'static str,
    /// The execution that this one is part of.
    pub(crate) parent_id: Option<String>,
    /// Not every execution is a run: what a run writes may be several.
    pub(crate) run: Option<Run>,
    pub(crate) reads: BTreeSet<Table>,
    pub(crate) writes: BTreeSet<Table>,
    pub(crate) links: BTreeSet<Link>,
    /// Namespace and pattern of what it reads.
    pub(crate) patterns: BTreeSet<(String, String)>,
    /// What derives from what, whoever did it: views from what they show.
    pub(crate) views: BTreeSet<Link>,
    /// Another name of a table: where it is stored.
    pub(crate) stored: BTreeSet<(Table, Table)>,
    pub(crate) sql: Option<Sql>,
    /// True if its text shall tell its fields.
    pub(crate) needs_sql: bool,
    /// True if its text knows better what it reads: of views, the history has what is behind them.
    pub(crate) reads_by_sql: bool,
    /// Such as `INSERT`, as the warehouse calls it.
    pub(crate) verb: Option<String>,
    /// Facts about who ran it and where: key and value.
    pub(crate) circumstances: BTreeSet<(&'static str, String)>,
    pub(crate) at: Location,
}

/// One run of a job.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) id: String,
    /// None where the history has only what came to its end.
    pub(crate) state: Option<RunState>,
    pub(crate) started_ms: Option<i64>,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) message: Option<String>,
}

impl Execution {
    pub(crate) fn new(id: String, job: JobName, named: Named, at: Location) -> Self {
        Self {
            id,
            job,
            named,
            kind: "QUERY",
            parent_id: None,
            run: None,
            reads: BTreeSet::new(),
            writes: BTreeSet::new(),
            links: BTreeSet::new(),
            patterns: BTreeSet::new(),
            views: BTreeSet::new(),
            stored: BTreeSet::new(),
            sql: None,
            needs_sql: false,
            reads_by_sql: false,
            verb: None,
            circumstances: BTreeSet::new(),
            at,
        }
    }

    /// True if it did not end well: what it read and wrote is no lineage.
    pub(crate) fn is_failed(&self) -> bool {
        self.run
            .as_ref()
            .is_some_and(|run| matches!(run.state, Some(RunState::Fail | RunState::Abort)))
    }

    pub(crate) fn newest_ms(&self) -> Option<i64> {
        let run = self.run.as_ref()?;
        run.ended_ms.max(run.started_ms)
    }

    /// A statement that changes rows of a table has the table among what it accesses; that it reads it, only a field
    /// that comes from it says.
    pub(crate) fn forget_changed_rows(&mut self) {
        let changes = self.verb.as_deref().is_some_and(|verb| {
            let verb = verb.to_ascii_uppercase();
            ["UPDATE", "DELETE", "MERGE", "TRUNCATE"]
                .iter()
                .any(|word| verb.starts_with(word))
        });
        if changes {
            let (writes, links) = (&self.writes, &self.links);
            self.reads.retain(|table| {
                !writes.contains(table)
                    || links
                        .iter()
                        .any(|link| link.from.0 == *table && writes.contains(&link.to.0))
            });
        }
    }
}

/// How much a state says: an end more than what came before it.
fn rank(state: Option<RunState>) -> u8 {
    match state {
        None => 0,
        Some(RunState::Start) => 1,
        Some(RunState::Running) => 2,
        Some(RunState::Other) => 3,
        Some(RunState::Complete | RunState::Abort | RunState::Fail) => 4,
    }
}

impl Run {
    fn merge(&mut self, other: Self) {
        if rank(other.state) > rank(self.state) {
            self.state = other.state;
        }
        self.started_ms = match (self.started_ms, other.started_ms) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.ended_ms = self.ended_ms.max(other.ended_ms);
        self.message = self.message.take().or(other.message);
    }
}

impl Execution {
    /// Adds what another row says of the same execution.
    pub(crate) fn merge(&mut self, other: Self) {
        let knows_name = |execution: &Self| {
            (
                execution.named == Named::ByTool,
                execution.sql.is_some(),
                !execution.job.name.is_empty(),
            )
        };
        if knows_name(&other) > knows_name(self) {
            (self.job, self.named, self.kind) = (other.job, other.named, other.kind);
        }
        self.parent_id = self.parent_id.take().or(other.parent_id);
        match (&mut self.run, other.run) {
            (Some(run), Some(other)) => run.merge(other),
            (run, Some(other)) => *run = Some(other),
            (_, None) => {}
        }
        self.reads.extend(other.reads);
        self.writes.extend(other.writes);
        self.links.extend(other.links);
        self.patterns.extend(other.patterns);
        self.views.extend(other.views);
        self.stored.extend(other.stored);
        self.sql = self.sql.take().or(other.sql);
        self.needs_sql |= other.needs_sql;
        self.reads_by_sql |= other.reads_by_sql;
        self.verb = self.verb.take().or(other.verb);
        self.circumstances.extend(other.circumstances);
    }
}
