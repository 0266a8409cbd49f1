//! When sources are fetched.

use std::sync::Arc;
use std::time::Duration;

use headwater_model::SourceKey;

use crate::record::Trigger;
use crate::service::{Shared, State};

/// How often it is looked whether it is time.
const TICK: Duration = Duration::from_secs(1);

/// Queues sources whose time has come, until the service stops. One that is overdue since the last start is due now.
pub(crate) fn run(shared: &Arc<Shared>) {
    let mut state = shared.state.lock();
    while !state.is_stopping {
        let now = shared.now();
        for key in due(&state, now) {
            let queued = shared.enqueue(&mut state, &key, Trigger::Schedule, |record, _| {
                if let Some(fetch) = &mut record.fetch {
                    fetch.last_at = Some(now);
                }
                Ok(())
            });
            if let Err(error) = queued {
                tracing::warn!(source = %key, "{key} is not fetched: {error}");
            }
        }
        shared.wake.wait_for(&mut state, TICK);
    }
}

fn due(state: &State, now: i64) -> Vec<SourceKey> {
    let sources = state.sources.iter();
    sources
        .filter(|(key, source)| {
            let Some(fetch) = &source.fetch else {
                return false;
            };
            let every = i64::try_from(fetch.every_seconds.saturating_mul(1_000_000));
            let every = every.unwrap_or(i64::MAX);
            let is_time = fetch
                .last_at
                .is_none_or(|last| last.saturating_add(every) <= now || last > now);
            is_time
                && source.paused.is_none()
                && !state.running.contains(*key)
                && !state.queue.contains(*key)
        })
        .map(|(key, _)| key.clone())
        .collect()
}
