//! A large dbt manifest: the extractor as a component in its sandbox, and the same code compiled natively.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use headwater_model::{Artifact, Extractor, ExtractorConfig};
use headwater_plugin::{HostConfig, PluginHost};

use crate::Settings;
use crate::places::Places;
use crate::process::{self, Memory};
use crate::table::{Table, count, mebibytes, millis};

const RUNS: usize = 5;

pub(crate) fn run(places: &Places, settings: &Settings) -> Result<()> {
    let component = places.component("dbt")?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("manifest.json");
    let native = build_native(places, "dbt", "large")?;
    let native: Vec<String> = (0..RUNS)
        .map(|_| extract_natively(&native, settings.models, &file))
        .collect::<Result<_>>()?;
    let bytes = fs::metadata(&file)?.len();
    println!(
        "A manifest of {} models, {} bytes, read {RUNS} times each way.\n",
        count(settings.models),
        count(bytes)
    );
    let mut table = Table::new(&[
        "run",
        "wall",
        "CPU",
        "memory above the manifest, peak",
        "facts",
    ]);
    for wall in native {
        table.row(vec![
            "native".into(),
            wall,
            "as wall: one thread".into(),
            "not measured".into(),
            "not counted".into(),
        ]);
    }
    sandboxed(&component, &file, folder.path(), &mut table)?;
    println!("{table}");
    Ok(())
}

/// Builds an extractor's own measurement, outside the sandbox, and tells where it is.
pub(crate) fn build_native(places: &Places, package: &str, example: &str) -> Result<PathBuf> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--release",
            "--quiet",
            "--package",
            package,
            "--example",
            example,
        ])
        .arg("--manifest-path")
        .arg(places.plugins_manifest())
        .arg("--target-dir")
        .arg(places.plugins_build())
        .status()
        .context("cargo does not start")?;
    ensure!(
        status.success(),
        "the native extractor {package} can't be built"
    );
    let folder = places.plugins_build().join("release/examples");
    Ok(folder.join(example))
}

/// Extracts once in a process of its own, which also writes the manifest to `file`; the time it prints.
pub(crate) fn extract_natively(example: &Path, models: u64, file: &Path) -> Result<String> {
    let output = Command::new(example)
        .arg(models.to_string())
        .arg(file)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{} does not start", example.display()))?;
    let text = String::from_utf8(output.stdout)?;
    // `51 MB, 12 batches: 345ms (copying the input: 6ms)`
    match text
        .split_once("batches: ")
        .and_then(|(_, rest)| rest.split_once(" ("))
    {
        Some((took, _)) if output.status.success() => Ok(took.to_owned()),
        _ => bail!(
            "{} printed {text:?} and ended with {}",
            example.display(),
            output.status
        ),
    }
}

fn sandboxed(component: &Path, file: &Path, folder: &Path, table: &mut Table) -> Result<()> {
    let host = || {
        PluginHost::new(HostConfig {
            cache_dir: Some(folder.join("compiled")),
            ..HostConfig::default()
        })
    };
    measured("compile and load", table, || {
        host()?.load_file(component)?;
        Ok(None)
    })?;
    measured("load what is compiled", table, || {
        host()?.load_file(component)?;
        Ok(None)
    })?;
    let extractor = host()?.load_file(component)?;
    let config = ExtractorConfig::from([(
        "namespace".to_owned(),
        "postgres://warehouse.example.org:5432".to_owned(),
    )]);
    let artifact = Artifact {
        name: "manifest.json".into(),
        media_type: "application/json".into(),
        content: fs::read(file)?.into(),
    };
    for _ in 0..RUNS {
        measured("in the sandbox", table, || {
            let extraction = extractor.extract(&config, std::slice::from_ref(&artifact))?;
            Ok(Some(extraction.facts.count() as u64))
        })?;
    }
    Ok(())
}

/// Runs something and adds what it took; it returns how many facts there are, if that means anything.
fn measured(
    name: &str,
    table: &mut Table,
    run: impl FnOnce() -> Result<Option<u64>>,
) -> Result<()> {
    let own = std::process::id();
    process::forget_own_peak()?;
    let resident = process::memory(own, Memory::Resident)?;
    let (started, cpu) = (Instant::now(), process::own_cpu()?);
    let facts = run()?;
    let (wall, cpu) = (started.elapsed(), process::own_cpu()?.saturating_sub(cpu));
    let peak = process::memory(own, Memory::Peak)?.saturating_sub(resident);
    table.row(vec![
        name.to_owned(),
        millis(wall),
        millis(cpu),
        mebibytes(peak),
        facts.map_or("none".to_owned(), count),
    ]);
    Ok(())
}
