//! Notices when an object changes that values are from.
//!
//! Watches by name, so that the right to read single objects is enough, and
//! only while this agent leads. Where an object may be read but not watched, it
//! is read from time to time. What counts is what the object holds: whoever
//! only touches it starts nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::references;
use crate::api::Application;
use crate::cluster::{Cluster, ClusterError, Resource, View, WatchEvent};
use crate::controller::keys::Keys;
use crate::lock::lock;
use crate::object::Name;

/// Objects that are watched at once. Those beyond are read at each sync only.
const MAX_WATCHED: usize = 1_000;
/// Of them, those of one namespace.
const MAX_WATCHED_OF_NAMESPACE: usize = 100;

/// An object with values, and as whom it is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Reference {
    pub(crate) kind: &'static str,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// A service account of its namespace; the agent itself without one.
    pub(crate) account: Option<String>,
}

impl Reference {
    fn resource(&self) -> Resource {
        let plural = if self.kind == "Secret" { "secrets" } else { "configmaps" };
        Resource::known("", "v1", self.kind, plural, true)
    }
}

/// What an object holds, as a digest; nothing, where there is none.
pub(crate) type Content = Option<[u8; 32]>;

/// The digest of what a `ConfigMap` or a `Secret` holds.
pub(crate) fn content_of(object: &Value) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for field in ["data", "binaryData"] {
        // The map sorts its keys, so equal data has equal text.
        hasher.update(object.get(field).unwrap_or(&Value::Null).to_string());
        hasher.update([0]);
    }
    // Whether it may be read may have changed.
    hasher.update(object.pointer("/metadata/labels").unwrap_or(&Value::Null).to_string());
    hasher.finalize().into()
}

/// One watched object.
#[derive(Default)]
struct Watched {
    /// As the watch tells it.
    seen: Option<Content>,
    /// Counts what the watch has told.
    told: u64,
    /// The Applications that use it, each with what it was last read as.
    users: BTreeMap<Name, Option<Content>>,
    /// Ends its watch, while there is one.
    stop: Option<CancellationToken>,
}

#[derive(Default)]
struct Table {
    leading: bool,
    objects: BTreeMap<Reference, Watched>,
}

/// All objects that values are from.
pub(crate) struct ValuesWatch {
    cluster: Cluster,
    /// The agent's own.
    namespace: String,
    table: Mutex<Table>,
    /// Is told of Applications whose values are others than those that they were synced with.
    changed: mpsc::Sender<Name>,
    tasks: TaskTracker,
}

impl ValuesWatch {
    pub(crate) fn new(
        cluster: Cluster,
        namespace: String,
        changed: mpsc::Sender<Name>,
        tasks: TaskTracker,
    ) -> Self {
        Self { cluster, namespace, table: Mutex::default(), changed, tasks }
    }

    /// Where the values of the whole cluster are.
    pub(crate) fn own_namespace(&self) -> &str {
        &self.namespace
    }

    /// Looks after the objects that an Application's values are from, and no others for it.
    pub(crate) fn follow(self: &Arc<Self>, name: &Name, application: &Application) {
        self.use_only(name, &references(name, application, &self.namespace));
    }

    /// An Application is gone.
    pub(crate) fn forget(self: &Arc<Self>, name: &Name) {
        self.use_only(name, &[]);
    }

    fn use_only(self: &Arc<Self>, name: &Name, references: &[Reference]) {
        let mut table = lock(&self.table);
        table.objects.retain(|reference, watched| {
            if !references.contains(reference) {
                watched.users.remove(name);
            }
            let used = !watched.users.is_empty();
            if !used && let Some(stop) = &watched.stop {
                stop.cancel();
            }
            used
        });
        let mut left_out = 0;
        for reference in references {
            if table.objects.contains_key(reference) || table.has_room_for(&reference.namespace) {
                table.objects.entry(reference.clone()).or_default().users.entry(name.clone()).or_default();
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            tracing::warn!(
                application = %name, left_out, limit = MAX_WATCHED, of_namespace = MAX_WATCHED_OF_NAMESPACE,
                "too many objects have values; a change of these is noticed with the next sync only"
            );
        }
        self.start(&mut table);
    }

    /// Watches only while this agent writes.
    pub(crate) fn lead(self: &Arc<Self>, leading: bool) {
        let mut table = lock(&self.table);
        table.leading = leading;
        if leading {
            self.start(&mut table);
        } else {
            for watched in table.objects.values_mut() {
                watched.seen = None;
                if let Some(stop) = watched.stop.take() {
                    stop.cancel();
                }
            }
        }
    }

    fn start(self: &Arc<Self>, table: &mut Table) {
        if !table.leading {
            return;
        }
        for (reference, watched) in table.objects.iter_mut().filter(|(_, watched)| watched.stop.is_none()) {
            let stop = CancellationToken::new();
            watched.stop = Some(stop.clone());
            let (this, reference) = (self.clone(), reference.clone());
            self.tasks.spawn(async move {
                stop.run_until_cancelled(this.watch(&reference, &stop)).await;
            });
        }
    }

    async fn watch(&self, reference: &Reference, stop: &CancellationToken) {
        let cluster = match &reference.account {
            Some(account) => self.cluster.impersonate(&reference.namespace, account),
            None => Ok(self.cluster.clone()),
        };
        // Reading it fails too, and tells.
        let Ok(cluster) = cluster else { return };
        let Reference { namespace, name, .. } = reference;
        let mut stream = cluster.watch_object(&reference.resource(), namespace, name, View::Full);
        let mut failing = false;
        while let Some(event) = stream.next().await {
            let seen = match event {
                Ok(WatchEvent::Restarted(objects)) => objects.first().map(content_of),
                Ok(WatchEvent::Applied(object)) => Some(content_of(&object)),
                Ok(WatchEvent::Deleted(_)) => None,
                Err(error) => {
                    if !failing {
                        tracing::info!(object = ?reference, %error, "not watched now; it is read from time to time");
                    }
                    failing = true;
                    // Errors come ever later, up to half a minute.
                    match Keys::read(&cluster, reference.kind, namespace, name).await {
                        Ok(keys) => Some(keys.content()),
                        Err(ClusterError::NotFound { .. }) => None,
                        Err(_) => continue,
                    }
                }
            };
            self.was_seen(reference, seen, stop).await;
        }
    }

    async fn was_seen(&self, reference: &Reference, content: Content, stop: &CancellationToken) {
        let outdated: Vec<Name> = {
            let mut table = lock(&self.table);
            let Some(watched) = table.objects.get_mut(reference) else { return };
            if stop.is_cancelled() {
                return;
            }
            watched.seen = Some(content);
            watched.told += 1;
            let users = watched.users.iter();
            let outdated = users.filter(|(_, read)| read.is_some_and(|read| read != content));
            outdated.map(|(name, _)| name.clone()).collect()
        };
        for name in outdated {
            // The controller is gone only when everything ends.
            let _ = self.changed.send(name).await;
        }
    }

    /// An Application is about to read an object: what to hand to
    /// [`ValuesWatch::was_read`].
    pub(crate) fn reads(&self, reference: &Reference) -> u64 {
        lock(&self.table).objects.get(reference).map_or(0, |watched| watched.told)
    }

    /// An Application has read an object. Where the watch told something else
    /// meanwhile, it reads once more; what the watch told before may be older.
    pub(crate) async fn was_read(&self, name: &Name, reference: &Reference, since: u64, content: Content) {
        let outdated = {
            let mut table = lock(&self.table);
            let Some(watched) = table.objects.get_mut(reference) else { return };
            let Some(read) = watched.users.get_mut(name) else { return };
            *read = Some(content);
            watched.told != since && watched.seen.is_some_and(|seen| seen != content)
        };
        if outdated {
            let _ = self.changed.send(name.clone()).await;
        }
    }
}

impl Table {
    fn has_room_for(&self, namespace: &str) -> bool {
        let of_namespace = self.objects.keys().filter(|reference| reference.namespace == namespace).count();
        self.objects.len() < MAX_WATCHED && of_namespace < MAX_WATCHED_OF_NAMESPACE
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_counts_is_what_an_object_holds_and_whether_it_may_be_read() {
        let object = |more: Value| {
            let mut object =
                json!({"metadata": {"name": "a", "resourceVersion": "1"}, "data": {"b": "1", "a": "2"}});
            object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            content_of(&object)
        };
        let first = object(json!({}));
        assert_eq!(
            object(json!({"metadata": {"resourceVersion": "2", "annotations": {"touched": "yes"}}})),
            first
        );
        assert_ne!(object(json!({"data": {"b": "2", "a": "2"}})), first);
        assert_ne!(object(json!({"binaryData": {"c": ""}})), first);
        assert_ne!(object(json!({"metadata": {"labels": {"a": "b"}}})), first);
    }
}
