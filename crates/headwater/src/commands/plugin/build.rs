//! `headwater plugin build`: from a project to the one file that is shipped.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{python, rust};
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::output::Format;
use crate::plugins::host;

/// Compile an extractor's project to its component
///
/// The component is written to target/plugins/NAME.wasm of the project, and checked as the service checks it. A project
/// with a Cargo.toml is in Rust, one with a pyproject.toml in Python; what Python needs is installed into target/python,
/// once, by the project's requirements.txt.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin build
  headwater plugin build extractors/billing --format json | jq -r .digest")]
pub(super) struct BuildArgs {
    /// Folder of the project
    #[arg(value_name = "DIR", default_value = ".")]
    project: PathBuf,

    /// How to print what was built
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &BuildArgs, environment: &Environment) -> anyhow::Result<()> {
    let component = component_of(&args.project)?;
    super::show(&component, args.format, environment)
}

/// Builds the project in `folder`, in the language that it is in; the path of its component.
///
/// # Errors
/// A [`Failure`]: [`Exit::Input`] if it is no project or does not compile.
pub(super) fn component_of(folder: &Path) -> anyhow::Result<PathBuf> {
    if folder.join(rust::MANIFEST).is_file() {
        return rust::component_of(folder);
    }
    if folder.join(python::MANIFEST).is_file() {
        return python::component_of(folder);
    }
    let message = format!(
        "{} has neither {} nor {}",
        folder.display(),
        rust::MANIFEST,
        python::MANIFEST
    );
    Err(Failure::new(Exit::Input, message)
        .hint("`headwater plugin new NAME` makes a project")
        .into())
}

/// Loads the component in `path` as the service does.
///
/// # Errors
/// A [`Failure`] with [`Exit::Input`] that says why the service would refuse it.
pub(super) fn load(
    path: &Path,
    environment: &Environment,
) -> anyhow::Result<headwater_plugin::WasmExtractor> {
    let loaded = host(environment)?.load_file(path);
    Ok(loaded.map_err(|error| Failure::new(Exit::Input, error.to_string()))?)
}
