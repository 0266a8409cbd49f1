//! `cargo xtask build`: the binary and the extractors.

use anyhow::{Result, ensure};

use crate::places::Places;
use crate::step::step;
use crate::{cargo, plugins};

/// What `build` is asked for.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Args {
    /// Build the binary in the dev profile, into target/debug; the extractors are optimised all the same.
    #[arg(long)]
    pub(crate) debug: bool,
}

/// Builds the binary and the extractors; cargo and the digest of inputs skip what is up to date.
pub(crate) fn run(places: &Places, args: &Args) -> Result<()> {
    let binary = places.binary(args.debug);
    step(&format!("binary {}", places.shown(&binary)), || {
        let mut command = cargo::cargo(places);
        command.args(["build", "--package", "headwater"]);
        if !args.debug {
            command.arg("--release");
        }
        cargo::check(&mut command)?;
        ensure!(
            binary.is_file(),
            "cargo built no {}: does the crate headwater have a binary of that name?",
            binary.display()
        );
        Ok(())
    })?;
    step("extractors", || plugins::run(places))
}
