//! The field graph: fields that take part in field edges, and these edges.
//!
//! A dataset as a whole is one pseudo-field of it, which is where an edge ends that names no field. Fields without
//! edges are not in here.

mod closure;
mod lineage;
mod steps;
mod table;

pub use closure::{FieldClosure, FieldReached, FieldRoot};
pub use lineage::{FieldLineage, FieldLineageEdge, FieldLineageNode};
pub use steps::Entity;
pub use table::{Field, FieldEdgeKey, FieldIndex};

pub(crate) use steps::{Goal, Standing, Steps};
pub(crate) use table::{FieldRow, Fields};
