//! Snapshots: what is covered and no longer stated ends.

use headwater_engine::{AskError, Reference};
use headwater_model::{Coverage, FactKind, Statement};

use crate::support::{Fixture, event, events_of, snapshot, snapshot_of, source};

#[test]
fn what_a_snapshot_no_longer_states_ends() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a -> j -> b; a -> k -> c"));
    let receipt = fixture.submit(snapshot("orders/dbt", 2, "a -> j -> b"));
    assert_eq!(fixture.edges(), "a -> j\nj -> b");
    assert_eq!(
        (receipt.added_count, receipt.removed_count),
        (0, 4),
        "job k, dataset c, two edges"
    );
    let view = fixture.view();
    let gone = view
        .require(&Reference::Text("db/c".into()))
        .expect("retired assets are still found");
    assert!(view.asset(gone).expect("known").is_retired);
    assert!(view.details(gone).expect("details").retired_at.is_some());
}

#[test]
fn what_is_not_covered_does_not_end() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "b.x; b.y; a -> j -> b"));
    let covers: Coverage = [FactKind::Datasets, FactKind::Jobs].into_iter().collect();
    fixture.submit(snapshot_of(
        "orders/dbt",
        2,
        "b; ?a; -> j ->",
        covers,
        false,
    ));
    assert_eq!(fixture.edges(), "a -> j\nj -> b", "edges were not covered");
    let view = fixture.view();
    let b = view
        .require(&Reference::Text("db/b".into()))
        .expect("known");
    let fields = view.details(b).expect("details").fields;
    assert_eq!(
        fields.iter().map(|f| &*f.name).collect::<Vec<_>>(),
        ["x", "y"]
    );
}

#[test]
fn an_error_in_the_artifact_ends_nothing_and_makes_the_source_stale() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a -> j -> b"));
    fixture.submit(snapshot_of(
        "orders/dbt",
        2,
        "a -> k -> c",
        Coverage::ALL,
        true,
    ));
    assert_eq!(fixture.edges(), "a -> j\na -> k\nj -> b\nk -> c");
    assert!(
        fixture
            .view()
            .source(&source("orders/dbt"))
            .expect("known")
            .is_stale
    );
    fixture.submit(snapshot("orders/dbt", 3, "a -> k -> c"));
    assert_eq!(fixture.edges(), "a -> k\nk -> c");
    assert!(
        !fixture
            .view()
            .source(&source("orders/dbt"))
            .expect("known")
            .is_stale
    );
}

#[test]
fn an_edge_lives_until_the_last_source_ends_it() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a -> j -> b"));
    fixture.submit(snapshot("orders/airflow", 1, "a -> j -> b"));
    fixture.submit(snapshot("orders/dbt", 2, ""));
    assert_eq!(fixture.edges(), "a -> j\nj -> b");
    fixture.submit(snapshot("orders/airflow", 2, ""));
    assert_eq!(fixture.edges(), "");
}

#[test]
fn the_same_snapshot_again_is_a_repeat_and_an_older_one_again_is_not() {
    let fixture = Fixture::new();
    let (a, b) = (
        snapshot("o/s", 1, "a -> j -> b"),
        snapshot("o/s", 2, "a -> k -> b"),
    );
    assert_eq!(fixture.submit(a.clone()).offset, 1);
    assert!(fixture.submit(a.clone()).is_repeat);
    assert_eq!(fixture.submit(b).offset, 2);
    let back = fixture.submit(a);
    assert!(!back.is_repeat, "A, B, A are three submissions");
    assert_eq!(
        fixture.edges(),
        "a -> k\nk -> b",
        "it is older, and held until B"
    );
}

#[test]
fn an_idempotency_key_that_was_seen_is_a_repeat() {
    let fixture = Fixture::new();
    let keyed = |seconds, text: &str| {
        let mut submission = snapshot("o/s", seconds, text);
        let Statement::Snapshot(snapshot) = &mut submission.statement else {
            unreachable!("it is one");
        };
        snapshot.idempotency_key = Some("once".into());
        submission
    };
    fixture.submit(keyed(1, "a -> j -> b"));
    let again = fixture.submit(keyed(2, "a -> k -> b"));
    assert!(again.is_repeat);
    assert_eq!(again.offset, 1);
    assert_eq!(fixture.edges(), "a -> j\nj -> b");
}

#[test]
fn an_edge_makes_its_ends_known() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("o/s", 1, "x => y"));
    let view = fixture.view();
    for name in ["db/x", "db/y"] {
        let index = view.require(&Reference::Text(name.into())).expect("known");
        assert!(view.asset(index).expect("known").is_unresolved, "{name}");
    }
    assert_eq!(fixture.edges(), "x -> y");
}

#[test]
fn an_edge_to_itself_is_stored() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("o/s", 1, "x; x => x"));
    assert_eq!(fixture.edges(), "x -> x");
}

#[test]
fn a_dry_run_tells_what_the_submission_then_does() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a -> j -> b; a -> k -> c"));
    fixture.submit(snapshot("finance/dbt", 1, "b -> revenue_job -> revenue"));
    let next = snapshot("orders/dbt", 2, "a -> k -> c; d");
    let Statement::Snapshot(statement) = &next.statement else {
        unreachable!("it is one");
    };
    let before = fixture.view();
    let tried = before
        .dry_run(&next.source, statement, next.received_at)
        .expect("a dry run");
    assert_eq!(fixture.view().offset(), before.offset(), "nothing is kept");
    assert_eq!(tried.removed.datasets, ["db/b"]);
    assert_eq!(tried.removed.jobs, ["job:etl/j"]);
    assert_eq!(tried.added.datasets, ["db/d"]);
    let downstream: Vec<&str> = tried
        .downstream
        .iter()
        .map(|a| a.reference.as_str())
        .collect();
    assert_eq!(downstream, ["job:etl/revenue_job", "db/revenue"]);
    let receipt = fixture.submit(next);
    assert_eq!(
        (
            tried.added_count,
            tried.removed_count,
            tried.unchanged_count
        ),
        (
            receipt.added_count,
            receipt.removed_count,
            receipt.unchanged_count
        )
    );
}

#[test]
fn references_are_exact_or_endings_or_ids_and_never_guessed() {
    let fixture = Fixture::new();
    fixture.submit(snapshot(
        "o/s",
        1,
        "shop/orders; raw/orders; customers; customers.id",
    ));
    fixture.submit(events_of(
        "o/e",
        event("1", 1, headwater_model::RunState::Complete, "-> load ->"),
    ));
    let view = fixture.view();
    let find = |text: &str| view.require(&Reference::Text(text.into()));
    let customers = find("db/customers").expect("exact");
    assert_eq!(find("customers").expect("an ending"), customers);
    assert_eq!(
        find(&view.id(customers).expect("an id").to_string()).expect("an id"),
        customers
    );
    assert_eq!(find("customers#id").expect("its dataset"), customers);
    assert!(matches!(
        find("customers#nope"),
        Err(AskError::NotFound { .. })
    ));
    assert!(find("job:etl/load").is_ok());
    assert!(find("load").is_ok());
    assert!(matches!(find("ustomers"), Err(AskError::NotFound { .. })));
    assert!(matches!(find(""), Err(AskError::BadReference { .. })));
    match find("orders") {
        Err(AskError::Ambiguous { candidates, .. }) => {
            assert_eq!(candidates, ["db/shop/orders", "db/raw/orders"]);
        }
        other => panic!("expected two candidates, found {other:?}"),
    }
    assert!(find("shop/orders").is_ok());
}
