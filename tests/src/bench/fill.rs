//! A large mesh: 100 domains with one source each; every job writes one dataset and reads nine.
//!
//! Two families stand apart from the rest, so that it is known what is downstream of their roots: one of 10
//! assets, one of 10,000 in all domains. Datasets have an owner and no fields.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use headwater_engine::{Engine, EngineOptions};
use headwater_model::{
    AttributeFact, AttributeKey, Coverage, DatasetFact, Digest, EdgeFact, Facts, JobFact, Name,
    Namespace, QualifiedName, Snapshot, SourceKey, Statement, Submission, Timestamp, TypeName,
};
use headwater_store::{SegmentLog, SegmentOptions, SledOptions, SledState};

use crate::Settings;
use crate::places::Places;
use crate::process::{self, Memory};
use crate::table::{Table, count, mebibytes, rate, seconds};

/// Changes with what is filled in, so that an older graph is never taken for current.
const RECIPE: &str = "1";
const SOURCES: u64 = 100;
/// A job reads at most that many datasets.
const READS: u64 = 9;
/// How far back within its source a job of the bulk reads.
const REACH: u64 = 1_000;
/// One read in that many of the bulk is of another domain's dataset.
const FOREIGN_EVERY: u64 = 50;
const OWNERS_OF_A_DOMAIN: u64 = 20;

/// Index of the root of the large family in source 0, of the small one, and where the members are in each source.
const LARGE_ROOT: u64 = 0;
const SMALL_ROOT: u64 = 1;
const LARGE_FIRST: u64 = 2;
const LARGE_END: u64 = 52;
const SMALL_AT: u64 = 52;
const BULK_FIRST: u64 = 53;
/// For each member of the small family, which members it reads; none reads the root.
const SMALL_READS: [&[u64]; 5] = [&[], &[], &[0], &[1], &[0, 1]];

/// A filled data folder.
pub(crate) struct Mesh {
    pub(crate) data: PathBuf,
}

/// A root whose downstream assets are known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Root {
    Small,
    Large,
}

impl Root {
    /// Assets downstream of it: as many jobs as datasets.
    pub(crate) fn downstream_count(self) -> u64 {
        match self {
            Self::Small => 2 * SMALL_READS.len() as u64,
            Self::Large => 2 * SOURCES * (LARGE_END - LARGE_FIRST),
        }
    }

    /// What a person would write.
    pub(crate) fn reference(self) -> String {
        let index = match self {
            Self::Small => SMALL_ROOT,
            Self::Large => LARGE_ROOT,
        };
        let pair = Pair { source: 0, index };
        format!("{}/{}", namespace(pair.source), pair.dataset())
    }
}

/// A job and the dataset that it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    source: u64,
    index: u64,
}

fn namespace(source: u64) -> String {
    format!("postgres://warehouse-{source:02}.example.org:5432")
}

impl Pair {
    fn dataset(self) -> String {
        format!("shop.core_{:02}.orders_{:06}", self.index % 40, self.index)
    }

    fn job(self) -> String {
        format!("model.shop.orders_{:06}", self.index)
    }

    fn of_large_family(at: u64) -> Self {
        Self {
            source: at % SOURCES,
            index: LARGE_FIRST + at / SOURCES,
        }
    }

    /// What its job reads, in order and without repeats.
    fn reads(self, chance: &mut Chance) -> Vec<Self> {
        let Self { source, index } = self;
        let root = |index| Self { source: 0, index };
        let mut reads = match index {
            LARGE_FIRST..LARGE_END => {
                let at = (index - LARGE_FIRST) * SOURCES + source;
                if at < READS {
                    vec![root(LARGE_ROOT)]
                } else {
                    (0..READS)
                        .map(|_| Self::of_large_family(chance.below(at)))
                        .collect()
                }
            }
            SMALL_AT if source < SMALL_READS.len() as u64 => {
                let members = SMALL_READS[source as usize];
                let of = |source: &u64| Self {
                    source: *source,
                    index,
                };
                if members.is_empty() {
                    vec![root(SMALL_ROOT)]
                } else {
                    members.iter().map(of).collect()
                }
            }
            BULK_FIRST.. => {
                let back = (index - BULK_FIRST).min(REACH);
                let reads = (0..READS.min(back)).map(|_| Self {
                    source: if chance.below(FOREIGN_EVERY) == 0 {
                        chance.below(SOURCES)
                    } else {
                        source
                    },
                    index: index - 1 - chance.below(back),
                });
                reads.collect()
            }
            _ => Vec::new(),
        };
        reads.sort_unstable();
        reads.dedup();
        reads
    }
}

/// Numbers that look random and are the same in every run: splitmix64.
struct Chance(u64);

impl Chance {
    /// Below `end`, which is not zero.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// Names of one source, parsed.
fn qualified(namespace: &Namespace, name: &str) -> Result<QualifiedName> {
    Ok(QualifiedName::new(namespace.clone(), Name::parse(name)?))
}

fn facts(source: u64, pairs_count: u64) -> Result<Facts> {
    let namespaces: Vec<Namespace> = (0..SOURCES)
        .map(|source| Namespace::parse(&namespace(source)))
        .collect::<Result<_, _>>()?;
    let jobs = Namespace::parse(&format!("dbt-{source:02}"))?;
    let own = &namespaces[source as usize];
    let (table, model) = (TypeName::parse("TABLE")?, TypeName::parse("MODEL")?);
    let owner = AttributeKey::parse("owner")?;
    let mut chance = Chance(source);
    let mut facts = Facts::default();
    for index in 0..pairs_count {
        let pair = Pair { source, index };
        let dataset = qualified(own, &pair.dataset())?;
        let job = qualified(&jobs, &pair.job())?;
        facts.datasets.push(DatasetFact {
            name: dataset.clone(),
            r#type: table.clone(),
            is_declared: true,
            description: None,
            fields: Vec::new(),
            evidence: None,
        });
        facts.jobs.push(JobFact {
            name: job.clone(),
            r#type: model.clone(),
            description: None,
            sql: None,
            parent: None,
            evidence: None,
        });
        facts.attributes.push(AttributeFact {
            on: dataset.clone().dataset(),
            field: None,
            key: owner.clone(),
            value: format!("team-{source:02}-{:02}", index % OWNERS_OF_A_DOMAIN).into(),
        });
        for read in pair.reads(&mut chance) {
            let read = qualified(&namespaces[read.source as usize], &read.dataset())?;
            facts.edges.push(EdgeFact {
                from: read.dataset(),
                to: job.clone().job(),
                via: None,
                evidence: None,
            });
        }
        facts.edges.push(EdgeFact {
            from: job.job(),
            to: dataset.dataset(),
            via: None,
            evidence: None,
        });
    }
    Ok(facts)
}

fn submission(source: u64, facts: Facts) -> Result<Submission> {
    let generated_at = Timestamp::from_millis(1_767_225_600_000);
    Ok(Submission {
        source: SourceKey::parse(&format!("domain-{source:02}/dbt"))?,
        principal: None,
        received_at: generated_at,
        statement: Statement::Snapshot(Box::new(Snapshot {
            extractor: None,
            generated_at: Some(generated_at),
            covers: Coverage::ALL,
            facts,
            diagnostics: Vec::new(),
            digest: Digest::of(format!("{RECIPE} {source}").as_bytes()),
            idempotency_key: None,
        })),
    })
}

/// The mesh of the size that `settings` asks for: one that an earlier run has filled, or a new one.
pub(crate) fn mesh(places: &Places, settings: &Settings) -> Result<Mesh> {
    let folder = places.kept().join(format!("mesh-{}", settings.assets));
    let (data, record) = (folder.join("data"), folder.join("filled"));
    let is_filled = fs::read_to_string(&record).is_ok_and(|recipe| recipe == RECIPE);
    if is_filled && !settings.fresh {
        println!(
            "The graph in {} was filled by an earlier run.\n",
            data.display()
        );
        return Ok(Mesh { data });
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
    fill(&data, settings.assets)?;
    fs::write(&record, RECIPE)?;
    Ok(Mesh { data })
}

/// Fills `data` through an engine in this process, laid out as the service lays it out.
fn fill(data: &Path, assets: u64) -> Result<()> {
    let (started, cpu) = (Instant::now(), process::own_cpu()?);
    let (log, _) = SegmentLog::open(&data.join("log"), SegmentOptions::default())?;
    let state = Arc::new(SledState::open(
        &data.join("state"),
        SledOptions::default(),
    )?);
    let options = EngineOptions {
        graph_file: Some(data.join("graph")),
        ..EngineOptions::default()
    };
    let (engine, _) = Engine::open(Arc::new(log), Arc::<SledState>::clone(&state), options)?;
    let pairs_count = assets / SOURCES / 2;
    let mut edges_count = 0;
    let mut submitting = Duration::ZERO;
    for source in 0..SOURCES {
        let facts = facts(source, pairs_count)?;
        edges_count += facts.edges.len() as u64;
        let submission = submission(source, facts)?;
        let submitted = Instant::now();
        let receipt = engine.submit_and_wait(submission)?;
        submitting += submitted.elapsed();
        if source % 10 == 9 {
            eprintln!(
                "filled {} of {SOURCES} sources, {} so far",
                source + 1,
                seconds(started.elapsed())
            );
        }
        ensure!(receipt.offset > 0, "a submission has an offset");
    }
    let ending = Instant::now();
    engine.shut_down();
    drop(engine);
    if let Some(state) = Arc::into_inner(state) {
        state.close()?;
    }
    let ending = ending.elapsed();
    let mut table = Table::new(&[
        "filled",
        "assets",
        "edges",
        "took",
        "of that submissions",
        "of that ending",
        "CPU",
        "assets/s",
        "peak memory",
        "on disk",
    ]);
    let took = started.elapsed();
    table.row(vec![
        format!("{SOURCES} snapshots"),
        count(pairs_count * 2 * SOURCES),
        count(edges_count),
        seconds(took),
        seconds(submitting),
        seconds(ending),
        seconds(process::own_cpu()?.saturating_sub(cpu)),
        rate(assets, took),
        mebibytes(process::memory(std::process::id(), Memory::Peak)?),
        mebibytes(bytes_below(data)?),
    ]);
    println!("{table}");
    Ok(())
}

/// Bytes of all files below a folder.
fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() {
            bytes_below(&entry.path())?
        } else {
            about.len()
        };
    }
    Ok(bytes)
}
