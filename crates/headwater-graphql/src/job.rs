//! Jobs.

use async_graphql::{Context, ID, Object, Result};
use headwater_model::{AssetIndex, EdgeKind};

use crate::asset::{Assertion, Attribute, Core, Owner, Tag, quick_asset};
use crate::dataset::Dataset;
use crate::domain::Domain;
use crate::identity::{JobPart, MENTIONS};
use crate::input::AsOf;
use crate::page::{Connection, cost, times};
use crate::run::{self, Run};
use crate::scalars::{DateTime, Json, Reference};
use crate::scope::{scope, scope_as_of};

/// Something that reads or writes datasets.
pub(crate) struct Job(Core);

impl Job {
    pub(crate) fn new(index: AssetIndex) -> Self {
        Self(Core::new(index))
    }
}

/// Something that reads or writes datasets.
#[Object]
impl Job {
    /// Stable: a prefix for the kind, and a digest. Contains no slash. Ids of assets that were merged go on
    /// resolving.
    pub(crate) async fn id(&self, ctx: &Context<'_>) -> Result<ID> {
        scope(ctx).id(self.0.index).map(ID)
    }

    /// What to show and to paste; the id where its text would be ambiguous.
    pub(crate) async fn reference(&self, ctx: &Context<'_>) -> Result<Reference> {
        scope(ctx).reference(self.0.index)
    }

    pub(crate) async fn namespace(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.0.summary(scope(ctx))?.namespace.to_owned())
    }

    pub(crate) async fn name(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.0.summary(scope(ctx))?.name.to_owned())
    }

    /// TABLE, VIEW, TOPIC, FILE, DASHBOARD, METRIC, …; MODEL, TASK, QUERY, CONNECTOR, … for jobs.
    #[graphql(name = "type")]
    pub(crate) async fn asset_type(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.0.summary(scope(ctx))?.r#type.to_owned())
    }

    pub(crate) async fn label(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let details = self.0.details(scope(ctx)).await?;
        Ok(details.label.as_deref().map(str::to_owned))
    }

    pub(crate) async fn description(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let details = self.0.details(scope(ctx)).await?;
        Ok(details.description.as_deref().map(str::to_owned))
    }

    pub(crate) async fn url(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let details = self.0.details(scope(ctx)).await?;
        Ok(details.url.as_deref().map(str::to_owned))
    }

    pub(crate) async fn domain(&self, ctx: &Context<'_>) -> Result<Option<Domain>> {
        Ok(self.0.summary(scope(ctx))?.domain.map(Domain))
    }

    pub(crate) async fn owners(&self, ctx: &Context<'_>) -> Result<Vec<Owner>> {
        let details = self.0.details(scope(ctx)).await?;
        Ok(details.owners.iter().map(Owner::from).collect())
    }

    pub(crate) async fn tags(&self, ctx: &Context<'_>) -> Result<Vec<Tag>> {
        let details = self.0.details(scope(ctx)).await?;
        Ok(details.tags.iter().map(Tag::from).collect())
    }

    pub(crate) async fn attributes(&self, ctx: &Context<'_>) -> Result<Vec<Attribute>> {
        let details = self.0.details(scope(ctx)).await?;
        Ok(details.attributes.iter().map(Attribute::from).collect())
    }

    pub(crate) async fn first_seen(&self, ctx: &Context<'_>) -> Result<DateTime> {
        self.0.first_seen(scope(ctx)).await
    }

    pub(crate) async fn last_seen(&self, ctx: &Context<'_>) -> Result<DateTime> {
        self.0.last_seen(scope(ctx)).await
    }

    /// When the last source that asserted it stopped doing so; null while one does.
    pub(crate) async fn retired_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        Ok(self.0.details(scope(ctx)).await?.retired_at.map(DateTime))
    }

    /// Who says that this asset exists.
    #[graphql(complexity = "times(3, child_complexity)")]
    pub(crate) async fn asserted_by(&self, ctx: &Context<'_>) -> Result<Vec<Assertion>> {
        let details = self.0.details(scope(ctx)).await?;
        Ok(details.asserted_by.iter().cloned().map(Assertion).collect())
    }

    pub(crate) async fn facets(&self, ctx: &Context<'_>) -> Result<Json> {
        self.0.facets(scope(ctx)).await
    }

    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    pub(crate) async fn inputs(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Connection<Dataset>> {
        let to = (EdgeKind::Reads, true);
        self.0.neighbours(
            scope_as_of(ctx, as_of)?,
            "inputs",
            to,
            (first, after),
            Dataset::new,
        )
    }

    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    pub(crate) async fn outputs(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Connection<Dataset>> {
        let to = (EdgeKind::Writes, false);
        self.0.neighbours(
            scope_as_of(ctx, as_of)?,
            "outputs",
            to,
            (first, after),
            Dataset::new,
        )
    }

    pub(crate) async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Job>> {
        Ok(self.0.details(scope(ctx)).await?.parent.map(Job::new))
    }

    /// The names under which it is reported, the one that stands for it first: parts of it, and ways to run it, are
    /// folded into one job, and shown separately here.
    #[graphql(complexity = "times(MENTIONS, child_complexity)")]
    async fn parts(&self, ctx: &Context<'_>) -> Result<Vec<JobPart>> {
        let scope = scope(ctx);
        let read = |waiting: &[AssetIndex]| scope.view.job_parts(waiting);
        let parts = scope
            .loads
            .parts
            .get(&scope.stall, self.0.index, read)
            .await?;
        Ok(parts.iter().cloned().map(JobPart).collect())
    }

    pub(crate) async fn sql(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let details = self.0.details(scope(ctx)).await?;
        Ok(details.sql.as_deref().map(str::to_owned))
    }

    /// Its newest run, by its start.
    async fn latest_run(&self, ctx: &Context<'_>) -> Result<Option<Run>> {
        let scope = scope(ctx);
        let read = |waiting: &[AssetIndex]| scope.view.latest_runs(waiting);
        let run = scope
            .loads
            .latest_run
            .get(&scope.stall, self.0.index, read)
            .await?;
        Ok(run.as_ref().clone().map(Run))
    }

    /// Newest first, by their start. The newest 50 are kept of each source, and up to 50 older ones that go on.
    #[graphql(complexity = "cost(first, 20, child_complexity)")]
    async fn runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(20)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Run>> {
        run::runs(scope(ctx), self.0.index, (first, after)).await
    }
}

quick_asset!(Job);
