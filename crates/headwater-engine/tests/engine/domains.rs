//! Domains: who claims what, and how data crosses.

use headwater_engine::{DiagnosticsQuestion, Reference};
use headwater_model::{DomainName, DomainSpec, Mesh, Pattern, Timestamp};

use crate::support::{Fixture, snapshot};

fn mesh(domains: &[(&str, &str)]) -> Mesh {
    let spec = |(name, datasets): &(&str, &str)| DomainSpec {
        name: DomainName::parse(name).expect("a name"),
        description: None,
        owners: Vec::new(),
        datasets: vec![Pattern::new(datasets)],
        job_namespaces: Vec::new(),
    };
    Mesh::new(10, domains.iter().map(spec).collect()).expect("a mesh")
}

fn domain(fixture: &Fixture, name: &str) -> Option<String> {
    let view = fixture.view();
    let index = view.require(&Reference::Text(name.into())).expect("known");
    view.asset(index)
        .and_then(|asset| asset.domain.map(|domain| domain.to_string()))
}

#[test]
fn a_dataset_belongs_to_the_domain_whose_source_declares_it() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "raw -> j -> orders"));
    fixture.submit(snapshot("finance/dbt", 1, "orders -> k -> revenue"));
    assert_eq!(domain(&fixture, "db/orders").as_deref(), Some("orders"));
    assert_eq!(domain(&fixture, "db/revenue").as_deref(), Some("finance"));
    assert_eq!(
        domain(&fixture, "db/raw"),
        None,
        "mentioning claims nothing"
    );
    assert_eq!(domain(&fixture, "job:etl/k").as_deref(), Some("finance"));
}

#[test]
fn sources_of_two_domains_that_declare_one_dataset_leave_it_to_none() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "shared"));
    let receipt = fixture.submit(snapshot("finance/dbt", 1, "shared"));
    assert_eq!(domain(&fixture, "db/shared"), None);
    let found = fixture
        .view()
        .diagnostics(&[DiagnosticsQuestion {
            offset: receipt.offset,
            skip: 0,
            count: 10,
        }])
        .expect("findings");
    assert_eq!(&*found[0][0].code, "domain/disagreement");
}

#[test]
fn a_pattern_claims_over_the_sources_and_a_changed_mesh_moves_what_is_there() {
    let fixture = Fixture::new();
    fixture.submit(snapshot("orders/dbt", 1, "raw -> j -> fin"));
    assert_eq!(domain(&fixture, "db/fin").as_deref(), Some("orders"));
    fixture
        .engine
        .set_mesh(mesh(&[("finance", "db/fin*")]), Timestamp::EPOCH)
        .expect("a mesh");
    assert_eq!(domain(&fixture, "db/fin").as_deref(), Some("finance"));
    let offset = fixture.view().offset();
    fixture
        .engine
        .set_mesh(mesh(&[("finance", "db/fin*")]), Timestamp::EPOCH)
        .expect("a mesh");
    assert_eq!(
        fixture.view().offset(),
        offset,
        "the same mesh again is no entry"
    );
    fixture
        .engine
        .set_mesh(mesh(&[("growth", "db/none*")]), Timestamp::EPOCH)
        .expect("a mesh");
    assert_eq!(domain(&fixture, "db/fin").as_deref(), Some("orders"));
}

#[test]
fn crossings_go_through_ports_or_round_them() {
    let fixture = Fixture::new();
    fixture.submit(snapshot(
        "orders/dbt",
        1,
        "raw -> j -> orders, events; orders!",
    ));
    fixture.submit(snapshot(
        "finance/dbt",
        1,
        "orders -> k -> revenue; events -> l -> refunds",
    ));
    let links = fixture.view().domain_links();
    assert_eq!(links.len(), 1);
    let link = &links[0];
    assert_eq!((&*link.from, &*link.to), ("orders", "finance"));
    assert_eq!(
        (
            link.dataset_edges_count,
            link.through_ports_count,
            link.around_ports_count
        ),
        (2, 1, 1)
    );
}

#[test]
fn a_domain_first_named_by_a_submission_exists() {
    let fixture = Fixture::new();
    assert!(fixture.view().domain("orders").is_none());
    fixture.submit(snapshot("orders/dbt", 1, "a"));
    assert!(fixture.view().domain("orders").is_some());
    let datasets = fixture.view().datasets_of_domain("orders", None);
    assert_eq!(datasets.len(), 1);
}
