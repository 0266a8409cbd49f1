//! Facts: statements about the world, under the names their source used.

use crate::{
    AssetKind, AssetName, AttributeKey, Evidence, FacetName, FieldName, Name, Namespace,
    QualifiedName, RunId, RunState, Text, Timestamp, TypeName,
};

/// A dataset exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetFact {
    /// Its raw name.
    pub name: QualifiedName,
    /// `TABLE`, `VIEW`, `TOPIC`, …; [`TypeName::dataset`] if nobody said.
    pub r#type: TypeName,
    /// True if this source defines it; false if it only mentions it.
    pub is_declared: bool,
    /// For a person to read.
    pub description: Option<Text>,
    /// Its fields, in the source's order.
    pub fields: Vec<FieldFact>,
    /// What in the source says so.
    pub evidence: Option<Evidence>,
}

/// A field exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFact {
    /// Its name; nested fields are joined with dots.
    pub name: FieldName,
    /// The data type as the source writes it.
    pub r#type: Option<Text>,
    /// For a person to read.
    pub description: Option<Text>,
}

/// A job exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFact {
    /// Its raw name.
    pub name: QualifiedName,
    /// `MODEL`, `TASK`, `QUERY`, …; [`TypeName::job`] if nobody said.
    pub r#type: TypeName,
    /// For a person to read.
    pub description: Option<Text>,
    /// The SQL it runs.
    pub sql: Option<Text>,
    /// The job that it is a part of.
    pub parent: Option<QualifiedName>,
    /// What in the source says so.
    pub evidence: Option<Evidence>,
}

/// What an edge says; it follows from the kinds of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// Dataset to job.
    Reads,
    /// Job to dataset.
    Writes,
    /// Dataset to dataset.
    Derives,
    /// Job to job.
    Follows,
}

impl EdgeKind {
    /// The kind of an edge between such ends.
    pub fn between(from: AssetKind, to: AssetKind) -> Self {
        match (from, to) {
            (AssetKind::Dataset, AssetKind::Job) => Self::Reads,
            (AssetKind::Job, AssetKind::Dataset) => Self::Writes,
            (AssetKind::Dataset, AssetKind::Dataset) => Self::Derives,
            (AssetKind::Job, AssetKind::Job) => Self::Follows,
        }
    }

    /// The name that GraphQL and the facts JSON use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "READS",
            Self::Writes => "WRITES",
            Self::Derives => "DERIVES",
            Self::Follows => "FOLLOWS",
        }
    }
}

/// Data flows from one asset to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeFact {
    /// Where data comes from.
    pub from: AssetName,
    /// Where it goes.
    pub to: AssetName,
    /// For a dataset that derives from a dataset: the job that does it, if known. For a job that writes a dataset:
    /// that job again, if all that it makes the dataset from is stated, even if that is nothing; then what the job
    /// reads does not reach the dataset.
    pub via: Option<QualifiedName>,
    /// What in the source says so.
    pub evidence: Option<Evidence>,
}

impl EdgeFact {
    /// What it says.
    pub fn kind(&self) -> EdgeKind {
        EdgeKind::between(self.from.kind, self.to.kind)
    }
}

/// How a value is taken in, in the terms of OpenLineage's column lineage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transformation {
    /// DIRECT if the value itself goes in, INDIRECT if it only decides (join, filter, grouping).
    pub is_direct: bool,
    /// `IDENTITY`, `AGGREGATION`, `JOIN`, `FILTER`, ….
    pub subtype: Option<Text>,
    /// For a person to read.
    pub description: Option<Text>,
    /// True if the value can't be read back, for example after hashing.
    pub is_masking: bool,
}

/// One end of a field edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldEnd {
    /// The dataset.
    pub dataset: QualifiedName,
    /// The field; none means the whole dataset.
    pub field: Option<FieldName>,
}

/// A field derives from a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldEdgeFact {
    /// Where data comes from.
    pub from: FieldEnd,
    /// Where it goes.
    pub to: FieldEnd,
    /// The job that does it, if known.
    pub via: Option<QualifiedName>,
    /// How; empty if nobody said.
    pub transformations: Vec<Transformation>,
    /// What in the source says so.
    pub evidence: Option<Evidence>,
}

/// Which way a job uses what a selector selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The job reads it.
    Reads,
    /// The job writes it.
    Writes,
}

/// A job reads or writes the datasets of a namespace whose names match, now or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorFact {
    /// The job.
    pub job: QualifiedName,
    /// Reads or writes.
    pub side: Side,
    /// Where the datasets live.
    pub namespace: Namespace,
    /// A glob on their names.
    pub pattern: Name,
    /// What in the source says so.
    pub evidence: Option<Evidence>,
}

/// Two names mean one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasFact {
    /// The asset.
    pub of: AssetName,
    /// Its other name, of the same kind.
    pub alias: QualifiedName,
    /// Why, shown to people.
    pub reason: Text,
    /// What in the source says so.
    pub evidence: Option<Evidence>,
}

/// A statement with a fixed meaning about an asset or a field: `owner`, `tag`, `output-port`, `url`, ….
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeFact {
    /// The asset.
    pub on: AssetName,
    /// The field, if it is about one.
    pub field: Option<FieldName>,
    /// What is stated.
    pub key: AttributeKey,
    /// Its value.
    pub value: Text,
}

/// Verbatim JSON that is kept beside an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetFact {
    /// The asset.
    pub on: AssetName,
    /// The facet's name.
    pub name: FacetName,
    /// Valid JSON.
    pub json: Text,
}

/// A run of a job, as an artifact tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFact {
    /// The job.
    pub job: QualifiedName,
    /// The run's id.
    pub run: RunId,
    /// How it stands.
    pub state: RunState,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What the tool said, for example an error.
    pub message: Option<Text>,
}

/// All that one submission states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Datasets that exist.
    pub datasets: Vec<DatasetFact>,
    /// Jobs that exist.
    pub jobs: Vec<JobFact>,
    /// Edges between them.
    pub edges: Vec<EdgeFact>,
    /// Edges between fields.
    pub field_edges: Vec<FieldEdgeFact>,
    /// Jobs that use whatever matches.
    pub selectors: Vec<SelectorFact>,
    /// Names that mean the same.
    pub aliases: Vec<AliasFact>,
    /// Owners, tags, ports, ….
    pub attributes: Vec<AttributeFact>,
    /// Verbatim JSON.
    pub facets: Vec<FacetFact>,
    /// Runs.
    pub runs: Vec<RunFact>,
}

impl Facts {
    /// How many facts there are, fields counted each.
    pub fn count(&self) -> usize {
        let fields: usize = self.datasets.iter().map(|d| d.fields.len()).sum();
        fields
            + self.datasets.len()
            + self.jobs.len()
            + self.edges.len()
            + self.field_edges.len()
            + self.selectors.len()
            + self.aliases.len()
            + self.attributes.len()
            + self.facets.len()
            + self.runs.len()
    }
}
