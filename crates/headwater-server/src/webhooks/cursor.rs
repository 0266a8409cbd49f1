//! The offset up to which a receiver took everything, in a file.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

/// One webhook's file: the offset as a decimal number, and a line feed.
#[derive(Debug)]
pub(super) struct Cursor {
    file: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum CursorError {
    #[error("the cursor {} can't be {what}: {source}", file.display())]
    Io {
        what: &'static str,
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("the cursor {} holds {found:?}, not an offset up to {newest}: remove it to begin with what comes next", file.display())]
    Wrong {
        file: PathBuf,
        found: String,
        newest: u64,
    },
}

impl Cursor {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// The offset that is kept; `newest` if none is: a new webhook begins with what comes next.
    pub(super) fn read(&self, newest: u64) -> Result<u64, CursorError> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(newest),
            Err(error) => return Err(self.failed("read", error)),
        };
        let offset = text.trim().parse::<u64>().ok();
        let offset = offset.filter(|offset| *offset <= newest);
        offset.ok_or_else(|| CursorError::Wrong {
            file: self.file.clone(),
            found: text.chars().take(50).collect(),
            newest,
        })
    }

    /// Keeps an offset: after a crash the file holds this one or the one before.
    pub(super) fn write(&self, offset: u64) -> Result<(), CursorError> {
        let failed = |error| self.failed("written", error);
        let folder = self.file.parent().unwrap_or(&self.file);
        fs::create_dir_all(folder).map_err(failed)?;
        let new = self.file.with_extension("new");
        let mut file = File::create(&new).map_err(failed)?;
        writeln!(file, "{offset}").map_err(failed)?;
        file.sync_data().map_err(failed)?;
        fs::rename(&new, &self.file).map_err(failed)?;
        let folder = File::open(folder).map_err(failed)?;
        folder.sync_all().map_err(failed)
    }

    fn failed(&self, what: &'static str, source: std::io::Error) -> CursorError {
        CursorError::Io {
            what,
            file: self.file.clone(),
            source,
        }
    }
}
