//! What is kept of runs, for those who ask for them.
//!
//! Which runs can be asked for is listed in the slot of their job, which every event writes anyhow; what is told of
//! each stands under a key of its own. So an event writes one key for its run, and the event that begins a run takes
//! away the oldest one.

use headwater_model::{RunDetails, RunFact, Timestamp};
use headwater_record::{
    Half, RunFailureRecord, RunKey, RunMoment, RunRecord, RunTrace, RunsSlot, SlotRecord, Str,
    decode_value, encode_value, tell,
};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::apply::events::rank;
use crate::apply::names::Numbering;
use crate::claims::Names;
use crate::keys::{self, SlotKey, SlotKind};
use crate::runs;

/// Runs of one job that are kept for each source that tells of them: the newest ones by their start.
const RUNS_MAX: usize = 50;
/// The same, with older ones that have not ended.
const RUNS_WITH_OPEN_MAX: usize = 100;
/// The most bytes of an error message that are kept; the body in the log has all of it.
const ERROR_BYTES_MAX: usize = 16 << 10;
/// The longest URL that is kept, in bytes.
const URL_BYTES_MAX: usize = 8 << 10;

/// What a statement tells of a run.
pub(crate) struct RunNews<'a> {
    /// Its id.
    pub(crate) run: &'a str,
    /// Times, and ranks of states.
    pub(crate) moments: &'a [(i64, u8)],
    /// True if an event tells it.
    pub(crate) is_event: bool,
    /// What it states.
    pub(crate) contribution: Option<Half>,
    /// True if that names any dataset.
    pub(crate) names_datasets: bool,
    /// The rest.
    pub(crate) details: &'a RunDetails,
}

impl Applier {
    /// Adds what is told of a run to what is kept, and forgets what is beyond the bound.
    pub(crate) fn note_run(
        &mut self,
        offset: Offset,
        slot: SlotKey,
        recent: &mut Vec<RunTrace>,
        news: &RunNews<'_>,
    ) -> Result<(), EngineError> {
        let run = keys::run_key(news.run);
        let known = recent.iter().position(|trace| trace.run == run);
        let mut record = match known {
            Some(_) => match self.txn.get(&keys::run(run, slot))? {
                Some(bytes) => decode_value("a run", &bytes)?,
                None => return Err(EngineError::Corrupt("a run that a slot names is not there")),
            },
            None => RunRecord {
                run: news.run.into(),
                ..RunRecord::default()
            },
        };
        let state_of = |record: &RunRecord| record.standing(u64::MAX).map(|s| s.state);
        let before = state_of(&record);
        update(&mut record, offset, news);
        let Some(standing) = record.standing(u64::MAX) else {
            return Ok(());
        };
        let trace = RunTrace {
            start: standing.begins,
            run,
            has_ended: standing.ended_at.is_some(),
            completed_at: standing.completed_at,
            names_datasets: news.names_datasets
                || known.is_some_and(|known| recent[known].names_datasets),
        };
        if let Some(at) = known {
            recent.remove(at);
        }
        let place = recent.partition_point(|other| *other < trace);
        recent.insert(place, trace);
        let mut is_kept = true;
        for gone in forget(recent) {
            if gone == run {
                is_kept = false;
            }
            if gone != run || known.is_some() {
                self.txn.delete(keys::run(gone, slot));
            }
        }
        if is_kept {
            // Of a run that is forgotten, what is told again is no news.
            if standing.state > runs::COMPLETE && before != Some(standing.state) {
                self.changes.runs_failed.push(RunFailureRecord {
                    job: slot.subject,
                    run: news.run.into(),
                    is_aborted: standing.state == runs::ABORT,
                });
            }
            self.txn.put(keys::run(run, slot), encode_value(&record));
        }
        Ok(())
    }

    /// Keeps the runs that a snapshot tells of. They say how a run went, and nothing about what holds.
    pub(crate) fn note_run_facts(
        &mut self,
        offset: Offset,
        source: u32,
        facts: &[RunFact],
        time: i64,
    ) -> Result<(), EngineError> {
        for fact in facts {
            let mut numbering = Numbering {
                applier: self,
                offset,
                time,
            };
            let subject = numbering.index_of(&fact.job.clone().job())?;
            let key = SlotKey {
                source,
                kind: SlotKind::Runs,
                subject,
            };
            let mut slot = match self.slot(key)? {
                Some(SlotRecord::Runs(slot)) => slot,
                _ => RunsSlot::default(),
            };
            let state = rank(fact.state);
            let started_at = fact.started_at.map(Timestamp::as_micros);
            let ended_at = fact.ended_at.map(Timestamp::as_micros);
            let at = match state {
                runs::START => started_at,
                runs::COMPLETE.. => ended_at.or(started_at),
                _ => None,
            };
            let mut moments: Vec<(i64, u8)> =
                started_at.map(|at| (at, runs::START)).into_iter().collect();
            moments.push((at.unwrap_or(time), state));
            moments.dedup();
            // Tools say something of runs that went well too; only that of others is an error.
            let error = fact.message.clone().filter(|_| state > runs::COMPLETE);
            let news = RunNews {
                run: fact.run.as_str(),
                moments: &moments,
                is_event: false,
                contribution: None,
                names_datasets: false,
                details: &RunDetails {
                    error,
                    ..RunDetails::default()
                },
            };
            self.note_run(offset, key, &mut slot.recent, &news)?;
            self.put_slot(key, SlotRecord::Runs(slot));
        }
        Ok(())
    }
}

fn update(record: &mut RunRecord, offset: Offset, news: &RunNews<'_>) {
    for (time, state) in news.moments {
        record.add_moment(RunMoment {
            time: *time,
            state: *state,
            is_event: news.is_event,
            offset: offset.get(),
        });
    }
    let Some((time, _)) = news.moments.last().copied() else {
        return;
    };
    if let Some(contribution) = news.contribution {
        record.add_contribution(time, contribution);
    }
    let details = news.details;
    let micros = |time: Option<Timestamp>| time.map(Timestamp::as_micros);
    tell(
        &mut record.nominal_start,
        time,
        micros(details.nominal_start),
    );
    tell(&mut record.nominal_end, time, micros(details.nominal_end));
    let parent = details.parent.as_ref().map(|(job, run)| {
        let (namespace, name) = (job.namespace.as_str(), job.name.as_str());
        (namespace.into(), name.into(), run.as_str().into())
    });
    tell(&mut record.parent, time, parent);
    let cut = |text: &Str| Str::from(&text[..text.floor_char_boundary(ERROR_BYTES_MAX)]);
    tell(&mut record.error, time, details.error.as_ref().map(cut));
    let url = details.url.clone().filter(|url| url.len() <= URL_BYTES_MAX);
    tell(&mut record.url, time, url);
}

/// Takes away what is beyond the bounds, and returns it.
fn forget(recent: &mut Vec<RunTrace>) -> Vec<RunKey> {
    let mut gone = Vec::new();
    let older = recent.len().saturating_sub(RUNS_MAX);
    let mut at = 0;
    recent.retain(|trace| {
        let is_kept = at >= older || !trace.has_ended;
        at += 1;
        if !is_kept {
            gone.push(trace.run);
        }
        is_kept
    });
    let beyond = recent.len().saturating_sub(RUNS_WITH_OPEN_MAX);
    gone.extend(recent.drain(..beyond).map(|trace| trace.run));
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(start: i64, has_ended: bool) -> RunTrace {
        RunTrace {
            start,
            run: start.to_be_bytes(),
            has_ended,
            completed_at: None,
            names_datasets: true,
        }
    }

    #[test]
    fn the_newest_runs_and_those_that_go_on_are_kept() {
        let mut recent: Vec<RunTrace> = (0..120).map(|at| trace(at, at % 7 != 0)).collect();
        let gone = forget(&mut recent);
        assert_eq!(
            recent.len(),
            60,
            "50 of the newest, 10 older ones that go on"
        );
        assert_eq!(gone.len(), 60);
        assert!(recent.iter().take(10).all(|trace| !trace.has_ended));
        let mut open: Vec<RunTrace> = (0..120).map(|at| trace(at, false)).collect();
        assert_eq!(forget(&mut open).len(), 20);
        assert_eq!(open.first().map(|trace| trace.start), Some(20));
    }
}
