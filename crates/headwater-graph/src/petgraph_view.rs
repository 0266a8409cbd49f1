//! petgraph's visit traits, so that its algorithms run on a snapshot.
//!
//! The view is the plain graph: canonical assets, and the Reads, Writes and Derives edges between different
//! ones. It knows neither stated origins nor Follows edges; [`Snapshot::closure`] does.

use headwater_model::{AssetIndex, AssetKind, EdgeKind};
use petgraph::visit::{
    Data, GraphBase, GraphProp, IntoEdgeReferences, IntoEdges, IntoEdgesDirected, IntoNeighbors,
    IntoNeighborsDirected, IntoNodeIdentifiers, NodeCount, NodeIndexable, VisitMap, Visitable,
};

use crate::adjacency::Slices;
use crate::asset_set::AssetSet;
use crate::closure::Direction;
use crate::csr::Slice;
use crate::delta::EdgeKey;
use crate::edges::{EdgeRef, edge_of};
use crate::snapshot::Snapshot;

/// petgraph wants a type with a name where the crate has closures.
type Boxed<'s, T> = Box<dyn Iterator<Item = T> + 's>;

/// The edges on one side of an asset, but for those to itself.
#[derive(Clone, Debug)]
pub struct Edges<'s> {
    asset: u32,
    is_job: bool,
    direction: Direction,
    runs: Slices<'s>,
    run: Option<Slice<'s>>,
    at: usize,
}

impl<'s> Edges<'s> {
    fn new(snapshot: &'s Snapshot, asset: AssetIndex, direction: Direction) -> Self {
        Self {
            asset: asset.get(),
            is_job: snapshot.is_job(asset.get()),
            direction,
            runs: snapshot.adjacency(direction).slices(asset.get()),
            run: None,
            at: 0,
        }
    }
}

impl Iterator for Edges<'_> {
    type Item = EdgeRef;

    fn next(&mut self) -> Option<EdgeRef> {
        loop {
            let Some(run) = self.run.filter(|run| self.at < run.targets.len()) else {
                self.run = Some(self.runs.next()?);
                self.at = 0;
                continue;
            };
            let entry = run.entry(self.at);
            self.at += 1;
            if entry.asset != self.asset {
                return Some(edge_of(self.asset, self.is_job, self.direction, entry));
            }
        }
    }
}

/// The other ends of the edges on one side of an asset.
#[derive(Clone, Debug)]
pub struct Neighbors<'s>(Edges<'s>);

impl Iterator for Neighbors<'_> {
    type Item = AssetIndex;

    fn next(&mut self) -> Option<AssetIndex> {
        let edge = self.0.next()?;
        Some(match self.0.direction {
            Direction::Upstream => edge.from,
            Direction::Downstream => edge.to,
        })
    }
}

fn side(direction: petgraph::Direction) -> Direction {
    match direction {
        petgraph::Direction::Outgoing => Direction::Downstream,
        petgraph::Direction::Incoming => Direction::Upstream,
    }
}

impl GraphBase for Snapshot {
    type EdgeId = EdgeKey;
    type NodeId = AssetIndex;
}

impl Data for Snapshot {
    type NodeWeight = AssetKind;
    type EdgeWeight = EdgeKind;
}

impl GraphProp for Snapshot {
    type EdgeType = petgraph::Directed;
}

impl NodeCount for Snapshot {
    fn node_count(&self) -> usize {
        self.node_identifiers().count()
    }
}

impl NodeIndexable for Snapshot {
    fn node_bound(&self) -> usize {
        self.assets_count()
    }

    fn to_index(&self, asset: AssetIndex) -> usize {
        asset.as_usize()
    }

    fn from_index(&self, index: usize) -> AssetIndex {
        AssetIndex::new(index as u32)
    }
}

impl VisitMap<AssetIndex> for AssetSet {
    fn visit(&mut self, asset: AssetIndex) -> bool {
        self.add(asset.get())
    }

    fn is_visited(&self, asset: &AssetIndex) -> bool {
        self.contains(*asset)
    }

    fn unvisit(&mut self, asset: AssetIndex) -> bool {
        let was_visited = self.contains(asset);
        if was_visited {
            self.drop_asset(asset.get());
        }
        was_visited
    }
}

impl Visitable for Snapshot {
    type Map = AssetSet;

    fn visit_map(&self) -> AssetSet {
        AssetSet::with_capacity(self.assets_count())
    }

    fn reset_map(&self, map: &mut AssetSet) {
        *map = self.visit_map();
    }
}

impl<'s> IntoNodeIdentifiers for &'s Snapshot {
    type NodeIdentifiers = Boxed<'s, AssetIndex>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        let is_canonical =
            |index: &u32| self.row(*index).is_some_and(|row| row.canonical == *index);
        let indexes = 0..self.assets_count() as u32;
        Box::new(indexes.filter(is_canonical).map(AssetIndex::new))
    }
}

impl<'s> IntoNeighbors for &'s Snapshot {
    type Neighbors = Neighbors<'s>;

    fn neighbors(self, asset: AssetIndex) -> Neighbors<'s> {
        Neighbors(Edges::new(self, asset, Direction::Downstream))
    }
}

impl<'s> IntoNeighborsDirected for &'s Snapshot {
    type NeighborsDirected = Neighbors<'s>;

    fn neighbors_directed(
        self,
        asset: AssetIndex,
        direction: petgraph::Direction,
    ) -> Neighbors<'s> {
        Neighbors(Edges::new(self, asset, side(direction)))
    }
}

impl petgraph::visit::EdgeRef for EdgeRef {
    type NodeId = AssetIndex;
    type EdgeId = EdgeKey;
    type Weight = EdgeKind;

    fn source(&self) -> AssetIndex {
        self.from
    }

    fn target(&self) -> AssetIndex {
        self.to
    }

    fn weight(&self) -> &EdgeKind {
        &self.kind
    }

    fn id(&self) -> EdgeKey {
        self.key()
    }
}

impl<'s> IntoEdgeReferences for &'s Snapshot {
    type EdgeRef = EdgeRef;
    type EdgeReferences = Boxed<'s, EdgeRef>;

    fn edge_references(self) -> Self::EdgeReferences {
        let edges_of = move |index| Edges::new(self, AssetIndex::new(index), Direction::Downstream);
        Box::new((0..self.assets_count() as u32).flat_map(edges_of))
    }
}

impl<'s> IntoEdges for &'s Snapshot {
    type Edges = Edges<'s>;

    fn edges(self, asset: AssetIndex) -> Edges<'s> {
        Edges::new(self, asset, Direction::Downstream)
    }
}

impl<'s> IntoEdgesDirected for &'s Snapshot {
    type EdgesDirected = Edges<'s>;

    fn edges_directed(self, asset: AssetIndex, direction: petgraph::Direction) -> Edges<'s> {
        Edges::new(self, asset, side(direction))
    }
}
