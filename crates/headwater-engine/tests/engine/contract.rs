//! Datasets that a question leaves out, with the ways through them.

use std::collections::{BTreeMap, BTreeSet};

use headwater_engine::{Completeness, Direction, Granularity, ImpactQuestion, Region, View};
use headwater_model::{AssetIndex, AssetKind};
use proptest::prelude::*;

use crate::support::{Fixture, dataset, root, snapshot};

const DOWNSTREAM: Region = Region::From(Direction::Downstream);

fn index(view: &View, name: &str) -> AssetIndex {
    let found = view.find(AssetKind::Dataset, dataset(name));
    found.expect("the state is read").expect("it is known")
}

/// Datasets downstream of `of` and their hops.
fn impact(view: &View, of: AssetIndex) -> BTreeMap<String, u32> {
    let question = ImpactQuestion {
        of: vec![root(of)],
        granularity: Granularity::Dataset,
        direction: Direction::Downstream,
        depth_hops_max: None,
        filter: None,
        stop_at: None,
        is_over: &|| false,
    };
    let answer = view.impact(&question).expect("an answer");
    let named = answer.reached().iter().filter_map(|reached| {
        let asset = view.asset(reached.index)?;
        (asset.kind == AssetKind::Dataset).then(|| (asset.name.to_owned(), reached.hops))
    });
    named.collect()
}

fn contracted(text: &str, of: &str, patterns: &[&str]) -> String {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, text));
    let view = fixture.view();
    let of = index(&view, of);
    let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    let view = view
        .contracted(&patterns, &[of], DOWNSTREAM)
        .expect("contracted");
    let found = impact(&view, of);
    let found = found.iter().map(|(name, hops)| format!("{name}:{hops}"));
    found.collect::<Vec<_>>().join(" ")
}

#[test]
fn ways_through_contracted_datasets_are_direct() {
    let check = |text: &str, expected: &str| {
        assert_eq!(contracted(text, "a", &["tmp*"]), expected, "{text}");
    };
    check("a -> j -> tmp1; tmp1 -> k -> b; b -> l -> c", "b:1 c:2");
    check("a => tmp1; tmp1 => tmp2; tmp2 => b", "b:1");
    check("a => tmp1; tmp1 => tmp2; tmp2 => tmp1; tmp2 => b", "b:1");
    check("a => tmp1; tmp1 => a", "");
    check("a -> j -> tmp1", "");
    // What a job makes b from is stated: tmp1, which is made of nothing.
    check("a, tmp1 -> j -> b; tmp1 => b @j", "");
}

#[test]
fn a_root_that_matches_stays_and_nothing_is_kept() {
    assert_eq!(contracted("tmp1 => b; b => c", "tmp1", &["*"]), "");
    assert_eq!(
        contracted("tmp1 => b; b => c", "tmp1", &["tmp*"]),
        "b:1 c:2"
    );
    assert_eq!(contracted("a => b; b => c", "a", &["db/b"]), "c:1");
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 10, "a => tmp; tmp => b"));
    let view = fixture.view();
    view.contracted(&["tmp".to_owned()], &[index(&view, "a")], DOWNSTREAM)
        .expect("contracted");
    assert_eq!(impact(&view, index(&view, "a")).len(), 2);
}

#[test]
fn patterns_are_bounded() {
    let view = Fixture::new().view();
    let refused = |patterns: Vec<String>| {
        let refused = view.contracted(&patterns, &[], DOWNSTREAM).err();
        refused.expect("refused").to_string()
    };
    assert_eq!(
        refused(vec!["a".into(); 21]),
        "the number of patterns is 21, more than 20"
    );
    assert!(refused(vec!["a".repeat(257)]).contains("is 257, more than 256"));
    assert!(refused(vec!["[a".into()]).starts_with("\"[a\" is no glob"));
}

fn completeness(view: &View, of: AssetIndex, depth: Option<u32>) -> Completeness {
    let question = ImpactQuestion {
        of: vec![root(of)],
        granularity: Granularity::Dataset,
        direction: Direction::Downstream,
        depth_hops_max: depth,
        filter: None,
        stop_at: None,
        is_over: &|| false,
    };
    view.impact(&question).expect("an answer").completeness
}

#[test]
fn contracted_datasets_count_as_reached_where_the_walk_goes_through_them() {
    let fixture = Fixture::new();
    let text = "a; b; a -> j -> tmp1; tmp1 -> k -> tmp2; tmp2 -> l -> b; b -> m -> tmp3";
    fixture.submit(snapshot("orders/dbt", 10, text));
    let view = fixture.view();
    let a = index(&view, "a");
    let view = view.contracted(&["tmp*".to_owned()], &[a], DOWNSTREAM);
    let view = view.expect("contracted");
    let all = completeness(&view, a, None);
    assert_eq!(all.contracted_count, 3);
    assert!(all.is_exhaustive());
    let near = completeness(&view, a, Some(1));
    assert_eq!(
        near.contracted_count, 3,
        "b has nothing but tmp3 behind it, which costs no hop"
    );
}

#[test]
fn between_two_datasets_only_what_is_on_the_way_counts() {
    let fixture = Fixture::new();
    fixture.submit(snapshot(
        "orders/dbt",
        10,
        "a => tmp1; tmp1 => b; a => tmp2; tmp2 => c",
    ));
    let view = fixture.view();
    let ends = [index(&view, "a"), index(&view, "b")];
    let view = view.contracted(&["tmp*".to_owned()], &ends, Region::Between);
    let view = view.expect("contracted");
    let question = headwater_engine::PathsQuestion {
        from: root(ends[0]),
        to: root(ends[1]),
        granularity: Granularity::Dataset,
        ways_max: 10,
        steps_max: 1000,
        is_over: &|| false,
    };
    let answer = view.paths(&question);
    assert_eq!(answer.paths[0].assets, ends);
    assert_eq!(answer.completeness.contracted_count, 1);
}

/// Hops when datasets of the set are walked through without being counted.
fn naive(flows: &BTreeSet<(u8, u8)>, of: u8, contracted: &BTreeSet<u8>) -> BTreeMap<String, u32> {
    let mut hops: BTreeMap<u8, u32> = BTreeMap::from([(of, 0)]);
    loop {
        let before = hops.clone();
        for (from, to) in flows {
            let cost = u32::from(!contracted.contains(to));
            if let Some(at) = hops.get(from).map(|at| at + cost) {
                let known = hops.entry(*to).or_insert(at);
                *known = at.min(*known);
            }
        }
        if hops == before {
            break;
        }
    }
    hops.retain(|dataset, _| *dataset != of && !contracted.contains(dataset));
    let named = hops
        .into_iter()
        .map(|(dataset, hops)| (format!("d{dataset}"), hops));
    named.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn contraction_agrees_with_the_naive_one(
        derived in proptest::collection::btree_set((0_u8..9, 0_u8..9), 0..14),
        jobs in proptest::collection::vec((0_u8..9, 0_u8..9, 0_u8..9, 0_u8..9), 0..5),
        chosen in proptest::collection::btree_set(1_u8..9, 0..6),
    ) {
        let mut told: Vec<String> = (0..9).map(|at| format!("d{at}")).collect();
        let mut flows = BTreeSet::new();
        for (from, to) in derived.into_iter().filter(|(from, to)| from != to) {
            told.push(format!("d{from} => d{to}"));
            flows.insert((from, to));
        }
        for (at, (a, b, x, y)) in jobs.into_iter().enumerate() {
            told.push(format!("d{a}, d{b} -> j{at} -> d{x}, d{y}"));
            flows.extend([(a, x), (a, y), (b, x), (b, y)]);
        }
        let text = told.join("; ");
        let fixture = Fixture::new();
        fixture.submit(snapshot("orders/dbt", 10, &text));
        let view = fixture.view();
        let of = index(&view, "d0");
        let patterns: Vec<String> = chosen.iter().map(|at| format!("d{at}")).collect();
        let view = view.contracted(&patterns, &[of], DOWNSTREAM).expect("contracted");
        prop_assert_eq!(impact(&view, of), naive(&flows, 0, &chosen), "{}", text);
    }
}
