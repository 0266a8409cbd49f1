//! What an extractor says: borrowed records, so that stating a fact allocates nothing here.

use crate::{Location, RunState};

/// A dataset that this extraction has stated, to refer to in edges, attributes and facets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatasetNode(pub(crate) u32);

/// A job that this extraction has stated, to refer to in edges, attributes and facets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobNode(pub(crate) u32);

/// Either of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// A dataset.
    Dataset(DatasetNode),
    /// A job.
    Job(JobNode),
}

impl Node {
    pub(crate) fn id(self) -> u32 {
        match self {
            Self::Dataset(node) => node.0,
            Self::Job(node) => node.0,
        }
    }
}

impl From<DatasetNode> for Node {
    fn from(node: DatasetNode) -> Self {
        Self::Dataset(node)
    }
}

impl From<JobNode> for Node {
    fn from(node: JobNode) -> Self {
        Self::Job(node)
    }
}

/// One field (column) of a dataset.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field<'a> {
    /// The field's name as its artifact writes it.
    pub name: &'a str,
    /// The type as its artifact writes it.
    pub data_type: Option<&'a str>,
    /// What people wrote about it.
    pub description: Option<&'a str>,
}

/// A dataset: declared by this artifact, or only mentioned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dataset<'a> {
    /// Where it lives, by `OpenLineage`'s naming conventions.
    pub namespace: &'a str,
    /// Its name there.
    pub name: &'a str,
    /// `TABLE`, `VIEW`, `TOPIC`, `FILE`, …; empty if the artifact does not say.
    pub kind: &'a str,
    /// Whether this artifact defines it; otherwise it only mentions it.
    pub declared: bool,
    /// What people wrote about it.
    pub description: Option<&'a str>,
    /// Its fields in their order.
    pub fields: &'a [Field<'a>],
    /// Where the artifact says so.
    pub evidence: Option<&'a Location>,
}

impl<'a> Dataset<'a> {
    /// A dataset that is only mentioned and of which nothing else is known.
    pub fn named(namespace: &'a str, name: &'a str, kind: &'a str) -> Self {
        Self {
            namespace,
            name,
            kind,
            ..Self::default()
        }
    }
}

/// A job: something that reads and writes datasets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Job<'a> {
    /// Where it is scheduled, by `OpenLineage`'s naming conventions.
    pub namespace: &'a str,
    /// Its name there.
    pub name: &'a str,
    /// `MODEL`, `TASK`, `QUERY`, `CONNECTOR`, …; empty if the artifact does not say.
    pub kind: &'a str,
    /// What people wrote about it.
    pub description: Option<&'a str>,
    /// The SQL that it runs, ready to be executed (no templates).
    pub sql: Option<&'a str>,
    /// The job that this one is part of.
    pub parent: Option<JobNode>,
    /// Where the artifact says so.
    pub evidence: Option<&'a Location>,
}

/// One end of a field edge; no field means the whole dataset (a filter, a grouping).
#[derive(Clone, Copy, Debug)]
pub struct FieldEnd<'a> {
    /// The dataset.
    pub dataset: DatasetNode,
    /// The field in it.
    pub field: Option<&'a str>,
}

/// How a field came from another, in `OpenLineage`'s terms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transformation<'a> {
    /// `DIRECT` (the value is derived) or else `INDIRECT` (it only decides about it).
    pub is_direct: bool,
    /// `IDENTITY`, `AGGREGATION`, `JOIN`, `FILTER`, …
    pub subtype: Option<&'a str>,
    /// What people or the artifact wrote about it.
    pub description: Option<&'a str>,
    /// Whether the value is masked on the way (a hash, a count).
    pub is_masking: bool,
}

/// A field derives from a field.
#[derive(Clone, Copy, Debug)]
pub struct FieldEdge<'a> {
    /// What it derives from.
    pub from: FieldEnd<'a>,
    /// What is derived.
    pub to: FieldEnd<'a>,
    /// The job that does it.
    pub via: Option<JobNode>,
    /// How; may be empty when it is not known.
    pub transformations: &'a [Transformation<'a>],
    /// Where the artifact says so.
    pub evidence: Option<&'a Location>,
}

/// Which side of a job a selector is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The job reads what matches.
    Reads,
    /// The job writes what matches.
    Writes,
}

/// Datasets of a namespace whose name matches, now or later, are read (or written) by a job.
#[derive(Clone, Copy, Debug)]
pub struct Selector<'a> {
    /// The job.
    pub job: JobNode,
    /// Whether it reads or writes them.
    pub side: Side,
    /// The namespace in which names are matched.
    pub namespace: &'a str,
    /// The pattern over names.
    pub pattern: &'a str,
    /// Where the artifact says so.
    pub evidence: Option<&'a Location>,
}

/// A node is also known by another name.
#[derive(Clone, Copy, Debug)]
pub struct Alias<'a> {
    /// The namespace of the other name.
    pub namespace: &'a str,
    /// The other name.
    pub name: &'a str,
    /// Why, shown to people.
    pub reason: &'a str,
    /// Where the artifact says so.
    pub evidence: Option<&'a Location>,
}

/// One run of a job.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The job.
    pub job: JobNode,
    /// What tells this run from others of the job.
    pub run_id: &'a str,
    /// How far it came.
    pub state: RunState,
    /// Epoch milliseconds.
    pub started_ms: Option<i64>,
    /// Epoch milliseconds.
    pub ended_ms: Option<i64>,
    /// What the tool said about it, for example why it failed.
    pub message: Option<&'a str>,
}
