//! Events: one slot for each job's runs, each job's design and each dataset's design.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_model::{
    AssetName, Digest, Event, EventSubject, FactKind, Facts, QualifiedName, RunState,
};
use headwater_record::{Half, RunsSlot, SlotRecord, StaticSlot, decode_facts};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::apply::names::Numbering;
use crate::apply::reconcile::{Bearing, Times};
use crate::apply::runs::RunNews;
use crate::apply::timeline::{self, Stage};

use crate::claims::{self, Names, Stated};
use crate::keys::{self, SlotKey, SlotKind};
use crate::runs::{self, Added, Arrival, Course};

/// Foldings that are remembered to give the claims that hold.
const SAME_MAX: usize = 8;

/// Statements of a static slot whose times are kept, to tell until when a late one holds: the newest ones.
const TIMES_MAX: usize = 256;

pub(crate) fn rank(state: RunState) -> u8 {
    match state {
        RunState::Start => runs::START,
        RunState::Running => runs::RUNNING,
        RunState::Other => runs::OTHER,
        RunState::Complete => runs::COMPLETE,
        RunState::Abort => runs::ABORT,
        RunState::Fail => runs::FAIL,
    }
}

impl Applier {
    pub(crate) fn apply_event(
        &mut self,
        offset: Offset,
        source: u32,
        event: &Event,
        facts: &[u8],
    ) -> Result<(), EngineError> {
        match &event.subject {
            EventSubject::Run {
                job,
                run,
                state,
                details,
            } => {
                let contribution = Digest::of(facts).half();
                let arrival = Arrival {
                    run: run.as_str(),
                    time: event.time.as_micros(),
                    state: rank(*state),
                    contribution,
                    definition: event.definition.map(|d| d.half()),
                    names_datasets: event.names_datasets,
                };
                let news = RunNews {
                    run: run.as_str(),
                    moments: &[(arrival.time, arrival.state)],
                    is_event: true,
                    contribution: Some(contribution),
                    names_datasets: event.names_datasets,
                    details,
                };
                self.apply_run_event(offset, source, job, event, facts, &arrival, &news)
            }
            EventSubject::Job(job) => {
                self.apply_static(offset, source, SlotKind::Job, &job.clone().job(), event)
            }
            EventSubject::Dataset(dataset) => {
                let name = dataset.clone().dataset();
                self.apply_static(offset, source, SlotKind::Dataset, &name, event)
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one event's parts belong together"
    )]
    fn apply_run_event(
        &mut self,
        offset: Offset,
        source: u32,
        job: &QualifiedName,
        event: &Event,
        facts: &[u8],
        arrival: &Arrival<'_>,
        news: &RunNews<'_>,
    ) -> Result<(), EngineError> {
        let mut numbering = Numbering {
            applier: self,
            offset,
            time: arrival.time,
        };
        let subject = numbering.index_of(&job.clone().job())?;
        let key = SlotKey {
            source,
            kind: SlotKind::Runs,
            subject,
        };
        let mut slot = match self.slot(key)? {
            Some(SlotRecord::Runs(slot)) => slot,
            _ => RunsSlot::default(),
        };
        if !slot.contributions.contains(&arrival.contribution) {
            self.txn
                .put_parts(&keys::contribution(arrival.contribution), facts);
            let stated = Arc::new(event.facts.clone());
            self.contributions.insert(arrival.contribution, stated);
        }
        let keep_runs = self.claimants.mesh().keep_runs();
        if let Some(since) = runs::forgotten(&slot, keys::run_key(arrival.run), arrival) {
            let course = runs::course_of_forgotten(&slot, keep_runs, since, arrival);
            self.fold_runs(offset, key, &mut slot, &course, true)?;
        } else {
            self.apply_arrival(offset, key, &mut slot, arrival, event)?;
        }
        self.note_run(offset, key, &mut slot.recent, news)?;
        self.put_slot(key, SlotRecord::Runs(slot));
        Ok(())
    }

    fn apply_arrival(
        &mut self,
        offset: Offset,
        key: SlotKey,
        slot: &mut RunsSlot,
        arrival: &Arrival<'_>,
        event: &Event,
    ) -> Result<(), EngineError> {
        let keep_runs = self.claimants.mesh().keep_runs();
        // A late event may say that something held earlier than was believed, even if it says nothing else.
        let last_seen = slot.last_seen;
        let is_late = arrival.time < last_seen;
        runs::arrive(slot, arrival);
        let attempts = runs::attempts(slot);
        let voice = runs::voice(slot, &attempts, keep_runs);
        let folding = folding(&voice.contributions);
        let is_same = folding == slot.folded || slot.same.contains(&folding);
        if !is_late && is_same && !runs::adds_to_past(slot, &attempts, &voice, arrival) {
            self.changes.counts.unchanged += event.facts.count() as u64;
        } else {
            let course = runs::course(slot, &attempts, keep_runs, arrival);
            let is_about_past = is_late || course.since < last_seen;
            self.fold_runs(offset, key, slot, &course, is_about_past)?;
            slot.folded = folding;
        }
        runs::forget(slot, &attempts, keep_runs);
        Ok(())
    }

    /// Says anew what the job's runs say, from the beginning of the run that the event is of.
    fn fold_runs(
        &mut self,
        offset: Offset,
        key: SlotKey,
        slot: &mut RunsSlot,
        course: &Course,
        is_about_past: bool,
    ) -> Result<(), EngineError> {
        let mut stages: Vec<(i64, Stated)> = Vec::with_capacity(course.voices.len());
        for (time, contributions) in &course.voices {
            stages.push((*time, self.said_by(offset, contributions, *time)?));
        }
        let mut added: Vec<(&Added, Stated)> = Vec::with_capacity(course.added.len());
        for of_attempt in &course.added {
            let stated = self.said_by(offset, &of_attempt.contributions, of_attempt.from)?;
            added.push((of_attempt, stated));
        }
        let mut spoken_of: BTreeSet<u32> = slot.owners.iter().copied().collect();
        spoken_of.extend(added.iter().flat_map(|(_, stated)| stated.keys()));
        spoken_of.extend(stages.iter().flat_map(|(_, stated)| stated.keys()));
        if is_about_past {
            spoken_of.extend(self.owners_of(key, true)?);
        }
        let before = self.changes.counts;
        for owner in spoken_of {
            let mut of_owner = self.unknown_stages(key, owner, course, &added)?;
            for (time, stated) in &mut stages {
                of_owner.push((*time, stated.remove(&owner).unwrap_or_default()));
            }
            if self.restate(key, owner, of_owner, offset)? {
                slot.owners.insert(owner);
            } else {
                slot.owners.remove(&owner);
                self.put_owner(key, owner, false);
            }
        }
        let after = self.changes.counts;
        let is_same = before.added == after.added && before.removed == after.removed;
        if is_same && slot.same.len() < SAME_MAX {
            slot.same.push(slot.folded);
        } else {
            slot.same.clear();
        }
        Ok(())
    }

    /// What those contributions state together, the newest word last.
    fn said_by(
        &mut self,
        offset: Offset,
        contributions: &[Half],
        time: i64,
    ) -> Result<Stated, EngineError> {
        let mut stated = Stated::new();
        for contribution in contributions {
            let facts = self.contribution(*contribution)?;
            let mut numbering = Numbering {
                applier: self,
                offset,
                time,
            };
            claims::state(&mut stated, &facts, &mut numbering)?;
        }
        Ok(stated)
    }

    /// Of the time for which not all runs are at hand: what was believed, and what the run adds.
    fn unknown_stages(
        &self,
        key: SlotKey,
        owner: u32,
        course: &Course,
        added: &[(&Added, Stated)],
    ) -> Result<Vec<(i64, Stage)>, EngineError> {
        if course.since >= course.known_since {
            return Ok(Vec::new());
        }
        let until = course.known_since;
        let known = timeline::onwards(&self.versions(key, owner, course.since)?, course.since);
        let turns = known
            .iter()
            .flat_map(|claim| [Some(claim.valid_from), claim.valid_to]);
        let mut turns: BTreeSet<i64> = turns.flatten().collect();
        turns.insert(course.since);
        turns.extend(
            added
                .iter()
                .flat_map(|(added, _)| [added.from, added.until]),
        );
        let mut stages = Vec::new();
        for turn in turns.range(course.since..until) {
            let mut stage = Stage::new();
            for (added, stated) in added {
                if (added.from..added.until).contains(turn) {
                    stage.extend(stated.get(&owner).cloned().unwrap_or_default());
                }
            }
            let held = known.iter().filter(|claim| claim.holds_at(*turn));
            stage.extend(held.map(|claim| (claim.key.clone(), claim.body.clone())));
            stages.push((*turn, stage));
        }
        Ok(stages)
    }

    fn contribution(&mut self, digest: Half) -> Result<Arc<Facts>, EngineError> {
        if let Some(facts) = self.contributions.get(&digest) {
            return Ok(Arc::clone(facts));
        }
        let bytes = self
            .txn
            .reader()
            .get_parts(&keys::contribution(digest))?
            .ok_or(EngineError::Corrupt(
                "a contribution that a slot names is not there",
            ))?;
        let facts = Arc::new(decode_facts(&bytes)?);
        self.contributions.insert(digest, Arc::clone(&facts));
        Ok(facts)
    }

    fn apply_static(
        &mut self,
        offset: Offset,
        source: u32,
        kind: SlotKind,
        subject: &AssetName,
        event: &Event,
    ) -> Result<(), EngineError> {
        let time = event.time.as_micros();
        let mut numbering = Numbering {
            applier: self,
            offset,
            time,
        };
        let subject = numbering.index_of(subject)?;
        let key = SlotKey {
            source,
            kind,
            subject,
        };
        let digest = event.digest.half();
        let mut slot = match self.slot(key)? {
            Some(SlotRecord::Static(slot)) => slot,
            _ => StaticSlot {
                time: i64::MIN,
                ..StaticSlot::default()
            },
        };
        let is_late = slot.time > time;
        let place = slot.times.partition_point(|(at, _)| *at < time);
        match slot.times.get_mut(place) {
            // Of two statements of one time the greater digest counts.
            Some((at, known)) if *at == time && *known > digest => {
                self.put_slot(key, SlotRecord::Static(slot));
                return Ok(());
            }
            Some((at, known)) if *at == time => *known = digest,
            _ => slot.times.insert(place, (time, digest)),
        }
        let mut numbering = Numbering {
            applier: self,
            offset,
            time,
        };
        let mut stated = Stated::new();
        claims::state(&mut stated, &event.facts, &mut numbering)?;
        let mut spoken_of: BTreeSet<u32> =
            slot.owners.iter().chain(stated.keys()).copied().collect();
        if is_late {
            spoken_of.extend(self.owners_of(key, true)?);
        }
        let next = slot.times.get(place + 1).map(|(at, _)| *at);
        let times = Times {
            offset,
            time,
            bearing: &|_: FactKind| Bearing {
                is_covered: true,
                until: next,
            },
        };
        for owner in spoken_of {
            let of_owner = stated.remove(&owner).unwrap_or_default();
            if self.reconcile(key, owner, of_owner, &times)? {
                slot.owners.insert(owner);
            } else {
                slot.owners.remove(&owner);
                self.put_owner(key, owner, false);
            }
        }
        slot.time = slot.time.max(time);
        if slot.times.len() > TIMES_MAX {
            slot.times.remove(0);
        }
        self.put_slot(key, SlotRecord::Static(slot));
        Ok(())
    }
}

/// Names what the claims follow from: distinct contributions in the order of their last word, since the newest word
/// counts and all of them unite.
fn folding(voice: &[Half]) -> Half {
    Digest::of_parts(voice.iter().rev().map(<[u8; 16]>::as_slice)).half()
}
