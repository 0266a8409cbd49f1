//! The example mesh, as the README tells it.

use anyhow::Result;
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

    let graph = service.ask("{ domainGraph { edges { from { name } to { name } datasetEdgeCount throughPortsCount aroundPortsCount } } }")?;
    insta::assert_json_snapshot!(graph["data"]["domainGraph"]["edges"]);
    let impact = service.ask(
        "{ impact(of: [\"warehouse.orders.orders\"]) { totalCount byDomain { key count nearestHops } completeness { walkComplete exhaustive unresolvedCount } } }",
    )?;
    insta::assert_json_snapshot!(impact["data"]["impact"]);
    let around = run(&[
        "impact",
        "warehouse.orders.orders",
        "--server",
        &service.url,
    ])?;
    assert_eq!(around.code, Some(0), "{}", around.err);
    insta::assert_snapshot!(around.out);
    Ok(())
}
