//! The log as lines of JSON, and back.
//!
//! The first line is `{"headwaterExport":1,"firstOffset":…,"lastOffset":…}`. Then one line for each entry, in order:
//! `{"offset":…,"version":1,"entry":{…}}`, with `"parts"` where the entry takes several offsets, of which `offset` is
//! the last. `entry` is the entry as `headwater_record::entry_to_json` writes it: facts as JSON, events verbatim;
//! `entryHex` stands in its place for one that the format has no words for. The last line is
//! `{"end":{"entriesCount":…,"sha256":"…"}}`: SHA-256 of all bytes before it.

use std::io::{self, BufRead, Read as _, Write};

use headwater_record::{decode_entry, entry_from_json, entry_to_json, from_hex, to_hex};
use headwater_store::{Log, LogError, Offset, Payload};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::EngineError;
use crate::entries::{Assembler, Whole, payloads_of};

/// The version of the format that is written, and the newest that is read.
pub const EXPORT_VERSION: u32 = 1;

/// Entries that are read from the log at once, and their bytes.
const READ_ENTRIES_MAX: u32 = 1024;
const READ_BYTES_MAX: u64 = 16 << 20;
/// The longest line that is read: the largest entry, with room for how JSON writes it.
const LINE_BYTES_MAX: u64 = 1 << 30;
/// Payloads that are appended at once, and their bytes.
const BATCH_PAYLOADS_MAX: usize = 4096;
const BATCH_BYTES_MAX: usize = 8 << 20;

/// What was exported or imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// How many entries.
    pub entries_count: u64,
    /// The offset of the last one.
    pub last_offset: Offset,
}

/// Why an export or an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file can't be read or written.
    #[error("the export cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// A line breaks a rule of the format.
    #[error("line {line}: {message}")]
    Line {
        /// 1-based.
        line: u64,
        /// The rule, and what was found.
        message: String,
    },
    /// The log can't be read or written.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<LogError> for ExportError {
    fn from(error: LogError) -> Self {
        Self::Engine(error.into())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Header {
    headwater_export: u32,
    first_offset: u64,
    last_offset: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line<'a> {
    offset: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parts: Option<u32>,
    version: u8,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    entry: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry_hex: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    end: End,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct End {
    entries_count: u64,
    sha256: String,
}

/// Writes all entries of `log` to `out`. `tell` hears now and then how far it is.
///
/// # Errors
/// [`ExportError::Io`], [`ExportError::Engine`].
pub fn export(
    log: &dyn Log,
    out: &mut dyn Write,
    tell: &mut dyn FnMut(Offset),
) -> Result<Exported, ExportError> {
    let last_offset = log.last_offset();
    let mut lines = Lines {
        out,
        hasher: Sha256::new(),
    };
    lines.write(&Header {
        headwater_export: EXPORT_VERSION,
        first_offset: log.first_offset().unwrap_or_default().get(),
        last_offset: last_offset.get(),
    })?;
    let mut assembler = Assembler::default();
    let mut entries_count = 0;
    let mut after = Offset::ZERO;
    while after < last_offset {
        let left = last_offset.get() - after.get();
        let entries_max = u32::try_from(left).map_or(READ_ENTRIES_MAX, |l| l.min(READ_ENTRIES_MAX));
        let parts = log.read_after(after, entries_max, READ_BYTES_MAX)?;
        let Some(last) = parts.last() else { break };
        after = last.offset;
        for part in &parts {
            if let Some(whole) = assembler.join(part).map_err(EngineError::from)? {
                write_entry(&whole, &mut lines)?;
                entries_count += 1;
            }
        }
        tell(after);
    }
    let sha256 = to_hex(&lines.hasher.clone().finalize());
    lines.write(&Trailer {
        end: End {
            entries_count,
            sha256,
        },
    })?;
    lines.out.flush()?;
    Ok(Exported {
        entries_count,
        last_offset,
    })
}

struct Lines<'a> {
    out: &'a mut dyn Write,
    hasher: Sha256,
}

impl Lines<'_> {
    fn write(&mut self, line: &impl Serialize) -> Result<(), ExportError> {
        let mut bytes = serde_json::to_vec(line).map_err(io::Error::from)?;
        bytes.push(b'\n');
        self.hasher.update(&bytes);
        Ok(self.out.write_all(&bytes)?)
    }
}

fn write_entry(whole: &Whole, lines: &mut Lines<'_>) -> Result<(), ExportError> {
    let text = entry_to_json(&whole.bytes);
    let raw = text
        .as_deref()
        .map(serde_json::from_str::<&RawValue>)
        .transpose()
        .map_err(io::Error::from)?;
    lines.write(&Line {
        offset: whole.offset.get(),
        parts: (whole.parts > 1).then_some(whole.parts),
        version: whole.version,
        entry: raw,
        entry_hex: raw.is_none().then(|| to_hex(&whole.bytes)),
    })
}

/// Appends to `log`, which is empty, what [`export`] wrote. The log is whole only after `Ok`: one that was filled in
/// part is to be thrown away. `tell` hears of the bytes that were read.
///
/// # Errors
/// [`ExportError::Line`] names the line and the rule that it breaks; [`ExportError::Io`], [`ExportError::Engine`].
pub fn import(
    input: &mut dyn BufRead,
    log: &dyn Log,
    tell: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    let mut reader = Reader {
        input,
        hasher: Sha256::new(),
        number: 0,
        line: Vec::new(),
    };
    let header: Header = reader.parse("the first line of an export")?;
    if header.headwater_export == 0 || header.headwater_export > EXPORT_VERSION {
        let found = header.headwater_export;
        return Err(reader.wrong(format!(
            "the export has format version {found}; this release reads up to {EXPORT_VERSION}"
        )));
    }
    let mut batch = Batch::new(log);
    let mut entries_count = 0;
    loop {
        let before = to_hex(&reader.hasher.clone().finalize());
        reader.next()?;
        tell(reader.line.len() as u64);
        if let Ok(Trailer { end }) = serde_json::from_slice(&reader.line) {
            if end.entries_count != entries_count {
                let stated = end.entries_count;
                return Err(reader.wrong(format!(
                    "the export states {stated} entries and holds {entries_count}"
                )));
            }
            if end.sha256 != before {
                let rule = "the lines before do not have the SHA-256 that it states";
                return Err(reader.wrong(rule.to_owned()));
            }
            reader.end()?;
            break;
        }
        let whole = read_entry(&reader)?;
        batch.add(&whole).map_err(|error| match error {
            BatchError::Rule(message) => reader.wrong(message),
            BatchError::Log(error) => error.into(),
        })?;
        entries_count += 1;
    }
    batch.append()?;
    let last_offset = log.last_offset();
    if last_offset.get() != header.last_offset {
        let stated = header.last_offset;
        return Err(reader.wrong(format!(
            "the first line states {stated} as the last offset, the lines end at {last_offset}"
        )));
    }
    Ok(Exported {
        entries_count,
        last_offset,
    })
}

struct Reader<'a> {
    input: &'a mut dyn BufRead,
    hasher: Sha256,
    number: u64,
    line: Vec<u8>,
}

impl Reader<'_> {
    fn wrong(&self, message: String) -> ExportError {
        ExportError::Line {
            line: self.number,
            message,
        }
    }

    fn next(&mut self) -> Result<(), ExportError> {
        self.line.clear();
        self.number += 1;
        let read = self
            .input
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut self.line)?;
        if read == 0 {
            let rule = "the export ends before its last line, which begins with {\"end\":";
            return Err(self.wrong(rule.to_owned()));
        }
        if self.line.last() != Some(&b'\n') {
            let rule = "the line is cut short";
            return Err(self.wrong(rule.to_owned()));
        }
        self.hasher.update(&self.line);
        Ok(())
    }

    /// Checks that nothing follows.
    fn end(&mut self) -> Result<(), ExportError> {
        self.number += 1;
        if self.input.fill_buf()?.is_empty() {
            return Ok(());
        }
        let rule = "something follows the last line of the export";
        Err(self.wrong(rule.to_owned()))
    }

    fn parse<T: for<'de> Deserialize<'de>>(&mut self, what: &str) -> Result<T, ExportError> {
        self.next()?;
        serde_json::from_slice(&self.line)
            .map_err(|error| self.wrong(format!("this is not {what}: {error}")))
    }
}

fn read_entry(reader: &Reader<'_>) -> Result<Whole, ExportError> {
    let line: Line<'_> = serde_json::from_slice(&reader.line)
        .map_err(|error| reader.wrong(format!("this is not the line of an entry: {error}")))?;
    let bytes = match (line.entry, &line.entry_hex) {
        (Some(entry), None) => {
            entry_from_json(entry.get()).map_err(|error| reader.wrong(error.to_string()))?
        }
        (None, Some(hex)) => {
            from_hex(hex).ok_or_else(|| reader.wrong("entryHex is no hexadecimal".to_owned()))?
        }
        _ => {
            let rule = "a line has either entry or entryHex";
            return Err(reader.wrong(rule.to_owned()));
        }
    };
    decode_entry(line.version, &bytes).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        reader.wrong(format!("{error}{}", cause.unwrap_or_default()))
    })?;
    Ok(Whole {
        offset: Offset::new(line.offset).map_err(|error| reader.wrong(error.to_string()))?,
        parts: line.parts.unwrap_or(1),
        version: line.version,
        bytes,
    })
}

/// Payloads on their way into the log.
struct Batch<'a> {
    log: &'a dyn Log,
    payloads: Vec<Payload>,
    bytes: usize,
    /// The offset of the last payload, appended or on its way.
    last: u64,
}

enum BatchError {
    Rule(String),
    Log(LogError),
}

impl<'a> Batch<'a> {
    fn new(log: &'a dyn Log) -> Self {
        Self {
            log,
            payloads: Vec::new(),
            bytes: 0,
            last: log.last_offset().get(),
        }
    }

    fn add(&mut self, whole: &Whole) -> Result<(), BatchError> {
        let due = self.last + u64::from(whole.parts);
        if whole.offset.get() != due {
            return Err(BatchError::Rule(format!(
                "the entry has offset {}, where {due} is due",
                whole.offset
            )));
        }
        let payloads = payloads_of(whole).ok_or_else(|| {
            BatchError::Rule(format!("the entry does not fit into {} parts", whole.parts))
        })?;
        self.last = due;
        self.bytes += whole.bytes.len();
        self.payloads.extend(payloads);
        if self.payloads.len() >= BATCH_PAYLOADS_MAX || self.bytes >= BATCH_BYTES_MAX {
            self.append().map_err(BatchError::Log)?;
        }
        Ok(())
    }

    fn append(&mut self) -> Result<(), LogError> {
        if !self.payloads.is_empty() {
            self.log.append(&self.payloads)?;
        }
        self.payloads.clear();
        self.bytes = 0;
        Ok(())
    }
}
