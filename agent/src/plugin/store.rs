//! The store of one call: its data, its limits, and what became of them.
//!
//! Takes [`Limits`]; gives a store that a plugin runs in once, and afterwards
//! the [`PluginError`] that says why it stopped. A store is never used twice.

use wasmtime::{ResourceLimiter, Store, Trap};

use super::engine::{CallInFlight, Host, TABLE_CEILING_ELEMENTS, deadline_ticks};
use super::{Limits, PluginError, panic_channel::PanicMessage};

/// Live handles to files, streams and the like.
pub(crate) const MAX_HANDLES: usize = 4096;

/// What one call may hand to the host, in bytes: strings and buffers are
/// copied before the host sees them.
const HOSTCALL_BYTES: usize = 16 << 20;

/// How wasmtime's error begins when that is exceeded.
const OUT_OF_TRANSFER: &str = "too much data is being copied between the host and the guest";

/// Core instances, memories and tables of one call.
const MAX_PARTS: usize = 16;

/// The data of a store: what the world gives to the plugin (nothing, for
/// policies and health rules), and the limits.
pub(crate) struct CallState<S> {
    /// What the world gives.
    pub(crate) world: S,
    limiter: Limiter,
}

/// A store with the clock running.
pub(crate) struct Call<'host, S: 'static> {
    /// The store.
    pub(crate) store: Store<CallState<S>>,
    limits: Limits,
    _in_flight: CallInFlight<'host>,
}

impl<'host, S: Send + 'static> Call<'host, S> {
    /// The deadline counts from here.
    pub(crate) fn start(host: &'host Host, limits: &Limits, world: S) -> Self {
        let in_flight = host.enter_call();
        let limiter = Limiter { memory_limit: limits.memory_bytes, ..Limiter::default() };
        let mut store = Store::new(host.engine(), CallState { world, limiter });
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(HOSTCALL_BYTES.max(limits.output_bytes));
        store.set_max_component_handles(MAX_HANDLES);
        store.set_epoch_deadline(deadline_ticks(limits.time));
        store.epoch_deadline_trap();
        Self { store, limits: *limits, _in_flight: in_flight }
    }

    /// What `error` means, given what the limits saw. `output` is what the
    /// plugin printed last.
    pub(crate) fn explain(&self, error: &wasmtime::Error, output: String) -> PluginError {
        let limiter = &self.store.data().limiter;
        if error.downcast_ref::<HostCallsExhausted>().is_some() {
            return PluginError::HostCalls { limit: self.limits.host_calls };
        }
        if error.downcast_ref::<OutputExceeded>().is_some() || is_out_of_transfer(error) {
            return self.too_much_output();
        }
        let trap = error.downcast_ref::<Trap>();
        if trap == Some(&Trap::Interrupt) {
            return PluginError::Deadline { limit: self.limits.time };
        }
        if limiter.refused_memory {
            return self.out_of_memory();
        }
        if let Some(contract) = error.downcast_ref::<ContractBroken>() {
            return PluginError::Contract(contract.0.clone());
        }
        let message = limiter.panic.text().unwrap_or_else(|| super::trap::describe(error, trap));
        PluginError::Trap { message, output }
    }

    /// The error of a plugin that was refused memory.
    pub(crate) fn out_of_memory(&self) -> PluginError {
        PluginError::Memory { limit_bytes: self.limits.memory_bytes }
    }

    /// The error of a plugin that returned or printed too much.
    pub(crate) fn too_much_output(&self) -> PluginError {
        PluginError::Output { limit_bytes: self.limits.output_bytes }
    }

    /// Whether the plugin was refused memory: a program that then exits by
    /// itself has still run out of memory.
    pub(crate) fn refused_memory(&self) -> bool {
        self.store.data().limiter.refused_memory
    }
}

/// Whether the plugin handed over more than [`HOSTCALL_BYTES`] or its output
/// limit at once. wasmtime keeps the error's type to itself; a test holds its
/// words.
fn is_out_of_transfer(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().starts_with(OUT_OF_TRANSFER)
}

/// Stops a plugin that has used its host calls up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no host calls are left")]
pub(crate) struct HostCallsExhausted;

/// Stops a plugin that printed more than it may.
#[derive(Debug, thiserror::Error)]
#[error("the output is full")]
pub(crate) struct OutputExceeded;

/// Stops a plugin that used the contract against its rules.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ContractBroken(pub(crate) String);

#[derive(Default)]
struct Limiter {
    memory_limit: usize,
    /// Over all memories of the call.
    memory_bytes: usize,
    refused_memory: bool,
    panic: PanicMessage,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        if self.panic.takes(more) {
            return Ok(false);
        }
        if self.memory_bytes.saturating_add(more) > self.memory_limit {
            self.refused_memory = true;
            return Ok(false);
        }
        self.memory_bytes += more;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        // The pool's ceiling, or the machine itself: out of memory for the plugin either way.
        self.refused_memory = true;
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_CEILING_ELEMENTS)
    }

    fn instances(&self) -> usize {
        MAX_PARTS
    }

    fn memories(&self) -> usize {
        MAX_PARTS
    }

    fn tables(&self) -> usize {
        MAX_PARTS
    }
}
