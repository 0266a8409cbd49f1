//! Whether there is room on the disk for another append.

use super::SegmentLog;
use crate::LogError;

impl SegmentLog {
    /// Whether an append of `bytes` leaves [`super::SegmentOptions::reserve_bytes`] free. A disk that does not tell its
    /// space has room until it refuses a write.
    ///
    /// # Errors
    /// [`LogError::Full`]; [`LogError::Io`] if the disk can't be asked.
    pub(super) fn check_room(&self, bytes: u64) -> Result<(), LogError> {
        let free = self
            .disk
            .free_bytes(&self.directory)
            .map_err(LogError::io("ask for the free space of", &self.directory))?;
        let needed = bytes.saturating_add(self.options.reserve_bytes);
        match free {
            Some(free_bytes) if free_bytes < needed => Err(LogError::Full {
                path: self.directory.clone(),
                free_bytes: Some(free_bytes),
                needed_bytes: needed,
            }),
            _ => Ok(()),
        }
    }

    /// The error that says that the disk refused a write of `bytes` for want of room.
    pub(super) fn full(&self, bytes: u64) -> LogError {
        let free = self.disk.free_bytes(&self.directory);
        LogError::Full {
            path: self.directory.clone(),
            free_bytes: free.ok().flatten(),
            needed_bytes: bytes,
        }
    }
}

/// Whether an error says that nothing is left of the disk, or of what this user may take of it.
pub(super) fn is_full(error: &LogError) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error, LogError::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
}
