//! Extraction by the service: extractors that operators install, sources that are bound to them, the artifacts of
//! these, a queue of extractions with bounded workers, and a history of what each came to.
//!
//! What is kept here is how facts come to be, not facts: these go through the engine into the log like any others.
//! Everything lives in files of one folder, each replaced as a whole, so that a crash leaves the old one or the new one.

mod bindings;
mod catalog;
mod error;
mod extractors;
mod fetch;
mod folder;
mod host;
mod options;
mod plan;
mod record;
mod run;
mod schedule;
mod service;
mod stats;
mod upload;
mod work;

pub use bindings::Binding;
pub use catalog::{
    CATALOG_FILE, CatalogDataset, FieldCatalog, is_catalog, mentioned, reads_catalogs,
};
pub use error::ExtractionError;
pub use extractors::Installed;
pub use fetch::{FetchFailure, FetchRule};
pub use host::{ExtractorHost, LoadedExtractor};
pub use options::{LimitOverrides, Options};
pub use plan::{ActivationPlan, SourcePlan};
pub use record::{
    ArtifactRecord, ExtractionRecord, ExtractionState, ExtractorRecord, FetchRecord, Origin,
    SourceRecord, Trigger, UsageRecord, VersionRecord,
};
pub use service::Extractions;
pub use stats::{Ended, ExtractionStats};
pub use upload::{Upload, UploadedFile};
