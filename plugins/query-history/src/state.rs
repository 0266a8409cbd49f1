//! Stating what was found.

use std::collections::BTreeMap;

use headwater_extractor::{
    Alias, DatasetNode, Emitter, ExtractError, FieldEdge, FieldEnd, Job as JobFact, JobNode,
    Location, Run as RunFact, RunState, Selector, Side, Transformation, time::format_rfc3339,
};
use serde_json::{Map, Value, json};

use crate::jobs::{Found, Job};
use crate::model::{JobName, Link, Table};

/// States all jobs, what views are made of, and where tables are stored.
pub(crate) fn state(found: &Found, out: &mut Emitter) -> Result<(), ExtractError> {
    let mut stating = Stating {
        out,
        datasets: BTreeMap::new(),
        jobs: BTreeMap::new(),
    };
    for job in &found.jobs {
        stating.job(job)?;
    }
    for (link, at) in &found.views {
        let (from, to) = (
            stating.dataset(&link.from.0, at)?,
            stating.dataset(&link.to.0, at)?,
        );
        if link.from.1.is_none() && link.to.1.is_none() {
            stating.out.derives(to, from, Some(at))?;
        } else {
            stating.link(link, None, at)?;
        }
    }
    stating.stored(found)
}

struct Stating<'a, 'b> {
    out: &'a mut Emitter<'b>,
    datasets: BTreeMap<(String, String), DatasetNode>,
    jobs: BTreeMap<JobName, JobNode>,
}

impl Stating<'_, '_> {
    fn dataset(&mut self, table: &Table, at: &Location) -> Result<DatasetNode, ExtractError> {
        let key = (table.namespace.clone(), table.name.clone());
        if let Some(node) = self.datasets.get(&key) {
            return Ok(*node);
        }
        let node = self
            .out
            .mention(&table.namespace, &table.name, &table.kind, Some(at))?;
        if let Some(host) = table.namespace.strip_prefix("unitycatalog://") {
            let alias = Alias {
                namespace: &format!("databricks://{host}"),
                name: &table.name,
                reason: "connections to Databricks name its catalog so",
                evidence: Some(at),
            };
            self.out.alias(node, &alias)?;
        }
        self.datasets.insert(key, node);
        Ok(node)
    }

    fn job(&mut self, job: &Job) -> Result<(), ExtractError> {
        let parent = job
            .parent
            .as_ref()
            .and_then(|name| self.jobs.get(name))
            .copied();
        let node = self.out.job(&JobFact {
            namespace: &job.name.namespace,
            name: &job.name.name,
            kind: job.kind,
            sql: job.sql.as_deref(),
            parent,
            evidence: Some(&job.at),
            ..JobFact::default()
        })?;
        self.jobs.insert(job.name.clone(), node);
        for (table, at) in &job.reads {
            let dataset = self.dataset(table, at)?;
            self.out.reads(node, dataset, Some(at))?;
        }
        for ((namespace, pattern), at) in &job.patterns {
            self.out.selector(&Selector {
                job: node,
                side: Side::Reads,
                namespace,
                pattern,
                evidence: Some(at),
            })?;
        }
        for (table, at) in &job.writes {
            let dataset = self.dataset(table, at)?;
            self.out.writes(node, dataset, Some(at))?;
        }
        for (link, at) in &job.links {
            self.link(link, Some(node), at)?;
        }
        self.out
            .facet(node, "queryHistory", &facet(job).to_string())?;
        // Oldest first, as they happened.
        for run in job.runs.iter().rev() {
            self.out.run(&RunFact {
                job: node,
                run_id: &run.id,
                state: run.state.unwrap_or(RunState::Complete),
                started_ms: run.started_ms,
                ended_ms: run.ended_ms,
                message: run.message.as_deref(),
            })?;
        }
        Ok(())
    }

    fn link(
        &mut self,
        link: &Link,
        via: Option<JobNode>,
        at: &Location,
    ) -> Result<(), ExtractError> {
        let (from, to) = (
            self.dataset(&link.from.0, at)?,
            self.dataset(&link.to.0, at)?,
        );
        let transformations: Vec<Transformation> = link
            .how
            .iter()
            .map(|(is_direct, subtype)| Transformation {
                is_direct: *is_direct,
                subtype: *subtype,
                description: None,
                is_masking: link.is_masking,
            })
            .collect();
        self.out.field_edge(&FieldEdge {
            from: FieldEnd {
                dataset: from,
                field: link.from.1.as_deref(),
            },
            to: FieldEnd {
                dataset: to,
                field: link.to.1.as_deref(),
            },
            via,
            transformations: &transformations,
            evidence: Some(at),
        })?;
        Ok(())
    }

    /// The place of a table is another name of it, unless one of them has several of the other.
    fn stored(&mut self, found: &Found) -> Result<(), ExtractError> {
        let (mut of_table, mut of_place) = (BTreeMap::new(), BTreeMap::new());
        for (table, place) in found.stored.keys() {
            *of_table.entry(&table.name).or_insert(0) += 1;
            *of_place.entry(place).or_insert(0) += 1;
        }
        for ((table, place), at) in &found.stored {
            let key = (table.namespace.clone(), table.name.clone());
            let is_one = of_table[&table.name] == 1 && of_place[place] == 1;
            let Some(node) = self.datasets.get(&key).filter(|_| is_one) else {
                continue;
            };
            self.out.alias(
                *node,
                &Alias {
                    namespace: &place.namespace,
                    name: &place.name,
                    reason: "the table is stored there",
                    evidence: Some(at),
                },
            )?;
        }
        Ok(())
    }
}

/// What is known of a job's executions beside lineage.
fn facet(job: &Job) -> Value {
    let mut facet = Map::new();
    facet.insert("warehouse".into(), job.warehouse.name().into());
    facet.insert("executions".into(), job.executions_count.into());
    facet.insert("failed".into(), job.failed_count.into());
    for (key, at) in [("firstAt", job.first_ms), ("lastAt", job.last_ms)] {
        if let Some(at) = at {
            facet.insert(key.into(), format_rfc3339(at).into());
        }
    }
    if !job.verbs.is_empty() {
        facet.insert("statementTypes".into(), json!(job.verbs));
    }
    for (key, values) in &job.circumstances {
        facet.insert((*key).into(), json!(values));
    }
    Value::Object(facet)
}
