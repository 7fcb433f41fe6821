//! Watching: a consistent list, then every change, for as long as the stream
//! is polled.
//!
//! A watch lasts less than a minute and is then opened anew from where it
//! ended, so that a connection that died silently hides nothing for long. When
//! the server has forgotten that place, or after errors, a new list is made:
//! it replaces all that was told before, and what is not in it is gone.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, stream};
use http::Request;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ApiResource;
use kube::client::Body;
use kube::core::DynamicResourceScope;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ClusterError;
use super::item::{Item, only_metadata};
use super::kind::{Resource, View};
use super::read::{MAX_LISTED, name_kind, too_many};
use super::{Cluster, Verb, causes};

/// What a watch tells.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent {
    /// All that match, as of one moment. What was told before and is not here
    /// is gone, or matches no longer.
    Restarted(Vec<Value>),
    /// An object was made or changed.
    Applied(Value),
    /// An object left the view: it is gone, or matches no longer.
    Deleted(Value),
}

type Events = BoxStream<'static, Result<Event<Value>, watcher::Error>>;

impl Cluster {
    /// Watches the objects of a kind that match. Without a namespace, those of
    /// all.
    ///
    /// After an error the stream goes on by itself, later each time, up to half
    /// a minute. It ends only after [`ClusterError::TooMany`].
    pub fn watch(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: Option<&str>,
        view: View,
    ) -> impl Stream<Item = Result<WatchEvent, ClusterError>> + Send + Unpin + use<> {
        let config =
            watcher::Config { label_selector: labels.map(str::to_owned), ..watcher::Config::default() };
        self.watch_with(config, resource, namespace, view)
    }

    /// Watches one object of a namespace, which may not be there yet. As
    /// [`Cluster::watch`]; the right to list and watch objects of this name is
    /// enough.
    pub fn watch_object(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        view: View,
    ) -> impl Stream<Item = Result<WatchEvent, ClusterError>> + Send + Unpin + use<> {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        self.watch_with(config, resource, Some(namespace), view)
    }

    fn watch_with(
        &self,
        config: watcher::Config,
        resource: &Resource,
        namespace: Option<&str>,
        view: View,
    ) -> impl Stream<Item = Result<WatchEvent, ClusterError>> + Send + Unpin + use<> {
        let seconds = u32::try_from(self.shared.watch_timeout.as_secs()).unwrap_or(u32::MAX).max(1);
        let config = config.timeout(seconds);
        let client = self.watch_client();
        let events = match view {
            View::Full => events::<false>(client, resource, namespace, config),
            View::Metadata => events::<true>(client, resource, namespace, config),
        };
        let state = Watching {
            events,
            resource: resource.clone(),
            gate: Arc::clone(&self.shared.initial_lists),
            permit: None,
            listed: None,
            ended: false,
        };
        stream::unfold(state, |mut state| async move { Some((state.next().await?, state)) }).boxed()
    }

    /// A client for kube's watcher that sends as we do: counted, under our
    /// identity, and never waiting for the head of an answer without end.
    fn watch_client(&self) -> kube::Client {
        let cluster = self.clone();
        let service = tower::service_fn(move |mut request: Request<Body>| {
            let cluster = cluster.clone();
            async move {
                if let Some(user) = &cluster.user {
                    request.headers_mut().insert("impersonate-user", user.clone());
                }
                let watch = request
                    .uri()
                    .query()
                    .is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"));
                cluster.shared.requests.count(if watch { Verb::Watch } else { Verb::List });
                let answer = tokio::time::timeout(cluster.timeout, cluster.client.send(request)).await;
                answer.map_err(tower::BoxError::from)?.map_err(tower::BoxError::from)
            }
        });
        kube::Client::new(service, "default")
    }
}

struct Watching {
    events: Events,
    resource: Resource,
    gate: Arc<Semaphore>,
    /// Held while a list is being made, so that not all are made at once.
    permit: Option<OwnedSemaphorePermit>,
    /// The list that is being made. It is told when it is complete.
    listed: Option<VecDeque<Value>>,
    ended: bool,
}

impl Watching {
    async fn next(&mut self) -> Option<Result<WatchEvent, ClusterError>> {
        while !self.ended {
            match self.events.next().await? {
                Ok(Event::Init) => {
                    self.listed = Some(VecDeque::new());
                    self.permit = Arc::clone(&self.gate).acquire_owned().await.ok();
                }
                Ok(Event::InitApply(object)) => {
                    let listed = self.listed.get_or_insert_default();
                    listed.push_back(object);
                    if listed.len() > MAX_LISTED {
                        self.ended = true;
                        return Some(Err(too_many(&self.resource)));
                    }
                }
                Ok(Event::InitDone) => {
                    self.permit = None;
                    let listed = self.listed.take().unwrap_or_default();
                    return Some(Ok(WatchEvent::Restarted(listed.into())));
                }
                Ok(Event::Apply(object)) => return Some(Ok(WatchEvent::Applied(object))),
                Ok(Event::Delete(object)) => return Some(Ok(WatchEvent::Deleted(object))),
                Err(error) => {
                    self.permit = None;
                    self.listed = None;
                    if let Some(error) = failure(&self.resource, &error) {
                        return Some(Err(error));
                    }
                }
            }
        }
        None
    }
}

/// An object as kube's watcher takes it.
#[derive(Clone, Debug)]
struct Watched<const METADATA: bool> {
    object: Value,
    /// Only what the watcher asks for: which version it is.
    version: ObjectMeta,
}

impl<'de, const METADATA: bool> Deserialize<'de> for Watched<METADATA> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Item(object) = Item::deserialize(deserializer)?;
        let object = if METADATA { only_metadata(object) } else { object };
        let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let version = ObjectMeta { resource_version: version.map(str::to_owned), ..ObjectMeta::default() };
        Ok(Self { object, version })
    }
}

impl<const METADATA: bool> kube::Resource for Watched<METADATA> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(kind: &ApiResource) -> Cow<'_, str> {
        kind.kind.as_str().into()
    }

    fn group(kind: &ApiResource) -> Cow<'_, str> {
        kind.group.as_str().into()
    }

    fn version(kind: &ApiResource) -> Cow<'_, str> {
        kind.version.as_str().into()
    }

    fn plural(kind: &ApiResource) -> Cow<'_, str> {
        kind.plural.as_str().into()
    }

    fn metadata_api() -> bool {
        METADATA
    }

    fn meta(&self) -> &ObjectMeta {
        &self.version
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.version
    }
}

fn events<const METADATA: bool>(
    client: kube::Client,
    resource: &Resource,
    namespace: Option<&str>,
    config: watcher::Config,
) -> Events {
    let kind = ApiResource {
        group: resource.gvk.group.clone(),
        version: resource.gvk.version.clone(),
        api_version: resource.gvk.api_version(),
        kind: resource.gvk.kind.clone(),
        plural: resource.plural.clone(),
    };
    let api = match namespace {
        Some(namespace) => kube::Api::<Watched<METADATA>>::namespaced_with(client, namespace, &kind),
        None => kube::Api::all_with(client, &kind),
    };
    watcher::watcher(api, config).map(values(resource.clone())).default_backoff().boxed()
}

/// Objects as values, named by the kind that was asked for.
fn values<const METADATA: bool>(
    resource: Resource,
) -> impl FnMut(Result<Event<Watched<METADATA>>, watcher::Error>) -> Result<Event<Value>, watcher::Error> {
    let value = move |Watched { mut object, .. }: Watched<METADATA>| {
        name_kind(&mut object, &resource);
        object
    };
    move |event| {
        Ok(match event? {
            Event::Init => Event::Init,
            Event::InitDone => Event::InitDone,
            Event::InitApply(object) => Event::InitApply(value(object)),
            Event::Apply(object) => Event::Apply(value(object)),
            Event::Delete(object) => Event::Delete(value(object)),
        })
    }
}

/// A forgotten version is no failure: a new list follows.
fn failure(resource: &Resource, error: &watcher::Error) -> Option<ClusterError> {
    use watcher::Error as E;
    let object = resource.gvk.to_string();
    let status = match error {
        E::InitialListFailed(kube::Error::Api(status))
        | E::WatchStartFailed(kube::Error::Api(status))
        | E::WatchFailed(kube::Error::Api(status))
        | E::WatchError(status) => status,
        E::NoResourceVersion => {
            let message = "an answer has no resourceVersion".to_owned();
            return Some(ClusterError::Server { object, code: 0, message });
        }
        other => return Some(ClusterError::Unreachable { object, message: causes(other) }),
    };
    (status.code != 410).then(|| ClusterError::from_status(object, status, None, false))
}

#[cfg(test)]
mod tests;
