//! Entries of the log as payloads: what is over the bound of one payload spans several.

use headwater_record::{Gone, LOG_VERSION, LogEntry, RecordError, decode_entry, encode_gone};
use headwater_store::{Entry, Log, Offset, Payload};

use crate::EngineError;

/// The most bytes of an entry in one payload: half of what a message of a replicated log carries.
const PART_BYTES: usize = 512 << 10;

/// Parts that are looked through for the beginning of an entry, and their bytes.
const PARTS_MAX: u64 = 256;
const READ_BYTES_MAX: u64 = PARTS_MAX * (PART_BYTES as u64 + 1);

/// The most payloads of one entry: many times what the largest one takes.
const ENTRY_PARTS_MAX: usize = 4096;

/// First byte of a payload: more parts of the entry follow, or this is the last.
const MORE: u8 = 0;
const LAST: u8 = 1;

/// The payloads of one entry; its offset is that of the last.
pub(crate) fn payloads(entry: &[u8]) -> Vec<Payload> {
    let parts = entry.len().div_ceil(PART_BYTES).max(1);
    payloads_in(entry, LOG_VERSION, parts, PART_BYTES)
}

/// An entry in just so many payloads, at least 1: where offsets must stay what they are. None if they can't hold it.
pub(crate) fn payloads_of(whole: &Whole) -> Option<Vec<Payload>> {
    let parts = whole.parts as usize;
    let part_bytes = whole.bytes.len().div_ceil(parts.max(1)).max(PART_BYTES);
    let fits = (1..=ENTRY_PARTS_MAX).contains(&parts) && part_bytes < Payload::BYTES_MAX;
    fits.then(|| payloads_in(&whole.bytes, whole.version, parts, part_bytes))
}

fn payloads_in(entry: &[u8], version: u8, parts: usize, part_bytes: usize) -> Vec<Payload> {
    let mut rest = entry;
    (1..=parts)
        .map(|number| {
            let (part, after) = rest.split_at(part_bytes.min(rest.len()));
            rest = after;
            let mut bytes = Vec::with_capacity(part.len() + 1);
            bytes.push(if number == parts { LAST } else { MORE });
            bytes.extend_from_slice(part);
            Payload { version, bytes }
        })
        .collect()
}

/// An entry as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// That of its last part.
    pub(crate) offset: Offset,
    /// How many payloads it takes.
    pub(crate) parts: u32,
    pub(crate) version: u8,
    pub(crate) bytes: Vec<u8>,
}

/// The entry at `offset`, which is that of its last part; none if the log has none there.
///
/// # Errors
/// [`EngineError`] if the log can't be read, or what is there is no entry.
pub(crate) fn read_at(log: &dyn Log, offset: u64) -> Result<Option<LogEntry>, EngineError> {
    // Nearly all entries are one part: the one before tells. Of those that are not, the beginning is looked for.
    let mut before = 1;
    loop {
        let after = offset.saturating_sub(before + 1);
        let Ok(from) = Offset::new(after) else {
            return Ok(None);
        };
        let wanted = u32::try_from(offset - after).unwrap_or(u32::MAX);
        let parts = log.read_after(from, wanted, READ_BYTES_MAX)?;
        if parts.last().is_none_or(|part| part.offset.get() != offset) {
            return Ok(None);
        }
        let is_last = |part: &Entry| part.payload.bytes.first() == Some(&LAST);
        let (last, earlier) = parts.split_last().expect("there is a last one");
        let first = match earlier.iter().rposition(is_last) {
            Some(at) => at + 1,
            None if after == 0 => 0,
            None if before >= PARTS_MAX => return Ok(None),
            None => {
                before *= 4;
                continue;
            }
        };
        let mut assembler = Assembler::default();
        for part in &earlier[first..] {
            assembler.push(part)?;
        }
        return Ok(assembler.push(last)?.map(|(_, entry)| entry));
    }
}

/// Puts parts together again.
#[derive(Default)]
pub(crate) struct Assembler {
    bytes: Vec<u8>,
    parts: u32,
}

impl Assembler {
    /// The entry that `part` completes, if it does.
    pub(crate) fn push(&mut self, part: &Entry) -> Result<Option<(Offset, LogEntry)>, RecordError> {
        if !self.take(part)? {
            return Ok(None);
        }
        let entry = decode_entry(part.payload.version, &self.bytes)?;
        self.bytes.clear();
        self.parts = 0;
        Ok(Some((part.offset, entry)))
    }

    /// The bytes of the entry that `part` completes, if it does.
    pub(crate) fn join(&mut self, part: &Entry) -> Result<Option<Whole>, RecordError> {
        if !self.take(part)? {
            return Ok(None);
        }
        Ok(Some(Whole {
            offset: part.offset,
            parts: std::mem::take(&mut self.parts),
            version: part.payload.version,
            bytes: std::mem::take(&mut self.bytes),
        }))
    }

    /// Says whether `part` is the last one.
    fn take(&mut self, part: &Entry) -> Result<bool, RecordError> {
        let Some((mark, bytes)) = part.payload.bytes.split_first() else {
            return Err(RecordError::Unknown {
                what: "entry",
                found: "no bytes".to_owned(),
            });
        };
        self.bytes.extend_from_slice(bytes);
        self.parts += 1;
        Ok(*mark != MORE)
    }
}

/// The payload that stands for an offset whose entry is gone.
pub fn gone_payload(why: Gone) -> Payload {
    let bytes = encode_gone(why);
    payloads_in(&bytes, LOG_VERSION, 1, bytes.len()).swap_remove(0)
}
