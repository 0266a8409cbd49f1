//! Who mentions a dataset, which declared one it may be, and what a job is made of.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::AssetFlags;
use headwater_model::{AssetIndex, AssetKind, EdgeKind};
use headwater_record::{ClaimKey, Str};

use crate::AskError;
use crate::ask::batch::ClassClaims;
use crate::ask::view::View;
use crate::ask::{AssetFilter, SearchEntity, SearchPlace, SearchQuestion};
use crate::reference::last_segment;

/// Jobs that are listed of one domain that mentions a dataset.
const JOBS_MAX: usize = 50;
/// Hits of a search that are looked at for the nearest names.
const HITS_MAX: usize = 200;

/// A domain that mentions a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The domain, by name.
    pub domain: Str,
    /// Its sources that do, by number.
    pub sources: Vec<u32>,
    /// Its jobs that read or write the dataset; at most 50.
    pub jobs: Vec<AssetIndex>,
}

impl Mention {
    fn of(domain: &Str) -> Self {
        Self {
            domain: domain.clone(),
            sources: Vec::new(),
            jobs: Vec::new(),
        }
    }
}

/// One of the names that are one job: clients report parts of it, or ways to run it, under names of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPart {
    /// Where it lives under that name.
    pub namespace: Str,
    /// That name.
    pub name: Str,
    /// The rule that folds it, in words; none for the name that stands for the job.
    pub reason: Option<Str>,
    /// The datasets that it reads under that name.
    pub inputs: Vec<AssetIndex>,
    /// The datasets that it writes.
    pub outputs: Vec<AssetIndex>,
}

impl View {
    /// Who mentions a dataset, by domain.
    pub fn mentioned_by(&self, dataset: AssetIndex) -> Vec<Mention> {
        let mut by_domain: BTreeMap<Str, Mention> = BTreeMap::new();
        for number in self.sources_of(dataset) {
            if let Some(source) = self.source_by_number(number) {
                let domain: Str = source.key.domain.as_str().into();
                let of = by_domain.entry(domain.clone());
                of.or_insert_with(|| Mention::of(&domain))
                    .sources
                    .push(number);
            }
        }
        let readers = self.neighbours(dataset, EdgeKind::Reads, false);
        let writers = self.neighbours(dataset, EdgeKind::Writes, true);
        let jobs: BTreeSet<AssetIndex> = readers.into_iter().chain(writers).collect();
        for job in jobs {
            let Some(domain) = self.asset(job).and_then(|job| job.domain) else {
                continue;
            };
            let of = by_domain.entry(domain.clone());
            let of = of.or_insert_with(|| Mention::of(&domain));
            if of.jobs.len() < JOBS_MAX {
                of.jobs.push(job);
            }
        }
        by_domain.into_values().collect()
    }

    /// The declared datasets whose names are nearest to that of `dataset`, at most `count_max`: those with the longest
    /// common ending first, case and quotes aside, and after them those that a search for the last part of the name
    /// finds.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn nearest_declared(
        &self,
        dataset: AssetIndex,
        count_max: usize,
    ) -> Result<Vec<AssetIndex>, AskError> {
        let Some(asset) = self.asset(dataset) else {
            return Ok(Vec::new());
        };
        let name = plain(asset.name);
        let text = last_segment(&name);
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.search(&SearchQuestion {
            text,
            filter: Some(AssetFilter::default()),
            hits_max: HITS_MAX,
            after: SearchPlace::default(),
            is_over: &|| false,
        })?;
        let of_name = segments(&name);
        let mut found = Vec::new();
        for (at, hit) in answer.hits.iter().enumerate() {
            let SearchEntity::Asset(index) = hit.entity else {
                continue;
            };
            let Some(known) = self.graph().asset(index) else {
                continue;
            };
            let is_other = index != asset.index && known.kind == AssetKind::Dataset;
            if is_other && known.flags.contains(AssetFlags::DECLARED) {
                let other = plain(known.name);
                let other = segments(&other);
                let shared = of_name.iter().zip(&other).take_while(|(a, b)| a == b);
                found.push((Reverse(shared.count()), at, index));
            }
        }
        found.sort_unstable();
        Ok(found
            .into_iter()
            .take(count_max)
            .map(|(.., index)| index)
            .collect())
    }

    /// The names that are each of `jobs`, the one that stands for it first, and what each reads and writes. How often
    /// the state is called does not depend on how many there are.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn job_parts(&self, jobs: &[AssetIndex]) -> Result<Vec<Vec<JobPart>>, AskError> {
        let classes = jobs.iter().zip(self.class_claims(jobs)?);
        classes
            .map(|(job, class)| self.parts_of(*job, class))
            .collect()
    }

    fn parts_of(&self, job: AssetIndex, class: ClassClaims) -> Result<Vec<JobPart>, AskError> {
        let mut parts = Vec::new();
        for (member, claims) in class {
            let Some(raw) = self.graph().asset(member) else {
                continue;
            };
            let (mut inputs, mut outputs) = (BTreeSet::new(), BTreeSet::new());
            let canonical = |index: u32| self.graph().canonical(AssetIndex::new(index));
            for claim in claims.iter().flat_map(|(_, record)| &record.open) {
                match claim.key {
                    ClaimKey::Reads(from) => inputs.extend(canonical(from)),
                    ClaimKey::Writes(to) => outputs.extend(canonical(to)),
                    _ => {}
                }
            }
            let reason = if member == job {
                None
            } else {
                let by_rule = self.rule_for(member, job)?;
                Some(by_rule.unwrap_or_else(|| "a source states it".into()))
            };
            parts.push(JobPart {
                namespace: raw.namespace.into(),
                name: raw.name.into(),
                reason,
                inputs: inputs.into_iter().collect(),
                outputs: outputs.into_iter().collect(),
            });
        }
        parts.sort_by(|a, b| (a.reason.is_some(), &a.name).cmp(&(b.reason.is_some(), &b.name)));
        Ok(parts)
    }
}

/// A name without quotes and case.
fn plain(name: &str) -> String {
    name.replace(['"', '`', '[', ']'], "").to_lowercase()
}

/// The parts of a name, the last one first.
fn segments(name: &str) -> Vec<&str> {
    name.split(['.', '/']).rev().collect()
}
