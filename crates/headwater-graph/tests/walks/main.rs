//! What the walks promise, on small graphs by hand and on many random ones against the naive reference.

mod closures;
mod deltas;
mod domains;
mod fields;
mod files;
mod lineages;
mod paths;
mod petgraph;
mod random;
mod support;
