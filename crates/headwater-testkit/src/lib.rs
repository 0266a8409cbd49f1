//! Graph notation, builders, the naive reference and a clock in hand, for tests.

mod naive;
mod notation;

pub use naive::{NaiveEdge, NaiveGraph, NaiveLineage, Way};
pub use notation::{NotationError, graph, parse_graph};
