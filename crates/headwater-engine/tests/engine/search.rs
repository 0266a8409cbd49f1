//! Searching: what is found is what the graph says now, after restarts too.

use std::sync::Arc;

use headwater_engine::{
    AssetFilter, EngineOptions, SearchEntity, SearchPlace, SearchQuestion, View,
};
use headwater_store::{MemoryLog, MemoryState};

use crate::support::{Fixture, attribute, snapshot};

fn page(
    view: &View,
    text: &str,
    hits_max: usize,
    after: SearchPlace,
) -> Vec<(String, SearchPlace)> {
    let answer = view.search(&SearchQuestion {
        text,
        filter: None,
        hits_max,
        after,
        is_over: &|| false,
    });
    let answer = answer.expect("an answer");
    let name = |entity: &SearchEntity| match entity {
        SearchEntity::Asset(asset) => view.asset(*asset).expect("known").name.to_owned(),
        SearchEntity::Field(asset, field) => {
            format!("{}#{field}", view.asset(*asset).expect("known").name)
        }
        SearchEntity::Domain(name) => format!("domain {name}"),
        SearchEntity::Product(product) => format!("product {}", product.name),
    };
    let hits = answer.hits.iter();
    hits.map(|hit| (name(&hit.entity), hit.place.clone()))
        .collect()
}

fn found(view: &View, text: &str) -> String {
    let hits = page(view, text, 100, SearchPlace::default());
    let names: Vec<String> = hits.into_iter().map(|(name, _)| name).collect();
    names.join(", ")
}

fn with_file(folder: &std::path::Path) -> EngineOptions {
    EngineOptions {
        graph_file: Some(folder.join("graph")),
        ..EngineOptions::default()
    }
}

#[test]
fn domains_products_assets_and_fields_are_found_with_the_commit_that_names_them() {
    let fixture = Fixture::new();
    let mut submission = snapshot("orders/dbt", 1, "raw_orders -> j -> orders; orders.status");
    let product = attribute("orders", "data-product", "order book");
    if let headwater_model::Statement::Snapshot(snapshot) = &mut submission.statement {
        snapshot.facts.attributes.push(product);
    }
    fixture.submit(submission);
    let view = fixture.view();
    assert_eq!(
        found(&view, "orders"),
        "domain orders, orders, raw_orders, product order book"
    );
    assert_eq!(
        found(&view, "order"),
        "domain orders, product order book, orders, raw_orders"
    );
    assert_eq!(found(&view, "status"), "orders#status");
    assert_eq!(
        found(&view, "ordres"),
        "domain orders, orders, raw_orders",
        "a typo"
    );
    assert_eq!(found(&view, "nothing"), "");
    fixture.submit(snapshot("orders/dbt", 2, "orders; orders.state"));
    let view = fixture.view();
    assert_eq!(found(&view, "status"), "", "the field is gone");
    assert_eq!(found(&view, "state"), "orders#state");
    assert_eq!(found(&view, "raw"), "", "nobody speaks of it any more");
}

#[test]
fn an_asset_is_found_by_each_of_its_names_once() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "orders; ?bestellungen"));
    assert_eq!(found(&fixture.view(), "bestellungen"), "bestellungen");
    fixture.submit(snapshot("mesh/says", 1, "orders = bestellungen"));
    assert_eq!(found(&fixture.view(), "bestellungen"), "orders");
    fixture.submit(snapshot("mesh/says", 2, "other"));
    assert_eq!(found(&fixture.view(), "bestellungen"), "bestellungen");
}

#[test]
fn a_start_from_files_finds_what_was_found_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, state) = (Arc::new(MemoryLog::new()), Arc::new(MemoryState::new()));
    let open = || Fixture::with(log.clone(), state.clone(), with_file(folder.path())).0;
    let first = open();
    first.submit(snapshot(
        "orders/dbt",
        1,
        "raw -> j -> orders; orders.status",
    ));
    first.engine.shut_down();
    let kept = std::fs::read(folder.path().join("graph.names")).expect("a file");
    let second = open();
    assert_eq!(found(&second.view(), "status"), "orders#status");
    // What comes now is not in the kept file, as after a crash.
    second.submit(snapshot(
        "orders/dbt",
        2,
        "raw -> j -> orders; orders.state",
    ));
    second.submit(snapshot("finance/dbt", 1, "revenue"));
    second.engine.shut_down();
    let expected = |view: &View| {
        assert_eq!(found(view, "status"), "");
        assert_eq!(found(view, "state"), "orders#state");
        assert_eq!(found(view, "revenue"), "revenue");
    };
    std::fs::write(folder.path().join("graph.names"), kept).expect("it is written");
    expected(&open().view());
    std::fs::write(folder.path().join("graph.names"), b"nonsense").expect("it is written");
    expected(&open().view());
    std::fs::remove_file(folder.path().join("graph.names")).expect("it is there");
    expected(&open().view());
}

#[test]
fn pages_of_a_search_are_its_beginning_and_its_rest() {
    let fixture = Fixture::new();
    let names: Vec<String> = (0..25).map(|at| format!("orders_{at}")).collect();
    fixture.submit(snapshot("orders/dbt", 1, &names.join("; ")));
    let view = fixture.view();
    let all: Vec<String> = page(&view, "orders", 100, SearchPlace::default())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(all.len(), 26);
    let (mut paged, mut after) = (Vec::new(), SearchPlace::default());
    loop {
        let hits = page(&view, "orders", 4, after.clone());
        let Some((_, last)) = hits.last() else { break };
        after = last.clone();
        paged.extend(hits.into_iter().map(|(name, _)| name));
    }
    assert_eq!(paged, all);
}

#[test]
fn a_filter_leaves_out_domains_and_what_it_does_not_choose() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "orders_a"));
    fixture.submit(snapshot("finance/dbt", 1, "orders_b; orders_b.orders_id"));
    let view = fixture.view();
    let answer = view
        .search(&SearchQuestion {
            text: "orders",
            filter: Some(AssetFilter {
                domains: Some(vec!["finance".into()]),
                ..AssetFilter::default()
            }),
            hits_max: 10,
            after: SearchPlace::default(),
            is_over: &|| false,
        })
        .expect("an answer");
    assert_eq!(answer.total_count, 2);
    assert!(!answer.has_more);
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let fixture = Fixture::new();
    let question = SearchQuestion {
        text: &"a".repeat(300),
        filter: None,
        hits_max: 10,
        after: SearchPlace::default(),
        is_over: &|| false,
    };
    let error = fixture
        .view()
        .search(&question)
        .expect_err("it is too long");
    assert!(error.to_string().contains("300 bytes"), "{error}");
}
