//! Entries of the log as JSON and back, whatever they hold: for exports.
//!
//! The MessagePack of an entry becomes JSON member by member: maps with texts as keys are objects, texts, numbers,
//! booleans and nil are themselves. Bytes are an object with one member: `$json` holds bytes that are JSON as that JSON,
//! verbatim; `$hex` holds any others in lowercase hexadecimal.

use std::fmt::{self, Write as _};

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::RecordError;

const JSON: &str = "$json";
const HEX: &str = "$hex";

/// An entry of the log as one line of JSON; none if it holds what the format has no words for.
///
/// [`entry_from_json`] gives the very bytes back.
pub fn entry_to_json(bytes: &[u8]) -> Option<String> {
    let value: Value = rmp_serde::from_slice(bytes).ok()?;
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    value.write(&mut text).ok()?;
    let is_exact = entry_from_json(&text).is_ok_and(|again| again == bytes);
    (is_exact && !text.contains('\n')).then_some(text)
}

/// The entry that [`entry_to_json`] wrote.
///
/// # Errors
/// [`RecordError::Transcoded`] says where `text` is no such JSON.
pub fn entry_from_json(text: &str) -> Result<Vec<u8>, RecordError> {
    let value: Value = serde_json::from_str(text).map_err(RecordError::Transcoded)?;
    Ok(
        rmp_serde::to_vec_named(&value)
            .expect("a record in memory can always be written to memory"),
    )
}

/// Bytes in lowercase hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes that [`to_hex`] wrote; none if `text` is no hexadecimal.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .bytes()
        .map(|digit| char::from(digit).to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

#[derive(Clone, Debug)]
enum Value {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    fn write(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Nil => out.write_str("null"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Unsigned(value) => write!(out, "{value}"),
            Self::Signed(value) => write!(out, "{value}"),
            Self::Float(value) => write!(out, "{value:?}"),
            Self::Text(text) => write_text(text, out),
            Self::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if text.starts_with('{') && is_json(text) => {
                    write!(out, "{{\"{JSON}\":{text}}}")
                }
                _ => write!(out, "{{\"{HEX}\":\"{}\"}}", to_hex(bytes)),
            },
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(out)?;
                }
                out.write_char(']')
            }
            Self::Map(members) => {
                out.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_text(key, out)?;
                    out.push(':');
                    value.write(out)?;
                }
                out.write_char('}')
            }
        }
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| raw.get().len() == text.len())
}

fn write_text(text: &str, out: &mut String) -> fmt::Result {
    out.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let bytes = match key.as_str() {
                JSON => map.next_value::<Box<RawValue>>()?.get().into(),
                HEX => from_hex(&map.next_value::<String>()?)
                    .ok_or_else(|| A::Error::custom("what $hex holds is no hexadecimal"))?,
                _ => {
                    members.push((key, map.next_value()?));
                    continue;
                }
            };
            if !members.is_empty() || map.next_key::<String>()?.is_some() {
                return Err(A::Error::custom(format!(
                    "{key} is the only member of its object"
                )));
            }
            return Ok(Value::Bytes(bytes));
        }
        Ok(Value::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arbitrary() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(()).prop_map(|()| Value::Nil),
            any::<bool>().prop_map(Value::Bool),
            any::<u64>().prop_map(Value::Unsigned),
            (i64::MIN..0).prop_map(Value::Signed),
            any::<String>().prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
            Just(()).prop_map(|()| Value::Bytes(b"{\"a\": [1, \"\\u00e9\"]}".to_vec())),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                prop::collection::vec(("[a-z]{1,4}", inner), 0..5).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_entry_comes_back_byte_by_byte(value in arbitrary()) {
            let bytes = rmp_serde::to_vec_named(&value).expect("written");
            let text = entry_to_json(&bytes).expect("the format has words for it");
            prop_assert_eq!(entry_from_json(&text).expect("read"), bytes);
        }
    }

    #[test]
    fn what_the_format_has_no_words_for_is_left_to_others() {
        for value in [
            Value::Map(vec![("$json".to_owned(), Value::Unsigned(1))]),
            Value::Map(vec![("$hex".to_owned(), Value::Text("00".to_owned()))]),
        ] {
            let bytes = rmp_serde::to_vec_named(&value).expect("written");
            assert_eq!(entry_to_json(&bytes), None);
        }
        assert_eq!(entry_to_json(b"\xc1"), None);
        assert_eq!(
            entry_to_json(&[0x81, 0x01, 0x02]),
            None,
            "a number is a key"
        );
    }

    #[test]
    fn wrong_json_is_refused_with_its_place() {
        for (text, expected) in [
            ("{\"a\":", "EOF"),
            ("{\"$hex\":\"0\"}", "no hexadecimal"),
            ("{\"$hex\":\"00\",\"b\":1}", "only member"),
        ] {
            let error = entry_from_json(text).expect_err("refused");
            let RecordError::Transcoded(cause) = &error else {
                panic!("{error}");
            };
            assert!(cause.to_string().contains(expected), "{cause}");
        }
    }
}
