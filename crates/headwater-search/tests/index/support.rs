//! Documents in hand, and checks.

use std::collections::BTreeMap;

use headwater_search::{Document, Filter, Index, Limits, Names, Position, Query, Results, Tier};

use crate::reference;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Doc {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) fields: Vec<String>,
    pub(crate) description: Option<String>,
}

impl Doc {
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn document(&self) -> Document<'_> {
        Document {
            namespace: &self.namespace,
            name: &self.name,
            aliases: self.aliases.iter().map(String::as_str).collect(),
            fields: self.fields.iter().map(String::as_str).collect(),
            description: self.description.as_deref(),
        }
    }
}

pub(crate) struct Docs(pub(crate) BTreeMap<u32, Doc>);

impl Names for Docs {
    fn names(&self, key: u32) -> Option<(&str, &str)> {
        let doc = self.0.get(&key)?;
        Some((&doc.namespace, &doc.name))
    }
}

impl Docs {
    pub(crate) fn of_names(names: &[&str]) -> Self {
        let docs = names.iter().map(|name| Doc::named(name));
        Self((0..).zip(docs).collect())
    }

    pub(crate) fn index(&self) -> Index {
        Index::new().apply(self.0.iter().map(|(key, doc)| (*key, Some(doc.document()))))
    }
}

pub(crate) type Shown = Vec<(Tier, u32, String)>;

pub(crate) fn shown(results: &Results) -> Shown {
    let hits = results.hits.iter();
    hits.map(|hit| (hit.tier(), hit.key, reference::shown(&hit.part)))
        .collect()
}

pub(crate) fn parse(text: &str, first: u32) -> Query {
    Query::parse(text, first).expect("the query is within its bounds")
}

/// All pages, one after the other.
pub(crate) fn all_pages(
    index: &Index,
    docs: &Docs,
    text: &str,
    first: u32,
    limits: Limits,
    filter: Option<&Filter<'_>>,
) -> Shown {
    let (mut all, mut after) = (Shown::new(), None::<Position>);
    for _ in 0..10_000 {
        let query = parse(text, first).limits(limits).after(after.clone());
        let results = index.search(&query, docs, filter);
        assert!(results.hits.len() <= first as usize);
        assert!(results.hits.is_sorted_by(|a, b| a.position < b.position));
        all.extend(shown(&results));
        let last = results.hits.last().map(|hit| hit.position.clone());
        let next = results.cut_at.clone().or(last);
        assert!(
            next > after || !results.has_more,
            "a page gets nowhere: {results:?}"
        );
        if !results.has_more {
            return all;
        }
        let bytes = next.expect("a page that has more says where").to_bytes();
        after = Position::from_bytes(&bytes);
    }
    panic!("there is no end of pages for {text:?}");
}

/// Everything that the index finds is what the reference finds, on one page and on many, with a filter and without.
#[track_caller]
pub(crate) fn check_like_reference(index: &Index, docs: &Docs, text: &str) {
    let expected = reference::search(&docs.0, text);
    let expected: Shown = expected.iter().map(reference::Expected::shown).collect();
    let results = index.search(&parse(text, Query::FIRST_MAX), docs, None);
    assert_eq!(shown(&results), expected, "{text:?} in {:?}", docs.0);
    assert_eq!(results.total_count, expected.len() as u64, "{text:?}");
    assert!(results.is_total_exact && !results.has_more && results.cut_at.is_none());
    let limits = Limits::default();
    assert_eq!(all_pages(index, docs, text, 3, limits, None), expected);

    let filter = |key: u32| !key.is_multiple_of(3);
    let accepted: Shown = expected.into_iter().filter(|hit| filter(hit.1)).collect();
    let results = index.search(&parse(text, 2), docs, Some(&filter));
    assert_eq!(results.total_count, accepted.len() as u64);
    assert!(results.is_total_exact);
    let tight = Limits {
        examined_max: 1,
        ..limits
    };
    for limits in [limits, tight] {
        let pages = all_pages(index, docs, text, 2, limits, Some(&filter));
        assert_eq!(pages, accepted, "{text:?}, {limits:?}");
    }
}
