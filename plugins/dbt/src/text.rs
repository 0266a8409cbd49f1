//! JSON values as dbt writes them: borrowed where possible, tolerant where versions differ.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
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

/// Accepts scalars of any type as "nothing said here": `meta` belongs to the project's
/// authors, so no shape of it is wrong.
macro_rules! scalars_say_nothing {
    () => {
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

/// Somebody who owns something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner<'a> {
    pub(crate) name: Option<Text<'a>>,
    pub(crate) emails: Vec<Text<'a>>,
}

/// Owners however they are written: one name, an object with `name` and `email`, a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owners<'a>(pub(crate) Vec<Owner<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Owners<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OwnersVisitor;
        fn named(name: Text) -> Owners {
            let name = Some(name);
            Owners(vec![Owner {
                name,
                emails: Vec::new(),
            }])
        }
        impl<'de> Visitor<'de> for OwnersVisitor {
            type Value = Owners<'de>;
            scalars_say_nothing!();
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an owner")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(named(Text(Cow::Borrowed(text))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(named(Text(Cow::Owned(text.to_owned()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut owners = Vec::new();
                while let Some(Owners(more)) = seq.next_element()? {
                    owners.extend(more);
                }
                Ok(Owners(owners))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut owner = Owner::default();
                while let Some(key) = map.next_key::<Text>()? {
                    match &*key {
                        "name" => owner.name = map.next_value::<Names>()?.0.into_iter().next(),
                        "email" => owner.emails = map.next_value::<Names>()?.0,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Owners(vec![owner]))
            }
        }
        deserializer.deserialize_any(OwnersVisitor)
    }
}

/// A name or a list of names; anything else says nothing.
#[derive(Clone, Debug, Default)]
struct Names<'a>(Vec<Text<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Names<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Owners(owners) = Owners::deserialize(deserializer)?;
        Ok(Self(
            owners.into_iter().filter_map(|owner| owner.name).collect(),
        ))
    }
}

/// What is read of `meta`: its `owner` (or `owners`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta<'a> {
    pub(crate) owners: Owners<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Meta<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MetaVisitor;
        impl<'de> Visitor<'de> for MetaVisitor {
            type Value = Meta<'de>;
            scalars_say_nothing!();
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("meta")
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Meta::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Meta::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut meta = Meta::default();
                while let Some(key) = map.next_key::<Text>()? {
                    if matches!(&*key, "owner" | "owners") {
                        meta.owners.0.extend(map.next_value::<Owners>()?.0);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(meta)
            }
        }
        deserializer.deserialize_any(MetaVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(json: &str) -> Vec<(Option<String>, Vec<String>)> {
        serde_json::from_str::<Meta>(json)
            .unwrap()
            .owners
            .0
            .into_iter()
            .map(|owner| {
                let emails = owner.emails.iter().map(ToString::to_string).collect();
                (owner.name.map(|name| name.to_string()), emails)
            })
            .collect()
    }

    #[test]
    fn owners_are_read_however_they_are_written() {
        let named = |name: &str| (Some(name.to_owned()), vec![]);
        let full = (Some("a".to_owned()), vec!["a@x".to_owned()]);
        assert_eq!(owners(r#"{"owner": "a"}"#), [named("a")]);
        assert_eq!(owners(r#"{"owner": "a\u0062"}"#), [named("ab")]);
        assert_eq!(
            owners(r#"{"owner": ["a", "b"], "x": {"owner": 1}}"#),
            [named("a"), named("b")]
        );
        assert_eq!(
            owners(r#"{"owner": {"name": "a", "email": "a@x", "slack": {}}}"#),
            [full]
        );
        assert_eq!(
            owners(r#"{"owners": [{"email": ["a@x", "b@x"]}]}"#),
            [(None, vec!["a@x".to_owned(), "b@x".to_owned()])]
        );
        for json in [
            "{}",
            "null",
            "[1, {}]",
            "5",
            "\"x\"",
            r#"{"owner": 5}"#,
            r#"{"owner": null}"#,
        ] {
            assert_eq!(owners(json), [], "{json}");
        }
    }

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
}
