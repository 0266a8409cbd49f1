//! YAML and JSON as one tree, in which values of YAML know their line.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Collections in collections. Queries nest deeper than settings do.
const DEPTH_MAX: usize = 100;
/// Values in one file, those that aliases repeat included.
const VALUES_MAX: usize = 2_000_000;
/// Bytes of text that aliases may repeat.
const REPEATED_BYTES_MAX: usize = 64 << 20;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The line on which it begins, from 1; none in JSON.
    pub line: Option<u32>,
    /// What it is.
    pub value: Value,
}

/// What a value is. Numbers and truth values are scalars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A text, a number or a truth value.
    Scalar(String),
    /// Values in their order.
    List(Vec<Node>),
    /// Keys and values in their order.
    Map(Vec<(String, Node)>),
}

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

const NOTHING: &Node = &Node {
    line: None,
    value: Value::Null,
};

impl Node {
    /// What stands under a key; nothing, where there is no such key.
    pub fn get(&self, key: &str) -> &Self {
        let found = self.entries().iter().find(|(other, _)| other == key);
        found.map_or(NOTHING, |(_, node)| node)
    }

    /// A scalar that is not empty.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The scalar under a key, if it is not empty.
    pub fn said(&self, key: &str) -> Option<&str> {
        self.get(key).text()
    }

    /// The values of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Whether it is `true`.
    pub fn is_true(&self) -> bool {
        self.text() == Some("true")
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// Whether it is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// The mapping, or that of the JSON which a text holds: tools write both.
    pub fn or_json(&self) -> std::borrow::Cow<'_, Self> {
        match self.text().map(json) {
            Some(Ok(node)) => std::borrow::Cow::Owned(node),
            _ => std::borrow::Cow::Borrowed(self),
        }
    }
}

/// Reads JSON.
///
/// # Errors
/// What is no JSON, or nests too deep.
pub fn json(text: &str) -> Result<Node, Fault> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| Fault {
        line: u32::try_from(error.line().max(1)).unwrap_or(u32::MAX),
        message: error.to_string(),
    })?;
    Ok(of_json(value))
}

/// `serde_json` bounds the depth.
fn of_json(value: serde_json::Value) -> Node {
    let value = match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Scalar(truth.to_string()),
        serde_json::Value::Number(number) => Value::Scalar(number.to_string()),
        serde_json::Value::String(text) => Value::Scalar(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(of_json).collect()),
        serde_json::Value::Object(entries) => {
            let entries = entries.into_iter();
            Value::Map(entries.map(|(key, node)| (key, of_json(node))).collect())
        }
    };
    Node { line: None, value }
}

/// Reads the first document of YAML. Tags are left alone, aliases are filled in.
///
/// # Errors
/// What is no YAML, or is beyond a bound.
pub fn yaml(text: &str) -> Result<Node, Fault> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        line: 1,
        values_count: 0,
        repeated_bytes: 0,
        anchors: BTreeMap::new(),
    };
    loop {
        match reader.next()? {
            Event::StreamEnd => return Ok(NOTHING.clone()),
            event @ (Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..)) => {
                return reader.node(event, 0);
            }
            Event::Alias(_) => return Err(reader.fault("an alias without its anchor")),
            _ => {}
        }
    }
}

/// A value that aliases may repeat, and how large it is.
struct Anchor {
    node: Node,
    values_count: usize,
    bytes: usize,
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    line: u32,
    values_count: usize,
    repeated_bytes: usize,
    anchors: BTreeMap<usize, Anchor>,
}

impl<'a> Reader<'a> {
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault {
            line: self.line,
            message: message.into(),
        }
    }

    fn next(&mut self) -> Result<Event<'a>, Fault> {
        match self.parser.next() {
            None => Ok(Event::StreamEnd),
            Some(Ok((event, span))) => {
                // A file of 4 billion lines is larger than an input may be.
                self.line = (span.start.line() as u32).max(1);
                Ok(event)
            }
            Some(Err(error)) => {
                self.line = (error.marker().line() as u32).max(1);
                Err(self.fault(error.info()))
            }
        }
    }

    fn count(&mut self, values_count: usize) -> Result<(), Fault> {
        self.values_count += values_count;
        if self.values_count > VALUES_MAX {
            return Err(self.fault(format!("there are more than {VALUES_MAX} values")));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Node, Fault> {
        self.count(1)?;
        if depth > DEPTH_MAX {
            let message = format!("values stand in each other more than {DEPTH_MAX} deep");
            return Err(self.fault(message));
        }
        let line = Some(self.line);
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.repeated(anchor),
            Event::Scalar(text, style, anchor, _) => {
                let is_null = style == ScalarStyle::Plain
                    && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if is_null {
                    Value::Null
                } else {
                    Value::Scalar(text.into_owned())
                };
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => (Value::List(self.list(depth)?), anchor),
            Event::MappingStart(anchor, _) => (Value::Map(self.map(depth)?), anchor),
            _ => return Err(self.fault("a value is missing")),
        };
        let node = Node { line, value };
        if anchor != 0 {
            let (values_count, bytes) = size(&node);
            self.repeat(bytes)?;
            let kept = Anchor {
                node: node.clone(),
                values_count,
                bytes,
            };
            self.anchors.insert(anchor, kept);
        }
        Ok(node)
    }

    fn repeated(&mut self, anchor: usize) -> Result<Node, Fault> {
        let Some(found) = self.anchors.get(&anchor) else {
            return Err(self.fault("an alias stands in its own anchor"));
        };
        let (values_count, bytes) = (found.values_count, found.bytes);
        self.count(values_count)?;
        self.repeat(bytes)?;
        Ok(self.anchors[&anchor].node.clone())
    }

    fn repeat(&mut self, bytes: usize) -> Result<(), Fault> {
        self.repeated_bytes += bytes;
        if self.repeated_bytes > REPEATED_BYTES_MAX {
            return Err(self.fault("aliases repeat too much"));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(items),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(String, Node)>, Fault> {
        let mut entries = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(entries);
            }
            let key = self.node(event, depth + 1)?;
            let event = self.next()?;
            let value = self.node(event, depth + 1)?;
            // A key that is no text is none that is asked for.
            if let Value::Scalar(key) = key.value {
                entries.push((key, value));
            }
        }
    }
}

/// How many values it has, and how many bytes of text.
fn size(node: &Node) -> (usize, usize) {
    let add = |(a, b): (usize, usize), (c, d): (usize, usize)| (a + c, b + d);
    match &node.value {
        Value::Null => (1, 0),
        Value::Scalar(text) => (1, text.len()),
        Value::List(items) => items.iter().map(size).fold((1, 0), add),
        Value::Map(entries) => {
            let sizes = entries
                .iter()
                .map(|(key, node)| add(size(node), (0, key.len())));
            sizes.fold((1, 0), add)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_are_one_tree() {
        let yaml = yaml("a: 1\nb: [x, 'null', ~]\nc: &d {e: true}\nf: *d\n").unwrap();
        assert_eq!(yaml.said("a"), Some("1"));
        assert_eq!(yaml.get("b").items()[1].text(), Some("null"));
        assert!(yaml.get("b").items()[2].is_null());
        assert!(yaml.get("f").get("e").is_true());
        assert_eq!(yaml.get("c").line, Some(3));
        let json = json(r#"{"a": 1, "b": ["x"]}"#).unwrap();
        assert_eq!(json.said("a"), Some("1"));
        assert_eq!(json.get("b").items()[0].text(), Some("x"));
    }

    #[test]
    fn what_nests_or_repeats_without_end_is_refused() {
        assert!(yaml(&"[".repeat(5_000)).is_err());
        assert!(json(&"[".repeat(5_000)).is_err());
        let mut laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..10 {
            let one = format!("*a{}", level - 1);
            let repeated = vec![one; 10].join(",");
            laughs.extend([
                "a",
                &level.to_string(),
                ": &a",
                &level.to_string(),
                " [",
                &repeated,
                "]\n",
            ]);
        }
        assert!(yaml(&laughs).is_err());
        assert!(yaml("a: &a [*a]").is_err());
    }
}
