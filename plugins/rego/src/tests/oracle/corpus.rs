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

/// Modules in the manner of conftest.
pub(super) fn modules() -> Vec<Case> {
    let written: Vec<Value> = serde_saphyr::from_str(include_str!("../corpus/modules.yaml")).unwrap();
    let cases = written.iter().map(|written| {
        let text = written["text"].as_str().unwrap();
        let namespace = written["namespace"].as_str().unwrap_or("main");
        let version = written["version"].as_str().unwrap_or("v1");
        module(written["name"].as_str().unwrap(), text, namespace, version, &written["data"])
    });
    cases.collect()
}

/// One module for each expression.
pub(super) fn expressions() -> Vec<Case> {
    include_str!("../corpus/expressions.txt").lines().map(expression).collect()
}

/// A module that says an expression's value, as JSON and as text.
pub(super) fn expression(expression: &str) -> Case {
    let text = format!(
        "package main\nis_it if input.kind == \"ConfigMap\"\n\
         deny_json contains json.marshal(result) if {{\n  is_it\n  result := {expression}\n}}\n\
         deny_text contains sprintf(\"%v\", [result]) if {{\n  is_it\n  result := {expression}\n}}\n"
    );
    module(expression, &text, "main", "v1", &Value::Null)
}

fn module(name: &str, text: &str, namespace: &str, version: &str, data: &Value) -> Case {
    let modules = json!({"policy/main.rego": text});
    let mut settings = json!({"modules": modules, "namespaces": [namespace], "version": version});
    let mut job =
        json!({"modules": modules, "namespace": namespace, "version": version, "objects": objects()});
    if data.is_object() {
        settings["data"] = data.clone();
        job["data"] = data.clone();
    }
    Case { name: name.to_owned(), settings, job: json!({"modules": job}) }
}

/// Constraints of one template.
pub(super) fn matches() -> Vec<Case> {
    let written: Vec<Value> = serde_saphyr::from_str(include_str!("../corpus/matches.yaml")).unwrap();
    let cases = written.into_iter().map(|mut spec| {
        let name = spec.to_string();
        spec["kind"] = json!("Always");
        spec["rego"] = json!("package t\nviolation[{\"msg\": \"always\"}] { true }");
        spec["schema"] = json!({"type": "object", "properties": {
            "limit": {"type": "integer", "maximum": 5},
            "list": {"type": "array", "items": {
                "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}},
            }},
        }});
        Case { name, ..template(&spec) }
    });
    cases.collect()
}
