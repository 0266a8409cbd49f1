//! YAML and JSON as a tree in which values know their line.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::Value as Json;

/// Collections in collections.
const DEPTH_MAX: usize = 64;
/// Values in one file, those that aliases repeat among them.
const VALUES_MAX: usize = 2_000_000;

/// A value and its line, where that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) line: Option<u32>,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Value {
    #[default]
    Null,
    /// Text; plain where it has no quotation marks.
    Text {
        text: String,
        is_plain: bool,
    },
    List(Vec<Node>),
    /// Entries in their order; of a key that is given twice, the last one counts.
    Map(Vec<(String, Node)>),
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: Option<u32>,
    pub(crate) message: String,
}

impl Node {
    /// What stands under `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        let (_, node) = entries.iter().rev().find(|(other, _)| other == key)?;
        (node.value != Value::Null).then_some(node)
    }

    /// A text that is not empty, without white space around it.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text { text, .. } => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The text under the first of `keys` that has one.
    pub(crate) fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key)?.text())
    }

    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.first(&[key]) == Some("true")
    }

    /// The items of a list; a value alone is a list of one.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// The items of the list under `key`.
    pub(crate) fn list(&self, key: &str) -> &[Self] {
        self.get(key).map_or(&[], Self::items)
    }

    /// The texts of the list under `key`.
    pub(crate) fn texts(&self, key: &str) -> Vec<&str> {
        self.list(key).iter().filter_map(Self::text).collect()
    }

    pub(crate) fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// As JSON; plain texts that are numbers or truths are these.
    pub(crate) fn json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Text { text, is_plain } => match text.as_str() {
                "true" if *is_plain => true.into(),
                "false" if *is_plain => false.into(),
                _ if *is_plain && text.len() < 32 => match serde_json::from_str(text) {
                    Ok(Json::Number(number)) => Json::Number(number),
                    _ => text.as_str().into(),
                },
                _ => text.as_str().into(),
            },
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Map(entries) => {
                let entries = entries.iter();
                Json::Object(
                    entries
                        .map(|(key, node)| (key.clone(), node.json()))
                        .collect(),
                )
            }
        }
    }
}

/// Reads the documents of a file, JSON or YAML by the ending of its name.
///
/// # Errors
/// What is neither, nests too deep, or is too much.
pub(crate) fn read(artifact: &str, bytes: &[u8]) -> Result<Vec<Node>, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| Fault {
        line: None,
        message: "the file is not UTF-8".into(),
    })?;
    let ending = artifact.rsplit('.').next().unwrap_or_default();
    if ending.eq_ignore_ascii_case("json") {
        let json: Json = serde_json::from_str(text).map_err(|error| Fault {
            line: Some(error.line() as u32).filter(|line| *line > 0),
            message: format!("the file is not JSON: {error}"),
        })?;
        return Ok(vec![of_json(json)]);
    }
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        values_count: 0,
        anchors: BTreeMap::new(),
    };
    let mut documents = Vec::new();
    loop {
        let (event, line) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::MappingStart(..)
            | Event::Alias(_) => {
                documents.push(reader.node(event, line, 0)?.0);
            }
            _ => {}
        }
    }
}

/// The parser of JSON stops at a depth of 128.
fn of_json(json: Json) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Text {
            text: truth.to_string(),
            is_plain: true,
        },
        Json::Number(number) => Value::Text {
            text: number.to_string(),
            is_plain: true,
        },
        Json::String(text) => Value::Text {
            text,
            is_plain: false,
        },
        Json::Array(items) => Value::List(items.into_iter().map(of_json).collect()),
        Json::Object(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, json)| (key, of_json(json)))
                .collect(),
        ),
    };
    Node { line: None, value }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    values_count: usize,
    /// What aliases stand for, and how many values that are.
    anchors: BTreeMap<usize, (Node, usize)>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, u32), Fault> {
        match self.parser.next() {
            None => Ok((Event::StreamEnd, 0)),
            // A file of 4 billion lines is larger than an input may be.
            Some(Ok((event, span))) => Ok((event, span.start.line() as u32)),
            Some(Err(error)) => Err(Fault {
                line: Some(error.marker().line() as u32),
                message: format!("the file is not YAML: {}", error.info()),
            }),
        }
    }

    fn count(&mut self, more: usize, line: u32) -> Result<(), Fault> {
        self.values_count = self.values_count.saturating_add(more);
        if self.values_count <= VALUES_MAX {
            return Ok(());
        }
        Err(Fault {
            line: Some(line),
            message: format!("there are more than {VALUES_MAX} values"),
        })
    }

    /// A value, and how many there are in it.
    fn node(&mut self, event: Event<'a>, line: u32, depth: usize) -> Result<(Node, usize), Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault {
                line: Some(line),
                message: format!("values stand in each other more than {DEPTH_MAX} deep"),
            });
        }
        let (value, count, anchor) = match event {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let (node, count) = known.unwrap_or_default();
                self.count(count, line)?;
                return Ok((node, count));
            }
            Event::Scalar(text, style, anchor, _) => {
                let is_plain = style == ScalarStyle::Plain;
                let value = match &*text {
                    "" | "~" | "null" | "Null" | "NULL" if is_plain => Value::Null,
                    _ => Value::Text {
                        text: text.into_owned(),
                        is_plain,
                    },
                };
                (value, 1, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                let mut count = 1;
                loop {
                    let (event, line) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    let (item, more) = self.node(event, line, depth + 1)?;
                    items.push(item);
                    count += more;
                }
                (Value::List(items), count, anchor)
            }
            Event::MappingStart(anchor, _) => {
                let (entries, count) = self.entries(depth)?;
                (Value::Map(entries), count, anchor)
            }
            _ => {
                return Err(Fault {
                    line: Some(line),
                    message: "a value is missing".into(),
                });
            }
        };
        self.count(1, line)?;
        let node = Node {
            line: Some(line),
            value,
        };
        if anchor != 0 {
            self.count(count, line)?;
            self.anchors.insert(anchor, (node.clone(), count));
        }
        Ok((node, count))
    }

    fn entries(&mut self, depth: usize) -> Result<(Vec<(String, Node)>, usize), Fault> {
        let mut entries = Vec::new();
        let mut count = 1;
        loop {
            let (event, line) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok((entries, count));
            }
            let (key, more) = self.node(event, line, depth + 1)?;
            let (event, line) = self.next()?;
            let (node, inner) = self.node(event, line, depth + 1)?;
            count += more + inner;
            match key.value {
                Value::Text { text, .. } if text == "<<" => {
                    // What is merged counts less than what is written.
                    let merged = node.items().iter().flat_map(Node::entries);
                    let merged: Vec<_> = merged.cloned().collect();
                    entries.splice(0..0, merged);
                }
                Value::Text { text, .. } => entries.push((text, node)),
                // Keys that are no texts are no contract's.
                _ => {}
            }
        }
    }
}
