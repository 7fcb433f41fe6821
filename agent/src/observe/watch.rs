//! Follows the live objects of every kind of which something is owned.
//!
//! One watch a kind, on the label that every owned object carries. Kinds
//! without a status are watched by their metadata alone.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::Value;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Notice;
use super::index::{Index, Noticed, RollUp};
use crate::apply::live_of;
use crate::cluster::{Cluster, Gvk, Resource, View, WatchEvent};
use crate::lock::lock;
use crate::object::{APPLICATION_UID_LABEL, Name, ObjectKey};
use crate::plugin::{Assessment, HealthState, PluginError};

/// How long the first list of a kind is awaited before a sync goes on without it.
const FIRST_LIST_WITHIN: Duration = Duration::from_secs(10);
/// How long reports of the same moment are gathered before they are assessed.
const GATHER: Duration = Duration::from_millis(100);

/// Kinds that have no status: they are healthy when they exist.
const WITHOUT_STATUS: [(&str, &str); 12] = [
    ("", "ConfigMap"),
    ("", "Secret"),
    ("", "ServiceAccount"),
    ("", "Endpoints"),
    ("", "LimitRange"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "StorageClass"),
];

/// The rules by which live objects are assessed.
pub(crate) trait HealthRules: Send + Sync {
    /// One answer for each object, in their order. Blocks.
    fn assess(&self, objects: &[Bytes]) -> Result<Vec<Assessment>, PluginError>;
}

/// Watches, and remembers what it saw.
pub(crate) struct Observer {
    cluster: Cluster,
    rules: Arc<dyn HealthRules>,
    notices: mpsc::Sender<Notice>,
    stop: CancellationToken,
    tasks: TaskTracker,
    index: Mutex<Index>,
    /// By kind, whether its first list was taken in.
    kinds: Mutex<HashMap<(String, String), watch::Sender<bool>>>,
    /// Objects that wait to be assessed, the newest state of each. Bounded by
    /// the number of owned objects.
    unassessed: Mutex<HashMap<ObjectKey, (String, Bytes)>>,
    wake: Notify,
    /// When the drift that is being corrected was noticed.
    noticed: Mutex<HashMap<ObjectKey, Instant>>,
}

impl Observer {
    pub(crate) fn new(
        cluster: Cluster,
        rules: Arc<dyn HealthRules>,
        notices: mpsc::Sender<Notice>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let observer = Arc::new(Self {
            cluster,
            rules,
            notices,
            stop,
            tasks: TaskTracker::new(),
            index: Mutex::default(),
            kinds: Mutex::default(),
            unassessed: Mutex::default(),
            wake: Notify::new(),
            noticed: Mutex::default(),
        });
        observer.tasks.spawn(Arc::clone(&observer).assess_forever());
        observer
    }

    /// Ends every watch.
    pub(crate) async fn stopped(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// What is known of the live objects.
    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.index)
    }

    /// How an Application's objects do.
    pub(crate) fn roll_up(&self, application: &Name) -> RollUp {
        self.index().roll_up(application)
    }

    /// How long ago the drift of an object was noticed; asked once.
    pub(crate) fn take_noticed(&self, key: &ObjectKey) -> Option<Duration> {
        lock(&self.noticed).remove(key).map(|at| at.elapsed())
    }

    /// Watches these kinds from now on, and returns when each was listed once,
    /// or can't be.
    pub(crate) async fn follow(self: &Arc<Self>, kinds: BTreeSet<Gvk>) {
        let mut listed = Vec::new();
        for gvk in kinds {
            let Ok(resource) = self.cluster.resolve(&gvk).await else { continue };
            if !resource.watchable {
                continue;
            }
            let kind = (gvk.group.clone(), gvk.kind.clone());
            let mut followed = lock(&self.kinds);
            let sender = followed.entry(kind).or_insert_with(|| {
                let sender = watch::Sender::new(false);
                self.tasks.spawn(Arc::clone(self).watch(resource, sender.clone()));
                sender
            });
            listed.push(sender.subscribe());
        }
        let all = async {
            for listed in &mut listed {
                // It ends only with the observer.
                let _ = listed.wait_for(|listed| *listed).await.is_ok();
            }
        };
        if tokio::time::timeout(FIRST_LIST_WITHIN, all).await.is_err() {
            tracing::warn!("some kinds could not be listed in time; their objects are written to be sure");
        }
    }

    async fn watch(self: Arc<Self>, resource: Arc<Resource>, listed: watch::Sender<bool>) {
        let without_status =
            WITHOUT_STATUS.contains(&(resource.gvk.group.as_str(), resource.gvk.kind.as_str()));
        let view = if without_status { View::Metadata } else { View::Full };
        let mut events = self.cluster.watch(&resource, None, Some(APPLICATION_UID_LABEL), view);
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = self.stop.cancelled() => return,
            };
            match event {
                Some(Ok(event)) => {
                    let restarted = matches!(event, WatchEvent::Restarted(_));
                    self.take_in(&resource, view, event).await;
                    if restarted {
                        listed.send_replace(true);
                    }
                }
                Some(Err(error)) => {
                    tracing::warn!(kind = %resource.gvk, %error, "watch");
                    // Whoever waits for the list goes on without it.
                    listed.send_replace(true);
                }
                None => return,
            }
        }
    }

    async fn take_in(&self, resource: &Resource, view: View, event: WatchEvent) {
        let mut noticed = Vec::new();
        match event {
            WatchEvent::Restarted(objects) => {
                let present = objects.iter().filter_map(|object| key_of(resource, object)).collect();
                noticed.extend(self.index().listed(&resource.gvk.group, &resource.gvk.kind, &present));
                noticed.extend(objects.into_iter().filter_map(|object| self.see(resource, view, &object)));
            }
            WatchEvent::Applied(object) => noticed.extend(self.see(resource, view, &object)),
            WatchEvent::Deleted(object) => {
                if let Some(key) = key_of(resource, &object) {
                    let what = self.index().vanished(&key);
                    noticed.push((key, what));
                }
            }
        }
        let mut changed = BTreeSet::new();
        for (key, what) in noticed {
            match what {
                Noticed::Nothing => {}
                Noticed::Changed(application) => drop(changed.insert(application)),
                Noticed::Drifted(application) => {
                    changed.insert(application.clone());
                    self.drifted(&application, key).await;
                }
            }
        }
        // Kinds with a status are reported when they were assessed.
        if view == View::Metadata {
            self.report(changed).await;
        }
    }

    /// Takes one object in; what it says of health waits to be assessed.
    fn see(&self, resource: &Resource, view: View, object: &Value) -> Option<(ObjectKey, Noticed)> {
        let key = key_of(resource, object)?;
        let mut index = self.index();
        let (_, manager) = index.owner(&key)?;
        let live = live_of(object, manager)?;
        let version = live.resource_version.clone();
        let noticed = index.seen(&key, live);
        if noticed == Noticed::Nothing {
            return None;
        }
        match view {
            View::Metadata => index.assessed(&key, &version, exists()),
            View::Full => {
                let bytes = Bytes::from(object.to_string());
                lock(&self.unassessed).insert(key.clone(), (version, bytes));
                self.wake.notify_one();
            }
        }
        Some((key, noticed))
    }

    async fn assess_forever(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = self.wake.notified() => {}
                () = self.stop.cancelled() => return,
            }
            tokio::time::sleep(GATHER).await;
            let waiting = std::mem::take(&mut *lock(&self.unassessed));
            let mut by_application: HashMap<Name, Vec<(ObjectKey, String, Bytes)>> = HashMap::new();
            for (key, (version, bytes)) in waiting {
                let application = self.index().owner(&key).map(|(application, _)| application.clone());
                if let Some(application) = application {
                    by_application.entry(application).or_default().push((key, version, bytes));
                }
            }
            let mut changed = BTreeSet::new();
            for (application, objects) in by_application {
                let assessments =
                    self.assess(objects.iter().map(|(_, _, bytes)| bytes.clone()).collect()).await;
                let mut index = self.index();
                for ((key, version, _), assessment) in objects.iter().zip(assessments) {
                    index.assessed(key, version, assessment);
                }
                drop(index);
                changed.insert(application);
            }
            self.report(changed).await;
        }
    }

    /// Assesses live objects of one Application. While the rules can't answer,
    /// health is awaited, and the message says why.
    pub(crate) async fn assess(&self, objects: Vec<Bytes>) -> Vec<Assessment> {
        let count = objects.len();
        if count == 0 {
            return Vec::new();
        }
        let rules = Arc::clone(&self.rules);
        let result = tokio::task::spawn_blocking(move || rules.assess(&objects)).await;
        let problem = match result {
            Ok(Ok(assessments)) if assessments.len() == count => return assessments,
            Ok(Ok(assessments)) => format!("{} answers on {count} objects", assessments.len()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        let message = format!("the health rules gave no answer: {problem}");
        vec![Assessment { state: HealthState::Progressing, message }; count]
    }

    /// Gives notice of an object that is not as it was applied.
    pub(crate) async fn drifted(&self, application: &Name, key: ObjectKey) {
        lock(&self.noticed).entry(key.clone()).or_insert_with(Instant::now);
        self.tell(Notice::Drifted { application: application.clone(), object: key }).await;
    }

    async fn report(&self, applications: BTreeSet<Name>) {
        for name in applications {
            let state = self.roll_up(&name).state;
            self.tell(Notice::Health { application: name, state }).await;
        }
    }

    /// Waits while nobody takes the notices.
    async fn tell(&self, notice: Notice) {
        // Whoever takes them is gone only when everything ends.
        let _ = self.notices.send(notice).await;
    }
}

/// The verdict on an object of a kind without a status.
fn exists() -> Assessment {
    Assessment { state: HealthState::Healthy, message: "exists".to_owned() }
}

fn key_of(resource: &Resource, object: &Value) -> Option<ObjectKey> {
    let metadata = object.get("metadata")?;
    Some(ObjectKey {
        group: resource.gvk.group.clone(),
        kind: resource.gvk.kind.clone(),
        namespace: metadata.get("namespace").and_then(Value::as_str).map(str::to_owned),
        name: metadata.get("name")?.as_str()?.to_owned(),
    })
}
