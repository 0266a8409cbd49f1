//! The pinned graph, and what is cheap to read from it.

use std::sync::Arc;

use headwater_graph::{Asset, AssetFlags, EdgeRef, Snapshot as Graph};
use headwater_model::{
    AssetId, AssetIndex, AssetKind, AssetName, EdgeKind, FieldName, Mesh, Name, Namespace,
    QualifiedName, Timestamp,
};
use headwater_record::{Str, decode_value};

use crate::ask::products::ProductView;
use crate::engine::Shared;
use crate::published::Published;
use crate::reference;
use crate::sources::Standings;
use crate::txn::Reader;
use crate::{AskError, keys};

/// Who asks: decides what they may see. For now, everyone sees everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller(());

impl Caller {
    /// Nobody is authenticated, and everybody sees everything.
    pub fn everyone() -> Self {
        Self(())
    }
}

/// One request's view: the graph as it was when the request began.
pub struct View {
    pub(crate) shared: Arc<Shared>,
    pub(crate) published: Arc<Published>,
    caller: Caller,
    /// The moment at which it is judged which sources are stale.
    pub(crate) judged_at: Timestamp,
    /// What each source had submitted last then.
    pub(crate) standings: Standings,
}

/// What the graph's columns say of an asset.
#[derive(Clone, Debug)]
pub struct AssetSummary<'a> {
    /// Its number.
    pub index: AssetIndex,
    /// Dataset or job.
    pub kind: AssetKind,
    /// Where it lives.
    pub namespace: &'a str,
    /// Its name there.
    pub name: &'a str,
    /// `TABLE`, `MODEL`, …
    pub r#type: &'a str,
    /// The domain that claims it.
    pub domain: Option<Str>,
    /// True if something reads or writes it but no source declares it.
    pub is_unresolved: bool,
    /// True if it is a published output port.
    pub is_output_port: bool,
    /// True if no source says any more that it exists.
    pub is_retired: bool,
}

/// An edge between assets that stand for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeView {
    /// Where data comes from.
    pub from: AssetIndex,
    /// Where it goes.
    pub to: AssetIndex,
    /// What it says.
    pub kind: EdgeKind,
    /// The job of a DERIVES edge, if known.
    pub via: Option<AssetIndex>,
}

impl From<EdgeRef> for EdgeView {
    fn from(edge: EdgeRef) -> Self {
        Self {
            from: edge.from,
            to: edge.to,
            kind: edge.kind,
            via: edge.via,
        }
    }
}

/// What a public id names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRef {
    /// A dataset or job.
    Asset(AssetIndex),
    /// A field of a dataset.
    Field(AssetIndex, FieldName),
    /// A domain, by name.
    Domain(Str),
    /// A source, by number.
    Source(u32),
    /// A submission, by source and offset.
    Submission(u32, u64),
    /// A data product.
    Product(ProductView),
    /// A run: its job, and its id.
    Run(AssetIndex, Str),
}

impl View {
    pub(crate) fn new(
        shared: Arc<Shared>,
        published: Arc<Published>,
        caller: Caller,
        judged_at: Timestamp,
    ) -> Self {
        Self {
            standings: Arc::clone(&published.standings),
            shared,
            published,
            caller,
            judged_at,
        }
    }

    /// For the same caller, another graph.
    pub(crate) fn showing(&self, published: Arc<Published>) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            published,
            caller: self.caller,
            judged_at: self.judged_at,
            standings: Arc::clone(&self.standings),
        }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.published.graph
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader::new(&*self.shared.state)
    }

    /// The offset that this view shows.
    pub fn offset(&self) -> u64 {
        self.published.offset.get()
    }

    /// When that was received.
    pub fn committed_at(&self) -> Timestamp {
        self.published.committed_at
    }

    /// The mesh as it is at this view's offset.
    pub fn mesh(&self) -> &Mesh {
        self.published.claimants.mesh()
    }

    /// How many raw names and edges the graph has.
    pub fn graph_size(&self) -> (usize, usize) {
        (self.graph().assets_count(), self.graph().edges_count())
    }

    /// What is known of an asset; none if this view has no such number. Merged ones are shown as what they merged
    /// into.
    pub fn asset(&self, index: AssetIndex) -> Option<AssetSummary<'_>> {
        let canonical = self.graph().canonical(index)?;
        self.graph()
            .asset(canonical)
            .map(|asset| self.summary(&asset))
    }

    pub(crate) fn summary<'a>(&'a self, asset: &Asset<'a>) -> AssetSummary<'a> {
        AssetSummary {
            index: asset.index,
            kind: asset.kind,
            namespace: asset.namespace,
            name: asset.name,
            r#type: asset.asset_type,
            domain: asset
                .domain
                .and_then(|number| self.shared.words.word(number)),
            is_unresolved: asset.flags.contains(AssetFlags::UNRESOLVED),
            is_output_port: asset.flags.contains(AssetFlags::OUTPUT_PORT),
            is_retired: asset.flags.contains(AssetFlags::RETIRED),
        }
    }

    /// The names of an asset's owners.
    pub fn owner_names(&self, index: AssetIndex) -> Vec<Str> {
        let owners = self
            .graph()
            .asset(index)
            .map_or(&[][..], |asset| asset.owners);
        owners
            .iter()
            .filter_map(|number| self.shared.words.word(*number))
            .collect()
    }

    /// The sources that say the asset exists, by number.
    pub fn sources_of(&self, index: AssetIndex) -> Vec<u32> {
        let sources = self
            .graph()
            .asset(index)
            .map_or(&[][..], |asset| asset.sources);
        sources.iter().map(|source| source / 2).collect()
    }

    /// The stable public id of an asset.
    pub fn id(&self, index: AssetIndex) -> Option<AssetId> {
        let asset = self.asset(index)?;
        let name = raw_name(asset.kind, asset.namespace, asset.name)?;
        let scope = self.scope_of(asset.index).ok()?.unwrap_or_default();
        Some(AssetId::new(&name, &scope, 0))
    }

    /// What to show and to paste: the text of the asset's reference, or its id where that text would be ambiguous.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn reference(&self, index: AssetIndex) -> Result<String, AskError> {
        let Some(asset) = self.asset(index) else {
            return Ok(String::new());
        };
        let text = reference::text(asset.kind, asset.namespace, asset.name);
        // A namespace that could be read in another way is rare: only then is the state asked.
        let slash_at = asset.namespace.len();
        let plain = format!("{}/{}", asset.namespace, asset.name);
        let may_mislead = plain
            .match_indices('/')
            .any(|(at, _)| at != slash_at && self.shared.namespaces.number(&plain[..at]).is_some());
        let looks_like_job = asset.kind == AssetKind::Dataset && text.starts_with("job:");
        let may_be_another = asset.kind == AssetKind::Dataset
            && (headwater_identity::is_scoped(asset.namespace) || self.is_in_doubt(asset.index)?);
        if !may_mislead && !looks_like_job && !may_be_another && !text.contains('%') {
            return Ok(text);
        }
        let is_only = !looks_like_job && self.exact(&text)? == [asset.index];
        let id = self.id(index).map(|id| id.to_string());
        Ok(if is_only { text } else { id.unwrap_or(text) })
    }

    /// The asset with exactly that name, merged or not.
    ///
    /// # Errors
    /// [`AskError::Ambiguous`] if several domains have a dataset of that name each; [`AskError::Engine`] if the state
    /// can't be read.
    pub fn by_name(&self, name: &AssetName) -> Result<Option<AssetIndex>, AskError> {
        let found = self.by_name_all(name)?;
        if found.len() < 2 {
            return Ok(found.into_iter().next());
        }
        Err(AskError::Ambiguous {
            reference: name.to_string(),
            candidates: found
                .into_iter()
                .filter_map(|index| self.id(index))
                .map(|id| id.to_string())
                .collect(),
        })
    }

    /// The asset with that public id, merged or not.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn by_id(&self, id: &AssetId) -> Result<Option<AssetIndex>, AskError> {
        let Some(bytes) = self.reader().get(&keys::public_id(id))? else {
            return Ok(None);
        };
        let index: u32 = decode_value("an id", &bytes)?;
        Ok(self.graph().canonical(AssetIndex::new(index)))
    }

    /// Datasets that a job reads, or jobs that read a dataset, and so on, by number.
    pub fn neighbours(
        &self,
        index: AssetIndex,
        kind: EdgeKind,
        is_upstream: bool,
    ) -> Vec<AssetIndex> {
        let graph = self.graph();
        let found: Vec<AssetIndex> = match (kind, is_upstream) {
            (EdgeKind::Reads, true) => graph.inputs(index).collect(),
            (EdgeKind::Reads, false) => graph.consumers(index).collect(),
            (EdgeKind::Writes, true) => graph.producers(index).collect(),
            (EdgeKind::Writes, false) => graph.outputs(index).collect(),
            (_, true) => graph
                .edges_in(index)
                .filter(|e| e.kind == kind)
                .map(|e| e.from)
                .collect(),
            (_, false) => graph
                .edges_out(index)
                .filter(|e| e.kind == kind)
                .map(|e| e.to)
                .collect(),
        };
        found
    }
}

pub(crate) fn raw_name(kind: AssetKind, namespace: &str, name: &str) -> Option<AssetName> {
    let name = QualifiedName::new(Namespace::parse(namespace).ok()?, Name::parse(name).ok()?);
    Some(AssetName { kind, name })
}
