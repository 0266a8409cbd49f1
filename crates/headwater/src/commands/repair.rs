//! `headwater repair`: what is torn is cut, what is derived is made anew, what is damaged is given up only on request.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use headwater_engine::{Engine, EngineOptions, gone_payload};
use headwater_record::Gone;
use headwater_store::{
    Log, Loss, RealDisk, SegmentLog, SegmentOptions, SledOptions, SledState, State, find_losses,
    repair_directory,
};

use crate::data_folder::{DataArgs, DataFolder};
use crate::failure::{Exit, Failure};
use crate::output::{self, Tone, count, spinner};

/// Repair the data folder of a stopped service
///
/// Cuts a torn tail, which was never acknowledged, and rebuilds state and graph from the log. Where the log itself is
/// damaged, says which entries would be lost and changes nothing, unless --accept-loss is given: then these entries are
/// replaced by marks, all others keep their offsets, and the segments as they were are kept in repair-<n>.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater repair --data ./data
  headwater repair --data ./data --accept-loss")]
pub(crate) struct RepairArgs {
    #[command(flatten)]
    data: DataArgs,

    /// Give up entries of the log that are damaged; better restore a backup
    #[arg(long)]
    accept_loss: bool,
}

/// Runs the command.
pub(crate) fn run(args: &RepairArgs) -> anyhow::Result<()> {
    let folder = args.data.folder()?;
    let refused = |error| folder.refused(error);
    let losses = find_losses(&RealDisk, &folder.log()).map_err(refused)?;
    for loss in &losses {
        output::tell(Tone::Warning, &format!("lost: {}", describe(loss)));
    }
    if !losses.is_empty() && !args.accept_loss {
        let what = count(losses.len() as u64, "place");
        return Err(Failure::new(
            Exit::CheckFailed,
            format!("the log is damaged in {what}; nothing was changed"),
        )
        .hint("restore a backup, if there is one: it has what is damaged here")
        .hint("else give the entries above up with --accept-loss; a copy of the damaged segments is kept")
        .into());
    }
    if !losses.is_empty() {
        let copies = copies_folder(&folder);
        let filler = gone_payload(Gone::Damaged);
        repair_directory(&RealDisk, &folder.log(), &copies, &filler).map_err(refused)?;
        let line = format!("the damaged segments are kept in {}", copies.display());
        output::tell(Tone::Plain, &line);
    }
    let (log, opened) =
        SegmentLog::open(&folder.log(), SegmentOptions::default()).map_err(refused)?;
    if let Some(tail) = &opened.torn_tail {
        let bytes = count(tail.bytes, "byte");
        let line = format!("cut {bytes} off {}: never acknowledged", tail.segment);
        output::tell(Tone::Plain, &line);
    }
    rebuild(&folder, Arc::new(log))?;
    output::print(&format!(
        "the log is whole up to offset {}; state and graph are rebuilt\n",
        opened.last_offset
    ))
}

/// Makes state and graph anew.
pub(crate) fn rebuild(folder: &DataFolder, log: Arc<dyn Log>) -> anyhow::Result<()> {
    let bar = spinner("rebuilding".to_owned());
    // A state that was closed a moment ago may still be written to by sled's own threads: it is moved out of the way.
    let old = folder.0.join("state.old");
    SledState::remove(&old)?;
    match fs::rename(folder.state(), &old) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    for file in [folder.graph(), folder.graph().with_extension("names")] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let state: Arc<dyn State> = Arc::new(SledState::open(&folder.state(), SledOptions::default())?);
    let options = EngineOptions {
        graph_file: Some(folder.graph()),
        ..EngineOptions::default()
    };
    let (engine, _) = Engine::open(log, state, options)?;
    engine.shut_down();
    SledState::remove(&old)?;
    bar.finish_and_clear();
    Ok(())
}

fn copies_folder(folder: &DataFolder) -> PathBuf {
    let mut number = 1_u32;
    loop {
        let path = folder.0.join(format!("repair-{number}"));
        if !path.exists() {
            return path;
        }
        number += 1;
    }
}

fn describe(loss: &Loss) -> String {
    let entries = match (loss.first, loss.last) {
        (Some(first), Some(last)) if first == last => format!("the entry at offset {first}"),
        (Some(first), Some(last)) => {
            let entries_count = last.get() - first.get() + 1;
            format!("{entries_count} entries, offsets {first} to {last}")
        }
        (Some(first), None) => format!("what follows, from offset {first} on"),
        (None, _) => "no entry".to_owned(),
    };
    format!(
        "{entries} ({} at byte {}, {}: {})",
        loss.segment,
        loss.byte_offset,
        count(loss.bytes, "byte"),
        loss.reason
    )
}
