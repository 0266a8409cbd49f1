//! Questions, answered from one pinned graph.

mod batch;
mod changes;
mod columns;
mod contract;
mod details;
mod diff;
mod domains;
mod dry_run;
mod edges;
mod field_edges;
mod field_walks;
mod filter;
mod history;
mod identity;
mod manual;
mod parts;
mod paths;
mod plan;
mod products;
mod resolve;
mod run_batch;
mod runs;
mod search;
mod sources;
mod staleness;
mod view;
mod walks;

pub(crate) use batch::{ClaimsOf, decode_history, held_at};
pub use changes::{ChangeView, ChangesPage, OffsetChanges};
pub(crate) use contract::Contraction;
pub use contract::{
    CONTRACT_BYTES_MAX, CONTRACT_DATASETS_MAX, CONTRACT_EDGES_MAX, CONTRACT_PATTERNS_MAX, Region,
};
pub use details::{
    AliasView, AssertionView, AttributeView, Details, EvidenceView, FieldView, OwnerView, TagView,
};
pub use diff::Diff;
pub use domains::{CrossingView, DomainLinkView, DomainView};
pub use dry_run::{DryRun, DryRunAsset, DryRunEdge, DryRunFacts};
pub use edges::EdgeStatement;
pub use field_edges::{FieldEdgeView, FieldLinkView, FieldLinksQuestion, TransformationView};
pub use filter::AssetFilter;
pub(crate) use filter::is_shown;
pub use history::{HISTORY_MAX, HistoryView};
pub use manual::{ManualFact, ManualPlan, ManualQuestion};
pub use parts::{JobPart, Mention};
pub use paths::{PathView, PathsAnswer, PathsQuestion};
pub use plan::{IdentityPlan, Planned};
pub use products::{ProductDetails, ProductView};
pub use resolve::Resolution;
pub use run_batch::{
    AssertionPlace, ParentRun, RunDatasets, RunStatements, RunsPage, RunsQuestion,
};
pub use runs::{RunPlace, RunView};
pub(crate) use search::Catalogue;
pub use search::{SearchAnswer, SearchEntity, SearchHit, SearchPlace, SearchQuestion};
pub use sources::{DiagnosticView, DiagnosticsQuestion, SubmissionView, SubmissionsQuestion};
pub use view::{AssetSummary, Caller, EdgeView, NodeRef, View};
pub use walks::{
    Completeness, Cut, Direction, Granularity, GroupView, ImpactAnswer, ImpactQuestion,
    LineageAnswer, LineageQuestion, ReachedAsset, Root, WalkEdge, WalkEntity, WalkNode,
};

pub use crate::reference::Reference;
pub use crate::sources::SourceState;
