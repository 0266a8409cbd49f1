//! Graph notation, builders, the naive reference and a clock in hand, for tests.

mod history;
mod naive;
mod notation;

pub use history::{NaiveHistory, NamedEdge};
pub use naive::{NaiveEdge, NaiveGraph, NaiveLineage, Way};
pub use notation::{NotationError, graph, parse_graph};
