//! Runs of jobs.

use async_graphql::{Context, Enum, ID, Object, Result, Value};
use headwater_engine::{ParentRun, RunStatements, RunView, RunsQuestion};
use headwater_model::{AssetIndex, EdgeKind};

use crate::cursor;
use crate::dataset::Dataset;
use crate::error::{ask_error, internal};
use crate::job::Job;
use crate::page::{self, Connection, Edge, Total, cost};
use crate::quick::not_quick;
use crate::scalars::{DateTime, Json};
use crate::scope::{Scope, scope};

/// How a run stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum RunState {
    /// It began.
    Start,
    /// It goes on.
    Running,
    /// It ended well.
    Complete,
    /// It was stopped.
    Abort,
    /// It ended badly.
    Fail,
    /// Something else happened, and nothing more is known.
    Other,
}

impl From<headwater_model::RunState> for RunState {
    fn from(state: headwater_model::RunState) -> Self {
        match state {
            headwater_model::RunState::Start => Self::Start,
            headwater_model::RunState::Running => Self::Running,
            headwater_model::RunState::Complete => Self::Complete,
            headwater_model::RunState::Abort => Self::Abort,
            headwater_model::RunState::Fail => Self::Fail,
            headwater_model::RunState::Other => Self::Other,
        }
    }
}

/// A run of a job.
pub(crate) struct Run(pub(crate) RunView);

not_quick!(Run);

impl Run {
    async fn datasets(
        &self,
        scope: &Scope,
        kind: EdgeKind,
        (first, after): (Option<i32>, Option<String>),
    ) -> Result<Connection<Dataset>> {
        let count = page::count(first, 50, scope.limits.page_max)?;
        let read = |waiting: &[RunStatements]| scope.view.run_datasets(waiting);
        let statements = self.0.statements();
        let datasets = scope
            .loads
            .run_datasets
            .get(&scope.stall, statements, read)
            .await?;
        let (list, found) = match kind {
            EdgeKind::Reads => ("run.inputs", &datasets.reads),
            _ => ("run.outputs", &datasets.writes),
        };
        let found: Vec<AssetIndex> = found.iter().copied().collect();
        page::of_assets(list, &found, (count, after), Dataset::new)
    }
}

/// One time that a job ran.
#[Object]
impl Run {
    /// Stable: that of its job, and a digest of the runId.
    pub(crate) async fn id(&self, ctx: &Context<'_>) -> Result<ID> {
        let id = scope(ctx).view.run_id(&self.0);
        id.map(ID).ok_or_else(|| internal(&"a run's job has no id"))
    }

    /// As its producer wrote it.
    async fn run_id(&self) -> &str {
        &self.0.run
    }

    async fn job(&self) -> Job {
        Job::new(self.0.job)
    }

    /// The latest one by event time; OTHER only if there was no other. START again after an end is a new attempt.
    async fn state(&self) -> RunState {
        self.0.state.into()
    }

    /// Start of the period that it works on.
    async fn nominal_start(&self) -> Option<DateTime> {
        self.0.nominal_start.map(DateTime)
    }

    /// End of the period that it works on.
    async fn nominal_end(&self) -> Option<DateTime> {
        self.0.nominal_end.map(DateTime)
    }

    /// When its newest attempt started, if it said so.
    async fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(DateTime)
    }

    /// When it came to its end.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(DateTime)
    }

    /// What went wrong in its newest attempt.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    async fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// The run that it is a part of, if anybody told of that.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Run>> {
        let scope = scope(ctx);
        let Some(parent) = self.0.parent() else {
            return Ok(None);
        };
        let read = |waiting: &[ParentRun]| scope.view.parent_runs(waiting);
        let found = scope
            .loads
            .parent_runs
            .get(&scope.stall, parent.clone(), read)
            .await?;
        Ok(found.as_ref().clone().map(Run))
    }

    /// What its events said that it reads; for a run of which only snapshots tell, what its job reads now.
    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn inputs(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Dataset>> {
        self.datasets(scope(ctx), EdgeKind::Reads, (first, after))
            .await
    }

    /// What its events said that it writes; for a run of which only snapshots tell, what its job writes now.
    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn outputs(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Dataset>> {
        self.datasets(scope(ctx), EdgeKind::Writes, (first, after))
            .await
    }

    /// The run's facets, of all of its events; the newest word counts.
    async fn facets(&self, ctx: &Context<'_>) -> Result<Json> {
        let bodies = scope(ctx).view.run_bodies(&self.0).map_err(ask_error)?;
        let mut facets = async_graphql::indexmap::IndexMap::new();
        for body in bodies {
            if let Ok(Value::Object(mut event)) = serde_json::from_str::<Value>(&body)
                && let Some(Value::Object(mut run)) = event.swap_remove("run")
                && let Some(Value::Object(said)) = run.swap_remove("facets")
            {
                facets.extend(said);
            }
        }
        Ok(Json(Value::Object(facets)))
    }
}

/// One page of a job's runs, newest first.
///
/// # Errors
/// Those of paging arguments.
pub(crate) async fn runs(
    scope: &Scope,
    job: AssetIndex,
    (first, after): (Option<i32>, Option<String>),
) -> Result<Connection<Run>> {
    let count = page::count(first, 20, scope.limits.page_max)?;
    let after: Option<(i64, u64)> = after
        .map(|after| cursor::read("runs", &after))
        .transpose()?;
    let question = RunsQuestion {
        job,
        count,
        after: after.map(|(start, key)| (start, key.to_be_bytes())),
    };
    let read = |waiting: &[RunsQuestion]| scope.view.runs_pages(waiting);
    let page = scope.loads.runs.get(&scope.stall, question, read).await?;
    let edges = page.runs.iter().map(|(place, run)| Edge {
        node: Run(run.clone()),
        cursor: cursor::of("runs", &(place.start, u64::from_be_bytes(place.key))),
    });
    Ok(Connection {
        edges: edges.collect(),
        has_next: page.after_count > 0,
        has_previous: page.before_count > 0,
        total: Total::Count(page.before_count + page.on_page_count + page.after_count),
    })
}
