//! Reading the files of the graph and of the index over its names beside whatever else a start has to do.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use headwater_graph::Snapshot as Graph;
use headwater_search::Index;
use headwater_store::Offset;

use crate::EngineError;
use crate::compaction::index_file;
use crate::recovery::read_graph;

/// The graph of its file and its offset; none without a file.
pub(crate) type GraphRead = Result<Option<(Graph, Offset)>, EngineError>;
/// The index of its file and its offset; none without a file. An error is a reason to make it anew.
pub(crate) type IndexRead = Result<Option<(Index, u64)>, String>;

/// Two files that are being read, each on a thread of its own.
///
/// Nothing is changed, and what is read is checked against the state before it is used: it may begin before the log and
/// the state are opened.
pub struct ReadAhead {
    graph: Reading<GraphRead>,
    index: Reading<IndexRead>,
}

enum Reading<T> {
    Under(JoinHandle<T>),
    /// No thread could be started.
    Later(PathBuf),
}

impl ReadAhead {
    /// Begins to read what is kept at `graph_file`, as [`crate::EngineOptions::graph_file`] has it.
    pub fn begin(graph_file: &Path) -> Self {
        Self {
            graph: begin(graph_file.to_owned(), read_graph),
            index: begin(index_file(graph_file), read_index),
        }
    }

    pub(crate) fn finish(self) -> (GraphRead, IndexRead) {
        let graph = match self.graph {
            Reading::Under(thread) => thread
                .join()
                .unwrap_or(Err(EngineError::Corrupt("reading the graph file panicked"))),
            Reading::Later(path) => read_graph(&path),
        };
        let index = match self.index {
            Reading::Under(thread) => thread
                .join()
                .unwrap_or_else(|_| Err("reading it panicked".to_owned())),
            Reading::Later(path) => read_index(&path),
        };
        (graph, index)
    }
}

fn begin<T: Send + 'static>(path: PathBuf, read: fn(&Path) -> T) -> Reading<T> {
    let thread = std::thread::Builder::new().name("headwater-start".into());
    let of_thread = path.clone();
    match thread.spawn(move || read(&of_thread)) {
        Ok(handle) => Reading::Under(handle),
        Err(_) => Reading::Later(path),
    }
}

fn read_index(path: &Path) -> IndexRead {
    match std::fs::read(path) {
        Ok(bytes) => Index::read_from(bytes)
            .map(Some)
            .map_err(|error| error.to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
