//! The files: a DAG, a list of DAGs, rows of `serialized_dag`, one by one or a line each.

use headwater_extractor::{ExtractError, Input, Severity};
use serde_json::Value;

use crate::decode;
use crate::model::Model;

/// A serialised DAG, and where it stands.
pub(crate) struct Found {
    pub(crate) artifact: String,
    /// RFC 6901, empty for the whole file.
    pub(crate) pointer: String,
    /// The line of a file with one document a line.
    pub(crate) line: Option<u32>,
    /// What has the key `dag`.
    pub(crate) document: Value,
}

/// All DAGs of a file; what is none of them is told of.
pub(crate) fn read(input: &Input, model: &mut Model) -> Result<Vec<Found>, ExtractError> {
    let name = input.name().to_owned();
    let bytes = input.read_all()?;
    let whole = bi::place(&name, "", None);
    let mut found = Vec::new();
    let ending = name.rsplit('.').next().unwrap_or_default();
    if matches!(ending, "ndjson" | "jsonl") {
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let number = u32::try_from(at + 1).ok();
            let place = bi::place(&name, "", number);
            match serde_json::from_slice(line) {
                Ok(value) => collect(value, (&name, String::new(), number), &mut found),
                Err(error) => {
                    let message = format!("is no JSON: {error}");
                    model.tell(
                        Severity::Error,
                        "airflow/not-json",
                        &format!("{name}:{at}"),
                        message,
                        &place,
                    );
                }
            }
        }
    } else {
        match serde_json::from_slice(&bytes) {
            Ok(value) => collect(value, (&name, String::new(), None), &mut found),
            Err(error) => {
                let message = format!("is no JSON: {error}");
                model.tell(Severity::Error, "airflow/not-json", &name, message, &whole);
                return Ok(found);
            }
        }
    }
    if found.is_empty() {
        let message = "holds no serialised DAG: expected {\"__version\", \"dag\"}, a list of these, or rows with data";
        model.tell(
            Severity::Warning,
            "airflow/not-a-dag",
            &name,
            message.to_owned(),
            &whole,
        );
    }
    Ok(found)
}

fn collect(
    value: Value,
    (name, pointer, line): (&str, String, Option<u32>),
    found: &mut Vec<Found>,
) {
    match value {
        Value::Array(values) => {
            for (at, value) in values.into_iter().enumerate() {
                collect(value, (name, format!("{pointer}/{at}"), line), found);
            }
        }
        Value::Object(mut row) => {
            if row
                .get("dag")
                .is_some_and(|dag| decode::object(dag).is_some())
            {
                found.push(Found {
                    artifact: name.to_owned(),
                    pointer,
                    line,
                    document: Value::Object(row),
                });
                return;
            }
            // A row of the table; its data may be JSON within a text.
            match row.remove("data") {
                Some(Value::String(text)) => {
                    if let Ok(data @ Value::Object(_)) = serde_json::from_str(&text) {
                        collect(data, (name, format!("{pointer}/data"), line), found);
                    }
                }
                Some(data @ Value::Object(_)) => {
                    collect(data, (name, format!("{pointer}/data"), line), found);
                }
                _ => {}
            }
        }
        _ => {}
    }
}
