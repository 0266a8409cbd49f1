//! What a project's authors wrote under `meta`, in whatever shape.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::text::Text;

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

/// The data product that something belongs to: its name, or an object with `name` and
/// `description`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DataProduct<'a> {
    pub(crate) name: Option<Text<'a>>,
    pub(crate) description: Option<Text<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for DataProduct<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DataProductVisitor;
        fn named(name: Text) -> DataProduct {
            DataProduct {
                name: Some(name),
                description: None,
            }
        }
        impl<'de> Visitor<'de> for DataProductVisitor {
            type Value = DataProduct<'de>;
            scalars_say_nothing!();
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a data product")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(named(Text(Cow::Borrowed(text))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(named(Text(Cow::Owned(text.to_owned()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(DataProduct::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut product = DataProduct::default();
                while let Some(key) = map.next_key::<Text>()? {
                    let member = match &*key {
                        "name" => &mut product.name,
                        "description" => &mut product.description,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *member = map.next_value::<Names>()?.0.into_iter().next();
                }
                Ok(product)
            }
        }
        deserializer.deserialize_any(DataProductVisitor)
    }
}

/// What is read of `meta`: its `owner` (or `owners`) and its `data_product`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta<'a> {
    pub(crate) owners: Owners<'a>,
    pub(crate) data_product: DataProduct<'a>,
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
                    match &*key {
                        "owner" | "owners" => {
                            meta.owners.0.extend(map.next_value::<Owners>()?.0);
                        }
                        "data_product" => meta.data_product = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
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
    fn a_data_product_is_a_name_or_an_object() {
        let product = |json: &str| {
            let product = serde_json::from_str::<Meta>(json).unwrap().data_product;
            let shown = |text: Option<Text>| text.map(|text| text.to_string());
            (shown(product.name), shown(product.description))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(product(r#"{"data_product": "a"}"#), (some("a"), None));
        assert_eq!(
            product(r#"{"data_product": {"name": "a", "description": "b", "sla": [1]}}"#),
            (some("a"), some("b"))
        );
        for json in [r#"{"data_product": [1]}"#, r#"{"data_product": 5}"#, "{}"] {
            assert_eq!(product(json), (None, None), "{json}");
        }
    }
}
