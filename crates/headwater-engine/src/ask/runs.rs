//! Runs: how they stand, what they read and wrote, which one wrote a dataset last.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::Statement;
use headwater_model::{AssetIndex, Digest, EdgeKind, RunState, Timestamp};
use headwater_record::{
    Half, LogEntry, RunKey, RunMoment, RunRecord, RunTrace, SlotRecord, Str, Told, decode_value,
    standing, tell,
};

use crate::AskError;
use crate::ask::run_batch::ParentRun;
use crate::ask::view::{NodeRef, View};
use crate::entries;
use crate::keys::{self, SlotKey, SlotKind};

/// Jobs that are shown where a run's id is that of several.
const CANDIDATES_MAX: usize = 20;
/// Keys with one run id that are looked at: a dbt invocation has one for each model.
pub(crate) const SAME_ID_MAX: usize = 50_000;

/// A run of a job. What several sources tell of it is put together.
#[derive(Clone, Debug)]
pub struct RunView {
    /// Its id as the producer wrote it.
    pub run: Str,
    /// Its job.
    pub job: AssetIndex,
    /// The latest state; OTHER only if there was no other.
    pub state: RunState,
    /// Start of the period that it works on.
    pub nominal_start: Option<Timestamp>,
    /// End of the period that it works on.
    pub nominal_end: Option<Timestamp>,
    /// When its newest attempt started, if it said so.
    pub started_at: Option<Timestamp>,
    /// When it came to its end.
    pub ended_at: Option<Timestamp>,
    /// What went wrong in its newest attempt.
    pub error: Option<Str>,
    /// Where a person can look at it.
    pub url: Option<Str>,
    pub(crate) parent: Option<ParentRun>,
    moments: Vec<RunMoment>,
    pub(crate) contributions: Vec<Half>,
}

/// Where a run stands among those of its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPlace {
    /// Its beginning, in microseconds.
    pub start: i64,
    /// What tells it from others that began at the same time.
    pub key: RunKey,
    completed_at: Option<i64>,
    /// The slots that tell of it.
    slots: Vec<SlotKey>,
}

fn state_of(rank: u8) -> RunState {
    match rank {
        0 => RunState::Start,
        1 => RunState::Running,
        3 => RunState::Complete,
        4 => RunState::Abort,
        5 => RunState::Fail,
        _ => RunState::Other,
    }
}

/// Puts together what several slots list, newest first.
fn places(slots: &[(SlotKey, Vec<RunTrace>)]) -> Vec<RunPlace> {
    let mut by_key: BTreeMap<RunKey, RunPlace> = BTreeMap::new();
    for (slot, traces) in slots {
        for trace in traces {
            let place = by_key.entry(trace.run).or_insert_with(|| RunPlace {
                start: trace.start,
                key: trace.run,
                completed_at: None,
                slots: Vec::new(),
            });
            place.start = place.start.max(trace.start);
            place.completed_at = place.completed_at.max(trace.completed_at);
            place.slots.push(*slot);
        }
    }
    let mut places: Vec<RunPlace> = by_key.into_values().collect();
    places.sort_by_key(|place| std::cmp::Reverse((place.start, place.key)));
    places
}

impl View {
    /// The run with that id; `job` tells which, where the id was used for several.
    ///
    /// # Errors
    /// [`AskError::Ambiguous`] names the jobs, if there are several and none is given.
    pub fn run(&self, run: &str, job: Option<AssetIndex>) -> Result<Option<RunView>, AskError> {
        let job = job.and_then(|job| self.graph().canonical(job));
        let prefix = keys::runs_with(keys::run_key(run));
        let mut found: BTreeMap<AssetIndex, Vec<RunRecord>> = BTreeMap::new();
        for (at, item) in self.reader().scan(&prefix).enumerate() {
            if at == SAME_ID_MAX {
                return Err(AskError::LimitExceeded {
                    what: "the number of jobs with that run",
                    found: at as u64 + 1,
                    max: SAME_ID_MAX as u64,
                });
            }
            let (key, value) = item?;
            let of = keys::parse_run(&key)
                .and_then(|slot| self.graph().canonical(AssetIndex::new(slot.subject)));
            let Some(of) = of.filter(|of| job.is_none_or(|job| job == *of)) else {
                continue;
            };
            let record: RunRecord = decode_value("a run", &value)?;
            if *record.run == *run && record.standing(self.offset()).is_some() {
                found.entry(of).or_default().push(record);
            }
        }
        if found.len() > 1 {
            let jobs = found.keys().take(CANDIDATES_MAX);
            return Err(AskError::Ambiguous {
                reference: run.chars().take(200).collect(),
                candidates: jobs
                    .map(|job| self.reference(*job))
                    .collect::<Result<_, _>>()?,
            });
        }
        let found = found.pop_first();
        Ok(found.and_then(|(job, records)| self.assemble(job, &records)))
    }

    /// The stable public id of a run: that of its job, and a digest of its own.
    pub fn run_id(&self, run: &RunView) -> Option<String> {
        let job = self.id(run.job)?.to_string();
        let digest = Digest::of(run.run.as_bytes()).to_string();
        let job = job.trim_start_matches("job_");
        Some(format!("run_{job}_{}", &digest[..16]))
    }

    pub(crate) fn run_by_id(&self, id: &str) -> Result<Option<NodeRef>, AskError> {
        let parts = id
            .strip_prefix("run_")
            .and_then(|rest| rest.split_once('_'));
        let Some((job, digest)) = parts.filter(|(_, digest)| digest.len() == 16) else {
            return Ok(None);
        };
        let (Ok(job), Ok(key)) = (
            headwater_model::AssetId::parse(&format!("job_{job}")),
            u64::from_str_radix(digest, 16),
        ) else {
            return Ok(None);
        };
        let Some(job) = self.by_id(&job)? else {
            return Ok(None);
        };
        for item in self.reader().scan(&keys::runs_with(key.to_be_bytes())) {
            let (key, value) = item?;
            let of = keys::parse_run(&key)
                .and_then(|slot| self.graph().canonical(AssetIndex::new(slot.subject)));
            if of == Some(job) {
                let record: RunRecord = decode_value("a run", &value)?;
                return Ok(Some(NodeRef::Run(job, record.run)));
            }
        }
        Ok(None)
    }

    /// The runs of each of `jobs` that are kept, newest first.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn runs_of(&self, jobs: &[AssetIndex]) -> Result<Vec<Vec<RunPlace>>, AskError> {
        let canonicals: Vec<AssetIndex> = jobs
            .iter()
            .map(|job| self.graph().canonical(*job).unwrap_or(*job))
            .collect();
        let mut slots = Vec::new();
        for (at, class) in self.classes(&canonicals)?.into_iter().enumerate() {
            let mut sources: BTreeSet<u32> = self.sources_of(canonicals[at]).into_iter().collect();
            if sources.is_empty() {
                // Nobody says any more that the job exists: anybody may have told of its runs.
                sources.extend(self.shared.sources.all().iter().map(|s| s.number));
            }
            for member in class {
                slots.extend(sources.iter().map(|source| {
                    let slot = SlotKey {
                        source: *source,
                        kind: SlotKind::Runs,
                        subject: member.get(),
                    };
                    (at, slot)
                }));
            }
        }
        let prefixes: Vec<Vec<u8>> = slots.iter().map(|(_, slot)| keys::slot(*slot)).collect();
        let mut traces: Vec<Vec<(SlotKey, Vec<RunTrace>)>> = vec![Vec::new(); jobs.len()];
        for ((at, slot), value) in slots.into_iter().zip(self.get_parts_many(&prefixes)?) {
            if let Some(bytes) = value
                && let SlotRecord::Runs(record) = decode_value("a slot", &bytes)?
            {
                traces[at].push((slot, record.recent));
            }
        }
        Ok(traces.iter().map(|slots| places(slots)).collect())
    }

    /// The newest run of each of `jobs`.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn latest_runs(&self, jobs: &[AssetIndex]) -> Result<Vec<Option<RunView>>, AskError> {
        let candidates = jobs.iter().zip(self.runs_of(jobs)?).map(|(job, places)| {
            let job = self.graph().canonical(*job).unwrap_or(*job);
            places.into_iter().rev().map(|place| (job, place)).collect()
        });
        self.first_of(candidates.collect(), |_, runs| {
            Ok(runs.iter().map(Option::is_some).collect())
        })
    }

    /// For each list of candidates, best ones last, the best that is accepted. The best ones are read at once; where
    /// they are turned down, all others are, so that there are two rounds at most.
    fn first_of(
        &self,
        mut candidates: Vec<Vec<(AssetIndex, RunPlace)>>,
        accept: impl Fn(&[usize], &[Option<RunView>]) -> Result<Vec<bool>, AskError>,
    ) -> Result<Vec<Option<RunView>>, AskError> {
        let mut found: Vec<Option<RunView>> = vec![None; candidates.len()];
        for is_first in [true, false] {
            let (mut of, mut asked) = (Vec::new(), Vec::new());
            for (at, candidates) in candidates.iter_mut().enumerate() {
                if found[at].is_none() {
                    let count = if is_first { 1 } else { candidates.len() };
                    let rest = candidates.len().saturating_sub(count);
                    let best = candidates.split_off(rest);
                    of.extend(std::iter::repeat_n(at, best.len()));
                    asked.extend(best.into_iter().rev());
                }
            }
            let runs = self.read_places(&asked)?;
            let accepted = accept(&of, &runs)?;
            for ((at, run), is_accepted) in of.into_iter().zip(runs).zip(accepted) {
                if is_accepted && found[at].is_none() {
                    found[at] = run;
                }
            }
        }
        Ok(found)
    }

    pub(crate) fn read_places(
        &self,
        runs: &[(AssetIndex, RunPlace)],
    ) -> Result<Vec<Option<RunView>>, AskError> {
        let keys: Vec<Vec<u8>> = runs
            .iter()
            .flat_map(|(_, place)| place.slots.iter().map(|slot| keys::run(place.key, *slot)))
            .collect();
        let mut values = self.get_many(&keys)?.into_iter();
        let mut found = Vec::with_capacity(runs.len());
        for (job, place) in runs {
            let mut records: Vec<RunRecord> = Vec::new();
            for bytes in values.by_ref().take(place.slots.len()).flatten() {
                records.push(decode_value("a run", &bytes)?);
            }
            found.push(self.assemble(*job, &records));
        }
        Ok(found)
    }

    /// One run out of what each source tells of it; none if this view does not know it yet.
    pub(crate) fn assemble(&self, job: AssetIndex, records: &[RunRecord]) -> Option<RunView> {
        let offset = self.offset();
        let mut moments: Vec<RunMoment> = records
            .iter()
            .flat_map(|record| record.moments.iter().copied())
            .filter(|moment| moment.offset <= offset)
            .collect();
        moments.sort_unstable();
        let standing = standing(moments.iter())?;
        let mut whole = RunRecord::default();
        for record in records {
            merge(&mut whole.nominal_start, record.nominal_start.as_ref());
            merge(&mut whole.nominal_end, record.nominal_end.as_ref());
            merge(&mut whole.parent, record.parent.as_ref());
            merge(&mut whole.error, record.error.as_ref());
            merge(&mut whole.url, record.url.as_ref());
            for (time, digest) in &record.contributions {
                whole.add_contribution(*time, *digest);
            }
        }
        let time = |told: Option<Told<i64>>| told.map(|told| Timestamp::from_micros(told.value));
        Some(RunView {
            run: records.first()?.run.clone(),
            job,
            state: state_of(standing.state),
            nominal_start: time(whole.nominal_start),
            nominal_end: time(whole.nominal_end),
            started_at: standing.started_at.map(Timestamp::from_micros),
            ended_at: standing.ended_at.map(Timestamp::from_micros),
            error: whole
                .error
                .filter(|told| told.time >= standing.begins)
                .map(|told| told.value),
            url: whole.url.map(|told| told.value),
            parent: whole.parent.map(|told| {
                let (namespace, name, run) = told.value;
                ParentRun {
                    namespace,
                    name,
                    run,
                }
            }),
            contributions: whole.contributions.into_iter().map(|(_, d)| d).collect(),
            moments,
        })
    }

    /// The bodies of a run's events that the log keeps, oldest first.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the log can't be read.
    pub fn run_bodies(&self, run: &RunView) -> Result<Vec<Str>, AskError> {
        let mut bodies = Vec::new();
        for moment in run.moments.iter().filter(|moment| moment.is_event) {
            let entry = entries::read_at(&*self.shared.log, moment.offset)?;
            if let Some(LogEntry::Submission(submission, _)) = entry
                && let Statement::Event(event) = submission.statement
                && !event.body.is_empty()
            {
                bodies.push(event.body);
            }
        }
        Ok(bodies)
    }

    /// For each of `datasets` the newest completed run that wrote it, of the jobs that write it now.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn last_writes(&self, datasets: &[AssetIndex]) -> Result<Vec<Option<RunView>>, AskError> {
        let writers: Vec<Vec<AssetIndex>> = datasets
            .iter()
            .map(|dataset| self.neighbours(*dataset, EdgeKind::Writes, true))
            .collect();
        let jobs: BTreeSet<AssetIndex> = writers.iter().flatten().copied().collect();
        let jobs: Vec<AssetIndex> = jobs.into_iter().collect();
        let runs: BTreeMap<AssetIndex, Vec<RunPlace>> =
            jobs.iter().copied().zip(self.runs_of(&jobs)?).collect();
        // Completed runs of each dataset's writers, the newest last.
        let candidates = writers.iter().map(|writers| {
            let mut found: Vec<(AssetIndex, RunPlace)> = Vec::new();
            for job in writers {
                let places = runs.get(job).into_iter().flatten();
                let completed = places.filter(|place| place.completed_at.is_some());
                found.extend(completed.map(|place| (*job, place.clone())));
            }
            found.sort_by_key(|(job, place)| (place.completed_at, place.start, place.key, *job));
            found
        });
        // A run need not have written all that its job writes: then the one before is asked.
        self.first_of(candidates.collect(), |open, runs| {
            let digests: BTreeSet<Half> = runs
                .iter()
                .flatten()
                .flat_map(|run| run.contributions.iter().copied())
                .collect();
            let digests: Vec<Half> = digests.into_iter().collect();
            let jobs: Vec<AssetIndex> = runs.iter().flatten().map(|run| run.job).collect();
            let domains = self.domains_of_sources(&jobs);
            let written = self.datasets_stated(&digests, &domains)?;
            let has_written = |at: &usize, run: &RunView| {
                let dataset = self.graph().canonical(datasets[*at]);
                let says = |digest: &Half| {
                    let of = written.get(digest);
                    of.is_some_and(|of| dataset.is_some_and(|d| of.writes.contains(&d)))
                };
                run.moments.iter().any(|m| m.state == RunMoment::COMPLETE)
                    && (run.contributions.is_empty() || run.contributions.iter().any(says))
            };
            let of_run = open.iter().zip(runs);
            Ok(of_run
                .map(|(at, run)| run.as_ref().is_some_and(|run| has_written(at, run)))
                .collect())
        })
    }
}

fn merge<T: Ord + Clone>(whole: &mut Option<Told<T>>, part: Option<&Told<T>>) {
    if let Some(told) = part {
        tell(whole, told.time, Some(told.value.clone()));
    }
}
