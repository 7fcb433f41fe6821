//! One deletion, on its conditions.

use serde_json::Value;

use super::write::{other_owner, refuse};
use super::{ObjectError, Refusal, Writer};
use crate::cluster::{ClusterError, Deletion, ObjectRef, Precondition, Propagation, View};
use crate::object::APPLICATION_UID_LABEL;
use crate::plan::PRUNE_ANNOTATION;
use crate::plan::prune::Prune;
use crate::plan::stamp::Owner;

/// How often a deletion is looked at anew because the object changed meanwhile.
const ATTEMPTS: usize = 4;

/// Deletes an object that left the set, if it is still the one that was
/// applied and nothing about it says otherwise. True when it is gone or not
/// ours, so that it leaves the Inventory; false while it is there.
pub(super) async fn delete(writer: &Writer, owner: &Owner, prune: &Prune) -> Result<bool, Refusal> {
    let reference = ObjectRef::new(prune.key.clone(), prune.version.clone());
    let failed = |error| refuse(ObjectError::Cluster { origin: None, error });
    for _ in 0..ATTEMPTS {
        writer.permit()?;
        let object = match writer.cluster.get(&reference, View::Metadata).await {
            Ok(object) => object,
            Err(ClusterError::NotFound { .. }) => return Ok(true),
            Err(error) => return failed(error),
        };
        if !is_ours(&object, owner, prune) {
            return Ok(true);
        }
        if is_protected(&object) || object.pointer("/metadata/deletionTimestamp").is_some() {
            return Ok(false);
        }
        let Some(precondition) = Precondition::of(&object) else { return Ok(false) };
        writer.permit()?;
        match writer.cluster.delete(&reference, &precondition, Propagation::Background).await {
            Ok(Deletion::Gone) | Err(ClusterError::NotFound { .. }) => return Ok(true),
            Ok(Deletion::Terminating) => return Ok(false),
            Err(ClusterError::StaleVersion { .. }) => {}
            Err(error) => return failed(error),
        }
    }
    Ok(false)
}

/// Whether the live object is the one in the Inventory. An object whose
/// creation was never confirmed is known by its label instead of its uid.
fn is_ours(object: &Value, owner: &Owner, prune: &Prune) -> bool {
    let uid = object.pointer("/metadata/uid").and_then(Value::as_str);
    let label = object.pointer("/metadata/labels").and_then(|labels| labels.get(APPLICATION_UID_LABEL));
    let same = match &prune.uid {
        Some(expected) => uid == Some(expected),
        None => label.and_then(Value::as_str) == Some(owner.uid.as_str()),
    };
    same && other_owner(object, owner).is_none()
}

/// Whether the object itself, or a controller that has made it its own, forbids its deletion.
fn is_protected(object: &Value) -> bool {
    let annotations = object.pointer("/metadata/annotations");
    let forbidden = annotations.and_then(|annotations| annotations.get(PRUNE_ANNOTATION));
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    forbidden.is_some_and(|value| value == "disabled")
        || owners.into_iter().flatten().any(|reference| reference["controller"] == true)
}
