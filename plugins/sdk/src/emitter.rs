//! Interns, batches and sends facts.

use rustc_hash::FxHashMap;

use crate::bindings::headwater::extractor::types as wire;
use crate::interner::Interner;
use crate::{
    Alias, Dataset, DatasetNode, Diagnostic, EmitError, Field, FieldEdge, FieldEnd, Job, JobNode,
    Location, Node, Run, Selector, Severity, Side, Sink,
};

/// Where an extractor states facts: strings cross once, records cross in batches of bounded
/// size, and every reference is to something stated before.
pub struct Emitter<'a> {
    sink: &'a mut dyn Sink,
    strings: Interner,
    nodes_count: u32,
    mentions: FxHashMap<(u32, u32), DatasetNode>,
    batch: wire::Batch,
    batch_records: usize,
    batch_bytes: usize,
    diagnostics: Vec<Diagnostic>,
    diagnostics_count: usize,
    left_out: Option<(Severity, usize)>,
}

impl<'a> Emitter<'a> {
    /// A batch is sent once it has this many records; one dataset's fields may exceed it.
    pub const BATCH_RECORDS_MAX: usize = 4096;
    /// A batch is sent once its text has this many bytes; one string may exceed it.
    pub const BATCH_BYTES_MAX: usize = 1 << 20;
    /// Diagnostics beyond this many are counted, and reported as one.
    pub const DIAGNOSTICS_MAX: usize = 10_000;
    /// Diagnostics are sent in groups of this many.
    const DIAGNOSTICS_BATCH: usize = 256;

    /// Sends to `sink`. [`Emitter::finish`] sends what is left at the end.
    pub fn new(sink: &'a mut dyn Sink) -> Self {
        Self {
            sink,
            strings: Interner::default(),
            nodes_count: 0,
            mentions: FxHashMap::default(),
            batch: empty_batch(),
            batch_records: 0,
            batch_bytes: 0,
            diagnostics: Vec::new(),
            diagnostics_count: 0,
            left_out: None,
        }
    }

    /// States a dataset.
    ///
    /// # Errors
    /// [`EmitError`] if the sink takes no more; as for everything that follows.
    pub fn dataset(&mut self, dataset: &Dataset) -> Result<DatasetNode, EmitError> {
        let namespace = self.symbol(dataset.namespace);
        let name = self.symbol(dataset.name);
        let fields: Vec<_> = dataset
            .fields
            .iter()
            .map(|field| self.field(field))
            .collect();
        self.batch_records += fields.len();
        let record = wire::Dataset {
            namespace,
            name,
            kind: self.symbol(dataset.kind),
            declared: dataset.declared,
            description: self.optional(dataset.description),
            fields,
            evidence: self.place(dataset.evidence),
        };
        self.batch.entities.push(wire::Entity::Dataset(record));
        let node = DatasetNode(self.nodes_count);
        self.nodes_count += 1;
        self.mentions.entry((namespace, name)).or_insert(node);
        self.sent_one()?;
        Ok(node)
    }

    /// The dataset of this name, if it was stated before.
    pub fn stated(&mut self, namespace: &str, name: &str) -> Option<DatasetNode> {
        let key = (self.symbol(namespace), self.symbol(name));
        self.mentions.get(&key).copied()
    }

    /// The dataset of this name if it was stated before, else one that is only mentioned.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn mention(
        &mut self,
        namespace: &str,
        name: &str,
        kind: &str,
        evidence: Option<&Location>,
    ) -> Result<DatasetNode, EmitError> {
        let key = (self.symbol(namespace), self.symbol(name));
        if let Some(&node) = self.mentions.get(&key) {
            return Ok(node);
        }
        self.dataset(&Dataset {
            evidence,
            ..Dataset::named(namespace, name, kind)
        })
    }

    /// States a job.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn job(&mut self, job: &Job) -> Result<JobNode, EmitError> {
        let record = wire::Job {
            namespace: self.symbol(job.namespace),
            name: self.symbol(job.name),
            kind: self.symbol(job.kind),
            description: self.optional(job.description),
            sql: self.optional(job.sql),
            parent: job.parent.map(|parent| parent.0),
            evidence: self.place(job.evidence),
        };
        self.batch.entities.push(wire::Entity::Job(record));
        let node = JobNode(self.nodes_count);
        self.nodes_count += 1;
        self.sent_one()?;
        Ok(node)
    }

    /// `job` reads `dataset`.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn reads(
        &mut self,
        job: JobNode,
        dataset: DatasetNode,
        evidence: Option<&Location>,
    ) -> Result<(), EmitError> {
        self.edge(dataset.0, job.0, evidence)
    }

    /// `job` writes `dataset`.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn writes(
        &mut self,
        job: JobNode,
        dataset: DatasetNode,
        evidence: Option<&Location>,
    ) -> Result<(), EmitError> {
        self.edge(job.0, dataset.0, evidence)
    }

    /// `dataset` derives from `origin`, by a job that nobody knows.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn derives(
        &mut self,
        dataset: DatasetNode,
        origin: DatasetNode,
        evidence: Option<&Location>,
    ) -> Result<(), EmitError> {
        self.edge(origin.0, dataset.0, evidence)
    }

    /// `dataset` derives from `origin`, by `job`. Once this is said of a dataset, all that the job makes it from is what
    /// is said so; before that, each dataset that the job reads reaches each that it writes.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn derives_by(
        &mut self,
        job: JobNode,
        dataset: DatasetNode,
        origin: DatasetNode,
        evidence: Option<&Location>,
    ) -> Result<(), EmitError> {
        let whole = |dataset| FieldEnd {
            dataset,
            field: None,
        };
        self.field_edge(&FieldEdge {
            from: whole(origin),
            to: whole(dataset),
            via: Some(job),
            transformations: &[],
            evidence,
        })
    }

    /// `job` runs after `earlier`.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn follows(
        &mut self,
        job: JobNode,
        earlier: JobNode,
        evidence: Option<&Location>,
    ) -> Result<(), EmitError> {
        self.edge(earlier.0, job.0, evidence)
    }

    /// A field derives from a field. Of two whole datasets, say how, or use [`Emitter::derives_by`].
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn field_edge(&mut self, edge: &FieldEdge) -> Result<(), EmitError> {
        let transformations: Vec<_> = edge
            .transformations
            .iter()
            .map(|transformation| wire::Transformation {
                direct: transformation.is_direct,
                subtype: self.optional(transformation.subtype),
                description: self.optional(transformation.description),
                masking: transformation.is_masking,
            })
            .collect();
        self.batch_records += transformations.len();
        let record = wire::FieldEdge {
            from: edge.from.dataset.0,
            from_field: self.optional(edge.from.field),
            to: edge.to.dataset.0,
            to_field: self.optional(edge.to.field),
            via: edge.via.map(|job| job.0),
            transformations,
            evidence: self.place(edge.evidence),
        };
        self.batch.field_edges.push(record);
        self.sent_one()
    }

    /// A job reads or writes whatever matches a pattern.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn selector(&mut self, selector: &Selector) -> Result<(), EmitError> {
        let record = wire::Selector {
            job: selector.job.0,
            writes: selector.side == Side::Writes,
            namespace: self.symbol(selector.namespace),
            pattern: self.symbol(selector.pattern),
            evidence: self.place(selector.evidence),
        };
        self.batch.selectors.push(record);
        self.sent_one()
    }

    /// `node` is also known by another name.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn alias(&mut self, node: impl Into<Node>, alias: &Alias) -> Result<(), EmitError> {
        let record = wire::Alias {
            node: node.into().id(),
            namespace: self.symbol(alias.namespace),
            name: self.symbol(alias.name),
            reason: self.symbol(alias.reason),
            evidence: self.place(alias.evidence),
        };
        self.batch.aliases.push(record);
        self.sent_one()
    }

    /// A statement with a fixed meaning about a node, or about one field of it: `owner`,
    /// `tag`, `data-product`, `output-port`, `url`, …
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn attribute(
        &mut self,
        node: impl Into<Node>,
        field: Option<&str>,
        key: &str,
        value: &str,
    ) -> Result<(), EmitError> {
        let record = wire::Attribute {
            node: node.into().id(),
            field: self.optional(field),
            key: self.symbol(key),
            value: self.symbol(value),
        };
        self.batch.attributes.push(record);
        self.sent_one()
    }

    /// Verbatim JSON kept beside a node under the facet's name.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn facet(
        &mut self,
        node: impl Into<Node>,
        name: &str,
        json: &str,
    ) -> Result<(), EmitError> {
        let record = wire::Facet {
            node: node.into().id(),
            name: self.symbol(name),
            json: self.symbol(json),
        };
        self.batch.facets.push(record);
        self.sent_one()
    }

    /// One run of a job.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn run(&mut self, run: &Run) -> Result<(), EmitError> {
        let record = wire::Run {
            job: run.job.0,
            run_id: self.symbol(run.run_id),
            state: run.state,
            started_ms: run.started_ms,
            ended_ms: run.ended_ms,
            message: self.optional(run.message),
        };
        self.batch.runs.push(record);
        self.sent_one()
    }

    /// Reports something about the artifact. An ERROR says that facts are missing: what was
    /// known before then does not end.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn diagnose(&mut self, found: Diagnostic) -> Result<(), EmitError> {
        if self.diagnostics_count == Self::DIAGNOSTICS_MAX {
            let (severity, count) = self.left_out.unwrap_or((found.severity, 0));
            self.left_out = Some((severity.max(found.severity), count + 1));
            return Ok(());
        }
        self.diagnostics_count += 1;
        self.diagnostics.push(found);
        if self.diagnostics.len() >= Self::DIAGNOSTICS_BATCH {
            self.send_diagnostics()?;
        }
        Ok(())
    }

    /// Sends what is left; [`export!`](crate::export) and [`golden`](crate::golden) call it
    /// after a successful extraction.
    ///
    /// # Errors
    /// As [`Emitter::dataset`].
    pub fn finish(mut self) -> Result<(), EmitError> {
        self.flush()?;
        if let Some((severity, count)) = self.left_out.take() {
            self.diagnostics.push(Diagnostic {
                severity,
                code: "extractor/diagnostics-left-out".into(),
                message: format!(
                    "{count} more diagnostics after the first {} are left out",
                    Self::DIAGNOSTICS_MAX
                ),
                at: None,
            });
        }
        self.send_diagnostics()
    }

    fn edge(&mut self, from: u32, to: u32, evidence: Option<&Location>) -> Result<(), EmitError> {
        let evidence = self.place(evidence);
        self.batch.edges.push(wire::Edge { from, to, evidence });
        self.sent_one()
    }

    fn field(&mut self, field: &Field) -> wire::Field {
        wire::Field {
            name: self.symbol(field.name),
            data_type: self.optional(field.data_type),
            description: self.optional(field.description),
        }
    }

    fn symbol(&mut self, text: &str) -> u32 {
        let (symbol, is_new) = self.strings.symbol(text);
        if is_new {
            self.batch_bytes += text.len();
            self.batch_records += 1;
            self.batch.strings.push(text.to_owned());
        }
        symbol
    }

    fn optional(&mut self, text: Option<&str>) -> Option<u32> {
        text.map(|text| self.symbol(text))
    }

    /// The place of `evidence` in this batch. Records that share a place come one after the
    /// other, so only the last one is compared.
    fn place(&mut self, evidence: Option<&Location>) -> Option<u32> {
        let evidence = evidence?;
        let is_last = self
            .batch
            .locations
            .last()
            .is_some_and(|last| is_same(last, evidence));
        if !is_last {
            self.batch_bytes +=
                evidence.artifact.len() + evidence.pointer.as_ref().map_or(0, String::len);
            self.batch_records += 1;
            self.batch.locations.push(evidence.clone());
        }
        // A batch is sent long before it has 2^32 places.
        Some(self.batch.locations.len() as u32 - 1)
    }

    /// Counts the record just pushed, and sends the batch once it is full. Only ever called
    /// after a record is complete, so a record and its places are in one batch.
    fn sent_one(&mut self) -> Result<(), EmitError> {
        self.batch_records += 1;
        if self.batch_records >= Self::BATCH_RECORDS_MAX
            || self.batch_bytes >= Self::BATCH_BYTES_MAX
        {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), EmitError> {
        if self.batch_records > 0 {
            self.sink.emit(&self.batch)?;
            clear(&mut self.batch);
            self.batch_records = 0;
            self.batch_bytes = 0;
        }
        Ok(())
    }

    fn send_diagnostics(&mut self) -> Result<(), EmitError> {
        if !self.diagnostics.is_empty() {
            self.sink.diagnose(&self.diagnostics)?;
            self.diagnostics.clear();
        }
        Ok(())
    }
}

impl std::fmt::Debug for Emitter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emitter")
            .field("nodes_count", &self.nodes_count)
            .field("batch_records", &self.batch_records)
            .finish_non_exhaustive()
    }
}

fn is_same(a: &Location, b: &Location) -> bool {
    a.pointer == b.pointer
        && a.line == b.line
        && a.column == b.column
        && a.byte_offset == b.byte_offset
        && a.artifact == b.artifact
}

fn empty_batch() -> wire::Batch {
    wire::Batch {
        strings: Vec::new(),
        locations: Vec::new(),
        entities: Vec::new(),
        edges: Vec::new(),
        field_edges: Vec::new(),
        selectors: Vec::new(),
        aliases: Vec::new(),
        attributes: Vec::new(),
        facets: Vec::new(),
        runs: Vec::new(),
    }
}

/// Empties every list and keeps its room for the next batch.
fn clear(batch: &mut wire::Batch) {
    batch.strings.clear();
    batch.locations.clear();
    batch.entities.clear();
    batch.edges.clear();
    batch.field_edges.clear();
    batch.selectors.clear();
    batch.aliases.clear();
    batch.attributes.clear();
    batch.facets.clear();
    batch.runs.clear();
}
