//! Aliases: names that mean one dataset, as long as somebody says so.

use headwater_engine::Reference;

use crate::support::{Fixture, snapshot};

#[test]
fn an_alias_makes_two_names_one_asset() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("o/write", 1, "a -> j -> b"));
    fixture.submit(snapshot("o/read", 1, "c -> k -> d"));
    assert_eq!(fixture.edges(), "a -> j\nc -> k\nj -> b\nk -> d");
    fixture.submit(snapshot("o/says", 1, "b = c"));
    assert_eq!(
        fixture.edges(),
        "a -> j\nb -> k\nj -> b\nk -> d",
        "b is declared, c is not"
    );
    let view = fixture.view();
    let find = |text: &str| view.require(&Reference::Text(text.into())).expect("known");
    assert_eq!(find("db/b"), find("db/c"));
    let aliases = view.details(find("db/c")).expect("details").aliases;
    assert_eq!(aliases.len(), 1);
    assert_eq!(
        (&*aliases[0].name, &*aliases[0].reason),
        ("c", "the test says so")
    );
}

#[test]
fn an_alias_that_is_taken_back_parts_the_names_again() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("o/write", 1, "a -> j -> b"));
    fixture.submit(snapshot("o/read", 1, "c -> k -> d; c => e @k"));
    let apart = fixture.edges();
    fixture.submit(snapshot("o/says", 1, "b = c"));
    assert_eq!(
        fixture.edges(),
        "a -> j\nb -> e via k\nb -> k\nj -> b\nk -> d"
    );
    fixture.submit(snapshot("o/says", 2, ""));
    assert_eq!(fixture.edges(), apart);
}

#[test]
fn what_is_said_before_the_alias_or_after_it_is_the_same() {
    let texts = [
        ("o/write", "a -> j -> b"),
        ("o/read", "c -> k -> d; c => e @k"),
        ("o/says", "c = b"),
    ];
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let mut answers = Vec::new();
    for order in orders {
        let fixture = Fixture::new();
        for at in order {
            fixture.submit(snapshot(texts[at].0, 1, texts[at].1));
        }
        answers.push(fixture.edges());
    }
    assert!(
        answers.iter().all(|answer| answer == &answers[0]),
        "{answers:#?}"
    );
}

#[test]
fn an_alias_does_not_merge_two_declared_datasets() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/s", 1, "a -> j -> b"));
    fixture.submit(snapshot("crm/s", 1, "c -> k -> d"));
    let apart = fixture.edges();
    fixture.submit(snapshot("evil/s", 1, "b = d"));
    assert_eq!(fixture.edges(), apart);
    fixture.submit(snapshot("crm/s", 2, "c -> k ->; d -> l -> e"));
    assert_eq!(
        fixture.edges(),
        "a -> j\nb -> l\nc -> k\nj -> b\nl -> e",
        "d is no longer declared"
    );
}

#[test]
fn an_alias_between_two_declared_datasets_leaves_other_aliases_alone() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/s", 1, "a -> j -> b"));
    fixture.submit(snapshot("crm/s", 1, "c -> k -> d"));
    fixture.submit(snapshot("bi/s", 1, "x -> r ->"));
    fixture.submit(snapshot("says/s", 1, "b = x"));
    let merged = fixture.edges();
    fixture.submit(snapshot("evil/s", 1, "b = d"));
    assert_eq!(fixture.edges(), merged, "b and d stay two, and x is b");
    fixture.submit(snapshot("evil/s", 2, "x = d"));
    let view = fixture.view();
    let find = |text: &str| view.require(&Reference::Text(text.into())).expect("known");
    assert_ne!(find("db/x"), find("db/b"), "nobody can tell which x is");
    assert_ne!(find("db/x"), find("db/d"), "nobody can tell which x is");
}

#[test]
fn aliases_chain() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("o/s", 1, "a -> j -> x; y -> k -> z"));
    fixture.submit(snapshot("o/t", 1, "x = m; m = n; n = y"));
    assert_eq!(fixture.edges(), "a -> j\nj -> x\nk -> z\nx -> k");
    fixture.submit(snapshot("o/t", 2, "x = m; n = y"));
    assert_eq!(fixture.edges(), "a -> j\nj -> x\nk -> z\ny -> k");
}

#[test]
fn a_merged_edge_lives_while_either_name_is_said_to_have_it() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("o/one", 1, "b -> k -> d"));
    fixture.submit(snapshot("o/two", 1, "c -> k -> d"));
    fixture.submit(snapshot("o/says", 1, "b = c"));
    fixture.submit(snapshot("o/one", 2, "b; -> k -> d"));
    assert_eq!(fixture.edges(), "b -> k\nk -> d", "o/two still says c -> k");
    fixture.submit(snapshot("o/two", 2, ""));
    assert_eq!(fixture.edges(), "k -> d");
}
