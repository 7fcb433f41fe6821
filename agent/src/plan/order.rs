//! The order in which kinds are written: what others need comes first.

use crate::object::ObjectKey;

/// A step of the order. All of one stage is written before the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Namespaces and definitions of kinds: nothing else can exist before them.
    Definitions,
    /// Cluster-scoped objects, accounts and RBAC.
    Cluster,
    /// Configuration and workloads.
    Workloads,
    /// What intercepts requests, once what answers them is there.
    Webhooks,
}

impl Stage {
    /// The stage of an object whose namespace is already settled.
    pub(crate) fn of(key: &ObjectKey) -> Self {
        match (key.group.as_str(), key.kind.as_str()) {
            ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition") => Self::Definitions,
            (
                "admissionregistration.k8s.io",
                "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
            )
            | ("apiregistration.k8s.io", "APIService") => Self::Webhooks,
            ("", "ServiceAccount") | ("rbac.authorization.k8s.io", _) => Self::Cluster,
            _ if key.namespace.is_none() => Self::Cluster,
            _ => Self::Workloads,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(group: &str, kind: &str, namespace: Option<&str>) -> Stage {
        Stage::of(&ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: "x".to_owned(),
        })
    }

    #[test]
    fn definitions_come_before_what_they_define_and_webhooks_after_what_serves_them() {
        let order = [
            stage("", "Namespace", None),
            stage("rbac.authorization.k8s.io", "RoleBinding", Some("a")),
            stage("apps", "Deployment", Some("a")),
            stage("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", None),
        ];
        assert!(order.is_sorted());
        assert_eq!(stage("example.org", "ClusterThing", None), Stage::Cluster);
    }
}
