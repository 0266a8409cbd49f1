//! `headwater export` and `headwater import`: the log as lines of JSON.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use headwater_engine::{ExportError, Exported};
use headwater_store::{Disk as _, Log as _, RealDisk, SegmentLog, SegmentOptions};

use crate::data_folder::{DataArgs, Target, entries, make_empty};
use crate::failure::{Exit, Failure};
use crate::output::{self, Tone, progress_bar};

/// Write the whole log of a stopped service as lines of JSON
///
/// One line an entry: facts as JSON, events verbatim. `headwater import` makes the same log of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater export --data ./data | gzip > lineage.ndjson.gz
  headwater export --data ./data --output lineage.ndjson")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    data: DataArgs,

    /// File to write, which appears once it is whole [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Fill an empty data folder from an export
///
/// The log appears in the folder once the export was read to its end and every check held; an import that is
/// interrupted leaves nothing that a service would take for a log, and can be started again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater import --data ./data lineage.ndjson
  gunzip -c lineage.ndjson.gz | headwater import --data ./data -")]
pub(crate) struct ImportArgs {
    /// Folder to fill; it is empty, or made
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// What `headwater export` wrote; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs `export`.
pub(crate) fn run_export(args: &ExportArgs) -> anyhow::Result<()> {
    let folder = args.data.folder()?;
    let (log, _) = folder.open_to_read()?;
    let Some(path) = &args.output else {
        let mut out = BufWriter::new(io::stdout().lock());
        return match write(&log, &mut out) {
            Err(ExportError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(crate::failure::OutputClosed.into())
            }
            other => other.map(tell_exported).map_err(Into::into),
        };
    };
    let target = Target::of(path);
    let failed = || Failure::new(Exit::Failed, format!("cannot write {}", path.display()));
    let Some(draft) = target.draft() else {
        // A device or a pipe is written as it stands: a rename would put a file in its place.
        let file = OpenOptions::new().write(true).open(path);
        let mut out = BufWriter::new(file.with_context(failed)?);
        tell_exported(write(&log, &mut out)?);
        return Ok(());
    };
    let mut out = BufWriter::new(File::create(&draft).with_context(failed)?);
    let written = write(&log, &mut out).map_err(anyhow::Error::from);
    let written = written.and_then(|exported| {
        out.get_ref().sync_all().with_context(failed)?;
        fs::rename(&draft, target.path()).with_context(failed)?;
        Ok(exported)
    });
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    tell_exported(written?);
    Ok(())
}

fn write(log: &SegmentLog, out: &mut dyn Write) -> Result<Exported, ExportError> {
    let bar = progress_bar(log.last_offset().get(), "exporting");
    let exported = headwater_engine::export(log, out, &mut |offset| bar.set_position(offset.get()));
    bar.finish_and_clear();
    exported
}

fn tell_exported(exported: Exported) {
    let count = entries(exported.entries_count);
    let line = format!("exported {count}, up to offset {}", exported.last_offset);
    output::tell(Tone::Plain, &line);
}

/// Runs `import`.
pub(crate) fn run_import(args: &ImportArgs) -> anyhow::Result<()> {
    let draft = make_empty(&args.data, "import.tmp")?;
    let is_stdin = args.file == Path::new("-");
    let failed = || Failure::new(Exit::Input, format!("cannot read {}", args.file.display()));
    let (mut input, length): (Box<dyn BufRead>, u64) = if is_stdin {
        (Box::new(BufReader::new(io::stdin())), 0)
    } else {
        let file = File::open(&args.file).with_context(failed)?;
        let length = file.metadata().with_context(failed)?.len();
        (Box::new(BufReader::with_capacity(1 << 20, file)), length)
    };
    let (log, _) = SegmentLog::open(&draft, SegmentOptions::default())?;
    let bar = progress_bar(length, "importing");
    let imported = headwater_engine::import(&mut *input, &log, &mut |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let imported = match imported {
        Ok(imported) => imported,
        Err(error) => {
            drop(log);
            let _ = fs::remove_dir_all(&draft);
            let exit = match error {
                ExportError::Line { .. } => Exit::Input,
                _ => Exit::Failed,
            };
            let message = format!("{} is not imported", args.file.display());
            return Err(Failure::new(exit, message).because(error).into());
        }
    };
    drop(log);
    RealDisk.rename(&draft, &args.data.join("log"))?;
    RealDisk.sync_directory(&args.data)?;
    let count = entries(imported.entries_count);
    output::print(&format!(
        "imported {count}, up to offset {}\n",
        imported.last_offset
    ))?;
    Ok(())
}
