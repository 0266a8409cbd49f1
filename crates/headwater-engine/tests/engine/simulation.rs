//! A seeded life of a service: random submissions, clocks that jump, faults of the disk, power cuts and restarts.
//!
//! Each life prints its seed when it fails. `HEADWATER_SIMULATION_SEED=<seed>` lives that life alone;
//! `HEADWATER_SIMULATION_LIVES=<n>` lives more of them.

use std::sync::Arc;

use headwater_engine::{SubmitError, rebuild, state_digest};
use headwater_model::RunState::{Complete, Fail, Start};
use headwater_model::{Submission, Timestamp};
use headwater_record::Prune;
use headwater_store::{Fault, MemoryState, Offset, SimulatedDisk, State};

use crate::disk::{digest_of, start};
use crate::support::{Fixture, SECOND, event, events_of, job_event, snapshot};

/// Lives that are lived by default, and steps of one.
const LIVES: u64 = 40;
const STEPS: usize = 40;

/// splitmix64: the seed decides everything.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn name(&mut self) -> &'static str {
        self.of(&["a", "b", "c", "d", "e", "f", "g"])
    }

    /// One or two statements of the language of these tests.
    fn facts(&mut self) -> String {
        let mut statements = Vec::new();
        for _ in 0..=self.below(2) {
            let (one, other, job) = (self.name(), self.name(), self.of(&["j", "k", "l"]));
            statements.push(match self.below(7) {
                0 => format!("{one} -> {job} -> {other}; {one} => {other} @{job}"),
                1 => format!("{one}.x:int; {one}.y:text"),
                2 => format!("{one}#x => {other}#y @{job}; {one} -> {job} -> {other}"),
                3 => format!("{one} = alias_of_{other}"),
                4 => format!("{one}; {one}!"),
                _ => format!("{one} -> {job} -> {other}"),
            });
        }
        statements.join("; ")
    }

    /// A submission whose times are as wild as clocks are; sometimes one that was sent before.
    fn submission(&mut self, sent: &[Submission]) -> Submission {
        if !sent.is_empty() && self.below(6) == 0 {
            return sent[self.below(sent.len() as u64) as usize].clone();
        }
        let seconds = match self.below(8) {
            0 => -1_000_000,
            1 => 4_000_000_000,
            _ => self.below(50) as i64,
        };
        let mut submission = match self.below(5) {
            0..=1 => {
                let source = self.of(&["orders/dbt", "growth/dbt", "finance/yaml"]);
                let facts = self.facts();
                snapshot(source, seconds, &facts)
            }
            2 => {
                let (one, other) = (self.name(), self.name());
                let facts = format!("{one} -> m -> {other}");
                events_of("orders/openlineage", job_event(seconds, &facts))
            }
            _ => {
                let (one, other) = (self.name(), self.name());
                let job = self.of(&["m", "n"]);
                let facts = format!("{one} -> {job} -> {other}");
                let state = self.of(&[Start, Complete, Complete, Fail]);
                let run = self.of(&["r1", "r2", "r3", "r4"]);
                events_of("growth/openlineage", event(run, seconds, state, &facts))
            }
        };
        // The clock of the service goes back and forth, too.
        let clock = 1_700_000_000_000_000 + self.below(1_000_000_000) as i64;
        submission.received_at = Timestamp::from_micros(clock);
        submission
    }
}

/// What the outside knows.
#[derive(Default)]
struct Known {
    acknowledged: Vec<Submission>,
    /// What was sent last and got no answer, if that is so.
    in_doubt: Option<Submission>,
}

impl Known {
    fn send(&mut self, fixture: &Fixture, submission: Submission) {
        match fixture.try_submit(submission.clone()) {
            // A repeat is acknowledged and adds nothing.
            Ok(receipt) if receipt.is_repeat => {}
            Ok(_) => self.acknowledged.push(submission),
            Err(SubmitError::DiskFull { .. }) => {}
            Err(SubmitError::Closed { .. }) => {
                self.in_doubt.get_or_insert(submission);
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Settles what was in doubt: it is there whole, or not at all.
    fn settle(&mut self, state: &dyn State) {
        let found = state_digest(state).expect("readable");
        let doubt = self.in_doubt.take();
        if found == digest_of(&self.acknowledged) {
            return;
        }
        self.acknowledged.extend(doubt);
        assert_eq!(
            found,
            digest_of(&self.acknowledged),
            "after {} acknowledged submissions the state is not what was acknowledged",
            self.acknowledged.len()
        );
    }
}

fn live(seed: u64) {
    let mut random = Random(seed);
    let disk = SimulatedDisk::new();
    let mut state: Arc<dyn State> = Arc::new(MemoryState::new());
    let mut known = Known::default();
    let mut running = start(&disk, &state);
    for _ in 0..STEPS {
        match random.below(12) {
            // Something goes wrong at one of the next writes.
            0 => {
                let fault = random.of(&[Fault::Fail, Fault::FailAndStop, Fault::Full, Fault::Halt]);
                disk.set_fault(disk.operations_count() + random.below(6), fault);
            }
            // The power goes; with it, at times, the whole state.
            1 => {
                drop(running.take());
                disk.cut_power(random.next());
            }
            2 if random.below(3) == 0 => {
                drop(running.take());
                state = Arc::new(MemoryState::new());
            }
            _ => {
                let submission = random.submission(&known.acknowledged);
                if let Some(fixture) = &running {
                    known.send(fixture, submission);
                }
            }
        }
        // A service that failed is started again, on the same machine.
        let has_failed = running
            .as_ref()
            .is_none_or(|fixture| fixture.engine.failure().is_some());
        if has_failed {
            drop(running.take());
            disk.clear_fault();
            running = start(&disk, &state);
            assert!(running.is_some(), "it does not start");
            known.settle(&*state);
        }
    }
    disk.clear_fault();
    let fixture = running.expect("it runs");
    known.settle(&*state);
    // At the end of its life it forgets some of it, which changes nothing that holds.
    let edges = fixture.edges();
    let prune = Prune {
        before: Timestamp::from_micros(random.below(60) as i64 * SECOND),
        received_at: Timestamp::from_micros(1_800_000_000_000_000),
    };
    fixture.engine.prune(prune, None).expect("pruned");
    assert_eq!(fixture.edges(), edges);
    fixture.engine.shut_down();
    let fresh: Arc<dyn State> = Arc::new(MemoryState::new());
    let rebuilt = rebuild(&*fixture.log, &fresh, Offset::MAX, &|_| {});
    let rebuilt = rebuilt.expect("rebuilt");
    assert_eq!(
        rebuilt.state_digest,
        state_digest(&*state).expect("readable")
    );
    // The graph that was kept up step by step is the one that follows from the state.
    let (again, _) = Fixture::over(Arc::clone(&fixture.log), fresh);
    assert_eq!(again.edges(), fixture.edges());
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

#[test]
fn no_life_loses_what_it_acknowledged() {
    if let Some(seed) = number("HEADWATER_SIMULATION_SEED") {
        println!("HEADWATER_SIMULATION_SEED={seed}");
        return live(seed);
    }
    for seed in 0..number("HEADWATER_SIMULATION_LIVES").unwrap_or(LIVES) {
        // Printed with what a failed test printed: the last one is that of the life that failed.
        println!("HEADWATER_SIMULATION_SEED={seed}");
        live(seed);
    }
}
