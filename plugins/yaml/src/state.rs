//! Stating what files say.

use std::collections::BTreeMap;

use headwater_extractor::{
    Alias, Dataset, DatasetNode, Emitter, ExtractError, Field, FieldEdge, FieldEnd, Job, JobNode,
    Location, Node, Transformation,
};

use crate::file::{self, Common, File, Name, Origin};
use crate::tree::{Fault, Place, location};

/// What was stated already.
struct Stating<'a, 'b> {
    out: &'a mut Emitter<'b>,
    jobs: BTreeMap<Name, JobNode>,
}

/// States all files: datasets first, so that what is only referred to becomes a mention.
pub(crate) fn state(files: &[(String, File)], out: &mut Emitter) -> Result<(), ExtractError> {
    check_names(files)?;
    let mut stating = Stating {
        out,
        jobs: BTreeMap::new(),
    };
    let mut datasets = Vec::new();
    for (artifact, file) in files {
        for dataset in &file.datasets {
            let node = stating.dataset(artifact, dataset)?;
            datasets.push((artifact, dataset, node));
        }
    }
    let jobs: BTreeMap<&Name, (&str, &file::Job)> = files
        .iter()
        .flat_map(|(artifact, file)| file.jobs.iter().map(move |job| (artifact.as_str(), job)))
        .map(|(artifact, job)| (&job.common.name, (artifact, job)))
        .collect();
    for name in jobs.keys() {
        stating.job(name, &jobs, 0)?;
    }
    for (artifact, dataset, node) in datasets {
        stating.origins(artifact, dataset, node)?;
    }
    for (name, (artifact, job)) in &jobs {
        let node = stating.jobs[*name];
        stating.edges(artifact, job, node)?;
    }
    Ok(())
}

/// # Errors
/// A dataset or job that is described twice: which one counts would be a guess.
fn check_names(files: &[(String, File)]) -> Result<(), ExtractError> {
    let mut known: BTreeMap<(bool, &Name), (&str, Place)> = BTreeMap::new();
    for (artifact, file) in files {
        let datasets = file.datasets.iter().map(|dataset| (false, &dataset.common));
        let jobs = file.jobs.iter().map(|job| (true, &job.common));
        for (is_job, common) in datasets.chain(jobs) {
            let earlier = known.insert((is_job, &common.name), (artifact, common.place));
            if let Some((other, place)) = earlier {
                let message = format!(
                    "`{}` is described already, in {other}, line {}",
                    common.name.name, place.line
                );
                let fault = Fault::new(common.place, message);
                return Err(ExtractError::Malformed(
                    fault.into_diagnostic(artifact, "yaml/twice"),
                ));
            }
        }
    }
    Ok(())
}

impl Stating<'_, '_> {
    fn dataset(
        &mut self,
        artifact: &str,
        dataset: &file::Dataset,
    ) -> Result<DatasetNode, ExtractError> {
        let common = &dataset.common;
        let at = location(artifact, common.place);
        let fields: Vec<Field> = dataset
            .fields
            .iter()
            .map(|field| Field {
                name: &field.name,
                data_type: field.kind.as_deref(),
                description: field.description.as_deref(),
            })
            .collect();
        let node = self.out.dataset(&Dataset {
            namespace: &common.name.namespace,
            name: &common.name.name,
            kind: &common.kind,
            declared: dataset.is_declared,
            description: common.description.as_deref(),
            fields: &fields,
            evidence: Some(&at),
        })?;
        self.attributes(node.into(), common)?;
        for field in &dataset.fields {
            for tag in &field.tags {
                self.out.attribute(node, Some(&field.name), "tag", tag)?;
            }
        }
        for (name, reason, place) in &dataset.aliases {
            let at = location(artifact, *place);
            let alias = Alias {
                namespace: &name.namespace,
                name: &name.name,
                reason,
                evidence: Some(&at),
            };
            self.out.alias(node, &alias)?;
        }
        Ok(node)
    }

    fn attributes(&mut self, node: Node, common: &Common) -> Result<(), ExtractError> {
        for (key, value) in &common.attributes {
            self.out.attribute(node, None, key, value)?;
        }
        Ok(())
    }

    /// States a job, its parents before it; one that no file describes by its name alone.
    fn job(
        &mut self,
        name: &Name,
        described: &BTreeMap<&Name, (&str, &file::Job)>,
        depth: usize,
    ) -> Result<JobNode, ExtractError> {
        if let Some(node) = self.jobs.get(name) {
            return Ok(*node);
        }
        let Some((artifact, job)) = described.get(name) else {
            return self.named_job(name);
        };
        if depth > described.len() {
            let message = format!("`{}` is a part of itself", name.name);
            let fault = Fault::new(job.common.place, message);
            return Err(ExtractError::Malformed(
                fault.into_diagnostic(artifact, "yaml/schema"),
            ));
        }
        let parent = match &job.parent {
            Some(parent) => Some(self.job(parent, described, depth + 1)?),
            None => None,
        };
        let at = location(artifact, job.common.place);
        let node = self.out.job(&Job {
            namespace: &name.namespace,
            name: &name.name,
            kind: &job.common.kind,
            description: job.common.description.as_deref(),
            sql: job.sql.as_deref(),
            parent,
            evidence: Some(&at),
        })?;
        self.jobs.insert(name.clone(), node);
        self.attributes(node.into(), &job.common)?;
        Ok(node)
    }

    fn named_job(&mut self, name: &Name) -> Result<JobNode, ExtractError> {
        if let Some(node) = self.jobs.get(name) {
            return Ok(*node);
        }
        let node = self.out.job(&Job {
            namespace: &name.namespace,
            name: &name.name,
            ..Job::default()
        })?;
        self.jobs.insert(name.clone(), node);
        Ok(node)
    }

    fn mention(&mut self, name: &Name, at: &Location) -> Result<DatasetNode, ExtractError> {
        Ok(self
            .out
            .mention(&name.namespace, &name.name, "", Some(at))?)
    }

    fn origins(
        &mut self,
        artifact: &str,
        dataset: &file::Dataset,
        node: DatasetNode,
    ) -> Result<(), ExtractError> {
        for origin in &dataset.derives_from {
            self.origin(
                artifact,
                origin,
                FieldEnd {
                    dataset: node,
                    field: None,
                },
            )?;
        }
        for field in &dataset.fields {
            for origin in &field.derives_from {
                let to = FieldEnd {
                    dataset: node,
                    field: Some(&field.name),
                };
                self.origin(artifact, origin, to)?;
            }
        }
        Ok(())
    }

    /// An edge between datasets where neither end is a field and nothing else is said; else one between fields.
    fn origin(
        &mut self,
        artifact: &str,
        origin: &Origin,
        to: FieldEnd<'_>,
    ) -> Result<(), ExtractError> {
        let at = location(artifact, origin.place);
        let dataset = self.mention(&origin.dataset, &at)?;
        let is_plain = origin.field.is_none() && origin.how.is_none() && origin.via.is_none();
        if to.field.is_none() && is_plain {
            return Ok(self.out.derives(to.dataset, dataset, Some(&at))?);
        }
        let via = match &origin.via {
            Some(job) => Some(self.named_job(job)?),
            None => None,
        };
        let transformation = origin.how.as_ref().map(|how| Transformation {
            is_direct: how.is_direct,
            subtype: how.subtype.as_deref(),
            description: how.description.as_deref(),
            is_masking: how.is_masking,
        });
        self.out.field_edge(&FieldEdge {
            from: FieldEnd {
                dataset,
                field: origin.field.as_deref(),
            },
            to,
            via,
            transformations: transformation.as_slice(),
            evidence: Some(&at),
        })?;
        Ok(())
    }

    fn edges(
        &mut self,
        artifact: &str,
        job: &file::Job,
        node: JobNode,
    ) -> Result<(), ExtractError> {
        for (name, place) in &job.reads {
            let at = location(artifact, *place);
            let dataset = self.mention(name, &at)?;
            self.out.reads(node, dataset, Some(&at))?;
        }
        for (name, place) in &job.writes {
            let at = location(artifact, *place);
            let dataset = self.mention(name, &at)?;
            self.out.writes(node, dataset, Some(&at))?;
        }
        for (name, place) in &job.follows {
            let at = location(artifact, *place);
            let earlier = self.named_job(name)?;
            self.out.follows(node, earlier, Some(&at))?;
        }
        Ok(())
    }
}
