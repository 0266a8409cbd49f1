//! Folders and files of the service's machine.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::{FetchFailure, FetchRule, Fetching};
use crate::error::ExtractionError;

/// Folders below a given one that are looked into.
const DEPTH_MAX: usize = 32;
/// Entries of folders that are looked at.
const ENTRIES_MAX: usize = 1_000_000;
/// How much is read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Takes a file, or of a folder the files that the extractor reads, named by their paths below it.
pub(super) fn fetch(
    fetching: &mut Fetching<'_>,
    rule: &FetchRule,
    url: &str,
    path: &str,
) -> Result<(), FetchFailure> {
    let unreachable = |error: std::io::Error| FetchFailure::Unreachable {
        url: url.to_owned(),
        reason: error.to_string(),
    };
    let root = Path::new(path).canonicalize().map_err(unreachable)?;
    // A link may lead out of what is allowed.
    let allowed = rule.prefix.strip_prefix("file://").unwrap_or_default();
    let allowed = Path::new(allowed).canonicalize().map_err(unreachable)?;
    if !root.starts_with(&allowed) {
        let message = format!("{url:?} leads out of {}", rule.prefix);
        return Err(FetchFailure::Refused(message));
    }
    if root.is_file() {
        let name = super::name_of(rule, url);
        return take(fetching, &name, &root);
    }
    let globs = globs(fetching)?;
    let mut files = Vec::new();
    let mut entries_left = ENTRIES_MAX;
    collect(&root, DEPTH_MAX, &mut entries_left, &mut files).map_err(unreachable)?;
    files.sort();
    for file in files {
        let below = file.strip_prefix(&root).unwrap_or(&file);
        let Some(name) = below.to_str() else { continue };
        if globs.is_match(name) {
            take(fetching, name, &file)?;
        }
    }
    Ok(())
}

pub(super) fn globs(fetching: &Fetching<'_>) -> Result<GlobSet, FetchFailure> {
    let mut globs = GlobSetBuilder::new();
    for input in fetching.inputs {
        if let Ok(glob) = Glob::new(&input.glob) {
            globs.add(glob);
        }
    }
    let built = globs.build();
    built.map_err(|error| FetchFailure::Refused(format!("the extractor's inputs: {error}")))
}

/// Files below a folder; links and `.git` are not followed.
fn collect(
    dir: &Path,
    depth_left: usize,
    entries_left: &mut usize,
    files: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        *entries_left = entries_left.checked_sub(1).ok_or_else(|| {
            let message = format!("there are more than {ENTRIES_MAX} files and folders");
            std::io::Error::other(message)
        })?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth_left > 0 && entry.file_name() != ".git" {
            collect(&entry.path(), depth_left - 1, entries_left, files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn take(fetching: &mut Fetching<'_>, name: &str, path: &Path) -> Result<(), FetchFailure> {
    let failed = |error: std::io::Error| ExtractionError::file(path, &error);
    let mut source = File::open(path).map_err(failed)?;
    let mut file = fetching.upload.begin(name)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = source.read(&mut chunk).map_err(failed)?;
        if count == 0 {
            break;
        }
        file.write(&chunk[..count])?;
    }
    Ok(file.finish()?)
}
