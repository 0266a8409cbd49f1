//! How Airflow writes values: `{"__type": …, "__var": …}` around what JSON has no type for.

use serde_json::{Map, Value};

/// How deep values are looked into.
pub(crate) const DEPTH_MAX: usize = 64;

/// The value within its wrappings.
pub(crate) fn bare(mut value: &Value) -> &Value {
    for _ in 0..DEPTH_MAX {
        match value.get("__var") {
            Some(inner) => value = inner,
            None => break,
        }
    }
    value
}

/// What a wrapped value is.
pub(crate) fn kind(value: &Value) -> Option<&str> {
    value.get("__type")?.as_str()
}

/// The member of an object within its wrappings.
pub(crate) fn member<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    bare(value).get(key).filter(|member| !member.is_null())
}

/// A text that is not empty.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    let text = bare(member(value, key)?).as_str()?;
    (!text.trim().is_empty()).then_some(text)
}

/// All texts of a list, or the only one.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    match bare(value) {
        Value::String(text) => vec![text],
        Value::Array(items) => items
            .iter()
            .filter_map(|item| bare(item).as_str())
            .collect(),
        _ => Vec::new(),
    }
}

/// The items of a list, a set or a tuple; of anything else that is there, itself.
pub(crate) fn items(value: &Value) -> Vec<&Value> {
    match bare(value) {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        _ => vec![value],
    }
}

/// An object within its wrappings.
pub(crate) fn object(value: &Value) -> Option<&Map<String, Value>> {
    bare(value).as_object()
}

/// Whether a template was cut: what is left of it means nothing. Source: `airflow/serialization/helpers.py`.
pub(crate) fn is_truncated(text: &str) -> bool {
    text.starts_with("Truncated. You can change this behaviour in")
}

/// Whether a text is filled in only when the task runs.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}
