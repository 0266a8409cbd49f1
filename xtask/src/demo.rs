//! `cargo xtask demo`: a small mesh of five domains, loaded the way its owners would, and what to ask it.
//!
//! It uses the built binary from outside only: the server as a process, the commands that clients use,
//! GraphQL over HTTP.

mod answers;
mod questions;
mod server;
mod show;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::places::Places;
use crate::step::step;
use crate::{build, cargo};
use answers::Answers;
use server::Server;

/// What `demo` is asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Compare the answers with those that were worked out by hand, and stop.
    #[arg(long)]
    check: bool,
    /// Where to serve; port 0 is any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: String,
    /// Keep the data here; without it, a temporary folder that goes when the demo stops.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Build and run the binary of the dev profile: it is built sooner and answers later.
    #[arg(long)]
    debug: bool,
    /// Take the binary of the dev profile as the tests built it, and build nothing.
    #[arg(skip)]
    is_built: bool,
}

/// Loads the mesh and shows it, then serves until a signal, or checks the answers.
pub(crate) fn run(places: &Places, args: &Args) -> Result<()> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&is_stopped))
            .context("cannot listen for signals")?;
    }
    if !args.is_built {
        build::run(places, &build::Args { debug: args.debug })?;
    }
    let binary = places.binary(args.debug);

    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    let data = args
        .data
        .clone()
        .unwrap_or_else(|| temporary.path().join("data"));
    let mesh = places.root().join("examples/mesh");
    let expected = Answers::of_file(&mesh.join("expected.json"))?;

    let mut server = step("server", || {
        let mut command = Command::new(&binary);
        command
            .current_dir(places.root())
            .args(["serve", "--listen", &args.listen, "--data"])
            .arg(&data)
            .arg("--plugins")
            .arg(places.plugins())
            .arg("--mesh")
            .arg(mesh.join("mesh.toml"));
        Server::start(command, &temporary.path().join("server.log"), &is_stopped)
    })?;
    let url = server.url().to_owned();
    step("mesh", || load(places, &binary, &mesh, &url, &is_stopped))?;
    let found = step("questions", || questions::ask(&url, &expected))?;

    print!("{}", show::domain_graph(&found));
    print!("{}", show::impact(&found));
    for impact in &found.field_impacts {
        print!("{}", show::field_impact(impact));
    }
    print!("{}", show::path(&found));
    if args.check {
        let differences = expected.differences(&found);
        for difference in &differences {
            eprintln!("{difference}");
        }
        server.stop()?;
        if !differences.is_empty() {
            bail!("{} answers are not what they must be", differences.len());
        }
        println!("demo: every answer is what it must be");
        return Ok(());
    }
    print!("{}", show::what_next(&url, &places.shown(&binary)));
    server.serve_until(&is_stopped)
}

/// The demo as a gate: with what the tests built, everything in a temporary folder, on a free port.
pub(crate) fn check(places: &Places) -> Result<()> {
    run(
        places,
        &Args {
            check: true,
            listen: "127.0.0.1:0".to_owned(),
            data: None,
            debug: true,
            is_built: true,
        },
    )
}

/// Submits what each domain's own tools wrote, through the commands that the domain would use.
fn load(
    places: &Places,
    binary: &Path,
    mesh: &Path,
    url: &str,
    is_stopped: &AtomicBool,
) -> Result<()> {
    let submit = |(domain, source, plugin, config, artifacts): (&str, &str, &str, &str, &str)| {
        let mut command = Command::new(binary);
        command
            .current_dir(places.root())
            .args(["submit", "--server", url, "--domain", domain])
            .args(["--source", source, "--plugin"])
            .arg(places.plugins().join(plugin).with_extension("wasm"))
            .arg("--config")
            .arg(mesh.join(domain).join(config))
            .arg(mesh.join(domain).join(artifacts));
        run_client(places, command, is_stopped)
    };
    // In the order of the data: who comes later is told the fields of what was there before.
    for source in [
        ("shop", "contracts", "odcs", "contracts.toml", "contracts"),
        (
            "shop",
            "connect",
            "kafka-connect",
            "connect.toml",
            "connect",
        ),
        ("orders", "dbt", "dbt", "extractor.toml", "artifacts"),
        ("finance", "dbt", "dbt", "extractor.toml", "artifacts"),
    ] {
        submit(source)?;
    }
    let mut command = Command::new(binary);
    command
        .current_dir(places.root())
        .args(["send", "--server", url])
        .arg(mesh.join("growth/events.ndjson"));
    run_client(places, command, is_stopped)?;
    submit((
        "board",
        "superset",
        "superset",
        "extractor.toml",
        "artifacts",
    ))
}

fn run_client(places: &Places, mut command: Command, is_stopped: &AtomicBool) -> Result<()> {
    if is_stopped.load(Ordering::Relaxed) {
        bail!("stopped by a signal");
    }
    let root = format!("{}/", places.root().display());
    println!("    {}", cargo::shown(&command).replace(&root, ""));
    cargo::check(&mut command)
}
