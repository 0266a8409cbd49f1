//! YAML as a tree in which every value knows its place.

use headwater_extractor::{Diagnostic, Location, Severity};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

/// Collections in collections. Deeper than any file of ours is.
const DEPTH_MAX: usize = 32;
/// Values in one file.
const VALUES_MAX: usize = 5_000_000;

/// Where a value begins, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    fn of(marker: &Marker) -> Self {
        // A file of 4 billion lines is larger than an input may be.
        Self {
            line: marker.line() as u32,
            column: marker.col() as u32 + 1,
        }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing: an empty value, `null` or `~`.
    Null,
    /// Text; plain where it has no quotation marks.
    Text {
        text: String,
        is_plain: bool,
    },
    List(Vec<Node>),
    /// Keys in their order.
    Map(Vec<(String, Place, Node)>),
}

impl Value {
    /// What it is, to say what was found.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Text { .. } => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// What a file breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
        }
    }

    /// For people, with the file's name.
    pub(crate) fn into_diagnostic(self, artifact: &str, code: &str) -> Diagnostic {
        let Place { line, column } = self.place;
        Diagnostic {
            severity: Severity::Error,
            code: code.into(),
            message: format!("line {line}, column {column}: {}", self.message),
            at: Some(location(artifact, self.place)),
        }
    }
}

/// A place in a file.
pub(crate) fn location(artifact: &str, place: Place) -> Location {
    Location {
        artifact: artifact.into(),
        pointer: None,
        byte_offset: None,
        line: Some(place.line),
        column: Some(place.column),
    }
}

/// Reads the one document of a file; none if the file says nothing.
///
/// # Errors
/// What is no YAML, and what of YAML is not read here: anchors, tags, further documents.
pub(crate) fn read(text: &str) -> Result<Option<Node>, Fault> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        values_count: 0,
    };
    let mut document = None;
    loop {
        let (event, place) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(document),
            Event::DocumentStart(_) if document.is_some() => {
                return Err(Fault::new(place, "there is a second document; one is read"));
            }
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                document = Some(reader.node(event, place, 0)?);
            }
            Event::Alias(_) => return Err(no_anchors(place)),
            _ => {}
        }
    }
}

fn no_anchors(place: Place) -> Fault {
    Fault::new(
        place,
        "anchors and aliases (& and *) are not read; repeat what is meant",
    )
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    values_count: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Place), Fault> {
        match self.parser.next() {
            None => Ok((Event::StreamEnd, Place::default())),
            Some(Ok((event, span))) => Ok((event, Place::of(&span.start))),
            Some(Err(error)) => Err(Fault::new(Place::of(error.marker()), error.info())),
        }
    }

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, Fault> {
        self.values_count += 1;
        if self.values_count > VALUES_MAX {
            return Err(Fault::new(
                place,
                format!("there are more than {VALUES_MAX} values"),
            ));
        }
        if depth > DEPTH_MAX {
            let message = format!("values stand in each other more than {DEPTH_MAX} deep");
            return Err(Fault::new(place, message));
        }
        let (anchor, has_tag) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            Event::Alias(_) => (1, false),
            _ => return Err(Fault::new(place, "a value is missing")),
        };
        if anchor != 0 {
            return Err(no_anchors(place));
        }
        if has_tag {
            return Err(Fault::new(place, "tags (!) are not read"));
        }
        let value = match event {
            Event::Scalar(text, style, ..) => {
                let is_plain = style == ScalarStyle::Plain;
                match &*text {
                    "" | "~" | "null" | "Null" | "NULL" if is_plain => Value::Null,
                    _ => Value::Text {
                        text: text.into_owned(),
                        is_plain,
                    },
                }
            }
            Event::SequenceStart(..) => Value::List(self.list(depth)?),
            _ => Value::Map(self.map(depth)?),
        };
        Ok(Node { place, value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(items);
            }
            items.push(self.node(event, place, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(String, Place, Node)>, Fault> {
        let mut entries: Vec<(String, Place, Node)> = Vec::new();
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(entries);
            }
            let key = self.node(event, place, depth + 1)?;
            let Value::Text { text: key, .. } = key.value else {
                let message = format!("a key must be a text, found {}", key.value.kind());
                return Err(Fault::new(place, message));
            };
            if entries.iter().any(|(other, ..)| *other == key) {
                return Err(Fault::new(place, format!("the key `{key}` is given twice")));
            }
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1)?;
            entries.push((key, place, value));
        }
    }
}
