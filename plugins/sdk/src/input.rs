//! The artifacts an extractor reads.

use std::cell::RefCell;
use std::io::{self, Read};

use crate::ExtractError;
use crate::bindings::headwater::extractor::host;

thread_local! {
    /// The name of the artifact that was read last.
    static READING: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The end of a message about a panic: what was being read; empty if nothing was.
pub(crate) fn while_reading() -> String {
    let reading = READING.with_borrow(Clone::clone);
    match reading.as_str() {
        "" => String::new(),
        name => format!(", while reading {name}"),
    }
}

/// Where an input's bytes come from: the host inside Wasm, memory in tests.
pub trait Artifact {
    /// The name the caller gave, a path with `/`.
    fn name(&self) -> String;
    /// The media type, as far as the caller knows it.
    fn media_type(&self) -> String;
    /// Size in bytes.
    fn size(&self) -> u64;
    /// SHA-256 in lower-case hexadecimal.
    fn digest(&self) -> String;
    /// At most `len` bytes from `offset`; shorter only at the end.
    fn read(&self, offset: u64, len: u32) -> Vec<u8>;
}

impl Artifact for host::Artifact {
    fn name(&self) -> String {
        host::Artifact::name(self)
    }
    fn media_type(&self) -> String {
        host::Artifact::media_type(self)
    }
    fn size(&self) -> u64 {
        host::Artifact::size(self)
    }
    fn digest(&self) -> String {
        host::Artifact::digest(self)
    }
    fn read(&self, offset: u64, len: u32) -> Vec<u8> {
        host::Artifact::read(self, offset, len)
    }
}

/// One artifact, read from its start by [`Read`], or whole by [`Input::read_all`].
pub struct Input {
    artifact: Box<dyn Artifact>,
    name: String,
    size: u64,
    offset: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl Input {
    /// How much one call to the host fetches.
    pub const CHUNK_BYTES: u32 = 1 << 20;

    /// Reads from `artifact`.
    pub fn new(artifact: Box<dyn Artifact>) -> Self {
        Self {
            name: artifact.name(),
            size: artifact.size(),
            artifact,
            offset: 0,
            buffer: Vec::new(),
            used: 0,
        }
    }

    /// The name the caller gave, a path with `/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The media type, as far as the caller knows it.
    pub fn media_type(&self) -> String {
        self.artifact.media_type()
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 in lower-case hexadecimal.
    pub fn digest(&self) -> String {
        self.artifact.digest()
    }

    /// At most `len` bytes from `offset`; shorter only at the end or beyond the host's bound.
    pub fn read_at(&self, offset: u64, len: u32) -> Vec<u8> {
        READING.with_borrow_mut(|reading| {
            if *reading != self.name {
                reading.clone_from(&self.name);
            }
        });
        self.artifact.read(offset, len)
    }

    /// The whole artifact, whatever [`Read`] has taken of it before.
    ///
    /// # Errors
    /// [`ExtractError::Internal`] if it does not fit into memory, or the host gives less than
    /// it promised.
    pub fn read_all(&self) -> Result<Vec<u8>, ExtractError> {
        let mut bytes = Vec::new();
        let fits = usize::try_from(self.size)
            .ok()
            .is_some_and(|size| bytes.try_reserve_exact(size).is_ok());
        if !fits {
            return Err(ExtractError::Internal(format!(
                "{}: {} bytes do not fit into this extractor's memory",
                self.name, self.size
            )));
        }
        while (bytes.len() as u64) < self.size {
            let left = self.size - bytes.len() as u64;
            let len =
                u32::try_from(left).map_or(Self::CHUNK_BYTES, |left| left.min(Self::CHUNK_BYTES));
            let chunk = self.read_at(bytes.len() as u64, len);
            if chunk.is_empty() {
                return Err(ExtractError::Internal(format!(
                    "{}: ended after {} of {} bytes",
                    self.name,
                    bytes.len(),
                    self.size
                )));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.used == self.buffer.len() {
            self.buffer = self.read_at(self.offset, Self::CHUNK_BYTES);
            self.offset += self.buffer.len() as u64;
            self.used = 0;
        }
        let len = into.len().min(self.buffer.len() - self.used);
        into[..len].copy_from_slice(&self.buffer[self.used..self.used + len]);
        self.used += len;
        Ok(len)
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input")
            .field("name", &self.name)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::MemoryArtifact;

    fn input(size: usize) -> (Vec<u8>, Input) {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let input = Input::new(Box::new(MemoryArtifact::new("a", &bytes)));
        (bytes, input)
    }

    #[test]
    fn an_artifact_larger_than_a_chunk_is_read_whole_both_ways() {
        for size in [
            0,
            1,
            Input::CHUNK_BYTES as usize,
            Input::CHUNK_BYTES as usize * 2 + 7,
        ] {
            let (bytes, mut input) = input(size);
            assert!(
                input.read_all().unwrap() == bytes,
                "read_all of {size} bytes"
            );
            let mut streamed = Vec::new();
            input.read_to_end(&mut streamed).unwrap();
            assert!(streamed == bytes, "streaming {size} bytes");
        }
    }

    #[test]
    fn what_was_read_last_is_known() {
        assert_eq!(while_reading(), "");
        let other = Input::new(Box::new(MemoryArtifact::new("b", b"1")));
        let (_, mut input) = input(10);
        other.read_all().unwrap();
        assert_eq!(while_reading(), ", while reading b");
        input.read_exact(&mut [0]).unwrap();
        assert_eq!(while_reading(), ", while reading a");
    }

    #[test]
    fn a_host_that_gives_less_than_it_promised_is_an_error() {
        let (_, mut input) = input(10);
        input.size = 11;
        let Err(ExtractError::Internal(message)) = input.read_all() else {
            panic!("the missing byte was not noticed");
        };
        assert_eq!(message, "a: ended after 10 of 11 bytes");
    }
}
