//! Events: one slot for each job's runs, each job's design and each dataset's design.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_model::{
    AssetName, Digest, Event, EventSubject, FactKind, Facts, QualifiedName, RunState,
};
use headwater_record::{Half, RunsSlot, SlotRecord, StaticSlot, decode_facts};
use headwater_store::Offset;
use rustc_hash::FxHashSet;

use crate::EngineError;
use crate::apply::names::Numbering;
use crate::apply::reconcile::{Bearing, Times};
use crate::apply::runs::RunNews;
use crate::apply::{Applier, Since};
use crate::claims::{self, Names, Stated};
use crate::keys::{self, SlotKey, SlotKind};
use crate::runs::{self, Arrival, Voice};

/// Foldings that are remembered to give the claims that hold.
const SAME_MAX: usize = 8;

const COVERED: Bearing = Bearing {
    is_covered: true,
    until: None,
};

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
        // A late event may say that something held earlier than was believed, even if it says nothing else.
        let is_late = arrival.time < slot.last_seen;
        runs::arrive(&mut slot, arrival);
        runs::forget(&mut slot, keep_runs);
        let voice = runs::voice(&slot, keep_runs);
        let folding = folding(&voice);
        if !is_late && (folding == slot.folded || slot.same.contains(&folding)) {
            self.changes.counts.unchanged += event.facts.count() as u64;
        } else {
            self.fold_runs(offset, key, &mut slot, &voice, arrival.time)?;
            slot.folded = folding;
        }
        self.note_run(offset, key, &mut slot.recent, news)?;
        self.put_slot(key, SlotRecord::Runs(slot));
        Ok(())
    }

    fn fold_runs(
        &mut self,
        offset: Offset,
        key: SlotKey,
        slot: &mut RunsSlot,
        voice: &Voice,
        time: i64,
    ) -> Result<(), EngineError> {
        let mut stated = Stated::new();
        let mut since = Since::new();
        for speaker in &voice.speakers {
            let mut said = Stated::new();
            for contribution in &speaker.contributions {
                let facts = self.contribution(*contribution)?;
                let mut numbering = Numbering {
                    applier: self,
                    offset,
                    time: speaker.start,
                };
                claims::state(&mut said, &facts, &mut numbering)?;
                claims::state(&mut stated, &facts, &mut numbering)?;
            }
            for (owner, claims) in said {
                for claim in claims.into_keys() {
                    since.entry((owner, claim)).or_insert(speaker.start);
                }
            }
        }
        let definition = voice.definition.map(|(definition, _)| definition);
        let ends_at = match voice.definition {
            Some((_, version_since))
                if slot.definition.is_some() && slot.definition != definition =>
            {
                version_since
            }
            _ => voice.ends_at.unwrap_or(time),
        };
        slot.definition = definition;
        let is_same =
            self.reconcile_all(offset, key, &mut slot.owners, stated, &since, ends_at, time)?;
        if is_same && slot.same.len() < SAME_MAX {
            slot.same.push(slot.folded);
        } else {
            slot.same.clear();
        }
        Ok(())
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

    /// Reconciles every asset that the slot speaks or spoke of; true if nothing changed.
    #[expect(
        clippy::too_many_arguments,
        reason = "one statement's times and places belong together"
    )]
    fn reconcile_all(
        &mut self,
        offset: Offset,
        slot: SlotKey,
        owners: &mut BTreeSet<u32>,
        mut stated: Stated,
        since: &Since,
        ends_at: i64,
        changes_at: i64,
    ) -> Result<bool, EngineError> {
        let before = self.changes.counts;
        let all: BTreeSet<u32> = owners.iter().chain(stated.keys()).copied().collect();
        owners.clear();
        for owner in all {
            let times = Times {
                offset,
                since: &|key| {
                    since
                        .get(&(owner, key.clone()))
                        .copied()
                        .unwrap_or(changes_at)
                },
                ends_at,
                changes_at,
                bearing: &|_: FactKind| COVERED,
            };
            let of_owner = stated.remove(&owner).unwrap_or_default();
            if self.reconcile(slot, owner, of_owner, &times)? {
                owners.insert(owner);
            }
        }
        let after = self.changes.counts;
        Ok(before.added == after.added && before.removed == after.removed)
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
        let mut stated = Stated::new();
        claims::state(&mut stated, &event.facts, &mut numbering)?;
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
                digest: [0; 16],
                owners: BTreeSet::new(),
            },
        };
        if (slot.time, slot.digest) > (time, digest) {
            // A late statement held until the newest one's time, which is what stands.
            self.reconcile_late(offset, key, stated, time, slot.time)?;
            self.put_slot(key, SlotRecord::Static(slot));
            return Ok(());
        }
        let since = BTreeMap::new();
        self.reconcile_all(offset, key, &mut slot.owners, stated, &since, time, time)?;
        slot.time = time;
        slot.digest = digest;
        self.put_slot(key, SlotRecord::Static(slot));
        Ok(())
    }

    fn reconcile_late(
        &mut self,
        offset: Offset,
        slot: SlotKey,
        stated: Stated,
        time: i64,
        until: i64,
    ) -> Result<(), EngineError> {
        for (owner, claims) in stated {
            let times = Times {
                offset,
                since: &|_| time,
                ends_at: time,
                changes_at: time,
                bearing: &|_: FactKind| Bearing {
                    is_covered: false,
                    until: Some(until),
                },
            };
            self.reconcile(slot, owner, claims, &times)?;
        }
        Ok(())
    }
}

/// Names what the claims follow from: distinct contributions in the order of their last word, since the newest word
/// counts and all of them unite.
fn folding(voice: &Voice) -> Half {
    let mut seen = FxHashSet::default();
    let newest_first = voice
        .speakers
        .iter()
        .rev()
        .flat_map(|speaker| speaker.contributions.iter().rev());
    let distinct: Vec<Half> = newest_first
        .filter(|contribution| seen.insert(**contribution))
        .copied()
        .collect();
    Digest::of_parts(distinct.iter().map(<[u8; 16]>::as_slice)).half()
}
