//! The folder of all this.
//!
//! ```text
//! extractors.json         the extractors and their versions
//! components/DIGEST.wasm  their components
//! sources/KEY.json        a source: its extractor, configuration, artifacts, extractions
//! artifacts/KEY/DIGEST    the content of its artifacts
//! incoming/               what is being received; emptied at the start
//! ```
//! `KEY` is a digest of the source's name, which may hold what a file's name can't.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use headwater_model::{Content, Digest, ReadAt, SourceKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ExtractionError;
use crate::record::{ArtifactRecord, ExtractorsFile, SourceRecord, VERSION};

/// Characters of the digest that stands for a source's name.
const KEY_CHARS: usize = 32;

/// The folder.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    next: AtomicU64,
}

type Result<T> = std::result::Result<T, ExtractionError>;

fn failed(path: &Path) -> impl Fn(io::Error) -> ExtractionError + '_ {
    |error| ExtractionError::file(path, &error)
}

impl Folder {
    /// Opens it, made if it is not there; what was being received is gone.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let folder = Self {
            root: root.to_owned(),
            next: AtomicU64::new(0),
        };
        let incoming = folder.incoming();
        if incoming.exists() {
            fs::remove_dir_all(&incoming).map_err(failed(&incoming))?;
        }
        for dir in ["components", "sources", "artifacts", "incoming"] {
            let dir = root.join(dir);
            fs::create_dir_all(&dir).map_err(failed(&dir))?;
        }
        Ok(folder)
    }

    fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// Path of a new file to receive into.
    pub(crate) fn draft(&self) -> PathBuf {
        let serial = self.next.fetch_add(1, Ordering::Relaxed);
        self.incoming().join(serial.to_string())
    }

    /// Writes a file as a whole: whoever reads it finds what was there before, or all of this.
    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let draft = self.draft();
        let written = (|| {
            let mut file = File::create(&draft)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, path)?;
            sync_folder(path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.map_err(failed(path))
    }

    fn replace_json(&self, path: &Path, value: &impl Serialize) -> Result<()> {
        let bytes = serde_json::to_vec(value).expect("a record in memory is JSON");
        self.replace(path, &bytes)
    }

    pub(crate) fn read_extractors(&self) -> Result<ExtractorsFile> {
        let path = self.root.join("extractors.json");
        let file: Option<ExtractorsFile> = read_json(&path)?;
        check_version(&path, file.as_ref().map(|file| file.version))?;
        Ok(file.unwrap_or_default())
    }

    pub(crate) fn write_extractors(&self, file: &ExtractorsFile) -> Result<()> {
        self.replace_json(&self.root.join("extractors.json"), file)
    }

    fn component(&self, digest: &str) -> PathBuf {
        self.root.join("components").join(format!("{digest}.wasm"))
    }

    pub(crate) fn read_component(&self, digest: &str) -> Result<Vec<u8>> {
        let path = self.component(digest);
        let bytes = fs::read(&path).map_err(failed(&path))?;
        if Digest::of(&bytes).to_string() == *digest {
            return Ok(bytes);
        }
        Err(ExtractionError::Io(format!(
            "{} is damaged: it does not have the digest that it is named by",
            path.display()
        )))
    }

    pub(crate) fn has_component(&self, digest: &str) -> bool {
        self.component(digest).is_file()
    }

    pub(crate) fn write_component(&self, digest: &str, bytes: &[u8]) -> Result<()> {
        self.replace(&self.component(digest), bytes)
    }

    /// Removes the components that are not among `kept`; failing to is told in the log alone.
    pub(crate) fn keep_components(&self, kept: &BTreeSet<&str>) {
        let kept: BTreeSet<String> = kept.iter().map(|digest| format!("{digest}.wasm")).collect();
        remove_others(&self.root.join("components"), &kept);
    }

    fn key(source: &SourceKey) -> String {
        let parts = [
            source.domain.as_str().as_bytes(),
            source.name.as_str().as_bytes(),
        ];
        let mut key = Digest::of_parts(parts).to_string();
        key.truncate(KEY_CHARS);
        key
    }

    fn source(&self, source: &SourceKey) -> PathBuf {
        let name = format!("{}.json", Self::key(source));
        self.root.join("sources").join(name)
    }

    pub(crate) fn read_sources(&self) -> Result<Vec<(SourceKey, SourceRecord)>> {
        let dir = self.root.join("sources");
        let mut sources = Vec::new();
        for entry in fs::read_dir(&dir).map_err(failed(&dir))? {
            let path = entry.map_err(failed(&dir))?.path();
            let record: Option<SourceRecord> = read_json(&path)?;
            let Some(record) = record else { continue };
            check_version(&path, Some(record.version))?;
            let key = record.key().map_err(|error| {
                let message = format!("{} names no source: {error}", path.display());
                ExtractionError::Io(message)
            })?;
            sources.push((key, record));
        }
        Ok(sources)
    }

    pub(crate) fn write_source(&self, key: &SourceKey, record: &SourceRecord) -> Result<()> {
        self.replace_json(&self.source(key), record)
    }

    /// Removes a source and its artifacts.
    pub(crate) fn remove_source(&self, key: &SourceKey) -> Result<()> {
        let path = self.source(key);
        fs::remove_file(&path)
            .and_then(|()| sync_folder(&path))
            .map_err(failed(&path))?;
        let artifacts = self.artifacts(key);
        if let Err(error) = fs::remove_dir_all(&artifacts)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "{} can't be removed: {error}", artifacts.display());
        }
        Ok(())
    }

    fn artifacts(&self, key: &SourceKey) -> PathBuf {
        self.root.join("artifacts").join(Self::key(key))
    }

    /// Takes received files over; those that are there already are not taken again.
    pub(crate) fn take_artifacts(
        &self,
        key: &SourceKey,
        files: impl IntoIterator<Item = (PathBuf, String)>,
    ) -> Result<()> {
        let dir = self.artifacts(key);
        fs::create_dir_all(&dir).map_err(failed(&dir))?;
        for (draft, digest) in files {
            let path = dir.join(digest);
            fs::rename(&draft, &path).map_err(failed(&path))?;
        }
        let synced = File::open(&dir).and_then(|dir| dir.sync_all());
        synced
            .and_then(|()| sync_folder(&dir))
            .map_err(failed(&dir))
    }

    /// Removes what is not among `kept`; failing to is told in the log alone.
    pub(crate) fn keep_artifacts(&self, key: &SourceKey, kept: &[ArtifactRecord]) {
        let kept = kept.iter().map(|artifact| artifact.digest.clone());
        remove_others(&self.artifacts(key), &kept.collect());
    }

    /// The content of an artifact, read as it is needed.
    pub(crate) fn content(&self, key: &SourceKey, artifact: &ArtifactRecord) -> Result<Content> {
        let path = self.artifacts(key).join(&artifact.digest);
        let length = fs::metadata(&path).map_err(failed(&path))?.len();
        if length == artifact.bytes {
            return Ok(Content::of(Kept { path, length }));
        }
        Err(ExtractionError::Io(format!(
            "{} is damaged: it has {length} bytes, not {}",
            path.display(),
            artifact.bytes
        )))
    }
}

/// A kept file. It is opened for each read: a source may have more artifacts than a process may have files open.
struct Kept {
    path: PathBuf,
    length: u64,
}

impl ReadAt for Kept {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let file = File::open(&self.path)?;
        let mut filled = 0;
        while filled < out.len() {
            match file.read_at(&mut out[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ExtractionError::file(path, &error)),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| ExtractionError::Io(format!("{} is damaged: {error}", path.display())))
}

fn check_version(path: &Path, found: Option<u32>) -> Result<()> {
    match found {
        Some(found) if found != VERSION => Err(ExtractionError::Io(format!(
            "{} has version {found}; this release reads {VERSION}",
            path.display()
        ))),
        _ => Ok(()),
    }
}

fn remove_others(dir: &Path, kept: &BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_kept = name.to_str().is_some_and(|name| kept.contains(name));
        if is_kept {
            continue;
        }
        if let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!(%error, "{} can't be removed: {error}", entry.path().display());
        }
    }
}
