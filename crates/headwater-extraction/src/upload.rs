//! Receiving artifacts: into files, bounded, never whole in memory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_model::Digest;
use sha2::{Digest as _, Sha256};

use crate::error::ExtractionError;
use crate::folder::Folder;
use crate::record::ArtifactRecord;

/// The longest name of an artifact, in bytes.
const NAME_BYTES_MAX: usize = 1024;

/// Artifacts of one source that are being received; what is not handed over is removed.
pub struct Upload {
    folder: Arc<Folder>,
    bytes_left: u64,
    bytes_max: u64,
    files_max: usize,
    /// The extractor that the source is to be bound to.
    unbound_to: Option<String>,
    /// Artifacts and where their content is; nowhere new if it is kept.
    files: BTreeMap<String, (ArtifactRecord, Option<PathBuf>)>,
}

/// One artifact that is being received.
pub struct UploadedFile<'upload> {
    upload: &'upload mut Upload,
    name: String,
    file: File,
    path: PathBuf,
    hasher: Sha256,
    bytes: u64,
}

impl Upload {
    pub(crate) fn new(folder: Arc<Folder>, bytes_max: u64, files_max: usize) -> Self {
        Self {
            folder,
            bytes_left: bytes_max,
            bytes_max,
            files_max,
            unbound_to: None,
            files: BTreeMap::new(),
        }
    }

    /// The source is to be bound to that extractor.
    pub(crate) fn bound_to(mut self, extractor: Option<String>) -> Self {
        self.unbound_to = extractor;
        self
    }

    /// The extractor that the source is to be bound to.
    pub(crate) fn unbound_to(&self) -> Option<&str> {
        self.unbound_to.as_deref()
    }

    /// Begins an artifact.
    ///
    /// # Errors
    /// If its name breaks a rule or was there before, if there are too many, or the disk fails.
    pub fn begin(&mut self, name: &str) -> Result<UploadedFile<'_>, ExtractionError> {
        check_name(name)?;
        if self.files.contains_key(name) {
            let message = format!("artifact {name:?} comes twice");
            return Err(ExtractionError::Invalid(message));
        }
        self.check_count()?;
        let path = self.folder.draft();
        let file = File::create(&path).map_err(|error| ExtractionError::file(&path, &error))?;
        Ok(UploadedFile {
            upload: self,
            name: name.to_owned(),
            file,
            path,
            hasher: Sha256::new(),
            bytes: 0,
        })
    }

    fn check_count(&self) -> Result<(), ExtractionError> {
        if self.files.len() < self.files_max {
            return Ok(());
        }
        let message = format!("there are more than {} artifacts", self.files_max);
        Err(ExtractionError::TooLarge(message))
    }

    /// An artifact stays as it was, unless it was received.
    ///
    /// # Errors
    /// If there are too many.
    pub(crate) fn keep(&mut self, artifact: &ArtifactRecord) -> Result<(), ExtractionError> {
        if !self.files.contains_key(&artifact.name) {
            self.check_count()?;
            let kept = (artifact.clone(), None);
            self.files.insert(artifact.name.clone(), kept);
        }
        Ok(())
    }

    /// How many artifacts there are.
    pub fn files_count(&self) -> usize {
        self.files.len()
    }

    /// What was received.
    pub(crate) fn records(&self) -> impl Iterator<Item = &ArtifactRecord> {
        self.files.values().map(|(record, _)| record)
    }

    /// Where the content of each is, and its digest.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (PathBuf, String)> + '_ {
        let files = self.files.values();
        files.filter_map(|(record, path)| Some((path.clone()?, record.digest.clone())))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        for path in self.files.values().filter_map(|(_, path)| path.as_ref()) {
            // What was taken over is no longer here.
            let _ = fs::remove_file(path);
        }
    }
}

impl UploadedFile<'_> {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// If there are too many, or the disk fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ExtractionError> {
        let count = bytes.len() as u64;
        let Some(left) = self.upload.bytes_left.checked_sub(count) else {
            let message = format!(
                "the artifacts have more than {} bytes",
                self.upload.bytes_max
            );
            return Err(ExtractionError::TooLarge(message));
        };
        self.upload.bytes_left = left;
        self.bytes += count;
        self.hasher.update(bytes);
        let written = self.file.write_all(bytes);
        written.map_err(|error| ExtractionError::file(&self.path, &error))
    }

    /// Ends it: it is durable.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn finish(mut self) -> Result<(), ExtractionError> {
        let synced = self.file.sync_all();
        synced.map_err(|error| ExtractionError::file(&self.path, &error))?;
        let hasher = std::mem::take(&mut self.hasher);
        let digest = Digest::from_bytes(hasher.finalize().into());
        let record = ArtifactRecord {
            name: self.name.clone(),
            digest: digest.to_string(),
            bytes: self.bytes,
        };
        let path = std::mem::take(&mut self.path);
        self.upload
            .files
            .insert(self.name.clone(), (record, Some(path)));
        Ok(())
    }
}

impl Drop for UploadedFile<'_> {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A name is a path from the project's root: evidence shows it, and globs of extractors are matched with it.
pub(crate) fn check_name(name: &str) -> Result<(), ExtractionError> {
    let rule = if name.is_empty() {
        Some("is empty".to_owned())
    } else if name.len() > NAME_BYTES_MAX {
        let length = name.len();
        Some(format!(
            "is {length} bytes long, more than {NAME_BYTES_MAX}"
        ))
    } else if name.starts_with('/') || name.contains('\\') {
        Some("is not a relative path with slashes".to_owned())
    } else if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        Some("has a part that is empty, . or ..".to_owned())
    } else if name.chars().any(char::is_control) {
        Some("holds a control character".to_owned())
    } else {
        None
    };
    match rule {
        None => Ok(()),
        Some(rule) => {
            let shown: String = name.chars().take(100).collect();
            Err(ExtractionError::Invalid(format!(
                "the name of artifact {shown:?} {rule}"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_relative_path() {
        for name in ["manifest.json", "target/manifest.json", "a b/ü.sql", "..a"] {
            check_name(name).expect(name);
        }
        let long = "n".repeat(1025);
        for (name, rule) in [
            ("", "is empty"),
            (&*long, "is 1025 bytes long, more than 1024"),
            ("/etc/passwd", "is not a relative path"),
            ("a\\b", "is not a relative path"),
            ("../a", "has a part that is empty, . or .."),
            ("a//b", "has a part that is empty, . or .."),
            ("a/./b", "has a part that is empty, . or .."),
            ("a\nb", "holds a control character"),
        ] {
            let error = check_name(name).expect_err(name).to_string();
            assert!(error.contains(rule), "{error}");
        }
    }

    #[test]
    fn what_is_not_handed_over_is_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Arc::new(Folder::open(dir.path()).expect("a folder"));
        let incoming = || {
            fs::read_dir(dir.path().join("incoming"))
                .expect("a folder")
                .count()
        };
        let mut upload = Upload::new(Arc::clone(&folder), 10, 2);
        let mut file = upload.begin("a").expect("a file");
        file.write(b"12345678").expect("room");
        file.finish().expect("a file");
        assert_eq!(incoming(), 1);
        let mut file = upload.begin("b").expect("a file");
        let error = file.write(b"123").expect_err("3 bytes over 10");
        assert_eq!(error.to_string(), "the artifacts have more than 10 bytes");
        drop(file);
        assert_eq!(incoming(), 1);
        let error = upload.begin("a").err().expect("twice").to_string();
        assert_eq!(error, "artifact \"a\" comes twice");
        drop(upload);
        assert_eq!(incoming(), 0);
    }
}
