//! SQL as people write it for dbt, filled in without dbt: `ref`, `source`, `this`, `config`, `var` with a default, and
//! whatever of Jinja needs nothing else.
//!
//! What only dbt knows (macros, `target`, `execute`, results of queries) refuses the whole template: a branch that was
//! taken by guess would be lineage that is not there. `is_incremental()` is false, as it is when dbt parses, so what is
//! filled in is the model as it is built from nothing.

mod scan;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Kwargs, Object, ObjectRepr, Value, ValueKind, from_args};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

/// Steps of one template: loops over literals take a few thousand.
const FUEL: u64 = 1_000_000;
/// The longest SQL that a template may become.
const SQL_BYTES_MAX: usize = 1 << 20;
/// How deep calls and blocks may stand in each other.
const RECURSION_MAX: usize = 50;

/// Why a template is not filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What it needs, in words.
    pub(crate) reason: String,
    /// The 1-based line in the template, where it is known.
    pub(crate) line: Option<u32>,
}

/// A relation, or a query that stands for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relation {
    /// As SQL has it.
    pub(crate) text: String,
    /// Database, schema and table; empty for a query.
    pub(crate) parts: [String; 3],
}

/// Something that `ref` can name.
#[derive(Clone, Debug)]
pub(crate) struct Referable {
    pub(crate) package: String,
    pub(crate) name: String,
    /// Of a model that has versions.
    pub(crate) version: Option<String>,
    /// Whether `ref` without a version means it.
    pub(crate) is_latest: bool,
    /// What it becomes, or why that is not known.
    pub(crate) becomes: Result<Relation, String>,
}

/// All that a template may name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The package that the template is in.
    pub(crate) package: String,
    pub(crate) refs: Vec<Referable>,
    /// Name of the set, name of the table, and what it becomes.
    pub(crate) sources: Vec<(String, String, Relation)>,
    pub(crate) this: Relation,
}

/// Fills templates in.
#[derive(Debug)]
pub(crate) struct Filler(Environment<'static>);

impl Filler {
    pub(crate) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(RECURSION_MAX);
        environment.set_formatter(print);
        environment.set_unknown_method_callback(method);
        Self(environment)
    }

    /// Fills `text` in. What it needs that is not among `names` refuses it.
    pub(crate) fn fill(&self, text: &str, names: Names) -> Result<String, Refusal> {
        let text = scan::prepare(text)?;
        let environment: &Environment<'_> = &self.0;
        let template = environment.template_from_str(&text);
        let template = template.map_err(|error| refusal(&error, None))?;
        let scope = Arc::new(Scope {
            names,
            unknown: Mutex::default(),
        });
        let mut sql = Bounded(Vec::new());
        let filled =
            template.render_captured_to(Value::from_dyn_object(Arc::clone(&scope)), &mut sql);
        let unknown = scope.unknown();
        if let Err(error) = filled {
            return Err(refusal(&error, unknown));
        }
        if let Some(name) = unknown {
            return Err(Refusal {
                reason: unknown_name(&name),
                line: None,
            });
        }
        String::from_utf8(sql.0).map_err(|_| Refusal {
            reason: "it becomes no text".into(),
            line: None,
        })
    }
}

fn unknown_name(name: &str) -> String {
    format!("it uses `{name}`, which only dbt knows")
}

fn refusal(error: &Error, unknown: Option<String>) -> Refusal {
    let reason = match (unknown, error.kind()) {
        (Some(name), _) => unknown_name(&name),
        (None, ErrorKind::OutOfFuel) => format!("it takes more than {FUEL} steps"),
        (None, ErrorKind::WriteFailure) => format!("it becomes more than {SQL_BYTES_MAX} bytes"),
        (None, kind) => match error.detail() {
            Some(detail) => format!("{kind}: {detail}"),
            None => kind.to_string(),
        },
    };
    Refusal {
        reason,
        line: error.line().and_then(|line| line.try_into().ok()),
    }
}

/// Collects what is written, up to a bound.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > SQL_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Prints what dbt prints the same way.
fn print(out: &mut Output, _: &State, value: &Value) -> Result<(), Error> {
    let is_plain = match value.kind() {
        ValueKind::String | ValueKind::Number | ValueKind::Bool => true,
        _ => value.downcast_object_ref::<Printed>().is_some(),
    };
    if is_plain {
        return out
            .write_fmt(format_args!("{value}"))
            .map_err(|error| Error::new(ErrorKind::WriteFailure, error.to_string()));
    }
    Err(Error::new(
        ErrorKind::InvalidOperation,
        format!("it prints a {}", value.kind()),
    ))
}

/// What objects have in Python, and so in Jinja: `items`, `keys` and `values`.
fn method(_: &State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let is_map = value.kind() == ValueKind::Map && args.is_empty();
    let list = |of: &dyn Fn(Value) -> Result<Value, Error>| -> Result<Value, Error> {
        let found: Result<Vec<Value>, Error> = value.try_iter()?.map(of).collect();
        Ok(Value::from(found?))
    };
    match name {
        "keys" if is_map => list(&|key| Ok(key)),
        "values" if is_map => list(&|key| value.get_item(&key)),
        "items" if is_map => list(&|key| {
            let item = value.get_item(&key)?;
            Ok(Value::from(vec![key, item]))
        }),
        _ => Err(Error::new(
            ErrorKind::UnknownMethod,
            format!("a {} has no method {name}", value.kind()),
        )),
    }
}

/// All names that a template can use, and the first one that it used and that is none.
#[derive(Debug)]
struct Scope {
    names: Names,
    unknown: Mutex<Option<String>>,
}

impl Scope {
    fn note(&self, name: &str) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.get_or_insert_with(|| name.chars().take(200).collect());
    }

    fn unknown(&self) -> Option<String> {
        let unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.clone()
    }

    fn printed(self: &Arc<Self>, relation: &Relation) -> Value {
        Value::from_object(Printed {
            relation: relation.clone(),
            scope: Arc::clone(self),
        })
    }

    fn referred(
        &self,
        package: Option<&str>,
        name: &str,
        version: Option<&str>,
    ) -> Result<&Relation, Error> {
        let shown = [package, Some(name), version];
        let shown: Vec<&str> = shown.into_iter().flatten().collect();
        let shown = shown.join(", ");
        let wrong =
            |what: &str| Error::new(ErrorKind::InvalidOperation, format!("ref({shown}) {what}"));
        let mut found: Vec<&Referable> = self.names.refs.iter().collect();
        found.retain(|one| one.name == name && package.is_none_or(|of| of == one.package));
        found.retain(|one| version.is_none_or(|of| one.version.as_deref() == Some(of)));
        // As dbt has it: the latest version, of the template's own package.
        let is_own = |one: &&Referable| one.package == self.names.package;
        let narrowed: [&dyn Fn(&&Referable) -> bool; 2] = [&|one| one.is_latest, &is_own];
        for is_meant in narrowed {
            if found.len() > 1 && found.iter().any(is_meant) {
                found.retain(is_meant);
            }
        }
        match &found[..] {
            [one] => one.becomes.as_ref().map_err(|reason| wrong(reason)),
            [] => Err(wrong("is not among what the model depends on")),
            _ => Err(wrong("may be several models")),
        }
    }
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let call = |what| {
            Some(Value::from_object(Call {
                what,
                scope: Arc::clone(self),
            }))
        };
        match key.as_str()? {
            "ref" => call(What::Ref),
            "source" => call(What::Source),
            "var" => call(What::Var),
            "config" => call(What::Config),
            "is_incremental" => call(What::IsIncremental),
            "this" => Some(self.printed(&self.names.this)),
            // What Jinja itself has.
            "range" | "dict" | "namespace" | "loop" | "caller" => None,
            other => {
                self.note(other);
                None
            }
        }
    }
}

/// A relation in a template.
struct Printed {
    relation: Relation,
    scope: Arc<Scope>,
}

impl fmt::Debug for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.relation.text)
    }
}

impl Object for Printed {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let [database, schema, table] = &self.relation.parts;
        let part = match key.as_str()? {
            "database" => database,
            "schema" => schema,
            "identifier" | "name" | "table" => table,
            other => {
                self.scope.note(other);
                return None;
            }
        };
        (!part.is_empty()).then(|| Value::from(part.as_str()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.relation.text)
    }
}

/// What dbt adds to Jinja, as far as it is known here.
#[derive(Clone, Copy, Debug)]
enum What {
    Ref,
    Source,
    Var,
    Config,
    IsIncremental,
}

#[derive(Debug)]
struct Call {
    what: What,
    scope: Arc<Scope>,
}

impl Object for Call {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.scope.note(&key.to_string());
        None
    }

    fn call(self: &Arc<Self>, _: &State, args: &[Value]) -> Result<Value, Error> {
        let wrong = |message: String| Error::new(ErrorKind::InvalidOperation, message);
        let (words, named) = from_args::<(&[Value], Kwargs)>(args)?;
        let text = |value: &Value| {
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| wrong(format!("a name is no string but a {}", value.kind())))
        };
        match (self.what, words) {
            (What::Config, _) => Ok(Value::from("")),
            (What::IsIncremental, []) => Ok(Value::from(false)),
            (What::Ref, [.., name]) if words.len() <= 2 => {
                let package = (words.len() == 2).then(|| text(&words[0])).transpose()?;
                let version: Option<Value> = match named.get("v")? {
                    Some(version) => Some(version),
                    None => named.get("version")?,
                };
                named.assert_all_used()?;
                let version = version.map(|version| version.to_string());
                let scope = &self.scope;
                let found = scope.referred(package.as_deref(), &text(name)?, version.as_deref())?;
                Ok(scope.printed(found))
            }
            (What::Source, [set, table]) => {
                let (set, table) = (text(set)?, text(table)?);
                let mut sources = self.scope.names.sources.iter();
                let found = sources.find(|(of, name, _)| *of == set && *name == table);
                let (.., relation) = found.ok_or_else(|| {
                    wrong(format!(
                        "source({set}, {table}) is not among what the model depends on"
                    ))
                })?;
                Ok(self.scope.printed(relation))
            }
            (What::Var, [name, default])
                if matches!(default.kind(), ValueKind::String | ValueKind::Number) =>
            {
                text(name)?;
                Ok(default.clone())
            }
            (What::Var, [name, ..]) => {
                let message = format!("what var({name}) is, the manifest does not tell");
                Err(wrong(message))
            }
            (what, _) => Err(wrong(format!("{what:?} is called with other arguments"))),
        }
    }
}

#[cfg(test)]
mod tests;
