//! Which kinds are served, and where.
//!
//! The kinds of a group version are read once, and again when one is missed.
//! Answers of absence are believed for a short while only; failures are never
//! remembered, and never taken for absence.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::clean;
use super::kind::{Gvk, Resource};
use super::{Call, Cluster, ClusterError, Verb, path};

/// How long a kind that is not served is not asked for again.
const ABSENCE: Duration = Duration::from_secs(3);

/// How many group versions are remembered. Beyond, all are forgotten.
const MAX_GROUP_VERSIONS: usize = 1024;

/// How many group versions a cluster may serve where all are asked for.
const MAX_SERVED: usize = 8192;

/// How many kinds, subresources included, one group version may have.
const MAX_KINDS: usize = 2048;

/// How many group versions that are down an error names.
const MAX_NAMED: usize = 10;

/// All kinds of all groups in one answer (KEP-3352).
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

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

    /// Where objects of this kind are served, in the version of the group that
    /// the server prefers of those that have it.
    ///
    /// # Errors
    /// As [`Cluster::resolve`].
    pub async fn find(&self, group: &str, kind: &str) -> Result<Arc<Resource>, ClusterError> {
        if group.is_empty() {
            return self.resolve(&Gvk::new("", "v1", kind)).await;
        }
        let named = Gvk::new(group, "*", kind);
        let path = path::group(group).map_err(|_| ClusterError::UnknownKind { kind: named.to_string() })?;
        let agent = Self { user: None, ..self.clone() };
        let answer = match agent.ask(&path, None).await {
            Ok(answer) => answer,
            Err(ClusterError::NotFound { .. }) => {
                return Err(ClusterError::UnknownKind { kind: named.to_string() });
            }
            Err(error) => {
                let message = error.to_string();
                return Err(ClusterError::DiscoveryFailed { kind: named.to_string(), message });
            }
        };
        let version = |entry: &Value| Some(entry.get("version")?.as_str()?.to_owned());
        let preferred = answer.get("preferredVersion").and_then(version);
        let others = list(&answer, "versions").iter().take(MAX_SERVED).filter_map(version);
        for version in preferred.into_iter().chain(others) {
            match self.resolve(&Gvk::new(group, version, kind)).await {
                Err(ClusterError::UnknownKind { .. }) => {}
                other => return other,
            }
        }
        Err(ClusterError::UnknownKind { kind: named.to_string() })
    }

    /// Forgets what is known of a group version, for example because a
    /// definition of one of its kinds was just written or deleted.
    pub async fn forget(&self, api_version: &str) {
        self.shared.discovery.slots.lock().await.remove(api_version);
    }

    /// The API server's version, such as `v1.37.0`, and all that it serves, as
    /// `group/version` and `group/version/Kind`, sorted.
    ///
    /// # Errors
    /// `DiscoveryFailed` where it does not tell, or not all at once (Kubernetes
    /// before 1.27, KEP-3352), or while what serves a group version is down:
    /// what it does not tell of may be there all the same.
    pub async fn serves(&self) -> Result<(String, Vec<String>), ClusterError> {
        let agent = Self { user: None, ..self.clone() };
        let failed =
            |message: String| ClusterError::DiscoveryFailed { kind: "everything".to_owned(), message };
        let version = agent.ask("/version", None).await.map_err(|error| failed(error.to_string()))?;
        let version = version.get("gitVersion").and_then(Value::as_str).unwrap_or_default();
        if version.is_empty() || version.len() > 256 {
            return Err(failed("the API server does not tell its version".to_owned()));
        }
        let mut served = BTreeSet::new();
        for path in ["/api", "/apis"] {
            let groups =
                agent.ask(path, Some(AGGREGATED)).await.map_err(|error| failed(error.to_string()))?;
            if groups.get("kind").and_then(Value::as_str) != Some("APIGroupDiscoveryList") {
                return Err(failed(
                    "the API server has no aggregated discovery; Kubernetes 1.27 or newer has".to_owned(),
                ));
            }
            collect_served(&groups, &mut served).map_err(failed)?;
        }
        Ok((version.to_owned(), served.into_iter().collect()))
    }

    async fn ask(&self, path: &str, accept: Option<&'static str>) -> Result<Value, ClusterError> {
        let mut call = Call::new(Verb::Discover, Method::GET, path.to_owned(), &"the API server");
        call.accept = accept;
        self.send(call).await
    }

    async fn discover(&self, gvk: &Gvk) -> Result<HashMap<String, Arc<Resource>>, ClusterError> {
        let path = path::discovery(&gvk.group, &gvk.version)
            .map_err(|_| ClusterError::UnknownKind { kind: gvk.to_string() })?;
        // What is served is no secret of a tenant: the agent asks as itself.
        let agent = Self { user: None, ..self.clone() };
        match agent.send(Call::new(Verb::Discover, Method::GET, path, gvk)).await {
            Ok(list) => kinds(gvk, &list)
                .map_err(|message| ClusterError::DiscoveryFailed { kind: gvk.to_string(), message }),
            Err(ClusterError::NotFound { .. } | ClusterError::UnknownKind { .. }) => Ok(HashMap::new()),
            Err(error) => {
                Err(ClusterError::DiscoveryFailed { kind: gvk.to_string(), message: error.to_string() })
            }
        }
    }
}

/// Reads an `APIGroupDiscoveryList`, all of it or nothing.
fn collect_served(groups: &Value, served: &mut BTreeSet<String>) -> Result<(), String> {
    let text = |value: &Value, pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut down = Vec::new();
    let mut versions = 0;
    for group in list(groups, "items") {
        for version in list(group, "versions") {
            let api_version =
                Gvk::new(text(group, "/metadata/name"), text(version, "/version"), "").api_version();
            versions += 1;
            if versions > MAX_SERVED {
                return Err(format!("it serves more than the limit of {MAX_SERVED} group versions"));
            }
            if version.get("freshness").and_then(Value::as_str) == Some("Stale") {
                down.push(api_version);
                continue;
            }
            for resource in bounded(&api_version, list(version, "resources"))? {
                let kind = text(resource, "/responseKind/kind");
                if !kind.is_empty() {
                    served.insert(format!("{api_version}/{kind}"));
                }
            }
            served.insert(api_version);
        }
    }
    if down.is_empty() {
        return Ok(());
    }
    let more = down.len().saturating_sub(MAX_NAMED);
    down.truncate(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let down = format!("{}{more}", down.join(", "));
    Err(clean(&format!("what serves {down} does not answer, so what it has is not known")))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The resources of a group version, if they are not too many.
fn bounded<'a>(api_version: &str, resources: &'a [Value]) -> Result<&'a [Value], String> {
    if resources.len() > MAX_KINDS {
        return Err(clean(&format!("{api_version} has more than the limit of {MAX_KINDS} resources")));
    }
    Ok(resources)
}

/// Reads an `APIResourceList`. Subresources, and what can't be read, are left
/// out.
fn kinds(gvk: &Gvk, answer: &Value) -> Result<HashMap<String, Arc<Resource>>, String> {
    let mut kinds = HashMap::new();
    for resource in bounded(&gvk.api_version(), list(answer, "resources"))? {
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
        let verbs = list(resource, "verbs");
        kinds.entry(kind.to_owned()).or_insert_with(|| {
            Arc::new(Resource {
                gvk: Gvk::new(&gvk.group, &gvk.version, kind),
                plural: plural.to_owned(),
                namespaced,
                watchable: ["list", "watch"].iter().all(|verb| verbs.iter().any(|v| v == verb)),
            })
        });
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn subresources_are_no_kinds_and_verbs_tell_what_can_be_watched() {
        let answer = json!({"resources": [
            {"name": "pods/eviction", "kind": "Eviction", "namespaced": true, "verbs": ["create"]},
            {"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["get", "list", "watch"]},
            {"name": "bindings", "kind": "Binding", "namespaced": true, "verbs": ["create"]},
            {"kind": "Broken"},
        ]});
        let kinds = kinds(&Gvk::new("", "v1", "Pod"), &answer).unwrap();
        assert_eq!(kinds.len(), 2);
        assert!(kinds["Pod"].watchable && !kinds["Binding"].watchable);
        assert_eq!(kinds["Pod"].plural, "pods");
    }

    #[test]
    fn what_is_served_is_told_by_version_and_by_kind() {
        let groups = json!({"kind": "APIGroupDiscoveryList", "items": [
            {"metadata": {}, "versions": [{"version": "v1", "resources": [
                {"resource": "pods", "responseKind": {"group": "", "version": "", "kind": "Pod"}},
                {"resource": "broken"},
            ]}]},
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
                {"resource": "deployments", "responseKind": {"group": "", "version": "", "kind": "Deployment"}},
            ]}, {"version": "v1beta1"}]},
            {"metadata": "broken"},
        ]});
        let mut served = BTreeSet::new();
        collect_served(&groups, &mut served).unwrap();
        let served: Vec<_> = served.iter().map(String::as_str).collect();
        assert_eq!(served, ["apps/v1", "apps/v1/Deployment", "apps/v1beta1", "v1", "v1/Pod"]);
    }

    fn refused(groups: &Value) -> String {
        collect_served(groups, &mut BTreeSet::new()).unwrap_err()
    }

    #[test]
    fn while_what_serves_a_version_is_down_nothing_is_told_and_it_is_named() {
        let stale = |version: &str| json!({"version": version, "freshness": "Stale", "resources": []});
        let groups = json!({"items": [
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "freshness": "Current"}]},
            {"metadata": {"name": "metrics.k8s.io"}, "versions": [stale("v1"), stale("v1beta1")]},
        ]});
        let named = "metrics.k8s.io/v1, metrics.k8s.io/v1beta1 does not answer";
        assert!(refused(&groups).contains(named), "{}", refused(&groups));

        let many: Vec<_> = (0..=MAX_NAMED).map(|n| stale(&format!("v{n}"))).collect();
        let groups = json!({"items": [{"metadata": {"name": "a.b"}, "versions": many}]});
        assert!(refused(&groups).contains("a.b/v9 and 1 more"), "{}", refused(&groups));
    }

    #[test]
    fn what_is_too_much_to_read_is_not_cut_but_refused() {
        let resources = |count: usize| -> Vec<_> {
            (0..count).map(|n| json!({"name": format!("r{n}"), "kind": format!("K{n}"), "namespaced": true, "responseKind": {"kind": format!("K{n}")}})).collect()
        };
        let gvk = Gvk::new("a.b", "v1", "K1");
        assert_eq!(kinds(&gvk, &json!({"resources": resources(MAX_KINDS)})).unwrap().len(), MAX_KINDS);
        let answer = json!({"resources": resources(MAX_KINDS + 1)});
        assert!(kinds(&gvk, &answer).unwrap_err().contains("a.b/v1 has more than the limit of 2048"));
        let version = json!({"version": "v1", "resources": resources(MAX_KINDS + 1)});
        let groups = json!({"items": [{"metadata": {"name": "a.b"}, "versions": [version]}]});
        assert!(refused(&groups).contains("a.b/v1 has more than the limit of 2048"));

        let versions = |count: usize| vec![json!({"version": "v1"}); count];
        let groups =
            |count: usize| json!({"items": [{"metadata": {"name": "a.b"}, "versions": versions(count)}]});
        assert!(collect_served(&groups(MAX_SERVED), &mut BTreeSet::new()).is_ok());
        assert!(refused(&groups(MAX_SERVED + 1)).contains("the limit of 8192 group versions"));
    }
}
