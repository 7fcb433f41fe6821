mod constraints;
mod inventory;
mod modules;
mod oracle;
mod refusals;
mod templates;

use serde_json::{Value, json};
use windlass_plugin_sdk::config::Configure;
use windlass_plugin_sdk::testing::{self, Surroundings};

use crate::Rego;

const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {team: a}}}";
const NAMESPACE: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}";
/// A template that denies everything, and says what it was given.
const SAYS_IT: &str = "package t\nviolation[{\"msg\": msg}] { msg := sprintf(\"%v\", [input.parameters]) }";

/// A template of the kind `Test`.
fn template(rego: &str) -> Value {
    json!({
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": "test"},
        "spec": {
            "crd": {"spec": {"names": {"kind": "Test"}, "validation": {"openAPIV3Schema": {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": true,
            }}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
        },
    })
}

/// A constraint of the kind `Test`.
fn constraint(spec: &Value) -> Value {
    json!({"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "Test", "metadata": {"name": "c"}, "spec": spec})
}

fn resources(resources: &[Value]) -> String {
    json!({"resources": resources}).to_string()
}

/// What a template and a constraint say of a Pod whose namespace is known.
fn say(rego: &str, spec: &Value) -> String {
    let settings = resources(&[template(rego), constraint(spec)]);
    let surroundings = Surroundings { cluster: Some(NAMESPACE), ..Surroundings::default() };
    testing::check_in::<Rego>(&settings, POD, &surroundings)
}

/// Why settings are refused: pointer, the text of the span if there is one, and
/// message.
fn refusals(settings: &Value) -> Vec<(String, String, String)> {
    let Err(diagnostics) = Rego::configure(settings.clone()) else { return Vec::new() };
    let refusals = diagnostics.into_iter().map(|diagnostic| {
        let pointer = diagnostic.pointer.unwrap_or_default();
        let text = diagnostic.span.map(|span| {
            let text = settings.pointer(&pointer).and_then(Value::as_str).unwrap();
            text[usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()].to_owned()
        });
        (pointer, text.unwrap_or_default(), diagnostic.message)
    });
    refusals.collect()
}
