//! Parts of a state that a start needs at once, kept in a file beside it.
//!
//! | bytes | |
//! |---|---|
//! | 0..4 | `HWEX` |
//! | 4 | format version, 1 |
//! | 5..13 | applied offset, big-endian |
//! | 13.. | parts: number of parts; each: first key, end, number of pairs, keys and values |
//! | last 4 | CRC-32C of all before, big-endian |
//!
//! Numbers are `u32`, big-endian; keys and values stand after their length.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::{Bound, Range};
use std::path::Path;

use crate::{Offset, State, StateError, StoredBytes};

const MAGIC: &[u8] = b"HWEX\x01";
const HEADER_BYTES: usize = MAGIC.len() + 8;
const CRC_BYTES: usize = 4;

/// Some ranges of a state, each of them whole, as they were at one applied offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    applied: Offset,
    parts: Vec<Part>,
}

/// All that a state holds between two keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// From its start, up to and without its end.
    pub(crate) range: Range<Vec<u8>>,
    pub(crate) pairs: Vec<(StoredBytes, StoredBytes)>,
}

/// Why the file of an excerpt is not used.
#[derive(Debug, thiserror::Error)]
pub enum ExcerptError {
    /// It can't be read, written or removed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is damaged.
    #[error("byte {byte_offset}: {rule}")]
    Damaged {
        /// Where.
        byte_offset: usize,
        /// What should be there.
        rule: &'static str,
    },
}

impl Excerpt {
    /// The most bytes of keys and values: 16 MiB. What is larger is not worth keeping twice.
    pub const BYTES_MAX: usize = 16 << 20;

    /// Takes `ranges` out of a state to which nothing is applied meanwhile; none if they hold more than
    /// [`Excerpt::BYTES_MAX`]. Where ranges overlap, an excerpt holds both.
    ///
    /// # Errors
    /// [`StateError`] if the state can't be read.
    pub fn of(state: &dyn State, ranges: Vec<Range<Vec<u8>>>) -> Result<Option<Self>, StateError> {
        let applied = state.applied_offset()?;
        let mut bytes = 0;
        let mut parts = Vec::with_capacity(ranges.len());
        for range in ranges {
            let (from, to) = (Bound::Included(&*range.start), Bound::Excluded(&*range.end));
            let mut pairs = Vec::new();
            for pair in state.scan_range(from, to) {
                let (key, value) = pair?;
                bytes += key.len() + value.len();
                if bytes > Self::BYTES_MAX {
                    return Ok(None);
                }
                pairs.push((key, value));
            }
            parts.push(Part { range, pairs });
        }
        Ok(Some(Self { applied, parts }))
    }

    /// The offset up to which the state was applied.
    pub fn applied(&self) -> Offset {
        self.applied
    }

    /// The part that a scan from `from` begins in.
    pub(crate) fn part(&self, from: Bound<&[u8]>) -> Option<&Part> {
        let key = match from {
            Bound::Included(key) | Bound::Excluded(key) => key,
            Bound::Unbounded => return None,
        };
        self.parts
            .iter()
            .find(|part| *part.range.start <= *key && *key < *part.range.end)
    }

    /// Writes it, so that it is there after a power loss; a crash leaves none or all of it.
    ///
    /// # Errors
    /// [`ExcerptError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), ExcerptError> {
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&self.encode())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        sync_directory(path)
    }

    /// Reads it and removes the file, for good: what is applied later is not in it. None if there is no file.
    ///
    /// # Errors
    /// [`ExcerptError`]; a damaged one is removed, too.
    pub fn take(path: &Path) -> Result<Option<Self>, ExcerptError> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        fs::remove_file(path)?;
        sync_directory(path)?;
        Self::decode(&bytes).map(Some)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(self.applied.get().to_be_bytes());
        put_count(&mut out, self.parts.len());
        for part in &self.parts {
            put(&mut out, &part.range.start);
            put(&mut out, &part.range.end);
            put_count(&mut out, part.pairs.len());
            for (key, value) in &part.pairs {
                put(&mut out, key);
                put(&mut out, value);
            }
        }
        let crc = crc32c::crc32c(&out);
        out.extend(crc.to_be_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, ExcerptError> {
        let damaged = |byte_offset, rule| ExcerptError::Damaged { byte_offset, rule };
        if !bytes.starts_with(MAGIC) {
            return Err(damaged(0, "an excerpt of version 1 begins with HWEX 1"));
        }
        let Some((content, crc)) = bytes.split_last_chunk::<CRC_BYTES>() else {
            return Err(damaged(bytes.len(), "a checksum is at the end"));
        };
        if crc32c::crc32c(content) != u32::from_be_bytes(*crc) {
            return Err(damaged(
                content.len(),
                "the checksum is that of all before it",
            ));
        }
        let mut rest = Rest {
            bytes: content,
            at: MAGIC.len(),
        };
        let applied = rest.take(8)?.try_into().ok().map(u64::from_be_bytes);
        let applied = applied.and_then(|number| Offset::new(number).ok());
        let applied = applied.ok_or_else(|| damaged(HEADER_BYTES, "an offset is below 2^53"))?;
        let mut parts = Vec::new();
        for _ in 0..rest.count()? {
            let range = rest.field()?.to_vec()..rest.field()?.to_vec();
            let mut pairs = Vec::new();
            for _ in 0..rest.count()? {
                pairs.push((rest.field()?.into(), rest.field()?.into()));
            }
            parts.push(Part { range, pairs });
        }
        Ok(Self { applied, parts })
    }
}

/// Bytes of which the first were read.
struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ExcerptError> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(ExcerptError::Damaged {
            byte_offset: self.at,
            rule: "a length is within the file",
        })?;
        self.at += count;
        Ok(taken)
    }

    fn count(&mut self) -> Result<usize, ExcerptError> {
        let mut number = [0; 4];
        number.copy_from_slice(self.take(4)?);
        Ok(u32::from_be_bytes(number) as usize)
    }

    fn field(&mut self) -> Result<&'a [u8], ExcerptError> {
        let length = self.count()?;
        self.take(length)
    }
}

fn put(out: &mut Vec<u8>, field: &[u8]) {
    put_count(out, field.len());
    out.extend(field);
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    // An excerpt holds at most 16 MiB.
    out.extend((count as u32).to_be_bytes());
}

fn sync_directory(path: &Path) -> Result<(), ExcerptError> {
    let directory = path.parent().filter(|parent| *parent != Path::new(""));
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}
