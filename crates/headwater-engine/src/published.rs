//! What readers see: one immutable state of the graph, exchanged as a whole.

use std::sync::{Arc, OnceLock};

use headwater_graph::{DomainLink, Snapshot as Graph};
use headwater_identity::Resolver;
use headwater_model::{AssetIndex, Timestamp};
use headwater_search::Index;
use headwater_store::Offset;
use rustc_hash::FxHashMap;

use crate::ask::{Catalogue, Contraction};
use crate::mesh::Claimants;
use crate::sources::Standings;

/// The graph at one offset, and what is needed to read it.
pub(crate) struct Published {
    pub(crate) graph: Graph,
    pub(crate) offset: Offset,
    pub(crate) committed_at: Timestamp,
    pub(crate) claimants: Arc<Claimants>,
    /// The rules of identity.
    pub(crate) resolver: Arc<Resolver>,
    /// What each source submitted last.
    pub(crate) standings: Standings,
    /// The index over the names in the graph.
    pub(crate) index: Index,
    /// The time at which the graph held, in microseconds; none for what holds now.
    pub(crate) valid_at: Option<i64>,
    /// Of a graph of the past, the names that others stand for; of the newest one the state tells.
    pub(crate) merged: Option<Arc<FxHashMap<u32, Vec<AssetIndex>>>>,
    /// The datasets that one question leaves out of the graph.
    pub(crate) contraction: Option<Contraction>,
    links: OnceLock<Vec<DomainLink>>,
    catalogue: OnceLock<Catalogue>,
    retired: OnceLock<Catalogue>,
}

/// The names that others stand for, by what stands for them.
pub(crate) fn merged(graph: &Graph) -> FxHashMap<u32, Vec<AssetIndex>> {
    let mut merged: FxHashMap<u32, Vec<AssetIndex>> = FxHashMap::default();
    for asset in graph.assets() {
        if asset.canonical != asset.index {
            let of_class = merged.entry(asset.canonical.get()).or_default();
            of_class.push(asset.index);
        }
    }
    merged
}

impl Published {
    pub(crate) fn new(
        graph: Graph,
        offset: Offset,
        committed_at: Timestamp,
        claimants: Arc<Claimants>,
        resolver: Arc<Resolver>,
        index: Index,
        standings: Standings,
    ) -> Self {
        Self {
            graph,
            offset,
            committed_at,
            claimants,
            resolver,
            standings,
            index,
            valid_at: None,
            merged: None,
            contraction: None,
            links: OnceLock::new(),
            catalogue: OnceLock::new(),
            retired: OnceLock::new(),
        }
    }

    /// Domains and data products: listed when first asked for.
    pub(crate) fn catalogue(&self, list: impl FnOnce() -> Catalogue) -> &Catalogue {
        self.catalogue.get_or_init(list)
    }

    /// Assets that nobody asserts any more: listed when first asked for.
    pub(crate) fn retired(&self, list: impl FnOnce() -> Catalogue) -> &Catalogue {
        self.retired.get_or_init(list)
    }

    /// Edges between domains: counted when first asked for.
    pub(crate) fn domain_links(&self) -> &[DomainLink] {
        self.links.get_or_init(|| self.graph.domain_links())
    }
}
