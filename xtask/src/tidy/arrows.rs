//! Which crate may know which: the arrows of the architecture, and nothing else.

use super::Finding;
use super::manifest::{Dependency, Manifest};

/// May be used by the tests of any crate, and by nothing that is shipped.
const TESTKIT: &str = "headwater-testkit";

/// The one crate of the plugins workspace that an extractor builds on.
const SDK: &str = "headwater-extractor";

/// Each crate, and the crates it may use. A crate that is not here may not exist.
const ARROWS: [(&str, &[&str]); 15] = [
    ("headwater-model", &[]),
    ("headwater-store", &[]),
    ("headwater-component", &[]),
    ("headwater-search", &[]),
    ("headwater-record", &["headwater-model"]),
    ("headwater-openlineage", &["headwater-model"]),
    ("headwater-graph", &["headwater-model"]),
    ("headwater-identity", &["headwater-model"]),
    ("headwater-plugin", &["headwater-model"]),
    (TESTKIT, &["headwater-model"]),
    (
        "headwater-engine",
        &[
            "headwater-model",
            "headwater-record",
            "headwater-graph",
            "headwater-identity",
            "headwater-search",
            "headwater-store",
        ],
    ),
    (
        "headwater-extraction",
        &["headwater-model", "headwater-record", "headwater-engine"],
    ),
    (
        "headwater-graphql",
        &[
            "headwater-model",
            "headwater-engine",
            "headwater-extraction",
        ],
    ),
    (
        "headwater-server",
        &[
            "headwater-model",
            "headwater-record",
            "headwater-openlineage",
            "headwater-engine",
            "headwater-extraction",
            "headwater-graphql",
        ],
    ),
    (
        "headwater",
        &[
            "headwater-model",
            "headwater-record",
            "headwater-openlineage",
            "headwater-graph",
            "headwater-store",
            "headwater-component",
            "headwater-plugin",
            "headwater-engine",
            "headwater-extraction",
            "headwater-graphql",
            "headwater-server",
        ],
    ),
];

/// Finds arrows that the architecture does not have.
pub(crate) fn check(manifests: &[Manifest]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests {
        let found = if manifest.file.starts_with("crates/") {
            of_crate(manifest)
        } else if manifest.file.starts_with("plugins/") {
            of_plugin(manifest)
        } else {
            // The product's tests and its tasks may use anything.
            continue;
        };
        findings.extend(
            found
                .into_iter()
                .map(|message| Finding::of_file(&manifest.file, message)),
        );
    }
    findings
}

fn of_crate(manifest: &Manifest) -> Vec<String> {
    let package = manifest.package.as_str();
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package) else {
        return vec![format!(
            "crate {package} has no place in the architecture: list its arrows there and in tidy's"
        )];
    };
    let mut messages = Vec::new();
    for dependency in &manifest.dependencies {
        let name = dependency.package.as_str();
        let is_allowed = !is_ours(name)
            || allowed.contains(&name)
            || (dependency.is_dev
                && (name == TESTKIT || name == package || is_below(name, allowed)));
        if !is_allowed {
            messages.push(format!("{package} may not know {name}"));
        }
    }
    if package == "headwater-model" {
        for Dependency { package: name, .. } in &manifest.dependencies {
            if name == "serde" || name.starts_with("serde_") || name.starts_with("serde-") {
                messages.push(format!(
                    "headwater-model may not know {name}: wire, storage and GraphQL each own their records"
                ));
            }
        }
    }
    messages
}

/// True if a crate that may be used uses `name`, directly or not: tests may build on what lies below.
fn is_below(name: &str, allowed: &[&str]) -> bool {
    let arrows_of = |package: &str| ARROWS.iter().find(|(ours, _)| *ours == package);
    allowed.iter().any(|package| {
        arrows_of(package).is_some_and(|(_, below)| below.contains(&name) || is_below(name, below))
    })
}

fn of_plugin(manifest: &Manifest) -> Vec<String> {
    // From `plugins/a/Cargo.toml`, one `..` still is inside the plugins folder.
    let depth = manifest.file.matches('/').count() - 1;
    let mut messages = Vec::new();
    for dependency in &manifest.dependencies {
        let name = &dependency.package;
        let leaves = dependency
            .path
            .as_ref()
            .is_some_and(|path| path.split('/').filter(|part| *part == "..").count() > depth);
        let is_of_service = ARROWS.iter().any(|(ours, _)| ours == name);
        if leaves || is_of_service {
            messages.push(format!(
                "{} may not know {name}: an extractor knows the contract, through {SDK}, only",
                manifest.package
            ));
        }
    }
    messages
}

fn is_ours(package: &str) -> bool {
    package == "headwater" || package.starts_with("headwater-") || package == "xtask"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_manifest(file: &str, package: &str, dependencies: &str, expected: &[&str]) {
        let text = format!("[package]\nname = \"{package}\"\n{dependencies}");
        let manifest = Manifest::parse(file, &text, &toml::Table::new())
            .unwrap()
            .unwrap();
        let found: Vec<_> = check(&[manifest])
            .into_iter()
            .map(|finding| finding.message)
            .collect();
        assert_eq!(found, expected);
    }

    #[track_caller]
    fn check_crate(package: &str, dependencies: &str, expected: &[&str]) {
        check_manifest("crates/x/Cargo.toml", package, dependencies, expected);
    }

    #[test]
    fn the_arrows_of_the_architecture_are_allowed() {
        for (package, allowed) in ARROWS {
            let mut dependencies = "[dependencies]\nanyhow = \"1\"\n".to_owned();
            for name in allowed {
                dependencies.push_str(name);
                dependencies.push_str(" = \"1\"\n");
            }
            check_crate(package, &dependencies, &[]);
        }
    }

    #[test]
    fn any_other_arrow_is_found() {
        check_crate(
            "headwater-graph",
            "[dependencies]\nheadwater-store = \"1\"",
            &["headwater-graph may not know headwater-store"],
        );
        check_crate(
            "headwater-engine",
            "[build-dependencies]\nheadwater-plugin = \"1\"",
            &["headwater-engine may not know headwater-plugin"],
        );
        check_crate(
            "headwater-engine",
            "[dev-dependencies]\nheadwater-server = \"1\"",
            &["headwater-engine may not know headwater-server"],
        );
        check_crate(
            "headwater",
            "[dependencies]\nheadwater-tests = \"1\"\nxtask = \"1\"",
            &[
                "headwater may not know headwater-tests",
                "headwater may not know xtask",
            ],
        );
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        check_crate(
            "headwater-graph",
            "[dev-dependencies]\nheadwater-testkit = \"1\"",
            &[],
        );
        check_crate(
            "headwater-graph",
            "[dependencies]\nheadwater-testkit = \"1\"",
            &["headwater-graph may not know headwater-testkit"],
        );
    }

    #[test]
    fn tests_may_build_on_what_lies_below() {
        let dependency = "headwater-store = \"1\"";
        check_crate(
            "headwater-graphql",
            &format!("[dev-dependencies]\n{dependency}"),
            &[],
        );
        check_crate(
            "headwater-graphql",
            &format!("[dependencies]\n{dependency}"),
            &["headwater-graphql may not know headwater-store"],
        );
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        check_crate(
            "headwater-extra",
            "",
            &[
                "crate headwater-extra has no place in the architecture: list its arrows there and in tidy's",
            ],
        );
    }

    #[test]
    fn the_model_knows_no_serde() {
        check_crate(
            "headwater-model",
            "[dependencies]\nserde = \"1\"",
            &[
                "headwater-model may not know serde: wire, storage and GraphQL each own their records",
            ],
        );
    }

    #[test]
    fn an_extractor_knows_the_sdk_only() {
        check_manifest(
            "plugins/dbt/Cargo.toml",
            "dbt",
            "[dependencies]\nheadwater-extractor.path = \"../sdk\"\nserde = \"1\"",
            &[],
        );
        check_manifest(
            "plugins/dbt/Cargo.toml",
            "dbt",
            "[dependencies]\nheadwater-model = \"1\"\nmodel = { path = \"../../crates/x\" }",
            &[
                "dbt may not know headwater-model: an extractor knows the contract, through headwater-extractor, only",
                "dbt may not know model: an extractor knows the contract, through headwater-extractor, only",
            ],
        );
    }
}
