//! Explicit lineage: what a `lineage` facet says of how data flows.
//!
//! Source: LineageFacet.json 1-0-0 and the proposal that explains it ("Explicit lineage"). Lineage is
//! written from where data goes: an entry names a dataset or a job, and what feeds it. What the event's own job reads
//! and writes is told by `inputs` and `outputs` alone, so a dataset that only the facet names is mentioned, and
//! neither read nor written by the job.

use std::collections::BTreeSet;

use headwater_model::{
    AssetKind, EdgeFact, EdgeKind, FieldEdgeFact, FieldEnd, QualifiedName, Severity,
};
use serde_json::value::RawValue;

use crate::dataset::{field_name, mentioned};
use crate::error::{EventError, EventRule, quoted};
use crate::event::{Reader, qualified};
use crate::facets::{
    LineageDatasetFacet, LineageEntryItem, LineageFieldItem, LineageInputItem, LineageJobFacet,
    look,
};
use crate::node::{MapOf, Node, TextOf};
use crate::pointer::Place;

/// What explicit lineage settles for what the job writes.
#[derive(Default)]
pub(crate) struct Explicit {
    /// Datasets whose origins are stated, even if there are none.
    pub(crate) datasets: BTreeSet<QualifiedName>,
    /// True if the job's facet was read in full: then it speaks for every output, also for those that it does not name.
    pub(crate) is_complete: bool,
}

/// Where data goes.
enum Goal {
    /// Into a dataset or one of its fields.
    Dataset(FieldEnd),
    /// Into a job.
    Job(QualifiedName),
}

impl<'de> Reader<'de> {
    /// States what the `lineage` facet of the event's job says.
    pub(crate) fn job_lineage(
        &mut self,
        own: &QualifiedName,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let node = look::<LineageJobFacet<'de>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(());
        };
        let at = at.key("entries");
        let Some(entries) = self.take(facet.entries.required(&at))? else {
            return Ok(());
        };
        for (index, node) in entries.iter().enumerate() {
            let at = at.index(index);
            if let Some(entry) = self.take(node.required(&at))? {
                self.lineage_entry(entry, own, &at)?;
            }
        }
        self.explicit.is_complete = self.is_understood;
        Ok(())
    }

    fn lineage_entry(
        &mut self,
        entry: &LineageEntryItem<'de>,
        own: &QualifiedName,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let kind = asset_kind(&entry.r#type, at);
        match self.take(kind)? {
            None => Ok(()),
            Some(AssetKind::Dataset) => {
                let Some(dataset) = self.lineage_dataset(&entry.namespace, &entry.name, at)? else {
                    return Ok(());
                };
                let is_settled =
                    self.flows_into(&dataset, &entry.inputs, &entry.fields, Some(own), at)?;
                if is_settled {
                    self.explicit.datasets.insert(dataset);
                }
                Ok(())
            }
            Some(AssetKind::Job) => {
                let Some(job) = self.lineage_job(&entry.namespace, &entry.name, Some(own), at)?
                else {
                    return Ok(());
                };
                self.lineage_run(&entry.run_id, at)?;
                let inputs_at = at.key("inputs");
                if is_left_out(&entry.inputs) {
                    self.states_no_lineage("inputs", at);
                }
                if let Some(inputs) = self.take(entry.inputs.optional(&inputs_at))?.flatten() {
                    self.flows(inputs, &Goal::Job(job), Some(own), &inputs_at)?;
                }
                Ok(())
            }
        }
    }

    /// Says of what the job writes that all origins are stated, where explicit lineage says so and no DERIVES edge
    /// does: else what the job reads would count as an origin.
    pub(crate) fn close_ways(&mut self, own: &QualifiedName) {
        let explicit = &self.explicit;
        if explicit.datasets.is_empty() && !explicit.is_complete {
            return;
        }
        let derived: BTreeSet<QualifiedName> = self
            .facts
            .edges
            .iter()
            .filter(|edge| edge.via.as_ref() == Some(own))
            .map(|edge| edge.to.name.clone())
            .collect();
        for edge in &mut self.facts.edges {
            let is_own = edge.kind() == EdgeKind::Writes && edge.from.name == *own;
            let is_settled = explicit.is_complete || explicit.datasets.contains(&edge.to.name);
            if is_own && is_settled && !derived.contains(&edge.to.name) {
                edge.via = Some(own.clone());
            }
        }
    }

    /// States what a `lineage` facet on `dataset` says; true if it settles what the dataset is made of. `own` is the
    /// job that makes it, if the event says.
    pub(crate) fn dataset_lineage(
        &mut self,
        dataset: &QualifiedName,
        own: Option<&QualifiedName>,
        raw: &'de RawValue,
        at: &Place<'_>,
    ) -> Result<bool, EventError> {
        let node = look::<LineageDatasetFacet<'de>>(raw);
        let Some(facet) = self.take(node.required(at))? else {
            return Ok(false);
        };
        if !is_left_out(&facet.entries) {
            let fault = misplaced(&at.key("entries"), "inputs or fields", "entries of a job");
            self.is_understood = false;
            self.findings.tolerate(PLACE, fault, self.done)?;
            if is_left_out(&facet.inputs) && is_left_out(&facet.fields) {
                return Ok(false);
            }
        }
        self.flows_into(dataset, &facet.inputs, &facet.fields, own, at)
    }

    /// Notes that the facet of a dataset stands in the event of a job.
    pub(crate) fn misplaced_lineage(
        &mut self,
        done: &str,
        at: &Place<'_>,
    ) -> Result<(), EventError> {
        let fault = misplaced(
            at,
            "lineage on the job of the event",
            "lineage on a dataset",
        );
        self.findings.tolerate(PLACE, fault, done)
    }

    /// States what feeds a dataset and its fields; true if that settles what it is made of.
    fn flows_into(
        &mut self,
        dataset: &QualifiedName,
        inputs: &Node<Vec<Node<LineageInputItem<'de>>>>,
        fields: &Node<MapOf<'de, Node<LineageFieldItem<'de>>>>,
        own: Option<&QualifiedName>,
        at: &Place<'_>,
    ) -> Result<bool, EventError> {
        if is_left_out(inputs) && is_left_out(fields) {
            self.states_no_lineage("inputs or fields", at);
            return Ok(false);
        }
        let was_understood = std::mem::replace(&mut self.is_understood, true);
        let mut is_any_stated = false;
        let inputs_at = at.key("inputs");
        if let Some(items) = self.take(inputs.optional(&inputs_at))?.flatten() {
            let goal = Goal::Dataset(FieldEnd {
                dataset: dataset.clone(),
                field: None,
            });
            is_any_stated |= self.flows(items, &goal, own, &inputs_at)?;
        }
        let fields_at = at.key("fields");
        let items = self.take(fields.optional(&fields_at))?.flatten();
        for (name, node) in items.into_iter().flat_map(|fields| &fields.0) {
            let at = fields_at.key(name);
            let Some(field) = self.take(field_name(name, &at))? else {
                continue;
            };
            let Some(item) = self.take(node.required(&at))? else {
                continue;
            };
            let inputs_at = at.key("inputs");
            if let Some(items) = self.take(item.inputs.required(&inputs_at))? {
                let goal = Goal::Dataset(FieldEnd {
                    dataset: dataset.clone(),
                    field: Some(field),
                });
                is_any_stated |= self.flows(items, &goal, own, &inputs_at)?;
            }
        }
        // Of a damaged entry without a readable origin, nobody knows what it would have said.
        let is_settled = is_any_stated || self.is_understood;
        self.is_understood &= was_understood;
        Ok(is_settled)
    }

    /// States what feeds `goal`; true if anything does.
    fn flows(
        &mut self,
        items: &[Node<LineageInputItem<'de>>],
        goal: &Goal,
        own: Option<&QualifiedName>,
        at: &Place<'_>,
    ) -> Result<bool, EventError> {
        let mut is_any_stated = false;
        for (index, node) in items.iter().enumerate() {
            let at = at.index(index);
            let Some(item) = self.take(node.required(&at))? else {
                continue;
            };
            let kind = asset_kind(&item.r#type, &at);
            is_any_stated |= match self.take(kind)? {
                None => false,
                Some(AssetKind::Dataset) => self.flow_of_dataset(item, goal, own, &at)?,
                Some(AssetKind::Job) => self.flow_of_job(item, goal, own, &at)?,
            };
        }
        Ok(is_any_stated)
    }

    fn flow_of_dataset(
        &mut self,
        item: &LineageInputItem<'de>,
        goal: &Goal,
        own: Option<&QualifiedName>,
        at: &Place<'_>,
    ) -> Result<bool, EventError> {
        let Some(dataset) = self.lineage_dataset(&item.namespace, &item.name, at)? else {
            return Ok(false);
        };
        let field_at = at.key("field");
        let field = match self.take(item.field.optional(&field_at))?.flatten() {
            None => None,
            // Without a field's name, the whole dataset is what is known.
            Some(text) => self.take(field_name(text, &field_at))?,
        };
        let transformations = self.transformations(&item.transformations, None, at)?;
        let from = dataset.clone().dataset();
        match goal {
            Goal::Dataset(to) => {
                let via = own.cloned();
                self.facts.edges.push(EdgeFact {
                    from,
                    to: to.dataset.clone().dataset(),
                    via: via.clone(),
                    evidence: None,
                });
                if field.is_some() || to.field.is_some() {
                    self.facts.field_edges.push(FieldEdgeFact {
                        from: FieldEnd { dataset, field },
                        to: to.clone(),
                        via,
                        transformations,
                        evidence: None,
                    });
                } else {
                    self.says_more |= !transformations.is_empty();
                }
            }
            Goal::Job(job) => {
                self.says_more |= field.is_some() || !transformations.is_empty();
                self.facts.edges.push(EdgeFact {
                    from,
                    to: job.clone().job(),
                    via: None,
                    evidence: None,
                });
            }
        }
        Ok(true)
    }

    fn flow_of_job(
        &mut self,
        item: &LineageInputItem<'de>,
        goal: &Goal,
        own: Option<&QualifiedName>,
        at: &Place<'_>,
    ) -> Result<bool, EventError> {
        let Some(job) = self.lineage_job(&item.namespace, &item.name, own, at)? else {
            return Ok(false);
        };
        self.lineage_run(&item.run_id, at)?;
        let transformations = self.transformations(&item.transformations, None, at)?;
        self.says_more |= !transformations.is_empty();
        let to = match goal {
            Goal::Dataset(to) => {
                self.says_more |= to.field.is_some();
                to.dataset.clone().dataset()
            }
            Goal::Job(to) => to.clone().job(),
        };
        self.facts.edges.push(EdgeFact {
            from: job.job(),
            to,
            via: None,
            evidence: None,
        });
        Ok(true)
    }

    /// A dataset of the facet; it is mentioned, if nothing named it before.
    fn lineage_dataset(
        &mut self,
        namespace: &Node<TextOf<'de>>,
        name: &Node<TextOf<'de>>,
        at: &Place<'_>,
    ) -> Result<Option<QualifiedName>, EventError> {
        let named = self.dataset_name(namespace, name, at);
        let Some((dataset, is_new)) = self.take(named)? else {
            return Ok(None);
        };
        if is_new {
            self.facts.datasets.push(mentioned(dataset.clone()));
        }
        Ok(Some(dataset))
    }

    /// A job of the facet; without namespace and name it is the event's own.
    fn lineage_job(
        &mut self,
        namespace: &Node<TextOf<'de>>,
        name: &Node<TextOf<'de>>,
        own: Option<&QualifiedName>,
        at: &Place<'_>,
    ) -> Result<Option<QualifiedName>, EventError> {
        if let (Node::Absent | Node::Null, Node::Absent | Node::Null, Some(own)) =
            (namespace, name, own)
        {
            for (node, key) in [(namespace, "namespace"), (name, "name")] {
                if node.is_present() {
                    self.tolerate_null("a text", &at.key(key))?;
                }
            }
            return Ok(Some(own.clone()));
        }
        self.take(qualified(namespace, name, at))
    }

    /// Checks the run of an edge, for which there is no fact: it stays in the body.
    fn lineage_run(&mut self, node: &Node<TextOf<'_>>, at: &Place<'_>) -> Result<(), EventError> {
        let at = at.key("runId");
        if self.take(node.optional(&at))?.flatten().is_some() {
            let run = self.run_id(node, &at);
            self.take(run)?;
        }
        Ok(())
    }

    /// Notes that the specification allows an entry to say nothing, and that it does.
    fn states_no_lineage(&mut self, expected: &'static str, at: &Place<'_>) {
        let fault = EventError::new(at, EventRule::Missing { expected });
        let code = "openlineage/lineage-empty";
        self.findings
            .note(Severity::Info, code, &fault, "states no lineage");
    }

    /// Notes that the column lineage of an output is not read, because the job's facet is all there is.
    pub(crate) fn overrules_column_lineage(&mut self, at: &Place<'_>) {
        let (expected, found) = ("an entry in the job's lineage facet", "columnLineage only");
        let found = found.to_owned();
        let fault = EventError::new(at, EventRule::Wrong { expected, found });
        let code = "openlineage/lineage-overrules";
        self.findings.note(
            Severity::Info,
            code,
            &fault,
            "the job's lineage facet counts",
        );
    }
}

/// A facet stands where it does not belong.
const PLACE: &str = "openlineage/lineage-place";

fn misplaced(at: &Place<'_>, expected: &'static str, found: &str) -> EventError {
    let found = found.to_owned();
    EventError::new(at, EventRule::Wrong { expected, found })
}

/// An empty list says that there is nothing; null, like no key at all, says nothing.
fn is_left_out<T>(node: &Node<T>) -> bool {
    matches!(node, Node::Absent | Node::Null)
}

/// The `type` of an entry or an input.
fn asset_kind(node: &Node<TextOf<'_>>, at: &Place<'_>) -> Result<AssetKind, EventError> {
    let at = at.key("type");
    let expected = "DATASET or JOB";
    let text = match node {
        Node::Absent => return Err(EventError::new(&at, EventRule::Missing { expected })),
        node => node.required(&at)?,
    };
    if text.eq_ignore_ascii_case("DATASET") {
        return Ok(AssetKind::Dataset);
    }
    if text.eq_ignore_ascii_case("JOB") {
        return Ok(AssetKind::Job);
    }
    let found = quoted(text);
    Err(EventError::new(&at, EventRule::Wrong { expected, found }))
}
