//! What is read of runs for many of them at once.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use headwater_model::{AssetIndex, AssetKind, AssetName, EdgeKind, Facts};
use headwater_record::{
    ClaimKey, Half, NameRecord, RunKey, RunRecord, SlotRecord, Str, decode_facts, decode_value,
};
use headwater_store::ScanStep;

use crate::AskError;
use crate::apply::is_scoped;
use crate::ask::details::AssertionView;
use crate::ask::runs::{RunPlace, RunView, SAME_ID_MAX};
use crate::ask::view::{View, raw_name};
use crate::claims::{self, Names, Stated};
use crate::keys::{self, SlotKey, SlotKind};

/// The run that a run says it is a part of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParentRun {
    pub(crate) namespace: Str,
    pub(crate) name: Str,
    pub(crate) run: Str,
}

/// What a run stated, to ask for the datasets that it names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunStatements {
    job: AssetIndex,
    contributions: Arc<[Half]>,
}

/// The datasets that a run read and wrote, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunDatasets {
    /// What it read.
    pub reads: BTreeSet<AssetIndex>,
    /// What it wrote.
    pub writes: BTreeSet<AssetIndex>,
}

/// Where an assertion stands among what slots say, to ask for the run behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssertionPlace {
    slot: SlotKey,
    owner: AssetIndex,
    claim: ClaimKey,
}

/// A page of a job's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunsQuestion {
    /// The job.
    pub job: AssetIndex,
    /// The most runs.
    pub count: usize,
    /// The run after which the page begins: its start and its key.
    pub after: Option<(i64, RunKey)>,
}

/// A page of a job's runs, newest first.
#[derive(Clone, Debug, Default)]
pub struct RunsPage {
    /// The runs that the view knows already, and where they stand.
    pub runs: Vec<(RunPlace, RunView)>,
    /// The runs before the page.
    pub before_count: usize,
    /// The runs on it, those that the view does not know yet included.
    pub on_page_count: usize,
    /// The runs after it.
    pub after_count: usize,
}

impl RunView {
    /// What it stated.
    pub fn statements(&self) -> RunStatements {
        RunStatements {
            job: self.job,
            contributions: self.contributions.as_slice().into(),
        }
    }

    /// The run that it says it is a part of.
    pub fn parent(&self) -> Option<&ParentRun> {
        self.parent.as_ref()
    }
}

impl AssertionView {
    /// Where it stands among what slots say.
    pub fn place(&self) -> AssertionPlace {
        let (slot, owner, claim) = self.claim.clone();
        AssertionPlace { slot, owner, claim }
    }
}

impl View {
    /// Those runs, as far as they are known. How often the state is called does not depend on how many there are.
    ///
    /// # Errors
    /// [`AskError::LimitExceeded`] if too many jobs have a run with one of the ids.
    pub fn parent_runs(&self, parents: &[ParentRun]) -> Result<Vec<Option<RunView>>, AskError> {
        let names: Vec<Option<AssetName>> = parents
            .iter()
            .map(|parent| raw_name(AssetKind::Job, &parent.namespace, &parent.name))
            .collect();
        let keys: Vec<Vec<u8>> = names.iter().flatten().map(keys::name).collect();
        let mut values = self.get_many(&keys)?.into_iter();
        let mut jobs: Vec<Option<AssetIndex>> = Vec::with_capacity(parents.len());
        for name in &names {
            let value = name.as_ref().and_then(|_| values.next().flatten());
            jobs.push(match value {
                Some(bytes) => {
                    let record: NameRecord = decode_value("a name", &bytes)?;
                    self.graph().canonical(AssetIndex::new(record.index))
                }
                None => None,
            });
        }
        let ids: BTreeSet<RunKey> = parents
            .iter()
            .zip(&jobs)
            .filter(|(_, job)| job.is_some())
            .map(|(parent, _)| keys::run_key(&parent.run))
            .collect();
        let records = self.runs_with_ids(&ids.into_iter().collect::<Vec<_>>(), &jobs)?;
        let found = parents.iter().zip(jobs).map(|(parent, job)| {
            let of_job = records.get(&(keys::run_key(&parent.run), job?))?;
            let same = of_job.iter().filter(|record| record.run == parent.run);
            self.assemble(job?, &same.cloned().collect::<Vec<_>>())
        });
        Ok(found.collect())
    }

    /// What sources tell of runs with those ids, of those `jobs` alone.
    fn runs_with_ids(
        &self,
        ids: &[RunKey],
        jobs: &[Option<AssetIndex>],
    ) -> Result<BTreeMap<(RunKey, AssetIndex), Vec<RunRecord>>, AskError> {
        let jobs: BTreeSet<AssetIndex> = jobs.iter().flatten().copied().collect();
        let prefixes: Vec<Vec<u8>> = ids.iter().map(|id| keys::runs_with(*id)).collect();
        let mut counts = vec![0usize; ids.len()];
        let mut found: Vec<(RunKey, AssetIndex, Vec<u8>)> = Vec::new();
        self.scan_many(&prefixes, &mut |at, key, value| {
            counts[at] += 1;
            if counts[at] > SAME_ID_MAX {
                return ScanStep::Stop;
            }
            let job = keys::parse_run(key)
                .and_then(|slot| self.graph().canonical(AssetIndex::new(slot.subject)))
                .filter(|job| jobs.contains(job));
            if let Some(job) = job {
                found.push((ids[at], job, value.to_vec()));
            }
            ScanStep::Next
        })?;
        if counts.iter().any(|count| *count > SAME_ID_MAX) {
            return Err(AskError::LimitExceeded {
                what: "the number of jobs with that run",
                found: SAME_ID_MAX as u64 + 1,
                max: SAME_ID_MAX as u64,
            });
        }
        let mut records: BTreeMap<(RunKey, AssetIndex), Vec<RunRecord>> = BTreeMap::new();
        for (id, job, value) in found {
            let of_job = records.entry((id, job)).or_default();
            of_job.push(decode_value("a run", &value)?);
        }
        Ok(records)
    }

    /// The datasets that each of some runs read and wrote. Of a run that only snapshots tell of: those that its job
    /// reads and writes now. How often the state is called does not depend on how many there are.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn run_datasets(&self, runs: &[RunStatements]) -> Result<Vec<RunDatasets>, AskError> {
        let digests: BTreeSet<Half> = runs
            .iter()
            .flat_map(|run| run.contributions.iter().copied())
            .collect();
        let jobs: Vec<AssetIndex> = runs.iter().map(|run| run.job).collect();
        let domains = self.domains_of_sources(&jobs);
        let digests: Vec<Half> = digests.into_iter().collect();
        let stated = self.datasets_stated(&digests, &domains)?;
        let found = runs.iter().map(|run| {
            let mut datasets = RunDatasets::default();
            if run.contributions.is_empty() {
                datasets.reads = self.of_job(run.job, EdgeKind::Reads);
                datasets.writes = self.of_job(run.job, EdgeKind::Writes);
            }
            for said in run.contributions.iter().filter_map(|half| stated.get(half)) {
                datasets.reads.extend(&said.reads);
                datasets.writes.extend(&said.writes);
            }
            datasets
        });
        Ok(found.collect())
    }

    fn of_job(&self, job: AssetIndex, kind: EdgeKind) -> BTreeSet<AssetIndex> {
        let found = self.neighbours(job, kind, kind == EdgeKind::Reads);
        found.into_iter().collect()
    }

    /// The datasets that each contribution of a source of one of `domains` reads and writes.
    pub(crate) fn datasets_stated(
        &self,
        contributions: &[Half],
        domains: &[Str],
    ) -> Result<BTreeMap<Half, RunDatasets>, AskError> {
        let prefixes: Vec<Vec<u8>> = contributions
            .iter()
            .map(|digest| keys::contribution(*digest))
            .collect();
        let mut names: Vec<(Half, EdgeKind, AssetName)> = Vec::new();
        let mut found: BTreeMap<Half, RunDatasets> = BTreeMap::new();
        for (digest, value) in contributions.iter().zip(self.get_parts_many(&prefixes)?) {
            found.entry(*digest).or_default();
            let Some(bytes) = value else { continue };
            let facts: Facts = decode_facts(&bytes)?;
            names.extend(facts.edges.into_iter().filter_map(|edge| {
                let kind = edge.kind();
                match kind {
                    EdgeKind::Reads => Some((*digest, kind, edge.from)),
                    EdgeKind::Writes => Some((*digest, kind, edge.to)),
                    EdgeKind::Derives | EdgeKind::Follows => None,
                }
            }));
        }
        let wanted = names.iter().map(|(.., name)| name);
        let numbers = self.numbers_of(wanted.collect(), domains)?;
        for (digest, kind, name) in &names {
            let index = numbers.get(name);
            let index = index.and_then(|index| self.graph().canonical(AssetIndex::new(*index)));
            let datasets = found.entry(*digest).or_default();
            match kind {
                EdgeKind::Reads => datasets.reads.extend(index),
                _ => datasets.writes.extend(index),
            }
        }
        Ok(found)
    }

    /// The numbers of those names that are known, where a source of one of `domains` uses them.
    fn numbers_of(
        &self,
        names: BTreeSet<&AssetName>,
        domains: &[Str],
    ) -> Result<BTreeMap<AssetName, u32>, AskError> {
        let mut found = BTreeMap::new();
        for name in names.iter().filter(|name| is_scoped(name)) {
            let number = self.number_in(name, domains)?;
            found.extend(number.map(|number| ((*name).clone(), number.get())));
        }
        let keys: Vec<Vec<u8>> = names.iter().map(|name| keys::name(name)).collect();
        for (name, value) in names.into_iter().zip(self.get_many(&keys)?) {
            if let Some(bytes) = value {
                let record: NameRecord = decode_value("a name", &bytes)?;
                found.insert(name.clone(), record.index);
            }
        }
        Ok(found)
    }

    /// For each of those assertions the newest run that says the same, if run events say it. How often the state is
    /// called does not depend on how many there are.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn runs_of_assertions(
        &self,
        places: &[AssertionPlace],
    ) -> Result<Vec<Option<RunView>>, AskError> {
        let slots: BTreeSet<SlotKey> = places
            .iter()
            .map(|place| place.slot)
            .filter(|slot| slot.kind == SlotKind::Runs)
            .collect();
        let prefixes: Vec<Vec<u8>> = slots.iter().map(|slot| keys::slot(*slot)).collect();
        let mut records = BTreeMap::new();
        for (slot, value) in slots.into_iter().zip(self.get_parts_many(&prefixes)?) {
            if let Some(bytes) = value
                && let SlotRecord::Runs(record) = decode_value("a slot", &bytes)?
            {
                records.insert(slot, record);
            }
        }
        let digests = records.values().flat_map(|slot| &slot.contributions);
        let sources: BTreeSet<u32> = records.keys().map(|slot| slot.source).collect();
        let domains = self.domains_of(&sources);
        let stated = self.claims_of_contributions(digests.copied().collect(), &domains)?;
        let mut asked: Vec<Option<(AssetIndex, Vec<u8>)>> = Vec::with_capacity(places.len());
        for place in places {
            let Some(record) = records.get(&place.slot) else {
                asked.push(None);
                continue;
            };
            let says = |digest: &Half| {
                let of_owner = stated
                    .get(digest)
                    .and_then(|said| said.get(&place.owner.get()));
                of_owner.is_some_and(|claims| claims.contains_key(&place.claim))
            };
            let saying: BTreeSet<u32> = (0..)
                .zip(&record.contributions)
                .filter(|(_, digest)| says(digest))
                .map(|(at, _)| at)
                .collect();
            let newest = record.runs.iter().filter_map(|run| {
                let events = run.events.iter();
                let said = events.filter(|event| saying.contains(&event.contribution));
                said.map(|event| (event.time, &run.run)).max()
            });
            let job = self.graph().canonical(AssetIndex::new(place.slot.subject));
            asked.push(newest.max().and_then(|(_, run)| {
                let key = keys::run(keys::run_key(run), place.slot);
                Some((job?, key))
            }));
        }
        let keys: Vec<Vec<u8>> = asked.iter().flatten().map(|(_, key)| key.clone()).collect();
        let mut values = self.get_many(&keys)?.into_iter();
        let mut found = Vec::with_capacity(asked.len());
        for of_place in asked {
            let value = of_place.as_ref().and_then(|_| values.next().flatten());
            found.push(match (of_place, value) {
                (Some((job, _)), Some(bytes)) => {
                    self.assemble(job, &[decode_value("a run", &bytes)?])
                }
                _ => None,
            });
        }
        Ok(found)
    }

    /// What each of those contributions of sources of `domains` claims.
    fn claims_of_contributions(
        &self,
        digests: BTreeSet<Half>,
        domains: &[Str],
    ) -> Result<BTreeMap<Half, Stated>, AskError> {
        let prefixes: Vec<Vec<u8>> = digests
            .iter()
            .map(|digest| keys::contribution(*digest))
            .collect();
        let mut facts: Vec<(Half, Facts)> = Vec::new();
        let mut named = Named::default();
        for (digest, value) in digests.into_iter().zip(self.get_parts_many(&prefixes)?) {
            if let Some(bytes) = value {
                let of_digest = decode_facts(&bytes)?;
                let Ok(()) = claims::state(&mut Stated::new(), &of_digest, &mut named);
                facts.push((digest, of_digest));
            }
        }
        let mut numbers = Numbers(self.numbers_of(named.0.iter().collect(), domains)?);
        let mut found = BTreeMap::new();
        for (digest, facts) in facts {
            let mut stated = Stated::new();
            let Ok(()) = claims::state(&mut stated, &facts, &mut numbers);
            found.insert(digest, stated);
        }
        Ok(found)
    }

    /// A page of the runs of each of some jobs, newest first. How often the state is called does not depend on how
    /// many there are.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn runs_pages(&self, questions: &[RunsQuestion]) -> Result<Vec<RunsPage>, AskError> {
        let jobs: BTreeSet<AssetIndex> = questions.iter().map(|question| question.job).collect();
        let jobs: Vec<AssetIndex> = jobs.into_iter().collect();
        let places: BTreeMap<AssetIndex, Vec<RunPlace>> =
            jobs.iter().copied().zip(self.runs_of(&jobs)?).collect();
        let key = |place: &RunPlace| (place.start, place.key);
        let mut asked: Vec<(AssetIndex, RunPlace)> = Vec::new();
        let mut pages = Vec::with_capacity(questions.len());
        for question in questions {
            let of_job = places.get(&question.job).map_or(&[][..], Vec::as_slice);
            let start = question.after.map_or(0, |after| {
                of_job.partition_point(|place| key(place) >= after)
            });
            let end = start.saturating_add(question.count).min(of_job.len());
            let job = self.graph().canonical(question.job).unwrap_or(question.job);
            let on_page = of_job[start..end].iter();
            asked.extend(on_page.map(|place| (job, place.clone())));
            pages.push((end - start, start, of_job.len() - end));
        }
        let mut runs = asked.iter().zip(self.read_places(&asked)?);
        let pages = pages
            .into_iter()
            .map(|(count, before_count, after_count)| RunsPage {
                runs: runs
                    .by_ref()
                    .take(count)
                    .filter_map(|((_, place), run)| Some((place.clone(), run?)))
                    .collect(),
                before_count,
                on_page_count: count,
                after_count,
            });
        Ok(pages.collect())
    }
}

/// Notes the names that are asked for.
#[derive(Default)]
struct Named(BTreeSet<AssetName>);

impl Names for Named {
    type Error = Infallible;

    fn index_of(&mut self, name: &AssetName) -> Result<u32, Infallible> {
        self.0.insert(name.clone());
        Ok(u32::MAX)
    }
}

/// Numbers of names that are known; all others have one that nothing has.
struct Numbers(BTreeMap<AssetName, u32>);

impl Names for Numbers {
    type Error = Infallible;

    fn index_of(&mut self, name: &AssetName) -> Result<u32, Infallible> {
        Ok(self.0.get(name).copied().unwrap_or(u32::MAX))
    }
}
