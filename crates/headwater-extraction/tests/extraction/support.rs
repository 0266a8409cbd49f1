//! A service whose extractors are three words each: name, version and what they do.

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use headwater_engine::{Caller, Engine, EngineOptions, SourceState};
use headwater_extraction::{
    ExtractionRecord, Extractions, ExtractorHost, LoadedExtractor, Options, SourceRecord,
};
use headwater_model::{
    Artifact, AssetKind, AssetName, Coverage, DatasetFact, Diagnostic, Digest, EdgeFact,
    ExtractError, Extraction, Extractor, ExtractorConfig, ExtractorDescription, ExtractorLimits,
    ExtractorUsage, Facts, InputPattern, Name, Namespace, QualifiedName, Severity, SourceKey,
    Timestamp, TypeName,
};
use headwater_store::{MemoryLog, MemoryState};
use tempfile::TempDir;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Microseconds; each look at it is one.
static CLOCK: AtomicI64 = AtomicI64::new(1_000_000);

/// What extractors of the behaviour `wait` wait for.
pub(crate) static GATE: Mutex<()> = Mutex::new(());

/// An extractor: each line `a -> b` of its artifacts is an edge, of `a` alone a dataset that exists.
struct Lines {
    about: ExtractorDescription,
    behaviour: String,
    calls: Arc<AtomicUsize>,
}

/// Where they run.
pub(crate) struct Host {
    pub(crate) calls: Arc<AtomicUsize>,
}

pub(crate) fn limits() -> ExtractorLimits {
    ExtractorLimits {
        memory_bytes_max: 1 << 20,
        timeout: Duration::from_secs(1),
        facts_max: 1000,
        read_bytes_max: 1 << 20,
    }
}

impl ExtractorHost for Host {
    fn load(&self, component: &[u8]) -> Result<Arc<dyn LoadedExtractor>, String> {
        let text = std::str::from_utf8(component).map_err(|error| error.to_string())?;
        let [name, version, behaviour] = text.split(' ').collect::<Vec<_>>()[..] else {
            return Err("is not three words".to_owned());
        };
        let input = |glob: &str| InputPattern {
            glob: glob.into(),
            media_type: "text/plain".into(),
            is_required: false,
        };
        let mut inputs = vec![input("**/*.txt")];
        if behaviour == "catalog" {
            inputs.push(input("**/headwater-catalog.json"));
        }
        Ok(Arc::new(Lines {
            about: ExtractorDescription {
                name: name.into(),
                version: version.into(),
                summary: "Lines".into(),
                api_version: "0.1".into(),
                digest: Digest::of(component),
                inputs,
                config_schema: None,
                limits: limits(),
            },
            behaviour: behaviour.to_owned(),
            calls: Arc::clone(&self.calls),
        }))
    }

    fn default_limits(&self) -> ExtractorLimits {
        limits()
    }
}

fn dataset(name: &str) -> AssetName {
    AssetName {
        kind: AssetKind::Dataset,
        name: QualifiedName::new(
            Namespace::parse("db").expect("a namespace"),
            Name::parse(name).expect("a name"),
        ),
    }
}

impl Extractor for Lines {
    fn description(&self) -> &ExtractorDescription {
        &self.about
    }

    fn extract(
        &self,
        config: &ExtractorConfig,
        artifacts: &[Artifact],
    ) -> Result<Extraction, ExtractError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let extractor = self.about.name.clone();
        if self.behaviour == "wait" {
            drop(GATE.lock());
        }
        let mut facts = Facts::default();
        let mut diagnostics = Vec::new();
        for artifact in artifacts {
            let text = artifact.content.read(0, 1 << 20).expect("a file");
            let text = String::from_utf8(text).expect("text");
            if &*artifact.name == "headwater-catalog.json" {
                diagnostics.push(Diagnostic::new(
                    Severity::Info,
                    "lines/catalog",
                    text.as_str(),
                ));
                continue;
            }
            for line in text.lines() {
                match line {
                    "fail" => {
                        let message = "it was told to".to_owned();
                        return Err(ExtractError::Failed { extractor, message });
                    }
                    "panic" => panic!("it was told to"),
                    _ => {}
                }
                let suffix = config.get("suffix").map_or("", String::as_str);
                let add = if self.behaviour == "extra" { "x" } else { "" };
                let name = |text: &str| dataset(&format!("{}{suffix}{add}", text.trim()));
                if let Some((from, to)) = line.split_once("->") {
                    facts.edges.push(EdgeFact {
                        from: name(from),
                        to: name(to),
                        via: None,
                        evidence: None,
                    });
                }
                for text in line.split("->") {
                    facts.datasets.push(DatasetFact {
                        name: name(text).name,
                        r#type: TypeName::parse("TABLE").expect("a type"),
                        is_declared: self.behaviour != "catalog",
                        description: None,
                        fields: Vec::new(),
                        evidence: None,
                    });
                }
            }
        }
        Ok(Extraction {
            covers: Coverage::ALL,
            generated_at: None,
            facts,
            diagnostics,
        })
    }
}

impl LoadedExtractor for Lines {
    fn check_config(&self, config: &ExtractorConfig) -> Result<(), String> {
        match config.keys().find(|key| *key != "suffix") {
            Some(key) => Err(format!("{key} is not a key of it")),
            None => Ok(()),
        }
    }

    fn extract_within(
        &self,
        _: &ExtractorLimits,
        config: &ExtractorConfig,
        artifacts: &[Artifact],
    ) -> Result<(Extraction, ExtractorUsage), ExtractError> {
        let extraction = self.extract(config, artifacts)?;
        Ok((extraction, ExtractorUsage::default()))
    }
}

/// A service.
pub(crate) struct Service {
    pub(crate) engine: Arc<Engine>,
    pub(crate) extractions: Extractions,
    pub(crate) calls: Arc<AtomicUsize>,
    folder: Arc<TempDir>,
}

impl Service {
    /// One with those extractors in its folder of extractors.
    pub(crate) fn new(plugins: &[&str]) -> Self {
        Self::with(plugins, Options::default())
    }

    pub(crate) fn with(plugins: &[&str], options: Options) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        std::fs::create_dir(folder.path().join("plugins")).expect("a folder");
        let log = Arc::new(MemoryLog::new());
        let state = Arc::new(MemoryState::new());
        let (engine, _) = Engine::open(log, state, EngineOptions::default()).expect("an engine");
        Self::open(Arc::new(engine), folder, plugins, options)
    }

    fn open(engine: Arc<Engine>, folder: Arc<TempDir>, plugins: &[&str], options: Options) -> Self {
        let dir = folder.path().join("plugins");
        for entry in std::fs::read_dir(&dir).expect("a folder") {
            std::fs::remove_file(entry.expect("a file").path()).expect("a file");
        }
        for text in plugins {
            let name = text.replace(' ', "-");
            std::fs::write(dir.join(format!("{name}.wasm")), text).expect("a file");
        }
        let calls = Arc::new(AtomicUsize::new(0));
        let host = Host {
            calls: Arc::clone(&calls),
        };
        let extractions = Extractions::open(
            &engine,
            Arc::new(host),
            &folder.path().join("extraction"),
            Some(&dir),
            options,
            // Time goes on over restarts.
            Arc::new(|| Timestamp::from_micros(CLOCK.fetch_add(1, Ordering::SeqCst))),
        );
        let extractions = extractions.expect("a folder");
        // The folder of extractors is read.
        let _ = extractions.extractors();
        Self {
            engine,
            extractions,
            calls,
            folder,
        }
    }

    /// The same service after a restart, with those extractors in its folder.
    pub(crate) fn again(self, plugins: &[&str], options: Options) -> Self {
        self.extractions.stop();
        Self::open(self.engine, self.folder, plugins, options)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sends artifacts.
    pub(crate) fn send(
        &self,
        key: &SourceKey,
        files: &[(&str, &str)],
        is_partial: bool,
    ) -> ExtractionRecord {
        let mut upload = self.extractions.receive(key, Some("lines")).expect("bound");
        for (name, text) in files {
            let mut file = upload.begin(name).expect("a name");
            file.write(text.as_bytes()).expect("room");
            file.finish().expect("a disk");
        }
        let accepted = self.extractions.accept(key, upload, is_partial);
        accepted.expect("accepted")
    }

    /// Sends one artifact, and waits until it is extracted.
    pub(crate) fn extract(&self, key: &SourceKey, text: &str) -> ExtractionRecord {
        let queued = self.send(key, &[("a.txt", text)], false);
        self.wait(key, queued.number)
    }

    pub(crate) fn source(&self, key: &SourceKey) -> SourceRecord {
        self.extractions.source(key).expect("it is bound")
    }

    pub(crate) fn now(&self, key: &SourceKey, number: u64) -> ExtractionRecord {
        let source = self.source(key);
        let mut all = source.extractions.into_iter();
        all.find(|record| record.number == number)
            .expect("it is remembered")
    }

    /// An extraction once it ended.
    pub(crate) fn wait(&self, key: &SourceKey, number: u64) -> ExtractionRecord {
        until(|| {
            let record = self.now(key, number);
            record.state.is_end().then_some(record)
        })
    }

    /// Names of the datasets that there are, and edges between them.
    pub(crate) fn graph(&self) -> (Vec<String>, usize) {
        let view = self.engine.view(Caller::everyone());
        let (assets, edges) = view.graph_size();
        let mut names: Vec<String> = (0..assets)
            .filter_map(|at| {
                let index = headwater_model::AssetIndex::new(at as u32);
                let asset = view.asset(index)?;
                (!asset.is_retired).then(|| asset.name.to_owned())
            })
            .collect();
        names.sort();
        (names, edges)
    }

    pub(crate) fn state(&self, key: &SourceKey) -> SourceState {
        let view = self.engine.view(Caller::everyone());
        view.source(key).expect("it submitted")
    }

    pub(crate) fn is_stale(&self, key: &SourceKey) -> bool {
        let view = self.engine.view(Caller::everyone());
        view.is_stale(&self.state(key))
    }
}

/// What `look` finds, once it finds something.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not come");
        thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn key(text: &str) -> SourceKey {
    SourceKey::parse(text).expect("a source")
}
