//! What a lineage.yaml says, checked.

use crate::tree::{Fault, Node, Place, Value};

/// A name of a dataset or a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A dataset or a field of it, and where it is named.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) place: Place,
    pub(crate) dataset: Name,
    pub(crate) field: Option<String>,
    pub(crate) via: Option<Name>,
    pub(crate) how: Option<How>,
}

/// How a value is taken in.
#[derive(Clone, Debug)]
pub(crate) struct How {
    pub(crate) is_direct: bool,
    pub(crate) subtype: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) is_masking: bool,
}

/// What datasets and jobs have in common.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) place: Place,
    pub(crate) name: Name,
    pub(crate) kind: String,
    pub(crate) description: Option<String>,
    /// Keys and values.
    pub(crate) attributes: Vec<(&'static str, String)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) derives_from: Vec<Origin>,
}

#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    pub(crate) common: Common,
    pub(crate) is_declared: bool,
    pub(crate) fields: Vec<Field>,
    /// The other name, why, and where that stands.
    pub(crate) aliases: Vec<(Name, String, Place)>,
    pub(crate) derives_from: Vec<Origin>,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) common: Common,
    pub(crate) sql: Option<String>,
    pub(crate) parent: Option<Name>,
    pub(crate) reads: Vec<(Name, Place)>,
    pub(crate) writes: Vec<(Name, Place)>,
    pub(crate) follows: Vec<(Name, Place)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    pub(crate) datasets: Vec<Dataset>,
    pub(crate) jobs: Vec<Job>,
}

/// The namespaces of names that state none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) datasets: Option<String>,
    pub(crate) jobs: Option<String>,
}

/// One mapping that is being read: what of it is left at the end is unknown.
struct Map {
    place: Place,
    what: String,
    entries: Vec<(String, Place, Node)>,
}

impl Map {
    fn of(node: Node, what: impl Into<String>) -> Result<Self, Fault> {
        let what = what.into();
        match node.value {
            Value::Map(entries) => Ok(Self {
                place: node.place,
                what,
                entries,
            }),
            other => Err(expected(
                node.place,
                &format!("{what} as a mapping"),
                &other,
            )),
        }
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        let at = self.entries.iter().position(|(other, ..)| other == key)?;
        let (_, _, node) = self.entries.remove(at);
        (node.value != Value::Null).then_some(node)
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, Fault> {
        self.take(key).map(|node| text(node, key)).transpose()
    }

    fn needed(&mut self, key: &str) -> Result<String, Fault> {
        let (place, what) = (self.place, self.what.clone());
        self.text(key)?
            .ok_or_else(|| Fault::new(place, format!("{what} has no `{key}`")))
    }

    fn truth(&mut self, key: &str) -> Result<Option<bool>, Fault> {
        let Some(node) = self.take(key) else {
            return Ok(None);
        };
        match &node.value {
            Value::Text {
                text,
                is_plain: true,
            } if text == "true" => Ok(Some(true)),
            Value::Text {
                text,
                is_plain: true,
            } if text == "false" => Ok(Some(false)),
            _ => Err(Fault::new(
                node.place,
                format!("`{key}` must be true or false"),
            )),
        }
    }

    /// A list, or one item where there is only one.
    fn list(&mut self, key: &str) -> Vec<Node> {
        match self.take(key) {
            None => Vec::new(),
            Some(Node {
                value: Value::List(items),
                ..
            }) => items,
            Some(node) => vec![node],
        }
    }

    fn texts(&mut self, key: &str) -> Result<Vec<String>, Fault> {
        let items = self.list(key).into_iter();
        items.map(|item| text(item, key)).collect()
    }

    /// # Errors
    /// The first key that nobody took: a typo must not go unnoticed.
    fn end(self, known: &str) -> Result<(), Fault> {
        match self.entries.into_iter().next() {
            None => Ok(()),
            Some((key, place, _)) => {
                let message = format!("{} has no key `{key}`; there are {known}", self.what);
                Err(Fault::new(place, message))
            }
        }
    }
}

fn expected(place: Place, what: &str, found: &Value) -> Fault {
    Fault::new(place, format!("expected {what}, found {}", found.kind()))
}

fn text(node: Node, key: &str) -> Result<String, Fault> {
    match node.value {
        Value::Text { text, .. } if text.is_empty() => {
            Err(Fault::new(node.place, format!("`{key}` is empty")))
        }
        Value::Text { text, .. } => Ok(text),
        other => Err(expected(node.place, &format!("a text as `{key}`"), &other)),
    }
}

/// Reads a document.
///
/// # Errors
/// The first rule that it breaks, and where.
pub(crate) fn read(document: Node, configured: &Defaults) -> Result<File, Fault> {
    let mut map = Map::of(document, "the file")?;
    let version_place = map.place;
    let version = map.text("version")?;
    if version.as_deref() != Some("1") {
        let found = version.map_or("no version".to_owned(), |version| {
            format!("version {version}")
        });
        return Err(Fault::new(
            version_place,
            format!("expected `version: 1`, found {found}"),
        ));
    }
    let defaults = Defaults {
        datasets: map
            .text("namespace")?
            .or_else(|| configured.datasets.clone()),
        jobs: map
            .text("job_namespace")?
            .or_else(|| configured.jobs.clone()),
    };
    let mut file = File::default();
    for node in map.list("datasets") {
        file.datasets.push(defaults.dataset(node)?);
    }
    for node in map.list("jobs") {
        file.jobs.push(defaults.job(node)?);
    }
    map.end("version, namespace, job_namespace, datasets, jobs")?;
    Ok(file)
}

impl Defaults {
    fn name(&self, map: &mut Map, is_job: bool) -> Result<Name, Fault> {
        let name = map.needed("name")?;
        let namespace = map.text("namespace")?;
        self.named(map.place, namespace, name, is_job)
    }

    fn named(
        &self,
        place: Place,
        namespace: Option<String>,
        name: String,
        is_job: bool,
    ) -> Result<Name, Fault> {
        let (default, key) = if is_job {
            (&self.jobs, "job_namespace")
        } else {
            (&self.datasets, "namespace")
        };
        let namespace = namespace.or_else(|| default.clone()).ok_or_else(|| {
            let message = format!("`{name}` has no namespace, and the file has no `{key}`");
            Fault::new(place, message)
        })?;
        Ok(Name { namespace, name })
    }

    fn common(&self, map: &mut Map, is_job: bool) -> Result<Common, Fault> {
        let name = self.name(map, is_job)?;
        map.what = format!("`{}`", name.name);
        let mut attributes = Vec::new();
        for owner in map.texts("owners")? {
            attributes.push(("owner", owner));
        }
        for tag in map.texts("tags")? {
            attributes.push(("tag", tag));
        }
        if let Some(url) = map.text("url")? {
            attributes.push(("url", url));
        }
        Ok(Common {
            place: map.place,
            name,
            kind: map.text("type")?.unwrap_or_default(),
            description: map.text("description")?,
            attributes,
        })
    }

    fn dataset(&self, node: Node) -> Result<Dataset, Fault> {
        let mut map = Map::of(node, "a dataset")?;
        let mut common = self.common(&mut map, false)?;
        if let Some(product) = map.text("data_product")? {
            common.attributes.push(("data-product", product));
        }
        if map.truth("output_port")? == Some(true) {
            common.attributes.push(("output-port", "true".to_owned()));
        }
        let mut fields: Vec<Field> = Vec::new();
        for node in map.list("fields") {
            let place = node.place;
            let field = self.field(node)?;
            if fields.iter().any(|other| other.name == field.name) {
                let message = format!("the field `{}` is listed twice", field.name);
                return Err(Fault::new(place, message));
            }
            fields.push(field);
        }
        let mut aliases = Vec::new();
        for node in map.list("aliases") {
            let mut alias = Map::of(node, "an alias")?;
            let name = self.name(&mut alias, false)?;
            let reason = alias.text("reason")?;
            let reason = reason.unwrap_or_else(|| "it is written so by hand".to_owned());
            aliases.push((name, reason, alias.place));
            alias.end("namespace, name, reason")?;
        }
        let dataset = Dataset {
            is_declared: map.truth("declared")?.unwrap_or(true),
            derives_from: self.origins(&mut map)?,
            common,
            fields,
            aliases,
        };
        map.end(
            "name, namespace, type, description, declared, url, owners, tags, data_product, output_port, fields, \
             aliases, derives_from",
        )?;
        Ok(dataset)
    }

    fn field(&self, node: Node) -> Result<Field, Fault> {
        if let Value::Text { .. } = node.value {
            return Ok(Field {
                name: text(node, "fields")?,
                kind: None,
                description: None,
                tags: Vec::new(),
                derives_from: Vec::new(),
            });
        }
        let mut map = Map::of(node, "a field")?;
        let name = map.needed("name")?;
        map.what = format!("the field `{name}`");
        let field = Field {
            name,
            kind: map.text("type")?,
            description: map.text("description")?,
            tags: map.texts("tags")?,
            derives_from: self.origins(&mut map)?,
        };
        map.end("name, type, description, tags, derives_from")?;
        Ok(field)
    }

    fn origins(&self, map: &mut Map) -> Result<Vec<Origin>, Fault> {
        let items = map.list("derives_from").into_iter();
        items.map(|item| self.origin(item)).collect()
    }

    fn origin(&self, node: Node) -> Result<Origin, Fault> {
        let place = node.place;
        if let Value::Text { .. } = node.value {
            let text = text(node, "derives_from")?;
            let (name, field) = match text.rsplit_once('#') {
                Some((name, field)) if !name.is_empty() && !field.is_empty() => {
                    (name.to_owned(), Some(field.to_owned()))
                }
                Some(_) => {
                    let message =
                        format!("`{text}` must be a dataset, or a dataset, # and a field");
                    return Err(Fault::new(place, message));
                }
                None => (text, None),
            };
            return Ok(Origin {
                place,
                dataset: self.named(place, None, name, false)?,
                field,
                via: None,
                how: None,
            });
        }
        let mut map = Map::of(node, "an origin")?;
        let name = map.needed("dataset")?;
        let namespace = map.text("namespace")?;
        let origin = Origin {
            place,
            dataset: self.named(place, namespace, name, false)?,
            field: map.text("field")?,
            via: map
                .take("via")
                .map(|node| self.job_name(node))
                .transpose()?
                .map(|(name, _)| name),
            how: how(&mut map)?,
        };
        map.end("dataset, namespace, field, via, transformation, subtype, description, masking")?;
        Ok(origin)
    }

    fn job_name(&self, node: Node) -> Result<(Name, Place), Fault> {
        self.reference(node, true)
    }

    /// A name alone, or a mapping with its namespace.
    fn reference(&self, node: Node, is_job: bool) -> Result<(Name, Place), Fault> {
        let place = node.place;
        if let Value::Text { .. } = node.value {
            let name = text(node, "name")?;
            return Ok((self.named(place, None, name, is_job)?, place));
        }
        let mut map = Map::of(node, "a reference")?;
        let name = self.name(&mut map, is_job)?;
        map.end("namespace, name")?;
        Ok((name, place))
    }

    fn references(
        &self,
        map: &mut Map,
        key: &str,
        is_job: bool,
    ) -> Result<Vec<(Name, Place)>, Fault> {
        let items = map.list(key).into_iter();
        items.map(|item| self.reference(item, is_job)).collect()
    }

    fn job(&self, node: Node) -> Result<Job, Fault> {
        let mut map = Map::of(node, "a job")?;
        let common = self.common(&mut map, true)?;
        let job = Job {
            common,
            sql: map.text("sql")?,
            parent: map
                .take("parent")
                .map(|node| self.job_name(node))
                .transpose()?
                .map(|(name, _)| name),
            reads: self.references(&mut map, "reads", false)?,
            writes: self.references(&mut map, "writes", false)?,
            follows: self.references(&mut map, "follows", true)?,
        };
        map.end(
            "name, namespace, type, description, sql, url, owners, tags, parent, reads, writes, follows",
        )?;
        Ok(job)
    }
}

/// How an origin's value is taken in, if the file says.
fn how(map: &mut Map) -> Result<Option<How>, Fault> {
    let place = map.place;
    let kind = map.text("transformation")?;
    let (subtype, description) = (map.text("subtype")?, map.text("description")?);
    let is_masking = map.truth("masking")?;
    let is_direct = match kind.as_deref() {
        None if subtype.is_none() && description.is_none() && is_masking.is_none() => {
            return Ok(None);
        }
        None | Some("DIRECT") => true,
        Some("INDIRECT") => false,
        Some(other) => {
            let message = format!("`transformation` is `{other}`, must be DIRECT or INDIRECT");
            return Err(Fault::new(place, message));
        }
    };
    Ok(Some(How {
        is_direct,
        subtype,
        description,
        is_masking: is_masking.unwrap_or(false),
    }))
}
