//! Which runs of a job speak for it.
//!
//! The rules are those of the run-events slot: the last `keep_runs` completed runs that named a dataset speak, and
//! whatever did not complete speaks until that many later runs completed. A changed definition starts a new version,
//! for which earlier runs do not speak, unless they ran beside it. Everything follows from the set of events, so the
//! order of arrival does not matter.

use std::collections::{BTreeMap, BTreeSet};

use headwater_record::{Half, RunEntry, RunEventEntry, RunKey, RunTrace, RunsSlot};
use rustc_hash::FxHashSet;

/// Ranks of states: events of one time are ordered by them.
pub(crate) const START: u8 = 0;
pub(crate) const RUNNING: u8 = 1;
pub(crate) const OTHER: u8 = 2;
pub(crate) const COMPLETE: u8 = 3;
pub(crate) const ABORT: u8 = 4;
pub(crate) const FAIL: u8 = 5;

/// Events of one run and state that are kept; of more, the first and the newest ones.
const EVENTS_MAX: usize = 64;

/// One event of a run, as it arrives.
#[derive(Clone, Copy)]
pub(crate) struct Arrival<'a> {
    pub(crate) run: &'a str,
    pub(crate) time: i64,
    pub(crate) state: u8,
    pub(crate) contribution: Half,
    pub(crate) definition: Option<Half>,
    pub(crate) names_datasets: bool,
}

/// A run from its start to its end; the same id starting again after its end is another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    start: i64,
    run: usize,
    events: Vec<RunEventEntry>,
}

impl Attempt {
    fn completed_at(&self) -> Option<i64> {
        self.events
            .iter()
            .find(|e| e.state == COMPLETE)
            .map(|e| e.time)
    }

    fn has_completed(&self, by: i64) -> bool {
        self.completed_at().is_some_and(|at| at <= by)
    }

    fn last_time(&self) -> i64 {
        self.events.last().map_or(self.start, |e| e.time)
    }

    /// When it ended; a run that never said so was over at its last event.
    fn ended_at(&self) -> i64 {
        self.events
            .iter()
            .find(|e| e.state >= COMPLETE)
            .map_or_else(|| self.last_time(), |e| e.time)
    }

    fn names_datasets(&self) -> bool {
        self.events.iter().any(|e| e.names_datasets)
    }

    fn definition(&self) -> Option<u32> {
        self.events.iter().rev().find_map(|e| e.definition)
    }
}

/// What speaks for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Voice {
    /// What it says, the newest word last.
    pub(crate) contributions: Vec<Half>,
    /// The attempts that speak.
    speakers: Vec<usize>,
}

/// What the runs say over time, from the beginning of one of them on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Course {
    /// The beginning of that run.
    pub(crate) since: i64,
    /// From here on all runs that count are at hand.
    pub(crate) known_since: i64,
    /// What speaks from each time on: contributions, the newest word last.
    pub(crate) voices: Vec<(i64, Vec<Half>)>,
    /// What the run itself says of the time before that.
    pub(crate) added: Vec<Added>,
}

/// What one attempt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Added {
    /// Its beginning.
    pub(crate) from: i64,
    /// When it was silent, at the latest.
    pub(crate) until: i64,
    /// What it states.
    pub(crate) contributions: Vec<Half>,
}

/// Adds an event to the slot; `false` if it says nothing that isn't there.
pub(crate) fn arrive(slot: &mut RunsSlot, event: &Arrival<'_>) -> bool {
    let contribution = position(&mut slot.contributions, event.contribution);
    let definition = event.definition.map(|d| position(&mut slot.definitions, d));
    let entry = RunEventEntry {
        time: event.time,
        state: event.state,
        contribution,
        definition,
        names_datasets: event.names_datasets,
    };
    slot.last_seen = slot.last_seen.max(event.time);
    let at = slot.runs.iter().position(|run| &*run.run == event.run);
    let at = at.unwrap_or_else(|| {
        slot.runs.push(RunEntry {
            run: event.run.into(),
            events: Vec::new(),
        });
        slot.runs.len() - 1
    });
    let events = &mut slot.runs[at].events;
    match events.binary_search(&entry) {
        Ok(_) => false,
        Err(place) => {
            events.insert(place, entry);
            thin_out(events, event.state);
            true
        }
    }
}

fn position(known: &mut Vec<Half>, digest: Half) -> u32 {
    let at = known.iter().position(|d| *d == digest).unwrap_or_else(|| {
        known.push(digest);
        known.len() - 1
    });
    at as u32
}

/// Streaming jobs say RUNNING without end: the first and the newest say as much as all.
fn thin_out(events: &mut Vec<RunEventEntry>, state: u8) {
    let same: Vec<usize> = (0..events.len())
        .filter(|at| events[*at].state == state)
        .collect();
    if same.len() > EVENTS_MAX {
        events.remove(same[1]);
    }
}

/// All attempts of the runs that are kept, by their start.
pub(crate) fn attempts(slot: &RunsSlot) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = Vec::new();
    for (run, entry) in slot.runs.iter().enumerate() {
        let mut current: Option<Attempt> = None;
        for event in &entry.events {
            let starts_again = event.state == START
                && current.as_ref().is_some_and(|a| {
                    a.events.iter().any(|e| e.state >= COMPLETE) && a.last_time() < event.time
                });
            if starts_again {
                attempts.extend(current.take());
            }
            current
                .get_or_insert(Attempt {
                    start: event.time,
                    run,
                    events: Vec::new(),
                })
                .events
                .push(*event);
        }
        attempts.extend(current);
    }
    attempts
        .sort_by(|a, b| (a.start, &slot.runs[a.run].run).cmp(&(b.start, &slot.runs[b.run].run)));
    attempts
}

/// What speaks for the job once all that its events tell has happened.
pub(crate) fn voice(slot: &RunsSlot, attempts: &[Attempt], keep_runs: u32) -> Voice {
    voice_at(slot, attempts, keep_runs, i64::MAX)
}

/// True if an event, which has arrived, may say of its run something that nobody said since that run began.
pub(crate) fn adds_to_past(
    slot: &RunsSlot,
    attempts: &[Attempt],
    voice: &Voice,
    event: &Arrival<'_>,
) -> bool {
    let is_said =
        |e: &&RunEventEntry| slot.contributions[e.contribution as usize] == event.contribution;
    let of_run = |attempt: &Attempt| {
        *slot.runs[attempt.run].run == *event.run && attempt.start <= event.time
    };
    let Some(at) = attempts.iter().rposition(of_run) else {
        return true;
    };
    let own = &attempts[at];
    if own.start == event.time {
        // What follows it at the same time may have been a part of the attempt before.
        return own.events.len() > 1;
    }
    // Of several versions, one may now begin earlier, or run beside the next one for longer.
    let mut definitions = attempts.iter().map(Attempt::definition);
    let definition = definitions.next().flatten();
    if definitions.any(|other| other != definition) {
        return true;
    }
    let is_first_to_tell = attempts[..at].iter().all(|other| !other.names_datasets());
    let has_ended = own
        .events
        .iter()
        .any(|e| e.state >= COMPLETE && e.time < event.time);
    if has_ended || (event.definition.is_some() && is_first_to_tell) {
        return true;
    }
    if own.events.iter().filter(is_said).count() > 1 {
        return false;
    }
    let mut others = voice.speakers.iter().map(|at| &attempts[*at]);
    !others.any(|other| {
        other != own && other.start <= own.start && other.events.iter().any(|e| is_said(&e))
    })
}

/// What speaks for the job at a time.
fn voice_at(slot: &RunsSlot, attempts: &[Attempt], keep_runs: u32, time: i64) -> Voice {
    let begun = &attempts[..attempts.partition_point(|attempt| attempt.start <= time)];
    let version = current_version(begun);
    let mut newest_first = Vec::new();
    let mut speakers = Vec::new();
    let mut completed_after = 0;
    for (at, attempt) in begun.iter().enumerate().rev() {
        if completed_after >= keep_runs {
            break;
        }
        let speaks = match &version {
            Some(version) => at >= version.first || version.beside.contains(&at),
            None => true,
        };
        if speaks && attempt.names_datasets() {
            speakers.push(at);
            newest_first.extend(attempt.events.iter().rev().map(|e| e.contribution));
        }
        if attempt.names_datasets() && attempt.has_completed(time) {
            completed_after += 1;
        }
    }
    let mut seen = FxHashSet::default();
    newest_first.retain(|contribution| seen.insert(*contribution));
    newest_first.reverse();
    let digests = newest_first.into_iter();
    Voice {
        contributions: digests.map(|at| slot.contributions[at as usize]).collect(),
        speakers,
    }
}

/// What the runs say from the beginning of the run on that an event, which has arrived, is of.
pub(crate) fn course(
    slot: &RunsSlot,
    attempts: &[Attempt],
    keep_runs: u32,
    event: &Arrival<'_>,
) -> Course {
    let of_run: Vec<&Attempt> = attempts
        .iter()
        .filter(|attempt| *slot.runs[attempt.run].run == *event.run)
        .collect();
    let mut at = of_run.partition_point(|attempt| attempt.start <= event.time);
    if event.state == START {
        // It may have taken what follows it away from the attempt before.
        at = at.saturating_sub(1);
    }
    let of_run = &of_run[at.saturating_sub(1).min(of_run.len())..];
    let since = of_run
        .first()
        .map_or(event.time, |attempt| attempt.start.min(event.time));
    let known_since = slot.known_since.unwrap_or(i64::MIN);
    let begin = since.max(known_since);
    let mut turns = BTreeSet::from([begin]);
    for attempt in attempts {
        turns.insert(attempt.start);
        turns.extend(attempt.completed_at());
    }
    let mut voices: Vec<(i64, Vec<Half>)> = Vec::new();
    for turn in turns.range(begin..) {
        let voice = voice_at(slot, attempts, keep_runs, *turn).contributions;
        if voices.last().is_none_or(|(_, last)| *last != voice) {
            voices.push((*turn, voice));
        }
    }
    let added = of_run.iter().map(|attempt| Added {
        from: attempt.start,
        until: spoke_until(slot, keep_runs, attempt.start).min(known_since),
        contributions: attempt
            .events
            .iter()
            .map(|e| slot.contributions[e.contribution as usize])
            .collect(),
    });
    Course {
        since,
        known_since,
        voices,
        added: added.filter(|added| added.from < added.until).collect(),
    }
}

/// What an event adds whose run was forgotten, and began at `since`: it speaks of that time only.
pub(crate) fn course_of_forgotten(
    slot: &RunsSlot,
    keep_runs: u32,
    since: i64,
    event: &Arrival<'_>,
) -> Course {
    Course {
        since,
        known_since: i64::MAX,
        voices: Vec::new(),
        added: vec![Added {
            from: since,
            until: spoke_until(slot, keep_runs, since),
            contributions: vec![event.contribution],
        }],
    }
}

/// When a run that began at `since` was silent, at the latest: enough later ones had completed.
fn spoke_until(slot: &RunsSlot, keep_runs: u32, since: i64) -> i64 {
    let of_later = |trace: &&RunTrace| trace.start > since && trace.names_datasets;
    let later = slot.recent.iter().filter(of_later);
    let completed = later.filter_map(|trace| trace.completed_at.filter(|at| trace.start <= *at));
    let mut completed: Vec<i64> = completed.collect();
    completed.sort_unstable();
    let last = completed.get(keep_runs.saturating_sub(1) as usize);
    last.copied().unwrap_or(i64::MAX)
}

/// The beginning of a run that was forgotten and to which an event adds; none if the event is of a run that is kept, or
/// begins one.
pub(crate) fn forgotten(slot: &RunsSlot, run: RunKey, event: &Arrival<'_>) -> Option<i64> {
    let is_kept = slot.runs.iter().any(|run| *run.run == *event.run);
    if is_kept || event.state == START {
        return None;
    }
    let known = slot.recent.iter().find(|trace| trace.run == run)?;
    (known.start < event.time).then_some(known.start)
}

/// The newest definition: the first attempt from which on it speaks.
struct Version {
    first: usize,
    /// Earlier attempts with another definition that ran beside it.
    beside: Vec<usize>,
}

fn current_version(attempts: &[Attempt]) -> Option<Version> {
    let speaking = |a: &Attempt| a.names_datasets().then(|| a.definition()).flatten();
    let definition = attempts.iter().rev().find_map(speaking)?;
    let mut first = attempts.len();
    let mut since = i64::MAX;
    let mut beside = Vec::new();
    for (at, attempt) in attempts.iter().enumerate().rev() {
        match speaking(attempt) {
            Some(other) if other != definition => {
                if attempt.ended_at() <= since {
                    break;
                }
                beside.push(at);
            }
            Some(_) => {
                first = at;
                since = attempt.start;
            }
            None => {}
        }
    }
    // Runs that did not tell their definition belong to the version during which they started.
    Some(Version { first, beside })
}

/// Forgets runs that can no longer speak, whatever arrives for them: ended ones with enough completed runs after them.
/// One that goes on is kept, so that its end is not taken for another run's beginning.
pub(crate) fn forget(slot: &mut RunsSlot, attempts: &[Attempt], keep_runs: u32) {
    let mut kept: BTreeSet<usize> = BTreeSet::new();
    let mut completed: Vec<i64> = Vec::new();
    for (newer_count, attempt) in attempts.iter().rev().enumerate() {
        let has_ended = attempt.events.iter().any(|e| e.state >= COMPLETE);
        let is_new = completed.len() < keep_runs as usize || newer_count < keep_runs as usize;
        // A bound for jobs whose runs never end: the newest of them.
        let has_room = kept.len() < 4 * keep_runs as usize + 64;
        if has_room && (is_new || !has_ended) {
            kept.insert(attempt.run);
        }
        if attempt.names_datasets() {
            completed.extend(attempt.completed_at());
        }
    }
    if kept.len() == slot.runs.len() {
        return;
    }
    let mut completed_after: Vec<i64> = Vec::new();
    for attempt in attempts
        .iter()
        .rev()
        .filter(|attempt| attempt.names_datasets())
    {
        if !kept.contains(&attempt.run) {
            // It was silent once enough later runs had completed.
            completed_after.sort_unstable();
            let silent_since = (keep_runs as usize)
                .checked_sub(1)
                .and_then(|last| completed_after.get(last).copied());
            let newest = attempts.last().map(|newest| newest.start);
            slot.known_since = slot.known_since.max(silent_since.or(newest));
        }
        completed_after.extend(attempt.completed_at());
    }
    let mut at = 0;
    slot.runs.retain(|_| {
        at += 1;
        kept.contains(&(at - 1))
    });
    renumber(slot);
}

/// Drops contributions and definitions that no event names.
fn renumber(slot: &mut RunsSlot) {
    let mut contributions = BTreeMap::new();
    let mut definitions = BTreeMap::new();
    for event in slot.runs.iter_mut().flat_map(|run| &mut run.events) {
        let next = contributions.len() as u32;
        event.contribution = *contributions.entry(event.contribution).or_insert(next);
        if let Some(definition) = &mut event.definition {
            let next = definitions.len() as u32;
            *definition = *definitions.entry(*definition).or_insert(next);
        }
    }
    slot.contributions = moved(&slot.contributions, &contributions);
    slot.definitions = moved(&slot.definitions, &definitions);
    for run in &mut slot.runs {
        run.events.sort_unstable();
    }
}

fn moved(old: &[Half], new_positions: &BTreeMap<u32, u32>) -> Vec<Half> {
    let mut moved = vec![[0; 16]; new_positions.len()];
    for (from, to) in new_positions {
        moved[*to as usize] = old[*from as usize];
    }
    moved
}
