//! One immutable graph, and how the next one is made from it.

use std::sync::Arc;

use headwater_model::{AssetIndex, AssetKind, EdgeKind};

use crate::adjacency::Adjacency;
use crate::closure::Direction;
use crate::csr::{Entry, VIA_NONE};
use crate::delta::{Delta, DeltaError, DeltaRule, EdgeKey, Operation};
use crate::fields::{Field, FieldEdgeKey, FieldIndex, Fields};
use crate::row::{Asset, AssetFlags, AssetRow};
use crate::rows::{Full, Row, Rows};

/// One immutable graph of datasets, jobs and the edges between them.
///
/// Cloning is one reference count. [`Snapshot::apply`] makes the next snapshot and shares with it all that the
/// delta does not touch, so readers of the old one are never disturbed.
#[derive(Clone, Debug)]
pub struct Snapshot {
    parts: Arc<Parts>,
}

/// What a snapshot consists of; each part shares what it can with its successors.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) rows: Rows,
    /// Reads, Writes and Derives edges under the asset they leave.
    pub(crate) downstream: Adjacency,
    /// The same edges under the asset they enter.
    pub(crate) upstream: Adjacency,
    /// Derives edges under their job: (what is derived, from what).
    pub(crate) derivations: Adjacency,
    /// Follows edges under the job that runs first.
    pub(crate) followers: Adjacency,
    /// Follows edges under the job that runs then.
    pub(crate) followed: Adjacency,
    pub(crate) fields: Fields,
    pub(crate) counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Reads, Writes and Derives edges.
    pub(crate) walked: usize,
    /// Derives edges with a known job.
    pub(crate) derivations: usize,
    pub(crate) follows: usize,
    /// Edges added and removed since the rows were packed.
    pub(crate) changes: usize,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::new()
    }
}

impl Snapshot {
    /// The most edges of a graph, Follows edges apart.
    pub const EDGES_MAX: usize = u32::MAX as usize;
    /// Compaction is due when the changes exceed this part of the edges: one in a hundred.
    pub const COMPACTION_EDGES_PER_CHANGE: usize = 100;
    /// Compaction is never due below so many changes.
    pub const COMPACTION_CHANGES_MIN: usize = 4096;

    /// A graph without assets.
    pub fn new() -> Self {
        Self::from_parts(Parts {
            rows: Rows::new(),
            downstream: Adjacency::default(),
            upstream: Adjacency::default(),
            derivations: Adjacency::default(),
            followers: Adjacency::default(),
            followed: Adjacency::default(),
            fields: Fields::new(),
            counts: Counts::default(),
        })
    }

    pub(crate) fn from_parts(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// How many assets have a number, merged ones included.
    pub fn assets_count(&self) -> usize {
        self.parts.rows.len()
    }

    /// How many edges there are, Follows edges included.
    pub fn edges_count(&self) -> usize {
        self.parts.counts.walked + self.parts.counts.follows
    }

    /// How many fields have a number: those that an edge ends or ended in, and pseudo-fields.
    pub fn fields_count(&self) -> usize {
        self.parts.fields.len()
    }

    /// How many edges there are between fields.
    pub fn field_edges_count(&self) -> usize {
        self.parts.fields.edges_count
    }

    /// What is known of a field; `None` if the graph has no such number.
    pub fn field(&self, field: FieldIndex) -> Option<Field<'_>> {
        self.parts.fields.field(field.get())
    }

    /// The field of a dataset with that name, or with none the dataset as a whole; `None` if no edge ever ended in it.
    pub fn find_field(&self, dataset: AssetIndex, name: Option<&str>) -> Option<FieldIndex> {
        let field = self.parts.fields.find(dataset.get(), name);
        field.map(FieldIndex::new)
    }

    /// The fields of a dataset that the graph has, by number.
    pub fn fields_of(&self, dataset: AssetIndex) -> impl Iterator<Item = FieldIndex> + '_ {
        self.parts.fields.of(dataset.get()).map(FieldIndex::new)
    }

    /// The edges of a field on one side.
    pub fn field_edges(
        &self,
        field: FieldIndex,
        direction: Direction,
    ) -> impl Iterator<Item = FieldEdgeKey> + '_ {
        self.parts.fields.edges(field, direction)
    }

    /// Whether the graph has this edge between fields.
    pub fn has_field_edge(&self, edge: FieldEdgeKey) -> bool {
        self.parts.fields.has(edge)
    }

    /// What is known of an asset; `None` if the graph has no such number.
    pub fn asset(&self, asset: AssetIndex) -> Option<Asset<'_>> {
        self.parts.rows.asset(asset.get())
    }

    /// All assets in the order of their numbers, merged ones included.
    pub fn assets(&self) -> impl Iterator<Item = Asset<'_>> {
        (0..self.assets_count() as u32).filter_map(|index| self.parts.rows.asset(index))
    }

    /// The namespaces of all assets, or of all datasets or jobs: each once, in the order of the first asset there. Much
    /// cheaper than going through the assets.
    pub fn namespaces(&self, kind: Option<AssetKind>) -> impl Iterator<Item = &str> {
        let rows = &self.parts.rows;
        let mut is_listed = vec![false; rows.strings.len()];
        let rows_of_kind = rows
            .chunks()
            .flat_map(|chunk| &chunk.rows)
            .filter(move |row| kind.is_none_or(|kind| row.kind() == kind));
        rows_of_kind
            .filter(move |row| {
                is_listed
                    .get_mut(row.namespace as usize)
                    .is_some_and(|is_listed| !std::mem::replace(is_listed, true))
            })
            .map(|row| &**rows.strings.get(row.namespace))
    }

    /// The asset that stands for `asset`: itself, unless an alias merged it into another.
    pub fn canonical(&self, asset: AssetIndex) -> Option<AssetIndex> {
        self.row(asset.get())
            .map(|row| AssetIndex::new(row.canonical))
    }

    /// Dataset or job.
    pub fn kind(&self, asset: AssetIndex) -> Option<AssetKind> {
        self.row(asset.get()).map(Row::kind)
    }

    /// The number of its domain, without reading the rest of the row.
    pub fn domain(&self, asset: AssetIndex) -> Option<u32> {
        self.row(asset.get()).and_then(Row::domain)
    }

    /// The claims about it, without reading the rest of the row.
    pub fn flags(&self, asset: AssetIndex) -> AssetFlags {
        self.row(asset.get())
            .map_or(AssetFlags::empty(), |row| AssetFlags::from_bits(row.flags))
    }

    #[inline]
    pub(crate) fn row(&self, index: u32) -> Option<&Row> {
        self.parts.rows.get(index)
    }

    pub(crate) fn is_job(&self, index: u32) -> bool {
        self.row(index)
            .is_some_and(|row| row.kind() == AssetKind::Job)
    }

    pub(crate) fn adjacency(&self, direction: Direction) -> &Adjacency {
        match direction {
            Direction::Upstream => &self.parts.upstream,
            Direction::Downstream => &self.parts.downstream,
        }
    }

    /// The graph that `delta` makes of this one, at a cost of what it changes.
    ///
    /// # Errors
    /// [`DeltaError::Invalid`] if the delta does not fit this graph, [`DeltaError::Full`] if a bound is reached.
    pub fn apply(&self, delta: &Delta) -> Result<Self, DeltaError> {
        let mut parts = Parts::clone(&self.parts);
        for (at, operation) in delta.operations.iter().enumerate() {
            parts.apply_at(at, operation)?;
        }
        for (at, operation) in delta.operations.iter().enumerate() {
            parts.check_at(at, operation)?;
        }
        Ok(Self::from_parts(parts))
    }

    /// The changes since the rows were packed, as a part of the edges (1 or more while there are few).
    pub fn overlay_ratio(&self) -> f64 {
        let counts = self.parts.counts;
        counts.changes as f64 / self.all_edges_count().max(1) as f64
    }

    /// Whether walks would gain from [`Snapshot::compacted`].
    pub fn needs_compaction(&self) -> bool {
        let changes = self.parts.counts.changes;
        changes > Self::COMPACTION_CHANGES_MIN
            && changes > self.all_edges_count() / Self::COMPACTION_EDGES_PER_CHANGE
    }

    fn all_edges_count(&self) -> usize {
        self.edges_count() + self.field_edges_count()
    }

    /// The same graph with packed rows. Costs a pass over all edges, so the writer leaves it to another thread and
    /// applies to the result the deltas that came meanwhile: numbers stay as they are.
    #[must_use]
    pub fn compacted(&self) -> Self {
        let parts = &*self.parts;
        let (assets, counts) = (self.assets_count(), parts.counts);
        Self::from_parts(Parts {
            rows: parts.rows.compacted(),
            downstream: parts.downstream.compacted(assets, counts.walked),
            upstream: parts.upstream.compacted(assets, counts.walked),
            derivations: parts.derivations.compacted(assets, counts.derivations),
            followers: parts.followers.compacted(assets, counts.follows),
            followed: parts.followed.compacted(assets, counts.follows),
            fields: parts.fields.compacted(assets),
            counts: Counts {
                changes: 0,
                ..counts
            },
        })
    }
}

/// Why one operation was refused, before its place is known.
enum Refusal {
    Rule(DeltaRule),
    Full { what: &'static str, max: u64 },
}

impl From<DeltaRule> for Refusal {
    fn from(rule: DeltaRule) -> Self {
        Self::Rule(rule)
    }
}

impl Refusal {
    fn at(self, operation: usize) -> DeltaError {
        match self {
            Self::Rule(rule) => DeltaError::Invalid { operation, rule },
            Self::Full { what, max } => DeltaError::Full {
                operation,
                what,
                max,
            },
        }
    }
}

impl Parts {
    /// Applies the operation that stands at `at` in its delta.
    pub(crate) fn apply_at(&mut self, at: usize, operation: &Operation) -> Result<(), DeltaError> {
        self.apply(operation).map_err(|refusal| refusal.at(at))
    }

    /// Checks what must hold once all operations are applied.
    pub(crate) fn check_at(&self, at: usize, operation: &Operation) -> Result<(), DeltaError> {
        self.check_after(operation)
            .map_err(|rule| DeltaError::Invalid {
                operation: at,
                rule,
            })
    }

    fn apply(&mut self, operation: &Operation) -> Result<(), Refusal> {
        match operation {
            Operation::AddAsset { asset, row } => {
                let next = self.rows.len() as u32;
                if asset.get() != next {
                    return Err(DeltaRule::OutOfOrder {
                        asset: asset.get(),
                        next,
                    }
                    .into());
                }
                if next > AssetIndex::MAX {
                    return Err(Refusal::Full {
                        what: "assets",
                        max: u64::from(AssetIndex::MAX) + 1,
                    });
                }
                self.put_row(*asset, row)
            }
            Operation::SetRow { asset, row } => {
                if self.known(*asset)? != row.kind {
                    return Err(DeltaRule::KindChanged(asset.get()).into());
                }
                self.put_row(*asset, row)
            }
            Operation::AddEdge(edge) => self.add_edge(*edge),
            Operation::RemoveEdge(edge) => self.remove_edge(*edge).map_err(Refusal::Rule),
            Operation::AddField {
                field,
                dataset,
                name,
            } => self.add_field(*field, *dataset, name.as_deref()),
            Operation::AddFieldEdge(edge) => self.add_field_edge(*edge),
            Operation::RemoveFieldEdge(edge) => {
                self.check_field_edge(*edge)?;
                self.counts.changes += usize::from(self.fields.remove(*edge));
                Ok(())
            }
        }
    }

    /// What must hold once all operations are applied, whatever their order.
    fn check_after(&self, operation: &Operation) -> Result<(), DeltaRule> {
        match operation {
            Operation::AddAsset { asset, row } | Operation::SetRow { asset, row } => {
                let (asset, canonical) = (asset.get(), self.canonical_of(asset.get()));
                let is_sound = self
                    .rows
                    .get(canonical)
                    .is_some_and(|end| end.canonical == canonical && end.kind() == row.kind);
                if !is_sound {
                    return Err(DeltaRule::CanonicalInvalid { asset, canonical });
                }
                self.check_alias(asset)
            }
            Operation::AddEdge(edge) => {
                self.check_alias(edge.from.get())?;
                self.check_alias(edge.to.get())?;
                edge.via.map_or(Ok(()), |via| self.check_alias(via.get()))
            }
            Operation::RemoveEdge(_)
            | Operation::AddField { .. }
            | Operation::AddFieldEdge(_)
            | Operation::RemoveFieldEdge(_) => Ok(()),
        }
    }

    fn add_field(
        &mut self,
        field: FieldIndex,
        dataset: AssetIndex,
        name: Option<&str>,
    ) -> Result<(), Refusal> {
        let next = self.fields.len() as u32;
        if field.get() != next {
            return Err(DeltaRule::FieldOutOfOrder {
                field: field.get(),
                next,
            }
            .into());
        }
        if self.known(dataset)? == AssetKind::Job {
            return Err(DeltaRule::FieldOfJob(dataset.get()).into());
        }
        if next > FieldIndex::MAX {
            return Err(Refusal::Full {
                what: "fields",
                max: u64::from(FieldIndex::MAX) + 1,
            });
        }
        match self.fields.push(dataset.get(), name) {
            Some(_) => {
                self.counts.changes += 1;
                Ok(())
            }
            None => Err(Refusal::Full {
                what: "distinct names of fields",
                max: 1 << 31,
            }),
        }
    }

    fn add_field_edge(&mut self, edge: FieldEdgeKey) -> Result<(), Refusal> {
        self.check_field_edge(edge)?;
        if self.fields.edges_count >= Snapshot::EDGES_MAX {
            return Err(Refusal::Full {
                what: "edges between fields",
                max: Snapshot::EDGES_MAX as u64,
            });
        }
        self.counts.changes += usize::from(self.fields.insert(edge));
        Ok(())
    }

    /// An edge between fields has both ends, and its job is one.
    pub(crate) fn check_field_edge(&self, edge: FieldEdgeKey) -> Result<(), DeltaRule> {
        for end in [edge.from, edge.to] {
            if end.get() as usize >= self.fields.len() {
                return Err(DeltaRule::UnknownField(end.get()));
            }
        }
        match edge.via {
            Some(via) if self.known(via)? != AssetKind::Job => {
                Err(DeltaRule::FieldViaInvalid(via.get()))
            }
            _ => Ok(()),
        }
    }

    fn check_alias(&self, asset: u32) -> Result<(), DeltaRule> {
        let has_edges = || {
            self.adjacencies()
                .iter()
                .any(|lists| lists.degree(asset) > 0)
        };
        if self.canonical_of(asset) != asset && has_edges() {
            return Err(DeltaRule::EdgeOnAlias(asset));
        }
        Ok(())
    }

    /// All adjacencies, in the order of a graph file.
    pub(crate) fn adjacencies(&self) -> [&Adjacency; 5] {
        [
            &self.downstream,
            &self.upstream,
            &self.derivations,
            &self.followers,
            &self.followed,
        ]
    }

    fn canonical_of(&self, asset: u32) -> u32 {
        self.rows.get(asset).map_or(asset, |row| row.canonical)
    }

    fn put_row(&mut self, asset: AssetIndex, row: &AssetRow) -> Result<(), Refusal> {
        if row.name.len() > AssetRow::NAME_BYTES_MAX {
            return Err(DeltaRule::NameTooLong {
                asset: asset.get(),
                bytes: row.name.len(),
                max: AssetRow::NAME_BYTES_MAX,
            }
            .into());
        }
        self.rows
            .put(asset.get(), row)
            .map_err(|Full| Refusal::Full {
                what: "distinct namespaces, types and sets",
                max: 1 << 31,
            })
    }

    fn known(&self, asset: AssetIndex) -> Result<AssetKind, DeltaRule> {
        self.rows
            .get(asset.get())
            .map(Row::kind)
            .ok_or(DeltaRule::UnknownAsset(asset.get()))
    }

    /// The kind that the ends make, if the edge can be.
    pub(crate) fn edge_kind(&self, edge: EdgeKey) -> Result<EdgeKind, DeltaRule> {
        let kind = EdgeKind::between(self.known(edge.from)?, self.known(edge.to)?);
        match edge.via {
            Some(via) if kind != EdgeKind::Derives || self.known(via)? != AssetKind::Job => {
                Err(DeltaRule::ViaInvalid {
                    from: edge.from.get(),
                    to: edge.to.get(),
                    via: via.get(),
                })
            }
            _ => Ok(kind),
        }
    }

    fn add_edge(&mut self, edge: EdgeKey) -> Result<(), Refusal> {
        let kind = self.edge_kind(edge)?;
        let is_full = self.counts.walked.max(self.counts.follows) >= Snapshot::EDGES_MAX;
        if is_full {
            return Err(Refusal::Full {
                what: "edges",
                max: Snapshot::EDGES_MAX as u64,
            });
        }
        let (from, to) = (edge.from.get(), edge.to.get());
        let is_new = match kind {
            EdgeKind::Follows => {
                let is_new = self.followers.insert(from, Entry::plain(to))
                    && self.followed.insert(to, Entry::plain(from));
                self.counts.follows += usize::from(is_new);
                self.counts.changes += usize::from(is_new);
                return Ok(());
            }
            EdgeKind::Reads => {
                self.downstream.insert(from, Entry::plain(to))
                    && self.upstream.insert(to, Entry::plain(from))
            }
            EdgeKind::Writes => {
                let is_stated = self.is_stated(from, to);
                self.downstream.first_to(from, to).is_none()
                    && self.downstream.insert(from, Entry::writes(to, is_stated))
                    && self.upstream.insert(to, Entry::writes(from, is_stated))
            }
            EdgeKind::Derives => self.add_derives(from, to, edge.via),
        };
        self.counts.walked += usize::from(is_new);
        self.counts.changes += usize::from(is_new);
        Ok(())
    }

    fn add_derives(&mut self, from: u32, to: u32, via: Option<AssetIndex>) -> bool {
        let job = via.map_or(VIA_NONE, AssetIndex::get);
        let is_new = self.downstream.insert(from, Entry::derives(to, job))
            && self.upstream.insert(to, Entry::derives(from, job));
        if is_new && via.is_some() {
            let is_first = !self.is_stated(job, to);
            self.derivations.insert(job, Entry::derives(to, from));
            self.counts.derivations += 1;
            if is_first {
                self.state(job, to, true);
            }
        }
        is_new
    }

    fn remove_edge(&mut self, edge: EdgeKey) -> Result<(), DeltaRule> {
        let kind = self.edge_kind(edge)?;
        let (from, to) = (edge.from.get(), edge.to.get());
        let is_gone = match kind {
            EdgeKind::Follows => {
                let is_gone = self.followers.remove(from, Entry::plain(to))
                    && self.followed.remove(to, Entry::plain(from));
                self.counts.follows -= usize::from(is_gone);
                self.counts.changes += usize::from(is_gone);
                return Ok(());
            }
            EdgeKind::Reads => {
                self.downstream.remove(from, Entry::plain(to))
                    && self.upstream.remove(to, Entry::plain(from))
            }
            EdgeKind::Writes => {
                let entry = Entry::writes(to, self.is_stated(from, to));
                self.downstream.remove(from, entry)
                    && self.upstream.remove(
                        to,
                        Entry {
                            asset: from,
                            ..entry
                        },
                    )
            }
            EdgeKind::Derives => self.remove_derives(from, to, edge.via),
        };
        self.counts.walked -= usize::from(is_gone);
        self.counts.changes += usize::from(is_gone);
        Ok(())
    }

    fn remove_derives(&mut self, from: u32, to: u32, via: Option<AssetIndex>) -> bool {
        let job = via.map_or(VIA_NONE, AssetIndex::get);
        let is_gone = self.downstream.remove(from, Entry::derives(to, job))
            && self.upstream.remove(to, Entry::derives(from, job));
        if is_gone && via.is_some() {
            self.derivations.remove(job, Entry::derives(to, from));
            self.counts.derivations -= 1;
            if !self.is_stated(job, to) {
                self.state(job, to, false);
            }
        }
        is_gone
    }

    /// Whether a Derives edge via the job states where the dataset comes from.
    fn is_stated(&self, job: u32, dataset: u32) -> bool {
        self.derivations.first_to(job, dataset).is_some()
    }

    /// Marks the Writes edge, if there is one.
    fn state(&mut self, job: u32, dataset: u32, is_stated: bool) {
        let old = Entry::writes(dataset, !is_stated);
        if self.downstream.remove(job, old) {
            self.downstream
                .insert(job, Entry::writes(dataset, is_stated));
            self.upstream.remove(dataset, Entry { asset: job, ..old });
            self.upstream.insert(dataset, Entry::writes(job, is_stated));
        }
    }
}
