//! The reference for time: what holds at a time, as known at an offset, worked out anew from all that was submitted.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{
    AssetName, Digest, Event, EventSubject, FactKind, Facts, QualifiedName, RunState, Severity,
    Snapshot, SourceKey, Statement, Submission,
};

/// An edge by names: from, to, and the job of one between datasets.
pub type NamedEdge = (AssetName, AssetName, Option<QualifiedName>);

/// Everything submitted, by offset.
#[derive(Clone, Debug, Default)]
pub struct NaiveHistory {
    submissions: Vec<(u64, Submission)>,
    /// Completed runs that speak for their job.
    pub keep_runs: usize,
}

/// An attempt of a run: all events from its start to the next start after an end.
struct Attempt<'a> {
    run: &'a str,
    events: Vec<&'a Event>,
}

impl NaiveHistory {
    /// Nothing was submitted yet.
    pub fn new(keep_runs: usize) -> Self {
        Self {
            submissions: Vec::new(),
            keep_runs,
        }
    }

    /// Adds what was accepted at an offset. Offsets grow.
    pub fn add(&mut self, offset: u64, submission: Submission) {
        self.submissions.push((offset, submission));
    }

    /// The edges that hold at `time`, as known at `offset`.
    pub fn edges(&self, time: i64, offset: u64) -> BTreeSet<NamedEdge> {
        let known = || {
            let known = self.submissions.iter().filter(|(at, _)| *at <= offset);
            known.map(|(_, submission)| submission)
        };
        let mut edges = BTreeSet::new();
        let sources: BTreeSet<&SourceKey> = known().map(|submission| &submission.source).collect();
        for source in sources {
            let of_source = || known().filter(|submission| submission.source == *source);
            let snapshots = of_source().filter_map(|submission| match &submission.statement {
                Statement::Snapshot(snapshot) => Some((submission, &**snapshot)),
                Statement::Event(_) | Statement::Manual(_) => None,
            });
            edges.extend(edges_of_snapshots(snapshots.collect(), time));
            let events: Vec<&Event> = of_source()
                .filter_map(|submission| match &submission.statement {
                    Statement::Event(event) => Some(&**event),
                    Statement::Snapshot(_) | Statement::Manual(_) => None,
                })
                .collect();
            edges.extend(edges_of_statics(&events, time));
            let jobs: BTreeSet<&QualifiedName> =
                events.iter().filter_map(|event| job(event)).collect();
            for of in jobs {
                let runs = events
                    .iter()
                    .copied()
                    .filter(|event| job(event) == Some(of));
                edges.extend(self.edges_of_runs(&runs.collect::<Vec<_>>(), time));
            }
        }
        edges
    }

    fn edges_of_runs(&self, events: &[&Event], time: i64) -> BTreeSet<NamedEdge> {
        let attempts = attempts(events);
        let begun: Vec<&Attempt<'_>> = attempts.iter().filter(|a| a.start() <= time).collect();
        let first = version(&begun);
        let mut edges = BTreeSet::new();
        for (at, attempt) in begun.iter().enumerate() {
            let later = begun[at + 1..]
                .iter()
                .filter(|later| later.names_datasets());
            let completed = later.filter(|later| later.completed_at().is_some_and(|at| at <= time));
            let is_current = first
                .as_ref()
                .is_none_or(|(first, beside)| at >= *first || beside.contains(&at));
            if is_current && completed.count() < self.keep_runs {
                edges.extend(attempt.events.iter().flat_map(|event| named(&event.facts)));
            }
        }
        edges
    }
}

/// The first attempt of the version that speaks, and earlier ones that ran beside it.
fn version(attempts: &[&Attempt<'_>]) -> Option<(usize, BTreeSet<usize>)> {
    let definition = |a: &Attempt<'_>| a.names_datasets().then(|| a.definition()).flatten();
    let current = attempts.iter().rev().find_map(|a| definition(a))?;
    let mut first = attempts.len();
    let mut beside = BTreeSet::new();
    for (at, attempt) in attempts.iter().enumerate().rev() {
        match definition(attempt) {
            Some(other) if other == current => first = at,
            Some(_) if first < attempts.len() && attempt.ended_at() > attempts[first].start() => {
                beside.insert(at);
            }
            Some(_) => break,
            None => {}
        }
    }
    Some((first, beside))
}

impl Attempt<'_> {
    fn start(&self) -> i64 {
        self.events[0].time.as_micros()
    }

    fn completed_at(&self) -> Option<i64> {
        let mut events = self.events.iter();
        let completed = events.find(|event| state(event) == RunState::Complete);
        completed.map(|event| event.time.as_micros())
    }

    fn ended_at(&self) -> i64 {
        let end = self.events.iter().find(|event| has_ended(event));
        let last = end.or(self.events.last());
        last.map_or(0, |event| event.time.as_micros())
    }

    fn names_datasets(&self) -> bool {
        self.events.iter().any(|event| event.names_datasets)
    }

    fn definition(&self) -> Option<Digest> {
        self.events.iter().rev().find_map(|event| event.definition)
    }
}

fn job(event: &Event) -> Option<&QualifiedName> {
    match &event.subject {
        EventSubject::Run { job, .. } => Some(job),
        _ => None,
    }
}

fn run(event: &Event) -> &str {
    match &event.subject {
        EventSubject::Run { run, .. } => run.as_str(),
        _ => "",
    }
}

fn state(event: &Event) -> RunState {
    match &event.subject {
        EventSubject::Run { state, .. } => *state,
        _ => RunState::Other,
    }
}

/// Events of one time stand in this order.
fn rank(event: &Event) -> u8 {
    match state(event) {
        RunState::Start => 0,
        RunState::Running => 1,
        RunState::Other => 2,
        RunState::Complete => 3,
        RunState::Abort => 4,
        RunState::Fail => 5,
    }
}

fn has_ended(event: &Event) -> bool {
    rank(event) >= 3
}

fn attempts<'a>(events: &[&'a Event]) -> Vec<Attempt<'a>> {
    let mut by_run: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events {
        by_run.entry(run(event)).or_default().push(event);
    }
    let mut attempts = Vec::new();
    for (run, mut events) in by_run {
        events.sort_by_key(|event| (event.time, rank(event)));
        let mut current: Vec<&Event> = Vec::new();
        for event in events {
            let starts_again = state(event) == RunState::Start
                && current.iter().any(|earlier| has_ended(earlier))
                && current.last().is_some_and(|last| last.time < event.time);
            if starts_again {
                let events = std::mem::take(&mut current);
                attempts.push(Attempt { run, events });
            }
            current.push(event);
        }
        attempts.push(Attempt {
            run,
            events: current,
        });
    }
    attempts.sort_by_key(|attempt| (attempt.start(), attempt.run.to_owned()));
    attempts
}

/// A snapshot is a word on all that it covers; what it does not cover it only adds to.
fn edges_of_snapshots(
    mut snapshots: Vec<(&Submission, &Snapshot)>,
    time: i64,
) -> BTreeSet<NamedEdge> {
    let at = |(submission, snapshot): &(&Submission, &Snapshot)| {
        snapshot
            .generated_at
            .unwrap_or(submission.received_at)
            .as_micros()
    };
    snapshots.retain(|snapshot| at(snapshot) <= time);
    snapshots.sort_by_key(at);
    let mut edges = BTreeSet::new();
    for (_, snapshot) in snapshots {
        let has_error = snapshot
            .diagnostics
            .iter()
            .any(|d| d.severity == Severity::Error);
        if snapshot.covers.covers(FactKind::Edges) && !has_error {
            edges.clear();
        }
        edges.extend(named(&snapshot.facts));
    }
    edges
}

/// The newest statement about a job or dataset as designed is all that is said of it.
fn edges_of_statics(events: &[&Event], time: i64) -> BTreeSet<NamedEdge> {
    let mut newest: BTreeMap<AssetName, &Event> = BTreeMap::new();
    for event in events.iter().filter(|event| event.time.as_micros() <= time) {
        let subject = match &event.subject {
            EventSubject::Job(job) => job.clone().job(),
            EventSubject::Dataset(dataset) => dataset.clone().dataset(),
            EventSubject::Run { .. } => continue,
        };
        let of_subject = newest.entry(subject).or_insert(event);
        if (of_subject.time, of_subject.digest) < (event.time, event.digest) {
            *of_subject = event;
        }
    }
    newest
        .values()
        .flat_map(|event| named(&event.facts))
        .collect()
}

fn named(facts: &Facts) -> impl Iterator<Item = NamedEdge> + '_ {
    let edges = facts.edges.iter();
    edges.map(|edge| (edge.from.clone(), edge.to.clone(), edge.via.clone()))
}
