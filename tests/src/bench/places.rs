//! Where the sources are, and what is built from them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The project's root and its target directory.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    root: PathBuf,
    target: PathBuf,
}

impl Places {
    /// Reads the root from `CARGO_MANIFEST_DIR`, else takes the current folder; the target directory is that of
    /// `CARGO_TARGET_DIR`, else `target` in the root.
    pub(crate) fn of_environment() -> Result<Self> {
        let here = std::env::current_dir().context("cannot read the current folder")?;
        let root = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(package) => Path::new(&package)
                .parent()
                .context("CARGO_MANIFEST_DIR has no folder above it")?
                .to_owned(),
            None => here.clone(),
        };
        ensure!(
            root.join("plugins/Cargo.toml").is_file(),
            "{} is not the project's root: it has no plugins/Cargo.toml",
            root.display()
        );
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) if !dir.is_empty() => here.join(dir),
            _ => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// The binary of the service, release profile.
    pub(crate) fn binary(&self) -> Result<PathBuf> {
        let binary = self.target.join("release/headwater");
        ensure!(
            binary.is_file(),
            "{} is not there: build it with `cargo build --release --bin headwater`",
            binary.display()
        );
        Ok(binary)
    }

    /// The dbt extractor as a component.
    pub(crate) fn dbt_component(&self) -> Result<PathBuf> {
        let component = self.target.join("plugins/dbt.wasm");
        ensure!(
            component.is_file(),
            "{} is not there: build it with `cargo xtask plugins`",
            component.display()
        );
        Ok(component)
    }

    /// The manifest of the workspace of extractors.
    pub(crate) fn plugins_manifest(&self) -> PathBuf {
        self.root.join("plugins/Cargo.toml")
    }

    /// Cargo's own target directory for the workspace of extractors.
    pub(crate) fn plugins_build(&self) -> PathBuf {
        self.target.join("plugins-build")
    }

    /// What benchmarks keep from one run to the next: graphs that take long to fill.
    pub(crate) fn kept(&self) -> PathBuf {
        self.target.join("bench")
    }
}
