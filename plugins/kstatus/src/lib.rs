#![doc = include_str!("../README.md")]

mod builtin;
mod condition;
mod custom;
mod run;
mod workload;

use serde::Deserialize;
use windlass_plugin_sdk::health::{Assessment, Health, Object};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kstatus {}

impl Health for Kstatus {
    fn assess(&self, live: &Object) -> Assessment {
        if let Some(leaving) = deleting(live) {
            return leaving;
        }
        // A status of another generation says nothing of this one.
        if let Some(behind) = behind(live) {
            return behind;
        }
        match (live.group(), live.kind()) {
            ("apps", "Deployment") => workload::deployment(live),
            ("apps", "StatefulSet") => workload::stateful_set(live),
            ("apps", "DaemonSet") => workload::daemon_set(live),
            ("apps", "ReplicaSet") | ("", "ReplicationController") => workload::replica_set(live),
            ("", "Pod") => run::pod(live),
            ("batch", "Job") => run::job(live),
            ("batch", "CronJob") => run::cron_job(live),
            ("", "Namespace") => builtin::namespace(live),
            ("", "Service") => builtin::service(live),
            ("", "PersistentVolumeClaim") => builtin::volume_claim(live),
            ("", "PersistentVolume") => builtin::volume(live),
            ("policy", "PodDisruptionBudget") => builtin::disruption_budget(live),
            ("autoscaling", "HorizontalPodAutoscaler") => builtin::autoscaler(live),
            ("networking.k8s.io", "Ingress") => builtin::ingress(live),
            ("apiextensions.k8s.io", "CustomResourceDefinition") => builtin::definition(live),
            ("apiregistration.k8s.io", "APIService") => builtin::api_service(live),
            (group, kind) if builtin::is_only_stored(group, kind) => {
                Assessment::healthy("is stored, which is all that this kind does")
            }
            _ => custom::assess(live),
        }
    }
}

fn deleting(live: &Object) -> Option<Assessment> {
    live.text("/metadata/deletionTimestamp")?;
    let finalizers: Vec<&str> =
        live.list("/metadata/finalizers").iter().filter_map(|finalizer| finalizer.as_str()).collect();
    Some(Assessment::progressing(if finalizers.is_empty() {
        "is being deleted".to_owned()
    } else {
        format!("is being deleted, and waits for the finalizer {}", finalizers.join(", "))
    }))
}

fn behind(live: &Object) -> Option<Assessment> {
    let generation = live.integer("/metadata/generation")?;
    let observed = live.integer("/status/observedGeneration")?;
    (observed != generation).then(|| {
        Assessment::progressing(format!(
            "its status is of generation {observed}, and the object is at generation {generation}"
        ))
    })
}

/// For kinds whose controller always writes the generation that it saw: the
/// answer as long as it wrote nothing.
fn unseen(live: &Object) -> Option<Assessment> {
    live.integer("/status/observedGeneration")
        .is_none()
        .then(|| Assessment::progressing("its controller has not seen it yet"))
}

windlass_plugin_sdk::export_health!(Kstatus, matches: ["*"], schema: include_str!("schema.json"));

#[cfg(test)]
mod tests;
