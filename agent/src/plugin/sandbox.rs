//! What a renderer can reach through WASI, whichever of its versions it
//! speaks: the traced tree, captured standard streams, a clock that stands
//! still, and randomness from a seed. Nothing else exists for it.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::preview1::FileTable;
use super::store::HostCallsExhausted;
use crate::source::trace::TracedTree;

/// The world of one call.
pub(crate) struct Sandbox {
    /// The files, read-only, mounted at `/`.
    pub(crate) tree: Arc<TracedTree>,
    /// Standard input, consumed from the front.
    pub(crate) stdin: Bytes,
    /// Captured standard output.
    pub(crate) stdout: Captured,
    /// Captured standard error.
    pub(crate) stderr: Captured,
    /// Wall clock in seconds since the Unix epoch: the commit's time. To be
    /// read by [`Sandbox::now`] alone.
    pub(crate) wall_clock_seconds: i64,
    /// Monotonic clock in nanoseconds. Only sleeping moves it.
    pub(crate) monotonic_nanoseconds: u64,
    /// Randomness.
    pub(crate) random: SeededRandom,
    /// What is left of the host-call budget.
    pub(crate) host_calls_left: u64,
    /// The open files of a preview-1 module.
    pub(crate) files: FileTable,
}

impl Sandbox {
    /// The wall clock, for a plugin that asks: what it makes depends on the commit's time from now on.
    pub(crate) fn now(&self) -> u64 {
        self.tree.ask_time();
        // A commit may claim to be from before 1970; this clock can't.
        u64::try_from(self.wall_clock_seconds).unwrap_or(0)
    }

    /// Takes one host call off the budget.
    ///
    /// # Errors
    /// When none is left; the call has failed then.
    pub(crate) fn charge_host_call(&mut self) -> Result<(), HostCallsExhausted> {
        self.host_calls_left = self.host_calls_left.checked_sub(1).ok_or(HostCallsExhausted)?;
        Ok(())
    }
}

/// A stream that keeps at most `limit` bytes.
pub(crate) struct Captured {
    /// What was written.
    pub(crate) content: Vec<u8>,
    /// The most that it takes.
    pub(crate) limit: usize,
    /// Whether more than that was written. The call has failed then.
    pub(crate) overflowed: bool,
}

impl Captured {
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self { content: Vec::new(), limit, overflowed: false }
    }

    /// Appends `bytes`; false when they do not fit, and nothing is kept of them.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        if self.content.len() + bytes.len() > self.limit {
            self.overflowed = true;
            return false;
        }
        self.content.extend_from_slice(bytes);
        true
    }
}

/// The same bytes for the same seed, on every machine: SHA-256 in counter mode.
/// Not for secrets.
pub(crate) struct SeededRandom {
    seed: [u8; 32],
    counter: u64,
}

impl SeededRandom {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let block =
                Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes()).finalize();
            self.counter += 1;
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}
