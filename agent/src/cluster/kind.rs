//! Kinds, and where the API server serves them.

use std::fmt;

use crate::object::{Manifest, ObjectKey};

/// A kind in a version of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gvk {
    /// API group; empty for the core group.
    pub group: String,
    /// Version within the group.
    pub version: String,
    /// Kind, in CamelCase.
    pub kind: String,
}

impl Gvk {
    /// The kind `kind` of `group`/`version`.
    pub fn new(group: impl Into<String>, version: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// `group/version`, or only the version for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind, self.api_version())
    }
}

impl From<&Manifest> for Gvk {
    fn from(manifest: &Manifest) -> Self {
        Self::new(&manifest.key.group, &manifest.version, &manifest.key.kind)
    }
}

/// A kind that the API server serves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// The kind.
    pub gvk: Gvk,
    /// What it is called in paths, for example `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether it can be listed and watched.
    pub watchable: bool,
}

impl Resource {
    /// A kind that needs no discovery, for it is built in or our own.
    pub fn known(group: &str, version: &str, kind: &str, plural: &str, namespaced: bool) -> Self {
        Self { gvk: Gvk::new(group, version, kind), plural: plural.to_owned(), namespaced, watchable: true }
    }
}

/// One object in one version of its group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// Which object.
    pub key: ObjectKey,
    /// The version in which it is read or written.
    pub version: String,
}

impl ObjectRef {
    /// `key` in `version`.
    pub fn new(key: ObjectKey, version: impl Into<String>) -> Self {
        Self { key, version: version.into() }
    }

    /// The object's kind.
    pub fn gvk(&self) -> Gvk {
        Gvk::new(&self.key.group, &self.version, &self.key.kind)
    }
}

impl From<&Manifest> for ObjectRef {
    fn from(manifest: &Manifest) -> Self {
        Self::new(manifest.key.clone(), manifest.version.clone())
    }
}

/// How much of an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Only `apiVersion`, `kind` and `metadata`.
    Metadata,
    /// All of it.
    Full,
}
