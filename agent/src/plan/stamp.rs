//! Marks an object as an Application's, and gives it a digest.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::object::{APPLICATION_ANNOTATION, APPLICATION_UID_LABEL};

/// Marks members of an `ApplySet` (KEP-3659), so that kubectl sees the same set.
pub(crate) const APPLYSET_PART_OF_LABEL: &str = "applyset.kubernetes.io/part-of";

/// Whom the objects of a plan belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The Application's namespace.
    pub(crate) namespace: String,
    /// The Application's name.
    pub(crate) name: String,
    /// The Application's uid.
    pub(crate) uid: String,
}

impl Owner {
    /// The field manager of everything that is applied for this Application.
    /// One for each: a shared one would hide two Applications that fight.
    pub(crate) fn field_manager(&self) -> String {
        format!("windlass/{}", self.uid)
    }

    /// What the owner annotation says.
    pub(crate) fn annotation(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The `ApplySet`'s id, computed from its parent's identity (KEP-3659).
    pub(crate) fn applyset_id(&self) -> String {
        let parent = format!("{}.{}.Application.windlass.dev", self.name, self.namespace);
        format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(Sha256::digest(parent)))
    }
}

/// Adds the owner's labels and annotation to an object.
pub(super) fn stamp(object: &mut Value, owner: &Owner, namespace: Option<&str>) {
    edit(object, |object| {
        edit(entry(object, "metadata"), |metadata| {
            match namespace {
                Some(namespace) => metadata.insert("namespace".to_owned(), namespace.into()),
                None => metadata.remove("namespace"),
            };
            edit(entry(metadata, "labels"), |labels| {
                labels.insert(APPLICATION_UID_LABEL.to_owned(), owner.uid.clone().into());
                labels.insert(APPLYSET_PART_OF_LABEL.to_owned(), owner.applyset_id().into());
            });
            edit(entry(metadata, "annotations"), |annotations| {
                annotations.insert(APPLICATION_ANNOTATION.to_owned(), owner.annotation().into());
            });
        });
    });
}

/// A digest of the object as it will be sent. `serde_json` keeps the keys of a
/// map sorted, so equal objects have equal digests.
pub(super) fn digest(object: &Value) -> String {
    hex::encode(&Sha256::digest(object.to_string())[..16])
}

/// Changes the map that a value is. What is no map, as an empty `labels:`, becomes one.
fn edit(value: &mut Value, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut map = match value.take() {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    change(&mut map);
    *value = Value::Object(map);
}

fn entry<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Value {
    map.entry(key).or_insert(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner() -> Owner {
        Owner { namespace: "shop".to_owned(), name: "web".to_owned(), uid: "1-2-3".to_owned() }
    }

    #[test]
    fn labels_and_annotations_of_the_manifest_stay_beside_the_owners() {
        let mut object = json!({"metadata": {"name": "a", "labels": {"app": "web"}, "annotations": null}});
        stamp(&mut object, &owner(), Some("shop"));
        assert_eq!(object["metadata"]["labels"]["app"], "web");
        assert_eq!(object["metadata"]["labels"][APPLICATION_UID_LABEL], "1-2-3");
        assert_eq!(object["metadata"]["annotations"][APPLICATION_ANNOTATION], "shop/web");
        assert_eq!(object["metadata"]["namespace"], "shop");
    }

    #[test]
    fn a_cluster_scoped_object_loses_a_stray_namespace() {
        let mut object = json!({"metadata": {"name": "a", "namespace": "stray"}});
        stamp(&mut object, &owner(), None);
        assert_eq!(object["metadata"].get("namespace"), None);
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_keys() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": 2}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"b": 2, "a": 1}"#).unwrap();
        assert_eq!(digest(&one), digest(&two));
    }
}
