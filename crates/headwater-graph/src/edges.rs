//! The neighbours of one asset.

use headwater_model::{AssetIndex, EdgeKind};

use crate::closure::Direction;
use crate::csr::{Entry, VIA_NONE};
use crate::delta::EdgeKey;
use crate::snapshot::Snapshot;

/// An edge of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeRef {
    /// Where the data comes from; for two jobs, the one that runs first.
    pub from: AssetIndex,
    /// Where the data goes.
    pub to: AssetIndex,
    /// What the edge says.
    pub kind: EdgeKind,
    /// The job of a Derives edge, if known.
    pub via: Option<AssetIndex>,
    /// Of a Writes edge: Derives edges via the job say where its output comes from.
    pub origins_stated: bool,
}

impl EdgeRef {
    /// What tells this edge from all others.
    pub fn key(&self) -> EdgeKey {
        EdgeKey {
            from: self.from,
            to: self.to,
            via: self.via,
        }
    }
}

impl Snapshot {
    /// The edges that leave an asset: Reads, Writes and Derives by the other end's number, then Follows.
    pub fn edges_out(&self, asset: AssetIndex) -> impl Iterator<Item = EdgeRef> + '_ {
        let follows = self.parts().followers.entries(asset.get());
        self.walked_edges(asset.get(), Direction::Downstream)
            .chain(follows.map(move |entry| follows_edge(asset, AssetIndex::new(entry.asset))))
    }

    /// The edges that enter an asset: Reads, Writes and Derives by the other end's number, then Follows.
    pub fn edges_in(&self, asset: AssetIndex) -> impl Iterator<Item = EdgeRef> + '_ {
        let follows = self.parts().followed.entries(asset.get());
        self.walked_edges(asset.get(), Direction::Upstream)
            .chain(follows.map(move |entry| follows_edge(AssetIndex::new(entry.asset), asset)))
    }

    /// All edges of the graph, by where they come from.
    pub fn edges(&self) -> impl Iterator<Item = EdgeRef> + '_ {
        (0..self.assets_count() as u32).flat_map(|index| self.edges_out(AssetIndex::new(index)))
    }

    /// Whether the graph has this edge.
    pub fn has_edge(&self, edge: EdgeKey) -> bool {
        let parts = self.parts();
        let (from, to) = (edge.from.get(), edge.to.get());
        match parts.edge_kind(edge) {
            Err(_) => false,
            Ok(EdgeKind::Follows) => parts.followers.has(from, Entry::plain(to)),
            Ok(EdgeKind::Derives) => {
                let via = edge.via.map_or(VIA_NONE, AssetIndex::get);
                parts.downstream.has(from, Entry::derives(to, via))
            }
            Ok(EdgeKind::Reads | EdgeKind::Writes) => parts.downstream.first_to(from, to).is_some(),
        }
    }

    /// The datasets that a job reads, by number; empty for a dataset.
    pub fn inputs(&self, job: AssetIndex) -> impl Iterator<Item = AssetIndex> + '_ {
        self.of_kind(job, Direction::Upstream, EdgeKind::Reads)
    }

    /// The datasets that a job writes, by number; empty for a dataset.
    pub fn outputs(&self, job: AssetIndex) -> impl Iterator<Item = AssetIndex> + '_ {
        self.of_kind(job, Direction::Downstream, EdgeKind::Writes)
    }

    /// The jobs that write a dataset, by number; empty for a job.
    pub fn producers(&self, dataset: AssetIndex) -> impl Iterator<Item = AssetIndex> + '_ {
        self.of_kind(dataset, Direction::Upstream, EdgeKind::Writes)
    }

    /// The jobs that read a dataset, by number; empty for a job.
    pub fn consumers(&self, dataset: AssetIndex) -> impl Iterator<Item = AssetIndex> + '_ {
        self.of_kind(dataset, Direction::Downstream, EdgeKind::Reads)
    }

    fn of_kind(
        &self,
        asset: AssetIndex,
        direction: Direction,
        kind: EdgeKind,
    ) -> impl Iterator<Item = AssetIndex> + '_ {
        self.walked_edges(asset.get(), direction)
            .filter(move |edge| edge.kind == kind)
            .map(move |edge| match direction {
                Direction::Upstream => edge.from,
                Direction::Downstream => edge.to,
            })
    }

    /// The Reads, Writes and Derives edges of an asset on one side, edges to itself included.
    pub(crate) fn walked_edges(
        &self,
        index: u32,
        direction: Direction,
    ) -> impl Iterator<Item = EdgeRef> + '_ {
        let is_job = self.is_job(index);
        self.adjacency(direction)
            .entries(index)
            .map(move |entry| edge_of(index, is_job, direction, entry))
    }
}

/// The edge that an entry in the list of `index` stands for.
pub(crate) fn edge_of(index: u32, is_job: bool, direction: Direction, entry: Entry) -> EdgeRef {
    let (near, far) = (AssetIndex::new(index), AssetIndex::new(entry.asset));
    let (from, to) = match direction {
        Direction::Upstream => (far, near),
        Direction::Downstream => (near, far),
    };
    let origins_stated = entry.is_writes_stated();
    let kind = if entry.is_special && !origins_stated {
        EdgeKind::Derives
    } else if is_job == (direction == Direction::Downstream) {
        EdgeKind::Writes
    } else {
        EdgeKind::Reads
    };
    let has_via = kind == EdgeKind::Derives && entry.via != VIA_NONE;
    EdgeRef {
        from,
        to,
        kind,
        via: has_via.then(|| AssetIndex::new(entry.via)),
        origins_stated,
    }
}

fn follows_edge(from: AssetIndex, to: AssetIndex) -> EdgeRef {
    EdgeRef {
        from,
        to,
        kind: EdgeKind::Follows,
        via: None,
        origins_stated: false,
    }
}
