//! The headwater binary: command line and configuration.

mod artifacts;
mod cli;
mod client;
mod commands;
mod completeness;
mod data_folder;
mod diagnostics;
mod drawing;
mod effective;
mod environment;
mod extraction;
mod extractions;
mod extractor_config;
mod failure;
mod field_catalog;
mod mesh_file;
mod moment;
mod output;
mod plugins;
mod queries;
mod serve_config;
#[cfg(test)]
mod testing;
mod traces;
mod webhooks;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run(&environment::Environment::of_process()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
