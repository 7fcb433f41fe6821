//! values: what an Application hands to its renderer, read from the cluster.
//!
//! Takes an Application; gives its values, merged, what the cluster serves,
//! and the seed, with what must not be told of them. Reads nothing that the
//! Application does not name.

pub(crate) mod hide;
pub(crate) mod watch;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use self::hide::Hidden;
use self::watch::{Reference, ValuesWatch};
use super::keys::Keys;
use super::report::{SyncError, with_hint};
use crate::api::{Application, CapabilitiesFrom, SecretKeyRef, ValuesKind, ValuesSource};
use crate::cluster::{Cluster, ClusterError};
use crate::object::Name;
use crate::plugin::Seed;
use crate::render::{Capabilities, Handover, merge};

/// The `ConfigMap` in the agent's namespace with what holds for the whole cluster.
const CLUSTER_VALUES: &str = "windlass-cluster";
/// All values of one Application, in bytes of JSON.
const MAX_VALUES_BYTES: usize = 4 << 20;
/// How long what the cluster serves is not asked for again: many Applications
/// are synced together.
const SERVED_FOR: Duration = Duration::from_secs(30);

/// Reads what Applications hand over.
pub(crate) struct Values {
    cluster: Cluster,
    watch: Arc<ValuesWatch>,
    served: Mutex<Option<(Instant, Arc<Capabilities>)>>,
}

/// Who asks: the Application, and as whom.
struct Reader<'a> {
    name: &'a Name,
    account: Option<&'a str>,
    cluster: Cluster,
}

impl Values {
    pub(crate) fn new(cluster: Cluster, watch: Arc<ValuesWatch>) -> Self {
        Self { cluster, watch, served: Mutex::default() }
    }

    /// Only the agent that leads has changes noticed.
    pub(crate) fn lead(&self, leading: bool) {
        self.watch.lead(leading);
    }

    /// All that the Application hands over, as it is now.
    pub(crate) async fn gather(
        &self,
        name: &Name,
        application: &Application,
    ) -> Result<(Handover, Hidden), SyncError> {
        let spec = &application.spec;
        let account = spec.service_account_name.as_deref();
        let cluster = match account {
            Some(account) => self.cluster.impersonate(&name.namespace, account),
            None => Ok(self.cluster.clone()),
        };
        let cluster = cluster.map_err(|error| SyncError::values(error.to_string()))?;
        let reader = Reader { name, account, cluster };
        let mut hidden = Hidden::default();
        let mut handover = Handover::default();
        let mut values: Option<Value> = None;
        for source in &spec.values_from {
            let Some(more) = self.read(&reader, source, &mut hidden).await? else { continue };
            handover.confidential |= source.kind == ValuesKind::Secret;
            merge(values.get_or_insert_with(|| Value::Object(Map::new())), more);
        }
        if let Some(own) = &spec.values {
            merge(values.get_or_insert_with(|| Value::Object(Map::new())), Value::Object(own.clone()));
        }
        if let Some(Value::Object(values)) = values {
            let bytes = Value::Object(values.clone()).to_string().len();
            if bytes > MAX_VALUES_BYTES {
                return Err(SyncError::values(format!(
                    "all values together have {bytes} bytes, more than the limit of {MAX_VALUES_BYTES} (fixed)"
                )));
            }
            handover.values = Some(values);
        }
        if spec.capabilities == Some(CapabilitiesFrom::Cluster) {
            handover.capabilities = Some(self.served().await?);
        }
        if let Some(reference) = &spec.seed_from {
            handover.seed = Some(self.seed(&reader, reference, &mut hidden).await?);
            handover.confidential = true;
        }
        Ok((handover, hidden))
    }

    /// What one source has; nothing where it may be absent and is.
    async fn read(
        &self,
        reader: &Reader<'_>,
        source: &ValuesSource,
        hidden: &mut Hidden,
    ) -> Result<Option<Value>, SyncError> {
        let content = self.content(reader, source).await?;
        let Some(content) = content else {
            if source.optional {
                return Ok(None);
            }
            let what = described(source);
            return Err(SyncError::values(format!("{what} has no key `{}`", source.key)));
        };
        let values = match &source.at {
            Some(pointer) => at(pointer, content.clone()),
            None => mapping(&content).map_err(|problem| {
                // The parser's words may quote the content.
                let problem =
                    if source.kind == ValuesKind::Secret { "it is no YAML mapping" } else { &problem };
                SyncError::values(format!("{}, key `{}`: {problem}", described(source), source.key))
            })?,
        };
        if source.kind == ValuesKind::Secret {
            hidden.add(&content);
            hidden.add_all(&values);
        }
        Ok(Some(values))
    }

    async fn content(&self, reader: &Reader<'_>, source: &ValuesSource) -> Result<Option<String>, SyncError> {
        let reference = refer(reader.name, reader.account, source, self.watch.own_namespace());
        let cluster = if source.kind == ValuesKind::Cluster { &self.cluster } else { &reader.cluster };
        match self.keys(reader.name, cluster, reference).await {
            Ok(keys) => keys.text(&source.key).map_err(SyncError::values),
            Err(ClusterError::NotFound { .. }) if source.optional => Ok(None),
            Err(error) => Err(unreadable(&error, &described(source))),
        }
    }

    /// Reads an object, and remembers which state of it.
    async fn keys(&self, name: &Name, cluster: &Cluster, reference: Reference) -> Result<Keys, ClusterError> {
        let keys = Keys::read(cluster, reference.kind, &reference.namespace, &reference.name).await;
        match &keys {
            Ok(keys) => self.watch.was_read(name, &reference, Some(keys.resource_version())).await,
            Err(ClusterError::NotFound { .. }) => self.watch.was_read(name, &reference, None).await,
            Err(_) => {}
        }
        keys
    }

    async fn seed(
        &self,
        reader: &Reader<'_>,
        reference: &SecretKeyRef,
        hidden: &mut Hidden,
    ) -> Result<Seed, SyncError> {
        let SecretKeyRef { name, key } = reference;
        let what = format!("spec.seedFrom: the Secret `{name}`");
        let keys = self
            .keys(reader.name, &reader.cluster, refer_seed(reader.name, reader.account, reference))
            .await
            .map_err(|error| unreadable(&error, &what))?;
        let content = keys.get(key).map_err(SyncError::values)?;
        let content = content.ok_or_else(|| SyncError::values(format!("{what} has no key `{key}`")))?;
        let seed = Seed::from_secret(&content)
            .map_err(|short| SyncError::values(format!("{what}, key `{key}`: {short}")))?;
        hidden.add(&String::from_utf8_lossy(&content));
        Ok(seed)
    }

    async fn served(&self) -> Result<Arc<Capabilities>, SyncError> {
        let mut served = self.served.lock().await;
        if let Some((read_at, known)) = &*served
            && read_at.elapsed() < SERVED_FOR
        {
            return Ok(known.clone());
        }
        let (kube_version, api_versions) = self.cluster.serves().await.map_err(|error| {
            SyncError::values(format!("spec.capabilities: {}", with_hint(error.to_string(), error.hint())))
        })?;
        let known = Arc::new(Capabilities { kube_version, api_versions });
        *served = Some((Instant::now(), known.clone()));
        Ok(known)
    }
}

/// The objects that an Application's values are from.
fn references(name: &Name, application: &Application, own_namespace: &str) -> Vec<Reference> {
    let spec = &application.spec;
    let account = spec.service_account_name.as_deref();
    let values = spec.values_from.iter().map(|source| refer(name, account, source, own_namespace));
    let seed = spec.seed_from.iter().map(|reference| refer_seed(name, account, reference));
    values.chain(seed).collect()
}

fn refer(name: &Name, account: Option<&str>, source: &ValuesSource, own_namespace: &str) -> Reference {
    let account = account.map(str::to_owned);
    let kind = if source.kind == ValuesKind::Secret { "Secret" } else { "ConfigMap" };
    match &source.name {
        Some(object) => Reference { kind, namespace: name.namespace.clone(), name: object.clone(), account },
        None => Reference {
            kind,
            namespace: own_namespace.to_owned(),
            name: CLUSTER_VALUES.to_owned(),
            account: None,
        },
    }
}

fn refer_seed(name: &Name, account: Option<&str>, reference: &SecretKeyRef) -> Reference {
    Reference {
        kind: "Secret",
        namespace: name.namespace.clone(),
        name: reference.name.clone(),
        account: account.map(str::to_owned),
    }
}

fn described(source: &ValuesSource) -> String {
    match (&source.name, source.kind) {
        (Some(name), ValuesKind::Secret) => format!("spec.valuesFrom: the Secret `{name}`"),
        (Some(name), _) => format!("spec.valuesFrom: the ConfigMap `{name}`"),
        (None, _) => format!("spec.valuesFrom: the cluster's ConfigMap `{CLUSTER_VALUES}`"),
    }
}

fn unreadable(error: &ClusterError, what: &str) -> SyncError {
    match error {
        ClusterError::NotFound { .. } => {
            SyncError::values(format!("{what} does not exist; create it, or mark the reference `optional`"))
        }
        ClusterError::Forbidden { .. } => SyncError::values(format!(
            "{what} may not be read: bind the ClusterRole windlass-values-reader in its namespace, or name a \
             service account that may"
        )),
        error => SyncError::values(format!("{what}: {}", with_hint(error.to_string(), error.hint()))),
    }
}

/// YAML as values.
fn mapping(content: &str) -> Result<Value, String> {
    let value: Value = serde_saphyr::from_str(content).map_err(|error| {
        let problem = error.without_snippet();
        error.location().map_or_else(
            || problem.to_string(),
            |place| format!("line {}, column {}: {problem}", place.line(), place.column()),
        )
    })?;
    match value {
        Value::Object(_) => Ok(value),
        // An empty document has no values.
        Value::Null => Ok(Value::Object(Map::new())),
        _ => Err("it is no YAML mapping; with `at` it can be the string at one place".to_owned()),
    }
}

/// Values with one string at the place that a JSON pointer names.
fn at(pointer: &str, content: String) -> Value {
    let below_root = pointer.strip_prefix('/').unwrap_or(pointer);
    below_root.rsplit('/').fold(Value::String(content), |inner, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        Value::Object(Map::from_iter([(part, inner)]))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_keep_their_types() {
        let yaml =
            "int: 3\nbig: 9007199254740993\ntext: \"3\"\nyes: yes\noctal: '010'\nnone: null\nlist: [1, a]\n";
        assert_eq!(
            mapping(yaml).unwrap(),
            json!({
                "int": 3, "big": 9_007_199_254_740_993_u64, "text": "3", "yes": true, "octal": "010",
                "none": null, "list": [1, "a"],
            })
        );
        assert_eq!(mapping("").unwrap(), json!({}));
        assert_eq!(mapping("# nothing\n").unwrap(), json!({}));
    }

    #[test]
    fn what_is_no_mapping_says_so_with_its_place() {
        assert!(mapping("- a\n").unwrap_err().contains("`at`"));
        let error = mapping("a: 1\nb: [1,\n").unwrap_err();
        assert!(error.starts_with("line "), "{error}");
        assert!(mapping("a: 1\na: 2\n").is_err());
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let first = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        let more = ('a'..'k').zip('b'..='k').map(|(one, two)| {
            let references = vec![format!("*{one}"); 9].join(",");
            format!("{two}: &{two} [{references}]\n")
        });
        let bomb: String = std::iter::once(first).chain(more).collect();
        assert!(mapping(&bomb).is_err());
    }

    #[test]
    fn a_pointer_names_the_place_of_one_string() {
        assert_eq!(at("/db/pass~1word", "1".to_owned()), json!({"db": {"pass/word": "1"}}));
    }
}
