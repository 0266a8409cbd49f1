//! Which fields there are, and the edges between them.

use std::sync::Arc;

use headwater_model::AssetIndex;

use crate::adjacency::Adjacency;
use crate::closure::Direction;
use crate::csr::{Entry, VIA_NONE};
use crate::intern::{Interner, Strings};
use crate::sparse::Sparse;

/// Rows that a new field copies at most.
const CHUNK: usize = 4096;
/// In place of a name: the dataset as a whole.
const WHOLE: u32 = u32::MAX;

/// The number of a field in the order in which it was added; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldIndex(u32);

impl FieldIndex {
    /// The most fields of a graph: the top bit is the graph's.
    pub const MAX: u32 = AssetIndex::MAX;

    /// The field with that number.
    pub fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// An edge between fields as a delta names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldEdgeKey {
    /// Where the data comes from.
    pub from: FieldIndex,
    /// Where it goes.
    pub to: FieldIndex,
    /// The job that makes the edge, if known.
    pub via: Option<AssetIndex>,
}

/// What a snapshot knows of a field, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'s> {
    /// Its number.
    pub index: FieldIndex,
    /// The dataset that has it.
    pub dataset: AssetIndex,
    /// Its name; none for the dataset as a whole.
    pub name: Option<&'s str>,
}

/// A field as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldRow {
    pub(crate) dataset: u32,
    /// Number of the name, or [`WHOLE`].
    pub(crate) name: u32,
}

impl FieldRow {
    #[inline]
    pub(crate) fn is_whole(self) -> bool {
        self.name == WHOLE
    }
}

/// All fields and their edges; shares with its successors what does not change.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// All chunks but the last are full.
    chunks: Arc<Vec<Arc<Vec<FieldRow>>>>,
    len: usize,
    pub(crate) names: Arc<Strings>,
    /// The pseudo-field of a dataset, if an edge ends or ended in it.
    wholes: Sparse<u32>,
    /// Fields under their dataset.
    pub(crate) of_dataset: Adjacency,
    /// Edges under the field that they leave.
    pub(crate) downstream: Adjacency,
    /// Edges under the field that they enter.
    pub(crate) upstream: Adjacency,
    pub(crate) edges_count: usize,
}

impl Fields {
    pub(crate) fn new() -> Self {
        Self::from_parts(
            &[],
            Interner::new(),
            [
                Adjacency::default(),
                Adjacency::default(),
                Adjacency::default(),
            ],
            0,
        )
    }

    /// `adjacencies` are fields under datasets, edges downstream and edges upstream.
    pub(crate) fn from_parts(
        rows: &[FieldRow],
        names: Strings,
        adjacencies: [Adjacency; 3],
        edges_count: usize,
    ) -> Self {
        let [of_dataset, downstream, upstream] = adjacencies;
        let chunks = rows.chunks(CHUNK).map(|chunk| Arc::new(chunk.to_vec()));
        let mut wholes = Sparse::default();
        for (field, row) in rows.iter().enumerate().filter(|(_, row)| row.is_whole()) {
            wholes.entry(row.dataset, || field as u32);
        }
        Self {
            chunks: Arc::new(chunks.collect()),
            len: rows.len(),
            names: Arc::new(names),
            wholes,
            of_dataset,
            downstream,
            upstream,
            edges_count,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = FieldRow> + '_ {
        self.chunks.iter().flat_map(|chunk| chunk.iter().copied())
    }

    #[inline]
    pub(crate) fn row(&self, field: u32) -> Option<FieldRow> {
        let at = field as usize;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK).copied()
    }

    /// The row of a field that an adjacency names.
    #[inline]
    pub(crate) fn row_of(&self, field: u32) -> FieldRow {
        self.row(field)
            .expect("adjacencies name only fields that there are")
    }

    pub(crate) fn field(&self, field: u32) -> Option<Field<'_>> {
        let row = self.row(field)?;
        Some(Field {
            index: FieldIndex(field),
            dataset: AssetIndex::new(row.dataset),
            name: (!row.is_whole()).then(|| &**self.names.get(row.name)),
        })
    }

    /// The fields of a dataset, by number.
    pub(crate) fn of(&self, dataset: u32) -> impl Iterator<Item = u32> + '_ {
        self.of_dataset.entries(dataset).map(|entry| entry.asset)
    }

    /// The pseudo-field of a dataset, if an edge ends in it.
    #[inline]
    pub(crate) fn whole_of(&self, dataset: u32) -> Option<u32> {
        self.wholes.get(dataset).copied()
    }

    pub(crate) fn find(&self, dataset: u32, name: Option<&str>) -> Option<u32> {
        let Some(name) = name else {
            return self.whole_of(dataset);
        };
        let name = self.names.find(name)?;
        self.of(dataset)
            .find(|field| self.row_of(*field).name == name)
    }

    /// Adds the next field; none if the table of names is full.
    pub(crate) fn push(&mut self, dataset: u32, name: Option<&str>) -> Option<u32> {
        let name = match name {
            Some(name) => self.names.intern::<str>(name)?,
            None => WHOLE,
        };
        let field = self.len as u32;
        let chunks = Arc::make_mut(&mut self.chunks);
        if self.len.is_multiple_of(CHUNK) {
            chunks.push(Arc::default());
        }
        let last = chunks.len() - 1;
        Arc::make_mut(&mut chunks[last]).push(FieldRow { dataset, name });
        self.len += 1;
        if name == WHOLE {
            self.wholes.entry(dataset, || field);
        }
        self.of_dataset.insert(dataset, Entry::plain(field));
        Some(field)
    }

    /// Adds an edge; false if it is there.
    pub(crate) fn insert(&mut self, edge: FieldEdgeKey) -> bool {
        let (from, to) = (edge.from.get(), edge.to.get());
        let is_new = self.downstream.insert(from, entry(to, edge.via))
            && self.upstream.insert(to, entry(from, edge.via));
        self.edges_count += usize::from(is_new);
        is_new
    }

    /// Takes an edge out; false if it is not there.
    pub(crate) fn remove(&mut self, edge: FieldEdgeKey) -> bool {
        let (from, to) = (edge.from.get(), edge.to.get());
        let is_gone = self.downstream.remove(from, entry(to, edge.via))
            && self.upstream.remove(to, entry(from, edge.via));
        self.edges_count -= usize::from(is_gone);
        is_gone
    }

    pub(crate) fn has(&self, edge: FieldEdgeKey) -> bool {
        self.downstream
            .has(edge.from.get(), entry(edge.to.get(), edge.via))
    }

    /// The edges of a field on one side.
    pub(crate) fn edges(
        &self,
        field: FieldIndex,
        direction: Direction,
    ) -> impl Iterator<Item = FieldEdgeKey> + '_ {
        self.adjacency(direction)
            .entries(field.get())
            .map(move |entry| {
                let (near, far) = (field, FieldIndex(entry.asset));
                let (from, to) = match direction {
                    Direction::Upstream => (far, near),
                    Direction::Downstream => (near, far),
                };
                let via = via_of(entry);
                FieldEdgeKey { from, to, via }
            })
    }

    #[inline]
    pub(crate) fn adjacency(&self, direction: Direction) -> &Adjacency {
        match direction {
            Direction::Upstream => &self.upstream,
            Direction::Downstream => &self.downstream,
        }
    }

    pub(crate) fn adjacencies(&self) -> [&Adjacency; 3] {
        [&self.of_dataset, &self.downstream, &self.upstream]
    }

    /// Whether the packed rows have all fields of so many assets; changes are counted by who makes them.
    pub(crate) fn is_packed(&self, assets_count: usize) -> bool {
        let rows = |adjacency: &Adjacency| adjacency.base().offsets.len();
        rows(&self.of_dataset) == assets_count + 1
            && rows(&self.downstream) == self.len + 1
            && rows(&self.upstream) == self.len + 1
    }

    pub(crate) fn compacted(&self, assets_count: usize) -> Self {
        Self {
            of_dataset: self.of_dataset.compacted(assets_count, self.len),
            downstream: self.downstream.compacted(self.len, self.edges_count),
            upstream: self.upstream.compacted(self.len, self.edges_count),
            ..self.clone()
        }
    }
}

/// The entry of an edge in the list of its other end. Only an edge with a job has anything beside it.
pub(crate) fn entry(field: u32, via: Option<AssetIndex>) -> Entry {
    match via {
        Some(job) => Entry::derives(field, job.get()),
        None => Entry::plain(field),
    }
}

/// The job beside an entry.
pub(crate) fn via_of(entry: Entry) -> Option<AssetIndex> {
    (entry.via != VIA_NONE).then(|| AssetIndex::new(entry.via))
}
