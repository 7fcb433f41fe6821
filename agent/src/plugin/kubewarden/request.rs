//! The admission request that a Kubewarden policy judges.
//!
//! Takes a subject; gives the request as an API server would send it, but with
//! nobody behind it: no user, and an identifier that depends on the object
//! alone.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::kinds;
use crate::plugin::Subject;

/// What a request says of its object beside the object itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) operation: &'static str,
    name: String,
    namespace: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    api_version: String,
    kind: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
}

impl Identity {
    /// Nothing for what is no Kubernetes object.
    pub(super) fn of(subject: &Subject) -> Option<Self> {
        let object: Object = serde_json::from_slice(&subject.object).ok()?;
        let (group, version) = object.api_version.split_once('/').unwrap_or(("", &object.api_version));
        Some(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: object.kind,
            operation: if subject.old.is_some() { "UPDATE" } else { "CREATE" },
            name: object.metadata.name.unwrap_or_default(),
            namespace: object.metadata.namespace.unwrap_or_default(),
        })
    }

    /// Like a UUID, and the same for the same object everywhere.
    fn uid(&self) -> String {
        let mut hasher = Sha256::new();
        for part in [&self.group, &self.kind, &self.namespace, &self.name] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let digits = hex::encode(&hasher.finalize()[..16]);
        [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
    }
}

/// What `validate` is asked.
pub(super) fn payload(identity: &Identity, subject: &Subject, settings: &Value) -> Bytes {
    let Identity { group, version, kind, operation, name, namespace } = identity;
    let resource = kinds::resource(group, kind).map_or_else(|| kinds::guess(kind), str::to_owned);
    let kind = json!({"group": group, "version": version, "kind": kind});
    let resource = json!({"group": group, "version": version, "resource": resource});
    let frame = json!({
        "uid": identity.uid(),
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "name": name,
        "namespace": namespace,
        "operation": operation,
        "userInfo": {"username": "", "groups": []},
        "options": {},
        "dryRun": false,
    });
    // The objects are JSON already, and large: they are not taken apart for this.
    let (settings, frame) = (settings.to_string(), frame.to_string());
    let frame = frame.strip_suffix('}').unwrap_or(&frame);
    let old = subject.old.as_deref().unwrap_or(b"null");
    let parts: [&[u8]; 9] = [
        b"{\"settings\":",
        settings.as_bytes(),
        b",\"request\":",
        frame.as_bytes(),
        b",\"object\":",
        &subject.object,
        b",\"oldObject\":",
        old,
        b"}}",
    ];
    parts.concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(object: &Value, old: Option<&Value>) -> Subject {
        let text = |value: &Value| Bytes::from(value.to_string());
        Subject { object: text(object), old: old.map(text) }
    }

    fn request(subject: &Subject) -> Value {
        let payload = payload(&Identity::of(subject).unwrap(), subject, &json!({"a": "}"}));
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(payload["settings"], json!({"a": "}"}));
        payload["request"].clone()
    }

    #[test]
    fn a_new_object_is_a_creation_and_a_known_one_an_update() {
        let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "web", "namespace": "shop"}});
        let created = request(&subject(&ingress, None));
        assert_eq!(
            created,
            json!({
                "uid": created["uid"],
                "kind": {"group": "networking.k8s.io", "version": "v1", "kind": "Ingress"},
                "resource": {"group": "networking.k8s.io", "version": "v1", "resource": "ingresses"},
                "requestKind": {"group": "networking.k8s.io", "version": "v1", "kind": "Ingress"},
                "requestResource": {"group": "networking.k8s.io", "version": "v1", "resource": "ingresses"},
                "name": "web",
                "namespace": "shop",
                "operation": "CREATE",
                "userInfo": {"username": "", "groups": []},
                "options": {},
                "dryRun": false,
                "object": ingress,
                "oldObject": null,
            })
        );
        let updated = request(&subject(&ingress, Some(&json!({"kind": "before"}))));
        assert_eq!(
            (&updated["operation"], &updated["oldObject"]["kind"]),
            (&json!("UPDATE"), &json!("before"))
        );
        assert_eq!(updated["uid"], created["uid"]);
        assert_eq!(created["uid"].as_str().unwrap().len(), 36);
    }

    #[test]
    fn what_is_no_object_has_no_identity() {
        assert_eq!(Identity::of(&subject(&json!({"kind": "Pod"}), None)), None);
        let nameless = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}});
        let request = request(&subject(&nameless, None));
        assert_eq!((&request["name"], &request["kind"]["group"]), (&json!(""), &json!("")));
    }
}
