//! Writing: server-side apply, merge patches, deletes. Each is one request.

use http::Method;
use serde_json::{Map, Value, json};

use super::kind::{ObjectRef, Resource};
use super::{Call, Cluster, ClusterError, Verb, path};
use crate::object::Manifest;

/// Fields of `metadata` that belong to the server. An exported manifest can
/// hold them, and then they would be taken for preconditions.
const SERVER_FIELDS: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The object as it was read: nothing is written if it is no longer so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// Its uid. If the object is gone, or was made anew, nothing is written,
    /// and above all nothing is created.
    pub uid: String,
    /// Its version. If the object changed, nothing is written.
    pub resource_version: Option<String>,
}

impl Precondition {
    /// That `object` is still as it was read; nothing for what has no uid.
    pub fn of(object: &Value) -> Option<Self> {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Some(Self { uid: text("/metadata/uid")?, resource_version: text("/metadata/resourceVersion") })
    }
}

/// How a manifest is applied.
#[derive(Clone, Copy, Debug)]
pub struct ApplyOptions<'a> {
    /// The field manager, at most 128 bytes.
    pub manager: &'a str,
    /// Take over fields of other managers. Otherwise they are a
    /// [`ClusterError::Conflict`].
    pub force: bool,
    /// What the object must still be. Without it the object may be created.
    pub precondition: Option<&'a Precondition>,
    /// Ask what would happen, and write nothing.
    pub dry_run: bool,
}

/// What becomes of an object's dependents when it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards.
    Background,
    /// They are deleted first.
    Foreground,
    /// They stay.
    Orphan,
}

/// What became of a delete that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The object is gone.
    Gone,
    /// Finalizers hold it.
    Terminating,
}

impl Cluster {
    /// Applies a manifest, and gives the object as it is now.
    ///
    /// Fields of `metadata` that belong to the server, and `status`, are not
    /// sent. Unknown fields are an error.
    pub async fn apply(
        &self,
        manifest: &Manifest,
        options: &ApplyOptions<'_>,
    ) -> Result<Value, ClusterError> {
        let resource = self.resolve(&manifest.into()).await?;
        let key = &manifest.key;
        let mut query = vec![("fieldManager", options.manager), ("fieldValidation", "Strict")];
        query.push(("force", if options.force { "true" } else { "false" }));
        if options.dry_run {
            query.push(("dryRun", "All"));
        }
        let path = path::object(&resource, key.namespace.as_deref(), &key.name, None)?;
        let body = applied(&manifest.object, options.precondition);
        let mut call = Call::new(Verb::Apply, Method::PATCH, path::with_query(path, &query), key)
            .json("application/apply-patch+yaml", &body)?;
        call.secret = is_secret(&resource);
        let result = self.send_for_object(call).await;
        if let Err(ClusterError::UnknownKind { .. }) = result {
            // It was served when it was resolved.
            self.forget(&manifest.api_version()).await;
        }
        result
    }

    /// Merges `status` into an object's status, with `null` for what goes, and
    /// gives the object as it is now. With a version, only if the object still
    /// has it.
    pub async fn patch_status(
        &self,
        object: &ObjectRef,
        status: &Value,
        resource_version: Option<&str>,
        manager: &str,
    ) -> Result<Value, ClusterError> {
        let mut body = json!({ "status": status });
        if let Some(version) = resource_version {
            body["metadata"] = json!({ "resourceVersion": version });
        }
        self.merge(object, Some("status"), &body, manager).await
    }

    /// Merges `metadata` into an object's metadata, with `null` for what goes,
    /// and gives the object as it is now.
    pub async fn patch_metadata(
        &self,
        object: &ObjectRef,
        metadata: &Map<String, Value>,
        precondition: Option<&Precondition>,
        manager: &str,
    ) -> Result<Value, ClusterError> {
        let mut metadata = metadata.clone();
        insert(&mut metadata, precondition);
        self.merge(object, None, &json!({ "metadata": metadata }), manager).await
    }

    async fn merge(
        &self,
        object: &ObjectRef,
        subresource: Option<&str>,
        body: &Value,
        manager: &str,
    ) -> Result<Value, ClusterError> {
        let resource = self.resolve(&object.gvk()).await?;
        let path = path::object(&resource, object.key.namespace.as_deref(), &object.key.name, subresource)?;
        let path = path::with_query(path, &[("fieldManager", manager), ("fieldValidation", "Strict")]);
        let mut call = Call::new(Verb::Patch, Method::PATCH, path, &object.key)
            .json("application/merge-patch+json", body)?;
        call.secret = is_secret(&resource);
        self.send_for_object(call).await
    }

    /// Creates an object; it must not exist. Its namespace and kind are those
    /// of `resource` and `namespace`.
    pub async fn create(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        body: &Value,
        manager: &str,
    ) -> Result<Value, ClusterError> {
        let path = path::with_query(path::collection(resource, namespace)?, &[("fieldManager", manager)]);
        let mut call =
            Call::new(Verb::Create, Method::POST, path, &resource.gvk).json("application/json", body)?;
        call.secret = is_secret(resource);
        self.send_for_object(call).await
    }

    /// Deletes an object if it is still the one that was read.
    pub async fn delete(
        &self,
        object: &ObjectRef,
        precondition: &Precondition,
        propagation: Propagation,
    ) -> Result<Deletion, ClusterError> {
        let resource = self.resolve(&object.gvk()).await?;
        let path = path::object(&resource, object.key.namespace.as_deref(), &object.key.name, None)?;
        let mut preconditions = json!({ "uid": precondition.uid });
        if let Some(version) = &precondition.resource_version {
            preconditions["resourceVersion"] = version.as_str().into();
        }
        let body = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": preconditions,
            "propagationPolicy": match propagation {
                Propagation::Background => "Background",
                Propagation::Foreground => "Foreground",
                Propagation::Orphan => "Orphan",
            },
        });
        let call =
            Call::new(Verb::Delete, Method::DELETE, path, &object.key).json("application/json", &body)?;
        let answer = self.send_for_object(call).await?;
        // What is held comes back itself; what is gone, as a `Status` or as it was.
        let held = answer.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string);
        Ok(if held { Deletion::Terminating } else { Deletion::Gone })
    }
}

fn applied(object: &Value, precondition: Option<&Precondition>) -> Value {
    let Value::Object(object) = object else {
        return object.clone();
    };
    let mut body: Map<String, Value> = object
        .iter()
        .filter(|(name, _)| *name != "status")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if let Some(Value::Object(metadata)) = body.get_mut("metadata") {
        metadata.retain(|name, _| !SERVER_FIELDS.contains(&name.as_str()));
        insert(metadata, precondition);
    }
    Value::Object(body)
}

fn insert(metadata: &mut Map<String, Value>, precondition: Option<&Precondition>) {
    let Some(precondition) = precondition else {
        return;
    };
    metadata.insert("uid".to_owned(), precondition.uid.as_str().into());
    if let Some(version) = &precondition.resource_version {
        metadata.insert("resourceVersion".to_owned(), version.as_str().into());
    }
}

fn is_secret(resource: &Resource) -> bool {
    resource.gvk.group.is_empty() && resource.gvk.kind == "Secret"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_server_is_not_sent_and_preconditions_are_ours() {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}, "status": {"x": 1},
            "metadata": {"name": "a", "uid": "theirs", "resourceVersion": "1", "managedFields": [], "creationTimestamp": null},
        });
        let without = applied(&object, None);
        assert_eq!(without["metadata"], json!({"name": "a"}));
        assert!(without.get("status").is_none() && without["data"]["a"] == "b");
        let precondition = Precondition { uid: "ours".to_owned(), resource_version: Some("7".to_owned()) };
        let with = applied(&object, Some(&precondition));
        assert_eq!(with["metadata"], json!({"name": "a", "uid": "ours", "resourceVersion": "7"}));
    }
}
