//! A folder of components.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use headwater_model::{Extractor as _, Text};

use crate::{LoadError, PluginHost, WasmExtractor};

/// An extractor and the file that it was loaded from.
#[derive(Clone, Debug)]
pub struct LoadedExtractor {
    /// The file.
    pub path: PathBuf,
    /// The extractor; its description has its name.
    pub extractor: WasmExtractor,
}

/// A file that holds no extractor that can be used.
#[derive(Debug)]
pub struct RefusedFile {
    /// The file.
    pub path: PathBuf,
    /// Why; the message names the file.
    pub error: LoadError,
}

/// What a folder held.
#[derive(Debug, Default)]
pub struct LoadedFolder {
    /// What was loaded, in the order of file names.
    pub extractors: Vec<LoadedExtractor>,
    /// What was refused, in the order of file names.
    pub refused: Vec<RefusedFile>,
}

impl LoadedFolder {
    /// The extractor that calls itself `name`, else the one whose file is `name.wasm`.
    pub fn find(&self, name: &str) -> Option<&WasmExtractor> {
        let by_name = |loaded: &&LoadedExtractor| *loaded.extractor.description().name == *name;
        let by_file =
            |loaded: &&LoadedExtractor| loaded.path.file_stem().is_some_and(|stem| stem == name);
        let found = (self.extractors.iter().find(by_name))
            .or_else(|| self.extractors.iter().find(by_file))?;
        Some(&found.extractor)
    }
}

impl PluginHost {
    /// Loads every `*.wasm` file directly in `dir`, in the order of file names. A file that is refused stops no other.
    ///
    /// Of two files with extractors of one name, the first is loaded and the second refused.
    ///
    /// # Errors
    /// [`LoadError::File`] if `dir` can't be listed.
    pub fn load_dir(&self, dir: &Path) -> Result<LoadedFolder, LoadError> {
        let paths = wasm_files(dir).map_err(|error| LoadError::File {
            path: dir.to_owned(),
            error: Box::new(error.into()),
        })?;
        let mut folder = LoadedFolder::default();
        let mut names: BTreeMap<Text, PathBuf> = BTreeMap::new();
        for path in paths {
            let loaded = self.load_file(&path).and_then(|extractor| {
                let name = extractor.description().name.clone();
                match names.get(&name) {
                    Some(first) => Err(LoadError::NameClash {
                        name: name.to_string(),
                        first: first.clone(),
                        second: path.clone(),
                    }),
                    None => Ok((name, extractor)),
                }
            });
            match loaded {
                Ok((name, extractor)) => {
                    names.insert(name, path.clone());
                    folder.extractors.push(LoadedExtractor { path, extractor });
                }
                Err(error) => folder.refused.push(RefusedFile { path, error }),
            }
        }
        Ok(folder)
    }
}

fn wasm_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == "wasm") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
