//! The state: what every backend promises.

use std::borrow::Borrow;
use std::fmt;
use std::ops::{Bound, Deref, Range};

use crate::Offset;

/// Key of the record that says up to which offset the state was applied: before all other keys.
pub(crate) const APPLIED_KEY: &[u8] = b"";

/// The most keys in one atomic step; sled blocks reads for as long as a step takes.
pub(crate) const STEP_KEYS_MAX: usize = 10_000;

/// An ordered key-value store that can be rebuilt from the log. Keys are compared byte by byte.
///
/// It may lose what was applied last when the process or the machine stops, and then says so: what
/// [`State::applied_offset`] returns is all there. Keys have 1 to [`StateBatch::KEY_BYTES_MAX`] bytes.
pub trait State: Send + Sync {
    /// The value of `key`.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Corrupt`].
    fn get(&self, key: &[u8]) -> Result<Option<StoredBytes>, StateError>;

    /// The keys between `from` and `to` with their values, ascending; from the back, descending.
    /// Empty when `from` is above `to`.
    ///
    /// A scan is no snapshot: of what is applied while it runs, it may see a part. What does not change
    /// is seen exactly once. It holds no lock between two items, so it may take its time.
    fn scan_range<'a>(&'a self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Scan<'a>;

    /// The keys that begin with `prefix`, as [`State::scan_range`].
    fn scan_prefix<'a>(&'a self, prefix: &[u8]) -> Scan<'a> {
        match after_prefix(prefix) {
            Some(end) => self.scan_range(Bound::Included(prefix), Bound::Excluded(&end)),
            None => self.scan_range(Bound::Included(prefix), Bound::Unbounded),
        }
    }

    /// The values of `keys`, in their order: one call for what a whole page asks.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Corrupt`].
    fn get_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<StoredBytes>>, StateError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Scans each of `prefixes` as [`State::scan_prefix`] does, in one call. `visit` gets the position of the prefix, a
    /// key and its value, and says how to go on.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Corrupt`].
    fn scan_many(&self, prefixes: &[Vec<u8>], visit: &mut ScanVisit<'_>) -> Result<(), StateError> {
        for (at, prefix) in prefixes.iter().enumerate() {
            scan_with_steps(self, prefix, &mut |key, value| visit(at, key, value))?;
        }
        Ok(())
    }

    /// Applies `batch` in its order and then counts everything up to `applied` as applied.
    ///
    /// Atomic in steps of 10,000 keys; `applied` is recorded in the last one. A batch of at most 9,999
    /// keys is one step. One thread applies at a time. Not durable when it returns: the log is.
    ///
    /// # Errors
    /// [`StateError::KeyBytes`], [`StateError::TooLarge`], [`StateError::AppliedBackwards`]: nothing
    /// was done. [`StateError::Io`], [`StateError::Corrupt`]: some steps may be done.
    fn apply(&self, batch: &StateBatch, applied: Offset) -> Result<(), StateError>;

    /// The offset up to which the state was applied; [`Offset::ZERO`] for an empty one.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Corrupt`].
    fn applied_offset(&self) -> Result<Offset, StateError>;

    /// Removes everything, so that the state can be rebuilt. One that is interrupted is completed
    /// when the state is opened again.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Corrupt`].
    fn clear(&self) -> Result<(), StateError>;

    /// Bytes of disk it occupies; in memory, the bytes of its keys and values.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Corrupt`].
    fn bytes_on_disk(&self) -> Result<u64, StateError>;
}

/// Gets the position of a prefix, a key and its value, and says how its scan goes on.
pub type ScanVisit<'a> = dyn FnMut(usize, &[u8], &[u8]) -> ScanStep + 'a;

/// How a scan goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanStep {
    /// With the next key.
    Next,
    /// With the first key that is not below this one; one at or below the key just seen is the next key.
    Seek(Vec<u8>),
    /// Not at all.
    Stop,
}

fn scan_with_steps<S: State + ?Sized>(
    state: &S,
    prefix: &[u8],
    visit: &mut dyn FnMut(&[u8], &[u8]) -> ScanStep,
) -> Result<(), StateError> {
    let mut scan = state.scan_prefix(prefix);
    while let Some(item) = scan.next() {
        let (key, value) = item?;
        match visit(&key, &value) {
            ScanStep::Next => {}
            ScanStep::Stop => break,
            ScanStep::Seek(to) if to.as_slice() <= &*key => {}
            ScanStep::Seek(to) => {
                let end = after_prefix(prefix);
                let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
                scan = state.scan_range(Bound::Included(&to), end);
            }
        }
    }
    Ok(())
}

/// Keys and values in order, from either end.
pub type Scan<'a> =
    Box<dyn DoubleEndedIterator<Item = Result<(StoredBytes, StoredBytes), StateError>> + Send + 'a>;

/// A key or value as it is stored. Cloning it copies at most 22 bytes.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredBytes(pub(crate) sled::IVec);

impl Deref for StoredBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for StoredBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for StoredBytes {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for StoredBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for StoredBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.escape_ascii())
    }
}

/// Puts and deletes in order; the last one for a key counts. Keys and values lie in one buffer.
#[derive(Clone, Debug, Default)]
pub struct StateBatch {
    bytes: Vec<u8>,
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
struct Change {
    key_end: usize,
    /// Where the value ends; `None` for a delete.
    value_end: Option<usize>,
}

impl StateBatch {
    /// The most bytes of a key.
    pub const KEY_BYTES_MAX: usize = 8 << 10;
    /// The most bytes of a value: 1 MiB. Small ones are what the state is made for.
    pub const VALUE_BYTES_MAX: usize = 1 << 20;

    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`. The bounds are checked when the batch is applied.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.changes.push(Change {
            key_end,
            value_end: Some(self.bytes.len()),
        });
    }

    /// Removes `key`; one that is absent is fine.
    pub fn delete(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.changes.push(Change {
            key_end: self.bytes.len(),
            value_end: None,
        });
    }

    /// Forgets the changes and keeps the buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.changes.clear();
    }

    /// How many puts and deletes it holds.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Keys with their new values, or `None` for a delete, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.iter_range(0..self.changes.len())
    }

    /// The changes of each atomic step. There is at least one, and room for the applied offset in each.
    pub(crate) fn steps(
        &self,
    ) -> impl Iterator<Item = impl Iterator<Item = (&[u8], Option<&[u8]>)>> {
        let keys_max = STEP_KEYS_MAX - 1;
        let count = self.len().div_ceil(keys_max).max(1);
        (0..count).map(move |step| {
            let start = step * keys_max;
            self.iter_range(start..self.len().min(start + keys_max))
        })
    }

    fn iter_range(&self, range: Range<usize>) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let mut start = match range
            .start
            .checked_sub(1)
            .map(|before| &self.changes[before])
        {
            Some(before) => before.value_end.unwrap_or(before.key_end),
            None => 0,
        };
        self.changes[range].iter().map(move |change| {
            let key = &self.bytes[start..change.key_end];
            start = change.value_end.unwrap_or(change.key_end);
            let value = change
                .value_end
                .map(|value_end| &self.bytes[change.key_end..value_end]);
            (key, value)
        })
    }

    /// Checks the bounds of all keys and values.
    pub(crate) fn check(&self) -> Result<(), StateError> {
        for (key, value) in self.iter() {
            if key.is_empty() || key.len() > Self::KEY_BYTES_MAX {
                return Err(StateError::KeyBytes {
                    bytes: key.len(),
                    bytes_max: Self::KEY_BYTES_MAX,
                });
            }
            if let Some(value) = value
                && value.len() > Self::VALUE_BYTES_MAX
            {
                return Err(StateError::TooLarge {
                    key: key.escape_ascii().to_string(),
                    bytes: value.len(),
                    bytes_max: Self::VALUE_BYTES_MAX,
                });
            }
        }
        Ok(())
    }
}

/// Why the state could not be opened, read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The disk refused an operation.
    #[error("state cannot be read or written: {0}")]
    Io(std::io::Error),
    /// Another process has it open.
    #[error("state {0} is open in another process")]
    Locked(String),
    /// What is stored makes no sense: remove it and rebuild it from the log.
    #[error("state is corrupt: {0}")]
    Corrupt(String),
    /// A key is empty or too long.
    #[error("key has {bytes} bytes, not 1 to {bytes_max}")]
    KeyBytes {
        /// How long it is.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// A value is too long.
    #[error("value of key \"{key}\" has {bytes} bytes, more than {bytes_max}")]
    TooLarge {
        /// The key, escaped.
        key: String,
        /// How long the value is.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// What is already applied is not applied again.
    #[error("offset {given} is before offset {applied}, which is applied")]
    AppliedBackwards {
        /// The recorded offset.
        applied: Offset,
        /// The offset of the refused batch.
        given: Offset,
    },
}

/// The first key after all that begin with `prefix`; `None` when there is no end.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix[..=kept].to_vec();
    end[kept] += 1;
    Some(end)
}

/// Where a scan begins and ends.
pub(crate) type ScanBounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The bounds of a scan without the record of the applied offset; `None` when nothing lies between.
pub(crate) fn scan_bounds<'a>(
    from: Bound<&'a [u8]>,
    to: Bound<&'a [u8]>,
) -> Option<ScanBounds<'a>> {
    let from = match from {
        Bound::Included(key) | Bound::Excluded(key) if !key.is_empty() => from,
        _ => Bound::Excluded(APPLIED_KEY),
    };
    let is_empty = match (from, to) {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to))
        | (Bound::Excluded(from), Bound::Included(to)) => from >= to,
        _ => false,
    };
    (!is_empty).then_some((from, to))
}
