//! `headwater verify`: whether the log is whole, and the state what the log says.

use std::fmt::Write as _;

use clap::Args;
use headwater_engine::{
    first_difference, graph_digest, graph_of_file, reason_to_rebuild, rebuild, state_digest,
};
use headwater_store::{Log as _, OpenReport, SegmentLog, StateError};
use serde::Serialize;

use crate::data_folder::{DataArgs, DataFolder, OpenedState, entries};
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, count, progress_bar};

/// Check a data folder: every byte of the log, and that the state is what the log says
///
/// The service must not run. Reads the whole log, rebuilds the state from it and compares digests; changes nothing.
/// Exits with 5 where something does not hold, and names what differs first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater verify --data ./data
  headwater verify --data ./data --format json | jq .state.digest")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    data: DataArgs,

    /// Check the bytes of the log alone, without rebuilding the state
    #[arg(long)]
    log_only: bool,

    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    log: LogReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<StateReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilt: Option<StateReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    graph: Option<GraphReport>,
    /// What is no error and still deserves a look.
    notes: Vec<String>,
    /// What does not hold.
    differences: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogReport {
    segments_count: usize,
    frames_count: u64,
    entries_count: u64,
    bytes: u64,
    offset: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StateReport {
    offset: u64,
    digest: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GraphReport {
    digest: String,
}

/// Runs the command.
pub(crate) fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let folder = args.data.folder()?;
    let (log, opened) = folder.open_to_read()?;
    let mut report = check_log(&folder, &log, &opened)?;
    if !args.log_only {
        check_state(&folder, &log, &mut report)?;
    }
    match args.format {
        Format::Json => output::print_json(&report)?,
        Format::Table => output::print(&render(&report))?,
    }
    match report.differences.first() {
        None => Ok(()),
        Some(first) => Err(Failure::new(Exit::CheckFailed, first.clone())
            .hint("`headwater repair` rebuilds state and graph from the log")
            .into()),
    }
}

fn check_log(
    folder: &DataFolder,
    log: &SegmentLog,
    opened: &OpenReport,
) -> Result<Report, Failure> {
    let checked = log.verify().map_err(|error| folder.refused(error))?;
    let mut report = Report {
        log: LogReport {
            segments_count: checked.segments_count,
            frames_count: checked.frames_count,
            entries_count: checked.entries_count,
            bytes: checked.bytes,
            offset: opened.last_offset.get(),
        },
        ..Report::default()
    };
    if let Some(tail) = &opened.torn_tail {
        report.notes.push(format!(
            "{} ends in {} that were never acknowledged; the next start cuts them",
            tail.segment,
            count(tail.bytes, "byte")
        ));
    }
    Ok(report)
}

fn check_state(folder: &DataFolder, log: &SegmentLog, report: &mut Report) -> anyhow::Result<()> {
    let state = usable_state(folder, log, report)?;
    let up_to = match &state {
        Some(opened) => opened.state.applied_offset()?,
        None => log.last_offset(),
    };
    let scratch = folder.scratch_state(log.bytes_on_disk())?;
    let bar = progress_bar(up_to.get(), "rebuilding");
    let rebuilt = rebuild(log, &scratch.state, up_to, &|offset| {
        bar.set_position(offset.get());
    })?;
    bar.finish_and_clear();
    report.rebuilt = Some(StateReport {
        offset: rebuilt.offset.get(),
        digest: rebuilt.state_digest.to_string(),
    });
    let Some(opened) = state else {
        return Ok(());
    };
    let state = &opened.state;
    let digest = state_digest(&**state)?;
    report.state = Some(StateReport {
        offset: up_to.get(),
        digest: digest.to_string(),
    });
    if digest != rebuilt.state_digest {
        let found = first_difference(("the state", &**state), ("the log", &*scratch.state))?;
        let found = found.unwrap_or_else(|| "the digests differ".to_owned());
        report.differences.push(format!(
            "the state in {} is not what the log says: {found}",
            folder.0.display()
        ));
    }
    match graph_of_file(&folder.graph(), &**state) {
        Ok(None) => {}
        Ok(Some(graph)) => {
            let digest = graph_digest(&graph);
            report.graph = Some(GraphReport {
                digest: digest.to_string(),
            });
            if digest != rebuilt.graph_digest {
                report.differences.push(format!(
                    "the graph in {} is not what the log says",
                    folder.graph().display()
                ));
            }
        }
        Err(error) => report.notes.push(format!(
            "the next start does not use the graph file: {error}"
        )),
    }
    Ok(())
}

/// The state, if the next start goes on from it.
fn usable_state(
    folder: &DataFolder,
    log: &SegmentLog,
    report: &mut Report,
) -> anyhow::Result<Option<OpenedState>> {
    let opened = match folder.open_state() {
        Ok(Some(opened)) => opened,
        Ok(None) => {
            let note = "there is no state: the next start rebuilds it";
            report.notes.push(note.to_owned());
            return Ok(None);
        }
        Err(StateError::Corrupt(reason)) => {
            let note = format!("the next start rebuilds the state: it is damaged ({reason})");
            report.notes.push(note);
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let state = &opened.state;
    if let Some(reason) = reason_to_rebuild(log, &**state)? {
        let note = format!("the next start rebuilds the state: {reason}");
        report.notes.push(note);
        return Ok(None);
    }
    let (applied, last) = (state.applied_offset()?, log.last_offset());
    if applied < last {
        let note = format!("the state is at offset {applied}; the next start applies the rest");
        report.notes.push(note);
    }
    if let Some(copy) = opened.copy() {
        report.notes.push(format!(
            "the folder can't be written: its state is looked at in a copy, {}, which is removed again",
            copy.display()
        ));
    }
    Ok(Some(opened))
}

fn render(report: &Report) -> String {
    let log = &report.log;
    let mut text = format!(
        "log      {} in {}, {}, up to offset {}: every checksum holds\n",
        entries(log.entries_count),
        count(log.segments_count as u64, "segment"),
        count(log.bytes, "byte"),
        log.offset
    );
    for (name, state) in [("state  ", &report.state), ("rebuilt", &report.rebuilt)] {
        if let Some(state) = state {
            let _ = writeln!(
                text,
                "{name}  offset {}, digest {}",
                state.offset, state.digest
            );
        }
    }
    if let Some(graph) = &report.graph {
        let _ = writeln!(text, "graph    digest {}", graph.digest);
    }
    for note in &report.notes {
        let _ = writeln!(text, "note     {note}");
    }
    if report.differences.is_empty() && report.state.is_some() {
        text += "the state is what the log says\n";
    }
    text
}
