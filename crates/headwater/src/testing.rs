//! What tests of rendering share.

use serde_json::{Value, json};

/// An asset as the service answers it.
pub(crate) fn asset(kind: &str, id: &str, domain: Option<&str>, r#type: &str) -> Value {
    json!({
        "__typename": kind, "id": format!("id_{id}"), "reference": format!("pg://db/{id}"), "type": r#type,
        "domain": domain.map(|name| json!({"name": name}))
    })
}

/// An answer that says everything.
pub(crate) fn complete() -> Value {
    json!({
        "walkComplete": true, "exhaustive": true, "cutBy": [], "frontier": [], "unresolvedCount": 0,
        "withoutFieldsCount": 0, "hiddenCount": 0, "staleSources": []
    })
}
