//! Extractors that were built for released versions of the contract go on loading, and state what they stated then.
//! `tests/compat/README.md` says what they are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use headwater_model::Digest;
use headwater_tests::service::{root, run_in};
use serde_json::Value;

/// Built for the contract of a version, by its folder.
const COMPONENT: &str = "frozen.wasm";

fn folder() -> PathBuf {
    root().join("tests/compat/extractors")
}

/// Builds a component of a version that is to be released, once.
fn make(version: &Path) -> Result<()> {
    let component = version.join(COMPONENT);
    ensure!(
        !component.exists(),
        "{} is frozen: it is never built anew",
        component.display()
    );
    let name = version.file_name().context("a version")?.to_string_lossy();
    let contract = root().join(format!("plugins/wit/v{name}"));
    let path = version.join("frozen.wat");
    let text = fs::read_to_string(&path)?;
    let bytes = headwater_component::from_text(&text, &path, &contract)?;
    let line = format!("{}  {COMPONENT}\n", Digest::of(&bytes));
    fs::write(version.join("frozen.wasm.sha256"), line)?;
    fs::write(component, bytes)?;
    fs::write(version.join("expected.json"), extracted(version)?)?;
    Ok(())
}

/// What the component states of its input, as JSON.
fn extracted(version: &Path) -> Result<String> {
    // A path: by its name alone it would be looked for among the extractors.
    let component = format!("./{COMPONENT}");
    let ran = run_in(
        version,
        &["extract", "--plugin", &component, "inputs/list.txt"],
        b"",
    )?;
    ensure!(ran.code == Some(0), "{}", ran.err);
    Ok(ran.out)
}

fn check(version: &Path) -> Result<()> {
    let digest = fs::read_to_string(version.join("frozen.wasm.sha256"))?;
    let found = Digest::of(&fs::read(version.join(COMPONENT))?).to_string();
    ensure!(
        digest.split_whitespace().next() == Some(found.as_str()),
        "the component is not the one that was frozen: {found}"
    );
    let expected: Value = serde_json::from_slice(&fs::read(version.join("expected.json"))?)?;
    let found: Value = serde_json::from_str(&extracted(version)?)?;
    ensure!(found == expected, "it states {found:#}");
    Ok(())
}

#[test]
fn extractors_of_every_released_contract_state_what_they_stated() -> Result<()> {
    if let Some(version) = std::env::var_os("HEADWATER_COMPAT_EXTRACTOR") {
        make(&folder().join(version))?;
    }
    let mut versions = Vec::new();
    for entry in fs::read_dir(folder())? {
        let version = entry?.path();
        check(&version).with_context(|| version.display().to_string())?;
        let name = version.file_name().context("a version")?;
        versions.push(format!("v{}", name.to_string_lossy()));
    }
    // Each contract that there is has its component.
    for entry in fs::read_dir(root().join("plugins/wit"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        ensure!(
            versions.contains(&name),
            "no component is frozen for {name}"
        );
    }
    Ok(())
}
