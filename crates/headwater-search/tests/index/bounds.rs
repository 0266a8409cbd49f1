use headwater_search::{Index, Limits, Query, QueryError, Results};

use crate::support::{Doc, Docs, parse};

#[track_caller]
fn check_refused(text: &str, first: u32, expected: &str) {
    let error = Query::parse(text, first).expect_err("the query breaks a bound");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_query_beyond_a_bound_is_refused() {
    check_refused(
        &"x".repeat(257),
        1,
        "the search text has 257 bytes, more than 256",
    );
    check_refused(
        "a b c d e f g h i",
        1,
        "the search text has 9 words, more than 8",
    );
    check_refused("a", 1001, "a search is asked for 1001 hits, more than 1000");
    assert!(matches!(
        Query::parse("a a a a a a a a a", 1),
        Err(QueryError::TooManyWords { .. })
    ));
    assert!(Query::parse(&"x".repeat(256), 1000).is_ok());
}

fn many() -> Docs {
    let docs = (0..2000).map(|number| {
        let mut doc = Doc::named(&format!("shop.orders_{number:04}x"));
        doc.fields = vec![format!("field_{}", number % 50), "status".into()];
        (number, doc)
    });
    Docs(docs.collect())
}

fn search(text: &str, limits: Limits, filter: Option<&dyn Fn(u32) -> bool>) -> Results {
    let docs = many();
    let index = docs.index();
    let index = index.adopt(&index.compact());
    index.search(&parse(text, 10).limits(limits), &docs, filter)
}

#[test]
fn a_count_that_a_limit_cut_says_so() {
    let whole = Limits::default();
    let exact = search("orders", whole, None);
    assert!(exact.is_total_exact);
    assert_eq!((exact.total_count, exact.hits.len()), (2000, 10));
    let tight = |change: fn(&mut Limits)| {
        let mut limits = whole;
        change(&mut limits);
        limits
    };
    let nobody = |_: u32| false;
    let cut = search(
        "orders",
        tight(|limits| limits.examined_max = 100),
        Some(&nobody),
    );
    assert!(!cut.is_total_exact && cut.has_more && cut.hits.is_empty());
    assert!(cut.cut_at.is_some());

    let cut = search("0", tight(|limits| limits.postings_max = 100), None);
    assert!(!cut.is_total_exact);
    assert!(cut.total_count >= 1 && cut.total_count < 1000);

    let cut = search(
        "0007x field",
        tight(|limits| limits.field_entries_max = 50),
        None,
    );
    assert!(!cut.is_total_exact);
    assert!(cut.total_count > 0);

    let cut = search("field", tight(|limits| limits.fields_max = 3), None);
    assert!(!cut.is_total_exact);
    assert_eq!(cut.total_count, 3 * 40);

    for change in [
        (|limits: &mut Limits| limits.typo_terms_max = 1) as fn(&mut Limits),
        |limits| limits.typo_steps_max = 20,
        |limits| limits.compared_max = 1,
    ] {
        let cut = search("shop ordres", tight(change), None);
        let whole = search("shop ordres", whole, None);
        assert!(whole.is_total_exact && cut.total_count <= whole.total_count);
    }
}

#[test]
fn a_text_of_many_words_is_taken_as_it_is_spelt() {
    let exact = Limits::default();
    assert!(search("shpo orders 0007x", exact, None).total_count > 0);
    assert_eq!(
        search("shpo orders 0007x sho ord", exact, None).total_count,
        0
    );
}

#[test]
fn a_name_beyond_the_comparisons_is_still_a_hit() {
    let limits = Limits {
        compared_max: 5,
        ..Limits::default()
    };
    let results = search("orders_1999x", limits, None);
    assert_eq!(results.hits[0].key, 1999);
    let results = search("shop orders", limits, None);
    assert_eq!(results.total_count, 2000);
    assert!(results.is_total_exact);
}

#[test]
fn names_that_are_not_known_cost_rank_and_no_hits() {
    let index = many().index();
    let nothing = Docs(std::collections::BTreeMap::new());
    let results = index.search(&parse("orders 0007x", 10), &nothing, None);
    assert_eq!(results.hits[0].key, 7);
}

#[test]
fn long_and_odd_texts_are_indexed_within_bounds() {
    let long = format!("{}.orders", "segment_".repeat(5000));
    let mut doc = Doc::named(&long);
    doc.description = Some("word ".repeat(100_000));
    doc.fields = vec!["x".repeat(100_000), String::new()];
    doc.aliases = vec![String::new(); 100];
    let docs = Docs([(u32::MAX, doc), (0, Doc::default())].into());
    let index = docs.index();
    let index: Index = index.adopt(&index.compact());
    for text in ["orders", "segment orders", "word", &"x".repeat(200)] {
        let results = index.search(&parse(text, 10), &docs, None);
        assert_eq!(results.total_count, 1, "{text:?}");
        assert_eq!(results.hits[0].key, u32::MAX);
    }
}
