//! Finding and loading extractors.

use std::path::{Path, PathBuf};

use clap::Args;
use headwater_plugin::{HostConfig, PluginHost, WasmExtractor};

use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::output;

/// Where extractors lie.
#[derive(Debug, Args)]
pub(crate) struct PluginsArgs {
    /// Folder of extractors [default: `HEADWATER_PLUGINS`, ./plugins, plugins beside the binary, target/plugins]
    #[arg(long = "plugins", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

impl PluginsArgs {
    /// The folders to look in, in order. One that is named on the command line is the only one.
    pub(crate) fn folders(&self, environment: &Environment) -> Vec<PathBuf> {
        if let Some(dir) = &self.dir {
            return vec![dir.clone()];
        }
        let beside_binary = environment
            .beside_binary
            .as_ref()
            .map(|dir| dir.join("plugins"));
        environment
            .plugins
            .iter()
            .cloned()
            .chain([PathBuf::from("plugins")])
            .chain(beside_binary)
            .chain([PathBuf::from("target/plugins")])
            .collect()
    }

    /// The file of the extractor `wanted`: a path to a component, or a name in one of the folders.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::NotFound`] that says where was looked, and what is there.
    fn find(&self, wanted: &str, environment: &Environment) -> Result<PathBuf, Failure> {
        let path = Path::new(wanted);
        let is_path = path.components().count() > 1
            || path
                .extension()
                .is_some_and(|extension| extension == "wasm");
        if is_path {
            if path.is_file() {
                return Ok(path.to_owned());
            }
            return Err(Failure::new(
                Exit::NotFound,
                format!("there is no extractor at {wanted}"),
            ));
        }
        let folders = self.folders(environment);
        let file_name = format!("{wanted}.wasm");
        if let Some(found) = folders
            .iter()
            .map(|folder| folder.join(&file_name))
            .find(|path| path.is_file())
        {
            return Ok(found);
        }
        let shown: Vec<String> = folders
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        let message = format!("there is no extractor {wanted} in {}", shown.join(", "));
        let failure = Failure::new(Exit::NotFound, message);
        let names = names_in(&folders);
        Err(if names.is_empty() {
            failure
                .hint("name its folder with --plugins, or its file with --plugin path/to/file.wasm")
        } else {
            failure.hint(format!("there are {}", names.join(", ")))
        })
    }

    /// Loads the extractor `wanted`, see [`Self::find`].
    ///
    /// # Errors
    /// A [`Failure`] that names the file and what is wrong with it.
    pub(crate) fn load(
        &self,
        wanted: &str,
        environment: &Environment,
    ) -> anyhow::Result<WasmExtractor> {
        let path = self.find(wanted, environment)?;
        let spinner = output::spinner(format!("loading {}", path.display()));
        let loaded = host(environment)?.load_file(&path);
        spinner.finish_and_clear();
        Ok(loaded.map_err(|error| Failure::new(Exit::Input, error.to_string()))?)
    }
}

fn names_in(folders: &[PathBuf]) -> Vec<String> {
    let mut names: Vec<String> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_component = path.extension()? == "wasm";
            is_component.then(|| path.file_stem()?.to_str().map(str::to_owned))?
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// A host that keeps what it compiled among the user's caches, if these can be used.
///
/// # Errors
/// What keeps the sandbox from starting.
pub(crate) fn host(environment: &Environment) -> anyhow::Result<PluginHost> {
    let with_cache = environment.cache.as_ref().map(|dir| HostConfig {
        cache_dir: Some(dir.join("headwater").join("extractors")),
        ..HostConfig::default()
    });
    // Without a cache every invocation compiles: slower, and nothing else.
    let cached = with_cache.and_then(|config| PluginHost::new(config).ok());
    match cached {
        Some(host) => Ok(host),
        None => Ok(PluginHost::new(HostConfig::default())?),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn environment(dir: &Path) -> Environment {
        Environment {
            plugins: Some(dir.join("env")),
            beside_binary: Some(dir.join("bin")),
            ..Environment::default()
        }
    }

    fn place(dir: &Path, file: &str) {
        let path = dir.join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, b"").expect("a file");
    }

    fn found(args: &PluginsArgs, wanted: &str, dir: &Path) -> Result<String, String> {
        let shown = |text: String| text.replace(&dir.display().to_string(), "DIR");
        args.find(wanted, &environment(dir))
            .map(|path| shown(path.display().to_string()))
            .map_err(|failure| shown(format!("{failure}")))
    }

    #[test]
    fn a_name_is_looked_up_in_the_folders_in_order() {
        let dir = tempfile::tempdir().expect("a folder");
        let anywhere = PluginsArgs { dir: None };
        place(dir.path(), "bin/plugins/dbt.wasm");
        assert_eq!(
            found(&anywhere, "dbt", dir.path()),
            Ok("DIR/bin/plugins/dbt.wasm".to_owned())
        );
        place(dir.path(), "env/dbt.wasm");
        assert_eq!(
            found(&anywhere, "dbt", dir.path()),
            Ok("DIR/env/dbt.wasm".to_owned())
        );
        let elsewhere = PluginsArgs {
            dir: Some(dir.path().join("flag")),
        };
        assert_snapshot!(
            found(&elsewhere, "dbt", dir.path()).expect_err("only there"),
            @"there is no extractor dbt in DIR/flag"
        );
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        let dir = tempfile::tempdir().expect("a folder");
        place(dir.path(), "x/own.wasm");
        let args = PluginsArgs { dir: None };
        let path = dir.path().join("x/own.wasm").display().to_string();
        assert_eq!(
            found(&args, &path, dir.path()),
            Ok("DIR/x/own.wasm".to_owned())
        );
        assert_snapshot!(
            found(&args, "missing.wasm", dir.path()).expect_err("no such file"),
            @"there is no extractor at missing.wasm"
        );
    }
}
