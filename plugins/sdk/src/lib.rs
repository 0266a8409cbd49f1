//! Write a Headwater extractor: implement [`Extractor`], say [`export!`], build for
//! `wasm32-unknown-unknown`.
//!
//! An extractor reads artifacts that other tools write and states facts about datasets and
//! jobs. It can touch nothing but its inputs and the [`Emitter`]: no files, no network, no
//! clock. The same trait runs natively in [`golden`], so an extractor is tested with
//! `cargo test` and debugged with a debugger.
//!
//! ```
//! use headwater_extractor::{
//!     Coverage, Dataset, Description, Emitter, ExtractError, Extraction, Extractor, Input,
//! };
//!
//! struct Lines;
//!
//! impl Extractor for Lines {
//!     fn describe() -> Description {
//!         Description {
//!             name: "lines".into(),
//!             version: "0.1.0".into(),
//!             summary: "Every line names a dataset".into(),
//!             inputs: Vec::new(),
//!             config_schema: String::new(),
//!         }
//!     }
//!
//!     fn extract(
//!         _config: &str,
//!         inputs: Vec<Input>,
//!         out: &mut Emitter,
//!     ) -> Result<Extraction, ExtractError> {
//!         for input in &inputs {
//!             for name in String::from_utf8_lossy(&input.read_all()?).lines() {
//!                 out.dataset(&Dataset { declared: true, ..Dataset::named("file", name, "FILE") })?;
//!             }
//!         }
//!         Ok(Extraction { covers: Coverage::DATASETS, generated: None })
//!     }
//! }
//!
//! headwater_extractor::export!(Lines);
//!
//! let facts = headwater_extractor::golden::run::<Lines>("{}", &[("a.txt", b"x\ny")]);
//! assert_eq!(facts.unwrap().to_json()["datasets"][1]["name"], "y");
//! ```

// The generated bindings name this crate by path, from inside it and from extractors alike.
extern crate self as headwater_extractor;

#[doc(hidden)]
pub mod bindings;
mod catalog;
mod component;
mod config;
mod emitter;
mod fact;
#[cfg(not(target_family = "wasm"))]
pub mod golden;
mod input;
mod interner;
mod sink;
pub mod time;

pub use bindings::headwater::extractor::types::{
    Batch, Coverage, Description, Diagnostic, ExtractError, Extraction, InputPattern, Location,
    RunState, Severity,
};
pub use catalog::{CatalogDataset, FieldCatalog};
pub use component::{Component, Extractor};
pub use config::{Config, ConfigKey};
pub use emitter::Emitter;
pub use fact::{
    Alias, Dataset, DatasetNode, Field, FieldEdge, FieldEnd, Job, JobNode, Node, Run, Selector,
    Side, Transformation,
};
pub use input::{Artifact, Input};
pub use sink::{EmitError, Sink};
