//! How often the state is asked for a page.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_graphql::{Api, Limits};
use headwater_model::{RunDetails, RunState};
use headwater_store::{
    MemoryState, Offset, Scan, ScanVisit, State, StateBatch, StateError, StoredBytes,
};
use serde_json::Value;

use crate::support::{LAKE, ask, attribute, engine_over, fan, name, run_event, snapshot};

/// A state that counts its calls: one for a call that takes many keys.
#[derive(Default)]
pub(crate) struct Counting {
    state: MemoryState,
    calls: AtomicUsize,
}

impl Counting {
    fn count(&self) -> &MemoryState {
        self.calls.fetch_add(1, Ordering::Relaxed);
        &self.state
    }
}

impl State for Counting {
    fn get(&self, key: &[u8]) -> Result<Option<StoredBytes>, StateError> {
        self.count().get(key)
    }

    fn scan_range<'a>(&'a self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Scan<'a> {
        self.count().scan_range(from, to)
    }

    fn get_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<StoredBytes>>, StateError> {
        self.count().get_many(keys)
    }

    fn scan_many(&self, prefixes: &[Vec<u8>], visit: &mut ScanVisit<'_>) -> Result<(), StateError> {
        self.count().scan_many(prefixes, visit)
    }

    fn apply(&self, batch: &StateBatch, applied: Offset) -> Result<(), StateError> {
        self.state.apply(batch, applied)
    }

    fn applied_offset(&self) -> Result<Offset, StateError> {
        self.state.applied_offset()
    }

    fn clear(&self) -> Result<(), StateError> {
        self.state.clear()
    }

    fn bytes_on_disk(&self) -> Result<u64, StateError> {
        self.state.bytes_on_disk()
    }
}

fn counted() -> (Arc<Counting>, Api) {
    let state = Arc::new(Counting::default());
    let engine = engine_over(Arc::clone(&state) as Arc<dyn State>);
    let mut facts = fan(80);
    for at in 0..80 {
        let out = name(LAKE, &format!("fan/out-{at}")).dataset();
        facts
            .attributes
            .push(attribute(out.clone(), "owner", &format!("team-{at}")));
        facts.attributes.push(attribute(out, "tag", "wide"));
    }
    let submissions = [
        snapshot("orders/fan", facts, Vec::new()),
        run_event(
            "1",
            1,
            RunState::Start,
            (&["a"], &["b", "c"]),
            RunDetails::default(),
        ),
        run_event(
            "1",
            2,
            RunState::Complete,
            (&["a"], &["b", "c"]),
            RunDetails::default(),
        ),
    ];
    for submission in submissions {
        engine.submit_and_wait(submission).expect("accepted");
    }
    (state, Api::new(Arc::new(engine), Limits::default()))
}

pub(crate) fn calls(state: &Counting, api: &Api, query: &str) -> (usize, Value) {
    state.calls.store(0, Ordering::Relaxed);
    let answer = ask(api, query);
    (state.calls.load(Ordering::Relaxed), answer)
}

#[track_caller]
fn check(selection: &str, expected: usize) {
    let (state, api) = counted();
    let mut found = Vec::new();
    for first in [5, 10, 20, 40, 80] {
        let query = format!(
            "{{ assets(first: {first}, filter: {{ text: \"fan/\" }}) {{ nodes {{ {selection} }} }} }}"
        );
        let (count, answer) = calls(&state, &api, &query);
        let nodes = answer["assets"]["nodes"].as_array().map(Vec::len);
        assert_eq!(nodes, Some(first));
        found.push(count);
    }
    assert_eq!(found, [expected; 5], "{selection}");
}

#[test]
fn what_the_graph_knows_takes_no_call_of_the_state() {
    check(
        "id reference namespace name type domain { name } ... on Dataset { isUnresolved dataProduct { name } \
            producedBy { totalCount nodes { name reference domain { id } } } }",
        0,
    );
}

#[test]
fn a_page_takes_as_many_calls_of_the_state_as_one_asset() {
    // Aliases, names, claims, slots.
    check(
        "description owners { name } tags { name assertedBy { name } } firstSeen lastSeen facets",
        4,
    );
    check(
        "assertedBy { source { name } evidence { pointer } } ... on Dataset { fields { nodes { name type } } }",
        4,
    );
    // Lists in lists are read together with what they stand in.
    check(
        "description domain { name } ... on Dataset { fields { nodes { name tags { name } } } \
            producedBy { nodes { name description owners { name } \
                outputs(first: 3) { nodes { description tags { name } } } } } }",
        4,
    );
    // Aliases and slots of the jobs that write them.
    check("... on Dataset { lastWrite { runId } }", 2);
}

#[test]
fn the_run_that_wrote_last_is_read_for_all_datasets_at_once() {
    let (state, api) = counted();
    let query = |first: usize| {
        format!(
            "{{ job(namespace: \"dbt://shop\", name: \"load\") {{ outputs(first: {first}) {{ nodes {{ \
                lastWrite {{ runId state }} producedBy {{ nodes {{ latestRun {{ runId }} }} }} }} }} }} }}"
        )
    };
    let (one, _) = calls(&state, &api, &query(1));
    let (two, answer) = calls(&state, &api, &query(2));
    let nodes = answer["job"]["outputs"]["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.len(), 2);
    for node in nodes {
        assert_eq!(node["lastWrite"]["runId"], "1");
        assert_eq!(node["producedBy"]["nodes"][0]["latestRun"]["runId"], "1");
    }
    assert_eq!(one, two);
}
