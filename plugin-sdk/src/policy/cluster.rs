//! What stands around the objects under judgement: the rest of their set, and
//! what the Gate grants of the cluster.

use crate::object::Object;

/// Answers what objects there would be once the set is applied.
///
/// Only the kinds that the plugin declares to read; asking for others ends the
/// call. All answers of one call are of one moment.
#[derive(Debug)]
pub struct Cluster {
    /// Outside of WebAssembly there is no host to ask, only a test's objects.
    #[cfg(not(target_family = "wasm"))]
    objects: Vec<Object>,
    #[cfg(not(target_family = "wasm"))]
    complete: bool,
}

/// Objects, and whether they are all.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<T> {
    /// In the order of their namespaces and names.
    pub objects: Vec<T>,
    /// Whether these are all. Where the Gate does not grant the kind, they are
    /// only those that the application itself renders.
    pub complete: bool,
}

impl Cluster {
    /// The cluster, as the host shows it.
    #[cfg(target_family = "wasm")]
    pub(super) fn around() -> Self {
        Self {}
    }

    /// A cluster of these objects.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn of(objects: Vec<Object>, complete: bool) -> Self {
        Self { objects, complete }
    }

    /// The objects of a kind: `v1/Namespace`, `apps/*`, `*`.
    pub fn objects(&self, kind: &str) -> Found<Object> {
        parsed(&self.json(kind, None, None))
    }

    /// Those of one namespace.
    pub fn objects_in(&self, kind: &str, namespace: &str) -> Found<Object> {
        parsed(&self.json(kind, Some(namespace), None))
    }

    /// The one of that name; of a namespaced kind where `namespace` is given.
    pub fn object(&self, kind: &str, namespace: Option<&str>, name: &str) -> Found<Object> {
        parsed(&self.json(kind, namespace, Some(name)))
    }

    /// The same as JSON texts: of every namespace and name, where they are not
    /// given.
    #[cfg(target_family = "wasm")]
    pub fn json(&self, kind: &str, namespace: Option<&str>, name: Option<&str>) -> Found<Vec<u8>> {
        let found = crate::bindings::cluster::objects(kind, namespace, name);
        Found { objects: found.objects, complete: found.complete }
    }

    /// The same as JSON texts: of every namespace and name, where they are not
    /// given.
    #[cfg(not(target_family = "wasm"))]
    pub fn json(&self, kind: &str, namespace: Option<&str>, name: Option<&str>) -> Found<Vec<u8>> {
        let mut matching: Vec<&Object> = self.objects.iter().filter(|object| object.matches(kind)).collect();
        matching.retain(|object| namespace.is_none_or(|namespace| object.namespace() == Some(namespace)));
        matching.retain(|object| name.is_none_or(|name| object.name() == name));
        matching.sort_by_key(|object| (object.namespace(), object.name()));
        let objects = matching.into_iter().map(|object| object.value().to_string().into_bytes()).collect();
        Found { objects, complete: self.complete }
    }
}

fn parsed(found: &Found<Vec<u8>>) -> Found<Object> {
    let objects = found.objects.iter().map(|json| Object::from_json(json)).collect();
    Found { objects, complete: found.complete }
}
