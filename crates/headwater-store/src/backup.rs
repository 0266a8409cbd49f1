//! A backup: the log at one offset, in one file.
//!
//! The file is a tar archive that any tar reads:
//! - `headwater-backup`: lines `version 1`, `offset N`, `segments K`;
//! - `log/<segment>`: each segment, in order, as long as it was at that offset;
//! - `SHA256SUMS`: `<hex>  <name>` for each file before it, as `sha256sum --check` reads it. A backup without it is not
//!   whole.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest as _, Sha256};

use crate::disk::{Disk, DiskFile};
use crate::{LogError, Offset, verify_directory};

/// The version of the format that is written, and the newest that is read.
pub const BACKUP_VERSION: u32 = 1;

const ABOUT: &str = "headwater-backup";
const SUMS: &str = "SHA256SUMS";
const FOLDER: &str = "log/";
/// The longest file beside the segments: checksums of a million segments.
const TEXT_BYTES_MAX: u64 = 128 << 20;
/// Bytes that are copied at once.
const PIECE_BYTES: usize = 256 << 10;

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// The offset of the newest entry.
    pub last_offset: Offset,
    /// How many segments.
    pub segments_count: usize,
    /// Bytes of all segments.
    pub bytes: u64,
}

/// Why a backup was not written, checked or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Reading or writing failed.
    #[error("the backup cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// It is no backup, is cut short, or its bytes changed.
    #[error("{file} of the backup {problem}")]
    Damaged {
        /// The file in it.
        file: String,
        /// The rule that it breaks.
        problem: String,
    },
    /// A later release wrote it.
    #[error("the backup has format version {found}; this release reads up to {BACKUP_VERSION}")]
    UnknownVersion {
        /// The version.
        found: u32,
    },
    /// A segment can't be read, or is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
}

fn damaged(file: &str, problem: impl Into<String>) -> BackupError {
    BackupError::Damaged {
        file: file.to_owned(),
        problem: problem.into(),
    }
}

/// Keeps segments from being replaced while it lives.
pub(crate) struct Hold(Arc<AtomicUsize>);

impl Hold {
    pub(crate) fn on(holds: &Arc<AtomicUsize>) -> Self {
        holds.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(holds))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The files of a log at one offset. Appends go on beside it.
pub struct LogBackup {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    /// Names and lengths.
    files: Vec<(String, u64)>,
    last_offset: Offset,
    _hold: Hold,
}

impl LogBackup {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        directory: PathBuf,
        files: Vec<(String, u64)>,
        last_offset: Offset,
        hold: Hold,
    ) -> Self {
        Self {
            disk,
            directory,
            files,
            last_offset,
            _hold: hold,
        }
    }

    /// What it holds.
    pub fn report(&self) -> BackupReport {
        BackupReport {
            last_offset: self.last_offset,
            segments_count: self.files.len(),
            bytes: self.files.iter().map(|(_, bytes)| bytes).sum(),
        }
    }

    /// Writes the backup to `out`. `tell` hears of the bytes of segments that were written.
    ///
    /// # Errors
    /// [`BackupError::Io`], [`BackupError::Log`]: what was written is no backup then.
    pub fn write_to(
        &self,
        out: impl Write,
        tell: &mut dyn FnMut(u64),
    ) -> Result<BackupReport, BackupError> {
        let report = self.report();
        let about = format!(
            "version {BACKUP_VERSION}\noffset {}\nsegments {}\n",
            report.last_offset, report.segments_count
        );
        let mut archive = tar::Builder::new(out);
        let mut sums = String::new();
        append(&mut archive, ABOUT, about.len() as u64, about.as_bytes())?;
        sums += &sum_line(&Sha256::digest(about.as_bytes()), ABOUT);
        for (name, bytes) in &self.files {
            let path = self.directory.join(name);
            let file = self
                .disk
                .open_to_read(&path)
                .map_err(LogError::io("open", &path))?;
            let mut reader = FileReader {
                file,
                position: 0,
                end: *bytes,
                hasher: Sha256::new(),
                tell,
            };
            let name = format!("{FOLDER}{name}");
            append(&mut archive, &name, *bytes, &mut reader)?;
            if reader.position != *bytes {
                return Err(damaged(&name, "is shorter than it was"));
            }
            sums += &sum_line(&reader.hasher.finalize(), &name);
        }
        append(&mut archive, SUMS, sums.len() as u64, sums.as_bytes())?;
        archive.into_inner()?.flush()?;
        Ok(report)
    }
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    name: &str,
    bytes: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, content.take(bytes))
}

fn sum_line(digest: &[u8], name: &str) -> String {
    format!("{}  {name}\n", hex(digest))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The first bytes of a file, digested as they are read.
struct FileReader<'a> {
    file: Arc<dyn DiskFile>,
    position: u64,
    end: u64,
    hasher: Sha256,
    tell: &'a mut dyn FnMut(u64),
}

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left).min(PIECE_BYTES);
        let count = self.file.read_at(&mut buffer[..wanted], self.position)?;
        self.hasher.update(&buffer[..count]);
        self.position += count as u64;
        (self.tell)(count as u64);
        Ok(count)
    }
}

/// Checks that `input` is a whole backup: every checksum holds. `tell` hears of the bytes of segments that were read.
///
/// # Errors
/// [`BackupError`] says what is wrong with which file.
pub fn check_backup(
    input: impl Read,
    tell: &mut dyn FnMut(u64),
) -> Result<BackupReport, BackupError> {
    read_backup(input, tell, &mut |_, _, _| Ok(()))
}

/// Writes the segments of the backup `input` into `directory`, which is empty, and checks them: checksums, every frame,
/// and that they end at the offset of the backup. Until it returns `Ok`, the directory is to be thrown away.
///
/// # Errors
/// [`BackupError`] says what is wrong with which file.
pub fn restore_backup(
    input: impl Read,
    disk: &dyn Disk,
    directory: &Path,
    tell: &mut dyn FnMut(u64),
) -> Result<BackupReport, BackupError> {
    disk.create_directory(directory)?;
    let mut current: Option<(String, Arc<dyn DiskFile>)> = None;
    let report = read_backup(input, tell, &mut |name, position, bytes| {
        let is_current = current.as_ref().is_some_and(|(open, _)| open == name);
        if !is_current {
            if let Some((_, done)) = current.take() {
                done.sync()?;
            }
            current = Some((name.to_owned(), disk.create(&directory.join(name))?));
        }
        match &current {
            Some((_, file)) => file.write_at(bytes, position),
            None => Ok(()),
        }
    })?;
    if let Some((_, done)) = current {
        done.sync()?;
    }
    disk.sync_directory(directory)?;
    let verified = verify_directory(disk, directory)?;
    if verified.entries_count != report.last_offset.get() {
        let problem = format!(
            "states offset {}, and its segments end at {}",
            report.last_offset, verified.entries_count
        );
        return Err(damaged(ABOUT, problem));
    }
    Ok(report)
}

/// Gets the name of a segment, a position in it and bytes that stand there.
type Take<'a> = dyn FnMut(&str, u64, &[u8]) -> io::Result<()> + 'a;

fn read_backup(
    input: impl Read,
    tell: &mut dyn FnMut(u64),
    take: &mut Take<'_>,
) -> Result<BackupReport, BackupError> {
    let mut archive = tar::Archive::new(input);
    let mut sums = String::new();
    let mut report: Option<BackupReport> = None;
    let mut found = (0_usize, 0_u64);
    let unreadable = |error: io::Error| damaged("an entry", format!("cannot be read: {error}"));
    for entry in archive.entries()? {
        let mut entry = entry.map_err(unreadable)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let stated = entry.size();
        if name == SUMS {
            let given = read_text(&mut entry, &name)?;
            return finish(&given, &sums, report, found);
        }
        if name == ABOUT {
            let text = read_text(&mut entry, &name)?;
            report = Some(parse_about(&text)?);
            sums += &sum_line(&Sha256::digest(text.as_bytes()), ABOUT);
            continue;
        }
        if report.is_none() {
            return Err(damaged(&name, format!("stands where {ABOUT} is due")));
        }
        let segment = segment_name(&name)?;
        let digest = read_segment(&mut entry, segment, stated, tell, take)?;
        sums += &sum_line(&digest, &name);
        found = (found.0 + 1, found.1 + stated);
    }
    Err(damaged(SUMS, "is missing: the backup is cut short"))
}

fn read_text(entry: &mut impl Read, name: &str) -> Result<String, BackupError> {
    let mut text = String::new();
    entry
        .take(TEXT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| damaged(name, format!("cannot be read: {error}")))?;
    Ok(text)
}

/// The name of a segment file; nothing else is written anywhere.
fn segment_name(name: &str) -> Result<&str, BackupError> {
    let segment = name.strip_prefix(FOLDER).filter(|segment| {
        let digits = segment.strip_suffix(".log").unwrap_or_default();
        digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit())
    });
    segment.ok_or_else(|| damaged(name, "is no segment"))
}

fn read_segment(
    entry: &mut impl Read,
    segment: &str,
    stated: u64,
    tell: &mut dyn FnMut(u64),
    take: &mut Take<'_>,
) -> Result<Vec<u8>, BackupError> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut position = 0;
    loop {
        let count = entry
            .read(&mut piece)
            .map_err(|error| damaged(segment, format!("cannot be read: {error}")))?;
        if count == 0 {
            break;
        }
        hasher.update(&piece[..count]);
        take(segment, position, &piece[..count])?;
        position += count as u64;
        tell(count as u64);
    }
    if position != stated {
        return Err(damaged(segment, "is cut short"));
    }
    Ok(hasher.finalize().to_vec())
}

fn parse_about(text: &str) -> Result<BackupReport, BackupError> {
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().parse::<u64>().ok())
            .ok_or_else(|| damaged(ABOUT, format!("has no line \"{name} <number>\"")))
    };
    let version = number("version")?;
    if version == 0 || version > u64::from(BACKUP_VERSION) {
        return Err(BackupError::UnknownVersion {
            found: u32::try_from(version).unwrap_or(u32::MAX),
        });
    }
    let last_offset = Offset::new(number("offset")?);
    Ok(BackupReport {
        last_offset: last_offset.map_err(|error| damaged(ABOUT, error.to_string()))?,
        segments_count: usize::try_from(number("segments")?).unwrap_or(usize::MAX),
        bytes: 0,
    })
}

fn finish(
    given: &str,
    computed: &str,
    report: Option<BackupReport>,
    (segments_count, bytes): (usize, u64),
) -> Result<BackupReport, BackupError> {
    let mut pairs = given.lines().zip(computed.lines());
    if let Some((_, line)) = pairs.find(|(given, computed)| given != computed) {
        let name = line.split("  ").nth(1).unwrap_or_default();
        return Err(damaged(name, "does not have the SHA-256 that it had"));
    }
    let report = report.ok_or_else(|| damaged(ABOUT, "is missing"))?;
    if given != computed || report.segments_count != segments_count {
        let stated = report.segments_count;
        return Err(damaged(
            SUMS,
            format!("is of other files: {stated} segments are stated, {segments_count} are there"),
        ));
    }
    Ok(BackupReport { bytes, ..report })
}
