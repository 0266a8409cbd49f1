//! A Python with duckdb from `PyPI`, for the tests that run SQL to see what it does.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::cargo;
use crate::places::Places;

/// What is installed, with its exact version.
const REQUIREMENTS: &str = "tests/truth/requirements.txt";
/// What tests read to find the interpreter.
pub(crate) const VARIABLE: &str = "HEADWATER_DUCKDB_PYTHON";
/// What was installed last, inside of the environment.
const RECORD: &str = "requirements.txt";

/// The interpreter that `HEADWATER_DUCKDB_PYTHON` names, else that of a virtual environment in the target directory,
/// which is made where it is missing. None where it cannot be made: says why, and what to do.
pub(crate) fn python(places: &Places) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let python = PathBuf::from(named);
        println!("duckdb: {VARIABLE}={}", python.display());
        return Some(python);
    }
    match environment(places) {
        Ok(python) => {
            println!("duckdb: {}", places.shown(&python));
            Some(python)
        }
        Err(error) => {
            println!("duckdb: none ({error:#}); tests that run SQL skip cases");
            None
        }
    }
}

fn environment(places: &Places) -> Result<PathBuf> {
    let folder = places.target().join("truth-venv");
    let requirements = places.root().join(REQUIREMENTS);
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    let (python, record) = (folder.join("bin/python"), folder.join(RECORD));
    if python.is_file() && fs::read_to_string(&record).is_ok_and(|kept| kept == wanted) {
        return Ok(python);
    }
    println!("duckdb: installing {} from PyPI", wanted.trim());
    cargo::check(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )
    .context("it needs python3 with venv, in Debian the package python3-venv")?;
    cargo::check(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--no-input", "--requirement"])
            .arg(&requirements)
            .stdin(Stdio::null()),
    )
    .context(
        "it needs the network once, or HEADWATER_DUCKDB_PYTHON to name a Python that has it",
    )?;
    fs::write(&record, wanted).with_context(|| format!("cannot write {}", record.display()))?;
    Ok(python)
}
