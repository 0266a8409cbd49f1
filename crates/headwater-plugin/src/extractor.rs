//! A loaded component, and a call of it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use headwater_model::{
    Artifact, Digest, ExtractError, Extraction, Extractor, ExtractorConfig, ExtractorDescription,
    ExtractorLimits, ExtractorUsage, Text,
};
use wasmtime::component::{InstancePre, Resource};
use wasmtime::{Store, Trap, UpdateDeadline};

use crate::HostConfig;
use crate::bindings::headwater::extractor::types as wit;
use crate::bindings::{ArtifactHandle, Extractor as Bindings, ExtractorPre, SinkHandle};
use crate::call::CallState;
use crate::collector::{Bounds, Collector, diagnostic, late};
use crate::host::Shared;
use crate::limiter::{Limiter, Stopped, bytes_text};
use crate::place::{Refusal, cut_to};
use crate::schema::Schema;

/// The longest message that a guest may fail with; the rest is cut.
const MESSAGE_BYTES_MAX: usize = 4096;
/// Findings about the configuration have codes that begin so.
const CONFIG_CODES: &str = "config/";
/// Handles of artifacts and sinks that live at once, beyond which a call traps.
const HANDLES_MAX: usize = 10_000;
/// How long a call runs like any other thread; after that it gives way.
const SHORT_CALL: Duration = Duration::from_millis(10);
/// How long after its time a guest is waited for: it is asked every tick, but not in the middle of an instruction.
const STOPPING: Duration = Duration::from_millis(30);
/// What a long call adds to its thread's niceness: about a tenth of the share of a thread that adds nothing.
#[cfg(target_os = "linux")]
const LONG_CALL_NICE: i32 = 10;

/// What is ready to be instantiated.
pub(crate) struct Program {
    pub(crate) shared: Arc<Shared>,
    pre: ExtractorPre<CallState>,
    component: Digest,
}

/// Why a call of the guest gave nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// It used more than it may.
    Limit(String),
    /// It broke the contract or trapped.
    Failed(String),
}

impl CallError {
    fn of(error: &wasmtime::Error, state: &CallState, stack_bytes_max: usize) -> Self {
        if let Some(stopped) = error.downcast_ref::<Stopped>() {
            return Self::Limit(format!("{stopped}{}", state.lines.last_words()));
        }
        if let Some(Trap::StackOverflow) = error.downcast_ref::<Trap>() {
            return Self::Limit(format!(
                "its calls nest deeper than {} of stack{}",
                bytes_text(stack_bytes_max as u64),
                state.lines.last_words()
            ));
        }
        let cause = error.root_cause().to_string();
        // These two have no type of their own that could be asked for.
        if cause.contains("fuel allocated for hostcalls") {
            return Self::Limit("it pushed more at once than one push may hold".to_owned());
        }
        if cause.contains("resource limit exceeded") {
            return Self::Limit(cause);
        }
        let trap = match cause.strip_prefix("wasm trap: ") {
            Some(trap) => format!("it trapped ({trap})"),
            None => cause,
        };
        Self::Failed(format!("{trap}{}", state.lines.last_words()))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(message) => write!(f, "was stopped: {message}"),
            Self::Failed(message) => write!(f, "failed: {message}"),
        }
    }
}

impl Program {
    /// # Errors
    /// What the component exports with other types than the contract's.
    pub(crate) fn new(
        shared: Arc<Shared>,
        pre: InstancePre<CallState>,
        component: Digest,
    ) -> wasmtime::Result<Self> {
        Ok(Self {
            shared,
            pre: ExtractorPre::new(pre)?,
            component,
        })
    }

    /// A store for one call: its memory, its clock, its output.
    fn store(
        &self,
        name: &str,
        limits: &ExtractorLimits,
        artifacts: &[Artifact],
    ) -> Store<CallState> {
        let config = &self.shared.config;
        let timeout = limits.timeout.min(HostConfig::TIMEOUT_MAX);
        let deadline = Instant::now() + timeout;
        let state = CallState::new(
            name,
            config,
            Limiter::new(limits.memory_bytes_max),
            Collector::new(Bounds::new(config, limits, deadline)),
            limits.read_bytes_max,
            artifacts,
        );
        let mut store = Store::new(&self.shared.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(config.push_bytes_max);
        store.set_max_component_handles(HANDLES_MAX.max(artifacts.len() + 1));
        let (begun, mut is_long) = (Instant::now(), false);
        store.epoch_deadline_callback(move |_| {
            let now = Instant::now();
            if now >= deadline {
                return Err(wasmtime::Error::new(Stopped(late(timeout))));
            }
            if !is_long && now - begun > SHORT_CALL {
                is_long = true;
                give_way();
            }
            Ok(UpdateDeadline::Continue(1))
        });
        store.set_epoch_deadline(1);
        store
    }

    /// Runs `call` in a new instance and hands over what the host collected.
    ///
    /// The guest runs on a thread of its own: whoever calls may have less stack, and is answered in time even where the
    /// guest is in an instruction that nothing can stop. That one ends after the instruction, and has its turn so long.
    fn run<T>(
        self: &Arc<Self>,
        name: &str,
        limits: &ExtractorLimits,
        artifacts: &[Artifact],
        call: impl FnOnce(&Bindings, &mut Store<CallState>) -> wasmtime::Result<T> + Send + 'static,
    ) -> Result<(T, CallState), CallError>
    where
        T: Send + 'static,
    {
        const HOST_STACK_BYTES: usize = 1 << 20;
        let turn = self.shared.gate.enter(self.component, limits.timeout);
        let turn = turn.map_err(|running| {
            CallError::Limit(format!(
                "it waited {:?} for its turn while {running} other calls ran",
                limits.timeout
            ))
        })?;
        let store = self.store(name, limits, artifacts);
        let (sender, receiver) = mpsc::sync_channel(1);
        let program = Arc::clone(self);
        thread::Builder::new()
            .name("extractor-call".into())
            .stack_size(self.shared.config.stack_bytes_max + HOST_STACK_BYTES)
            .spawn(move || {
                let call = AssertUnwindSafe(|| program.run_here(store, call));
                let called = catch_unwind(call);
                // Everything of the call but its result is gone before its turn is.
                drop(turn);
                // Nobody hears of what comes too late.
                let _ = sender.send(called);
            })
            .map_err(|error| {
                CallError::Failed(format!("no thread can be started for it: {error}"))
            })?;
        let timeout = limits.timeout.min(HostConfig::TIMEOUT_MAX);
        let (called, state) = match receiver.recv_timeout(timeout + STOPPING) {
            Ok(called) => called.unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => return Err(CallError::Limit(late(timeout))),
        };
        tracing::trace!(
            memory_bytes = state.limiter.memory_bytes(),
            "{name} used {} of memory",
            bytes_text(state.limiter.memory_bytes())
        );
        // What the host refused explains whatever the guest did after it heard so.
        match (state.collector.refusal(), called) {
            (Some(Refusal::Invalid(message)), _) => Err(CallError::Failed(message.clone())),
            (Some(Refusal::Quota(message) | Refusal::Late(message)), _) => {
                Err(CallError::Limit(message.clone()))
            }
            (None, Ok(value)) => Ok((value, state)),
            (None, Err(error)) => Err(CallError::of(
                &error,
                &state,
                self.shared.config.stack_bytes_max,
            )),
        }
    }

    /// Runs `call` in a new instance on this thread, and ends the instance.
    fn run_here<T>(
        &self,
        mut store: Store<CallState>,
        call: impl FnOnce(&Bindings, &mut Store<CallState>) -> wasmtime::Result<T>,
    ) -> (wasmtime::Result<T>, CallState) {
        let begun = Instant::now();
        let called = self.pre.instantiate(&mut store).and_then(|guest| {
            store.data_mut().instantiated_in = begun.elapsed();
            call(&guest, &mut store)
        });
        (called, store.into_data())
    }

    pub(crate) fn describe(self: &Arc<Self>) -> Result<wit::Description, CallError> {
        let limits = self.shared.config.describe_limits;
        self.run("describe", &limits, &[], |guest, store| {
            guest.headwater_extractor_plugin().call_describe(store)
        })
        .map(|(description, _)| description)
    }
}

/// Lets the threads of shorter calls, and of everything else, go before this one, for as long as it lives.
#[cfg(target_os = "linux")]
pub(crate) fn give_way() {
    // Where it may not, nothing else changes.
    let _ = rustix::process::nice(LONG_CALL_NICE);
}

/// Elsewhere a niceness is the process's.
#[cfg(not(target_os = "linux"))]
pub(crate) fn give_way() {}
/// An extractor that runs as a sandboxed WebAssembly component.
///
/// Cloning is cheap: clones share the compiled code and the host's turns.
#[derive(Clone)]
pub struct WasmExtractor {
    program: Arc<Program>,
    description: ExtractorDescription,
    schema: Arc<Schema>,
}

impl fmt::Debug for WasmExtractor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmExtractor")
            .field("description", &self.description)
            .finish_non_exhaustive()
    }
}

impl WasmExtractor {
    pub(crate) fn new(
        program: Arc<Program>,
        description: ExtractorDescription,
        schema: Schema,
    ) -> Self {
        Self {
            program,
            description,
            schema: Arc::new(schema),
        }
    }

    /// The same extractor under other limits; a time beyond [`HostConfig::TIMEOUT_MAX`] and memory beyond
    /// [`HostConfig::MEMORY_BYTES_MAX`] are not given.
    #[must_use]
    pub fn with_limits(mut self, limits: ExtractorLimits) -> Self {
        self.description.limits = limits;
        self
    }

    /// Whether a configuration is one that it takes.
    ///
    /// # Errors
    /// The key and the rule that it breaks.
    pub fn check_config(&self, config: &ExtractorConfig) -> Result<(), String> {
        self.schema.check(config)
    }

    /// Instantiates the component and ends it again without calling it: what the instance took. A call also needs a
    /// turn and a thread.
    ///
    /// # Errors
    /// [`ExtractError::Limit`] or [`ExtractError::Failed`].
    pub fn instantiate(&self) -> Result<Duration, ExtractError> {
        let name = self.description.name.clone();
        self.program
            .run(&name, &self.description.limits, &[], |_, _| Ok(()))
            .map(|((), state)| state.instantiated_in)
            .map_err(|error| extract_error(name, error))
    }

    /// As [`Extractor::extract`], and what the call used.
    ///
    /// # Errors
    /// As [`Extractor::extract`].
    pub fn extract_measured(
        &self,
        config: &ExtractorConfig,
        artifacts: &[Artifact],
    ) -> Result<(Extraction, ExtractorUsage), ExtractError> {
        let name = &self.description.name;
        self.schema
            .check(config)
            .map_err(|message| ExtractError::Config {
                extractor: name.clone(),
                message,
            })?;
        let config = serde_json::to_string(config).expect("a map of strings is JSON");
        let begun = Instant::now();
        let bytes_max = self.program.shared.config.config_bytes_max;
        if config.len() > bytes_max {
            return Err(ExtractError::Config {
                extractor: name.clone(),
                message: format!(
                    "it is {} bytes long as JSON, more than {bytes_max}",
                    config.len()
                ),
            });
        }
        let artifacts_count = artifacts.len() as u32;
        let (returned, state) = self
            .program
            .run(
                name,
                &self.description.limits,
                artifacts,
                move |guest, store| {
                    let inputs: Vec<Resource<ArtifactHandle>> =
                        (0..artifacts_count).map(Resource::new_own).collect();
                    let sink = Resource::<SinkHandle>::new_borrow(0);
                    let plugin = guest.headwater_extractor_plugin();
                    plugin.call_extract(store, &config, &inputs, sink)
                },
            )
            .map_err(|error| extract_error(name.clone(), error))?;
        let extraction = returned.map_err(|refused| self.refused(refused))?;
        let usage = ExtractorUsage {
            memory_bytes: state.limiter.memory_bytes(),
            read_bytes: state.read_bytes(),
            time: begun.elapsed(),
        };
        let (collector, logged) = state.into_parts();
        let finished = collector.finish(extraction, logged).map_err(|refusal| {
            let (Refusal::Invalid(message) | Refusal::Quota(message) | Refusal::Late(message)) =
                refusal;
            extract_error(name.clone(), CallError::Failed(message))
        });
        finished.map(|extraction| (extraction, usage))
    }

    fn refused(&self, refused: wit::ExtractError) -> ExtractError {
        let extractor = self.description.name.clone();
        let message = |text: String| cut_to(&text, MESSAGE_BYTES_MAX).to_owned();
        match refused {
            wit::ExtractError::Unsupported(text) => ExtractError::Unsupported {
                extractor,
                message: message(text),
            },
            // The contract has no case of its own for configuration; its findings have codes of their own.
            wit::ExtractError::Malformed(found) if found.code.starts_with(CONFIG_CODES) => {
                ExtractError::Config {
                    extractor,
                    message: message(found.message),
                }
            }
            wit::ExtractError::Malformed(found) => ExtractError::Malformed {
                extractor,
                diagnostic: Box::new(diagnostic(found)),
            },
            wit::ExtractError::Aborted => ExtractError::Failed {
                extractor,
                message: "it says that it was told to stop, but nobody told it".to_owned(),
            },
            wit::ExtractError::Internal(text) => ExtractError::Failed {
                extractor,
                message: message(text),
            },
        }
    }
}

impl Extractor for WasmExtractor {
    fn description(&self) -> &ExtractorDescription {
        &self.description
    }

    fn extract(
        &self,
        config: &ExtractorConfig,
        artifacts: &[Artifact],
    ) -> Result<Extraction, ExtractError> {
        self.extract_measured(config, artifacts)
            .map(|(extraction, _)| extraction)
    }
}

fn extract_error(extractor: Text, error: CallError) -> ExtractError {
    match error {
        CallError::Limit(message) => ExtractError::Limit { extractor, message },
        CallError::Failed(message) => ExtractError::Failed { extractor, message },
    }
}
