//! The data folder of a stopped service, as commands that work on it use it.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use headwater_store::{
    LogError, MemoryState, OpenReport, RealDisk, SegmentLog, SledOptions, SledState, State,
    StateError,
};

use crate::failure::{Exit, Failure};

/// Logs up to this size are rebuilt in memory; the state of a larger one is rebuilt on disk, in the data folder.
const MEMORY_LOG_BYTES_MAX: u64 = 64 << 20;

/// Which data folder a command works on.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Folder that holds the log, the state and the graph
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

impl DataArgs {
    /// The folder, which has a log.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::Input`] if there is none.
    pub(crate) fn folder(&self) -> Result<DataFolder, Failure> {
        DataFolder::at(&self.data)
    }
}

/// A data folder.
#[derive(Clone, Debug)]
pub(crate) struct DataFolder(pub(crate) PathBuf);

impl DataFolder {
    /// The folder at `path`, which has a log.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::Input`] if there is none.
    pub(crate) fn at(path: &Path) -> Result<Self, Failure> {
        let folder = Self(path.to_owned());
        if folder.log().is_dir() {
            return Ok(folder);
        }
        let shown = path.display();
        Err(Failure::new(
            Exit::Input,
            format!("{shown} is no data folder: it has no folder log"),
        )
        .hint("name the folder that `headwater serve --data` is given"))
    }

    /// The segment files.
    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// What follows from the log.
    pub(crate) fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// The graph at one offset.
    pub(crate) fn graph(&self) -> PathBuf {
        self.0.join("graph")
    }

    /// Where a state is rebuilt that does not fit into memory.
    fn scratch(&self) -> PathBuf {
        self.0.join("rebuilt.tmp")
    }

    /// Whether the caller may not write to the folder, or nobody may: a snapshot that is mounted for reading, say.
    fn is_read_only(&self) -> bool {
        let lock = self.log().join("LOCK");
        // Whoever may write has made it when the log was opened.
        std::fs::OpenOptions::new().write(true).open(lock).is_err()
    }

    /// Opens the log to be looked at, which keeps services away as long as it is open. A folder that can't be written
    /// will do.
    ///
    /// # Errors
    /// A [`Failure`]: a service uses the folder, the log is damaged or can't be read.
    pub(crate) fn open_to_read(&self) -> Result<(SegmentLog, OpenReport), Failure> {
        SegmentLog::open_to_read(Arc::new(RealDisk), &self.log())
            .map_err(|error| self.refused(error))
    }

    /// The state as it is on disk; none if there is none. sled writes where it reads: the state of a folder that can't be
    /// written is opened in a copy, among the temporary files.
    ///
    /// # Errors
    /// What sled says; [`StateError::Corrupt`] is one that the next start throws away; [`StateError::Io`] if the copy
    /// can't be made.
    pub(crate) fn open_state(&self) -> Result<Option<OpenedState>, StateError> {
        let state = self.state();
        if !state.is_dir() {
            return Ok(None);
        }
        let copy = if self.is_read_only() {
            let copy = Temporary::new().map_err(StateError::Io)?;
            copy_folder(&state, &copy.0).map_err(StateError::Io)?;
            Some(copy)
        } else {
            None
        };
        let place = copy.as_ref().map_or(&*state, |copy| &*copy.0);
        let state = SledState::open(place, SledOptions::default())?;
        Ok(Some(OpenedState {
            state: Arc::new(state),
            copy,
        }))
    }

    /// An empty state to rebuild a log of that size in.
    ///
    /// # Errors
    /// What sled says.
    pub(crate) fn scratch_state(&self, log_bytes: u64) -> Result<Scratch, StateError> {
        if log_bytes <= MEMORY_LOG_BYTES_MAX {
            return Ok(Scratch {
                state: Arc::new(MemoryState::new()),
                _folder: None,
            });
        }
        let folder = if self.is_read_only() {
            Temporary::new().map_err(StateError::Io)?
        } else {
            SledState::remove(&self.scratch())?;
            Temporary(self.scratch())
        };
        Ok(Scratch {
            state: Arc::new(SledState::open(&folder.0, SledOptions::default())?),
            _folder: Some(folder),
        })
    }

    /// Why the log is not opened, for a person.
    pub(crate) fn refused(&self, error: LogError) -> Failure {
        let shown = self.0.display();
        match &error {
            LogError::Locked { .. } => Failure::new(
                Exit::Failed,
                format!("a service or another command is using {shown}"),
            )
            .because(error)
            .hint("stop it first; a running service is backed up with `headwater backup --server URL`"),
            LogError::Damaged { .. } => {
                Failure::new(Exit::CheckFailed, format!("the log in {shown} is damaged"))
                    .because(error)
                    .hint("restore a backup, or see what `headwater repair` can keep")
            }
            LogError::UnknownVersion { .. } => {
                Failure::new(Exit::Failed, format!("the log in {shown} can't be read"))
                    .because(error)
                    .hint("a newer release wrote it: use that one")
            }
            LogError::Io { source, .. } if is_unreadable(source) => {
                Failure::new(Exit::Failed, format!("the log in {shown} can't be opened"))
                    .because(error)
                    .hint("verify, export and backup need to read the folder, all else to write it: be a user who may")
            }
            _ => Failure::new(Exit::Failed, format!("the log in {shown} can't be opened"))
                .because(error),
        }
    }
}

fn is_unreadable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Copies the files of a folder, and of those in it, into one that exists.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&place)?;
            copy_folder(&entry.path(), &place)?;
        } else {
            // Not its permissions: whoever may only read it there is to write to it here.
            let mut source = std::fs::File::open(entry.path())?;
            io::copy(&mut source, &mut std::fs::File::create(place)?)?;
        }
    }
    Ok(())
}

/// A state to be looked at.
pub(crate) struct OpenedState {
    pub(crate) state: Arc<dyn State>,
    /// Where it is, if not in the data folder. Removed after the state is closed.
    copy: Option<Temporary>,
}

impl OpenedState {
    /// Where its copy is, if it is one.
    pub(crate) fn copy(&self) -> Option<&Path> {
        self.copy.as_ref().map(|copy| &*copy.0)
    }
}

/// A state that is thrown away.
pub(crate) struct Scratch {
    pub(crate) state: Arc<dyn State>,
    /// Where it is, if not in memory. Removed after the state is closed.
    _folder: Option<Temporary>,
}

/// A folder that is removed when it is dropped.
struct Temporary(PathBuf);

impl Temporary {
    /// Tries to remove it: sled's own threads may still write to it for a moment.
    const REMOVALS_MAX: usize = 50;

    /// A new folder among the temporary files, which nobody else may look into.
    fn new() -> io::Result<Self> {
        let name = format!("headwater-{}", uuid::Uuid::new_v4());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        for _ in 0..Self::REMOVALS_MAX {
            match SledState::remove(&self.0) {
                Ok(()) => return,
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

/// Makes an empty folder `draft` in the data folder `data`, which is empty but for what a run that was interrupted left
/// there, or does not exist.
///
/// # Errors
/// A [`Failure`] with [`Exit::Input`] that names what is in the way.
pub(crate) fn make_empty(data: &Path, draft: &str) -> Result<PathBuf, Failure> {
    let shown = data.display();
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Failed, format!("cannot make folder {shown}")).because(error)
    };
    std::fs::create_dir_all(data).map_err(failed)?;
    for entry in std::fs::read_dir(data).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if name != draft {
            let name = name.to_string_lossy().into_owned();
            return Err(Failure::new(
                Exit::Input,
                format!("folder {shown} is not empty: it holds {name}"),
            )
            .hint("name a folder that is empty or does not exist"));
        }
    }
    let draft = data.join(draft);
    match std::fs::remove_dir_all(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    std::fs::create_dir(&draft).map_err(failed)?;
    Ok(draft)
}

/// Where a command puts a file that is to be whole or not there.
pub(crate) struct Target(PathBuf);

impl Target {
    /// The file at `path`, or the one that a link there leads to.
    pub(crate) fn of(path: &Path) -> Self {
        Self(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// Where it is in the end.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where it is written first; none if there is something that is no file, and so can't be replaced by one.
    pub(crate) fn draft(&self) -> Option<PathBuf> {
        if std::fs::metadata(&self.0).is_ok_and(|found| !found.is_file()) {
            return None;
        }
        let mut draft = self.0.clone().into_os_string();
        draft.push(".part");
        Some(draft.into())
    }
}

/// `1 entry`, `2 entries`.
pub(crate) fn entries(count: u64) -> String {
    let noun = if count == 1 { "entry" } else { "entries" };
    format!("{count} {noun}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_no_file_is_not_replaced_and_a_link_leads_to_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().canonicalize().expect("it is there");
        let draft = |path: &Path| {
            let target = Target::of(path);
            let draft = target.draft()?;
            Some((draft, target.path().to_owned()))
        };
        assert_eq!(draft(Path::new("/dev/null")), None);
        assert_eq!(draft(&real), None, "a folder");
        let file = real.join("a.ndjson");
        let expected = Some((real.join("a.ndjson.part"), file.clone()));
        assert_eq!(draft(&file), expected, "a new one");
        std::fs::write(&file, "").expect("written");
        let link = real.join("link");
        symlink(&file, &link).expect("a link");
        assert_eq!(draft(&link), expected);
    }
}
