//! The set of manifests that the documents make: lists taken apart, every
//! object with an identity, no identity twice.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value};
use windlass_plugin_sdk::diagnostic::Diagnostic;
use windlass_plugin_sdk::object::Object;
use windlass_plugin_sdk::render::Manifest;

use crate::document::{Document, Problem};

/// Group, kind, namespace and name: no version, because the same object is
/// served under several.
type Identity = (String, String, Option<String>, String);

#[derive(Default)]
pub(crate) struct Set {
    manifests: Vec<Manifest>,
    /// Where each stands in `manifests`.
    places: BTreeMap<Identity, usize>,
}

impl Set {
    /// Adds what a document of the file `path` holds; gives what is wrong with
    /// it.
    pub(crate) fn add(&mut self, path: &str, document: Document) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        self.add_value(path, document.content, &document.bytes, &mut problems);
        problems
    }

    pub(crate) fn into_manifests(self) -> Vec<Manifest> {
        self.manifests
    }

    fn add_value(
        &mut self,
        path: &str,
        content: Value,
        bytes: &Range<usize>,
        problems: &mut Vec<Diagnostic>,
    ) {
        let mut problem = |message: String| problems.push(Problem::at(message, bytes.clone()).in_file(path));
        let mut fields = match content {
            Value::Null => return,
            Value::Object(fields) => fields,
            Value::Array(_) => return problem("is a list, not a Kubernetes object".to_owned()),
            _ => return problem("is a single value, not a Kubernetes object".to_owned()),
        };
        if let Some((items, item_kind)) = take_items(&mut fields) {
            for mut item in items {
                infer_kind(&mut item, &fields, &item_kind);
                self.add_value(path, item, bytes, problems);
            }
            return;
        }
        let object = Object::new(Value::Object(fields));
        let field = |pointer| object.text(pointer).unwrap_or_default();
        for (pointer, name) in
            [("/apiVersion", "apiVersion"), ("/kind", "kind"), ("/metadata/name", "metadata.name")]
        {
            if field(pointer).is_empty() {
                let hint =
                    if object.pointer(pointer).is_some_and(|value| !value.is_null() && !value.is_string()) {
                        "; quote it"
                    } else if object.group() == "kustomize.config.k8s.io" {
                        "; this is a folder for the kustomize renderer"
                    } else if object.pointer("/metadata/generateName").is_some() && name == "metadata.name" {
                        "; `generateName` makes another object at each apply"
                    } else {
                        ""
                    };
                return problem(format!("`{name}` is missing or not text{hint}"));
            }
        }
        if object
            .pointer("/metadata/namespace")
            .is_some_and(|namespace| !namespace.is_null() && !namespace.is_string())
        {
            // A namespace `n` or `on` is a boolean in YAML as Kubernetes reads it.
            return problem("`metadata.namespace` is not text; quote it".to_owned());
        }
        let identity = (
            object.group().to_owned(),
            object.kind().to_owned(),
            object.namespace().map(ToOwned::to_owned),
            object.name().to_owned(),
        );
        if let Some(&first) = self.places.get(&identity) {
            let first = &self.manifests[first];
            let place = first.path.as_deref().unwrap_or_default();
            let reference = object.reference();
            let message = if place == path {
                format!("{reference} stands twice in this file")
            } else {
                format!("{reference} is also defined in {place}")
            };
            problems.push(Problem::at(message, bytes.clone()).in_file(path).about(reference.clone()));
            // The other place too, so that both can be opened from the report.
            let message = format!("{reference} is defined here first");
            if let Some(bytes) = first.bytes.clone() {
                problems.push(Problem::at(message, bytes).in_file(place).about(reference));
            }
            return;
        }
        self.places.insert(identity, self.manifests.len());
        self.manifests.push(Manifest {
            object: object.into_value(),
            path: Some(path.to_owned()),
            bytes: Some(bytes.clone()),
        });
    }
}

/// The items of a `List` or of a typed list such as `DeploymentList`, with the
/// kind that items without one have.
fn take_items(fields: &mut Map<String, Value>) -> Option<(Vec<Value>, String)> {
    let kind = fields.get("kind")?.as_str()?.strip_suffix("List")?.to_owned();
    if !fields.get("items")?.is_array() {
        return None;
    }
    match fields.remove("items")? {
        Value::Array(items) => Some((items, kind)),
        _ => None,
    }
}

fn infer_kind(item: &mut Value, list: &Map<String, Value>, kind: &str) {
    if let Value::Object(item) = item
        && !kind.is_empty()
        && !item.contains_key("kind")
        && !item.contains_key("apiVersion")
    {
        item.insert("kind".to_owned(), kind.into());
        item.insert("apiVersion".to_owned(), list.get("apiVersion").cloned().unwrap_or_default());
    }
}
