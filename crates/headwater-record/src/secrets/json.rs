//! JSON without secrets: what is replaced is replaced in the text, and the rest is not touched.

use std::borrow::Cow;
use std::ops::Range;

use super::keys::{Sort, holds_columns, is_option, names_counts, sort};
use super::{REDACTED, may_hold_secrets, text};

/// How deep lists and objects may stand in each other; readers take no more than that either.
const DEPTH_MAX: usize = 128;

/// It is no JSON, or nests too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotJson;

/// `json`, the value of `key`, without its secrets; none if it has none.
///
/// # Errors
/// [`NotJson`].
pub(crate) fn redact(json: &str, key: Option<&str>) -> Result<Option<String>, NotJson> {
    let mut scanner = Scanner {
        text: json,
        at: 0,
        edits: Vec::new(),
    };
    let around = key.map_or(Around::default(), |key| Around::default().within(key));
    scanner.skip_white();
    scanner.value(around, 0)?;
    scanner.skip_white();
    if scanner.at != json.len() {
        return Err(NotJson);
    }
    if scanner.edits.is_empty() {
        return Ok(None);
    }
    scanner.edits.sort_by_key(|(range, _)| range.start);
    let mut clean = String::with_capacity(json.len());
    let mut kept = 0;
    for (range, replacement) in scanner.edits {
        if range.start < kept {
            continue;
        }
        clean.push_str(&json[kept..range.start]);
        clean.push_str(&replacement);
        kept = range.end;
    }
    clean.push_str(&json[kept..]);
    Ok(Some(clean))
}

/// What stands around a value.
#[derive(Clone, Copy)]
struct Around {
    /// What its key names.
    sort: Sort,
    /// Keys within it are names of columns.
    is_of_columns: bool,
    /// It is a data type.
    is_type: bool,
    /// Numbers within it are counts.
    is_of_counts: bool,
    /// What is within objects that it is in is a secret.
    inside: Inside,
}

/// What of the things within an object are secrets, whatever their keys are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Inside {
    Nothing,
    /// Numbers are counts: `"tokens": {"read": 3}`.
    Texts,
    TextsAndNumbers,
}

impl Default for Around {
    fn default() -> Self {
        Self {
            sort: Sort::Harmless,
            is_of_columns: false,
            is_type: false,
            is_of_counts: false,
            inside: Inside::Nothing,
        }
    }
}

impl Around {
    /// What stands around the value of `key` in an object that this stands around.
    fn within(self, key: &str) -> Self {
        if self.is_of_columns {
            return Self::default();
        }
        let inside = self.inside.max(self.inside_objects());
        let sort = sort(key);
        let is_secret = inside != Inside::Nothing || sort != Sort::Harmless;
        Self {
            sort,
            is_of_columns: holds_columns(key) && !is_secret,
            is_type: matches!(key, "type" | "dataType" | "data_type"),
            is_of_counts: names_counts(key),
            inside,
        }
    }

    /// What its sort says of objects that are its value.
    fn inside_objects(self) -> Inside {
        match self.sort {
            Sort::Harmless => Inside::Nothing,
            Sort::Text if self.is_of_counts => Inside::Texts,
            Sort::Text | Sort::Strong => Inside::TextsAndNumbers,
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(NotJson)
    }

    /// Where the string is, quotes included.
    fn string(&mut self) -> Result<Range<usize>, NotJson> {
        let start = self.at;
        self.take(b'"')?;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.at);
                }
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(NotJson),
            }
        }
    }

    fn decoded(&self, range: &Range<usize>) -> Result<Cow<'a, str>, NotJson> {
        let text: &'a str = self.text;
        let quoted = text.get(range.clone()).ok_or(NotJson)?;
        let plain = &quoted[1..quoted.len() - 1];
        if !plain.contains('\\') {
            return Ok(Cow::Borrowed(plain));
        }
        serde_json::from_str(quoted)
            .map(Cow::Owned)
            .map_err(|_| NotJson)
    }

    fn value(&mut self, around: Around, depth: usize) -> Result<(), NotJson> {
        if depth > DEPTH_MAX {
            return Err(NotJson);
        }
        match self.peek() {
            Some(b'{') => self.object(around, depth),
            Some(b'[') => self.array(around, depth),
            Some(b'"') => self.text_value(around),
            Some(_) => self.other(around),
            None => Err(NotJson),
        }
    }

    fn text_value(&mut self, around: Around) -> Result<(), NotJson> {
        let range = self.string()?;
        let is_secret = around.sort != Sort::Harmless || around.inside != Inside::Nothing;
        if is_secret {
            let is_empty = range.len() == 2;
            let is_flag = text::is_flag(&self.text[range.start + 1..range.end - 1]);
            if !is_empty && !is_flag && self.text[range.clone()] != *quoted() {
                self.edits.push((range, quoted()));
            }
            return Ok(());
        }
        if !may_hold_secrets(&self.text.as_bytes()[range.clone()]) {
            return Ok(());
        }
        let text = self.decoded(&range)?;
        let clean = if around.is_type {
            text::redact_type(&text)
        } else {
            text::redact(&text)
        };
        if let Some(clean) = clean {
            let clean = serde_json::to_string(&clean).map_err(|_| NotJson)?;
            self.edits.push((range, clean));
        }
        Ok(())
    }

    /// A number, true, false or null.
    fn other(&mut self, around: Around) -> Result<(), NotJson> {
        let start = self.at;
        while matches!(
            self.peek(),
            Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'a'..=b'z' | b'E')
        ) {
            self.at += 1;
        }
        if self.at == start {
            return Err(NotJson);
        }
        let is_number = matches!(self.text.as_bytes()[start], b'0'..=b'9' | b'-');
        let is_secret = around.sort == Sort::Strong || around.inside == Inside::TextsAndNumbers;
        if is_number && is_secret {
            self.edits.push((start..self.at, quoted()));
        }
        Ok(())
    }

    fn array(&mut self, around: Around, depth: usize) -> Result<(), NotJson> {
        self.take(b'[')?;
        self.skip_white();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        // A list of columns has objects, whose keys are not names of columns.
        let around = Around {
            is_of_columns: false,
            ..around
        };
        let mut is_argument = false;
        loop {
            self.skip_white();
            let start = self.at;
            if is_argument && self.peek() == Some(b'"') {
                let sort = Sort::Strong;
                self.text_value(Around { sort, ..around })?;
                is_argument = false;
            } else {
                self.value(around, depth + 1)?;
                // `["--password", "x"]`
                is_argument = self.text[start..].starts_with("\"-")
                    && is_option(&self.decoded(&(start..self.at))?);
            }
            self.skip_white();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => return self.take(b']'),
            }
        }
    }

    fn object(&mut self, around: Around, depth: usize) -> Result<(), NotJson> {
        self.take(b'{')?;
        self.skip_white();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        // `{"name": "password", "value": "…"}` says what `{"password": "…"}` says.
        let mut named = Sort::Harmless;
        let mut value: Option<(Range<usize>, usize)> = None;
        loop {
            self.skip_white();
            let key = self.string()?;
            let key = self.decoded(&key)?;
            self.skip_white();
            self.take(b':')?;
            self.skip_white();
            let start = self.at;
            let edits_before = self.edits.len();
            self.value(around.within(&key), depth + 1)?;
            let range = start..self.at;
            let is_text = self.text.as_bytes()[start] == b'"';
            match &*key {
                "name" | "key" | "property" | "parameter" | "option" if is_text => {
                    let name = self.decoded(&range)?;
                    if named == Sort::Harmless {
                        named = sort(&name);
                    }
                }
                "value" if is_text && range.len() > 2 => value = Some((range, edits_before)),
                _ => {}
            }
            self.skip_white();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => break,
            }
        }
        if named != Sort::Harmless
            && let Some((range, edits_before)) = value
            && self.text[range.clone()] != *quoted()
            && !text::is_flag(&self.decoded(&range)?)
        {
            // A text has one edit at most: that of a part of it gives way.
            match self.edits.get_mut(edits_before) {
                Some((of, replacement)) if *of == range => *replacement = quoted(),
                _ => self.edits.push((range, quoted())),
            }
        }
        self.take(b'}')
    }
}

fn quoted() -> String {
    format!("\"{REDACTED}\"")
}
