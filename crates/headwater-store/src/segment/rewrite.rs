//! Rewriting closed segments: payloads get smaller, offsets stay.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::frame::{self, Encoder, SEGMENT_HEADER_BYTES, Step, Walker};
use super::{FRAME_BYTES_MAX, Segment, SegmentLog, open};
use crate::disk::DiskFile;
use crate::{Change, LogError, Offset, Payload, RewriteReport};

/// Strong enough that what repeats from entry to entry costs little; nobody waits for it.
const ZSTD_LEVEL: i32 = 12;
/// Payloads of one rewritten frame, and their bytes: reading one entry decompresses so much.
const FRAME_PAYLOADS_MAX: usize = 4096;
const FRAME_RAW_BYTES: usize = 1 << 20;

impl SegmentLog {
    /// See [`crate::Log::rewrite`].
    pub(super) fn rewrite_segments(
        &self,
        change: &mut Change<'_>,
        archive: Option<&Path>,
    ) -> Result<RewriteReport, LogError> {
        let _alone = self.rewriting.lock();
        let mut report = RewriteReport::default();
        let closed: Vec<(Offset, u64)> = {
            let index = self.index.read();
            let count = index.segments.len().saturating_sub(1);
            let segments = index.segments.iter().take(count);
            segments.map(|s| (s.first, s.bytes)).collect()
        };
        for (first, bytes) in closed {
            let draft = self.path(first).with_extension("log.tmp");
            let written = self.rewrite_one((first, bytes), &draft, change)?;
            let Some((segment, file)) = written.filter(|(segment, _)| segment.bytes < bytes) else {
                self.remove_draft(&draft)?;
                continue;
            };
            file.sync().map_err(LogError::io("sync", &draft))?;
            if let Some(archive) = archive {
                self.keep_copy((first, bytes), archive)?;
            }
            let after = segment.bytes;
            if self.replace(segment, &draft)? {
                report.segments_count += 1;
                report.bytes_before += bytes;
                report.bytes_after += after;
            } else {
                // A backup is under way: what it reads stays as it is.
                report.is_busy = true;
                self.remove_draft(&draft)?;
            }
        }
        Ok(report)
    }

    fn remove_draft(&self, draft: &Path) -> Result<(), LogError> {
        match self.disk.remove(draft) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(LogError::io("remove", draft)(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes the changed segment to `draft`; none if nothing changes.
    fn rewrite_one(
        &self,
        (first, bytes): (Offset, u64),
        draft: &Path,
        change: &mut Change<'_>,
    ) -> Result<Option<Rewritten>, LogError> {
        let path = self.path(first);
        let file = self.disk.open(&path).map_err(LogError::io("open", &path))?;
        let mut walker = Walker::new(file.as_ref(), &path, SEGMENT_HEADER_BYTES, bytes);
        let mut draft = Draft::new(self, draft, first)?;
        let mut next = first;
        let mut is_changed = false;
        loop {
            let header = match walker.step(next)? {
                Step::Frame(header) => header,
                Step::End => break,
                Step::Bad(fault) => return Err(fault.into_error(&path)),
            };
            let entries = walker
                .entries(&header)?
                .map_err(|fault| fault.into_error(&path))?;
            let mut payloads: Vec<Payload> = entries
                .iter()
                .map(|(version, bytes)| Payload {
                    version,
                    bytes: bytes.to_vec(),
                })
                .collect();
            is_changed |= change(header.first, &mut payloads);
            draft.add(header.first, payloads)?;
            next = header.last().next();
            walker.pass(&header);
        }
        draft.flush()?;
        Ok(is_changed.then_some((draft.segment, draft.file)))
    }

    /// Copies a segment to the folder `archive`, durably.
    fn keep_copy(&self, (first, bytes): (Offset, u64), archive: &Path) -> Result<(), LogError> {
        let disk = self.disk.as_ref();
        disk.create_directory(archive)
            .map_err(LogError::io("create", archive))?;
        let (from, to) = (self.path(first), archive.join(Segment::name(first)));
        let source = disk.open(&from).map_err(LogError::io("open", &from))?;
        let copy = disk.create(&to).map_err(LogError::io("create", &to))?;
        super::repair::copy_bytes((source.as_ref(), &from, 0, bytes), copy.as_ref(), &to, 0)?;
        copy.sync().map_err(LogError::io("sync", &to))?;
        disk.sync_directory(archive)
            .map_err(LogError::io("sync", archive))
    }

    /// Puts a segment in the place of the one with the same name, unless that is being copied.
    fn replace(&self, segment: Segment, draft: &Path) -> Result<bool, LogError> {
        let path = self.path(segment.first);
        let mut index = self.index.write();
        if self.holds.load(Ordering::Acquire) > 0 {
            return Ok(false);
        }
        // Readers open a segment while they look it up: they have either the old one or the new one.
        self.disk
            .rename(draft, &path)
            .map_err(LogError::io("rename", draft))?;
        if let Some(place) = index.segments.iter_mut().find(|s| s.first == segment.first) {
            *place = segment;
        }
        drop(index);
        self.disk
            .sync_directory(&self.directory)
            .map_err(LogError::io("sync", &self.directory))
            .map(|()| true)
    }

    /// Closes the current segment, so that it can be rewritten. See [`crate::Log::seal`].
    pub(super) fn seal_segment(&self) -> Result<(), LogError> {
        let mut writer = self.writer.lock();
        self.file(&writer)?;
        if writer.position <= SEGMENT_HEADER_BYTES {
            return Ok(());
        }
        let first = self.index.read().last.next();
        writer.file = Some(open::create_segment(
            self.disk.as_ref(),
            &self.directory,
            first,
        )?);
        writer.position = SEGMENT_HEADER_BYTES;
        self.index.write().segments.push(Segment {
            first,
            bytes: SEGMENT_HEADER_BYTES,
            marks: Vec::new(),
        });
        Ok(())
    }
}

/// A segment that was written again, and its file.
type Rewritten = (Segment, Arc<dyn DiskFile>);

/// A segment that is being written again.
struct Draft<'a> {
    path: &'a Path,
    file: Arc<dyn DiskFile>,
    segment: Segment,
    encoder: Encoder,
    /// What goes into the next frame, and the offset of its first payload.
    pending: Vec<Payload>,
    pending_bytes: usize,
    pending_first: Offset,
}

impl<'a> Draft<'a> {
    fn new(log: &SegmentLog, path: &'a Path, first: Offset) -> Result<Self, LogError> {
        let file = log
            .disk
            .create(path)
            .map_err(LogError::io("create", path))?;
        file.write_at(&frame::encode_segment_header(first), 0)
            .map_err(LogError::io("write to", path))?;
        Ok(Self {
            path,
            file,
            segment: Segment {
                first,
                bytes: SEGMENT_HEADER_BYTES,
                marks: Vec::new(),
            },
            encoder: Encoder::with_level(ZSTD_LEVEL),
            pending: Vec::new(),
            pending_bytes: 0,
            pending_first: first,
        })
    }

    /// Adds what was one frame. Frames are put together and never split: an entry lies in one.
    fn add(&mut self, first: Offset, payloads: Vec<Payload>) -> Result<(), LogError> {
        let bytes: usize = payloads.iter().map(|payload| payload.bytes.len()).sum();
        let is_full = self.pending.len() + payloads.len() > FRAME_PAYLOADS_MAX
            || self.pending_bytes + bytes > FRAME_RAW_BYTES;
        if is_full {
            self.flush()?;
        }
        if self.pending.is_empty() {
            self.pending_first = first;
        }
        self.pending_bytes += bytes;
        self.pending.extend(payloads);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.encoder
            .encode(&self.pending, self.pending_first, FRAME_BYTES_MAX)?;
        let frame = self.encoder.frame();
        self.file
            .write_at(frame, self.segment.bytes)
            .map_err(LogError::io("write to", self.path))?;
        self.segment.mark(self.pending_first, self.segment.bytes);
        self.segment.bytes += frame.len() as u64;
        self.pending.clear();
        self.pending_bytes = 0;
        Ok(())
    }
}
