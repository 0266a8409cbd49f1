//! What readers see: one immutable state of the graph, exchanged as a whole.

use std::sync::{Arc, OnceLock};

use headwater_graph::{DomainLink, Snapshot as Graph};
use headwater_model::Timestamp;
use headwater_search::Index;
use headwater_store::Offset;

use crate::ask::Catalogue;
use crate::mesh::Claimants;

/// The graph at one offset, and what is needed to read it.
pub(crate) struct Published {
    pub(crate) graph: Graph,
    pub(crate) offset: Offset,
    pub(crate) committed_at: Timestamp,
    pub(crate) claimants: Arc<Claimants>,
    /// The index over the names in the graph.
    pub(crate) index: Index,
    links: OnceLock<Vec<DomainLink>>,
    catalogue: OnceLock<Catalogue>,
}

impl Published {
    pub(crate) fn new(
        graph: Graph,
        offset: Offset,
        committed_at: Timestamp,
        claimants: Arc<Claimants>,
        index: Index,
    ) -> Self {
        Self {
            graph,
            offset,
            committed_at,
            claimants,
            index,
            links: OnceLock::new(),
            catalogue: OnceLock::new(),
        }
    }

    /// Domains and data products: listed when first asked for.
    pub(crate) fn catalogue(&self, list: impl FnOnce() -> Catalogue) -> &Catalogue {
        self.catalogue.get_or_init(list)
    }

    /// Edges between domains: counted when first asked for.
    pub(crate) fn domain_links(&self) -> &[DomainLink] {
        self.links.get_or_init(|| self.graph.domain_links())
    }
}
