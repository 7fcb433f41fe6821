//! Carries out a plan.
//!
//! Takes a [`Plan`] whose intent is on record; gives what was written, whole or
//! in part, and the Inventory that is true afterwards. Every write is checked
//! against the right to write, right before it is sent, and is sent on
//! condition that the object is still the one that the plan was made for.
//! Nothing that was written is ever missing from what comes back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, ClusterError, Ownership, ownership};
use crate::object::{ObjectKey, Origin};
use crate::plan::inventory::{Inventory, Owned};
use crate::plan::{Apply, Desired, Live, Plan, keeps};
use crate::shard::claim::Claim;

mod definition;
mod delete;
mod write;

/// Writes of one Application that are under way at once.
const CONCURRENT_WRITES: usize = 4;

/// What became of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// It was not there before.
    Created,
    /// It was there and was written.
    Configured,
    /// It left the set and was deleted.
    Deleted,
}

/// An object as the API server answered to its write.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) key: ObjectKey,
    pub(crate) change: Change,
    pub(crate) live: Live,
    pub(crate) object: Value,
}

/// What a plan came to.
#[derive(Debug)]
pub(crate) struct ChangeSet {
    /// The objects that were created or configured.
    pub(crate) written: Vec<Written>,
    /// The objects that were deleted, or found gone.
    pub(crate) deleted: Vec<ObjectKey>,
    /// What is owned now.
    pub(crate) inventory: Inventory,
}

/// Why a plan was not carried out to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// A newer revision, or the end of the process.
    #[error("was told to stop")]
    Cancelled,
    /// This agent may not write any more.
    #[error("this agent lost the right to write; the one that has it goes on")]
    Fenced,
    /// Some objects could not be written; the others were.
    #[error("{}", objects(.0))]
    Objects(Vec<ObjectError>),
}

/// Why one object was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    /// The object belongs to another Application.
    #[error("{key} belongs to the Application {owner}")]
    OwnedByAnother { key: ObjectKey, owner: String, origin: Option<Origin> },
    /// The object is on its way out, and a write to it would be lost.
    #[error("{key} is being deleted; it is created anew when it is gone")]
    BeingDeleted { key: ObjectKey },
    /// A definition was written, and its kind is not served yet.
    #[error("{key} was applied, but its kind was not served within {} s: {problem}", waited.as_secs())]
    NotEstablished { key: ObjectKey, waited: Duration, problem: String },
    /// The API server said no.
    #[error("{}{error}", origin.as_ref().map(|origin| format!("{origin}: ")).unwrap_or_default())]
    Cluster { origin: Option<Origin>, error: ClusterError },
}

impl ObjectError {
    /// How long the API server asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Cluster { error, .. } => error.retry_after(),
            _ => None,
        }
    }

    /// Whether the same may succeed later without anyone's doing.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            // It may be about to leave the other's set, in this very commit.
            Self::OwnedByAnother { .. } | Self::BeingDeleted { .. } | Self::NotEstablished { .. } => true,
            // Rights and admission policies change outside of Git.
            Self::Cluster { error, .. } => {
                error.is_transient()
                    || matches!(
                        error,
                        ClusterError::Forbidden { .. }
                            | ClusterError::UnknownKind { .. }
                            | ClusterError::Denied { .. }
                            | ClusterError::NotFound { .. }
                    )
            }
        }
    }
}

fn objects(errors: &[ObjectError]) -> String {
    let more = errors.len().saturating_sub(1);
    let first = errors.first().map(ToString::to_string).unwrap_or_default();
    if more == 0 { first } else { format!("{first} (and {more} more)") }
}

/// Everything that writing needs.
#[derive(Clone)]
pub(crate) struct Writer {
    /// The API server, as whoever the Application acts as.
    pub(crate) cluster: Cluster,
    /// The right to write.
    pub(crate) claim: Claim,
    /// Told to stop.
    pub(crate) cancel: CancellationToken,
}

impl Writer {
    /// Asked right before each write.
    fn permit(&self) -> Result<(), ApplyError> {
        if self.cancel.is_cancelled() {
            return Err(ApplyError::Cancelled);
        }
        if self.claim.allows() { Ok(()) } else { Err(ApplyError::Fenced) }
    }
}

/// Why one write did not happen: the object's fault, or the end of the whole plan.
enum Refusal {
    Object(Box<ObjectError>),
    Plan(ApplyError),
}

impl From<ApplyError> for Refusal {
    fn from(error: ApplyError) -> Self {
        Self::Plan(error)
    }
}

/// Writes stage by stage, then deletes what left the set. `intent` is the
/// Inventory that is on record. A stage with a failure is finished, and no
/// later one is begun: nothing is deleted after a failure.
pub(crate) async fn execute(
    writer: &Writer,
    plan: &Plan,
    intent: Inventory,
) -> (ChangeSet, Option<ApplyError>) {
    let mut changes = ChangeSet { written: Vec::new(), deleted: Vec::new(), inventory: intent };
    for (_, applies) in &plan.stages {
        if let Err(error) = execute_stage(writer, plan, applies, &mut changes).await {
            return (changes, Some(error));
        }
    }
    let applied: BTreeSet<String> =
        changes.inventory.iter().filter_map(|(_, owned)| owned.uid.clone()).collect();
    let mut failures = Vec::new();
    for prune in &plan.removal.deleted {
        // The same stored object under another group was just applied; it is not stale.
        let renamed = prune.uid.as_ref().is_some_and(|uid| {
            applied.contains(uid)
                && plan.desired.iter().any(|desired| {
                    changes.inventory.get(&desired.key).and_then(|owned| owned.uid.as_ref()) == Some(uid)
                })
        });
        let result = if renamed { Ok(true) } else { delete::delete(writer, &plan.owner, prune).await };
        match result {
            Ok(true) => {
                changes.inventory.remove(&prune.key);
                changes.deleted.push(prune.key.clone());
            }
            // Kept, or held by a finalizer: it stays on record until it is proven gone.
            Ok(false) => {}
            Err(Refusal::Object(error)) => failures.push(*error),
            Err(Refusal::Plan(error)) => return (changes, Some(error)),
        }
    }
    let error = (!failures.is_empty()).then_some(ApplyError::Objects(failures));
    (changes, error)
}

/// Writes these objects again, as they were applied last.
pub(crate) async fn correct(
    writer: &Writer,
    plan: &Plan,
    inventory: Inventory,
) -> (ChangeSet, Option<ApplyError>) {
    let mut changes = ChangeSet { written: Vec::new(), deleted: Vec::new(), inventory };
    let applies: Vec<Apply> = plan.stages.iter().flat_map(|(_, applies)| applies.iter().cloned()).collect();
    let error = execute_stage(writer, plan, &applies, &mut changes).await.err();
    (changes, error)
}

async fn execute_stage(
    writer: &Writer,
    plan: &Plan,
    applies: &[Apply],
    changes: &mut ChangeSet,
) -> Result<(), ApplyError> {
    let inventory = &changes.inventory;
    let requests: Vec<_> = applies
        .iter()
        .map(|apply| {
            let owned_uid = inventory.get(&apply.desired.key).and_then(|owned| owned.uid.as_deref());
            write::write(writer, &plan.owner, apply, owned_uid).map(move |result| (apply, result))
        })
        .collect();
    let results: Vec<_> = stream::iter(requests).buffer_unordered(CONCURRENT_WRITES).collect().await;
    let mut failures = Vec::new();
    let mut end = None;
    for (apply, result) in results {
        match result {
            Ok(object) => record(changes, plan, apply, object),
            Err(Refusal::Object(error)) => failures.push(*error),
            Err(Refusal::Plan(error)) => end = Some(error),
        }
    }
    if let Some(end) = end {
        return Err(end);
    }
    if failures.is_empty() {
        definition::wait_until_served(writer, applies).await.map_err(|refusal| match refusal {
            Refusal::Object(error) => ApplyError::Objects(vec![*error]),
            Refusal::Plan(error) => error,
        })?;
        return Ok(());
    }
    Err(ApplyError::Objects(failures))
}

/// Takes the API server's answer into the change set.
fn record(changes: &mut ChangeSet, plan: &Plan, apply: &Apply, object: Value) {
    let desired = &apply.desired;
    let Some(live) = live_of(&object, &plan.owner.field_manager()) else { return };
    let known =
        changes.inventory.get(&desired.key).is_some_and(|owned| owned.uid.as_ref() == Some(&live.uid));
    let change = if apply.live.is_some() || known || !is_only_ours(&object) {
        Change::Configured
    } else {
        Change::Created
    };
    changes.inventory.insert(
        desired.key.clone(),
        Owned {
            version: desired.version.clone(),
            uid: Some(live.uid.clone()),
            digest: Some(desired.digest.clone()),
            ownership: live.ownership.clone(),
            keep: keeps(desired),
        },
    );
    changes.written.push(Written { key: desired.key.clone(), change, live, object });
}

/// Whether one manager made the whole object.
fn is_only_ours(object: &Value) -> bool {
    object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .is_some_and(|entries| entries.len() == 1)
}

/// What is remembered of a live object; nothing for what is none.
pub(crate) fn live_of(object: &Value, manager: &str) -> Option<Live> {
    let metadata = object.get("metadata")?;
    let text = |field: &str| metadata.get(field)?.as_str().map(str::to_owned);
    Some(Live {
        uid: text("uid")?,
        resource_version: text("resourceVersion")?,
        ownership: match ownership(metadata, manager) {
            Ownership::Owned(hash) => Some(hex::encode(hash.to_bytes())),
            Ownership::Missing => None,
        },
        deleting: metadata.get("deletionTimestamp").is_some_and(Value::is_string),
    })
}

impl From<&Arc<Desired>> for crate::object::Manifest {
    fn from(desired: &Arc<Desired>) -> Self {
        Self {
            key: desired.key.clone(),
            version: desired.version.clone(),
            object: desired.body.clone(),
            origin: desired.origin.clone(),
            changed_by: Vec::new(),
        }
    }
}
