//! The host against guests that behave and guests that don't.

mod support;

use std::fs;

use headwater_model::{
    Artifact, Coverage, EdgeKind, Extraction, Extractor, ExtractorConfig, FactKind,
};
use headwater_plugin::{HostConfig, PluginHost, WasmExtractor};

fn host() -> PluginHost {
    PluginHost::new(HostConfig::default()).expect("default bounds can be kept")
}

fn load(host: &PluginHost, name: &str) -> WasmExtractor {
    let component = support::component(name).expect("a guest");
    host.load(&component).expect("a loadable guest")
}

fn artifact(text: &str) -> Artifact {
    Artifact {
        name: "in/list.txt".into(),
        media_type: "text/plain".into(),
        content: text.as_bytes().into(),
    }
}

fn mirrored(host: &PluginHost, text: &str) -> Extraction {
    load(host, "mirror")
        .extract(&ExtractorConfig::new(), &[artifact(text)])
        .expect("facts")
}

#[track_caller]
fn check_refused(component: &[u8], expected: &str) {
    let host = host();
    let error = host.load(component).expect_err("it is refused");
    assert_eq!(error.to_string(), expected);
    assert_eq!(
        host.metrics().compiled_count,
        0,
        "it is refused before it is compiled"
    );
    assert_eq!(host.inspect(component).refusal.as_deref(), Some(expected));
}

#[test]
fn what_a_guest_emits_becomes_facts() {
    let extraction = mirrored(&host(), "orders");
    let facts = extraction.facts;
    let names: Vec<String> = facts.datasets.iter().map(|d| d.name.to_string()).collect();
    assert_eq!(names, ["files/orders", "files/mart"]);
    assert_eq!(facts.jobs[0].name.to_string(), "files/load");
    assert_eq!(
        facts
            .datasets
            .iter()
            .map(|d| d.is_declared)
            .collect::<Vec<_>>(),
        [true, false]
    );
    let evidence = facts.datasets[0].evidence.as_ref().expect("a place");
    assert_eq!(
        (&*evidence.artifact, evidence.line),
        ("in/list.txt", Some(1))
    );
    let edges: Vec<_> = facts
        .edges
        .iter()
        .map(|e| (e.kind(), e.from.to_string(), e.to.to_string()))
        .collect();
    let edge = |kind, from: &str, to: &str| (kind, from.to_owned(), to.to_owned());
    assert_eq!(
        edges,
        [
            edge(EdgeKind::Reads, "files/orders", "job:files/load"),
            edge(EdgeKind::Writes, "job:files/load", "files/mart"),
        ]
    );
    assert_eq!(
        extraction.covers,
        Coverage::from_iter([FactKind::Datasets, FactKind::Edges])
    );
    assert_eq!(
        extraction
            .generated_at
            .map(|time| time.to_string())
            .as_deref(),
        Some("2023-11-14T22:13:20Z")
    );
}

#[test]
fn a_name_that_is_none_is_refused_with_its_place_and_rule() {
    let error = load(&host(), "mirror")
        .extract(&ExtractorConfig::new(), &[artifact("")])
        .expect_err("the dataset has no name");
    assert_eq!(
        error.to_string(),
        "mirror failed: batch 0, entities[0].name: \"\" is empty"
    );
    let error = load(&host(), "mirror")
        .extract(&ExtractorConfig::new(), &[artifact("two\nlines")])
        .expect_err("the dataset's name has a line break");
    assert_eq!(
        error.to_string(),
        "mirror failed: batch 0, entities[0].name: \"two\\nlines\" holds the control character U+000A at byte 3"
    );
}

#[test]
fn what_reaches_beyond_the_contract_is_refused_by_name() {
    check_refused(
        &support::component("foreign-imports").expect("a guest"),
        "imports wasi:io/poll@0.2.0, wasi:filesystem/preopens@0.2.0: \
         an extractor may import nothing but headwater:extractor/host and types",
    );
}

#[test]
fn another_contract_is_refused_by_its_version() {
    check_refused(
        &support::component("other-contract").expect("a guest"),
        "built for contract 0.9; this host serves 0.1",
    );
}

#[test]
fn a_core_module_is_refused_as_what_it_is() {
    check_refused(
        b"\0asm\x01\0\0\0",
        "is a core module, not a component; wrap it, for example with `wasm-tools component new`",
    );
}

#[test]
fn an_export_with_other_types_is_not_an_extractor() {
    let component = wat::parse_str(
        r#"(component (instance $i) (export "headwater:extractor/plugin@0.1.0" (instance $i)))"#,
    )
    .expect("valid text");
    let error = host().load(&component).expect_err("it exports nothing");
    assert!(
        error.to_string().starts_with("is not an extractor: "),
        "{error}"
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let host = PluginHost::new(HostConfig {
        component_bytes_max: 4,
        ..HostConfig::default()
    })
    .expect("bounds");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dbt.wasm");
    fs::write(&path, b"12345").expect("a file");
    assert_eq!(
        host.load_file(&path).expect_err("too large").to_string(),
        format!("{}: is 5 bytes long, more than 4", path.display())
    );
}

#[test]
fn configuration_is_checked_before_the_guest_runs() {
    let config = ExtractorConfig::from([("target".to_owned(), "prod".to_owned())]);
    let error = load(&host(), "mirror")
        .extract(&config, &[])
        .expect_err("it takes none");
    assert_eq!(
        error.to_string(),
        "configuration of mirror: target is not a key of it; it takes no configuration"
    );
}

#[test]
fn calls_from_many_threads_wait_for_their_turn() {
    let host = PluginHost::new(HostConfig {
        concurrent_calls_max: 2,
        ..HostConfig::default()
    })
    .expect("bounds");
    let guest = load(&host, "mirror");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let guest = &guest;
            scope.spawn(move || {
                let name = format!("orders-{thread}");
                for _ in 0..20 {
                    let called = guest.extract(&ExtractorConfig::new(), &[artifact(&name)]);
                    let facts = called.expect("facts").facts;
                    assert_eq!(facts.datasets[0].name.name.as_str(), name);
                }
            });
        }
    });
}

#[test]
fn a_bound_that_cannot_be_kept_is_named() {
    let error = PluginHost::new(HostConfig {
        concurrent_calls_max: 0,
        ..HostConfig::default()
    })
    .expect_err("nothing could ever run");
    assert_eq!(error.to_string(), "concurrent_calls_max must be 1 to 256");
}
