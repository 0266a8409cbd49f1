//! Every extractor that is built, on the largest of its golden cases, repeated.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use headwater_model::{Artifact, Extractor, ExtractorConfig, ExtractorLimits};
use headwater_plugin::WasmExtractor;

use super::{Against, artifact, guest, host, limits, times_of};
use crate::places::Places;
use crate::table::{Table, Times, count, mebibytes, micros, millis};

/// Bytes that the files of a case are repeated to: enough that the call itself does not count.
const BYTES: usize = 1 << 20;
/// Instances of each extractor.
const INSTANCES: usize = 2_000;
/// For how long each extractor reads.
const SECONDS: f64 = 2.0;

/// A golden case of an extractor.
struct Case {
    name: String,
    config: ExtractorConfig,
    files: Vec<(String, Vec<u8>)>,
}

impl Case {
    fn bytes(&self) -> usize {
        self.files.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Its files so many times, each time in a folder of its own.
    fn repeated(&self, times: usize) -> Vec<Artifact> {
        let copies = (0..times).flat_map(|copy| {
            let named = move |name: &String| format!("copy-{copy}/{name}");
            let files = self.files.iter();
            files.map(move |(name, bytes)| artifact(&named(name), bytes.clone()))
        });
        copies.collect()
    }
}

pub(super) fn run(places: &Places, folder: &Path) -> Result<Vec<Against>> {
    println!(
        "Each extractor on the largest golden case that it reads to the end, repeated up to 1 MiB.\n"
    );
    let mut table = Table::new(&[
        "extractor",
        "component",
        "compile",
        "load compiled, median",
        "instantiate p50 / p99",
        "case",
        "bytes",
        "facts",
        "extract p50 / p99",
        "MB/s",
        "memory of the guest",
    ]);
    let mut slowest = (Duration::ZERO, Duration::ZERO);
    for component in places.components()? {
        let name = component.file_stem().unwrap_or_default().to_string_lossy();
        let (cells, loaded, instantiated) = of_extractor(places, &name, &component, folder)?;
        table.row(cells);
        slowest = (slowest.0.max(loaded), slowest.1.max(instantiated));
    }
    println!("{table}");
    let edges = million_edges(places, folder)?;
    Ok(vec![
        Against::new(
            "an instance, p50 of the slowest extractor",
            "20 µs",
            micros(slowest.1),
            slowest.1 <= Duration::from_micros(20),
        ),
        Against::new(
            "loading what is compiled, the slowest extractor",
            "1 ms",
            millis(slowest.0),
            slowest.0 <= Duration::from_millis(1),
        ),
        Against::new(
            "a million edges, pushed by the thousand",
            "500 ms",
            millis(edges),
            edges <= Duration::from_millis(500),
        ),
    ])
}

fn of_extractor(
    places: &Places,
    name: &str,
    component: &Path,
    folder: &Path,
) -> Result<(Vec<String>, Duration, Duration)> {
    let begun = Instant::now();
    let extractor = host(folder)?.load_file(component)?;
    let compiled = begun.elapsed();
    let bytes = fs::read(component)?;
    let loader = host(folder)?;
    let loaded = times_of(0.2, || Ok(loader.load(&bytes).map(drop)?))?;
    let instances: Result<Vec<Duration>, _> =
        (0..INSTANCES).map(|_| extractor.instantiate()).collect();
    let instances = Times::new(instances?);
    let mut cells = vec![
        name.to_owned(),
        mebibytes(bytes.len() as u64),
        millis(compiled),
        millis(loaded.percentile(50)),
        format!(
            "{} / {}",
            micros(instances.percentile(50)),
            micros(instances.percentile(99))
        ),
    ];
    cells.extend(extract(&extractor, cases(&places.golden(name))?)?);
    Ok((cells, loaded.percentile(50), instances.percentile(50)))
}

/// Reads the largest case that the extractor reads to the end, as often repeated as it takes it.
fn extract(extractor: &WasmExtractor, cases: Vec<Case>) -> Result<Vec<String>> {
    let generous = ExtractorLimits {
        memory_bytes_max: 2 << 30,
        ..limits(Duration::from_mins(2))
    };
    let extractor = extractor.clone().with_limits(generous);
    for case in cases {
        for times in [BYTES.div_ceil(case.bytes().max(1)), 1] {
            let artifacts = case.repeated(times);
            let Ok((extraction, usage)) = extractor.extract_measured(&case.config, &artifacts)
            else {
                continue;
            };
            let facts = extraction.facts.count() as u64;
            if facts == 0 {
                continue;
            }
            drop(extraction);
            let took = times_of(SECONDS, || {
                Ok(extractor.extract(&case.config, &artifacts).map(drop)?)
            })?;
            let bytes = case.bytes() * times;
            return Ok(vec![
                format!("{} × {times}", case.name),
                count(bytes as u64),
                count(facts),
                format!(
                    "{} / {}",
                    millis(took.percentile(50)),
                    millis(took.percentile(99))
                ),
                format!(
                    "{:.1}",
                    bytes as f64 / took.percentile(50).as_secs_f64() / 1e6
                ),
                mebibytes(usage.memory_bytes),
            ]);
        }
    }
    let mut cells = vec![String::new(); 6];
    "no golden case that it reads".clone_into(&mut cells[0]);
    Ok(cells)
}

/// The golden cases below `folder`, the largest first.
fn cases(folder: &Path) -> Result<Vec<Case>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder)? {
        let case = entry?.path();
        let inputs = case.join("inputs");
        if !inputs.is_dir() {
            continue;
        }
        let config = case.join("config.json");
        let config = if config.is_file() {
            serde_json::from_slice(&fs::read(&config)?)
                .with_context(|| format!("{} is no flat configuration", config.display()))?
        } else {
            ExtractorConfig::new()
        };
        let mut files = Vec::new();
        read(&inputs, &inputs, &mut files)?;
        files.sort();
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        cases.push(Case {
            name: name.into_owned(),
            config,
            files,
        });
    }
    cases.sort_by_key(|case| std::cmp::Reverse((case.bytes(), case.name.clone())));
    Ok(cases)
}

fn read(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            read(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            files.push((name, fs::read(&path)?));
        }
    }
    Ok(())
}

/// The median time of a guest that pushes a million edges and does nothing else.
fn million_edges(places: &Places, folder: &Path) -> Result<Duration> {
    let guest = guest(places, &host(folder)?, "many-edges")?;
    let took = times_of(SECONDS, || {
        let edges = guest.extract(&ExtractorConfig::new(), &[])?.facts.edges;
        ensure!(edges.len() == 1_000_000, "{} edges", edges.len());
        Ok(())
    })?;
    Ok(took.percentile(50))
}
