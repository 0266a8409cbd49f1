//! The log: what every backend promises.

use std::io;
use std::path::{Path, PathBuf};

use crate::{LogBackup, Offset};

/// What one entry carries. The log keeps it as it is; `version` tells its owner how to read `bytes`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payload {
    /// The format version that the owner of the payload wrote.
    pub version: u8,
    /// At most [`Payload::BYTES_MAX`] bytes; may be empty.
    pub bytes: Vec<u8>,
}

impl Payload {
    /// 16 MiB: one entry is read into memory as a whole.
    pub const BYTES_MAX: usize = 16 << 20;
}

/// One entry as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position, at least 1.
    pub offset: Offset,
    /// What was appended.
    pub payload: Payload,
}

/// The offsets that one batch was given: consecutive, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of the first payload of the batch.
    pub first: Offset,
    /// The offset of the last payload of the batch.
    pub last: Offset,
}

/// Durable ordered log of opaque, versioned payloads: one writer, many readers.
pub trait Log: Send + Sync {
    /// Appends all of `batch` or nothing; after `Ok` it survives power loss.
    ///
    /// # Errors
    /// - [`LogError::EmptyBatch`], [`LogError::TooLarge`], [`LogError::OffsetsExhausted`]: nothing was done.
    /// - [`LogError::Full`]: nothing was done, and the log goes on: try again once there is room.
    /// - [`LogError::Io`] poisons the log: appends fail with [`LogError::Poisoned`] until it is
    ///   reopened. The batch was not acknowledged; reopening finds all of it or nothing.
    fn append(&self, batch: &[Payload]) -> Result<Appended, LogError>;

    /// Returns entries after `offset`, oldest first: at most `entries_max`, and as many as fit into
    /// `bytes_max` payload bytes, but at least one if there is one and `entries_max` is not 0.
    ///
    /// Sees whole batches that were acknowledged, though it may return a part of one. Runs beside
    /// appends. A batch is decompressed as a whole: keep `bytes_max` above the usual batch.
    ///
    /// # Errors
    /// [`LogError::Io`], or [`LogError::Damaged`] when the stored bytes fail their checksum. Neither
    /// poisons the log.
    fn read_after(
        &self,
        offset: Offset,
        entries_max: u32,
        bytes_max: u64,
    ) -> Result<Vec<Entry>, LogError>;

    /// The offset of the newest entry; [`Offset::ZERO`] when there is none.
    fn last_offset(&self) -> Offset;

    /// The offset of the oldest entry that is kept; `None` when there is none.
    fn first_offset(&self) -> Option<Offset>;

    /// Bytes the log occupies; for a log in memory, the payload bytes it holds.
    fn bytes_on_disk(&self) -> u64;

    /// Files that hold the entries.
    fn segments_count(&self) -> usize;

    /// Whether the next append finds room, as far as that can be told.
    ///
    /// # Errors
    /// [`LogError::Full`], [`LogError::Io`].
    fn room(&self) -> Result<(), LogError> {
        Ok(())
    }

    /// Makes payloads of closed files smaller, and leaves all offsets what they are. `change` gets the payloads of one
    /// batch and the offset of the first, changes them in place, and says whether it did. Files
    /// are replaced one by one, each in one step, beside appends and reads; those that `archive` is to keep are copied
    /// there first. A log that can't does nothing.
    ///
    /// # Errors
    /// [`LogError::Io`], [`LogError::Damaged`]. Files that were replaced stay so.
    fn rewrite(
        &self,
        change: &mut Change<'_>,
        archive: Option<&Path>,
    ) -> Result<RewriteReport, LogError> {
        let _ = (change, archive);
        Ok(RewriteReport::default())
    }

    /// Bytes of the file that takes appends, which [`Log::rewrite`] leaves as it is; 0 for a log without files.
    fn newest_file_bytes(&self) -> u64 {
        0
    }

    /// Closes the current file, so that [`Log::rewrite`] reaches all entries.
    ///
    /// # Errors
    /// [`LogError::Io`], [`LogError::ReadOnly`].
    fn seal(&self) -> Result<(), LogError> {
        Ok(())
    }

    /// The files as they are at this moment, to be copied beside appends; none of a log that is not in files.
    fn backup(&self) -> Option<LogBackup> {
        None
    }
}

/// Gets the payloads of a batch and the offset of the first, and says whether it changed them.
pub type Change<'a> = dyn FnMut(Offset, &mut [Payload]) -> bool + 'a;

/// What a rewrite did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RewriteReport {
    /// Files that were replaced.
    pub segments_count: usize,
    /// Their bytes before.
    pub bytes_before: u64,
    /// Their bytes after.
    pub bytes_after: u64,
    /// True if files were left alone because a backup is under way.
    pub is_busy: bool,
}

/// Why a log could not be opened, appended to or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk refused an operation, for example because it is full.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The operation, as a verb.
        what: &'static str,
        /// The file or directory it was for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process, or another log of this one, has the directory open.
    #[error("log {} is open in another process", path.display())]
    Locked {
        /// The lock file that is held.
        path: PathBuf,
    },
    /// Stored bytes are not what was written, and that is not explained by an append cut short.
    #[error("segment {segment} is damaged at byte {byte_offset}: {reason}")]
    Damaged {
        /// The file name of the segment.
        segment: String,
        /// Where in the segment the damaged frame or header begins.
        byte_offset: u64,
        /// The rule it breaks.
        reason: String,
    },
    /// A newer program wrote this segment.
    #[error(
        "segment {segment} has format version {version} at byte {byte_offset}, newer than this program reads"
    )]
    UnknownVersion {
        /// The file name of the segment.
        segment: String,
        /// Where in the segment.
        byte_offset: u64,
        /// The version found.
        version: u8,
    },
    /// A payload or batch is above its bound; a smaller one will be taken.
    #[error("{what} has {bytes} bytes, more than {bytes_max}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// A batch holds at least one payload.
    #[error("the batch is empty")]
    EmptyBatch,
    /// The disk has no room for the append. The log goes on: appends succeed once there is room.
    #[error("the disk of {} is full: {}an append needs {needed_bytes}", path.display(), left(*free_bytes))]
    Full {
        /// The directory of the log.
        path: PathBuf,
        /// Bytes that are left, if the disk says.
        free_bytes: Option<u64>,
        /// Bytes that an append needs, what is kept free for the state included.
        needed_bytes: u64,
    },
    /// An earlier append failed; reopen the log.
    #[error("log {} failed earlier and takes no appends until it is reopened", path.display())]
    Poisoned {
        /// The directory of the log.
        path: PathBuf,
    },
    /// The log was opened to be looked at.
    #[error("log {} is open for reading only", path.display())]
    ReadOnly {
        /// The directory of the log.
        path: PathBuf,
    },
    /// The batch would need an offset above [`Offset::MAX`].
    #[error("no offsets are left")]
    OffsetsExhausted,
}

impl LogError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

fn left(free_bytes: Option<u64>) -> String {
    free_bytes.map_or_else(String::new, |bytes| format!("{bytes} bytes are free, "))
}

/// Checks what every backend requires of a batch.
pub(crate) fn check_batch(batch: &[Payload]) -> Result<(), LogError> {
    if batch.is_empty() {
        return Err(LogError::EmptyBatch);
    }
    match batch
        .iter()
        .find(|payload| payload.bytes.len() > Payload::BYTES_MAX)
    {
        Some(payload) => Err(LogError::TooLarge {
            what: "payload",
            bytes: payload.bytes.len() as u64,
            bytes_max: Payload::BYTES_MAX as u64,
        }),
        None => Ok(()),
    }
}
