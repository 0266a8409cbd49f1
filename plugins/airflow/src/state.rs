//! Stating what was read.

use std::collections::BTreeMap;

use headwater_extractor::{
    DatasetNode, Emitter, ExtractError, FieldEdge, FieldEnd, Job as JobFact, JobNode, Location,
    Transformation,
};
use serde_json::Value;

use crate::model::{Job, Model, Table};

/// States all jobs, parents first, then what they do.
pub(crate) fn state(model: Model, out: &mut Emitter) -> Result<(), ExtractError> {
    let mut stating = Stating {
        namespace: &model.namespace,
        jobs: BTreeMap::new(),
        datasets: BTreeMap::new(),
        out,
    };
    for name in model.jobs.keys() {
        stating.job(name, &model.jobs, 0)?;
    }
    for (name, job) in &model.jobs {
        stating.edges(name, job)?;
    }
    for problem in model.problems {
        out.diagnose(problem)?;
    }
    Ok(())
}

/// How many DAGs may stand in each other.
const PARENTS_MAX: usize = 32;

struct Stating<'a, 'b> {
    namespace: &'a str,
    out: &'a mut Emitter<'b>,
    jobs: BTreeMap<String, JobNode>,
    datasets: BTreeMap<(String, String), DatasetNode>,
}

impl Stating<'_, '_> {
    fn job(
        &mut self,
        name: &str,
        all: &BTreeMap<String, Job>,
        depth: usize,
    ) -> Result<Option<JobNode>, ExtractError> {
        if let Some(node) = self.jobs.get(name) {
            return Ok(Some(*node));
        }
        let Some(job) = all.get(name).filter(|_| depth < PARENTS_MAX) else {
            return Ok(None);
        };
        let parent = match &job.parent {
            Some(parent) => self.job(parent, all, depth + 1)?,
            None => None,
        };
        let node = self.out.job(&JobFact {
            namespace: self.namespace,
            name,
            kind: job.kind,
            description: job.description.as_deref(),
            sql: job.sql.as_deref(),
            parent,
            evidence: Some(&job.at),
        })?;
        self.jobs.insert(name.to_owned(), node);
        for owner in job.owners.iter().filter(|owner| bi::is_name(owner)) {
            self.out.attribute(node, None, "owner", owner)?;
        }
        for tag in job.tags.iter().filter(|tag| bi::is_name(tag)) {
            self.out.attribute(node, None, "tag", tag)?;
        }
        if job.is_told && !job.facet.is_empty() {
            let facet = Value::Object(job.facet.clone()).to_string();
            self.out.facet(node, "airflow", &facet)?;
        }
        Ok(Some(node))
    }

    fn dataset(&mut self, table: &Table, at: &Location) -> Result<DatasetNode, ExtractError> {
        let key = (table.namespace.clone(), table.name.clone());
        if let Some(node) = self.datasets.get(&key) {
            return Ok(*node);
        }
        let node = self
            .out
            .mention(&table.namespace, &table.name, table.kind, Some(at))?;
        self.datasets.insert(key, node);
        Ok(node)
    }

    fn edges(&mut self, name: &str, job: &Job) -> Result<(), ExtractError> {
        let Some(node) = self.jobs.get(name).copied() else {
            return Ok(());
        };
        for (earlier, at) in &job.follows {
            if let Some(earlier) = self.jobs.get(earlier).copied() {
                self.out.follows(node, earlier, Some(at))?;
            }
        }
        for (table, at) in &job.reads {
            let dataset = self.dataset(table, at)?;
            self.out.reads(node, dataset, Some(at))?;
        }
        for (table, at) in &job.writes {
            let dataset = self.dataset(table, at)?;
            self.out.writes(node, dataset, Some(at))?;
        }
        // Of one dataset that is written, what is read says all.
        if job.is_sql_whole && job.writes.len() > 1 {
            for ((from, to), at) in &job.origins {
                let (from, to) = (self.dataset(from, at)?, self.dataset(to, at)?);
                self.out.derives_by(node, to, from, Some(at))?;
            }
        }
        for (link, at) in &job.links {
            let (from, to) = (
                self.dataset(&link.from.0, at)?,
                self.dataset(&link.to.0, at)?,
            );
            let transformations: Vec<Transformation> = link
                .how
                .iter()
                .map(|(is_direct, subtype)| Transformation {
                    is_direct: *is_direct,
                    subtype: Some(subtype),
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
                via: Some(node),
                transformations: &transformations,
                evidence: Some(at),
            })?;
        }
        Ok(())
    }
}
