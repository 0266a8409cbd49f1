//! The questions.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result};
use headwater_engine::{ImpactQuestion, LineageQuestion, NodeRef, PathsQuestion, Region, Root};
use headwater_extraction::SourceRecord;
use headwater_model::{
    AssetIndex, AssetKind, DomainName, FieldName, Name, Namespace, QualifiedName, SourceKey,
    SourceName,
};

use crate::asset::Asset;
use crate::catalog::Catalog;
use crate::cursor;
use crate::dataset::Dataset;
use crate::diff::LineageDiff;
use crate::domain::{DOMAINS_EXPECTED, Domain, DomainGraph, domains};
use crate::error::{ask_error, invalid, too_large};
use crate::extraction::{SourceBinding, key};
use crate::field::Field;
use crate::history::HistoryEntry;
use crate::impact::Impact;
use crate::input::{AsOf, AssetFilter, Direction, Granularity, depth, roots};
use crate::job::Job;
use crate::lineage::{Lineage, Snapshot};
use crate::page::{self, Connection, Edge, cost, times};
use crate::paths::Paths;
use crate::plugin::Plugin;
use crate::product::DataProduct;
use crate::run::Run;
use crate::scalars::Reference;
use crate::scope::{Scope, scope, scope_as_of, scope_showing};
use crate::search::{self, Resolution, SearchHit};
use crate::source::{Source, Submission};

/// Anything with an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID"))]
pub(crate) enum Node {
    /// A dataset.
    Dataset(Dataset),
    /// A job.
    Job(Job),
    /// A field of a dataset.
    Field(Field),
    /// A domain.
    Domain(Domain),
    /// A source.
    Source(Source),
    /// A submission.
    Submission(Submission),
    /// A run.
    Run(Run),
    /// A data product.
    DataProduct(DataProduct),
    /// An extractor.
    Plugin(Plugin),
}

impl From<Asset> for Node {
    fn from(asset: Asset) -> Self {
        match asset {
            Asset::Dataset(dataset) => Self::Dataset(dataset),
            Asset::Job(job) => Self::Job(job),
        }
    }
}

impl Node {
    fn find(scope: &Scope, node: NodeRef) -> Result<Option<Self>> {
        Ok(match node {
            NodeRef::Asset(index) => Some(Asset::new(scope, index)?.into()),
            NodeRef::Field(dataset, name) => field(scope, dataset, &name)?.map(Self::Field),
            NodeRef::Domain(name) => Some(Self::Domain(Domain(name))),
            NodeRef::Product(product) => Some(Self::DataProduct(DataProduct(product))),
            NodeRef::Run(job, run) => {
                let found = scope.view.run(&run, Some(job)).map_err(ask_error)?;
                found.map(|found| Self::Run(Run(found)))
            }
            NodeRef::Source(number) => Some(Self::Source(Source::new(scope, number)?)),
            NodeRef::Submission(source, offset) => {
                let found = scope.view.submission(source, offset).map_err(ask_error)?;
                found.map(|found| Self::Submission(found.into()))
            }
        })
    }
}

fn field(scope: &Scope, dataset: AssetIndex, name: &FieldName) -> Result<Option<Field>> {
    let details = scope.view.details(dataset).map_err(ask_error)?;
    let mut fields = details.fields.into_iter();
    let found = fields.find(|field| *field.name == *name.as_str());
    Ok(found.map(|view| Field::new(dataset, view)))
}

/// The asset of that kind with exactly that name.
fn find(scope: &Scope, kind: AssetKind, namespace: &str, name: &str) -> Result<Option<AssetIndex>> {
    let namespace =
        Namespace::parse(namespace).map_err(|error| invalid(format!("namespace {error}")))?;
    let name = Name::parse(name).map_err(|error| invalid(format!("name {error}")))?;
    let name = QualifiedName::new(namespace, name);
    scope.view.find(kind, name).map_err(ask_error)
}

/// The scope of a field that leaves out the datasets which match `contract`.
fn contracted<'a>(
    ctx: &Context<'a>,
    scope: &'a Scope,
    contract: Option<Vec<String>>,
    roots: &[Root],
    granularity: Granularity,
    region: Region,
) -> Result<&'a Scope> {
    let Some(patterns) = contract.filter(|patterns| !patterns.is_empty()) else {
        return Ok(scope);
    };
    if granularity == Granularity::Field {
        return Err(invalid("contract goes with granularity DATASET only"));
    }
    let roots: Vec<AssetIndex> = roots.iter().map(|root| root.asset).collect();
    let view = scope.view.contracted(&patterns, &roots, region);
    Ok(scope_showing(ctx, &view.map_err(ask_error)?))
}

/// The questions.
pub(crate) struct Query;

#[Object]
impl Query {
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
        let scope = scope(ctx);
        match scope.view.node(&id).map_err(ask_error)? {
            Some(node) => Node::find(scope, node),
            None => Ok(Plugin::by_id(scope, &id).map(Node::Plugin)),
        }
    }

    async fn dataset(
        &self,
        ctx: &Context<'_>,
        namespace: String,
        name: String,
    ) -> Result<Option<Dataset>> {
        let found = find(scope(ctx), AssetKind::Dataset, &namespace, &name)?;
        Ok(found.map(Dataset::new))
    }

    async fn job(&self, ctx: &Context<'_>, namespace: String, name: String) -> Result<Option<Job>> {
        let found = find(scope(ctx), AssetKind::Job, &namespace, &name)?;
        Ok(found.map(Job::new))
    }

    /// job is needed only where the same runId was used for several.
    async fn run(
        &self,
        ctx: &Context<'_>,
        run_id: String,
        job: Option<Reference>,
    ) -> Result<Option<Run>> {
        let view = &scope(ctx).view;
        let job = job.map(|job| view.require(&job.0)).transpose();
        let found = view.run(&run_id, job.map_err(ask_error)?);
        Ok(found.map_err(ask_error)?.map(Run))
    }

    async fn resolve(&self, ctx: &Context<'_>, reference: Reference) -> Result<Resolution> {
        let found = scope(ctx).view.resolve(&reference.0).map_err(ask_error)?;
        Ok(Resolution { reference, found })
    }

    /// Datasets, jobs, fields, domains, data products; exact name first, then prefix, then the rest.
    #[graphql(complexity = "cost(first, 20, child_complexity)")]
    async fn search(
        &self,
        ctx: &Context<'_>,
        text: String,
        filter: Option<AssetFilter>,
        #[graphql(default_with = "Some(20)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<SearchHit>> {
        let scope = scope(ctx);
        let max = scope.limits.search_bytes_max;
        if text.len() > max {
            return Err(too_large("the length of text in bytes", text.len(), max));
        }
        let filter = AssetFilter::read(filter, &scope.limits)?;
        search::page(scope, &text, filter, (first, after))
    }

    /// Assets that filter chooses, in the order in which they were first named.
    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn assets(
        &self,
        ctx: &Context<'_>,
        filter: Option<AssetFilter>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Asset>> {
        let scope = scope(ctx);
        let count = page::count(first, 50, scope.limits.page_max)?;
        let filter = AssetFilter::read(filter, &scope.limits)?;
        let found = scope.view.assets(filter.as_ref());
        let page = page::of_assets("assets", &found, (count, after), |index| index)?;
        page.try_map(|index| Asset::new(scope, index))
    }

    /// Nodes and edges around the roots, for drawing. An unknown root fails the request. filter chooses what is
    /// returned and never stops the walk; stopAt does. FOLLOWS edges are not walked. Edges of a dataset to itself are
    /// returned and not walked. BOTH is upstream of the roots, together with downstream of the roots.
    /// Datasets whose name, or `<namespace>/<name>`, matches a glob of `contract` (at most 20 of 256 bytes, 10,000
    /// datasets) are left out, and the ways through them become direct edges that nobody asserts; roots stay.
    /// With granularity DATASET only.
    #[graphql(complexity = "cost(Some(limit), 2000, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the contract fixes them")]
    async fn lineage(
        &self,
        ctx: &Context<'_>,
        of: Vec<Reference>,
        #[graphql(default_with = "Direction::Both")] direction: Direction,
        #[graphql(name = "depth")] hops: Option<i32>,
        #[graphql(default_with = "Granularity::Dataset")] granularity: Granularity,
        filter: Option<AssetFilter>,
        stop_at: Option<AssetFilter>,
        as_of: Option<AsOf>,
        #[graphql(default = 2000)] limit: i32,
        contract: Option<Vec<String>>,
    ) -> Result<Lineage> {
        let scope = scope_as_of(ctx, as_of)?;
        let of = roots(scope, &of)?;
        let region = Region::From(direction.into());
        let scope = contracted(ctx, scope, contract, &of, granularity, region)?;
        let nodes_max = usize::try_from(limit).ok().filter(|limit| *limit > 0);
        let nodes_max =
            nodes_max.ok_or_else(|| invalid(format!("limit is {limit}, and must be positive")))?;
        if nodes_max > scope.limits.lineage_nodes_max {
            return Err(too_large(
                "limit",
                nodes_max,
                scope.limits.lineage_nodes_max,
            ));
        }
        let answer = scope.view.lineage(&LineageQuestion {
            depth_hops_max: depth(hops)?,
            filter: AssetFilter::read(filter, &scope.limits)?,
            stop_at: AssetFilter::read(stop_at, &scope.limits)?,
            of,
            direction: direction.into(),
            granularity: granularity.into(),
            nodes_max,
            edges_max: scope.limits.lineage_edges_max,
            is_over: &|| scope.is_over(),
        });
        Ok(answer.into())
    }

    /// Everything that depends on the roots, for deciding.
    /// Datasets whose name, or `<namespace>/<name>`, matches a glob of `contract` (at most 20 of 256 bytes, 10,000
    /// datasets) are left out, and the ways through them become direct edges that nobody asserts; roots stay.
    /// With granularity DATASET only.
    #[expect(clippy::too_many_arguments, reason = "the contract fixes them")]
    async fn impact(
        &self,
        ctx: &Context<'_>,
        of: Vec<Reference>,
        #[graphql(default_with = "Direction::Downstream")] direction: Direction,
        #[graphql(name = "depth")] hops: Option<i32>,
        #[graphql(default_with = "Granularity::Dataset")] granularity: Granularity,
        filter: Option<AssetFilter>,
        stop_at: Option<AssetFilter>,
        as_of: Option<AsOf>,
        contract: Option<Vec<String>>,
    ) -> Result<Impact> {
        let scope = scope_as_of(ctx, as_of)?;
        let of = roots(scope, &of)?;
        let region = Region::From(direction.into());
        let scope = contracted(ctx, scope, contract, &of, granularity, region)?;
        let answer = scope.view.impact(&ImpactQuestion {
            depth_hops_max: depth(hops)?,
            filter: AssetFilter::read(filter, &scope.limits)?,
            stop_at: AssetFilter::read(stop_at, &scope.limits)?,
            of,
            direction: direction.into(),
            granularity: granularity.into(),
            is_over: &|| scope.is_over(),
        });
        answer
            .map(|answer| Impact(Arc::new(answer)))
            .map_err(ask_error)
    }

    /// Simple ways from one asset to another, fewest hops first, then by reference; bounded work.
    /// Datasets whose name, or `<namespace>/<name>`, matches a glob of `contract` are left out, as in lineage; from and
    /// to stay.
    #[graphql(complexity = "cost(Some(first), 10, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the contract fixes them")]
    async fn paths(
        &self,
        ctx: &Context<'_>,
        from: Reference,
        to: Reference,
        #[graphql(default_with = "Granularity::Dataset")] granularity: Granularity,
        #[graphql(default = 10)] first: i32,
        as_of: Option<AsOf>,
        contract: Option<Vec<String>>,
    ) -> Result<Paths> {
        let scope = scope_as_of(ctx, as_of)?;
        let root = |of: &Reference| scope.view.require_root(&of.0).map_err(ask_error);
        let ends = [root(&from)?, root(&to)?];
        let region = Region::Between;
        let scope = contracted(ctx, scope, contract, &ends, granularity, region)?;
        let [from, to] = ends;
        Ok(Paths(scope.view.paths(&PathsQuestion {
            from,
            to,
            granularity: granularity.into(),
            ways_max: page::count(Some(first), 10, scope.limits.page_max)?,
            steps_max: scope.limits.paths_steps_max,
            is_over: &|| scope.is_over(),
        })))
    }

    /// What differs between two moments.
    async fn diff(
        &self,
        ctx: &Context<'_>,
        from: AsOf,
        to: AsOf,
        filter: Option<AssetFilter>,
    ) -> Result<LineageDiff> {
        let scope = scope(ctx);
        let view = |as_of: AsOf| scope.view.as_of(&as_of.into()).map_err(ask_error);
        LineageDiff::new(scope, view(from)?, view(to)?, filter)
    }

    /// What was ever said of an asset and of the edges that end in it, the oldest first: at most the newest 10,000.
    #[graphql(complexity = "cost(first, 100, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        of: Reference,
        #[graphql(default_with = "Some(100)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<HistoryEntry>> {
        let scope = scope(ctx);
        let count = page::count(first, 100, scope.limits.page_max)?;
        let after: Option<(usize,)> = after
            .map(|after| cursor::read("history", &after))
            .transpose()?;
        let asset = scope.view.require(&of.0).map_err(ask_error)?;
        let history = scope.view.history(asset).map_err(ask_error)?;
        let places: Vec<usize> = (0..history.len()).collect();
        let start = after.map_or(0, |(at,)| at + 1);
        let range = page::range(start, count, history.len());
        Ok(Connection::of(&places, range, |at| Edge {
            node: HistoryEntry::from(&history[*at]),
            cursor: cursor::of("history", &(*at,)),
        }))
    }

    async fn domain(&self, ctx: &Context<'_>, name: String) -> Option<Domain> {
        let domain = scope(ctx).view.domain(&name);
        domain.map(|domain| Domain(domain.name))
    }

    #[graphql(complexity = "times(DOMAINS_EXPECTED, child_complexity)")]
    async fn domains(&self, ctx: &Context<'_>) -> Vec<Domain> {
        domains(scope(ctx))
    }

    async fn domain_graph(&self, ctx: &Context<'_>, as_of: Option<AsOf>) -> Result<DomainGraph> {
        Ok(DomainGraph::new(scope_as_of(ctx, as_of)?))
    }

    async fn source(
        &self,
        ctx: &Context<'_>,
        domain: String,
        name: String,
    ) -> Result<Option<Source>> {
        let domain =
            DomainName::parse(&domain).map_err(|error| invalid(format!("domain {error}")))?;
        let name = SourceName::parse(&name).map_err(|error| invalid(format!("name {error}")))?;
        let found = scope(ctx).view.source(&SourceKey::new(domain, name));
        Ok(found.map(Source::from))
    }

    /// Extractors that the service has loaded.
    #[graphql(complexity = "times(10, child_complexity)")]
    async fn plugins(&self, ctx: &Context<'_>) -> Vec<Plugin> {
        Plugin::all(scope(ctx))
    }

    /// Sources that the service extracts, by domain and name.
    #[graphql(complexity = "times(10, child_complexity)")]
    async fn source_bindings(
        &self,
        ctx: &Context<'_>,
        domain: Option<String>,
    ) -> Vec<SourceBinding> {
        let extractions = scope(ctx).plugins.extractions.as_ref();
        let sources = extractions.map(|of| of.sources()).unwrap_or_default();
        let wanted = |source: &&SourceRecord| {
            let is_of = |domain: &String| source.domain == *domain;
            domain.as_ref().is_none_or(is_of)
        };
        let found = sources.iter().filter(wanted);
        found.map(|source| SourceBinding(source.clone())).collect()
    }

    /// A source that the service extracts; null if it does not.
    async fn source_binding(
        &self,
        ctx: &Context<'_>,
        domain: String,
        name: String,
    ) -> Result<Option<SourceBinding>> {
        let key = key(&domain, &name)?;
        let extractions = scope(ctx).plugins.extractions.as_ref();
        let found = extractions.and_then(|of| of.source(&key));
        Ok(found.map(SourceBinding))
    }

    /// Datasets that something reads or writes but no source declares; of a domain, those that it claims or that its
    /// sources mention.
    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn unresolved(
        &self,
        ctx: &Context<'_>,
        domain: Option<String>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Dataset>> {
        let scope = scope(ctx);
        let count = page::count(first, 50, scope.limits.page_max)?;
        let found = scope.view.unresolved(domain.as_deref());
        page::of_assets("unresolved", &found, (count, after), Dataset::new)
    }

    /// Which fields datasets have, for reading files that do not tell. At most 1,000 datasets at once.
    #[graphql(complexity = "times(of.len(), child_complexity)")]
    async fn catalog(
        &self,
        ctx: &Context<'_>,
        of: Vec<Reference>,
        as_of: Option<AsOf>,
    ) -> Result<Catalog> {
        Catalog::read(scope_as_of(ctx, as_of)?, of)
    }

    async fn snapshot(&self, ctx: &Context<'_>) -> Snapshot {
        Snapshot::of(scope(ctx))
    }
}
