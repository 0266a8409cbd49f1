//! Knowing when all of a request waits to read.
//!
//! All resolvers of a request run on one thread. Those that need the state say what they need and wait. Once nothing
//! else of the request can go on, a round begins: each thing that is read is read once, for all who wait.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

/// The rounds of reading of one request, and who waits for the next one.
#[derive(Default)]
pub(crate) struct Stall {
    round: AtomicU64,
    waiting: Mutex<Vec<Waker>>,
}

impl Stall {
    /// How many rounds have begun.
    pub(crate) fn round(&self) -> u64 {
        self.round.load(Ordering::Relaxed)
    }

    /// Wakes `context` when the next round begins.
    pub(crate) fn wait(&self, context: &Context<'_>) {
        self.waiting.lock().push(context.waker().clone());
    }

    /// Begins a round; false if nobody waits for one.
    fn begin_round(&self) -> bool {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        if waiting.is_empty() {
            return false;
        }
        self.round.fetch_add(1, Ordering::Relaxed);
        waiting.into_iter().for_each(Waker::wake);
        true
    }

    /// Runs a request, and begins a round whenever all of it waits.
    pub(crate) async fn run<F: Future>(&self, request: F) -> F::Output {
        let mut request = pin!(request);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        std::future::poll_fn(move |outer| {
            woken.outer.lock().clone_from(&Some(outer.waker().clone()));
            loop {
                woken.is_woken.store(false, Ordering::SeqCst);
                let polled = request.as_mut().poll(&mut Context::from_waker(&waker));
                if let Poll::Ready(answer) = polled {
                    return Poll::Ready(answer);
                }
                if !woken.is_woken.load(Ordering::SeqCst) && !self.begin_round() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Notes that something of a request can go on.
#[derive(Default)]
struct Woken {
    is_woken: AtomicBool,
    /// Who runs the request.
    outer: Mutex<Option<Waker>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        if let Some(outer) = &*self.outer.lock() {
            outer.wake_by_ref();
        }
    }
}
