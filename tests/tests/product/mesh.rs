//! The example mesh, as the README tells it.

use std::fs;

use anyhow::{Context as _, Result};
use headwater_tests::mesh;
use headwater_tests::service::{Service, root, run};
use serde_json::{Value, json};

/// A service with the mesh in it; the folder is its data.
fn loaded() -> Result<(tempfile::TempDir, Service)> {
    let folder = tempfile::tempdir()?;
    let service = mesh::start(folder.path())?;
    mesh::load(&service)?;
    Ok((folder, service))
}

/// The `data` of an answer without errors.
fn data(service: &Service, query: &str) -> Result<Value> {
    let mut answer = service.ask(query)?;
    anyhow::ensure!(answer["errors"].is_null(), "{query}: {}", answer["errors"]);
    Ok(answer["data"].take())
}

/// Names at `pointer`, of every item of `items`.
fn texts<'a>(items: &'a Value, pointer: &str) -> Vec<&'a str> {
    let items = items.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.pointer(pointer)?.as_str())
        .collect()
}

#[test]
fn the_example_mesh_answers_across_domains() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = mesh::start(folder.path())?;
    for submitter in mesh::SUBMITTERS {
        mesh::submit(&service, submitter, &["--dry-run"])?;
    }
    let datasets = data(&service, "{ assets { totalCount } }")?;
    assert_eq!(
        datasets["assets"]["totalCount"], 0,
        "a dry run keeps nothing"
    );
    mesh::load(&service)?;
    let graph = data(
        &service,
        "{ domainGraph { edges { from { name } to { name } datasetEdgeCount throughPortsCount aroundPortsCount crossings(aroundPorts: true) { nodes { via { name } } } } } }",
    )?;
    let edges = graph["domainGraph"]["edges"].as_array().context("edges")?;
    let shown = edges.iter().map(|edge| {
        let around = &edge["crossings"]["nodes"];
        format!(
            "{} -> {}: {} = {} + {} {}",
            edge["from"]["name"],
            edge["to"]["name"],
            edge["datasetEdgeCount"],
            edge["throughPortsCount"],
            edge["aroundPortsCount"],
            around
        )
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            r#""finance" -> "board": 1 = 0 + 1 [{"via":null}]"#,
            r#""finance" -> "growth": 1 = 1 + 0 []"#,
            r#""growth" -> "board": 1 = 0 + 1 [{"via":null}]"#,
            r#""orders" -> "board": 1 = 1 + 0 []"#,
            r#""orders" -> "finance": 3 = 2 + 1 [{"via":{"name":"model.finance.refunds"}}]"#,
            r#""orders" -> "growth": 3 = 3 + 0 []"#,
            r#""shop" -> "orders": 3 = 3 + 0 []"#,
        ]
    );
    let impact = data(
        &service,
        "{ impact(of: [\"warehouse.orders.orders\"]) { totalCount completeness { exhaustive } } }",
    )?;
    assert_eq!(impact["impact"]["totalCount"], 22);
    assert_eq!(impact["impact"]["completeness"]["exhaustive"], true);
    Ok(())
}

#[test]
fn staging_datasets_are_left_out_on_request() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = mesh::start(folder.path())?;
    // Without shop, nobody declares what orders reads.
    let orders = (mesh::SUBMITTERS.into_iter()).find(|submitter| submitter.domain == "orders");
    mesh::submit(&service, orders.context("orders")?, &[])?;
    let server = ["--server", &service.url, "--format", "json"];
    let upstream = |more: &[&str]| {
        let asked = [
            "impact",
            "warehouse.orders.customers",
            "--direction",
            "upstream",
        ];
        let ran = run(&[&asked[..], &server, more].concat())?;
        let answer: Value = serde_json::from_str(&ran.out)?;
        let mut names = texts(&answer["assets"], "/asset/reference")
            .into_iter()
            .filter_map(|name| name.strip_prefix("duckdb://warehouse.duckdb/warehouse."))
            .map(str::to_owned)
            .collect::<Vec<_>>();
        names.sort();
        let told = &answer["completeness"];
        let counts = json!([told["contractedCount"], told["unresolvedCount"]]);
        anyhow::Ok((names.join(" "), counts))
    };
    let whole = upstream(&[])?;
    assert_eq!(
        whole,
        (
            "orders.order_statuses orders.orders orders.stg_customers orders.stg_orders raw.customers raw.orders".to_owned(),
            json!([null, 2])
        )
    );
    let contracted = upstream(&["--contract", "*.stg_*"])?;
    assert_eq!(
        contracted,
        (
            "orders.order_statuses orders.orders raw.customers raw.orders".to_owned(),
            json!([2, 2])
        )
    );
    // What is left out was reached all the same: that nobody declares it goes on being told.
    let declared = upstream(&["--contract", "*.raw.*"])?;
    assert_eq!(
        declared,
        (
            "orders.order_statuses orders.orders orders.stg_customers orders.stg_orders".to_owned(),
            json!([2, 2])
        )
    );
    assert_eq!(upstream(&[])?, whole);
    Ok(())
}

/// The text between a line "```<language>" and the next "```", the first in `page`.
fn block<'a>(page: &'a str, language: &str) -> Result<&'a str> {
    let fence = format!("\n```{language}\n");
    let (_, rest) = page
        .split_once(&fence)
        .with_context(|| format!("no block of {language}"))?;
    Ok(rest.split_once("\n```").context("an open block")?.0)
}

#[test]
fn the_readme_tells_what_the_service_answers() -> Result<()> {
    let (_folder, service) = loaded()?;
    let readme = fs::read_to_string(root().join("README.md"))?;
    let told: Value = serde_json::from_str(block(&readme, "json")?)?;
    assert_eq!(service.ask(block(&readme, "graphql")?)?, told);

    let (mut commands, mut printed) = (0, Vec::new());
    for line in block(&readme, "console")?.lines() {
        if let Some(command) = line.strip_prefix("$ headwater ") {
            let words = shlex::split(command).context("a command line")?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let ran = run(&[&words[..], &["--server", &service.url]].concat())?;
            assert_eq!(ran.code, Some(0), "{command}: {}", ran.err);
            printed = ran
                .out
                .lines()
                .map(str::trim_end)
                .map(str::to_owned)
                .collect();
            commands += 1;
        } else if line != "…" {
            assert!(
                printed.iter().any(|found| found == line),
                "{line} is not among\n{}",
                printed.join("\n")
            );
        }
    }
    assert!(commands > 0, "the README shows no command");
    Ok(())
}

#[test]
fn every_query_of_the_example_is_answered() -> Result<()> {
    let (_folder, service) = loaded()?;
    let mut asked = 0;
    for entry in fs::read_dir(mesh::folder().join("queries"))? {
        let path = entry?.path();
        let answer = data(&service, &fs::read_to_string(&path)?)?;
        let told = answer.as_object().context("an answer")?;
        assert!(
            told.values().all(|value| !value.is_null()),
            "{}: {answer}",
            path.display()
        );
        asked += 1;
    }
    assert!(asked >= 8, "{asked} queries");
    Ok(())
}

#[test]
fn fields_are_followed_across_the_mesh() -> Result<()> {
    let (_folder, service) = loaded()?;
    let impact = data(
        &service,
        r#"{ impact(of: ["warehouse.orders.orders#status"], granularity: FIELD, filter: { types: ["DATASET"] }) {
            assets { nodes { asset { name } fields { name } hops } }
            completeness { walkComplete exhaustive withoutFieldsCount } } }"#,
    )?;
    let impact = &impact["impact"];
    let nodes = &impact["assets"]["nodes"];
    assert_eq!(
        texts(nodes, "/asset/name"),
        [
            "warehouse.growth.churn_features",
            "warehouse.growth.churn_scores"
        ]
    );
    assert_eq!(
        nodes[0]["fields"],
        json!([]),
        "as a whole: what is made of orders on the way is filtered by the status, and joined here"
    );
    assert_eq!(impact["completeness"]["walkComplete"], true);
    assert_eq!(impact["completeness"]["exhaustive"], true);
    assert_eq!(impact["completeness"]["withoutFieldsCount"], 0);

    let lineage = data(
        &service,
        r#"{ lineage(of: ["churn_scores#churn_score"], direction: UPSTREAM, granularity: FIELD, depth: 2, filter: { domains: ["orders", "growth"] }) {
            nodes { hops entity { ... on Field { reference } } } edges { transformations { type subtype } } } }"#,
    )?;
    let fields = texts(&lineage["lineage"]["nodes"], "/entity/reference");
    for field in [
        "warehouse.growth.churn_scores#churn_score",
        "warehouse.growth.churn_features#cancelled_share",
        "warehouse.orders.orders#status",
    ] {
        let full = format!("duckdb://warehouse.duckdb/{field}");
        assert!(fields.contains(&&*full), "{field}: {fields:?}");
    }

    let links = data(
        &service,
        r#"{ lineage(of: ["orders.orders#status"], direction: DOWNSTREAM, granularity: FIELD, depth: 1, stopAt: {}) {
            nodes { hops entity { ... on Field { reference downstream { nodes { to { name } via { name } transformations { type subtype masking } } } } } } } }"#,
    )?;
    let nodes = links["lineage"]["nodes"].as_array().context("nodes")?;
    let status = nodes
        .iter()
        .find(|node| node["hops"] == 0)
        .context("status")?;
    let links = status["entity"]["downstream"]["nodes"].as_array();
    let of_growth = json!({"to": {"name": "cancelled_share"}, "via": {"name": "build_churn_features"},
        "transformations": [{"type": "INDIRECT", "subtype": "CONDITIONAL", "masking": false}]});
    let links = links.context("links")?;
    assert!(links.contains(&of_growth), "{links:?}");

    let paths = data(
        &service,
        r#"{ paths(from: "orders.orders#status", to: "churn_scores#churn_score", granularity: FIELD, first: 1) {
            paths { fields { name dataset { name } } assets { name } } } }"#,
    )?;
    let way = &paths["paths"]["paths"][0];
    assert_eq!(
        texts(&way["fields"], "/name"),
        ["status", "cancelled_share", "churn_score"]
    );
    assert_eq!(
        texts(&way["assets"], "/name"),
        [
            "warehouse.orders.orders",
            "build_churn_features",
            "warehouse.growth.churn_features",
            "score_churn",
            "warehouse.growth.churn_scores"
        ]
    );
    let unknown = service
        .ask(r#"{ impact(of: ["orders.orders#colour"], granularity: FIELD) { totalCount } }"#)?;
    assert_eq!(
        unknown["errors"][0]["extensions"]["code"], "NOT_FOUND",
        "{unknown}"
    );
    Ok(())
}

#[test]
fn a_column_of_a_database_is_followed_through_connectors_to_a_dashboard() -> Result<()> {
    let (_folder, service) = loaded()?;
    let reached = |column: &str| -> Result<(Vec<String>, Value)> {
        let query = format!(
            "{{ impact(of: [\"{column}\"], granularity: FIELD) {{ assets {{ nodes {{ asset {{ name label }} fields {{ name }} }} }} \
                completeness {{ exhaustive }} }} }}"
        );
        let mut answer = data(&service, &query)?["impact"].take();
        let nodes = answer["assets"]["nodes"].as_array().context("nodes")?;
        let shown = nodes.iter().map(|node| {
            let fields = texts(&node["fields"], "/name").join(",");
            let name = &node["asset"]["label"]
                .as_str()
                .or(node["asset"]["name"].as_str());
            format!("{}#{fields}", name.unwrap_or_default())
        });
        Ok((shown.collect(), answer["completeness"]["exhaustive"].take()))
    };
    let (status, is_exhaustive) = reached("shop.public.orders#status")?;
    assert_eq!(is_exhaustive, true);
    for expected in [
        "cdc.public.orders#status",
        "warehouse.raw.orders#status_code",
        "Board report#",
    ] {
        assert!(
            status.iter().any(|found| found == expected),
            "{expected}: {status:?}"
        );
    }
    assert!(
        !status.iter().any(|found| found.contains("order_events")),
        "{status:?}"
    );
    // When the customer registered is read by nobody behind the warehouse.
    let (created, _) = reached("shop.public.customers#created_at")?;
    assert_eq!(
        created,
        [
            "shop-source#",
            "cdc.public.customers#created_at",
            "warehouse-sink#",
            "warehouse.raw.customers#created_at"
        ]
    );
    Ok(())
}

#[test]
fn runs_and_what_tests_found_are_told_of_the_owners_dataset() -> Result<()> {
    let (_folder, service) = loaded()?;
    let answer = data(
        &service,
        r#"{ dataset(namespace: "duckdb://warehouse.duckdb", name: "warehouse.orders.orders") {
            description facets isOutputPort fields { nodes { name type } }
            lastWrite { runId state endedAt job { name } }
            consumedBy { nodes { name latestRun { state endedAt } } } } }"#,
    )?;
    let orders = &answer["dataset"];
    assert_eq!(
        orders["description"], "One row per order, in its newest state.",
        "what finance writes of its source counts less than what orders says"
    );
    assert_eq!(
        orders["facets"]["dbt"]["unique_id"], "model.orders.orders",
        "{}",
        orders["facets"]
    );
    assert_eq!(orders["isOutputPort"], true);
    assert_eq!(
        orders["fields"]["nodes"][3],
        json!({"name": "amount", "type": "DECIMAL(12,2)"}),
        "of the catalog"
    );
    let checks = &orders["facets"]["dataQualityAssertions"]["assertions"];
    assert_eq!(
        texts(checks, "/assertion"),
        ["not_null", "relationships", "unique"]
    );
    assert_eq!(texts(checks, "/status"), ["pass", "pass", "pass"]);
    assert_eq!(orders["lastWrite"]["state"], "COMPLETE");
    assert_eq!(orders["lastWrite"]["job"]["name"], "model.orders.orders");
    assert_eq!(
        orders["consumedBy"]["nodes"],
        json!([
            {"name": "model.orders.customers", "latestRun": {"state": "COMPLETE", "endedAt": "2026-01-05T05:00:00Z"}},
            {"name": "model.finance.recognised_orders", "latestRun": {"state": "COMPLETE", "endedAt": "2026-01-05T06:00:00Z"}},
            {"name": "build_churn_features", "latestRun": {"state": "COMPLETE", "endedAt": "2026-01-06T07:03:00Z"}},
        ]),
        "of dbt's results and of events alike"
    );
    Ok(())
}
