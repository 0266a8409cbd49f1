//! Each big library is known to one crate, so that replacing it is the work of one crate.

use super::Finding;
use super::manifest::Manifest;

/// A library, its companions `<library>-*` included, and the one crate that may use it.
const LIBRARIES: [(&str, &str); 6] = [
    ("sled", "headwater-store"),
    ("wasmtime", "headwater-plugin"),
    ("petgraph", "headwater-graph"),
    ("fst", "headwater-search"),
    ("async-graphql", "headwater-graphql"),
    ("axum", "headwater-server"),
];

/// Finds crates that use a library that is another crate's. What only tests and benchmarks use is free.
pub(crate) fn check(manifests: &[Manifest]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests {
        if !manifest.file.starts_with("crates/") {
            continue;
        }
        for dependency in manifest.dependencies.iter().filter(|found| !found.is_dev) {
            let name = dependency.package.as_str();
            let owner = LIBRARIES
                .iter()
                .find(|(library, _)| is_of(name, library))
                .map(|(_, owner)| *owner);
            if let Some(owner) = owner
                && owner != manifest.package
            {
                findings.push(Finding::of_file(
                    &manifest.file,
                    format!("{name} is known to {owner} only"),
                ));
            }
        }
    }
    findings
}

fn is_of(package: &str, library: &str) -> bool {
    package
        .strip_prefix(library)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_crate(package: &str, dependencies: &str, expected: &[&str]) {
        let text = format!("[package]\nname = \"{package}\"\n{dependencies}");
        let manifest = Manifest::parse("crates/x/Cargo.toml", &text, &toml::Table::new())
            .unwrap()
            .unwrap();
        let found: Vec<_> = check(&[manifest])
            .into_iter()
            .map(|finding| finding.message)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_library_may_be_used_by_its_crate() {
        for (library, owner) in LIBRARIES {
            check_crate(owner, &format!("[dependencies]\n{library} = \"1\""), &[]);
        }
    }

    #[test]
    fn a_library_may_not_be_used_by_another_crate() {
        for (library, owner) in LIBRARIES {
            check_crate(
                "headwater",
                &format!("[dependencies]\n{library} = \"1\""),
                &[&format!("{library} is known to {owner} only")],
            );
        }
    }

    #[test]
    fn companions_and_other_names_do_not_get_round_it() {
        check_crate(
            "headwater-server",
            "[dependencies]\nasync-graphql-axum = \"1\"",
            &["async-graphql-axum is known to headwater-graphql only"],
        );
        check_crate(
            "headwater-engine",
            "[dependencies]\ndb = { package = \"sled\", version = \"1\" }",
            &["sled is known to headwater-store only"],
        );
    }

    #[test]
    fn tests_use_what_they_like() {
        check_crate("headwater-engine", "[dev-dependencies]\nsled = \"1\"", &[]);
        check_crate("headwater-engine", "[dependencies]\nsledge = \"1\"", &[]);
    }
}
