//! The same extractor outside Wasm: an in-memory host, facts as readable JSON, golden files.
//!
//! A golden case is a folder: `config.json` (optional), `inputs/` (every file is an
//! artifact, in byte order of names), and `expected.json`: the facts in the format that
//! `headwater extract` prints, or `{"error": …}`. `UPDATE_GOLDEN=1` rewrites the latter.

use std::path::Path;
use std::{env, fs, io};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::bindings::headwater::extractor::types as wire;
use crate::{
    Artifact, Coverage, Diagnostic, EmitError, Emitter, ExtractError, Extraction, Extractor, Input,
    Location, RunState, Severity, Sink, time,
};

/// An artifact in memory.
#[derive(Clone, Debug)]
pub struct MemoryArtifact {
    name: String,
    bytes: Vec<u8>,
}

impl MemoryArtifact {
    /// An artifact called `name`.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            bytes: bytes.to_owned(),
        }
    }
}

impl Artifact for MemoryArtifact {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn media_type(&self) -> String {
        String::new()
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn digest(&self) -> String {
        let mut hex = String::new();
        for byte in Sha256::digest(&self.bytes) {
            hex.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[digit as usize])),
            );
        }
        hex
    }

    fn read(&self, offset: u64, len: u32) -> Vec<u8> {
        let size = self.bytes.len();
        let from = usize::try_from(offset).map_or(size, |from| from.min(size));
        let to = from.saturating_add(len as usize).min(size);
        self.bytes[from..to].to_vec()
    }
}

/// Runs `E` on artifacts in memory, by name.
///
/// # Errors
/// What the extractor returned, or [`ExtractError::Internal`] if its facts break the contract.
pub fn run<E: Extractor>(config: &str, inputs: &[(&str, &[u8])]) -> Result<Facts, ExtractError> {
    let inputs = inputs
        .iter()
        .map(|(name, bytes)| Input::new(Box::new(MemoryArtifact::new(name, bytes))))
        .collect();
    let mut facts = Facts::default();
    let mut out = Emitter::new(&mut facts);
    let extraction = E::extract(config, inputs, &mut out)?;
    out.finish()?;
    facts.extraction = Some(extraction);
    Ok(facts)
}

/// Runs `E` on a golden case and compares what it says with what is expected.
///
/// # Panics
/// If they differ, or the case cannot be read.
pub fn check_case<E: Extractor>(folder: &Path) {
    let actual = run_case::<E>(folder).expect("the golden case is readable");
    let mut actual = serde_json::to_string_pretty(&actual).expect("a value is JSON");
    actual.push('\n');
    let expected_path = folder.join("expected.json");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&expected_path, &actual).expect("the golden file is writable");
    }
    let expected = fs::read_to_string(&expected_path).unwrap_or_default();
    let differing = expected
        .lines()
        .zip(actual.lines())
        .position(|(a, b)| a != b);
    assert!(
        expected == actual,
        "{}: line {} differs; UPDATE_GOLDEN=1 accepts\n{actual}",
        expected_path.display(),
        differing.map_or(expected.lines().count(), |at| at) + 1,
    );
}

fn run_case<E: Extractor>(folder: &Path) -> io::Result<Value> {
    let config_path = folder.join("config.json");
    let config = if config_path.exists() {
        fs::read_to_string(config_path)?
    } else {
        "{}".to_owned()
    };
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder.join("inputs"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        inputs.push((name, fs::read(entry.path())?));
    }
    inputs.sort();
    let inputs: Vec<_> = inputs
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    Ok(match run::<E>(&config, &inputs) {
        Ok(facts) => facts.to_json(),
        Err(error) => json!({ "error": error_json(&error) }),
    })
}

/// What an extractor stated, checked as the host checks it.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    strings: Vec<String>,
    /// Kind, namespace and name by node.
    nodes: Vec<(&'static str, u32, u32)>,
    lists: Lists,
    diagnostics: Vec<Diagnostic>,
    extraction: Option<Extraction>,
    batches_count: usize,
}

/// The members of the Facts JSON that are lists.
#[derive(Clone, Debug, Default)]
struct Lists {
    datasets: Vec<Value>,
    jobs: Vec<Value>,
    edges: Vec<Value>,
    field_edges: Vec<Value>,
    selectors: Vec<Value>,
    aliases: Vec<Value>,
    attributes: Vec<Value>,
    facets: Vec<Value>,
    runs: Vec<Value>,
}

impl Facts {
    /// What was reported, in order.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// In how many batches the facts came.
    pub fn batches_count(&self) -> usize {
        self.batches_count
    }

    /// The readable format, facts in the order in which they were stated.
    pub fn to_json(&self) -> Value {
        let lists = &self.lists;
        let mut json = json!({
            "datasets": lists.datasets,
            "jobs": lists.jobs,
            "edges": lists.edges,
            "fieldEdges": lists.field_edges,
            "selectors": lists.selectors,
            "aliases": lists.aliases,
            "attributes": lists.attributes,
            "facets": lists.facets,
            "runs": lists.runs,
            "diagnostics": self.diagnostics.iter().map(diagnostic_json).collect::<Vec<_>>(),
        });
        if let Some(extraction) = self.extraction {
            json["generatedAt"] = extraction.generated.map(time::format_rfc3339).into();
            json["covers"] = coverage_names(extraction.covers).into();
        }
        json
    }

    fn text(&self, symbol: u32) -> Result<&str, EmitError> {
        self.strings
            .get(symbol as usize)
            .map(String::as_str)
            .ok_or_else(|| EmitError::Invalid(format!("string {symbol} was never sent")))
    }

    fn optional(&self, symbol: Option<u32>) -> Result<Option<&str>, EmitError> {
        symbol.map(|symbol| self.text(symbol)).transpose()
    }

    fn node(&self, node: u32) -> Result<(&'static str, &str, &str), EmitError> {
        let &(kind, namespace, name) = self
            .nodes
            .get(node as usize)
            .ok_or_else(|| EmitError::Invalid(format!("node {node} was never sent")))?;
        Ok((kind, self.text(namespace)?, self.text(name)?))
    }

    fn reference(&self, node: u32) -> Result<Value, EmitError> {
        let (kind, namespace, name) = self.node(node)?;
        Ok(json!({"kind": kind, "namespace": namespace, "name": name}))
    }

    fn job_reference(&self, node: u32) -> Result<Value, EmitError> {
        let (kind, namespace, name) = self.node(node)?;
        if kind != "JOB" {
            return Err(EmitError::Invalid(format!("{name} is not a job")));
        }
        Ok(json!({"namespace": namespace, "name": name}))
    }

    fn field_end(&self, node: u32, field: Option<u32>) -> Result<Value, EmitError> {
        let (kind, namespace, name) = self.node(node)?;
        if kind != "DATASET" {
            return Err(EmitError::Invalid(format!("{name} is not a dataset")));
        }
        Ok(json!({"namespace": namespace, "name": name, "field": self.optional(field)?}))
    }

    fn dataset_json(
        &self,
        dataset: &wire::Dataset,
        batch: &wire::Batch,
    ) -> Result<Value, EmitError> {
        let mut fields = Vec::new();
        for field in &dataset.fields {
            let mut json = object([("name", self.text(field.name)?)]);
            set(&mut json, "type", self.optional(field.data_type)?);
            set(&mut json, "description", self.optional(field.description)?);
            fields.push(Value::Object(json));
        }
        let mut json = object([
            ("namespace", self.text(dataset.namespace)?),
            ("name", self.text(dataset.name)?),
            ("type", kind_name(self.text(dataset.kind)?, "DATASET")),
        ]);
        json.insert("declared".into(), dataset.declared.into());
        json.insert("fields".into(), fields.into());
        set(
            &mut json,
            "description",
            self.optional(dataset.description)?,
        );
        set(&mut json, "evidence", place(batch, dataset.evidence)?);
        Ok(json.into())
    }

    fn job_json(&self, job: &wire::Job, batch: &wire::Batch) -> Result<Value, EmitError> {
        let mut json = object([
            ("namespace", self.text(job.namespace)?),
            ("name", self.text(job.name)?),
            ("type", kind_name(self.text(job.kind)?, "JOB")),
        ]);
        set(&mut json, "description", self.optional(job.description)?);
        set(&mut json, "sql", self.optional(job.sql)?);
        let parent = job
            .parent
            .map(|parent| self.job_reference(parent))
            .transpose()?;
        set(&mut json, "parent", parent);
        set(&mut json, "evidence", place(batch, job.evidence)?);
        Ok(json.into())
    }

    fn edge_json(&self, edge: &wire::Edge, batch: &wire::Batch) -> Result<Value, EmitError> {
        let kind = match (self.node(edge.from)?.0, self.node(edge.to)?.0) {
            ("DATASET", "JOB") => "READS",
            ("JOB", "DATASET") => "WRITES",
            ("DATASET", _) => "DERIVES",
            _ => "FOLLOWS",
        };
        let mut json = object([("kind", kind)]);
        json.insert("from".into(), self.reference(edge.from)?);
        json.insert("to".into(), self.reference(edge.to)?);
        set(&mut json, "evidence", place(batch, edge.evidence)?);
        Ok(json.into())
    }

    fn field_edge_json(
        &self,
        edge: &wire::FieldEdge,
        batch: &wire::Batch,
    ) -> Result<Value, EmitError> {
        let mut transformations = Vec::new();
        for transformation in &edge.transformations {
            let kind = if transformation.direct {
                "DIRECT"
            } else {
                "INDIRECT"
            };
            let mut json = object([("type", kind)]);
            json.insert("masking".into(), transformation.masking.into());
            set(&mut json, "subtype", self.optional(transformation.subtype)?);
            set(
                &mut json,
                "description",
                self.optional(transformation.description)?,
            );
            transformations.push(Value::Object(json));
        }
        let mut json = json!({
            "from": self.field_end(edge.from, edge.from_field)?,
            "to": self.field_end(edge.to, edge.to_field)?,
            "transformations": transformations,
        });
        if let Some(via) = edge.via {
            json["via"] = self.job_reference(via)?;
        }
        if let Some(evidence) = place(batch, edge.evidence)? {
            json["evidence"] = evidence;
        }
        Ok(json)
    }

    fn take_entities(&mut self, batch: &wire::Batch) -> Result<(), EmitError> {
        for entity in &batch.entities {
            match entity {
                wire::Entity::Dataset(dataset) => {
                    let json = self.dataset_json(dataset, batch)?;
                    self.lists.datasets.push(json);
                    self.nodes
                        .push(("DATASET", dataset.namespace, dataset.name));
                }
                wire::Entity::Job(job) => {
                    let json = self.job_json(job, batch)?;
                    self.lists.jobs.push(json);
                    self.nodes.push(("JOB", job.namespace, job.name));
                }
            }
        }
        Ok(())
    }

    fn take_rest(&mut self, batch: &wire::Batch) -> Result<(), EmitError> {
        for selector in &batch.selectors {
            let mut json = json!({
                "job": self.job_reference(selector.job)?,
                "side": if selector.writes { "WRITES" } else { "READS" },
                "namespace": self.text(selector.namespace)?,
                "pattern": self.text(selector.pattern)?,
            });
            if let Some(evidence) = place(batch, selector.evidence)? {
                json["evidence"] = evidence;
            }
            self.lists.selectors.push(json);
        }
        for alias in &batch.aliases {
            let mut json = self.reference(alias.node)?;
            json["alias"] =
                json!({"namespace": self.text(alias.namespace)?, "name": self.text(alias.name)?});
            json["reason"] = self.text(alias.reason)?.into();
            if let Some(evidence) = place(batch, alias.evidence)? {
                json["evidence"] = evidence;
            }
            self.lists.aliases.push(json);
        }
        for attribute in &batch.attributes {
            let mut on = self.reference(attribute.node)?;
            if let Some(field) = self.optional(attribute.field)? {
                on["field"] = field.into();
            }
            let (key, value) = (self.text(attribute.key)?, self.text(attribute.value)?);
            let json = json!({"on": on, "key": key, "value": value});
            self.lists.attributes.push(json);
        }
        for facet in &batch.facets {
            let name = self.text(facet.name)?;
            let value: Value = serde_json::from_str(self.text(facet.json)?).map_err(|error| {
                EmitError::Invalid(format!("facet {name} is not JSON: {error}"))
            })?;
            let json = json!({"on": self.reference(facet.node)?, "name": name, "value": value});
            self.lists.facets.push(json);
        }
        for run in &batch.runs {
            let mut json = object([
                ("runId", self.text(run.run_id)?),
                ("state", state_name(run.state)),
            ]);
            json.insert("job".into(), self.job_reference(run.job)?);
            set(
                &mut json,
                "startedAt",
                run.started_ms.map(time::format_rfc3339),
            );
            set(&mut json, "endedAt", run.ended_ms.map(time::format_rfc3339));
            set(&mut json, "message", self.optional(run.message)?);
            self.lists.runs.push(json.into());
        }
        Ok(())
    }
}

impl Sink for Facts {
    fn emit(&mut self, batch: &wire::Batch) -> Result<(), EmitError> {
        self.batches_count += 1;
        self.strings.extend(batch.strings.iter().cloned());
        self.take_entities(batch)?;
        for edge in &batch.edges {
            let json = self.edge_json(edge, batch)?;
            self.lists.edges.push(json);
        }
        for edge in &batch.field_edges {
            let json = self.field_edge_json(edge, batch)?;
            self.lists.field_edges.push(json);
        }
        self.take_rest(batch)
    }

    fn diagnose(&mut self, found: &[Diagnostic]) -> Result<(), EmitError> {
        self.diagnostics.extend_from_slice(found);
        Ok(())
    }
}

/// An extraction's error as golden files show it.
pub fn error_json(error: &ExtractError) -> Value {
    match error {
        ExtractError::Unsupported(message) => json!({"kind": "UNSUPPORTED", "message": message}),
        ExtractError::Malformed(diagnostic) => {
            json!({"kind": "MALFORMED", "diagnostic": diagnostic_json(diagnostic)})
        }
        ExtractError::Aborted => json!({"kind": "ABORTED"}),
        ExtractError::Internal(message) => json!({"kind": "INTERNAL", "message": message}),
    }
}

fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    let mut json = match &diagnostic.at {
        Some(at) => location_json(at),
        None => Map::new(),
    };
    let severity = match diagnostic.severity {
        Severity::Info => "INFO",
        Severity::Warning => "WARNING",
        Severity::Error => "ERROR",
    };
    json.insert("severity".into(), severity.into());
    json.insert("code".into(), diagnostic.code.as_str().into());
    json.insert("message".into(), diagnostic.message.as_str().into());
    json.into()
}

fn location_json(location: &Location) -> Map<String, Value> {
    let mut json = object([("artifact", location.artifact.as_str())]);
    set(&mut json, "pointer", location.pointer.as_deref());
    set(&mut json, "line", location.line);
    set(&mut json, "column", location.column);
    json
}

fn place(batch: &wire::Batch, place: Option<u32>) -> Result<Option<Value>, EmitError> {
    let Some(place) = place else { return Ok(None) };
    match batch.locations.get(place as usize) {
        Some(location) => Ok(Some(location_json(location).into())),
        None => Err(EmitError::Invalid(format!(
            "place {place} is not in its batch"
        ))),
    }
}

fn object<const N: usize>(members: [(&str, &str); N]) -> Map<String, Value> {
    members
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect()
}

fn set(json: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        json.insert(key.to_owned(), value.into());
    }
}

/// An empty kind says no more than dataset or job.
fn kind_name<'a>(kind: &'a str, unspecific: &'a str) -> &'a str {
    if kind.is_empty() { unspecific } else { kind }
}

fn state_name(state: RunState) -> &'static str {
    match state {
        RunState::Start => "START",
        RunState::Running => "RUNNING",
        RunState::Complete => "COMPLETE",
        RunState::Abort => "ABORT",
        RunState::Fail => "FAIL",
        RunState::Other => "OTHER",
    }
}

fn coverage_names(covers: Coverage) -> Vec<&'static str> {
    [
        (Coverage::DATASETS, "DATASETS"),
        (Coverage::FIELDS, "FIELDS"),
        (Coverage::JOBS, "JOBS"),
        (Coverage::EDGES, "EDGES"),
        (Coverage::FIELD_EDGES, "FIELD_EDGES"),
        (Coverage::SELECTORS, "SELECTORS"),
        (Coverage::ALIASES, "ALIASES"),
        (Coverage::ATTRIBUTES, "ATTRIBUTES"),
        (Coverage::FACETS, "FACETS"),
    ]
    .into_iter()
    .filter(|(flag, _)| covers.contains(*flag))
    .map(|(_, name)| name)
    .collect()
}
