//! `headwater prune` and `headwater erase`: what is no longer kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use headwater_engine::{Engine, EngineOptions, Erasure};
use headwater_model::{SourceKey, Timestamp};
use headwater_record::Prune;
use headwater_store::{Log, Offset, SegmentLog, SegmentOptions, SledOptions, SledState, State};
use serde::Deserialize;
use serde_json::json;

use crate::cli::ServerArgs;
use crate::client::{Client, blames_input};
use crate::commands::repair::rebuild;
use crate::data_folder::{DataArgs, DataFolder, entries};
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::output::{self, count, spinner};

/// Forget run history and verbatim events that are older than a period
///
/// Runs that ended earlier, earlier submissions (all but the newest of each source) and their findings are forgotten,
/// and the bodies of earlier events are taken out of the log. What holds, and since when, does not change. Of a running
/// service, or of the data folder of a stopped one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater prune --older-than 90d
  headwater prune --older-than 2026-01-01T00:00:00Z --data ./data --archive /archive/headwater")]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    server: ServerArgs,

    /// Data folder of a stopped service, in place of a running one
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// A period (90d, 12h, 8w) or a time
    #[arg(long, value_name = "T", value_parser = parse_age)]
    older_than: Age,

    /// Folder that gets the segments of the log as they were; with --data
    #[arg(long, value_name = "DIR", requires = "data")]
    archive: Option<PathBuf>,
}

/// Erase a source, an entry, or the content of an event from the data folder of a stopped service
///
/// The log is rewritten without it, at the same offsets, and state and graph are rebuilt. Backups, exports and archives
/// that were made earlier still have it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater erase --data ./data --event 4711
  headwater erase --data ./data --entry 4711
  headwater erase --data ./data --source growth/openlineage")]
pub(crate) struct EraseArgs {
    #[command(flatten)]
    data: DataArgs,

    #[command(flatten)]
    what: What,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Offset of an event whose verbatim body goes; what it stated stays
    #[arg(long, value_name = "OFFSET", value_parser = parse_offset)]
    event: Option<Offset>,

    /// Offset of a submission or an event that goes with all that it stated
    #[arg(long, value_name = "OFFSET", value_parser = parse_offset)]
    entry: Option<Offset>,

    /// Source of which all submissions and events go
    #[arg(long, value_name = "D/S", value_parser = |text: &str| SourceKey::parse(text))]
    source: Option<SourceKey>,
}

/// Before which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// So many microseconds before now.
    Micros(i64),
    /// A time.
    Time(Timestamp),
}

impl Age {
    fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Micros(micros) => Timestamp::from_micros(now.as_micros().saturating_sub(micros)),
            Self::Time(time) => time,
        }
    }
}

fn parse_age(text: &str) -> Result<Age, String> {
    const UNITS: [(char, i64); 5] = [
        ('w', 604_800),
        ('d', 86_400),
        ('h', 3600),
        ('m', 60),
        ('s', 1),
    ];
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(*unit));
    let number = unit.and_then(|(unit, _)| text.strip_suffix(*unit)?.parse::<u32>().ok());
    if let (Some((_, seconds)), Some(number)) = (unit, number) {
        let micros = (i64::from(number) * seconds).checked_mul(1_000_000);
        return micros
            .map(Age::Micros)
            .ok_or_else(|| format!("{text:?} is longer than time has been counted"));
    }
    let time = Timestamp::parse(text).or_else(|_| Timestamp::parse(&format!("{text}T00:00:00Z")));
    time.map(|(time, _)| Age::Time(time))
        .map_err(|_| "expected a period such as 90d, or a time such as 2026-01-01".to_owned())
}

fn parse_offset(text: &str) -> Result<Offset, String> {
    let number: u64 = text
        .trim_start_matches('@')
        .parse()
        .map_err(|_| "an offset is a number".to_owned())?;
    Offset::new(number).map_err(|error| error.to_string())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.unwrap_or_default().as_micros();
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// What a prune did, as the service tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pruned {
    offset: u64,
    segments_count: u64,
    freed_bytes: u64,
    is_busy: bool,
}

/// Runs `prune`.
pub(crate) fn run_prune(args: &PruneArgs, environment: &Environment) -> anyhow::Result<()> {
    args.server
        .check_beside(args.data.as_deref(), environment)?;
    let now = now();
    let before = args.older_than.before(now);
    if before > now {
        let message = format!("{before} is in the future");
        return Err(Failure::new(Exit::Usage, message).into());
    }
    let bar = spinner("pruning".to_owned());
    let pruned = match &args.data {
        Some(data) => {
            let prune = Prune {
                before,
                received_at: now,
            };
            of_folder(&DataFolder::at(data)?, prune, args)?
        }
        None => of_service(args.server.url(), before)?,
    };
    bar.finish_and_clear();
    if pruned.is_busy {
        output::tell(
            output::Tone::Warning,
            "warning: segments were left as they are, since a backup is being written: prune again",
        );
    }
    output::print(&format!(
        "forgot what is older than {before} (offset {}); rewrote {}, which freed {}\n",
        pruned.offset,
        count(pruned.segments_count, "segment"),
        count(pruned.freed_bytes, "byte")
    ))
}

fn of_folder(folder: &DataFolder, prune: Prune, args: &PruneArgs) -> anyhow::Result<Pruned> {
    let opened = SegmentLog::open(&folder.log(), SegmentOptions::default());
    let (log, _) = opened.map_err(|error| folder.refused(error))?;
    let log: Arc<dyn Log> = Arc::new(log);
    // Nothing is appended to the newest segment meanwhile: it can be rewritten, too.
    log.seal()?;
    let state: Arc<dyn State> = Arc::new(SledState::open(&folder.state(), SledOptions::default())?);
    let options = EngineOptions {
        graph_file: Some(folder.graph()),
        ..EngineOptions::default()
    };
    let (engine, _) = Engine::open(Arc::clone(&log), state, options)?;
    let (receipt, report) = engine.prune(prune, args.archive.as_deref())?;
    drop(engine);
    // The files of the state keep what was deleted; those of a new one do not.
    rebuild(folder, log)?;
    Ok(Pruned {
        offset: receipt.offset,
        segments_count: report.segments_count as u64,
        freed_bytes: report.bytes_before - report.bytes_after,
        is_busy: report.is_busy,
    })
}

fn of_service(url: &str, before: Timestamp) -> anyhow::Result<Pruned> {
    let client = Client::new(url)?;
    let body = json!({ "before": before.to_string() }).to_string();
    let reply = client.post_repeatable("/api/v1/admin/prune", &[], body.as_bytes())?;
    if !reply.is_success() {
        let exit = if blames_input(reply.status) {
            Exit::Input
        } else {
            Exit::Failed
        };
        let message = format!("{url} answers {}: {}", reply.status, reply.error().text());
        return Err(Failure::new(exit, message).into());
    }
    Ok(serde_json::from_slice(&reply.body)?)
}

/// Runs `erase`.
pub(crate) fn run_erase(args: &EraseArgs) -> anyhow::Result<()> {
    let folder = args.data.folder()?;
    let (erasure, words) = match (&args.what.event, &args.what.entry, &args.what.source) {
        (Some(offset), _, _) => (
            Erasure::Event(*offset),
            format!("no event with a body stands at offset {offset}"),
        ),
        (_, Some(offset), _) => (
            Erasure::Entry(*offset),
            format!("no entry stands at offset {offset}"),
        ),
        (_, _, Some(source)) => (
            Erasure::Source(source.clone()),
            format!("source {source} submitted nothing that is kept"),
        ),
        _ => return Err(Failure::new(Exit::Usage, "say what to erase").into()),
    };
    let opened = SegmentLog::open(&folder.log(), SegmentOptions::default());
    let (log, _) = opened.map_err(|error| folder.refused(error))?;
    let log: Arc<dyn Log> = Arc::new(log);
    let bar = spinner("erasing".to_owned());
    let erased_count = headwater_engine::erase(&*log, &erasure)?;
    bar.finish_and_clear();
    if erased_count == 0 {
        return Err(Failure::new(Exit::NotFound, words).into());
    }
    rebuild(&folder, log)?;
    output::print(&format!(
        "erased {}; state and graph are rebuilt. Backups, exports and archives still have it\n",
        entries(erased_count)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_or_a_time_is_read() {
        let day = 86_400_000_000;
        assert_eq!(parse_age("90d"), Ok(Age::Micros(90 * day)));
        assert_eq!(parse_age("2w"), Ok(Age::Micros(14 * day)));
        let time = Timestamp::from_micros(1_767_225_600_000_000);
        assert_eq!(parse_age("2026-01-01"), Ok(Age::Time(time)));
        assert_eq!(parse_age("2026-01-01T00:00:00Z"), Ok(Age::Time(time)));
        for wrong in ["", "d", "-3d", "90", "soon", "9999999999d", "4294967295w"] {
            assert!(parse_age(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            Age::Micros(5).before(Timestamp::from_micros(7)),
            Timestamp::from_micros(2)
        );
    }
}
