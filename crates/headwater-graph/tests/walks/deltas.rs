use std::collections::BTreeSet;

use headwater_graph::{AssetFlags, AssetRow, Delta, EdgeKey, Snapshot};
use headwater_model::{AssetIndex, AssetKind};
use headwater_testkit::{NaiveGraph, graph};
use proptest::prelude::*;

use crate::support::packed;

fn number(index: u32) -> AssetIndex {
    AssetIndex::new(index)
}

fn row(index: u32, kind: AssetKind, name: &str) -> AssetRow {
    AssetRow::new(number(index), kind, "test://", name)
}

/// Applies a delta to `a -> j -> b` (0, 1, 2), with `c` (3) apart, and expects this refusal.
#[track_caller]
fn check_refused(expected: &str, change: impl FnOnce(&mut Delta)) {
    let before = packed(&graph("a -> j -> b; c"));
    let mut delta = Delta::new();
    change(&mut delta);
    let error = before.apply(&delta).expect_err("the delta is broken");
    assert_eq!(error.to_string(), expected);
    assert_eq!(before.edges_count(), 2);
}

#[test]
fn a_delta_that_does_not_fit_is_refused_by_place_and_rule() {
    let dataset = AssetKind::Dataset;
    check_refused(
        "operation 0 of the delta: asset 9 is not in the graph",
        |delta| {
            delta.add_edge(number(0), number(9), None);
        },
    );
    check_refused(
        "operation 1 of the delta: asset 7 is added where 4 is the next number",
        |delta| {
            delta.add_edge(number(0), number(2), None);
            delta.add_asset(number(7), row(7, dataset, "x"));
        },
    );
    check_refused(
        "operation 0 of the delta: asset 1 changes from a dataset to a job or back",
        |delta| {
            delta.set_row(number(1), row(1, dataset, "j"));
        },
    );
    check_refused(
        "operation 0 of the delta: the edge from 0 to 1 cannot be via 1",
        |delta| {
            delta.add_edge(number(0), number(1), Some(number(1)));
        },
    );
    check_refused(
        "operation 0 of the delta: the edge from 0 to 2 cannot be via 3",
        |delta| {
            delta.remove_edge(number(0), number(2), Some(number(3)));
        },
    );
    check_refused(
        "operation 0 of the delta: the name of asset 4 has 65536 bytes, at most 65535 are allowed",
        |delta| {
            delta.add_asset(number(4), row(4, dataset, &"x".repeat(65_536)));
        },
    );
}

#[test]
fn a_merged_asset_has_no_edges_and_stands_behind_one_that_stands_for_itself() {
    let merged = |index, into| AssetRow {
        canonical: number(into),
        ..row(index, AssetKind::Dataset, "m")
    };
    check_refused(
        "operation 0 of the delta: asset 0 is merged into another and has edges",
        |delta| {
            delta.set_row(number(0), merged(0, 3));
        },
    );
    check_refused(
        "operation 0 of the delta: asset 3 is merged into another and has edges",
        |delta| {
            delta.set_row(number(3), merged(3, 0));
            delta.add_edge(number(0), number(3), None);
        },
    );
    check_refused(
        "operation 0 of the delta: asset 3 is merged into 1, which is of another kind or merged itself",
        |delta| {
            delta.set_row(number(3), merged(3, 1));
        },
    );
}

#[test]
fn a_merge_moves_edges_in_one_delta_whatever_the_order() {
    let before = packed(&graph("a -> j -> b; c"));
    let mut delta = Delta::new();
    delta.set_row(
        number(0),
        AssetRow {
            canonical: number(3),
            ..row(0, AssetKind::Dataset, "a")
        },
    );
    delta.add_edge(number(3), number(1), None);
    delta.remove_edge(number(0), number(1), None);
    let after = before.apply(&delta).unwrap();
    assert_eq!(after.canonical(number(0)), Some(number(3)));
    assert_eq!(after.consumers(number(3)).collect::<Vec<_>>(), [number(1)]);
    // A walk from the merged name starts at the asset that stands for it, and never shows the name.
    let count = after.closure_count(&[number(0)], headwater_graph::Direction::Downstream, None);
    assert_eq!(count, 2);
    assert_eq!(before.canonical(number(0)), Some(number(0)));
}

#[test]
fn adding_what_is_there_and_removing_what_is_not_changes_nothing() {
    let before = packed(&graph("a -> j -> b; a => b via j; j ~> k"));
    let ratio = before.overlay_ratio();
    let (a, j, b, k) = (number(0), number(1), number(2), number(3));
    let mut delta = Delta::new();
    delta
        .add_edge(a, j, None)
        .add_edge(j, b, None)
        .add_edge(a, b, Some(j))
        .add_edge(j, k, None);
    delta
        .remove_edge(a, b, None)
        .remove_edge(b, a, Some(j))
        .remove_edge(k, j, None)
        .remove_edge(b, j, None);
    let after = before.apply(&delta).unwrap();
    assert_eq!(
        after.edges().collect::<Vec<_>>(),
        before.edges().collect::<Vec<_>>()
    );
    assert!((after.overlay_ratio() - ratio).abs() < f64::EPSILON);
}

#[test]
fn origins_are_stated_while_a_derivation_via_the_job_is_there_whatever_came_first() {
    let (a, j, b, c) = (number(0), number(1), number(2), number(3));
    let stated = |snapshot: &Snapshot| {
        let writes = snapshot.edges_out(j).next();
        let entered = snapshot.edges_in(b).find(|edge| edge.from == j);
        assert_eq!(writes, entered);
        writes.map(|edge| edge.origins_stated)
    };
    let apply = |snapshot: &Snapshot, change: &dyn Fn(&mut Delta)| {
        let mut delta = Delta::new();
        change(&mut delta);
        snapshot.apply(&delta).unwrap()
    };
    let start = packed(&graph("a -> j -> b; c"));
    assert_eq!(stated(&start), Some(false));
    let one = apply(&start, &|delta| {
        delta.add_edge(a, b, Some(j));
    });
    let two = apply(&one, &|delta| {
        delta.add_edge(c, b, Some(j));
    });
    let left = apply(&two, &|delta| {
        delta.remove_edge(a, b, Some(j));
    });
    assert_eq!([&one, &two, &left].map(stated), [Some(true); 3]);
    let without = apply(&left, &|delta| {
        delta.remove_edge(j, b, None);
    });
    assert_eq!(stated(&without), None);
    let again = apply(&without, &|delta| {
        delta.add_edge(j, b, None);
    });
    assert_eq!(stated(&again), Some(true));
    let none = apply(&again, &|delta| {
        delta.remove_edge(c, b, Some(j));
    });
    assert_eq!(stated(&none), Some(false));
}

#[test]
fn neighbours_are_told_apart_by_kind() {
    let snapshot = packed(&graph("a, b -> j -> o; a => o via j; j ~> k; -> k -> o"));
    let names = |assets: Vec<AssetIndex>| -> String {
        let name = |asset| snapshot.asset(asset).unwrap().name;
        assets.into_iter().map(name).collect::<Vec<_>>().join(" ")
    };
    let at = |name: &str| {
        snapshot
            .assets()
            .find(|asset| asset.name == name)
            .unwrap()
            .index
    };
    assert_eq!(names(snapshot.inputs(at("j")).collect()), "a b");
    assert_eq!(names(snapshot.outputs(at("j")).collect()), "o");
    assert_eq!(names(snapshot.producers(at("o")).collect()), "j k");
    assert_eq!(names(snapshot.consumers(at("a")).collect()), "j");
    assert_eq!(
        snapshot.inputs(at("o")).count() + snapshot.producers(at("j")).count(),
        0
    );
}

#[test]
fn a_row_gives_back_what_was_put_in() {
    let full = AssetRow {
        asset_type: "table".into(),
        domain: Some(7),
        owners: vec![3, 1, 3],
        tags: vec![9],
        sources: vec![2, 1],
        flags: AssetFlags::DECLARED.with(AssetFlags::OUTPUT_PORT),
        ..row(4, AssetKind::Dataset, "ünï.côde")
    };
    let before = packed(&graph("a -> j -> b; c"));
    let mut delta = Delta::new();
    delta.add_asset(number(4), full.clone());
    let after = before.apply(&delta).unwrap();
    let sorted = AssetRow {
        owners: vec![1, 3],
        sources: vec![1, 2],
        ..full
    };
    assert_eq!(after.asset(number(4)).unwrap().to_row(), sorted);
    assert!(before.asset(number(4)).is_none());
    let mut delta = Delta::new();
    delta.set_row(number(4), row(4, AssetKind::Dataset, "renamed"));
    let renamed = after.apply(&delta).unwrap();
    for snapshot in [&renamed, &renamed.compacted()] {
        assert_eq!(snapshot.asset(number(4)).unwrap().name, "renamed");
        assert_eq!(snapshot.asset(number(3)).unwrap().name, "c");
    }
    assert_eq!(after.asset(number(4)).unwrap().name, "ünï.côde");
}

/// A hub with this many readers, to try lists that are longer than a block.
fn hub(readers: u32) -> NaiveGraph {
    let mut graph = NaiveGraph::default();
    let hub = graph.add_asset("hub", AssetKind::Dataset);
    for at in 0..readers {
        let reader = graph.add_asset(&format!("r{at}"), AssetKind::Job);
        if at % 2 == 0 {
            graph.add_edge(hub, reader, None);
        }
    }
    graph
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn long_lists_take_any_changes(changes in prop::collection::vec((1_u32..4000, any::<bool>()), 1..2500)) {
        let graph = hub(4000);
        let mut expected: BTreeSet<AssetIndex> = graph.edges().map(|edge| edge.to).collect();
        let mut snapshot = packed(&graph);
        for part in changes.chunks(50) {
            let mut delta = Delta::new();
            for (reader, adds) in part {
                if *adds {
                    expected.insert(number(*reader));
                    delta.add_edge(number(0), number(*reader), None);
                } else {
                    expected.remove(&number(*reader));
                    delta.remove_edge(number(0), number(*reader), None);
                }
            }
            snapshot = snapshot.apply(&delta).unwrap();
        }
        let expected: Vec<AssetIndex> = expected.into_iter().collect();
        prop_assert_eq!(snapshot.consumers(number(0)).collect::<Vec<_>>(), expected.clone());
        prop_assert_eq!(snapshot.edges_count(), expected.len());
        let edge = |to: &AssetIndex| EdgeKey { from: number(0), to: *to, via: None };
        let are_all_there = expected.iter().all(|to| snapshot.has_edge(edge(to)));
        prop_assert!(are_all_there);
        prop_assert_eq!(snapshot.compacted().consumers(number(0)).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_long_list_can_be_emptied_and_filled_again() {
    let graph = hub(3000);
    let readers: Vec<AssetIndex> = graph.edges().map(|edge| edge.to).collect();
    let change = |snapshot: &Snapshot, adds: bool| {
        let mut delta = Delta::new();
        for reader in &readers {
            if adds {
                delta.add_edge(number(0), *reader, None);
            } else {
                delta.remove_edge(number(0), *reader, None);
            }
        }
        snapshot.apply(&delta).unwrap()
    };
    let empty = change(&packed(&graph), false);
    assert_eq!(
        (empty.consumers(number(0)).count(), empty.edges_count()),
        (0, 0)
    );
    assert_eq!(
        change(&empty, true)
            .consumers(number(0))
            .collect::<Vec<_>>(),
        readers
    );
}

#[test]
fn compaction_is_due_at_one_change_in_a_hundred_edges_but_not_for_a_few() {
    let graph = hub(20_000);
    let mut snapshot = packed(&graph);
    let due = Snapshot::COMPACTION_CHANGES_MIN as u32;
    assert!(!snapshot.needs_compaction());
    let mut delta = Delta::new();
    for at in 0..=due {
        delta.add_edge(number(0), number(2 * at + 2), None);
        if at + 1 == due {
            assert!(!snapshot.apply(&delta).unwrap().needs_compaction());
        }
    }
    snapshot = snapshot.apply(&delta).unwrap();
    assert!(snapshot.needs_compaction());
    assert!(!snapshot.compacted().needs_compaction());
}
