//! What the Gates grant their policies to see of the cluster.
//!
//! Takes the Gates; watches each kind that one of them names, and the
//! Namespaces where one selects by their labels; gives a snapshot of all of
//! them. Watches only while this agent leads. Bounded in bytes: what would be
//! too much is not known, which a policy that was granted it fails by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::event::Event;
use crate::cluster::{Cluster, View, WatchEvent, unreadable};
use crate::gate::{Gate, GroupKind, Objects, Snapshot, kept, namespaces, wanted, within};
use crate::lock::lock;
use crate::object::ObjectKey;

/// How long a judgement waits for the first list of a kind.
const FIRST_LIST_WITHIN: Duration = Duration::from_secs(10);

/// How long after a kind was not found it is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// One kind.
struct Watched {
    /// What is known, or why nothing is; nothing at all before the first list.
    known: Option<Result<Objects, String>>,
    bytes: usize,
    stop: CancellationToken,
}

#[derive(Default)]
struct Table {
    leading: bool,
    wanted: BTreeSet<GroupKind>,
    kinds: BTreeMap<GroupKind, Watched>,
}

/// All kinds that are granted.
pub(crate) struct Granted {
    cluster: Cluster,
    table: Mutex<Table>,
    /// Sees a new value with each first list.
    listed: watch::Sender<u64>,
    events: mpsc::Sender<Event>,
    tasks: TaskTracker,
}

impl Granted {
    pub(crate) fn new(cluster: Cluster, events: mpsc::Sender<Event>, tasks: TaskTracker) -> Self {
        Self { cluster, table: Mutex::default(), listed: watch::Sender::new(0), events, tasks }
    }

    /// Watches what these Gates need, and nothing else.
    pub(crate) fn follow(self: &Arc<Self>, gates: &[Gate]) {
        let mut table = lock(&self.table);
        table.wanted = wanted(gates);
        self.reconcile(&mut table);
    }

    /// Watches only while this agent writes.
    pub(crate) fn lead(self: &Arc<Self>, leading: bool) {
        let mut table = lock(&self.table);
        table.leading = leading;
        self.reconcile(&mut table);
    }

    fn reconcile(self: &Arc<Self>, table: &mut Table) {
        let Table { leading, wanted, kinds } = table;
        kinds.retain(|kind, watched| {
            let kept = *leading && wanted.contains(kind);
            if !kept {
                watched.stop.cancel();
            }
            kept
        });
        if !*leading {
            return;
        }
        for kind in wanted.iter() {
            if kinds.contains_key(kind) {
                continue;
            }
            let stop = CancellationToken::new();
            kinds.insert(kind.clone(), Watched { known: None, bytes: 0, stop: stop.clone() });
            let (this, kind) = (self.clone(), kind.clone());
            self.tasks.spawn(async move {
                stop.run_until_cancelled(this.watch(&kind, &stop)).await;
            });
        }
    }

    /// What is known now. Waits a while for kinds that were never listed.
    pub(crate) async fn snapshot(&self) -> Arc<Snapshot> {
        let mut listed = self.listed.subscribe();
        let all_listed = async {
            while lock(&self.table).kinds.values().any(|watched| watched.known.is_none()) {
                if listed.changed().await.is_err() {
                    return;
                }
            }
        };
        // What is not known then says so itself.
        let _ = tokio::time::timeout(FIRST_LIST_WITHIN, all_listed).await;
        let mut snapshot = Snapshot::default();
        for (kind, watched) in &lock(&self.table).kinds {
            let unknown = || Err("it was not listed yet".to_owned());
            snapshot.insert(kind.clone(), watched.known.clone().unwrap_or_else(unknown));
        }
        Arc::new(snapshot)
    }

    async fn watch(&self, kind: &GroupKind, stop: &CancellationToken) {
        let resource = loop {
            match self.cluster.find(&kind.0, &kind.1).await {
                Ok(resource) if resource.watchable => break resource,
                Ok(_) => self.learned(kind, stop, Err("it can't be watched".to_owned())).await,
                Err(error) => self.learned(kind, stop, Err(error.to_string())).await,
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        let mut stream = self.cluster.watch(&resource, None, None, View::Full);
        while let Some(event) = stream.next().await {
            match event {
                Ok(WatchEvent::Restarted(objects)) => {
                    let objects = objects.into_iter().filter_map(|object| named(kind, object)).collect();
                    self.learned(kind, stop, Ok(Arc::new(objects))).await;
                }
                Ok(WatchEvent::Applied(object)) => {
                    if let Some((key, text)) = named(kind, object) {
                        self.changed(kind, stop, key, Some(text)).await;
                    }
                }
                Ok(WatchEvent::Deleted(object)) => {
                    if let Some((key, _)) = named(kind, object) {
                        self.changed(kind, stop, key, None).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(?kind, %error, "what a Gate grants can't be watched");
                    // The stream goes on from where it was: what is known stands meanwhile.
                    if lock(&self.table).kinds.get(kind).is_some_and(|watched| watched.known.is_none()) {
                        self.learned(kind, stop, Err(error.to_string())).await;
                    }
                }
            }
        }
    }

    /// Takes all that is known of a kind.
    async fn learned(&self, kind: &GroupKind, stop: &CancellationToken, known: Result<Objects, String>) {
        let relabelled = {
            let mut table = lock(&self.table);
            let others = table.bytes_of_others(kind);
            let Some(watched) = table.kinds.get_mut(kind).filter(|_| !stop.is_cancelled()) else { return };
            let bytes = known.as_ref().map_or(0, |objects| objects.values().map(Bytes::len).sum());
            let known = known.and_then(|objects| within(others + bytes, objects));
            watched.bytes = if known.is_ok() { bytes } else { 0 };
            let before = watched.known.replace(known);
            let first = before.is_none();
            !first && *kind == namespaces() && labels(before.as_ref()) != labels(watched.known.as_ref())
        };
        self.listed.send_modify(|count| *count += 1);
        self.tell(relabelled).await;
    }

    /// Takes one object that is there now, or no longer.
    async fn changed(&self, kind: &GroupKind, stop: &CancellationToken, key: ObjectKey, text: Option<Bytes>) {
        let relabelled = {
            let mut table = lock(&self.table);
            let others = table.bytes_of_others(kind);
            let Some(watched) = table.kinds.get_mut(kind).filter(|_| !stop.is_cancelled()) else { return };
            // Once too much, always too much, until the next list.
            let Some(Ok(objects)) = &mut watched.known else { return };
            let map = Arc::make_mut(objects);
            let size = text.as_ref().map_or(0, Bytes::len);
            let before = match text.clone() {
                Some(text) => map.insert(key, text),
                None => map.remove(&key),
            };
            watched.bytes = (watched.bytes + size).saturating_sub(before.as_ref().map_or(0, Bytes::len));
            if let Err(problem) = within(others + watched.bytes, ()) {
                watched.known = Some(Err(problem));
                watched.bytes = 0;
            }
            *kind == namespaces() && labels_of(before.as_ref()) != labels_of(text.as_ref())
        };
        self.tell(relabelled).await;
    }

    /// Gates may select other Applications now.
    async fn tell(&self, relabelled: bool) {
        if relabelled {
            // The controller is gone only when everything ends.
            let _ = self.events.send(Event::RulesChanged).await;
        }
    }
}

impl Table {
    fn bytes_of_others(&self, kind: &GroupKind) -> usize {
        self.kinds.iter().filter(|(other, _)| *other != kind).map(|(_, watched)| watched.bytes).sum()
    }
}

/// An object that can be read.
fn named(kind: &GroupKind, object: Value) -> Option<(ObjectKey, Bytes)> {
    if unreadable(&object).is_some() { None } else { kept(kind, object) }
}

fn labels(known: Option<&Result<Objects, String>>) -> BTreeMap<&str, Option<Value>> {
    let objects = known.and_then(|known| known.as_ref().ok());
    let objects = objects.into_iter().flat_map(|objects| objects.iter());
    objects.map(|(key, text)| (key.name.as_str(), labels_of(Some(text)))).collect()
}

fn labels_of(text: Option<&Bytes>) -> Option<Value> {
    let object: Value = serde_json::from_slice(text?).ok()?;
    object.pointer("/metadata/labels").cloned()
}
