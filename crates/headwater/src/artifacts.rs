//! The files that an extractor reads.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use globset::{Glob, GlobSet, GlobSetBuilder};
use headwater_model::{Artifact, InputPattern, Text};

use crate::failure::{Exit, Failure};

/// Folders below a given one that are looked into.
const DEPTH_MAX: u32 = 32;
/// Files that one invocation reads.
const FILES_MAX: usize = 20_000;
/// Entries of folders that one invocation looks at.
const ENTRIES_MAX: usize = 1_000_000;
/// Bytes that one invocation reads.
const BYTES_MAX: u64 = 2 << 30;

/// Which files below a folder an extractor reads, and of what media type they are.
pub(crate) struct Inputs<'a> {
    patterns: &'a [InputPattern],
    globs: GlobSet,
}

impl<'a> Inputs<'a> {
    /// The patterns of one extractor.
    ///
    /// # Errors
    /// If one of them is no glob.
    pub(crate) fn of(patterns: &'a [InputPattern]) -> anyhow::Result<Self> {
        let mut globs = GlobSetBuilder::new();
        for pattern in patterns {
            globs.add(Glob::new(&pattern.glob).with_context(|| {
                format!("the extractor's input {} is not a glob", pattern.glob)
            })?);
        }
        Ok(Self {
            patterns,
            globs: globs.build()?,
        })
    }

    /// That of the first pattern that a name matches.
    pub(crate) fn media_type(&self, name: &str) -> Option<Text> {
        let first = *self.globs.matches(name).first()?;
        Some(self.patterns[first].media_type.clone())
    }

    /// What standard input is called: as the first file that is read, with `stdin` for any stem.
    fn name_of_stdin(&self) -> String {
        let glob = self.patterns.first().map_or("", |first| &*first.glob);
        let last = glob.rsplit('/').next().unwrap_or_default();
        let name = last.replace('*', "stdin");
        // What is still a pattern is no name.
        if name.is_empty() || name.contains(['?', '[', '{']) {
            "stdin".to_owned()
        } else {
            name
        }
    }

    fn listed(&self) -> String {
        let globs: Vec<&str> = self.patterns.iter().map(|pattern| &*pattern.glob).collect();
        globs.join(", ")
    }
}

/// Reads the files among `paths`, and below the folders among them what the extractor reads; `-` is standard input.
///
/// A file is named by its path, relative to `current_dir` where it lies below it, so that evidence reads the same
/// on every machine. Links to folders, and `.git`, are not followed.
///
/// # Errors
/// A [`Failure`] that names the path, or the bound that was broken.
pub(crate) fn read(
    paths: &[PathBuf],
    patterns: &[InputPattern],
    current_dir: Option<&Path>,
) -> anyhow::Result<Vec<Artifact>> {
    let inputs = Inputs::of(patterns)?;
    let mut bytes_left = BYTES_MAX;
    let mut artifacts = Vec::new();
    if paths.iter().any(|path| path == Path::new("-")) {
        artifacts.push(read_stdin(&inputs, &mut bytes_left)?);
    }
    for path in files(paths, &inputs)? {
        artifacts.push(read_file(&path, &inputs, current_dir, &mut bytes_left)?);
    }
    Ok(artifacts)
}

/// The same files with the names that they have as artifacts; they are not read, and standard input is none of them.
///
/// # Errors
/// As [`read`].
pub(crate) fn list(
    paths: &[PathBuf],
    patterns: &[InputPattern],
    current_dir: Option<&Path>,
) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let inputs = Inputs::of(patterns)?;
    let files = files(paths, &inputs)?;
    let named = |path: PathBuf| {
        let below = current_dir.and_then(|dir| path.strip_prefix(dir).ok());
        let shown = below.unwrap_or(&path);
        let is_above = shown.components().any(|part| part == Component::ParentDir);
        let whole = path.canonicalize();
        let shown = whole.as_deref().ok().filter(|_| is_above).unwrap_or(shown);
        (name_of(shown).trim_start_matches('/').to_owned(), path)
    };
    Ok(files.into_iter().map(named).collect())
}

fn files(paths: &[PathBuf], inputs: &Inputs<'_>) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    for path in paths.iter().filter(|path| *path != Path::new("-")) {
        let found = fs::metadata(path).with_context(|| {
            Failure::new(Exit::Input, format!("cannot read {}", path.display()))
        })?;
        if !found.is_dir() {
            files.insert(path.clone());
            continue;
        }
        let below = files_below(path, inputs)?;
        if below.is_empty() {
            let message = format!(
                "no file below {} is one that the extractor reads",
                path.display()
            );
            return Err(Failure::new(Exit::Input, message)
                .hint(format!("it reads {}", inputs.listed()))
                .into());
        }
        files.extend(below);
    }
    if files.len() > FILES_MAX {
        return Err(too_many("files", FILES_MAX).into());
    }
    Ok(files)
}

/// Standard input, under a name that the extractor reads: `stdin.sql` for `**/*.sql`.
fn read_stdin(inputs: &Inputs<'_>, bytes_left: &mut u64) -> anyhow::Result<Artifact> {
    let mut bytes = Vec::new();
    let read = io::stdin()
        .lock()
        .take(*bytes_left + 1)
        .read_to_end(&mut bytes);
    read.with_context(|| Failure::new(Exit::Input, "cannot read standard input"))?;
    let left = bytes_left.checked_sub(bytes.len() as u64);
    *bytes_left = left.ok_or_else(|| {
        let message = format!("standard input is longer than {BYTES_MAX} bytes");
        Failure::new(Exit::Input, message)
    })?;
    let name = inputs.name_of_stdin();
    Ok(Artifact {
        media_type: inputs.media_type(&name).unwrap_or_default(),
        name: name.into(),
        content: bytes.into(),
    })
}

fn too_many(what: &str, bound: usize) -> Failure {
    Failure::new(Exit::Input, format!("more than {bound} {what} to read"))
        .hint("name the files, or a smaller folder")
}

fn files_below(dir: &Path, inputs: &Inputs<'_>) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![(dir.to_owned(), 0_u32)];
    let mut entries_count = 0;
    while let Some((folder, depth)) = folders.pop() {
        let failed = || Failure::new(Exit::Input, format!("cannot list {}", folder.display()));
        for entry in fs::read_dir(&folder).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            entries_count += 1;
            if entries_count > ENTRIES_MAX {
                return Err(too_many("entries of folders", ENTRIES_MAX).into());
            }
            let (path, kind) = (entry.path(), entry.file_type().with_context(failed)?);
            if kind.is_dir() {
                if depth == DEPTH_MAX {
                    let message =
                        format!("{} is more than {DEPTH_MAX} folders deep", path.display());
                    return Err(Failure::new(Exit::Input, message).into());
                }
                if entry.file_name() != ".git" {
                    folders.push((path, depth + 1));
                }
            } else if inputs.media_type(&name_below(dir, &path)).is_some() && path.is_file() {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn name_below(dir: &Path, path: &Path) -> String {
    name_of(path.strip_prefix(dir).unwrap_or(path))
}

/// The path as evidence shows it: with slashes, and without `.` in it.
fn name_of(path: &Path) -> String {
    let mut name = String::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::RootDir => name.push('/'),
            other => {
                if !name.is_empty() && !name.ends_with('/') {
                    name.push('/');
                }
                name.push_str(&other.as_os_str().to_string_lossy());
            }
        }
    }
    name
}

fn read_file(
    path: &Path,
    inputs: &Inputs<'_>,
    current_dir: Option<&Path>,
    bytes_left: &mut u64,
) -> anyhow::Result<Artifact> {
    let failed = || Failure::new(Exit::Input, format!("cannot read {}", path.display()));
    let length = fs::metadata(path).with_context(failed)?.len();
    *bytes_left = bytes_left.checked_sub(length).ok_or_else(|| {
        Failure::new(
            Exit::Input,
            format!(
                "{}: the files are together longer than {BYTES_MAX} bytes",
                path.display()
            ),
        )
    })?;
    let bytes = fs::read(path).with_context(failed)?;
    let below = current_dir.and_then(|dir| path.strip_prefix(dir).ok());
    let name = name_of(below.unwrap_or(path));
    Ok(Artifact {
        media_type: inputs.media_type(&name).unwrap_or_default(),
        name: name.into(),
        content: bytes.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_has_a_name_that_is_read() {
        for (glob, name) in [
            ("**/*.sql", "stdin.sql"),
            ("**/manifest.json", "manifest.json"),
            ("*.{yml,yaml}", "stdin"),
            ("**/*", "stdin"),
        ] {
            let patterns = [InputPattern {
                glob: glob.into(),
                media_type: "".into(),
                is_required: false,
            }];
            assert_eq!(Inputs::of(&patterns).unwrap().name_of_stdin(), name);
        }
    }

    fn patterns() -> Vec<InputPattern> {
        let pattern = |glob: &str, media_type: &str| InputPattern {
            glob: glob.into(),
            media_type: media_type.into(),
            is_required: false,
        };
        vec![
            pattern("**/manifest.json", "application/json"),
            pattern("**/*.sql", "application/sql"),
        ]
    }

    fn project() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for file in [
            "target/manifest.json",
            "target/run.json",
            "models/a/b.sql",
            ".git/x.sql",
            "top.sql",
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, file).expect("a file");
        }
        dir
    }

    fn names(paths: &[&str], dir: &Path) -> Vec<(String, String)> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| dir.join(path)).collect();
        read(&paths, &patterns(), Some(dir))
            .expect("artifacts")
            .into_iter()
            .map(|artifact| (artifact.name.to_string(), artifact.media_type.to_string()))
            .collect()
    }

    #[test]
    fn below_a_folder_only_what_the_extractor_reads_is_read() {
        let dir = project();
        let expected = [
            ("models/a/b.sql", "application/sql"),
            ("target/manifest.json", "application/json"),
            ("top.sql", "application/sql"),
        ];
        let expected = expected.map(|(name, media)| (name.to_owned(), media.to_owned()));
        assert_eq!(names(&["."], dir.path()), expected);
        assert_eq!(
            names(&[".", "top.sql", "target"], dir.path()),
            expected,
            "nothing is read twice"
        );
    }

    #[test]
    fn a_file_that_is_named_is_read_whatever_it_is_called() {
        let dir = project();
        assert_eq!(
            names(&["target/run.json"], dir.path()),
            [("target/run.json".to_owned(), String::new())]
        );
    }

    #[test]
    fn a_folder_with_nothing_to_read_is_an_error_that_says_what_would_be_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let error = read(&[dir.path().to_owned()], &patterns(), None).expect_err("nothing there");
        assert_eq!(crate::failure::exit_of(&error), Some(Exit::Input));
        let missing = read(&[dir.path().join("x")], &patterns(), None).expect_err("no such file");
        assert_eq!(crate::failure::exit_of(&missing), Some(Exit::Input));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_links_to_itself_is_walked_once() {
        let dir = project();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).expect("a link");
        assert_eq!(names(&["."], dir.path()).len(), 3);
    }
}
