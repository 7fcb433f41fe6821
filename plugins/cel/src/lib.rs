#![doc = include_str!("../README.md")]

mod admission;
mod arithmetic;
mod compile;
mod evaluate;
mod failure;
mod json;
mod library;
mod meter;
mod plan;
mod syntax;
mod typing;
mod value;

use windlass_plugin_sdk::config::Configure;
use windlass_plugin_sdk::diagnostic::Diagnostics;
use windlass_plugin_sdk::policy::{BatchFindings, BatchPolicy, Cluster, Subject};

/// The compiled policies.
struct Cel(admission::Policies);

impl Configure for Cel {
    fn configure(settings: serde_json::Value) -> Result<Self, Diagnostics> {
        admission::configure(settings).map(Self)
    }
}

impl BatchPolicy for Cel {
    fn check_batch(&self, subjects: &[Subject], cluster: &Cluster, findings: &mut BatchFindings) {
        admission::check(&self.0, subjects, cluster, findings);
    }
}

windlass_plugin_sdk::export_policy!(
    Cel,
    matches: ["*"],
    reads: ["*"],
    old: true,
    resources: [
        "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
        "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
        "policies.kyverno.io/ValidatingPolicy",
        "policies.kyverno.io/NamespacedValidatingPolicy",
    ],
    schema: include_str!("schema.json"),
);

#[cfg(test)]
mod tests;
