//! Events: what `kubectl describe` and `kubectl events` show of an object.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::error::clean;
use super::kind::{ObjectRef, Resource};
use super::{Cluster, ClusterError};

/// The longest note that the API server takes.
const MAX_NOTE: usize = 1024;

/// Whether it is good news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// As it should be.
    Normal,
    /// Someone should look.
    Warning,
}

/// Something that happened to an object.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    /// To what.
    pub regarding: &'a ObjectRef,
    /// Its uid, so that a later object of the same name is not blamed.
    pub uid: Option<&'a str>,
    /// Whether it is good news.
    pub kind: EventType,
    /// The machine's word, for example `Denied`.
    pub reason: &'a str,
    /// What was being done, for example `Apply`.
    pub action: &'a str,
    /// One sentence for people; cut at 1024 bytes.
    pub note: &'a str,
    /// Which agent says so, for example its node's name.
    pub instance: &'a str,
}

impl Cluster {
    /// Records an event. Cluster-scoped objects have theirs in `default`.
    /// Whoever repeats one restrains himself; nothing is aggregated here.
    pub async fn create_event(&self, event: &NewEvent<'_>, at: Timestamp) -> Result<(), ClusterError> {
        let resource = Resource::known("events.k8s.io", "v1", "Event", "events", true);
        let namespace = event.regarding.key.namespace.as_deref().unwrap_or("default");
        self.create(&resource, Some(namespace), &body(event, namespace, at), "windlass").await?;
        Ok(())
    }
}

fn body(event: &NewEvent<'_>, namespace: &str, at: Timestamp) -> Value {
    let key = &event.regarding.key;
    let mut regarding = json!({
        "apiVersion": event.regarding.gvk().api_version(),
        "kind": key.kind,
        "name": key.name,
    });
    if let Some(namespace) = &key.namespace {
        regarding["namespace"] = namespace.as_str().into();
    }
    if let Some(uid) = event.uid {
        regarding["uid"] = uid.into();
    }
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "generateName": "windlass-", "namespace": namespace },
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        "regarding": regarding,
        "type": match event.kind {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        },
        "reason": cut(event.reason, 128),
        "action": cut(event.action, 128),
        "note": cut(&clean(event.note), MAX_NOTE),
        "reportingController": "windlass.dev/agent",
        "reportingInstance": cut(event.instance, 128),
    })
}

fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectKey;

    #[test]
    fn a_long_note_is_cut_and_a_cluster_scoped_object_is_named_without_a_namespace() {
        let key = ObjectKey {
            group: "windlass.dev".into(),
            kind: "Gate".into(),
            namespace: None,
            name: "a".into(),
        };
        let event = NewEvent {
            regarding: &ObjectRef::new(key, "v1alpha1"),
            uid: Some("u"),
            kind: EventType::Warning,
            reason: "InvalidConfig",
            action: "Load",
            note: &"é\n".repeat(2000),
            instance: "node-1",
        };
        let body = body(&event, "default", Timestamp::from_second(0).unwrap());
        assert_eq!(body["eventTime"], "1970-01-01T00:00:00.000000Z");
        assert!(body["regarding"].get("namespace").is_none());
        let note = body["note"].as_str().unwrap();
        assert!(note.len() <= MAX_NOTE && !note.contains('\n'));
    }
}
