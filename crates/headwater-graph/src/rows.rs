//! The rows of all assets: 36 bytes and the name each, in chunks that snapshots share.

use std::sync::Arc;

use headwater_model::{AssetIndex, AssetKind};

use crate::intern::{Sets, Strings};
use crate::row::{Asset, AssetFlags, AssetRow};

/// Assets per chunk: what a change of one row copies.
pub(crate) const CHUNK: usize = 256;
/// Chunks per block.
const BLOCK: usize = 64;
const DOMAIN_NONE: u32 = u32::MAX;
/// In the flags of a packed row: the asset is a job.
const JOB: u16 = 1 << 15;

/// The columns of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) canonical: u32,
    pub(crate) namespace: u32,
    pub(crate) asset_type: u32,
    pub(crate) domain: u32,
    pub(crate) owners: u32,
    pub(crate) tags: u32,
    pub(crate) sources: u32,
    /// Where the name starts in the chunk's names.
    pub(crate) name_start: u32,
    pub(crate) name_len: u16,
    pub(crate) flags: u16,
}

impl Row {
    pub(crate) fn kind(&self) -> AssetKind {
        if self.flags & JOB == 0 {
            AssetKind::Dataset
        } else {
            AssetKind::Job
        }
    }

    pub(crate) fn domain(&self) -> Option<u32> {
        (self.domain != DOMAIN_NONE).then_some(self.domain)
    }

    pub(crate) fn has(&self, flags: AssetFlags) -> bool {
        AssetFlags::from_bits(self.flags).contains(flags)
    }
}

/// Rows of [`CHUNK`] assets and their names. The names are append-only, so that chunks that differ in
/// other columns share them; what a renamed asset leaves behind goes when the snapshot is compacted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) rows: Vec<Row>,
    pub(crate) names: Arc<String>,
}

impl Chunk {
    pub(crate) fn name(&self, row: &Row) -> &str {
        let start = row.name_start as usize;
        self.names
            .get(start..start + usize::from(row.name_len))
            .expect("a row's name lies in its chunk's names")
    }

    /// The same rows over names without gaps.
    fn tightened(&self) -> Self {
        let mut names = String::with_capacity(self.names_bytes());
        let rows = self
            .rows
            .iter()
            .map(|row| {
                let name_start = names.len() as u32;
                names.push_str(self.name(row));
                Row { name_start, ..*row }
            })
            .collect();
        Self {
            rows,
            names: Arc::new(names),
        }
    }

    fn names_bytes(&self) -> usize {
        self.rows.iter().map(|row| usize::from(row.name_len)).sum()
    }
}

/// All rows.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    blocks: Arc<Vec<Arc<Vec<Arc<Chunk>>>>>,
    len: usize,
    pub(crate) strings: Arc<Strings>,
    pub(crate) sets: Arc<Sets>,
}

/// A table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Rows {
    pub(crate) fn new() -> Self {
        Self {
            blocks: Arc::default(),
            len: 0,
            strings: Arc::new(Strings::new()),
            sets: Arc::new(Sets::new()),
        }
    }

    /// Rows that a file held; all chunks but the last are full.
    pub(crate) fn from_chunks(chunks: Vec<Chunk>, strings: Strings, sets: Sets) -> Self {
        let len = chunks.iter().map(|chunk| chunk.rows.len()).sum();
        let mut blocks = Vec::with_capacity(chunks.len().div_ceil(BLOCK));
        let mut chunks = chunks.into_iter().map(Arc::new).peekable();
        while chunks.peek().is_some() {
            blocks.push(Arc::new(chunks.by_ref().take(BLOCK).collect::<Vec<_>>()));
        }
        Self {
            blocks: Arc::new(blocks),
            len,
            strings: Arc::new(strings),
            sets: Arc::new(sets),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Chunk> + Clone {
        self.blocks
            .iter()
            .flat_map(|block| block.iter())
            .map(AsRef::as_ref)
    }

    fn chunk(&self, index: u32) -> Option<&Chunk> {
        let chunk = index as usize / CHUNK;
        Some(self.blocks.get(chunk / BLOCK)?.get(chunk % BLOCK)?.as_ref())
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&Row> {
        self.chunk(index)?.rows.get(index as usize % CHUNK)
    }

    pub(crate) fn asset(&self, index: u32) -> Option<Asset<'_>> {
        let chunk = self.chunk(index)?;
        let row = chunk.rows.get(index as usize % CHUNK)?;
        Some(Asset {
            index: AssetIndex::new(index),
            kind: row.kind(),
            canonical: AssetIndex::new(row.canonical),
            namespace: self.strings.get(row.namespace),
            name: chunk.name(row),
            asset_type: self.strings.get(row.asset_type),
            domain: row.domain(),
            owners: self.sets.get(row.owners),
            tags: self.sets.get(row.tags),
            sources: self.sets.get(row.sources),
            flags: AssetFlags::from_bits(row.flags),
        })
    }

    /// Puts a row at `index`, which is at most the number of rows. The name is short enough.
    pub(crate) fn put(&mut self, index: u32, row: &AssetRow) -> Result<(), Full> {
        let mut packed = Row {
            canonical: row.canonical.get(),
            namespace: self.strings.intern::<str>(&row.namespace).ok_or(Full)?,
            asset_type: self.strings.intern::<str>(&row.asset_type).ok_or(Full)?,
            domain: row.domain.unwrap_or(DOMAIN_NONE),
            owners: self.set(&row.owners)?,
            tags: self.set(&row.tags)?,
            sources: self.set(&row.sources)?,
            name_start: 0,
            name_len: row.name.len() as u16,
            flags: row.flags.bits() | if row.kind == AssetKind::Job { JOB } else { 0 },
        };
        let blocks = Arc::make_mut(&mut self.blocks);
        let (at, place) = (index as usize / CHUNK, index as usize % CHUNK);
        if blocks.len() == at / BLOCK {
            blocks.push(Arc::default());
        }
        let block = Arc::make_mut(&mut blocks[at / BLOCK]);
        if block.len() == at % BLOCK {
            block.push(Arc::default());
        }
        let chunk = Arc::make_mut(&mut block[at % BLOCK]);
        packed.name_start = match chunk.rows.get(place) {
            Some(old) if chunk.name(old) == &*row.name => old.name_start,
            _ => {
                let names = Arc::make_mut(&mut chunk.names);
                let start = u32::try_from(names.len()).map_err(|_| Full)?;
                names.push_str(&row.name);
                start
            }
        };
        if let Some(old) = chunk.rows.get_mut(place) {
            *old = packed;
        } else {
            chunk.rows.push(packed);
            self.len += 1;
        }
        Ok(())
    }

    fn set(&self, numbers: &[u32]) -> Result<u32, Full> {
        let mut sorted = numbers.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        self.sets.intern::<[u32]>(&sorted).ok_or(Full)
    }

    /// The same rows, without names that no row uses any more.
    pub(crate) fn compacted(&self) -> Self {
        let tight = |chunk: &Arc<Chunk>| {
            if chunk.names_bytes() == chunk.names.len() {
                Arc::clone(chunk)
            } else {
                Arc::new(chunk.tightened())
            }
        };
        let blocks = self
            .blocks
            .iter()
            .map(|block| Arc::new(block.iter().map(tight).collect()))
            .collect();
        Self {
            blocks: Arc::new(blocks),
            ..self.clone()
        }
    }
}
