//! The name that the API has for the objects of a kind: `pods` for `Pod`.

/// Kinds whose name is not what the rule makes of them.
const UNUSUAL: [(&str, &str); 2] = [("Endpoints", "endpoints"), ("NodeMetrics", "nodes")];

/// Whether the objects of a group are Kubernetes' own, so that no
/// `CustomResourceDefinition` need be asked for.
pub(super) fn is_built_in(group: &str) -> bool {
    !group.contains('.')
        || matches!(
            group,
            "admissionregistration.k8s.io"
                | "apiextensions.k8s.io"
                | "apiregistration.k8s.io"
                | "authentication.k8s.io"
                | "authorization.k8s.io"
                | "certificates.k8s.io"
                | "coordination.k8s.io"
                | "discovery.k8s.io"
                | "events.k8s.io"
                | "flowcontrol.apiserver.k8s.io"
                | "internal.apiserver.k8s.io"
                | "networking.k8s.io"
                | "node.k8s.io"
                | "rbac.authorization.k8s.io"
                | "resource.k8s.io"
                | "scheduling.k8s.io"
                | "storage.k8s.io"
                | "storagemigration.k8s.io"
        )
}

/// The plural by the rule, which all of Kubernetes' own kinds keep but a few.
pub(super) fn of(kind: &str) -> String {
    if let Some((_, plural)) = UNUSUAL.iter().find(|(unusual, _)| *unusual == kind) {
        return (*plural).to_owned();
    }
    let lower = kind.to_ascii_lowercase();
    let vowel = |letter: char| "aeiou".contains(letter);
    match lower.strip_suffix('y') {
        Some(stem) if !stem.ends_with(vowel) => format!("{stem}ies"),
        _ if lower.ends_with('s')
            || lower.ends_with('x')
            || lower.ends_with("ch")
            || lower.ends_with("sh") =>
        {
            format!("{lower}es")
        }
        _ => format!("{lower}s"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn kinds_have_the_plurals_that_the_api_server_serves() {
        for (kind, plural) in [
            ("Pod", "pods"),
            ("Ingress", "ingresses"),
            ("NetworkPolicy", "networkpolicies"),
            ("Endpoints", "endpoints"),
            ("EndpointSlice", "endpointslices"),
            ("StorageClass", "storageclasses"),
            ("Gateway", "gateways"),
            ("CSIStorageCapacity", "csistoragecapacities"),
            ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
        ] {
            assert_eq!(super::of(kind), plural);
        }
    }
}
