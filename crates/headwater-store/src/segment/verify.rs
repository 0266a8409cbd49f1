//! Checking every byte of a log.

use std::path::Path;

use super::frame::{self, SEGMENT_HEADER_BYTES, Step, Walker};
use super::open::Purpose;
use super::{Segment, open};
use crate::disk::Disk;
use crate::{LogError, Offset};

/// A log in which every frame is intact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many segments were read.
    pub segments_count: usize,
    /// How many frames they hold.
    pub frames_count: u64,
    /// How many entries these hold; also the offset of the newest.
    pub entries_count: u64,
    /// How many bytes were read.
    pub bytes: u64,
}

/// Checks every frame of the log in `directory` and changes nothing. The log must not be open.
///
/// # Errors
/// The first [`LogError::Damaged`] or [`LogError::UnknownVersion`], which a torn tail is, too;
/// [`LogError::Locked`], [`LogError::Io`].
pub fn verify_directory(disk: &dyn Disk, directory: &Path) -> Result<VerifyReport, LogError> {
    let _lock = open::take_lock(disk, directory, Purpose::Read)?;
    let mut segments = Vec::new();
    for first in open::list_segments(disk, directory)? {
        let path = directory.join(Segment::name(first));
        let file = disk
            .open_to_read(&path)
            .map_err(LogError::io("open", &path))?;
        let bytes = file.bytes().map_err(LogError::io("measure", &path))?;
        segments.push((first, bytes));
    }
    verify_segments(disk, directory, &segments)
}

/// Checks so many of the first bytes of each segment, which are to hold whole frames.
pub(super) fn verify_segments(
    disk: &dyn Disk,
    directory: &Path,
    segments: &[(Offset, u64)],
) -> Result<VerifyReport, LogError> {
    let mut report = VerifyReport {
        segments_count: segments.len(),
        frames_count: 0,
        entries_count: 0,
        bytes: 0,
    };
    let mut next = Offset::ZERO.next();
    for (first, bytes) in segments {
        next = verify_segment(disk, directory, (*first, *bytes), next, &mut report)?;
    }
    Ok(report)
}

/// Checks one segment and returns the offset that follows it.
fn verify_segment(
    disk: &dyn Disk,
    directory: &Path,
    (first, bytes): (Offset, u64),
    expected: Offset,
    report: &mut VerifyReport,
) -> Result<Offset, LogError> {
    let path = directory.join(Segment::name(first));
    let file = disk
        .open_to_read(&path)
        .map_err(LogError::io("open", &path))?;
    frame::check_segment_header(file.as_ref(), &path, first)?;
    open::check_first(&path, first, expected)?;
    let mut walker = Walker::new(file.as_ref(), &path, SEGMENT_HEADER_BYTES, bytes);
    let mut next = first;
    loop {
        let header = match walker.step(next)? {
            Step::Frame(header) => header,
            Step::End => break,
            Step::Bad(fault) => return Err(fault.into_error(&path)),
        };
        walker
            .entries(&header)?
            .map_err(|fault| fault.into_error(&path))?;
        report.frames_count += 1;
        report.entries_count += u64::from(header.entries_count);
        next = header.last().next();
        walker.pass(&header);
    }
    report.bytes += bytes;
    Ok(next)
}
