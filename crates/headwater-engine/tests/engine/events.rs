//! Run events: which runs speak for their job.

use headwater_engine::{
    Direction::{self, Downstream, Upstream},
    Granularity, ImpactQuestion, Reference,
};
use headwater_model::{
    Digest,
    RunState::{self, Complete, Fail, Running, Start},
};
use proptest::prelude::*;

use crate::support::{Fixture, event, events_of, job_event, root};

const SOURCE: &str = "orders/openlineage";

fn after(events: &[(&str, i64, RunState, &str)]) -> Fixture {
    let fixture = Fixture::new();
    for (run, seconds, state, text) in events {
        fixture.submit(events_of(SOURCE, event(run, *seconds, *state, text)));
    }
    fixture
}

#[test]
fn inputs_on_start_and_outputs_on_complete_are_one_run() {
    let fixture = after(&[
        ("1", 1, Start, "a -> j ->"),
        ("1", 2, Complete, "-> j -> b"),
    ]);
    assert_eq!(fixture.edges(), "a -> j\nj -> b");
}

#[test]
fn a_running_run_adds_from_its_start_on() {
    let fixture = after(&[("1", 1, Start, "a -> j ->"), ("1", 2, Running, "-> j -> b")]);
    assert_eq!(fixture.edges(), "a -> j\nj -> b");
}

#[test]
fn a_failed_run_ends_nothing() {
    let mut events = vec![("1", 1, Complete, "a -> j -> b")];
    let runs: Vec<String> = (2..40).map(|run| run.to_string()).collect();
    events.extend(
        runs.iter()
            .enumerate()
            .map(|(at, run)| (run.as_str(), 10 + at as i64, Fail, "a -> j ->")),
    );
    assert_eq!(after(&events).edges(), "a -> j\nj -> b");
}

#[test]
fn a_run_without_datasets_ends_nothing() {
    let mut events = vec![("1", 1, Complete, "a -> j -> b")];
    let runs: Vec<String> = (2..40).map(|run| run.to_string()).collect();
    events.extend(
        runs.iter()
            .enumerate()
            .map(|(at, run)| (run.as_str(), 10 + at as i64, Complete, "-> j ->")),
    );
    assert_eq!(after(&events).edges(), "a -> j\nj -> b");
}

#[test]
fn an_edge_ends_when_ten_completed_runs_no_longer_say_it() {
    let runs: Vec<String> = (1..=11).map(|run| run.to_string()).collect();
    let mut events = vec![("0", 0, Complete, "old -> j -> b")];
    events.extend(
        runs.iter()
            .enumerate()
            .map(|(at, run)| (run.as_str(), 1 + at as i64, Complete, "new -> j -> b")),
    );
    assert_eq!(
        after(&events[..10]).edges(),
        "j -> b\nnew -> j\nold -> j",
        "nine later runs"
    );
    assert_eq!(
        after(&events[..11]).edges(),
        "j -> b\nnew -> j",
        "ten later runs"
    );
}

#[test]
fn what_only_a_failed_run_says_ends_after_ten_completed_runs_without_it() {
    let runs: Vec<String> = (1..=10).map(|run| run.to_string()).collect();
    let mut events = vec![("0", 0, Fail, "odd -> j ->")];
    events.extend(
        runs.iter()
            .enumerate()
            .map(|(at, run)| (run.as_str(), 1 + at as i64, Complete, "a -> j -> b")),
    );
    assert_eq!(after(&events[..10]).edges(), "a -> j\nj -> b\nodd -> j");
    assert_eq!(after(&events[..11]).edges(), "a -> j\nj -> b");
}

#[test]
fn a_changed_definition_ends_the_old_edges_at_once() {
    let fixture = Fixture::new();
    for (run, seconds, sql, text) in [
        ("1", 1, "select 1", "a -> j -> b"),
        ("2", 2, "select 2", "c -> j -> b"),
    ] {
        let mut event = event(run, seconds, Complete, text);
        event.definition = Some(Digest::of(sql.as_bytes()));
        fixture.submit(events_of(SOURCE, event));
    }
    assert_eq!(fixture.edges(), "c -> j\nj -> b");
}

#[test]
fn complete_then_fail_counts_as_complete() {
    let runs: Vec<String> = (1..=10).map(|run| run.to_string()).collect();
    let mut events = vec![("0", 0, Complete, "old -> j -> b")];
    for (at, run) in runs.iter().enumerate() {
        events.push((
            run.as_str(),
            10 * (1 + at as i64),
            Complete,
            "new -> j -> b",
        ));
        events.push((run.as_str(), 10 * (1 + at as i64) + 1, Fail, "-> j ->"));
    }
    assert_eq!(after(&events).edges(), "j -> b\nnew -> j");
}

#[test]
fn an_event_sent_again_is_acknowledged_and_changes_nothing() {
    let fixture = Fixture::new();
    let submission = events_of(SOURCE, event("1", 1, Complete, "a -> j -> b"));
    let first = fixture.submit(submission.clone());
    let again = fixture.submit(submission);
    assert!(again.is_repeat);
    assert_eq!(
        (first.offset, again.offset, fixture.view().offset()),
        (1, 1, 1)
    );
}

#[test]
fn a_dataset_that_many_jobs_mention_keeps_its_columns() {
    let fixture = Fixture::new();
    for at in 0..30 {
        let text = format!("shared -> job{at} -> out{at}");
        fixture.submit(events_of(
            SOURCE,
            event(&format!("{at}"), at, Complete, &text),
        ));
    }
    fixture.submit(events_of(
        "growth/openlineage",
        event("x", 99, Complete, "shared -> g -> h"),
    ));
    let view = fixture.view();
    let of = headwater_engine::Reference::Text("db/shared".into());
    let shared = view.require(&of).expect("known");
    assert!(view.asset(shared).expect("there").is_unresolved);
    assert_eq!(view.sources_of(shared).len(), 2);
    assert_eq!(view.details(shared).expect("details").asserted_by.len(), 31);
    fixture.submit(events_of(
        SOURCE,
        event("w", 100, Complete, "-> writer -> shared"),
    ));
    let view = fixture.view();
    assert!(
        !view.asset(shared).expect("there").is_unresolved,
        "now it is declared"
    );
}

#[test]
fn jobs_and_mentioned_datasets_are_told_from_declared_ones() {
    let fixture = after(&[("1", 1, Complete, "a -> j -> b")]);
    let view = fixture.view();
    let is_unresolved = |name| {
        let of = headwater_engine::Reference::Text(format!("db/{name}"));
        let index = view.require(&of).expect("it is known");
        view.asset(index).expect("it is there").is_unresolved
    };
    assert!(is_unresolved("a"));
    assert!(!is_unresolved("b"));
}

#[test]
fn a_stated_origin_closes_the_way_through_the_job() {
    let fixture = after(&[("1", 1, Complete, "a, b -> j -> c; a => c @j")]);
    assert_eq!(reached(&fixture, "a", Downstream), "c j");
    assert_eq!(reached(&fixture, "b", Downstream), "j");
}

/// What is reached from a dataset, by name.
fn reached(fixture: &Fixture, name: &str, direction: Direction) -> String {
    let view = fixture.view();
    let of = Reference::Text(format!("db/{name}"));
    let question = ImpactQuestion {
        of: vec![root(view.require(&of).expect("known"))],
        granularity: Granularity::Dataset,
        direction,
        depth_hops_max: None,
        filter: None,
        stop_at: None,
        is_over: &|| false,
    };
    let answer = view.impact(&question).expect("an answer");
    let reached = answer.reached().iter();
    let mut names: Vec<_> = reached
        .map(|r| view.asset(r.index).expect("there").name)
        .collect();
    names.sort_unstable();
    names.join(" ")
}

#[test]
fn origins_stated_at_the_end_of_a_run_win_over_what_its_start_reads_and_writes() {
    let events = [
        ("1", 1, Start, "a, b -> j -> c, d"),
        ("1", 2, Complete, "-> j ->; a => c @j; b => d @j"),
    ];
    let check = |fixture: Fixture| {
        assert_eq!(reached(&fixture, "a", Downstream), "c j");
        assert_eq!(reached(&fixture, "b", Downstream), "d j");
        assert_eq!(reached(&fixture, "d", Upstream), "b j");
    };
    check(after(&events));
    check(after(&[events[1], events[0]]));
}

#[test]
fn an_output_that_has_no_origin_is_not_reached_from_what_its_job_reads() {
    let fixture = after(&[
        ("1", 1, Start, "a -> j ->"),
        ("1", 2, Complete, "a -> j -> c, log; a => c @j; log @j"),
    ]);
    assert_eq!(reached(&fixture, "a", Downstream), "c j");
    assert_eq!(reached(&fixture, "log", Upstream), "j");
    assert_eq!(
        fixture.edges(),
        "a -> c via j\na -> j\nj -> c\nj -> log",
        "no edge of log to itself is shown"
    );
}

#[test]
fn a_dataset_that_is_stated_of_itself_is_shown_so() {
    let fixture = after(&[(
        "1",
        1,
        Complete,
        "a, log -> j -> log; log => log @j; log @j",
    )]);
    assert_eq!(reached(&fixture, "a", Downstream), "j");
    assert_eq!(
        fixture.edges(),
        "a -> j\nj -> log\nlog -> j\nlog -> log via j"
    );
}

#[test]
fn what_a_job_is_designed_to_do_replaces_what_it_was() {
    let fixture = Fixture::new();
    let submit = |seconds, text| fixture.submit(events_of(SOURCE, job_event(seconds, text)));
    submit(1, "a, b -> j -> c, d; a => c @j; d @j");
    assert_eq!(reached(&fixture, "a", Downstream), "c j");
    assert_eq!(reached(&fixture, "b", Downstream), "j");
    submit(2, "a, b -> j -> c, d; b => c @j; d @j");
    assert_eq!(reached(&fixture, "a", Downstream), "j");
    assert_eq!(reached(&fixture, "b", Downstream), "c j");
    submit(3, "a, b -> j -> c, d; b => c @j");
    assert_eq!(reached(&fixture, "a", Downstream), "d j");
    submit(4, "a, b -> j -> c, d");
    assert_eq!(reached(&fixture, "a", Downstream), "c d j");
}

#[test]
fn a_run_that_only_follows_a_job_counts_and_is_kept() {
    let fixture = after(&[("1", 1, Complete, "-> j ->; before ~> j")]);
    let view = fixture.view();
    let of = |name: &str| {
        let of = Reference::Text(format!("job:etl/{name}"));
        view.require(&of).expect("known")
    };
    let follows = view.neighbours(of("j"), headwater_model::EdgeKind::Follows, true);
    assert_eq!(follows, [of("before")]);
}

/// Events of a few runs of one job.
fn some_events() -> impl Strategy<Value = Vec<(u8, i64, u8, u8)>> {
    prop::collection::vec((0..14u8, 0..60i64, 0..4u8, 0..6u8), 1..28)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_order_of_arrival_does_not_matter(events in some_events(), seed in any::<u64>()) {
        let texts = ["a -> j ->", "-> j -> b", "a, c -> j -> b", "-> j ->", "c -> j -> d; d @j", "a -> j -> b; a => b @j"];
        let states = [Start, Running, Complete, Fail];
        let submit = |order: &[usize]| {
            let fixture = Fixture::new();
            for at in order {
                let (run, seconds, state, text) = events[*at];
                let event = event(&run.to_string(), seconds, states[usize::from(state)], texts[usize::from(text)]);
                fixture.submit(events_of(SOURCE, event));
            }
            fixture.edges()
        };
        let in_order: Vec<usize> = (0..events.len()).collect();
        let mut shuffled = in_order.clone();
        let mut random = seed | 1;
        for at in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, (random >> 33) as usize % (at + 1));
        }
        prop_assert_eq!(submit(&in_order), submit(&shuffled));
    }
}
