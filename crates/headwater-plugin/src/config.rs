//! The host's bounds.

use std::path::PathBuf;
use std::time::Duration;

use headwater_model::ExtractorLimits;

const MIB: u64 = 1 << 20;

/// Everything that bounds a [`crate::PluginHost`] and the calls in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// Where compiled components are kept; none compiles them again in every process.
    ///
    /// Compiled components are native code: the folder is made readable and writable for its owner alone.
    pub cache_dir: Option<PathBuf>,
    /// Compiled components kept in the folder; the oldest go first. Default 64.
    pub cache_files_max: usize,
    /// What one call may use. Default 512 MiB of memory, 30 s, 5 million facts, 16 GiB read.
    pub default_limits: ExtractorLimits,
    /// What one call of `describe` may use. Default 256 MiB of memory, 5 s, no facts.
    pub describe_limits: ExtractorLimits,
    /// Calls that run at once; more wait for their turn. Default 8, of one component a quarter less.
    ///
    /// The host's memory is bounded by this times `memory_bytes_max`, and by what the calls emit.
    pub concurrent_calls_max: u32,
    /// How often a running call is asked whether its time is over. Default 5 ms, at least 1 ms.
    pub tick: Duration,
    /// The largest component that is loaded. Default 64 MiB.
    pub component_bytes_max: u64,
    /// How long compiling a component may take. Default 120 s; one that holds a language runtime takes 20 s.
    ///
    /// A compiler can't be stopped: one that takes longer goes on behind everything else, and what it makes is dropped.
    pub compile_timeout: Duration,
    /// The guest's stack. Default 8 MiB; a call runs on a thread of its own that has it, and 1 MiB more.
    pub stack_bytes_max: usize,
    /// Bytes that cross from guest to host in one push, as the host holds them. Default 64 MiB.
    pub push_bytes_max: usize,
    /// Bytes of strings that one call may emit, each counted with 32 bytes of overhead. Default 1 GiB.
    pub strings_bytes_max: u64,
    /// Bytes of strings that the facts of one call may state, each counted in every fact where it stands: what they take
    /// written out. Default 2 GiB.
    pub stated_bytes_max: u64,
    /// Bytes of configuration that a call may have, as JSON. Default 4 MiB.
    pub config_bytes_max: usize,
    /// Findings that one call may report; more are counted and dropped. Default 10,000.
    pub diagnostics_max: usize,
    /// Lines that one call may log; more are counted and dropped. Default 10,000.
    pub log_lines_max: usize,
    /// Bytes that one call may log; more are counted and dropped. Default 4 MiB.
    pub log_bytes_max: usize,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            cache_dir: None,
            cache_files_max: 64,
            default_limits: ExtractorLimits {
                memory_bytes_max: 512 * MIB,
                timeout: Duration::from_secs(30),
                facts_max: 5_000_000,
                read_bytes_max: 16 << 30,
            },
            describe_limits: ExtractorLimits {
                memory_bytes_max: 256 * MIB,
                timeout: Duration::from_secs(5),
                facts_max: 0,
                read_bytes_max: 0,
            },
            concurrent_calls_max: 8,
            tick: Duration::from_millis(5),
            component_bytes_max: 64 * MIB,
            compile_timeout: Duration::from_mins(2),
            stack_bytes_max: 8 << 20,
            push_bytes_max: 64 << 20,
            strings_bytes_max: 1024 * MIB,
            stated_bytes_max: 2048 * MIB,
            config_bytes_max: 4 << 20,
            diagnostics_max: 10_000,
            log_lines_max: 10_000,
            log_bytes_max: 4 << 20,
        }
    }
}

impl HostConfig {
    /// The largest memory a guest can have: linear memories are addressed with 32 bits.
    pub const MEMORY_BYTES_MAX: u64 = 4096 * MIB;
    /// The longest time that a call can have.
    pub const TIMEOUT_MAX: Duration = Duration::from_hours(24);
    /// The most calls that can run at once.
    pub const CONCURRENT_CALLS_MAX: u32 = 256;

    /// Whether the bounds can be kept.
    ///
    /// # Errors
    /// [`HostConfigError::Bound`] names the bound and its range.
    pub(crate) fn check(&self) -> Result<(), HostConfigError> {
        let bound = |name, is_kept: bool, range: &'static str| {
            if is_kept {
                return Ok(());
            }
            Err(HostConfigError::Bound { name, range })
        };
        for (name, limits) in [
            ("default_limits.memory_bytes_max", self.default_limits),
            ("describe_limits.memory_bytes_max", self.describe_limits),
        ] {
            let is_kept = (1..=Self::MEMORY_BYTES_MAX).contains(&limits.memory_bytes_max);
            bound(name, is_kept, "1 byte to 4 GiB")?;
        }
        bound(
            "concurrent_calls_max",
            (1..=Self::CONCURRENT_CALLS_MAX).contains(&self.concurrent_calls_max),
            "1 to 256",
        )?;
        bound(
            "tick",
            (Duration::from_millis(1)..=Duration::from_secs(1)).contains(&self.tick),
            "1 ms to 1 s",
        )?;
        bound(
            "stack_bytes_max",
            (64 << 10..=16 << 20).contains(&self.stack_bytes_max),
            "64 KiB to 16 MiB",
        )
    }
}

/// Why a host can't be made.
#[derive(Debug, thiserror::Error)]
pub enum HostConfigError {
    /// A bound is outside the range in which it can be kept.
    #[error("{name} must be {range}")]
    Bound {
        /// The bound, by its name in [`HostConfig`].
        name: &'static str,
        /// The values that it takes.
        range: &'static str,
    },
    /// The folder for compiled components can't be used.
    #[error("folder for compiled extractors {path}: {message}")]
    Cache {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// This machine can't run WebAssembly.
    #[error("the WebAssembly engine does not start: {message}")]
    Engine {
        /// What the engine said.
        message: String,
    },
}
