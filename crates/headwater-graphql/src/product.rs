//! Data products.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use headwater_engine::{ProductDetails, ProductView};

use crate::asset::Owner;
use crate::dataset::Dataset;
use crate::domain::Domain;
use crate::page::{self, Connection, cost};
use crate::scope::{Scope, scope};

/// What a domain offers to others: the datasets that name it.
pub(crate) struct DataProduct(pub(crate) ProductView);

impl DataProduct {
    async fn details(&self, scope: &Scope) -> Result<Arc<ProductDetails>> {
        let read = |waiting: &[ProductView]| scope.view.product_details(waiting);
        scope
            .loads
            .products
            .get(&scope.stall, self.0.clone(), read)
            .await
    }
}

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
        let details = self.details(scope(ctx)).await?;
        Ok(details.description.as_deref().map(str::to_owned))
    }

    async fn domain(&self) -> Domain {
        Domain(self.0.domain.clone())
    }

    /// The owners of its datasets.
    async fn owners(&self, ctx: &Context<'_>) -> Result<Vec<Owner>> {
        let details = self.details(scope(ctx)).await?;
        Ok(details.owners.iter().map(Owner::from).collect())
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
