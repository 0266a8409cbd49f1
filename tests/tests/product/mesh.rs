//! The example mesh, as the README tells it.

use anyhow::{Context as _, Result};
use headwater_tests::service::{Service, extractor, root, run};

#[test]
fn the_example_mesh_answers_across_domains() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mesh = root().join("examples/mesh");
    let service = Service::start(
        folder.path(),
        &["--mesh", &mesh.join("mesh.toml").display().to_string()],
    )?;
    let component = extractor("plugins", "dbt")?.display().to_string();
    for domain in ["orders", "finance"] {
        let config = mesh
            .join(domain)
            .join("extractor.toml")
            .display()
            .to_string();
        let manifest = mesh
            .join(domain)
            .join("artifacts/manifest.json")
            .display()
            .to_string();
        let submit = |more: &[&str]| {
            let words = [
                "submit",
                "--server",
                &service.url,
                "--domain",
                domain,
                "--source",
                "dbt",
                "--plugin",
                &component,
                "--config",
                &config,
                &manifest,
            ];
            run(&[&words[..], more].concat())
        };
        let tried = submit(&["--dry-run"])?;
        assert_eq!(tried.code, Some(0), "{}", tried.err);
        let ran = submit(&[])?;
        assert_eq!(ran.code, Some(0), "{}", ran.err);
    }
    let events = mesh.join("growth/events.ndjson").display().to_string();
    let sent = run(&["send", "--server", &service.url, &events])?;
    assert_eq!(sent.code, Some(0), "{}", sent.err);

    let graph = service.ask("{ domainGraph { edges { from { name } to { name } datasetEdgeCount throughPortsCount aroundPortsCount crossings(aroundPorts: true) { nodes { via { name } } } } } }")?;
    let edges = graph["data"]["domainGraph"]["edges"]
        .as_array()
        .context("edges")?;
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
            r#""finance" -> "growth": 1 = 1 + 0 []"#,
            r#""orders" -> "finance": 3 = 2 + 1 [{"via":{"name":"model.finance.refunds"}}]"#,
            r#""orders" -> "growth": 3 = 3 + 0 []"#,
        ]
    );
    let impact = service.ask(
        "{ impact(of: [\"warehouse.orders.orders\"]) { totalCount byDomain { key count } completeness { walkComplete exhaustive unresolvedCount } } }",
    )?;
    let impact = &impact["data"]["impact"];
    assert_eq!(impact["totalCount"], 17, "{impact}");
    assert_eq!(impact["completeness"]["exhaustive"], true, "{impact}");
    let told = run(&[
        "impact",
        "warehouse.orders.orders",
        "--server",
        &service.url,
    ])?;
    assert_eq!(told.code, Some(0), "{}", told.err);
    for part in ["churn_features", "warehouse.finance.revenue", "growth"] {
        assert!(told.out.contains(part), "{}", told.out);
    }
    Ok(())
}
