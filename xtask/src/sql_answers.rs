//! `cargo xtask sql-answers`: what the sql extractor says of cases of SQL, for whoever scores it.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cargo;
use crate::places::Places;
use crate::plugins;

/// What `sql-answers` is asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Files with one case a line, a JSON object of id, dialect and sql, maybe with schema, `default_db` and
    /// `default_schema`.
    #[arg(required = true)]
    corpora: Vec<PathBuf>,
}

/// Builds what is needed, and answers on stdout; what it builds is told on stderr.
pub(crate) fn run(places: &Places, args: &Args) -> Result<()> {
    plugins::run(places)?;
    let corpora = args.corpora.iter().map(std::path::absolute);
    let corpora = corpora
        .collect::<Result<Vec<_>, _>>()
        .context("cannot tell where the files are")?;
    let mut command = cargo::cargo(places);
    command.args(["run", "--quiet"]);
    if places.binary(false).is_file() {
        // What was built for release need not be built again for this.
        command.arg("--release");
    }
    command.args(["--package", "headwater-tests", "--bin", "sql-answers", "--"]);
    command
        .arg(places.plugins().join("sql.wasm"))
        .args(&corpora);
    cargo::check(&mut command)
}
