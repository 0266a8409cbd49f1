//! Domains, and how data flows between them.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use headwater_engine::{CrossingView, DomainLinkView, DomainView};

use crate::asset::Owner;
use crate::cursor;
use crate::dataset::Dataset;
use crate::input::{AsOf, AssetFilter};
use crate::json;
use crate::lineage::{LineageEdge, Snapshot};
use crate::page::{self, Connection, Edge, cost, times};
use crate::product::DataProduct;
use crate::quick::{Fields, Selected, object};
use crate::scalars::int;
use crate::scope::{Scope, scope, scope_as_of};
use crate::source::Source;

/// Domains that a list is taken to have, to estimate an answer's size.
pub(crate) const DOMAINS_EXPECTED: usize = 20;

/// A data mesh domain, by its name.
pub(crate) struct Domain(pub(crate) Arc<str>);

impl Domain {
    /// An asset's domain may be one that the mesh file no longer describes; its name is still true.
    fn view(&self, scope: &Scope) -> DomainView {
        scope.view.domain(&self.0).unwrap_or(DomainView {
            name: self.0.clone(),
            description: None,
            owners: Vec::new(),
        })
    }
}

fn id(name: &str) -> String {
    format!("dom_{name}")
}

/// A data mesh domain.
#[Object]
impl Domain {
    pub(crate) async fn id(&self) -> Result<ID> {
        Ok(ID(id(&self.0)))
    }

    async fn name(&self) -> &str {
        &self.0
    }

    async fn description(&self, ctx: &Context<'_>) -> Option<String> {
        let view = self.view(scope(ctx));
        view.description.as_deref().map(str::to_owned)
    }

    async fn owners(&self, ctx: &Context<'_>) -> Vec<Owner> {
        let view = self.view(scope(ctx));
        view.owners.iter().map(|name| Owner::named(name)).collect()
    }

    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn datasets(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
        filter: Option<AssetFilter>,
    ) -> Result<Connection<Dataset>> {
        let scope = scope(ctx);
        let count = page::count(first, 50, scope.limits.page_max)?;
        let filter = AssetFilter::read(filter, &scope.limits)?;
        let found = scope.view.datasets_of_domain(&self.0, filter.as_ref());
        page::of_assets("datasets", &found, (count, after), Dataset::new)
    }

    /// What its datasets say that they belong to, by name.
    #[graphql(complexity = "times(5, child_complexity)")]
    async fn data_products(&self, ctx: &Context<'_>) -> Vec<DataProduct> {
        let products = scope(ctx).view.products_of_domain(&self.0);
        products.into_iter().map(DataProduct).collect()
    }

    #[graphql(complexity = "times(5, child_complexity)")]
    async fn sources(&self, ctx: &Context<'_>) -> Vec<Source> {
        let sources = scope(ctx).view.sources_of_domain(&self.0);
        sources.into_iter().map(Source::from).collect()
    }

    /// Domains whose data this one reads, and those that read this one's.
    #[graphql(complexity = "times(5, child_complexity)")]
    async fn depends_on(&self, ctx: &Context<'_>, as_of: Option<AsOf>) -> Result<Vec<DomainLink>> {
        Ok(links(scope_as_of(ctx, as_of)?, |link| link.to == self.0))
    }

    #[graphql(complexity = "times(5, child_complexity)")]
    async fn depended_on_by(
        &self,
        ctx: &Context<'_>,
        as_of: Option<AsOf>,
    ) -> Result<Vec<DomainLink>> {
        Ok(links(scope_as_of(ctx, as_of)?, |link| link.from == self.0))
    }
}

fn links(scope: &Scope, is_wanted: impl Fn(&DomainLinkView) -> bool) -> Vec<DomainLink> {
    let links = scope.view.domain_links().into_iter();
    links.filter(is_wanted).map(DomainLink).collect()
}

/// Data that flows from one domain into another.
pub(crate) struct DomainLink(DomainLinkView);

/// Data that flows from one domain into another.
#[Object]
impl DomainLink {
    /// The domain whose data flows.
    async fn from(&self) -> Domain {
        Domain(self.0.from.clone())
    }

    async fn to(&self) -> Domain {
        Domain(self.0.to.clone())
    }

    async fn dataset_edge_count(&self) -> i32 {
        int(self.0.dataset_edges_count)
    }

    /// Edges between fields; those from or to a dataset as a whole count too.
    async fn field_edge_count(&self) -> i32 {
        int(self.0.field_edges_count)
    }

    /// How many of them read a published output port, and how many go round it.
    async fn through_ports_count(&self) -> i32 {
        int(self.0.through_ports_count)
    }

    async fn around_ports_count(&self) -> i32 {
        int(self.0.around_ports_count)
    }

    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn crossings(
        &self,
        ctx: &Context<'_>,
        around_ports: Option<bool>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<LineageEdge>> {
        let scope = scope(ctx);
        let count = page::count(first, 50, scope.limits.page_max)?;
        let after: Option<(u32, u32, Option<u32>)> = after
            .map(|after| cursor::read("crossings", &after))
            .transpose()?;
        let found = scope.view.crossings(&self.0.from, &self.0.to, around_ports);
        let key = |crossing: &CrossingView| {
            let edge = crossing.edge;
            (
                edge.from.get(),
                edge.to.get(),
                edge.via.map(headwater_model::AssetIndex::get),
            )
        };
        let start = after.map_or(0, |after| found.partition_point(|c| key(c) <= after));
        let range = page::range(start, count, found.len());
        Ok(Connection::of(&found, range, |crossing| Edge {
            node: LineageEdge::from(crossing.edge),
            cursor: cursor::of("crossings", &key(crossing)),
        }))
    }
}

/// All domains, and how data flows between them.
#[derive(SimpleObject)]
pub(crate) struct DomainGraph {
    #[graphql(complexity = "times(DOMAINS_EXPECTED, child_complexity)")]
    domains: Vec<Domain>,
    #[graphql(complexity = "times(DOMAINS_EXPECTED, child_complexity)")]
    edges: Vec<DomainLink>,
    snapshot: Snapshot,
}

impl DomainGraph {
    pub(crate) fn new(scope: &Scope) -> Self {
        Self {
            domains: domains(scope),
            edges: links(scope, |_| true),
            snapshot: Snapshot::of(scope),
        }
    }
}

/// All domains, by name.
pub(crate) fn domains(scope: &Scope) -> Vec<Domain> {
    let domains = scope.view.domains().into_iter();
    domains.map(|domain| Domain(domain.name)).collect()
}

/// What a domain's name answers.
pub(crate) enum DomainField {
    TypeName,
    Id,
    Name,
}

pub(crate) fn domain_plan(selected: &Selected<'_>) -> Option<Fields<DomainField>> {
    selected.fields("Domain", &["Node", "SearchEntity"], |name, _| match name {
        "__typename" => Some(DomainField::TypeName),
        "id" => Some(DomainField::Id),
        "name" => Some(DomainField::Name),
        _ => None,
    })
}

pub(crate) fn write_domain(
    name: &str,
    plan: &Fields<DomainField>,
    out: &mut Vec<u8>,
) -> Result<()> {
    object(out, plan, |out, field| {
        match field {
            DomainField::TypeName => json::text(out, "Domain"),
            DomainField::Id => json::text(out, &id(name)),
            DomainField::Name => json::text(out, name),
        }
        Ok(())
    })
}
