//! Immutable graph snapshots and the walks over them.
//!
//! A [`Snapshot`] holds the assets and edges of one moment. [`Snapshot::apply`] makes the next one from a
//! [`Delta`] at the cost of what changes; readers keep the snapshot that they have.

mod adjacency;
mod asset_set;
mod build;
mod closure;
mod csr;
mod delta;
mod domains;
mod edges;
mod fields;
mod file;
mod intern;
mod lineage;
mod paths;
mod petgraph_view;
mod reach;
mod row;
mod rows;
mod snapshot;
mod sparse;

pub use asset_set::AssetSet;
pub use closure::{Closure, ClosureOptions, CutReason, Direction, Reached};
pub use delta::{Delta, DeltaError, DeltaRule, EdgeKey, Operation};
pub use domains::{Crossing, DomainLink};
pub use edges::EdgeRef;
pub use fields::{
    Entity, Field, FieldClosure, FieldEdgeKey, FieldIndex, FieldLineage, FieldLineageEdge,
    FieldLineageNode, FieldReached, FieldRoot,
};
pub use file::GraphFileError;
pub use lineage::{Lineage, LineageNode, LineageOptions};
pub use paths::{Paths, PathsOptions, Way};
pub use petgraph_view::{Edges, Neighbors};
pub use row::{Asset, AssetFlags, AssetRow};
pub use snapshot::Snapshot;
