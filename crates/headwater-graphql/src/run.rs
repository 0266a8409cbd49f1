//! Runs of jobs.

use async_graphql::{Context, Enum, ID, Object, Result, Value};
use headwater_engine::{RunPlace, RunView};
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
    fn datasets(
        &self,
        scope: &Scope,
        kind: EdgeKind,
        (first, after): (Option<i32>, Option<String>),
    ) -> Result<Connection<Dataset>> {
        let count = page::count(first, 50, scope.limits.page_max)?;
        let list = match kind {
            EdgeKind::Reads => "run.inputs",
            _ => "run.outputs",
        };
        let found = scope.view.run_datasets(&self.0, kind).map_err(ask_error)?;
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
        let parent = scope(ctx).view.parent_run(&self.0).map_err(ask_error)?;
        Ok(parent.map(Run))
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
pub(crate) fn runs(
    scope: &Scope,
    job: AssetIndex,
    (first, after): (Option<i32>, Option<String>),
) -> Result<Connection<Run>> {
    let count = page::count(first, 20, scope.limits.page_max)?;
    let after: Option<(i64, u64)> = after
        .map(|after| cursor::read("runs", &after))
        .transpose()?;
    let places = scope.view.runs_of(&[job]).map_err(ask_error)?.pop();
    let places = places.unwrap_or_default();
    let key = |place: &RunPlace| (place.start, u64::from_be_bytes(place.key));
    let start = after.map_or(0, |after| places.partition_point(|p| key(p) >= after));
    let range = page::range(start, count, places.len());
    let page = &places[range.clone()];
    let mut edges = Vec::with_capacity(page.len());
    for (place, run) in page
        .iter()
        .zip(scope.view.read_runs(job, page).map_err(ask_error)?)
    {
        if let Some(run) = run {
            edges.push(Edge {
                node: Run(run),
                cursor: cursor::of("runs", &key(place)),
            });
        }
    }
    Ok(Connection {
        edges,
        has_next: range.end < places.len(),
        has_previous: range.start > 0,
        total: Total::Count(places.len()),
    })
}
