//! What a `Cargo.toml` says, as far as the checks ask.

use anyhow::Result;
use toml::{Table, Value};

/// One package's manifest.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// Relative to the project's root.
    pub(crate) file: String,
    /// The package's name.
    pub(crate) package: String,
    pub(crate) dependencies: Vec<Dependency>,
    /// Whether it takes its lints from the workspace.
    pub(crate) has_workspace_lints: bool,
}

/// A dependency under its real name, whatever the manifest calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) package: String,
    /// Used by tests, examples and benchmarks only.
    pub(crate) is_dev: bool,
    /// The folder of a path dependency, relative to the manifest that names it.
    pub(crate) path: Option<String>,
}

impl Manifest {
    /// Reads one manifest; `None` if it has no package. `workspace` is the manifest of its workspace.
    pub(crate) fn parse(file: &str, text: &str, workspace: &Table) -> Result<Option<Self>> {
        let manifest: Table = toml::from_str(text)?;
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(Value::as_str);
        let Some(name) = name else {
            return Ok(None);
        };
        let shared = workspace
            .get("workspace")
            .and_then(|table| table.get("dependencies"))
            .and_then(Value::as_table);
        let mut dependencies = Vec::new();
        let mut add = |table: &Table| {
            for (kind, is_dev) in [
                ("dependencies", false),
                ("build-dependencies", false),
                ("dev-dependencies", true),
            ] {
                let Some(entries) = table.get(kind).and_then(Value::as_table) else {
                    continue;
                };
                for (key, entry) in entries {
                    dependencies.push(dependency(key, entry, is_dev, shared));
                }
            }
        };
        add(&manifest);
        let targets = manifest.get("target").and_then(Value::as_table);
        for (_, target) in targets.into_iter().flatten() {
            target.as_table().map(&mut add);
        }
        let has_workspace_lints = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(Value::as_bool)
            .unwrap_or(false);
        Ok(Some(Self {
            file: file.to_owned(),
            package: name.to_owned(),
            dependencies,
            has_workspace_lints,
        }))
    }
}

fn dependency(key: &str, entry: &Value, is_dev: bool, shared: Option<&Table>) -> Dependency {
    let is_shared = entry
        .get("workspace")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let shared = shared
        .and_then(|table| table.get(key))
        .filter(|_| is_shared);
    let text = |name: &str| {
        entry
            .get(name)
            .or_else(|| shared.and_then(|entry| entry.get(name)))
            .and_then(Value::as_str)
    };
    Dependency {
        package: text("package").unwrap_or(key).to_owned(),
        is_dev,
        // A path that the workspace names starts at the workspace, which is no matter for the member.
        path: entry.get("path").and_then(Value::as_str).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, bool)]) {
        let workspace = toml::from_str(
            "[workspace.dependencies]\nsled = \"0.34\"\nstorage = { package = \"sled\", version = \"0.34\" }\n",
        )
        .unwrap();
        let text = format!("[package]\nname = \"p\"\n{text}");
        let manifest = Manifest::parse("Cargo.toml", &text, &workspace)
            .unwrap()
            .unwrap();
        let mut found: Vec<_> = manifest
            .dependencies
            .iter()
            .map(|dependency| (dependency.package.as_str(), dependency.is_dev))
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn dependencies_of_every_kind_are_read() {
        check(
            "[dependencies]\na = \"1\"\n[build-dependencies]\nb = \"1\"\n[dev-dependencies]\nc = \"1\"",
            &[("a", false), ("b", false), ("c", true)],
        );
    }

    #[test]
    fn a_dependency_of_one_target_is_a_dependency() {
        check(
            "[target.'cfg(unix)'.dependencies]\na = \"1\"",
            &[("a", false)],
        );
    }

    #[test]
    fn a_renamed_dependency_has_its_real_name() {
        check(
            "[dependencies]\nx = { package = \"sled\", version = \"1\" }",
            &[("sled", false)],
        );
        check(
            "[dependencies]\nstorage.workspace = true",
            &[("sled", false)],
        );
    }

    #[test]
    fn a_manifest_without_a_package_is_no_package() {
        let found = Manifest::parse("Cargo.toml", "[workspace]\n", &Table::new()).unwrap();
        assert!(found.is_none());
    }
}
