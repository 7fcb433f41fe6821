//! What a policy's look-ups are answered from: the set under judgement, and
//! beside it what the Gate grants of the cluster, as it was at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::Gate;
use super::set::Set;
use crate::object::{ObjectKey, covers, matches_kind, split};
use crate::plugin::{Found, Surroundings};

/// Group and kind; the core group is empty.
pub type GroupKind = (String, String);

/// What all objects of the cluster that are kept for policies may have in
/// bytes.
const MAX_BYTES: usize = 64 << 20;

/// Where labels are that gates select by.
pub(crate) fn namespaces() -> GroupKind {
    (String::new(), "Namespace".to_owned())
}

/// The kinds of the cluster that these gates need: what they grant, and
/// Namespaces where they select by labels.
pub(crate) fn wanted<'a>(gates: impl IntoIterator<Item = &'a Gate>) -> BTreeSet<GroupKind> {
    let mut wanted = BTreeSet::new();
    for gate in gates {
        let grants = gate.policies.iter().flat_map(|policy| &policy.grants).filter_map(|grant| split(grant));
        wanted.extend(grants.map(|(group, kind)| (group.to_owned(), kind.to_owned())));
        wanted.extend(gate.namespace_labels.as_ref().map(|_| namespaces()));
    }
    wanted
}

/// Where an object of this kind is in the cluster, and its text without what
/// nobody judges; `None` for what has no name.
pub(crate) fn kept((group, kind): &GroupKind, mut object: Value) -> Option<(ObjectKey, Bytes)> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    metadata.remove("managedFields");
    let namespace = metadata.get("namespace").and_then(Value::as_str).map(ToOwned::to_owned);
    let name = metadata.get("name")?.as_str()?.to_owned();
    let key = ObjectKey { group: group.clone(), kind: kind.clone(), namespace, name };
    Some((key, Bytes::from(object.to_string())))
}

/// What is known, if it is not too much to be kept beside the rest.
///
/// # Errors
/// Why it is not known then.
pub(crate) fn within<T>(bytes: usize, known: T) -> Result<T, String> {
    if bytes > MAX_BYTES {
        return Err(format!("with it, what Gates grant has more than {} MiB", MAX_BYTES >> 20));
    }
    Ok(known)
}

/// Objects of the cluster at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    kinds: BTreeMap<GroupKind, Result<Objects, String>>,
}

/// The JSON texts of the objects of one kind.
pub type Objects = Arc<BTreeMap<ObjectKey, Bytes>>;

impl Snapshot {
    /// Takes all objects of a kind, or why they can't be known.
    pub fn insert(&mut self, kind: GroupKind, objects: Result<Objects, String>) {
        self.kinds.insert(kind, objects);
    }

    /// The labels of a Namespace; `None` where Namespaces are not known.
    pub(super) fn namespace_labels(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let namespaces = self.kinds.get(&namespaces())?.as_ref().ok()?;
        let key = ObjectKey {
            group: String::new(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: name.to_owned(),
        };
        let object: Value = serde_json::from_slice(namespaces.get(&key)?).ok()?;
        let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
        let labels = labels.into_iter().flatten();
        Some(labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
    }

    /// Those kinds of `grants` that can't be known, with the reason.
    pub(super) fn missing(&self, grants: &[String]) -> Option<String> {
        grants.iter().find_map(|grant| {
            let (group, kind) = split(grant)?;
            match self.kinds.get(&(group.to_owned(), kind.to_owned())) {
                Some(Ok(_)) => None,
                Some(Err(problem)) => Some(format!("`{grant}` of the cluster can't be read: {problem}")),
                None => Some(format!("`{grant}` of the cluster is not known here")),
            }
        })
    }
}

/// The answers to one policy.
pub(super) struct Around {
    set: Arc<Index>,
    cluster: Arc<Snapshot>,
    grants: Vec<String>,
}

/// The objects of the set, in the order of their kinds, namespaces and names.
#[derive(Debug, Default)]
pub(super) struct Index(BTreeMap<ObjectKey, Bytes>);

impl From<&Set<'_>> for Index {
    fn from(set: &Set<'_>) -> Self {
        Self(set.objects().map(|(key, text)| (key.clone(), text.clone())).collect())
    }
}

impl Around {
    pub(super) fn new(set: Arc<Index>, cluster: Arc<Snapshot>, grants: Vec<String>) -> Self {
        Self { set, cluster, grants }
    }

    /// The granted objects of the cluster whose kind `pattern` names.
    fn granted(&self, pattern: &str) -> impl Iterator<Item = (&ObjectKey, &Bytes)> {
        let kinds = self.cluster.kinds.iter().filter(move |((group, kind), _)| {
            matches_kind(pattern, group, kind)
                && self.grants.iter().any(|grant| matches_kind(grant, group, kind))
        });
        kinds.filter_map(|(_, objects)| objects.as_ref().ok()).flat_map(|objects| objects.iter())
    }
}

impl Surroundings for Around {
    fn objects(&self, pattern: &str, namespace: Option<&str>, name: Option<&str>) -> Found {
        let wanted = |key: &ObjectKey| {
            namespace.is_none_or(|namespace| key.namespace.as_deref() == Some(namespace))
                && name.is_none_or(|name| key.name == name)
        };
        let own = self.set.0.iter().filter(|(key, _)| matches_kind(pattern, &key.group, &key.kind));
        let objects: BTreeMap<&ObjectKey, &Bytes> =
            self.granted(pattern).filter(|(key, _)| wanted(key)).collect();
        let mut found: BTreeMap<&ObjectKey, Bytes> =
            objects.into_iter().map(|(key, text)| (key, text.clone())).collect();
        // What is about to be written stands for what is there.
        for (key, text) in own.filter(|(key, _)| wanted(key)) {
            let text = match found.get(key) {
                Some(live) if is_namespace(key) => with_labels_of(live, text),
                _ => text.clone(),
            };
            found.insert(key, text);
        }
        Found {
            objects: found.into_values().collect(),
            complete: self.grants.iter().any(|grant| covers(grant, pattern)),
        }
    }
}

fn is_namespace(key: &ObjectKey) -> bool {
    key.group.is_empty() && key.kind == "Namespace"
}

/// A Namespace of the set, with the labels that others gave to the live one:
/// they stay when it is applied, and rules hang on them.
fn with_labels_of(live: &Bytes, own: &Bytes) -> Bytes {
    let (Ok(live), Ok(mut merged)) =
        (serde_json::from_slice::<Value>(live), serde_json::from_slice::<Value>(own))
    else {
        return own.clone();
    };
    let Some(labels) = live.pointer("/metadata/labels").and_then(Value::as_object) else {
        return own.clone();
    };
    let Some(metadata) = merged.get_mut("metadata").and_then(Value::as_object_mut) else {
        return own.clone();
    };
    let kept = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
    let Some(kept) = kept.as_object_mut() else { return own.clone() };
    for (key, value) in labels {
        kept.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Bytes::from(merged.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(kind: &str, namespace: Option<&str>, name: &str) -> ObjectKey {
        ObjectKey {
            group: String::new(),
            kind: kind.to_owned(),
            namespace: namespace.map(ToOwned::to_owned),
            name: name.to_owned(),
        }
    }

    fn around(grants: &[&str]) -> Around {
        let text = |text: &'static str| Bytes::from_static(text.as_bytes());
        let set = Index(BTreeMap::from([
            (key("ConfigMap", Some("a"), "own"), text("own")),
            (key("ConfigMap", Some("b"), "both"), text("new")),
        ]));
        let maps = BTreeMap::from([
            (key("ConfigMap", Some("b"), "both"), text("old")),
            (key("ConfigMap", Some("a"), "other"), text("other")),
        ]);
        let mut snapshot = Snapshot::default();
        snapshot.insert((String::new(), "ConfigMap".to_owned()), Ok(Arc::new(maps)));
        snapshot.insert((String::new(), "Secret".to_owned()), Err("forbidden".to_owned()));
        let grants = grants.iter().map(ToString::to_string).collect();
        Around::new(Arc::new(set), Arc::new(snapshot), grants)
    }

    fn texts(found: &Found) -> Vec<&str> {
        found.objects.iter().map(|text| std::str::from_utf8(text).unwrap()).collect()
    }

    #[test]
    fn without_a_grant_only_the_set_answers_and_says_that_it_is_not_all() {
        let found = around(&[]).objects("v1/ConfigMap", None, None);
        assert_eq!((texts(&found), found.complete), (vec!["own", "new"], false));
    }

    #[test]
    fn what_is_about_to_be_written_stands_for_what_is_there() {
        let around = around(&["v1/ConfigMap"]);
        let found = around.objects("v1/ConfigMap", None, None);
        assert_eq!((texts(&found), found.complete), (vec!["other", "own", "new"], true));
        assert_eq!(texts(&around.objects("v1/*", Some("a"), None)), ["other", "own"]);
        assert_eq!(texts(&around.objects("*", Some("b"), Some("both"))), ["new"]);
        assert!(!around.objects("*", None, None).complete);
    }

    #[test]
    fn a_namespace_of_the_set_keeps_the_labels_that_others_gave_to_it() {
        let text =
            |labels: Value| Bytes::from(json!({"metadata": {"name": "a", "labels": labels}}).to_string());
        let namespace = key("Namespace", None, "a");
        let mut snapshot = Snapshot::default();
        let live = BTreeMap::from([(namespace.clone(), text(json!({"enforce": "restricted", "team": "x"})))]);
        snapshot.insert((String::new(), "Namespace".to_owned()), Ok(Arc::new(live)));
        let set = Index(BTreeMap::from([(namespace, text(json!({"team": "y"})))]));
        let around = Around::new(Arc::new(set), Arc::new(snapshot), vec!["v1/Namespace".to_owned()]);
        let found = around.objects("v1/Namespace", None, Some("a")).objects;
        let found: Value = serde_json::from_slice(&found[0]).unwrap();
        assert_eq!(found["metadata"]["labels"], json!({"enforce": "restricted", "team": "y"}));
    }

    #[test]
    fn a_granted_kind_that_can_not_be_read_is_named() {
        let snapshot = around(&[]).cluster;
        let missing = |grant: &str| snapshot.missing(&[grant.to_owned()]);
        assert_eq!(missing("v1/ConfigMap"), None);
        assert_eq!(missing("v1/Secret").unwrap(), "`v1/Secret` of the cluster can't be read: forbidden");
        assert_eq!(missing("v1/Pod").unwrap(), "`v1/Pod` of the cluster is not known here");
    }

    #[test]
    fn labels_of_a_namespace_are_those_of_the_cluster() {
        let mut snapshot = Snapshot::default();
        assert_eq!(snapshot.namespace_labels("a"), None);
        let object = json!({"metadata": {"name": "a", "labels": {"team": "x"}}});
        let objects = BTreeMap::from([(key("Namespace", None, "a"), Bytes::from(object.to_string()))]);
        snapshot.insert((String::new(), "Namespace".to_owned()), Ok(Arc::new(objects)));
        let labels = BTreeMap::from([("team".to_owned(), "x".to_owned())]);
        assert_eq!(snapshot.namespace_labels("a"), Some(labels));
        assert_eq!(snapshot.namespace_labels("b"), None);
    }
}
