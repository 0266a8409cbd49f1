//! Repairing a damaged log: what is intact stays at its offsets, what is not is replaced by fillers.

use std::path::Path;
use std::sync::Arc;

use super::frame::{self, Encoder, FRAME_HEADER_BYTES, FrameHeader, SEGMENT_HEADER_BYTES, Walker};
use super::open::Purpose;
use super::{FRAME_BYTES_MAX, Segment, open};
use crate::disk::{Disk, DiskFile};
use crate::{LogError, Offset, Payload};

/// Fillers in one frame.
const FILLERS_PER_FRAME: u64 = 1 << 16;
/// Bytes that are looked through, or copied, at once.
const PIECE_BYTES: usize = 1 << 20;

/// Entries that are damaged or missing, and would be replaced or cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The file name of the segment.
    pub segment: String,
    /// Where in the segment the damage begins.
    pub byte_offset: u64,
    /// How many bytes of the segment make no sense; 0 where they are missing.
    pub bytes: u64,
    /// The first offset that is lost; none if no entry is, for example in a damaged segment header.
    pub first: Option<Offset>,
    /// The last offset that is lost; none at the end of the log, where nobody knows how many there were.
    pub last: Option<Offset>,
    /// The rule that is broken.
    pub reason: String,
}

/// A segment as a repair leaves it.
struct Repaired {
    first: Offset,
    /// What it is made of; a segment that is whole has none.
    pieces: Vec<Piece>,
    losses: Vec<Loss>,
}

enum Piece {
    /// Bytes of the segment as it is.
    Keep(u64, u64),
    /// Offsets that get fillers, both included.
    Fill(Offset, Offset),
}

/// Finds what a repair of the log in `directory` would lose, and changes nothing. A torn tail is no loss, unless it follows
/// damage, of which it may be a part. Empty where
/// the log is whole.
///
/// # Errors
/// [`LogError::Locked`], [`LogError::Io`]; [`LogError::UnknownVersion`] and [`LogError::Damaged`] where two segments
/// hold the same offsets: neither can be repaired.
pub fn find_losses(disk: &dyn Disk, directory: &Path) -> Result<Vec<Loss>, LogError> {
    let _lock = open::take_lock(disk, directory, Purpose::Read)?;
    let found = examine(disk, directory)?;
    Ok(found
        .into_iter()
        .flat_map(|segment| segment.losses)
        .collect())
}

/// Repairs the log in `directory`: damaged entries and missing ones are replaced by `filler`, at the same offsets, and a
/// damaged end is cut. Segments that change are first copied to `copies`, which is created.
///
/// A repair that is interrupted is done again by the next one: segments are replaced one by one, each in one step.
///
/// # Errors
/// As [`find_losses`].
pub fn repair_directory(
    disk: &dyn Disk,
    directory: &Path,
    copies: &Path,
    filler: &Payload,
) -> Result<Vec<Loss>, LogError> {
    let _lock = open::take_lock(disk, directory, Purpose::Write)?;
    open::remove_drafts(disk, directory)?;
    let found = examine(disk, directory)?;
    if found.iter().any(|segment| !segment.losses.is_empty()) {
        disk.create_directory(copies)
            .map_err(LogError::io("create", copies))?;
    }
    let mut losses = Vec::new();
    for segment in found {
        if !segment.losses.is_empty() {
            replace(disk, directory, copies, filler, &segment)?;
        }
        losses.extend(segment.losses);
    }
    Ok(losses)
}

fn examine(disk: &dyn Disk, directory: &Path) -> Result<Vec<Repaired>, LogError> {
    let firsts = open::list_segments(disk, directory)?;
    let mut found = Vec::new();
    let mut next = Offset::ZERO.next();
    for (at, first) in firsts.iter().enumerate() {
        let path = directory.join(Segment::name(*first));
        if *first > next {
            found.push(missing(next, *first));
            next = *first;
        }
        // Two segments that hold the same offsets contradict each other: which is right, a person decides.
        open::check_first(&path, *first, next)?;
        let (segment, after) = examine_segment(disk, &path, *first, firsts.get(at + 1).copied())?;
        found.push(segment);
        next = after;
    }
    Ok(found)
}

/// A segment that is not there.
fn missing(first: Offset, next: Offset) -> Repaired {
    let last = before(next);
    let loss = Loss {
        segment: Segment::name(first),
        byte_offset: 0,
        bytes: 0,
        first: Some(first),
        last: Some(last),
        reason: "the segment is missing".to_owned(),
    };
    Repaired {
        first,
        pieces: vec![Piece::Fill(first, last)],
        losses: vec![loss],
    }
}

fn before(offset: Offset) -> Offset {
    Offset::new(offset.get().saturating_sub(1)).unwrap_or_default()
}

/// Examines one segment; `limit` is where the next one begins. Returns the offset that follows it, too.
fn examine_segment(
    disk: &dyn Disk,
    path: &Path,
    first: Offset,
    limit: Option<Offset>,
) -> Result<(Repaired, Offset), LogError> {
    let file = disk
        .open_to_read(path)
        .map_err(LogError::io("open", path))?;
    let bytes = file.bytes().map_err(LogError::io("measure", path))?;
    let mut examination = Examination {
        file,
        path,
        bytes,
        repaired: Repaired {
            first,
            pieces: Vec::new(),
            losses: Vec::new(),
        },
    };
    match frame::check_segment_header(examination.file.as_ref(), path, first) {
        Ok(()) => {}
        Err(LogError::Damaged { reason, .. }) => {
            let length = bytes.min(SEGMENT_HEADER_BYTES);
            examination.lose((0, length), None, reason);
        }
        Err(other) => return Err(other),
    }
    let next = examination.walk(first, limit)?;
    Ok((examination.repaired, next))
}

struct Examination<'a> {
    file: Arc<dyn DiskFile>,
    path: &'a Path,
    bytes: u64,
    repaired: Repaired,
}

impl Examination<'_> {
    fn lose(
        &mut self,
        (start, end): (u64, u64),
        offsets: Option<(Offset, Option<Offset>)>,
        reason: String,
    ) {
        let segment = Segment::name(self.repaired.first);
        self.repaired.losses.push(Loss {
            segment,
            byte_offset: start,
            bytes: end - start,
            first: offsets.map(|(first, _)| first),
            last: offsets.and_then(|(_, last)| last),
            reason,
        });
        if let Some((first, Some(last))) = offsets {
            self.repaired.pieces.push(Piece::Fill(first, last));
        }
    }

    /// Leaves out a tail that looks torn. Behind damage it may as well be more of that, and is a loss: what an append
    /// that was cut short left follows an intact frame.
    fn cut(&mut self, (start, end): (u64, u64), next: Offset, reason: String) -> Offset {
        let follows_damage = self
            .repaired
            .losses
            .last()
            .is_some_and(|loss| loss.byte_offset + loss.bytes == start);
        if follows_damage {
            self.lose((start, end), Some((next, None)), reason);
        }
        next
    }

    fn keep(&mut self, start: u64, end: u64) {
        match self.repaired.pieces.last_mut() {
            Some(Piece::Keep(_, last)) if *last == start => *last = end,
            _ => self.repaired.pieces.push(Piece::Keep(start, end)),
        }
    }

    /// Goes from frame to frame, and from one that is damaged to the next that is intact.
    fn walk(&mut self, first: Offset, limit: Option<Offset>) -> Result<Offset, LogError> {
        let file = Arc::clone(&self.file);
        let (path, bytes) = (self.path, self.bytes);
        let mut walker = Walker::new(file.as_ref(), path, SEGMENT_HEADER_BYTES.min(bytes), bytes);
        let mut next = first;
        loop {
            let start = walker.position;
            let reason = match walker.step(next)? {
                frame::Step::End => break,
                frame::Step::Bad(fault) => reason_of(fault.into_error(path))?,
                frame::Step::Frame(header) => {
                    let end = start + header.frame_bytes();
                    let broken = match walker.entries(&header)? {
                        Ok(_) => None,
                        Err(fault) => Some(reason_of(fault.into_error(path))?),
                    };
                    walker.pass(&header);
                    let Some(reason) = broken else {
                        self.keep(start, end);
                        next = header.last().next();
                        continue;
                    };
                    if limit.is_none() && end >= bytes {
                        // The last frame of the log: a torn tail, which opening cuts.
                        return Ok(self.cut((start, bytes), next, reason));
                    }
                    self.lose((start, end), Some((next, Some(header.last()))), reason);
                    next = header.last().next();
                    continue;
                }
            };
            match find_frame(file.as_ref(), path, (start + 1, bytes), next, limit)? {
                Some((position, header)) => {
                    let lost = (header.first > next).then(|| (next, Some(before(header.first))));
                    self.lose((start, position), lost, reason);
                    next = header.first;
                    walker = Walker::new(file.as_ref(), path, position, bytes);
                }
                None if limit.is_none()
                    && open::is_torn(file.as_ref(), path, start, bytes, next)? =>
                {
                    return Ok(self.cut((start, bytes), next, reason));
                }
                None => {
                    let lost = limit.is_none_or(|limit| limit > next);
                    let last = limit.map(before);
                    self.lose((start, bytes), lost.then_some((next, last)), reason);
                    return Ok(limit.unwrap_or(next));
                }
            }
        }
        match limit {
            Some(limit) if limit > next => {
                let reason = "the entries up to the next segment are missing".to_owned();
                self.lose((bytes, bytes), Some((next, Some(before(limit)))), reason);
                Ok(limit)
            }
            _ => Ok(next),
        }
    }
}

fn reason_of(error: LogError) -> Result<String, LogError> {
    match error {
        LogError::Damaged { reason, .. } => Ok(reason),
        other => Err(other),
    }
}

/// The first intact frame in a stretch that may follow: with an offset not below `next`, and below `limit`.
fn find_frame(
    file: &dyn DiskFile,
    path: &Path,
    (start, end): (u64, u64),
    next: Offset,
    limit: Option<Offset>,
) -> Result<Option<(u64, FrameHeader)>, LogError> {
    let mut position = start;
    let mut piece = Vec::new();
    while position < end {
        piece.resize((end - position).min(PIECE_BYTES as u64) as usize, 0);
        let count = file
            .read_at(&mut piece, position)
            .map_err(LogError::io("read", path))?;
        for (at, window) in piece[..count].windows(FRAME_HEADER_BYTES).enumerate() {
            if window[..4] != frame::FRAME_MAGIC {
                continue;
            }
            let Ok(header) = FrameHeader::decode(window) else {
                continue;
            };
            let found = position + at as u64;
            let is_in_place = header.first >= next
                && limit.is_none_or(|limit| header.last() < limit)
                && found + header.frame_bytes() <= end;
            let mut walker = Walker::new(file, path, found, end);
            if is_in_place && walker.entries(&header)?.is_ok() {
                return Ok(Some((found, header)));
            }
        }
        if position + count as u64 >= end || count < FRAME_HEADER_BYTES {
            return Ok(None);
        }
        position += (count - FRAME_HEADER_BYTES + 1) as u64;
    }
    Ok(None)
}

/// Puts the repaired segment in the place of the damaged one, of which a copy is kept.
fn replace(
    disk: &dyn Disk,
    directory: &Path,
    copies: &Path,
    filler: &Payload,
    segment: &Repaired,
) -> Result<(), LogError> {
    let path = directory.join(Segment::name(segment.first));
    let original = match disk.open(&path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(LogError::io("open", &path)(error)),
    };
    if let Some(original) = &original {
        let bytes = original.bytes().map_err(LogError::io("measure", &path))?;
        let copy = copies.join(Segment::name(segment.first));
        let file = disk.create(&copy).map_err(LogError::io("create", &copy))?;
        copy_bytes(
            (original.as_ref(), &path, 0, bytes),
            file.as_ref(),
            &copy,
            0,
        )?;
        file.sync().map_err(LogError::io("sync", &copy))?;
        disk.sync_directory(copies)
            .map_err(LogError::io("sync", copies))?;
    }
    let draft = path.with_extension("log.tmp");
    let file = disk
        .create(&draft)
        .map_err(LogError::io("create", &draft))?;
    file.write_at(&frame::encode_segment_header(segment.first), 0)
        .map_err(LogError::io("write to", &draft))?;
    let mut position = SEGMENT_HEADER_BYTES;
    for piece in &segment.pieces {
        position = match (piece, &original) {
            (Piece::Keep(start, end), Some(original)) => copy_bytes(
                (original.as_ref(), &path, *start, *end),
                file.as_ref(),
                &draft,
                position,
            )?,
            (Piece::Keep(..), None) => position,
            (Piece::Fill(first, last), _) => {
                fill(file.as_ref(), &draft, (*first, *last), filler, position)?
            }
        };
    }
    file.sync().map_err(LogError::io("sync", &draft))?;
    disk.rename(&draft, &path)
        .map_err(LogError::io("rename", &draft))?;
    disk.sync_directory(directory)
        .map_err(LogError::io("sync", directory))
}

/// Copies a stretch of one file to `position` of another; returns where the copy ends.
pub(super) fn copy_bytes(
    (from, from_path, start, end): (&dyn DiskFile, &Path, u64, u64),
    to: &dyn DiskFile,
    to_path: &Path,
    mut position: u64,
) -> Result<u64, LogError> {
    let mut at = start;
    let mut piece = Vec::new();
    while at < end {
        piece.resize((end - at).min(PIECE_BYTES as u64) as usize, 0);
        let count = from
            .read_at(&mut piece, at)
            .map_err(LogError::io("read", from_path))?;
        if count == 0 {
            break;
        }
        to.write_at(&piece[..count], position)
            .map_err(LogError::io("write to", to_path))?;
        at += count as u64;
        position += count as u64;
    }
    Ok(position)
}

/// Writes frames of fillers; returns where they end.
fn fill(
    file: &dyn DiskFile,
    path: &Path,
    (first, last): (Offset, Offset),
    filler: &Payload,
    mut position: u64,
) -> Result<u64, LogError> {
    let mut encoder = Encoder::new();
    let mut next = first.get();
    while next <= last.get() {
        let count = (last.get() - next + 1).min(FILLERS_PER_FRAME);
        let batch = vec![filler.clone(); count as usize];
        let offset = Offset::new(next).map_err(|_| LogError::OffsetsExhausted)?;
        encoder.encode(&batch, offset, FRAME_BYTES_MAX)?;
        file.write_at(encoder.frame(), position)
            .map_err(LogError::io("write to", path))?;
        position += encoder.frame().len() as u64;
        next += count;
    }
    Ok(position)
}
