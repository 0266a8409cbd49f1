//! What lineage services are blamed for, promised here to be otherwise. `docs/promises.md` lists all of it, with the
//! tests that stand elsewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use headwater_engine::{Direction, Granularity, ImpactQuestion, View};
use headwater_model::{AssetIndex, Namespace, QualifiedName, Statement};

use crate::support::{Fixture, dataset, root, snapshot};

fn number(view: &View, name: &str) -> AssetIndex {
    let found = view.by_name(&dataset(name).dataset()).expect("readable");
    found.expect("it is there")
}

/// Datasets and jobs downstream of a dataset by name, and how many of what was visited nobody declares.
fn downstream(view: &View, name: &str) -> (String, usize) {
    let question = ImpactQuestion {
        of: vec![root(number(view, name))],
        granularity: Granularity::Dataset,
        direction: Direction::Downstream,
        depth_hops_max: None,
        filter: None,
        stop_at: None,
        is_over: &|| false,
    };
    let answer = view.impact(&question).expect("an answer");
    assert!(answer.completeness.is_walk_complete());
    let reached = answer.reached().iter();
    let names = reached.filter_map(|asset| view.asset(asset.index));
    let names: BTreeSet<&str> = names.map(|asset| asset.name).collect();
    let names: Vec<&str> = names.into_iter().collect();
    (names.join(" "), answer.completeness.unresolved_count)
}

/// DataHub 18636 (a deleted edge served from a cache), 18623 (an empty answer kept), 18809 (nothing for 90 seconds).
#[test]
fn what_was_accepted_is_in_the_next_answer_and_what_ended_is_not() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a"));
    assert_eq!(downstream(&fixture.view(), "a").0, "");
    for seconds in 2..20 {
        fixture.submit(snapshot("orders/dbt", 2 * seconds, "a; a -> j -> b"));
        assert_eq!(downstream(&fixture.view(), "a").0, "b j");
        fixture.submit(snapshot("orders/dbt", 2 * seconds + 1, "a"));
        assert_eq!(downstream(&fixture.view(), "a").0, "");
    }
}

/// Marquez 3085, DataHub 4230: a job that is gone still connects what it read and wrote.
#[test]
fn a_job_that_is_gone_connects_nothing() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a -> j -> b; b -> k -> c"));
    assert_eq!(downstream(&fixture.view(), "a").0, "b c j k");
    fixture.submit(snapshot("orders/dbt", 2, "a; b -> k -> c"));
    assert_eq!(downstream(&fixture.view(), "a").0, "");
    assert_eq!(downstream(&fixture.view(), "b").0, "c k");
}

/// OpenMetadata 28860: an edge to a dataset that the catalog does not know is dropped, and the answer is 200.
#[test]
fn an_edge_to_a_dataset_that_nobody_declares_is_kept_and_counted() {
    let fixture = Fixture::new();
    let receipt = fixture.submit(snapshot("orders/dbt", 1, "unknown -> j -> b"));
    assert!(receipt.added_count > 0);
    assert_eq!(
        downstream(&fixture.view(), "unknown"),
        ("b j".to_owned(), 1)
    );
}

/// OpenMetadata 26434: jobs that only read, or only write, are left out.
#[test]
fn a_job_that_only_reads_or_only_writes_is_in_the_graph() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a -> export ->; -> import -> a"));
    assert_eq!(fixture.edges(), "a -> export\nimport -> a");
    assert_eq!(downstream(&fixture.view(), "a").0, "export");
}

/// OpenMetadata 10483, 11561, 13368, DataHub 10816: tables of one name on two servers are linked as one.
#[test]
fn tables_of_one_name_on_two_servers_stay_two() {
    let fixture = Fixture::new();
    for (source, host) in [("orders/one", "one"), ("orders/two", "two")] {
        let mut submission = snapshot(source, 1, "shop.public.orders");
        if let Statement::Snapshot(snapshot) = &mut submission.statement {
            let host = format!("postgres://{host}:5432");
            let namespace = Namespace::parse(&host).expect("a namespace");
            for dataset in &mut snapshot.facts.datasets {
                dataset.name = QualifiedName::new(namespace.clone(), dataset.name.name.clone());
            }
        }
        fixture.submit(submission);
    }
    let view = fixture.view();
    let (count, _) = view.graph_size();
    let shown: BTreeSet<AssetIndex> = (0..count as u32)
        .filter_map(|index| view.asset(AssetIndex::new(index)))
        .map(|asset| asset.index)
        .collect();
    assert_eq!(shown.len(), 2);
}

/// DataHub 4895, OpenMetadata 20109: lineage breaks at temporary tables.
#[test]
fn lineage_goes_through_a_temporary_table_that_nobody_declares() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/one", 1, "a; a -> j -> tmp_1"));
    fixture.submit(snapshot("orders/two", 1, "tmp_1 -> k -> b"));
    assert_eq!(downstream(&fixture.view(), "a").0, "b j k tmp_1");
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The sources of all tests of the workspace.
fn test_sources(folder: &Path, found: &mut String) {
    let entries = std::fs::read_dir(folder).expect("readable");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            test_sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push_str(&std::fs::read_to_string(&path).expect("text"));
        }
    }
}

#[test]
fn every_test_that_the_page_of_promises_names_exists() {
    let page = std::fs::read_to_string(workspace().join("docs/promises.md")).expect("a page");
    let mut sources = String::new();
    test_sources(&workspace().join("crates"), &mut sources);
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'));
    let mut named = 0;
    for row in rows {
        let tests = row.rsplit('|').nth(1).expect("a last column");
        for test in tests.split('`').skip(1).step_by(2) {
            assert!(sources.contains(&format!("fn {test}(")), "{test} in {row}");
            named += 1;
        }
    }
    assert!(named > 30, "{named} tests are named");
}
