//! Snapshots: what is covered and no longer stated ends.

use headwater_engine::{AskError, Details, Reference};
use headwater_model::{Coverage, FacetFact, FacetName, FactKind, Facts, Statement};

use crate::support::{Fixture, dataset, event, events_of, snapshot, snapshot_of};

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
    assert!(fixture.is_stale("orders/dbt"));
    fixture.submit(snapshot("orders/dbt", 3, "a -> k -> c"));
    assert_eq!(fixture.edges(), "a -> k\nk -> c");
    assert!(!fixture.is_stale("orders/dbt"));
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
fn the_latest_snapshot_again_is_a_repeat_whatever_its_key() {
    let fixture = Fixture::new();
    let keyed = |seconds, text: &str, key: &str| {
        let mut submission = snapshot("orders/dbt", seconds, text);
        if let Statement::Snapshot(snapshot) = &mut submission.statement {
            snapshot.idempotency_key = Some(key.into());
        }
        fixture.submit(submission)
    };
    let first = keyed(1, "a", "one");
    let again = keyed(1, "a", "two");
    assert_eq!((again.offset, again.is_repeat), (first.offset, true));
    assert!(!keyed(2, "b", "three").is_repeat);
    assert!(
        !keyed(1, "a", "four").is_repeat,
        "A, B, A are three submissions"
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

/// What is said of `db/b` after a snapshot that covers everything and one that covers nothing of it.
fn after_a_partial_snapshot(first: &str, second: &str, change: impl Fn(&mut Facts)) -> Details {
    let fixture = Fixture::new();
    for (seconds, text, covers) in [(1, first, Coverage::ALL), (2, second, Coverage::NONE)] {
        let mut submission = snapshot_of("orders/dbt", seconds, text, covers, false);
        if let Statement::Snapshot(snapshot) = &mut submission.statement
            && seconds == 2
        {
            change(&mut snapshot.facts);
        }
        fixture.submit(submission);
    }
    let view = fixture.view();
    let b = Reference::Text("db/b".into());
    view.details(view.require(&b).expect("known"))
        .expect("details")
}

#[test]
fn a_field_said_again_without_its_type_keeps_it() {
    let details = after_a_partial_snapshot("b.x:int; b.y:text", "b.y; b.z", |facts| {
        for field in &mut facts.datasets[0].fields {
            field.r#type = None;
            field.description = Some(format!("about {}", field.name).into());
        }
    });
    let fields: Vec<String> = details
        .fields
        .iter()
        .map(|f| format!("{} {:?} {:?}", f.name, f.r#type, f.description))
        .collect();
    assert_eq!(
        fields,
        [
            "x Some(\"int\") None",
            "y Some(\"text\") Some(\"about y\")",
            "z None Some(\"about z\")"
        ]
    );
}

#[test]
fn checks_that_come_piece_by_piece_are_united() {
    let checks = |text: &str| {
        let list: Vec<String> = text
            .split_whitespace()
            .map(|check| {
                let (name, outcome) = check.split_once('=').expect("name=outcome");
                format!("{{\"name\":\"{name}\",\"success\":{outcome}}}")
            })
            .collect();
        format!("{{\"assertions\":[{}]}}", list.join(","))
    };
    let facet = |json: String| FacetFact {
        on: dataset("b").dataset(),
        name: FacetName::parse("dataQualityAssertions").expect("a name"),
        json: json.into(),
    };
    let facets = [FactKind::Facets].into_iter().collect();
    let check = |statements: &[(i64, &str, Coverage)], expected: &str| {
        let fixture = Fixture::new();
        for (seconds, text, covers) in statements {
            let mut submission = snapshot_of("orders/dbt", *seconds, "b", *covers, false);
            if let Statement::Snapshot(snapshot) = &mut submission.statement {
                snapshot.facts.facets.push(facet(checks(text)));
            }
            fixture.submit(submission);
        }
        let view = fixture.view();
        let b = view
            .require(&Reference::Text("db/b".into()))
            .expect("known");
        let found = view.details(b).expect("details").facets;
        assert_eq!(*found["dataQualityAssertions"], *checks(expected));
    };
    check(
        &[
            (1, "p=true q=true", Coverage::NONE),
            (2, "q=false r=true", Coverage::NONE),
        ],
        "p=true q=false r=true",
    );
    check(
        &[(1, "p=true q=true", Coverage::NONE), (2, "q=false", facets)],
        "q=false",
    );
}

#[test]
fn a_dataset_said_again_in_passing_keeps_what_was_said_of_it() {
    let details = after_a_partial_snapshot("b", "?b", |facts| {
        facts.datasets[0].description = Some("all of b".into());
    });
    assert_eq!(details.description.as_deref(), Some("all of b"));
    assert_eq!(details.asserted_by.len(), 1);
}

#[test]
fn who_declares_a_dataset_counts_more_than_who_mentions_it_later() {
    let fixture = Fixture::new();
    for (seconds, source, text, description) in [
        (1, "orders/dbt", "b.x:int", "one row per order"),
        (2, "finance/dbt", "?b", "published by orders"),
    ] {
        let mut submission = snapshot(source, seconds, text);
        if let Statement::Snapshot(snapshot) = &mut submission.statement {
            snapshot.facts.datasets[0].description = Some(description.into());
            snapshot.facts.facets.push(FacetFact {
                on: dataset("b").dataset(),
                name: FacetName::parse("dbt").expect("a name"),
                json: format!("\"{source}\"").into(),
            });
        }
        fixture.submit(submission);
    }
    let view = fixture.view();
    let b = Reference::Text("db/b".into());
    let details = view.details(view.require(&b).expect("known"));
    let details = details.expect("details");
    assert_eq!(details.description.as_deref(), Some("one row per order"));
    assert_eq!(&*details.facets["dbt"], "\"orders/dbt\"");
    let sources = details.asserted_by.iter().map(|one| one.source);
    assert_eq!(sources.collect::<Vec<_>>(), [0, 1], "the owner first");
}

#[test]
fn what_exists_only_for_a_tag_retires_with_it() {
    let fixture = Fixture::new();
    let attributes: Coverage = [FactKind::Attributes].into_iter().collect();
    let tagged = |seconds: i64, text: &str, is_tagged: bool| {
        let mut submission = snapshot_of("orders/tags", seconds, text, attributes, false);
        if let Statement::Snapshot(snapshot) = &mut submission.statement
            && is_tagged
        {
            let tag = crate::support::attribute("b", "tag", "pii");
            snapshot.facts.attributes.push(tag);
        }
        submission
    };
    let is_retired = |fixture: &Fixture| {
        let view = fixture.view();
        let b = view
            .require(&Reference::Text("db/b".into()))
            .expect("known");
        view.asset(b).expect("there").is_retired
    };
    fixture.submit(tagged(1, "", true));
    assert!(!is_retired(&fixture));
    fixture.submit(tagged(2, "", false));
    assert!(is_retired(&fixture));
    // An edge that is not covered goes on to say that it exists.
    fixture.submit(tagged(3, "a => b", true));
    fixture.submit(tagged(4, "", false));
    assert!(!is_retired(&fixture));
}

#[test]
fn an_asset_that_retired_before_its_fields_were_said_anew_is_retired() {
    let fixture = Fixture::new();
    let datasets: Coverage = [FactKind::Datasets].into_iter().collect();
    let fields: Coverage = [FactKind::Fields].into_iter().collect();
    fixture.submit(snapshot("orders/dbt", 1, "b.x; c"));
    fixture.submit(snapshot_of("orders/dbt", 2, "c", datasets, false));
    fixture.submit(snapshot_of("orders/dbt", 3, "c", fields, false));
    let view = fixture.view();
    let b = view
        .require(&Reference::Text("db/b".into()))
        .expect("known");
    let details = view.details(b).expect("details");
    assert!(details.fields.is_empty());
    let retired_at = details
        .retired_at
        .map(|at| at.as_micros() / crate::support::SECOND);
    assert_eq!(retired_at, Some(2));
}
