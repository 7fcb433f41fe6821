#![doc = include_str!("../README.md")]

mod check;
mod judge;
mod labels;
mod level;
mod namespace;
mod pod;
mod settings;
mod text;
mod workload;

use std::collections::BTreeMap;

use serde_json::Value;
use windlass_plugin_sdk::config::Configure;
use windlass_plugin_sdk::diagnostic::Diagnostics;
use windlass_plugin_sdk::policy::{BatchFindings, BatchPolicy, Cluster, Subject};

use namespace::Demands;
use settings::Settings;
use workload::Workload;

/// The standards, with the settings.
struct PodSecurity(Settings);

impl Configure for PodSecurity {
    fn configure(settings: Value) -> Result<Self, Diagnostics> {
        Settings::read(&settings).map(Self)
    }
}

impl BatchPolicy for PodSecurity {
    fn check_batch(&self, subjects: &[Subject], cluster: &Cluster, findings: &mut BatchFindings) {
        // Most objects of a batch share their namespace.
        let mut demands: BTreeMap<String, Demands> = BTreeMap::new();
        for (index, subject) in subjects.iter().enumerate() {
            let findings = findings.on(index);
            match workload::read(subject.json()) {
                Ok(Workload::Namespace(head)) => namespace::check(&head, &self.0, findings),
                Ok(Workload::Pods { namespace, pod, root }) => {
                    if self.0.namespaces.contains(&*namespace) {
                        continue;
                    }
                    if !demands.contains_key(&*namespace) {
                        let new = Demands::of(&namespace, &self.0, cluster);
                        demands.insert(namespace.to_string(), new);
                    }
                    if let Some(demands) = demands.get(&*namespace) {
                        judge::pod(&pod, root, demands, &self.0, findings);
                    }
                }
                Ok(Workload::Other) => {}
                Err(unreadable) => findings.deny(unreadable.pointer, unreadable.message),
            }
        }
    }
}

windlass_plugin_sdk::export_policy!(
    PodSecurity,
    matches: [
        "v1/Namespace",
        "v1/Pod",
        "v1/PodTemplate",
        "v1/ReplicationController",
        "apps/DaemonSet",
        "apps/Deployment",
        "apps/ReplicaSet",
        "apps/StatefulSet",
        "batch/CronJob",
        "batch/Job",
    ],
    reads: ["v1/Namespace"],
    resources: ["pod-security.admission.config.k8s.io/PodSecurityConfiguration"],
    schema: include_str!("schema.json"),
);

#[cfg(test)]
mod tests;
