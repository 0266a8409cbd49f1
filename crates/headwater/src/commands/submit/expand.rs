//! What a line of `files` in a project file stands for.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use globset::{GlobBuilder, GlobMatcher};

use crate::failure::{Exit, Failure};

/// Folders below the one where the wildcards begin that are looked into.
const DEPTH_MAX: u32 = 32;
/// Entries of folders that one pattern looks at.
const ENTRIES_MAX: usize = 1_000_000;

/// The files and folders that `pattern` names, in order; at least one. Without wildcards it is a path.
///
/// `*` and `?` match within one folder's names, `**` any number of folders. Links to folders, and `.git`, are not
/// followed.
///
/// # Errors
/// A [`Failure`] with [`Exit::Input`] if it is no glob, nothing matches, or a bound is broken.
pub(super) fn expand(folder: &Path, pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
    let wrong = |message: &str| Failure::new(Exit::Input, format!("{pattern:?} {message}"));
    // A file that is really called so is meant.
    if !pattern.contains(['*', '?', '[', '{']) || folder.join(pattern).exists() {
        return Ok(vec![folder.join(pattern)]);
    }
    // The folder of a file that is named without one.
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let base = literal_folder(pattern);
    let glob = GlobBuilder::new(pattern.strip_prefix("./").unwrap_or(pattern))
        .literal_separator(true)
        .build()
        .with_context(|| wrong("is no glob"))?
        .compile_matcher();
    let mut walk = Walk {
        root: folder,
        glob,
        entries_left: ENTRIES_MAX,
        found: Vec::new(),
    };
    let start = folder.join(base);
    if start.is_dir() {
        walk.below(&start, DEPTH_MAX)?;
    }
    walk.found.sort();
    if walk.found.is_empty() {
        return Err(wrong("matches no file").into());
    }
    Ok(walk.found)
}

/// The folders before the first wildcard.
fn literal_folder(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
    pattern[..wild]
        .rfind('/')
        .map_or("", |slash| &pattern[..slash])
}

struct Walk<'a> {
    root: &'a Path,
    glob: GlobMatcher,
    entries_left: usize,
    found: Vec<PathBuf>,
}

impl Walk<'_> {
    fn below(&mut self, folder: &Path, depth_left: u32) -> anyhow::Result<()> {
        let failed = || Failure::new(Exit::Input, format!("cannot list {}", folder.display()));
        for entry in fs::read_dir(folder).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            self.entries_left = self.entries_left.checked_sub(1).ok_or_else(|| {
                let message = format!("more than {ENTRIES_MAX} entries of folders to look at");
                Failure::new(Exit::Input, message)
            })?;
            let (path, kind) = (entry.path(), entry.file_type().with_context(failed)?);
            if kind.is_dir() {
                if entry.file_name() == ".git" {
                    continue;
                }
                if self.is_match(&path) {
                    // It is read as a folder that is named: with all that is in it.
                    self.found.push(path);
                    continue;
                }
                if depth_left == 0 {
                    let message =
                        format!("{} is more than {DEPTH_MAX} folders deep", path.display());
                    return Err(Failure::new(Exit::Input, message).into());
                }
                self.below(&path, depth_left - 1)?;
            } else if self.is_match(&path) && path.is_file() {
                self.found.push(path);
            }
        }
        Ok(())
    }

    fn is_match(&self, path: &Path) -> bool {
        self.glob
            .is_match(path.strip_prefix(self.root).unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for file in [
            "a.sql",
            "models/b.sql",
            "models/deep/c.sql",
            "models/d.txt",
            ".git/e.sql",
            "models/[x].sql",
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, file).expect("a file");
        }
        dir
    }

    #[track_caller]
    fn check(pattern: &str, expected: &[&str]) {
        let dir = project();
        let found = expand(dir.path(), pattern).expect("matches");
        let found: Vec<String> = found
            .iter()
            .map(|path| {
                path.strip_prefix(dir.path())
                    .expect("below")
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn a_star_stays_in_its_folder_and_two_go_through_all() {
        check("*.sql", &["a.sql"]);
        check("models/*.sql", &["models/[x].sql", "models/b.sql"]);
        check("./models/**/c.sql", &["models/deep/c.sql"]);
        check(
            "**/*.sql",
            &[
                "a.sql",
                "models/[x].sql",
                "models/b.sql",
                "models/deep/c.sql",
            ],
        );
        check("models/{b,d}.*", &["models/b.sql", "models/d.txt"]);
        check("*/d?ep", &["models/deep"]);
    }

    #[test]
    fn a_project_file_named_without_a_folder_is_in_the_current_one() {
        let found = expand(Path::new(""), "**/expand.rs").expect("tests run in the crate's folder");
        assert_eq!(
            found,
            [PathBuf::from("./src/commands/submit/expand.rs")],
            "this file"
        );
    }

    #[test]
    fn what_has_no_wildcards_or_exists_is_a_path() {
        check("models", &["models"]);
        check("missing", &["missing"]);
        check("models/[x].sql", &["models/[x].sql"]);
    }

    #[test]
    fn a_pattern_that_matches_nothing_or_is_no_glob_is_refused() {
        let dir = project();
        for (pattern, expected) in [
            ("*.csv", "matches no file"),
            ("none/*.sql", "matches no file"),
            ("[a", "is no glob"),
        ] {
            let error = expand(dir.path(), pattern).expect_err("refused");
            assert!(error.to_string().contains(expected), "{pattern}: {error}");
            assert_eq!(crate::failure::exit_of(&error), Some(Exit::Input));
        }
    }
}
