//! Stating what was found.

use std::collections::BTreeMap;

use headwater_extractor::{
    Alias, DatasetNode, Emitter, ExtractError, FieldEdge, FieldEnd, Job as JobFact, JobNode,
    Location, Run as RunFact, Transformation,
};
use serde_json::{Map, Value};

use crate::applications::{Found, Job, Named};
use crate::naming::{Table, is_name};

/// States all applications and their jobs.
pub(crate) fn state(
    found: &Found,
    job_namespace: &str,
    runs_max: usize,
    out: &mut Emitter,
) -> Result<(), ExtractError> {
    let mut stating = Stating {
        out,
        job_namespace,
        runs_max,
        datasets: BTreeMap::new(),
    };
    for (name, named) in &found.applications {
        stating.application(name, named)?;
    }
    let (mut of_table, mut of_place) = (BTreeMap::new(), BTreeMap::new());
    for (table, place) in found.stored.keys() {
        *of_table.entry(table).or_insert(0) += 1;
        *of_place.entry(place).or_insert(0) += 1;
    }
    for ((table, place), at) in &found.stored {
        // A table that moved, or a place that several tables have, is not one dataset.
        if of_table[table] > 1 || of_place[place] > 1 {
            continue;
        }
        let node = stating.dataset(place, at)?;
        stating.out.alias(
            node,
            &Alias {
                namespace: &table.namespace,
                name: &table.name,
                reason: "Spark's catalog has the table there",
                evidence: Some(at),
            },
        )?;
    }
    Ok(())
}

struct Stating<'a, 'b> {
    out: &'a mut Emitter<'b>,
    job_namespace: &'a str,
    runs_max: usize,
    datasets: BTreeMap<Table, DatasetNode>,
}

impl Stating<'_, '_> {
    fn dataset(&mut self, table: &Table, at: &Location) -> Result<DatasetNode, ExtractError> {
        if let Some(node) = self.datasets.get(table) {
            return Ok(*node);
        }
        let node = self
            .out
            .mention(&table.namespace, &table.name, table.kind, Some(at))?;
        self.datasets.insert(table.clone(), node);
        Ok(node)
    }

    fn application(&mut self, name: &str, named: &Named) -> Result<(), ExtractError> {
        let parent = self.job(name, "APPLICATION", None, &named.own)?;
        let mut facet = Map::new();
        for (key, value) in [("sparkVersion", &named.version), ("user", &named.user)] {
            if let Some(value) = value {
                facet.insert(key.into(), value.as_str().into());
            }
        }
        if !facet.is_empty() {
            self.out
                .facet(parent, "spark", &Value::Object(facet).to_string())?;
        }
        for (name, job) in named.jobs.iter().filter(|(name, _)| is_name(name)) {
            self.job(name, "SQL_JOB", Some(parent), job)?;
        }
        Ok(())
    }

    fn job(
        &mut self,
        name: &str,
        kind: &str,
        parent: Option<JobNode>,
        job: &Job,
    ) -> Result<JobNode, ExtractError> {
        let node = self.out.job(&JobFact {
            namespace: self.job_namespace,
            name,
            kind,
            parent,
            evidence: Some(&job.at),
            ..JobFact::default()
        })?;
        for (table, at) in &job.reads {
            let dataset = self.dataset(table, at)?;
            self.out.reads(node, dataset, Some(at))?;
        }
        for (table, at) in &job.writes {
            let dataset = self.dataset(table, at)?;
            self.out.writes(node, dataset, Some(at))?;
        }
        for ((from, to, how), at) in &job.links {
            let ends = (self.dataset(&from.0, at)?, self.dataset(&to.0, at)?);
            let (is_direct, subtype) = how.named();
            self.out.field_edge(&FieldEdge {
                from: FieldEnd {
                    dataset: ends.0,
                    field: Some(&from.1),
                },
                to: FieldEnd {
                    dataset: ends.1,
                    field: to.1.as_deref(),
                },
                via: Some(node),
                transformations: &[Transformation {
                    is_direct,
                    subtype: Some(subtype),
                    ..Transformation::default()
                }],
                evidence: Some(at),
            })?;
        }
        let mut runs: Vec<_> = job.runs.iter().collect();
        runs.sort_by_key(|run| (run.started_ms, &run.id));
        for run in &runs[runs.len().saturating_sub(self.runs_max)..] {
            self.out.run(&RunFact {
                job: node,
                run_id: &run.id,
                state: run.state,
                started_ms: run.started_ms,
                ended_ms: run.ended_ms,
                message: run.message.as_deref(),
            })?;
        }
        Ok(node)
    }
}
