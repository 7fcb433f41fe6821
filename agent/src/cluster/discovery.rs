//! Which kinds are served, and where.
//!
//! The kinds of a group version are read once, and again when one is missed.
//! Answers of absence are believed for a short while only; failures are never
//! remembered, and never taken for absence.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::kind::{Gvk, Resource};
use super::{Call, Cluster, ClusterError, Verb, path};

/// How long a kind that is not served is not asked for again.
const ABSENCE: Duration = Duration::from_secs(3);

/// How many group versions are remembered. Beyond, all are forgotten.
const MAX_GROUP_VERSIONS: usize = 1024;

/// How many kinds of one group version are remembered.
const MAX_KINDS: usize = 2048;

/// What is known of a group version; its lock makes concurrent questions one.
type Slot = Arc<Mutex<Option<Known>>>;

struct Known {
    kinds: HashMap<String, Arc<Resource>>,
    read_at: Instant,
}

/// What is known of all of them.
#[derive(Default)]
pub(crate) struct Cache {
    slots: Mutex<HashMap<String, Slot>>,
}

impl Cache {
    async fn slot(&self, api_version: &str) -> Slot {
        let mut slots = self.slots.lock().await;
        if slots.len() >= MAX_GROUP_VERSIONS && !slots.contains_key(api_version) {
            slots.clear();
        }
        Arc::clone(slots.entry(api_version.to_owned()).or_default())
    }
}

impl Cluster {
    /// Where objects of this kind are served.
    ///
    /// # Errors
    /// `UnknownKind` when the server says that it serves no such kind, and
    /// `DiscoveryFailed` when it could not be asked.
    pub async fn resolve(&self, gvk: &Gvk) -> Result<Arc<Resource>, ClusterError> {
        let slot = self.shared.discovery.slot(&gvk.api_version()).await;
        let mut known = slot.lock().await;
        if let Some(known) = &*known {
            if let Some(resource) = known.kinds.get(&gvk.kind) {
                return Ok(Arc::clone(resource));
            }
            if known.read_at.elapsed() < ABSENCE {
                return Err(ClusterError::UnknownKind { kind: gvk.to_string() });
            }
        }
        let kinds = self.discover(gvk).await?;
        let found = kinds.get(&gvk.kind).cloned();
        *known = Some(Known { kinds, read_at: Instant::now() });
        found.ok_or_else(|| ClusterError::UnknownKind { kind: gvk.to_string() })
    }

    /// Forgets what is known of a group version, for example because a
    /// definition of one of its kinds was just written or deleted.
    pub async fn forget(&self, api_version: &str) {
        self.shared.discovery.slots.lock().await.remove(api_version);
    }

    async fn discover(&self, gvk: &Gvk) -> Result<HashMap<String, Arc<Resource>>, ClusterError> {
        let path = path::discovery(&gvk.group, &gvk.version)
            .map_err(|_| ClusterError::UnknownKind { kind: gvk.to_string() })?;
        // What is served is no secret of a tenant: the agent asks as itself.
        let agent = Self { user: None, ..self.clone() };
        match agent.send(Call::new(Verb::Discover, Method::GET, path, gvk)).await {
            Ok(list) => Ok(kinds(gvk, &list)),
            Err(ClusterError::NotFound { .. } | ClusterError::UnknownKind { .. }) => Ok(HashMap::new()),
            Err(error) => {
                Err(ClusterError::DiscoveryFailed { kind: gvk.to_string(), message: error.to_string() })
            }
        }
    }
}

/// Reads an `APIResourceList`. Subresources, and what can't be read, are left
/// out.
fn kinds(gvk: &Gvk, list: &Value) -> HashMap<String, Arc<Resource>> {
    let mut kinds = HashMap::new();
    let resources = list.get("resources").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for resource in resources.iter().take(MAX_KINDS) {
        let (Some(plural), Some(kind), Some(namespaced)) = (
            resource.get("name").and_then(Value::as_str),
            resource.get("kind").and_then(Value::as_str),
            resource.get("namespaced").and_then(Value::as_bool),
        ) else {
            continue;
        };
        if plural.contains('/') {
            continue;
        }
        let verbs = resource.get("verbs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        kinds.entry(kind.to_owned()).or_insert_with(|| {
            Arc::new(Resource {
                gvk: Gvk::new(&gvk.group, &gvk.version, kind),
                plural: plural.to_owned(),
                namespaced,
                watchable: ["list", "watch"].iter().all(|verb| verbs.iter().any(|v| v == verb)),
            })
        });
    }
    kinds
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn subresources_are_no_kinds_and_verbs_tell_what_can_be_watched() {
        let list = json!({"resources": [
            {"name": "pods/eviction", "kind": "Eviction", "namespaced": true, "verbs": ["create"]},
            {"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["get", "list", "watch"]},
            {"name": "bindings", "kind": "Binding", "namespaced": true, "verbs": ["create"]},
            {"kind": "Broken"},
        ]});
        let kinds = kinds(&Gvk::new("", "v1", "Pod"), &list);
        assert_eq!(kinds.len(), 2);
        assert!(kinds["Pod"].watchable && !kinds["Binding"].watchable);
        assert_eq!(kinds["Pod"].plural, "pods");
    }
}
