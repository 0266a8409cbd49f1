//! The data folder of a stopped service, as commands that work on it use it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

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

    /// Opens the log to be looked at, which keeps services away as long as it is open.
    ///
    /// # Errors
    /// A [`Failure`]: a service uses the folder, the log is damaged or can't be read.
    pub(crate) fn open_to_read(&self) -> Result<(SegmentLog, OpenReport), Failure> {
        SegmentLog::open_to_read(Arc::new(RealDisk), &self.log())
            .map_err(|error| self.refused(error))
    }

    /// The state as it is on disk; none if there is none.
    ///
    /// # Errors
    /// What sled says; [`StateError::Corrupt`] is one that the next start throws away.
    pub(crate) fn open_state(&self) -> Result<Option<SledState>, StateError> {
        if !self.state().is_dir() {
            return Ok(None);
        }
        SledState::open(&self.state(), SledOptions::default()).map(Some)
    }

    /// An empty state to rebuild a log of that size in.
    ///
    /// # Errors
    /// What sled says.
    pub(crate) fn scratch_state(&self, log_bytes: u64) -> Result<Scratch, StateError> {
        if log_bytes <= MEMORY_LOG_BYTES_MAX {
            return Ok(Scratch {
                state: Arc::new(MemoryState::new()),
                folder: None,
            });
        }
        let folder = self.scratch();
        SledState::remove(&folder)?;
        Ok(Scratch {
            state: Arc::new(SledState::open(&folder, SledOptions::default())?),
            folder: Some(folder),
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
            _ => Failure::new(Exit::Failed, format!("the log in {shown} can't be opened"))
                .because(error),
        }
    }
}

/// A state that is thrown away.
pub(crate) struct Scratch {
    pub(crate) state: Arc<dyn State>,
    folder: Option<PathBuf>,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // sled's own threads may still write to it for a moment: what is left is removed by the next run.
        if let Some(folder) = &self.folder {
            let _ = SledState::remove(folder);
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

/// `1 entry`, `2 entries`.
pub(crate) fn entries(count: u64) -> String {
    let noun = if count == 1 { "entry" } else { "entries" };
    format!("{count} {noun}")
}
