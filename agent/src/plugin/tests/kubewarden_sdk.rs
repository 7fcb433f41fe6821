//! A policy that was written with Kubewarden's own SDK, built as its README
//! says: what such a policy expects of its host is there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::guests::{PATIENT, load, write};
use super::kubewarden::{Namespaces, annotated, subject};
use crate::plugin::{Action, Finding, Plugin, PluginError, Surroundings};

static POLICY: LazyLock<Plugin> = LazyLock::new(|| {
    let rules = ["pods", "deployments"].map(|resource| {
        let group = if resource == "pods" { "" } else { "apps" };
        json!({"apiGroups": [group], "apiVersions": ["v1"], "resources": [resource], "operations": ["CREATE", "UPDATE"]})
    });
    let metadata = json!({
        "protocolVersion": "v1",
        "rules": rules,
        "mutating": false,
        "backgroundAudit": true,
        "executionMode": "kubewarden-wapc",
        "policyType": "kubernetes",
        "contextAwareResources": [{"apiVersion": "v1", "kind": "Namespace"}],
        "annotations": {"io.kubewarden.policy.title": "namespace-owner"},
    });
    let module = std::fs::read(build()).unwrap();
    load(&write("namespace-owner", &annotated(&module, &metadata)), PATIENT).unwrap()
});

fn build() -> PathBuf {
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests/kubewarden");
    // Cargo's target folder, above the folder of the profile that this was built in.
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().nth(3).unwrap().join("kubewarden");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-unknown-unknown", "--target-dir"]);
    cargo.arg(&target).env_remove("RUSTFLAGS").env_remove("CARGO_BUILD_TARGET").current_dir(guest);
    assert!(cargo.status().unwrap().success(), "{cargo:?}");
    target.join("wasm32-unknown-unknown/release/namespace_owner.wasm")
}

fn pod(image: &str, namespace: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": namespace},
        "spec": {"containers": [{"name": "web", "image": image}]}})
}

fn judge(settings: &Value, object: &Value, complete: bool) -> Result<Vec<Finding>, PluginError> {
    let around: Arc<dyn Surroundings> = Arc::new(Namespaces { complete });
    POLICY.evaluate(settings, &[subject(object)], &around).map(|mut verdicts| verdicts.remove(0))
}

fn messages(settings: &Value, object: &Value) -> Vec<String> {
    judge(settings, object, true).unwrap().into_iter().map(|finding| finding.message).collect()
}

#[test]
fn the_sdk_speaks_the_protocol_of_this_host() {
    assert_eq!(POLICY.self_test(), Ok(()));
    assert_eq!(POLICY.manifest().matches, ["apps/Deployment", "v1/Pod"]);
}

#[test]
fn the_settings_are_validated_by_the_policy() {
    let settings = json!({"registries": ["ghcr.io"]});
    assert_eq!(POLICY.try_config(&settings), Ok(()));
    let error = POLICY.try_config(&json!({})).unwrap_err();
    assert_eq!(
        (error.to_string(), matches!(error, PluginError::Refused(_))),
        ("`registries` names none".to_owned(), true)
    );
    let error = POLICY.try_config(&json!({"registry": "ghcr.io"})).unwrap_err().to_string();
    assert!(error.contains("unknown field `registry`"), "{error}");
}

#[test]
fn a_rejection_is_a_finding_and_a_warning_warns() {
    let settings = json!({"registries": ["ghcr.io"]});
    assert!(messages(&settings, &pod("ghcr.io/shop/web:1", "prod")).is_empty());
    let findings = judge(&settings, &pod("nginx", "prod"), true).unwrap();
    let actions: Vec<_> = findings.iter().map(|finding| (&*finding.message, finding.action)).collect();
    assert_eq!(
        actions,
        [("`nginx` of `web` comes from `docker.io`", None), ("mirror it first", Some(Action::Warn))]
    );
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "a", "image": "quay.io/a"}]}}}});
    assert_eq!(messages(&settings, &deployment)[0], "`quay.io/a` of `a` comes from `quay.io`");
}

#[test]
fn a_context_aware_policy_reads_what_the_gate_grants() {
    let settings = json!({"registries": ["ghcr.io"], "owner": "env"});
    let pod = |namespace| pod("ghcr.io/shop/web:1", namespace);
    assert!(messages(&settings, &pod("prod")).is_empty());
    assert_eq!(messages(&settings, &pod("test")), ["the Namespace has no label `env`"]);
    let unknown = &messages(&settings, &pod("none"))[0];
    assert!(unknown.contains("v1/Namespace `none` is not found"), "{unknown}");
    let findings = judge(&settings, &pod("prod"), false).unwrap();
    assert!(findings[0].message.contains("which the Gate does not grant"), "{findings:?}");
}

/// Prints what a verdict costs: `--ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn what_a_verdict_costs() {
    let around: Arc<dyn Surroundings> = Arc::new(Namespaces { complete: true });
    let subjects = vec![subject(&pod("ghcr.io/shop/web:1", "prod")); 100];
    for settings in [json!({"registries": ["ghcr.io"]}), json!({"registries": ["ghcr.io"], "owner": "env"})] {
        POLICY.evaluate(&settings, &subjects, &around).unwrap();
        let begun = std::time::Instant::now();
        POLICY.evaluate(&settings, &subjects, &around).unwrap();
        let each = begun.elapsed() / 100;
        #[expect(clippy::print_stderr, reason = "it is what this is for")]
        {
            eprintln!("{settings}: {each:?} a verdict");
        }
    }
}
