//! What an extractor says of itself, checked.

use headwater_model::{Digest, ExtractorDescription, ExtractorLimits, InputPattern, Text};

use crate::LoadError;
use crate::bindings::headwater::extractor::types as wit;
use crate::place::cut;
use crate::relation::check_json;
use crate::schema::Schema;

const NAME_BYTES_MAX: usize = 64;
const VERSION_BYTES_MAX: usize = 64;
const SUMMARY_BYTES_MAX: usize = 512;
const INPUTS_MAX: usize = 64;
const GLOB_BYTES_MAX: usize = 256;
const MEDIA_TYPE_BYTES_MAX: usize = 128;
const SCHEMA_BYTES_MAX: usize = 64 << 10;

/// What the host knows of a component without asking it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) api_version: Text,
    pub(crate) digest: Digest,
    pub(crate) limits: ExtractorLimits,
}

/// Takes a description if it keeps the rules.
///
/// # Errors
/// [`LoadError::Description`] names the field and the rule.
pub(crate) fn check(
    found: wit::Description,
    known: Known,
) -> Result<(ExtractorDescription, Schema), LoadError> {
    check_name(&found.name)?;
    check_text("version", &found.version, 1, VERSION_BYTES_MAX)?;
    check_text("summary", &found.summary, 1, SUMMARY_BYTES_MAX)?;
    let count = found.inputs.len();
    if count == 0 || count > INPUTS_MAX {
        return Err(wrong(
            "inputs",
            format!("are {count} patterns; there must be 1 to {INPUTS_MAX}"),
        ));
    }
    let inputs = (found.inputs.into_iter().enumerate())
        .map(|(index, input)| check_input(index, input))
        .collect::<Result<_, _>>()?;
    let schema = check_schema(&found.config_schema)?;
    let description = ExtractorDescription {
        name: found.name.into(),
        version: found.version.into(),
        summary: found.summary.into(),
        api_version: known.api_version,
        digest: known.digest,
        inputs,
        config_schema: (!found.config_schema.is_empty()).then(|| found.config_schema.into()),
        limits: known.limits,
    };
    Ok((description, schema))
}

fn wrong(field: impl Into<String>, message: impl Into<String>) -> LoadError {
    LoadError::Description {
        field: field.into(),
        message: message.into(),
    }
}

/// A name stands in source names, URLs and file names.
fn check_name(name: &str) -> Result<(), LoadError> {
    check_text("name", name, 1, NAME_BYTES_MAX)?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match name.char_indices().find(|(_, c)| !is_plain(*c)) {
        Some((at, character)) => Err(wrong(
            "name",
            format!(
                "{name:?} holds {character:?} at byte {at}; only a to z, 0 to 9 and '-' may stand there"
            ),
        )),
        None => Ok(()),
    }
}

fn check_text(
    field: &str,
    text: &str,
    bytes_min: usize,
    bytes_max: usize,
) -> Result<(), LoadError> {
    if text.len() < bytes_min {
        return Err(wrong(field, "is empty"));
    }
    if text.len() > bytes_max {
        return Err(wrong(
            field,
            format!("is {} bytes long, more than {bytes_max}", text.len()),
        ));
    }
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(wrong(
            field,
            format!(
                "holds the control character U+{:04X} at byte {at}",
                u32::from(c)
            ),
        )),
        None => Ok(()),
    }
}

fn check_input(index: usize, input: wit::InputPattern) -> Result<InputPattern, LoadError> {
    let field = |part: &str| format!("inputs[{index}].{part}");
    check_text(&field("glob"), &input.glob, 1, GLOB_BYTES_MAX)?;
    check_text(
        &field("media-type"),
        &input.media_type,
        0,
        MEDIA_TYPE_BYTES_MAX,
    )?;
    if let Err(error) = globset::Glob::new(&input.glob) {
        return Err(wrong(
            field("glob"),
            format!("{:?} is no glob: {}", input.glob, error.kind()),
        ));
    }
    Ok(InputPattern {
        glob: input.glob.into(),
        media_type: input.media_type.into(),
        is_required: input.required,
    })
}

fn check_schema(text: &str) -> Result<Schema, LoadError> {
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(wrong(
            "config-schema",
            format!("is {} bytes long, more than {SCHEMA_BYTES_MAX}", text.len()),
        ));
    }
    let schema = Schema::parse(text).map_err(|error| {
        wrong(
            "config-schema",
            format!("{:?} is no JSON Schema of an object: {error}", cut(text)),
        )
    })?;
    if !text.is_empty() {
        check_json(text)
            .map_err(|rule| wrong("config-schema", format!("{:?} {rule}", cut(text))))?;
    }
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn described() -> wit::Description {
        wit::Description {
            name: "dbt".to_owned(),
            version: "1.2.0".to_owned(),
            summary: "Reads a manifest.".to_owned(),
            inputs: vec![wit::InputPattern {
                glob: "**/manifest.json".to_owned(),
                media_type: "application/json".to_owned(),
                required: true,
            }],
            config_schema: String::new(),
        }
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut wit::Description), expected: &str) {
        let mut description = described();
        change(&mut description);
        let known = Known {
            api_version: "0.1".into(),
            digest: Digest::of(b""),
            limits: ExtractorLimits {
                memory_bytes_max: 1,
                timeout: Duration::ZERO,
                facts_max: 1,
                read_bytes_max: 1,
            },
        };
        let found = check(description, known)
            .map(|_| ())
            .map_err(|error| error.to_string());
        assert_eq!(found, Err(format!("describes itself wrongly: {expected}")),);
    }

    #[test]
    fn a_wrong_description_names_the_field_and_the_rule() {
        refused(|found| found.name.clear(), "name is empty");
        refused(
            |found| found.name = "../dbt".to_owned(),
            "name \"../dbt\" holds '.' at byte 0; only a to z, 0 to 9 and '-' may stand there",
        );
        refused(
            |found| found.name = "n".repeat(65),
            "name is 65 bytes long, more than 64",
        );
        refused(|found| found.version.clear(), "version is empty");
        refused(
            |found| found.summary = "two\nlines".to_owned(),
            "summary holds the control character U+000A at byte 3",
        );
        refused(
            |found| found.inputs.clear(),
            "inputs are 0 patterns; there must be 1 to 64",
        );
        refused(
            |found| found.inputs[0].glob = "a{b".to_owned(),
            "inputs[0].glob \"a{b\" is no glob: unclosed alternate group; missing '}' \
             (maybe escape '{' with '[{]'?)",
        );
        refused(
            |found| found.config_schema = "[]{".to_owned(),
            "config-schema \"[]{\" is no JSON Schema of an object: trailing characters at line 1 column 3",
        );
    }
}
