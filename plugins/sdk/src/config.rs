//! Configuration: one flat JSON object of strings.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{Diagnostic, ExtractError, Location, Severity};

/// One key that an extractor's configuration may have.
#[derive(Clone, Copy, Debug)]
pub struct ConfigKey {
    /// The key; one that ends in `.` stands for every key that begins so and goes on.
    pub name: &'static str,
    /// What it does, for people.
    pub description: &'static str,
}

impl ConfigKey {
    fn is_prefix(&self) -> bool {
        self.name.ends_with('.')
    }

    fn matches(&self, key: &str) -> bool {
        if self.is_prefix() {
            key.len() > self.name.len() && key.starts_with(self.name)
        } else {
            key == self.name
        }
    }

    fn shown(&self) -> String {
        if self.is_prefix() {
            format!("{}…", self.name)
        } else {
            self.name.to_owned()
        }
    }
}

/// A configuration that has only known keys; all values are non-empty strings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config(BTreeMap<String, String>);

impl Config {
    /// The JSON Schema (2020-12) that accepts exactly what [`Config::parse`] does.
    ///
    /// Keys without a prefix among them are closed by `additionalProperties`, others by
    /// `propertyNames`: a host that checks only the simple keywords then lets a key that
    /// begins with a prefix through.
    pub fn schema(keys: &[ConfigKey]) -> String {
        let mut properties = serde_json::Map::new();
        let mut patterns = serde_json::Map::new();
        let mut names = Vec::new();
        for key in keys {
            let value = json!({"type": "string", "minLength": 1, "description": key.description});
            let escaped = key.name.replace('.', "\\.");
            if key.is_prefix() {
                patterns.insert(format!("^{escaped}.+$"), value);
                names.push(format!("{escaped}.+"));
            } else {
                properties.insert(key.name.to_owned(), value);
                names.push(escaped);
            }
        }
        let mut schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": properties,
        });
        if patterns.is_empty() {
            schema["additionalProperties"] = false.into();
        } else {
            schema["patternProperties"] = patterns.into();
            schema["propertyNames"] = json!({"pattern": format!("^({})$", names.join("|"))});
        }
        schema.to_string()
    }

    /// Reads a configuration; the empty text is an empty configuration.
    ///
    /// # Errors
    /// [`ExtractError::Malformed`] names the key, what is wrong with it and the known keys.
    pub fn parse(config: &str, keys: &[ConfigKey]) -> Result<Self, ExtractError> {
        if config.trim().is_empty() {
            return Ok(Self::default());
        }
        let value: Value = serde_json::from_str(config)
            .map_err(|error| malformed(None, format!("the configuration is not JSON: {error}")))?;
        let Value::Object(members) = value else {
            return Err(malformed(
                None,
                "the configuration is not a JSON object".into(),
            ));
        };
        let mut entries = BTreeMap::new();
        for (key, value) in members {
            if !keys.iter().any(|known| known.matches(&key)) {
                let known: Vec<_> = keys.iter().map(ConfigKey::shown).collect();
                let message = format!(
                    "unknown configuration key `{key}`; known keys: {}",
                    known.join(", ")
                );
                return Err(malformed(Some(&key), message));
            }
            match value {
                Value::String(text) if !text.is_empty() => entries.insert(key, text),
                Value::String(_) => {
                    let message = format!("the value of configuration key `{key}` is empty");
                    return Err(malformed(Some(&key), message));
                }
                other => {
                    let found = match other {
                        Value::Null => "null",
                        Value::Bool(_) => "a boolean",
                        Value::Number(_) => "a number",
                        Value::Array(_) => "an array",
                        Value::String(_) | Value::Object(_) => "an object",
                    };
                    let message = format!(
                        "the value of configuration key `{key}` is {found}; expected a string"
                    );
                    return Err(malformed(Some(&key), message));
                }
            };
        }
        Ok(Self(entries))
    }

    /// The value of `key`, if it is configured.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Every configured key that begins with `prefix` (without it), in byte order.
    pub fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        self.0
            .iter()
            .filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value.as_str())))
            .filter(|(rest, _)| !rest.is_empty())
    }
}

fn malformed(key: Option<&str>, message: String) -> ExtractError {
    let pointer = key.map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")));
    ExtractError::Malformed(Diagnostic {
        severity: Severity::Error,
        code: "config/invalid".into(),
        message,
        at: Some(Location {
            artifact: "configuration".into(),
            pointer,
            byte_offset: None,
            line: None,
            column: None,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[ConfigKey] = &[
        ConfigKey {
            name: "namespace",
            description: "one",
        },
        ConfigKey {
            name: "namespace.",
            description: "many",
        },
    ];

    fn message(config: &str) -> String {
        match Config::parse(config, KEYS) {
            Err(ExtractError::Malformed(diagnostic)) => diagnostic.message,
            other => panic!("{config} gave {other:?}"),
        }
    }

    #[test]
    fn flat_keys_and_prefixes_are_found() {
        let config = Config::parse(r#"{"namespace": "a", "namespace.x.y": "b"}"#, KEYS).unwrap();
        assert_eq!(config.get("namespace"), Some("a"));
        assert_eq!(
            config.with_prefix("namespace.").collect::<Vec<_>>(),
            [("x.y", "b")]
        );
        assert_eq!(Config::parse("", KEYS).unwrap(), Config::default());
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        assert_eq!(
            message(r#"{"nmespace": "a"}"#),
            "unknown configuration key `nmespace`; known keys: namespace, namespace.…"
        );
        assert!(message(r#"{"namespace.": "a"}"#).starts_with("unknown configuration key"));
        assert_eq!(
            message(r#"{"namespace": 5}"#),
            "the value of configuration key `namespace` is a number; expected a string"
        );
        assert_eq!(
            message(r#"{"namespace": ""}"#),
            "the value of configuration key `namespace` is empty"
        );
        assert_eq!(message("[]"), "the configuration is not a JSON object");
        assert!(message("{").starts_with("the configuration is not JSON"));
    }

    #[test]
    fn the_schema_names_keys_and_prefixes() {
        let schema: Value = serde_json::from_str(&Config::schema(KEYS)).unwrap();
        assert_eq!(schema["properties"]["namespace"]["description"], "one");
        assert_eq!(
            schema["patternProperties"]["^namespace\\..+$"]["description"],
            "many"
        );
        assert_eq!(
            schema["propertyNames"]["pattern"],
            "^(namespace|namespace\\..+)$"
        );
        let simple: Value = serde_json::from_str(&Config::schema(&KEYS[..1])).unwrap();
        assert_eq!(simple["additionalProperties"], false);
    }
}
