//! Event logs as Spark's codecs write them.

use std::borrow::Cow;

/// Bytes that a log may have once it is unpacked.
pub(crate) const UNPACKED_BYTES_MAX: usize = 256 << 20;

/// Bytes beyond which a log is large.
const LARGE_BYTES: usize = 32 << 20;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Of lz4-java's block stream, which is not LZ4's frame format.
const LZ4: &[u8] = b"LZ4Block";
/// Of snappy-java's stream, which is not Snappy's frame format.
const SNAPPY: &[u8] = b"\x82SNAPPY\0";
const LZF: &[u8] = b"ZV";

/// What was unpacked, and why it ends early if it does.
pub(crate) struct Unpacked<'b> {
    pub(crate) bytes: Cow<'b, [u8]>,
    pub(crate) problem: Option<String>,
}

/// Unpacks a log. One that is being written ends in the middle: what is there is read.
pub(crate) fn unpack(bytes: &[u8]) -> Unpacked<'_> {
    let mut unpacked = Vec::new();
    let problem = if bytes.starts_with(GZIP) {
        read(flate2::read::MultiGzDecoder::new(bytes), &mut unpacked)
    } else if bytes.starts_with(ZSTD) {
        zstd(bytes, &mut unpacked)
    } else if bytes.starts_with(LZ4) {
        lz4(bytes, &mut unpacked)
    } else if bytes.starts_with(SNAPPY) {
        snappy(bytes, &mut unpacked)
    } else if bytes.starts_with(LZF) {
        Err("logs that are compressed with lzf are not read".into())
    } else {
        return Unpacked {
            bytes: Cow::Borrowed(bytes),
            problem: None,
        };
    };
    Unpacked {
        bytes: Cow::Owned(unpacked),
        problem: problem.err(),
    }
}

fn too_large() -> String {
    format!("unpacked, it has more than {UNPACKED_BYTES_MAX} bytes")
}

fn read(mut reader: impl std::io::Read, into: &mut Vec<u8>) -> Result<(), String> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        let count = (reader.read(&mut chunk)).map_err(|error| format!("it ends early: {error}"))?;
        if count == 0 {
            return Ok(());
        }
        let taken = count.min(UNPACKED_BYTES_MAX.saturating_sub(into.len()));
        append(into, &chunk[..taken]);
        if taken < count {
            return Err(too_large());
        }
    }
}

/// Appends; what grows large gets all the room that it may need at once. A vector that doubles leaves as much behind as it
/// has, and the guest's memory does not hold that.
fn append(into: &mut Vec<u8>, bytes: &[u8]) {
    let wanted = into.len() + bytes.len();
    if wanted > into.capacity() {
        let capacity = if wanted > LARGE_BYTES {
            UNPACKED_BYTES_MAX
        } else {
            2 * wanted
        };
        into.reserve_exact(capacity - into.len());
    }
    into.extend_from_slice(bytes);
}

/// Frames, one after the other: each flush of the log may begin one.
fn zstd(mut bytes: &[u8], into: &mut Vec<u8>) -> Result<(), String> {
    while !bytes.is_empty() {
        let decoder = ruzstd::decoding::StreamingDecoder::new(&mut bytes)
            .map_err(|error| format!("it ends early: {error}"))?;
        read(decoder, into)?;
    }
    Ok(())
}

/// The next `len` bytes.
fn take<'b>(bytes: &mut &'b [u8], len: usize) -> Result<&'b [u8], String> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or("it ends early")?;
    *bytes = rest;
    Ok(taken)
}

fn word(bytes: &mut &[u8]) -> Result<[u8; 4], String> {
    let taken = take(bytes, 4)?;
    taken.try_into().map_err(|_| "it ends early".to_owned())
}

/// Blocks of a magic word, a method, both lengths and a checksum; the last of a stream is empty.
fn lz4(mut bytes: &[u8], into: &mut Vec<u8>) -> Result<(), String> {
    const RAW: u8 = 0x10;
    const PACKED: u8 = 0x20;
    while !bytes.is_empty() {
        if take(&mut bytes, LZ4.len())? != LZ4 {
            return Err("a block does not begin as blocks of lz4 do".into());
        }
        let method = take(&mut bytes, 1)?[0] & 0xf0;
        let packed_len = u32::from_le_bytes(word(&mut bytes)?) as usize;
        let len = u32::from_le_bytes(word(&mut bytes)?) as usize;
        word(&mut bytes)?;
        if len > UNPACKED_BYTES_MAX.saturating_sub(into.len()) {
            return Err(too_large());
        }
        let block = take(&mut bytes, packed_len)?;
        match method {
            RAW => append(into, block),
            // A block of LZ4 is at most 255 times as large once it is unpacked.
            PACKED if len <= block.len().saturating_mul(256) => {
                let unpacked = lz4_flex::block::decompress(block, len);
                append(into, &unpacked.map_err(|error| format!("no lz4: {error}"))?);
            }
            _ => return Err("a block has an unknown method".into()),
        }
    }
    Ok(())
}

/// A header, then blocks with their length; streams may follow each other.
fn snappy(mut bytes: &[u8], into: &mut Vec<u8>) -> Result<(), String> {
    const VERSIONS_BYTES: usize = 8;
    while !bytes.is_empty() {
        if bytes.starts_with(SNAPPY) {
            take(&mut bytes, SNAPPY.len() + VERSIONS_BYTES)?;
            continue;
        }
        let len = u32::from_be_bytes(word(&mut bytes)?) as usize;
        let block = take(&mut bytes, len)?;
        let unpacked_len =
            snap::raw::decompress_len(block).map_err(|error| format!("no snappy: {error}"))?;
        if unpacked_len > UNPACKED_BYTES_MAX.saturating_sub(into.len()) {
            return Err(too_large());
        }
        let unpacked = snap::raw::Decoder::new().decompress_vec(block);
        append(
            into,
            &unpacked.map_err(|error| format!("no snappy: {error}"))?,
        );
    }
    Ok(())
}
