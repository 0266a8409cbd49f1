use std::collections::BTreeMap;

use headwater_search::{Compacted, Index};
use proptest::prelude::*;

use crate::support::{Doc, Docs, check_like_reference};

const WORDS: [&str; 22] = [
    "or",
    "ord",
    "order",
    "orders",
    "oders",
    "Orders",
    "OrderItems",
    "orderitems",
    "items",
    "item",
    "stg",
    "a",
    "v2",
    "2024",
    "orders2024",
    "größe",
    "Große",
    "HTTPServer",
    "customer",
    "customers",
    "csutomers",
    "注文",
];

/// A text of at most `words_max` words.
fn text(words_max: usize) -> impl Strategy<Value = String> {
    let word = (
        0..WORDS.len(),
        prop::sample::select(vec!["_", ".", "/", "-", " ", ""]),
    );
    prop::collection::vec(word, 1..=words_max).prop_map(|words| {
        let words = words.into_iter();
        words.fold(String::new(), |mut text, (word, separator)| {
            if !text.is_empty() {
                text.push_str(separator);
            }
            text.push_str(WORDS[word]);
            text
        })
    })
}

fn doc() -> impl Strategy<Value = Doc> {
    let fields = prop::collection::vec(text(2), 0..3);
    let aliases = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(text(2), 1..3)];
    let description = prop::option::weighted(0.3, text(4));
    (text(1), text(4), aliases, fields, description).prop_map(
        |(namespace, name, aliases, fields, description)| Doc {
            namespace,
            name,
            aliases,
            fields,
            description,
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Apply(Vec<(u32, Option<Doc>)>),
    /// Begins a compaction.
    Compact,
    /// Takes over the last compaction that was begun.
    Adopt,
    /// Through a file and back.
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    let change = (0_u32..30, prop::option::weighted(0.8, doc()));
    prop_oneof![
        8 => prop::collection::vec(change, 1..5).prop_map(Step::Apply),
        1 => Just(Step::Compact),
        1 => Just(Step::Adopt),
        1 => Just(Step::Reload),
    ]
}

fn after(steps: &[Step]) -> (Index, Docs) {
    let (mut index, mut docs) = (Index::new(), Docs(BTreeMap::new()));
    let mut compacted: Option<Compacted> = None;
    for step in steps {
        match step {
            Step::Apply(changes) => {
                let borrowed = changes.iter();
                index =
                    index.apply(borrowed.map(|(key, doc)| (*key, doc.as_ref().map(Doc::document))));
                for (key, doc) in changes {
                    match doc {
                        Some(doc) => docs.0.insert(*key, doc.clone()),
                        None => docs.0.remove(key),
                    };
                }
            }
            Step::Compact => compacted = Some(index.compact()),
            Step::Adopt => {
                if let Some(compacted) = compacted.take() {
                    index = index.adopt(&compacted);
                }
            }
            Step::Reload => {
                let mut file = Vec::new();
                index
                    .write_to(9, &mut file)
                    .expect("memory takes everything");
                let (read, mark) = Index::read_from(file).expect("the file is whole");
                assert_eq!((mark, read.overlay_count()), (9, 0));
                // What was begun on the index before it was read does not fit the one after.
                compacted = None;
                index = read;
            }
        }
        assert_eq!(index.documents_count(), docs.0.len() as u64);
    }
    (index, docs)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_index_with_any_past_finds_what_a_scan_finds(
        steps in prop::collection::vec(step(), 1..40),
        queries in prop::collection::vec(prop_oneof![3 => text(3), 1 => text(7)], 1..8),
    ) {
        let (index, docs) = after(&steps);
        for query in queries {
            check_like_reference(&index, &docs, &query);
        }
        for prefix in ["o", "2", "v", "注"] {
            check_like_reference(&index, &docs, prefix);
        }
    }

    #[test]
    fn a_name_finds_itself_first_but_for_others_of_that_name(
        docs in prop::collection::vec(doc(), 1..20),
    ) {
        let docs = Docs((0..).zip(docs).collect());
        let index = docs.index();
        for (key, doc) in &docs.0 {
            let hits = index.search(&crate::support::parse(&doc.name, 100), &docs, None).hits;
            let own = hits.iter().find(|hit| hit.key == *key).expect("it finds itself");
            prop_assert_eq!(own.tier(), headwater_search::Tier::Whole);
        }
    }
}

#[test]
fn a_thousand_commits_of_one_document_stay_a_few_segments() {
    let mut docs = Docs(BTreeMap::new());
    let mut index = Index::new();
    for number in 0..1000_u32 {
        let doc = Doc::named(&format!("shop.orders_{}", number % 700));
        index = index.apply([(number % 700, Some(doc.document()))]);
        docs.0.insert(number % 700, doc);
    }
    assert_eq!(index.documents_count(), 700);
    assert_eq!(index.overlay_count(), 700);
    for query in ["orders", "orders_7", "shop orders 12"] {
        check_like_reference(&index, &docs, query);
    }
    let compacted = index.compact();
    let index = index.adopt(&compacted);
    assert_eq!((index.documents_count(), index.overlay_count()), (700, 0));
    check_like_reference(&index, &docs, "orders_7");
}
