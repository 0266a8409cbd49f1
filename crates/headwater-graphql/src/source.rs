//! Sources, their submissions, and what was found in these.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};
use headwater_engine::{
    DiagnosticView, DiagnosticsQuestion, SourceState, SubmissionView, SubmissionsQuestion,
};
use headwater_model::Timestamp;

use crate::cursor;
use crate::domain::Domain;
use crate::error::internal;
use crate::page::{self, Connection, Edge, Total, cost};
use crate::plugin::Plugin;
use crate::quick::not_quick;
use crate::scalars::{DateTime, Offset, int};
use crate::scope::{Scope, scope};

/// What one domain submits through one extractor or client.
pub(crate) struct Source(SourceState);

/// How a source's statements replace each other.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum SourceKind {
    /// Each submission says all that it covers.
    Snapshot,
    /// Each event speaks for one job or dataset.
    Events,
    /// Each fact stands for itself.
    Manual,
}

impl From<headwater_model::SourceKind> for SourceKind {
    fn from(kind: headwater_model::SourceKind) -> Self {
        match kind {
            headwater_model::SourceKind::Snapshot => Self::Snapshot,
            headwater_model::SourceKind::Events => Self::Events,
            headwater_model::SourceKind::Manual => Self::Manual,
        }
    }
}

impl From<SourceState> for Source {
    fn from(source: SourceState) -> Self {
        Self(source)
    }
}

impl Source {
    pub(crate) fn new(scope: &Scope, number: u32) -> Result<Self> {
        let source = scope.view.source_by_number(number);
        source
            .map(Self)
            .ok_or_else(|| internal(&format_args!("source {number} is unknown")))
    }
}

impl Source {
    /// Some of its submissions, read together with those of its neighbours in the answer.
    async fn read_submissions(
        &self,
        scope: &Scope,
        after: Option<u64>,
        count: usize,
    ) -> Result<Arc<Vec<SubmissionView>>> {
        let question = SubmissionsQuestion {
            source: self.0.number,
            after,
            count,
        };
        let read = |waiting: &[SubmissionsQuestion]| scope.view.submissions(waiting);
        scope
            .loads
            .submissions
            .get(&scope.stall, question, read)
            .await
    }
}

/// Sources by their numbers.
pub(crate) fn sources(scope: &Scope, numbers: &[u32]) -> Result<Vec<Source>> {
    numbers
        .iter()
        .map(|number| Source::new(scope, *number))
        .collect()
}

/// What one domain submits through one extractor or client.
#[Object]
impl Source {
    pub(crate) async fn id(&self, ctx: &Context<'_>) -> Result<ID> {
        Ok(ID(scope(ctx).view.source_id(&self.0)))
    }

    async fn domain(&self) -> Domain {
        Domain(self.0.key.domain.as_str().into())
    }

    async fn name(&self) -> &str {
        self.0.key.name.as_str()
    }

    async fn kind(&self) -> SourceKind {
        self.0.kind.into()
    }

    /// The extractor that made its latest snapshot, if the service has loaded it.
    async fn plugin(&self, ctx: &Context<'_>) -> Option<Plugin> {
        let (name, version, digest) = self.0.extractor.as_ref()?;
        Plugin::of(scope(ctx), (name, version, digest))
    }

    /// True if its last submission had errors, or is older than the source promised.
    async fn is_stale(&self, ctx: &Context<'_>) -> bool {
        scope(ctx).view.is_stale(&self.0)
    }

    async fn last_submission(&self, ctx: &Context<'_>) -> Result<Option<Submission>> {
        let newest = self.read_submissions(scope(ctx), None, 1).await?;
        Ok(newest.first().cloned().map(Submission))
    }

    /// Newest first.
    #[graphql(complexity = "cost(first, 20, child_complexity)")]
    async fn submissions(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(20)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Submission>> {
        let scope = scope(ctx);
        let count = page::count(first, 20, scope.limits.page_max)?;
        let after: Option<(u64,)> = after
            .map(|after| cursor::read("submissions", &after))
            .transpose()?;
        let after = after.map(|(offset,)| offset);
        // One more than the page tells whether there is a next one.
        let found = self.read_submissions(scope, after, count + 1).await?;
        let has_next = found.len() > count;
        let edges = found.iter().take(count).map(|submission| Edge {
            cursor: cursor::of("submissions", &(submission.offset,)),
            node: Submission(submission.clone()),
        });
        Ok(Connection {
            edges: edges.collect(),
            has_next,
            has_previous: after.is_some(),
            total: Total::SubmissionsOf(self.0.number),
        })
    }
}

/// One accepted submission.
pub(crate) struct Submission(SubmissionView);

impl From<SubmissionView> for Submission {
    fn from(submission: SubmissionView) -> Self {
        Self(submission)
    }
}

/// One accepted submission.
#[Object]
impl Submission {
    pub(crate) async fn id(&self) -> Result<ID> {
        Ok(ID(format!("sub_{}_{}", self.0.source, self.0.offset)))
    }

    async fn source(&self, ctx: &Context<'_>) -> Result<Source> {
        Source::new(scope(ctx), self.0.source)
    }

    async fn offset(&self) -> Offset {
        Offset(self.0.offset)
    }

    async fn received_at(&self) -> DateTime {
        DateTime(Timestamp::from_micros(self.0.record.received_at))
    }

    /// What it changed in the graph.
    async fn added_count(&self) -> i32 {
        int(self.0.record.added_count)
    }

    async fn removed_count(&self) -> i32 {
        int(self.0.record.removed_count)
    }

    async fn unchanged_count(&self) -> i32 {
        int(self.0.record.unchanged_count)
    }

    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn diagnostics(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Diagnostic>> {
        let scope = scope(ctx);
        let count = page::count(first, 50, scope.limits.page_max)?;
        let after: Option<(usize,)> = after
            .map(|after| cursor::read("diagnostics", &after))
            .transpose()?;
        let start = after.map_or(0, |(at,)| at.saturating_add(1));
        let question = DiagnosticsQuestion {
            offset: self.0.offset,
            skip: start,
            count,
        };
        let read = |waiting: &[DiagnosticsQuestion]| scope.view.diagnostics(waiting);
        let found = scope
            .loads
            .diagnostics
            .get(&scope.stall, question, read)
            .await?;
        let total = self.0.record.diagnostics_count as usize;
        Ok(Connection {
            has_next: start.saturating_add(found.len()) < total && !found.is_empty(),
            has_previous: start > 0,
            total: Total::Count(total),
            edges: (start..)
                .zip(found.iter())
                .map(|(at, found)| Edge {
                    node: Diagnostic(found.clone()),
                    cursor: cursor::of("diagnostics", &(at,)),
                })
                .collect(),
        })
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum Severity {
    /// Worth knowing.
    Info,
    /// Something was left out or assumed.
    Warning,
    /// Part of the input could not be understood.
    Error,
}

/// One finding of a submission.
pub(crate) struct Diagnostic(pub(crate) DiagnosticView);

/// One finding of a submission.
#[Object]
impl Diagnostic {
    async fn severity(&self) -> Severity {
        match self.0.severity {
            0 => Severity::Info,
            1 => Severity::Warning,
            _ => Severity::Error,
        }
    }

    async fn code(&self) -> &str {
        &self.0.code
    }

    async fn message(&self) -> &str {
        &self.0.message
    }

    async fn artifact(&self) -> Option<&str> {
        self.0.at.as_ref().map(|at| &*at.artifact)
    }

    async fn pointer(&self) -> Option<&str> {
        self.0.at.as_ref().and_then(|at| at.pointer.as_deref())
    }

    async fn line(&self) -> Option<i32> {
        self.0.at.as_ref().and_then(|at| at.line).map(int)
    }

    async fn column(&self) -> Option<i32> {
        self.0.at.as_ref().and_then(|at| at.column).map(int)
    }
}

not_quick!(Submission, Diagnostic);
