//! A rendered set as policies see it: each object as it would reach the API
//! server, beside what the same object was before.
//!
//! Knows no cluster: which of Kubernetes' own kinds have no namespace is a
//! fact, and for the others the set's own definitions count. An object of a
//! kind that neither knows stays as it is written.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;

use crate::object::ObjectKey;
use crate::plan::{Scope, Scopes, defined_scope, is_definition};
use crate::plugin::Subject;
use crate::render::{Item, Rendered};

/// The objects under judgement.
pub(super) struct Set<'a> {
    items: Vec<Item<'a>>,
    subjects: Vec<Subject>,
    /// Where each would be in the cluster.
    keys: Vec<Cow<'a, ObjectKey>>,
}

impl<'a> Set<'a> {
    /// `before` is the set that is applied now, where there is one.
    pub(super) fn new(rendered: &'a Rendered, before: Option<&Rendered>, target_namespace: &str) -> Self {
        let items: Vec<Item<'_>> = rendered.items().collect();
        let definitions = items.iter().filter(|item| is_definition(item.key));
        let scopes: Scopes =
            definitions.filter_map(|item| defined_scope(&serde_json::from_slice(item.text).ok()?)).collect();
        let before: Vec<Item<'_>> = before.into_iter().flat_map(Rendered::items).collect();
        let mut before: HashMap<ObjectKey, Bytes> = before
            .iter()
            .map(|item| settle(*item, &scopes, target_namespace))
            .map(|(key, text)| (key.into_owned(), text))
            .collect();
        let (keys, texts): (Vec<_>, Vec<_>) =
            items.iter().map(|item| settle(*item, &scopes, target_namespace)).unzip();
        let subject = |(key, object): (&Cow<'_, ObjectKey>, Bytes)| {
            let old = if before.is_empty() { None } else { before.remove(key.as_ref()) };
            Subject { object, old }
        };
        let subjects = keys.iter().zip(texts).map(subject).collect();
        Self { items, subjects, keys }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The object as it was rendered.
    pub(super) fn item(&self, index: usize) -> Item<'a> {
        self.items[index]
    }

    pub(super) fn key(&self, index: usize) -> &ObjectKey {
        &self.keys[index]
    }

    pub(super) fn subject(&self, index: usize) -> &Subject {
        &self.subjects[index]
    }

    /// All objects with their places in the cluster.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&ObjectKey, &Bytes)> {
        self.keys.iter().map(Cow::as_ref).zip(self.subjects.iter().map(|subject| &subject.object))
    }
}

/// The object's place in the cluster, and its text there.
fn settle<'a>(item: Item<'a>, scopes: &Scopes, target_namespace: &str) -> (Cow<'a, ObjectKey>, Bytes) {
    let ObjectKey { group, kind, namespace, .. } = item.key;
    let defined = || scopes.get(&(group.clone(), kind.clone())).map(|scope| *scope == Scope::Namespaced);
    let namespaced = if scopes.is_empty() { None } else { defined() };
    match (namespaced.or_else(|| is_namespaced(group, kind)), namespace) {
        (Some(false), Some(_)) => {
            (Cow::Owned(ObjectKey { namespace: None, ..item.key.clone() }), item.text.clone())
        }
        (Some(true), None) => {
            let mut object: Value = serde_json::from_slice(item.text).unwrap_or_default();
            if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
                metadata.insert("namespace".to_owned(), Value::from(target_namespace));
            }
            let key = ObjectKey { namespace: Some(target_namespace.to_owned()), ..item.key.clone() };
            (Cow::Owned(key), Bytes::from(object.to_string()))
        }
        _ => (Cow::Borrowed(item.key), item.text.clone()),
    }
}

/// Whether objects of a kind of Kubernetes' own APIs (as of 1.36) have a
/// namespace; `None` for kinds of others.
fn is_namespaced(group: &str, kind: &str) -> Option<bool> {
    let cluster_scoped: &[&str] = match group {
        "" => &["ComponentStatus", "Namespace", "Node", "PersistentVolume"],
        "admissionregistration.k8s.io"
        | "apiextensions.k8s.io"
        | "apiregistration.k8s.io"
        | "flowcontrol.apiserver.k8s.io"
        | "internal.apiserver.k8s.io"
        | "node.k8s.io"
        | "scheduling.k8s.io"
        | "storagemigration.k8s.io" => return Some(false),
        "certificates.k8s.io" => &["CertificateSigningRequest", "ClusterTrustBundle"],
        "networking.k8s.io" => &["IPAddress", "IngressClass", "ServiceCIDR"],
        "rbac.authorization.k8s.io" => &["ClusterRole", "ClusterRoleBinding"],
        "resource.k8s.io" => &["DeviceClass", "DeviceTaintRule", "ResourceSlice"],
        "storage.k8s.io" => {
            &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"]
        }
        "windlass.dev" => &["Gate", "Plugin"],
        "apps"
        | "autoscaling"
        | "batch"
        | "coordination.k8s.io"
        | "discovery.k8s.io"
        | "events.k8s.io"
        | "extensions"
        | "policy" => &[],
        _ => return None,
    };
    Some(!cluster_scoped.contains(&kind))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::Manifest;

    fn settled(object: Value, scopes: &Scopes) -> (String, Value) {
        let manifest = Manifest::from_object(object, None).unwrap();
        let text = Bytes::from(manifest.object.to_string());
        let (key, text) = settle(Item { key: &manifest.key, text: &text, origin: None }, scopes, "team");
        (key.to_string(), serde_json::from_slice(&text).unwrap())
    }

    fn object(api_version: &str, kind: &str, namespace: Option<&str>) -> Value {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}});
        if let Some(namespace) = namespace {
            object["metadata"]["namespace"] = Value::from(namespace);
        }
        object
    }

    #[test]
    fn an_object_without_a_namespace_is_seen_in_the_one_that_it_goes_to() {
        let none = Scopes::new();
        let (key, seen) = settled(object("v1", "Pod", None), &none);
        assert_eq!((key.as_str(), &seen), ("Pod/team/a", &object("v1", "Pod", Some("team"))));
        let (key, _) = settled(object("v1", "Pod", Some("other")), &none);
        assert_eq!(key, "Pod/other/a");
    }

    #[test]
    fn an_object_of_the_cluster_is_seen_in_no_namespace() {
        let none = Scopes::new();
        for (api_version, kind) in [("v1", "Namespace"), ("storage.k8s.io/v1", "StorageClass")] {
            let (key, seen) = settled(object(api_version, kind, None), &none);
            assert_eq!(key, format!("{kind}/a"));
            assert_eq!(seen, object(api_version, kind, None));
        }
        assert_eq!(settled(object("v1", "Node", Some("odd")), &none).0, "Node/a");
    }

    #[test]
    fn other_kinds_are_seen_as_the_set_defines_them_or_as_they_are_written() {
        let widget = || object("example.com/v1", "Widget", None);
        assert_eq!(settled(widget(), &Scopes::new()).0, "Widget/a");
        let kind = ("example.com".to_owned(), "Widget".to_owned());
        assert_eq!(settled(widget(), &Scopes::from([(kind.clone(), Scope::Namespaced)])).0, "Widget/team/a");
        assert_eq!(settled(widget(), &Scopes::from([(kind, Scope::Cluster)])).0, "Widget/a");
    }
}
