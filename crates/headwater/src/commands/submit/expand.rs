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
/// followed. A pattern that ends with `**` or `**/*` names files alone.
///
/// # Errors
/// A [`Failure`] with [`Exit::Input`] if it is no glob, nothing matches, or a bound is broken.
pub(super) fn expand(folder: &Path, pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
    let wrong = |message: &str| Failure::new(Exit::Input, format!("{pattern:?} {message}"));
    // A file that is really called so is meant.
    if !pattern.contains(['*', '?', '[', '{']) || folder.join(pattern).exists() {
        return Ok(vec![folder.join(pattern)]);
    }
    let below = pattern.trim_start_matches("./");
    let base = literal_folder(below);
    let glob = GlobBuilder::new(below)
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
    if listed(&start).is_dir() {
        let is_everything = below.ends_with("**") || below.ends_with("**/*");
        walk.below(&start, DEPTH_MAX, !is_everything)?;
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
        .map_or("", |slash| &pattern[..slash.max(1)])
}

/// The path under which a folder is listed: the parent of a bare file name is empty, and means the current folder.
fn listed(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

struct Walk<'a> {
    root: &'a Path,
    glob: GlobMatcher,
    entries_left: usize,
    found: Vec<PathBuf>,
}

impl Walk<'_> {
    /// A folder below one that matches adds nothing to it, so is not found.
    fn below(&mut self, folder: &Path, depth_left: u32, folders: bool) -> anyhow::Result<()> {
        let shown = listed(folder);
        let failed = || Failure::new(Exit::Input, format!("cannot list {}", shown.display()));
        for entry in fs::read_dir(shown).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            self.entries_left = self.entries_left.checked_sub(1).ok_or_else(|| {
                let message = format!("more than {ENTRIES_MAX} entries of folders to look at");
                Failure::new(Exit::Input, message)
            })?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().with_context(failed)?;
            if kind.is_dir() {
                if entry.file_name() == ".git" {
                    continue;
                }
                if depth_left == 0 {
                    let message =
                        format!("{} is more than {DEPTH_MAX} folders deep", path.display());
                    return Err(Failure::new(Exit::Input, message).into());
                }
                let is_found = folders && self.is_match(&path);
                self.below(&path, depth_left - 1, folders && !is_found)?;
                if is_found {
                    self.found.push(path);
                }
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
    }

    #[test]
    fn a_folder_that_matches_stands_for_what_is_below_it() {
        check("mod*", &["models"]);
        check("*/deep", &["models/deep"]);
        check("**/deep", &["models/deep"]);
        check("*/d*", &["models/d.txt", "models/deep"]);
        check("**/{models,deep}", &["models"]);
        // Whoever asks for everything has the files already.
        check(
            "models/**",
            &[
                "models/[x].sql",
                "models/b.sql",
                "models/d.txt",
                "models/deep/c.sql",
            ],
        );
        check(
            "models/**/*",
            &[
                "models/[x].sql",
                "models/b.sql",
                "models/d.txt",
                "models/deep/c.sql",
            ],
        );
    }

    #[test]
    fn what_has_no_wildcards_or_exists_is_a_path() {
        check("models", &["models"]);
        check("missing", &["missing"]);
        check("models/[x].sql", &["models/[x].sql"]);
    }

    #[test]
    fn the_folder_of_a_bare_file_name_is_the_current_one() {
        // Tests run in the folder of their package.
        for (pattern, expected) in [
            ("Cargo.*", "Cargo.toml"),
            ("./Cargo.*", "Cargo.toml"),
            ("**/submit/expand.rs", "src/commands/submit/expand.rs"),
            ("./src/**/expand.rs", "src/commands/submit/expand.rs"),
        ] {
            let found = expand(Path::new(""), pattern).expect("matches");
            assert_eq!(found, [Path::new(expected)], "{pattern}");
        }
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
