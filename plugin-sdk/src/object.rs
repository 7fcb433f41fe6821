//! A Kubernetes object as a plugin sees it: JSON with the look-ups that
//! rules need.

mod container;

use serde_json::{Map, Value};

pub use container::Container;

use crate::diagnostic::ObjectRef;

/// One object. Absent and mistyped fields read as empty, so that a rule says
/// what it wants to see and needs no case for what is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Object(Value);

impl Object {
    /// An object with this content.
    pub fn new(content: Value) -> Self {
        Self(content)
    }

    /// The whole object.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The whole object, by value.
    pub fn into_value(self) -> Value {
        self.0
    }

    /// `apiVersion`, for example `apps/v1`; empty where it is missing.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion").unwrap_or_default()
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// `kind`; empty where it is missing.
    pub fn kind(&self) -> &str {
        self.text("/kind").unwrap_or_default()
    }

    /// `metadata.name`; empty where it is missing.
    pub fn name(&self) -> &str {
        self.text("/metadata/name").unwrap_or_default()
    }

    /// `metadata.namespace`, where the object names one.
    pub fn namespace(&self) -> Option<&str> {
        self.text("/metadata/namespace").filter(|namespace| !namespace.is_empty())
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.fields("/metadata/labels")?.get(key)?.as_str()
    }

    /// An annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.fields("/metadata/annotations")?.get(key)?.as_str()
    }

    /// What stands at a JSON pointer (RFC 6901), for example
    /// `/spec/template/spec`.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        walk(&self.0, pointer)
    }

    /// The string at a JSON pointer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.pointer(pointer)?.as_str()
    }

    /// The whole number at a JSON pointer.
    pub fn integer(&self, pointer: &str) -> Option<i64> {
        self.pointer(pointer)?.as_i64()
    }

    /// The boolean at a JSON pointer; `false` where there is none, which is
    /// what the Kubernetes API means by an absent boolean.
    pub fn flag(&self, pointer: &str) -> bool {
        self.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The list at a JSON pointer; empty where there is none.
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The fields of the object at a JSON pointer.
    pub fn fields(&self, pointer: &str) -> Option<&Map<String, Value>> {
        self.pointer(pointer)?.as_object()
    }

    /// Where the pod spec stands, in a Pod or in what makes Pods; `None` for
    /// everything else.
    ///
    /// Kinds that Kubernetes does not know are recognised by their shape
    /// (`spec.template.spec.containers`), so that a rule about pods also holds
    /// for a Rollout or a Knative Service.
    pub fn pod_spec_pointer(&self) -> Option<&'static str> {
        const TEMPLATE: &str = "/spec/template/spec";
        const JOB_TEMPLATE: &str = "/spec/jobTemplate/spec/template/spec";
        match (self.group(), self.kind()) {
            ("", "Pod") => Some("/spec"),
            ("", "PodTemplate") => Some("/template/spec"),
            ("", "ReplicationController")
            | ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
            | ("batch", "Job") => Some(TEMPLATE),
            ("batch", "CronJob") => Some(JOB_TEMPLATE),
            _ => [TEMPLATE, JOB_TEMPLATE].into_iter().find(|pointer| {
                self.fields(pointer).is_some_and(|spec| spec.get("containers").is_some_and(Value::is_array))
            }),
        }
    }

    /// The pod spec, wherever the kind keeps it.
    pub fn pod_spec(&self) -> Option<&Map<String, Value>> {
        self.fields(self.pod_spec_pointer()?)
    }

    /// Every container that the object runs or makes run: containers, init
    /// containers and ephemeral containers, of a Pod or of the template of any
    /// workload.
    pub fn containers(&self) -> impl Iterator<Item = Container<'_>> {
        container::of(self)
    }

    /// The object's identity.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            api_version: self.api_version().to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().map(ToOwned::to_owned),
            name: self.name().to_owned(),
        }
    }

    /// Whether a pattern that a plugin declares covers the object: `v1/Pod`,
    /// `apps/*` or `*`, group and kind, with `v1` for the core group.
    pub fn matches(&self, pattern: &str) -> bool {
        let Some((group, kind)) = pattern.split_once('/') else { return pattern == "*" };
        let group_fits = match group {
            "*" => true,
            "v1" => self.group().is_empty(),
            group => self.group() == group,
        };
        group_fits && (kind == "*" || kind == self.kind())
    }

    /// Reads an object as it crosses the boundary.
    ///
    /// # Panics
    /// When it is not JSON, which the contract rules out.
    pub(crate) fn from_json(json: &[u8]) -> Self {
        match serde_json::from_slice(json) {
            Ok(content) => Self(content),
            Err(error) => panic!("the host sent an object that is not JSON: {error}"),
        }
    }
}

/// What stands at a JSON pointer (RFC 6901) in `value`. Steps without an escape, which almost all are,
/// are compared in place; [`Value::pointer`] copies every one of them.
fn walk<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.contains('~') {
        return value.pointer(pointer);
    }
    let Some(steps) = pointer.strip_prefix('/') else {
        return pointer.is_empty().then_some(value);
    };
    steps.split('/').try_fold(value, |value, step| match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(_) => value.pointer(&format!("/{step}")),
        _ => None,
    })
}

/// One step of a JSON pointer for a key that may hold `/` or `~`, as the keys
/// of labels do.
pub fn pointer_step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
