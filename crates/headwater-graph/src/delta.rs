//! What a commit changes in the graph.

use headwater_model::AssetIndex;

use crate::fields::{FieldEdgeKey, FieldIndex};
use crate::row::AssetRow;

/// An edge as a delta names it. Its kind follows from the kinds of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeKey {
    /// Where the data comes from; for two jobs, the one that runs first.
    pub from: AssetIndex,
    /// Where the data goes.
    pub to: AssetIndex,
    /// The job of a Derives edge, if known; other kinds have none.
    pub via: Option<AssetIndex>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Adds the next asset; `asset` must be the number of assets so far.
    AddAsset {
        /// Its number.
        asset: AssetIndex,
        /// What is known of it.
        row: AssetRow,
    },
    /// Replaces what is known of an asset.
    SetRow {
        /// Its number.
        asset: AssetIndex,
        /// What is known of it now.
        row: AssetRow,
    },
    /// Adds an edge; nothing happens if it is there.
    AddEdge(EdgeKey),
    /// Removes an edge; nothing happens if it is not there.
    RemoveEdge(EdgeKey),
    /// Adds the next field; `field` must be the number of fields so far.
    AddField {
        /// Its number.
        field: FieldIndex,
        /// The dataset that has it.
        dataset: AssetIndex,
        /// Its name; none for the dataset as a whole.
        name: Option<Box<str>>,
    },
    /// Adds an edge between fields; nothing happens if it is there.
    AddFieldEdge(FieldEdgeKey),
    /// Removes an edge between fields; nothing happens if it is not there.
    RemoveFieldEdge(FieldEdgeKey),
}

/// Changes in order, applied as one. Whether an output's origins are stated is not among them: a snapshot
/// derives that from its Derives edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The changes, first to last.
    pub operations: Vec<Operation>,
}

impl Delta {
    /// A delta that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Adds the next asset.
    pub fn add_asset(&mut self, asset: AssetIndex, row: AssetRow) -> &mut Self {
        self.push(Operation::AddAsset { asset, row })
    }

    /// Replaces what is known of an asset.
    pub fn set_row(&mut self, asset: AssetIndex, row: AssetRow) -> &mut Self {
        self.push(Operation::SetRow { asset, row })
    }

    /// Adds an edge.
    pub fn add_edge(
        &mut self,
        from: AssetIndex,
        to: AssetIndex,
        via: Option<AssetIndex>,
    ) -> &mut Self {
        self.push(Operation::AddEdge(EdgeKey { from, to, via }))
    }

    /// Removes an edge.
    pub fn remove_edge(
        &mut self,
        from: AssetIndex,
        to: AssetIndex,
        via: Option<AssetIndex>,
    ) -> &mut Self {
        self.push(Operation::RemoveEdge(EdgeKey { from, to, via }))
    }

    /// Adds the next field.
    pub fn add_field(
        &mut self,
        field: FieldIndex,
        dataset: AssetIndex,
        name: Option<&str>,
    ) -> &mut Self {
        self.push(Operation::AddField {
            field,
            dataset,
            name: name.map(Into::into),
        })
    }

    /// Adds an edge between fields.
    pub fn add_field_edge(&mut self, edge: FieldEdgeKey) -> &mut Self {
        self.push(Operation::AddFieldEdge(edge))
    }

    /// Removes an edge between fields.
    pub fn remove_field_edge(&mut self, edge: FieldEdgeKey) -> &mut Self {
        self.push(Operation::RemoveFieldEdge(edge))
    }

    fn push(&mut self, operation: Operation) -> &mut Self {
        self.operations.push(operation);
        self
    }
}

/// Why a delta was not applied; the snapshot is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// The delta does not fit the snapshot: whoever made it has another graph in mind.
    #[error("operation {operation} of the delta: {rule}")]
    Invalid {
        /// The place of the operation in the delta, from 0.
        operation: usize,
        /// What it breaks.
        rule: DeltaRule,
    },
    /// The graph would outgrow a bound.
    #[error("operation {operation} of the delta: the graph is full: at most {max} {what}")]
    Full {
        /// The place of the operation in the delta, from 0.
        operation: usize,
        /// What there would be too many of.
        what: &'static str,
        /// How many there may be.
        max: u64,
    },
}

/// What a delta must keep to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaRule {
    /// An asset that the snapshot does not have.
    #[error("asset {0} is not in the graph")]
    UnknownAsset(u32),
    /// Assets are numbered without gaps.
    #[error("asset {asset} is added where {next} is the next number")]
    OutOfOrder {
        /// The number given.
        asset: u32,
        /// The number it would have to have.
        next: u32,
    },
    /// A dataset stays a dataset, a job a job.
    #[error("asset {0} changes from a dataset to a job or back")]
    KindChanged(u32),
    /// The asset that stands for another is of the same kind and stands for itself.
    #[error("asset {asset} is merged into {canonical}, which is of another kind or merged itself")]
    CanonicalInvalid {
        /// The merged asset.
        asset: u32,
        /// What it is merged into.
        canonical: u32,
    },
    /// Edges are kept on canonical assets only.
    #[error("asset {0} is merged into another and has edges")]
    EdgeOnAlias(u32),
    /// Only a Derives edge has a job, and that is a job.
    #[error("the edge from {from} to {to} cannot be via {via}")]
    ViaInvalid {
        /// The edge's one end.
        from: u32,
        /// Its other end.
        to: u32,
        /// The job that it names.
        via: u32,
    },
    /// Fields are numbered without gaps.
    #[error("field {field} is added where {next} is the next number")]
    FieldOutOfOrder {
        /// The number given.
        field: u32,
        /// The number it would have to have.
        next: u32,
    },
    /// A field that the snapshot does not have.
    #[error("field {0} is not in the graph")]
    UnknownField(u32),
    /// Only datasets have fields.
    #[error("asset {0} gets a field and is a job")]
    FieldOfJob(u32),
    /// An edge between fields names a job or nothing.
    #[error("an edge between fields cannot be via {0}, which is no job")]
    FieldViaInvalid(u32),
    /// Names have a bound.
    #[error("the name of asset {asset} has {bytes} bytes, at most {max} are allowed")]
    NameTooLong {
        /// The asset.
        asset: u32,
        /// The length of its name.
        bytes: usize,
        /// [`AssetRow::NAME_BYTES_MAX`].
        max: usize,
    },
}
