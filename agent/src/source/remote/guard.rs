//! What bounds one poll: its deadline, its cancellation, how much it may
//! receive and how slowly. Remembers the first failure, since the Git library
//! in between can pass on only its own kinds of errors.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use ureq::Error;
use ureq::unversioned::transport::time::Duration as Wait;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use crate::lock::lock;
use crate::source::SourceError;
use crate::source::error::plain;

/// How often a wait for the network looks whether it is still wanted.
const SLICE: Duration = Duration::from_millis(200);
/// How long a connection may be silent, and the window of the lowest rate.
const WINDOW: Duration = Duration::from_secs(30);
/// The lowest rate: fewer bytes than this in one window end the poll.
const WINDOW_BYTES: u64 = 30 << 10;

/// A bound on what one response may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) what: &'static str,
    pub(crate) bytes: u64,
    pub(crate) setting: &'static str,
}

/// Shared by everything that takes part in the polls of one remote.
pub(crate) struct Guard {
    url: String,
    requests: AtomicU64,
    state: Mutex<State>,
}

struct State {
    cancelled: CancellationToken,
    deadline: Option<(Instant, Duration)>,
    allowance: Allowance,
    failure: Option<SourceError>,
}

impl Guard {
    pub(crate) fn new(url: String, allowance: Allowance) -> Self {
        let state = State { cancelled: CancellationToken::new(), deadline: None, allowance, failure: None };
        Self { url, requests: AtomicU64::new(0), state: Mutex::new(state) }
    }

    /// Starts a poll that may last `timeout`.
    pub(crate) fn begin(&self, cancelled: &CancellationToken, timeout: Duration) {
        let mut state = self.state();
        state.cancelled = cancelled.clone();
        state.deadline = Some((Instant::now() + timeout, timeout));
        state.failure = None;
    }

    /// Sets the bound on the responses from now on.
    pub(crate) fn allow(&self, allowance: Allowance) {
        self.state().allowance = allowance;
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Remembers the first failure and gives an error to pass through the layers between.
    pub(crate) fn fail(&self, error: SourceError) -> io::Error {
        let message = error.to_string();
        self.state().failure.get_or_insert(error);
        io::Error::other(message)
    }

    pub(crate) fn exceeded(&self, what: &'static str, limit: u64, setting: &'static str) -> SourceError {
        SourceError::Limit { url: self.url.clone(), what, limit, setting }
    }

    /// The failure that was remembered, once.
    pub(crate) fn take_failure(&self) -> Option<SourceError> {
        self.state().failure.take()
    }

    /// Whether the poll is still wanted and in time.
    pub(crate) fn check(&self) -> io::Result<()> {
        let state = self.state();
        if state.cancelled.is_cancelled() {
            drop(state);
            return Err(self.fail(SourceError::Cancelled { url: self.url.clone() }));
        }
        match state.deadline {
            Some((deadline, timeout)) if Instant::now() >= deadline => {
                drop(state);
                Err(self.unreachable(&format!(
                    "not done within the limit of {} s (timeout)",
                    timeout.as_secs_f32()
                )))
            }
            _ => Ok(()),
        }
    }

    fn unreachable(&self, problem: &str) -> io::Error {
        let problem = problem.to_owned();
        self.fail(SourceError::Unreachable { url: self.url.clone(), problem, retry_after: None })
    }

    /// A panic elsewhere leaves the state usable: every change to it is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Counts a response's body against its bounds.
pub(crate) struct Metered<R> {
    inner: R,
    guard: Arc<Guard>,
    allowance: Allowance,
    received: u64,
    window: (Instant, u64),
}

impl<R> Metered<R> {
    pub(crate) fn new(inner: R, guard: Arc<Guard>) -> Self {
        let allowance = guard.state().allowance;
        Self { inner, guard, allowance, received: 0, window: (Instant::now(), 0) }
    }
}

impl<R: io::Read> io::Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.guard.check()?;
        // The reader may have been busy elsewhere: only time spent waiting counts.
        let started = Instant::now();
        let count = self.inner.read(buffer).map_err(|error| {
            // Unless the guard itself ended it, and remembers why.
            self.guard.unreachable(&plain(&error.to_string(), 200))
        })?;
        self.received += count as u64;
        if self.received > self.allowance.bytes {
            let Allowance { what, bytes, setting } = self.allowance;
            return Err(self.guard.fail(self.guard.exceeded(what, bytes, setting)));
        }
        self.window.1 += count as u64;
        let idle = started.duration_since(self.window.0).saturating_sub(WINDOW);
        if idle > Duration::ZERO {
            self.window = (started, count as u64);
        } else if self.window.0.elapsed() >= WINDOW {
            if self.window.1 < WINDOW_BYTES {
                return Err(self.guard.unreachable("the server sends less than 1 KiB a second"));
            }
            self.window = (Instant::now(), 0);
        }
        Ok(count)
    }
}

/// Puts the guard between the socket and everything above it.
#[derive(Clone)]
pub(crate) struct GuardedConnector(pub(crate) Arc<Guard>);

impl std::fmt::Debug for GuardedConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GuardedConnector")
    }
}

impl<In: Transport> Connector<In> for GuardedConnector {
    type Out = GuardedSocket<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| GuardedSocket { inner, guard: self.0.clone() }))
    }
}

/// A socket whose waits end when the poll does.
pub(crate) struct GuardedSocket<T> {
    inner: T,
    guard: Arc<Guard>,
}

impl<T> std::fmt::Debug for GuardedSocket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GuardedSocket")
    }
}

impl<T: Transport> Transport for GuardedSocket<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, mut timeout: NextTimeout) -> Result<(), Error> {
        self.guard.check()?;
        if *timeout.after > WINDOW {
            timeout.after = Wait::Exact(WINDOW);
        }
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let started = Instant::now();
        loop {
            self.guard.check()?;
            let waited = started.elapsed();
            if waited >= *timeout.after {
                return Err(Error::Timeout(timeout.reason));
            }
            if waited >= WINDOW {
                return Err(self.guard.unreachable("the server was silent for 30 s").into());
            }
            let mut slice = timeout;
            slice.after = Wait::Exact(SLICE.min(timeout.after.saturating_sub(waited)));
            match self.inner.await_input(slice) {
                Err(Error::Timeout(_)) => {}
                other => return other,
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
