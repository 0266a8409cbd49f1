//! A log that lives as long as the process: for tests and for trying things out.

use parking_lot::RwLock;

use crate::log::check_batch;
use crate::{Appended, Entry, Log, LogError, Offset, Payload};

/// A [`Log`] in memory; nothing survives the process.
#[derive(Debug, Default)]
pub struct MemoryLog {
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    payloads: Vec<Payload>,
    bytes: u64,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Log for MemoryLog {
    fn append(&self, batch: &[Payload]) -> Result<Appended, LogError> {
        check_batch(batch)?;
        let mut held = self.held.write();
        let before =
            Offset::new(held.payloads.len() as u64).map_err(|_| LogError::OffsetsExhausted)?;
        let last = before
            .checked_add(batch.len() as u64)
            .ok_or(LogError::OffsetsExhausted)?;
        held.payloads.extend_from_slice(batch);
        held.bytes += batch
            .iter()
            .map(|payload| payload.bytes.len() as u64)
            .sum::<u64>();
        Ok(Appended {
            first: before.next(),
            last,
        })
    }

    fn read_after(
        &self,
        offset: Offset,
        entries_max: u32,
        bytes_max: u64,
    ) -> Result<Vec<Entry>, LogError> {
        let held = self.held.read();
        let mut entries = Vec::new();
        let mut bytes = 0;
        let mut at = offset;
        let skipped = usize::try_from(offset.get()).unwrap_or(usize::MAX);
        for payload in held
            .payloads
            .iter()
            .skip(skipped)
            .take(entries_max as usize)
        {
            bytes += payload.bytes.len() as u64;
            if bytes > bytes_max && !entries.is_empty() {
                break;
            }
            at = at.next();
            entries.push(Entry {
                offset: at,
                payload: payload.clone(),
            });
        }
        Ok(entries)
    }

    fn last_offset(&self) -> Offset {
        Offset::new(self.held.read().payloads.len() as u64).unwrap_or(Offset::MAX)
    }

    fn first_offset(&self) -> Option<Offset> {
        (!self.held.read().payloads.is_empty()).then(|| Offset::ZERO.next())
    }

    fn bytes_on_disk(&self) -> u64 {
        self.held.read().bytes
    }

    fn segments_count(&self) -> usize {
        0
    }
}
