//! The sandboxed WebAssembly host for extractors.
//!
//! An extractor is a component that imports nothing but `headwater:extractor` (`plugins/wit/v0.1`), so what it can
//! touch is a static property of its file: the artifacts of one call, a log and a sink. A component that imports
//! anything else is refused before it is compiled. Every call runs in a store of its own, under bounds on memory,
//! wall time, stack and output; what it emits is checked as it arrives, and nothing is kept of a call that failed.
//!
//! wasmtime stays inside: the public interface speaks of [`headwater_model`] and of this crate's own types.

mod bindings;
mod cache;
mod call;
mod collector;
#[cfg(test)]
mod collector_tests;
mod config;
mod description;
mod directory;
mod engine;
mod entity;
mod error;
mod extractor;
mod gate;
mod host;
mod images;
mod limiter;
mod outline;
mod place;
mod relation;
mod schema;

pub use config::{HostConfig, HostConfigError};
pub use directory::{LoadedExtractor, LoadedFolder, RefusedFile};
pub use error::LoadError;
pub use extractor::WasmExtractor;
pub use host::{Allocation, HostMetrics, Inspection, PluginHost};
