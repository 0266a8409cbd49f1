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
mod edges;
mod intern;
mod reach;
mod row;
mod rows;
mod snapshot;
mod sparse;

pub use asset_set::AssetSet;
pub use closure::{Closure, ClosureOptions, CutReason, Direction, Reached};
pub use delta::{Delta, DeltaError, DeltaRule, EdgeKey, Operation};
pub use edges::EdgeRef;
pub use row::{Asset, AssetFlags, AssetRow};
pub use snapshot::Snapshot;
