//! Numbers for values that many assets share, so that an asset's row holds numbers only.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustc_hash::FxHashMap;

const FIRST: u32 = 64;

/// An append-only table of distinct values that all snapshots of one graph share.
///
/// Reading takes no lock. Values stay until the last snapshot goes, so the table grows with the distinct
/// values ever used (namespaces, types, sets of owners), not with the assets.
pub(crate) struct Interner<T> {
    /// Chunks of 64, 128, 256, … values: a chunk never moves, so what is read from it can be borrowed.
    chunks: [OnceLock<Box<[OnceLock<T>]>>; 26],
    ids: Mutex<FxHashMap<T, u32>>,
}

/// Namespaces and types.
pub(crate) type Strings = Interner<Arc<str>>;
/// Sorted sets of numbers: owners, tags, sources.
pub(crate) type Sets = Interner<Arc<[u32]>>;

impl<T: Clone + Eq + Hash> Interner<T> {
    pub(crate) fn new() -> Self {
        Self {
            chunks: [const { OnceLock::new() }; 26],
            ids: Mutex::default(),
        }
    }

    /// The number of `value`, a new one if it is new; `None` if the table is full (2^31 values).
    pub(crate) fn intern<Q>(&self, value: &Q) -> Option<u32>
    where
        Q: Hash + Eq + ?Sized,
        T: Borrow<Q> + for<'a> From<&'a Q>,
    {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = ids.get(value) {
            return Some(*id);
        }
        let id = ids.len() as u32;
        let (chunk, at) = place(id);
        let slots = self.chunks.get(chunk)?.get_or_init(|| {
            std::iter::repeat_with(OnceLock::new)
                .take((FIRST as usize) << chunk)
                .collect()
        });
        let value = T::from(value);
        // The slot is empty: numbers are given out once, under the lock.
        slots[at].get_or_init(|| value.clone());
        ids.insert(value, id);
        Some(id)
    }

    /// The number of `value`, if it has one.
    pub(crate) fn find<Q>(&self, value: &Q) -> Option<u32>
    where
        Q: Hash + Eq + ?Sized,
        T: Borrow<Q>,
    {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.get(value).copied()
    }

    pub(crate) fn get(&self, id: u32) -> &T {
        let (chunk, at) = place(id);
        self.chunks[chunk]
            .get()
            .and_then(|slots| slots[at].get())
            .expect("a row holds only numbers that this table gave out")
    }

    pub(crate) fn len(&self) -> usize {
        self.ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

fn place(id: u32) -> (usize, usize) {
    let shifted = u64::from(id) + u64::from(FIRST);
    let chunk = shifted.ilog2() - FIRST.ilog2();
    (
        chunk as usize,
        (shifted - (u64::from(FIRST) << chunk)) as usize,
    )
}

impl<T> std::fmt::Debug for Interner<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interner").finish_non_exhaustive()
    }
}
