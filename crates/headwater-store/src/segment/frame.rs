//! Segment headers and frames: encoding, decoding, and walking over them.

use std::io;
use std::path::Path;

use super::{BATCH_BYTES_MAX, COMPRESS_BYTES_MIN, FRAME_BYTES_MAX};
use crate::disk::DiskFile;
use crate::{LogError, Offset, Payload};

/// The version that this program writes, and the newest that it reads.
const FORMAT_VERSION: u8 = 1;
const SEGMENT_MAGIC: [u8; 8] = *b"HWLOGSEG";
pub(super) const FRAME_MAGIC: [u8; 4] = *b"HWFR";
pub(super) const SEGMENT_HEADER_BYTES: u64 = 24;
pub(super) const FRAME_HEADER_BYTES: usize = 40;
/// Length and payload version before each payload.
const ENTRY_HEADER_BYTES: usize = 5;
/// Fast enough to be hidden by the sync.
const ZSTD_LEVEL: i32 = 1;
/// A walk reads this much at a time: small frames share a read, the bodies of large ones are skipped.
const WINDOW_BYTES: usize = 4096;
/// Buffers above this are given back after a large batch.
const BUFFER_BYTES_KEPT: usize = 8 << 20;

/// Why bytes are no header or body.
#[derive(Debug)]
pub(super) enum Reason {
    Broken(String),
    UnknownVersion(u8),
}

impl Reason {
    fn broken<T>(text: impl Into<String>) -> Result<T, Self> {
        Err(Self::Broken(text.into()))
    }
}

/// A [`Reason`] and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) position: u64,
    pub(super) reason: Reason,
}

impl Fault {
    pub(super) fn into_error(self, path: &Path) -> LogError {
        let segment = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        match self.reason {
            Reason::Broken(reason) => LogError::Damaged {
                segment,
                byte_offset: self.position,
                reason,
            },
            Reason::UnknownVersion(version) => LogError::UnknownVersion {
                segment,
                byte_offset: self.position,
                version,
            },
        }
    }
}

fn u32_at(bytes: &[u8], position: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[position..position + 4]);
    u32::from_le_bytes(number)
}

fn offset_at(bytes: &[u8], position: usize) -> Result<Offset, Reason> {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[position..position + 8]);
    Offset::new(u64::from_le_bytes(number)).map_err(|error| Reason::Broken(error.to_string()))
}

pub(super) fn encode_segment_header(first: Offset) -> [u8; SEGMENT_HEADER_BYTES as usize] {
    let mut header = [0; SEGMENT_HEADER_BYTES as usize];
    header[..8].copy_from_slice(&SEGMENT_MAGIC);
    header[12] = FORMAT_VERSION;
    header[16..24].copy_from_slice(&first.get().to_le_bytes());
    let checksum = crc32c::crc32c(&header[12..]);
    header[8..12].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// Checks the header of the segment that is named by `first`.
pub(super) fn check_segment_header(
    file: &dyn DiskFile,
    path: &Path,
    first: Offset,
) -> Result<(), LogError> {
    let mut header = [0; SEGMENT_HEADER_BYTES as usize];
    let count = file
        .read_at(&mut header, 0)
        .map_err(LogError::io("read", path))?;
    let checked = if count < header.len() {
        Reason::broken("the file ends within the segment header")
    } else if header[..8] != SEGMENT_MAGIC {
        Reason::broken("it does not begin as a segment does")
    } else if crc32c::crc32c(&header[12..]) != u32_at(&header, 8) {
        Reason::broken("the segment header fails its checksum")
    } else if header[12] == 0 || header[12] > FORMAT_VERSION {
        Err(Reason::UnknownVersion(header[12]))
    } else {
        offset_at(&header, 16).and_then(|found| {
            if found == first {
                return Ok(());
            }
            Reason::broken(format!(
                "its header says that it begins with offset {found}, its name {first}"
            ))
        })
    };
    checked.map_err(|reason| {
        Fault {
            position: 0,
            reason,
        }
        .into_error(path)
    })
}

/// The header of one frame, valid in itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    body_checksum: u32,
    pub(super) body_bytes: u32,
    raw_bytes: u32,
    pub(super) entries_count: u32,
    is_compressed: bool,
    pub(super) first: Offset,
    last: Offset,
}

impl FrameHeader {
    pub(super) fn last(&self) -> Offset {
        self.last
    }

    /// Header and body.
    pub(super) fn frame_bytes(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + u64::from(self.body_bytes)
    }

    fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut header = [0; FRAME_HEADER_BYTES];
        header[..4].copy_from_slice(&FRAME_MAGIC);
        header[8..12].copy_from_slice(&self.body_checksum.to_le_bytes());
        header[12..16].copy_from_slice(&self.body_bytes.to_le_bytes());
        header[16..20].copy_from_slice(&self.raw_bytes.to_le_bytes());
        header[20..24].copy_from_slice(&self.entries_count.to_le_bytes());
        header[24] = FORMAT_VERSION;
        header[25] = u8::from(self.is_compressed);
        header[32..40].copy_from_slice(&self.first.get().to_le_bytes());
        let checksum = crc32c::crc32c(&header[8..]);
        header[4..8].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    pub(super) fn decode(header: &[u8]) -> Result<Self, Reason> {
        if header.len() < FRAME_HEADER_BYTES {
            return Reason::broken("the file ends within a frame header");
        }
        let header = &header[..FRAME_HEADER_BYTES];
        if header[..4] != FRAME_MAGIC {
            return Reason::broken("no frame begins here");
        }
        if crc32c::crc32c(&header[8..]) != u32_at(header, 4) {
            return Reason::broken("the frame header fails its checksum");
        }
        if header[24] == 0 || header[24] > FORMAT_VERSION {
            return Err(Reason::UnknownVersion(header[24]));
        }
        if header[25] > 1 {
            return Reason::broken(format!("compression {} is unknown", header[25]));
        }
        let body_bytes = u32_at(header, 12);
        let raw_bytes = u32_at(header, 16);
        let entries_count = u32_at(header, 20);
        let first = offset_at(header, 32)?;
        let last = entries_count
            .checked_sub(1)
            .and_then(|more| first.checked_add(u64::from(more)))
            .filter(|last| *last < Offset::MAX);
        let (true, true, Some(last)) = (
            body_bytes <= FRAME_BYTES_MAX,
            raw_bytes <= BATCH_BYTES_MAX,
            last,
        ) else {
            return Reason::broken("the frame header states a size that no frame has");
        };
        Ok(Self {
            body_checksum: u32_at(header, 8),
            body_bytes,
            raw_bytes,
            entries_count,
            is_compressed: header[25] == 1,
            first,
            last,
        })
    }

    /// Checks that `raw` is split into entries as the header says.
    fn split<'a>(&self, raw: &'a [u8]) -> Result<Entries<'a>, Reason> {
        let entries = Entries { raw };
        let mut bytes = 0;
        let mut count = 0;
        for (_, payload) in entries.iter() {
            bytes += ENTRY_HEADER_BYTES + payload.len();
            count += 1;
        }
        let raw_bytes = self.raw_bytes as usize;
        if raw.len() != raw_bytes || bytes != raw_bytes || count != self.entries_count {
            return Reason::broken("the body is not what the frame header says");
        }
        Ok(entries)
    }
}

/// The entries of one frame.
pub(super) struct Entries<'a> {
    raw: &'a [u8],
}

impl Entries<'_> {
    /// Payload versions and payloads, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = self.raw;
        std::iter::from_fn(move || {
            let (header, after) = rest.split_at_checked(ENTRY_HEADER_BYTES)?;
            let (payload, after) = after.split_at_checked(u32_at(header, 0) as usize)?;
            rest = after;
            Some((header[4], payload))
        })
    }
}

/// Builds frames in buffers that it keeps.
pub(super) struct Encoder {
    raw: Vec<u8>,
    frame: Vec<u8>,
    /// Kept, since making one costs more than compressing a small batch. Without one, bodies are stored
    /// as they are.
    compressor: Option<zstd::bulk::Compressor<'static>>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self::with_level(ZSTD_LEVEL)
    }

    /// One that takes its time.
    pub(super) fn with_level(level: i32) -> Self {
        Self {
            compressor: zstd::bulk::Compressor::new(level).ok(),
            raw: Vec::new(),
            frame: Vec::new(),
        }
    }

    /// The frame that was encoded last.
    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }

    pub(super) fn encode(
        &mut self,
        batch: &[Payload],
        first: Offset,
        frame_bytes_max: u32,
    ) -> Result<(), LogError> {
        let raw_bytes: u64 = batch
            .iter()
            .map(|payload| (ENTRY_HEADER_BYTES + payload.bytes.len()) as u64)
            .sum();
        check_bytes("batch", raw_bytes, BATCH_BYTES_MAX)?;
        self.raw.clear();
        for payload in batch {
            self.raw
                .extend_from_slice(&(payload.bytes.len() as u32).to_le_bytes());
            self.raw.push(payload.version);
            self.raw.extend_from_slice(&payload.bytes);
        }
        self.frame.clear();
        self.frame.resize(FRAME_HEADER_BYTES, 0);
        let is_compressed = self.compress();
        if !is_compressed {
            self.frame.truncate(FRAME_HEADER_BYTES);
            self.frame.extend_from_slice(&self.raw);
        }
        let body = &self.frame[FRAME_HEADER_BYTES..];
        check_bytes("compressed batch", body.len() as u64, frame_bytes_max)?;
        let header = FrameHeader {
            body_checksum: crc32c::crc32c(body),
            body_bytes: body.len() as u32,
            raw_bytes: raw_bytes as u32,
            entries_count: batch.len() as u32,
            is_compressed,
            first,
            last: first,
        };
        self.frame[..FRAME_HEADER_BYTES].copy_from_slice(&header.encode());
        Ok(())
    }

    /// Puts the compressed body behind the header and says whether it pays.
    fn compress(&mut self) -> bool {
        let Some(compressor) = &mut self.compressor else {
            return false;
        };
        if self.raw.len() < COMPRESS_BYTES_MIN {
            return false;
        }
        // A result that does not fit here does not pay.
        let bytes_max = self.raw.len() - self.raw.len() / 8;
        self.frame.resize(FRAME_HEADER_BYTES + bytes_max, 0);
        let room = &mut self.frame[FRAME_HEADER_BYTES..];
        match compressor.compress_to_buffer(&self.raw, room) {
            Ok(bytes) => {
                self.frame.truncate(FRAME_HEADER_BYTES + bytes);
                true
            }
            Err(_) => false,
        }
    }

    /// Gives back what a large batch needed.
    pub(super) fn shrink(&mut self) {
        for buffer in [&mut self.raw, &mut self.frame] {
            buffer.clear();
            buffer.shrink_to(BUFFER_BYTES_KEPT);
        }
    }
}

fn check_bytes(what: &'static str, bytes: u64, bytes_max: u32) -> Result<(), LogError> {
    if bytes <= u64::from(bytes_max) {
        return Ok(());
    }
    Err(LogError::TooLarge {
        what,
        bytes,
        bytes_max: u64::from(bytes_max),
    })
}

/// What a walk finds next.
pub(super) enum Step {
    /// A frame with an intact header that lies within the segment.
    Frame(FrameHeader),
    /// The end of the segment, at a frame's end.
    End,
    /// Something else.
    Bad(Fault),
}

/// Goes from frame to frame within the first `bytes` bytes of a segment.
pub(super) struct Walker<'a> {
    file: &'a dyn DiskFile,
    path: &'a Path,
    bytes: u64,
    pub(super) position: u64,
    window: Vec<u8>,
    window_position: u64,
    body: Vec<u8>,
    raw: Vec<u8>,
    decompressor: Option<zstd::bulk::Decompressor<'static>>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(file: &'a dyn DiskFile, path: &'a Path, position: u64, bytes: u64) -> Self {
        Self {
            file,
            path,
            bytes,
            position,
            window: Vec::new(),
            window_position: 0,
            body: Vec::new(),
            raw: Vec::new(),
            decompressor: None,
        }
    }

    pub(super) fn fault(&self, reason: Reason) -> Fault {
        Fault {
            position: self.position,
            reason,
        }
    }

    /// Looks at the frame at the current position, which is to begin with `expected`.
    pub(super) fn step(&mut self, expected: Offset) -> Result<Step, LogError> {
        if self.position >= self.bytes {
            return Ok(Step::End);
        }
        let header = match FrameHeader::decode(self.header_bytes()?) {
            Ok(header) => header,
            Err(reason) => return Ok(Step::Bad(self.fault(reason))),
        };
        let reason = if header.first != expected {
            format!(
                "a frame begins with offset {}, where {expected} is due",
                header.first
            )
        } else if header.frame_bytes() > self.bytes - self.position {
            "the file ends within a frame".to_owned()
        } else {
            return Ok(Step::Frame(header));
        };
        Ok(Step::Bad(self.fault(Reason::Broken(reason))))
    }

    /// The header at the current position, even one that [`Walker::step`] refuses for where it stands.
    pub(super) fn header(&mut self) -> Result<Option<FrameHeader>, LogError> {
        Ok(FrameHeader::decode(self.header_bytes()?).ok())
    }

    fn header_bytes(&mut self) -> Result<&[u8], LogError> {
        let left = (self.bytes - self.position).min(FRAME_HEADER_BYTES as u64);
        let window_end = self.window_position + self.window.len() as u64;
        if self.position < self.window_position || self.position + left > window_end {
            let bytes = (self.bytes - self.position).min(WINDOW_BYTES as u64);
            self.window.resize(bytes as usize, 0);
            let count = self
                .file
                .read_at(&mut self.window, self.position)
                .map_err(LogError::io("read", self.path))?;
            self.window.truncate(count);
            self.window_position = self.position;
        }
        let start = (self.position - self.window_position) as usize;
        let end = (start + left as usize).min(self.window.len());
        Ok(&self.window[start..end])
    }

    /// Reads the body of the frame at the current position and checks it.
    pub(super) fn body(&mut self, header: &FrameHeader) -> Result<Result<&[u8], Fault>, LogError> {
        self.body.resize(header.body_bytes as usize, 0);
        let position = self.position + FRAME_HEADER_BYTES as u64;
        let count = self
            .file
            .read_at(&mut self.body, position)
            .map_err(LogError::io("read", self.path))?;
        let reason = if count < self.body.len() {
            "the file ends within a frame"
        } else if crc32c::crc32c(&self.body) != header.body_checksum {
            "a frame's body fails its checksum"
        } else {
            return Ok(Ok(&self.body));
        };
        Ok(Err(self.fault(Reason::Broken(reason.to_owned()))))
    }

    /// Reads the entries of the frame at the current position, after the checks of [`Walker::body`].
    pub(super) fn entries(
        &mut self,
        header: &FrameHeader,
    ) -> Result<Result<Entries<'_>, Fault>, LogError> {
        if let Err(fault) = self.body(header)? {
            return Ok(Err(fault));
        }
        let position = self.position;
        let entries = if header.is_compressed {
            self.decompress(header.raw_bytes as usize)
                .map_err(|error| Reason::Broken(format!("the body does not decompress: {error}")))
                .and_then(|()| header.split(&self.raw))
        } else {
            header.split(&self.body)
        };
        Ok(entries.map_err(|reason| Fault { position, reason }))
    }

    /// Decompresses the body, with a context that is made once a walk.
    fn decompress(&mut self, raw_bytes: usize) -> io::Result<()> {
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(zstd::bulk::Decompressor::new()?),
        };
        self.raw.resize(raw_bytes, 0);
        let bytes = decompressor.decompress_to_buffer(&self.body, &mut self.raw)?;
        self.raw.truncate(bytes);
        Ok(())
    }

    /// Goes behind the frame at the current position.
    pub(super) fn pass(&mut self, header: &FrameHeader) {
        self.position += header.frame_bytes();
    }
}
