//! Which files of a folder are read, matched as the host matches them.
#![allow(clippy::unwrap_used, reason = "what a test cannot read fails it")]

use dbt::Dbt;
use globset::{Glob, GlobSetBuilder};
use headwater_extractor::Extractor;

#[test]
fn of_a_target_folder_the_four_artifacts_are_read_and_nothing_else() {
    let mut globs = GlobSetBuilder::new();
    for input in Dbt::describe().inputs {
        assert!(!input.required, "{} may be absent", input.glob);
        globs.add(Glob::new(&input.glob).unwrap());
    }
    let globs = globs.build().unwrap();
    let read = [
        "manifest.json",
        "catalog.json",
        "run_results.json",
        "sources.json",
        "target/manifest.json",
        "shop/target/run_results.json",
    ];
    let ignored = [
        "semantic_manifest.json",
        "graph_summary.json",
        "graph.gpickle",
        "partial_parse.msgpack",
        "perf_info.json",
        "index.html",
        "static_index.html",
        "compiled/shop/models/orders.sql",
        "compiled/shop/models/sources.yml/unique_id.sql",
        "run/shop/models/orders.sql",
        "manifest.json.bak",
        "target/manifest.json/x",
    ];
    for path in read {
        assert!(globs.is_match(path), "{path} is read");
    }
    for path in ignored {
        assert!(!globs.is_match(path), "{path} is ignored");
    }
}
