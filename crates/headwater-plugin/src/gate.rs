//! Turns: how many calls run at once, and a clock that ticks only while one does.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::EngineWeak;

#[derive(Debug, Default)]
struct State {
    running: u32,
    is_closed: bool,
}

/// Lets a bounded number of calls in at once.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    running_max: u32,
}

/// A place among the running calls; given back when dropped.
pub(crate) struct Turn<'gate>(&'gate Gate);

impl Gate {
    pub(crate) fn new(running_max: u32) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            running_max,
        })
    }

    // The state is two scalars: nothing in it can be half written by a thread that panicked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// How many calls run, if none of them ended within `timeout`.
    pub(crate) fn enter(&self, timeout: Duration) -> Result<Turn<'_>, u32> {
        let is_full = |state: &mut State| state.running >= self.running_max;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, is_full)
            .unwrap_or_else(PoisonError::into_inner);
        if state.running >= self.running_max {
            return Err(state.running);
        }
        state.running += 1;
        if state.running == 1 {
            self.changed.notify_all();
        }
        Ok(Turn(self))
    }

    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Increments the engine's epoch every `tick` while a call runs, on a thread that ends with the gate.
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
        while !state.is_closed {
            if state.running == 0 {
                state = (self.changed.wait(state)).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state = self.wait_until(state, Instant::now() + tick);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    }

    /// Waits for `due`, or for the end of the gate; calls that come and go do not shorten a tick.
    fn wait_until<'gate>(
        &self,
        state: MutexGuard<'gate, State>,
        due: Instant,
    ) -> MutexGuard<'gate, State> {
        let left = due.saturating_duration_since(Instant::now());
        self.changed
            .wait_timeout_while(state, left, |state| !state.is_closed)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gate_says_how_many_are_inside() {
        let gate = Gate::new(2);
        let first = gate.enter(Duration::ZERO).ok().expect("empty");
        let _second = gate.enter(Duration::ZERO).ok().expect("one place left");
        assert_eq!(gate.enter(Duration::from_millis(1)).err(), Some(2));
        drop(first);
        assert!(gate.enter(Duration::ZERO).is_ok());
    }
}
