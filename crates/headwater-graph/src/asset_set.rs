//! A set of assets as one bit per asset.

use headwater_model::AssetIndex;

/// A set of assets of one snapshot: one bit each, so its size is that of the snapshot, not of the set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetSet {
    words: Vec<u64>,
}

impl AssetSet {
    /// An empty set that can hold the assets numbered below `assets_count`.
    pub fn with_capacity(assets_count: usize) -> Self {
        Self {
            words: vec![0; assets_count.div_ceil(64)],
        }
    }

    /// Adds an asset, making room for it where there is none; true if it was not there.
    pub fn insert(&mut self, asset: AssetIndex) -> bool {
        self.reserve(asset.as_usize() + 1);
        self.add(asset.get())
    }

    /// Whether `asset` is in the set.
    pub fn contains(&self, asset: AssetIndex) -> bool {
        self.has(asset.get())
    }

    /// How many assets are in the set.
    pub fn len(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Whether the set has no asset.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The assets in the set, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = AssetIndex> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                Some(AssetIndex::new(at as u32 * 64 + bit))
            })
        })
    }

    #[inline]
    pub(crate) fn has(&self, index: u32) -> bool {
        let word = self.words.get(index as usize / 64).copied().unwrap_or(0);
        word >> (index % 64) & 1 == 1
    }

    /// Adds an asset; true if it was not there. The asset must be below the capacity.
    #[inline]
    pub(crate) fn add(&mut self, index: u32) -> bool {
        let word = &mut self.words[index as usize / 64];
        let bit = 1 << (index % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    #[inline]
    pub(crate) fn drop_asset(&mut self, index: u32) {
        self.words[index as usize / 64] &= !(1 << (index % 64));
    }

    /// Bit `index % 64` of word `index / 64` is the asset's.
    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// Makes room for the assets numbered below `assets_count`.
    pub(crate) fn reserve(&mut self, assets_count: usize) {
        let words = assets_count.div_ceil(64);
        if self.words.len() < words {
            self.words.resize(words, 0);
        }
    }

    /// Empties the set into `list`, in the order of the numbers.
    pub(crate) fn drain_into(&mut self, list: &mut Vec<u32>) {
        for (at, word) in self.words.iter_mut().enumerate() {
            let mut rest = std::mem::take(word);
            while rest != 0 {
                list.push(at as u32 * 64 + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine |= theirs;
        }
    }
}
