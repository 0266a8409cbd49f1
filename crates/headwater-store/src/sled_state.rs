//! The state on disk, in sled 0.34.
//!
//! One tree, because a batch is atomic within a tree only. Key and value are stored as given. The empty
//! key holds the record of what is applied:
//!
//! | bytes | |
//! |---|---|
//! | 0 | format version, 1 |
//! | 1 | 0 complete, 1 being cleared |
//! | 2..10 | applied offset, big-endian |
//!
//! sled's flush is never relied on for durability: a crash loses what was applied last, and the record
//! says what is left. Its periodic flusher is on all the same, since nothing else collects its garbage.

use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::state::{APPLIED_KEY, STEP_KEYS_MAX, scan_bounds};
use crate::{Offset, Scan, State, StateBatch, StateError, StoredBytes};

const RECORD_VERSION: u8 = 1;
const RECORD_BYTES: usize = 10;

/// How a [`SledState`] is kept.
#[derive(Clone, Copy, Debug)]
pub struct SledOptions {
    /// sled's cache in bytes; the memory it takes may be ten times that. Default 64 MiB.
    pub cache_bytes: u64,
    /// How often sled writes out what changed, and collects garbage, in milliseconds. Default 500.
    pub flush_every_ms: u32,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            flush_every_ms: 500,
        }
    }
}

/// A [`State`] on disk.
pub struct SledState {
    tree: sled::Db,
    directory: PathBuf,
    options: SledOptions,
    /// Bytes of keys and values since it was opened.
    written_bytes: AtomicU64,
}

/// What the empty key holds.
struct Applied {
    offset: Offset,
    is_being_cleared: bool,
}

impl Applied {
    fn encode(&self) -> [u8; RECORD_BYTES] {
        let mut record = [0; RECORD_BYTES];
        record[0] = RECORD_VERSION;
        record[1] = u8::from(self.is_being_cleared);
        record[2..].copy_from_slice(&self.offset.get().to_be_bytes());
        record
    }

    fn decode(record: &[u8]) -> Result<Self, StateError> {
        let corrupt = || StateError::Corrupt(format!("the applied offset reads {record:02x?}"));
        let (&[RECORD_VERSION, flag @ 0..=1], number) =
            record.split_first_chunk::<2>().ok_or_else(corrupt)?
        else {
            return Err(corrupt());
        };
        let number: [u8; 8] = number.try_into().map_err(|_| corrupt())?;
        let offset = Offset::new(u64::from_be_bytes(number)).map_err(|_| corrupt())?;
        Ok(Self {
            offset,
            is_being_cleared: flag == 1,
        })
    }
}

impl SledState {
    /// How long opening waits for the lock of a state that is being closed.
    pub const LOCK_PATIENCE: Duration = Duration::from_secs(3);
    /// Keys and values that may be written without [`SledState::close`] opening the state once more.
    pub const UNNOTED_BYTES_MAX: u64 = 8 << 20;
    /// Between two tries.
    const LOCK_PAUSE: Duration = Duration::from_millis(20);

    /// Opens the state in `directory`, or creates it.
    ///
    /// A state that was just closed may hold its lock a moment longer, while sled's own threads end: waits for that up
    /// to [`SledState::LOCK_PATIENCE`].
    ///
    /// The caller compares [`State::applied_offset`] with the end of the log, and after
    /// [`StateError::Corrupt`] calls [`SledState::remove`] and starts anew.
    ///
    /// # Errors
    /// [`StateError::Locked`], [`StateError::Corrupt`], [`StateError::Io`].
    pub fn open(directory: &Path, options: SledOptions) -> Result<Self, StateError> {
        let begun = Instant::now();
        loop {
            match Self::open_now(directory, options) {
                Err(StateError::Locked(_)) if begun.elapsed() < Self::LOCK_PATIENCE => {
                    std::thread::sleep(Self::LOCK_PAUSE);
                }
                opened => return opened,
            }
        }
    }

    fn open_now(directory: &Path, options: SledOptions) -> Result<Self, StateError> {
        let config = sled::Config::new()
            .path(directory)
            .cache_capacity(options.cache_bytes)
            .flush_every_ms(Some(u64::from(options.flush_every_ms.max(1))));
        // sled panics on some corrupt files, where it should return an error.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open())).map_err(|_| {
            StateError::Corrupt(format!("sled cannot open {}", directory.display()))
        })?;
        let tree = opened.map_err(|error| match error {
            sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
                StateError::Locked(directory.display().to_string())
            }
            other => into_error(other),
        })?;
        let state = Self {
            tree,
            directory: directory.to_owned(),
            options,
            written_bytes: AtomicU64::new(0),
        };
        if state.applied()?.is_being_cleared {
            state.clear()?;
        }
        Ok(state)
    }

    /// Closes the state so that the next opening is fast.
    ///
    /// sled notes where its pages are when it is opened, and reads all that was written since then when it is opened
    /// again: some seconds for each gigabyte. So a state to which more than [`SledState::UNNOTED_BYTES_MAX`] were written
    /// is opened once more here. Whoever does without, or is killed, loses nothing but that time. What was applied
    /// survives a power loss from here on.
    ///
    /// # Errors
    /// As [`SledState::open`].
    pub fn close(self) -> Result<(), StateError> {
        let written_bytes = self.written_bytes.into_inner();
        let (directory, options) = (self.directory, self.options);
        drop(self.tree);
        if written_bytes > Self::UNNOTED_BYTES_MAX {
            Self::open(&directory, options)?;
        }
        sync_files(&directory).map_err(StateError::Io)
    }

    /// Removes the state in `directory`, which must not be open. Much faster than [`State::clear`].
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn remove(directory: &Path) -> Result<(), StateError> {
        match std::fs::remove_dir_all(directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StateError::Io(error))
            }
            _ => Ok(()),
        }
    }

    fn applied(&self) -> Result<Applied, StateError> {
        match self.tree.get(APPLIED_KEY).map_err(into_error)? {
            Some(record) => Applied::decode(&record),
            None => Ok(Applied {
                offset: Offset::ZERO,
                is_being_cleared: false,
            }),
        }
    }
}

impl State for SledState {
    fn get(&self, key: &[u8]) -> Result<Option<StoredBytes>, StateError> {
        if key == APPLIED_KEY {
            return Ok(None);
        }
        let value = self.tree.get(key).map_err(into_error)?;
        Ok(value.map(StoredBytes))
    }

    fn scan_range<'a>(&'a self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Scan<'a> {
        let Some(bounds) = scan_bounds(from, to) else {
            return Box::new(std::iter::empty());
        };
        let pairs = self.tree.range::<&[u8], _>(bounds);
        Box::new(pairs.map(|pair| {
            let (key, value) = pair.map_err(into_error)?;
            Ok((StoredBytes(key), StoredBytes(value)))
        }))
    }

    fn apply(&self, batch: &StateBatch, applied: Offset) -> Result<(), StateError> {
        batch.check()?;
        let before = self.applied_offset()?;
        if applied < before {
            return Err(StateError::AppliedBackwards {
                applied: before,
                given: applied,
            });
        }
        let bytes = batch.bytes() as u64;
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        let record = Applied {
            offset: applied,
            is_being_cleared: false,
        };
        let mut steps = batch.steps().peekable();
        while let Some(step) = steps.next() {
            let mut changes = sled::Batch::default();
            for (key, value) in step {
                match value {
                    Some(value) => changes.insert(key, value),
                    None => changes.remove(key),
                }
            }
            if steps.peek().is_none() {
                changes.insert(APPLIED_KEY, &record.encode());
            }
            self.tree.apply_batch(changes).map_err(into_error)?;
        }
        Ok(())
    }

    fn applied_offset(&self) -> Result<Offset, StateError> {
        Ok(self.applied()?.offset)
    }

    fn clear(&self) -> Result<(), StateError> {
        // The record goes first: what is half cleared must not pass for the state of any offset.
        let record = Applied {
            offset: Offset::ZERO,
            is_being_cleared: true,
        };
        self.tree
            .insert(APPLIED_KEY, &record.encode())
            .map_err(into_error)?;
        loop {
            let mut changes = sled::Batch::default();
            let mut count = 0;
            let after_record = (Bound::Excluded(APPLIED_KEY), Bound::Unbounded);
            for key in self.tree.range::<&[u8], _>(after_record).keys() {
                changes.remove(key.map_err(into_error)?);
                count += 1;
                if count == STEP_KEYS_MAX {
                    break;
                }
            }
            if count == 0 {
                break;
            }
            self.tree.apply_batch(changes).map_err(into_error)?;
        }
        self.tree.remove(APPLIED_KEY).map_err(into_error)?;
        Ok(())
    }

    fn bytes_on_disk(&self) -> Result<u64, StateError> {
        self.tree.size_on_disk().map_err(into_error)
    }
}

/// Makes all files below a directory durable.
fn sync_files(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_files(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(directory)?.sync_all()
}

fn into_error(error: sled::Error) -> StateError {
    match error {
        sled::Error::Io(error) => StateError::Io(error),
        other => StateError::Corrupt(other.to_string()),
    }
}
