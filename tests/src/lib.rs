//! What the tests of the product, and its benchmarks, have in common.

pub mod mesh;
pub mod service;
