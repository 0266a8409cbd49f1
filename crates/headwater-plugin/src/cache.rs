//! Compiled components on disk.
//!
//! A compiled component is native code, so only files that this host wrote itself are loaded: the folder belongs
//! to its user and nobody else may write into it, and each file carries the digest of its component, of the engine
//! and of its own content. Whatever does not match is compiled again and overwritten.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use headwater_model::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::HostConfigError;

/// Changes with the layout of the header, so that an older file is never taken for a current one.
const MAGIC: &[u8; 16] = b"headwater-cwasm1";
/// Magic, component, engine, content.
const HEADER_BYTES: usize = MAGIC.len() + 3 * 32;
/// The ending of a compiled component's file.
const EXTENSION: &str = "cwasm";

/// A folder of compiled components for one engine.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
    engine: Digest,
    files_max: usize,
    written: AtomicU64,
}

impl Cache {
    /// Opens `dir`, made if it is not there, for the owner alone.
    pub(crate) fn open(
        dir: &Path,
        engine: &Engine,
        files_max: usize,
    ) -> Result<Self, HostConfigError> {
        let refuse = |message: String| HostConfigError::Cache {
            path: dir.to_owned(),
            message,
        };
        fs::create_dir_all(dir).map_err(|error| refuse(error.to_string()))?;
        claim(dir).map_err(refuse)?;
        Ok(Self {
            dir: dir.to_owned(),
            engine: engine_digest(engine),
            files_max: files_max.max(1),
            written: AtomicU64::new(0),
        })
    }

    fn path(&self, component: &Digest) -> PathBuf {
        // Two engines may share the folder: versions change, and so does the processor under a volume.
        let engine = &self.engine.to_string()[..16];
        self.dir.join(format!("{component}-{engine}.{EXTENSION}"))
    }

    /// The compiled component, if the folder holds an undamaged one.
    pub(crate) fn load(&self, engine: &Engine, component: &Digest) -> Option<Component> {
        let path = self.path(component);
        let bytes = fs::read(&path).ok()?;
        let Some(compiled) = self.content(&bytes, component) else {
            tracing::warn!(path = %path.display(), "compiled extractor {} is damaged; compiling it again", path.display());
            return None;
        };
        match deserialize(engine, compiled) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(path = %path.display(), "compiled extractor {} does not load; compiling it again: {error:#}", path.display());
                None
            }
        }
    }

    /// What follows the header, if the header is this component's and the content is what was written.
    fn content<'bytes>(&self, bytes: &'bytes [u8], component: &Digest) -> Option<&'bytes [u8]> {
        let (header, content) = bytes.split_at_checked(HEADER_BYTES)?;
        (header == self.header(component, content)).then_some(content)
    }

    fn header(&self, component: &Digest, content: &[u8]) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        header.extend(component.as_bytes());
        header.extend(self.engine.as_bytes());
        header.extend(Digest::of(content).as_bytes());
        header
    }

    /// Keeps a compiled component; failing to is no reason not to use it.
    pub(crate) fn store(&self, component: &Digest, compiled: &[u8]) {
        let path = self.path(component);
        if let Err(error) = self.write(&path, component, compiled) {
            tracing::warn!(path = %path.display(), %error, "cannot keep the compiled extractor {}: {error}", path.display());
        }
    }

    fn write(&self, path: &Path, component: &Digest, compiled: &[u8]) -> io::Result<()> {
        let serial = self.written.fetch_add(1, Ordering::Relaxed);
        let draft = path.with_extension(format!("{}-{serial}.draft", std::process::id()));
        let mut bytes = self.header(component, compiled);
        bytes.extend(compiled);
        let written = fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.and_then(|()| self.drop_oldest(path))
    }

    /// Removes the files that were written longest ago, beyond `files_max`; never `kept`.
    fn drop_oldest(&self, kept: &Path) -> io::Result<()> {
        let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let path = entry.path();
            if path.extension().is_some_and(|found| found == EXTENSION) && path != kept {
                files.push((entry.metadata()?.modified()?, path));
            }
        }
        files.sort();
        let excess = (files.len() + 1).saturating_sub(self.files_max);
        files
            .iter()
            .take(excess)
            .try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// Makes sure that nobody else can write native code into the folder.
#[cfg(unix)]
fn claim(dir: &Path) -> Result<(), String> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let metadata = fs::symlink_metadata(dir).map_err(|error| error.to_string())?;
    if !metadata.is_dir() {
        return Err("is not a folder".to_owned());
    }
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(format!(
            "belongs to user {}, not to user {user}; compiled extractors are native code",
            metadata.uid()
        ));
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(|error| error.to_string())
}

/// Elsewhere the folder's own access rules stand.
#[cfg(not(unix))]
fn claim(_dir: &Path) -> Result<(), String> {
    Ok(())
}

#[allow(
    unsafe_code,
    reason = "loading a compiled component takes 0.1 ms, compiling it up to 20 s"
)]
fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `compiled` must be what `Component::serialize` gave. It comes from a file in a folder that belongs to
    // this user and that nobody else may write to (`claim`), under a header that only `Cache::write` makes, and its
    // SHA-256 is the one in that header, so it is what was written. wasmtime checks its version, target and
    // settings again.
    unsafe { Component::deserialize(engine, compiled) }
}

/// Digests what makes compiled code fit an engine: version, processor features, settings.
fn engine_digest(engine: &Engine) -> Digest {
    struct Sink(Sha256);

    impl Hasher for Sink {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update((bytes.len() as u64).to_be_bytes());
            self.0.update(bytes);
        }

        // Nothing asks for it: the digest is taken from the inner hasher.
        fn finish(&self) -> u64 {
            0
        }
    }

    let mut sink = Sink(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut sink);
    Digest::from_bytes(sink.0.finalize().into())
}
