//! One write, on its conditions.

use serde_json::Value;

use super::{Apply, ObjectError, Refusal, Writer, live_of};
use crate::cluster::{ApplyOptions, ClusterError, ObjectRef, Precondition, View};
use crate::object::{APPLICATION_ANNOTATION, Manifest};
use crate::plan::stamp::Owner;
use crate::plan::{Desired, Live};

/// How often a write is planned anew because the object changed meanwhile.
const ATTEMPTS: usize = 4;

/// Applies one object.
///
/// An object that is not known to exist is applied without force: if it is
/// there all the same and anything about it is somebody else's, the API server
/// says so in one step, and nothing was taken. Otherwise the write names the
/// very object, in the very version, that it is meant for.
pub(super) async fn write(
    writer: &Writer,
    owner: &Owner,
    apply: &Apply,
    owned_uid: Option<&str>,
) -> Result<Value, Refusal> {
    let manager = owner.field_manager();
    let manifest = Manifest::from(&apply.desired);
    let mut live = apply.live.clone();
    let mut last = None;
    for _ in 0..ATTEMPTS {
        writer.permit()?;
        if live.as_ref().is_some_and(|live| live.deleting) {
            return refuse(ObjectError::BeingDeleted { key: apply.desired.key.clone() });
        }
        let precondition = live.as_ref().map(|live| Precondition {
            uid: live.uid.clone(),
            resource_version: Some(live.resource_version.clone()),
        });
        let options = ApplyOptions {
            manager: &manager,
            force: precondition.is_some(),
            precondition: precondition.as_ref(),
            dry_run: false,
        };
        match writer.cluster.apply(&manifest, &options).await {
            Ok(object) => return Ok(object),
            Err(error @ (ClusterError::Conflict { .. } | ClusterError::StaleVersion { .. })) => {
                last = Some(error);
                live = read(writer, owner, &apply.desired, owned_uid).await?;
            }
            Err(error) => return refuse(failed(&apply.desired, error)),
        }
    }
    match last {
        Some(error) => refuse(failed(&apply.desired, error)),
        None => refuse(ObjectError::BeingDeleted { key: apply.desired.key.clone() }),
    }
}

/// Reads the object that a write met, and makes sure that it may be taken.
async fn read(
    writer: &Writer,
    owner: &Owner,
    desired: &Desired,
    owned_uid: Option<&str>,
) -> Result<Option<Live>, Refusal> {
    let reference = ObjectRef::new(desired.key.clone(), desired.version.clone());
    let object = match writer.cluster.get(&reference, View::Metadata).await {
        Ok(object) => object,
        Err(ClusterError::NotFound { .. }) => return Ok(None),
        Err(error) => return refuse(failed(desired, error)),
    };
    let live = live_of(&object, &owner.field_manager());
    let is_ours = live.as_ref().is_some_and(|live| owned_uid == Some(live.uid.as_str()));
    if let Some(other) = other_owner(&object, owner)
        && (!is_ours || applied_by_another(&object, owner))
    {
        return refuse(ObjectError::OwnedByAnother {
            key: desired.key.clone(),
            owner: other,
            origin: desired.origin.clone(),
        });
    }
    Ok(live)
}

/// The Application that the object's annotation names, if it is another.
pub(super) fn other_owner(object: &Value, owner: &Owner) -> Option<String> {
    let annotations = object.pointer("/metadata/annotations")?;
    let named = annotations.get(APPLICATION_ANNOTATION)?.as_str()?;
    (named != owner.annotation()).then(|| named.to_owned())
}

/// Whether another Application's manager applied the object. Anyone who may
/// edit an object can write its annotation, which alone must not keep us from
/// correcting what is in our Inventory.
fn applied_by_another(object: &Value, owner: &Owner) -> bool {
    let ours = owner.field_manager();
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        entry["operation"] == "Apply"
            && entry["manager"]
                .as_str()
                .is_some_and(|manager| manager.starts_with("windlass/") && manager != ours)
    })
}

fn failed(desired: &Desired, error: ClusterError) -> ObjectError {
    ObjectError::Cluster { origin: desired.origin.clone(), error }
}

pub(super) fn refuse<T>(error: ObjectError) -> Result<T, Refusal> {
    Err(Refusal::Object(Box::new(error)))
}
