//! The configuration that an extractor gets: flat, strings only.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use headwater_model::ExtractorConfig;

use crate::failure::{Exit, Failure};

/// The largest configuration file that is read.
const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// Where the configuration comes from.
#[derive(Debug, Args)]
pub(crate) struct ExtractorConfigArgs {
    /// Configuration of the extractor, TOML or JSON: flat keys
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// One key of the configuration; stronger than the file
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub(crate) set: Vec<(String, String)>,
}

impl ExtractorConfigArgs {
    /// The file's keys, and over them those that were set one by one, the last one winning.
    ///
    /// # Errors
    /// A [`Failure`] that names the file, the key and the rule.
    pub(crate) fn load(&self) -> anyhow::Result<ExtractorConfig> {
        let mut config = match &self.config {
            Some(path) => read_file(path)?,
            None => ExtractorConfig::new(),
        };
        config.extend(self.set.iter().cloned());
        Ok(config)
    }
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("the key is empty".to_owned()),
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err("expected KEY=VALUE".to_owned()),
    }
}

/// Reads a file of keys, JSON if it is called so, else TOML.
///
/// # Errors
/// A [`Failure`] that names the file, the key and the rule.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<ExtractorConfig> {
    let shown = path.display();
    let wrong = |message: String| Failure::new(Exit::Input, format!("{shown}: {message}"));
    let bytes = fs::metadata(path)
        .with_context(|| Failure::new(Exit::Input, format!("cannot read {shown}")))?
        .len();
    if bytes > CONFIG_BYTES_MAX {
        return Err(wrong(format!(
            "is {bytes} bytes long, more than {CONFIG_BYTES_MAX}"
        ))
        .into());
    }
    let text = fs::read_to_string(path)
        .with_context(|| Failure::new(Exit::Input, format!("cannot read {shown}")))?;
    let is_json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    let parsed = if is_json {
        parse_json(&text)
    } else {
        parse_toml(&text)
    };
    Ok(parsed.map_err(wrong)?)
}

fn parse_toml(text: &str) -> Result<ExtractorConfig, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
    config_of_table(table)
}

/// A table as an extractor gets it: flat keys, values as strings.
///
/// # Errors
/// Names the key that is not flat, and says how to write it.
pub(crate) fn config_of_table(table: toml::Table) -> Result<ExtractorConfig, String> {
    table
        .into_iter()
        .map(|(key, value)| {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(truth) => truth.to_string(),
                toml::Value::Datetime(time) => time.to_string(),
                toml::Value::Table(inner) => return Err(nested(&key, inner.keys().next())),
                toml::Value::Array(_) => return Err(listed(&key)),
            };
            Ok((key, text))
        })
        .collect()
}

fn parse_json(text: &str) -> Result<ExtractorConfig, String> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    object
        .into_iter()
        .map(|(key, value)| {
            let text = match value {
                serde_json::Value::String(text) => text,
                serde_json::Value::Number(number) => number.to_string(),
                serde_json::Value::Bool(truth) => truth.to_string(),
                serde_json::Value::Object(inner) => return Err(nested(&key, inner.keys().next())),
                serde_json::Value::Array(_) => return Err(listed(&key)),
                serde_json::Value::Null => return Err(format!("{key} is null, not a string")),
            };
            Ok((key, text))
        })
        .collect()
}

fn nested(key: &str, inner: Option<&String>) -> String {
    let inner = inner.map_or("key", String::as_str);
    format!(
        "{key} is a table, but keys are flat: quote the dotted key, for example \"{key}.{inner}\" = \"…\""
    )
}

fn listed(key: &str) -> String {
    format!("{key} is a list, but values are strings")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn a_setting_splits_at_the_first_equals_sign() {
        assert_eq!(
            parse_setting("map.host=a=b"),
            Ok(("map.host".to_owned(), "a=b".to_owned()))
        );
        assert_eq!(parse_setting("k="), Ok(("k".to_owned(), String::new())));
        assert!(parse_setting("k").is_err() && parse_setting("=v").is_err());
    }

    #[test]
    fn scalars_become_strings_in_both_languages() {
        let toml = parse_toml("a = 'x'\n\"b.c\" = 1\nd = true\ne = 1.5").expect("flat");
        let json = parse_json(r#"{"a": "x", "b.c": 1, "d": true, "e": 1.5}"#).expect("flat");
        assert_eq!(toml, json);
        assert_eq!(toml["b.c"], "1");
    }

    #[test]
    fn nesting_is_refused_with_advice() {
        assert_snapshot!(
            parse_toml("[map]\nhost = 'a'").expect_err("nested"),
            @r#"map is a table, but keys are flat: quote the dotted key, for example "map.host" = "…""#
        );
        assert_snapshot!(
            parse_toml("map.host = 'a'").expect_err("dots nest in TOML"),
            @r#"map is a table, but keys are flat: quote the dotted key, for example "map.host" = "…""#
        );
        assert_snapshot!(parse_json(r#"{"a": [1]}"#).expect_err("a list"), @"a is a list, but values are strings");
    }

    #[test]
    fn a_setting_is_stronger_than_the_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("c.toml");
        fs::write(&file, "a = 'file'\nb = 'file'").expect("a file");
        let args = ExtractorConfigArgs {
            config: Some(file),
            set: vec![("a".to_owned(), "flag".to_owned())],
        };
        let config = args.load().expect("a configuration");
        assert_eq!(
            (config["a"].as_str(), config["b"].as_str()),
            ("flag", "file")
        );
    }
}
