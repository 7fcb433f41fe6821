//! A watch that notes when it heard of each object, so that waiting for a change costs the API server nothing.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::StreamExt as _;
use kube::Api;
use kube::runtime::watcher::{self, Event};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Reports that wait to be taken. The watch waits when they are not.
const WAITING: usize = 65_536;
/// How long the first list may take.
const LISTED_WITHIN: Duration = Duration::from_secs(30);

/// A running watch. Dropping it ends it.
pub(super) struct Watch<K> {
    seen: mpsc::Receiver<(Instant, K)>,
    task: JoinHandle<()>,
}

impl<K> Watch<K>
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    /// Begins to watch; when this returns, what existed has been listed, and everything later is reported.
    pub(super) async fn start(api: Api<K>) -> anyhow::Result<Self> {
        let (sender, seen) = mpsc::channel(WAITING);
        let (listed, mut wait) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let mut events = watcher::watcher(api, watcher::Config::default()).boxed();
            while let Some(event) = events.next().await {
                match event {
                    Ok(Event::Apply(object) | Event::InitApply(object)) => {
                        if sender.send((Instant::now(), object)).await.is_err() {
                            return;
                        }
                    }
                    // Only the first list is waited for.
                    Ok(Event::InitDone) => drop(listed.try_send(())),
                    Ok(Event::Init | Event::Delete(_)) => {}
                    // It goes on by itself; whoever waits for too long says so.
                    Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            }
        });
        tokio::time::timeout(LISTED_WITHIN, wait.recv())
            .await
            .context("the first list of a watch did not come in time")?;
        Ok(Self { seen, task })
    }

    /// The next report, with when it came.
    pub(super) async fn next(&mut self, within: Duration) -> anyhow::Result<(Instant, K)> {
        let seen = tokio::time::timeout(within, self.seen.recv()).await;
        seen.with_context(|| format!("nothing came on a watch for {within:?}"))?.context("a watch ended")
    }

    /// The first report that `wanted` holds for, with when it came.
    pub(super) async fn until(
        &mut self,
        within: Duration,
        wanted: impl Fn(&K) -> bool,
    ) -> anyhow::Result<(Instant, K)> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, object) = self.next(left).await?;
            if wanted(&object) {
                return Ok((at, object));
            }
        }
    }
}

impl<K> Drop for Watch<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
