//! Notices when an object changes that values are from.
//!
//! Watches by name and only the metadata, so that the right to read single
//! objects is enough; and only while this agent leads. An object that may not
//! be watched is read at each sync all the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::references;
use crate::api::Application;
use crate::cluster::{Cluster, Resource, View, WatchEvent};
use crate::lock::lock;
use crate::object::Name;

/// Objects that are watched at once. Those beyond are read at each sync only.
const MAX_WATCHED: usize = 1_000;

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

/// The state of an object: its resource version, or that there is none.
type State = Option<String>;

/// One watched object.
#[derive(Default)]
struct Watched {
    /// As the watch tells it.
    seen: Option<State>,
    /// The Applications that use it, each with the state that it was last read in.
    users: BTreeMap<Name, Option<State>>,
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
        for reference in references {
            if table.objects.len() >= MAX_WATCHED && !table.objects.contains_key(reference) {
                tracing::warn!(application = %name, object = ?reference, limit = MAX_WATCHED, "not watched: too many objects have values");
                continue;
            }
            table.objects.entry(reference.clone()).or_default().users.entry(name.clone()).or_default();
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
                tokio::select! {
                    () = this.watch(&reference) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
    }

    async fn watch(&self, reference: &Reference) {
        let cluster = match &reference.account {
            Some(account) => self.cluster.impersonate(&reference.namespace, account),
            None => Ok(self.cluster.clone()),
        };
        // Reading it fails too, and tells.
        let Ok(cluster) = cluster else { return };
        let Reference { namespace, name, .. } = reference;
        let mut stream = cluster.watch_object(&reference.resource(), namespace, name, View::Metadata);
        let version = |object: &Value| {
            object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned)
        };
        let mut failing = false;
        while let Some(event) = stream.next().await {
            let seen = match event {
                Ok(WatchEvent::Restarted(objects)) => objects.first().and_then(version),
                Ok(WatchEvent::Applied(object)) => version(&object),
                Ok(WatchEvent::Deleted(_)) => None,
                Err(error) => {
                    if !failing {
                        tracing::warn!(object = ?reference, %error, "values are read at each sync only");
                    }
                    failing = true;
                    continue;
                }
            };
            failing = false;
            self.was_seen(reference, seen).await;
        }
    }

    async fn was_seen(&self, reference: &Reference, state: State) {
        let outdated: Vec<Name> = {
            let mut table = lock(&self.table);
            let Some(watched) = table.objects.get_mut(reference) else { return };
            watched.seen = Some(state.clone());
            let users = watched.users.iter();
            users
                .filter(|(_, read)| read.as_ref().is_some_and(|read| *read != state))
                .map(|(name, _)| name.clone())
                .collect()
        };
        for name in outdated {
            // The controller is gone only when everything ends.
            let _ = self.changed.send(name).await;
        }
    }

    /// An Application has read an object in this state. What is seen and what
    /// is read may come in either order; where they differ, it reads once more.
    pub(crate) async fn was_read(&self, name: &Name, reference: &Reference, version: Option<&str>) {
        let state: State = version.map(str::to_owned);
        let outdated = {
            let mut table = lock(&self.table);
            let Some(watched) = table.objects.get_mut(reference) else { return };
            let Some(read) = watched.users.get_mut(name) else { return };
            *read = Some(state.clone());
            watched.seen.as_ref().is_some_and(|seen| *seen != state)
        };
        if outdated {
            let _ = self.changed.send(name.clone()).await;
        }
    }
}
