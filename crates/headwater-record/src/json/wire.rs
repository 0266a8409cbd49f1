//! Scalars of the format: texts that are checked while they are read.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use headwater_model::{
    AssetKind, AttributeKey, EdgeKind, FacetName, FactKind, FieldName, Name, Namespace, RunId,
    RunState, Severity, Side, Text, Timestamp, TypeName, Zone,
};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{self, Serialize, Serializer};

/// How much of a text that breaks a rule an error shows.
const SHOWN_CHARS_MAX: usize = 64;

/// A value that JSON holds as a string.
pub(super) trait WireText: Sized {
    /// Reads the value, or says which rule `text` breaks.
    fn read(text: &str) -> Result<Self, String>;

    /// The text that reads back as this value, or why there is none.
    fn write(&self) -> Result<Cow<'_, str>, String>;
}

/// Carries a model value through serde.
#[derive(Clone)]
pub(super) struct Wire<T>(pub(super) T);

impl<T: WireText> Serialize for Wire<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.write().map_err(ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de, T: WireText> Deserialize<'de> for Wire<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);

        impl<T: WireText> Visitor<'_> for Read<T> {
            type Value = Wire<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                T::read(text).map(Wire).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Read(PhantomData))
    }
}

/// Reads `null` as the default, which is also what an absent key gives.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// `text`, quoted and cut to a readable length.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

macro_rules! names {
    ($($type:ty),+) => {$(
        impl WireText for $type {
            fn read(text: &str) -> Result<Self, String> {
                <$type>::parse(text).map_err(|error| error.to_string())
            }

            fn write(&self) -> Result<Cow<'_, str>, String> {
                Ok(Cow::Borrowed(self.as_str()))
            }
        }
    )+};
}

names!(
    AttributeKey,
    FacetName,
    FieldName,
    Name,
    Namespace,
    RunId,
    TypeName
);

impl WireText for Text {
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }

    fn write(&self) -> Result<Cow<'_, str>, String> {
        Ok(Cow::Borrowed(self))
    }
}

/// A set of words, in the order in which an error lists them.
trait Word: Copy + PartialEq + 'static {
    const WORDS: &'static [(Self, &'static str)];
}

macro_rules! words {
    ($($type:ident { $($variant:ident => $word:literal),+ })+) => {$(
        impl Word for $type {
            const WORDS: &'static [(Self, &'static str)] = &[$(($type::$variant, $word)),+];
        }

        impl WireText for $type {
            fn read(text: &str) -> Result<Self, String> {
                read_word(text)
            }

            fn write(&self) -> Result<Cow<'_, str>, String> {
                Ok(Cow::Borrowed(match self { $($type::$variant => $word),+ }))
            }
        }
    )+};
}

words! {
    AssetKind { Dataset => "DATASET", Job => "JOB" }
    EdgeKind { Reads => "READS", Writes => "WRITES", Derives => "DERIVES", Follows => "FOLLOWS" }
    Side { Reads => "READS", Writes => "WRITES" }
    Severity { Info => "INFO", Warning => "WARNING", Error => "ERROR" }
    RunState {
        Start => "START", Running => "RUNNING", Complete => "COMPLETE", Abort => "ABORT", Fail => "FAIL",
        Other => "OTHER"
    }
    FactKind {
        Datasets => "DATASETS", Fields => "FIELDS", Jobs => "JOBS", Edges => "EDGES", FieldEdges => "FIELD_EDGES",
        Selectors => "SELECTORS", Aliases => "ALIASES", Attributes => "ATTRIBUTES", Facets => "FACETS"
    }
    Mode { Direct => "DIRECT", Indirect => "INDIRECT" }
}

/// The type of a transformation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The value itself goes in.
    Direct,
    /// It only decides.
    Indirect,
}

fn read_word<T: Word>(text: &str) -> Result<T, String> {
    T::WORDS
        .iter()
        .find(|(_, word)| *word == text)
        .map(|(value, _)| *value)
        .ok_or_else(|| {
            let known: Vec<&str> = T::WORDS.iter().map(|(_, word)| *word).collect();
            format!("is {}, not one of {}", shown(text), known.join(", "))
        })
}

/// An instant, and whether its text said which zone it is in.
#[derive(Clone, Copy)]
pub(super) struct Instant {
    pub(super) time: Timestamp,
    pub(super) zone: Zone,
}

impl From<Timestamp> for Instant {
    fn from(time: Timestamp) -> Self {
        Self {
            time,
            zone: Zone::Stated,
        }
    }
}

impl WireText for Instant {
    fn read(text: &str) -> Result<Self, String> {
        let (time, zone) = Timestamp::parse(text).map_err(|error| error.to_string())?;
        Ok(Self { time, zone })
    }

    fn write(&self) -> Result<Cow<'_, str>, String> {
        let text = self.time.to_string();
        match Timestamp::parse(&text) {
            Ok((read, Zone::Stated)) if read == self.time => Ok(Cow::Owned(text)),
            _ => Err(format!(
                "the time {} microseconds from 1970 is outside the years 0001 to 9999",
                self.time.as_micros()
            )),
        }
    }
}
