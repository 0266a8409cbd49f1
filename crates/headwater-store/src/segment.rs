//! The log on disk: a directory of append-only segment files.
//!
//! # Files
//! - `LOCK`: locked exclusively while a log is open, so that two processes cannot write.
//! - `00000000000000000001.log`: a segment, named by the offset of its first entry, in 20 digits. The
//!   next one begins with the offset that follows; the first begins with 1.
//! - `….log.tmp`: a segment being created. It is renamed once its header is durable; one that is found
//!   on open is removed.
//!
//! # Layout
//! All integers are little-endian; reserved bytes are zero. A segment is a header and then frames
//! without gaps, one frame per batch.
//!
//! | segment header | bytes | |
//! |---|---|---|
//! | magic | 0..8 | `HWLOGSEG` |
//! | checksum | 8..12 | CRC-32C of bytes 12..24 |
//! | format version | 12 | 1 |
//! | reserved | 13..16 | |
//! | first offset | 16..24 | equals the file's name |
//!
//! | frame header | bytes | |
//! |---|---|---|
//! | magic | 0..4 | `HWFR` |
//! | header checksum | 4..8 | CRC-32C of bytes 8..40, so that a walk over headers can be trusted |
//! | body checksum | 8..12 | CRC-32C of the body as stored |
//! | body bytes | 12..16 | as stored, at most [`FRAME_BYTES_MAX`] |
//! | raw bytes | 16..20 | before compression, at most [`BATCH_BYTES_MAX`] |
//! | entries | 20..24 | at least 1 |
//! | format version | 24 | 1 |
//! | compression | 25 | 0 none, 1 zstd |
//! | reserved | 26..32 | |
//! | first offset | 32..40 | of the first entry |
//!
//! The raw body is the entries one after another: length (u32), payload version (u8), payload. A body of
//! less than [`COMPRESS_BYTES_MIN`] bytes, or one that zstd level 1 shrinks by less than an eighth, is
//! stored as it is.
//!
//! # Torn tail or damage
//! An append writes one frame and syncs before the next begins. So at most one frame, the last, can be cut
//! short by a crash, and it was not acknowledged. On open, where the last segment stops making sense:
//! - only zero bytes, or a frame that reaches or passes the end of the file, is a torn tail;
//! - so are bytes without an intact header, if no intact frame header with a later offset follows;
//! - anything else, and anything wrong in an earlier segment, is damage: [`LogError::Damaged`].
//!
//! A torn tail is cut and reported. A whole frame that was written but not acknowledged is kept; it is
//! written and synced once more before anybody sees it, since a sync that failed before a restart may
//! have left it in the page cache only.

mod frame;
mod open;
mod repair;
mod rewrite;
mod room;
mod verify;

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::{Mutex, RwLock};

use crate::backup::{Hold, LogBackup};
use crate::disk::{Disk, DiskFile, RealDisk};
use crate::log::check_batch;
use crate::{Appended, Change, Entry, Log, LogError, Offset, Payload, RewriteReport};
use frame::{Encoder, Step, Walker};
use open::Purpose;

pub use open::{OpenReport, TornTail};
pub use repair::{Loss, find_losses, repair_directory};
pub use verify::{VerifyReport, verify_directory};

/// The most bytes of a frame's body as stored: 64 MiB.
pub const FRAME_BYTES_MAX: u32 = 64 << 20;

/// The most bytes of one batch before compression, with 5 bytes for each entry: 256 MiB.
pub const BATCH_BYTES_MAX: u32 = 256 << 20;

/// Smaller bodies are not worth compressing.
pub const COMPRESS_BYTES_MIN: usize = 512;

/// Bytes of file between two positions that the index in memory holds: 16 bytes of memory per 64 KiB.
const MARK_EVERY_BYTES: u64 = 64 << 10;

/// How a [`SegmentLog`] is kept.
#[derive(Clone, Copy, Debug)]
pub struct SegmentOptions {
    /// A segment that has reached this size gets no further frame. Default 64 MiB.
    pub segment_bytes: u64,
    /// The most bytes of a frame's body as stored; at most, and by default, [`FRAME_BYTES_MAX`].
    pub frame_bytes_max: u32,
    /// An append that would leave less than this free on the disk is refused: what lies beside the log, the state
    /// above all, can't refuse to be written in time. Default 16 MiB.
    pub reserve_bytes: u64,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            frame_bytes_max: FRAME_BYTES_MAX,
            reserve_bytes: 16 << 20,
        }
    }
}

/// A [`Log`] in segment files. The [module](self) documents the layout.
pub struct SegmentLog {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    options: SegmentOptions,
    writer: Mutex<Writer>,
    index: RwLock<Index>,
    /// How many backups are under way, which keep segments from being replaced.
    holds: Arc<AtomicUsize>,
    /// Held while segments are rewritten: one rewrite at a time.
    rewriting: Mutex<()>,
    _lock: Box<dyn Any + Send + Sync>,
}

struct Writer {
    /// The last segment; none while the log is only looked at.
    file: Option<Arc<dyn DiskFile>>,
    /// Where the next frame goes.
    position: u64,
    encoder: Encoder,
    is_poisoned: bool,
}

/// What is committed, and where to begin to look for it.
#[derive(Debug)]
struct Index {
    segments: Vec<Segment>,
    last: Offset,
}

#[derive(Debug)]
struct Segment {
    /// The offset of its first entry, whether or not it has one yet.
    first: Offset,
    /// Its committed length, header included.
    bytes: u64,
    marks: Vec<Mark>,
}

/// The first offset of a frame and where it is.
#[derive(Clone, Copy, Debug)]
struct Mark {
    first: Offset,
    position: u64,
}

impl Segment {
    fn name(first: Offset) -> String {
        format!("{first:020}.log")
    }

    fn mark(&mut self, first: Offset, position: u64) {
        let is_far = self
            .marks
            .last()
            .is_none_or(|mark| position - mark.position >= MARK_EVERY_BYTES);
        if is_far {
            self.marks.push(Mark { first, position });
        }
    }
}

/// A stretch of one segment to read: taken and opened under the lock, read without it, so that a segment that is
/// replaced meanwhile is read as it was.
struct Stretch {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    start: Mark,
    bytes: u64,
}

impl SegmentLog {
    /// Opens the log in `directory` of the operating system, or creates it.
    ///
    /// # Errors
    /// As [`SegmentLog::open_on`].
    pub fn open(directory: &Path, options: SegmentOptions) -> Result<(Self, OpenReport), LogError> {
        Self::open_on(Arc::new(RealDisk), directory, options)
    }

    /// Opens the log in `directory` of `disk`, or creates it, and cuts a torn tail.
    ///
    /// Walks the frame headers of all segments, and checks the bodies of the last one;
    /// [`SegmentLog::verify`] checks all of them.
    ///
    /// # Errors
    /// [`LogError::Locked`], [`LogError::Damaged`], [`LogError::UnknownVersion`], [`LogError::Io`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        directory: &Path,
        options: SegmentOptions,
    ) -> Result<(Self, OpenReport), LogError> {
        let opened = open::open(disk.as_ref(), directory, Purpose::Write)?;
        let report = opened.report.clone();
        let file = opened.file.clone();
        Ok((Self::of(disk, directory, options, opened, file), report))
    }

    /// Opens the log in `directory` of `disk` to be looked at: nothing in it is changed, a torn tail is reported and
    /// left out, and appends fail. A folder without segments is an empty log.
    ///
    /// # Errors
    /// As [`SegmentLog::open_on`]; [`LogError::Io`] if there is no such directory.
    pub fn open_to_read(
        disk: Arc<dyn Disk>,
        directory: &Path,
    ) -> Result<(Self, OpenReport), LogError> {
        let opened = open::open(disk.as_ref(), directory, Purpose::Read)?;
        let report = opened.report.clone();
        let options = SegmentOptions::default();
        Ok((Self::of(disk, directory, options, opened, None), report))
    }

    fn of(
        disk: Arc<dyn Disk>,
        directory: &Path,
        options: SegmentOptions,
        opened: open::Opened,
        file: Option<Arc<dyn DiskFile>>,
    ) -> Self {
        let writer = Writer {
            file,
            position: opened.report.last_segment_bytes,
            encoder: Encoder::new(),
            is_poisoned: false,
        };
        Self {
            disk,
            directory: directory.to_owned(),
            options,
            writer: Mutex::new(writer),
            index: RwLock::new(opened.index),
            holds: Arc::default(),
            rewriting: Mutex::new(()),
            _lock: opened.lock,
        }
    }

    /// Checks every committed frame: header, checksum, offsets and entries. Runs beside appends.
    ///
    /// # Errors
    /// The first [`LogError::Damaged`] or [`LogError::UnknownVersion`]; [`LogError::Io`].
    pub fn verify(&self) -> Result<VerifyReport, LogError> {
        let (committed, _hold): (Vec<_>, _) = {
            let index = self.index.read();
            let hold = Hold::on(&self.holds);
            let segments = index.segments.iter();
            let committed = segments.map(|segment| (segment.first, segment.bytes));
            (committed.collect(), hold)
        };
        verify::verify_segments(self.disk.as_ref(), &self.directory, &committed)
    }

    fn path(&self, first: Offset) -> PathBuf {
        self.directory.join(Segment::name(first))
    }

    /// The file that takes appends.
    fn file<'a>(&self, writer: &'a Writer) -> Result<&'a Arc<dyn DiskFile>, LogError> {
        writer.file.as_ref().ok_or_else(|| LogError::ReadOnly {
            path: self.directory.clone(),
        })
    }

    /// Starts a new segment if the current one is full.
    fn roll(&self, writer: &mut Writer, first: Offset) -> Result<(), LogError> {
        let is_empty = writer.position <= frame::SEGMENT_HEADER_BYTES;
        if is_empty || writer.position < self.options.segment_bytes {
            return Ok(());
        }
        let created = open::create_segment(self.disk.as_ref(), &self.directory, first);
        if let Err(error) = &created
            && room::is_full(error)
        {
            // Only a draft can be there: nobody takes it for a segment, and the next try begins it anew.
            let _ = self
                .disk
                .remove(&self.path(first).with_extension("log.tmp"));
            return Err(self.full(frame::SEGMENT_HEADER_BYTES));
        }
        writer.file = Some(created?);
        writer.position = frame::SEGMENT_HEADER_BYTES;
        self.index.write().segments.push(Segment {
            first,
            bytes: writer.position,
            marks: Vec::new(),
        });
        Ok(())
    }

    /// Writes and syncs the encoded frame; on failure tries to take it back.
    fn write_frame(&self, writer: &Writer) -> Result<u64, LogError> {
        let frame = writer.encoder.frame();
        let file = self.file(writer)?;
        let segment = self
            .index
            .read()
            .segments
            .last()
            .map(|segment| segment.first);
        let path = self.path(segment.unwrap_or_default());
        let written = file
            .write_at(frame, writer.position)
            .map_err(LogError::io("append to", &path))
            .and_then(|()| file.sync().map_err(LogError::io("sync", &path)));
        if let Err(error) = written {
            // The log is poisoned either way, so no frame can follow this one; a later open sees the
            // end before it, or, where this fails too, cuts it or keeps it whole.
            let taken_back = file.truncate(writer.position).and_then(|()| file.sync());
            let was_written = matches!(error, LogError::Io { what: "sync", .. });
            return Err(match taken_back {
                // The file is what it was before, durably: there is nothing to be afraid of.
                Ok(()) if room::is_full(&error) && !was_written => self.full(frame.len() as u64),
                Ok(()) => error,
                Err(second) => {
                    tracing::warn!(path = %path.display(), error = %second, "cannot take back a failed append");
                    error
                }
            });
        }
        Ok(frame.len() as u64)
    }

    /// Where to look for the entry after `offset`; `None` when there is none.
    fn find(&self, offset: Offset) -> Result<Option<Stretch>, LogError> {
        let index = self.index.read();
        let Some((first, start, bytes)) = index.find(offset) else {
            return Ok(None);
        };
        let path = self.path(first);
        let file = self
            .disk
            .open_to_read(&path)
            .map_err(LogError::io("open", &path))?;
        Ok(Some(Stretch {
            path,
            file,
            start,
            bytes,
        }))
    }

    /// Adds the entries of one segment to `reading`.
    fn read_stretch(stretch: &Stretch, reading: &mut Reading) -> Result<(), LogError> {
        let (path, file) = (&stretch.path, stretch.file.as_ref());
        let mut walker = Walker::new(file, path, stretch.start.position, stretch.bytes);
        let mut expected = stretch.start.first;
        while !reading.is_full {
            let header = match walker.step(expected)? {
                Step::Frame(header) => header,
                Step::End => break,
                Step::Bad(fault) => return Err(fault.into_error(path)),
            };
            expected = header.last().next();
            if header.last() > reading.after {
                let entries = walker
                    .entries(&header)?
                    .map_err(|fault| fault.into_error(path))?;
                reading.take(&header, &entries);
            }
            walker.pass(&header);
        }
        Ok(())
    }
}

impl Index {
    /// The segment of the entry after `offset`, where to begin in it, and its length; `None` when there is none.
    fn find(&self, offset: Offset) -> Option<(Offset, Mark, u64)> {
        if offset >= self.last {
            return None;
        }
        let wanted = offset.next();
        let after = self
            .segments
            .partition_point(|segment| segment.first <= wanted);
        let segment = &self.segments[after.checked_sub(1)?];
        let after = segment.marks.partition_point(|mark| mark.first <= wanted);
        let start = segment.marks[after.checked_sub(1)?];
        Some((segment.first, start, segment.bytes))
    }
}

/// A read under way.
struct Reading {
    after: Offset,
    entries: Vec<Entry>,
    entries_max: usize,
    bytes_left: u64,
    is_full: bool,
}

impl Reading {
    fn take(&mut self, header: &frame::FrameHeader, entries: &frame::Entries<'_>) {
        let mut offset = header.first;
        for (version, bytes) in entries.iter() {
            if self.is_full {
                return;
            }
            if offset > self.after {
                let left = self.bytes_left.checked_sub(bytes.len() as u64);
                if left.is_none() && !self.entries.is_empty() {
                    self.is_full = true;
                    return;
                }
                self.bytes_left = left.unwrap_or(0);
                self.entries.push(Entry {
                    offset,
                    payload: Payload {
                        version,
                        bytes: bytes.to_vec(),
                    },
                });
                self.after = offset;
                self.is_full = left.is_none() || self.entries.len() == self.entries_max;
            }
            offset = offset.next();
        }
    }
}

impl Log for SegmentLog {
    fn append(&self, batch: &[Payload]) -> Result<Appended, LogError> {
        check_batch(batch)?;
        let mut guard = self.writer.lock();
        let writer = &mut *guard;
        self.file(writer)?;
        if writer.is_poisoned {
            return Err(LogError::Poisoned {
                path: self.directory.clone(),
            });
        }
        let before = self.last_offset();
        let last = before
            .checked_add(batch.len() as u64)
            .filter(|last| *last < Offset::MAX)
            .ok_or(LogError::OffsetsExhausted)?;
        let first = before.next();
        let frame_bytes_max = self.options.frame_bytes_max.min(FRAME_BYTES_MAX);
        writer.encoder.encode(batch, first, frame_bytes_max)?;
        self.check_room(writer.encoder.frame().len() as u64)?;
        let written = self
            .roll(writer, first)
            .and_then(|()| self.write_frame(writer));
        let frame_bytes = match written {
            Ok(frame_bytes) => frame_bytes,
            Err(error @ LogError::Full { .. }) => return Err(error),
            Err(error) => {
                writer.is_poisoned = true;
                return Err(error);
            }
        };
        let position = writer.position;
        writer.position += frame_bytes;
        writer.encoder.shrink();
        let mut index = self.index.write();
        index.last = last;
        if let Some(segment) = index.segments.last_mut() {
            segment.mark(first, position);
            segment.bytes = writer.position;
        }
        Ok(Appended { first, last })
    }

    fn read_after(
        &self,
        offset: Offset,
        entries_max: u32,
        bytes_max: u64,
    ) -> Result<Vec<Entry>, LogError> {
        let mut reading = Reading {
            after: offset,
            entries: Vec::new(),
            entries_max: entries_max as usize,
            bytes_left: bytes_max,
            is_full: entries_max == 0,
        };
        while !reading.is_full {
            let Some(stretch) = self.find(reading.after)? else {
                break;
            };
            Self::read_stretch(&stretch, &mut reading)?;
        }
        Ok(reading.entries)
    }

    fn last_offset(&self) -> Offset {
        self.index.read().last
    }

    fn first_offset(&self) -> Option<Offset> {
        let index = self.index.read();
        let first = index.segments.first()?.first;
        (first <= index.last).then_some(first)
    }

    fn bytes_on_disk(&self) -> u64 {
        let index = self.index.read();
        index.segments.iter().map(|segment| segment.bytes).sum()
    }

    fn newest_file_bytes(&self) -> u64 {
        let index = self.index.read();
        index.segments.last().map_or(0, |segment| segment.bytes)
    }

    fn segments_count(&self) -> usize {
        self.index.read().segments.len()
    }

    fn room(&self) -> Result<(), LogError> {
        self.check_room(0)
    }

    fn rewrite(
        &self,
        change: &mut Change<'_>,
        archive: Option<&Path>,
    ) -> Result<RewriteReport, LogError> {
        self.rewrite_segments(change, archive)
    }

    fn seal(&self) -> Result<(), LogError> {
        self.seal_segment()
    }

    fn backup(&self) -> Option<LogBackup> {
        let index = self.index.read();
        // While the lock is held no segment is replaced; from then on, the hold says so.
        let hold = Hold::on(&self.holds);
        let segments = index.segments.iter();
        let files = segments.map(|segment| (Segment::name(segment.first), segment.bytes));
        Some(LogBackup::new(
            Arc::clone(&self.disk),
            self.directory.clone(),
            files.collect(),
            index.last,
            hold,
        ))
    }
}
