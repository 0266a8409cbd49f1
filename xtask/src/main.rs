//! Builds, demonstrates, tests, tidies and measures Headwater.
fn main() {}
