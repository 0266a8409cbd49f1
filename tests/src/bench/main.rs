//! Measures the product from outside: `cargo run --release -p headwater-tests --bin bench -- <name>`.
//!
//! Each driver starts what it needs and prints a table in Markdown. Load generator and service share the machine,
//! so every table tells the CPU time of each.

mod events;
mod fill;
mod http;
mod impact;
mod manifest;
mod places;
mod plugins;
mod process;
mod run_event;
mod service;
mod start;
mod table;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use places::Places;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Driver {
    /// OpenLineage events a second, until durable and visible
    Events,
    /// Impact questions over GraphQL on a large graph
    Impact,
    /// From exec to ready, and the memory of a service that does nothing
    Start,
    /// A large dbt manifest: the component in its sandbox, and the same code compiled natively
    Manifest,
    /// Extractors in their sandbox, the sandbox against native code, and guests that mean harm
    Plugins,
}

/// How much is measured.
#[derive(Clone, Debug, clap::Args)]
struct Settings {
    /// Seconds for which `events` measures each number of clients, and `plugins` each kind of neighbours
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,

    /// Assets of the graph that `impact` and `start` ask; five times as many edges
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(20_000..=20_000_000))]
    assets: u64,

    /// Requests for each question of `impact`; a quarter of them for the large page
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(4..=1_000_000))]
    requests: u64,

    /// Models of the manifest; 8,500 are 51 MB
    #[arg(long, default_value_t = 8_500, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    models: u64,

    /// Fill the graph anew even if one of that size is there
    #[arg(long)]
    fresh: bool,
}

/// Measures the product from outside.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Line {
    /// What to measure
    #[arg(value_enum)]
    driver: Driver,

    #[command(flatten)]
    settings: Settings,
}

fn main() -> Result<()> {
    let line = Line::parse();
    let places = Places::of_environment()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    println!(
        "`cargo run --release -p headwater-tests --bin bench -- {}`\n\n{}\n",
        arguments.join(" "),
        process::machine()?
    );
    match line.driver {
        Driver::Events => events::run(&places, &line.settings),
        Driver::Impact => impact::run(&places, &line.settings),
        Driver::Start => start::run(&places, &line.settings),
        Driver::Manifest => manifest::run(&places, &line.settings),
        Driver::Plugins => plugins::run(&places, &line.settings),
    }
}
