//! Datasets and jobs, and references to those that were sent.

use std::fmt::Display;

use headwater_model::{
    AssetKind, AssetName, DatasetFact, Evidence, FieldFact, JobFact, QualifiedName, TypeName,
};

use crate::bindings::headwater::extractor::types as wit;
use crate::collector::Collector;
use crate::place::{Place, Refusal};

impl Collector {
    pub(crate) fn take_entities(
        &mut self,
        entities: Vec<wit::Entity>,
        places: &[Evidence],
    ) -> Result<(), Refusal> {
        for (index, entity) in entities.into_iter().enumerate() {
            let at = self.at("entities", index)?;
            match entity {
                wit::Entity::Dataset(dataset) => self.take_dataset(at, &dataset, places)?,
                wit::Entity::Job(job) => self.take_job(at, &job, places)?,
            }
        }
        Ok(())
    }

    fn take_dataset(
        &mut self,
        at: Place,
        dataset: &wit::Dataset,
        places: &[Evidence],
    ) -> Result<(), Refusal> {
        let name = self.qualified(at, dataset.namespace, dataset.name)?;
        let mut fields = Vec::with_capacity(dataset.fields.len());
        for (index, field) in dataset.fields.iter().enumerate() {
            // A wide dataset is many facts: the clock is looked at for each of them.
            self.at("entities", at.index)?;
            let part = |name| FieldPart(index, name);
            fields.push(FieldFact {
                name: self.field_name(at, part("name"), field.name)?,
                r#type: self.text_of(at, part("data-type"), field.data_type)?,
                description: self.text_of(at, part("description"), field.description)?,
            });
        }
        let fact = DatasetFact {
            name: name.clone(),
            r#type: self.type_name(at, dataset.kind, TypeName::dataset)?,
            is_declared: dataset.declared,
            description: self.text_of(at, "description", dataset.description)?,
            fields,
            evidence: evidence(at, dataset.evidence, places)?,
        };
        self.facts.datasets.push(fact);
        self.nodes.push(name.dataset());
        Ok(())
    }

    fn take_job(&mut self, at: Place, job: &wit::Job, places: &[Evidence]) -> Result<(), Refusal> {
        let name = self.qualified(at, job.namespace, job.name)?;
        let parent = job.parent.map(|parent| self.job(at, "parent", parent));
        let fact = JobFact {
            name: name.clone(),
            r#type: self.type_name(at, job.kind, TypeName::job)?,
            description: self.text_of(at, "description", job.description)?,
            sql: self.text_of(at, "sql", job.sql)?,
            parent: parent.transpose()?,
            evidence: evidence(at, job.evidence, places)?,
        };
        self.facts.jobs.push(fact);
        self.nodes.push(name.job());
        Ok(())
    }

    pub(crate) fn qualified(
        &mut self,
        at: Place,
        namespace: wit::Sym,
        name: wit::Sym,
    ) -> Result<QualifiedName, Refusal> {
        Ok(QualifiedName::new(
            self.namespace(at, "namespace", namespace)?,
            self.name(at, "name", name)?,
        ))
    }

    /// An empty kind means that the extractor knows no more than dataset or job.
    fn type_name(
        &mut self,
        at: Place,
        kind: wit::Sym,
        unspecific: fn() -> TypeName,
    ) -> Result<TypeName, Refusal> {
        self.parsed(at, "kind", kind, |text| match text {
            "" => Ok(unspecific()),
            _ => TypeName::parse(text),
        })
    }

    /// A dataset or job that was sent.
    pub(crate) fn node(
        &mut self,
        at: Place,
        field: impl Display,
        node: wit::Node,
    ) -> Result<AssetName, Refusal> {
        let sent = self.nodes.len();
        let Some(found) = self.nodes.get(node as usize).cloned() else {
            return Err(at.invalid(
                field,
                format_args!("node {node} was not sent (nodes so far: {sent})"),
            ));
        };
        self.count_name(&found)?;
        Ok(found)
    }

    pub(crate) fn dataset(
        &mut self,
        at: Place,
        field: impl Display + Copy,
        node: wit::Node,
    ) -> Result<QualifiedName, Refusal> {
        self.node_of(AssetKind::Dataset, at, field, node)
    }

    pub(crate) fn job(
        &mut self,
        at: Place,
        field: impl Display + Copy,
        node: wit::Node,
    ) -> Result<QualifiedName, Refusal> {
        self.node_of(AssetKind::Job, at, field, node)
    }

    fn node_of(
        &mut self,
        kind: AssetKind,
        at: Place,
        field: impl Display + Copy,
        node: wit::Node,
    ) -> Result<QualifiedName, Refusal> {
        let found = self.node(at, field, node)?;
        if found.kind == kind {
            return Ok(found.name);
        }
        let (wanted, other) = match kind {
            AssetKind::Dataset => ("dataset", "job"),
            AssetKind::Job => ("job", "dataset"),
        };
        Err(at.invalid(
            field,
            format_args!("node {node} ({}) is a {other}, not a {wanted}", found.name),
        ))
    }
}

/// A place that the same push brought.
pub(crate) fn evidence(
    at: Place,
    place: Option<wit::Place>,
    places: &[Evidence],
) -> Result<Option<Evidence>, Refusal> {
    let Some(place) = place else {
        return Ok(None);
    };
    match places.get(place as usize) {
        Some(evidence) => Ok(Some(evidence.clone())),
        None => Err(at.invalid(
            "evidence",
            format_args!(
                "location {place} is not in this batch (locations in it: {})",
                places.len()
            ),
        )),
    }
}

/// The path of a part of a field within its dataset, written only where it is needed.
#[derive(Clone, Copy)]
struct FieldPart(usize, &'static str);

impl Display for FieldPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "fields[{}].{}", self.0, self.1)
    }
}
