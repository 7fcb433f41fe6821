mod hostile;
mod kyverno;
mod matching;
mod oracle;
mod params;
mod places;
mod policies;
mod rules;

use windlass_plugin_sdk::testing;

use crate::Cel;

/// A policy with one validation, on Deployments unless `spec` says otherwise.
fn policy(name: &str, spec: &str) -> String {
    let constraints = if spec.contains("matchConstraints") {
        ""
    } else {
        "matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]}, "
    };
    format!(
        "{{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {{name: {name}}}, spec: {{{constraints}{spec}}}}}"
    )
}

fn binding(name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {{name: {name}}}, spec: {{policyName: p, {spec}}}}}"
    )
}

/// Settings with these resources.
fn resources(resources: &[&str]) -> String {
    format!("resources: [{}]", resources.join(", "))
}

fn check(settings: &[&str], objects: &str) -> String {
    testing::check::<Cel>(&resources(settings), objects)
}

/// The same, where the cluster has `cluster`.
fn check_in(settings: &[&str], objects: &str, cluster: &str) -> String {
    let around = testing::Surroundings { cluster: Some(cluster), ..testing::Surroundings::default() };
    testing::check_in::<Cel>(&resources(settings), objects, &around)
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {team: a}}
spec:
  replicas: 3
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'nginx:1'}, {name: log, image: 'fluent'}], initContainers: [{name: init, image: 'busybox:1'}]}
";
