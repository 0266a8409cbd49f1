//! `cargo xtask test`: every gate, in the order in which it is cheapest to fail.

mod tally;

use std::process::Command;

use anyhow::Result;

use crate::cargo::{self, cargo, cargo_in_plugins, has_subcommand};
use crate::places::Places;
use crate::step::{skip, step};
use crate::{authors, demo, duckdb, plugins, tidy};
use tally::Tally;

/// What `test` is asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Leave out what needs the optimised binary or the network: the demo and the licence check.
    #[arg(long)]
    quick: bool,
}

/// Runs every gate and ends with how many tests passed and failed. The first gate that fails stops the run.
pub(crate) fn run(places: &Places, args: &Args) -> Result<()> {
    announce_data(places);
    let mut tally = Tally::default();
    let outcome = gates(places, args, &mut tally);
    println!("{} passed, {} failed", tally.passed, tally.failed);
    outcome
}

/// Says which recorded input the tests will read: without it they skip cases, and each says how many.
fn announce_data(places: &Places) {
    let beside = places.root().join("../shared/data");
    match std::env::var_os("HEADWATER_DATA") {
        Some(folder) => println!("real input: HEADWATER_DATA={}", folder.display()),
        None if beside.is_dir() => println!("real input: {}", beside.display()),
        None => {
            println!("real input: none (HEADWATER_DATA is not set); tests that read it skip cases");
        }
    }
}

/// Shows how far field lineage agrees with what changes when columns are altered; what the tests print is not shown.
fn announce_truth(places: &Places) {
    let report = places.target().join("truth/report.txt");
    if let Ok(text) = std::fs::read_to_string(&report) {
        for line in text.lines().take(3) {
            println!("    {line}");
        }
        println!("    each edge: {}", places.shown(&report));
    }
}

fn gates(places: &Places, args: &Args, tally: &mut Tally) -> Result<()> {
    step("format", || {
        cargo::check(cargo(places).args(["fmt", "--all", "--check"]))?;
        cargo::check(cargo_in_plugins(places).args(["fmt", "--all", "--check"]))
    })?;
    step("lints", || {
        cargo::check(&mut clippy(cargo(places)))?;
        cargo::check(&mut clippy(cargo_in_plugins(places)))
    })?;
    step("tidy", || tidy::run(places))?;
    step("extractors", || plugins::run(places))?;

    let has_nextest = has_subcommand(places, "nextest");
    if !has_nextest {
        println!("cargo-nextest is not installed: tests run with `cargo test`");
    }
    let python = duckdb::python(places);
    authors::run(places);
    step("tests", || {
        let mut cargo = cargo(places);
        if let Some(python) = &python {
            cargo.env(duckdb::VARIABLE, python);
        }
        tests(places, cargo, has_nextest, tally)
    })?;
    if python.is_some() {
        announce_truth(places);
    }
    step("tests of the extractors", || {
        tests(places, cargo_in_plugins(places), has_nextest, tally)
    })?;
    step("doc tests", || {
        tally.run(cargo(places).args(["test", "--doc", "--workspace"]))?;
        tally.run(cargo_in_plugins(places).args(["test", "--doc", "--workspace"]))
    })?;

    if args.quick {
        skip("demo", "as --quick asks");
        skip("licences and advisories", "as --quick asks");
        return Ok(());
    }
    step("demo", || demo::check(places))?;
    if has_subcommand(places, "deny") {
        step("licences and advisories", || {
            cargo::check(&mut deny(places, cargo(places)))?;
            cargo::check(&mut deny(places, cargo_in_plugins(places)))
        })
    } else {
        skip("licences and advisories", "cargo-deny is not installed");
        Ok(())
    }
}

fn clippy(mut cargo: Command) -> Command {
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]);
    cargo
}

fn deny(places: &Places, mut cargo: Command) -> Command {
    cargo
        .args(["deny", "--workspace", "check", "--config"])
        .arg(places.root().join("deny.toml"));
    cargo
}

/// Runs the tests of one workspace, doc tests excepted.
fn tests(places: &Places, mut cargo: Command, has_nextest: bool, tally: &mut Tally) -> Result<()> {
    if has_nextest {
        cargo
            .args([
                "nextest",
                "run",
                "--workspace",
                "--no-tests",
                "fail",
                "--config-file",
            ])
            .arg(places.root().join(".config/nextest.toml"));
        if std::env::var_os("CI").is_some() {
            cargo.args(["--profile", "ci"]);
        }
    } else {
        cargo.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]);
    }
    tally.run(&mut cargo)
}
