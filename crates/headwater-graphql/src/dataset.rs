//! Datasets.

use async_graphql::{Context, ID, Object, Result};
use headwater_model::{AssetIndex, EdgeKind};

use crate::asset::{Alias, Assertion, Attribute, Core, Owner, Tag, quick_asset};
use crate::cursor;
use crate::domain::Domain;
use crate::error::ask_error;
use crate::field::Field;
use crate::identity::{MENTIONS, Mention};
use crate::input::AsOf;
use crate::job::Job;
use crate::page::{self, Connection, Edge, cost, times};
use crate::product::DataProduct;
use crate::run::Run;
use crate::scalars::{DateTime, Json, Reference};
use crate::scope::{scope, scope_as_of};

/// The most names that are shown as near to another.
const NEAREST_MAX: usize = 20;

/// Something that holds data.
pub(crate) struct Dataset(Core);

impl Dataset {
    pub(crate) fn new(index: AssetIndex) -> Self {
        Self(Core::new(index))
    }
}

/// Something that holds data.
#[Object]
impl Dataset {
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

    #[graphql(complexity = "cost(first, 200, child_complexity)")]
    pub(crate) async fn fields(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(200)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Field>> {
        let scope = scope(ctx);
        let count = page::count(first, 200, scope.limits.page_max)?;
        let after: Option<(usize, String)> = after
            .map(|after| cursor::read("fields", &after))
            .transpose()?;
        let details = self.0.details(scope).await?;
        let fields = &details.fields;
        let start = after.map_or(0, |(at, name)| {
            let named = fields.iter().position(|field| *field.name == *name);
            named.unwrap_or(at) + 1
        });
        let positions: Vec<usize> = (0..fields.len()).collect();
        let range = page::range(start, count, fields.len());
        Ok(Connection::of(&positions, range, |at| Edge {
            node: Field::new(self.0.index, fields[*at].clone()),
            cursor: cursor::of("fields", &(at, &fields[*at].name)),
        }))
    }

    /// Other names by which sources mention it, and the rule that linked each.
    pub(crate) async fn aliases(&self, ctx: &Context<'_>) -> Result<Vec<Alias>> {
        let details = self.0.details(scope(ctx)).await?;
        Ok(details.aliases.iter().map(Alias::from).collect())
    }

    /// The data product that it says it is a part of.
    async fn data_product(&self, ctx: &Context<'_>) -> Option<DataProduct> {
        scope(ctx).view.product_of(self.0.index).map(DataProduct)
    }

    /// True if something reads or writes it but no source declares it.
    pub(crate) async fn is_unresolved(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.0.summary(scope(ctx))?.is_unresolved)
    }

    /// Who mentions it, by domain.
    #[graphql(complexity = "times(MENTIONS, child_complexity)")]
    async fn mentioned_by(&self, ctx: &Context<'_>) -> Vec<Mention> {
        let mentions = scope(ctx).view.mentioned_by(self.0.index);
        mentions.into_iter().map(Mention).collect()
    }

    /// Declared datasets whose names are nearest to its name: what an unresolved one may be meant to be. `first` is at
    /// most 20.
    #[graphql(complexity = "cost(first, 3, child_complexity)")]
    async fn nearest_declared(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(3)")] first: Option<i32>,
    ) -> Result<Vec<Dataset>> {
        let count = page::count(first, 3, NEAREST_MAX)?;
        let found = scope(ctx).view.nearest_declared(self.0.index, count);
        let found = found.map_err(ask_error)?;
        Ok(found.into_iter().map(Dataset::new).collect())
    }

    /// True if its domain publishes it for others to read.
    pub(crate) async fn is_output_port(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.0.summary(scope(ctx))?.is_output_port)
    }

    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    pub(crate) async fn produced_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Connection<Job>> {
        let to = (EdgeKind::Writes, true);
        self.0.neighbours(
            scope_as_of(ctx, as_of)?,
            "producedBy",
            to,
            (first, after),
            Job::new,
        )
    }

    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    pub(crate) async fn consumed_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
        as_of: Option<AsOf>,
    ) -> Result<Connection<Job>> {
        let to = (EdgeKind::Reads, false);
        self.0.neighbours(
            scope_as_of(ctx, as_of)?,
            "consumedBy",
            to,
            (first, after),
            Job::new,
        )
    }

    /// The run that last wrote it: the newest completed one of the jobs that write it now.
    async fn last_write(&self, ctx: &Context<'_>) -> Result<Option<Run>> {
        let scope = scope(ctx);
        let read = |waiting: &[AssetIndex]| scope.view.last_writes(waiting);
        let run = scope
            .loads
            .last_write
            .get(&scope.stall, self.0.index, read)
            .await?;
        Ok(run.as_ref().clone().map(Run))
    }
}

quick_asset!(Dataset);
