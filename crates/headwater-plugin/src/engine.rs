//! The engine: what WebAssembly it takes, and how it allocates.

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, Memory, MemoryType, PoolingAllocationConfig, Store,
};

use crate::limiter::{INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};
use crate::{Allocation, HostConfig, HostConfigError};

/// Address space that must be free before a pool is reserved in it, in bits: 4 TiB, more than the largest pool.
const PROBE_BITS: u32 = 42;
/// Size of the bookkeeping of one component instance; the default of 1 MiB is tight for a Python component.
const INSTANCE_BYTES_MAX: usize = 4 << 20;

/// Memory of an ended instance that is zeroed rather than given back and faulted in again.
const MEMORY_KEPT_BYTES: usize = 256 << 10;
/// The same of its tables.
const TABLE_KEPT_BYTES: usize = 16 << 10;

/// Makes an engine, with a pool of instances where the address space has room for one.
pub(crate) fn make(config: &HostConfig) -> Result<(Engine, Allocation), HostConfigError> {
    if has_address_space() {
        let mut pooled = base(config);
        pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
        match Engine::new(&pooled) {
            Ok(engine) => return Ok((engine, Allocation::Pooled)),
            Err(error) => tracing::debug!(%error, "no pool of instances: {error:#}"),
        }
    }
    Engine::new(&base(config))
        .map(|engine| (engine, Allocation::OnDemand))
        .map_err(|error| HostConfigError::Engine {
            message: format!("{error:#}"),
        })
}

fn base(config: &HostConfig) -> Config {
    let mut base = Config::new();
    base.wasm_component_model(true)
        .epoch_interruption(true)
        .concurrency_support(false)
        .max_wasm_stack(config.stack_bytes_max)
        // Never used, and checked all the same.
        .async_stack_size(config.stack_bytes_max + (1 << 20))
        // The same input gives the same facts on every processor, so that a guest can't ask which one it runs on.
        .relaxed_simd_deterministic(true)
        .cranelift_nan_canonicalization(true)
        .wasm_memory64(false);
    base
}

fn pool(config: &HostConfig) -> PoolingAllocationConfig {
    let calls = config.concurrent_calls_max;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .max_component_instance_size(INSTANCE_BYTES_MAX)
        .total_core_instances(calls * INSTANCES_MAX as u32)
        .max_core_instances_per_component(INSTANCES_MAX as u32)
        .max_core_instance_size(INSTANCE_BYTES_MAX)
        .total_memories(calls * MEMORIES_MAX as u32)
        .max_memories_per_component(MEMORIES_MAX as u32)
        .total_tables(calls * TABLES_MAX as u32)
        .max_tables_per_component(TABLES_MAX as u32)
        .max_tables_per_module(8)
        .table_elements(TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(MEMORY_KEPT_BYTES)
        .table_keep_resident(TABLE_KEPT_BYTES);
    pool
}

/// Reserves a large address range and gives it back: containers and embedded systems bound it.
fn has_address_space() -> bool {
    let mut config = Config::new();
    config
        .wasm_memory64(true)
        .memory_reservation(1 << PROBE_BITS);
    let Ok(engine) = Engine::new(&config) else {
        return false;
    };
    let mut store = Store::new(&engine, ());
    // Addresses are reserved, pages are not: the memory begins empty.
    let pages_max = 1 << (PROBE_BITS - 16);
    Memory::new(&mut store, MemoryType::new64(0, Some(pages_max))).is_ok()
}
