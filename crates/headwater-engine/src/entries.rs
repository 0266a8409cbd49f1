//! Entries of the log as payloads: what is over the bound of one payload spans several.

use headwater_record::{LOG_VERSION, LogEntry, RecordError, decode_entry};
use headwater_store::{Entry, Log, Offset, Payload};

use crate::EngineError;

/// The most bytes of an entry in one payload: half of what a message of a replicated log carries.
const PART_BYTES: usize = 512 << 10;

/// Parts that are looked through for the beginning of an entry, and their bytes.
const PARTS_MAX: u64 = 256;
const READ_BYTES_MAX: u64 = PARTS_MAX * (PART_BYTES as u64 + 1);

/// First byte of a payload: more parts of the entry follow, or this is the last.
const MORE: u8 = 0;
const LAST: u8 = 1;

/// The payloads of one entry; its offset is that of the last.
pub(crate) fn payloads(entry: &[u8]) -> Vec<Payload> {
    let count = entry.len().div_ceil(PART_BYTES).max(1);
    (0..count)
        .map(|number| {
            let part = &entry[number * PART_BYTES..entry.len().min((number + 1) * PART_BYTES)];
            let mut bytes = Vec::with_capacity(part.len() + 1);
            bytes.push(if number + 1 == count { LAST } else { MORE });
            bytes.extend_from_slice(part);
            Payload {
                version: LOG_VERSION,
                bytes,
            }
        })
        .collect()
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
pub(crate) struct Assembler(Vec<u8>);

impl Assembler {
    /// The entry that `part` completes, if it does.
    pub(crate) fn push(&mut self, part: &Entry) -> Result<Option<(Offset, LogEntry)>, RecordError> {
        let version = part.payload.version;
        let Some((mark, bytes)) = part.payload.bytes.split_first() else {
            return Err(RecordError::Unknown {
                what: "entry",
                found: "no bytes".to_owned(),
            });
        };
        self.0.extend_from_slice(bytes);
        if *mark == MORE {
            return Ok(None);
        }
        let entry = decode_entry(version, &self.0)?;
        self.0.clear();
        Ok(Some((part.offset, entry)))
    }
}
