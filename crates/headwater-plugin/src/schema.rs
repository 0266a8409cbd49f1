//! Configuration against the extractor's JSON Schema, as far as flat string values can break one.

use std::collections::BTreeMap;

use headwater_model::ExtractorConfig;
use serde::Deserialize;
use serde_json::Value;

/// The keywords that are checked: `properties` (with `enum`), `required` and `additionalProperties: false`.
///
/// The rest of JSON Schema is the extractor's to check; values are strings, so little of it applies.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Schema {
    #[serde(default)]
    properties: BTreeMap<String, Property>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    additional_properties: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Property {
    #[serde(default, rename = "enum")]
    values: Option<Vec<Value>>,
}

impl Schema {
    /// Reads a JSON Schema; the empty text is that of an extractor without configuration.
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        if text.is_empty() {
            return Ok(Self {
                additional_properties: Some(Value::Bool(false)),
                ..Self::default()
            });
        }
        serde_json::from_str(text)
    }

    /// Whether `config` satisfies the keywords that are checked.
    ///
    /// # Errors
    /// The key and the rule that it breaks.
    pub(crate) fn check(&self, config: &ExtractorConfig) -> Result<(), String> {
        for (key, value) in config {
            match self.properties.get(key) {
                None if self.additional_properties == Some(Value::Bool(false)) => {
                    return Err(format!("{key} is not a key of it; {}", self.known()));
                }
                Some(Property {
                    values: Some(values),
                }) if !values.iter().any(|known| known == value) => {
                    let values: Vec<String> = values.iter().map(Value::to_string).collect();
                    return Err(format!(
                        "{key} is {value:?}, but must be one of {}",
                        values.join(", ")
                    ));
                }
                _ => {}
            }
        }
        match self.required.iter().find(|key| !config.contains_key(*key)) {
            Some(key) => Err(format!("{key} is missing")),
            None => Ok(()),
        }
    }

    fn known(&self) -> String {
        let known: Vec<&str> = self.properties.keys().map(String::as_str).collect();
        if known.is_empty() {
            return "it takes no configuration".to_owned();
        }
        format!("it takes {}", known.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schema: &str, config: &[(&str, &str)], expected: Result<(), &str>) {
        let schema = Schema::parse(schema).expect("a schema");
        let config = (config.iter())
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(schema.check(&config), expected.map_err(str::to_owned));
    }

    #[test]
    fn configuration_that_breaks_the_schema_names_key_and_rule() {
        let schema = r#"{"type": "object", "additionalProperties": false, "required": ["target"],
            "properties": {"target": {"type": "string"}, "dialect": {"enum": ["snowflake", "duckdb"]}}}"#;
        check(schema, &[("target", "prod"), ("dialect", "duckdb")], Ok(()));
        check(schema, &[], Err("target is missing"));
        check(
            schema,
            &[("targt", "prod")],
            Err("targt is not a key of it; it takes dialect, target"),
        );
        check(
            schema,
            &[("dialect", "oracle")],
            Err(r#"dialect is "oracle", but must be one of "snowflake", "duckdb""#),
        );
    }

    #[test]
    fn an_extractor_without_a_schema_takes_no_configuration() {
        check("", &[], Ok(()));
        check(
            "",
            &[("target", "prod")],
            Err("target is not a key of it; it takes no configuration"),
        );
        check("{}", &[("anything", "goes")], Ok(()));
    }
}
