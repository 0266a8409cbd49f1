//! Extractors in their sandbox: what each costs, what the sandbox costs, and what guests that mean harm cost others.

mod harm;
mod native;
mod throughput;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use headwater_model::{Artifact, ExtractorLimits};
use headwater_plugin::{HostConfig, PluginHost, WasmExtractor};

use crate::Settings;
use crate::places::Places;
use crate::table::{Table, Times};

/// What was measured of something that has a target.
struct Against {
    what: &'static str,
    target: String,
    measured: String,
    is_met: bool,
}

impl Against {
    fn new(what: &'static str, target: &str, measured: String, is_met: bool) -> Self {
        Self {
            what,
            target: target.to_owned(),
            measured,
            is_met,
        }
    }
}

pub(crate) fn run(places: &Places, settings: &Settings) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut targets = throughput::run(places, folder.path())?;
    targets.extend(native::run(places, settings, folder.path())?);
    targets.extend(harm::run(places, settings)?);
    let mut table = Table::new(&["target", "at most", "measured", ""]);
    for target in targets {
        table.row(vec![
            target.what.to_owned(),
            target.target,
            target.measured,
            if target.is_met { "met" } else { "missed" }.to_owned(),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// A host with the bounds of every day, that keeps what it compiles below `folder`.
fn host(folder: &Path) -> Result<PluginHost> {
    Ok(PluginHost::new(HostConfig {
        cache_dir: Some(folder.join("compiled")),
        ..HostConfig::default()
    })?)
}

/// A guest of `plugins/hostile`.
fn guest(places: &Places, host: &PluginHost, name: &str) -> Result<WasmExtractor> {
    let path = places.hostile(name)?;
    host.load_file(&path)
        .with_context(|| format!("the guest {name} does not load"))
}

/// The bounds of every day, but for the time.
fn limits(timeout: Duration) -> ExtractorLimits {
    ExtractorLimits {
        timeout,
        ..HostConfig::default().default_limits
    }
}

fn artifact(name: &str, bytes: Vec<u8>) -> Artifact {
    Artifact {
        name: name.into(),
        media_type: "".into(),
        content: bytes.into(),
    }
}

/// Times of as many turns as fit into `seconds`, at least three.
fn times_of(seconds: f64, mut turn: impl FnMut() -> Result<()>) -> Result<Times> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || begun.elapsed().as_secs_f64() < seconds {
        let begun = Instant::now();
        turn()?;
        times.push(begun.elapsed());
    }
    Ok(Times::new(times))
}
