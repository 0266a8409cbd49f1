//! Compacting the graph and writing it to its file, off the writer.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, TryRecvError};
use headwater_graph::{Delta, Snapshot as Graph};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;

/// Runs compactions in the background, one at a time.
pub(crate) struct Compactor {
    file: Option<PathBuf>,
    running: Option<Receiver<Graph>>,
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
            Some(Ok(compacted)) => {
                self.running = None;
                let since = applier.recent.take().unwrap_or_default();
                match since
                    .iter()
                    .try_fold(compacted, |graph, delta: &Delta| graph.apply(delta))
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
            None if applier.graph.needs_compaction() => self.start(applier, offset),
            Some(Err(TryRecvError::Empty)) | None => {}
        }
        false
    }

    fn start(&mut self, applier: &mut Applier, offset: Offset) {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        let graph = applier.graph.clone();
        let file = self.file.clone();
        let thread = std::thread::Builder::new().name("headwater-compactor".into());
        let spawned = thread.spawn(move || {
            let compacted = graph.compacted();
            drop(graph);
            if let Some(file) = file
                && let Err(error) = write(&file, &compacted, offset)
            {
                tracing::warn!(%error, "the graph file is not written: {error}");
            }
            let _ = sender.send(compacted);
        });
        match spawned {
            Ok(_) => {
                applier.recent = Some(Vec::new());
                self.running = Some(receiver);
            }
            Err(error) => tracing::warn!(%error, "the graph is not compacted: {error}"),
        }
    }

    /// Writes the graph file as it is at the end.
    pub(crate) fn finish(self, graph: &Graph, offset: Offset) {
        // A compaction under way writes an older graph to the same file: let it end first.
        if let Some(running) = self.running {
            let _ = running.recv();
        }
        if let Some(file) = self.file
            && let Err(error) = write(&file, graph, offset)
        {
            tracing::warn!(%error, "the graph file is not written: {error}");
        }
    }
}

/// Writes beside the file and then puts it in place, so that a crash leaves the old one.
fn write(path: &Path, graph: &Graph, offset: Offset) -> Result<(), EngineError> {
    let beside = path.with_extension("new");
    let failed = |source| EngineError::Io {
        path: beside.display().to_string(),
        source,
    };
    let mut out = BufWriter::new(File::create(&beside).map_err(failed)?);
    graph.write_to(offset.get(), &mut out).map_err(failed)?;
    out.flush().map_err(failed)?;
    out.get_ref().sync_all().map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}
