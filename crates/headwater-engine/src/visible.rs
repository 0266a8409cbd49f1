//! Waiting for an offset to become visible, without holding a thread.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::engine::Shared;

/// Who waits for which offset.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<Held>);

#[derive(Default)]
struct Held {
    next: u64,
    /// By offset, then in the order of their coming.
    wakers: BTreeMap<(u64, u64), Waker>,
}

impl Waiting {
    /// Wakes all who wait for `offset` or one before it. It must be published already.
    pub(crate) fn wake(&self, offset: u64) {
        let due = {
            let mut held = self.0.lock();
            let later = held.wakers.split_off(&(offset.saturating_add(1), 0));
            std::mem::replace(&mut held.wakers, later)
        };
        due.into_values().for_each(Waker::wake);
    }
}

/// Ready once an offset is visible to whoever asks next. Made by [`crate::Engine::visible`].
pub struct Visible {
    shared: Arc<Shared>,
    offset: u64,
    place: Option<(u64, u64)>,
}

impl Visible {
    pub(crate) fn new(shared: Arc<Shared>, offset: u64) -> Self {
        Self {
            shared,
            offset,
            place: None,
        }
    }

    fn is_visible(&self) -> bool {
        self.shared.published.load().offset.get() >= self.offset
    }
}

impl Future for Visible {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.is_visible() {
            return Poll::Ready(());
        }
        let place = {
            let mut held = self.shared.waiting.0.lock();
            let place = self.place.unwrap_or_else(|| {
                held.next += 1;
                (self.offset, held.next)
            });
            held.wakers.insert(place, context.waker().clone());
            place
        };
        self.place = Some(place);
        // What was published before this one was listed woke nobody.
        if self.is_visible() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Visible {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.shared.waiting.0.lock().wakers.remove(&place);
        }
    }
}
