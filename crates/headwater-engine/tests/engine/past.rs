//! Asking for the past: what held at a time, as known at an offset.

use std::collections::BTreeSet;

use std::sync::Arc;

use headwater_engine::{
    AsOf, AskError, Direction, EngineOptions, Granularity, LineageQuestion, Reference, View,
};
use headwater_model::{
    AssetIndex, AssetKind, Digest, EdgeKind, Mesh,
    RunState::{Abort, Complete, Fail, Running, Start},
    Statement, Submission, Timestamp,
};
use headwater_store::{MemoryLog, MemoryState};
use headwater_testkit::NaiveHistory;
use proptest::prelude::*;

use crate::support::{Fixture, SECOND, attribute, event, events_of, job_event, root, snapshot};

const SOURCE: &str = "orders/openlineage";

fn at(seconds: i64) -> AsOf {
    AsOf {
        valid_at: Some(Timestamp::from_micros(seconds * SECOND)),
        known_at: None,
    }
}

fn known(offset: u64) -> AsOf {
    AsOf {
        valid_at: None,
        known_at: Some(offset),
    }
}

/// The edges of a view without their jobs, one a word.
fn edges(view: &View) -> String {
    pairs(view)
        .into_iter()
        .map(|(from, to)| format!("{from}>{to}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn pairs(view: &View) -> BTreeSet<(String, String)> {
    let name = |index| {
        let asset = view.asset(index).expect("there");
        asset.name.to_owned()
    };
    let mut found = BTreeSet::new();
    for index in 0..view.graph_size().0 as u32 {
        let index = AssetIndex::new(index);
        for kind in [
            EdgeKind::Reads,
            EdgeKind::Writes,
            EdgeKind::Derives,
            EdgeKind::Follows,
        ] {
            if kind == EdgeKind::Writes && view.asset(index).expect("there").kind == AssetKind::Job
            {
                let outputs = view.neighbours(index, kind, false);
                found.extend(outputs.into_iter().map(|to| (name(index), name(to))));
            } else if kind != EdgeKind::Writes {
                let is_reader = view.asset(index).expect("there").kind == AssetKind::Job;
                if kind == EdgeKind::Reads && !is_reader {
                    continue;
                }
                let inputs = view.neighbours(index, kind, true);
                found.extend(inputs.into_iter().map(|from| (name(from), name(index))));
            }
        }
    }
    found
}

fn edges_as_of(fixture: &Fixture, as_of: AsOf) -> String {
    edges(&fixture.view().as_of(&as_of).expect("an answer"))
}

#[test]
fn what_nobody_spoke_of_yet_or_any_more_is_no_exhaustive_answer() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "a -> j -> b; a; b"));
    fixture.submit(snapshot("orders/dbt", 20, ""));
    let check_of = |name: &str, as_of: AsOf| {
        let view = fixture.view().as_of(&as_of).expect("an answer");
        let index = view.require(&Reference::Text(name.into()));
        let question = LineageQuestion {
            of: vec![root(index.expect("known"))],
            granularity: Granularity::Dataset,
            direction: Direction::Downstream,
            depth_hops_max: None,
            filter: None,
            stop_at: None,
            nodes_max: 10,
            edges_max: 10,
            is_over: &|| false,
        };
        let found = view.lineage(&question);
        let completeness = found.completeness;
        (completeness.unresolved_count, completeness.is_exhaustive())
    };
    for name in ["db/a", "job:etl/j"] {
        let check = |as_of: AsOf| check_of(name, as_of);
        assert_eq!(check(at(9)), (1, false), "nobody had spoken of {name}");
        assert_eq!(check(at(10)), (0, true), "{name}");
        assert_eq!(check(at(20)), (1, false), "nobody speaks of {name}");
    }
}

#[test]
fn a_snapshot_holds_from_its_time_until_the_next_one() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "a -> j -> b"));
    fixture.submit(snapshot("orders/dbt", 20, "c -> j -> b"));
    assert_eq!(edges_as_of(&fixture, at(9)), "");
    assert_eq!(edges_as_of(&fixture, at(10)), "a>j j>b");
    assert_eq!(edges_as_of(&fixture, at(19)), "a>j j>b");
    assert_eq!(edges_as_of(&fixture, at(20)), "c>j j>b");
    assert_eq!(edges_as_of(&fixture, at(99)), "c>j j>b");
}

#[test]
fn what_was_known_at_an_offset_is_told_apart_from_what_held() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "a -> j -> b"));
    fixture.submit(snapshot("orders/dbt", 30, "c -> j -> b"));
    // Late: it held from 20 to 30, and nobody knew that before the third offset.
    fixture.submit(snapshot("orders/dbt", 20, "x -> j -> b"));
    assert_eq!(edges_as_of(&fixture, at(25)), "j>b x>j");
    assert_eq!(edges_as_of(&fixture, at(15)), "a>j j>b");
    assert_eq!(edges_as_of(&fixture, at(35)), "c>j j>b");
    let before = AsOf {
        known_at: Some(2),
        ..at(25)
    };
    assert_eq!(edges_as_of(&fixture, before), "a>j j>b");
    assert_eq!(edges_as_of(&fixture, known(1)), "a>j j>b");
    assert_eq!(edges_as_of(&fixture, known(2)), "c>j j>b");
    assert_eq!(edges_as_of(&fixture, known(0)), "");
}

#[test]
fn an_offset_that_is_yet_to_come_is_refused() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "a -> j -> b"));
    let refused = fixture.view().as_of(&known(2)).err().expect("refused");
    assert!(
        matches!(
            refused,
            AskError::NotYetVisible {
                offset: 2,
                newest: 1
            }
        ),
        "{refused}"
    );
}

#[test]
fn a_run_speaks_from_its_start_and_an_edge_ends_at_a_completion() {
    let fixture = Fixture::new();
    for (run, seconds, state, text) in [
        ("1", 10, Start, "a -> j ->"),
        ("1", 14, Complete, "-> j -> b"),
    ] {
        fixture.submit(events_of(SOURCE, event(run, seconds, state, text)));
    }
    assert_eq!(edges_as_of(&fixture, at(11)), "a>j j>b");
    for run in 2..=11 {
        let event = event(&run.to_string(), 10 * run, Start, "c -> j ->");
        fixture.submit(events_of(SOURCE, event));
        let event = crate::support::event(&run.to_string(), 10 * run + 5, Complete, "-> j -> b");
        fixture.submit(events_of(SOURCE, event));
    }
    assert_eq!(edges_as_of(&fixture, at(19)), "a>j j>b");
    assert_eq!(edges_as_of(&fixture, at(20)), "a>j c>j j>b");
    assert_eq!(edges_as_of(&fixture, at(114)), "a>j c>j j>b");
    assert_eq!(edges_as_of(&fixture, at(115)), "c>j j>b");
}

#[test]
fn an_asset_that_is_gone_now_was_there_then() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "a.x:int; b"));
    fixture.submit(snapshot("orders/dbt", 20, "b"));
    let view = fixture.view();
    let then = view.as_of(&at(15)).expect("an answer");
    let a = AssetIndex::new(0);
    assert!(view.asset(a).expect("known").is_retired);
    assert!(!then.asset(a).expect("known").is_retired);
    let details = then.details(a).expect("readable");
    assert_eq!(details.asserted_by.len(), 1);
    assert_eq!(
        details.asserted_by[0].valid_to,
        Some(Timestamp::from_micros(20 * SECOND))
    );
    assert_eq!(details.fields.len(), 1);
    assert_eq!(
        then.asset(a).expect("known").domain.as_deref(),
        Some("orders")
    );
    let details = view.details(a).expect("readable");
    assert_eq!(
        details.retired_at,
        Some(Timestamp::from_micros(20 * SECOND))
    );
}

#[test]
fn fields_are_walked_as_they_were() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "a#x => b#y"));
    fixture.submit(snapshot("orders/dbt", 20, "a#x => b#z"));
    let fields = |view: &View| {
        let of = view
            .by_name(&crate::support::dataset("b").dataset())
            .expect("readable");
        let details = view.details(of.expect("known")).expect("readable");
        details
            .fields
            .iter()
            .map(|field| field.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(&fixture.view()), ["z"]);
    assert_eq!(fields(&fixture.view().as_of(&at(12)).expect("then")), ["y"]);
}

#[test]
fn a_past_answer_uses_the_names_known_at_its_offset() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "a -> j -> b"));
    fixture.submit(snapshot("growth/dbt", 20, "B -> k -> c"));
    fixture.submit(snapshot("mesh/links", 30, "b = B"));
    let canonical = |as_of: AsOf| {
        let view = fixture.view().as_of(&as_of).expect("an answer");
        let of = view
            .by_name(&crate::support::dataset("B").dataset())
            .expect("readable");
        view.asset(of.expect("known"))
            .expect("there")
            .name
            .to_owned()
    };
    assert_eq!(canonical(known(2)), "B");
    assert_eq!(canonical(known(3)), "b");
    assert_eq!(
        canonical(at(22)),
        "b",
        "what is known now of what held then"
    );
    assert_eq!(edges_as_of(&fixture, known(2)), "B>k a>j j>b k>c");
    assert_eq!(edges_as_of(&fixture, at(22)), "a>j b>k j>b k>c");
}

const TEXTS: [&str; 6] = [
    "a -> j ->",
    "-> j -> b",
    "a, c -> j -> b",
    "-> j ->",
    "c -> j -> d",
    "a -> j -> b; a => b @j",
];

/// One submission of a random history: what kind, which run, when, state, text.
type Step = (u8, u8, i64, u8, u8);

fn submission(step: Step) -> Submission {
    let (kind, run, seconds, state, text) = step;
    let text = TEXTS[usize::from(text)];
    match kind {
        0 => snapshot("orders/dbt", seconds, text),
        1 => events_of(SOURCE, job_event(seconds, text)),
        _ => {
            let state = [Start, Running, Complete, Complete, Fail, Abort][usize::from(state)];
            let mut event = event(&run.to_string(), seconds, state, text);
            if kind == 2 {
                event.definition = Some(Digest::of(&[run % 3]));
            }
            events_of(SOURCE, event)
        }
    }
}

/// Checks every time at every offset against the reference.
fn check(steps: &[Step], keep_runs: u32) -> Result<(), TestCaseError> {
    let fixture = Fixture::new();
    let mesh = Mesh::new(keep_runs, Vec::new()).expect("a mesh");
    fixture
        .engine
        .set_mesh(mesh, Timestamp::EPOCH)
        .expect("accepted");
    let mut naive = NaiveHistory::new(keep_runs as usize);
    let mut offsets = vec![0];
    for step in steps {
        let submission = submission(*step);
        let receipt = fixture.submit(submission.clone());
        if !receipt.is_repeat {
            naive.add(receipt.offset, submission);
            offsets.push(receipt.offset);
        }
    }
    let view = fixture.view();
    let mut times: BTreeSet<i64> = steps.iter().map(|step| step.2).collect();
    times.insert(-1);
    for offset in offsets.iter().rev().step_by(3) {
        for time in &times {
            let as_of = AsOf {
                known_at: Some(*offset),
                ..at(*time)
            };
            let found = pairs(&view.as_of(&as_of).expect("an answer"));
            let expected = naive.edges(time * SECOND, *offset).into_iter();
            let expected: BTreeSet<_> = expected
                .map(|(from, to, _)| (from.name.name.to_string(), to.name.name.to_string()))
                .collect();
            prop_assert_eq!(found, expected, "at {}, known at {}", time, offset);
        }
    }
    Ok(())
}

/// All that a view shows of its graph: rows, edges, edges between fields.
fn whole(view: &View) -> String {
    let mut lines = vec![format!("{:?}", pairs(view))];
    for index in (0..view.graph_size().0 as u32).map(AssetIndex::new) {
        lines.push(format!("{:?}", view.asset(index)));
        for granularity in [Granularity::Dataset, Granularity::Field] {
            let question = LineageQuestion {
                of: vec![root(index)],
                granularity,
                direction: Direction::Downstream,
                depth_hops_max: Some(1),
                filter: None,
                stop_at: None,
                nodes_max: 1_000,
                edges_max: 1_000,
                is_over: &|| false,
            };
            let mut edges: Vec<String> = view
                .lineage(&question)
                .edges
                .iter()
                .map(|edge| format!("{edge:?}"))
                .collect();
            edges.sort();
            lines.push(edges.join(" "));
        }
    }
    lines.join("\n")
}

/// Statements whose effect on a time before them is asked about after each of them.
const STREAM_TEXTS: [&str; 10] = [
    "a -> j -> b",
    "a, c -> j -> b; a => b @j",
    "c -> k -> d; j ~> k",
    "a#x => b#y @j; a -> j -> b",
    "a#x => b#z; c#* => b#z; a#y => b#y",
    "b.y:int; d!",
    "?a; b",
    "b = d",
    "e -> m -> f",
    "",
];

fn streamed(step: (u8, i64, u8, u8)) -> Submission {
    let (who, seconds, text, owner) = step;
    let text = STREAM_TEXTS[usize::from(text)];
    let mut submission = match who {
        0 | 1 if text.contains("->") && !text.contains('=') => events_of(
            SOURCE,
            job_event(seconds, text.split(';').next().expect("one")),
        ),
        0 | 1 => snapshot("growth/dbt", seconds, text),
        _ => snapshot("orders/dbt", seconds, text),
    };
    if let Statement::Snapshot(snapshot) = &mut submission.statement {
        let owner = attribute("b", "owner", &format!("team-{owner}"));
        snapshot.facts.attributes.push(owner);
        snapshot.digest = Digest::of(format!("{step:?}").as_bytes());
    }
    submission
}

/// Asks about the same times after every submission, and compares with a graph that is built from nothing.
fn check_stream(steps: &[(u8, i64, u8, u8)], times: &[i64]) -> Result<(), TestCaseError> {
    let never_kept = EngineOptions {
        past_graphs_max: 0,
        ..EngineOptions::default()
    };
    let (log, state) = (Arc::new(MemoryLog::new()), Arc::new(MemoryState::new()));
    let (anew, _) = Fixture::with(log, state, never_kept);
    let carried = Fixture::new();
    for (number, step) in steps.iter().enumerate() {
        anew.submit(streamed(*step));
        carried.submit(streamed(*step));
        if number % 5 == 4 {
            let mesh = Mesh::new(3 + number as u32, Vec::new()).expect("a mesh");
            let at = Timestamp::EPOCH;
            anew.engine.set_mesh(mesh.clone(), at).expect("accepted");
            carried.engine.set_mesh(mesh, at).expect("accepted");
        }
        for time in times {
            let expected = whole(&anew.view().as_of(&at(*time)).expect("an answer"));
            let found = whole(&carried.view().as_of(&at(*time)).expect("an answer"));
            prop_assert_eq!(found, expected, "at {}, after step {}", time, number);
        }
    }
    Ok(())
}

/// A run whose definition is told by a later event of it, and one that turns out to run beside another version.
#[test]
fn an_event_may_change_which_version_a_run_belonged_to() {
    let told_late: [Step; 4] = [
        (2, 2, 18, 0, 0),
        (2, 4, 17, 0, 4),
        (3, 1, 17, 0, 1),
        (2, 1, 18, 0, 1),
    ];
    check(&told_late, 10).expect("told late");
    let beside: [Step; 4] = [
        (2, 0, 10, 0, 1),
        (2, 1, 12, 0, 4),
        (2, 2, 20, 0, 0),
        (2, 0, 20, 1, 1),
    ];
    check(&beside, 10).expect("beside");
}

fn is_snapshot(submission: &Submission) -> bool {
    matches!(submission.statement, Statement::Snapshot(_))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// In any order of arrival, as long as no run is forgotten.
    #[test]
    fn every_time_at_every_offset_is_as_the_reference_says(
        steps in prop::collection::vec((0..6u8, 0..5u8, 0..30i64, 0..6u8, 0..6u8), 1..20),
    ) {
        // Two snapshots of one time replace each other in the order of arrival.
        let mut seen = BTreeSet::new();
        let steps: Vec<Step> = steps
            .into_iter()
            .filter(|step| !is_snapshot(&submission(*step)) || seen.insert(step.2))
            .collect();
        check(&steps, 10)?;
    }

    /// In the order of time, with runs that are forgotten; all of them name datasets from their first event on, and
    /// none begins anew.
    #[test]
    fn runs_that_are_forgotten_stay_in_the_past(
        steps in prop::collection::vec((3..6u8, 0..20u8, 0..40i64, 0..6u8, 0..3u8), 1..40),
    ) {
        let mut steps = steps;
        steps.sort_by_key(|step| step.2);
        steps.dedup_by_key(|step| step.2);
        let mut ended = BTreeSet::new();
        steps.retain(|step| match step.3 {
            0 => !ended.contains(&step.1),
            1 => true,
            _ => ended.insert(step.1),
        });
        check(&steps, 2)?;
    }

    /// Whatever comes meanwhile: before the time, at it, after it, of other names for an asset, of another mesh.
    #[test]
    fn a_time_that_is_asked_about_again_and_again_is_as_if_asked_for_the_first_time(
        steps in prop::collection::vec((0..4u8, 0..30i64, 0..10u8, 0..3u8), 1..12),
        times in prop::array::uniform3(0..30i64),
    ) {
        check_stream(&steps, &times)?;
    }
}
