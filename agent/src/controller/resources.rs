//! Follows the agent's own resources and tells the controller of them.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, Resource as ApplicationResource, owner_of};
use super::event::{Event, send};
use super::plugins::PluginSet;
use super::sync::PRUNE_CONSENT_ANNOTATION;
use super::values::watch::ValuesWatch;
use crate::api::{Application, Gate, Plugin, Repository};
use crate::cluster::{Cluster, Resource, View, WatchEvent, unreadable};
use crate::gate;
use crate::lock::lock;
use crate::object::Name;
use crate::observe::watch::Observer;
use crate::plan::inventory::Inventory;

/// What is known of the agent's own resources.
#[derive(Default)]
pub(crate) struct Known {
    repositories: Mutex<HashMap<Name, Arc<Repository>>>,
    applications: Mutex<HashMap<Name, Arc<Entry>>>,
    gates: Mutex<BTreeMap<String, Arc<Gate>>>,
    /// Gates that were never read, with the reason.
    unread_gates: Mutex<BTreeMap<String, String>>,
    plugins: Mutex<BTreeMap<String, Arc<Plugin>>>,
}

/// One Application.
pub(crate) struct Entry {
    pub(crate) resource: ApplicationResource,
    pub(crate) desk: tokio::sync::Mutex<Desk>,
}

impl Known {
    pub(crate) fn repository(&self, name: &Name) -> Option<Arc<Repository>> {
        lock(&self.repositories).get(name).cloned()
    }

    pub(crate) fn application(&self, name: &Name) -> Option<Arc<Entry>> {
        lock(&self.applications).get(name).cloned()
    }

    pub(crate) fn gates(&self) -> Vec<Arc<Gate>> {
        lock(&self.gates).values().cloned().collect()
    }

    /// What judges: the Gates, and for one that can't be read something that
    /// refuses everything, for nobody knows what it would refuse.
    pub(crate) fn judging(&self) -> Vec<gate::Gate> {
        let unread = lock(&self.unread_gates).clone();
        let gates = self.gates();
        let unread = unread.iter().map(|(name, why)| gate::Gate::unread(name, why));
        gates.iter().map(|gate| gate::Gate::from(&**gate)).chain(unread).collect()
    }

    pub(crate) fn plugins(&self) -> Vec<Arc<Plugin>> {
        lock(&self.plugins).values().cloned().collect()
    }

    /// Whether this Application only has the name of the one that is known.
    fn is_another(&self, name: &Name, object: &Value) -> bool {
        let uid = object.pointer("/metadata/uid").and_then(Value::as_str);
        let known = self.application(name);
        known.is_some_and(|entry| entry.resource.get().metadata.uid.as_deref() != uid)
    }

    /// How many Repositories and Applications there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (lock(&self.repositories).len(), lock(&self.applications).len())
    }
}

/// Watches kinds of resources and keeps what is known of them.
#[derive(Clone)]
pub(crate) struct Follower {
    pub(crate) known: Arc<Known>,
    pub(crate) observer: Arc<Observer>,
    pub(crate) plugins: Arc<PluginSet>,
    pub(crate) values: Arc<ValuesWatch>,
    pub(crate) events: mpsc::Sender<Event>,
}

/// Which of the agent's own kinds is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Repository,
    Application,
    Gate,
    Plugin,
}

impl Kind {
    /// In the order in which they are listed first: what judges is known
    /// before what is judged.
    pub(crate) const ALL: [Self; 4] = [Self::Plugin, Self::Gate, Self::Repository, Self::Application];

    /// Whether it decides what may be written. One of these that was never
    /// read could forbid anything, so the first list is not complete without it.
    fn judges(self) -> bool {
        matches!(self, Self::Gate | Self::Plugin)
    }

    fn resource(self) -> Resource {
        let (kind, plural, namespaced) = match self {
            Self::Repository => ("Repository", "repositories", true),
            Self::Application => ("Application", "applications", true),
            Self::Gate => ("Gate", "gates", false),
            Self::Plugin => ("Plugin", "plugins", false),
        };
        Resource::known(crate::api::GROUP, crate::api::VERSION, kind, plural, namespaced)
    }
}

impl Follower {
    /// Follows one kind until `stop`. `listed` becomes true with its first list.
    pub(crate) async fn follow(
        self,
        kind: Kind,
        cluster: Cluster,
        listed: watch::Sender<bool>,
        stop: CancellationToken,
    ) {
        let mut stream = cluster.watch(&kind.resource(), None, None, View::Full);
        let mut present: BTreeSet<Name> = BTreeSet::new();
        let mut unread: BTreeSet<Name> = BTreeSet::new();
        let mut complete = false;
        loop {
            let event = tokio::select! {
                event = stream.next() => event,
                () = stop.cancelled() => return,
            };
            match event {
                Some(Ok(WatchEvent::Restarted(objects))) => {
                    let now: BTreeSet<Name> = objects.iter().filter_map(name_of).collect();
                    for gone in present.difference(&now) {
                        self.gone(kind, gone).await;
                    }
                    present = now;
                    unread = objects.iter().filter(|object| is_unread(object)).filter_map(name_of).collect();
                    for object in objects {
                        self.set(kind, object).await;
                    }
                    complete = true;
                }
                Some(Ok(WatchEvent::Applied(object))) => {
                    if let Some(name) = name_of(&object) {
                        present.insert(name.clone());
                        unread.remove(&name);
                        unread.extend(is_unread(&object).then_some(name));
                    }
                    self.set(kind, object).await;
                }
                Some(Ok(WatchEvent::Deleted(object))) => {
                    if let Some(name) = name_of(&object) {
                        present.remove(&name);
                        unread.remove(&name);
                        self.gone(kind, &name).await;
                    }
                }
                Some(Err(error)) => tracing::warn!(?kind, %error, "watch"),
                None => return,
            }
            if complete && (unread.is_empty() || !kind.judges()) {
                listed.send_replace(true);
            }
        }
    }

    async fn set(&self, kind: Kind, mut object: Value) {
        let Some(name) = name_of(&object) else { return };
        if let Some(why) = unreadable(&object) {
            // One resource that can't be read is its own problem; its last good state stays.
            tracing::error!(?kind, %name, why, "a resource can't be read; write it flatter, or delete it");
            if kind == Kind::Application && self.known.is_another(&name, &object) {
                // What is known is of one that was deleted meanwhile.
                self.gone(kind, &name).await;
            }
            if kind == Kind::Gate {
                self.could_not_read_gate(&name.name, why).await;
            }
            return;
        }
        // Nobody asks for it here, and it is the largest part of what would be kept.
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let result = match kind {
            Kind::Repository => self.set_repository(name.clone(), object).await,
            Kind::Application => self.set_application(name.clone(), object).await,
            Kind::Gate => self.set_gate(&name, object).await,
            Kind::Plugin => self.set_plugin(&name, object).await,
        };
        if let Err(error) = result {
            // As above.
            tracing::error!(?kind, %name, %error, "a resource can't be read");
            if kind == Kind::Gate {
                self.could_not_read_gate(&name.name, &error.to_string()).await;
            }
        }
    }

    async fn set_repository(&self, name: Name, object: Value) -> Result<(), serde_json::Error> {
        let repository: Repository = parse(object)?;
        let event = Event::RepositorySet {
            name: name.clone(),
            version: repository_version(&repository),
            interval: repository.spec.interval.get(),
            suspended: repository.spec.suspend,
        };
        lock(&self.known.repositories).insert(name, Arc::new(repository));
        send(&self.events, event).await;
        Ok(())
    }

    async fn set_application(&self, name: Name, object: Value) -> Result<(), serde_json::Error> {
        let mut application: Application = parse(object)?;
        let event = Event::ApplicationSet {
            name: name.clone(),
            version: application_version(&application),
            repository: Name {
                namespace: name.namespace.clone(),
                name: application.spec.repository.name.clone(),
            },
            suspended: application.spec.suspend,
            health_timeout: application.spec.health_timeout.get(),
        };
        self.values.follow(&name, &application);
        let status = application.status.take().unwrap_or_default();
        let known = self.known.application(&name);
        let same = known.filter(|entry| entry.resource.get().metadata.uid == application.metadata.uid);
        if let Some(entry) = same {
            entry.resource.set(application);
        } else {
            let manager = owner_of(&name, &application).field_manager();
            self.observer.index().track(&name, &manager, &Inventory::from(status.inventory.as_slice()));
            let desk = tokio::sync::Mutex::new(Desk::new(name.clone(), &application, status));
            let entry = Entry { resource: ApplicationResource::new(application), desk };
            lock(&self.known.applications).insert(name, Arc::new(entry));
        }
        send(&self.events, event).await;
        Ok(())
    }

    async fn set_gate(&self, name: &Name, object: Value) -> Result<(), serde_json::Error> {
        let gate: Arc<Gate> = Arc::new(parse(object)?);
        let former = lock(&self.known.gates).insert(name.name.clone(), gate.clone());
        lock(&self.known.unread_gates).remove(&name.name);
        if former.is_none_or(|former| former.spec != gate.spec) {
            send(&self.events, Event::RulesChanged).await;
        }
        Ok(())
    }

    /// The last good state of a Gate stays; one that has none judges too.
    async fn could_not_read_gate(&self, name: &str, why: &str) {
        if lock(&self.known.gates).contains_key(name) {
            return;
        }
        let former = lock(&self.known.unread_gates).insert(name.to_owned(), why.to_owned());
        if former.is_none() {
            send(&self.events, Event::RulesChanged).await;
        }
    }

    async fn set_plugin(&self, name: &Name, object: Value) -> Result<(), serde_json::Error> {
        let plugin: Arc<Plugin> = Arc::new(parse(object)?);
        let former = lock(&self.known.plugins).insert(name.name.clone(), plugin.clone());
        if former.is_none_or(|former| former.spec != plugin.spec) {
            self.allow_plugins().await;
            send(&self.events, Event::RulesChanged).await;
        }
        Ok(())
    }

    /// Other limits load a plugin anew, which takes its time; nobody but this follower waits for it.
    async fn allow_plugins(&self) {
        let resources = self.known.plugins();
        let named = |plugin: &Arc<Plugin>| Some((plugin.metadata.name.clone()?, plugin.spec.clone()));
        let specs = resources.iter().filter_map(named).collect();
        let plugins = self.plugins.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || plugins.set_resources(specs)).await {
            tracing::error!(%error, "take over the Plugins");
        }
    }

    async fn gone(&self, kind: Kind, name: &Name) {
        match kind {
            Kind::Repository => {
                lock(&self.known.repositories).remove(name);
                send(&self.events, Event::RepositoryGone(name.clone())).await;
            }
            Kind::Application => {
                lock(&self.known.applications).remove(name);
                self.values.forget(name);
                send(&self.events, Event::ApplicationGone(name.clone())).await;
            }
            Kind::Gate => {
                lock(&self.known.gates).remove(&name.name);
                lock(&self.known.unread_gates).remove(&name.name);
                send(&self.events, Event::RulesChanged).await;
            }
            Kind::Plugin => {
                lock(&self.known.plugins).remove(&name.name);
                self.allow_plugins().await;
                send(&self.events, Event::RulesChanged).await;
            }
        }
    }
}

/// Changes with whatever decides what a poll finds.
pub(crate) fn repository_version(repository: &Repository) -> u64 {
    let spec = &repository.spec;
    let mut hasher = DefaultHasher::new();
    repository.metadata.uid.hash(&mut hasher);
    spec.url.hash(&mut hasher);
    format!("{:?}{:?}{:?}{:?}", spec.reference, spec.secret_ref, spec.timeout, spec.limits).hash(&mut hasher);
    hasher.finish()
}

/// Changes with whatever a user can decide of an Application.
fn application_version(application: &Application) -> u64 {
    let metadata = &application.metadata;
    let consent = metadata.annotations.as_ref().and_then(|all| all.get(PRUNE_CONSENT_ANNOTATION));
    // Gates select by labels. Those of the ApplySet are the agent's own.
    let labels = metadata.labels.iter().flatten();
    let labels: Vec<_> = labels.filter(|(key, _)| !key.starts_with("applyset.kubernetes.io/")).collect();
    let mut hasher = DefaultHasher::new();
    (&metadata.uid, metadata.generation, consent, labels).hash(&mut hasher);
    hasher.finish()
}

fn parse<T: DeserializeOwned>(object: Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(object)
}

fn is_unread(object: &Value) -> bool {
    unreadable(object).is_some()
}

fn name_of(object: &Value) -> Option<Name> {
    let metadata = object.get("metadata")?;
    Some(Name {
        namespace: metadata.get("namespace").and_then(Value::as_str).unwrap_or_default().to_owned(),
        name: metadata.get("name")?.as_str()?.to_owned(),
    })
}
