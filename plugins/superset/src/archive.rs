//! The ZIP file that Superset exports.
//!
//! Source: the format's `APPNOTE.TXT`, 4.3: the central directory at the end names all entries.

use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// Entries of one archive.
const ENTRIES_MAX: usize = 50_000;
/// Bytes of one entry, unpacked.
const ENTRY_BYTES_MAX: usize = 16 << 20;
/// Bytes of all entries of one archive, unpacked.
const BYTES_MAX: usize = 256 << 20;
/// How far before the end the directory's end may begin: its own size, and the longest comment.
const END_BYTES_MAX: usize = 22 + 0xffff;

/// Whether these are the first bytes of a ZIP file.
pub(crate) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_le_bytes(bytes.try_into().ok()?)))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

/// Takes an archive apart: path and bytes of each YAML file.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let cut = || "the archive is cut off or damaged".to_owned();
    let first = bytes.len().saturating_sub(END_BYTES_MAX);
    let end = (first..bytes.len())
        .rev()
        .find(|at| bytes[*at..].starts_with(b"PK\x05\x06"));
    let end = end.ok_or_else(cut)?;
    let count = short(bytes, end + 10).ok_or_else(cut)?;
    let mut at = long(bytes, end + 16).ok_or_else(cut)?;
    if count > ENTRIES_MAX {
        return Err(format!("the archive has more than {ENTRIES_MAX} entries"));
    }
    let mut entries = Vec::new();
    let mut left = BYTES_MAX;
    for _ in 0..count {
        let header = bytes
            .get(at..)
            .filter(|header| header.starts_with(b"PK\x01\x02"));
        let header = header.ok_or_else(cut)?;
        let (name_len, extra_len) = (short(header, 28), short(header, 30));
        let (name_len, extra_len) = name_len.zip(extra_len).ok_or_else(cut)?;
        let comment_len = short(header, 32).ok_or_else(cut)?;
        let name = header.get(46..46 + name_len).ok_or_else(cut)?;
        let name = String::from_utf8_lossy(name).into_owned();
        let is_yaml = [".yaml", ".yml"]
            .iter()
            .any(|ending| name.ends_with(ending));
        if is_yaml {
            let unpacked = entry(bytes, header, left.min(ENTRY_BYTES_MAX));
            let unpacked = unpacked.ok_or_else(|| format!("{name} cannot be unpacked"))?;
            left -= unpacked.len();
            entries.push((name, unpacked));
        }
        at += 46 + name_len + extra_len + comment_len;
    }
    Ok(entries)
}

/// The bytes of an entry, by its header in the central directory.
fn entry(bytes: &[u8], header: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let (packed_len, at) = (long(header, 20)?, long(header, 42)?);
    let local = bytes
        .get(at..)
        .filter(|local| local.starts_with(b"PK\x03\x04"))?;
    let begin = 30 + short(local, 26)? + short(local, 28)?;
    let packed = local.get(begin..begin.checked_add(packed_len)?)?;
    match short(header, 10)? {
        0 => (packed.len() <= bytes_max).then(|| packed.to_vec()),
        8 => decompress_to_vec_with_limit(packed, bytes_max).ok(),
        _ => None,
    }
}
