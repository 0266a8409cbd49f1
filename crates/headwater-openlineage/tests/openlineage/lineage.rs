//! Explicit lineage: what `lineage` facets of jobs and datasets state.

use headwater_openlineage::{Mode, parse_event_with};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::notation::{
    facts, findings, parse, refuse, run_event, with_job_facets, with_output_facets,
};

/// A RunEvent that reads `db/a` and `db/b`, writes `db/c` and `db/d`, and whose job has this `lineage` facet.
fn with_lineage(facet: Value) -> Value {
    run_event(json!({
        "job": {"facets": {"lineage": facet}},
        "inputs": [named("a"), named("b")],
        "outputs": [named("c"), named("d")],
    }))
}

/// A RunEvent without datasets of its own, whose job has these entries.
fn with_entries(entries: Value) -> Value {
    with_job_facets(json!({"lineage": {"entries": entries}}))
}

fn named(name: &str) -> Value {
    json!({"namespace": "db", "name": name})
}

fn dataset(name: &str) -> Value {
    json!({"namespace": "db", "name": name, "type": "DATASET"})
}

fn field(name: &str, field: &str) -> Value {
    json!({"namespace": "db", "name": name, "type": "DATASET", "field": field})
}

fn job(name: &str) -> Value {
    json!({"namespace": "etl", "name": name, "type": "JOB"})
}

fn entry(of: Value, inputs: Value) -> Value {
    let mut entry = of;
    entry["inputs"] = inputs;
    entry
}

/// Column lineage that says that `db/b` makes every output.
fn columns() -> Value {
    json!({"fields": {"x": {"inputFields": [{"namespace": "db", "name": "b", "field": "y"}]}}})
}

fn dataset_event(facets: Value) -> Value {
    json!({
        "eventTime": "2026-01-31T09:30:00Z",
        "producer": "https://example.org/client",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        "dataset": {"namespace": "db", "name": "view", "facets": facets},
    })
}

/// What lines of `shown` speak of edges.
fn edges(shown: &str) -> String {
    let is_edge = |line: &&str| {
        ["READS", "WRITES", "DERIVES", "FOLLOWS", "->"]
            .iter()
            .any(|word| line.contains(word))
    };
    shown.lines().filter(is_edge).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_output_derives_from_what_its_entry_names() {
    let event = with_lineage(json!({"entries": [
        entry(dataset("c"), json!([dataset("a")])),
        entry(dataset("d"), json!([dataset("b")])),
    ]}));
    assert_eq!(findings(&parse(&event)), "");
    assert_snapshot!(facts(&event), @r"
    job etl/daily JOB
    dataset db/a DATASET mentioned
    dataset db/b DATASET mentioned
    dataset db/c DATASET declared
    dataset db/d DATASET declared
    db/a DERIVES db/c via etl/daily
    db/a READS job:etl/daily
    db/b DERIVES db/d via etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d
    ");
}

#[test]
fn an_entry_holds_every_granularity_between_datasets() {
    let event = with_entries(json!([{
        "namespace": "db", "name": "c", "type": "DATASET",
        "inputs": [
            dataset("a"),
            {"namespace": "db", "name": "a", "type": "DATASET", "field": "key",
             "transformations": [{"type": "INDIRECT", "subtype": "GROUP_BY"}]},
        ],
        "fields": {
            "x": {"inputs": [field("a", "p"), {"namespace": "db", "name": "b", "type": "DATASET", "field": "q",
                "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "description": "sum", "masking": true}]}]},
            "y": {"inputs": [dataset("lookup")]},
            "z": {"inputs": []},
        },
    }]));
    assert_eq!(findings(&parse(&event)), "");
    assert_snapshot!(facts(&event), @r#"
    job etl/daily JOB
    dataset db/a DATASET mentioned
    dataset db/b DATASET mentioned
    dataset db/c DATASET mentioned
    dataset db/lookup DATASET mentioned
    db/a DERIVES db/c via etl/daily
    db/b DERIVES db/c via etl/daily
    db/lookup DERIVES db/c via etl/daily
    db/a#key -> db/c#* via etl/daily [INDIRECT GROUP_BY]
    db/a#p -> db/c#x via etl/daily
    db/b#q -> db/c#x via etl/daily [DIRECT AGGREGATION "sum" masking]
    db/lookup#* -> db/c#y via etl/daily
    "#);
}

#[test]
fn edges_that_involve_jobs_are_reads_writes_and_follows() {
    let event = with_entries(json!([
        entry(dataset("c"), json!([job("upstream")])),
        entry(job("downstream"), json!([dataset("a"), job("upstream")])),
    ]));
    assert_eq!(findings(&parse(&event)), "");
    assert!(parse(&event).names_datasets);
    assert_snapshot!(facts(&event), @r"
    job etl/daily JOB
    dataset db/a DATASET mentioned
    dataset db/c DATASET mentioned
    db/a READS job:etl/downstream
    job:etl/upstream WRITES db/c
    job:etl/upstream FOLLOWS job:etl/downstream
    ");
}

#[test]
fn an_event_that_only_chains_jobs_says_something() {
    let event = parse(&with_entries(json!([entry(job("b"), json!([job("a")]))])));
    assert!(event.facts.datasets.is_empty());
    assert!(event.names_datasets);
}

#[test]
fn a_job_without_a_name_is_the_one_of_the_event() {
    let event = with_entries(json!([
        entry(dataset("c"), json!([{"type": "JOB"}])),
        entry(json!({"type": "JOB"}), json!([dataset("a"), job("other")])),
    ]));
    assert_eq!(findings(&parse(&event)), "");
    assert_snapshot!(facts(&event), @r"
    job etl/daily JOB
    dataset db/a DATASET mentioned
    dataset db/c DATASET mentioned
    db/a READS job:etl/daily
    job:etl/daily WRITES db/c via etl/daily
    job:etl/other FOLLOWS job:etl/daily
    ");
}

#[test]
fn what_no_fact_can_hold_keeps_the_facet_verbatim() {
    let is_kept = |entries: Value| {
        let event = with_entries(entries);
        assert_eq!(findings(&parse(&event)), "");
        facts(&event).contains("facet job:etl/daily lineage")
    };
    let how = json!([{"type": "DIRECT"}]);
    let with_how = |mut item: Value| {
        item["transformations"] = how.clone();
        item
    };
    let into_c = |item: Value| json!([entry(dataset("c"), json!([item]))]);
    let into_field = |item: Value| json!([{"namespace": "db", "name": "c", "type": "DATASET", "fields": {"x": {"inputs": [item]}}}]);
    let into_job = |item: Value| json!([entry(job("next"), json!([item]))]);

    assert!(!is_kept(into_c(dataset("a"))));
    assert!(!is_kept(into_c(with_how(field("a", "p")))));
    assert!(!is_kept(into_c(job("before"))));
    assert!(!is_kept(into_field(with_how(field("a", "p")))));
    assert!(!is_kept(into_field(with_how(dataset("a")))));
    assert!(!is_kept(into_job(dataset("a"))));
    assert!(!is_kept(into_job(job("before"))));

    assert!(is_kept(into_c(with_how(dataset("a")))));
    assert!(is_kept(into_c(with_how(job("before")))));
    assert!(is_kept(into_field(json!({"type": "JOB"}))));
    assert!(is_kept(into_job(field("a", "p"))));
    assert!(is_kept(into_job(with_how(dataset("a")))));
    assert!(is_kept(into_job(with_how(job("before")))));
}

#[test]
fn runs_of_an_edge_stay_in_the_body() {
    let run = "0190f7d4-93b1-7d3a-8c5e-2f1f6f2f9d01";
    let with = |run: &str| {
        let mut from = job("a");
        from["runId"] = run.into();
        let mut to = entry(job("b"), json!([from]));
        to["runId"] = run.into();
        with_entries(json!([to]))
    };
    assert_eq!(
        facts(&with(run)),
        facts(&with_entries(json!([entry(job("b"), json!([job("a")]))])))
    );
    assert_eq!(findings(&parse(&with(run))), "");
    assert_snapshot!(findings(&parse(&with("run-a"))), @r"
    openlineage/run-id /job/facets/lineage/entries/0/runId
    openlineage/run-id /job/facets/lineage/entries/0/inputs/0/runId
    ");
}

#[test]
fn the_job_reads_and_writes_what_the_event_lists_and_not_what_only_the_facet_names() {
    let event = run_event(json!({
        "job": {"facets": {"lineage": {"entries": [entry(dataset("far"), json!([dataset("away")]))]}}},
        "inputs": [named("a")],
        "outputs": [named("c")],
    }));
    assert_snapshot!(facts(&event), @r"
    job etl/daily JOB
    dataset db/a DATASET mentioned
    dataset db/away DATASET mentioned
    dataset db/c DATASET declared
    dataset db/far DATASET mentioned
    db/a READS job:etl/daily
    db/away DERIVES db/far via etl/daily
    job:etl/daily WRITES db/c via etl/daily
    ");
}

#[test]
fn explicit_lineage_wins_over_column_lineage() {
    let event = |facet: Value| {
        run_event(json!({
            "job": {"facets": {"lineage": facet}},
            "inputs": [named("a"), named("b")],
            "outputs": [
                {"namespace": "db", "name": "c", "facets": {"columnLineage": columns()}},
                {"namespace": "db", "name": "d", "facets": {"columnLineage": columns()}},
            ],
        }))
    };
    let check = |facet: Value| {
        let event = event(facet);
        format!("{}{}", findings(&parse(&event)), edges(&facts(&event)))
    };
    let of_c = entry(dataset("c"), json!([dataset("a")]));
    let of_d = entry(dataset("d"), json!([]));
    assert_snapshot!(check(json!({"entries": [of_c, of_d]})), @r"
    db/a DERIVES db/c via etl/daily
    db/a READS job:etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d via etl/daily
    ");
    assert_snapshot!(check(json!({"entries": [of_c]})), @r"
    openlineage/lineage-overrules /outputs/1/facets/columnLineage
    db/a DERIVES db/c via etl/daily
    db/a READS job:etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d via etl/daily
    ");
    // Nobody knows of which output the damaged entry was.
    assert_snapshot!(check(json!({"entries": [of_c, {"type": "DATASET"}]})), @r"
    openlineage/facet /job/facets/lineage/entries/1/namespace
    db/a DERIVES db/c via etl/daily
    db/a READS job:etl/daily
    db/b DERIVES db/d via etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d
    db/b#y -> db/d#x via etl/daily
    ");
    assert_snapshot!(check(json!({"entries": 5})), @r"
    openlineage/facet /job/facets/lineage/entries
    db/a READS job:etl/daily
    db/b DERIVES db/c via etl/daily
    db/b DERIVES db/d via etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d
    db/b#y -> db/c#x via etl/daily
    db/b#y -> db/d#x via etl/daily
    ");
    assert_snapshot!(check(json!({"_deleted": true, "entries": [of_c]})), @r"
    db/a READS job:etl/daily
    db/b DERIVES db/c via etl/daily
    db/b DERIVES db/d via etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d
    db/b#y -> db/c#x via etl/daily
    db/b#y -> db/d#x via etl/daily
    ");
}

#[test]
fn a_damaged_entry_without_a_readable_origin_leaves_column_lineage_in_force() {
    let check = |inputs: Value| {
        let facet = json!({"entries": [entry(dataset("orders"), inputs)]});
        let event = run_event(json!({
            "job": {"facets": {"lineage": facet}},
            "outputs": [{"namespace": "db", "name": "orders", "facets": {"columnLineage": columns()}}],
        }));
        facts(&event).contains("db/b#y -> db/orders#x")
    };
    assert!(check(json!([{"type": "DATASET", "name": "a"}])));
    assert!(!check(
        json!([{"type": "DATASET", "name": "a"}, dataset("a")])
    ));
    assert!(!check(json!([])));
}

#[test]
fn a_dataset_event_states_where_its_dataset_derives_from() {
    let event = dataset_event(json!({
        "lineage": {
            "inputs": [dataset("a"), field("b", "key"), job("export")],
            "fields": {"x": {"inputs": [field("a", "p")]}},
        },
        "columnLineage": columns(),
    }));
    assert_eq!(findings(&parse(&event)), "");
    assert_snapshot!(facts(&event), @r"
    dataset db/a DATASET mentioned
    dataset db/b DATASET mentioned
    dataset db/view DATASET declared
    db/a DERIVES db/view
    db/b DERIVES db/view
    job:etl/export WRITES db/view
    db/a#p -> db/view#x
    db/b#key -> db/view#*
    ");
}

#[test]
fn a_dataset_event_has_no_job_of_its_own() {
    let event = dataset_event(json!({"lineage": {"inputs": [{"type": "JOB"}, dataset("a")]}}));
    assert_snapshot!(findings(&parse(&event)), @"openlineage/facet /dataset/facets/lineage/inputs/0/namespace");
    assert_snapshot!(edges(&facts(&event)), @"db/a DERIVES db/view");
}

#[test]
fn a_dataset_without_origins_is_not_given_any_by_column_lineage() {
    let check = |lineage: Value| {
        let event = dataset_event(json!({"lineage": lineage, "columnLineage": columns()}));
        format!("{}{}", findings(&parse(&event)), edges(&facts(&event)))
    };
    assert_snapshot!(check(json!({"inputs": []})), @"");
    assert_snapshot!(check(json!({"inputs": null})), @r"
    openlineage/lineage-empty /dataset/facets/lineage
    db/b DERIVES db/view
    db/b#y -> db/view#x
    ");
    assert_snapshot!(check(json!({})), @r"
    openlineage/lineage-empty /dataset/facets/lineage
    db/b DERIVES db/view
    db/b#y -> db/view#x
    ");
    assert_snapshot!(check(json!({"_deleted": true, "inputs": [dataset("a")]})), @r"
    db/b DERIVES db/view
    db/b#y -> db/view#x
    ");
}

#[test]
fn a_facet_of_a_dataset_in_the_event_of_a_job_counts_unless_the_job_has_one() {
    let output = |name: &str| {
        json!({"namespace": "db", "name": name, "facets": {
            "lineage": {"inputs": [dataset("a")]}, "columnLineage": columns(),
        }})
    };
    let alone = run_event(json!({"inputs": [named("a"), named("b")], "outputs": [output("c")]}));
    assert_snapshot!(findings(&parse(&alone)), @"openlineage/lineage-place /outputs/0/facets/lineage");
    assert_eq!(
        refuse(&alone, Mode::Strict).pointer,
        "/outputs/0/facets/lineage"
    );
    assert_snapshot!(facts(&alone), @r"
    job etl/daily JOB
    dataset db/a DATASET mentioned
    dataset db/b DATASET mentioned
    dataset db/c DATASET declared
    db/a DERIVES db/c via etl/daily
    db/a READS job:etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    ");

    let both = run_event(json!({
        "job": {"facets": {"lineage": {"entries": [entry(dataset("c"), json!([dataset("b")]))]}}},
        "inputs": [named("b")],
        "outputs": [output("c")],
    }));
    assert_snapshot!(findings(&parse(&both)), @"openlineage/lineage-place /outputs/0/facets/lineage");
    assert_snapshot!(facts(&both), @r#"
    job etl/daily JOB
    dataset db/b DATASET mentioned
    dataset db/c DATASET declared
    db/b DERIVES db/c via etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    facet db/c lineage {"inputs":[{"name":"a","namespace":"db","type":"DATASET"}]}
    "#);
}

#[test]
fn how_an_input_was_made_is_not_stated_via_the_job() {
    let event = run_event(
        json!({"inputs": [{"namespace": "db", "name": "a", "facets": {
            "lineage": {"inputs": [dataset("raw")]},
        }}]}),
    );
    assert_snapshot!(edges(&facts(&event)), @r"
    db/a READS job:etl/daily
    db/raw DERIVES db/a
    ");
}

#[test]
fn damaged_parts_are_named_kept_and_refused_in_strict_mode() {
    let check = |facet: Value, pointer: &str| {
        let event = with_job_facets(json!({"lineage": facet}));
        let pointer = format!("/job/facets/lineage{pointer}");
        let parsed = parse(&event);
        assert_eq!(
            findings(&parsed),
            format!("openlineage/facet {pointer}\n"),
            "{event}"
        );
        assert!(facts(&event).contains("facet job:etl/daily lineage"));
        assert_eq!(refuse(&event, Mode::Strict).pointer, pointer);
        facts(&event)
    };
    let entries = |entry: Value| json!({"entries": [entry]});
    check(json!("no"), "");
    check(json!({"inputs": []}), "/entries");
    check(entries(json!(5)), "/entries/0");
    check(entries(named("c")), "/entries/0/type");
    check(
        entries(json!({"type": "MODEL", "namespace": "ml", "name": "m"})),
        "/entries/0/type",
    );
    check(
        entries(json!({"type": "DATASET", "name": "c"})),
        "/entries/0/namespace",
    );
    check(
        entries(json!({"type": "JOB", "name": "c"})),
        "/entries/0/namespace",
    );
    check(entries(entry(dataset("c"), json!({}))), "/entries/0/inputs");
    check(
        entries(entry(
            dataset("c"),
            json!([{"type": "JOB", "namespace": "etl"}]),
        )),
        "/entries/0/inputs/0/name",
    );
    check(
        entries(json!({"type": "DATASET", "namespace": "db", "name": "c", "fields": {"a/b": {}}})),
        "/entries/0/fields/a~1b/inputs",
    );
    check(
        entries(
            json!({"type": "DATASET", "namespace": "db", "name": "c", "fields": {"": {"inputs": []}}}),
        ),
        "/entries/0/fields/",
    );
    let shown = check(
        entries(entry(
            dataset("c"),
            json!([dataset("a"), {"type": "DATASET", "namespace": "db"}]),
        )),
        "/entries/0/inputs/1/name",
    );
    assert!(shown.contains("db/a DERIVES db/c via etl/daily"));
    let shown = check(
        entries(entry(dataset("c"), json!([field("a", "")]))),
        "/entries/0/inputs/0/field",
    );
    assert!(shown.contains("db/a DERIVES db/c via etl/daily"));
    let mut item = field("a", "p");
    item["transformations"] = json!([{"type": "SIDEWAYS"}, {"type": "DIRECT"}]);
    let shown = check(
        entries(entry(dataset("c"), json!([item]))),
        "/entries/0/inputs/0/transformations/0/type",
    );
    assert!(shown.contains("db/a#p -> db/c#* via etl/daily [DIRECT]"));
}

#[test]
fn entries_on_a_dataset_are_misplaced() {
    let event = dataset_event(json!({"lineage": {"entries": [dataset("c")]}}));
    assert_snapshot!(findings(&parse(&event)), @"openlineage/lineage-place /dataset/facets/lineage/entries");
    assert_eq!(
        refuse(&event, Mode::Strict).pointer,
        "/dataset/facets/lineage/entries"
    );
    assert!(facts(&event).contains("facet db/view lineage"));
}

#[test]
fn an_entry_that_says_nothing_is_told_and_passes_strict_mode() {
    let event = with_entries(json!([dataset("c"), job("next")]));
    assert_snapshot!(findings(&parse(&event)), @r"
    openlineage/lineage-empty /job/facets/lineage/entries/0
    openlineage/lineage-empty /job/facets/lineage/entries/1
    ");
    assert!(parse_event_with(event.to_string().as_bytes(), Mode::Strict).is_ok());
}

#[test]
fn a_deleted_facet_says_nothing_about_lineage() {
    let entries = json!([entry(dataset("c"), json!([dataset("a")]))]);
    let event = with_job_facets(json!({"lineage": {"_deleted": true, "entries": entries}}));
    assert_eq!(facts(&event), "job etl/daily JOB");
}

#[test]
fn the_order_of_entries_does_not_matter() {
    let entries = [
        entry(
            dataset("c"),
            json!([dataset("a"), field("b", "p"), job("x")]),
        ),
        entry(job("next"), json!([dataset("a")])),
        entry(dataset("d"), json!([])),
    ];
    let forth = with_lineage(json!({"entries": entries}));
    let back = with_lineage(json!({"entries": entries.iter().rev().collect::<Vec<_>>()}));
    assert_eq!(facts(&forth), facts(&back));
}

#[test]
fn an_output_without_any_lineage_facet_keeps_its_column_lineage() {
    let event = with_output_facets(json!({"columnLineage": columns()}));
    assert!(facts(&event).contains("db/b#y -> db/orders#x via etl/daily"));
}

#[test]
fn an_output_without_a_dataset_as_origin_is_closed_to_what_the_job_reads() {
    let check = |facet: Value| edges(&facts(&with_lineage(facet)));
    let of_c = entry(dataset("c"), json!([dataset("a")]));
    assert_snapshot!(check(json!({"entries": [of_c, entry(dataset("d"), json!([]))]})), @r"
    db/a DERIVES db/c via etl/daily
    db/a READS job:etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d via etl/daily
    ");
    assert_snapshot!(check(json!({"entries": [of_c]})), @r"
    db/a DERIVES db/c via etl/daily
    db/a READS job:etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d via etl/daily
    ");
    assert_snapshot!(check(json!({"entries": [of_c, entry(dataset("d"), json!([job("x")]))]})), @r"
    db/a DERIVES db/c via etl/daily
    db/a READS job:etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d via etl/daily
    job:etl/x WRITES db/d
    ");
    assert_snapshot!(check(json!({"entries": [of_c, entry(dataset("d"), json!([{"type": "JOB"}]))]})), @r"
    db/a DERIVES db/c via etl/daily
    db/a READS job:etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d via etl/daily
    ");
    assert_snapshot!(check(json!({"entries": []})), @r"
    db/a READS job:etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c via etl/daily
    job:etl/daily WRITES db/d via etl/daily
    ");
    // What the damaged entry would have said of d, nobody knows.
    assert_snapshot!(check(json!({"entries": [of_c, {"type": "DATASET"}]})), @r"
    db/a DERIVES db/c via etl/daily
    db/a READS job:etl/daily
    db/b READS job:etl/daily
    job:etl/daily WRITES db/c
    job:etl/daily WRITES db/d
    ");
}
