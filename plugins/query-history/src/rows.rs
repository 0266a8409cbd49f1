//! Rows of an export: CSV with a header, a JSON array, or one JSON object after the other.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read as _;

use headwater_extractor::{Diagnostic, ExtractError, Input, Location, Severity};
use serde_json::{Map, Value};

/// Rows that are read of all files together.
pub(crate) const ROWS_MAX: usize = 1_000_000;
/// Bytes that a compressed file may have once it is unpacked.
const UNPACKED_BYTES_MAX: usize = 256 << 20;
/// Bytes beyond which it is large.
const LARGE_BYTES: usize = 32 << 20;

/// One row: what it says by the names of columns in lower case, without what is null or empty.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    values: BTreeMap<String, Value>,
    /// Where it stands.
    pub(crate) at: Location,
}

impl Row {
    /// A value as text, if there is any.
    pub(crate) fn text(&self, column: &str) -> Option<Cow<'_, str>> {
        text_of(self.values.get(column)?)
    }

    /// A value that is a list or an object, written as such or as text of JSON.
    pub(crate) fn json(&self, column: &str) -> Result<Option<Cow<'_, Value>>, String> {
        match self.values.get(column) {
            None => Ok(None),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(Value::Null) => Ok(None),
                Ok(value) => Ok(Some(Cow::Owned(value))),
                Err(error) => Err(format!("`{column}` is not JSON: {error}")),
            },
            Some(value) => Ok(Some(Cow::Borrowed(value))),
        }
    }

    /// True if any column begins so.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.values.contains_key(column)
    }
}

/// A value as text; nothing for what is null, empty, a list or an object.
pub(crate) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text.trim())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        _ => None,
    }
}

/// The member of an object, by its name in any case.
pub(crate) fn member<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    let members = object.as_object()?;
    members.get(name).or_else(|| {
        members
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// A member that is text.
pub(crate) fn member_text<'v>(object: &'v Value, name: &str) -> Option<Cow<'v, str>> {
    text_of(member(object, name)?)
}

/// The items of a list; one that stands alone is a list of one.
pub(crate) fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        other => std::slice::from_ref(other),
    }
}

/// What a file gave.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) name: String,
    /// The names of all columns, in lower case.
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) problems: Vec<Diagnostic>,
}

impl File {
    /// Reads a file, of which at most `rows_max` rows.
    ///
    /// # Errors
    /// If the host does not give its bytes.
    pub(crate) fn read(input: &Input, rows_max: usize) -> Result<Self, ExtractError> {
        let mut file = Self {
            name: input.name().to_owned(),
            ..Self::default()
        };
        let bytes = input.read_all()?;
        let bytes = match unpacked(&bytes) {
            Ok(bytes) => bytes,
            Err(message) => {
                file.refuse("query-history/encoding", message, None);
                return Ok(file);
            }
        };
        let Ok(text) = std::str::from_utf8(&bytes) else {
            file.refuse("query-history/encoding", "expected UTF-8".into(), None);
            return Ok(file);
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match text.trim_start().chars().next() {
            None => file.refuse("query-history/empty", "the file is empty".into(), None),
            Some('[') => file.array(text, rows_max),
            Some('{') => file.objects(text, rows_max),
            Some(_) => file.csv(text, rows_max),
        }
        let mut columns: Vec<String> = file.columns.drain(..).collect();
        let of_rows = file.rows.iter().flat_map(|row| row.values.keys().cloned());
        columns.extend(of_rows);
        columns.sort();
        columns.dedup();
        file.columns = columns;
        Ok(file)
    }

    fn refuse(&mut self, code: &str, message: String, line: Option<u32>) {
        self.told(Severity::Error, code, message, line);
    }

    fn told(&mut self, severity: Severity, code: &str, message: String, line: Option<u32>) {
        self.problems.push(Diagnostic {
            severity,
            code: code.into(),
            message,
            at: Some(place(&self.name, line, None)),
        });
    }

    fn is_full(&mut self, rows_max: usize) -> bool {
        let is_full = self.rows.len() >= rows_max;
        if is_full {
            let message = format!("rows after the first {ROWS_MAX} of all files are left out");
            self.told(
                Severity::Error,
                "query-history/too-many-rows",
                message,
                None,
            );
        }
        is_full
    }

    fn push(&mut self, object: Map<String, Value>, at: Location) {
        let values = object
            .into_iter()
            .filter(|(_, value)| !value.is_null() && value.as_str() != Some(""))
            .map(|(key, value)| (key.trim().to_lowercase(), value))
            .collect();
        self.rows.push(Row { values, at });
    }

    fn array(&mut self, text: &str, rows_max: usize) {
        let values: Vec<Value> = match serde_json::from_str(text) {
            Ok(values) => values,
            Err(error) => {
                let line = u32::try_from(error.line()).ok();
                self.refuse("query-history/syntax", format!("no JSON: {error}"), line);
                return;
            }
        };
        for (position, value) in values.into_iter().enumerate() {
            if self.is_full(rows_max) {
                return;
            }
            let at = place(&self.name, None, Some(format!("/{position}")));
            if let Value::Object(object) = value {
                self.push(object, at);
            } else {
                self.problems.push(Diagnostic {
                    severity: Severity::Warning,
                    code: "query-history/row".into(),
                    message: "expected an object with a row".into(),
                    at: Some(at),
                });
            }
        }
    }

    /// One object a line; or, if the first line is none, objects over several lines.
    fn objects(&mut self, text: &str, rows_max: usize) {
        let first = text.lines().find(|line| !line.trim().is_empty());
        let is_by_line = first.is_some_and(|line| {
            serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object())
        });
        if is_by_line {
            for (number, line) in text.lines().enumerate() {
                if line.trim().is_empty() {
                    continue;
                }
                if self.is_full(rows_max) {
                    return;
                }
                let number = u32::try_from(number + 1).ok();
                match serde_json::from_str(line) {
                    Ok(object) => self.push(object, place(&self.name, number, None)),
                    Err(error) => {
                        // Of a message of serde_json, "line 1" is that of the row.
                        let message = format!(
                            "expected an object with a row, at column {}",
                            error.column()
                        );
                        self.told(Severity::Warning, "query-history/row", message, number);
                    }
                }
            }
            return;
        }
        let mut objects = serde_json::Deserializer::from_str(text).into_iter();
        // Counted on from object to object, so that the whole takes linear time.
        let (mut line, mut counted) = (1_usize, 0);
        loop {
            let offset = objects.byte_offset();
            let skipped = text[offset..].len() - text[offset..].trim_start().len();
            line += newlines(&text[counted..offset + skipped]);
            counted = offset + skipped;
            let number = u32::try_from(line).ok();
            match objects.next() {
                None => return,
                Some(_) if self.is_full(rows_max) => return,
                Some(Ok(object)) => self.push(object, place(&self.name, number, None)),
                Some(Err(error)) => {
                    self.refuse("query-history/syntax", format!("no JSON: {error}"), number);
                    return;
                }
            }
        }
    }

    fn csv(&mut self, text: &str, rows_max: usize) {
        let header = text.lines().next().unwrap_or_default();
        let delimiter = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|delimiter| {
                // The last of several equal ones is the maximum: a comma wins.
                let count = header.bytes().filter(|byte| byte == delimiter).count();
                (count, *delimiter == b',')
            })
            .unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(text.as_bytes());
        let columns: Vec<String> = match reader.headers() {
            Ok(header) => header
                .iter()
                .map(|name| name.trim().to_lowercase())
                .collect(),
            Err(error) => {
                self.refuse("query-history/syntax", format!("no CSV: {error}"), Some(1));
                return;
            }
        };
        self.columns.clone_from(&columns);
        for record in reader.records() {
            if self.is_full(rows_max) {
                return;
            }
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    self.refuse("query-history/syntax", format!("no CSV: {error}"), None);
                    return;
                }
            };
            let line = record
                .position()
                .and_then(|position| u32::try_from(position.line()).ok());
            if record.len() != columns.len() {
                let message = format!(
                    "expected {} values as in the header, found {}",
                    columns.len(),
                    record.len()
                );
                self.told(Severity::Warning, "query-history/row", message, line);
                continue;
            }
            let values = columns
                .iter()
                .zip(&record)
                .filter(|(_, value)| !matches!(value.trim(), "" | "\\N" | "NULL" | "null"))
                .map(|(column, value)| (column.clone(), Value::String(value.to_owned())))
                .collect();
            let at = place(&self.name, line, None);
            self.rows.push(Row { values, at });
        }
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// What gzip has packed, as warehouses do when they unload.
fn unpacked(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut reader = flate2::read::MultiGzDecoder::new(bytes);
    let (mut unpacked, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let count = (reader.read(&mut chunk)).map_err(|error| format!("no gzip: {error}"))?;
        if count == 0 {
            return Ok(Cow::Owned(unpacked));
        }
        let wanted = unpacked.len() + count;
        if wanted > UNPACKED_BYTES_MAX {
            return Err(format!(
                "unpacked, it has more than {UNPACKED_BYTES_MAX} bytes"
            ));
        }
        if wanted > unpacked.capacity() {
            // A vector that doubles leaves as much behind as it has, and the guest's memory does not hold that.
            let capacity = if wanted > LARGE_BYTES {
                UNPACKED_BYTES_MAX
            } else {
                2 * wanted
            };
            unpacked.reserve_exact(capacity - unpacked.len());
        }
        unpacked.extend_from_slice(&chunk[..count]);
    }
}

pub(crate) fn place(artifact: &str, line: Option<u32>, pointer: Option<String>) -> Location {
    Location {
        artifact: artifact.into(),
        pointer,
        byte_offset: None,
        line,
        column: None,
    }
}
