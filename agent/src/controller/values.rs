//! values: what an Application hands to its renderer, read from the cluster.
//!
//! Takes an Application; gives its values, merged, what the cluster serves,
//! and the seed, with what must not be told of them. Reads nothing that the
//! Application does not name.

pub(crate) mod hide;
pub(crate) mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use self::hide::{Hidden, Secrets};
use self::watch::{Reference, ValuesWatch};
use super::keys::{GIVEN_LABEL, Keys};
use super::report::{SyncError, with_hint};
use crate::api::{Application, CapabilitiesFrom, SecretKeyRef, ValuesKind, ValuesSource};
use crate::cluster::{Cluster, ClusterError};
use crate::dialect::of_kubernetes;
use crate::object::Name;
use crate::plugin::Seed;
use crate::render::{Capabilities, Handover, merge};

/// The `ConfigMap` in the agent's namespace with what holds for the whole cluster.
const CLUSTER_VALUES: &str = "windlass-cluster";
/// All values of one Application, in bytes of JSON.
const MAX_VALUES_BYTES: usize = 4 << 20;
/// How deep values may nest.
const MAX_DEPTH: usize = 64;
/// How long what the cluster serves is not asked for again: many Applications
/// are synced together.
const SERVED_FOR: Duration = Duration::from_secs(30);

/// Reads what Applications hand over.
pub(crate) struct Values {
    cluster: Cluster,
    watch: Arc<ValuesWatch>,
    served: Mutex<Option<(Instant, Arc<Capabilities>)>>,
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
        let mut reading = Reading {
            values: self,
            name,
            account: spec.service_account_name.as_deref(),
            objects: HashMap::new(),
            secrets: Secrets::default(),
        };
        let mut handover = Handover::default();
        let mut values: Option<Value> = None;
        for source in &spec.values_from {
            let Some(more) = reading.source(source).await? else { continue };
            handover.confidential |= source.kind == ValuesKind::Secret;
            add(&mut values, more)?;
        }
        if let Some(own) = &spec.values {
            add(&mut values, Value::Object(own.clone()))?;
        }
        if let Some(Value::Object(values)) = values {
            handover.values = Some(values);
        }
        if spec.capabilities == Some(CapabilitiesFrom::Cluster) {
            handover.capabilities = Some(self.served().await?);
        }
        if let Some(reference) = &spec.seed_from {
            handover.seed = Some(reading.seed(reference).await?);
            handover.confidential = true;
        }
        let hidden = reading.secrets.ready();
        let hidden = hidden.ok_or_else(|| {
            SyncError::values(
                "what the Secrets of spec.valuesFrom hold is too much to be kept out of messages; \
                name single keys of smaller ones"
                    .to_owned(),
            )
        })?;
        Ok((handover, hidden))
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

/// Puts more values over those that there are.
fn add(values: &mut Option<Value>, more: Value) -> Result<(), SyncError> {
    let values = values.get_or_insert_with(|| Value::Object(Map::new()));
    merge(values, more);
    let bytes = values.to_string().len();
    if bytes > MAX_VALUES_BYTES {
        return Err(SyncError::values(format!(
            "all values together have more than {MAX_VALUES_BYTES} bytes as JSON (fixed); hand over less of them"
        )));
    }
    Ok(())
}

/// Reads for one Application; each object once, so that all keys of it are of
/// one state.
struct Reading<'a> {
    values: &'a Values,
    name: &'a Name,
    account: Option<&'a str>,
    objects: HashMap<Reference, Option<Arc<Keys>>>,
    secrets: Secrets,
}

impl Reading<'_> {
    /// What one source has; nothing where it may be absent and is.
    async fn source(&mut self, source: &ValuesSource) -> Result<Option<Value>, SyncError> {
        let what = described(source);
        let reference = refer(self.name, self.account, source, self.values.watch.own_namespace())
            .ok_or_else(|| SyncError::values(format!("{what} needs a `name`")))?;
        let keys = self.object(&reference, &what).await?;
        let content = match &keys {
            Some(keys) => keys.text(&source.key).map_err(SyncError::values)?,
            None => None,
        };
        let content = match (content, source.optional) {
            (Some(content), _) => content,
            (None, true) => return Ok(None),
            (None, false) if keys.is_some() => {
                let hint = "add it, name another `key`, or mark the source `optional`";
                return Err(SyncError::values(format!("{what} has no key `{}`; {hint}", source.key)));
            }
            (None, false) => {
                let hint = "create it, or mark the source `optional`";
                return Err(SyncError::values(format!("{what} does not exist; {hint}")));
            }
        };
        let values = match &source.at {
            Some(pointer) => at(pointer, content.clone()),
            None => mapping(&content).map_err(|problem| {
                // The parser's words may quote the content.
                let problem =
                    if source.kind == ValuesKind::Secret { "it is no YAML mapping" } else { &problem };
                SyncError::values(format!("{what}, key `{}`: {problem}", source.key))
            })?,
        };
        if source.kind == ValuesKind::Secret {
            self.secrets.add(&content);
            self.secrets.add_all(&values);
        }
        Ok(Some(values))
    }

    async fn seed(&mut self, reference: &SecretKeyRef) -> Result<Seed, SyncError> {
        let SecretKeyRef { name, key } = reference;
        let what = format!("spec.seedFrom: the Secret `{name}`");
        let keys = self.object(&refer_seed(self.name, self.account, reference), &what).await?;
        let keys = keys.ok_or_else(|| SyncError::values(format!("{what} does not exist; create it")))?;
        let content = keys.get(key).map_err(SyncError::values)?;
        let content = content.ok_or_else(|| {
            SyncError::values(format!("{what} has no key `{key}`; add it, or name another `key`"))
        })?;
        let seed = Seed::from_secret(&content)
            .map_err(|short| SyncError::values(format!("{what}, key `{key}`: {short}")))?;
        self.secrets.add(&String::from_utf8_lossy(&content));
        Ok(seed)
    }

    /// An object, and nothing where there is none.
    async fn object(&mut self, reference: &Reference, what: &str) -> Result<Option<Arc<Keys>>, SyncError> {
        if let Some(known) = self.objects.get(reference) {
            return Ok(known.clone());
        }
        let Reference { kind, namespace, name, account } = reference;
        let cluster = match account {
            Some(account) => self.values.cluster.impersonate(namespace, account),
            None => Ok(self.values.cluster.clone()),
        };
        let cluster = cluster.map_err(|error| SyncError::values(error.to_string()))?;
        let since = self.values.watch.reads(reference);
        let keys = match Keys::read(&cluster, kind, namespace, name).await {
            Ok(keys) => Some(Arc::new(keys)),
            Err(ClusterError::NotFound { .. }) => None,
            Err(error) => return Err(SyncError::values(unreadable(&error, what, reference))),
        };
        let content = keys.as_ref().map(|keys| keys.content());
        self.values.watch.was_read(self.name, reference, since, content).await;
        if let Some(keys) = &keys
            && *kind == "Secret"
            && account.is_none()
            && !keys.is_given()
        {
            return Err(SyncError::values(format!(
                "{what} is not given to Applications; label it {GIVEN_LABEL}=true, or set spec.serviceAccountName to \
                 an account that may read it"
            )));
        }
        self.objects.insert(reference.clone(), keys.clone());
        Ok(keys)
    }
}

/// The objects that an Application's values are from.
fn references(name: &Name, application: &Application, own_namespace: &str) -> Vec<Reference> {
    let spec = &application.spec;
    let account = spec.service_account_name.as_deref();
    let values = spec.values_from.iter().filter_map(|source| refer(name, account, source, own_namespace));
    let seed = spec.seed_from.iter().map(|reference| refer_seed(name, account, reference));
    values.chain(seed).collect()
}

/// The object that a source means; nothing, where it says too little.
fn refer(
    name: &Name,
    account: Option<&str>,
    source: &ValuesSource,
    own_namespace: &str,
) -> Option<Reference> {
    let of_namespace = |kind| {
        let (namespace, account) = (name.namespace.clone(), account.map(str::to_owned));
        Some(Reference { kind, namespace, name: source.name.clone()?, account })
    };
    match source.kind {
        ValuesKind::ConfigMap => of_namespace("ConfigMap"),
        ValuesKind::Secret => of_namespace("Secret"),
        // What holds for everybody is read in nobody's name.
        ValuesKind::Cluster => Some(Reference {
            kind: "ConfigMap",
            namespace: own_namespace.to_owned(),
            name: CLUSTER_VALUES.to_owned(),
            account: None,
        }),
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
    let name = source.name.as_deref().unwrap_or_default();
    match source.kind {
        ValuesKind::Secret => format!("spec.valuesFrom: the Secret `{name}`"),
        ValuesKind::ConfigMap => format!("spec.valuesFrom: the ConfigMap `{name}`"),
        ValuesKind::Cluster => format!("spec.valuesFrom: the cluster's ConfigMap `{CLUSTER_VALUES}`"),
    }
}

fn unreadable(error: &ClusterError, what: &str, reference: &Reference) -> String {
    let hint = match (error, &reference.account) {
        (ClusterError::Forbidden { .. }, Some(account)) => format!(
            "the service account `{account}` needs the right to get it, and the agent the role windlass-impersonator \
             in this namespace"
        ),
        (ClusterError::Forbidden { .. }, None) => {
            "bind the role windlass-values-reader to the agent in its namespace, or set spec.serviceAccountName".to_owned()
        }
        (error, _) => return format!("{what}: {}", with_hint(error.to_string(), error.hint())),
    };
    format!("{what} may not be read: {error} ({hint})")
}

/// YAML as values, in the version 1.1 that Helm and kubectl read.
fn mapping(content: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_documents: 1,
            max_nodes: 100_000,
            max_total_scalar_bytes: MAX_VALUES_BYTES,
        },
    };
    let value: Value =
        serde_saphyr::from_str_with_options(content, of_kubernetes(options)).map_err(|error| {
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
        let yaml = "int: 3\nbig: 9007199254740993\ntext: \"3\"\nyes: yes\nquoted: '010'\nmode: 0644\nnone: null\nlist: [1, a]\n";
        assert_eq!(
            mapping(yaml).unwrap(),
            json!({
                "int": 3, "big": 9_007_199_254_740_993_u64, "text": "3", "yes": true, "quoted": "010", "mode": 420,
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
