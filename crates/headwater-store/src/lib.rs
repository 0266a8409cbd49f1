//! The durable log and the rebuildable state.
//!
//! The [`Log`] is the truth: what it acknowledged survives `kill -9` and power loss. The [`State`] is
//! derived from it and may be thrown away at any time. Payloads, keys and values are opaque here.
//!
//! | what | on disk | in memory |
//! |---|---|---|
//! | [`Log`] | [`SegmentLog`] (layout: [`segment`]) | [`MemoryLog`] |
//! | [`State`] | [`SledState`] | [`MemoryState`] |
//! | | [`OpeningState`], which answers from an [`Excerpt`] until it is open | |
//! | [`Disk`] | [`RealDisk`] | [`SimulatedDisk`], which forgets what was not synced |

mod backup;
mod disk;
mod excerpt;
mod log;
mod memory_log;
mod memory_state;
mod offset;
mod opening_state;
pub mod segment;
mod sled_state;
mod state;

pub use backup::{
    BACKUP_VERSION, BackupError, BackupReport, LogBackup, check_backup, restore_backup,
};
pub use disk::simulated::{Fault, SimulatedDisk};
pub use disk::{Disk, DiskFile, RealDisk};
pub use excerpt::{Excerpt, ExcerptError};
pub use log::{Appended, Change, Entry, Log, LogError, Payload, RewriteReport};
pub use memory_log::MemoryLog;
pub use memory_state::MemoryState;
pub use offset::{Offset, OffsetError};
pub use opening_state::OpeningState;
pub use segment::{
    Loss, OpenReport, SegmentLog, SegmentOptions, TornTail, VerifyReport, find_losses,
    repair_directory, verify_directory,
};
pub use sled_state::{SledOptions, SledState};
pub use state::{Scan, ScanStep, ScanVisit, State, StateBatch, StateError, StoredBytes};
