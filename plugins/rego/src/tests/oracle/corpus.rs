//! What is given to both.

use serde_json::{Value, json};

/// The objects that are judged.
pub(super) const OBJECTS: &str = include_str!("../corpus/objects.yaml");
/// What stands around them.
pub(super) const CLUSTER: &str = include_str!("../corpus/cluster.yaml");

/// One thing that both are asked.
pub(super) struct Case {
    pub(super) name: String,
    /// For the plugin.
    pub(super) settings: Value,
    /// For the oracle.
    pub(super) job: Value,
}

pub(super) fn objects() -> Vec<Value> {
    serde_saphyr::from_multiple(OBJECTS).unwrap()
}

fn cluster() -> Vec<Value> {
    serde_saphyr::from_multiple(CLUSTER).unwrap()
}

/// Templates with a constraint each.
pub(super) fn templates() -> Vec<Case> {
    let written: Vec<Value> = serde_saphyr::from_str(include_str!("../corpus/templates.yaml")).unwrap();
    written.iter().map(template).collect()
}

fn template(written: &Value) -> Case {
    let kind = written["kind"].as_str().unwrap();
    let schema = match &written["schema"] {
        Value::Null => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        schema => schema.clone(),
    };
    let mut target = json!({"target": "admission.k8s.gatekeeper.sh"});
    let mut source = json!({"rego": written["rego"], "version": written["version"]});
    if written["libs"].is_array() {
        source["libs"] = written["libs"].clone();
    }
    if written["version"].is_null() {
        source.as_object_mut().unwrap().remove("version");
        target.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
    } else {
        target["code"] = json!([{"engine": "Rego", "source": source}]);
    }
    let template = json!({
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.to_lowercase()},
        "spec": {
            "crd": {"spec": {"names": {"kind": kind}, "validation": {"openAPIV3Schema": schema}}},
            "targets": [target],
        },
    });
    let mut spec = written.as_object().unwrap().clone();
    for key in ["kind", "rego", "libs", "version", "schema"] {
        spec.remove(key);
    }
    let constraint = json!({
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": kind.to_lowercase()},
        "spec": spec,
    });
    let resources = json!([template, constraint]);
    Case {
        name: kind.to_owned(),
        settings: json!({"resources": resources}),
        job: json!({"gatekeeper": {"resources": resources, "objects": objects(), "cluster": cluster()}}),
    }
}
