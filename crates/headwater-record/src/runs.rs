//! Values of the state about runs.

use serde::{Deserialize, Serialize};

use crate::{Half, Str};

/// The first 64 bits of the digest of a run's id: what its key holds. Within one job of one source that tells runs
/// apart.
pub type RunKey = [u8; 8];

/// The most moments of one run and state that are kept: the first one and the newest ones.
const MOMENTS_MAX: usize = 4;
/// The most contributions of one run that are kept: the newest ones.
const CONTRIBUTIONS_MAX: usize = 16;

/// A run that is kept, in the slot of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunTrace {
    /// Its beginning: the earliest time of its newest attempt.
    pub start: i64,
    /// Its key.
    pub run: RunKey,
    /// True once it has ended.
    pub has_ended: bool,
    /// When it completed, if it did.
    pub completed_at: Option<i64>,
    /// True if it named any dataset.
    pub names_datasets: bool,
}

/// What one source tells of one run of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its id as the producer wrote it.
    pub run: Str,
    /// When it was in which state, ordered.
    pub moments: Vec<RunMoment>,
    /// What its events stated: when last, and the digest; ordered.
    pub contributions: Vec<(i64, Half)>,
    /// Start of the period that it works on.
    pub nominal_start: Option<Told<i64>>,
    /// End of the period that it works on.
    pub nominal_end: Option<Told<i64>>,
    /// The run that it is a part of: namespace and name of its job, and its id.
    pub parent: Option<Told<(Str, Str, Str)>>,
    /// The error message.
    pub error: Option<Told<Str>>,
    /// Where a person can look at it.
    pub url: Option<Told<Str>>,
}

/// When a run was in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunMoment {
    /// Microseconds.
    pub time: i64,
    /// Rank of the state: START, RUNNING, OTHER, COMPLETE, ABORT, FAIL.
    pub state: u8,
    /// True if an event said so, whose body the log keeps; false for a snapshot.
    pub is_event: bool,
    /// The offset that said so.
    pub offset: u64,
}

/// What was told, and when that was so: the newest word counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Told<T> {
    /// Microseconds.
    pub time: i64,
    /// What was told.
    pub value: T,
}

/// Takes the newer of what was told and what is told now. Of two words of one time the greater counts, so that the
/// order of arrival does not matter.
pub fn tell<T: Ord>(told: &mut Option<Told<T>>, time: i64, value: Option<T>) {
    if let Some(value) = value {
        let newer = Told { time, value };
        if told.as_ref().is_none_or(|older| *older < newer) {
            *told = Some(newer);
        }
    }
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunStanding {
    /// Rank of the latest state; OTHER only if there is nothing else.
    pub state: u8,
    /// The earliest time of its newest attempt.
    pub begins: i64,
    /// When its newest attempt said START.
    pub started_at: Option<i64>,
    /// When it came to its latest state, if that is an end.
    pub ended_at: Option<i64>,
    /// When it completed last.
    pub completed_at: Option<i64>,
}

impl RunMoment {
    /// Ranks of states.
    pub const START: u8 = 0;
    /// Something else happened.
    pub const OTHER: u8 = 2;
    /// It ended well; from here on, ends.
    pub const COMPLETE: u8 = 3;
}

impl RunRecord {
    /// Adds a moment. Of a state that a run has been in often, the first time and the newest ones are kept.
    pub fn add_moment(&mut self, moment: RunMoment) {
        let is_said = self
            .moments
            .iter()
            .any(|m| !m.is_event && (m.time, m.state) == (moment.time, moment.state));
        if is_said && !moment.is_event {
            return;
        }
        let place = self.moments.partition_point(|m| *m < moment);
        self.moments.insert(place, moment);
        let of_state = |m: &RunMoment| m.state == moment.state;
        if self.moments.iter().filter(|m| of_state(m)).count() > MOMENTS_MAX {
            let mut places = (0..self.moments.len()).filter(|at| of_state(&self.moments[*at]));
            if let Some(second) = places.nth(1) {
                self.moments.remove(second);
            }
        }
    }

    /// Adds what an event stated.
    pub fn add_contribution(&mut self, time: i64, digest: Half) {
        let known = self.contributions.iter().position(|(_, d)| *d == digest);
        let time = match known {
            Some(at) => self.contributions.remove(at).0.max(time),
            None => time,
        };
        let place = self.contributions.partition_point(|c| *c < (time, digest));
        self.contributions.insert(place, (time, digest));
        if self.contributions.len() > CONTRIBUTIONS_MAX {
            self.contributions.remove(0);
        }
    }

    /// How the run stood as known at `offset`; none if nothing was known of it.
    pub fn standing(&self, offset: u64) -> Option<RunStanding> {
        standing(self.moments.iter().filter(|m| m.offset <= offset))
    }
}

/// How a run stands after `moments`, which are ordered.
pub fn standing<'a>(moments: impl Iterator<Item = &'a RunMoment>) -> Option<RunStanding> {
    let mut standing: Option<RunStanding> = None;
    let mut last_time = i64::MIN;
    let mut completed_at = None;
    for moment in moments {
        // The same id starting again after its end is another attempt.
        let starts_again = moment.state == RunMoment::START
            && standing.is_some_and(|s| s.ended_at.is_some())
            && last_time < moment.time;
        let current = match &mut standing {
            Some(current) if !starts_again => current,
            slot => slot.insert(RunStanding {
                state: moment.state,
                begins: moment.time,
                started_at: None,
                ended_at: None,
                completed_at: None,
            }),
        };
        if moment.state == RunMoment::START && current.started_at.is_none() {
            current.started_at = Some(moment.time);
        }
        // OTHER adds to what is known of a run, whatever it is doing.
        let is_telling = moment.state != RunMoment::OTHER || current.state == RunMoment::OTHER;
        // What goes on after its end, without starting again, is late news of it.
        let is_late = current.ended_at.is_some() && moment.state < RunMoment::COMPLETE;
        if is_telling && !is_late {
            current.state = moment.state;
            current.ended_at = (moment.state >= RunMoment::COMPLETE).then_some(moment.time);
        }
        if moment.state == RunMoment::COMPLETE {
            completed_at = Some(moment.time);
        }
        current.completed_at = completed_at;
        last_time = moment.time;
    }
    standing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(list: &[(i64, u8)]) -> RunRecord {
        let mut record = RunRecord::default();
        for (at, (time, state)) in list.iter().enumerate() {
            record.add_moment(RunMoment {
                time: *time,
                state: *state,
                is_event: true,
                offset: at as u64 + 1,
            });
        }
        record
    }

    fn check(list: &[(i64, u8)], expected: (u8, i64, Option<i64>, Option<i64>)) {
        let standing = moments(list)
            .standing(u64::MAX)
            .expect("something is known");
        let found = (
            standing.state,
            standing.begins,
            standing.started_at,
            standing.ended_at,
        );
        assert_eq!(found, expected, "{list:?}");
    }

    #[test]
    fn the_state_shown_is_the_latest_one() {
        check(&[(1, 0)], (0, 1, Some(1), None));
        check(&[(1, 0), (5, 1)], (1, 1, Some(1), None));
        check(&[(1, 0), (5, 3)], (3, 1, Some(1), Some(5)));
        check(&[(5, 3), (1, 0)], (3, 1, Some(1), Some(5)));
        check(&[(1, 0), (5, 3), (6, 5)], (5, 1, Some(1), Some(6)));
        check(&[(5, 3)], (3, 5, None, Some(5)));
        check(&[(2, 2)], (2, 2, None, None));
        check(&[(1, 0), (5, 3), (6, 2)], (3, 1, Some(1), Some(5)));
        check(&[(1, 0), (5, 3), (6, 1)], (3, 1, Some(1), Some(5)));
    }

    #[test]
    fn starting_again_after_an_end_is_another_attempt() {
        check(&[(1, 0), (5, 5), (7, 0)], (0, 7, Some(7), None));
        check(&[(1, 0), (5, 5), (7, 0), (9, 3)], (3, 7, Some(7), Some(9)));
    }

    #[test]
    fn what_was_not_known_yet_is_not_shown() {
        let record = moments(&[(1, 0), (5, 3)]);
        assert_eq!(record.standing(0), None);
        assert_eq!(record.standing(1).expect("known").state, 0);
    }

    #[test]
    fn a_run_that_goes_on_for_ever_keeps_few_moments() {
        let list: Vec<(i64, u8)> = (0..1000).map(|time| (time, 1)).collect();
        let mut backwards = list.clone();
        backwards.reverse();
        let times =
            |record: RunRecord| -> Vec<i64> { record.moments.iter().map(|m| m.time).collect() };
        assert_eq!(times(moments(&list)), [0, 997, 998, 999]);
        assert_eq!(times(moments(&backwards)), [0, 997, 998, 999]);
    }
}
