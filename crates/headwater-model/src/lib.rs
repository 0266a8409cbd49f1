//! The vocabulary of Headwater: validated names, facts, submissions, time, the extractor trait.
//!
//! Values are parsed once, at the edge; inside, a value that exists is valid. No I/O, no clock, no async and no
//! serialisation in here: wire, storage and GraphQL each own their records and convert.

mod artifact;
mod cadence;
mod diagnostic;
mod digest;
mod extractor;
mod fact;
mod id;
mod identity;
mod mesh;
mod name;
mod source;
mod submission;
mod time;

pub use artifact::{Artifact, Content, ReadAt};
pub use cadence::{Cadence, CadenceError};
pub use diagnostic::{Diagnostic, Evidence, Severity};
pub use digest::Digest;
pub use extractor::{
    ExtractError, Extraction, Extractor, ExtractorConfig, ExtractorDescription, ExtractorLimits,
    ExtractorUsage, InputPattern,
};
pub use fact::{
    AliasFact, AttributeFact, DatasetFact, EdgeFact, EdgeKind, FacetFact, Facts, FieldEdgeFact,
    FieldEnd, FieldFact, JobFact, RunFact, SelectorFact, Side, Transformation,
};
pub use id::{AssetId, AssetIndex, IdError, IdKind};
pub use identity::{IdentityRule, IdentityRules, RewrittenPart};
pub use mesh::{DomainSpec, Mesh, MeshError, Pattern, Patterns};
pub use name::{
    AssetKind, AssetName, AttributeKey, DomainName, FacetName, FieldName, Name, NameError,
    Namespace, QualifiedName, RunId, SourceName, Text, TypeName,
};
pub use source::{SourceKey, SourceKind};
pub use submission::{
    Coverage, Event, EventSubject, ExtractorVersion, FactKind, Manual, RunDetails, RunState,
    Snapshot, Statement, Submission,
};
pub use time::{TimeError, Timestamp, Zone};
