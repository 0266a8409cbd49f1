//! Data products.

use async_graphql::{Context, ID, Object, Result};
use headwater_engine::ProductView;

use crate::asset::Owner;
use crate::dataset::Dataset;
use crate::domain::Domain;
use crate::error::ask_error;
use crate::page::{self, Connection, cost};
use crate::scope::scope;

/// What a domain offers to others: the datasets that name it.
pub(crate) struct DataProduct(pub(crate) ProductView);

/// What a domain offers to others: the datasets that name it.
#[Object]
impl DataProduct {
    pub(crate) async fn id(&self, ctx: &Context<'_>) -> Result<ID> {
        Ok(ID(scope(ctx).view.product_id(&self.0)))
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    async fn description(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let details = scope(ctx).view.product_details(&self.0);
        let (description, _) = details.map_err(ask_error)?;
        Ok(description.as_deref().map(str::to_owned))
    }

    async fn domain(&self) -> Domain {
        Domain(self.0.domain.clone())
    }

    /// The owners of its datasets.
    async fn owners(&self, ctx: &Context<'_>) -> Result<Vec<Owner>> {
        let details = scope(ctx).view.product_details(&self.0);
        let (_, owners) = details.map_err(ask_error)?;
        Ok(owners.iter().map(Owner::from).collect())
    }

    /// Those of its datasets that are published.
    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn output_ports(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Dataset>> {
        let scope = scope(ctx);
        let count = page::count(first, 50, scope.limits.page_max)?;
        let found = scope.view.datasets_of_product(&self.0, true);
        page::of_assets("outputPorts", &found, (count, after), Dataset::new)
    }
}
