//! `cargo xtask authors`: what the tests of extractors in Python and TypeScript need from registries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::cargo;
use crate::places::Places;
use crate::plugins::digest;

/// The lock file of a project in Python.
const LOCK: &str = "crates/headwater/scaffold/python/requirements.txt";
/// The extractor in TypeScript.
const TYPESCRIPT: &str = "plugins/typescript-example";
/// The contract that it is built against.
const CONTRACT: &str = "plugins/wit/v0.1";
/// Its component, in the folder of the same name below the target directory.
const COMPONENT: &str = "typescript-example.wasm";
/// What was fetched or built last, inside of a folder that is made here.
const RECORD: &str = ".inputs.sha256";

/// Fetches and builds what is missing. What cannot be had is told with what to do; tests that need it skip.
pub(crate) fn run(places: &Places) {
    for (what, made, missing) in [
        (
            "extractors in Python",
            wheels(places),
            "it needs python3 with pip, and the network once",
        ),
        (
            "extractor in TypeScript",
            typescript(places),
            "it needs Node.js 20 with npm, and the network once",
        ),
    ] {
        match made {
            Ok(path) => println!("{what}: {}", places.shown(&path)),
            Err(error) => println!("{what}: none ({error:#}; {missing}); tests of it skip cases"),
        }
    }
}

/// The folder with what a project in Python installs: tests install from there by its lock file.
fn wheels(places: &Places) -> Result<PathBuf> {
    let folder = places.target().join("python-wheels");
    let lock = places.root().join(LOCK);
    let text = fs::read(&lock).with_context(|| format!("cannot read {LOCK}"))?;
    made_once(&folder, &digest::of_bytes(&text), || {
        println!("fetching what {LOCK} names");
        cargo::check(
            Command::new("python3")
                .args(["-m", "pip", "download", "--quiet", "--no-input"])
                .args(["--disable-pip-version-check", "--require-hashes"])
                .arg("--requirement")
                .arg(&lock)
                .arg("--dest")
                .arg(&folder)
                .stdin(Stdio::null()),
        )
    })?;
    Ok(folder)
}

/// The component of the extractor in TypeScript, built by hand as its author would.
fn typescript(places: &Places) -> Result<PathBuf> {
    let folder = places.target().join("typescript-example");
    let (source, contract) = (places.root().join(TYPESCRIPT), places.root().join(CONTRACT));
    let component = folder.join(COMPONENT);
    let inputs = digest::of_folder(&source, &digest::of_folder(&contract, "typescript")?)?;
    made_once(&folder, &inputs, || {
        println!("building {TYPESCRIPT} with npm");
        for name in [
            "package.json",
            "package-lock.json",
            "tsconfig.json",
            "build.mjs",
            "src/contract.d.ts",
            "src/extractor.ts",
        ] {
            let place = folder.join(name);
            fs::create_dir_all(place.parent().context("a file has a folder")?)?;
            fs::copy(source.join(name), place).with_context(|| format!("cannot copy {name}"))?;
        }
        npm(
            &folder,
            &["ci", "--no-audit", "--no-fund", "--loglevel=error"],
        )?;
        let build = ["run", "build", "--silent", "--"];
        let paths = [contract.as_os_str(), component.as_os_str()];
        cargo::check(
            Command::new("npm")
                .args(build)
                .args(paths)
                .current_dir(&folder)
                .stdout(Stdio::null()),
        )?;
        // 400 MB that are not needed before the sources change.
        Ok(fs::remove_dir_all(folder.join("node_modules"))?)
    })?;
    Ok(component)
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<()> {
    cargo::check(
        Command::new("npm")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null()),
    )
}

/// Makes `folder` anew unless it was made of the same inputs; the record of them is written last.
fn made_once(folder: &Path, inputs: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let record = folder.join(RECORD);
    if fs::read_to_string(&record).is_ok_and(|kept| kept == inputs) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    make()?;
    fs::write(&record, inputs).with_context(|| format!("cannot write {}", record.display()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use anyhow::bail;

    use super::*;

    #[test]
    fn what_was_made_of_the_same_inputs_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("made");
        let made = Cell::new(0);
        let make = |inputs: &str, is_whole: bool| {
            made_once(&place, inputs, || {
                made.set(made.get() + 1);
                fs::write(place.join("part"), inputs)?;
                if !is_whole {
                    bail!("no network");
                }
                Ok(())
            })
        };
        make("a", true).unwrap();
        make("a", true).unwrap();
        assert_eq!(made.get(), 1);
        make("b", false).unwrap_err();
        make("b", true).unwrap();
        make("b", true).unwrap();
        assert_eq!(made.get(), 3);
        assert_eq!(fs::read_to_string(place.join("part")).unwrap(), "b");
    }
}
