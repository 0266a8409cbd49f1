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

    /// The extractor `name` as a component.
    pub(crate) fn component(&self, name: &str) -> Result<PathBuf> {
        built(self.target.join("plugins").join(format!("{name}.wasm")))
    }

    /// Every extractor that is built, in the order of names.
    pub(crate) fn components(&self) -> Result<Vec<PathBuf>> {
        let folder = built(self.target.join("plugins"))?;
        let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        let paths = entries.into_iter().map(|entry| entry.path());
        let mut components: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "wasm"))
            .collect();
        components.sort();
        Ok(components)
    }

    /// The guest `name` of `plugins/hostile` as a component.
    pub(crate) fn hostile(&self, name: &str) -> Result<PathBuf> {
        built(
            self.target
                .join("plugins-hostile")
                .join(format!("{name}.wasm")),
        )
    }

    /// The golden cases of the extractor `name`.
    pub(crate) fn golden(&self, name: &str) -> PathBuf {
        self.root.join("plugins").join(name).join("tests/golden")
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

fn built(path: PathBuf) -> Result<PathBuf> {
    ensure!(
        path.exists(),
        "{} is not there: build it with `cargo xtask plugins`",
        path.display()
    );
    Ok(path)
}
