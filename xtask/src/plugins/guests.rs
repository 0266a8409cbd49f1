//! Which guests there are: crates of the plugins workspace, and texts of hostile ones.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cargo;
use crate::places::Places;

/// One component to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    /// The name of its folder or text file, and of the component.
    pub(crate) name: String,
    /// A test guest that misbehaves on purpose.
    pub(crate) is_hostile: bool,
    pub(crate) source: Source,
}

/// What a guest is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A cdylib; `library` is the file's stem in cargo's output.
    Crate { package: String, library: String },
    /// A WebAssembly text.
    Text(PathBuf),
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Every guest, extractors first, each kind in the order of names.
pub(crate) fn find(places: &Places) -> Result<Vec<Guest>> {
    let mut command = cargo::cargo_in_plugins(places);
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let text = cargo::read(&mut command)?;
    let source = places.plugins_source();
    let mut guests = of_metadata(&text, &source)?;
    let hostile = source.join("hostile");
    if hostile.is_dir() {
        of_texts(&hostile, &mut guests)?;
    }
    guests.sort_by(|a, b| (a.is_hostile, &a.name).cmp(&(b.is_hostile, &b.name)));
    let mut names = BTreeSet::new();
    for guest in &guests {
        if !names.insert((guest.is_hostile, &guest.name)) {
            bail!("two guests would become {}.wasm", guest.name);
        }
    }
    Ok(guests)
}

/// The members that `cargo metadata` lists as cdylibs; `root` is the plugins folder.
fn of_metadata(text: &str, root: &Path) -> Result<Vec<Guest>> {
    let metadata: Metadata =
        serde_json::from_str(text).context("cannot read what `cargo metadata` printed")?;
    let mut guests = Vec::new();
    for package in metadata.packages {
        let Some(library) = package
            .targets
            .iter()
            .find(|target| target.kind.iter().any(|kind| kind == "cdylib"))
        else {
            continue;
        };
        let folder = package
            .manifest_path
            .parent()
            .context("a manifest is in a folder")?;
        let relative = folder.strip_prefix(root).unwrap_or(folder);
        if relative == Path::new("sdk") {
            continue;
        }
        let name = folder
            .file_name()
            .with_context(|| format!("{} has no name", folder.display()))?;
        guests.push(Guest {
            name: name.to_string_lossy().into_owned(),
            is_hostile: relative.starts_with("hostile"),
            source: Source::Crate {
                package: package.name,
                library: library.name.replace('-', "_"),
            },
        });
    }
    Ok(guests)
}

/// The `.wat` files in `folder`, at any depth.
fn of_texts(folder: &Path, guests: &mut Vec<Guest>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                of_texts(&path, guests)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "wat") {
            let name = path.file_stem().context("a .wat file has a stem")?;
            guests.push(Guest {
                name: name.to_string_lossy().into_owned(),
                is_hostile: true,
                source: Source::Text(path),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &str, kind: &str) -> String {
        format!(
            r#"{{"name": "headwater-{0}", "manifest_path": "/p/plugins/{folder}/Cargo.toml",
                 "targets": [{{"name": "t-{0}", "kind": ["{kind}", "rlib"]}}]}}"#,
            folder.rsplit('/').next().unwrap()
        )
    }

    #[track_caller]
    fn check(packages: &[String], expected: &[(&str, bool, &str)]) {
        let text = format!(r#"{{"packages": [{}]}}"#, packages.join(","));
        let guests = of_metadata(&text, Path::new("/p/plugins")).unwrap();
        let found: Vec<_> = guests
            .iter()
            .map(|guest| match &guest.source {
                Source::Crate { library, .. } => {
                    (guest.name.as_str(), guest.is_hostile, library.as_str())
                }
                Source::Text(_) => panic!("a crate is no text"),
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_cdylib_is_an_extractor_named_after_its_folder() {
        check(&[package("dbt", "cdylib")], &[("dbt", false, "t_dbt")]);
    }

    #[test]
    fn the_sdk_and_plain_libraries_are_no_extractors() {
        check(&[package("sdk", "cdylib"), package("names", "lib")], &[]);
    }

    #[test]
    fn what_is_in_hostile_is_hostile() {
        check(
            &[package("hostile/loops", "cdylib")],
            &[("loops", true, "t_loops")],
        );
    }

    #[test]
    fn texts_are_hostile_guests_at_any_depth() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("deep")).unwrap();
        for name in ["a.wat", "deep/b.wat", "notes.md"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let mut guests = Vec::new();
        of_texts(folder.path(), &mut guests).unwrap();
        let mut names: Vec<_> = guests.iter().map(|guest| guest.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["a", "b"]);
    }
}
