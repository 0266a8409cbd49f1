//! Graph notation, builders, the naive reference, a clock in hand and hostile guests, for tests.

mod guest;
mod history;
mod naive;
mod notation;

pub use guest::guest_text;
pub use history::{NaiveHistory, NamedEdge};
pub use naive::{NaiveEdge, NaiveGraph, NaiveLineage, Way};
pub use notation::{NotationError, graph, parse_graph};
