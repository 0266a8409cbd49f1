//! Compressed sparse rows: the adjacency of one direction, packed.

/// The top bit of a target: look at what stands beside it before walking on.
pub(crate) const SPECIAL: u32 = 1 << 31;
/// Beside a target: no job is known for the edge.
pub(crate) const VIA_NONE: u32 = u32::MAX;
/// Beside a special target: a Writes edge whose output's origins are stated.
pub(crate) const VIA_STATED: u32 = u32::MAX - 1;

/// An edge's end as it stands in the adjacency of the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The asset at the other end.
    pub(crate) asset: u32,
    /// True for Derives edges and for Writes edges whose output's origins are stated.
    pub(crate) is_special: bool,
    /// The job of a Derives edge, [`VIA_NONE`] or [`VIA_STATED`].
    pub(crate) via: u32,
}

impl Entry {
    pub(crate) fn plain(asset: u32) -> Self {
        Self {
            asset,
            is_special: false,
            via: VIA_NONE,
        }
    }

    pub(crate) fn derives(asset: u32, via: u32) -> Self {
        Self {
            asset,
            is_special: true,
            via,
        }
    }

    pub(crate) fn writes(asset: u32, is_stated: bool) -> Self {
        Self {
            asset,
            is_special: is_stated,
            via: if is_stated { VIA_STATED } else { VIA_NONE },
        }
    }

    pub(crate) fn is_writes_stated(self) -> bool {
        self.is_special && self.via == VIA_STATED
    }

    pub(crate) fn target(self) -> u32 {
        if self.is_special {
            self.asset | SPECIAL
        } else {
            self.asset
        }
    }

    /// What a list is sorted by, without two equal in it.
    pub(crate) fn key(self) -> (u32, u32) {
        (self.asset, self.via)
    }
}

/// A run of targets and what stands beside them (empty if nothing is special).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice<'a> {
    pub(crate) targets: &'a [u32],
    pub(crate) vias: &'a [u32],
}

impl Slice<'_> {
    pub(crate) fn entry(&self, at: usize) -> Entry {
        let target = self.targets[at];
        Entry {
            asset: target & !SPECIAL,
            is_special: target & SPECIAL != 0,
            via: self.vias.get(at).copied().unwrap_or(VIA_NONE),
        }
    }

    /// The first place whose key is not below `key`.
    pub(crate) fn lower_bound(&self, key: (u32, u32)) -> usize {
        let (mut low, mut high) = (0, self.targets.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.entry(middle).key() < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The adjacency of all assets in one direction.
#[derive(Debug, Default)]
pub(crate) struct Csr {
    /// Where each asset's targets start; one more than there are assets, or empty.
    pub(crate) offsets: Vec<u32>,
    pub(crate) targets: Vec<u32>,
    /// Parallel to `targets`; empty if no target has anything beside it.
    pub(crate) vias: Vec<u32>,
}

impl Csr {
    /// Packs lists that come in the order of their assets, each sorted by key.
    pub(crate) fn pack<I>(assets_count: usize, edges_count: usize, lists: I) -> Self
    where
        I: IntoIterator,
        I::Item: IntoIterator<Item = Entry>,
    {
        let mut csr = Self {
            offsets: Vec::with_capacity(assets_count + 1),
            targets: Vec::with_capacity(edges_count),
            vias: Vec::new(),
        };
        csr.offsets.push(0);
        for list in lists {
            for entry in list {
                csr.push(entry, edges_count);
            }
            csr.close();
        }
        csr
    }

    fn push(&mut self, entry: Entry, edges_count: usize) {
        if self.vias.is_empty() && entry.via != VIA_NONE || entry.is_special && self.vias.is_empty()
        {
            self.vias.reserve_exact(edges_count);
            self.vias.resize(self.targets.len(), VIA_NONE);
            self.vias.push(entry.via);
        } else if !self.vias.is_empty() {
            self.vias.push(entry.via);
        }
        self.targets.push(entry.target());
    }

    fn close(&mut self) {
        self.offsets.push(self.targets.len() as u32);
    }

    #[inline]
    pub(crate) fn slice(&self, index: u32) -> Slice<'_> {
        let at = index as usize;
        match (self.offsets.get(at), self.offsets.get(at + 1)) {
            (Some(start), Some(end)) => self.range(*start as usize, *end as usize),
            _ => Slice {
                targets: &[],
                vias: &[],
            },
        }
    }

    #[inline]
    pub(crate) fn range(&self, start: usize, end: usize) -> Slice<'_> {
        Slice {
            targets: &self.targets[start..end],
            vias: self.vias.get(start..end).unwrap_or(&[]),
        }
    }

    pub(crate) fn start(&self, index: u32) -> u32 {
        self.offsets.get(index as usize).copied().unwrap_or(0)
    }
}
