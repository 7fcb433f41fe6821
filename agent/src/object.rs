//! Kubernetes objects as values: their identity, their content, and the line
//! in Git that they came from. Knows nothing of any cluster.

mod pattern;

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use pattern::{covers, matches_kind, split};

/// The annotation that names the Application an object belongs to, as
/// `namespace/name`. It can only ever refuse an action: anyone who may edit an
/// object can write it.
pub const APPLICATION_ANNOTATION: &str = "windlass.dev/application";

/// The label that carries the uid of the owning Application. Watches select on
/// its existence.
pub const APPLICATION_UID_LABEL: &str = "windlass.dev/application-uid";

/// What identifies an object for as long as it lives: no version, because the
/// same object is served under several.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectKey {
    /// API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind, in CamelCase.
    pub kind: String,
    /// Namespace; absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectKey {
    /// Whether it names a Secret of Kubernetes' own, whose values are shown and
    /// kept nowhere.
    pub(crate) fn is_secret(&self) -> bool {
        self.group.is_empty() && self.kind == "Secret"
    }
}

impl fmt::Display for ObjectKey {
    /// `Kind/namespace/name`, or `Kind/name` for cluster-scoped objects.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

/// Namespace and name of a custom resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The place in Git that a manifest was read or made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// File, relative to the root of the repository.
    pub path: String,
    /// First line of the document, counted from 1; absent where the renderer
    /// can't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The document's bytes in the file, end exclusive.
    #[serde(skip)]
    pub span: Option<(u32, u32)>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// One rendered object with its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The object's identity, as it is written in the manifest.
    pub key: ObjectKey,
    /// Version within the group, for example `v1`.
    pub version: String,
    /// The whole object, a JSON object.
    pub object: Value,
    /// Where it came from.
    pub origin: Option<Origin>,
    /// What changed it after that, such as patches, in the order in which the
    /// renderer tells of them.
    pub changed_by: Vec<Origin>,
}

impl Manifest {
    /// Reads the identity out of `object`.
    ///
    /// # Errors
    /// Says which of `apiVersion`, `kind` and `metadata.name` is missing or not
    /// a string.
    pub fn from_object(object: Value, origin: Option<Origin>) -> Result<Self, InvalidObject> {
        let text = |pointer: &'static str| match object.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
            Some(_) => Err(InvalidObject { pointer, problem: "is not a string with content" }),
            None => Err(InvalidObject { pointer, problem: "is missing" }),
        };
        let api_version = text("/apiVersion")?;
        let (group, version) = match api_version.split_once('/') {
            Some((group, version)) => (group.to_owned(), version.to_owned()),
            None => (String::new(), api_version),
        };
        let namespace = match object.pointer("/metadata/namespace") {
            None | Some(Value::Null) => None,
            Some(_) => Some(text("/metadata/namespace")?),
        };
        let key = ObjectKey { group, kind: text("/kind")?, namespace, name: text("/metadata/name")? };
        Ok(Self { key, version, object, origin, changed_by: Vec::new() })
    }

    /// `group/version`, or only the version for the core group.
    pub fn api_version(&self) -> String {
        if self.key.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.key.group, self.version)
        }
    }
}

/// A JSON value as compact text, which is what is kept of one: as a tree of
/// maps it would take twenty times as much memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed(Bytes);

impl Packed {
    /// The text, with the keys of maps in their order.
    pub(crate) fn text(&self) -> &Bytes {
        &self.0
    }

    /// A text that [`Packed::text`] gave.
    pub(crate) fn from_text(text: String) -> Self {
        Self(Bytes::from(text.into_bytes().into_boxed_slice()))
    }

    /// The value again.
    pub(crate) fn unpack(&self) -> Value {
        // It was written from a value, and so can be read.
        serde_json::from_slice(&self.0).unwrap_or_default()
    }
}

impl From<&Value> for Packed {
    fn from(value: &Value) -> Self {
        Self(Bytes::from(value.to_string().into_bytes().into_boxed_slice()))
    }
}

/// Why a JSON value is not a Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` {problem}", pointer.trim_start_matches('/').replace('/', "."))]
pub struct InvalidObject {
    /// JSON pointer of the field.
    pub pointer: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_core_object_has_an_empty_group() {
        let manifest = Manifest::from_object(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
            None,
        )
        .unwrap();
        assert_eq!((manifest.key.group.as_str(), manifest.api_version().as_str()), ("", "v1"));
    }

    #[test]
    fn an_object_without_a_name_is_refused_by_the_field_that_is_missing() {
        let error =
            Manifest::from_object(json!({"apiVersion": "apps/v1", "kind": "Deployment"}), None).unwrap_err();
        assert_eq!(error.to_string(), "`metadata.name` is missing");
    }
}
