//! Edges between fields: who says them, and what a walk over them reaches.

use std::sync::Arc;

use headwater_engine::{
    Direction, FieldLinksQuestion, Granularity, ImpactQuestion, LineageQuestion, PathsQuestion,
    Reference, View, WalkEdge, WalkEntity,
};
use headwater_model::{AssetIndex, Coverage, FactKind, RunState};
use headwater_store::{MemoryState, State};

use crate::support::{Fixture, event, events_of, snapshot, snapshot_of};

fn name(view: &View, index: AssetIndex) -> String {
    view.asset(index)
        .map(|asset| asset.name.to_owned())
        .unwrap_or_default()
}

/// `b#u:1` of each asset reached, `b:1` of those reached as a whole, and at how many datasets fields were unknown.
fn impact(view: &View, of: &str, direction: Direction) -> String {
    let root = view.require_root(&Reference::Text(of.into()));
    let question = ImpactQuestion {
        of: vec![root.expect("the root is known")],
        granularity: Granularity::Field,
        direction,
        depth_hops_max: None,
        filter: None,
        stop_at: None,
        is_over: &|| false,
    };
    let answer = view.impact(&question).expect("an answer");
    let mut words: Vec<String> = Vec::new();
    for asset in answer.reached() {
        let fields = answer.fields(view, asset);
        let asset_name = name(view, asset.index);
        if fields.is_empty() {
            words.push(format!("{asset_name}:{}", asset.hops));
        }
        for field in fields {
            words.push(format!("{asset_name}#{field}:{}", asset.hops));
        }
    }
    words.sort();
    let count = answer.completeness.without_fields_count;
    if count > 0 {
        words.push(format!("| {count} without fields"));
    }
    words.join(" ")
}

fn down(fixture: &Fixture, of: &str) -> String {
    impact(&fixture.view(), of, Direction::Downstream)
}

const MESH: &str = "a -> j -> b; b -> k -> c; a.x; a.y; a#x => b#u @j; b#u => c#t @k";

#[test]
fn a_field_edge_is_walked_until_nobody_says_it() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, MESH));
    assert_eq!(down(&fixture, "db/a#x"), "b#u:1 c#t:2 j:0 k:1");
    assert_eq!(down(&fixture, "db/a#y"), "");
    fixture.submit(snapshot("finance/says", 1, "b#u => c#t @k"));
    fixture.submit(snapshot(
        "orders/dbt",
        2,
        "a -> j -> b; b -> k -> c; a#x => b#u @j; a.x",
    ));
    assert_eq!(
        down(&fixture, "db/a#x"),
        "b#u:1 c#t:2 j:0 k:1",
        "another source says it"
    );
    fixture.submit(snapshot("finance/says", 2, "a"));
    assert_eq!(
        down(&fixture, "db/a#x"),
        "b#u:1 c:2 j:0 k:1 | 1 without fields"
    );
}

#[test]
fn a_source_that_does_not_cover_field_edges_ends_none() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, MESH));
    let covers = Coverage::from_iter([FactKind::Datasets, FactKind::Edges, FactKind::Jobs]);
    let later = snapshot_of("orders/dbt", 2, "a -> j -> b; b -> k -> c", covers, false);
    fixture.submit(later);
    assert_eq!(down(&fixture, "db/a#x"), "b#u:1 c#t:2 j:0 k:1");
}

#[test]
fn of_a_dataset_that_is_affected_as_a_whole_no_field_is_named() {
    let fixture = Fixture::new();
    let facts = "a -> j -> b; b.v; a#x => b#u @j; a#y => b#* @j; b -> k -> c; b#u => c#t @k";
    fixture.submit(snapshot("orders/dbt", 1, facts));
    assert_eq!(down(&fixture, "db/a#x"), "b#u:1 c#t:2 j:0 k:1");
    assert_eq!(
        down(&fixture, "db/a"),
        "b:1 c#t:2 j:0 k:1",
        "b#u alone would say that b#v is not affected"
    );
}

#[test]
fn fields_follow_their_dataset_when_names_turn_out_to_be_one() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "a -> j -> b; a#x => b#u @j; a.x"));
    fixture.submit(snapshot(
        "finance/dbt",
        1,
        "?bee; bee -> k -> c; bee#u => c#t @k",
    ));
    assert_eq!(down(&fixture, "db/a#x"), "b#u:1 j:0");
    fixture.submit(snapshot("mesh/says", 1, "b = bee"));
    assert_eq!(down(&fixture, "db/a#x"), "b#u:1 c#t:2 j:0 k:1");
    let up = impact(&fixture.view(), "db/c#t", Direction::Upstream);
    assert_eq!(up, "a#x:2 b#u:1 j:1 k:0");
    fixture.submit(snapshot("mesh/says", 2, "a"));
    assert_eq!(
        down(&fixture, "db/a#x"),
        "b#u:1 j:0",
        "and when they are not"
    );
    assert_eq!(down(&fixture, "db/bee#u"), "c#t:1 k:0");
}

#[test]
fn runs_state_field_edges_and_take_them_back() {
    let fixture = Fixture::new();
    let facts = "a -> j -> b; a => b @j; a#x => b#u @j";
    let send = |run: &str, seconds, text| {
        let event = event(run, seconds, RunState::Complete, text);
        fixture.submit(events_of("orders/openlineage", event));
    };
    send("first", 1, facts);
    assert_eq!(down(&fixture, "db/a#x"), "b#u:1 j:0");
    for run in 2..=11 {
        send(
            &run.to_string(),
            run,
            "a -> j -> b; a => b @j; a#y => b#u @j",
        );
    }
    assert_eq!(down(&fixture, "db/a#y"), "b#u:1 j:0");
    let gone = fixture
        .view()
        .require_root(&Reference::Text("db/a#x".into()));
    assert!(gone.is_err(), "nobody speaks of the field any more");
}

#[test]
fn the_field_graph_is_a_function_of_the_log() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, MESH));
    fixture.submit(snapshot(
        "finance/dbt",
        1,
        "?bee; bee -> m -> d; bee#u => d#q @m",
    ));
    fixture.submit(snapshot("mesh/says", 1, "b = bee"));
    fixture.submit(snapshot("orders/dbt", 2, "a -> j -> b; a.x; a#x => b#* @j"));
    let expected = down(&fixture, "db/a#x");
    assert_eq!(expected, "b:1 d#q:2 j:0 m:1");
    let fresh: Arc<dyn State> = Arc::new(MemoryState::new());
    let (rebuilt, _) = Fixture::over(Arc::clone(&fixture.log), fresh);
    assert_eq!(down(&rebuilt, "db/a#x"), expected);
    let (reopened, _) = Fixture::over(Arc::clone(&fixture.log), Arc::clone(&fixture.state));
    assert_eq!(down(&reopened, "db/a#x"), expected);
}

#[test]
fn a_drawing_names_fields_and_who_says_each_edge() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, MESH));
    let view = fixture.view();
    let root = view.require_root(&Reference::Text("db/b#u".into()));
    let answer = view.lineage(&LineageQuestion {
        of: vec![root.expect("the root is known")],
        granularity: Granularity::Field,
        direction: Direction::Both,
        depth_hops_max: None,
        filter: None,
        stop_at: None,
        nodes_max: 100,
        edges_max: 100,
        is_over: &|| false,
    });
    let text = |entity: &WalkEntity| match entity {
        WalkEntity::Asset(asset) => name(&view, *asset),
        WalkEntity::Field(asset, field) => format!("{}#{field}", name(&view, *asset)),
    };
    let nodes: Vec<String> = answer
        .nodes
        .iter()
        .map(|node| format!("{}:{}", text(&node.entity), node.hops))
        .collect();
    assert_eq!(nodes.join(" "), "b#u:0 a#x:1 c#t:1");
    let mut edges = Vec::new();
    for edge in &answer.edges {
        let sources = view.edge_assertions(edge).expect("readable").len();
        let WalkEdge::Fields(edge) = edge else {
            panic!("{edge:?} is not between fields");
        };
        edges.push(format!(
            "{} > {} ({sources})",
            text(&edge.from),
            text(&edge.to)
        ));
    }
    assert_eq!(edges.join(", "), "a#x > b#u (1), b#u > c#t (1)");
}

#[test]
fn links_of_a_field_are_one_step_away_and_whole_datasets_are_all_their_fields() {
    let fixture = Fixture::new();
    let text = "a -> j -> b; a.x; a.status; b.u; b.v; a#x => b#u @j; a#status => b#* @j";
    fixture.submit(snapshot("orders/dbt", 1, text));
    let view = fixture.view();
    let links = |of: &str, is_upstream| {
        let (dataset, field) = of.split_once('#').expect("a field");
        let asset = view
            .require(&Reference::Text(dataset.into()))
            .expect("known");
        let question = FieldLinksQuestion {
            dataset: asset,
            field: field.into(),
            is_upstream,
        };
        let links = view.field_links(&[question]).expect("readable").remove(0);
        let texts: Vec<String> = links
            .iter()
            .map(|link| {
                let end = |(asset, field): &(AssetIndex, Arc<str>)| {
                    format!("{}#{field}", name(&view, *asset))
                };
                format!("{} > {}", end(&link.from), end(&link.to))
            })
            .collect();
        texts.join(", ")
    };
    assert_eq!(links("db/b#u", true), "a#status > b#u, a#x > b#u");
    assert_eq!(
        links("db/a#status", false),
        "a#status > b#u, a#status > b#v"
    );
    assert_eq!(links("db/a#x", true), "");
}

#[test]
fn paths_go_by_fields_if_asked() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, MESH));
    let view = fixture.view();
    let root = |text: &str| {
        view.require_root(&Reference::Text(text.into()))
            .expect("known")
    };
    let ask = |from: &str, to: &str, granularity| {
        let answer = view.paths(&PathsQuestion {
            from: root(from),
            to: root(to),
            granularity,
            ways_max: 10,
            steps_max: 1_000,
            is_over: &|| false,
        });
        let texts: Vec<String> = answer
            .paths
            .iter()
            .map(|path| {
                let assets: Vec<String> = path.assets.iter().map(|a| name(&view, *a)).collect();
                let fields: Vec<&str> = path.fields.iter().map(|(_, field)| &**field).collect();
                format!("{} ({})", assets.join(" "), fields.join(" "))
            })
            .collect();
        texts.join(", ")
    };
    assert_eq!(ask("db/a", "db/c", Granularity::Dataset), "a j b k c ()");
    assert_eq!(
        ask("db/a#x", "db/c#t", Granularity::Field),
        "a j b k c (x u t)"
    );
    assert_eq!(ask("db/a#y", "db/c", Granularity::Field), "");
    assert_eq!(ask("db/a#y", "db/c", Granularity::Dataset), "a j b k c ()");
}

#[test]
fn where_data_flows_between_fields_it_flows_between_their_datasets() {
    let fixture = Fixture::new();
    fixture.submit(snapshot(
        "orders/sql",
        1,
        "a; b; c; a#x => b#u @j; b#u => c#t",
    ));
    let view = fixture.view();
    let root = view.require_root(&Reference::Text("db/a".into()));
    let question = ImpactQuestion {
        of: vec![root.expect("the root is known")],
        granularity: Granularity::Dataset,
        direction: Direction::Downstream,
        depth_hops_max: None,
        filter: None,
        stop_at: None,
        is_over: &|| false,
    };
    let answer = view.impact(&question).expect("an answer");
    let names: Vec<String> = answer
        .reached()
        .iter()
        .map(|a| name(&view, a.index))
        .collect();
    assert_eq!(names.join(" "), "j b c");
    assert_eq!(down(&fixture, "db/a#x"), "b#u:1 c#t:2 j:0");
}
