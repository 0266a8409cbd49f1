//! What differs between two moments.

use async_graphql::{Context, Object, Result};
use headwater_engine::{Diff, EdgeView, View};
use headwater_model::AssetIndex;

use crate::asset::Asset;
use crate::cursor;
use crate::input::AssetFilter;
use crate::lineage::{Completeness, LineageEdge, Snapshot};
use crate::page::{self, Connection, Edge, cost};
use crate::scope::{Scope, scope_showing};

/// What differs between two moments.
pub(crate) struct LineageDiff {
    from: View,
    to: View,
    diff: Diff,
}

impl LineageDiff {
    /// Compares.
    ///
    /// # Errors
    /// Those of the filter.
    pub(crate) fn new(
        scope: &Scope,
        from: View,
        to: View,
        filter: Option<AssetFilter>,
    ) -> Result<Self> {
        let filter = AssetFilter::read(filter, &scope.limits)?;
        let diff = from.diff(&to, filter.as_ref());
        Ok(Self { from, to, diff })
    }
}

/// A page: how many, and after what.
type PageOf = (Option<i32>, Option<String>);

fn assets(
    scope: &Scope,
    list: &'static str,
    found: &[AssetIndex],
    (first, after): PageOf,
) -> Result<Connection<Asset>> {
    let count = page::count(first, 100, scope.limits.page_max)?;
    let page = page::of_assets(list, found, (count, after), |index| index)?;
    page.try_map(|index| Asset::new(scope, index))
}

fn edges(
    scope: &Scope,
    list: &'static str,
    found: &[EdgeView],
    (first, after): PageOf,
) -> Result<Connection<LineageEdge>> {
    let count = page::count(first, 100, scope.limits.page_max)?;
    let after: Option<(u32, u32, Option<u32>)> =
        after.map(|after| cursor::read(list, &after)).transpose()?;
    let key = |edge: &EdgeView| {
        let via = edge.via.map(AssetIndex::get);
        (edge.from.get(), edge.to.get(), via)
    };
    let mut found: Vec<&EdgeView> = found.iter().collect();
    found.sort_by_key(|edge| key(edge));
    let start = after.map_or(0, |after| found.partition_point(|edge| key(edge) <= after));
    let range = page::range(start, count, found.len());
    Ok(Connection::of(&found, range, |edge| Edge {
        node: LineageEdge::from(**edge),
        cursor: cursor::of(list, &key(edge)),
    }))
}

/// What differs between two moments. A name that the later one counts as another one of an asset is that asset.
#[Object]
impl LineageDiff {
    #[graphql(complexity = "cost(first, 100, child_complexity)")]
    async fn added_assets(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(100)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Asset>> {
        let scope = scope_showing(ctx, &self.to);
        assets(
            scope,
            "diff.addedAssets",
            &self.diff.added_assets,
            (first, after),
        )
    }

    #[graphql(complexity = "cost(first, 100, child_complexity)")]
    async fn removed_assets(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(100)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Asset>> {
        let scope = scope_showing(ctx, &self.from);
        assets(
            scope,
            "diff.removedAssets",
            &self.diff.removed_assets,
            (first, after),
        )
    }

    #[graphql(complexity = "cost(first, 100, child_complexity)")]
    async fn added_edges(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(100)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<LineageEdge>> {
        let scope = scope_showing(ctx, &self.to);
        edges(
            scope,
            "diff.addedEdges",
            &self.diff.added_edges,
            (first, after),
        )
    }

    #[graphql(complexity = "cost(first, 100, child_complexity)")]
    async fn removed_edges(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(100)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<LineageEdge>> {
        let scope = scope_showing(ctx, &self.from);
        edges(
            scope,
            "diff.removedEdges",
            &self.diff.removed_edges,
            (first, after),
        )
    }

    async fn from(&self, ctx: &Context<'_>) -> Snapshot {
        Snapshot::of(scope_showing(ctx, &self.from))
    }

    async fn to(&self, ctx: &Context<'_>) -> Snapshot {
        Snapshot::of(scope_showing(ctx, &self.to))
    }

    /// Both moments are compared as a whole: nothing is cut.
    async fn completeness(&self) -> Completeness {
        Completeness(headwater_engine::Completeness::default())
    }
}
