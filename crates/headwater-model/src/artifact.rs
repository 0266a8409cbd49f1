//! Files that tools wrote.

use std::fmt;
use std::io;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::{Digest, Text};

/// How much of an artifact is read at once to digest it.
const CHUNK_BYTES: usize = 64 << 10;

/// A file that a tool wrote.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its path or name, as evidence shows it.
    pub name: Text,
    /// For example `application/json`; empty if unknown.
    pub media_type: Text,
    /// What it holds.
    pub content: Content,
}

/// What an artifact holds, in memory or wherever it can be read from. Cheap to clone.
#[derive(Clone)]
pub struct Content(Arc<dyn ReadAt>);

/// Bytes that stay as they are and can be read from any place.
pub trait ReadAt: Send + Sync {
    /// How many there are.
    fn len(&self) -> u64;

    /// True if there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads from `offset` on until `out` is full or the bytes end; how many were read.
    ///
    /// # Errors
    /// If they can't be read any more.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.get(from..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

impl Content {
    /// What `bytes` give.
    pub fn of(bytes: impl ReadAt + 'static) -> Self {
        Self(Arc::new(bytes))
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most `count` bytes from `offset` on; fewer only at the end.
    ///
    /// # Errors
    /// If they can't be read any more.
    pub fn read(&self, offset: u64, count: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; count.min(left)];
        let read = self.0.read_at(offset, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// The digest of all bytes.
    ///
    /// # Errors
    /// If they can't be read any more.
    pub fn digest(&self) -> io::Result<Digest> {
        let mut hasher = Sha256::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut offset = 0;
        loop {
            let read = self.0.read_at(offset, &mut chunk)?;
            if read == 0 {
                return Ok(Digest::from_bytes(hasher.finalize().into()));
            }
            hasher.update(&chunk[..read]);
            offset += read as u64;
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::of(bytes)
    }
}

impl From<&[u8]> for Content {
    fn from(bytes: &[u8]) -> Self {
        Self::of(bytes.to_vec())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_read_from_any_place_and_ends_where_it_ends() {
        let content = Content::from(&b"headwater"[..]);
        for (offset, count, expected) in [
            (0, 4, "head"),
            (4, 100, "water"),
            (9, 1, ""),
            (u64::MAX, 1, ""),
        ] {
            let read = content.read(offset, count).expect("memory");
            assert_eq!(String::from_utf8_lossy(&read), expected);
        }
        assert_eq!(content.digest().expect("memory"), Digest::of(b"headwater"));
    }
}
