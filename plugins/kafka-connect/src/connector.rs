//! One connector: its name, its configuration, and where these stand.

use std::collections::BTreeMap;

use headwater_extractor::{Diagnostic, Location, Severity};

/// A connector as a file configures it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connector {
    pub(crate) name: String,
    pub(crate) artifact: String,
    /// RFC 6901 pointer of the configuration; none in a properties file.
    pub(crate) pointer: Option<String>,
    /// Values as text, and the line of each in a properties file.
    pub(crate) config: BTreeMap<String, (String, Option<u32>)>,
    /// As the status says: `RUNNING`, `PAUSED`, `FAILED`, ….
    pub(crate) state: Option<String>,
}

impl Connector {
    /// The value of `key`, without white space around it, unless it is empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let (value, _) = self.config.get(key)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// The first of `keys` that has a value, with the key.
    pub(crate) fn first<'k>(&self, keys: &[&'k str]) -> Option<(&'k str, &str)> {
        keys.iter()
            .find_map(|key| self.get(key).map(|value| (*key, value)))
    }

    /// The value of the first of `keys` that has one.
    pub(crate) fn any(&self, keys: &[&str]) -> Option<&str> {
        self.first(keys).map(|(_, value)| value)
    }

    /// True if `key` says so, whatever its case.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.get(key)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The items of a list separated by commas.
    pub(crate) fn list(&self, keys: &[&str]) -> Vec<&str> {
        items(self.any(keys).unwrap_or_default())
    }

    pub(crate) fn class(&self) -> &str {
        self.get("connector.class").unwrap_or_default()
    }

    /// The class's name without its package and without what says that it is a connector.
    pub(crate) fn short_class(&self) -> &str {
        let class = self.class();
        let short = class.rsplit('.').next().unwrap_or(class);
        short.strip_suffix("Connector").unwrap_or(short)
    }

    /// Where `key` stands.
    pub(crate) fn at(&self, key: &str) -> Location {
        let pointer = self.pointer.as_ref().map(|pointer| {
            if self.config.contains_key(key) {
                format!("{pointer}/{}", escaped(key))
            } else {
                pointer.clone()
            }
        });
        Location {
            artifact: self.artifact.clone(),
            pointer,
            byte_offset: None,
            line: self.config.get(key).and_then(|(_, line)| *line),
            column: None,
        }
    }

    /// What is to be said about `key`.
    pub(crate) fn told(
        &self,
        severity: Severity,
        code: &str,
        key: &str,
        message: &str,
    ) -> Diagnostic {
        Diagnostic {
            severity,
            code: format!("kafka-connect/{code}"),
            message: format!("{}: {message}", self.name),
            at: Some(self.at(key)),
        }
    }
}

/// A key as a part of an RFC 6901 pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The items of a list separated by commas, without white space and empty ones.
pub(crate) fn items(list: &str) -> Vec<&str> {
    let items = list.split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).collect()
}
