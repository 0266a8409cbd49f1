//! What many nodes of an answer need of the state, read at once.
//!
//! Each node says what it needs and waits for the next round ([`Stall`]); whoever is looked at first then reads for all
//! who waited. So an answer takes as many reads as one node of each of its lists does, however long these are.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use async_graphql::Result;
use headwater_engine::{
    AskError, AssertionPlace, Details, DiagnosticView, DiagnosticsQuestion, EdgeStatement,
    FieldLinkView, FieldLinksQuestion, JobPart, ParentRun, ProductDetails, ProductView,
    RunDatasets, RunStatements, RunView, RunsPage, RunsQuestion, SubmissionView,
    SubmissionsQuestion, WalkEdge,
};
use headwater_model::AssetIndex;
use parking_lot::Mutex;

use crate::error::{ask_error, internal};
use crate::stall::Stall;

/// What one request has read.
#[derive(Default)]
pub(crate) struct Loads {
    /// What sources say of an asset.
    pub(crate) details: Load<AssetIndex, Details>,
    /// What sources say of an edge.
    pub(crate) edges: Load<WalkEdge, EdgeStatement>,
    /// A field's links.
    pub(crate) links: Load<FieldLinksQuestion, Vec<FieldLinkView>>,
    /// The run that wrote a dataset last.
    pub(crate) last_write: Load<AssetIndex, Option<RunView>>,
    /// A job's newest run.
    pub(crate) latest_run: Load<AssetIndex, Option<RunView>>,
    /// The names that are one job.
    pub(crate) parts: Load<AssetIndex, Vec<JobPart>>,
    /// A page of a job's runs.
    pub(crate) runs: Load<RunsQuestion, RunsPage>,
    /// The run that a run is a part of.
    pub(crate) parent_runs: Load<ParentRun, Option<RunView>>,
    /// What a run read and wrote.
    pub(crate) run_datasets: Load<RunStatements, RunDatasets>,
    /// The run behind an assertion.
    pub(crate) runs_of_assertions: Load<AssertionPlace, Option<RunView>>,
    /// What is said of a data product.
    pub(crate) products: Load<ProductView, ProductDetails>,
    /// A page of a source's submissions.
    pub(crate) submissions: Load<SubmissionsQuestion, Vec<SubmissionView>>,
    /// How many submissions a source has.
    pub(crate) submissions_counts: Load<u32, usize>,
    /// A page of what was found in a submission.
    pub(crate) diagnostics: Load<DiagnosticsQuestion, Vec<DiagnosticView>>,
}

/// One thing that is read of many.
pub(crate) struct Load<K, V>(Mutex<Held<K, V>>);

struct Held<K, V> {
    /// What is to be read, and the round in which it was first asked for.
    waiting: BTreeMap<K, u64>,
    loaded: BTreeMap<K, Arc<V>>,
}

impl<K, V> Default for Load<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Held {
            waiting: BTreeMap::new(),
            loaded: BTreeMap::new(),
        }))
    }
}

impl<K: Ord + Clone, V> Held<K, V> {
    /// What was read of `keys`, once all of it is.
    fn all(&self, keys: &[K]) -> Option<Vec<Arc<V>>> {
        let loaded = keys.iter().map(|key| self.loaded.get(key).map(Arc::clone));
        loaded.collect()
    }

    fn ask(&mut self, keys: &[K], round: u64) {
        for key in keys.iter().filter(|key| !self.loaded.contains_key(key)) {
            self.waiting.entry(key.clone()).or_insert(round);
        }
    }
}

impl<K: Ord + Clone, V> Load<K, V> {
    /// What `read` reads of `key`; it reads for all who wait, and gives as many values as it is asked for.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) async fn get(
        &self,
        stall: &Stall,
        key: K,
        read: impl FnOnce(&[K]) -> Result<Vec<V>, AskError>,
    ) -> Result<Arc<V>> {
        let found = self.get_all(stall, &[key], read).await?.pop();
        found.ok_or_else(|| internal(&"nothing was read of what was asked for"))
    }

    /// The same of each of `keys`.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) async fn get_all(
        &self,
        stall: &Stall,
        keys: &[K],
        read: impl FnOnce(&[K]) -> Result<Vec<V>, AskError>,
    ) -> Result<Vec<Arc<V>>> {
        let asked_in = stall.round();
        {
            let mut held = self.0.lock();
            if let Some(loaded) = held.all(keys) {
                return Ok(loaded);
            }
            held.ask(keys, asked_in);
        }
        poll_fn(|context| {
            if stall.round() > asked_in {
                return Poll::Ready(());
            }
            stall.wait(context);
            Poll::Pending
        })
        .await;
        let mut held = self.0.lock();
        if let Some(loaded) = held.all(keys) {
            return Ok(loaded);
        }
        // Whoever read before and failed has taken these along.
        held.ask(keys, asked_in);
        // What was asked for since this round began waits for the next one, so that it is read together with the rest.
        let round = stall.round();
        let due: Vec<K> = held
            .waiting
            .extract_if(.., |_, asked_in| *asked_in < round)
            .map(|(key, _)| key)
            .collect();
        let values = read(&due).map_err(ask_error)?;
        held.loaded
            .extend(due.into_iter().zip(values.into_iter().map(Arc::new)));
        let loaded = held.all(keys);
        loaded.ok_or_else(|| internal(&"fewer values were read than were asked for"))
    }
}
