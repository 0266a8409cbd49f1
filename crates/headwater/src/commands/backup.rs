//! `headwater backup` and `headwater restore`.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use headwater_store::{
    BackupError, BackupReport, Disk as _, Log as _, RealDisk, check_backup, restore_backup,
};

use crate::cli::ServerArgs;
use crate::client::Client;
use crate::data_folder::{DataFolder, Target, make_empty};
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::output::{self, bytes_bar, count};

/// Write a backup: the whole log at one offset, in one file
///
/// Of a running service, which goes on accepting meanwhile; or of the data folder of a stopped one. The file appears
/// once every checksum was read back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater backup headwater.backup
  headwater backup --server http://127.0.0.1:8080 /backups/$(date +%F).backup
  headwater backup --data ./data headwater.backup")]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    server: ServerArgs,

    /// Data folder of a stopped service, in place of a running one
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Replace a backup that is there
    #[arg(long)]
    force: bool,

    /// File to write
    #[arg(value_name = "TARGET")]
    target: PathBuf,
}

/// Fill an empty data folder from a backup
///
/// Checks every checksum and every frame before the log appears in the folder. The next start rebuilds state and graph.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater restore headwater.backup --data ./data")]
pub(crate) struct RestoreArgs {
    /// Folder to fill; it is empty, or made
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// What `headwater backup` wrote
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
}

/// Runs `backup`.
pub(crate) fn run_backup(args: &BackupArgs, environment: &Environment) -> anyhow::Result<()> {
    args.server
        .check_beside(args.data.as_deref(), environment)?;
    let target = &args.target;
    let shown = target.display();
    if target.exists() && !args.force {
        return Err(
            Failure::new(Exit::Input, format!("{shown} is there already"))
                .hint("name another file, or replace it with --force")
                .into(),
        );
    }
    let place = Target::of(target);
    let Some(draft) = place.draft() else {
        let message = format!("{shown} is no file, and a backup is read again when it is written");
        return Err(Failure::new(Exit::Input, message).into());
    };
    let failed = || Failure::new(Exit::Failed, format!("cannot write {shown}"));
    let mut out = BufWriter::new(File::create(&draft).with_context(failed)?);
    let written = match &args.data {
        Some(data) => of_folder(data, &mut out),
        None => of_service(args.server.url(), &mut out),
    };
    let written = written.and_then(|()| {
        out.flush().with_context(failed)?;
        out.get_ref().sync_all().with_context(failed)
    });
    // What is on the disk now is what counts: it is read again.
    let checked = written.and_then(|()| Ok(check(&draft)?));
    let report = match checked {
        Ok(report) => report,
        Err(error) => {
            let _ = fs::remove_file(&draft);
            return Err(error.context(format!("no backup was written to {shown}")));
        }
    };
    fs::rename(&draft, place.path()).with_context(failed)?;
    let folder = match place.path().parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    RealDisk.sync_directory(folder).with_context(failed)?;
    output::print(&format!("{shown} holds {}\n", describe(&report)))
}

fn describe(report: &BackupReport) -> String {
    format!(
        "the log up to offset {}: {}, {}",
        report.last_offset,
        count(report.segments_count as u64, "segment"),
        count(report.bytes, "byte")
    )
}

fn of_folder(data: &Path, out: &mut BufWriter<File>) -> anyhow::Result<()> {
    let folder = DataFolder::at(data)?;
    let (log, _) = folder.open_to_read()?;
    let backup = log.backup().context("a log in files can be copied")?;
    let bar = bytes_bar(backup.report().bytes, "copying");
    let written = backup.write_to(out, &mut |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    written?;
    Ok(())
}

fn of_service(url: &str, out: &mut BufWriter<File>) -> anyhow::Result<()> {
    let client = Client::new(url)?;
    let bar = bytes_bar(0, "copying");
    let copied = client.download(
        "/api/v1/admin/backup",
        "headwater-backup-bytes",
        out,
        &mut |done, all| {
            bar.set_length(all.max(done));
            bar.set_position(done);
        },
    );
    bar.finish_and_clear();
    Ok(copied?)
}

fn check(backup: &Path) -> Result<BackupReport, BackupError> {
    let file = File::open(backup)?;
    let bar = bytes_bar(file.metadata()?.len(), "checking");
    let checked = check_backup(BufReader::new(file), &mut |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    checked
}

/// Runs `restore`.
pub(crate) fn run_restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let shown = args.backup.display();
    let failed = || Failure::new(Exit::Input, format!("cannot read {shown}"));
    let file = File::open(&args.backup).with_context(failed)?;
    let length = file.metadata().with_context(failed)?.len();
    let draft = make_empty(&args.data, "restore.tmp")?;
    let bar = bytes_bar(length, "restoring");
    let input = BufReader::with_capacity(1 << 20, file);
    let restored = restore_backup(input, &RealDisk, &draft, &mut |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let report = match restored {
        Ok(report) => report,
        Err(error) => {
            let _ = fs::remove_dir_all(&draft);
            let exit = match error {
                BackupError::Io(_) => Exit::Failed,
                _ => Exit::Input,
            };
            let message = format!("{shown} is not restored");
            return Err(Failure::new(exit, message).because(error).into());
        }
    };
    RealDisk.rename(&draft, &args.data.join("log"))?;
    RealDisk.sync_directory(&args.data)?;
    output::print(&format!(
        "{} has {}\n",
        args.data.display(),
        describe(&report)
    ))
}
