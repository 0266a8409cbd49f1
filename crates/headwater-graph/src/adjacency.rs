//! Adjacency in one direction: packed rows, and an overlay of the lists that changed since.

use std::sync::Arc;

use crate::csr::{Csr, Entry, Slice, VIA_NONE};
use crate::sparse::{Sparse, View};

/// Entries that a change in a long list copies.
const BLOCK: usize = 256;
/// Changed lists that a walk looks for at once.
const PART: usize = 32;
/// The longest list that is kept as one run.
const SHORT_MAX: usize = BLOCK;

/// The packed rows, and the lists that changed since they were packed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Adjacency {
    base: Arc<Csr>,
    overlay: Sparse<List>,
}

/// A changed list. A short one is a run of its own. A long one is stretches of the packed row that it comes from, and
/// blocks that replace parts of it, so that a change copies one block and the list of segments.
#[derive(Clone, Debug)]
enum List {
    Short(Run),
    Long(Arc<Vec<Segment>>),
}

impl List {
    /// A number at its beginning; 0 if it is empty, or long.
    #[inline]
    fn first_word(&self) -> u32 {
        match self {
            Self::Short(run) => run.words.first().copied().unwrap_or(0),
            Self::Long(_) => 0,
        }
    }
}

/// At most [`SHORT_MAX`] targets; after them what stands beside them, if anything does.
#[derive(Clone, Debug)]
struct Run {
    words: Arc<[u32]>,
    has_vias: bool,
}

/// Never empty.
#[derive(Clone, Debug)]
enum Segment {
    Base { start: u32, len: u32 },
    Own(Arc<Block>),
}

#[derive(Clone, Debug, Default)]
struct Block {
    targets: Vec<u32>,
    /// Parallel to `targets`; empty while no target has anything beside it.
    vias: Vec<u32>,
}

impl Adjacency {
    pub(crate) fn new(base: Csr) -> Self {
        Self {
            base: Arc::new(base),
            overlay: Sparse::default(),
        }
    }

    /// The list of an asset as runs, sorted by key from one to the next.
    #[inline]
    pub(crate) fn slices(&self, index: u32) -> Slices<'_> {
        match self.overlay.get(index) {
            None => Slices {
                base: &self.base,
                first: Some(self.base.slice(index)),
                rest: [].iter(),
            },
            Some(List::Short(run)) => Slices {
                base: &self.base,
                first: Some(run.slice()),
                rest: [].iter(),
            },
            Some(List::Long(segments)) => Slices {
                base: &self.base,
                first: None,
                rest: segments.iter(),
            },
        }
    }

    /// The packed rows for a loop that asks often.
    #[inline]
    pub(crate) fn packed(&self) -> Packed<'_> {
        Packed {
            overlay: self.overlay.view(),
            base: &self.base,
            offsets: &self.base.offsets,
            targets: &self.base.targets,
            vias: &self.base.vias,
        }
    }

    pub(crate) fn entries(&self, index: u32) -> impl Iterator<Item = Entry> + '_ {
        self.slices(index)
            .flat_map(|slice| (0..slice.targets.len()).map(move |at| slice.entry(at)))
    }

    /// The entries whose asset is `asset`, sorted by via.
    pub(crate) fn entries_to(&self, index: u32, asset: u32) -> impl Iterator<Item = Entry> + '_ {
        self.slices(index).flat_map(move |slice| {
            let start = slice.lower_bound((asset, 0));
            (start..slice.targets.len())
                .map(move |at| slice.entry(at))
                .take_while(move |entry| entry.asset == asset)
        })
    }

    pub(crate) fn degree(&self, index: u32) -> usize {
        self.slices(index).map(|slice| slice.targets.len()).sum()
    }

    pub(crate) fn has(&self, index: u32, entry: Entry) -> bool {
        self.find(index, entry.key())
            .is_some_and(|found| found.key() == entry.key())
    }

    /// The first entry to `asset`.
    pub(crate) fn first_to(&self, index: u32, asset: u32) -> Option<Entry> {
        self.find(index, (asset, 0))
            .filter(|found| found.asset == asset)
    }

    /// The first entry whose key is not below `key`.
    fn find(&self, index: u32, key: (u32, u32)) -> Option<Entry> {
        let in_slice = |slice: Slice<'_>| {
            let at = slice.lower_bound(key);
            (at < slice.targets.len()).then(|| slice.entry(at))
        };
        match self.overlay.get(index) {
            None => in_slice(self.base.slice(index)),
            Some(List::Short(run)) => in_slice(run.slice()),
            Some(List::Long(segments)) => {
                let at = segments.partition_point(|segment| segment.last(&self.base).key() < key);
                let segment = segments.get(at)?;
                in_slice(segment.slice(&self.base))
            }
        }
    }

    /// Adds an entry; false if it is there.
    pub(crate) fn insert(&mut self, index: u32, entry: Entry) -> bool {
        if self.has(index, entry) {
            return false;
        }
        let (list, base) = self.list(index);
        list.insert(base, entry);
        true
    }

    /// Takes an entry out; false if it is not there.
    pub(crate) fn remove(&mut self, index: u32, entry: Entry) -> bool {
        if !self.has(index, entry) {
            return false;
        }
        let (list, base) = self.list(index);
        list.remove(base, entry);
        true
    }

    fn list(&mut self, index: u32) -> (&mut List, &Csr) {
        let base = &self.base;
        let list = self.overlay.entry(index, || {
            let slice = base.slice(index);
            if slice.targets.len() <= SHORT_MAX {
                List::Short(Run::copy(slice))
            } else {
                let (start, len) = (base.start(index), slice.targets.len() as u32);
                List::Long(Arc::new(vec![Segment::Base { start, len }]))
            }
        });
        (list, base)
    }

    /// The same lists, packed.
    pub(crate) fn compacted(&self, assets_count: usize, edges_count: usize) -> Self {
        let lists = (0..assets_count).map(|index| self.entries(index as u32));
        Self::new(Csr::pack(assets_count, edges_count, lists))
    }

    /// The packed rows; only the whole adjacency if it was just compacted.
    pub(crate) fn base(&self) -> &Csr {
        &self.base
    }
}

impl List {
    fn insert(&mut self, base: &Csr, entry: Entry) {
        let segments = match self {
            Self::Long(segments) => Arc::make_mut(segments),
            Self::Short(run) => {
                let mut block = Block::copy(run.slice());
                block.insert(entry);
                *self = if block.targets.len() <= SHORT_MAX {
                    Self::Short(Run::copy(block.slice()))
                } else {
                    Self::Long(Arc::new(vec![Segment::Own(Arc::new(block))]))
                };
                return;
            }
        };
        if segments.is_empty() {
            segments.push(Segment::Own(Arc::new(Block::default())));
        }
        let at = own_block(segments, base, entry.key());
        let Segment::Own(block) = &mut segments[at] else {
            return;
        };
        let block = Arc::make_mut(block);
        block.insert(entry);
        if block.targets.len() > 2 * BLOCK {
            let tail = Block {
                targets: block.targets.split_off(BLOCK),
                vias: block.vias.split_off(BLOCK.min(block.vias.len())),
            };
            segments.insert(at + 1, Segment::Own(Arc::new(tail)));
        }
    }

    fn remove(&mut self, base: &Csr, entry: Entry) {
        let segments = match self {
            Self::Long(segments) => Arc::make_mut(segments),
            Self::Short(run) => {
                let mut block = Block::copy(run.slice());
                block.remove(entry);
                *run = Run::copy(block.slice());
                return;
            }
        };
        let at = own_block(segments, base, entry.key());
        let Segment::Own(block) = &mut segments[at] else {
            return;
        };
        let block = Arc::make_mut(block);
        block.remove(entry);
        if block.targets.is_empty() {
            segments.remove(at);
        }
    }
}

impl Run {
    fn copy(slice: Slice<'_>) -> Self {
        Self {
            words: [slice.targets, slice.vias].concat().into(),
            has_vias: !slice.vias.is_empty(),
        }
    }

    #[inline]
    fn slice(&self) -> Slice<'_> {
        let targets_len = if self.has_vias {
            self.words.len() / 2
        } else {
            self.words.len()
        };
        let (targets, vias) = self.words.split_at(targets_len);
        Slice { targets, vias }
    }
}

/// Makes the segment where `key` belongs a block of its own, and says which it is.
fn own_block(segments: &mut Vec<Segment>, base: &Csr, key: (u32, u32)) -> usize {
    let at = segments
        .partition_point(|segment| !segment.is_empty() && segment.last(base).key() < key)
        .min(segments.len() - 1);
    let Segment::Base { start, len } = segments[at] else {
        return at;
    };
    let place = segments[at]
        .slice(base)
        .lower_bound(key)
        .min(len as usize - 1);
    let before = (place / BLOCK * BLOCK) as u32;
    let own = (BLOCK as u32).min(len - before);
    let after = len - before - own;
    let slice = base.range((start + before) as usize, (start + before + own) as usize);
    let block = Segment::Own(Arc::new(Block::copy(slice)));
    let parts = [
        (before > 0).then_some(Segment::Base { start, len: before }),
        Some(block),
        (after > 0).then_some(Segment::Base {
            start: start + before + own,
            len: after,
        }),
    ];
    segments.splice(at..=at, parts.into_iter().flatten());
    at + usize::from(before > 0)
}

impl Segment {
    fn slice<'a>(&'a self, base: &'a Csr) -> Slice<'a> {
        match self {
            Self::Base { start, len } => base.range(*start as usize, (*start + *len) as usize),
            Self::Own(block) => block.slice(),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Own(block) if block.targets.is_empty())
    }

    fn last(&self, base: &Csr) -> Entry {
        let slice = self.slice(base);
        slice.entry(slice.targets.len() - 1)
    }
}

impl Block {
    fn copy(slice: Slice<'_>) -> Self {
        Self {
            targets: slice.targets.to_vec(),
            vias: slice.vias.to_vec(),
        }
    }

    /// Takes out an entry that is there.
    fn remove(&mut self, entry: Entry) {
        let place = self.slice().lower_bound(entry.key());
        self.targets.remove(place);
        if !self.vias.is_empty() {
            self.vias.remove(place);
        }
    }

    fn insert(&mut self, entry: Entry) {
        let place = self.slice().lower_bound(entry.key());
        if self.vias.is_empty() && entry.is_special {
            self.vias.resize(self.targets.len(), VIA_NONE);
        }
        if entry.is_special || !self.vias.is_empty() {
            self.vias.insert(place, entry.via);
        }
        self.targets.insert(place, entry.target());
    }

    fn slice(&self) -> Slice<'_> {
        Slice {
            targets: &self.targets,
            vias: &self.vias,
        }
    }
}

/// The rows of one adjacency for a loop that asks often.
#[derive(Debug)]
pub(crate) struct Packed<'a> {
    overlay: View<'a, List>,
    base: &'a Csr,
    offsets: &'a [u32],
    targets: &'a [u32],
    vias: &'a [u32],
}

impl<'a> Packed<'a> {
    /// Whether the list of an asset changed since it was packed.
    #[inline]
    pub(crate) fn is_changed(&self, index: u32) -> bool {
        self.overlay.has(index)
    }

    /// Shows `each` the lists of assets that changed.
    ///
    /// Such a list stands behind several pointers, and a walk of many waits for memory at each of them. Here all lists
    /// of a part are looked for before the first is read, so that the waits overlap.
    pub(crate) fn changed(&self, indexes: &[u32], mut each: impl FnMut(u32, Slice<'a>)) {
        let mut lists: [Option<&'a List>; PART] = [None; PART];
        for part in indexes.chunks(PART) {
            for (list, index) in lists.iter_mut().zip(part) {
                *list = self.overlay.get(*index);
            }
            let first_words = lists.iter().flatten().map(|list| list.first_word());
            // Without a use of what is read it would not be read.
            std::hint::black_box(first_words.fold(0, std::ops::BitXor::bitxor));
            for (list, index) in lists.iter_mut().zip(part) {
                match list.take() {
                    None => {}
                    Some(List::Short(run)) => each(*index, run.slice()),
                    Some(List::Long(segments)) => segments
                        .iter()
                        .for_each(|segment| each(*index, segment.slice(self.base))),
                }
            }
        }
    }

    /// The list of an asset as it was packed.
    #[inline]
    pub(crate) fn slice(&self, index: u32) -> Slice<'a> {
        let (start, end) = match self.offsets.get(index as usize..index as usize + 2) {
            Some([start, end]) => (*start as usize, *end as usize),
            _ => (0, 0),
        };
        Slice {
            targets: &self.targets[start..end],
            vias: self.vias.get(start..end).unwrap_or(&[]),
        }
    }
}

/// The runs of one list.
#[derive(Clone, Debug)]
pub(crate) struct Slices<'a> {
    base: &'a Csr,
    first: Option<Slice<'a>>,
    rest: std::slice::Iter<'a, Segment>,
}

impl<'a> Iterator for Slices<'a> {
    type Item = Slice<'a>;

    #[inline]
    fn next(&mut self) -> Option<Slice<'a>> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        self.rest.next().map(|segment| segment.slice(self.base))
    }
}
