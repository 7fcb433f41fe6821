//! The other kinds of Kubernetes itself.

use windlass_plugin_sdk::health::{Assessment, Object};

use crate::{condition, unseen};

/// Kinds without a controller that could still be at work: to be stored is all
/// that they do.
pub(crate) fn is_only_stored(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(
            kind,
            "ConfigMap"
                | "Secret"
                | "ServiceAccount"
                | "LimitRange"
                | "ResourceQuota"
                | "Endpoints"
                | "PodTemplate"
        ),
        "rbac.authorization.k8s.io" => true,
        "apps" => kind == "ControllerRevision",
        "networking.k8s.io" => matches!(kind, "NetworkPolicy" | "IngressClass"),
        "storage.k8s.io" => matches!(kind, "StorageClass" | "CSIDriver" | "VolumeAttributesClass"),
        "scheduling.k8s.io" => kind == "PriorityClass",
        "node.k8s.io" => kind == "RuntimeClass",
        "discovery.k8s.io" => kind == "EndpointSlice",
        "coordination.k8s.io" => kind == "Lease",
        "admissionregistration.k8s.io" => kind.ends_with("Configuration") || kind.ends_with("Binding"),
        _ => false,
    }
}

pub(crate) fn namespace(live: &Object) -> Assessment {
    match live.text("/status/phase") {
        Some("Active") => Assessment::healthy("is active"),
        Some("Terminating") => Assessment::progressing("is being deleted"),
        _ => Assessment::progressing("is not active yet"),
    }
}

pub(crate) fn service(live: &Object) -> Assessment {
    if live.text("/spec/type") != Some("LoadBalancer") {
        return Assessment::healthy("needs nothing more than to be stored");
    }
    match address(live) {
        Some(address) => Assessment::healthy(format!("has the address {address}")),
        None => Assessment::progressing("waits for an address from its load balancer"),
    }
}

pub(crate) fn ingress(live: &Object) -> Assessment {
    match address(live) {
        Some(address) => Assessment::healthy(format!("has the address {address}")),
        None => Assessment::unknown("has no address, and not every ingress controller gives one"),
    }
}

fn address(live: &Object) -> Option<&str> {
    let first = live.list("/status/loadBalancer/ingress").first()?;
    first["ip"].as_str().or_else(|| first["hostname"].as_str())
}

pub(crate) fn volume_claim(live: &Object) -> Assessment {
    match live.text("/status/phase") {
        Some("Bound") => Assessment::healthy("is bound"),
        Some("Lost") => Assessment::failed("its phase is Lost: the volume that it was bound to is gone"),
        // Whether the class waits for a consumer can't be read from the claim.
        _ => Assessment::progressing(
            "waits for a volume, which its storage class may only make for the first Pod that uses it",
        ),
    }
}

pub(crate) fn volume(live: &Object) -> Assessment {
    match live.text("/status/phase") {
        Some(phase @ ("Available" | "Bound" | "Released")) => {
            Assessment::healthy(format!("its phase is {phase}"))
        }
        Some("Failed") => Assessment::failed(live.text("/status/message").unwrap_or("its phase is Failed")),
        _ => Assessment::progressing("is not available yet"),
    }
}

pub(crate) fn disruption_budget(live: &Object) -> Assessment {
    if let Some(unseen) = unseen(live) {
        return unseen;
    }
    let count = |field: &str| live.integer(&format!("/status/{field}")).unwrap_or_default();
    Assessment::healthy(format!(
        "{} Pods are healthy and {} must be; {} may be evicted",
        count("currentHealthy"),
        count("desiredHealthy"),
        count("disruptionsAllowed")
    ))
}

pub(crate) fn autoscaler(live: &Object) -> Assessment {
    let Some(able) = condition::find(live, "AbleToScale") else {
        return Assessment::progressing("its controller has not seen it yet");
    };
    if !able.is_true() {
        return Assessment::progressing(able.says());
    }
    match condition::find(live, "ScalingActive") {
        Some(active) if active.is_true() => {
            let replicas = live.integer("/status/currentReplicas").unwrap_or_default();
            Assessment::healthy(format!("holds {replicas} replicas"))
        }
        Some(active) if active.reason() == "ScalingDisabled" => Assessment::suspended(active.says()),
        Some(active) => Assessment::progressing(active.says()),
        None => Assessment::progressing("its controller has not read the metrics yet"),
    }
}

pub(crate) fn definition(live: &Object) -> Assessment {
    if let Some(names) = condition::find(live, "NamesAccepted").filter(|found| found.is_false()) {
        return Assessment::failed(names.says());
    }
    match condition::find(live, "Established") {
        Some(established) if established.is_true() => Assessment::healthy("is established"),
        Some(established) if established.is_false() && established.reason() != "Installing" => {
            Assessment::failed(established.says())
        }
        _ => Assessment::progressing("is not established yet"),
    }
}

pub(crate) fn api_service(live: &Object) -> Assessment {
    match condition::find(live, "Available") {
        Some(available) if available.is_true() => Assessment::healthy("is available"),
        Some(available) => Assessment::progressing(available.says()),
        None => Assessment::progressing("its controller has not seen it yet"),
    }
}
