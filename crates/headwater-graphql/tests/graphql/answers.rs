//! What each question answers.

use headwater_graphql::Limits;
use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{api, ask, ask_with, read, respond_to_get};

#[test]
fn a_dataset_tells_all_that_is_said_of_it() {
    let api = api(Limits::default());
    assert_json_snapshot!(ask(
        &api,
        r#"{ dataset(namespace: "postgres://db:5432", name: "shop.public.orders") {
            __typename id reference namespace name type label description url domain { id name description owners { name type } }
            owners { name type } tags { name value assertedBy { id name domain { name } kind isStale } }
            attributes { key value assertedBy { name } } firstSeen lastSeen retiredAt facets isUnresolved
            assertedBy { source { id } validFrom validTo assertedAt retractedAt
                evidence { artifact pointer line column note } }
            aliases { namespace name reason source { name } }
            fields(first: 2) { totalCount pageInfo { hasNextPage hasPreviousPage }
                nodes { id reference name type description tags { name } dataset { name } } }
            producedBy { totalCount nodes { reference } }
            consumedBy { totalCount nodes { reference type domain { name } } } } }"#
    ));
}

#[test]
fn a_job_tells_what_it_reads_and_writes() {
    let api = api(Limits::default());
    assert_json_snapshot!(ask(
        &api,
        r#"{ job(namespace: "dbt://shop", name: "orders") { id reference name type sql parent { id } retiredAt
            inputs { totalCount nodes { reference } } outputs { edges { node { reference isUnresolved } } } } }"#
    ));
}

#[test]
fn impact_lists_groups_and_paths() {
    let api = api(Limits::default());
    assert_json_snapshot!(ask(
        &api,
        r#"{ impact(of: ["shop.public.stage"]) { totalCount byDomain { key count nearestHops }
            byOwner { key count nearestHops } byType { key count nearestHops } byHops { key count nearestHops }
            assets { totalCount nodes { hops crossesDomain asset { __typename reference domain { name } }
                path { reference } } }
            completeness { walkComplete exhaustive cutBy frontier unresolvedCount hiddenCount staleSources { id } }
            snapshot { offset committedAt } } }"#
    ));
}

#[test]
fn a_list_that_is_read_in_one_go_answers_as_field_by_field() {
    let api = api(Limits::default());
    let selection = "hops crossesDomain at: asset { __typename ...both id ...on Dataset { isUnresolved } \
        ... on Job { jobs: namespace } ...on Node { nodeId: id } } path { ... on Asset { name } } asset { type }";
    let fragment = "fragment both on Asset { reference domain { __typename id name } domain { called: name } }";
    let ask = |extra: &str| {
        let query = format!(
            "{{ impact(of: [\"shop.public.raw\"]) {{ assets {{ \
                nodes {{ {selection} }} edges {{ cursor __typename node {{ {selection} asset {{ {extra} }} }} }} }} }} }} \
             {fragment}"
        );
        let mut data = ask(&api, &query);
        let assets = data["impact"]["assets"].take();
        for (node, edge) in assets["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .zip(assets["edges"].as_array().expect("edges"))
        {
            let mut same = edge["node"].clone();
            same["asset"]
                .as_object_mut()
                .expect("an asset")
                .remove("url");
            assert_eq!(*node, same);
        }
        assets["edges"].as_array().map(Vec::len)
    };
    assert_eq!(ask("url"), Some(8), "url is read from the state");
    assert_eq!(ask("type"), Some(8));
}

#[test]
fn a_list_asked_for_twice_is_merged() {
    let api = api(Limits::default());
    let twice = ask(
        &api,
        r#"{ impact(of: ["stage"]) { assets(first: 2) { nodes { hops } ... on ImpactedAssetConnection { nodes { asset { name } } } } } }"#,
    );
    assert_eq!(
        twice["impact"]["assets"]["nodes"],
        json!([{"hops": 0, "asset": {"name": "orders"}}, {"hops": 1, "asset": {"name": "shop.public.orders"}}])
    );
}

#[test]
fn lineage_has_nodes_and_edges_both_ways() {
    let api = api(Limits::default());
    assert_json_snapshot!(ask(
        &api,
        r#"{ lineage(of: ["shop.public.orders"], depth: 1) {
            nodes { hops entity { __typename ... on Dataset { reference isUnresolved } ... on Job { reference } } }
            edges { kind from to via { name } lastSeen assertedBy { source { id } evidence { pointer } } }
            completeness { walkComplete cutBy frontier } snapshot { offset } } }"#
    ));
}

#[test]
fn what_is_filtered_is_not_returned_and_still_walked() {
    let api = api(Limits::default());
    let found = ask(
        &api,
        r#"{ impact(of: ["raw"], filter: {domains: ["growth"]}, stopAt: {text: "churn"}) {
            totalCount assets { nodes { asset { name } hops } } } }"#,
    );
    let nodes = found["impact"]["assets"]["nodes"].as_array();
    let names: Vec<&str> = nodes
        .into_iter()
        .flatten()
        .filter_map(|node| node["asset"]["name"].as_str())
        .collect();
    assert_eq!(names, ["report", "churn", "growth.report.orders"]);
}

#[test]
fn references_are_resolved_step_by_step() {
    let api = api(Limits::default());
    assert_json_snapshot!(ask(
        &api,
        r#"{ one: resolve(reference: "stage") { reference asset { reference } steps candidates { reference } }
             field: resolve(reference: "shop.public.orders#status") { reference asset { reference } }
             alias: resolve(reference: {kind: DATASET, namespace: "s3://lake", name: "orders/daily"}) {
                reference asset { reference } }
             several: resolve(reference: "orders") { asset { id } steps candidates { reference } }
             none: resolve(reference: "nowhere") { asset { id } steps candidates { id } } }"#
    ));
}

#[test]
fn search_finds_datasets_jobs_and_domains() {
    let api = api(Limits::default());
    assert_json_snapshot!(ask(
        &api,
        r#"{ search(text: "Orders") { totalCount nodes { matched entity { __typename
            ... on Dataset { reference } ... on Job { reference } ... on Domain { name } } } }
            filtered: search(text: "orders", filter: {domains: ["growth"]}) { nodes { matched } }
            place: search(text: "postgres://DB", first: 1) { totalCount nodes { matched } } }"#
    ));
}

#[test]
fn domains_know_their_datasets_their_sources_and_their_links() {
    let api = api(Limits::default());
    assert_json_snapshot!(ask(
        &api,
        r#"{ domains { id name description }
            domain(name: "growth") { owners { name } sources { id } dependsOn { from { name } to { name } }
                dependedOnBy { to { name } }
                datasets(filter: {text: "CHURN"}) { totalCount nodes { name } } }
            domainGraph { domains { name } edges { from { name } to { name } datasetEdgeCount throughPortsCount
                aroundPortsCount all: crossings(first: 1) { totalCount nodes { from to kind via { name } } }
                around: crossings(aroundPorts: true) { totalCount } } snapshot { offset } } snapshot { offset committedAt } }"#
    ));
}

#[test]
fn a_source_tells_what_it_submitted() {
    let api = api(Limits::default());
    assert_json_snapshot!(ask(
        &api,
        r#"{ source(domain: "orders", name: "dbt") { id name kind isStale domain { name }
            lastSubmission { id offset receivedAt addedCount removedCount unchangedCount source { id }
                diagnostics(first: 1) { totalCount pageInfo { hasNextPage }
                    nodes { severity code message artifact pointer line column } } }
            submissions { totalCount nodes { offset } } } }"#
    ));
}

#[test]
fn every_id_leads_back_to_its_node() {
    let api = api(Limits::default());
    let ids = ask(
        &api,
        r#"{ dataset(namespace: "postgres://db:5432", name: "shop.public.orders") {
                id domain { id } producedBy { nodes { id } } fields { nodes { id } }
                assertedBy { source { id lastSubmission { id } } } } }"#,
    );
    let dataset = &ids["dataset"];
    let source = &dataset["assertedBy"][0]["source"];
    for (id, r#type) in [
        (&dataset["id"], "Dataset"),
        (&dataset["domain"]["id"], "Domain"),
        (&dataset["producedBy"]["nodes"][0]["id"], "Job"),
        (&dataset["fields"]["nodes"][1]["id"], "Field"),
        (&source["id"], "Source"),
        (&source["lastSubmission"]["id"], "Submission"),
    ] {
        let query = "query($id: ID!) { node(id: $id) { __typename id } }";
        let found = ask_with(&api, query, &json!({ "id": id }));
        assert_eq!(
            found["data"]["node"],
            json!({"__typename": r#type, "id": id})
        );
    }
}

#[test]
fn what_is_not_there_is_null() {
    let api = api(Limits::default());
    let nothing = ask(
        &api,
        r#"{ dataset(namespace: "x", name: "y") { id } job(namespace: "x", name: "y") { id }
            a: node(id: "ds_00000000000000000000000000000000") { id } b: node(id: "nonsense") { id }
            c: node(id: "sub_9_9") { id } source(domain: "x", name: "y") { id } domain(name: "x") { id } }"#,
    );
    let nothing = nothing.as_object().expect("an object");
    assert!(
        nothing.len() == 7 && nothing.values().all(serde_json::Value::is_null),
        "{nothing:?}"
    );
}

#[test]
fn one_response_is_of_one_snapshot_and_may_be_asked_by_get() {
    let api = api(Limits::default());
    let query =
        "query($of: [Reference!]!) { snapshot { offset } impact(of: $of) { snapshot { offset } } }";
    let response = respond_to_get(&api, query, Some(r#"{"of": ["stage"]}"#));
    assert!(response.is_ok && response.is_executed);
    let data = &read(&response)["data"];
    assert_eq!(data["snapshot"], data["impact"]["snapshot"]);
}

#[test]
fn contracted_datasets_are_left_out_with_direct_ways_through_them() {
    let api = crate::support::api(headwater_graphql::Limits::default());
    let query = |contract: &str| {
        let query = format!(
            r#"{{ lineage(of: ["shop.public.raw"], direction: DOWNSTREAM, depth: 1{contract}) {{ nodes {{ hops
            entity {{ ... on Dataset {{ name }} }} }} }} paths(from: "shop.public.raw", to: "shop.public.orders"{contract}) {{
            paths {{ assets {{ name }} }} }} impact(of: ["shop.public.raw"], depth: 1{contract}) {{ assets {{ nodes {{
            hops asset {{ name }} }} }} completeness {{ contractedCount }} }} }}"#
        );
        crate::support::ask(&api, &query)
    };
    let plain = query("");
    let names = |answer: &serde_json::Value| answer.to_string();
    assert!(names(&plain).contains("shop.public.stage"));
    let contracted = query(r#", contract: ["*.stage"]"#);
    assert!(
        !names(&contracted).contains("shop.public.stage"),
        "{contracted}"
    );
    assert!(names(&contracted["impact"]).contains("shop.public.orders"));
    assert_eq!(contracted["impact"]["completeness"]["contractedCount"], 1);
    assert_eq!(plain["impact"]["completeness"]["contractedCount"], 0);
    assert!(names(&contracted["lineage"]).contains("shop.public.orders"));
    assert_ne!(contracted["paths"]["paths"], serde_json::json!([]));
    assert_eq!(query(""), plain);
    let refused = crate::support::failure(
        &api,
        r#"{ impact(of: ["shop.public.raw"], granularity: FIELD, contract: ["x"]) { totalCount } }"#,
    );
    assert_eq!(
        refused,
        "INVALID_INPUT: contract goes with granularity DATASET only"
    );
}
