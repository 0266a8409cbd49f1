//! What the graph knows of an asset besides its edges.

use headwater_model::{AssetIndex, AssetKind};

/// Claims about an asset, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetFlags(u16);

impl AssetFlags {
    /// A source declares it.
    pub const DECLARED: Self = Self(1);
    /// Something names it, and no source declares it.
    pub const UNRESOLVED: Self = Self(1 << 1);
    /// It is a published output port of a data product.
    pub const OUTPUT_PORT: Self = Self(1 << 2);
    /// No source names it any more.
    pub const RETIRED: Self = Self(1 << 3);
    /// A source that names it is stale.
    pub const STALE: Self = Self(1 << 4);

    /// The bits that a caller may set; the rest belong to the row.
    pub(crate) const MASK: u16 = (1 << 15) - 1;

    /// No claim.
    pub const fn empty() -> Self {
        Self(0)
    }

    /// The claims whose bits are set; the top bit is dropped.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::MASK)
    }

    /// One bit per claim.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// These claims and `other`'s.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These claims without `other`'s.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other`'s claims are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What to put into the graph for an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetRow {
    /// Dataset or job; an asset never changes it.
    pub kind: AssetKind,
    /// The asset that stands for this one: itself, unless an alias merged it into another.
    /// Always the end of the chain: the canonical of a canonical is itself.
    pub canonical: AssetIndex,
    /// Where it lives.
    pub namespace: Box<str>,
    /// Its name there, at most [`AssetRow::NAME_BYTES_MAX`] bytes.
    pub name: Box<str>,
    /// What its tool calls it (`table`, `topic`, `model`); empty if unknown.
    pub asset_type: Box<str>,
    /// The number of the domain that it belongs to, if any; below `u32::MAX`.
    pub domain: Option<u32>,
    /// Numbers of its owners; order and repeats do not matter.
    pub owners: Vec<u32>,
    /// Numbers of its tags; order and repeats do not matter.
    pub tags: Vec<u32>,
    /// Numbers of the sources that name it; order and repeats do not matter.
    pub sources: Vec<u32>,
    /// Claims about it.
    pub flags: AssetFlags,
}

impl AssetRow {
    /// The longest name, in bytes.
    pub const NAME_BYTES_MAX: usize = u16::MAX as usize;

    /// A row that says no more than what and where the asset is.
    pub fn new(asset: AssetIndex, kind: AssetKind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            canonical: asset,
            namespace: namespace.into(),
            name: name.into(),
            asset_type: Box::default(),
            domain: None,
            owners: Vec::new(),
            tags: Vec::new(),
            sources: Vec::new(),
            flags: AssetFlags::empty(),
        }
    }
}

/// What a snapshot knows of an asset, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset<'s> {
    /// Its number.
    pub index: AssetIndex,
    /// Dataset or job.
    pub kind: AssetKind,
    /// The asset that stands for this one: itself, unless an alias merged it into another.
    pub canonical: AssetIndex,
    /// Where it lives.
    pub namespace: &'s str,
    /// Its name there.
    pub name: &'s str,
    /// What its tool calls it; empty if unknown.
    pub asset_type: &'s str,
    /// The number of its domain.
    pub domain: Option<u32>,
    /// Numbers of its owners, sorted.
    pub owners: &'s [u32],
    /// Numbers of its tags, sorted.
    pub tags: &'s [u32],
    /// Numbers of the sources that name it, sorted.
    pub sources: &'s [u32],
    /// Claims about it.
    pub flags: AssetFlags,
}

impl Asset<'_> {
    /// The row that would put this asset into a graph.
    pub fn to_row(&self) -> AssetRow {
        AssetRow {
            kind: self.kind,
            canonical: self.canonical,
            namespace: self.namespace.into(),
            name: self.name.into(),
            asset_type: self.asset_type.into(),
            domain: self.domain,
            owners: self.owners.to_vec(),
            tags: self.tags.to_vec(),
            sources: self.sources.to_vec(),
            flags: self.flags,
        }
    }
}
