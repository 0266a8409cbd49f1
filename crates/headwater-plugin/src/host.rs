//! The host: from a file to an extractor.

use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use headwater_model::{Digest, ExtractorDescription, ExtractorLimits, Text};
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::bindings::Extractor as Bindings;
use crate::cache::Cache;
use crate::call::CallState;
use crate::description::{Known, check};
use crate::extractor::{Program, give_way};
use crate::gate::Gate;
use crate::outline::Outline;
use crate::{HostConfig, HostConfigError, LoadError, WasmExtractor, engine, images};

/// How instances get their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// From a pool that is reserved once: instantiation takes microseconds.
    Pooled,
    /// Anew for every call, where the address space has no room for a pool.
    OnDemand,
}

/// What the host has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostMetrics {
    /// Components that were compiled.
    pub compiled_count: u64,
    /// Components whose compiled form came from the cache folder.
    pub cache_hits_count: u64,
}

/// What the extractors of a host share, alive as long as one of them is.
pub(crate) struct Shared {
    pub(crate) config: HostConfig,
    pub(crate) engine: Engine,
    pub(crate) gate: Arc<Gate>,
    linker: Linker<CallState>,
    cache: Option<Cache>,
    allocation: Allocation,
    compiled_count: AtomicU64,
    cache_hits_count: AtomicU64,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.gate.close();
    }
}

/// Loads extractors and runs them within bounds.
///
/// Cloning is cheap: clones are the same host.
#[derive(Clone)]
pub struct PluginHost {
    shared: Arc<Shared>,
}

impl fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginHost")
            .field("config", &self.shared.config)
            .field("allocation", &self.shared.allocation)
            .finish_non_exhaustive()
    }
}

/// What can be told of a component, also of one that is refused.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// The version of the contract that it names.
    pub api_version: Option<Text>,
    /// What it imports: all that it can touch.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it says of itself; none if it is refused.
    pub description: Option<ExtractorDescription>,
    /// Why it is refused; none if it is not.
    pub refusal: Option<String>,
    /// What one call of it may use.
    pub limits: ExtractorLimits,
}

impl PluginHost {
    /// Starts a host.
    ///
    /// # Errors
    /// [`HostConfigError`] names the bound or the folder that can't be kept.
    pub fn new(config: HostConfig) -> Result<Self, HostConfigError> {
        config.check()?;
        let failed = |message: String| HostConfigError::Engine { message };
        let (engine, allocation) = engine::make(&config)?;
        let mut linker = Linker::new(&engine);
        Bindings::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut CallState| state)
            .map_err(|error| failed(format!("{error:#}")))?;
        let cache = match &config.cache_dir {
            Some(dir) => Some(Cache::open(dir, &engine, config.cache_files_max)?),
            None => None,
        };
        let gate = Gate::new(config.concurrent_calls_max);
        gate.start_ticking(engine.weak(), config.tick)
            .map_err(|error| failed(error.to_string()))?;
        let shared = Shared {
            config,
            engine,
            gate,
            linker,
            cache,
            allocation,
            compiled_count: AtomicU64::new(0),
            cache_hits_count: AtomicU64::new(0),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// How instances get their memory.
    pub fn allocation(&self) -> Allocation {
        self.shared.allocation
    }

    /// What the host has done so far.
    pub fn metrics(&self) -> HostMetrics {
        HostMetrics {
            compiled_count: self.shared.compiled_count.load(Ordering::Relaxed),
            cache_hits_count: self.shared.cache_hits_count.load(Ordering::Relaxed),
        }
    }

    /// What one call may use unless its extractor was given something else.
    pub fn default_limits(&self) -> headwater_model::ExtractorLimits {
        self.shared.config.default_limits
    }

    /// Loads the component in the file at `path`.
    ///
    /// # Errors
    /// [`LoadError::File`] with the path and what is wrong with it.
    pub fn load_file(&self, path: &Path) -> Result<WasmExtractor, LoadError> {
        self.read(path)
            .and_then(|bytes| self.load(&bytes))
            .map_err(|error| LoadError::File {
                path: path.to_owned(),
                error: Box::new(error),
            })
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, LoadError> {
        // Asked before reading: a file that is far too large is not read into memory first.
        self.check_size(fs::metadata(path)?.len())?;
        Ok(fs::read(path)?)
    }

    fn check_size(&self, bytes: u64) -> Result<(), LoadError> {
        let bytes_max = self.shared.config.component_bytes_max;
        if bytes > bytes_max {
            return Err(LoadError::TooLarge { bytes, bytes_max });
        }
        Ok(())
    }

    /// Loads a component: checks what it imports, compiles it or takes the compiled form from the cache folder,
    /// and asks it what it is. Compiling takes up to 20 s for a component that holds a language runtime.
    ///
    /// # Errors
    /// [`LoadError`] says why it is refused.
    pub fn load(&self, bytes: &[u8]) -> Result<WasmExtractor, LoadError> {
        self.check_size(bytes.len() as u64)?;
        let api_version = Outline::of(bytes)?.check()?;
        self.load_checked(bytes, api_version)
    }

    fn load_checked(&self, bytes: &[u8], api_version: Text) -> Result<WasmExtractor, LoadError> {
        let digest = Digest::of(bytes);
        let component = self.component(bytes, &digest)?;
        images::make(&component).map_err(|error| LoadError::Compile {
            message: format!("{error:#}"),
        })?;
        let wrong_world = |error: wasmtime::Error| LoadError::WrongWorld {
            message: format!("{error:#}"),
        };
        let pre = (self.shared.linker.instantiate_pre(&component)).map_err(wrong_world)?;
        let program = Program::new(Arc::clone(&self.shared), pre, digest).map_err(wrong_world)?;
        let program = Arc::new(program);
        let found = program.describe().map_err(|error| LoadError::Describe {
            message: error.to_string(),
        })?;
        let known = Known {
            api_version,
            digest,
            limits: self.shared.config.default_limits,
        };
        let (description, schema) = check(found, known)?;
        tracing::debug!(extractor = %description.name, %digest, "loaded {} {}", description.name, description.version);
        Ok(WasmExtractor::new(program, description, schema))
    }

    fn component(&self, bytes: &[u8], digest: &Digest) -> Result<Component, LoadError> {
        let shared = &self.shared;
        let cached = (shared.cache.as_ref()).and_then(|cache| cache.load(&shared.engine, digest));
        if let Some(component) = cached {
            shared.cache_hits_count.fetch_add(1, Ordering::Relaxed);
            return Ok(component);
        }
        let compiled = compile(&shared.engine, bytes, shared.config.compile_timeout)?;
        shared.compiled_count.fetch_add(1, Ordering::Relaxed);
        if let Some(cache) = &shared.cache {
            match compiled.serialize() {
                Ok(native) => cache.store(digest, &native),
                Err(error) => tracing::warn!("cannot keep a compiled extractor: {error:#}"),
            }
        }
        Ok(compiled)
    }

    /// Tells all that can be told of a component, also of one that is refused. Refusals are in the answer.
    pub fn inspect(&self, bytes: &[u8]) -> Inspection {
        let mut inspection = Inspection {
            bytes: bytes.len() as u64,
            digest: Digest::of(bytes),
            api_version: None,
            imports: Vec::new(),
            exports: Vec::new(),
            description: None,
            refusal: None,
            limits: self.shared.config.default_limits,
        };
        let loaded = self.check_size(inspection.bytes).and_then(|()| {
            let outline = Outline::of(bytes)?;
            inspection.api_version.clone_from(&outline.api_version);
            inspection.imports.clone_from(&outline.imports);
            inspection.exports.clone_from(&outline.exports);
            self.load_checked(bytes, outline.check()?)
        });
        match loaded {
            Ok(extractor) => {
                use headwater_model::Extractor as _;
                inspection.description = Some(extractor.description().clone());
            }
            Err(error) => inspection.refusal = Some(error.to_string()),
        }
        inspection
    }
}

/// Compiles on threads of its own: the compiler recurses deeper than a caller's stack may be, takes long for code that is
/// made for it to take long, and must not stand in the way of others then.
fn compile(engine: &Engine, bytes: &[u8], timeout: Duration) -> Result<Component, LoadError> {
    const STACK_BYTES: usize = 16 << 20;
    let failed = |message: String| LoadError::Compile { message };
    let threads = rayon::ThreadPoolBuilder::new()
        .thread_name(|_| "extractor-compiler".into())
        .start_handler(|_| give_way())
        .stack_size(STACK_BYTES)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let (sender, receiver) = mpsc::sync_channel(1);
    let (engine, bytes) = (engine.clone(), bytes.to_vec());
    threads.spawn(move || {
        let compile = AssertUnwindSafe(|| Component::from_binary(&engine, &bytes));
        // Nobody hears of what comes too late.
        let _ = sender.send(catch_unwind(compile));
    });
    match receiver.recv_timeout(timeout) {
        Ok(Ok(compiled)) => compiled.map_err(|error| failed(format!("{error:#}"))),
        Ok(Err(_)) => Err(failed("the compiler panicked".to_owned())),
        Err(_) => Err(failed(format!("it takes longer than {timeout:?}"))),
    }
}
