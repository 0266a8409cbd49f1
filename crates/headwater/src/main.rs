//! The headwater binary: command line and configuration.
fn main() {}
