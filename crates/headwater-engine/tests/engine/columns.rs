//! Which fields datasets have, where somebody lists them all.

use headwater_engine::AsOf;
use headwater_model::{Coverage, FactKind, RunState};

use crate::support::{Fixture, event, events_of, facts, snapshot, snapshot_of};

/// The fields of `db/<name>`; `-` where nobody lists all.
fn columns_in(view: &headwater_engine::View, name: &str) -> String {
    let of = headwater_engine::Reference::Text(format!("db/{name}"));
    let index = view.require(&of).expect("the dataset is known");
    let found = view.columns_many(&[index]).expect("an answer").remove(0);
    found.map_or_else(
        || "-".to_owned(),
        |fields| {
            let names: Vec<&str> = fields.iter().map(|name| &**name).collect();
            names.join(" ")
        },
    )
}

fn columns(fixture: &Fixture, name: &str) -> String {
    columns_in(&fixture.view(), name)
}

fn without_fields() -> Coverage {
    Coverage::from_iter([FactKind::Datasets, FactKind::Edges, FactKind::Jobs])
}

#[test]
fn fields_come_in_their_order_from_who_declares_the_dataset_and_covers_fields() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a; a.z; a.b; a.m"));
    assert_eq!(columns(&fixture, "a"), "z b m");
}

#[test]
fn what_only_edges_name_is_no_list() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "?a; a -> j -> b; a#x => b#u @j"));
    assert_eq!(columns(&fixture, "a"), "-");
    assert_eq!(columns(&fixture, "b"), "-");
}

#[test]
fn a_snapshot_that_does_not_cover_fields_lists_some_of_them() {
    let fixture = Fixture::new();
    let some = snapshot_of("orders/dbt", 1, "a; a.x", without_fields(), false);
    fixture.submit(some);
    assert_eq!(columns(&fixture, "a"), "-");
    fixture.submit(snapshot("orders/dbt", 2, "a; a.x; a.y"));
    assert_eq!(columns(&fixture, "a"), "x y");
}

#[test]
fn one_list_counts_and_lists_are_not_put_together() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("lake/says", 1, "?a; a.ID; a.OLD"));
    assert_eq!(
        columns(&fixture, "a"),
        "ID OLD",
        "the type of each is known"
    );
    fixture.submit(snapshot("orders/dbt", 2, "a; a.id; a.new"));
    assert_eq!(columns(&fixture, "a"), "id new", "who declares counts more");
    let run = event("r", 3, RunState::Complete, "-> j -> a; a.other");
    fixture.submit(events_of("orders/openlineage", run));
    assert_eq!(columns(&fixture, "a"), "id new", "snapshots before events");
    fixture.submit(snapshot("orders/dbt", 4, "b"));
    assert_eq!(columns(&fixture, "a"), "other");
}

#[test]
fn fields_within_fields_are_left_out() {
    let fixture = Fixture::new();
    let run = event(
        "r",
        1,
        RunState::Complete,
        "-> j -> a; a.id; a.address; a.address.city; a.address.city.code; a.x.y",
    );
    assert!(facts("a; a.address.city").datasets[0].fields.len() == 1);
    fixture.submit(events_of("orders/openlineage", run));
    assert_eq!(columns(&fixture, "a"), "id address x.y");
}

#[test]
fn a_name_that_is_an_alias_has_the_fields_of_its_dataset() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a; a.x; a = bee"));
    assert_eq!(columns(&fixture, "bee"), "x");
}

#[test]
fn the_past_has_the_fields_of_then() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a; a.x"));
    let offset = fixture.view().offset();
    fixture.submit(snapshot("orders/dbt", 2, "a; a.y"));
    let of = AsOf {
        known_at: Some(offset),
        valid_at: None,
    };
    let past = fixture.view().as_of(&of).expect("a past");
    assert_eq!(columns_in(&past, "a"), "x");
    assert_eq!(columns(&fixture, "a"), "y");
}
