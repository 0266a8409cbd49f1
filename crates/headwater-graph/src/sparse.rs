//! A persistent map from asset numbers to values that few assets have.

use std::sync::Arc;

/// Assets per page: 64 leaves of 64 assets.
const PAGE: usize = 4096;

/// A map from asset numbers to values, sharing everything that a change does not touch.
///
/// A change copies one page (1 KiB) and one leaf (at most 64 values), and the list of pages (8 bytes per
/// 4,096 assets). Whether an asset has a value is one bit, so that a walk pays little for asking.
#[derive(Debug)]
pub(crate) struct Sparse<T> {
    pages: Arc<Vec<Option<Arc<Page<T>>>>>,
}

/// A borrowed map.
#[derive(Debug)]
pub(crate) struct View<'a, T> {
    pages: &'a [Option<Arc<Page<T>>>],
}

impl<'a, T> View<'a, T> {
    /// Whether `index` has a value.
    #[inline]
    pub(crate) fn has(&self, index: u32) -> bool {
        match self.pages.get(index as usize / PAGE) {
            Some(Some(page)) => page.bits[index as usize / 64 % 64] >> (index % 64) & 1 == 1,
            _ => false,
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&'a T> {
        let page = self.pages.get(index as usize / PAGE)?.as_deref()?;
        let leaf = index as usize / 64 % 64;
        let (word, bit) = (page.bits[leaf], 1_u64 << (index % 64));
        if word & bit == 0 {
            return None;
        }
        page.leaves[leaf].as_ref()?.get(rank(word, bit))
    }
}

#[derive(Debug)]
struct Page<T> {
    bits: [u64; 64],
    /// The values of 64 assets, packed: the rank of an asset's bit is its place.
    leaves: [Option<Arc<Vec<T>>>; 64],
}

impl<T> Clone for Sparse<T> {
    fn clone(&self) -> Self {
        Self {
            pages: Arc::clone(&self.pages),
        }
    }
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self {
            pages: Arc::default(),
        }
    }
}

impl<T> Clone for Page<T> {
    fn clone(&self) -> Self {
        Self {
            bits: self.bits,
            leaves: self.leaves.clone(),
        }
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            bits: [0; 64],
            leaves: [const { None }; 64],
        }
    }
}

impl<T: Clone> Sparse<T> {
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        self.view().get(index)
    }

    /// The map for a loop that asks often: copied into registers.
    #[inline]
    pub(crate) fn view(&self) -> View<'_, T> {
        View { pages: &self.pages }
    }

    /// The value of `index`, made by `value` if it has none yet.
    pub(crate) fn entry(&mut self, index: u32, value: impl FnOnce() -> T) -> &mut T {
        let pages = Arc::make_mut(&mut self.pages);
        let at = index as usize / PAGE;
        if pages.len() <= at {
            pages.resize_with(at + 1, || None);
        }
        let page = Arc::make_mut(pages[at].get_or_insert_with(Arc::default));
        let leaf = index as usize / 64 % 64;
        let bit = 1_u64 << (index % 64);
        let place = rank(page.bits[leaf], bit);
        let values = Arc::make_mut(page.leaves[leaf].get_or_insert_with(Arc::default));
        if page.bits[leaf] & bit == 0 {
            page.bits[leaf] |= bit;
            values.insert(place, value());
        }
        &mut values[place]
    }
}

fn rank(word: u64, bit: u64) -> usize {
    (word & (bit - 1)).count_ones() as usize
}
