//! A project in Rust: compiled with cargo, wrapped as a component.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use headwater_component::{WASM_TARGET, compiler_flags, from_core, install_target, sysroot};
use serde::Deserialize;

use crate::failure::{Exit, Failure};
use crate::output::{self, Tone};

/// The file that says a project is one in Rust.
pub(super) const MANIFEST: &str = "Cargo.toml";

/// What `cargo metadata` says of a project.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// Compiles the project in `folder`; the path of its component.
///
/// # Errors
/// A [`Failure`]: [`Exit::Input`] if it does not compile.
pub(super) fn component_of(folder: &Path) -> anyhow::Result<PathBuf> {
    let manifest = folder.join(MANIFEST);
    install_target(|what| output::tell(Tone::Plain, what))
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let metadata = metadata(&manifest)?;
    let manifest = manifest.canonicalize()?;
    let package = metadata.packages.iter();
    let package = package
        .filter(|package| package.manifest_path.canonicalize().ok().as_ref() == Some(&manifest))
        .find_map(|package| Some((package, library(package)?)));
    let Some((package, library)) = package else {
        let message = format!("{} has no library of type cdylib", manifest.display());
        return Err(Failure::new(Exit::Input, message)
            .hint("an extractor's manifest says [lib] crate-type = [\"cdylib\", \"rlib\"]")
            .into());
    };
    let built = Command::new(cargo())
        .args(["build", "--release", "--lib", "--target", WASM_TARGET])
        .arg("--package")
        .arg(&package.name)
        .arg("--manifest-path")
        .arg(&manifest)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(&manifest, &metadata)?)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .stdin(Stdio::null())
        // What a program reads from here is what was built.
        .stdout(Stdio::null())
        .status()
        .context("cargo does not start")?;
    if !built.success() {
        let message = format!("{} does not compile", package.name);
        return Err(Failure::new(Exit::Input, message).into());
    }
    let release = metadata.target_directory.join(WASM_TARGET).join("release");
    let core = release.join(format!("{}.wasm", library.name.replace('-', "_")));
    let core = fs::read(&core).with_context(|| format!("cargo built no {}", core.display()))?;
    let component = from_core(&core)
        .map_err(|error| Failure::new(Exit::Input, format!("{}: {error:#}", package.name)))?;
    let folder = metadata.target_directory.join("plugins");
    let path = folder.join(format!("{}.wasm", package.name));
    let beside = path.with_extension("wasm.new");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&beside, &component))
        .and_then(|()| fs::rename(&beside, &path))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn metadata(manifest: &Path) -> anyhow::Result<Metadata> {
    let asked = Command::new(cargo())
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .arg("--manifest-path")
        .arg(manifest)
        .output();
    let asked = asked.map_err(|error| {
        Failure::new(Exit::Failed, "there is no cargo")
            .because(error)
            .hint("https://rustup.rs installs it")
    })?;
    if !asked.status.success() {
        let message = format!("{} is no manifest that cargo reads", manifest.display());
        let reason = String::from_utf8_lossy(&asked.stderr).trim().to_owned();
        return Err(Failure::new(Exit::Input, message).hint(reason).into());
    }
    serde_json::from_slice(&asked.stdout).context("cargo metadata says something odd")
}

fn library(package: &Package) -> Option<&Target> {
    let mut targets = package.targets.iter();
    targets.find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))
}

/// No path of this machine stays in the component.
fn flags(manifest: &Path, metadata: &Metadata) -> anyhow::Result<std::ffi::OsString> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let project = manifest.parent().map(Path::to_owned);
    let mut remapped: Vec<(PathBuf, String)> = Vec::new();
    remapped.extend(project.map(|project| (project, "/project".to_owned())));
    remapped.extend(home.map(|home| (home, "/cargo".to_owned())));
    let sources = Path::new(&sysroot()?).join("lib/rustlib/src/rust");
    remapped.push((sources, "/rustc".to_owned()));
    remapped.push((metadata.target_directory.clone(), "/build".to_owned()));
    Ok(compiler_flags(&remapped))
}
