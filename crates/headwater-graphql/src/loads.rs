//! What many nodes of an answer need of the state, read at once.
//!
//! All nodes of a list are resolved beside each other on one thread. Each says what it needs and steps back; when no
//! more is asked for, the first to be looked at again reads for all of them. So a page takes as many reads as one
//! node does, however lists stand in lists.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use async_graphql::Result;
use headwater_engine::{AskError, Details, RunView};
use headwater_model::AssetIndex;
use parking_lot::Mutex;

use crate::error::{ask_error, internal};

/// Looks in which nothing new was asked for, until what was asked for is read. Long lists are looked at two nodes at a
/// time, and some nodes ask for nothing.
const QUIET_LOOKS: u32 = 3;

/// What one request has read of assets.
#[derive(Default)]
pub(crate) struct Loads {
    /// What sources say of an asset.
    pub(crate) details: Load<Details>,
    /// The run that wrote a dataset last.
    pub(crate) last_write: Load<Option<RunView>>,
    /// A job's newest run.
    pub(crate) latest_run: Load<Option<RunView>>,
}

/// One thing that is read of assets.
pub(crate) struct Load<V>(Mutex<Held<V>>);

struct Held<V> {
    waiting: BTreeSet<AssetIndex>,
    /// How often anything was asked for.
    asked_count: u64,
    loaded: BTreeMap<AssetIndex, Arc<V>>,
}

impl<V> Default for Load<V> {
    fn default() -> Self {
        Self(Mutex::new(Held {
            waiting: BTreeSet::new(),
            asked_count: 0,
            loaded: BTreeMap::new(),
        }))
    }
}

impl<V> Load<V> {
    /// What `read` reads of `index`; it reads for all who wait, and gives as many values as it is asked for.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) async fn get(
        &self,
        index: AssetIndex,
        read: impl FnOnce(&[AssetIndex]) -> Result<Vec<V>, AskError>,
    ) -> Result<Arc<V>> {
        let mut asked_count = {
            let mut held = self.0.lock();
            if let Some(loaded) = held.loaded.get(&index) {
                return Ok(Arc::clone(loaded));
            }
            held.waiting.insert(index);
            held.asked_count += 1;
            held.asked_count
        };
        let mut quiet_looks = 0;
        while quiet_looks < QUIET_LOOKS {
            step_back().await;
            let held = self.0.lock();
            if let Some(loaded) = held.loaded.get(&index) {
                return Ok(Arc::clone(loaded));
            }
            if held.asked_count == asked_count {
                quiet_looks += 1;
            } else {
                asked_count = held.asked_count;
                quiet_looks = 0;
            }
        }
        let mut held = self.0.lock();
        // Whoever read before and failed has taken this one along.
        held.waiting.insert(index);
        let waiting: Vec<AssetIndex> = std::mem::take(&mut held.waiting).into_iter().collect();
        let values = read(&waiting).map_err(ask_error)?;
        held.loaded
            .extend(waiting.into_iter().zip(values.into_iter().map(Arc::new)));
        let loaded = held.loaded.get(&index).map(Arc::clone);
        loaded.ok_or_else(|| internal(&"fewer assets were read than were asked for"))
    }
}

/// Lets all others that are to be looked at be looked at first.
async fn step_back() {
    let mut has_stepped_back = false;
    poll_fn(|context| {
        if has_stepped_back {
            return Poll::Ready(());
        }
        has_stepped_back = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
