//! JSON values as dbt writes them: borrowed where possible, tolerant where versions differ.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// A string that borrows from the manifest unless it has escapes.
///
/// `Option<Cow<str>>` never borrows: `#[serde(borrow)]` does not reach into the option.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A string or a number, as text: dbt writes model versions both ways.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scalar<'a>(pub(crate) Text<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        fn owned<'a>(value: &impl ToString) -> Scalar<'a> {
            Scalar(Text(Cow::Owned(value.to_string())))
        }
        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalar<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string or a number")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar(Text(Cow::Borrowed(text))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(owned(&text))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(owned(&number))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(owned(&number))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                Ok(owned(&number))
            }
        }
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// A list of strings; older versions write a single one without its list, or null.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts<'a>(pub(crate) Vec<Text<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;
        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list of strings")
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Texts::default())
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Texts(vec![Text(Cow::Borrowed(text))]))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Texts(vec![Text(Cow::Owned(text.to_owned()))]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut texts = Vec::new();
                while let Some(Scalar(text)) = seq.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(TextsVisitor)
    }
}

/// The members of an object in their order; null is none.
#[derive(Clone, Debug)]
pub(crate) struct Members<'a, T>(pub(crate) Vec<(Text<'a>, T)>);

impl<T> Default for Members<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Members<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor<'a, T>(PhantomData<(&'a (), T)>);
        impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for MembersVisitor<'a, T> {
            type Value = Members<'a, T>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Members::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_any(MembersVisitor(PhantomData))
    }
}

/// A number, however it is written; anything else is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Number(pub(crate) Option<f64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Number(None))
            }
            // Counts of rows and seconds are far below 2^53.
            #[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Number(Some(number as f64)))
            }
            #[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Number(Some(number as f64)))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Number(Some(number)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Number(
                    text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
                ))
            }
        }
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// A count; none if it is no whole number.
pub(crate) fn whole(number: Number) -> Option<u64> {
    let number = number
        .0
        .filter(|number| number.fract() == 0.0 && (0.0..9e15).contains(number))?;
    #[allow(clippy::cast_sign_loss, reason = "its bounds are checked")]
    Some(number as u64)
}

/// A text that says something.
pub(crate) fn said<'t>(text: Option<&'t Text>) -> Option<&'t str> {
    text.map(|text| &**text)
        .filter(|text| !text.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_borrow_unless_they_have_escapes() {
        let plain: Option<Text> = serde_json::from_str("\"a\"").unwrap();
        assert!(matches!(plain, Some(Text(Cow::Borrowed("a")))));
        let escaped: Option<Text> = serde_json::from_str("\"a\\n\"").unwrap();
        assert!(matches!(escaped, Some(Text(Cow::Owned(_)))));
    }

    #[test]
    fn versions_are_strings_or_numbers() {
        for (json, expected) in [("2", "2"), ("\"v2\"", "v2"), ("1.5", "1.5"), ("-1", "-1")] {
            assert_eq!(&*serde_json::from_str::<Scalar>(json).unwrap().0, expected);
        }
        assert!(serde_json::from_str::<Scalar>("[]").is_err());
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        for (json, expected) in [
            ("2", Some(2.0)),
            ("-1", Some(-1.0)),
            ("1.5", Some(1.5)),
            ("\"3\"", Some(3.0)),
            ("\"x\"", None),
            ("null", None),
        ] {
            assert_eq!(
                serde_json::from_str::<Number>(json).unwrap().0,
                expected,
                "{json}"
            );
        }
    }
}
