//! Where things are: the sources, and what is built from them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The project's root and its target directory, both absolute.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    root: PathBuf,
    target: PathBuf,
}

impl Places {
    /// Reads the root from `CARGO_MANIFEST_DIR`, which cargo sets for the tasks it runs, and the target
    /// directory from `CARGO_TARGET_DIR`.
    ///
    /// The root is read when the task runs and never compiled in: a target directory that outlives its
    /// clone would otherwise name a folder that is gone.
    pub(crate) fn of_environment() -> Result<Self> {
        let task = std::env::var_os("CARGO_MANIFEST_DIR")
            .context("CARGO_MANIFEST_DIR is not set: run this as `cargo xtask`")?;
        let root = Path::new(&task)
            .parent()
            .context("CARGO_MANIFEST_DIR has no folder above it")?;
        ensure!(
            root.join("xtask/Cargo.toml").is_file(),
            "{} is not the project's root: it has no xtask/Cargo.toml",
            root.display()
        );
        let here = std::env::current_dir().context("cannot read the current folder")?;
        Ok(Self::new(root, std::env::var_os("CARGO_TARGET_DIR"), &here))
    }

    /// `target_dir` is the value of `CARGO_TARGET_DIR`, if set; cargo takes a relative one from `here`.
    pub(crate) fn new(root: &Path, target_dir: Option<OsString>, here: &Path) -> Self {
        let target = match target_dir {
            Some(dir) if !dir.is_empty() => here.join(dir),
            _ => root.join("target"),
        };
        Self {
            root: root.to_owned(),
            target,
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where everything that is built goes: `CARGO_TARGET_DIR`, else `target` in the root.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The server's binary, of the release or the dev profile.
    pub(crate) fn binary(&self, is_debug: bool) -> PathBuf {
        let profile = if is_debug { "debug" } else { "release" };
        self.target
            .join(profile)
            .join(format!("headwater{}", std::env::consts::EXE_SUFFIX))
    }

    /// The finished extractors: `<name>.wasm` and `<name>.wasm.sha256`.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// The finished test guests that misbehave.
    pub(crate) fn hostile(&self) -> PathBuf {
        self.target.join("plugins-hostile")
    }

    /// Cargo's own target directory for the plugins workspace.
    pub(crate) fn plugins_build(&self) -> PathBuf {
        self.target.join("plugins-build")
    }

    pub(crate) fn plugins_source(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// `path` as a reader of the project would name it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target_dir: Option<&str>, binary: &str) {
        let places = Places::new(
            Path::new("/project"),
            target_dir.map(OsString::from),
            Path::new("/project/crates"),
        );
        assert_eq!(places.binary(false), Path::new(binary));
    }

    #[test]
    fn the_binary_is_in_target_release_unless_told_otherwise() {
        check(None, "/project/target/release/headwater");
        check(Some(""), "/project/target/release/headwater");
    }

    #[test]
    fn a_target_dir_is_honoured_and_a_relative_one_starts_at_the_current_folder() {
        check(Some("/cache/t"), "/cache/t/release/headwater");
        check(Some("t"), "/project/crates/t/release/headwater");
    }

    #[test]
    fn everything_built_is_under_the_target_dir() {
        let places = Places::new(Path::new("/p"), Some("/t".into()), Path::new("/p"));
        assert_eq!(places.plugins(), Path::new("/t/plugins"));
        assert_eq!(places.hostile(), Path::new("/t/plugins-hostile"));
        assert_eq!(places.plugins_build(), Path::new("/t/plugins-build"));
        assert_eq!(places.binary(true), Path::new("/t/debug/headwater"));
    }
}
