//! A state that lives as long as the process: for tests and for trying things out.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use parking_lot::RwLock;

use crate::state::{ScanBounds, scan_bounds};
use crate::{Offset, Scan, State, StateBatch, StateError, StoredBytes};

/// Pairs that a scan copies while it holds the lock.
const PAGE_PAIRS: usize = 128;

/// A [`State`] in memory; nothing survives the process.
#[derive(Debug, Default)]
pub struct MemoryState {
    held: RwLock<Held>,
}

type Pairs = BTreeMap<StoredBytes, StoredBytes>;

#[derive(Debug, Default)]
struct Held {
    pairs: Pairs,
    applied: Offset,
}

impl MemoryState {
    /// An empty state.
    pub fn new() -> Self {
        Self::default()
    }
}

impl State for MemoryState {
    fn get(&self, key: &[u8]) -> Result<Option<StoredBytes>, StateError> {
        Ok(self.held.read().pairs.get(key).cloned())
    }

    fn scan_range<'a>(&'a self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Scan<'a> {
        let Some((from, to)) = scan_bounds(from, to) else {
            return Box::new(std::iter::empty());
        };
        Box::new(PagedScan {
            held: &self.held,
            from: from.map(StoredBytes::from),
            to: to.map(StoredBytes::from),
            front: VecDeque::new(),
            back: VecDeque::new(),
        })
    }

    fn apply(&self, batch: &StateBatch, applied: Offset) -> Result<(), StateError> {
        batch.check()?;
        if applied < self.applied_offset()? {
            return Err(StateError::AppliedBackwards {
                applied: self.applied_offset()?,
                given: applied,
            });
        }
        let mut steps = batch.steps().peekable();
        while let Some(step) = steps.next() {
            let mut held = self.held.write();
            for (key, value) in step {
                match value {
                    Some(value) => held.pairs.insert(key.into(), value.into()),
                    None => held.pairs.remove(key),
                };
            }
            if steps.peek().is_none() {
                held.applied = applied;
            }
        }
        Ok(())
    }

    fn applied_offset(&self) -> Result<Offset, StateError> {
        Ok(self.held.read().applied)
    }

    fn clear(&self) -> Result<(), StateError> {
        *self.held.write() = Held::default();
        Ok(())
    }

    fn bytes_on_disk(&self) -> Result<u64, StateError> {
        let held = self.held.read();
        Ok(held
            .pairs
            .iter()
            .map(|(key, value)| (key.len() + value.len()) as u64)
            .sum())
    }
}

/// Copies a page at a time from either end, and takes the lock for that only.
struct PagedScan<'a> {
    held: &'a RwLock<Held>,
    /// What is not copied yet lies between these.
    from: Bound<StoredBytes>,
    to: Bound<StoredBytes>,
    front: VecDeque<(StoredBytes, StoredBytes)>,
    /// The last one is the greatest.
    back: VecDeque<(StoredBytes, StoredBytes)>,
}

impl PagedScan<'_> {
    fn bounds(&self) -> Option<ScanBounds<'_>> {
        scan_bounds(
            self.from.as_ref().map(|key| &**key),
            self.to.as_ref().map(|key| &**key),
        )
    }
}

fn copy((key, value): (&StoredBytes, &StoredBytes)) -> (StoredBytes, StoredBytes) {
    (key.clone(), value.clone())
}

impl Iterator for PagedScan<'_> {
    type Item = Result<(StoredBytes, StoredBytes), StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.front.is_empty()
            && let Some(bounds) = self.bounds()
        {
            let held = self.held.read();
            let page = held.pairs.range::<[u8], _>(bounds).take(PAGE_PAIRS);
            self.front = page.map(copy).collect();
            if let Some((last, _)) = self.front.back() {
                self.from = Bound::Excluded(last.clone());
            }
        }
        let pair = self.front.pop_front().or_else(|| self.back.pop_front());
        pair.map(Ok)
    }
}

impl DoubleEndedIterator for PagedScan<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.back.is_empty()
            && let Some(bounds) = self.bounds()
        {
            let held = self.held.read();
            let page = held.pairs.range::<[u8], _>(bounds).rev().take(PAGE_PAIRS);
            self.back = page.map(copy).collect();
            self.back.make_contiguous().reverse();
            if let Some((first, _)) = self.back.front() {
                self.to = Bound::Excluded(first.clone());
            }
        }
        let pair = self.back.pop_back().or_else(|| self.front.pop_back());
        pair.map(Ok)
    }
}
