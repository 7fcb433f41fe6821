//! The one wasmtime engine of the process: its configuration, which the
//! compiler shares, and the clock that its deadlines are counted by.
//!
//! Takes how many calls may run at once; gives a [`Host`]. Never compiles:
//! that is the compiler's, in a process of its own.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::PluginError;
use crate::lock::lock;

/// Changes whenever [`engine_config`] changes what compiled code looks like.
/// The rest of what compiled code depends on is in [`compatibility`].
const CONFIG_REVISION: u32 = 1;

/// The version of wasmtime that this is built with, as the workspace pins it.
const WASMTIME_VERSION: &str = "48.0.8";

/// The largest linear memory of any plugin, whatever its limits say.
pub(crate) const MEMORY_CEILING_BYTES: usize = 1 << 30;

/// The largest table of any plugin. Go's runtime puts every function into one.
pub(crate) const TABLE_CEILING_ELEMENTS: usize = 200_000;

/// The wasm stack of a call, in bytes. Go keeps its own in linear memory;
/// what recurses on this one are parsers of nested documents.
const WASM_STACK_BYTES: usize = 1 << 20;

/// How exactly a deadline is kept.
const TICK: Duration = Duration::from_millis(5);

/// How long the clock goes on without a call: many short ones in a row must
/// not start it each time.
const LINGERING_TICKS: u32 = 20;

/// Where instances get their memory from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// From a pool that is reserved once, for this many calls at once.
    Pooled {
        /// Calls at once.
        calls: u32,
    },
    /// From the system at every call: what the compiler needs, and the way out
    /// where address space is scarce.
    OnDemand,
}

/// The configuration that agent and compiler share. The allocation is no part
/// of what compiled code depends on.
///
/// # Errors
/// Where the target is one that wasmtime does not know.
pub(crate) fn engine_config(allocation: Allocation) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    if let Some(target) = baseline_target() {
        // Without a target, code would use whatever the machine offers that compiles it.
        config.target(target)?;
    }
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .wasm_memory64(false)
        .wasm_multi_memory(true)
        .wasm_relaxed_simd(false)
        .wasm_stack_switching(false)
        .wasm_custom_page_sizes(false)
        .consume_fuel(false)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .memory_init_cow(true)
        .memory_guaranteed_dense_image_size(64 << 20)
        .generate_address_map(true)
        .allocation_strategy(match allocation {
            Allocation::Pooled { calls } => InstanceAllocationStrategy::Pooling(pool(calls)),
            Allocation::OnDemand => InstanceAllocationStrategy::OnDemand,
        });
    #[cfg(feature = "compiler")]
    config.cranelift_nan_canonicalization(true);
    Ok(config)
}

/// What the name of a compiled artefact carries, so that an agent never even
/// tries one that another version made. wasmtime itself compares every setting
/// again when it loads one.
pub(crate) fn compatibility() -> String {
    format!("wasmtime-{WASMTIME_VERSION}-{}-{CONFIG_REVISION}", std::env::consts::ARCH)
}

/// The oldest processor of each architecture, so that artefacts move between nodes.
fn baseline_target() -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    match std::env::consts::ARCH {
        "x86_64" => Some("x86_64-unknown-linux-gnu"),
        "aarch64" => Some("aarch64-unknown-linux-gnu"),
        _ => None,
    }
}

/// A component of three core modules (program, adapter, shims) is the largest
/// that a call holds.
fn pool(calls: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(calls * 6)
        .total_memories(calls * 2)
        .total_tables(calls * 4)
        .max_core_instances_per_component(6)
        .max_memories_per_component(2)
        .max_tables_per_component(4)
        .max_memories_per_module(1)
        .max_tables_per_module(3)
        .table_elements(TABLE_CEILING_ELEMENTS)
        .max_memory_size(MEMORY_CEILING_BYTES)
        .max_core_instance_size(8 << 20)
        .max_component_instance_size(8 << 20)
        .max_unused_warm_slots(2)
        // The lowest addresses of a Rust plugin are the far end of its stack, which no call touches.
        .linear_memory_keep_resident(0)
        .table_keep_resident(16 << 10)
        .decommit_batch_size(1)
        .pagemap_scan(Enabled::No);
    pool
}

/// The engine and its clock. One per process; plugins hold it.
#[derive(Clone)]
pub struct Host {
    engine: Engine,
    ticker: Arc<Ticker>,
}

impl Host {
    /// Reserves room for `calls` calls at once; more wait their turn. Where the address space is too
    /// small for the pool, instances come from the system instead.
    ///
    /// # Errors
    /// [`PluginError::Load`] where the machine can't run WebAssembly at all.
    pub fn new(calls: u32) -> Result<Self, PluginError> {
        let calls = calls.max(1);
        let engine = open_engine(Allocation::Pooled { calls }).or_else(|error| {
            tracing::warn!(%error, "no address space for the plugins' pool; every call allocates its own memory");
            open_engine(Allocation::OnDemand)
        });
        let engine =
            engine.map_err(|error| PluginError::Load(format!("start the WebAssembly engine: {error:#}")))?;
        let ticker = Ticker::start(engine.clone(), calls).map_err(|error| {
            PluginError::Load(format!("start the clock of the plugins' deadlines: {error}"))
        })?;
        Ok(Self { engine, ticker: Arc::new(ticker) })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Waits for a free place, and keeps the clock running for as long as the
    /// result lives. Every call has a deadline, so every wait has an end.
    pub(crate) fn enter_call(&self) -> CallInFlight<'_> {
        self.ticker.enter();
        CallInFlight(&self.ticker)
    }
}

fn open_engine(allocation: Allocation) -> wasmtime::Result<Engine> {
    Engine::new(&engine_config(allocation)?)
}

/// The deadline in ticks of the clock: never less than the limit.
pub(crate) fn deadline_ticks(limit: Duration) -> u64 {
    let ticks = limit.as_nanos().div_ceil(TICK.as_nanos()) + 1;
    u64::try_from(ticks).unwrap_or(u64::MAX / 2).min(u64::MAX / 2)
}

/// A call that the clock runs for.
pub(crate) struct CallInFlight<'a>(&'a Ticker);

impl Drop for CallInFlight<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Moves the engine's epoch while calls are in flight, and sleeps otherwise.
struct Ticker {
    /// The most calls in flight: what the pool has room for.
    limit: u32,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// There is something to tick for, or nothing any more.
    wake: Condvar,
    /// A place is free.
    free: Condvar,
}

#[derive(Default)]
struct State {
    /// In flight.
    calls: u32,
    /// That wait for a place.
    waiting: u32,
    /// Whether the clock runs. Calls find it running, and need not wake it.
    ticking: bool,
    stopped: bool,
}

impl Ticker {
    fn start(engine: Engine, limit: u32) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            wake: Condvar::new(),
            free: Condvar::new(),
        });
        let thread = std::thread::Builder::new().name("plugin-clock".to_owned()).spawn({
            let shared = shared.clone();
            move || shared.run(&engine)
        })?;
        Ok(Self { limit, shared, thread: Some(thread) })
    }

    fn enter(&self) {
        let mut state = self.shared.lock();
        while state.calls >= self.limit {
            state.waiting += 1;
            state = self.shared.free.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        state.calls += 1;
        if !state.ticking {
            state.ticking = true;
            self.shared.wake.notify_one();
        }
    }

    fn leave(&self) {
        let mut state = self.shared.lock();
        state.calls -= 1;
        if state.waiting > 0 {
            self.shared.free.notify_one();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // Its panic would have been reported where it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, engine: &Engine) {
        let mut state = self.lock();
        loop {
            state = self
                .wake
                .wait_while(state, |state| !state.ticking && !state.stopped)
                .unwrap_or_else(PoisonError::into_inner);
            let mut next = Instant::now() + TICK;
            let mut idle = 0;
            while idle < LINGERING_TICKS && !state.stopped {
                let wait = next.saturating_duration_since(Instant::now());
                state = self.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
                // A loaded machine wakes late; a deadline must not stretch with it.
                while next <= Instant::now() {
                    engine.increment_epoch();
                    next += TICK;
                    idle = if state.calls == 0 { idle + 1 } else { 0 };
                }
            }
            if state.stopped {
                return;
            }
            state.ticking = state.calls > 0;
        }
    }

    /// A panic elsewhere leaves plain numbers.
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_deadline_is_never_shorter_than_its_limit() {
        assert_eq!(deadline_ticks(Duration::ZERO), 1);
        assert_eq!(deadline_ticks(Duration::from_millis(11)), 4);
        assert_eq!(deadline_ticks(Duration::MAX), u64::MAX / 2);
    }

    #[test]
    fn a_call_that_finds_no_place_waits_for_one() {
        let host = Host::new(1).unwrap();
        let (sender, entered) = channel();
        std::thread::scope(|scope| {
            let first = host.enter_call();
            scope.spawn(|| {
                let _second = host.enter_call();
                sender.send(()).unwrap();
            });
            assert!(entered.try_recv().is_err());
            drop(first);
            entered.recv().unwrap();
        });
    }
}
