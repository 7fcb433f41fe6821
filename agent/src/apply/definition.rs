//! Waits until the kinds that a set defines are served.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::write::refuse;
use super::{Apply, ObjectError, Refusal, Writer};
use crate::cluster::{ClusterError, Gvk, ObjectRef, View};

/// How long a definition may take until its kind is served.
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked at: it takes the API server some tens of milliseconds.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Returns when every `CustomResourceDefinition` among these is established.
pub(super) async fn wait_until_served(writer: &Writer, applies: &[Apply]) -> Result<(), Refusal> {
    for apply in applies {
        let key = &apply.desired.key;
        if key.kind == "CustomResourceDefinition" && key.group == "apiextensions.k8s.io" {
            wait(writer, apply).await?;
        }
    }
    Ok(())
}

async fn wait(writer: &Writer, apply: &Apply) -> Result<(), Refusal> {
    let reference = ObjectRef::new(apply.desired.key.clone(), apply.desired.version.clone());
    let deadline = Instant::now() + ESTABLISHED_WITHIN;
    loop {
        writer.permit()?;
        let problem = match writer.cluster.get(&reference, View::Full).await {
            Ok(object) if condition(&object, "Established") == Some("True") => {
                match unserved(writer, apply).await {
                    None => return Ok(()),
                    Some(problem) => problem,
                }
            }
            Ok(object) => match condition(&object, "NamesAccepted") {
                Some("False") => "its names are taken by another definition".to_owned(),
                _ => "it is not established yet".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        if Instant::now() >= deadline {
            return refuse(ObjectError::NotEstablished {
                key: apply.desired.key.clone(),
                waited: ESTABLISHED_WITHIN,
                problem,
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A version that discovery does not list yet: it follows the definition by
/// some more milliseconds, and only then objects can be written.
async fn unserved(writer: &Writer, apply: &Apply) -> Option<String> {
    let definition = &apply.desired.body;
    let text = |pointer| definition.pointer(pointer)?.as_str();
    let (group, kind) = text("/spec/group").zip(text("/spec/names/kind"))?;
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    for version in versions.into_iter().flatten().filter(|version| version["served"] == true) {
        let gvk = Gvk::new(group, version["name"].as_str()?, kind);
        // What was known of it is from before the definition.
        writer.cluster.forget(&gvk.api_version()).await;
        let mut key = apply.desired.key.clone();
        key.group.clone_from(&gvk.group);
        key.kind.clone_from(&gvk.kind);
        key.namespace = (text("/spec/scope") == Some("Namespaced")).then(|| "default".to_owned());
        // The handler follows discovery in turn; for it, a missing object is another answer than a missing kind.
        let asked = writer.cluster.get(&ObjectRef::new(key, gvk.version), View::Metadata).await;
        if let Err(error @ (ClusterError::UnknownKind { .. } | ClusterError::DiscoveryFailed { .. })) = asked
        {
            return Some(error.to_string());
        }
    }
    None
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)?["status"].as_str()
}
