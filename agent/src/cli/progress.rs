//! Says what is going on when it takes long, to a person at a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::diagnostic::escape;

/// How long a person waits without wondering.
const PATIENCE: Duration = Duration::from_secs(2);

/// While it lives, and only once it has lived for two seconds, standard error
/// tells every two seconds what is being done.
pub(super) struct Progress {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// `what` is a present participle with its object: `rendering apps/web`.
    pub(super) fn start(what: impl Into<String>) -> Self {
        if !io::stderr().is_terminal() {
            return Self { running: None };
        }
        let what = what.into();
        let (stop, stopped) = mpsc::channel();
        let telling = std::thread::spawn(move || {
            let started = Instant::now();
            while stopped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let seconds = started.elapsed().as_secs();
                let _ = writeln!(io::stderr().lock(), "{} ({seconds} s)", escape(&what));
            }
        });
        Self { running: Some((stop, telling)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, telling)) = self.running.take() {
            drop(stop);
            // It ends at once, and what it did to end otherwise matters to nobody.
            let _ = telling.join();
        }
    }
}
