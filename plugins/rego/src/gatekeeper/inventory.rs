//! `data.inventory`: which kinds a template reads of it, and how it is built of
//! the cluster's objects.

use std::collections::BTreeSet;

use regorus::Value as RegoValue;
use serde_json::Value;

use crate::review::{Identity, map};

/// The pattern of every kind.
const EVERY: &str = "*";

/// The groups of the kinds that Kubernetes itself has.
const GROUPS: [(&str, &[&str]); 13] = [
    (
        "v1",
        &[
            "ConfigMap",
            "Endpoints",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("admissionregistration.k8s.io", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apps", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("autoscaling", &["HorizontalPodAutoscaler"]),
    ("batch", &["CronJob", "Job"]),
    ("coordination.k8s.io", &["Lease"]),
    ("discovery.k8s.io", &["EndpointSlice"]),
    ("networking.k8s.io", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("policy", &["PodDisruptionBudget"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("storage.k8s.io", &["CSIDriver", "StorageClass", "VolumeAttachment"]),
];

/// The kinds that a template reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Needs(Vec<Need>);

/// Kinds that stand for each other, as patterns of the cluster.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Need {
    /// Whose objects are read.
    pub(super) read: Vec<String>,
    /// It is enough to know all objects of one of these.
    pub(super) enough: Vec<String>,
}

impl Needs {
    /// Those of a template that refers to `data.inventory` like this. What its
    /// annotation says of them is believed where the references do not say it.
    pub(super) fn of(references: &[Vec<Option<String>>], annotation: Option<&str>) -> Option<Self> {
        if references.is_empty() {
            return None;
        }
        let read: BTreeSet<String> = references.iter().map(|steps| pattern(steps)).collect();
        let exact = read.iter().all(|pattern| !pattern.contains('*'));
        let declared = annotation.and_then(declared).filter(|needs| !exact && !needs.is_empty());
        Some(Self(declared.unwrap_or_else(|| read.into_iter().map(Need::of).collect())))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Need> {
        self.0.iter()
    }
}

impl Need {
    /// That of one pattern. Where it leaves the group open, that of Kubernetes'
    /// own kind is meant.
    fn of(pattern: String) -> Self {
        let open = pattern.strip_prefix("*/").filter(|kind| *kind != "*");
        let own = open.and_then(|kind| {
            GROUPS.iter().find(|(_, kinds)| kinds.contains(&kind)).map(|(group, _)| (group, kind))
        });
        let mut enough = vec![pattern.clone()];
        enough.extend(own.map(|(group, kind)| format!("{group}/{kind}")));
        Self { read: vec![pattern], enough }
    }
}

/// The kind of `cluster[version].Kind` or `namespace[name][version].Kind`, with
/// `*` for what is not written there.
fn pattern(steps: &[Option<String>]) -> String {
    let (version, kind) = match steps {
        [Some(scope), version, kind, ..] if scope == "cluster" => (version, kind),
        [Some(scope), _, version, kind, ..] if scope == "namespace" => (version, kind),
        _ => return EVERY.to_owned(),
    };
    let group =
        version.as_deref().map_or("*", |version| version.rsplit_once('/').map_or("v1", |(group, _)| group));
    match (group, kind.as_deref()) {
        ("*", None) => EVERY.to_owned(),
        (group, kind) => format!("{group}/{}", kind.unwrap_or("*")),
    }
}

/// What the annotation of a template asks for: a list of requirements, each a
/// list of `{groups, versions, kinds}` any of which fulfils it.
fn declared(annotation: &str) -> Option<Vec<Need>> {
    let inner = annotation.trim().trim_matches('"').trim();
    let requirements: Value = serde_json::from_str(inner).ok()?;
    let mut needs = Vec::new();
    for requirement in requirements.as_array()? {
        let mut patterns = Vec::new();
        for alternative in requirement.as_array()? {
            for group in alternative["groups"].as_array()? {
                for kind in alternative["kinds"].as_array()? {
                    let group = group.as_str().filter(|group| !group.is_empty()).unwrap_or("v1");
                    patterns.push(format!("{group}/{}", kind.as_str()?));
                }
            }
        }
        needs.push(Need { read: patterns.clone(), enough: patterns });
    }
    Some(needs)
}

/// Builds the inventory of `objects`.
pub(super) fn build(objects: impl Iterator<Item = RegoValue>) -> RegoValue {
    let (mut cluster, mut namespaces) = (RegoValue::new_object(), RegoValue::new_object());
    for object in objects {
        let identity = Identity::of(&object);
        let version = match identity.group {
            "" => identity.version.to_owned(),
            group => format!("{group}/{}", identity.version),
        };
        let steps = [version, identity.kind.to_owned(), identity.name.to_owned()];
        if identity.namespace.is_empty() {
            insert(&mut cluster, &steps, object);
        } else {
            let namespace = identity.namespace.to_owned();
            let [version, kind, name] = steps;
            insert(&mut namespaces, &[namespace, version, kind, name], object);
        }
    }
    map([("inventory", map([("cluster", cluster), ("namespace", namespaces)]))])
}

fn insert(tree: &mut RegoValue, steps: &[String], object: RegoValue) {
    let Some((step, rest)) = steps.split_first() else {
        *tree = object;
        return;
    };
    if let Ok(fields) = tree.as_object_mut() {
        let key = RegoValue::from(step.as_str());
        if fields.get(&key).is_none() {
            fields.insert(key.clone(), RegoValue::new_object());
        }
        if let Some(branch) = fields.get_mut(&key) {
            insert(branch, rest, object);
        }
    }
}
