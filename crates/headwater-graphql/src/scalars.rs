//! The scalars of the contract.

use async_graphql::{InputValueError, InputValueResult, Name, Scalar, ScalarType, Value};
use headwater_engine as engine;
use headwater_model::{AssetKind, AssetName, FieldName, Namespace, QualifiedName, Timestamp};

use crate::error::Code;

/// An instant, RFC 3339, UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DateTime(pub(crate) Timestamp);

/// An instant, RFC 3339, UTC.
#[Scalar(name = "DateTime")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Timestamp::parse(text)
                .map(|(time, _)| Self(time))
                .map_err(|error| InputValueError::custom(error.to_string())),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Verbatim JSON, for facets that nobody interpreted.
#[derive(Clone, Debug)]
pub(crate) struct Json(pub(crate) Value);

/// Verbatim JSON, for facets that nobody interpreted.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(value))
    }

    fn to_value(&self) -> Value {
        self.0.clone()
    }
}

/// A position in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offset(pub(crate) u64);

/// A position in the log of accepted submissions: a JSON integer below 2^53 that grows with every submission.
#[Scalar(name = "Offset")]
impl ScalarType for Offset {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => number
                .as_u64()
                .filter(|offset| *offset < 1 << 53)
                .map(Self)
                .ok_or_else(|| {
                    InputValueError::custom("an offset is an integer from 0 to 2^53 - 1")
                }),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

/// A reference: as it is asked, or as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Reference(pub(crate) engine::Reference);

impl From<String> for Reference {
    fn from(text: String) -> Self {
        Self(engine::Reference::Text(text))
    }
}

/// Names one asset or field. A string, the way a person writes it: `<namespace>/<name>` a dataset,
/// `job:<namespace>/<name>` a job, either one with `#<field>`; or a part of it that only one asset ends with
/// (`orders.status` is not a field: write `orders#status`); or any `id`. `#` splits last, and only if the whole
/// is no asset; every `/` is tried against known names; `%23` and `%2F` escape. Several hits are AMBIGUOUS, never
/// guessed. Or an object, for programs: {kind: DATASET | JOB, namespace, name, field}.
/// Resolved through aliases.
#[Scalar(name = "Reference")]
impl ScalarType for Reference {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(text.into()),
            Value::Object(parts) => read_object(parts.into_iter()).map_err(|reason| {
                InputValueError::custom(reason).with_extension("code", Code::BadReference.as_str())
            }),
            other => Err(InputValueError::custom(format!(
                "a reference is a string or an object, not {other}"
            ))),
        }
    }

    fn to_value(&self) -> Value {
        match &self.0 {
            engine::Reference::Text(text) => Value::String(text.clone()),
            engine::Reference::Name { asset, field } => {
                let kind = match asset.kind {
                    AssetKind::Dataset => "DATASET",
                    AssetKind::Job => "JOB",
                };
                let text = |text: &str| Value::String(text.to_owned());
                let mut parts = vec![
                    (Name::new("kind"), text(kind)),
                    (Name::new("namespace"), text(asset.name.namespace.as_str())),
                    (Name::new("name"), text(asset.name.name.as_str())),
                ];
                if let Some(field) = field {
                    parts.push((Name::new("field"), text(field.as_str())));
                }
                Value::Object(parts.into_iter().collect())
            }
        }
    }
}

/// Reads `{kind, namespace, name, field}`; the error says which part breaks which rule.
fn read_object(parts: impl Iterator<Item = (Name, Value)>) -> Result<Reference, String> {
    let (mut kind, mut namespace, mut name, mut field) = (None, None, None, None);
    for (key, value) in parts {
        let slot = match key.as_str() {
            "kind" => &mut kind,
            "namespace" => &mut namespace,
            "name" => &mut name,
            "field" => &mut field,
            other => {
                return Err(format!(
                    "a reference has kind, namespace, name and field, and no {other:?}"
                ));
            }
        };
        *slot = match value {
            Value::String(text) => Some(text),
            Value::Enum(word) => Some(word.to_string()),
            Value::Null => None,
            other => return Err(format!("{key} of a reference is a string, not {other}")),
        };
    }
    let need = |part: Option<String>, what: &str| {
        part.ok_or_else(|| format!("a reference that is an object needs its {what}"))
    };
    let kind = match need(kind, "kind")?.as_str() {
        "DATASET" => AssetKind::Dataset,
        "JOB" => AssetKind::Job,
        other => {
            return Err(format!(
                "kind of a reference is DATASET or JOB, not {other:?}"
            ));
        }
    };
    let broken = |what: &'static str| move |error| format!("{what} of a reference {error}");
    let namespace =
        Namespace::parse(&need(namespace, "namespace")?).map_err(broken("namespace"))?;
    let name = headwater_model::Name::parse(&need(name, "name")?).map_err(broken("name"))?;
    let field = field
        .map(|field| FieldName::parse(&field).map_err(broken("field")))
        .transpose()?;
    let asset = AssetName {
        kind,
        name: QualifiedName::new(namespace, name),
    };
    Ok(Reference(engine::Reference::Name { asset, field }))
}

/// A count as a GraphQL Int, which has 32 bits; no count of one answer is larger.
pub(crate) fn int(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}
