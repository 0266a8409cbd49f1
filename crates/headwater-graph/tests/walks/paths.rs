//! Simple ways from one asset or field to another.

use std::collections::BTreeSet;

use headwater_graph::{FieldRoot, Paths, PathsOptions, Snapshot};
use headwater_model::AssetIndex;
use headwater_testkit::{NaiveGraph, graph};
use proptest::prelude::*;

use crate::fields::Fielded;
use crate::random::cases;
use crate::support::packed;

const ALL: PathsOptions = PathsOptions {
    ways_max: 100,
    steps_max: 10_000,
    by_fields: false,
};

fn text(graph: &NaiveGraph, paths: &Paths) -> String {
    let ways: Vec<String> = paths
        .ways
        .iter()
        .map(|way| {
            let names: Vec<&str> = way.assets.iter().map(|a| graph.name(*a)).collect();
            format!("{}:{}", names.join(" "), way.hops)
        })
        .collect();
    let cut = paths.cut_by.map(|reason| format!(" | {reason:?}"));
    ways.join(", ") + &cut.unwrap_or_default()
}

#[track_caller]
fn check(notation: &str, from: &str, to: &str, options: PathsOptions, expected: &str) {
    let naive = graph(notation);
    let root = |name| FieldRoot::Asset(naive.number(name).expect("it is in the graph"));
    let paths = packed(&naive).paths(root(from), root(to), &options, |_| false);
    assert_eq!(text(&naive, &paths), expected, "from {from} to {to}");
}

#[test]
fn fewest_hops_first_then_by_name() {
    let notation = "a -> j -> b, c; b -> k -> d; c -> l -> d; a -> s -> d; d -> z -> a";
    check(notation, "a", "d", ALL, "a s d:1, a j b k d:2, a j c l d:2");
    check(notation, "d", "a", ALL, "d z a:1");
    check(notation, "a", "a", ALL, "");
    check(notation, "k", "a", ALL, "k d z a:2");
    check(notation, "a", "l", ALL, "a j c l:1");
    let first = PathsOptions { ways_max: 2, ..ALL };
    check(notation, "a", "d", first, "a s d:1, a j b k d:2 | Limit");
}

#[test]
fn a_stated_output_is_entered_from_its_origins_only() {
    let notation = "a, b -> j -> o; a => o via j";
    check(notation, "a", "o", ALL, "a j o:1");
    check(notation, "b", "o", ALL, "");
}

#[test]
fn a_job_may_make_several_steps_of_a_way() {
    check("a => s via j; s => o via j", "a", "o", ALL, "a j s j o:2");
}

#[test]
fn work_is_bounded_where_there_are_very_many_ways() {
    let mut lines = Vec::new();
    for at in 0..20 {
        lines.push(format!(
            "d{at} -> p{at} -> d{}; d{at} -> q{at} -> d{}",
            at + 1,
            at + 1
        ));
    }
    let naive = graph(&lines.join("; "));
    let root = |name| FieldRoot::Asset(naive.number(name).expect("it is in the graph"));
    let options = PathsOptions {
        ways_max: 3,
        steps_max: 1_000,
        by_fields: false,
    };
    let paths = packed(&naive).paths(root("d0"), root("d20"), &options, |_| false);
    assert_eq!(paths.ways.len(), 3);
    assert!(paths.ways.iter().all(|way| way.hops == 20));
    assert!(paths.cut_by.is_some());
}

#[test]
fn ways_by_fields_name_the_fields_and_fall_back() {
    let case = Fielded::new(
        "a -> j -> b; b -> k -> c; c -> m -> d",
        "a#x => b#u via j; a#y => b#v via j; b#u => c#t via k; b#v => c#t via k",
    );
    let by_fields = PathsOptions {
        by_fields: true,
        ..ALL
    };
    let ways = |from: &str, to: &str| {
        let paths = case
            .snapshot
            .paths(case.root(from), case.root(to), &by_fields, |_| false);
        let texts: Vec<String> = paths
            .ways
            .iter()
            .map(|way| {
                let fields: Vec<String> = way.fields.iter().map(|f| case.field_name(*f)).collect();
                let assets: Vec<&str> = way.assets.iter().map(|a| case.assets.name(*a)).collect();
                format!("{} ({})", fields.join(" "), assets.join(" "))
            })
            .collect();
        texts.join(", ")
    };
    assert_eq!(ways("a#x", "c#t"), "a#x b#u c#t (a j b k c)");
    assert_eq!(
        ways("a", "c"),
        "a#x b#u c#t (a j b k c), a#y b#v c#t (a j b k c)"
    );
    assert_eq!(ways("a#x", "b#v"), "");
    assert_eq!(ways("b#u", "d"), "b#u c#t (b k c m d)");
    assert_eq!(ways("a#y", "m"), "a#y b#v c#t (a j b k c m)");
}

/// All simple ways by trying everything, as sorted lists of assets.
fn naive_ways(
    snapshot: &Snapshot,
    way: &mut Vec<AssetIndex>,
    to: AssetIndex,
    found: &mut BTreeSet<Vec<AssetIndex>>,
) {
    let last = *way.last().expect("a way has a start");
    for entry in snapshot.edges_out(last) {
        use headwater_model::EdgeKind::{Derives, Follows, Reads, Writes};
        match entry.kind {
            Follows => {}
            Reads => {
                let job = entry.to;
                if way.contains(&job) && (job == to || job == way[0]) {
                    continue;
                }
                way.push(job);
                if job == to {
                    found.insert(way.clone());
                } else {
                    for output in snapshot.edges_out(job) {
                        let is_entered = output.kind == Writes && !output.origins_stated;
                        if is_entered && !way.contains(&output.to) {
                            way.push(output.to);
                            if output.to == to {
                                found.insert(way.clone());
                            } else {
                                naive_ways(snapshot, way, to, found);
                            }
                            way.pop();
                        }
                    }
                }
                way.pop();
            }
            Derives | Writes => {
                let is_end = |via: &AssetIndex| *via == to || *via == way[0];
                let via = entry.via.filter(|via| !(way.contains(via) && is_end(via)));
                if entry.via.is_some() != via.is_some() || way.contains(&entry.to) {
                    if via == Some(to) {
                        let mut ended = way.clone();
                        ended.push(to);
                        found.insert(ended);
                    }
                    continue;
                }
                way.extend(via);
                if via == Some(to) {
                    found.insert(way.clone());
                } else {
                    way.push(entry.to);
                    if entry.to == to {
                        found.insert(way.clone());
                    } else {
                        naive_ways(snapshot, way, to, found);
                    }
                    way.pop();
                }
                if via.is_some() {
                    way.pop();
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn all_simple_ways_are_found_in_order(case in cases()) {
        let snapshot = packed(&case.graph);
        let assets: Vec<AssetIndex> = case.graph.assets().map(|(asset, _, _)| asset).collect();
        let from = *case.roots.first().expect("a case has roots");
        let options = PathsOptions { ways_max: 20_000, steps_max: 100_000, by_fields: false };
        for to in assets.iter().filter(|to| **to != from).take(4) {
            let paths = snapshot.paths(
                FieldRoot::Asset(from), FieldRoot::Asset(*to), &options, |_| false,
            );
            if paths.cut_by.is_some() {
                continue;
            }
            prop_assert!(paths.ways.is_sorted_by_key(|way| way.hops));
            let found: BTreeSet<Vec<AssetIndex>> =
                paths.ways.iter().map(|way| way.assets.clone()).collect();
            prop_assert_eq!(found.len(), paths.ways.len());
            if snapshot.kind(from) != Some(headwater_model::AssetKind::Job) {
                let mut expected = BTreeSet::new();
                naive_ways(&snapshot, &mut vec![from], *to, &mut expected);
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}
