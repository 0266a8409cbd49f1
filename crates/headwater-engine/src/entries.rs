//! Entries of the log as payloads: what is over the bound of one payload spans several.

use headwater_record::{LOG_VERSION, LogEntry, RecordError, decode_entry};
use headwater_store::{Entry, Offset, Payload};

/// The most bytes of an entry in one payload: half of what a message of a replicated log carries.
const PART_BYTES: usize = 512 << 10;

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
