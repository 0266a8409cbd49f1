//! `headwater plugin bench`: how fast an extractor is in its sandbox.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use headwater_model::{Artifact, Extractor as _, ExtractorConfig};
use headwater_plugin::WasmExtractor;
use serde_json::{Value, json};

use crate::artifacts;
use crate::environment::Environment;
use crate::extraction::{ExtractionArgs, extract};
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, count, table};

/// Instances that are made to tell how long one takes.
const INSTANCES: usize = 1000;

/// Measure an extractor in its sandbox: instances, time, throughput, memory
///
/// Reads the files again and again, `--rounds` times but no longer than `--seconds`, and at least once. Times are wall
/// times: measure on a quiet machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin bench dbt target/manifest.json
  headwater plugin bench ./own.wasm --set dialect=snowflake --rounds 100 models/
  headwater plugin bench dbt target/ --format json | jq .extractMs.p99")]
pub(super) struct BenchArgs {
    /// Name of an extractor in the plugins folder, or path to a component
    #[arg(value_name = "FILE|NAME")]
    plugin: String,

    /// Files to read; of a folder, those that the extractor reads; `-` is standard input
    #[arg(required = true, value_name = "ARTIFACT")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    extraction: ExtractionArgs,

    /// How often to read the files, at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,

    /// For how long to read the files, at most; the round that has begun ends
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,

    /// How to print what was measured
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Wall times, shortest first; never none.
#[derive(Debug)]
struct Times(Vec<Duration>);

impl Times {
    fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that so many per cent did not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }
}

/// What was measured.
#[derive(Debug)]
struct Measured {
    extractor: String,
    digest: String,
    files: u64,
    bytes: u64,
    facts: u64,
    findings: u64,
    loaded: Duration,
    instantiated: Times,
    extracted: Times,
    memory_bytes: u64,
}

impl Measured {
    /// So many of something in each second of a round of median length.
    fn per_second(&self, amount: u64) -> f64 {
        amount as f64 / self.extracted.percentile(50).as_secs_f64().max(1e-9)
    }
}

/// Runs the command.
pub(super) fn run(args: &BenchArgs, environment: &Environment) -> anyhow::Result<()> {
    let config = args.extraction.config.load()?;
    let begun = Instant::now();
    let extractor = (args.extraction.plugins).load(&args.plugin, environment)?;
    let loaded = begun.elapsed();
    let inputs = &extractor.description().inputs;
    let artifacts = artifacts::read(&args.files, inputs, environment.current.as_deref())?;
    let instantiated = instantiate(&extractor)?;
    let (extracted, last) = rounds(args, &extractor, &config, &artifacts)?;
    let measured = Measured {
        extractor: format!("{} {}", last.version.name, last.version.version),
        digest: last.version.digest.to_string(),
        files: artifacts.len() as u64,
        bytes: artifacts.iter().map(|file| file.content.len()).sum(),
        facts: last.extraction.facts.count() as u64,
        findings: last.extraction.diagnostics.len() as u64,
        loaded,
        instantiated,
        extracted,
        memory_bytes: last.usage.memory_bytes,
    };
    match args.format {
        Format::Json => output::print_json(&summary(&measured)),
        Format::Table => output::print(&render(&measured)),
    }
}

fn instantiate(extractor: &WasmExtractor) -> anyhow::Result<Times> {
    let times: Result<Vec<Duration>, _> = (0..INSTANCES).map(|_| extractor.instantiate()).collect();
    let times = times.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    Ok(Times::new(times))
}

/// Reads the files until the rounds or the seconds are over: the times, and what came out last.
fn rounds(
    args: &BenchArgs,
    extractor: &WasmExtractor,
    config: &ExtractorConfig,
    artifacts: &[Artifact],
) -> anyhow::Result<(Times, crate::extraction::Extracted)> {
    let begun = Instant::now();
    let first = extract(extractor, config, artifacts)?;
    let (mut times, mut last) = (vec![first.usage.time], first);
    while times.len() < args.rounds as usize && begun.elapsed().as_secs() < args.seconds {
        // Freeing what came out is no part of the next round.
        last = extract(extractor, config, artifacts)?;
        times.push(last.usage.time);
    }
    Ok((Times::new(times), last))
}

fn render(measured: &Measured) -> String {
    let row = |name: &str, times: &Times| {
        [
            name.to_owned(),
            shown(times.percentile(50)),
            shown(times.percentile(99)),
            times.0.len().to_string(),
        ]
    };
    let times = table(
        ["", "p50", "p99", "rounds"],
        [
            row("instantiate", &measured.instantiated),
            row("extract", &measured.extracted),
        ],
    );
    format!(
        "{}: {} of {}, {} and {}; loaded in {}\n\n{times}\n{:.1} MB/s and {:.0} facts/s at the median, {:.1} MiB of memory\n",
        measured.extractor,
        count(measured.bytes, "byte"),
        count(measured.files, "file"),
        count(measured.facts, "fact"),
        count(measured.findings, "finding"),
        shown(measured.loaded),
        measured.per_second(measured.bytes) / 1e6,
        measured.per_second(measured.facts),
        measured.memory_bytes as f64 / f64::from(1 << 20),
    )
}

/// A time with three digits.
fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (number, unit) = match seconds {
        ..1e-3 => (seconds * 1e6, "µs"),
        ..1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    match number {
        ..9.995 => format!("{number:.2} {unit}"),
        ..99.95 => format!("{number:.1} {unit}"),
        _ => format!("{number:.0} {unit}"),
    }
}

fn summary(measured: &Measured) -> Value {
    let times = |times: &Times, of_a_second: f64| {
        let of = |percent| times.percentile(percent).as_secs_f64() * of_a_second;
        json!({ "p50": of(50), "p99": of(99), "rounds": times.0.len() })
    };
    json!({
        "extractor": measured.extractor,
        "digest": measured.digest,
        "files": measured.files,
        "bytes": measured.bytes,
        "facts": measured.facts,
        "findings": measured.findings,
        "loadMs": measured.loaded.as_secs_f64() * 1e3,
        "instantiateUs": times(&measured.instantiated, 1e6),
        "extractMs": times(&measured.extracted, 1e3),
        "bytesPerSecond": measured.per_second(measured.bytes),
        "factsPerSecond": measured.per_second(measured.facts),
        "memoryBytes": measured.memory_bytes,
    })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn measured() -> Measured {
        let times = |unit: u64| {
            Times::new(
                (1..=200)
                    .rev()
                    .map(|n| Duration::from_nanos(n * unit))
                    .collect(),
            )
        };
        Measured {
            extractor: "dbt 0.1.0".to_owned(),
            digest: "ab".to_owned(),
            files: 1,
            bytes: 3_200_000,
            facts: 20_321,
            findings: 2,
            loaded: Duration::from_micros(3_949),
            instantiated: times(100),
            extracted: times(999_600),
            memory_bytes: 25 << 19,
        }
    }

    #[test]
    fn times_are_told_with_what_they_mean_for_the_files() {
        assert_snapshot!(render(&measured()), @r"
        dbt 0.1.0: 3200000 bytes of 1 file, 20321 facts and 2 findings; loaded in 3.95 ms

                     p50      p99      rounds
        instantiate  10.0 µs  19.8 µs  200
        extract      100 ms   198 ms   200

        32.0 MB/s and 203291 facts/s at the median, 12.5 MiB of memory
        ");
    }

    #[test]
    fn json_tells_the_same_in_one_unit_for_each_key() {
        let summary = summary(&measured());
        assert_eq!(summary["instantiateUs"]["p99"], 19.8);
        assert_eq!(summary["extractMs"]["rounds"], 200);
        assert_eq!(summary["bytes"], 3_200_000);
    }

    #[test]
    fn a_time_has_three_digits() {
        let shown = [9_994, 9_996, 99_960, 999_000, 12_345_678, 2_000_000_000]
            .map(|nanos| shown(Duration::from_nanos(nanos)));
        assert_eq!(
            shown,
            [
                "9.99 µs", "10.0 µs", "100 µs", "999 µs", "12.3 ms", "2.00 s"
            ]
        );
    }
}
