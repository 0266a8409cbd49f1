//! JSON values of an expected shape, read in one pass and without refusing others.
//!
//! A derived `Deserialize` stops at the first value of another kind and cannot say where it stood. A [`Node`] notes
//! what it found instead and goes on, so that whoever looks at it knows the place and decides what that means. A key
//! that comes twice counts as its last value, which RFC 8259 leaves open and most parsers do.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{EventError, EventRule, quoted};
use crate::pointer::Place;

/// Text that borrows from the body unless it has escapes.
pub(crate) type TextOf<'de> = Cow<'de, str>;

/// What stands where a `T` is expected.
#[derive(Debug, Default)]
pub(crate) enum Node<T> {
    /// The key is not there.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// Another kind of value, described for a person.
    Wrong(String),
    /// What was expected.
    Is(T),
}

/// A type that knows from which kind of JSON value it is read.
pub(crate) trait Shape<'de>: Sized {
    /// What is expected, for a person.
    const EXPECTED: &'static str;

    /// From a text; the text back if it is none of those.
    ///
    /// # Errors
    /// The text itself.
    fn from_text(text: TextOf<'de>) -> Result<Self, TextOf<'de>> {
        Err(text)
    }

    /// From `true` or `false`.
    fn from_bool(_: bool) -> Option<Self> {
        None
    }

    /// From an object.
    ///
    /// # Errors
    /// Whatever breaks the grammar of JSON.
    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Node<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Node::Wrong("an object".to_owned()))
    }

    /// From a list.
    ///
    /// # Errors
    /// Whatever breaks the grammar of JSON.
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Node<Self>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Wrong("a list".to_owned()))
    }
}

impl<T> Node<T> {
    /// The value, if it is one.
    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            _ => None,
        }
    }

    /// True unless the key is not there.
    pub(crate) fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<'de, T: Shape<'de>> Node<T> {
    /// The value.
    ///
    /// # Errors
    /// [`EventRule::Missing`] or [`EventRule::Wrong`] at `place`.
    pub(crate) fn required(&self, place: &Place<'_>) -> Result<&T, EventError> {
        match self {
            Self::Is(value) => Ok(value),
            Self::Absent => Err(EventError::new(
                place,
                EventRule::Missing {
                    expected: T::EXPECTED,
                },
            )),
            Self::Null => Err(wrong::<T>(place, "null")),
            Self::Wrong(found) => Err(wrong::<T>(place, found)),
        }
    }

    /// The value, or none if it is not there or null.
    ///
    /// # Errors
    /// [`EventRule::Wrong`] at `place`.
    pub(crate) fn optional(&self, place: &Place<'_>) -> Result<Option<&T>, EventError> {
        match self {
            Self::Is(value) => Ok(Some(value)),
            Self::Absent | Self::Null => Ok(None),
            Self::Wrong(found) => Err(wrong::<T>(place, found)),
        }
    }
}

/// Something else than a `T` stands at `place`.
pub(crate) fn wrong<'de, T: Shape<'de>>(place: &Place<'_>, found: &str) -> EventError {
    let found = found.to_owned();
    let expected = T::EXPECTED;
    EventError::new(place, EventRule::Wrong { expected, found })
}

impl<'de, T: Shape<'de>> Deserialize<'de> for Node<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor(PhantomData))
    }
}

struct NodeVisitor<T>(PhantomData<T>);

impl<'de, T: Shape<'de>> Visitor<'de> for NodeVisitor<T> {
    type Value = Node<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<Node<T>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<T>, E> {
        Ok(T::from_bool(value).map_or_else(|| Node::Wrong(value.to_string()), Node::Is))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<T>, E> {
        Ok(Node::Wrong(format!("the number {value}")))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<T>, E> {
        Ok(Node::Wrong(format!("the number {value}")))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<T>, E> {
        Ok(Node::Wrong(format!("the number {value}")))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<T>, E> {
        Ok(text_node(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<T>, E> {
        Ok(text_node(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Node<T>, A::Error> {
        T::from_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Node<T>, A::Error> {
        T::from_seq(seq)
    }
}

fn text_node<'de, T: Shape<'de>>(text: TextOf<'de>) -> Node<T> {
    match T::from_text(text) {
        Ok(value) => Node::Is(value),
        Err(text) => Node::Wrong(format!("the text {}", quoted(&text))),
    }
}

impl<'de> Shape<'de> for TextOf<'de> {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: TextOf<'de>) -> Result<Self, TextOf<'de>> {
        Ok(text)
    }
}

impl Shape<'_> for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl<'de, T: Shape<'de>> Shape<'de> for Vec<Node<T>> {
    const EXPECTED: &'static str = "a list";

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Node<Self>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Is(items))
    }
}

/// The key of an object.
pub(crate) struct Key<'de>(pub(crate) TextOf<'de>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// An object whose keys are data, ordered by key.
#[derive(Debug)]
pub(crate) struct MapOf<'de, V>(pub(crate) Vec<(TextOf<'de>, V)>);

impl<'de, V: Deserialize<'de>> MapOf<'de, V> {
    fn read<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut entries: Vec<(TextOf<'de>, V)> = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            entries.push((key, value));
        }
        // Reversed, a stable sort puts the last of equal keys first, and that one stays.
        entries.reverse();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, first| later.0 == first.0);
        Ok(Self(entries))
    }
}

impl<'de, T: Shape<'de>> Shape<'de> for MapOf<'de, Node<T>> {
    const EXPECTED: &'static str = "an object";

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Node<Self>, A::Error> {
        Self::read(map).map(Node::Is)
    }
}

/// An object of values that are not looked into yet.
impl<'de> Shape<'de> for MapOf<'de, &'de RawValue> {
    const EXPECTED: &'static str = "an object";

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Node<Self>, A::Error> {
        Self::read(map).map(Node::Is)
    }
}

/// Defines an object with known keys; others are skipped.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident<$de:lifetime> { $($field:ident: $type:ty = $key:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name<$de> {
            $(pub(crate) $field: $crate::node::Node<$type>,)*
        }

        impl<$de> $crate::node::Shape<$de> for $name<$de> {
            const EXPECTED: &'static str = "an object";

            fn from_map<A: ::serde::de::MapAccess<$de>>(
                mut map: A,
            ) -> Result<$crate::node::Node<Self>, A::Error> {
                let mut record = Self { $($field: $crate::node::Node::Absent,)* };
                while let Some($crate::node::Key(key)) = map.next_key()? {
                    match &*key {
                        $($key => record.$field = map.next_value()?,)*
                        _ => {
                            map.next_value::<::serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok($crate::node::Node::Is(record))
            }
        }
    };
}
pub(crate) use record;
