//! SHA-256 over bytes and over folders.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Folders that cargo, npm, tsc and Python write beside sources.
const NO_INPUTS: [&str; 4] = ["target", "node_modules", "dist", "__pycache__"];

/// SHA-256 as lowercase hex.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 over `salt` and over the name and bytes of every file in `folder`, in the order of their names.
///
/// What is built or installed ([`NO_INPUTS`]) and names that start with a dot are left out: nothing there is an input.
pub(crate) fn of_folder(folder: &Path, salt: &str) -> Result<String> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut hasher = Sha256::new();
    add(&mut hasher, salt.as_bytes());
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(folder).unwrap_or(&file);
        add(&mut hasher, name.as_os_str().as_encoded_bytes());
        add(&mut hasher, &bytes);
    }
    Ok(hex(&hasher.finalize()))
}

/// The length goes first: where one part ends and the next begins is then part of the digest.
fn add(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if NO_INPUTS.iter().any(|built| name == *built) || name.as_encoded_bytes().starts_with(b".")
        {
            continue;
        }
        // Follows links: what is linked is an input as well.
        if entry.path().is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[track_caller]
    fn check(left: &[(&str, &str)], right: &[(&str, &str)], is_same: bool) {
        let digest = |files| of_folder(folder(files).path(), "salt").unwrap();
        assert_eq!(digest(left) == digest(right), is_same);
    }

    #[test]
    fn a_digest_is_that_of_the_standard() {
        assert_eq!(
            of_bytes(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn the_same_files_elsewhere_have_the_same_digest() {
        check(
            &[("a", "1"), ("b/c", "2")],
            &[("b/c", "2"), ("a", "1")],
            true,
        );
    }

    #[test]
    fn a_changed_moved_added_or_removed_file_changes_the_digest() {
        check(&[("a", "1")], &[("a", "2")], false);
        check(&[("a", "1")], &[("b", "1")], false);
        check(&[("a", "1")], &[("a", "1"), ("b", "")], false);
        check(&[("a", "b")], &[("ab", "")], false);
    }

    #[test]
    fn what_is_built_is_no_input() {
        check(
            &[("a", "1")],
            &[
                ("a", "1"),
                ("target/x", "2"),
                (".git/y", "3"),
                ("b/node_modules/z", "4"),
                ("__pycache__/a.pyc", "5"),
            ],
            true,
        );
    }

    #[test]
    fn the_salt_is_part_of_the_digest() {
        let folder = folder(&[("a", "1")]);
        assert_ne!(
            of_folder(folder.path(), "1").unwrap(),
            of_folder(folder.path(), "2").unwrap()
        );
    }
}
