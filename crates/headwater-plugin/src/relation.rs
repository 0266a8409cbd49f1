//! Statements about datasets and jobs that were sent: edges, aliases, attributes, ….

use headwater_model::{
    AliasFact, AssetKind, AttributeFact, AttributeKey, EdgeFact, Evidence, FacetFact, FacetName,
    FieldEdgeFact, FieldEnd, RunFact, RunId, RunState, SelectorFact, Side, Transformation,
};
use serde::de::IgnoredAny;

use crate::bindings::headwater::extractor::types as wit;
use crate::collector::{Collector, timestamp};
use crate::entity::evidence;
use crate::place::{Place, Refusal};

/// How deep JSON may nest: parsers downstream stop at 128, with a facet inside other JSON.
const JSON_DEPTH_MAX: u32 = 100;

/// Whether an edge says neither of fields nor how: then a dataset derives from a dataset, by that job.
fn is_between_datasets(edge: &FieldEdgeFact) -> bool {
    edge.from.field.is_none() && edge.to.field.is_none() && edge.transformations.is_empty()
}

impl Collector {
    /// What an edge says follows from the kinds of its ends; all four combinations have a meaning.
    pub(crate) fn take_edges(
        &mut self,
        edges: &[wit::Edge],
        places: &[Evidence],
    ) -> Result<(), Refusal> {
        self.facts.edges.reserve(edges.len());
        for (index, edge) in edges.iter().enumerate() {
            let at = self.at("edges", index)?;
            let fact = EdgeFact {
                from: self.node(at, "from", edge.from)?,
                to: self.node(at, "to", edge.to)?,
                via: None,
                evidence: evidence(at, edge.evidence, places)?,
            };
            self.facts.edges.push(fact);
        }
        Ok(())
    }

    pub(crate) fn take_field_edges(
        &mut self,
        edges: Vec<wit::FieldEdge>,
        places: &[Evidence],
    ) -> Result<(), Refusal> {
        self.facts.field_edges.reserve(edges.len());
        for (index, edge) in edges.into_iter().enumerate() {
            let at = self.at("field-edges", index)?;
            let mut transformations = Vec::with_capacity(edge.transformations.len());
            for found in &edge.transformations {
                transformations.push(Transformation {
                    is_direct: found.direct,
                    subtype: self.text_of(at, "transformations.subtype", found.subtype)?,
                    description: self.text_of(
                        at,
                        "transformations.description",
                        found.description,
                    )?,
                    is_masking: found.masking,
                });
            }
            let fact = FieldEdgeFact {
                from: self.field_end(at, ("from", edge.from), ("from-field", edge.from_field))?,
                to: self.field_end(at, ("to", edge.to), ("to-field", edge.to_field))?,
                via: edge.via.map(|via| self.job(at, "via", via)).transpose()?,
                transformations,
                evidence: evidence(at, edge.evidence, places)?,
            };
            if is_between_datasets(&fact) {
                self.facts.edges.push(EdgeFact {
                    from: fact.from.dataset.dataset(),
                    to: fact.to.dataset.dataset(),
                    via: fact.via,
                    evidence: fact.evidence,
                });
            } else {
                self.facts.field_edges.push(fact);
            }
        }
        Ok(())
    }

    fn field_end(
        &mut self,
        at: Place,
        (node_part, node): (&str, wit::Node),
        (field_part, field): (&str, Option<wit::Sym>),
    ) -> Result<FieldEnd, Refusal> {
        let dataset = self.dataset(at, node_part, node)?;
        let field = field.map(|field| self.field_name(at, field_part, field));
        Ok(FieldEnd {
            dataset,
            field: field.transpose()?,
        })
    }

    pub(crate) fn take_selectors(
        &mut self,
        selectors: &[wit::Selector],
        places: &[Evidence],
    ) -> Result<(), Refusal> {
        for (index, selector) in selectors.iter().enumerate() {
            let at = self.at("selectors", index)?;
            let fact = SelectorFact {
                job: self.job(at, "job", selector.job)?,
                side: if selector.writes {
                    Side::Writes
                } else {
                    Side::Reads
                },
                namespace: self.namespace(at, "namespace", selector.namespace)?,
                pattern: self.name(at, "pattern", selector.pattern)?,
                evidence: evidence(at, selector.evidence, places)?,
            };
            self.facts.selectors.push(fact);
        }
        Ok(())
    }

    pub(crate) fn take_aliases(
        &mut self,
        aliases: &[wit::Alias],
        places: &[Evidence],
    ) -> Result<(), Refusal> {
        for (index, alias) in aliases.iter().enumerate() {
            let at = self.at("aliases", index)?;
            let fact = AliasFact {
                of: self.node(at, "node", alias.node)?,
                alias: self.qualified(at, alias.namespace, alias.name)?,
                reason: self.text(at, "reason", alias.reason)?,
                evidence: evidence(at, alias.evidence, places)?,
            };
            self.facts.aliases.push(fact);
        }
        Ok(())
    }

    pub(crate) fn take_attributes(&mut self, attributes: &[wit::Attribute]) -> Result<(), Refusal> {
        for (index, attribute) in attributes.iter().enumerate() {
            let at = self.at("attributes", index)?;
            let on = self.node(at, "node", attribute.node)?;
            if attribute.field.is_some() && on.kind == AssetKind::Job {
                return Err(at.invalid("field", format_args!("{on} is a job, which has no fields")));
            }
            let field = attribute
                .field
                .map(|field| self.field_name(at, "field", field));
            let fact = AttributeFact {
                on,
                field: field.transpose()?,
                key: self.parsed(at, "key", attribute.key, AttributeKey::parse)?,
                value: self.text(at, "value", attribute.value)?,
            };
            self.facts.attributes.push(fact);
        }
        Ok(())
    }

    pub(crate) fn take_facets(&mut self, facets: &[wit::Facet]) -> Result<(), Refusal> {
        for (index, facet) in facets.iter().enumerate() {
            let at = self.at("facets", index)?;
            let json = self.json(at, "json", facet.json, check_json)?;
            let fact = FacetFact {
                on: self.node(at, "node", facet.node)?,
                name: self.parsed(at, "name", facet.name, FacetName::parse)?,
                json,
            };
            self.facts.facets.push(fact);
        }
        Ok(())
    }

    pub(crate) fn take_runs(&mut self, runs: &[wit::Run]) -> Result<(), Refusal> {
        for (index, run) in runs.iter().enumerate() {
            let at = self.at("runs", index)?;
            let instant = |field, millis: Option<i64>| {
                let parsed = millis.map(timestamp).transpose();
                parsed.map_err(|rule| at.invalid(field, rule))
            };
            let (started_at, ended_at) = (
                instant("started-ms", run.started_ms)?,
                instant("ended-ms", run.ended_ms)?,
            );
            let fact = RunFact {
                job: self.job(at, "job", run.job)?,
                run: self.parsed(at, "run-id", run.run_id, RunId::parse)?,
                state: run_state(run.state),
                started_at,
                ended_at,
                message: self.text_of(at, "message", run.message)?,
            };
            self.facts.runs.push(fact);
        }
        Ok(())
    }
}

/// Whether `text` is JSON that everything downstream can read.
pub(crate) fn check_json(text: &str) -> Result<(), String> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| format!("is not JSON: {error}"))?;
    let (mut depth, mut is_in_text, mut is_escaped) = (0_u32, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_text => is_escaped = true,
            b'"' => is_in_text = !is_in_text,
            b'[' | b'{' if !is_in_text => depth += 1,
            b']' | b'}' if !is_in_text => depth -= 1,
            _ => {}
        }
        if depth > JSON_DEPTH_MAX {
            return Err(format!("nests deeper than {JSON_DEPTH_MAX}"));
        }
    }
    Ok(())
}

fn run_state(state: wit::RunState) -> RunState {
    match state {
        wit::RunState::Start => RunState::Start,
        wit::RunState::Running => RunState::Running,
        wit::RunState::Complete => RunState::Complete,
        wit::RunState::Abort => RunState::Abort,
        wit::RunState::Fail => RunState::Fail,
        wit::RunState::Other => RunState::Other,
    }
}
