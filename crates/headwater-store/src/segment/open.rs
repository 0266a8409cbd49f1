//! Opening a directory of segments: the lock, the index, the torn tail.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use super::frame::{
    self, FRAME_HEADER_BYTES, FRAME_MAGIC, Fault, FrameHeader, Reason, SEGMENT_HEADER_BYTES, Step,
    Walker,
};
use super::{Index, Segment};
use crate::disk::{Disk, DiskFile};
use crate::{LogError, Offset};

/// A tail is searched in pieces of this size.
const SEARCH_BYTES: usize = 1 << 20;

/// What was found on open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReport {
    /// How many segments there are, at least 1.
    pub segments_count: usize,
    /// The offset of the newest entry.
    pub last_offset: Offset,
    /// Bytes in all segments, after the cut.
    pub bytes_on_disk: u64,
    /// Bytes in the last segment, after the cut.
    pub last_segment_bytes: u64,
    /// What was cut off, if anything was.
    pub torn_tail: Option<TornTail>,
}

/// The rest of an append that was under way when the process or the machine stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file name of the segment.
    pub segment: String,
    /// Where the tail began.
    pub byte_offset: u64,
    /// How many bytes were cut.
    pub bytes: u64,
    /// Why it is no frame.
    pub reason: String,
}

/// Whether a log is opened to be written, or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    /// Nothing is changed: a torn tail is left out, and stays where it is.
    Read,
}

pub(super) struct Opened {
    /// The last segment; none in an empty log that is only looked at.
    pub(super) file: Option<Arc<dyn DiskFile>>,
    pub(super) index: Index,
    pub(super) report: OpenReport,
    pub(super) lock: Box<dyn Any + Send + Sync>,
}

pub(super) fn take_lock(
    disk: &dyn Disk,
    directory: &Path,
    purpose: Purpose,
) -> Result<Box<dyn Any + Send + Sync>, LogError> {
    let path = directory.join("LOCK");
    let locked = match purpose {
        Purpose::Write => disk.lock(&path),
        Purpose::Read => disk.lock_to_read(&path),
    };
    locked
        .map_err(LogError::io("lock", &path))?
        .ok_or(LogError::Locked { path })
}

/// The first offsets of the segments in `directory`, ascending.
pub(super) fn list_segments(disk: &dyn Disk, directory: &Path) -> Result<Vec<Offset>, LogError> {
    let names = disk
        .list(directory)
        .map_err(LogError::io("list", directory))?;
    let mut firsts: Vec<_> = names
        .iter()
        .filter_map(|name| {
            let digits = name.strip_suffix(".log")?;
            let first = Offset::new(digits.parse().ok()?).ok()?;
            (Segment::name(first) == *name).then_some(first)
        })
        .collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// Creates an empty segment, durable with its name.
pub(super) fn create_segment(
    disk: &dyn Disk,
    directory: &Path,
    first: Offset,
) -> Result<Arc<dyn DiskFile>, LogError> {
    let path = directory.join(Segment::name(first));
    let draft = path.with_extension("log.tmp");
    let file = disk
        .create(&draft)
        .map_err(LogError::io("create", &draft))?;
    file.write_at(&frame::encode_segment_header(first), 0)
        .map_err(LogError::io("write to", &draft))?;
    file.sync().map_err(LogError::io("sync", &draft))?;
    disk.rename(&draft, &path)
        .map_err(LogError::io("rename", &draft))?;
    disk.sync_directory(directory)
        .map_err(LogError::io("sync", directory))?;
    Ok(file)
}

pub(super) fn open(
    disk: &dyn Disk,
    directory: &Path,
    purpose: Purpose,
) -> Result<Opened, LogError> {
    if purpose == Purpose::Write {
        disk.create_directory(directory)
            .map_err(LogError::io("create", directory))?;
    }
    let lock = take_lock(disk, directory, purpose)?;
    if purpose == Purpose::Write {
        remove_drafts(disk, directory)?;
    }
    let mut firsts = list_segments(disk, directory)?;
    if firsts.is_empty() && purpose == Purpose::Write {
        let first = Offset::ZERO.next();
        create_segment(disk, directory, first)?;
        firsts.push(first);
    }
    let Some((last, earlier)) = firsts.split_last() else {
        return Ok(nothing(lock));
    };
    let mut segments = Vec::with_capacity(firsts.len());
    let mut next = Offset::ZERO.next();
    for first in earlier {
        let path = directory.join(Segment::name(*first));
        let file = disk
            .open_to_read(&path)
            .map_err(LogError::io("open", &path))?;
        let found = walk(file.as_ref(), &path, *first, next, Bodies::Skip)?;
        if let Some(fault) = found.fault {
            return Err(fault.into_error(&path));
        }
        next = found.next;
        segments.push(found.segment);
    }

    let path = directory.join(Segment::name(*last));
    let file = match purpose {
        Purpose::Write => disk.open(&path),
        Purpose::Read => disk.open_to_read(&path),
    };
    let file = file.map_err(LogError::io("open", &path))?;
    let found = walk(file.as_ref(), &path, *last, next, Bodies::Check)?;
    let torn_tail = match found.fault {
        Some(fault) => Some(cut(file.as_ref(), &path, found.next, fault, purpose)?),
        None => None,
    };
    if purpose == Purpose::Write {
        settle(file.as_ref(), &path, found.last_frame)?;
        // A name that a process left unsynced when it ended is made durable before anything relies on it.
        disk.sync_directory(directory)
            .map_err(LogError::io("sync", directory))?;
    }
    let report = OpenReport {
        segments_count: firsts.len(),
        last_offset: Offset::new(found.next.get() - 1).unwrap_or_default(),
        bytes_on_disk: segments.iter().map(|segment| segment.bytes).sum::<u64>()
            + found.segment.bytes,
        last_segment_bytes: found.segment.bytes,
        torn_tail,
    };
    segments.push(found.segment);
    let index = Index {
        segments,
        last: report.last_offset,
    };
    Ok(Opened {
        file: Some(file),
        index,
        report,
        lock,
    })
}

/// A log without a segment, as one that is only looked at may be.
fn nothing(lock: Box<dyn Any + Send + Sync>) -> Opened {
    Opened {
        file: None,
        index: Index {
            segments: Vec::new(),
            last: Offset::ZERO,
        },
        report: OpenReport {
            segments_count: 0,
            last_offset: Offset::ZERO,
            bytes_on_disk: 0,
            last_segment_bytes: 0,
            torn_tail: None,
        },
        lock,
    }
}

pub(super) fn remove_drafts(disk: &dyn Disk, directory: &Path) -> Result<(), LogError> {
    let names = disk
        .list(directory)
        .map_err(LogError::io("list", directory))?;
    for name in names.iter().filter(|name| name.ends_with(".log.tmp")) {
        let path = directory.join(name);
        disk.remove(&path).map_err(LogError::io("remove", &path))?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bodies {
    Skip,
    Check,
}

/// One segment, as far as it makes sense.
struct Walked {
    segment: Segment,
    /// The offset that follows its last entry.
    next: Offset,
    last_frame: Option<(u64, u64)>,
    fault: Option<Fault>,
}

/// Checks that no segment is missing before the one that begins with `first`.
pub(super) fn check_first(path: &Path, first: Offset, expected: Offset) -> Result<(), LogError> {
    if first == expected {
        return Ok(());
    }
    let reason = Reason::Broken(format!(
        "it begins with offset {first}, where {expected} is due"
    ));
    let fault = Fault {
        position: 0,
        reason,
    };
    Err(fault.into_error(path))
}

/// Walks over the segment `first`, which is to begin with `expected`.
fn walk(
    file: &dyn DiskFile,
    path: &Path,
    first: Offset,
    expected: Offset,
    bodies: Bodies,
) -> Result<Walked, LogError> {
    frame::check_segment_header(file, path, first)?;
    check_first(path, first, expected)?;
    let bytes = file.bytes().map_err(LogError::io("measure", path))?;
    let mut walker = Walker::new(file, path, SEGMENT_HEADER_BYTES, bytes);
    let mut found = Walked {
        segment: Segment {
            first,
            bytes: SEGMENT_HEADER_BYTES,
            marks: Vec::new(),
        },
        next: first,
        last_frame: None,
        fault: None,
    };
    loop {
        let header = match walker.step(found.next)? {
            Step::Frame(header) => header,
            Step::End => return Ok(found),
            Step::Bad(fault) => {
                found.fault = Some(fault);
                return Ok(found);
            }
        };
        if bodies == Bodies::Check
            && let Err(fault) = walker.body(&header)?
        {
            found.fault = Some(fault);
            return Ok(found);
        }
        found.segment.mark(header.first, walker.position);
        found.last_frame = Some((walker.position, header.frame_bytes()));
        found.next = header.last().next();
        walker.pass(&header);
        found.segment.bytes = walker.position;
    }
}

/// Cuts the tail that begins at `fault`, unless it is damage, or the log is only looked at.
fn cut(
    file: &dyn DiskFile,
    path: &Path,
    expected: Offset,
    fault: Fault,
    purpose: Purpose,
) -> Result<TornTail, LogError> {
    let position = fault.position;
    let bytes = file.bytes().map_err(LogError::io("measure", path))?;
    if !is_torn(file, path, position, bytes, expected)? {
        return Err(fault.into_error(path));
    }
    let (segment, reason) = match fault.into_error(path) {
        LogError::Damaged {
            segment, reason, ..
        } => (segment, reason),
        other => return Err(other),
    };
    let tail = TornTail {
        segment,
        byte_offset: position,
        bytes: bytes - position,
        reason,
    };
    if purpose == Purpose::Read {
        return Ok(tail);
    }
    file.truncate(position)
        .map_err(LogError::io("truncate", path))?;
    file.sync().map_err(LogError::io("sync", path))?;
    tracing::warn!(
        segment = tail.segment,
        byte_offset = tail.byte_offset,
        bytes = tail.bytes,
        reason = tail.reason,
        "cut a torn tail, which was never acknowledged"
    );
    Ok(tail)
}

/// Says whether what begins at `position` can be the rest of one unfinished append.
pub(super) fn is_torn(
    file: &dyn DiskFile,
    path: &Path,
    position: u64,
    bytes: u64,
    expected: Offset,
) -> Result<bool, LogError> {
    let mut walker = Walker::new(file, path, position, bytes);
    let Some(header) = walker.header()? else {
        return Ok(!has_later_frame(file, path, position, bytes, expected)?);
    };
    // An intact header says where the frame ends. What follows it was written after the frame was synced.
    let end = position + header.frame_bytes();
    Ok(header.first == expected && (end >= bytes || is_zero(file, path, end, bytes)?))
}

fn is_zero(file: &dyn DiskFile, path: &Path, start: u64, end: u64) -> Result<bool, LogError> {
    let mut is_zero = true;
    search(file, path, start, end, |piece| {
        is_zero = piece.iter().all(|byte| *byte == 0);
        !is_zero
    })?;
    Ok(is_zero)
}

/// Looks at every byte for an intact frame header with an offset above `expected`.
fn has_later_frame(
    file: &dyn DiskFile,
    path: &Path,
    start: u64,
    end: u64,
    expected: Offset,
) -> Result<bool, LogError> {
    let mut is_found = false;
    search(file, path, start, end, |piece| {
        is_found = piece.windows(FRAME_HEADER_BYTES).any(|window| {
            window[..4] == FRAME_MAGIC
                && match FrameHeader::decode(window) {
                    Ok(header) => header.first > expected,
                    Err(reason) => matches!(reason, Reason::UnknownVersion(_)),
                }
        });
        is_found
    })?;
    Ok(is_found)
}

/// Hands out the file in pieces that overlap by less than a frame header, until `look` says stop.
fn search(
    file: &dyn DiskFile,
    path: &Path,
    start: u64,
    end: u64,
    mut look: impl FnMut(&[u8]) -> bool,
) -> Result<(), LogError> {
    let mut position = start;
    let mut piece = Vec::new();
    while position < end {
        piece.resize((end - position).min(SEARCH_BYTES as u64) as usize, 0);
        let count = file
            .read_at(&mut piece, position)
            .map_err(LogError::io("read", path))?;
        let is_last = position + count as u64 >= end || count < piece.len();
        if look(&piece[..count]) || is_last {
            return Ok(());
        }
        position += (count - FRAME_HEADER_BYTES + 1) as u64;
    }
    Ok(())
}

/// Makes the last frame durable, even if an earlier process failed to sync it and left it in the page
/// cache: the same bytes are written again, so that the kernel knows them as unsynced.
fn settle(
    file: &dyn DiskFile,
    path: &Path,
    last_frame: Option<(u64, u64)>,
) -> Result<(), LogError> {
    if let Some((position, bytes)) = last_frame {
        let mut frame = vec![0; bytes as usize];
        file.read_at(&mut frame, position)
            .map_err(LogError::io("read", path))?;
        file.write_at(&frame, position)
            .map_err(LogError::io("write to", path))?;
    }
    file.sync().map_err(LogError::io("sync", path))
}
