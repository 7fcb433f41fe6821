//! Initialises a preview-1 reactor and writes its memory down, so that every
//! call starts where initialisation ended.
//!
//! Takes a core module with `_initialize`; gives the same module without it,
//! initialised. It runs with an empty tree, no input, a clock at 0 and fixed
//! randomness: the same module gives the same snapshot.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use wasmtime::{
    Config, Engine, Instance, Linker, Module, OptLevel, Store, StoreLimits, StoreLimitsBuilder, Val,
};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

use super::INITIALIZE;
use crate::plugin::preview1::{self, FileTable};
use crate::plugin::sandbox::{Captured, Sandbox, SeededRandom};
use crate::source::memory_tree::MemoryTree;
use crate::source::trace::{TracedTree, TreeLimits};

/// The most memory that an initialised module may hold, in bytes.
const MEMORY_BYTES: usize = 256 << 20;
/// What it may print, in bytes.
const OUTPUT_BYTES: usize = 64 << 10;
/// Calls into the host.
const HOST_CALLS: u64 = 1_000_000;

struct State {
    sandbox: Sandbox,
    limits: StoreLimits,
}

/// Runs `_initialize` and gives the module as it stands afterwards.
pub(super) fn take(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut wizer = Wizer::new();
    wizer.init_func(INITIALIZE);
    let (context, instrumented) = wizer.instrument(wasm).map_err(anyhow::Error::from)?;
    let mut config = Config::new();
    // It runs once and for milliseconds: compiling must be quick, not the code.
    config
        .concurrency_support(false)
        .cranelift_opt_level(OptLevel::None)
        .cranelift_nan_canonicalization(true);
    let engine = Engine::new(&config).map_err(anyhow::Error::from)?;
    let module =
        Module::new(&engine, &instrumented).map_err(anyhow::Error::from).context("compile the module")?;
    let mut linker = Linker::new(&engine);
    preview1::add_to_linker(&mut linker, |state: &mut State| &mut state.sandbox)
        .map_err(anyhow::Error::from)?;
    let limits = StoreLimitsBuilder::new().memory_size(MEMORY_BYTES).build();
    let mut store = Store::new(&engine, State { sandbox: sandbox(), limits });
    store.limiter(|state| &mut state.limits);
    let instance =
        linker.instantiate(&mut store, &module).map_err(anyhow::Error::from).context("instantiate it")?;
    let initialize =
        instance.get_typed_func::<(), ()>(&mut store, INITIALIZE).map_err(anyhow::Error::from)?;
    if let Err(error) = initialize.call(&mut store, ()) {
        let output = String::from_utf8_lossy(&store.data().sandbox.stderr.content).into_owned();
        return Err(anyhow::Error::from(error).context(format!("run `{INITIALIZE}`; it printed: {output}")));
    }
    let mut initialised = Initialised { store, instance, problem: None };
    let snapshot = immediately(wizer.snapshot(&context, &mut initialised))?.map_err(anyhow::Error::from)?;
    match initialised.problem {
        Some(problem) => bail!(problem),
        None => Ok(snapshot),
    }
}

fn sandbox() -> Sandbox {
    Sandbox {
        tree: Arc::new(TracedTree::new(Arc::new(MemoryTree::new()), TreeLimits::default())),
        stdin: Bytes::new(),
        stdout: Captured::with_limit(OUTPUT_BYTES),
        stderr: Captured::with_limit(OUTPUT_BYTES),
        wall_clock_seconds: 0,
        monotonic_nanoseconds: 0,
        random: SeededRandom::new([0; 32]),
        host_calls_left: HOST_CALLS,
        files: FileTable::default(),
    }
}

/// The instance that is written down.
struct Initialised {
    store: Store<State>,
    instance: Instance,
    /// What could not be read. The trait has no way to say so.
    problem: Option<String>,
}

impl InstanceState for Initialised {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        match self.instance.get_global(&mut self.store, name).map(|global| global.get(&mut self.store)) {
            Some(Val::I32(value)) => SnapshotVal::I32(value),
            Some(Val::I64(value)) => SnapshotVal::I64(value),
            Some(Val::F32(value)) => SnapshotVal::F32(value),
            Some(Val::F64(value)) => SnapshotVal::F64(value),
            Some(Val::V128(value)) => SnapshotVal::V128(value.as_u128()),
            _ => {
                self.problem.get_or_insert_with(|| format!("the global `{name}` can't be snapshotted"));
                SnapshotVal::I32(0)
            }
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.instance.get_memory(&mut self.store, name) {
            Some(memory) => contents(memory.data(&self.store)),
            None => {
                self.problem.get_or_insert_with(|| format!("the memory `{name}` can't be snapshotted"));
            }
        }
    }
}

/// The value of a future that never waits.
fn immediately<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err(anyhow!("the snapshot waited for something")),
    }
}
