//! The sandboxed WebAssembly host for extractors.
