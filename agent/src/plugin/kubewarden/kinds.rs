//! What Kubernetes calls its own kinds in addresses: plural and in lower case.

/// Group, resource and kind. Those that no manifest can hold are left out.
const BUILT_IN: &[(&str, &str, &str)] = &[
    ("", "bindings", "Binding"),
    ("", "configmaps", "ConfigMap"),
    ("", "endpoints", "Endpoints"),
    ("", "events", "Event"),
    ("", "limitranges", "LimitRange"),
    ("", "namespaces", "Namespace"),
    ("", "nodes", "Node"),
    ("", "persistentvolumeclaims", "PersistentVolumeClaim"),
    ("", "persistentvolumes", "PersistentVolume"),
    ("", "pods", "Pod"),
    ("", "podtemplates", "PodTemplate"),
    ("", "replicationcontrollers", "ReplicationController"),
    ("", "resourcequotas", "ResourceQuota"),
    ("", "secrets", "Secret"),
    ("", "serviceaccounts", "ServiceAccount"),
    ("", "services", "Service"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "apiservices", "APIService"),
    ("apps", "controllerrevisions", "ControllerRevision"),
    ("apps", "daemonsets", "DaemonSet"),
    ("apps", "deployments", "Deployment"),
    ("apps", "replicasets", "ReplicaSet"),
    ("apps", "statefulsets", "StatefulSet"),
    ("autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    ("batch", "cronjobs", "CronJob"),
    ("batch", "jobs", "Job"),
    ("certificates.k8s.io", "certificatesigningrequests", "CertificateSigningRequest"),
    ("coordination.k8s.io", "leases", "Lease"),
    ("discovery.k8s.io", "endpointslices", "EndpointSlice"),
    ("events.k8s.io", "events", "Event"),
    ("extensions", "ingresses", "Ingress"),
    ("flowcontrol.apiserver.k8s.io", "flowschemas", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", "PriorityLevelConfiguration"),
    ("networking.k8s.io", "ingressclasses", "IngressClass"),
    ("networking.k8s.io", "ingresses", "Ingress"),
    ("networking.k8s.io", "networkpolicies", "NetworkPolicy"),
    ("networking.k8s.io", "ipaddresses", "IPAddress"),
    ("networking.k8s.io", "servicecidrs", "ServiceCIDR"),
    ("node.k8s.io", "runtimeclasses", "RuntimeClass"),
    ("policy", "poddisruptionbudgets", "PodDisruptionBudget"),
    ("policy", "podsecuritypolicies", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "clusterroles", "ClusterRole"),
    ("rbac.authorization.k8s.io", "rolebindings", "RoleBinding"),
    ("rbac.authorization.k8s.io", "roles", "Role"),
    ("resource.k8s.io", "deviceclasses", "DeviceClass"),
    ("resource.k8s.io", "resourceclaims", "ResourceClaim"),
    ("resource.k8s.io", "resourceclaimtemplates", "ResourceClaimTemplate"),
    ("scheduling.k8s.io", "priorityclasses", "PriorityClass"),
    ("storage.k8s.io", "csidrivers", "CSIDriver"),
    ("storage.k8s.io", "csinodes", "CSINode"),
    ("storage.k8s.io", "csistoragecapacities", "CSIStorageCapacity"),
    ("storage.k8s.io", "storageclasses", "StorageClass"),
    ("storage.k8s.io", "volumeattachments", "VolumeAttachment"),
    ("storage.k8s.io", "volumeattributesclasses", "VolumeAttributesClass"),
];

/// The resource of a built-in kind.
pub(super) fn resource(group: &str, kind: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|known| (known.0, known.2) == (group, kind)).map(|known| known.1)
}

/// The kinds of a resource: one at most, unless `group` is `*`.
pub(super) fn kinds(group: &str, resource: &str) -> impl Iterator<Item = &'static str> {
    let known =
        BUILT_IN.iter().filter(move |known| (group == "*" || known.0 == group) && known.1 == resource);
    known.map(|known| known.2)
}

/// What a resource is called as a rule: a guess, for kinds that others made.
pub(super) fn guess(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    match kind.as_bytes() {
        [.., b's' | b'x'] | [.., b'c' | b's', b'h'] => format!("{kind}es"),
        [.., before, b'y'] if !b"aeiou".contains(before) => format!("{}ies", &kind[..kind.len() - 1]),
        _ => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_resource_and_back() {
        for (group, plural, kind) in BUILT_IN {
            assert_eq!(resource(group, kind), Some(*plural));
            assert_eq!(kinds(group, plural).collect::<Vec<_>>(), [*kind]);
        }
        assert_eq!(kinds("*", "ingresses").collect::<Vec<_>>(), ["Ingress", "Ingress"]);
        assert_eq!(resource("example.com", "Pod"), None);
    }

    #[test]
    fn the_guess_is_right_for_nearly_all_of_kubernetes_own() {
        let wrong = BUILT_IN.iter().filter(|(_, plural, kind)| guess(kind) != *plural);
        assert_eq!(wrong.map(|known| known.2).collect::<Vec<_>>(), ["Endpoints"]);
        assert_eq!(guess("Gateway"), "gateways");
        assert_eq!(guess(""), "s");
    }
}
