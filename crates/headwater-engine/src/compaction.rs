//! Compacting the graph and the index over its names, and writing them to their files, off the writer.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, TryRecvError};
use headwater_graph::{Delta, Snapshot as Graph};
use headwater_search::{Compacted, Index};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;

/// Runs compactions in the background, one at a time.
pub(crate) struct Compactor {
    file: Option<PathBuf>,
    running: Option<Receiver<Finished>>,
}

/// What a compaction made.
struct Finished {
    graph: Graph,
    index: Compacted,
}

/// Changed documents below which the index is left as it is.
const DOCUMENTS_CHANGED_MIN: u64 = 4096;
/// Compaction is due when one document in so many changed.
const DOCUMENTS_PER_CHANGE: u64 = 100;

fn is_due(applier: &Applier) -> bool {
    let changed = applier.index.overlay_count();
    let is_index_due = changed > DOCUMENTS_CHANGED_MIN
        && changed > applier.index.documents_count() / DOCUMENTS_PER_CHANGE;
    is_index_due || applier.graph.needs_compaction()
}

impl Compactor {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            running: None,
        }
    }

    /// Takes over a finished compaction, or starts one that is due. True if one was taken over.
    pub(crate) fn attend(&mut self, applier: &mut Applier, offset: Offset) -> bool {
        match self.running.as_ref().map(Receiver::try_recv) {
            Some(Ok(finished)) => {
                self.running = None;
                applier.index = applier.index.adopt(&finished.index);
                let since = applier.recent.take().unwrap_or_default();
                match since
                    .iter()
                    .try_fold(finished.graph, |graph, delta: &Delta| graph.apply(delta))
                {
                    Ok(graph) => {
                        applier.graph = graph;
                        return true;
                    }
                    Err(error) => tracing::error!(%error, "a compacted graph is not used: {error}"),
                }
            }
            Some(Err(TryRecvError::Disconnected)) => {
                self.running = None;
                applier.recent = None;
            }
            None if is_due(applier) => self.start(applier, offset),
            Some(Err(TryRecvError::Empty)) | None => {}
        }
        false
    }

    fn start(&mut self, applier: &mut Applier, offset: Offset) {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        let (graph, index) = (applier.graph.clone(), applier.index.clone());
        let file = self.file.clone();
        let thread = std::thread::Builder::new().name("headwater-compactor".into());
        let spawned = thread.spawn(move || {
            let finished = Finished {
                graph: graph.compacted(),
                index: index.compact(),
            };
            drop((graph, index));
            if let Some(file) = file {
                write_both(&file, &finished.graph, finished.index.index(), offset);
            }
            let _ = sender.send(finished);
        });
        match spawned {
            Ok(_) => {
                applier.recent = Some(Vec::new());
                self.running = Some(receiver);
            }
            Err(error) => tracing::warn!(%error, "the graph is not compacted: {error}"),
        }
    }

    /// Writes the files as they are to be at the end.
    pub(crate) fn finish(self, applier: &Applier, offset: Offset) {
        // A compaction under way writes an older graph to the same file: let it end first.
        if let Some(running) = self.running {
            let _ = running.recv();
        }
        if let Some(file) = self.file {
            write_both(&file, &applier.graph, &applier.index, offset);
        }
    }
}

/// The file of the index over the names in the graph that is kept at `graph`.
pub(crate) fn index_file(graph: &Path) -> PathBuf {
    graph.with_extension("names")
}

fn write_both(file: &Path, graph: &Graph, index: &Index, offset: Offset) {
    let mark = offset.get();
    let written = write(file, |out| graph.write_to(mark, out))
        .and_then(|()| write(&index_file(file), |out| index.write_to(mark, out)));
    if let Err(error) = written {
        tracing::warn!(%error, "the graph is not kept for the next start: {error}");
    }
}

/// Writes beside the file and then puts it in place, so that a crash leaves the old one.
fn write(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), EngineError> {
    let beside = path.with_extension("new");
    let failed = |source| EngineError::Io {
        path: beside.display().to_string(),
        source,
    };
    let mut out = BufWriter::new(File::create(&beside).map_err(failed)?);
    content(&mut out).map_err(failed)?;
    out.flush().map_err(failed)?;
    out.get_ref().sync_all().map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}
