//! Turns: how many calls run at once, and a clock that stops when none does.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use headwater_model::Digest;
use wasmtime::EngineWeak;

/// Ticks without a call after which the clock stops: waking it costs more than a few ticks.
const IDLE_TICKS_MAX: u32 = 100;

#[derive(Debug, Default)]
struct State {
    running: u32,
    /// Of these, the calls of each component.
    running_of: BTreeMap<Digest, u32>,
    is_closed: bool,
    is_clock_stopped: bool,
}

/// Lets a bounded number of calls in at once, and of one component no more than three quarters of them: one that never
/// ends leaves turns to the others.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    /// A call ended.
    freed: Condvar,
    /// The clock must go again, or the gate is closed.
    woken: Condvar,
    running_max: u32,
}

/// A place among the running calls; given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    gate: Arc<Gate>,
    component: Digest,
}

impl Gate {
    pub(crate) fn new(running_max: u32) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            freed: Condvar::new(),
            woken: Condvar::new(),
            running_max,
        })
    }

    // The state is a few scalars: nothing in it can be half written by a thread that panicked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn of `component`.
    ///
    /// # Errors
    /// How many calls run, if none of those that are in the way ended within `timeout`.
    pub(crate) fn enter(
        self: &Arc<Self>,
        component: Digest,
        timeout: Duration,
    ) -> Result<Turn, u32> {
        let of_one_max = self.running_max - self.running_max / 4;
        let is_full = |state: &mut State| {
            let of_it = state.running_of.get(&component).copied().unwrap_or(0);
            state.running >= self.running_max || of_it >= of_one_max
        };
        let (mut state, _) = self
            .freed
            .wait_timeout_while(self.lock(), timeout, is_full)
            .unwrap_or_else(PoisonError::into_inner);
        if is_full(&mut state) {
            return Err(state.running);
        }
        state.running += 1;
        *state.running_of.entry(component).or_default() += 1;
        if state.is_clock_stopped {
            self.woken.notify_all();
        }
        Ok(Turn {
            gate: Arc::clone(self),
            component,
        })
    }

    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.woken.notify_all();
    }

    /// Increments the engine's epoch every `tick` while calls run, on a thread that ends with the gate.
    ///
    /// The engine is held weakly, so the thread never keeps one alive.
    pub(crate) fn start_ticking(
        self: &Arc<Self>,
        engine: EngineWeak,
        tick: Duration,
    ) -> std::io::Result<()> {
        let gate = Arc::clone(self);
        thread::Builder::new()
            .name("extractor-clock".into())
            .spawn(move || gate.tick_until_closed(&engine, tick))
            .map(drop)
    }

    fn tick_until_closed(&self, engine: &EngineWeak, tick: Duration) {
        let mut state = self.lock();
        let mut idle_ticks = 0;
        while !state.is_closed {
            idle_ticks = if state.running > 0 { 0 } else { idle_ticks + 1 };
            if idle_ticks > IDLE_TICKS_MAX {
                state.is_clock_stopped = true;
                state = (self.woken)
                    .wait_while(state, |state| state.running == 0 && !state.is_closed)
                    .unwrap_or_else(PoisonError::into_inner);
                state.is_clock_stopped = false;
                idle_ticks = 0;
            }
            state = (self.woken)
                .wait_timeout_while(state, tick, |state| !state.is_closed)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        state.running -= 1;
        if let Some(running) = state.running_of.get_mut(&self.component) {
            *running -= 1;
            if *running == 0 {
                state.running_of.remove(&self.component);
            }
        }
        drop(state);
        // Not everybody who waits may go next, so everybody looks.
        self.gate.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gate_says_how_many_are_inside() {
        let gate = Gate::new(2);
        let component = Digest::of(b"a");
        let enter = |timeout| gate.enter(component, timeout);
        let first = enter(Duration::ZERO).expect("empty");
        let _second = enter(Duration::ZERO).expect("one place left");
        assert_eq!(enter(Duration::from_millis(1)).err(), Some(2));
        drop(first);
        assert!(enter(Duration::ZERO).is_ok());
    }

    #[test]
    fn one_component_leaves_a_quarter_of_the_turns_to_the_others() {
        let gate = Gate::new(8);
        let (greedy, other) = (Digest::of(b"greedy"), Digest::of(b"other"));
        let mut turns: Vec<_> = (0..6)
            .map(|_| gate.enter(greedy, Duration::ZERO).expect("its share"))
            .collect();
        assert_eq!(gate.enter(greedy, Duration::ZERO).err(), Some(6));
        let others = [(); 2].map(|()| gate.enter(other, Duration::ZERO).expect("their share"));
        assert_eq!(gate.enter(other, Duration::ZERO).err(), Some(8));
        turns.pop();
        assert!(gate.enter(greedy, Duration::ZERO).is_ok());
        drop(others);
    }
}
