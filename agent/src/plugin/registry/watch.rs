//! Keeps a registry up with its folder, from a thread.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::Registry;
use crate::plugin::PluginError;

/// How long a folder has to be quiet before it is looked at.
const QUIET: Duration = Duration::from_millis(200);

/// A folder that is never quiet is looked at nevertheless.
const IMPATIENCE: Duration = Duration::from_secs(3);

/// A look even without an event: for retries, and for events that were lost.
const RESCAN: Duration = Duration::from_secs(30);

/// Watches until it is dropped.
pub struct Watch {
    /// Dropped first: it holds the sender, whose end ends the thread.
    watcher: Option<RecommendedWatcher>,
    thread: Option<JoinHandle<()>>,
}

impl Registry {
    /// Follows the folder until the result is dropped. `changed` is told the
    /// names of the plugins that are new, other or gone.
    ///
    /// # Errors
    /// [`PluginError::Load`] where the system can't watch the folder.
    pub fn watch(
        self: &Arc<Self>,
        changed: impl Fn(BTreeSet<String>) + Send + 'static,
    ) -> Result<Watch, PluginError> {
        let failed = |problem: String| PluginError::Load(format!("watch the plugins' folder: {problem}"));
        let (sender, events) = sync_channel(1);
        let mut watcher =
            notify::recommended_watcher(move |_| wake(&sender)).map_err(|e| failed(e.to_string()))?;
        watcher.watch(&self.folder, RecursiveMode::NonRecursive).map_err(|e| failed(e.to_string()))?;
        let registry = self.clone();
        let thread = std::thread::Builder::new()
            .name("plugin-folder".to_owned())
            .spawn(move || follow(&registry, &events, changed))
            .map_err(|error| failed(error.to_string()))?;
        Ok(Watch { watcher: Some(watcher), thread: Some(thread) })
    }
}

/// One waiting event stands for any number.
fn wake(sender: &SyncSender<()>) {
    match sender.try_send(()) {
        Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.watcher.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

fn follow(registry: &Registry, events: &Receiver<()>, changed: impl Fn(BTreeSet<String>)) {
    loop {
        match events.recv_timeout(RESCAN) {
            Ok(()) if !settle(events) => return,
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        match registry.rescan(Instant::now()) {
            Ok(names) if names.is_empty() => {}
            Ok(names) => changed(names),
            Err(error) => tracing::warn!(%error, "the plugins stay as they are"),
        }
    }
}

/// Waits until the folder is quiet; false when the watch has ended.
fn settle(events: &Receiver<()>) -> bool {
    let end = Instant::now() + IMPATIENCE;
    loop {
        let wait = QUIET.min(end.saturating_duration_since(Instant::now()));
        match events.recv_timeout(wait) {
            Ok(()) if Instant::now() < end => {}
            Ok(()) | Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}
