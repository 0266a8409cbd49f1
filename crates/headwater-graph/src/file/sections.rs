//! Reading section by section, so that never more than one of them is held beside what is made of it.

use std::io::{self, Read};

use super::{
    GraphFileError, HEADER_BYTES, MAGIC, SECTION_HEADER_BYTES, SECTIONS_COUNT, VERSION, damaged,
};

/// Pieces that columns are read in: a multiple of the size of whatever they are made of.
const PIECE_BYTES: usize = 36 << 10;

/// What is still to be read of a graph file.
pub(super) struct Sections<R> {
    input: R,
    /// Bytes that are left.
    left: u64,
    buffer: Vec<u8>,
}

impl<R: Read> Sections<R> {
    /// Reads the file's header: its sections, and the caller's mark.
    pub(super) fn new(mut input: R, bytes_count: u64) -> Result<(Self, u64), GraphFileError> {
        let mut magic = [0; MAGIC.len()];
        let begun = input.read_exact(&mut magic);
        if begun.is_err() || magic != *MAGIC {
            return Err(begun
                .err()
                .and_then(not_cut_off)
                .unwrap_or(GraphFileError::Unknown));
        }
        let mut header = [0; HEADER_BYTES];
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        read_into(&mut input, "header", &mut header[MAGIC.len()..])?;
        let (numbers, _) = header.as_chunks::<4>();
        let number = |at: usize| u32::from_le_bytes(numbers[at]);
        if number(6) != crc32c::crc32c(&header[..24]) || number(7) != 0 {
            return Err(damaged("header", "its checksum does not match"));
        }
        if number(2) != VERSION || number(3) != SECTIONS_COUNT {
            return Err(GraphFileError::Unknown);
        }
        let sections = Self {
            input,
            left: bytes_count.saturating_sub(HEADER_BYTES as u64),
            buffer: Vec::new(),
        };
        Ok((sections, u64::from(number(4)) | u64::from(number(5)) << 32))
    }

    /// True if every byte was read.
    pub(super) fn is_at_end(&self) -> bool {
        self.left == 0
    }

    /// The content of the next section, which is called `name`.
    pub(super) fn whole(&mut self, name: &'static str) -> Result<&[u8], GraphFileError> {
        let mut content = std::mem::take(&mut self.buffer);
        content.clear();
        self.pieces(name, |piece, unread| {
            content.reserve(unread);
            content.extend_from_slice(piece);
        })?;
        self.buffer = content;
        Ok(&self.buffer)
    }

    /// The next section's numbers.
    pub(super) fn numbers(&mut self, name: &'static str) -> Result<Vec<u32>, GraphFileError> {
        self.packed(
            name,
            u32::from_le_bytes,
            "its length is not a multiple of four",
        )
    }

    /// What the next section holds one after the other in `N` bytes each; `rule` is what it breaks if they don't fill it.
    pub(super) fn packed<const N: usize, T>(
        &mut self,
        name: &'static str,
        unpack: impl Fn([u8; N]) -> T,
        rule: &'static str,
    ) -> Result<Vec<T>, GraphFileError> {
        let mut found = Vec::new();
        let mut is_whole = true;
        self.pieces(name, |piece, unread| {
            found.reserve(unread / N);
            let (packed, rest) = piece.as_chunks::<N>();
            found.extend(packed.iter().copied().map(&unpack));
            is_whole &= rest.is_empty();
        })?;
        if is_whole {
            Ok(found)
        } else {
            Err(damaged(name, rule))
        }
    }

    /// Shows the next section piece by piece, with how much there is from that piece on; what was shown holds only if
    /// there is no error.
    fn pieces(
        &mut self,
        name: &'static str,
        mut visit: impl FnMut(&[u8], usize),
    ) -> Result<(), GraphFileError> {
        let mut header = [0; SECTION_HEADER_BYTES];
        read_into(&mut self.input, name, &mut header)?;
        let (_, numbers) = header.split_at(8);
        let (numbers, _) = numbers.as_chunks::<4>();
        let number = |at: usize| u32::from_le_bytes(numbers[at]);
        let content_bytes = u64::from(number(0)) | u64::from(number(1)) << 32;
        let left = self.left.checked_sub(SECTION_HEADER_BYTES as u64);
        let left = left.and_then(|left| left.checked_sub(content_bytes));
        self.left = left.ok_or_else(|| damaged(name, "it is cut off"))?;
        let mut crc = crc32c::crc32c(&header[..16]);
        let mut piece = vec![0; PIECE_BYTES];
        let mut unread = content_bytes;
        while unread > 0 {
            let piece = &mut piece[..unread.min(PIECE_BYTES as u64) as usize];
            read_into(&mut self.input, name, piece)?;
            crc = crc32c::crc32c_append(crc, piece);
            visit(piece, usize::try_from(unread).unwrap_or(usize::MAX));
            unread -= piece.len() as u64;
        }
        let (named, _) = header.split_at(8);
        let is_named = named.strip_prefix(name.as_bytes());
        let is_named = is_named.is_some_and(|rest| rest.iter().all(|byte| *byte == 0));
        if is_named && number(2) == crc && number(3) == 0 {
            Ok(())
        } else {
            Err(damaged(name, "its checksum does not match"))
        }
    }
}

fn read_into(
    input: &mut impl Read,
    section: &'static str,
    bytes: &mut [u8],
) -> Result<(), GraphFileError> {
    let read = input.read_exact(bytes);
    read.map_err(|error| not_cut_off(error).unwrap_or_else(|| damaged(section, "it is cut off")))
}

fn not_cut_off(error: io::Error) -> Option<GraphFileError> {
    (error.kind() != io::ErrorKind::UnexpectedEof).then_some(GraphFileError::Io(error))
}
