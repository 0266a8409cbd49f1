//! Builds, demonstrates, tests, tidies and measures Headwater.
//!
//! `cargo xtask --help` lists the commands; each has a file of its own.

mod authors;
mod bench;
mod build;
mod cargo;
mod demo;
mod duckdb;
mod graphiql;
mod places;
mod plugins;
mod schema;
mod sql_answers;
mod step;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::places::Places;

/// Builds, demonstrates, tests, tidies and measures Headwater.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the binary and the extractors, skipping what is up to date.
    Build(build::Args),
    /// Build the extractors into target/plugins, and the hostile guests beside them.
    Plugins,
    /// Fetch and build what tests of extractors in Python and TypeScript need, where it is missing.
    Authors,
    /// Run every gate: format, lints, tidy, tests, demo, licences.
    Test(test::Args),
    /// Check what the compiler does not: crate arrows, lengths, links, the schema.
    Tidy,
    /// Write schema.graphql, or check that it is current.
    Schema(schema::Args),
    /// Build the GraphiQL page that the service serves; needs Node.js and the network.
    Graphiql(graphiql::Args),
    /// Answer cases of SQL with the sql extractor, one JSON object a line on stdout.
    SqlAnswers(sql_answers::Args),
    /// Run benchmark drivers: all of them, or those named.
    Bench(bench::Args),
    /// Serve a small mesh of three domains and show what to ask it.
    Demo(demo::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let places = Places::of_environment()?;
    match cli.command {
        Command::Build(args) => build::run(&places, &args),
        Command::Plugins => plugins::run(&places),
        Command::Authors => {
            authors::run(&places);
            Ok(())
        }
        Command::Test(args) => test::run(&places, &args),
        Command::Tidy => tidy::run(&places),
        Command::Schema(args) => schema::run(&places, &args),
        Command::Graphiql(args) => graphiql::run(&places, &args),
        Command::SqlAnswers(args) => sql_answers::run(&places, &args),
        Command::Bench(args) => bench::run(&places, &args),
        Command::Demo(args) => demo::run(&places, &args),
    }
}
