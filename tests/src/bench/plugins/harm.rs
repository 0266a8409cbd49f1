//! Guests that mean harm: how long they outlive their time, what they leave, what others feel of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use headwater_model::{Extractor, ExtractorConfig};
use headwater_plugin::{HostConfig, PluginHost, WasmExtractor};

use super::{Against, artifact, guest, limits, times_of};
use crate::Settings;
use crate::places::Places;
use crate::process::{self, Memory};
use crate::table::{Table, Times, count, mebibytes, millis};

/// The time that a guest without end is given.
const TIMEOUT: Duration = Duration::from_millis(200);
/// Calls of each guest without end.
const CALLS: usize = 10;
/// Calls that trap.
const TRAPS: usize = 10_000;

/// Guests that only their time ends, under the bounds of every day.
const ENDLESS: [&str; 9] = [
    "endless-loop",
    "loop-in-realloc",
    "endless-log",
    "endless-findings",
    "endless-reading",
    "endless-facts",
    "endless-strings",
    "endless-fill",
    "endless-large-fill",
];

pub(super) fn run(places: &Places, settings: &Settings) -> Result<Vec<Against>> {
    let host = PluginHost::new(HostConfig::default())?;
    let mut targets = vec![latencies(places, &host)?];
    targets.push(traps(places, &host)?);
    targets.push(bystanders(places, &host, settings)?);
    Ok(targets)
}

fn input() -> [headwater_model::Artifact; 1] {
    [artifact("in/list.txt", b"orders".to_vec())]
}

/// How long each guest outlives its time, alone and six at once.
fn latencies(places: &Places, host: &PluginHost) -> Result<Against> {
    println!(
        "Guests that only their time of {TIMEOUT:?} ends: how long after it the caller has the error, the longest of {CALLS} calls.\n"
    );
    let mut table = Table::new(&["guest", "alone", "six at once"]);
    let mut longest = Duration::ZERO;
    for name in ENDLESS {
        let guest = guest(places, host, name)?.with_limits(limits(TIMEOUT));
        let outlived = || -> Result<Duration> {
            let begun = Instant::now();
            let called = guest.extract(&ExtractorConfig::new(), &input());
            ensure!(called.is_err(), "{name} ended well");
            Ok(begun.elapsed().saturating_sub(TIMEOUT))
        };
        let mut alone = Duration::ZERO;
        for _ in 0..CALLS {
            alone = alone.max(outlived()?);
        }
        let together = (0..2)
            .map(|_| at_once(&outlived))
            .collect::<Result<Vec<_>>>()?;
        let together = together.into_iter().max().unwrap_or_default();
        longest = longest.max(alone);
        table.row(vec![name.to_owned(), millis(alone), millis(together)]);
    }
    println!("{table}");
    Ok(Against::new(
        "a guest outlives its time",
        "50 ms",
        millis(longest),
        longest <= Duration::from_millis(50),
    ))
}

/// The longest of six at once, the most that one component has turns for.
fn at_once(outlived: &(impl Fn() -> Result<Duration> + Sync)) -> Result<Duration> {
    thread::scope(|scope| {
        let calls: Vec<_> = (0..6).map(|_| scope.spawn(outlived)).collect();
        let mut longest = Duration::ZERO;
        for call in calls {
            longest = longest.max(
                call.join()
                    .map_err(|_| anyhow::anyhow!("a call panicked"))??,
            );
        }
        Ok(longest)
    })
}

/// What ten thousand calls that trap leave in the host.
fn traps(places: &Places, host: &PluginHost) -> Result<Against> {
    let guest = guest(places, host, "panics")?;
    let trap = |times: usize| -> Result<()> {
        for _ in 0..times {
            let called = guest.extract(&ExtractorConfig::new(), &input());
            ensure!(called.is_err(), "it did not trap");
        }
        Ok(())
    };
    trap(100)?;
    let own = std::process::id();
    let before = process::memory(own, Memory::Resident)?;
    let begun = Instant::now();
    trap(TRAPS)?;
    let took = begun.elapsed();
    let after = process::memory(own, Memory::Resident)?;
    println!(
        "{} calls that trap: {} each, resident memory from {} to {}.\n",
        count(TRAPS as u64),
        millis(took / TRAPS as u32),
        mebibytes(before),
        mebibytes(after)
    );
    let grown = after.saturating_sub(before);
    Ok(Against::new(
        "memory that 10,000 trapping calls leave",
        "16 MB",
        mebibytes(grown),
        grown < 16_000_000,
    ))
}

/// What a good extractor's calls take beside others that mean harm, against what they take alone.
fn bystanders(places: &Places, host: &PluginHost, settings: &Settings) -> Result<Against> {
    let seconds = settings.seconds as f64;
    let sql = host.load_file(&places.component("sql")?)?;
    let script: Vec<String> = (0..20)
        .map(|n| format!("insert into mart.t{n} select o.id, sum(o.amount) as amount from raw.o{n} as o group by o.id;\n"))
        .collect();
    let artifacts = [artifact("a.sql", script.concat().into_bytes())];
    let config = ExtractorConfig::from([
        ("dialect".to_owned(), "postgres".to_owned()),
        ("namespace".to_owned(), "postgres://db:5432".to_owned()),
    ]);
    let calls = || -> Result<Times> {
        times_of(seconds, || {
            Ok(sql.extract(&config, &artifacts).map(drop)?)
        })
    };
    println!(
        "The sql extractor on 20 statements, one call after the other, beside neighbours that call theirs again and again, \
         each with a second to live.\n"
    );
    let mut table = Table::new(&["neighbours", "calls", "p50", "p99", "p99, × alone"]);
    let alone = calls()?;
    let mut row = |name: String, times: &Times| {
        let ratio =
            times.percentile(99).as_secs_f64() / alone.percentile(99).as_secs_f64().max(1e-9);
        table.row(vec![
            name,
            count(times.len() as u64),
            millis(times.percentile(50)),
            millis(times.percentile(99)),
            format!("{ratio:.2}"),
        ]);
        ratio
    };
    row("none".to_owned(), &alone);
    let mut worst = 0.0_f64;
    for (name, threads) in [
        ("endless-loop", 1),
        ("endless-loop", 2),
        ("endless-loop", 8),
        ("memory-bomb", 2),
        ("endless-facts", 2),
        ("endless-log", 2),
        ("panics", 2),
    ] {
        let neighbour = guest(places, host, name)?.with_limits(limits(Duration::from_secs(1)));
        let times = beside(&neighbour, threads, &calls)?;
        worst = worst.max(row(format!("{threads} × {name}"), &times));
    }
    row("none, again".to_owned(), &calls()?);
    println!("{table}");
    Ok(Against::new(
        "p99 of others beside guests that mean harm",
        "2 ×",
        format!("{worst:.2} ×"),
        worst < 2.0,
    ))
}

/// Measures while `threads` threads call `neighbour` again and again.
fn beside(
    neighbour: &WasmExtractor,
    threads: usize,
    measure: &impl Fn() -> Result<Times>,
) -> Result<Times> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // How it ends is not what is measured.
                    let _ = neighbour.extract(&ExtractorConfig::new(), &input());
                }
            });
        }
        let times = measure();
        is_over.store(true, Ordering::Relaxed);
        times
    })
}
