//! `cargo run --release -p headwater-plugin --example host_bench COMPONENT FILE [KEY=VALUE …]` times a component.
//!
//! Prints what compiling, loading the compiled form, instantiating and extracting take, wall time.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use headwater_model::{Artifact, Extractor, ExtractorConfig};
use headwater_plugin::{HostConfig, PluginHost};

const INSTANTIATIONS: usize = 10_000;
const EXTRACTIONS: usize = 5;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: host_bench COMPONENT FILE [KEY=VALUE …]";
    let component = fs::read(arguments.next().context(usage)?)?;
    let file = arguments.next().context(usage)?;
    let config: ExtractorConfig = arguments
        .map(|pair| {
            let (key, value) = pair.split_once('=').context(usage)?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect::<Result<_>>()?;
    let cache = std::env::temp_dir().join(format!("headwater-host-bench-{}", std::process::id()));
    let measured = measure(&component, &file, &config, &cache);
    fs::remove_dir_all(&cache).ok();
    measured
}

fn measure(component: &[u8], file: &str, config: &ExtractorConfig, cache: &Path) -> Result<()> {
    let host = || {
        PluginHost::new(HostConfig {
            cache_dir: Some(cache.to_owned()),
            ..HostConfig::default()
        })
    };
    let first = host()?;
    let (took, _) = timed(|| first.load(component));
    println!("compile and load: {took:.2?} ({:?})", first.allocation());

    let second = host()?;
    let (took, loaded) = timed(|| second.load(component));
    let extractor = loaded?;
    println!("load compiled:    {took:.2?} ({:?})", second.metrics());

    let mut times = Vec::with_capacity(INSTANTIATIONS);
    for _ in 0..INSTANTIATIONS {
        let (took, instantiated) = timed(|| extractor.instantiate());
        instantiated?;
        times.push(took);
    }
    times.sort_unstable();
    let percentile = |percent: usize| times[INSTANTIATIONS * percent / 100];
    println!(
        "instantiate:      p50 {:.2?}, p99 {:.2?}",
        percentile(50),
        percentile(99)
    );

    let artifact = Artifact {
        name: file.into(),
        media_type: "".into(),
        content: fs::read(file)?.into(),
    };
    let bytes = artifact.content.len();
    for _ in 0..EXTRACTIONS {
        let (took, extraction) =
            timed(|| extractor.extract(config, std::slice::from_ref(&artifact)));
        let extraction = extraction?;
        println!(
            "extract:          {took:.2?} for {bytes} bytes: {} facts, {} findings",
            extraction.facts.count(),
            extraction.diagnostics.len()
        );
    }
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed(), value)
}
