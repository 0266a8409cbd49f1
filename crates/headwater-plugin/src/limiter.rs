//! What a guest may allocate.

use wasmtime::ResourceLimiter;

/// Core instances of one component: a Python component has about 38.
pub(crate) const INSTANCES_MAX: usize = 100;
/// Tables of one component.
pub(crate) const TABLES_MAX: usize = 64;
/// Elements of all tables: a Python component's function table has some 20,000.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 100_000;
/// Linear memories of one component.
pub(crate) const MEMORIES_MAX: usize = 4;

/// The guest was stopped because it used more than it may; the text tells what of what.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Stopped(pub(crate) String);

/// Counts the memory of all linear memories and tables of a store.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes: u64,
    memory_bytes_max: u64,
    table_elements: usize,
}

impl Limiter {
    pub(crate) fn new(memory_bytes_max: u64) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_max,
            table_elements: 0,
        }
    }

    /// What the guest's memories take now, which is the most they took: they never shrink.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }
}

// An error instead of `Ok(false)`: a guest that is only told "no" traps on an opaque `unreachable`.
impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.memory_bytes + (desired.saturating_sub(current)) as u64;
        if wanted > self.memory_bytes_max {
            return Err(wasmtime::Error::new(Stopped(format!(
                "it asked for {} of memory; one call may use {}",
                bytes_text(wanted),
                bytes_text(self.memory_bytes_max)
            ))));
        }
        self.memory_bytes = wanted;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.table_elements + desired.saturating_sub(current);
        if wanted > TABLE_ELEMENTS_MAX {
            return Err(wasmtime::Error::new(Stopped(format!(
                "it asked for tables of {wanted} elements; one call may use {TABLE_ELEMENTS_MAX}"
            ))));
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

/// `bytes` for a person: exact where it is a round number, else to a tenth.
pub(crate) fn bytes_text(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit {
            let (whole, rest) = (bytes / unit, bytes % unit);
            return match rest {
                0 => format!("{whole} {name}"),
                _ => format!("{:.1} {name}", bytes as f64 / unit as f64),
            };
        }
    }
    format!("{bytes} bytes")
}
