//! From exec to ready on a large graph, after a clean stop and after `kill -9`; and what an idle service holds.

use std::time::Duration;

use anyhow::Result;

use crate::Settings;
use crate::events;
use crate::fill;
use crate::places::Places;
use crate::service::Service;
use crate::table::{Table, count, mebibytes, millis, seconds};

/// Runs whose events come between the start and the `kill -9`.
const RUNS: u64 = 1_000;
/// How long the service is left alone before its memory is looked at again.
const IDLE: Duration = Duration::from_secs(5);

pub(crate) fn run(places: &Places, settings: &Settings) -> Result<()> {
    let mesh = fill::mesh(places, settings)?;
    let mut table = Table::new(&[
        "started",
        "assets",
        "exec to ready",
        "CPU service",
        "entries replayed",
        "memory when ready",
        "memory 5 s later",
    ]);
    // Whoever used the folder last, the next start is one after a clean stop.
    Service::start(places, &mesh.data)?.stop()?;

    let service = Service::start(places, &mesh.data)?;
    table.row(row("after a clean stop", settings.assets, &service)?);
    events::send(service.address, RUNS, RUNS)?;
    service.kill()?;

    let service = Service::start(places, &mesh.data)?;
    let killed = format!("after {} events and `kill -9`", count(2 * RUNS));
    table.row(row(&killed, settings.assets, &service)?);
    let stopped = service.stop()?;

    let folder = tempfile::tempdir()?;
    let service = Service::start(places, &folder.path().join("data"))?;
    table.row(row("for the first time", 0, &service)?);
    let empty_stopped = service.stop()?;
    println!("{table}");
    println!(
        "A clean stop takes {} with {} assets, {} with none. Files are in the page cache.",
        millis(stopped),
        count(settings.assets),
        millis(empty_stopped)
    );
    Ok(())
}

fn row(started: &str, assets: u64, service: &Service) -> Result<Vec<String>> {
    let (cpu, ready) = (service.cpu()?, service.resident()?);
    std::thread::sleep(IDLE);
    Ok(vec![
        started.to_owned(),
        count(assets),
        millis(service.ready_after),
        seconds(cpu),
        count(service.replayed_count()?),
        mebibytes(ready),
        mebibytes(service.resident()?),
    ])
}
