//! The API server as the rest of the agent sees it; nothing else names kube's
//! client.
//!
//! Takes objects as JSON values and gives them back so. Every request has its
//! own deadline and is sent once: whoever may repeat it decides above the
//! check that allowed it. Never caches an object, and never decides what ought
//! to be written.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Semaphore;

pub use self::connect::ConnectOptions;
pub use self::error::{ClusterError, FieldConflict, InvalidField};
pub use self::event::{EventType, NewEvent};
use self::item::Item;
pub(crate) use self::item::unreadable;
pub use self::kind::{Gvk, ObjectRef, Resource, View};
pub use self::lease::LeaseRecord;
pub use self::merge::merge_patch;
pub use self::ownership::{Ownership, OwnershipHash, ownership};
pub use self::requests::{Requests, Verb};
pub use self::watch::WatchEvent;
pub use self::write::{ApplyOptions, Deletion, Precondition, Propagation};

mod connect;
mod discovery;
mod error;
mod event;
mod item;
mod kind;
mod lease;
mod merge;
mod ownership;
mod path;
mod read;
mod requests;
mod watch;
mod write;

/// The largest object that is sent. A server-side apply can't fall back to
/// dropping `managedFields`, so the limit stays below that of etcd.
pub const MAX_OBJECT_BYTES: usize = 1 << 20;

/// The largest answer that is read: one page of a list.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// How many initial lists run at a time.
const MAX_INITIAL_LISTS: usize = 4;

/// A connection to an API server, as one identity. Clones are cheap and share
/// everything.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    shared: Arc<Shared>,
    /// Whom we act as; nobody else without it.
    user: Option<HeaderValue>,
    timeout: Duration,
}

struct Shared {
    requests: Requests,
    discovery: discovery::Cache,
    initial_lists: Arc<Semaphore>,
    watch_timeout: Duration,
    /// Namespaces whose service accounts nobody can act as.
    closed_namespaces: Vec<String>,
    default_namespace: String,
}

/// One request, before it is sent.
struct Call<'a> {
    verb: Verb,
    method: Method,
    path: String,
    content_type: Option<&'static str>,
    accept: Option<&'static str>,
    body: Vec<u8>,
    /// What errors call the object.
    object: &'a (dyn std::fmt::Display + Sync),
    /// The server's words can hold values of a Secret.
    secret: bool,
}

impl<'a> Call<'a> {
    fn new(verb: Verb, method: Method, path: String, object: &'a (dyn std::fmt::Display + Sync)) -> Self {
        Self { verb, method, path, content_type: None, accept: None, body: Vec::new(), object, secret: false }
    }

    fn json(mut self, content_type: &'static str, body: &Value) -> Result<Self, ClusterError> {
        self.body = body.to_string().into_bytes();
        if self.body.len() > MAX_OBJECT_BYTES {
            let object = self.object.to_string();
            return Err(ClusterError::TooLarge {
                object,
                limit: MAX_OBJECT_BYTES,
                name: "the limit of one object",
            });
        }
        self.content_type = Some(content_type);
        Ok(self)
    }
}

impl Cluster {
    /// The same connection as a service account. It is refused for accounts of
    /// the system and of the agent itself, whose rights no tenant may borrow.
    pub fn impersonate(&self, namespace: &str, service_account: &str) -> Result<Self, ClusterError> {
        let refused = |message: &str| ClusterError::BadRequest {
            object: format!("ServiceAccount/{}/{}", error::clean(namespace), error::clean(service_account)),
            message: message.to_owned(),
        };
        if self.shared.closed_namespaces.iter().any(|closed| closed == namespace) {
            return Err(refused("service accounts of this namespace can't be used by applications"));
        }
        let plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        };
        if !plain(namespace) || !plain(service_account) {
            return Err(refused("is not the name of a service account"));
        }
        let user = HeaderValue::from_str(&format!("system:serviceaccount:{namespace}:{service_account}"))
            .map_err(|_| refused("is not the name of a service account"))?;
        Ok(Self { user: Some(user), ..self.clone() })
    }

    /// The same connection with another deadline for each request.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// How many requests were sent, by all identities.
    pub fn requests(&self) -> &Requests {
        &self.shared.requests
    }

    /// Sends `call` once, and reads its answer, within the deadline.
    async fn send(&self, call: Call<'_>) -> Result<Value, ClusterError> {
        self.send_for(call).await
    }

    /// The same where the answer is an object. Parts of it that nest too deep
    /// are left out: see [`unreadable`].
    async fn send_for_object(&self, call: Call<'_>) -> Result<Value, ClusterError> {
        self.send_for(call).await.map(|Item(object)| object)
    }

    async fn send_for<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, ClusterError> {
        let object = call.object;
        let answer = tokio::time::timeout(self.timeout, self.exchange(&call)).await;
        let (status, retry_after, body) = match answer {
            Ok(answer) => answer?,
            Err(_) => return Err(ClusterError::Timeout { object: object.to_string(), after: self.timeout }),
        };
        if !status.is_success() {
            let status = error::status_of(status.as_u16(), &body);
            return Err(ClusterError::from_status(object.to_string(), &status, retry_after, call.secret));
        }
        serde_json::from_slice(&body).map_err(|_| ClusterError::Server {
            object: object.to_string(),
            code: 0,
            message: "the answer is not the JSON that was asked for".to_owned(),
        })
    }

    async fn exchange(
        &self,
        call: &Call<'_>,
    ) -> Result<(StatusCode, Option<Duration>, hyper::body::Bytes), ClusterError> {
        let unreachable =
            |message: String| ClusterError::Unreachable { object: call.object.to_string(), message };
        let mut request = Request::builder().method(call.method.clone()).uri(&call.path);
        request = request.header(header::ACCEPT, call.accept.unwrap_or("application/json"));
        if let Some(content_type) = call.content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        if let Some(user) = &self.user {
            request = request.header("impersonate-user", user);
        }
        let request = request.body(Body::from(call.body.clone())).map_err(|error| {
            ClusterError::BadRequest { object: call.object.to_string(), message: error.to_string() }
        })?;
        self.shared.requests.count(call.verb);
        let answer = self.client.send(request).await.map_err(|error| unreachable(causes(&error)))?;
        let status = answer.status();
        let retry_after = answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                let object = call.object.to_string();
                ClusterError::TooLarge { object, limit: MAX_ANSWER_BYTES, name: "the limit of one answer" }
            } else {
                unreachable(causes(&*error))
            }
        })?;
        Ok((status, retry_after, body.to_bytes()))
    }
}

/// An error and what caused it, in one line.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = error.source();
    }
    error::clean(&text)
}
